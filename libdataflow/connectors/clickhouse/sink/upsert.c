/* SPDX-License-Identifier: Apache-2.0
 * upsert.c: upsertMode on a ReplacingMergeTree: each change is a row with a version, and a delete
 * is a row that is marked; FINAL, and merges, keep the newest of each key. */
#include <string.h>

#include "sink.h"
#include "tables/change.h"
#include "util/list.h"

static int fails(const df__ch_sink *s, const char *what)
{
    return df_stage_failf(s->client.stage, DF_EINVAL, "invalid_config", "upsertMode: table %s %s",
                          s->table.name.table, what);
}

int df__ch_upsert_fits(const df__ch_sink *s)
{
    char text[300];
    df_bytes rest = s->opt.conflict_key;
    const char *engine = s->table.engine ? s->table.engine : "";
    int passes_on = strcmp(engine, "Distributed") == 0 || strcmp(engine, "Buffer") == 0;
    if (passes_on || engine[0] == '\0')
        return DF_OK; /* the table that it passes rows on to is not known here */
    if (!s->table.replaces) {
        df__text_printf(text, sizeof text,
                        "has the engine %s, which keeps every row; it needs ReplacingMergeTree",
                        engine);
        return fails(s, text);
    }
    for (df_bytes name = df__list_name(&rest); name.len > 0; name = df__list_name(&rest)) {
        size_t column = df__ch_table_find(&s->table, name);
        if (column == CH_NO_COLUMN || !s->table.columns[column].in_key) {
            df__text_printf(text, sizeof text,
                            "replaces rows by its ORDER BY, and %.*s of conflictKey is not in it",
                            (int)name.len, (const char *)name.data);
            return fails(s, text);
        }
    }
    return DF_OK;
}

int df__ch_is_delete(const df__ch_work *w)
{
    return df__change_op(df_parcel_at(w->parcel, w->index)) == DF_OP_DELETE;
}

/* Rises with each record. Offsets of a log, which its own system keeps (Kafka), rise in a
 * partition, and are the same when a record comes again. Others say nothing of what is newer (of
 * two files, the second begins at 0): there it is the time of writing. What comes again comes in
 * its order, so that it ends with the newest one as well. */
static int64_t next_version(df__ch_sink *s, const df_record *r)
{
    df_info info = {.size = sizeof info};
    if (s->is_log && df_record_info(r, &info) == DF_OK && info.offset >= 0)
        return info.offset;
    int64_t now = df_stage_now(s->client.stage);
    s->last_version = now > s->last_version ? now : s->last_version + 1;
    return s->last_version;
}

static void set_int(df__ch_sink *s, size_t column, int64_t value)
{
    s->values[column] = (df_value){.type = DF_V_INT, .u.i = value};
}

/* The manifest says that records have it. */
static int has_own_version(const df__ch_sink *s)
{
    return s->opt.version_column.data &&
           df__ch_table_find(&s->table, s->opt.version_column) == s->table.version;
}

/* Version and mark of the row at hand. */
static int set_marks(df__ch_sink *s, df__ch_work *w, int deleted)
{
    const df__ch_table *t = &s->table;
    if (t->deleted != CH_NO_COLUMN) {
        set_int(s, t->deleted, deleted);
    } else if (deleted) {
        return df__ch_offend(s, w, "delete_not_supported",
                             "a delete, and the engine of the table knows none; it needs "
                             "ReplacingMergeTree(version, is_deleted), from ClickHouse 23.2 on");
    }
    if (t->version == CH_NO_COLUMN || s->values[t->version].type > DF_V_NULL)
        return DF_OK;
    if (s->values[t->version].type == DF_V_NULL) {
        return df__ch_offend_column(s, w, t->version, "no_version",
                                    "null, and it is the version by which rows replace each other");
    }
    if (s->own_versions || has_own_version(s)) {
        return df__ch_offend_column(s, w, t->version, "no_version",
                                    "neither the record nor the row before it has it, and other "
                                    "records have a version of their own, which one that is made "
                                    "up here would not fit to");
    }
    set_int(s, t->version, next_version(s, df_parcel_at(w->parcel, w->index)));
    return DF_OK;
}

static int is_same(const df_value *a, const df_value *b)
{
    char x[256], y[256];
    size_t m = df_value_text(a, x, sizeof x), n = df_value_text(b, y, sizeof y);
    return m == n && (m > sizeof x || memcmp(x, y, m) == 0);
}

/* What the record does not have is taken from the row before: the key, what did not change, and the
 * version of a row that goes: a mark of the same version, since it comes later, hides it.
 * 1: the key was another one. */
static int complete_value(const df__ch_column *column, const df_value *old, df_value *value,
                          int needs_it)
{
    int lacks_it = (column->in_key || needs_it) && value->type <= DF_V_NULL;
    if ((value->type == DF_V_UNCHANGED || lacks_it) && old->type > DF_V_UNCHANGED) {
        *value = *old;
        return 0;
    }
    return column->in_key && value->type > DF_V_NULL && old->type > DF_V_NULL &&
           !is_same(value, old);
}

/* Of a row that goes only its key counts. */
static void forgive(const df__ch_column *column, df_value *value)
{
    int no_null = value->type == DF_V_NULL && !column->type.nullable;
    if (!column->in_key && (value->type == DF_V_UNCHANGED || no_null))
        value->type = DF_V_ABSENT;
}

static int complete(df__ch_sink *s, df__ch_work *w, const df_value *before, int *ret_moved)
{
    int deleted = df__ch_is_delete(w);
    for (size_t i = 0; i < s->table.count; i++) {
        const df__ch_column *column = &s->table.columns[i];
        df_value old = {.type = DF_V_ABSENT}, *value = &s->values[i];
        if (before->type == DF_V_OBJECT)
            df_value_member(before, column->name, &old);
        *ret_moved |=
            complete_value(column, &old, value, deleted && i == s->table.version) && !deleted;
        if (column->in_key && value->type < DF_V_NULL) {
            return df__ch_offend_column(s, w, i, "no_key",
                                        "rows replace each other by it, and the record does not "
                                        "have it");
        }
        if (deleted)
            forgive(column, value);
    }
    return DF_OK;
}

int df__ch_upsert_row(df__ch_sink *s, df__ch_work *w, int *ret_moved)
{
    df_value before = {.type = DF_V_ABSENT};
    *ret_moved = 0;
    df_record_before(df_parcel_at(w->parcel, w->index), &before);
    int rc = complete(s, w, &before, ret_moved);
    if (s->table.version != CH_NO_COLUMN)
        s->own_versions |= s->values[s->table.version].type > DF_V_NULL;
    return rc == DF_OK ? set_marks(s, w, df__ch_is_delete(w)) : rc;
}

int df__ch_upsert_old(df__ch_sink *s, df__ch_work *w)
{
    df_value before = {.type = DF_V_ABSENT}, version = {.type = DF_V_ABSENT};
    df_record_before(df_parcel_at(w->parcel, w->index), &before);
    if (s->table.version != CH_NO_COLUMN)
        version = s->values[s->table.version];
    for (size_t i = 0; i < s->table.count; i++) {
        const df__ch_column *column = &s->table.columns[i];
        df_value *value = &s->values[i];
        df_value_member(&before, column->name, value);
        forgive(column, value);
    }
    if (s->table.version != CH_NO_COLUMN)
        s->values[s->table.version] = version;
    return set_marks(s, w, 1);
}
