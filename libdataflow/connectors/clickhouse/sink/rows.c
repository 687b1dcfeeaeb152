/* SPDX-License-Identifier: Apache-2.0
 * rows.c: records of a parcel as rows of RowBinary, kept apart by which columns are left to the
 * server: a statement has one list of columns. */
#include <string.h>

#include "sink.h"

enum { NAMES_SHOWN = 3, SERVE_ROWS = 512 };

int df__ch_refuse_record(df__ch_work *w, size_t index, const char *reason, const char *text)
{
    w->refused++;
    return df_parcel_reject(w->parcel, index, reason, text);
}

/* A record that the table refuses, as it is known. It may have changed a moment ago: it is looked
 * at once for a parcel that has such a record. DF_DROP: refused; DF_AGAIN: the table changed. */
int df__ch_offend(df__ch_sink *s, df__ch_work *w, const char *reason, const char *text)
{
    int changed = 0;
    if (!w->looked) {
        w->looked = 1;
        df_stage_metric(s->client.stage, CH_METRIC_TABLE_READS, 1);
        int rc = df__ch_look(s, &changed);
        if (rc != DF_OK || changed)
            return rc == DF_OK ? DF_AGAIN : rc;
    }
    int rc = df__ch_refuse_record(w, w->index, reason, text);
    return rc == DF_OK ? DF_DROP : rc;
}

int df__ch_offend_column(df__ch_sink *s, df__ch_work *w, size_t column, const char *reason,
                         const char *why)
{
    char text[400];
    const df_bytes *name = &s->table.columns[column].name;
    df__text_printf(text, sizeof text, "column %.*s: %s", (int)name->len, (const char *)name->data,
                    why);
    return df__ch_offend(s, w, reason, text);
}

/* ---- fields without a column ----------------------------------------------------------------- */

static int is_generated(const df__ch_table *t, df_bytes name)
{
    for (size_t i = 0; i < t->generated_count; i++)
        if (t->generated[i].len == name.len &&
            memcmp(t->generated[i].data, name.data, name.len) == 0)
            return 1;
    return 0;
}

/* "n" of the columns n.x and n.y that Nested is made of. */
static int is_nested(const df__ch_table *t, df_bytes name)
{
    for (size_t i = 0; i < t->count; i++) {
        const df_bytes *one = &t->columns[i].name;
        if (one->len > name.len + 1 && memcmp(one->data, name.data, name.len) == 0 &&
            ((const char *)one->data)[name.len] == '.')
            return 1;
    }
    return 0;
}

/* Names the first fields that have no column. DF_OK: all of them are parts of Nested. */
static int check_unknown(df__ch_sink *s, df__ch_work *w)
{
    char text[400];
    df_value root;
    df_walk walk;
    size_t len, shown = 0;
    memset(&walk, 0, sizeof walk);
    len = df__text_printf(text, sizeof text, "the table has no column for");
    int rc = df_parcel_root(w->parcel, w->index, &root);
    while (rc == DF_OK && shown < NAMES_SHOWN && df_value_walk(&root, &walk) == DF_OK) {
        if (df__ch_table_find(&s->table, walk.name) == CH_NO_COLUMN &&
            !is_nested(&s->table, walk.name)) {
            char name[64];
            df__text_set(name, sizeof name, walk.name.data, walk.name.len);
            len += df__text_printf(text + len, sizeof text - len, "%s \"%s\"%s", shown ? "," : "",
                                   name,
                                   is_generated(&s->table, walk.name) ? ", which it computes" : "");
            shown++;
        }
    }
    if (rc != DF_OK || shown == 0)
        return rc;
    df__text_printf(text + len, sizeof text - len, " (add it, or set unknownFields: ignore)");
    return df__ch_offend(s, w, "unknown_field", text);
}

/* ---- one row --------------------------------------------------------------------------------- */

/* A part of Nested: the member `leaf` of each element of the array that the record has. */
static int encode_nested(df__ch_encoder *e, const df__ch_type *t, const df_value *outer,
                         df_bytes leaf)
{
    df_walk walk;
    df_value item;
    int rc = DF_OK;
    if (outer->type == DF_V_OBJECT) {
        df_value_member(outer, leaf, &item);
        return item.type == DF_V_ABSENT ? df__ch_refuse(e, "the record does not have it")
                                        : df__ch_encode(e, t, &item);
    }
    if (outer->type != DF_V_ARRAY || t->kind != CH_KIND_ARRAY)
        return df__ch_refuse(e, "not an array of objects, nor an object of arrays");
    memset(&walk, 0, sizeof walk);
    df__ch_encode_length(e->out, outer->len);
    while (rc == DF_OK && df_value_walk(outer, &walk) == DF_OK) {
        df_value_member(&walk.value, leaf, &item);
        if (item.type == DF_V_ABSENT)
            df__ch_encode_default(e, &t->items[0]);
        else
            rc = df__ch_encode(e, &t->items[0], &item);
    }
    return rc;
}

