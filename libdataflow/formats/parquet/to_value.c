/* SPDX-License-Identifier: Apache-2.0
 * to_value.c: plain values of a file as df_values, wider than the file has them where that is
 * wanted; and which of them may be which. */
#include <math.h>

#include "formats/parquet/read.h"
#include "util/rfc3339.h"

#define DAY_US INT64_C(86400000000)
#define DAY_NS INT64_C(86400000000000)
enum {
    BILLION = 1000000000,
    JULIAN_1970 = 2440588,
    UUID_TEXT = 36,
    STAMP = 64,
    DECIMAL_BYTES = 64
};

static df_value value_of(int type, int64_t i)
{
    df_value v = {type, 0, {i}, NULL, 0};
    return v;
}

static df_value text_value(int type, const void *text, size_t len)
{
    df_value v = {type, 0, {0}, text, len};
    return v;
}

static int64_t whole_of(const df__pq_plan *p, df__pq_raw raw)
{
    const df__pq_element *e = p->from->element;
    if (e->physical == DF__PQ_INT64)
        return (int64_t)raw.bits;
    if (e->bits == 32 && !e->is_signed)
        return (int64_t)(uint32_t)raw.bits;
    return (int32_t)(uint32_t)raw.bits;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static int to_boolean(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    (void)p;
    (void)a;
    *ret = value_of(DF_V_BOOL, (int64_t)raw.bits);
    return DF_OK;
}

static int to_whole(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    (void)a;
    *ret = value_of(DF_V_INT, whole_of(p, raw));
    return DF_OK;
}

static double half_float(unsigned h)
{
    int exponent = (int)(h >> 10 & 31);
    double fraction = (double)(h & 1023), sign = h >> 15 ? -1 : 1;
    if (exponent == 31)
        return fraction != 0 ? NAN : sign * INFINITY;
    if (!exponent)
        return sign * ldexp(fraction, -24);
    return sign * ldexp(1024 + fraction, exponent - 25);
}

static int to_double(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    int physical = p->from->element->physical;
    uint32_t half = (uint32_t)raw.bits;
    float f;
    (void)a;
    *ret = value_of(DF_V_DOUBLE, 0);
    if (physical == DF__PQ_DOUBLE) {
        memcpy(&ret->u.d, &raw.bits, sizeof ret->u.d);
    } else if (physical == DF__PQ_FLOAT) {
        memcpy(&f, &half, sizeof f);
        ret->u.d = (double)f;
    } else {
        const unsigned char *b = raw.bytes.data;
        ret->u.d = half_float(b[0] | (unsigned)b[1] << 8);
    }
    return DF_OK;
}

/* Digits of a big-endian number, from the last one on; answers how many. */
static size_t digits_of(const unsigned char *p, size_t len, int negative, char *digits)
{
    uint32_t limbs[DECIMAL_BYTES * 241 / 900 + 2] = {0};
    size_t used = 1, n = 0;
    for (size_t i = 0; i < len; i++) {
        uint64_t carry = negative ? (unsigned char)~p[i] : p[i];
        for (size_t k = 0; k < used; k++) {
            carry += (uint64_t)limbs[k] << 8;
            limbs[k] = (uint32_t)(carry % BILLION);
            carry /= BILLION;
        }
        if (carry)
            limbs[used++] = (uint32_t)carry;
    }
    for (size_t k = 0; negative; k++) { /* -x is ~x + 1 */
        if (k == used)
            limbs[used++] = 0;
        limbs[k] = (limbs[k] + 1) % BILLION;
        if (limbs[k])
            break;
    }
    for (size_t k = 0; k < used; k++)
        for (int i = 0; i < 9; i++, limbs[k] /= 10)
            digits[n++] = (char)('0' + limbs[k] % 10);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return n;
}

static int put_decimal(const unsigned char *p, size_t len, int scale, df__arena *a, df_value *ret)
{
    char digits[9 * (DECIMAL_BYTES * 241 / 900 + 2)], *text;
    size_t n, at = 0, s = (size_t)scale;
    int negative = len && p[0] & 0x80;
    if (len > DECIMAL_BYTES)
        return DF_EDATA;
    n = digits_of(p, len, negative, digits);
    text = df__arena_alloc(a, n + s + 4);
    if (!text)
        return DF_ENOMEM;
    while (n <= s)
        if (n < sizeof digits)
            digits[n++] = '0';
        else
            return DF_EDATA;
    if (negative)
        text[at++] = '-';
    for (size_t i = n; i; i--) {
        if (i == s)
            text[at++] = '.';
        text[at++] = digits[i - 1];
    }
    *ret = text_value(DF_V_NUMBER, text, at);
    return DF_OK;
}

static int to_decimal(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    const df__pq_element *e = p->from->element;
    unsigned char bytes[9] = {0};
    const unsigned char *from = bytes;
    size_t len = sizeof bytes;
    int scale = p->from->column->scale;
    if (e->physical != DF__PQ_INT32 && e->physical != DF__PQ_INT64) {
        from = raw.bytes.data;
        for (len = raw.bytes.len; len > DECIMAL_BYTES && (*from == 0 || *from == 0xff) &&
                                  (*from & 0x80) == (from[1] & 0x80);
             len--)
            from++;
    } else {
        uint64_t v =
            e->physical == DF__PQ_INT32 ? (uint64_t)(int64_t)(int32_t)(uint32_t)raw.bits : raw.bits;
        int is_unsigned = e->bits == 64 && !e->is_signed;
        bytes[0] = !is_unsigned && v >> 63 ? 0xff : 0;
        for (int i = 8; i; i--, v >>= 8)
            bytes[i] = (unsigned char)v;
    }
    return put_decimal(from, len, scale, a, ret);
}

/* ---- times ----------------------------------------------------------------------------------- */

static int to_date(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    int64_t days = (int32_t)(uint32_t)raw.bits;
    (void)a;
    *ret = value_of(p->kind == DF__PARQUET_DATE ? DF_V_DATE : DF_V_TIMESTAMP, days);
    if (p->kind == DF__PARQUET_DATE)
        return DF_OK;
    ret->zone = DF_ZONE_NONE;
    return __builtin_mul_overflow(days, DAY_US, &ret->u.i) ? DF_EDATA : DF_OK;
}

/* Text of a time with nine digits; sec since 1970. */
static int put_nanos(int64_t sec, int64_t ns, int form, df__arena *a, df_value *ret)
{
    char *text = df__arena_alloc(a, STAMP);
    df__civil c;
    size_t n = 0;
    if (!text)
        return DF_ENOMEM;
    df__civil_from_sec(sec, &c);
    if (form != DF__PARQUET_TIME)
        n = df__text_printf(text, STAMP, "%04lld-%02d-%02dT", (long long)c.year, c.month, c.day);
    n += df__text_printf(text + n, STAMP - n, "%02d:%02d:%02d.%09lld%s", c.hour, c.minute, c.second,
                         (long long)ns, form == DF__PARQUET_TIMESTAMPTZ ? "Z" : "");
    *ret = text_value(DF_V_STRING, text, n);
    return DF_OK;
}

static int is_zoned(int kind)
{
    return kind == DF__PARQUET_TIMESTAMPTZ || kind == DF__PARQUET_TIMESTAMPTZ_NS;
}

static int put_stamp(const df__pq_plan *p, __int128 ns, df__arena *a, df_value *ret)
{
    __int128 us = ns / 1000, sec;
    int64_t rest;
    if (ns % 1000 == 0) {
        if (us < INT64_MIN || us > INT64_MAX)
            return DF_EDATA;
        *ret = value_of(DF_V_TIMESTAMP, (int64_t)us);
        ret->zone = is_zoned(p->kind) ? 0 : DF_ZONE_NONE;
        return DF_OK;
    }
    rest = (int64_t)(ns % BILLION);
    sec = ns / BILLION - (rest < 0);
    if (sec < INT64_MIN / 1000 || sec > INT64_MAX / 1000)
        return DF_EDATA;
    return put_nanos((int64_t)sec, rest + (rest < 0 ? BILLION : 0),
                     is_zoned(p->kind) ? DF__PARQUET_TIMESTAMPTZ : DF__PARQUET_TIMESTAMP, a, ret);
}

static int64_t unit_ns(const df__pq_element *e)
{
    return e->unit == 1 ? 1000000 : e->unit == 2 ? 1000 : 1;
}

static int to_stamp(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    const df__pq_element *e = p->from->element;
    if (e->physical == DF__PQ_INT96) { /* ns of the day, and the Julian day */
        int64_t day = (int64_t)df__pq_load4((const char *)raw.bytes.data + 8) - JULIAN_1970;
        return put_stamp(p, (__int128)day * DAY_NS + (int64_t)df__pq_load8(raw.bytes.data), a, ret);
    }
    return put_stamp(p, (__int128)(int64_t)raw.bits * unit_ns(e), a, ret);
}

static int to_time(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    const df__pq_element *e = p->from->element;
    int64_t t = e->physical == DF__PQ_INT32 ? (int32_t)(uint32_t)raw.bits : (int64_t)raw.bits;
    int64_t unit = unit_ns(e);
    if (t < 0 || t >= DAY_NS / unit)
        return DF_EDATA;
    t *= unit;
    if (t % 1000)
        return put_nanos(t / BILLION, t % BILLION, DF__PARQUET_TIME, a, ret);
    *ret = value_of(DF_V_TIME, t / 1000);
    return DF_OK;
}

/* ---- texts and bytes ------------------------------------------------------------------------- */

/* Bytes of the character at p; 0: it is none. */
static size_t sequence(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char first, last, low, high; /* of the head, of the byte after it */
        size_t len;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    size_t i = 0, n = sizeof rows / sizeof rows[0];
    while (i < n && (p[0] < rows[i].first || p[0] > rows[i].last))
        i++;
    if (i == n || rows[i].len > left)
        return 0;
    for (size_t k = 1; k < rows[i].len; k++)
        if ((p[k] & 0xc0) != 0x80)
            return 0;
    return rows[i].len > 1 && (p[1] < rows[i].low || p[1] > rows[i].high) ? 0 : rows[i].len;
}

static int is_utf8(const unsigned char *p, size_t len)
{
    size_t i = 0, step;
    while (i < len) {
        if (len - i >= 8 && !(df__pq_load8(p + i) & UINT64_C(0x8080808080808080))) {
            i += 8;
            continue;
        }
        step = sequence(p + i, len - i);
        if (!step)
            return 0;
        i += step;
    }
    return 1;
}

/* What is no UTF-8 goes as the bytes that it is, so that nothing is lost. */
static int to_string(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    int text = is_utf8(raw.bytes.data, raw.bytes.len);
    (void)p;
    (void)a;
    *ret = text_value(text ? DF_V_STRING : DF_V_BYTES, raw.bytes.data, raw.bytes.len);
    return DF_OK;
}

static int to_bytes(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    (void)p;
    (void)a;
    *ret = text_value(DF_V_BYTES, raw.bytes.data, raw.bytes.len);
    return DF_OK;
}

static int to_uuid(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *b = raw.bytes.data;
    char *text = df__arena_alloc(a, UUID_TEXT);
    size_t at = 0;
    (void)p;
    if (!text)
        return DF_ENOMEM;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = hex[b[i] >> 4];
        text[at++] = hex[b[i] & 15];
    }
    *ret = text_value(DF_V_STRING, text, UUID_TEXT);
    return DF_OK;
}

