/* SPDX-License-Identifier: Apache-2.0
 * A schema text, a NUL, maybe a reader's schema and a NUL, then a body. What is read is written
 * again, with the same schema, and reads as the same value; JSON of it is JSON. */
#include <stdlib.h>
#include <string.h>

#include "formats/avro/avro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

typedef struct held {
    df__arena arena;
    df_record r;
} held;

static void open_record(held *h)
{
    memset(h, 0, sizeof *h);
    df__arena_init(&h->arena, &df__heap_libc, 1024);
    h->r.arena = &h->arena;
}

static df_avro_schema *schema(df_bytes text)
{
    df__avro_source from = {text, NULL, 0};
    df__avro_error error;
    df_avro_schema *s = NULL;
    (void)df__avro_parse(&df__heap_libc, &from, &s, &error);
    return s;
}

/* The value once more by way of bytes. A map may have a name twice, of which the last counts, and
 * a union's branch may be another one: so the second time decides. */
static void again(const df_avro_schema *s, const df_avro_program *p, df_record *r)
{
    df__avro_error error = {""};
    df_value v;
    df__buf b;
    held h;
    int rc;
    must(df_record_root(r, &v) == DF_OK);
    df__buf_init(&b, &df__heap_libc);
    rc = df__avro_encode(s, &v, &b, &error);
    must(rc == DF_OK || (rc == DF_EDATA && error.text[0] && b.len == 0));
    if (rc == DF_OK) {
        open_record(&h);
        rc = df__avro_decode(p, &h.r, (df_bytes){b.len ? b.data : "", b.len}, &error);
        must(rc == DF_OK || strstr(error.text, "more values") || strstr(error.text, "deep"));
        df__arena_free(&h.arena);
    }
    df__buf_free(&b);
}

static void is_json(df_record *r)
{
    df_bytes text;
    df__tree *t;
    must(df_record_payload(r, &text) == DF_OK);
    must(df__tree_parse(r->arena, text, &t, NULL, 0) == DF_OK);
}

static void read_body(const df__avro_plan *plan, df_bytes body)
{
    df__avro_error error = {""};
    df_avro_program *p = NULL;
    held h;
    int rc = df__avro_compile(&df__heap_libc, plan, &p, &error);
    must(rc == DF_OK || (rc == DF_ESPEC && error.text[0]));
    if (rc != DF_OK)
        return;
    open_record(&h);
    rc = df__avro_decode(p, &h.r, body, &error);
    must(rc == DF_OK || (rc == DF_EDATA && error.text[0] && !h.r.tree));
    if (rc == DF_OK) {
        if (!plan->reader && !plan->flags)
            again(plan->writer, p, &h.r);
        is_json(&h.r);
    }
    df__arena_free(&h.arena);
    df_avro_program_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size, *stop = size ? memchr(data, 0, size) : NULL, *second;
    df_avro_schema *w = stop ? schema((df_bytes){data, (size_t)(stop - data)}) : NULL, *r = NULL;
    df_bytes body;
    if (!w)
        return 0;
    body = (df_bytes){stop + 1, (size_t)(end - stop - 1)};
    for (unsigned flags = 0; flags < 4; flags++)
        read_body(&(df__avro_plan){w, NULL, flags}, body);
    second = body.len ? memchr(body.data, 0, body.len) : NULL;
    if (second)
        r = schema((df_bytes){body.data, (size_t)(second - stop - 1)});
    if (r)
        read_body(&(df__avro_plan){w, r, DF_AVRO_WRAP | DF_AVRO_COLLAPSE},
                  (df_bytes){second + 1, (size_t)(end - second - 1)});
    df_avro_schema_free(w);
    df_avro_schema_free(r);
    return 0;
}
