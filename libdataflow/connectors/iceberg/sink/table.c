/* SPDX-License-Identifier: Apache-2.0
 * table.c: the table: its columns, and what of it this sink can write. */
#include <string.h>

#include "sink/sink.h"

void df__ice_table_free(df__ice_sink *s)
{
    if (s->memory.heap)
        df__arena_free(&s->memory);
    df__ice_meta_free(&s->meta);
    s->columns = NULL;
    s->column_count = s->spec_count = 0;
    s->has_table = 0;
}

int df__ice_missing(df__ice_sink *s)
{
    if (s->seen)
        return df_stage_failf(s->st, DF_EIO, "schema_changed",
                              "table %s is gone; the flow goes on when it is there again",
                              s->catalog.shown.data);
    return df_stage_failf(s->st, DF_ENOTFOUND, "configuration",
                          "table %s does not exist, or may not be seen (autoCreateTable: true "
                          "makes it)",
                          s->catalog.shown.data);
}

int df__ice_table_look(df__ice_sink *s, df__ice_meta *ret)
{
    char why[ICE_SHOWN];
    df__ice_answer a;
    df__ice_store_facts facts;
    memset(ret, 0, sizeof *ret);
    int rc = df__ice_load(&s->catalog, &a);
    if (rc == DF_OK) {
        rc = df__ice_meta_read(&a, ret, why);
        if (rc == DF_EDATA)
            rc = df_stage_failf(s->st, DF_EIO, "transient", "%s", why);
    }
    df__buf_free(&a.body);
    if (rc != DF_OK)
        return rc;
    df__ice_meta_facts(&s->catalog, ret, &facts);
    return df__ice_store_set(&s->store, &facts);
}

static int check_version(df__ice_sink *s)
{
    int version = s->meta.version;
    if (version == 2)
        return DF_OK;
    return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                          "table %s: its format-version is %d; only 2 is written%s",
                          s->catalog.shown.data, version,
                          version == 1 ? " (ALTER TABLE ... SET TBLPROPERTIES "
                                         "('format-version' = '2') upgrades it)"
                                       : ", and no table goes back: make one with "
                                         "'format-version' = '2', and copy the rows into it");
}

/* What is not written is refused before a record is taken. */
static int check_shape(df__ice_sink *s)
{
    for (size_t i = 0; i < s->column_count; i++) {
        int kind = s->columns[i].kind;
        if (kind == DF__PARQUET_TIMESTAMP_NS || kind == DF__PARQUET_TIMESTAMPTZ_NS)
            return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                                  "column %s: nanoseconds are not written", s->columns[i].name);
    }
    return df__ice_store_knows(&s->store, s->meta.location);
}

static int read_spec(df__ice_sink *s, int64_t id)
{
    char why[ICE_SHOWN];
    const df__ice_layout layout = {s->columns, s->column_count};
    df__ice_spec *spec = &s->specs[s->spec_count];
    spec->id = id;
    int rc = df__ice_spec_read(&s->memory, &s->meta, &layout, spec, why);
    s->spec_count += rc == DF_OK;
    return rc == DF_EDATA ? df_stage_failf(s->st, DF_ENOTSUP, "not_supported", "table %s: %s",
                                           s->catalog.shown.data, why)
                          : rc;
}

/* The spec that rows go by first; deletes have to reach the rows of all others too. */
static int read_specs(df__ice_sink *s)
{
    yyjson_val *v, *list = yyjson_obj_get(s->meta.table, "partition-specs");
    size_t i, most;
    s->spec_count = 0;
    s->flat = (df__ice_spec){.id = -1};
    s->specs = df__arena_zalloc(&s->memory, (yyjson_arr_size(list) + 1) * sizeof *s->specs);
    int rc = s->specs ? read_spec(s, s->meta.spec_id) : DF_ENOMEM;
    yyjson_arr_foreach (list, i, most, v) {
        int64_t id = yyjson_get_sint(yyjson_obj_get(v, "spec-id"));
        if (rc == DF_OK && s->opt.upsert && id != s->meta.spec_id)
            rc = read_spec(s, id);
    }
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for partition specs") : rc;
}

