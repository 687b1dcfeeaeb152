/* SPDX-License-Identifier: Apache-2.0
 * manifest.c: a manifest of added files, and the entries of manifests that others wrote. */
#include "types/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing --------------------------------------------------------------------------------- */

#define MAP(name, id, pair, key, value, type)                                                      \
    "{\"name\":\"" name "\",\"type\":[\"null\",{\"type\":\"array\",\"items\":{\"type\":\"record\"" \
    ",\"name\":\"" pair "\",\"fields\":[{\"name\":\"key\",\"type\":\"int\",\"field-id\":" key      \
    "},{\"name\":\"value\",\"type\":\"" type "\",\"field-id\":" value "}]},"                       \
    "\"logicalType\":\"map\"}],\"default\":null,\"field-id\":" id "},"

static const char entry_head[] =
    "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":["
    "{\"name\":\"status\",\"type\":\"int\",\"field-id\":0},"
    "{\"name\":\"snapshot_id\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":1},"
    "{\"name\":\"sequence_number\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":3},"
    "{\"name\":\"file_sequence_number\",\"type\":[\"null\",\"long\"],\"default\":null,"
    "\"field-id\":4},"
    "{\"name\":\"data_file\",\"type\":{\"type\":\"record\",\"name\":\"r2\",\"fields\":["
    "{\"name\":\"content\",\"type\":\"int\",\"field-id\":134},"
    "{\"name\":\"file_path\",\"type\":\"string\",\"field-id\":100},"
    "{\"name\":\"file_format\",\"type\":\"string\",\"field-id\":101},"
    "{\"name\":\"partition\",\"type\":{\"type\":\"record\",\"name\":\"r102\",\"fields\":[";
static const char entry_tail[] =
    "]},\"field-id\":102},"
    "{\"name\":\"record_count\",\"type\":\"long\",\"field-id\":103},"
    "{\"name\":\"file_size_in_bytes\",\"type\":\"long\",\"field-id\":104}," MAP(
        "column_sizes", "108", "k117_v118", "117", "118", "long")
        MAP("value_counts", "109", "k119_v120", "119", "120", "long")
            MAP("null_value_counts", "110", "k121_v122", "121", "122", "long")
                MAP("nan_value_counts", "137", "k138_v139", "138", "139", "long")
                    MAP("lower_bounds", "125", "k126_v127", "126", "127", "bytes")
                        MAP("upper_bounds", "128", "k129_v130", "129", "130",
                            "bytes") "{\"name\":\"key_metadata\",\"type\":[\"null\",\"bytes\"],"
                                     "\"default\":null,\"field-id\":131},"
                                     "{\"name\":\"split_offsets\",\"type\":[\"null\",{\"type\":"
                                     "\"array\",\"items\":\"long\","
                                     "\"element-id\":133}],\"default\":null,\"field-id\":132},"
                                     "{\"name\":\"equality_ids\",\"type\":[\"null\",{\"type\":"
                                     "\"array\",\"items\":\"int\","
                                     "\"element-id\":136}],\"default\":null,\"field-id\":135},"
                                     "{\"name\":\"sort_order_id\",\"type\":[\"null\",\"int\"],"
                                     "\"default\":null,\"field-id\":140},"
                                     "{\"name\":\"referenced_data_file\",\"type\":[\"null\","
                                     "\"string\"],\"default\":null,\"field-id\":143}"
                                     "]},\"field-id\":2}]}";

enum which { SIZES, VALUES, NULLS, NANS, LOWER, UPPER };

static int has(const df__parquet_metrics *m, enum which which)
{
    switch (which) {
    case NANS:
        return m->nans >= 0;
    case LOWER:
        return m->lower.data != NULL;
    case UPPER:
        return m->upper.data != NULL;
    default:
        return 1;
    }
}

static void put_metric(df__buf *b, const df__parquet_metrics *m, enum which which)
{
    df__ice_put_long(b, m->id);
    if (which == LOWER)
        df__ice_put_bytes(b, m->lower.data, m->lower.len);
    else if (which == UPPER)
        df__ice_put_bytes(b, m->upper.data, m->upper.len);
    else
        df__ice_put_long(b, which == SIZES    ? m->size
                            : which == VALUES ? m->values
                            : which == NULLS  ? m->nulls
                                              : m->nans);
}

static void put_metrics(df__buf *b, const df__parquet_summary *s, enum which which)
{
    int64_t count = 0;
    for (size_t i = 0; i < s->column_count; i++)
        count += has(&s->columns[i], which);
    df__ice_put_long(b, 1); /* not null */
    if (count)
        df__ice_put_long(b, count);
    for (size_t i = 0; i < s->column_count; i++)
        if (has(&s->columns[i], which))
            put_metric(b, &s->columns[i], which);
    df__ice_put_long(b, 0);
}

static void put_key(df__buf *b, const df__ice_data_file *f)
{
    df__ice_put_long(b, f->content == ICE_EQUALITY);
    if (f->content != ICE_EQUALITY)
        return;
    if (f->key_count)
        df__ice_put_long(b, (int64_t)f->key_count);
    for (size_t i = 0; i < f->key_count; i++)
        df__ice_put_long(b, f->key_ids[i]);
    df__ice_put_long(b, 0);
}

