/* SPDX-License-Identifier: Apache-2.0
 * group.c: records of a parcel as rows of COPY, kept apart by which columns with a default they
 * have: COPY takes one list of columns and cannot say DEFAULT. */
#include <string.h>

#include "types/binary.h"
#include "fits.h"
#include "shape.h"
#include "sql.h"
#include "tables/change.h"

enum { NAMES_SHOWN = 3 };
/* Parcels to write as text after a value that only the server can read, or with statements that
 * look for deletes after one. */
enum { STICKY = 16 };

/* A record that this catalog refuses. The table may have changed a moment ago: what ends a binary
 * COPY looks at the columns, else the catalog is read once more for a parcel that has such a
 * record. A table of this transaction is ours. */
static int offend(df__pg_sink *s, df__pg_work *w, const char *reason, const char *text)
{
    if (!s->catalog.is_new && !w->tried.looked_again) {
        if (!df__pg_shape_confirms(s, w))
            return DF_AGAIN;
        w->tried.unsure = 1;
    }
    int rc = df__pg_refuse(w, w->index, reason, text);
    return rc == DF_OK ? DF_DROP : rc;
}

/* Names the first keys that are no column. */
static int offend_unknown(df__pg_sink *s, df__pg_work *w)
{
    char text[400];
    df_value root;
    df_walk walk;
    size_t len, shown = 0;
    memset(&walk, 0, sizeof walk);
    len = df__text_printf(text, sizeof text, "the table has no column for");
    if (df_parcel_root(w->parcel, w->index, &root) != DF_OK)
        return offend(s, w, "unknown_field", text);
    while (shown < NAMES_SHOWN && df_value_walk(&root, &walk) == DF_OK) {
        if (!df__pg_table_find(&s->catalog.table, walk.name)) {
            char name[PG_NAME_MAX + 1];
            df__text_set(name, sizeof name, walk.name.data, walk.name.len);
            len +=
                df__text_printf(text + len, sizeof text - len, "%s \"%s\"", shown ? "," : "", name);
            shown++;
        }
    }
    df__text_printf(text + len, sizeof text - len,
                    " (add it, or set autoAddColumns or unknownFields: ignore)");
    return offend(s, w, "unknown_field", text);
}

static uint32_t op_of(const df_record *r)
{
    df_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    return df_record_info(r, &info) == DF_OK ? info.op : DF_OP_NONE;
}

int df__pg_is_truncation(const df__pg_sink *s, const df__pg_work *w, size_t index)
{
    return s->opt.upsert && op_of(df_parcel_at(w->parcel, index)) == DF_OP_TRUNCATE;
}

/* An object without a column of the table, as {} or what is left of a truncation, is no row: it
 * would become one of defaults and NULLs. */
static int offend_empty(df__pg_sink *s, df__pg_work *w)
{
    if (op_of(df_parcel_at(w->parcel, w->index)) == DF_OP_TRUNCATE) {
        return offend(s, w, "truncate",
                      "a truncation is no row: upsertMode empties the table, else filter such "
                      "records");
    }
    return offend(s, w, "no_field", "the record has no column of the table, so it is no row");
}

static int has_column(const df__pg_sink *s)
{
    for (size_t i = 0; i < s->catalog.table.count; i++)
        if (s->encoder.values[i].type != DF_V_ABSENT && s->encoder.values[i].type != DF_V_UNCHANGED)
            return 1;
    return 0;
}

static int is_delete(const df_record *r)
{
    return df__change_op(r) == DF_OP_DELETE;
}

/* The key must be there; of a record that deletes nothing else is looked at. */
static int read_upsert(df__pg_sink *s, df__pg_work *w)
{
    char text[200];
    s->encoder.key_only = is_delete(df_parcel_at(w->parcel, w->index));
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (column->in_key && s->encoder.values[i].type <= DF_V_NULL) {
            df__text_printf(text, sizeof text,
                            "column %s is the key of upsertMode, and the record does not have it",
                            column->quoted);
            return offend(s, w, "no_key", text);
        }
    }
    return DF_OK;
}

/* A delete may name its row by the row before alone: the key is taken from there where the record
 * itself does not have it. DF_OK: it is a delete that has one. */
static int read_before(df__pg_sink *s, const df_record *r, const df_value *before)
{
    if (before->type != DF_V_OBJECT || !is_delete(r))
        return DF_EDATA;
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (column->in_key && s->encoder.values[i].type <= DF_V_NULL)
            df_value_member(before, column->name, &s->encoder.values[i]);
    }
    return DF_OK;
}

static int is_same(const df_value *a, const df_value *b)
{
    if (a->type != b->type || a->zone != b->zone)
        return 0;
    if (a->type == DF_V_OBJECT || a->type == DF_V_ARRAY)
        return 1; /* taken for the same: columns of keys have no such values */
    if (a->text && b->text)
        return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
    return a->u.i == b->u.i;
}

