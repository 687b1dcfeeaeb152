/* SPDX-License-Identifier: Apache-2.0
 * plain.c: truth values, text, uuids, JSON and enum labels as text. Nothing is rounded, cut or
 * guessed: what a type cannot hold is refused with a reason. */
#include "plain.h"

#include <string.h>

#include "client/ident.h"
#include "scan.h"

static int give(df__pg_plain *r, const char *text, size_t len, int safe)
{
    *r = (df__pg_plain){text, len, safe};
    return DF_OK;
}

int df__pg_refuse_value(df__pg_convert *c, const char *why)
{
    c->why = why;
    return DF_EDATA;
}

/* At the end of b, whose length stays. */
static const char *print_to(df__buf *b, const df_value *v, df__pg_print_fn print, size_t *ret_len)
{
    for (size_t room = 256;; room = *ret_len) {
        char *at = df__buf_reserve(b, room);
        *ret_len = at ? print(v, at, room) : 0;
        if (*ret_len <= room)
            return at;
    }
}

int df__pg_plain_print(df__pg_convert *c, const df_value *v, df__pg_print_fn print, df__pg_plain *r)
{
    size_t len;
    df__buf_clear(&c->scratch);
    const char *text = print_to(&c->scratch, v, print, &len);
    return text ? give(r, text, len, 0) : DF_ENOMEM;
}

int df__pg_plain_bool(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    int value = 0;
    (void)t;
    if (v->type == DF_V_BOOL || (v->type == DF_V_INT && (v->u.i == 0 || v->u.i == 1)))
        value = v->u.i != 0;
    else if (v->type != DF_V_STRING || !df__pg_scan_bool(v->text, v->len, &value))
        return df__pg_refuse_value(c, "not true or false");
    return give(r, value ? "t" : "f", 1, 1);
}

/* Characters of UTF-8 text without the spaces at its end, which a varchar may lose. */
static int fits(const char *s, size_t len, int32_t limit)
{
    size_t count = 0;
    if (len <= (size_t)limit)
        return 1;
    while (len > 0 && s[len - 1] == ' ')
        len--;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)s[i] & 0xC0) != 0x80;
    return count <= (size_t)limit;
}

int df__pg_plain_text(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    static const char *const words[] = {"false", "true"};
    int rc = DF_OK;
    if (v->type == DF_V_STRING) {
        give(r, v->text, v->len, 0);
    } else if (v->type == DF_V_BYTES) {
        if (!df__pg_utf8_valid(v->text, v->len))
            return df__pg_refuse_value(c, "bytes that are not UTF-8 text");
        give(r, v->text, v->len, 0);
    } else if ((v->type == DF_V_INT || v->type == DF_V_NUMBER) && v->text) {
        give(r, v->text, v->len, 1);
    } else if (v->type == DF_V_BOOL) {
        give(r, words[v->u.i != 0], strlen(words[v->u.i != 0]), 1);
    } else {
        int tree = v->type == DF_V_OBJECT || v->type == DF_V_ARRAY;
        rc = df__pg_plain_print(c, v, tree ? df_value_json : df_value_text, r);
    }
    if (rc == DF_OK && t->limit > 0 && !fits(r->text, r->len, t->limit))
        return df__pg_refuse_value(c, "too long");
    return rc;
}

/* "char" and name: the server would cut what is longer, in bytes. */
int df__pg_plain_short(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    df__pg_type unlimited = *t;
    unlimited.limit = 0;
    int rc = df__pg_plain_text(c, &unlimited, v, r);
    if (rc == DF_OK && r->len > (size_t)t->limit)
        return df__pg_refuse_value(c, "longer than the bytes of its type");
    return rc;
}

int df__pg_plain_uuid(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    (void)t;
    if (v->type != DF_V_STRING || !df__pg_scan_uuid(v->text, v->len))
        return df__pg_refuse_value(c, "not a uuid");
    return give(r, v->text, v->len, 1);
}

/* jsonb stores decoded text and so cannot hold a NUL. An odd number of backslashes makes \u0000
 * an escape. */
static int has_nul_escape(const char *s, size_t len)
{
    const char *end = s + len;
    while ((s = memmem(s, (size_t)(end - s), "\\u0000", 6))) {
        size_t slashes = 1;
        while (slashes <= len && s - slashes >= end - len && s[-(ptrdiff_t)slashes] == '\\')
            slashes++;
        if (slashes % 2 == 1)
            return 1;
        s += 6;
    }
    return 0;
}

int df__pg_print_json(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b,
                      size_t *ret_len)
{
    const char *text = print_to(b, v, df_value_json, ret_len);
    if (!text)
        return DF_ENOMEM;
    return t->kind == PG_KIND_JSONB && has_nul_escape(text, *ret_len)
               ? df__pg_refuse_value(c, "holds \\u0000, which jsonb cannot store")
               : DF_OK;
}

int df__pg_plain_json(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    size_t len;
    df__buf_clear(&c->scratch);
    int rc = df__pg_print_json(c, t, v, &c->scratch, &len);
    return rc == DF_OK ? give(r, c->scratch.data, len, 0) : rc;
}

int df__pg_plain_enum(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    size_t low = 0, high = t->label_count;
    if (v->type != DF_V_STRING)
        return df__pg_refuse_value(c, "not text");
    while (low < high) {
        size_t mid = (low + high) / 2;
        const df_bytes *label = &t->labels[mid];
        size_t common = label->len < v->len ? label->len : v->len;
        int order = memcmp(label->data, v->text, common);
        order = order ? order : (label->len > v->len) - (label->len < v->len);
        if (order == 0)
            return give(r, v->text, v->len, 0);
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return df__pg_refuse_value(c, "none of the values of this enum");
}
