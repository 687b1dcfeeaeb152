/* SPDX-License-Identifier: Apache-2.0
 * list.c: manifest lists. What others wrote is carried over field by field, unread. */
#include <stdio.h>
#include <string.h>

#include "types/manifest.h"

#define LONG(name, id) "{\"name\":\"" name "\",\"type\":\"long\",\"field-id\":" id "},"
#define INT(name, id) "{\"name\":\"" name "\",\"type\":\"int\",\"field-id\":" id "},"

static const char list_schema[] =
    "{\"type\":\"record\",\"name\":\"manifest_file\",\"fields\":["
    "{\"name\":\"manifest_path\",\"type\":\"string\",\"field-id\":500}," LONG(
        "manifest_length", "501") INT("partition_spec_id", "502") INT("content", "517")
        LONG("sequence_number", "515") LONG("min_sequence_number", "516") LONG(
            "added_snapshot_id", "503") INT("added_files_count",
                                            "504") INT("existing_files_count",
                                                       "505") INT("deleted_files_count", "506")
            LONG("added_rows_count", "512") LONG("existing_rows_count", "513") LONG(
                "deleted_rows_count",
                "514") "{\"name\":\"partitions\",\"type\":[\"null\",{\"type\":\"array\",\"items\":{"
                       "\"type\":"
                       "\"record\",\"name\":\"r508\",\"fields\":["
                       "{\"name\":\"contains_null\",\"type\":\"boolean\",\"field-id\":509},"
                       "{\"name\":\"contains_nan\",\"type\":[\"null\",\"boolean\"],\"default\":"
                       "null,"
                       "\"field-id\":518},"
                       "{\"name\":\"lower_bound\",\"type\":[\"null\",\"bytes\"],\"default\":null,"
                       "\"field-id\":510},"
                       "{\"name\":\"upper_bound\",\"type\":[\"null\",\"bytes\"],\"default\":null,"
                       "\"field-id\":511}]},"
                       "\"element-id\":508}],\"default\":null,\"field-id\":507},"
                       "{\"name\":\"key_metadata\",\"type\":[\"null\",\"bytes\"],\"default\":null,"
                       "\"field-id\":519}]}";

/* ---- writing --------------------------------------------------------------------------------- */

static void put_row(df__buf *b, const df__ice_manifest *m)
{
    df__ice_put_bytes(b, m->path.data, m->path.len);
    df__ice_put_long(b, m->length);
    df__ice_put_long(b, m->spec_id);
    df__ice_put_long(b, m->content);
    df__ice_put_long(b, m->sequence);
    df__ice_put_long(b, m->min_sequence);
    df__ice_put_long(b, m->snapshot);
    /* A count that the old list does not have is not written as 0: readers would pass over it. */
    for (int i = 0; i < 3; i++)
        df__ice_put_long(b, m->files[i] < 0 ? 1 : m->files[i]);
    for (int i = 0; i < 3; i++)
        df__ice_put_long(b, m->rows[i] < 0 ? 1 : m->rows[i]);
    if (m->partitions.len)
        df__buf_add(b, m->partitions.data, m->partitions.len);
    else
        df__ice_put_long(b, 0);
    df__ice_put_long(b, m->key.data ? 1 : 0);
    if (m->key.data)
        df__ice_put_bytes(b, m->key.data, m->key.len);
}

int df__ice_list_write(df__buf *out, const df__ice_list_of *of, const df__ice_manifest *rows,
                       size_t count)
{
    char numbers[3][24];
    const int64_t of_list[] = {of->snapshot, of->parent, of->sequence};
    static const char *const names[] = {"snapshot-id", "parent-snapshot-id", "sequence-number"};
    df_pair meta[4] = {[3] = {{"format-version", 14}, {"2", 1}}};
    df__buf values;
    df__buf_init(&values, out->heap);
    for (size_t i = 0; i < count; i++)
        put_row(&values, &rows[i]);
    for (int i = 0; i < 3; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)of_list[i]);
        if (i == 1 && of->parent == ICE_NO_SNAPSHOT)
            snprintf(numbers[i], sizeof numbers[i], "null");
        meta[i] = (df_pair){{names[i], strlen(names[i])}, {numbers[i], strlen(numbers[i])}};
    }
    df__ice_avro_parts parts = {.schema = list_schema,
                                .meta = meta,
                                .meta_count = 4,
                                .values = {values.data, values.len},
                                .count = (int64_t)count};
    memcpy(parts.sync, of->sync, sizeof parts.sync);
    int rc = values.failed ? DF_ENOMEM : df__ice_avro_write(out, &parts);
    df__buf_free(&values);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int put_optional(df__buf *b, const df__ice_avro_value *v)
{
    df__ice_put_long(b, v->kind == ICE_AVRO_NULL ? 0 : 1);
    return v->kind != ICE_AVRO_NULL;
}

