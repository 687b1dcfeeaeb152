/* SPDX-License-Identifier: Apache-2.0
 * avro.c: joins the Avro codec of formats/ to the stages that use it: their allocator, the text of
 * the last failure, the bytes that were written last (dataflow_avro.h). */
#include "core/stage/stage.h"
#include "formats/avro/avro.h"

struct df_avro {
    const df__heap *heap;
    df__avro_error error;
    df__buf out;
};

df_avro *df_avro_new(df_stage *st)
{
    df_avro *a = df__zalloc(st->heap, sizeof *a);
    if (!a)
        return NULL;
    a->heap = st->heap;
    df__buf_init(&a->out, st->heap);
    return a;
}

void df_avro_free(df_avro *a)
{
    if (!a)
        return;
    df__buf_free(&a->out);
    df__free(a->heap, a);
}

const char *df_avro_error(const df_avro *a)
{
    return a->error.text;
}

int df_avro_parse(df_avro *a, df_bytes text, const df_avro_schema *const *refs, size_t ref_count,
                  df_avro_schema **ret)
{
    df__avro_source from = {text, refs, ref_count};
    return df__avro_parse(a->heap, &from, ret, &a->error);
}

int df_avro_compile(df_avro *a, const df_avro_schema *writer, const df_avro_schema *reader,
                    unsigned flags, df_avro_program **ret)
{
    df__avro_plan plan = {writer, reader, flags};
    return df__avro_compile(a->heap, &plan, ret, &a->error);
}

int df_avro_decode(df_avro *a, const df_avro_program *program, df_record *r, df_bytes body)
{
    return df__avro_decode(program, r, body, &a->error);
}

int df_avro_value(df_avro *a, const df_avro_program *program, df_record *r, df_bytes body,
                  df_value *ret)
{
    return df__avro_decode_apart(program, r, body, ret, &a->error);
}

int df_avro_encode(df_avro *a, const df_avro_schema *schema, const df_value *value, df_bytes before,
                   df_bytes *ret)
{
    int rc;
    df__buf_clear(&a->out);
    df__buf_add(&a->out, before.data, before.len);
    rc = df__avro_encode(schema, value, &a->out, &a->error);
    if (rc == DF_OK)
        *ret = (df_bytes){a->out.data, a->out.len};
    return rc;
}

int df_avro_schema_of(df_avro *a, const df_schema *columns, df_bytes name, df_bytes *ret)
{
    int rc;
    df__buf_clear(&a->out);
    rc = df__avro_from_columns(columns, name, &a->out, &a->error);
    if (rc == DF_OK)
        *ret = (df_bytes){a->out.data, a->out.len};
    return rc;
}

int df_avro_frame_read(df_avro *a, df_bytes payload, uint32_t *ret_id, df_bytes *ret_body)
{
    df__avro_frame frame;
    int rc = df__avro_frame_read(payload, &frame, &a->error);
    if (rc != DF_OK)
        return rc;
    *ret_id = frame.id;
    *ret_body = frame.body;
    return DF_OK;
}
