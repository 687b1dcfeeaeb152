/* SPDX-License-Identifier: Apache-2.0
 * plain.c: converts values by the kind of their column. Nothing is rounded, cut or guessed: what
 * a type cannot hold is refused with a reason. */
#include "plain.h"

#include <string.h>

#include "ident.h"
#include "scan.h"

typedef int (*convert_fn)(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                          df__pg_plain *r);

typedef size_t (*print_fn)(const df_value *v, char *buf, size_t len);

static int refuse(df__pg_convert *c, const char *why)
{
    c->why = why;
    return DF_EDATA;
}

static int give(df__pg_plain *r, const char *text, size_t len, int safe)
{
    *r = (df__pg_plain){text, len, safe};
    return DF_OK;
}

/* Runs one of the snprintf-like printers into the scratch buffer. */
static int print_value(df__pg_convert *c, const df_value *v, print_fn print, df__pg_plain *r)
{
    df__buf_clear(&c->scratch);
    for (size_t room = 256;;) {
        char *at = df__buf_reserve(&c->scratch, room);
        if (!at) {
            return DF_ENOMEM;
        }
        size_t len = print(v, at, room);
        if (len <= room) {
            return give(r, at, len, 0);
        }
        room = len;
    }
}

static size_t print_i64(char *out, int64_t value)
{
    char text[24];
    size_t n = sizeof text;
    uint64_t u = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        text[--n] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (value < 0) {
        text[--n] = '-';
    }
    memcpy(out, text + n, sizeof text - n);
    return sizeof text - n;
}

static int give_int(df__pg_convert *c, int64_t value, df__pg_plain *r)
{
    return give(r, c->small, print_i64(c->small, value), 1);
}

static int to_int(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    static const int64_t highest[] = {[PG_INT2] = INT16_MAX, [PG_INT4] = INT32_MAX,
                                      [PG_INT8] = INT64_MAX};
    int64_t value = 0;
    switch (v->type) {
    case DF_V_INT:
        value = v->u.i;
        break;
    case DF_V_STRING:
        if (!df__pg_scan_int(v->text, v->len, &value)) {
            return refuse(c, "not a whole number of 64 bits");
        }
        break;
    case DF_V_NUMBER:
    case DF_V_DOUBLE:
        if (df_value_int(v, &value) != DF_OK) {
            return refuse(c, "not a whole number of 64 bits");
        }
        break;
    default:
        return refuse(c, "not a number");
    }
    int64_t high = highest[t->kind];
    if (value > high || value < -high - 1) {
        return refuse(c, "out of range");
    }
    if (v->type == DF_V_INT && v->text) {
        return give(r, v->text, v->len, 1);
    }
    return give_int(c, value, r);
}

/* A number as written. *ret_exact is 0 for NaN and the infinities. */
static int number_text(df__pg_convert *c, const df_value *v, df__pg_plain *r, df__pg_decimal *dec,
                       int *ret_exact)
{
    int rc = DF_OK;
    *ret_exact = 1;
    if (v->type == DF_V_INT && !v->text) {
        rc = give_int(c, v->u.i, r);
    } else if (v->type == DF_V_DOUBLE) {
        rc = print_value(c, v, df_value_text, r);
    } else if (v->type == DF_V_INT || v->type == DF_V_NUMBER || v->type == DF_V_STRING) {
        rc = give(r, v->text, v->len, 1);
    } else {
        return refuse(c, "not a number");
    }
    if (rc != DF_OK || df__pg_scan_decimal(r->text, r->len, dec)) {
        r->safe = 1;
        return rc;
    }
    if (v->type != DF_V_INT && df__pg_scan_special(r->text, r->len)) {
        *ret_exact = 0;
        r->safe = 1;
        return DF_OK;
    }
    return refuse(c, "not a number");
}

static int to_float(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    df__pg_decimal dec;
    int exact;
    int rc = number_text(c, v, r, &dec, &exact);
    if (rc != DF_OK || !exact) {
        return rc;
    }
    int64_t high = t->kind == PG_FLOAT4 ? 38 : 308;
    int64_t low = t->kind == PG_FLOAT4 ? -46 : -324;
    if (!dec.zero && (dec.high > high || dec.high < low)) {
        return refuse(c, "out of range");
    }
    return DF_OK;
}

