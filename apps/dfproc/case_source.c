/* SPDX-License-Identifier: Apache-2.0
 * case_source.c: the source that delivers the inputs of a test case, with their metadata. */
#include <string.h>

#include "dataflow_ext.h"
#include "common/typed.h"
#include "dfproc/cases.h"

enum { HEADERS_MAX = 64 };

typedef struct instance {
    df_partition *part;
    int read;
} instance;

static int set_meta(df_record *r, const char *name, yyjson_val *value)
{
    df_value v = {.type = DF_V_NULL, .zone = 0};
    v.text = NULL;
    if (yyjson_is_bool(value)) {
        v.type = DF_V_BOOL;
        v.u.i = yyjson_get_bool(value);
    } else if (yyjson_is_raw(value)) {
        const char *text = yyjson_get_raw(value);
        long long n;
        v.type = !app_args_number(text, INT64_MIN, INT64_MAX, &n) ? DF_V_INT : DF_V_NUMBER;
        v.u.i = v.type == DF_V_INT ? n : 0;
        v.text = text;
        v.len = yyjson_get_len(value);
    } else if (yyjson_is_str(value)) {
        v.type = DF_V_STRING;
        v.text = yyjson_get_str(value);
        v.len = yyjson_get_len(value);
    } else if (!yyjson_is_null(value)) {
        return DF_EINVAL;
    }
    return df_record_set_meta(r, name, &v);
}

/* Values of headers that are no plain text are kept here until the record is added. */
typedef struct header_list {
    df_header rows[HEADERS_MAX];
    df__buf values[HEADERS_MAX];
    size_t count;
} header_list;

static void add_header(header_list *list, yyjson_val *name, yyjson_val *value)
{
    df__buf *text = &list->values[list->count];
    if (list->count == HEADERS_MAX || !yyjson_is_str(name))
        return;
    df__buf_init(text, &df__heap_libc);
    list->rows[list->count].name = yyjson_get_str(name);
    list->rows[list->count].value = dfproc_cases_payload(value, text);
    list->count++;
}

/* {name: value, ...}, or [[name, value], ...] because names may repeat. */
static void fill_headers(header_list *list, yyjson_val *headers)
{
    size_t at, count;
    yyjson_val *name, *value;
    list->count = 0;
    yyjson_obj_foreach (headers, at, count, name, value)
        add_header(list, name, value);
    yyjson_arr_foreach (headers, at, count, value)
        add_header(list, yyjson_arr_get(value, 0), yyjson_arr_get(value, 1));
}

static uint32_t operation_of(yyjson_val *metadata)
{
    static const char *const words[] = {"", "insert", "update", "delete", "truncate"};
    const char *word = app_json_text(metadata, "operation");
    for (uint32_t i = DF_OP_INSERT; i <= DF_OP_TRUNCATE; i++)
        if (!strcmp(word, words[i]))
            return i;
    return DF_OP_NONE;
}

static int add_input(instance *self, df_batch *into, yyjson_val *row, int64_t offset, int typed)
{
    header_list headers;
    yyjson_val *metadata = yyjson_obj_get(row, "metadata"), *name, *value;
    df_input in = {.size = sizeof in, .headers = headers.rows, .offset = offset};
    df_record *r = NULL;
    df__buf payload, key;
    size_t at, count;
    int rc;
    df__buf_init(&payload, &df__heap_libc);
    df__buf_init(&key, &df__heap_libc);
    in.payload = dfproc_cases_payload(yyjson_obj_get(row, "payload"), &payload);
    in.key = dfproc_cases_payload(yyjson_obj_get(row, "key"), &key);
    fill_headers(&headers, yyjson_obj_get(row, "headers"));
    in.header_count = headers.count;
    in.partition = df_partition_number(self->part);
    in.op = operation_of(metadata);
    if (yyjson_obj_get(row, "offset"))
        in.offset = app_json_number(row, "offset");
    in.time_us = app_json_number(row, "time_us");
    rc = payload.failed || key.failed ? DF_ENOMEM : df_batch_add(into, &in, &r);
    if (rc == DF_OK && typed)
        rc = app_typed_make(r);
    yyjson_obj_foreach (metadata, at, count, name, value)
        if (rc == DF_OK && r)
            rc = set_meta(r, yyjson_get_str(name), value);
    for (size_t i = 0; i < headers.count; i++)
        df__buf_free(&headers.values[i]);
    df__buf_free(&payload);
    df__buf_free(&key);
    return rc;
}

static int source_open(void *user, df_stage *st)
{
    instance *self = user;
    return df_partition_open(st, "cases", &self->part);
}

static int source_read(void *user, df_stage *st, df_batch *into, int timeout_ms)
{
    instance *self = user;
    dfproc_inputs *inputs = df_stage_user(st);
    df_bytes none = {NULL, 0};
    yyjson_val *row;
    size_t at, count;
    int rc = DF_OK;
    (void)timeout_ms;
    if (self->read)
        return DF_DONE;
    if (df_batch_room(into) == 0)
        return DF_AGAIN;
    yyjson_arr_foreach (inputs->rows, at, count, row)
        if (rc == DF_OK)
            rc = add_input(self, into, row, (int64_t)at, inputs->typed);
    if (rc != DF_OK)
        return df_stage_fail(st, rc, NULL, "an input of the case cannot be read");
    self->read = 1;
    return df_batch_mark(into, self->part, none);
}

static int source_ack(void *user, df_stage *st, const df_position *rows, size_t count)
{
    (void)user;
    (void)st;
    (void)rows;
    (void)count;
    return DF_OK;
}

static void source_close(void *user, df_stage *st)
{
    (void)user;
    (void)st;
}

int dfproc_cases_register(df_env *env, dfproc_inputs *inputs)
{
    static const df_source_ops ops = {.size = sizeof ops,
                                      .open = source_open,
                                      .read = source_read,
                                      .ack = source_ack,
                                      .close = source_close};
    df_connector type = {.size = sizeof type,
                         .name = DFPROC_CASE_SOURCE,
                         .doc = "Inputs of a test case.",
                         .source_size = sizeof(instance),
                         .source_flags = DF_IS_LINE,
                         .source = &ops,
                         .user = inputs};
    return df_connector_register(env, &type);
}
