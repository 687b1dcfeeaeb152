/* SPDX-License-Identifier: Apache-2.0
 * upsert.c: upsertMode. A commit deletes the older rows of each key that it has, by the key; of the
 * rows that it writes itself the last of a key stands, and those before it are deleted by their
 * place. So a commit means what its records one after the other mean. */
#include <stdio.h>
#include <string.h>

#include "sink/sink.h"
#include "types/single.h"
#include "util/list.h"

enum { KEYS_BYTES = 24 << 20 };

/* ---- the key --------------------------------------------------------------------------------- */

static int refuse(df__ice_sink *s, const char *name, const char *what)
{
    return df_stage_failf(s->st, DF_EINVAL, "configuration",
                          "upsertMode: table %s: column %.100s of the key %s",
                          s->catalog.shown.data, name, what);
}

static int add_key(df__ice_sink *s, size_t column)
{
    const df__parquet_column *c = &s->columns[column];
    if (df__ice_is_nested(c) || c->kind == DF__PARQUET_FLOAT || c->kind == DF__PARQUET_DOUBLE)
        return refuse(s, c->name, "has a type that names no row");
    s->keys[s->key_count] = column;
    s->key_ids[s->key_count++] = c->id;
    return DF_OK;
}

static int add_named(df__ice_sink *s, df_bytes name)
{
    char text[128];
    for (size_t i = 0; i < s->column_count; i++)
        if (strlen(s->columns[i].name) == name.len &&
            memcmp(s->columns[i].name, name.data, name.len) == 0)
            return add_key(s, i);
    df__text_set(text, sizeof text, name.data, name.len);
    return refuse(s, text, "is not there");
}

static int add_identifier(df__ice_sink *s, int64_t id)
{
    char text[32];
    for (size_t i = 0; i < s->column_count; i++)
        if (s->columns[i].id == id)
            return add_key(s, i);
    snprintf(text, sizeof text, "%lld", (long long)id);
    return refuse(s, text, "(an identifier field) is in another column, which is not supported");
}

/* conflictKey, else the identifier fields of the table. */
static int read_key(df__ice_sink *s)
{
    yyjson_val *v, *ids = yyjson_obj_get(s->meta.schema, "identifier-field-ids");
    df_bytes rest = s->opt.conflict_key;
    size_t i, most, count = yyjson_arr_size(ids) + s->opt.conflict_key.len + 1;
    int rc = DF_OK;
    s->key_count = 0;
    s->keys = df__arena_zalloc(&s->memory, count * sizeof *s->keys);
    s->key_ids = df__arena_zalloc(&s->memory, count * sizeof *s->key_ids);
    if (!s->keys || !s->key_ids)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the key");
    for (df_bytes name = df__list_name(&rest); name.len > 0 && rc == DF_OK;
         name = df__list_name(&rest))
        rc = add_named(s, name);
    if (!s->opt.conflict_key.len)
        yyjson_arr_foreach (ids, i, most, v)
            rc = rc == DF_OK ? add_identifier(s, yyjson_get_sint(v)) : rc;
    if (rc == DF_OK && s->key_count == 0)
        return df_stage_failf(s->st, DF_EINVAL, "configuration",
                              "upsertMode: table %s has no identifier fields; name the key columns "
                              "with conflictKey",
                              s->catalog.shown.data);
    return rc;
}

int df__ice_key_make(df__ice_sink *s, const df_value *values, df__buf *out, size_t *ret_column)
{
    for (size_t k = 0; k < s->key_count; k++) {
        size_t at = out->len;
        uint32_t len = 0;
        *ret_column = s->keys[k];
        df__buf_add(out, &len, sizeof len);
        int rc = df__parquet_single(&s->columns[s->keys[k]], &values[s->keys[k]], out);
        if (rc != DF_OK)
            return rc;
        len = (uint32_t)(out->len - at - sizeof len);
        memcpy(out->data + at, &len, sizeof len);
    }
    return DF_OK;
}