/* Files need not be sorted: an order that cannot be kept is told, once. */
static int read_order(df__ice_sink *s)
{
    char why[ICE_SHOWN];
    const df__ice_layout layout = {s->columns, s->column_count};
    int rc = df__ice_order_read(&s->memory, &s->meta, &layout, &s->order, why);
    if (rc == DF_OK && s->order.id && s->nested) {
        df__text_printf(why, sizeof why, "it has columns with columns in them");
        rc = DF_EDATA;
    }
    if (rc == DF_EDATA) {
        s->order.id = 0;
        if (!s->warned_order)
            df_stage_logf(s->st, DF_LOG_WARN,
                          "table %s has a sort order; its files are written unsorted, and say so: "
                          "%s",
                          s->catalog.shown.data, why);
        s->warned_order = 1;
        return DF_OK;
    }
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a sort order") : rc;
}

int df__ice_table_is_same(const df__ice_sink *s, const df__ice_meta *m)
{
    return m->schema_id == s->meta.schema_id && m->spec_id == s->meta.spec_id &&
           m->order_id == s->meta.order_id;
}

/* Names for df_parcel_row; the core keeps what it compiled as long as the stage, so again only when
 * the names changed. */
static int compile_names(df__ice_sink *s)
{
    df__buf *b = &s->scratch;
    df__buf_clear(b);
    for (size_t i = 0; i < s->column_count; i++)
        df__buf_add(b, s->columns[i].name, strlen(s->columns[i].name) + 1);
    if (b->failed)
        return DF_ENOMEM;
    if (s->names && b->len == s->names_text.len && memcmp(b->data, s->names_text.data, b->len) == 0)
        return DF_OK;
    df__buf_clear(&s->names_text);
    df__buf_add(&s->names_text, b->data ? b->data : "", b->len);
    const char **names = df__arena_alloc(&s->memory, (s->column_count + 1) * sizeof *names);
    for (size_t i = 0; names && i < s->column_count; i++)
        names[i] = s->columns[i].name;
    s->names = names ? df_columns_new(s->st, names, s->column_count) : NULL;
    return s->names && !s->names_text.failed ? DF_OK : DF_ENOMEM;
}

static int read_columns(df__ice_sink *s)
{
    char why[ICE_SHOWN];
    df__arena_init(&s->memory, &s->session.heap, 8192);
    int rc = df__ice_columns(&s->memory, s->meta.schema, &s->columns, &s->column_count, why);
    if (rc == DF_EDATA)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported", "table %s: %s",
                              s->catalog.shown.data, why);
    s->nested = 0;
    for (size_t i = 0; rc == DF_OK && i < s->column_count; i++)
        s->nested += (size_t)df__ice_is_nested(&s->columns[i]);
    if (rc == DF_OK) {
        s->values = df__arena_zalloc(&s->memory, (s->column_count + 1) * sizeof *s->values);
        s->old_values = df__arena_zalloc(&s->memory, (s->column_count + 1) * sizeof *s->values);
        rc = s->values && s->old_values ? compile_names(s) : DF_ENOMEM;
    }
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for the columns") : rc;
}

/* Files that are not committed belong to the table as it was. */
static int check_same(df__ice_sink *s, const df__ice_meta *old)
{
    int holds = s->file_count > 0 || s->pending.id;
    return !holds || !old->uuid || strcmp(old->uuid, s->meta.uuid) == 0
               ? DF_OK
               : df__ice_doom(s,
                              "table %s was replaced by another one of its name while the flow ran",
                              s->catalog.shown.data);
}

int df__ice_table_load(df__ice_sink *s)
{
    df__ice_meta old = s->meta;
    memset(&s->meta, 0, sizeof s->meta);
    df__ice_table_free(s);
    int rc = df__ice_table_look(s, &s->meta);
    rc = rc == DF_OK ? check_same(s, &old) : rc;
    df__ice_meta_free(&old);
    rc = rc == DF_OK ? check_version(s) : rc;
    rc = rc == DF_OK ? read_columns(s) : rc;
    rc = rc == DF_OK ? check_shape(s) : rc;
    rc = rc == DF_OK ? read_specs(s) : rc;
    rc = rc == DF_OK ? read_order(s) : rc;
    rc = rc == DF_OK && s->opt.upsert ? df__ice_upsert_fits(s) : rc;
    if (rc == DF_OK && s->opt.raw)
        rc = df__ice_raw_fits(s);
    s->has_table = rc == DF_OK;
    s->seen |= s->has_table;
    return rc;
}
