/* SPDX-License-Identifier: Apache-2.0
 * default.c: the value of a column that older files do not have (initial-default of format version
 * 3), from JSON.
 * Source: the Iceberg table specification, "Default values" and Appendix D, "JSON single-value
 * serialization". */
#include <stdio.h>
#include <string.h>

#include "types/meta.h"
#include "util/rfc3339.h"

typedef struct reading {
    df__arena *arena;
    const df__parquet_column *column;
    yyjson_val *json;
    df_bytes text; /* data NULL: it is none */
} reading;

static int copy_text(const reading *r, int type, df_value *ret)
{
    df_bytes copy;
    if (!r->text.data)
        return DF_EDATA;
    int rc = df__arena_copy(r->arena, r->text, &copy);
    *ret = (df_value){.type = type, .text = rc == DF_OK ? copy.data : NULL, .len = r->text.len};
    return rc;
}

static int read_number(const reading *r, df_value *ret)
{
    int kind = r->column->kind;
    if (kind == DF__PARQUET_FLOAT || kind == DF__PARQUET_DOUBLE) {
        if (!yyjson_is_num(r->json))
            return DF_EDATA;
        *ret = (df_value){.type = DF_V_DOUBLE, .u.d = yyjson_get_num(r->json)};
        return DF_OK;
    }
    if (!yyjson_is_int(r->json) ||
        (yyjson_is_uint(r->json) && yyjson_get_uint(r->json) > INT64_MAX))
        return DF_EDATA;
    *ret = (df_value){.type = DF_V_INT, .u.i = yyjson_get_sint(r->json)};
    return kind == DF__PARQUET_LONG || ret->u.i == (int32_t)ret->u.i ? DF_OK : DF_EDATA;
}

/* As many digits after the point as the scale says: as files give it. */
static int read_decimal(const reading *r, df_value *ret)
{
    df__exact exact;
    __int128 whole;
    if (!r->text.data || df__exact_parse(r->text, &exact) != DF_OK ||
        df__exact_int(&exact, r->column->scale, 0, &whole) != DF_OK)
        return DF_EDATA;
    return exact.fraction_given == (size_t)r->column->scale && exact.exponent == 0
               ? copy_text(r, DF_V_NUMBER, ret)
               : DF_EDATA;
}

static int hex_of(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

static int read_bytes(const reading *r, df_value *ret)
{
    const char *s = r->text.data;
    size_t len = r->text.len / 2;
    if (!s || r->text.len % 2 ||
        (r->column->kind == DF__PARQUET_FIXED && len != (size_t)r->column->length))
        return DF_EDATA;
    char *out = df__arena_alloc(r->arena, len + 1);
    if (!out)
        return DF_ENOMEM;
    for (size_t i = 0; i < len; i++) {
        int high = hex_of(s[2 * i]), low = hex_of(s[2 * i + 1]);
        if (high < 0 || low < 0)
            return DF_EDATA;
        out[i] = (char)(high << 4 | low);
    }
    *ret = (df_value){.type = DF_V_BYTES, .text = out, .len = len};
    return DF_OK;
}

/* Days and times of day are read as a part of a moment. */
static int read_time(const reading *r, df_value *ret)
{
    static const struct {
        int kind;
        const char *before, *after;
        int type, zone, has_zone;
    } rows[] = {
        {DF__PARQUET_DATE, "", "T00:00:00", DF_V_DATE, 0, 0},
        {DF__PARQUET_TIME, "1970-01-01T", "", DF_V_TIME, 0, 0},
        {DF__PARQUET_TIMESTAMP, "", "", DF_V_TIMESTAMP, DF_ZONE_NONE, 0},
        {DF__PARQUET_TIMESTAMP_NS, "", "", DF_V_TIMESTAMP, DF_ZONE_NONE, 0},
        {DF__PARQUET_TIMESTAMPTZ, "", "", DF_V_TIMESTAMP, 0, 1},
        {DF__PARQUET_TIMESTAMPTZ_NS, "", "", DF_V_TIMESTAMP, 0, 1},
    };
    char text[80];
    df__stamp at;
    size_t i = 0;
    while (rows[i].kind != r->column->kind)
        i++;
    int len = snprintf(text, sizeof text, "%s%.*s%s", rows[i].before, (int)r->text.len,
                       r->text.data ? (const char *)r->text.data : "", rows[i].after);
    if (len >= (int)sizeof text || df__stamp_parse((df_bytes){text, (size_t)len}, &at) != DF_OK ||
        at.has_zone != rows[i].has_zone || at.nsec % 1000)
        return DF_EDATA;
    int64_t us = (at.local - at.offset) * 1000000 + at.nsec / 1000;
    int64_t days = (at.local - (at.local % 86400 + 86400) % 86400) / 86400;
    *ret = (df_value){
        .type = rows[i].type, .zone = rows[i].zone, .u.i = rows[i].type == DF_V_DATE ? days : us};
    return DF_OK;
}

static int read_bool(const reading *r, df_value *ret)
{
    *ret = (df_value){.type = DF_V_BOOL, .u.i = yyjson_get_bool(r->json)};
    return yyjson_is_bool(r->json) ? DF_OK : DF_EDATA;
}

static int read_text(const reading *r, df_value *ret)
{
    return copy_text(r, DF_V_STRING, ret);
}

/* Those of containers are not supported. */
static int (*const readers[])(const reading *r,
                              df_value *ret) = {[DF__PARQUET_BOOLEAN] = read_bool,
                                                [DF__PARQUET_INT] = read_number,
                                                [DF__PARQUET_LONG] = read_number,
                                                [DF__PARQUET_FLOAT] = read_number,
                                                [DF__PARQUET_DOUBLE] = read_number,
                                                [DF__PARQUET_DECIMAL] = read_decimal,
                                                [DF__PARQUET_DATE] = read_time,
                                                [DF__PARQUET_TIME] = read_time,
                                                [DF__PARQUET_TIMESTAMP] = read_time,
                                                [DF__PARQUET_TIMESTAMPTZ] = read_time,
                                                [DF__PARQUET_TIMESTAMP_NS] = read_time,
                                                [DF__PARQUET_TIMESTAMPTZ_NS] = read_time,
                                                [DF__PARQUET_STRING] = read_text,
                                                [DF__PARQUET_UUID] = read_text,
                                                [DF__PARQUET_FIXED] = read_bytes,
                                                [DF__PARQUET_BINARY] = read_bytes,
                                                [DF__PARQUET_MAP] = NULL};

int df__ice_default(df__arena *arena, yyjson_val *json, df__parquet_column *c)
{
    reading r = {arena, c, json, {yyjson_get_str(json), yyjson_get_len(json)}};
    df_value *value;
    if (!json || yyjson_is_null(json))
        return DF_OK;
    value = df__arena_alloc(arena, sizeof *value);
    if (!value)
        return DF_ENOMEM;
    c->missing = value;
    return readers[c->kind] ? readers[c->kind](&r, value) : DF_EDATA;
}