/* The summaries of a manifest's partitions, as our own list writes them. */
static int copy_partitions(df__arena *arena, const df__ice_avro_value *list, df_bytes *ret)
{
    df__buf b;
    df__buf_init(&b, arena->heap);
    df__ice_put_long(&b, 1);
    if (list->count)
        df__ice_put_long(&b, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++) {
        const df__ice_avro_value *one = &list->items[i];
        const df__ice_avro_value *nan = df__ice_avro_field(one, 518);
        df__buf_char(&b, (char)df__ice_avro_number(one, 509, 1));
        if (put_optional(&b, nan))
            df__buf_char(&b, (char)nan->number);
        for (int id = 510; id <= 511; id++) {
            const df__ice_avro_value *bound = df__ice_avro_field(one, id);
            if (put_optional(&b, bound))
                df__ice_put_bytes(&b, bound->bytes.data, bound->bytes.len);
        }
    }
    df__ice_put_long(&b, 0);
    int rc = b.failed ? DF_ENOMEM : df__arena_copy(arena, (df_bytes){b.data, b.len}, ret);
    df__buf_free(&b);
    return rc;
}

static int read_row(df__arena *arena, const df__ice_avro_value *v, df__ice_manifest *ret)
{
    const df__ice_avro_value *path = df__ice_avro_field(v, 500), *key = df__ice_avro_field(v, 519);
    const df__ice_avro_value *list = df__ice_avro_field(v, 507);
    memset(ret, 0, sizeof *ret);
    if (path->kind != ICE_AVRO_BYTES)
        return DF_EDATA;
    ret->length = df__ice_avro_number(v, 501, 0);
    ret->spec_id = df__ice_avro_number(v, 502, 0);
    ret->content = df__ice_avro_number(v, 517, 0);
    ret->sequence = df__ice_avro_number(v, 515, 0);
    ret->min_sequence = df__ice_avro_number(v, 516, 0);
    ret->snapshot = df__ice_avro_number(v, 503, 0);
    for (int i = 0; i < 3; i++) {
        ret->files[i] = df__ice_avro_number(v, 504 + i, -1);
        ret->rows[i] = df__ice_avro_number(v, 512 + i, -1);
    }
    int rc = df__arena_copy(arena, path->bytes, &ret->path);
    if (rc == DF_OK && key->kind == ICE_AVRO_BYTES)
        rc = df__arena_copy(arena, key->bytes, &ret->key);
    if (rc == DF_OK && list->kind == ICE_AVRO_LIST)
        rc = copy_partitions(arena, list, &ret->partitions);
    return rc;
}

int df__ice_list_read(df__arena *arena, df_bytes data, df__ice_manifest **ret, size_t *ret_count,
                      const char **why)
{
    df__ice_avro_file f;
    df__ice_avro_value v;
    df__arena scratch;
    df__ice_manifest *rows = NULL, *copy;
    size_t count = 0, cap = 0;
    int rc = df__ice_avro_open(arena->heap, data, &f);
    df__arena_init(&scratch, arena->heap, 16384);
    while (rc == DF_OK && (rc = df__ice_avro_next(&f, &scratch, &v)) == DF_OK) {
        rc = df__grow(arena->heap, &rows, &cap, count, sizeof *rows);
        rc = rc == DF_OK ? read_row(arena, &v, &rows[count++]) : rc;
        df__arena_reset(&scratch);
    }
    *why = f.why ? f.why : "an entry of it names no manifest";
    copy = rc == DF_DONE ? df__arena_alloc(arena, (count + 1) * sizeof *rows) : NULL;
    if (copy && count)
        memcpy(copy, rows, count * sizeof *rows);
    if (rc == DF_DONE)
        rc = copy ? DF_OK : DF_ENOMEM;
    df__free(arena->heap, rows);
    df__arena_free(&scratch);
    df__ice_avro_close(&f);
    *ret = copy;
    *ret_count = count;
    return rc;
}