static int to_null(const df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret)
{
    (void)p;
    (void)raw;
    (void)a;
    *ret = value_of(DF_V_NULL, 0);
    return DF_OK;
}

/* ---- which may be which ---------------------------------------------------------------------- */

static int is_stamp(int kind)
{
    return kind >= DF__PARQUET_TIMESTAMP && kind <= DF__PARQUET_TIMESTAMPTZ_NS;
}

/* 1: a leaf of that length and digits is one of the wanted ones, both of one kind. */
static int same_kind(const df__parquet_column *from, const df__parquet_column *wanted)
{
    if (from->kind == DF__PARQUET_DECIMAL)
        return from->scale == wanted->scale && from->precision <= wanted->precision;
    return from->kind != DF__PARQUET_FIXED || from->length == wanted->length;
}

/* 1: a value of kind `from` is one of the wanted kind too. */
static int widens(const df__parquet_column *from, const df__parquet_column *wanted)
{
    static const signed char pairs[][2] = {
        {DF__PARQUET_INT, DF__PARQUET_LONG},       {DF__PARQUET_FLOAT, DF__PARQUET_DOUBLE},
        {DF__PARQUET_DATE, DF__PARQUET_TIMESTAMP}, {DF__PARQUET_DATE, DF__PARQUET_TIMESTAMP_NS},
        {DF__PARQUET_STRING, DF__PARQUET_BINARY},  {DF__PARQUET_BINARY, DF__PARQUET_STRING},
        {DF__PARQUET_FIXED, DF__PARQUET_BINARY},
    };
    int have = from->kind, want = wanted->kind;
    if (have == want)
        return same_kind(from, wanted);
    if (have == DF__PARQUET_UUID && want == DF__PARQUET_FIXED)
        return wanted->length == 16;
    if (have == DF__PARQUET_FIXED && want == DF__PARQUET_UUID)
        return from->length == 16;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (have == pairs[i][0] && want == pairs[i][1])
            return 1;
    return have == DF__PARQUET_UNKNOWN || (is_stamp(have) && is_stamp(want));
}