static int to_numeric(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    df__pg_decimal dec;
    int exact;
    int rc = number_text(c, v, r, &dec, &exact);
    if (rc != DF_OK || !exact || dec.zero) {
        return rc;
    }
    if (t->limit == 0) {
        if (dec.high > 131071 || dec.low < -16383) {
            return refuse(c, "out of range");
        }
        return DF_OK;
    }
    if (dec.high + 1 > t->limit - t->scale) {
        return refuse(c, "more digits before the point than the column keeps");
    }
    if (-dec.low > t->scale && !c->round) {
        return refuse(c, "more decimals than the column keeps (roundNumbers: true rounds them)");
    }
    return DF_OK;
}

static int to_bool(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    int value = 0;
    (void)t;
    if (v->type == DF_V_BOOL || (v->type == DF_V_INT && (v->u.i == 0 || v->u.i == 1))) {
        value = v->u.i != 0;
    } else if (v->type != DF_V_STRING || !df__pg_scan_bool(v->text, v->len, &value)) {
        return refuse(c, "not true or false");
    }
    return give(r, value ? "t" : "f", 1, 1);
}

/* Characters of UTF-8 text without the spaces at its end, which a varchar may lose. */
static int fits(const char *s, size_t len, int32_t limit)
{
    size_t count = 0;
    if (len <= (size_t)limit) {
        return 1;
    }
    while (len > 0 && s[len - 1] == ' ') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        count += ((unsigned char)s[i] & 0xC0) != 0x80;
    }
    return count <= (size_t)limit;
}

static int to_text(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    static const char *const words[] = {"false", "true"};
    int rc = DF_OK;
    if (v->type == DF_V_STRING) {
        give(r, v->text, v->len, 0);
    } else if (v->type == DF_V_BYTES) {
        if (!df__pg_utf8_valid(v->text, v->len)) {
            return refuse(c, "bytes that are not UTF-8 text");
        }
        give(r, v->text, v->len, 0);
    } else if ((v->type == DF_V_INT || v->type == DF_V_NUMBER) && v->text) {
        give(r, v->text, v->len, 1);
    } else if (v->type == DF_V_BOOL) {
        give(r, words[v->u.i != 0], strlen(words[v->u.i != 0]), 1);
    } else {
        int tree = v->type == DF_V_OBJECT || v->type == DF_V_ARRAY;
        rc = print_value(c, v, tree ? df_value_json : df_value_text, r);
    }
    if (rc == DF_OK && t->limit > 0 && !fits(r->text, r->len, t->limit)) {
        return refuse(c, "too long");
    }
    return rc;
}

static int to_uuid(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    (void)t;
    if (v->type != DF_V_STRING || !df__pg_scan_uuid(v->text, v->len)) {
        return refuse(c, "not a uuid");
    }
    return give(r, v->text, v->len, 1);
}

/* jsonb stores decoded text and so cannot hold a NUL. An odd number of backslashes makes \u0000
 * an escape. */
static int has_nul_escape(const char *s, size_t len)
{
    const char *end = s + len;
    while ((s = memmem(s, (size_t)(end - s), "\\u0000", 6)) != NULL) {
        size_t slashes = 1;
        while (slashes <= len && s - slashes >= end - len && s[-(ptrdiff_t)slashes] == '\\') {
            slashes++;
        }
        if (slashes % 2 == 1) {
            return 1;
        }
        s += 6;
    }
    return 0;
}

static int to_json(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    int rc = print_value(c, v, df_value_json, r);
    if (rc == DF_OK && t->kind == PG_JSONB && has_nul_escape(r->text, r->len)) {
        return refuse(c, "holds \\u0000, which jsonb cannot store");
    }
    return rc;
}

static int give_hex(df__pg_convert *c, const char *s, size_t len, df__pg_plain *r)
{
    static const char digits[] = "0123456789abcdef";
    df__buf_clear(&c->scratch);
    char *at = len < SIZE_MAX / 4 ? df__buf_reserve(&c->scratch, 2 * len + 2) : NULL;
    if (!at) {
        return DF_ENOMEM;
    }
    at[0] = '\\';
    at[1] = 'x';
    for (size_t i = 0; i < len; i++) {
        at[2 + 2 * i] = digits[(unsigned char)s[i] >> 4];
        at[3 + 2 * i] = digits[(unsigned char)s[i] & 15];
    }
    return give(r, at, 2 * len + 2, 0);
}