/* A key that changed moves the row. */
static int move(df__pg_sink *s, df__pg_work *w, const df_value *before, const df__pg_column *column)
{
    char text[240];
    int rc = df__pg_between_moves(s) ? df__pg_between_move(s, w, before) : DF_DROP;
    if (rc == DF_OK || rc == DF_ENOMEM)
        return rc;
    df__text_printf(text, sizeof text,
                    rc == DF_DROP
                        ? "column %s is the key of upsertMode, and the row before has another one: "
                          "with softDeleteColumn or ifNewer a changed key must come as a delete of "
                          "the old row and an insert"
                        : "column %s is the key of upsertMode, and what the record or the row "
                          "before has there is no value of its type",
                    column->quoted);
    return offend(s, w, rc == DF_DROP ? "key_changed" : "type_mismatch", text);
}

/* The row before an update says which row it is: it gives the key where the record leaves it out.
 */
static int match_before(df__pg_sink *s, df__pg_work *w, const df_value *before)
{
    df_value old;
    const df__pg_column *moved = NULL;
    if (before->type != DF_V_OBJECT || is_delete(df_parcel_at(w->parcel, w->index)))
        return DF_OK;
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        df_value *value = &s->encoder.values[i];
        if (!column->in_key || df_value_member(before, column->name, &old) != DF_OK ||
            old.type <= DF_V_NULL)
            continue;
        if (value->type < DF_V_NULL)
            *value = old;
        else if (value->type > DF_V_NULL && !is_same(value, &old))
            moved = column;
    }
    return moved ? move(s, w, before, moved) : DF_OK;
}

/* The columns of record w->index into s->encoder.values. */
static int read_values(df__pg_sink *s, const df__pg_work *w, const df_value *before,
                       size_t *ret_unknown)
{
    if (s->opt.raw)
        return df__pg_raw_row(s, w);
    int rc = df_parcel_row(w->parcel, w->index, s->catalog.columns, s->encoder.values, ret_unknown);
    if (rc == DF_EDATA) /* a delete may come without a value */
        memset(s->encoder.values, 0, s->catalog.table.count * sizeof *s->encoder.values);
    if (rc != DF_OK && rc != DF_EDATA)
        return rc;
    return read_before(s, df_parcel_at(w->parcel, w->index), before) == DF_OK ? DF_OK : rc;
}

/* With autoAddColumns the table gets a column first; a field that is null needs none. */
static int meet_unknown(df__pg_sink *s, df__pg_work *w)
{
    if (s->opt.unknown == PG_UNKNOWN_IGNORE)
        return DF_OK;
    enum df__pg_extra extra = s->opt.add_columns ? df__pg_fits_extra(s, w) : PG_EXTRA_STAYS;
    if (extra == PG_EXTRA_NULLS)
        return DF_OK;
    if (extra == PG_EXTRA_NEW && !w->tried.altered && df__pg_fits_adds(s)) {
        w->alters = 1;
        return DF_AGAIN;
    }
    return offend_unknown(s, w);
}

int df__pg_read_row(df__pg_sink *s, df__pg_work *w, df__pg_mask *ret_mask)
{
    size_t unknown = 0;
    if (df__pg_skips(w, w->index))
        return DF_DROP;
    df_value before = {0};
    if (df__pg_is_truncation(s, w, w->index)) {
        int emptied = df__pg_between_truncate(s, w);
        return emptied == DF_OK ? DF_DROP : emptied;
    }
    if (s->opt.upsert)
        df_record_before(df_parcel_at(w->parcel, w->index), &before);
    int rc = read_values(s, w, &before, &unknown);
    if (rc == DF_EDATA) {
        rc = df__pg_refuse(w, w->index, s->opt.raw ? "not_json" : "not_an_object",
                           df_parcel_error(w->parcel));
        return rc == DF_OK ? DF_DROP : rc;
    }
    if (rc == DF_OK && unknown > 0)
        rc = meet_unknown(s, w);
    if (rc != DF_OK)
        return rc;
    if (!s->opt.raw && !has_column(s))
        return offend_empty(s, w);
    rc = match_before(s, w, &before);
    if (rc != DF_OK)
        return rc;
    df__pg_mask_of(&s->catalog.table, s->encoder.values, ret_mask);
    return s->opt.upsert ? read_upsert(s, w) : DF_OK;
}

/* Rows that go through a staging table. */
static int is_staged(const df__pg_sink *s, const df__pg_work *w)
{
    return s->opt.upsert || w->tried.by_rows;
}

/* The first row of a group is refused: its key does not move, and the next row is not the one that
 * row mode takes for it. */
static void drop_move(df__pg_group *group)
{
    if (group->count == 0 && group->move_at < group->before.len) {
        group->before.len = group->move_at;
        group->move_at = SIZE_MAX;
    }
}