int df__pq_convert_of(df__pq_plan *p)
{
    static int (*const makers[])(const df__pq_plan *, df__pq_raw, df__arena *, df_value *) = {
        [DF__PARQUET_BOOLEAN] = to_boolean,    [DF__PARQUET_INT] = to_whole,
        [DF__PARQUET_LONG] = to_whole,         [DF__PARQUET_FLOAT] = to_double,
        [DF__PARQUET_DOUBLE] = to_double,      [DF__PARQUET_DECIMAL] = to_decimal,
        [DF__PARQUET_DATE] = to_date,          [DF__PARQUET_TIME] = to_time,
        [DF__PARQUET_TIMESTAMP] = to_stamp,    [DF__PARQUET_TIMESTAMPTZ] = to_stamp,
        [DF__PARQUET_TIMESTAMP_NS] = to_stamp, [DF__PARQUET_TIMESTAMPTZ_NS] = to_stamp,
        [DF__PARQUET_STRING] = to_string,      [DF__PARQUET_UUID] = to_uuid,
        [DF__PARQUET_FIXED] = to_bytes,        [DF__PARQUET_BINARY] = to_bytes,
        [DF__PARQUET_UNKNOWN] = to_null,
    };
    const df__parquet_column *from = p->from->column;
    p->kind = p->wanted->kind == DF__PARQUET_ANY ? from->kind : p->wanted->kind;
    if (p->wanted->kind != DF__PARQUET_ANY && !widens(from, p->wanted))
        return 0;
    p->convert = from->kind == DF__PARQUET_DATE      ? to_date
                 : from->kind == DF__PARQUET_UNKNOWN ? to_null
                                                     : makers[p->kind];
    return 1;
}
