/* SPDX-License-Identifier: Apache-2.0
 * rows.c: records of a parcel as rows. Where a refused record ends the run, or holds up a commit
 * with positions, all of a parcel is looked at before a row of it is written. */
#include <string.h>

#include "sink/sink.h"
#include "tables/change.h"

enum { NAMES_SHOWN = 3 };

typedef struct rows {
    df__ice_sink *s;
    df_parcel *parcel;
    size_t refused;
    df__parquet_writer *nested; /* of a look: tries columns with columns in them */
    df_value *nested_values;
} rows;

/* DF_DROP. */
static int refuse(rows *r, size_t index, const char *reason, const char *text)
{
    int rc = df_parcel_reject(r->parcel, index, reason, text);
    r->refused++;
    return rc == DF_OK ? DF_DROP : rc;
}

static int refuse_column(rows *r, size_t index, const df__parquet_column *c, const char *why)
{
    char text[ICE_SHOWN];
    df__buf name;
    df__buf_init(&name, &r->s->session.heap);
    df__ice_type_name(&name, c);
    df__text_printf(text, sizeof text, "column %s (%s): %s", c->name,
                    name.len ? df__buf_cstr(&name) : "nested", why);
    df__buf_free(&name);
    return refuse(r, index, "invalid_data", text);
}

/* Names the first fields that have no column. DF_OK: all may be left out. */
static int refuse_unknown(rows *r, size_t index)
{
    char text[ICE_SHOWN];
    df_value root;
    df_walk walk;
    size_t len, shown = 0;
    memset(&walk, 0, sizeof walk);
    len = df__text_printf(text, sizeof text, "the table has no column for");
    int rc = df_parcel_root(r->parcel, index, &root);
    while (rc == DF_OK && shown < NAMES_SHOWN && df_value_walk(&root, &walk) == DF_OK) {
        size_t i = 0;
        while (i < r->s->column_count &&
               (strlen(r->s->columns[i].name) != walk.name.len ||
                memcmp(r->s->columns[i].name, walk.name.data, walk.name.len) != 0))
            i++;
        if (i < r->s->column_count || (r->s->opt.add_columns && walk.value.type <= DF_V_NULL))
            continue; /* nulls alone are of no type yet, and are passed over */
        len += df__text_printf(text + len, sizeof text - len, "%s \"%.*s\"", shown++ ? "," : "",
                               (int)(walk.name.len < 40 ? walk.name.len : 40),
                               (const char *)walk.name.data);
    }
    df__text_printf(text + len, sizeof text - len, " (add it, or set unknownFields: ignore)");
    return rc == DF_OK && shown ? refuse(r, index, "unknown_field", text) : rc;
}

/* `whole`: it has to be a row; else what is not there is left out. */
static int read_values(rows *r, size_t index, int whole)
{
    df__ice_sink *s = r->s;
    size_t unknown = 0, found = 0;
    if (s->opt.raw) {
        int rc = df__ice_raw_row(s, r->parcel, index);
        return rc == DF_EDATA ? refuse(r, index, "invalid_data", df_parcel_error(r->parcel)) : rc;
    }
    int rc = df_parcel_row(r->parcel, index, s->names, s->values, &unknown);
    if (rc == DF_EDATA && !whole) { /* a delete may come without a value */
        memset(s->values, 0, s->column_count * sizeof *s->values);
        return DF_OK;
    }
    if (rc == DF_EDATA)
        return refuse(r, index, "not_an_object", df_parcel_error(r->parcel));
    if (rc != DF_OK || !whole)
        return rc;
    if (unknown > 0 && s->opt.unknown == 1 && (rc = refuse_unknown(r, index)) != DF_OK)
        return rc;
    for (size_t i = 0; i < s->column_count; i++)
        found += s->values[i].type != DF_V_ABSENT;
    return found ? DF_OK
                 : refuse(r, index, "no_field",
                          "the record has no column of the table, so it is no row");
}

static int fit_column(rows *r, size_t index, size_t column)
{
    df__ice_sink *s = r->s;
    const df__parquet_column *c = &s->columns[column];
    const char *why = NULL;
    if (s->values[column].type == DF_V_UNCHANGED)
        return refuse_column(r, index, c,
                             "the source did not send it, since it did not change, and a row "
                             "is written whole (PostgreSQL: REPLICA IDENTITY FULL)");
    if (s->values[column].type <= DF_V_NULL && c->required)
        return refuse_column(r, index, c, "is required, and the record has no value for it");
    int rc = df__ice_fit(c, &s->values[column], &s->row, &why);
    return rc == DF_EDATA ? refuse_column(r, index, c, why) : rc;
}