int df__pg_add_row(df__pg_sink *s, df__pg_work *w, df__pg_group *group)
{
    if (df__grow(w->heap, &group->records, &group->cap, group->count, sizeof *group->records) !=
        DF_OK)
        return DF_ENOMEM;
    s->encoder.binary = w->binary;
    s->encoder.staged = is_staged(s, w);
    s->encoder.wide = group->wide;
    int rc = df__pg_encode_row(&s->encoder, &s->catalog.table, s->encoder.values,
                               &group->forms[s->encoder.number].mask, &group->text);
    if (rc == DF_EDATA && !w->tried.altered && df__pg_fits_wider(s)) {
        w->alters = 1;
        return DF_AGAIN;
    }
    if (rc == DF_EDATA) {
        drop_move(group);
        return offend(s, w, "type_mismatch", s->encoder.why);
    }
    if (rc == DF_MORE)
        s->expect.as_text = STICKY;
    if (rc != DF_OK)
        return rc;
    if (s->encoder.key_only)
        s->expect.deletes = STICKY;
    group->records[group->count++] = (uint32_t)w->index;
    return s->encoder.key_only && group->no_deletes ? DF_MORE : DF_OK;
}

/* DF_OK: *ret is the number of the mask in the group; DF_MORE: the group has too many. */
static int form_of(df__pg_group *group, const df__pg_mask *mask, size_t *ret)
{
    for (*ret = 0; *ret < group->form_count; ++*ret)
        if (df__pg_mask_same(&group->forms[*ret].mask, mask))
            return DF_OK;
    if (group->form_count == PG_FORMS_MAX)
        return DF_MORE;
    int rc = df__grow(group->text.heap, &group->forms, &group->form_cap, group->form_count,
                      sizeof *group->forms);
    if (rc == DF_OK)
        group->forms[group->form_count++] = (df__pg_form){*mask, 0};
    return rc;
}

static df__pg_group *new_group(df__pg_work *w, const df__pg_mask *mask)
{
    size_t number;
    if (w->group_count == w->group_cap) {
        size_t old = w->group_cap;
        if (df__grow(w->heap, &w->groups, &w->group_cap, w->group_count, sizeof *w->groups) !=
            DF_OK)
            return NULL;
        memset(w->groups + old, 0, (w->group_cap - old) * sizeof *w->groups);
        for (size_t i = old; i < w->group_cap; i++) {
            df__buf_init(&w->groups[i].text, w->heap);
            df__buf_init(&w->groups[i].before, w->heap);
        }
    }
    df__pg_group *group = &w->groups[w->group_count++];
    group->count = 0;
    group->form_count = 0;
    group->wide = w->wide;
    group->no_deletes = w->no_deletes;
    df__buf_clear(&group->text);
    df__buf_clear(&group->before);
    df__buf_add(&group->before, w->between.data, w->between.len);
    df__buf_clear(&w->between);
    group->move_at = w->move_at;
    w->move_at = SIZE_MAX;
    if (group->before.failed)
        return NULL;
    if (w->binary)
        df__pg_binary_head(&group->text);
    return form_of(group, mask, &number) == DF_OK ? group : NULL;
}

void df__pg_group_end(const df__pg_work *w, df__pg_group *group)
{
    if (w->binary)
        df__pg_binary_tail(&group->text);
}

/* A record that deletes goes with rows of any mask, if its version does. */
static int goes_with(const df__pg_sink *s, const df__pg_mask *of_delete, const df__pg_mask *mask)
{
    for (size_t i = 0; s->encoder.key_only && i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (column->is_version && df__pg_mask_writes(of_delete, column) &&
            !df__pg_mask_writes(mask, column))
            return 0;
    }
    return s->encoder.key_only;
}

/* Rows of several masks in one group, in the order of their records. */
static df__pg_group *wide_group(df__pg_sink *s, df__pg_work *w, const df__pg_mask *mask)
{
    df__pg_group *group = w->group_count > 0 ? &w->groups[w->group_count - 1] : NULL;
    size_t number = 0;
    int rc = DF_MORE;
    if (group && w->between.len == 0)
        rc = s->encoder.key_only ? DF_OK : form_of(group, mask, &number);
    if (rc == DF_MORE) {
        group = new_group(w, mask);
        number = 0;
    } else if (rc != DF_OK) {
        return NULL;
    }
    s->encoder.number = (int)number;
    if (group)
        group->forms[number].rows++;
    return group;
}

df__pg_group *df__pg_group_of(df__pg_sink *s, df__pg_work *w, const df__pg_mask *mask)
{
    if (w->wide)
        return wide_group(s, w, mask);
    s->encoder.number = 0;
    for (size_t i = 0; i < w->group_count && w->between.len == 0; i++) {
        const df__pg_mask *known = &w->groups[i].forms[0].mask;
        if (df__pg_mask_same(known, mask) || goes_with(s, mask, known))
            return &w->groups[i];
    }
    return new_group(w, mask);
}

int df__pg_groups_fill(df__pg_sink *s, df__pg_work *w)
{
    df__pg_work_rewind(s, w);
    w->wide = is_staged(s, w);
    for (; w->index < w->end; w->index++) {
        df__pg_mask mask;
        int rc = df__pg_read_row(s, w, &mask);
        if (rc == DF_OK) {
            df__pg_group *group = df__pg_group_of(s, w, &mask);
            rc = group ? df__pg_add_row(s, w, group) : DF_ENOMEM;
        }
        if (rc != DF_OK && rc != DF_DROP)
            return rc;
    }
    return DF_OK;
}
