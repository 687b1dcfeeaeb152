/* SPDX-License-Identifier: Apache-2.0
 * decode_array.c: what is written in braces: {1,NULL,"a b",{...}}, with bounds before it where an
 * array does not begin at 1; and bytea, which is written as hexadecimal digits or with escapes. */
#include <string.h>

#include "decode_kinds.h"

enum { DEPTH = 6 }; /* dimensions that the server takes */

typedef struct parser {
    df__pg_decode *d;
    const df__pg_type *element;
    const char *at, *end;
    char *word; /* room for the longest element */
} parser;

static int broken(parser *p)
{
    return df__pg_decode_fail(p->d, PG_WHY_BYTES);
}

/* One element without its quotes and backslashes. *ret_quoted: NULL is a text then. */
static int read_word(parser *p, df_bytes *ret, int *ret_quoted)
{
    size_t len = 0;
    *ret_quoted = p->at < p->end && *p->at == '"';
    p->at += *ret_quoted;
    while (p->at < p->end) {
        char c = *p->at;
        if (*ret_quoted ? c == '"' : c == p->element->delim || c == '}')
            break;
        if (c == '\\' && ++p->at == p->end)
            return broken(p);
        p->word[len++] = *p->at++;
    }
    if (*ret_quoted && (p->at == p->end || *p->at++ != '"'))
        return broken(p);
    *ret = (df_bytes){p->word, len};
    return DF_OK;
}

static int is_null(df_bytes word)
{
    return word.len == 4 && memcmp(word.data, "NULL", 4) == 0;
}

static int read_scalar(parser *p, df_value *ret)
{
    df_bytes word;
    int quoted;
    int rc = read_word(p, &word, &quoted);
    if (rc != DF_OK)
        return rc;
    if (!quoted && is_null(word)) {
        *ret = (df_value){.type = DF_V_NULL};
        return DF_OK;
    }
    return !quoted && word.len == 0 ? broken(p) : df__pg_decode_text(p->d, p->element, word, ret);
}

static int read_braces(parser *p, int depth, df_value *ret);

/* Puts the element after the last one; what its text took is free again. */
static int read_element(parser *p, int depth, df_value *array)
{
    df__arena_mark before = df__arena_note(&p->d->memory);
    df_value element;
    int nested = p->at < p->end && *p->at == '{';
    int rc = nested ? read_braces(p, depth + 1, &element) : read_scalar(p, &element);
    if (rc == DF_OK) {
        rc = df_value_put(p->d->record, array, (df_bytes){NULL, 0}, &element);
        rc = rc == DF_EINVAL || rc == DF_EDATA ? broken(p) : rc;
    }
    df__arena_back(&p->d->memory, before);
    return rc;
}

static int read_braces(parser *p, int depth, df_value *ret)
{
    df_value empty = {.type = DF_V_ARRAY};
    int rc = df_value_new(p->d->record, &empty, ret);
    if (rc != DF_OK)
        return rc;
    if (depth >= DEPTH || p->at == p->end || *p->at++ != '{')
        return broken(p);
    if (p->at < p->end && *p->at == '}') {
        p->at++;
        return DF_OK;
    }
    for (;;) {
        rc = read_element(p, depth, ret);
        if (rc != DF_OK)
            return rc;
        if (p->at == p->end || (*p->at != '}' && *p->at != p->element->delim))
            return broken(p);
        if (*p->at++ == '}')
            return DF_OK;
    }
}

/* An element of json[] may be an array itself, so only one dimension of it can be told. */
static int is_text(const df__pg_type *t, df_bytes in)
{
    const char *s = in.data;
    int is_json = t->kind == PG_KIND_JSON || t->kind == PG_KIND_JSONB;
    return in.len > 0 && (*s == '[' || (is_json && in.len > 1 && s[1] == '{'));
}

int df__pg_text_array(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    df__pg_type element = *t;
    if (is_text(t, in)) {
        *ret = (df_value){.type = DF_V_STRING, .text = in.data, .len = in.len};
        return DF_OK;
    }
    parser p = {d, &element, in.data, (const char *)in.data + in.len,
                df__arena_alloc(&d->memory, in.len + 1)};
    element.array = 0;
    if (!p.word)
        return DF_ENOMEM;
    int rc = read_braces(&p, 0, ret);
    return rc == DF_OK && p.at != p.end ? broken(&p) : rc;
}

/* ---- bytea ---------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* SIZE_MAX: broken. */
static size_t read_hex(const char *s, size_t len, char *out)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        int high = hex_digit(s[i]), low = hex_digit(s[i + 1]);
        if (high < 0 || low < 0)
            return SIZE_MAX;
        out[i / 2] = (char)(high * 16 + low);
    }
    return len % 2 == 0 ? len / 2 : SIZE_MAX;
}

static int is_octal(const char *s)
{
    return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7';
}

/* bytea_output = escape: two backslashes are one, \ooo is a byte. */
static size_t read_escapes(const char *s, size_t len, char *out)
{
    size_t at = 0;
    for (size_t i = 0; i < len;) {
        if (s[i] != '\\') {
            out[at++] = s[i++];
        } else if (i + 1 < len && s[i + 1] == '\\') {
            out[at++] = '\\';
            i += 2;
        } else if (i + 3 < len && is_octal(s + i + 1)) {
            out[at++] = (char)((s[i + 1] - '0') * 64 + (s[i + 2] - '0') * 8 + (s[i + 3] - '0'));
            i += 4;
        } else {
            return SIZE_MAX;
        }
    }
    return at;
}

int df__pg_text_bytea(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    const char *s = in.data;
    char *out = df__arena_alloc(&d->memory, in.len + 1);
    (void)t;
    if (!out)
        return DF_ENOMEM;
    ret->type = DF_V_BYTES;
    ret->text = out;
    ret->len = in.len >= 2 && s[0] == '\\' && s[1] == 'x' ? read_hex(s + 2, in.len - 2, out)
                                                          : read_escapes(s, in.len, out);
    return ret->len == SIZE_MAX ? df__pg_decode_fail(d, PG_WHY_BYTES) : DF_OK;
}