static void put_entry(df__buf *b, const df__ice_data_file *f, const df__ice_manifest_of *of)
{
    df__ice_put_long(b, 1); /* added */
    df__ice_put_long(b, 1);
    df__ice_put_long(b, of->snapshot);
    df__ice_put_long(b, 0); /* sequence numbers are inherited: the list has them */
    df__ice_put_long(b, 0);
    df__ice_put_long(b, f->content);
    df__ice_put_bytes(b, f->path.data, f->path.len);
    df__ice_put_text(b, "PARQUET");
    df__ice_tuple_avro(of->spec, f->tuple, b);
    df__ice_put_long(b, f->summary.records);
    df__ice_put_long(b, f->summary.bytes);
    for (enum which which = SIZES; which <= UPPER; which++)
        put_metrics(b, &f->summary, which);
    df__ice_put_long(b, 0); /* key_metadata */
    df__ice_put_long(b, 1); /* split_offsets */
    if (f->summary.split_count)
        df__ice_put_long(b, (int64_t)f->summary.split_count);
    for (size_t i = 0; i < f->summary.split_count; i++)
        df__ice_put_long(b, f->summary.splits[i]);
    df__ice_put_long(b, 0);
    put_key(b, f);
    df__ice_put_long(b, f->order_id != 0); /* sort_order_id */
    if (f->order_id)
        df__ice_put_long(b, f->order_id);
    df__ice_put_long(b, f->target.data ? 1 : 0);
    if (f->target.data)
        df__ice_put_bytes(b, f->target.data, f->target.len);
}

static df_pair pair(const char *name, const char *value)
{
    return (df_pair){{name, strlen(name)}, {value, strlen(value)}};
}

int df__ice_manifest_write(df__buf *out, const df__ice_manifest_of *of,
                           const df__ice_data_file *files, size_t count)
{
    char schema_id[24], spec_id[24];
    df__buf values, schema;
    char *table = yyjson_val_write(of->meta->schema, 0, NULL);
    yyjson_val *fields = df__ice_meta_spec(of->meta, of->spec->id);
    char *spec = fields ? yyjson_val_write(fields, 0, NULL) : NULL;
    df__buf_init(&values, out->heap);
    df__buf_init(&schema, out->heap);
    df__buf_str(&schema, entry_head);
    df__ice_spec_avro(of->spec, &schema);
    df__buf_str(&schema, entry_tail);
    for (size_t i = 0; i < count; i++)
        put_entry(&values, &files[i], of);
    snprintf(schema_id, sizeof schema_id, "%lld", (long long)of->meta->schema_id);
    snprintf(spec_id, sizeof spec_id, "%lld", (long long)of->spec->id);
    int rc = table && df__buf_cstr(&schema) && !values.failed ? DF_OK : DF_ENOMEM;
    if (rc == DF_OK) {
        const df_pair meta[] = {pair("schema", table),
                                pair("schema-id", schema_id),
                                pair("partition-spec", spec ? spec : "[]"),
                                pair("partition-spec-id", spec_id),
                                pair("format-version", "2"),
                                pair("content", of->deletes ? "deletes" : "data")};
        df__ice_avro_parts parts = {.schema = schema.data,
                                    .meta = meta,
                                    .meta_count = sizeof meta / sizeof *meta,
                                    .values = {values.data, values.len},
                                    .count = (int64_t)count};
        memcpy(parts.sync, of->sync, sizeof parts.sync);
        rc = df__ice_avro_write(out, &parts);
    }
    free(table);
    free(spec);
    df__buf_free(&values);
    df__buf_free(&schema);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

static df_bytes bytes_of(const df__ice_avro_value *record, int id)
{
    const df__ice_avro_value *v = df__ice_avro_field(record, id);
    return v->kind == ICE_AVRO_BYTES ? v->bytes : (df_bytes){NULL, 0};
}

static void read_entry(const df__ice_avro_value *v, const df__ice_manifest *of, df__ice_entry *ret)
{
    const df__ice_avro_value *file = df__ice_avro_field(v, 2);
    ret->status = (int)df__ice_avro_number(v, 0, 0);
    ret->snapshot = df__ice_avro_number(v, 1, of->snapshot);
    int64_t inherited = ret->status == 1 ? of->sequence : -1;
    ret->sequence = df__ice_avro_number(v, 3, inherited);
    ret->file_sequence = df__ice_avro_number(v, 4, inherited);
    ret->content = (int)df__ice_avro_number(file, 134, 0);
    ret->path = bytes_of(file, 100);
    ret->format = bytes_of(file, 101);
    ret->records = df__ice_avro_number(file, 103, 0);
    ret->bytes = df__ice_avro_number(file, 104, 0);
    ret->offset = df__ice_avro_number(file, 144, 0);
    ret->length = df__ice_avro_number(file, 145, 0);
    ret->file = file;
}

int df__ice_manifest_read(df_bytes data, const df__ice_manifest *of, df__ice_reading *reading)
{
    df__ice_avro_file f;
    df__arena arena;
    df__ice_avro_value v;
    int rc = df__ice_avro_open(reading->heap, data, &f);
    df__arena_init(&arena, reading->heap, 16384);
    while (rc == DF_OK && (rc = df__ice_avro_next(&f, &arena, &v)) == DF_OK) {
        df__ice_entry entry;
        read_entry(&v, of, &entry);
        rc = entry.path.data ? reading->each(reading->user, &entry) : DF_EDATA;
        df__arena_reset(&arena);
    }
    reading->why = f.why ? f.why : "an entry of it names no file";
    df__arena_free(&arena);
    df__ice_avro_close(&f);
    return rc == DF_DONE ? DF_OK : rc;
}