static int fit(rows *r, size_t index)
{
    int rc = DF_OK;
    for (size_t i = 0; i < r->s->column_count && rc == DF_OK; i++)
        rc = fit_column(r, index, i);
    return rc;
}

/* An append-only table has no place for what was there before. */
static int take_row(rows *r, size_t index)
{
    df_info info = {.size = sizeof info};
    df_record_info(df_parcel_at(r->parcel, index), &info);
    if (info.op == DF_OP_DELETE && !r->s->opt.raw)
        return refuse(r, index, "not_supported",
                      "a delete: the sink only appends (upsertMode: true deletes rows by their "
                      "key)");
    int rc = read_values(r, index, 1);
    return rc == DF_OK ? fit(r, index) : rc;
}

/* ---- upsertMode ------------------------------------------------------------------------------ */

/* What the record leaves out of the key, or did not send, the row before it has. */
static void complete(df__ice_sink *s, const df_value *before)
{
    for (size_t i = 0; i < s->column_count && before->type == DF_V_OBJECT; i++) {
        const char *name = s->columns[i].name;
        df_value old = {.type = DF_V_ABSENT};
        int wanted = s->values[i].type == DF_V_UNCHANGED;
        for (size_t k = 0; k < s->key_count; k++)
            wanted |= s->keys[k] == i && s->values[i].type <= DF_V_NULL;
        if (wanted && df_value_member(before, (df_bytes){name, strlen(name)}, &old) == DF_OK &&
            old.type > DF_V_UNCHANGED)
            s->values[i] = old;
    }
}

/* A row that goes is known by its key alone. */
static int fit_key(rows *r, size_t index)
{
    df__ice_sink *s = r->s;
    int rc = DF_OK;
    for (size_t k = 0; k < s->key_count && rc == DF_OK; k++)
        rc = s->values[s->keys[k]].type > DF_V_NULL ? fit_column(r, index, s->keys[k]) : DF_OK;
    return rc;
}

static int take_key(rows *r, size_t index)
{
    df__ice_sink *s = r->s;
    size_t column;
    df__buf_clear(&s->row_key);
    int rc = df__ice_key_make(s, s->values, &s->row_key, &column);
    return rc == DF_EDATA ? refuse_column(r, index, &s->columns[column],
                                          "is part of the key, and the record has no value for it")
                          : rc;
}

/* The row before may have had another key: it goes. One that does not tell its key had the same. */
static int take_old_key(df__ice_sink *s, const df_value *before)
{
    size_t column;
    const char *why;
    int rc = DF_OK;
    df__buf_clear(&s->old_key);
    if (before->type != DF_V_OBJECT)
        return DF_OK;
    for (size_t k = 0; k < s->key_count && rc == DF_OK; k++) {
        const df__parquet_column *c = &s->columns[s->keys[k]];
        df_value *v = &s->old_values[s->keys[k]];
        *v = (df_value){.type = DF_V_ABSENT};
        (void)df_value_member(before, (df_bytes){c->name, strlen(c->name)}, v);
        rc = df__ice_fit(c, v, &s->row, &why);
    }
    rc = rc == DF_OK ? df__ice_key_make(s, s->old_values, &s->old_key, &column) : rc;
    int is_same = s->old_key.len == s->row_key.len &&
                  memcmp(s->old_key.data, s->row_key.data, s->row_key.len) == 0;
    if (rc == DF_EDATA || is_same)
        df__buf_clear(&s->old_key);
    return rc == DF_EDATA ? DF_OK : rc;
}

static int take_change(rows *r, size_t index)
{
    df__ice_sink *s = r->s;
    const df_record *record = df_parcel_at(r->parcel, index);
    df_value before = {.type = DF_V_ABSENT};
    unsigned op = df__change_op(record);
    s->is_delete = op == DF_OP_DELETE;
    if (op == DF_OP_TRUNCATE)
        return refuse(r, index, "not_supported",
                      "a truncation: empty the table by hand (DELETE FROM), in order with what the "
                      "flow writes");
    int rc = read_values(r, index, !s->is_delete);
    if (rc != DF_OK)
        return rc;
    df_record_before(record, &before);
    complete(s, &before);
    rc = s->is_delete ? fit_key(r, index) : fit(r, index);
    rc = rc == DF_OK ? take_key(r, index) : rc;
    if (s->is_delete)
        df__buf_clear(&s->old_key);
    return rc == DF_OK && !s->is_delete ? take_old_key(s, &before) : rc;
}