static int hex_as_given(df__pg_convert *c, const df_value *v, df__pg_plain *r)
{
    size_t skip = v->len >= 2 && v->text[0] == '\\' && v->text[1] == 'x' ? 2 : 0;
    size_t len = v->len - skip;
    for (size_t i = skip; i < v->len; i++) {
        if (!memchr("0123456789abcdefABCDEF", v->text[i], 22)) {
            return refuse(c, "not hexadecimal");
        }
    }
    if (len % 2 != 0) {
        return refuse(c, "an odd number of hexadecimal digits");
    }
    df__buf_clear(&c->scratch);
    df__buf_str(&c->scratch, "\\x");
    df__buf_add(&c->scratch, v->text + skip, len);
    return c->scratch.failed ? DF_ENOMEM : give(r, c->scratch.data, c->scratch.len, 0);
}

static int base64_digit(char d)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (d == '-' || d == '_') { /* the alphabet for URLs */
        return d == '-' ? 62 : 63;
    }
    const char *hit = d ? memchr(set, d, 64) : NULL;
    return hit ? (int)(hit - set) : -1;
}

static int give_base64(df__pg_convert *c, const df_value *v, df__pg_plain *r)
{
    size_t len = v->len;
    uint32_t word = 0;
    int bits = 0;
    while (len > 0 && v->len - len < 2 && v->text[len - 1] == '=') {
        len--;
    }
    df__buf_clear(&c->element);
    for (size_t i = 0; i < len; i++) {
        int digit = base64_digit(v->text[i]);
        if (digit < 0) {
            return refuse(c, "not base64");
        }
        word = (word << 6 | (uint32_t)digit) & 0xFFFFFF;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            df__buf_char(&c->element, (char)(word >> bits & 0xFF));
        }
    }
    if (bits >= 6 || (word & ((1U << bits) - 1)) != 0) {
        return refuse(c, "not base64");
    }
    return c->element.failed ? DF_ENOMEM : give_hex(c, c->element.data, c->element.len, r);
}

static int to_bytea(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    (void)t;
    if (v->type == DF_V_STRING && c->bytea == PG_BYTEA_HEX) {
        return hex_as_given(c, v, r);
    }
    if (v->type == DF_V_STRING && c->bytea == PG_BYTEA_BASE64) {
        return give_base64(c, v, r);
    }
    if (v->type == DF_V_STRING || v->type == DF_V_BYTES) {
        return give_hex(c, v->text, v->len, r);
    }
    return refuse(c, "not text or bytes");
}

static int to_enum(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    size_t low = 0, high = t->label_count;
    if (v->type != DF_V_STRING) {
        return refuse(c, "not text");
    }
    while (low < high) {
        size_t mid = (low + high) / 2;
        const df_bytes *label = &t->labels[mid];
        size_t common = label->len < v->len ? label->len : v->len;
        int order = memcmp(label->data, v->text, common);
        order = order ? order : (label->len > v->len) - (label->len < v->len);
        if (order == 0) {
            return give(r, v->text, v->len, 0);
        }
        if (order < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return refuse(c, "none of the values of this enum");
}

static const convert_fn converters[PG_KINDS] = {
    [PG_OTHER] = to_text,
    [PG_TEXT] = to_text,
    [PG_BOOL] = to_bool,
    [PG_INT2] = to_int,
    [PG_INT4] = to_int,
    [PG_INT8] = to_int,
    [PG_FLOAT4] = to_float,
    [PG_FLOAT8] = to_float,
    [PG_NUMERIC] = to_numeric,
    [PG_UUID] = to_uuid,
    [PG_DATE] = df__pg_plain_date,
    [PG_TIME] = df__pg_plain_time,
    [PG_TIMETZ] = df__pg_plain_time,
    [PG_TIMESTAMP] = df__pg_plain_stamp,
    [PG_TIMESTAMPTZ] = df__pg_plain_stamp,
    [PG_JSON] = to_json,
    [PG_JSONB] = to_json,
    [PG_BYTEA] = to_bytea,
    [PG_ENUM] = to_enum,
};

int df__pg_plain_value(df__pg_convert *c, const df__pg_type *type, const df_value *v,
                       df__pg_plain *ret)
{
    return converters[type->kind](c, type, v, ret);
}
