/* SPDX-License-Identifier: Apache-2.0
 * transform.c: a value to that of its partition, as Java computes it. */
#include <stdio.h>
#include <string.h>

#include "types/single.h"
#include "types/transform.h"
#include "util/rfc3339.h"

static const char *const names[ICE_TRANSFORMS] = {"identity", "bucket", "truncate", "year",
                                                  "month",    "day",    "hour",     "void"};

int df__ice_transform_find(df_bytes name)
{
    for (int i = 0; i < ICE_TRANSFORMS; i++)
        if (strlen(names[i]) == name.len && memcmp(names[i], name.data, name.len) == 0)
            return i;
    return -1;
}

const char *df__ice_transform_name(int kind)
{
    return names[kind];
}

int df__ice_transform_read(const char *text, df__ice_transform *ret)
{
    size_t len = strcspn(text, "[");
    int end = 0;
    *ret = (df__ice_transform){.kind = df__ice_transform_find((df_bytes){text, len})};
    int has_number = ret->kind == ICE_BUCKET || ret->kind == ICE_TRUNCATE;
    if (ret->kind < 0 || has_number != (text[len] == '['))
        return DF_EDATA;
    if (!has_number)
        return DF_OK;
    return sscanf(text + len, "[%9d]%n", &ret->number, &end) == 1 && end > 0 &&
                   text[len + (size_t)end] == '\0' && ret->number > 0
               ? DF_OK
               : DF_EDATA;
}

/* Bits: the transforms that take that kind. */
enum {
    B_ANY = 1 << ICE_IDENTITY | 1 << ICE_VOID,
    B_HASHED = B_ANY | 1 << ICE_BUCKET,
    B_CUT = B_HASHED | 1 << ICE_TRUNCATE,
    B_DAYS = B_HASHED | 1 << ICE_YEAR | 1 << ICE_MONTH | 1 << ICE_DAY,
    B_TIMES = B_DAYS | 1 << ICE_HOUR
};

