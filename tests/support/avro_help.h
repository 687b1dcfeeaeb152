/* SPDX-License-Identifier: Apache-2.0
 * avro_help.h: what the tests of the Avro codec share: schemas, bodies in hexadecimal, values as
 * JSON, and all that in one line. */
#ifndef TESTS_SUPPORT_AVRO_HELP_H
#define TESTS_SUPPORT_AVRO_HELP_H

#include "formats/avro/avro.h"
#include "support/record_help.h"

static inline df_avro_schema *schema_of(const char *text)
{
    df__avro_source from = {bytes_of(text), NULL, 0};
    df__avro_error error;
    df_avro_schema *s;
    if (df__avro_parse(&df__heap_libc, &from, &s, &error) != DF_OK)
        fail_msg("%s: %s", text, error.text);
    return s;
}

static inline void assert_bad_schema(const char *text, const char *want)
{
    df__avro_source from = {bytes_of(text), NULL, 0};
    df__avro_error error = {""};
    df_avro_schema *s = NULL;
    if (df__avro_parse(&df__heap_libc, &from, &s, &error) != DF_ESPEC)
        fail_msg("%s is taken", text);
    assert_null(s);
    if (!strstr(error.text, want))
        fail_msg("%s\ngot  %s\nwant %s", text, error.text, want);
}

/* "02 61" or "0261". */
static inline size_t unhex(const char *text, unsigned char *ret)
{
    size_t n = 0;
    for (; *text; text++) {
        unsigned byte;
        if (*text == ' ')
            continue;
        assert_int_equal(sscanf(text, "%2x", &byte), 1);
        ret[n++] = (unsigned char)byte;
        text++;
    }
    return n;
}

static inline void assert_hex(const df__buf *b, const char *want)
{
    static unsigned char raw[65536];
    static char got[65536 * 2 + 1];
    size_t n = unhex(want, raw), at = 0;
    for (size_t i = 0; i < b->len && i < 1000; i++)
        at += (size_t)snprintf(got + at, sizeof got - at, "%02x", (unsigned char)b->data[i]);
    if (n != b->len || (n && memcmp(raw, b->data, n) != 0))
        fail_msg("got  %s\nwant %s", got, want);
}

/* What one reads of a body that another wrote; "!text": fails with that in the text. */
typedef struct reading {
    const char *writer, *reader;
    unsigned flags;
    const char *body, *want;
} reading;

static inline void assert_reads(const reading *c)
{
    static unsigned char raw[65536];
    df_avro_schema *w = schema_of(c->writer), *r = c->reader ? schema_of(c->reader) : NULL;
    df__avro_plan plan = {w, r, c->flags};
    df_avro_program *p = NULL;
    df__avro_error error = {""};
    df_bytes body = {raw, unhex(c->body, raw)};
    held h;
    int rc = df__avro_compile(&df__heap_libc, &plan, &p, &error);
    held_init(&h, "original");
    if (rc == DF_OK)
        rc = df__avro_decode(p, &h.r, body, &error);
    if (c->want[0] == '!') {
        if (rc == DF_OK || !strstr(error.text, c->want + 1))
            fail_msg("%s %s\ngot  %d %s\nwant %s", c->writer, c->body, rc, error.text, c->want);
        assert_payload(&h.r, "original");
    } else {
        if (rc != DF_OK)
            fail_msg("%s %s: %d %s", c->writer, c->body, rc, error.text);
        assert_payload(&h.r, c->want);
    }
    df_avro_program_free(p);
    df_avro_schema_free(w);
    df_avro_schema_free(r);
    held_free(&h);
}

/* How a value, given as JSON or by `value`, is written; "!text": refused with that in the text. */
typedef struct writing {
    const char *schema, *json;
    const df_value *value;
    const char *want;
} writing;

static inline void assert_writes(const writing *c)
{
    df_avro_schema *s = schema_of(c->schema);
    df__avro_error error = {""};
    df_value v;
    df__buf b;
    held h;
    int rc;
    held_init(&h, c->json ? c->json : "null");
    if (df_record_root(&h.r, &v) != DF_OK)
        fail_msg("%s is no JSON", c->json);
    df__buf_init(&b, &df__heap_libc);
    df__buf_str(&b, "x");
    rc = df__avro_encode(s, c->value ? c->value : &v, &b, &error);
    assert_true(b.len >= 1 && b.data[0] == 'x');
    if (c->want[0] == '!') {
        if (rc != DF_EDATA || !strstr(error.text, c->want + 1))
            fail_msg("%s %s\ngot  %d %s\nwant %s", c->schema, c->json ? c->json : "(value)", rc,
                     error.text, c->want);
        assert_int_equal(b.len, 1);
    } else {
        if (rc != DF_OK)
            fail_msg("%s %s: %d %s", c->schema, c->json ? c->json : "(value)", rc, error.text);
        memmove(b.data, b.data + 1, --b.len);
        assert_hex(&b, c->want);
    }
    df__buf_free(&b);
    df_avro_schema_free(s);
    held_free(&h);
}

#endif