int df__ice_key_values(df__ice_sink *s, df_bytes key, df__arena *arena, df_value *ret)
{
    const char *p = key.data;
    for (size_t k = 0; k < s->key_count; k++) {
        uint32_t len;
        memcpy(&len, p, sizeof len);
        p += sizeof len;
        int rc = df__ice_single_value(&s->columns[s->keys[k]], (df_bytes){p, len}, arena, &ret[k]);
        if (rc != DF_OK)
            return rc;
        p += len;
    }
    return DF_OK;
}

/* ---- which rows a delete reaches ------------------------------------------------------------- */

static int is_key(const df__ice_sink *s, size_t column)
{
    for (size_t k = 0; k < s->key_count; k++)
        if (s->keys[k] == column)
            return 1;
    return 0;
}

/* 1: the key tells the partition. */
static int is_told(const df__ice_sink *s, const df__ice_spec *spec)
{
    for (size_t i = 0; i < spec->count; i++)
        if (spec->fields[i].transform.kind != ICE_VOID && !is_key(s, spec->fields[i].column))
            return 0;
    return 1;
}

/* A delete reaches rows of its own partition, or, without partitions, all rows. Rows of a table
 * whose spec has changed lie in partitions of several specs. */
int df__ice_upsert_fits(df__ice_sink *s)
{
    int rc = read_key(s), told = 1;
    for (size_t i = 0; i < s->spec_count && rc == DF_OK; i++) {
        if (df__ice_spec_is_flat(&s->specs[i]))
            s->flat = s->specs[i];
        told &= is_told(s, &s->specs[i]);
    }
    s->is_flat = s->flat.id >= 0 || !told;
    return rc;
}

/* ---- what changed ---------------------------------------------------------------------------- */

/* The row of that key which was written since the last commit does not stand any more; `at` does.
 */
static int replace(df__ice_sink *s, const df__buf *key, df__ice_row_at at)
{
    df__ice_changes *c = &s->changes;
    const df__heap *heap = &s->session.heap;
    size_t number;
    if (df__grow(heap, &c->rows, &c->row_cap, c->keys.count, sizeof *c->rows) != DF_OK ||
        df__grow(heap, &c->gone, &c->gone_cap, c->gone_count, sizeof *c->gone) != DF_OK)
        return DF_ENOMEM;
    int rc = df__ice_keymap_put(&c->keys, (df_bytes){key->data, key->len}, &number);
    if (rc == DF_EEXISTS && c->rows[number].file != ICE_NO_FILE)
        c->gone[c->gone_count++] = c->rows[number];
    if (rc == DF_OK || rc == DF_EEXISTS)
        c->rows[number] = at;
    return rc == DF_EEXISTS ? DF_OK : rc;
}

int df__ice_upsert_note(df__ice_sink *s, const df__ice_out *out)
{
    const df__ice_row_at none = {.file = ICE_NO_FILE};
    df__ice_row_at at = none;
    if (out)
        at = (df__ice_row_at){out->number, df__ice_out_rows(out) - 1};
    int rc = s->old_key.len ? replace(s, &s->old_key, none) : DF_OK;
    return rc == DF_OK ? replace(s, &s->row_key, at) : rc;
}

int df__ice_upsert_is_full(const df__ice_sink *s)
{
    const df__ice_changes *c = &s->changes;
    return df__ice_keymap_bytes(&c->keys) + (c->row_cap + c->gone_cap) * sizeof *c->rows >
           KEYS_BYTES;
}

void df__ice_upsert_forget(df__ice_sink *s)
{
    df__ice_changes *c = &s->changes;
    df__ice_keymap_clear(&c->keys);
    df__free(&s->session.heap, c->rows);
    df__free(&s->session.heap, c->gone);
    c->rows = c->gone = NULL;
    c->row_cap = c->gone_cap = c->gone_count = 0;
    s->file_number = 0;
}