int df__ice_transform_takes(const df__ice_transform *t, int kind)
{
    static const unsigned short takes[] = {
        [DF__PARQUET_BOOLEAN] = B_ANY,     [DF__PARQUET_INT] = B_CUT,
        [DF__PARQUET_LONG] = B_CUT,        [DF__PARQUET_FLOAT] = B_ANY,
        [DF__PARQUET_DOUBLE] = B_ANY,      [DF__PARQUET_DECIMAL] = B_CUT,
        [DF__PARQUET_DATE] = B_DAYS,       [DF__PARQUET_TIME] = B_HASHED,
        [DF__PARQUET_TIMESTAMP] = B_TIMES, [DF__PARQUET_TIMESTAMPTZ] = B_TIMES,
        [DF__PARQUET_STRING] = B_CUT,      [DF__PARQUET_UUID] = B_HASHED,
        [DF__PARQUET_FIXED] = B_HASHED,    [DF__PARQUET_BINARY] = B_CUT,
    };
    size_t n = sizeof takes / sizeof *takes;
    return t->kind == ICE_VOID || ((size_t)kind < n && takes[kind] >> t->kind & 1);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void put_decimal(__int128 v, df__buf *out)
{
    int n = 16;
    while (n > 1 && (v >> (8 * (n - 1) - 1) == 0 || v >> (8 * (n - 1) - 1) == -1))
        n--;
    while (n-- > 0)
        df__buf_char(out, (char)(v >> (8 * n)));
}

static void put_int(int64_t v, df__buf *out)
{
    int32_t narrow = (int32_t)v;
    df__buf_add(out, &narrow, sizeof narrow);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- bucket ---------------------------------------------------------------------------------- */

static uint32_t turn(uint32_t v, int by)
{
    return v << by | v >> (32 - by);
}

static uint32_t scramble(uint32_t k)
{
    return turn(k * UINT32_C(0xcc9e2d51), 15) * UINT32_C(0x1b873593);
}

/* Murmur3, 32 bits, seed 0. */
static uint32_t murmur(const unsigned char *p, size_t len)
{
    uint32_t hash = 0, k;
    size_t at = 0;
    for (; at + 4 <= len; at += 4) {
        memcpy(&k, p + at, 4);
        hash = turn(hash ^ scramble(k), 13) * 5 + UINT32_C(0xe6546b64);
    }
    k = 0;
    for (size_t i = len; i > at; i--)
        k = k << 8 | p[i - 1];
    hash ^= scramble(k) ^ (uint32_t)len;
    hash = (hash ^ hash >> 16) * UINT32_C(0x85ebca6b);
    hash = (hash ^ hash >> 13) * UINT32_C(0xc2b2ae35);
    return hash ^ hash >> 16;
}

static int is_whole(int kind)
{
    return kind == DF__PARQUET_INT || kind == DF__PARQUET_LONG ||
           (kind >= DF__PARQUET_DATE && kind <= DF__PARQUET_TIMESTAMPTZ);
}

/* Whole numbers are hashed as 64 bits, so that a column may become wider. */
static void put_bucket(int32_t count, int kind, df_bytes single, df__buf *out)
{
    int64_t wide = is_whole(kind) ? df__ice_whole_of(single) : 0;
    uint32_t hash = is_whole(kind) ? murmur((const unsigned char *)&wide, sizeof wide)
                                   : murmur(single.data, single.len);
    put_int((int64_t)((hash & INT32_MAX) % (uint32_t)count), out);
}

/* ---- truncate -------------------------------------------------------------------------------- */

static size_t characters(df_bytes text, int32_t count)
{
    const unsigned char *p = text.data;
    size_t at = 0;
    while (at < text.len && count-- > 0)
        for (at++; at < text.len && (p[at] & 0xc0) == 0x80;)
            at++;
    return at;
}

/* The lowest numbers wrap around, as in Java. */
static void put_truncated(int32_t width, int kind, df_bytes single, df__buf *out)
{
    if (kind == DF__PARQUET_STRING) {
        df__buf_add(out, single.data, characters(single, width));
    } else if (kind == DF__PARQUET_BINARY) {
        df__buf_add(out, single.data, single.len < (size_t)width ? single.len : (size_t)width);
    } else if (kind == DF__PARQUET_DECIMAL) {
        __int128 v = df__ice_decimal_of(single);
        put_decimal(v - (v % width + width) % width, out);
    } else {
        int64_t v = df__ice_whole_of(single), rest = (v % width + width) % width;
        uint64_t cut = (uint64_t)v - (uint64_t)rest;
        df__buf_add(out, &cut, single.len);
    }
}

/* ---- times ----------------------------------------------------------------------------------- */

/* Columns have days or µs. */
static int64_t seconds_of(int kind, df_bytes single)
{
    int64_t v = df__ice_whole_of(single);
    return kind == DF__PARQUET_DATE ? v * 86400 : floor_div(v, 1000000);
}

static void put_time(int transform, int64_t sec, df__buf *out)
{
    df__civil c;
    if (transform == ICE_DAY || transform == ICE_HOUR) {
        put_int(floor_div(sec, transform == ICE_DAY ? 86400 : 3600), out);
        return;
    }
    df__civil_from_sec(sec, &c);
    put_int(transform == ICE_YEAR ? c.year - 1970 : (c.year - 1970) * 12 + c.month - 1, out);
}

void df__ice_transform_put(const df__ice_transform *t, int kind, df_bytes single, df__buf *out)
{
    if (t->kind == ICE_IDENTITY)
        df__buf_add(out, single.len ? single.data : "", single.len);
    else if (t->kind == ICE_BUCKET)
        put_bucket(t->number, kind, single, out);
    else if (t->kind == ICE_TRUNCATE)
        put_truncated(t->number, kind, single, out);
    else
        put_time(t->kind, seconds_of(kind, single), out);
}
