/* SPDX-License-Identifier: Apache-2.0
 * decode_number.c: floats and decimals. No locale takes part. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode_kinds.h"
#include "scan.h"

static int give_double(double value, df_value *ret)
{
    ret->type = DF_V_DOUBLE;
    ret->u.d = value;
    return DF_OK;
}

static int give_number(const char *text, size_t len, df_value *ret)
{
    ret->type = DF_V_NUMBER;
    ret->text = text;
    ret->len = len;
    return DF_OK;
}

/* 1: NaN, Infinity, -Infinity. */
static int special(df_bytes in, df_value *ret)
{
    const char *s = in.data;
    if (in.len < 3 || !df__pg_scan_special(s, in.len))
        return 0;
    give_double(*s == 'N' ? (double)NAN : *s == '-' ? -HUGE_VAL : HUGE_VAL, ret);
    return 1;
}

int df__pg_text_float(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    df_value number = {.type = DF_V_NUMBER, .text = in.data, .len = in.len};
    double value;
    (void)t;
    if (special(in, ret))
        return DF_OK;
    return df_value_double(&number, &value) == DF_OK ? give_double(value, ret)
                                                     : df__pg_decode_fail(d, PG_WHY_BYTES);
}

int df__pg_text_numeric(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    df__pg_decimal decimal;
    (void)t;
    if (special(in, ret))
        return DF_OK;
    return df__pg_scan_decimal(in.data, in.len, &decimal) ? give_number(in.data, in.len, ret)
                                                          : df__pg_decode_fail(d, PG_WHY_BYTES);
}

int df__pg_bin_float8(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    uint64_t bits;
    double value;
    (void)t;
    if (in.len != sizeof bits)
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    bits = df__pg_u64(in.data);
    memcpy(&value, &bits, sizeof value);
    return give_double(value, ret);
}

/* A whole number times a power of ten. */
typedef struct scaled {
    long long digits;
    long power;
} scaled;

/* The number of so many digits that is nearest to the float. */
static scaled nearest(float f, int digits)
{
    char text[40];
    scaled n = {0, 0};
    snprintf(text, sizeof text, "%.*e", digits - 1, (double)f);
    const char *s = text;
    for (; *s != 'e' && *s; s++) /* a locale may have a point of its own */
        n.digits = *s >= '0' && *s <= '9' ? n.digits * 10 + (*s - '0') : n.digits;
    n.power = (*s ? strtol(s + 1, NULL, 10) : 0) - (digits - 1);
    n.digits *= text[0] == '-' ? -1 : 1;
    return n;
}

static double value_of(scaled n)
{
    char text[60];
    double value = 0;
    int len = snprintf(text, sizeof text, "%llde%ld", n.digits, n.power);
    df_value number = {.type = DF_V_NUMBER, .text = text, .len = (size_t)len};
    df_value_double(&number, &value);
    return value;
}

/* 1: the number lies nearer to f than to another float; the server does not take the middle. */
static int names(double value, float f)
{
    float other = nextafterf(f, value > (double)f ? HUGE_VALF : -HUGE_VALF);
    return (float)value == f && value != ((double)f + (double)other) / 2;
}

enum { FLOAT_SURE = 6, FLOAT_ENOUGH = 9 };

/* As the server writes it: with the fewest digits that read back as the float. Six digits or fewer
 * that do are the same number; where floats lie thinner, fewer digits may name one already. Above a
 * power of two floats lie half as close as below it, so the next number up may be the one. */
static double shortest(float f)
{
    double value = (double)f;
    if (fabsf(f) < 16777216.0F && f == truncf(f))
        return value;
    int digits = fpclassify(f) == FP_SUBNORMAL ? 1 : FLOAT_SURE;
    for (; digits <= FLOAT_ENOUGH; digits++) {
        scaled n = nearest(f, digits);
        value = value_of(n);
        if (names(value, f))
            break;
        n.digits += f < 0 ? -1 : 1;
        value = value_of(n);
        if (names(value, f))
            break;
    }
    return value;
}

int df__pg_bin_float4(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    uint32_t bits;
    float value;
    (void)t;
    if (in.len != sizeof bits)
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    bits = df__pg_u32(in.data);
    memcpy(&value, &bits, sizeof value);
    return give_double(isfinite(value) ? shortest(value) : (double)value, ret);
}

/* ---- numeric: groups of four decimal digits, by the power of 10,000 of the first ------------- */

enum {
    NUMERIC_NEGATIVE = 0x4000,
    NUMERIC_NAN = 0xC000,
    NUMERIC_PINF = 0xD000,
    NUMERIC_NINF = 0xF000
};
enum { NUMERIC_HEAD = 8, NUMERIC_SCALE = 0x3FFF, GROUP = 4 };

typedef struct groups {
    const unsigned char *at;
    int count, weight, sign, scale;
} groups;

static int read_groups(df_bytes in, groups *g)
{
    const unsigned char *s = in.data;
    if (in.len < NUMERIC_HEAD)
        return 0;
    *g = (groups){s + NUMERIC_HEAD, df__pg_u16(s), (int16_t)df__pg_u16(s + 2), df__pg_u16(s + 4),
                  df__pg_u16(s + 6)};
    if (in.len != NUMERIC_HEAD + 2 * (size_t)g->count || g->scale > NUMERIC_SCALE)
        return 0;
    for (int i = 0; i < g->count; i++)
        if (df__pg_u16(g->at + 2 * (size_t)i) > 9999)
            return 0;
    return 1;
}

/* The four digits of the group of 10,000 to this power. */
static void put_group(const groups *g, int power, char *out)
{
    int i = g->weight - power;
    unsigned value = i >= 0 && i < g->count ? df__pg_u16(g->at + 2 * (size_t)i) : 0;
    for (int k = GROUP - 1; k >= 0; k--) {
        out[k] = (char)('0' + value % 10);
        value /= 10;
    }
}

static size_t print_groups(const groups *g, char *out)
{
    char group[GROUP], *at = out;
    if (g->sign == NUMERIC_NEGATIVE)
        *at++ = '-';
    char *whole = at;
    for (int power = g->weight; power >= 0; power--) {
        put_group(g, power, group);
        size_t zeros = 0;
        while (at == whole && zeros < GROUP && group[zeros] == '0')
            zeros++;
        memcpy(at, group + zeros, GROUP - zeros);
        at += GROUP - zeros;
    }
    if (at == whole)
        *at++ = '0';
    if (g->scale > 0)
        *at++ = '.';
    for (int done = 0, power = -1; done < g->scale; done += GROUP, power--) {
        int left = g->scale - done;
        put_group(g, power, group);
        memcpy(at, group, left < GROUP ? (size_t)left : GROUP);
        at += left < GROUP ? left : GROUP;
    }
    return (size_t)(at - out);
}

int df__pg_bin_numeric(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    groups g;
    (void)t;
    if (!read_groups(in, &g))
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    switch (g.sign) {
    case NUMERIC_NAN:
        return give_double((double)NAN, ret);
    case NUMERIC_PINF:
        return give_double(HUGE_VAL, ret);
    case NUMERIC_NINF:
        return give_double(-HUGE_VAL, ret);
    case 0:
    case NUMERIC_NEGATIVE:
        break;
    default:
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    }
    size_t whole = g.weight >= 0 ? ((size_t)g.weight + 1) * GROUP : 1;
    char *text = df__arena_alloc(&d->memory, whole + (size_t)g.scale + 3);
    return text ? give_number(text, print_groups(&g, text), ret) : DF_ENOMEM;
}
