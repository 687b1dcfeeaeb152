/* SPDX-License-Identifier: Apache-2.0
 * plain_bytea.c: bytes: as they are, or from hexadecimal or base64 text. */
#include <string.h>

#include "plain.h"

static int hex_digit(char d)
{
    static const char set[] = "0123456789abcdefABCDEF";
    const char *hit = d ? memchr(set, d, 22) : NULL;
    int value = hit ? (int)(hit - set) : -1;
    return value > 15 ? value - 6 : value;
}

static int read_hex(df__pg_convert *c, const df_value *v)
{
    size_t skip = v->len >= 2 && v->text[0] == '\\' && v->text[1] == 'x' ? 2 : 0;
    int high = 0;
    for (size_t i = skip; i < v->len; i++) {
        int digit = hex_digit(v->text[i]);
        if (digit < 0)
            return df__pg_refuse_value(c, "not hexadecimal");
        if ((i - skip) % 2 == 0)
            high = digit;
        else
            df__buf_char(&c->element, (char)(high * 16 + digit));
    }
    if ((v->len - skip) % 2 != 0)
        return df__pg_refuse_value(c, "an odd number of hexadecimal digits");
    return DF_OK;
}

static int base64_digit(char d)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (d == '-' || d == '_') /* the alphabet for URLs */
        return d == '-' ? 62 : 63;
    const char *hit = d ? memchr(set, d, 64) : NULL;
    return hit ? (int)(hit - set) : -1;
}

static int read_base64(df__pg_convert *c, const df_value *v)
{
    size_t len = v->len;
    uint32_t word = 0;
    int bits = 0;
    while (len > 0 && v->len - len < 2 && v->text[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++) {
        int digit = base64_digit(v->text[i]);
        if (digit < 0)
            return df__pg_refuse_value(c, "not base64");
        word = (word << 6 | (uint32_t)digit) & 0xFFFFFF;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            df__buf_char(&c->element, (char)(word >> bits & 0xFF));
        }
    }
    if (bits >= 6 || (word & ((1U << bits) - 1)) != 0)
        return df__pg_refuse_value(c, "not base64");
    return DF_OK;
}

int df__pg_read_bytea(df__pg_convert *c, const df_value *v, df_bytes *ret)
{
    int text = v->type == DF_V_STRING;
    int rc;
    if (!text && v->type != DF_V_BYTES)
        return df__pg_refuse_value(c, "not text or bytes");
    if (!text || c->bytea == PG_BYTEA_TEXT) {
        *ret = (df_bytes){v->text, v->len};
        return DF_OK;
    }
    df__buf_clear(&c->element);
    rc = c->bytea == PG_BYTEA_HEX ? read_hex(c, v) : read_base64(c, v);
    *ret = (df_bytes){c->element.data, c->element.len};
    return rc == DF_OK && c->element.failed ? DF_ENOMEM : rc;
}

int df__pg_plain_bytea(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    static const char digits[] = "0123456789abcdef";
    df_bytes bytes = {NULL, 0};
    int rc = df__pg_read_bytea(c, v, &bytes);
    (void)t;
    if (rc != DF_OK)
        return rc;
    const unsigned char *s = bytes.data;
    df__buf_clear(&c->scratch);
    char *at = bytes.len < SIZE_MAX / 4 ? df__buf_reserve(&c->scratch, 2 * bytes.len + 2) : NULL;
    if (!at)
        return DF_ENOMEM;
    at[0] = '\\';
    at[1] = 'x';
    for (size_t i = 0; i < bytes.len; i++) {
        at[2 + 2 * i] = digits[s[i] >> 4];
        at[3 + 2 * i] = digits[s[i] & 15];
    }
    *r = (df__pg_plain){at, 2 * bytes.len + 2, 0};
    return DF_OK;
}