/* What a record without the column has for it: DF_OK when it was encoded from the Nested that it
 * is a part of, DF_DROP: nothing. */
static int encode_part(df__ch_sink *s, df__ch_work *w, const df__ch_column *column)
{
    const char *name = column->name.data;
    const char *dot = memchr(name, '.', column->name.len);
    df_value root, outer;
    if (!dot || s->opt.raw || df_parcel_root(w->parcel, w->index, &root) != DF_OK)
        return DF_DROP;
    df_value_member(&root, (df_bytes){name, (size_t)(dot - name)}, &outer);
    if (outer.type <= DF_V_NULL)
        return DF_DROP;
    return encode_nested(&s->encoder, &column->type, &outer,
                         (df_bytes){dot + 1, column->name.len - (size_t)(dot + 1 - name)});
}

static int encode_column(df__ch_sink *s, df__ch_work *w, size_t i)
{
    const df__ch_column *column = &s->table.columns[i];
    const df_value *v = &s->values[i];
    int rc = DF_DROP;
    if (v->type != DF_V_ABSENT)
        rc = df__ch_encode(&s->encoder, &column->type, v);
    else
        rc = encode_part(s, w, column);
    if (rc == DF_DROP) {
        df__ch_encode_default(&s->encoder, &column->type);
        rc = DF_OK;
    }
    return rc == DF_EDATA ? df__ch_offend_column(s, w, i, "type_mismatch", s->encoder.why) : rc;
}

/* missingColumns: error is about records that are rows. */
static int must_be_whole(const df__ch_sink *s, const df__ch_work *w)
{
    return !s->opt.raw && !(s->opt.upsert && df__ch_is_delete(w));
}

/* Which columns the server fills, because the record does not have them. */
static int read_mask(df__ch_sink *s, df__ch_work *w, uint64_t *ret)
{
    size_t found = 0;
    *ret = 0;
    for (size_t i = 0; i < s->table.count; i++) {
        const df__ch_column *column = &s->table.columns[i];
        found += s->values[i].type > DF_V_UNCHANGED;
        if (s->values[i].type == DF_V_UNCHANGED) {
            return df__ch_offend_column(
                s, w, i, "unchanged",
                "the source did not send it, since it did not change, and a row "
                "is written whole (PostgreSQL: REPLICA IDENTITY FULL)");
        }
        if (s->values[i].type > DF_V_NULL && column->type.kind == CH_KIND_OTHER) {
            return df__ch_offend_column(s, w, i, "type_mismatch",
                                        "of a type that cannot be written");
        }
        if (s->values[i].type != DF_V_ABSENT)
            continue;
        if (s->opt.missing == CH_MISSING_ERROR && must_be_whole(s, w))
            return df__ch_offend_column(s, w, i, "missing_field", "the record does not have it");
        if (column->bit == CH_BITS) {
            return df__ch_offend_column(
                s, w, i, "missing_field",
                "the record does not have it, and it is not one of the first 64 "
                "columns with a DEFAULT");
        }
        *ret |= column->bit >= 0 ? UINT64_C(1) << column->bit : 0;
    }
    return found > 0 ? DF_OK
                     : df__ch_offend(s, w, "no_field",
                                     "the record has no column of the table, so it is no row");
}

