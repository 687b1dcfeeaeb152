/* SPDX-License-Identifier: Apache-2.0
 * Headers of any bytes, as the Kafka client gives them, through a record and back to the client:
 * the same names, values, nulls and order; also looked for as metadata, and in the envelope of an
 * error record. Each header is two fields with a length before them; 255: null. */
#include <stdlib.h>
#include <string.h>

#include "connectors/kafka/sink/address.h"
#include "connectors/kafka/source/headers.h"
#include "core/flow/flow.h"
#include "core/flow/parcel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *at, *end;
} input;

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static df_bytes field(input *in)
{
    size_t len = in->at < in->end ? *in->at++ : 0, left = (size_t)(in->end - in->at);
    df_bytes out = {in->at, len};
    if (len == 255)
        return (df_bytes){NULL, 0};
    if (len > left)
        out.len = left;
    in->at += out.len;
    return out;
}

static rd_kafka_headers_t *headers_of(input *in)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    must(headers != NULL);
    while (in->at < in->end) {
        df_bytes name = field(in), value = field(in);
        must(rd_kafka_header_add(headers, name.data ? name.data : "", (ssize_t)name.len, value.data,
                                 (ssize_t)value.len) == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    return headers;
}

static void check_same(const rd_kafka_headers_t *a, const rd_kafka_headers_t *b)
{
    size_t count = rd_kafka_header_cnt(a);
    must((b ? rd_kafka_header_cnt(b) : 0) == count);
    for (size_t i = 0; i < count; i++) {
        const char *names[2];
        const void *values[2];
        size_t lens[2];
        must(rd_kafka_header_get_all(a, i, &names[0], &values[0], &lens[0]) == 0);
        must(rd_kafka_header_get_all(b, i, &names[1], &values[1], &lens[1]) == 0);
        must(strcmp(names[0], names[1]) == 0 && lens[0] == lens[1]);
        must(!values[0] == !values[1]);
        must(lens[0] == 0 || memcmp(values[0], values[1], lens[0]) == 0);
    }
}

static int64_t wall(void *ctx)
{
    (void)ctx;
    return 0;
}

/* In the envelope a name that is no UTF-8 is cleaned, and it is JSON all the same. */
static void check_envelope(df_record *r, df__arena *a)
{
    df__flow *f = calloc(1, sizeof *f);
    df__error_record first;
    df__tree *tree;
    df_bytes out;
    must(f != NULL);
    f->heap = &df__heap_libc;
    f->io.wall = wall;
    df__arena_init(&f->envelope.scratch, &df__heap_libc, 1024);
    df__buf_init(&f->envelope.text, &df__heap_libc);
    memset(&first, 0, sizeof first);
    must(df__envelope(f, r, a, &out, &first.head) == DF_OK);
    must(df__tree_parse(a, out, &tree, NULL, 0) == DF_OK);
    df__buf_free(&f->envelope.text);
    df__arena_free(&f->envelope.scratch);
    free(f);
}

static void check_record(df_record *r, const rd_kafka_headers_t *given)
{
    df_value v;
    df_walk walk = {0};
    rd_kafka_headers_t *back = NULL;
    df__kafka_sink sink;
    df__kafka_place at = {df__parcel_new(&df__heap_libc, NULL), 0};
    memset(&sink, 0, sizeof sink);
    must(at.parcel != NULL && df__parcel_add(at.parcel, r, NULL) == DF_OK);
    must(df__kafka_headers(&sink, &at, &back) == DF_OK);
    check_same(given, back);
    if (back)
        rd_kafka_headers_destroy(back);
    at.parcel->ticket_count = 0;
    df__parcel_free(at.parcel);
    for (size_t i = 0; i < r->header_count; i++)
        must(df_record_meta(r, r->headers[i].name, &v) == DF_OK);
    while (df_meta_walk(r, &walk) == DF_OK)
        (void)df_value_json(&walk.value, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, data + size};
    rd_kafka_headers_t *headers = headers_of(&in);
    df_stage st;
    df__kafka_source s;
    df_input row = {.size = sizeof row, .payload = {"{}", 2}, .offset = 1};
    df_batch *b = df__batch_new(&df__heap_libc, 1 << 20);
    df_record *r;
    memset(&st, 0, sizeof st);
    memset(&s, 0, sizeof s);
    st.heap = &df__heap_libc;
    df__arena_init(&st.arena, &df__heap_libc, 1024);
    s.st = &st;
    df_partition *part = df__partition_new(&df__heap_libc, &st, "0");
    must(part != NULL && b != NULL);
    st.partitions = &part;
    st.partition_count = 1;
    b->source = &st;
    must(df__kafka_headers_take(&s, headers, &row) == DF_OK);
    must(df_batch_add(b, &row, &r) == DF_OK);
    check_record(r, headers);
    check_envelope(r, &b->arena);
    rd_kafka_headers_destroy(headers);
    df__span_free(b->spans);
    df__batch_free(b);
    df__partition_free(part);
    df__arena_free(&st.arena);
    return 0;
}
