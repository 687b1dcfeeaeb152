/* SPDX-License-Identifier: Apache-2.0
 * table.c: the table: its columns, and what of it this sink can write. */
#include <string.h>

#include "sink/sink.h"

enum { KEYS_US = 300000000 };

void df__ice_table_free(df__ice_sink *s)
{
    if (s->memory.heap)
        df__arena_free(&s->memory);
    df__ice_meta_free(&s->meta);
    s->columns = NULL;
    s->column_count = 0;
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
    s->looked_us = df_stage_clock_us(s->st);
    return df__ice_store_set(&s->store, &facts);
}

int df__ice_keep_keys(df__ice_sink *s)
{
    df__ice_meta m;
    if (s->place.access_key || !s->store.key.len || !s->writer ||
        df_stage_clock_us(s->st) - s->looked_us < KEYS_US)
        return DF_OK;
    s->looked_us = df_stage_clock_us(s->st);
    int rc = df__ice_table_look(s, &m);
    df__ice_meta_free(&m);
    return rc == DF_ECANCELED || rc == DF_ENOMEM ? rc : DF_OK;
}

/* What is not written yet is refused before a record is taken. */
static int check_shape(df__ice_sink *s)
{
    const df__ice_meta *m = &s->meta;
    if (m->version != 2)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s: its format-version is %d; only 2 is written",
                              s->catalog.shown.data, m->version);
    if (yyjson_arr_size(m->spec) > 0) {
        yyjson_val *first = yyjson_arr_get_first(m->spec);
        const char *name = yyjson_get_str(yyjson_obj_get(first, "name"));
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s: it is partitioned (by %s); writing into partitions is "
                              "not supported yet",
                              s->catalog.shown.data, name ? name : "?");
    }
    for (size_t i = 0; i < s->column_count; i++) {
        int kind = s->columns[i].kind;
        if (kind == DF__PARQUET_TIMESTAMP_NS || kind == DF__PARQUET_TIMESTAMPTZ_NS)
            return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                                  "column %s: nanoseconds are not written", s->columns[i].name);
    }
    return df__ice_store_knows(&s->store, m->location);
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
        rc = s->values ? compile_names(s) : DF_ENOMEM;
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
    rc = rc == DF_OK ? read_columns(s) : rc;
    rc = rc == DF_OK ? check_shape(s) : rc;
    if (rc == DF_OK && s->opt.raw)
        rc = df__ice_raw_fits(s);
    s->has_table = rc == DF_OK;
    s->seen |= s->has_table;
    return rc;
}