static int read_values(df__ch_sink *s, df__ch_work *w)
{
    size_t unknown = 0;
    if (s->opt.raw)
        return df__ch_raw_row(s, w->parcel, w->index);
    int rc = df_parcel_row(w->parcel, w->index, s->table.compiled, s->values, &unknown);
    if (rc == DF_EDATA && s->opt.upsert && df__ch_is_delete(w)) { /* it may come without a value */
        memset(s->values, 0, s->table.count * sizeof *s->values);
        return DF_OK;
    }
    if (rc == DF_EDATA)
        return df__ch_offend(s, w, "not_an_object", df_parcel_error(w->parcel));
    if (rc == DF_OK && unknown > 0 && s->opt.unknown == CH_UNKNOWN_ERROR) {
        rc = check_unknown(s, w);
        if (rc == DF_OK) /* the walk may have moved the values */
            rc = df_parcel_row(w->parcel, w->index, s->table.compiled, s->values, &unknown);
    }
    return rc;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static int is_written(const df__ch_column *column, uint64_t mask)
{
    return column->type.kind != CH_KIND_OTHER &&
           (column->bit < 0 || column->bit == CH_BITS || !(mask >> column->bit & 1));
}

static void add_header(const df__ch_sink *s, df__ch_group *g)
{
    size_t count = 0;
    for (size_t i = 0; i < s->table.count; i++)
        count += (size_t)is_written(&s->table.columns[i], g->mask);
    df__ch_encode_length(&g->body, count);
    for (int types = 0; types < 2; types++) {
        for (size_t i = 0; i < s->table.count; i++) {
            const df__ch_column *column = &s->table.columns[i];
            df_bytes text = types ? column->type.text : column->name;
            if (is_written(column, g->mask)) {
                df__ch_encode_length(&g->body, text.len);
                df__buf_add(&g->body, text.data, text.len);
            }
        }
    }
}

/* With names and types the server refuses rows for columns that it has no more. */
static void begin_group(const df__ch_sink *s, df__ch_group *g)
{
    const char *separator = " (";
    int typed = s->client.version >= CH_WITH_NAMES;
    df__buf_clear(&g->body);
    df__buf_str(&g->body, "INSERT INTO ");
    df__ch_quote_table(&g->body, &s->table.name);
    for (size_t i = 0; i < s->table.count; i++) {
        if (is_written(&s->table.columns[i], g->mask)) {
            df__buf_str(&g->body, separator);
            df__ch_quote(&g->body, s->table.columns[i].name);
            separator = ", ";
        }
    }
    g->columns = g->body.len;
    df__buf_str(&g->body, typed ? ") FORMAT RowBinaryWithNamesAndTypes\n" : ") FORMAT RowBinary\n");
    if (typed)
        add_header(s, g);
    g->head = g->body.len;
    g->rows = 0;
}

/* With exactly-once rows of several partitions are several inserts: where one of them ends must not
 * depend on another. */
static const char *partition_of(const df__ch_sink *s, const df__ch_work *w)
{
    df_info info = {.size = sizeof info};
    return s->exact.used && df_record_info(df_parcel_at(w->parcel, w->index), &info) == DF_OK
               ? info.partition
               : NULL;
}

/* Without a version the row that was inserted last stays, so rows go in their order. */
static int newest_is_last(const df__ch_table *t)
{
    return t->replaces && t->version == CH_NO_COLUMN;
}

static df__ch_group *group_of(const df__ch_sink *s, df__ch_work *w, uint64_t mask,
                              const char *partition)
{
    for (size_t i = w->group_count; i-- > 0;) {
        if (w->groups[i].partition != partition)
            continue;
        if (w->groups[i].mask == mask)
            return &w->groups[i];
        if (newest_is_last(&s->table))
            break;
    }
    size_t old = w->group_cap;
    if (df__grow(&s->heap, &w->groups, &w->group_cap, w->group_count, sizeof *w->groups) != DF_OK)
        return NULL;
    for (size_t i = old; i < w->group_cap; i++) {
        memset(&w->groups[i], 0, sizeof w->groups[i]);
        df__buf_init(&w->groups[i].body, &s->heap);
    }
    df__ch_group *g = &w->groups[w->group_count++];
    g->mask = mask;
    g->partition = partition;
    begin_group(s, g);
    return g->body.failed ? NULL : g;
}

/* ---- which records are written --------------------------------------------------------------- */

static int reserve_records(df__ch_sink *s, df__ch_work *w, size_t count)
{
    if (w->record_cap < count) {
        uint32_t *more = df__realloc(&s->heap, w->group_of, count * sizeof *more);
        if (!more)
            return DF_ENOMEM;
        w->group_of = more;
        w->record_cap = count;
    }
    memset(w->group_of, 0, count * sizeof *w->group_of);
    return DF_OK;
}

/* Rows that replace each other are all sent again: one that was not written would else get a newer
 * version than one that came after it and was. */
int df__ch_note_written(df__ch_sink *s, const df__ch_work *w)
{
    int rc = DF_OK;
    if (s->opt.upsert || s->exact.used) /* there the whole block goes again, under its name */
        return rc;
    for (size_t i = 0; w->group > 0 && i < df_parcel_count(w->parcel) && rc == DF_OK; i++)
        if (w->group_of[i] > 0 && w->group_of[i] <= w->group)
            rc = df__ch_written_add(&s->written, s->client.stage, df_parcel_at(w->parcel, i));
    return rc;
}

/* ---- rows in groups -------------------------------------------------------------------------- */

/* Where a row was put, to take it out again; the group by number, since more of them move them. */
typedef struct place {
    size_t group, before;
} place;

static void take_out(const df__ch_work *w, const place *p)
{
    df__ch_group *g = &w->groups[p->group];
    g->body.len = p->before;
    g->rows--;
}

/* A mark may be of the same version as a row before it, and hides it when it is inserted later. So
 * it goes into the last insert when that writes all that the mark has; what else of it is written
 * there does not count. */
static uint64_t mask_of_mark(const df__ch_work *w, uint64_t mask, const char *partition)
{
    uint64_t last = mask;
    for (size_t i = 0; i < w->group_count; i++)
        if (w->groups[i].partition == partition)
            last = w->groups[i].mask;
    return (last & ~mask) == 0 ? last : mask;
}

/* The values at hand as a row. */
static int put_row(df__ch_sink *s, df__ch_work *w, int is_mark, place *ret)
{
    uint64_t mask;
    int rc = read_mask(s, w, &mask);
    if (rc != DF_OK)
        return rc;
    const char *partition = partition_of(s, w);
    df__ch_group *g = group_of(s, w, is_mark ? mask_of_mark(w, mask, partition) : mask, partition);
    if (!g)
        return DF_ENOMEM;
    *ret = (place){(size_t)(g - w->groups), g->body.len};
    s->encoder.out = &g->body;
    for (size_t i = 0; i < s->table.count && rc == DF_OK; i++)
        if (is_written(&s->table.columns[i], g->mask))
            rc = encode_column(s, w, i);
    g->rows++;
    if (rc != DF_OK)
        take_out(w, ret);
    else if (w->group_of[w->index] <= ret->group)
        w->group_of[w->index] = (uint32_t)ret->group + 1;
    return g->body.failed ? DF_ENOMEM : rc;
}

static int encode_row(df__ch_sink *s, df__ch_work *w)
{
    place at, old;
    int moved = 0;
    int rc = read_values(s, w);
    if (rc == DF_OK && s->opt.upsert)
        rc = df__ch_upsert_row(s, w, &moved);
    rc = rc == DF_OK ? put_row(s, w, s->opt.upsert && df__ch_is_delete(w), &at) : rc;
    if (rc != DF_OK || !moved)
        return rc;
    rc = df__ch_upsert_old(s, w);
    rc = rc == DF_OK ? put_row(s, w, 1, &old) : rc;
    if (rc != DF_OK) {
        take_out(w, &at);
        w->group_of[w->index] = 0;
    }
    return rc;
}

static int reserve_values(df__ch_sink *s)
{
    if (s->value_cap >= s->table.count)
        return DF_OK;
    df_value *values = df__realloc(&s->heap, s->values, s->table.count * sizeof *values);
    if (!values)
        return DF_ENOMEM;
    s->values = values;
    s->value_cap = s->table.count;
    return DF_OK;
}

int df__ch_encode_parcel(df__ch_sink *s, df__ch_work *w)
{
    size_t count = df_parcel_count(w->parcel);
    int rc = reserve_values(s);
    rc = rc == DF_OK ? reserve_records(s, w, count) : rc;
    w->group_count = w->group = 0;
    w->generation = s->table.generation;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        if (!df_parcel_rejected(w->parcel, i) &&
            !df__ch_written_has(&s->written, df_parcel_at(w->parcel, i))) {
            w->index = i;
            rc = encode_row(s, w);
            rc = rc == DF_DROP ? DF_OK : rc;
        }
        if (i % SERVE_ROWS == 0 && s->flight) /* the parcel before it goes on meanwhile */
            s->client.net->drive(s->client.http);
    }
    if (rc == DF_OK && w->refused > 0 && s->stops)
        return DF_EDATA;
    return rc;
}

void df__ch_work_free(df__ch_sink *s, df__ch_work *w)
{
    for (size_t i = 0; i < w->group_cap; i++)
        df__buf_free(&w->groups[i].body);
    df__free(&s->heap, w->groups);
    df__free(&s->heap, w->group_of);
    memset(w, 0, sizeof *w);
}
