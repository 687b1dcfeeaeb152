/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a payload: what is taken survives writing and a second reading unchanged, in both
 * forms of the tree, and what json-c refuses (strict, one document) is refused. Differences that
 * are wanted: json-c ends at a NUL byte, has a depth limit, takes bad UTF-8 and lone surrogates in
 * its own way, and takes literals in any case; such inputs are only read. */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void same(df_bytes a, df_bytes b)
{
    must(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
}

/* Written from the parsed values, from nodes, and by df_value_json: always the same bytes. */
static void writes_agree(df_record *r, df_bytes first)
{
    df_value v, extra = {0};
    df_bytes again;
    char *buf = malloc(first.len + 1);
    must(buf != NULL && df_record_root(r, &v) == DF_OK);
    must(df_value_json(&v, buf, first.len) == first.len);
    same((df_bytes){buf, first.len}, first);
    if (v.type == DF_V_OBJECT || v.type == DF_V_ARRAY) {
        size_t len;
        df_walk walk = {0}, last = {0};
        extra.type = DF_V_NULL;
        must(df_value_put(r, &v, (df_bytes){"\1", 1}, &extra) == DF_OK);
        must(df_record_payload(r, &again) == DF_OK);
        len = df_value_json(&v, NULL, 0);
        must(len == again.len);
        while (df_value_walk(&v, &walk) == DF_OK)
            last = walk;
        extra.type = DF_V_ABSENT;
        if (v.type == DF_V_ARRAY)
            must(df_walk_set(r, &last, &extra) == DF_OK);
        must(df_record_payload(r, &again) == DF_OK);
        if (v.type == DF_V_ARRAY)
            same(again, first);
    }
    free(buf);
}

static void compare_json_c(const char *text, size_t size, int taken)
{
    json_tokener *tok;
    json_object *o;
    size_t i, depth = 0;
    for (i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        depth += c == '[' || c == '{';
        if (c == 0 || c >= 0x80 || c == '\\' || (c >= 'A' && c <= 'Z') || depth > 30)
            return;
    }
    tok = json_tokener_new();
    must(tok != NULL);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    o = json_tokener_parse_ex(tok, text, (int)size);
    if (json_tokener_get_error(tok) == json_tokener_continue)
        o = json_tokener_parse_ex(tok, " ", 1);
    /* Ours is the stricter one: never taken what json-c refuses. */
    if (taken)
        must(json_tokener_get_error(tok) == json_tokener_success);
    json_object_put(o);
    json_tokener_free(tok);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    df_record r, second;
    df__arena a;
    df__tree *t;
    df_bytes out, again;
    int rc;
    must(text != NULL);
    memcpy(text, data, size);
    memset(&r, 0, sizeof r);
    memset(&second, 0, sizeof second);
    df__arena_init(&a, &df__heap_libc, 1024);
    r.arena = second.arena = &a;
    r.payload = (df_bytes){text, size};
    rc = df__record_parse(&r);
    must(rc == DF_OK || (rc == DF_EDATA && r.why != NULL));
    compare_json_c(text, size, rc == DF_OK);
    if (rc == DF_OK) {
        must(df__tree_write(r.tree, &a, &out) == DF_OK);
        must(df__tree_parse(&a, out, &t, NULL, 0) == DF_OK);
        must(df__tree_write(t, &a, &again) == DF_OK);
        same(out, again);
        second.payload = out;
        writes_agree(&second, out);
    }
    df__arena_free(&a);
    free(text);
    return 0;
}