/* Reads one record into s->values. DF_DROP: it was refused. */
static int take(rows *r, size_t index)
{
    df__arena_reset(&r->s->row);
    r->s->is_delete = 0;
    return r->s->opt.upsert ? take_change(r, index) : take_row(r, index);
}

static int for_each(rows *r, int (*act)(rows *r, size_t index))
{
    size_t count = df_parcel_count(r->parcel);
    int rc = DF_OK;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        if (df_parcel_rejected(r->parcel, i))
            continue;
        rc = take(r, i);
        rc = rc == DF_OK ? act(r, i) : rc;
        rc = rc == DF_DROP ? DF_OK : rc;
    }
    return rc == DF_ENOMEM ? df_stage_fail(r->s->st, rc, NULL, "no memory for a row") : rc;
}

/* ---- looking --------------------------------------------------------------------------------- */

static int nowhere(void *user, const void *data, size_t len)
{
    (void)user;
    (void)data;
    (void)len;
    return DF_OK;
}

/* A writer whose bytes go nowhere, of the columns that df__ice_fit does not look into. */
static int begin_look(rows *r)
{
    df__ice_sink *s = r->s;
    df__parquet_error error;
    df__parquet_column *columns;
    size_t n = 0;
    if (!s->nested)
        return DF_OK;
    columns = df__alloc(&s->session.heap, s->nested * sizeof *columns);
    r->nested_values = df__zalloc(&s->session.heap, s->nested * sizeof *r->nested_values);
    for (size_t i = 0; columns && i < s->column_count; i++)
        if (df__ice_is_nested(&s->columns[i]))
            columns[n++] = s->columns[i];
    df__parquet_options o = {.columns = columns,
                             .column_count = n,
                             .codec = DF__PARQUET_NONE,
                             .row_group_bytes = 1 << 20,
                             .no_dictionary = 1,
                             .write = nowhere};
    int rc = columns && r->nested_values
                 ? df__parquet_writer_new(&s->session.heap, &o, &r->nested, &error)
                 : DF_ENOMEM;
    df__free(&s->session.heap, columns);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory")
           : rc == DF_OK   ? rc
                           : df_stage_failf(s->st, rc, "configuration", "%s", error.text);
}

static int look(rows *r, size_t index)
{
    df__ice_sink *s = r->s;
    df__parquet_error error;
    size_t n = 0;
    if (!r->nested || s->is_delete)
        return DF_OK;
    for (size_t i = 0; i < s->column_count; i++)
        if (df__ice_is_nested(&s->columns[i]))
            r->nested_values[n++] = s->values[i];
    int rc = df__parquet_append(r->nested, r->nested_values, &error);
    return rc == DF_EDATA ? refuse(r, index, "invalid_data", error.text) : rc;
}

int df__ice_check_rows(df__ice_sink *s, df_parcel *parcel, size_t *ret_refused)
{
    rows r = {.s = s, .parcel = parcel};
    int rc = begin_look(&r);
    rc = rc == DF_OK ? for_each(&r, look) : rc;
    df__parquet_writer_free(r.nested);
    df__free(&s->session.heap, r.nested_values);
    *ret_refused = r.refused;
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int add(rows *r, size_t index)
{
    df__ice_sink *s = r->s;
    df__parquet_error error = {.text = ""};
    df__ice_out *out = NULL;
    int rc = s->is_delete ? DF_OK : df__ice_out_for_row(s, &out);
    if (rc == DF_OK && out)
        rc = out->sorter ? df__ice_sorter_add(s, out)
                         : df__parquet_append(out->writer, s->values, &error);
    if (rc == DF_EDATA)
        return refuse(r, index, "invalid_data", error.text);
    if (rc == DF_OK && out)
        s->records++;
    return rc == DF_OK && s->opt.upsert ? df__ice_upsert_note(s, out) : rc;
}

int df__ice_add_rows(df__ice_sink *s, df_parcel *parcel, size_t *ret_refused)
{
    rows r = {.s = s, .parcel = parcel};
    int rc = for_each(&r, add);
    *ret_refused = r.refused;
    return rc;
}
