/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as payload, key, header, metadata and reason of a refused record: its envelope is one
 * JSON document without a line break, and the bytes of the payload can be had from it. The first
 * byte says what there is; the rest is cut into five parts. */
#include <stdlib.h>
#include <string.h>

#include "core/flow/flow.h"
#include "util/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static int64_t wall(void *ctx)
{
    return *(const int64_t *)ctx;
}

static df_bytes cut(const uint8_t **at, const uint8_t *end, int last)
{
    df_bytes part = {*at, 0};
    size_t left = (size_t)(end - *at);
    if (left > 0 && !last) {
        part.data = *at + 1;
        part.len = **at < left - 1 ? **at : left - 1;
        *at += part.len + 1;
    } else {
        part.len = left;
        *at = end;
    }
    return part;
}

/* Texts inside the library end with a NUL. */
static char *text_of(df_bytes part)
{
    char *text = malloc(part.len + 1);
    must(text != NULL);
    memcpy(text, part.data, part.len);
    text[part.len] = '\0';
    return text;
}

static int member(const df__tree *t, const char *name, df_value *ret)
{
    df_value root;
    df__tree_root(t, &root);
    return df_value_member(&root, (df_bytes){name, strlen(name)}, ret) == DF_OK &&
           ret->type != DF_V_ABSENT;
}

static int digit_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* Read back bit by bit, so that an encoder that is wrong is seen. */
static int same_base64(const df_value *v, df_bytes want)
{
    const unsigned char *bytes = want.data;
    size_t digits = (want.len * 8 + 5) / 6, i;
    if (v->type != DF_V_STRING || v->len != (want.len + 2) / 3 * 4)
        return 0;
    for (i = 0; i < want.len * 8; i++) {
        int digit = digit_of(v->text[i / 6]);
        if (digit < 0 || (digit >> (5 - i % 6) & 1) != (bytes[i / 8] >> (7 - i % 8) & 1))
            return 0;
    }
    if (digits % 4 && (digit_of(v->text[digits - 1]) & ((1 << (digits * 6 - want.len * 8)) - 1)))
        return 0; /* bits left over are 0 */
    for (i = digits; i < v->len; i++)
        if (v->text[i] != '=')
            return 0;
    return 1;
}

/* original_base64 is the payload; without it original_message is, as it stands in the envelope. */
static void check(df__arena *a, df_bytes out, const df_record *r, int minimal)
{
    df__tree *t;
    df_value v;
    must(df__tree_parse(a, out, &t, NULL, 0) == DF_OK);
    must(memchr(out.data, '\n', out.len) == NULL);
    must(member(t, "error", &v) && v.type == DF_V_OBJECT);
    if (minimal)
        return;
    must(member(t, "original_message", &v));
    if (member(t, "original_base64", &v)) {
        must(r->payload.data ? same_base64(&v, r->payload) : v.type == DF_V_NULL);
    } else {
        must(r->payload.data != NULL);
        must(memmem(out.data, out.len, r->payload.data, r->payload.len) != NULL ||
             (member(t, "original_message", &v) && v.type == DF_V_OBJECT));
    }
    must(member(t, "key_base64", &v));
    must(r->key.data ? same_base64(&v, r->key) : v.type == DF_V_NULL);
}

static void envelope(df_record *r, int64_t when)
{
    df__flow *f = calloc(1, sizeof *f);
    df__arena a;
    df__error_record first;
    df_bytes out;
    must(f != NULL);
    f->heap = &df__heap_libc;
    f->io.wall = wall;
    f->io.ctx = &when;
    df__arena_init(&f->envelope.scratch, &df__heap_libc, 1024);
    df__arena_init(&a, &df__heap_libc, 1024);
    df__buf_init(&f->envelope.text, &df__heap_libc);
    memset(&first, 0, sizeof first);
    must(df__envelope(f, r, &a, &out, &first.head) == DF_OK);
    check(&a, out, r, 0);
    first.record = *r;
    first.record.payload = out;
    must(df__envelope_minimal(f, &first, &a, &out) == DF_OK);
    check(&a, out, r, 1);
    df__buf_free(&f->envelope.text);
    df__arena_free(&f->envelope.scratch);
    df__arena_free(&a);
    free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data + 1, *end = data + size;
    df_value meta = {0};
    df_header header;
    df__reject why = {.status = DF_EDATA, .reason = "invalid_data"};
    df_record r;
    df__arena a;
    char *name, *reason;
    df_bytes words;
    if (size < 2)
        return 0;
    memset(&r, 0, sizeof r);
    df__arena_init(&a, &df__heap_libc, 1024);
    r.arena = &a;
    r.offset = (data[0] & 2) ? INT64_MAX : -1;
    r.key = cut(&at, end, 0);
    words = cut(&at, end, 0);
    name = text_of(words);
    header.name = name;
    header.value = cut(&at, end, 0);
    reason = text_of(cut(&at, end, 0));
    r.payload = cut(&at, end, 1);
    why.text = reason;
    why.where = name;
    if (data[0] & 4)
        r.payload = (df_bytes){NULL, 0};
    if (data[0] & 8)
        r.key = (df_bytes){NULL, 0};
    r.headers = &header;
    r.header_count = data[0] >> 4 & 1;
    r.reject = data[0] & 32 ? &why : NULL;
    r.partition = name;
    meta.type = DF_V_STRING;
    meta.text = header.value.data;
    meta.len = header.value.len;
    if (data[0] & 64)
        (void)df_record_set_meta(&r, name, &meta);
    envelope(&r, data[0] & 128 ? INT64_C(4102444799000000) : 0);
    df__arena_free(&a);
    free(name);
    free(reason);
    return 0;
}
