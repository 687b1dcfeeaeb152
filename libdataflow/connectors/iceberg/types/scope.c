/* SPDX-License-Identifier: Apache-2.0
 * scope.c: see scope.h. A scope is the spec's number in 8 bytes, then for each field its
 * id, its kind and its value: a number in 8 bytes, or a length in 8 and the bytes. */
#include "types/scope.h"

#include <string.h>

enum { DECIMAL_BYTES = 16, DECIMAL_TEXT = 48, UUID_BYTES = 16, UUID_TEXT = 36 };

static void put_number(df__buf *b, int64_t n)
{
    df__buf_add(b, &n, sizeof n);
}

void df__ice_scope_add(df__buf *b, int64_t spec, const df__ice_avro_value *tuple)
{
    put_number(b, spec);
    for (size_t i = 0; tuple->kind == ICE_AVRO_RECORD && i < tuple->count; i++) {
        const df__ice_avro_value *v = &tuple->items[i];
        int64_t real;
        put_number(b, df__ice_avro_id(tuple, i));
        df__buf_char(b, (char)v->kind);
        memcpy(&real, &v->real, sizeof real);
        if (v->kind == ICE_AVRO_LONG || v->kind == ICE_AVRO_DOUBLE)
            put_number(b, v->kind == ICE_AVRO_LONG ? v->number : real);
        if (v->kind == ICE_AVRO_BYTES) {
            put_number(b, (int64_t)v->bytes.len);
            df__buf_add(b, v->bytes.data ? v->bytes.data : "", v->bytes.len);
        }
    }
}

static int64_t number_at(const char *p)
{
    int64_t n;
    memcpy(&n, p, sizeof n);
    return n;
}

int64_t df__ice_scope_spec(df_bytes scope)
{
    return number_at(scope.data);
}

int df__ice_is_unpartitioned(yyjson_val *fields)
{
    yyjson_val *f;
    size_t i, most;
    yyjson_arr_foreach (fields, i, most, f)
        if (!yyjson_equals_str(yyjson_obj_get(f, "transform"), "void"))
            return 0;
    return fields != NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A number with its sign, the highest byte first, as its text. */
static int decimal_of(df_bytes raw, int scale, df__arena *arena, df_value *ret)
{
    const unsigned char *p = raw.data;
    char digits[DECIMAL_TEXT], *text = df__arena_alloc(arena, DECIMAL_TEXT + 2);
    int n = 0;
    size_t len = 0;
    if (!text)
        return DF_ENOMEM;
    if (raw.len == 0 || raw.len > DECIMAL_BYTES)
        return DF_EDATA;
    __int128 whole = p[0] & 0x80 ? -1 : 0;
    for (size_t i = 0; i < raw.len; i++)
        whole = (__int128)((unsigned __int128)whole << 8 | p[i]);
    unsigned __int128 rest = whole < 0 ? -(unsigned __int128)whole : (unsigned __int128)whole;
    for (; (rest || n <= scale) && n < DECIMAL_TEXT; rest /= 10)
        digits[n++] = (char)('0' + (int)(rest % 10));
    if (whole < 0)
        text[len++] = '-';
    while (n > 0) {
        if (n-- == scale)
            text[len++] = '.';
        text[len++] = digits[n];
    }
    *ret = (df_value){.type = DF_V_NUMBER, .text = text, .len = len};
    return DF_OK;
}

static int uuid_of(df_bytes raw, df__arena *arena, df_value *ret)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = raw.data;
    char *text = df__arena_alloc(arena, UUID_TEXT);
    size_t len = 0;
    if (!text)
        return DF_ENOMEM;
    if (raw.len != UUID_BYTES)
        return DF_EDATA;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[len++] = '-';
        text[len++] = hex[p[i] >> 4];
        text[len++] = hex[p[i] & 15];
    }
    *ret = (df_value){.type = DF_V_STRING, .text = text, .len = len};
    return DF_OK;
}

static int number_of(int64_t n, const df__parquet_column *c, df_value *ret)
{
    static const int types[] = {
        [DF__PARQUET_BOOLEAN] = DF_V_BOOL,
        [DF__PARQUET_INT] = DF_V_INT,
        [DF__PARQUET_LONG] = DF_V_INT,
        [DF__PARQUET_DATE] = DF_V_DATE,
        [DF__PARQUET_TIME] = DF_V_TIME,
        [DF__PARQUET_TIMESTAMP] = DF_V_TIMESTAMP,
        [DF__PARQUET_TIMESTAMPTZ] = DF_V_TIMESTAMP,
    };
    size_t kind = (size_t)c->kind;
    if (kind >= sizeof types / sizeof *types || !types[kind])
        return DF_EDATA;
    *ret = (df_value){
        .type = types[kind], .zone = c->kind == DF__PARQUET_TIMESTAMP ? DF_ZONE_NONE : 0, .u.i = n};
    return DF_OK;
}

static int bytes_of(df_bytes raw, const df__parquet_column *c, df__arena *arena, df_value *ret)
{
    int text = c->kind == DF__PARQUET_STRING;
    if (c->kind == DF__PARQUET_DECIMAL)
        return decimal_of(raw, c->scale, arena, ret);
    if (c->kind == DF__PARQUET_UUID)
        return uuid_of(raw, arena, ret);
    if (!text && c->kind != DF__PARQUET_BINARY && c->kind != DF__PARQUET_FIXED)
        return DF_EDATA;
    *ret = (df_value){.type = text ? DF_V_STRING : DF_V_BYTES, .text = raw.data, .len = raw.len};
    return DF_OK;
}

int df__ice_scope_value(df_bytes scope, int field, const df__parquet_column *column,
                        df__arena *arena, df_value *ret)
{
    const char *p = (const char *)scope.data + 8, *end = (const char *)scope.data + scope.len;
    while (p < end) {
        int is_it = number_at(p) == field, rc = DF_OK;
        int kind = p[8];
        p += 9;
        *ret = (df_value){.type = DF_V_NULL};
        if (kind == ICE_AVRO_DOUBLE) {
            ret->type = DF_V_DOUBLE;
            memcpy(&ret->u.d, p, sizeof ret->u.d);
            p += 8;
        } else if (kind == ICE_AVRO_LONG) {
            rc = is_it ? number_of(number_at(p), column, ret) : rc;
            p += 8;
        } else if (kind == ICE_AVRO_BYTES) {
            df_bytes raw = {p + 8, (size_t)number_at(p)};
            rc = is_it ? bytes_of(raw, column, arena, ret) : rc;
            p += 8 + raw.len;
        }
        if (is_it)
            return rc == DF_OK ? 1 : rc;
    }
    return 0;
}
