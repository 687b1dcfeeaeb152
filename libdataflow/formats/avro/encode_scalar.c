/* SPDX-License-Identifier: Apache-2.0
 * encode_scalar.c: numbers, texts, bytes and times as the schema has them; nothing is rounded.
 * Values of the very type mostly do not come here: see encode_plain.c. */
#include "formats/avro/encoder.h"

#include <math.h>

#include "record/number.h"
#include "record/timetext.h"
#include "util/codec.h"
#include "util/rfc3339.h"

static df_bytes text_of(const df_value *v)
{
    return (df_bytes){v->text, v->len};
}

/* ---- whole numbers --------------------------------------------------------------------------- */

static int put_integer(df__encoder *e, const df__avro_type *n, int64_t i)
{
    if (n->kind == DF__AVRO_INT && (i < INT32_MIN || i > INT32_MAX))
        return df__avro_refuse(e, "the number does not fit an int of 32 bits");
    df__avro_add_long(e, i);
    return DF_OK;
}

static int put_whole(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    int64_t i;
    if (df_value_int(v, &i) != DF_OK)
        return v->type == DF_V_NUMBER || v->type == DF_V_DOUBLE
                   ? df__avro_refuse(e, "the number is no whole number of 64 bits")
                   : df__avro_mismatch(e, n, v->type);
    e->cost += v->type == DF_V_INT ? DF__AVRO_SAME : DF__AVRO_NEAR;
    return put_integer(e, n, i);
}

/* ---- floating point -------------------------------------------------------------------------- */

enum { DOUBLE_DIGITS = 17, FLOAT_DIGITS = 9 };

/* The first 17 digits as a number; *ret_count: how many there are, without zeros at the end. */
static __int128 digits_of(const df__decimal *d, int *ret_count)
{
    __int128 v = 0;
    int n = 0;
    *ret_count = 0;
    for (size_t i = 0; i < d->len; i++) {
        if (d->digits[i] == '.')
            continue;
        n++;
        if (d->digits[i] != '0')
            *ret_count = n;
        if (n <= DOUBLE_DIGITS)
            v = v * 10 + (d->digits[i] - '0');
    }
    for (; n < DOUBLE_DIGITS; n++)
        v *= 10;
    return v;
}

/* 1: the float, written with as many digits as the number has, is the number. */
static int float_keeps(const df__decimal *number, float f)
{
    char buf[DF__NUMBER_MAX];
    df__decimal near;
    int count, ignored;
    __int128 want = digits_of(number, &count), got, off, unit = 1;
    size_t len = df__number_double((double)f, buf);
    if (!len || !df__decimal_parse(buf, len, &near) || count > FLOAT_DIGITS)
        return 0;
    if (number->zero || near.zero)
        return number->zero && near.zero;
    if (number->negative != near.negative)
        return 0;
    got = digits_of(&near, &ignored);
    for (int i = count; i < DOUBLE_DIGITS; i++)
        unit *= 10;
    if (near.exp == number->exp + 1) {
        got *= 10;
    } else if (near.exp + 1 == number->exp) {
        want *= 10;
        unit *= 10;
    } else if (near.exp != number->exp) {
        return 0;
    }
    off = got > want ? got - want : want - got;
    return off * 2 <= unit;
}

/* 1: the shortest text of the double is the number. */
static int double_keeps(const df__decimal *number, double d)
{
    char buf[DF__NUMBER_MAX];
    df__decimal near;
    size_t len = df__number_double(d, buf);
    return len && df__decimal_parse(buf, len, &near) && df__decimal_compare(&near, number) == 0;
}

static int is_special(const df_value *v, double *ret)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    for (int i = 0; i < 3; i++)
        if (v->type == DF_V_STRING && df__bytes_are(text_of(v), words[i].word)) {
            *ret = words[i].value;
            return 1;
        }
    return 0;
}

static int write_floating(df__encoder *e, const df__avro_type *n, double d, unsigned cost)
{
    float f = (float)d;
    uint32_t half;
    uint64_t whole;
    memcpy(&half, &f, sizeof half);
    memcpy(&whole, &d, sizeof whole);
    e->cost += cost;
    df__avro_store(e->p, n->kind == DF__AVRO_FLOAT ? half : whole);
    e->p += n->kind == DF__AVRO_FLOAT ? 4 : 8;
    return DF_OK;
}

/* A number of decimal digits: JSON's. */
static int put_digits(df__encoder *e, const df__avro_type *n, df_bytes text)
{
    df__decimal number;
    double d;
    int kept;
    if (!df__decimal_parse(text.data, text.len, &number))
        return df__avro_refuse(e, "is no number");
    d = df__decimal_double(&number);
    kept = double_keeps(&number, d);
    if (n->kind == DF__AVRO_FLOAT) /* a float as a wider one, or as itself */
        kept = (kept && (double)(float)d == d) || float_keeps(&number, (float)d);
    if (!kept)
        return df__avro_refuse(e, "the number has more digits than a %s keeps",
                               df__avro_words[n->kind]);
    return write_floating(e, n, d, n->kind == DF__AVRO_FLOAT ? DF__AVRO_TEXTUAL : DF__AVRO_NEAR);
}

static int put_floating(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    char buf[DF__NUMBER_MAX];
    int narrow = n->kind == DF__AVRO_FLOAT;
    double d;
    if (is_special(v, &d))
        return write_floating(e, n, d, DF__AVRO_TEXTUAL);
    if (v->type == DF_V_NUMBER)
        return put_digits(e, n, text_of(v));
    if (v->type == DF_V_INT) {
        d = narrow ? (double)(float)v->u.i : (double)v->u.i;
        if (d < 9223372036854775808.0 && (int64_t)d == v->u.i)
            return write_floating(e, n, d, narrow ? 2 * DF__AVRO_NEAR : DF__AVRO_NEAR);
        return df__avro_refuse(e, "the number has more digits than a %s keeps",
                               df__avro_words[n->kind]);
    }
    if (v->type != DF_V_DOUBLE)
        return df__avro_mismatch(e, n, v->type);
    d = v->u.d;
    if (!narrow || !isfinite(d) || (double)(float)d == d)
        return write_floating(e, n, d, narrow ? DF__AVRO_NEAR : DF__AVRO_SAME);
    return put_digits(e, n, (df_bytes){buf, df__number_double(d, buf)});
}

/* ---- bytes, texts ---------------------------------------------------------------------------- */

static int write_bytes(df__encoder *e, const df__avro_type *n, df_bytes bytes)
{
    if (n->kind == DF__AVRO_BYTES)
        return df__avro_add_bytes(e, bytes.data, bytes.len);
    if (bytes.len != n->size)
        return df__avro_refuse(e, "has %zu bytes, and the fixed has %zu", bytes.len, n->size);
    return df__avro_add_raw(e, bytes.data, bytes.len);
}

/* Bytes, or their base64, as which they are in JSON. */
static int put_bytes(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    df__buf b;
    int rc;
    if (v->type == DF_V_BYTES)
        return write_bytes(e, n, text_of(v));
    if (v->type != DF_V_STRING)
        return df__avro_mismatch(e, n, v->type);
    df__buf_init(&b, e->out->heap);
    e->cost += DF__AVRO_TEXTUAL;
    if (df__base64_read(&b, v->text, v->len) != 0)
        rc = df__avro_refuse(e, "a string for bytes has to be base64");
    else
        rc = b.failed ? DF_ENOMEM : write_bytes(e, n, (df_bytes){b.data, b.len});
    e->no_memory |= b.failed;
    df__buf_free(&b);
    return rc;
}

static int put_string(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    char buf[DF__TIMETEXT_MAX];
    if (v->type == DF_V_STRING)
        return df__avro_add_bytes(e, v->text, v->len);
    if (v->type != DF_V_TIMESTAMP && v->type != DF_V_DATE && v->type != DF_V_TIME)
        return df__avro_mismatch(e, n, v->type);
    e->cost += DF__AVRO_TEXTUAL;
    return df__avro_add_bytes(e, buf, df__timetext(v, buf));
}

/* Any value but null. */
static int put_as_text(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    size_t len;
    if (v->type <= DF_V_NULL)
        return df__avro_mismatch(e, n, v->type);
    len = df_value_text(v, NULL, 0);
    e->cost += v->type == DF_V_STRING ? DF__AVRO_SAME : DF__AVRO_TEXTUAL;
    if (!df__avro_room(e, len))
        return DF_ENOMEM;
    df__avro_add_long(e, (int64_t)len);
    df_value_text(v, (char *)e->p, len);
    e->p += len;
    return DF_OK;
}

static int put_enum(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    if (v->type != DF_V_STRING)
        return df__avro_mismatch(e, n, v->type);
    for (size_t i = 0; i < n->count; i++)
        if (df__bytes_same(n->symbols[i], text_of(v))) {
            df__avro_add_long(e, (int64_t)i);
            return DF_OK;
        }
    return df__avro_refuse(e, "the string is no symbol of the enum");
}

static int put_null(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    return v->type == DF_V_NULL ? DF_OK : df__avro_mismatch(e, n, v->type);
}

static int put_boolean(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    if (v->type != DF_V_BOOL)
        return df__avro_mismatch(e, n, v->type);
    *e->p++ = v->u.i != 0;
    return DF_OK;
}

/* ---- decimal, uuid, duration ----------------------------------------------------------------- */

static int put_decimal(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    unsigned char raw[DF__AVRO_DECIMAL_BYTES + 8];
    char buf[DF__NUMBER_MAX];
    df_bytes text = {buf, 0};
    const unsigned char *p;
    const char *why;
    size_t len;
    if (v->type == DF_V_NUMBER)
        text = text_of(v);
    else if (v->type == DF_V_INT)
        text.len = df__number_int(v->u.i, buf);
    else if (v->type == DF_V_DOUBLE && isfinite(v->u.d))
        text.len = df__number_double(v->u.d, buf);
    else
        return df__avro_mismatch(e, n, v->type);
    e->cost += v->type == DF_V_DOUBLE ? DF__AVRO_TEXTUAL : DF__AVRO_SAME;
    p = df__avro_decimal_bytes(n, text, raw, &why);
    if (!p)
        return df__avro_refuse(e, "the number %s (decimal(%d, %d))", why, n->precision, n->scale);
    len = (size_t)(raw + sizeof raw - p);
    if (n->kind == DF__AVRO_BYTES)
        return write_bytes(e, n, (df_bytes){p, len});
    if (len > n->size)
        return df__avro_refuse(e, "the number has more digits than a fixed of %zu bytes keeps",
                               n->size);
    if (!df__avro_room(e, n->size))
        return DF_ENOMEM;
    memset(e->p, p[0] & 0x80 ? 0xff : 0, n->size - len);
    memcpy(e->p + n->size - len, p, len);
    e->p += n->size;
    return DF_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static int read_uuid(df_bytes text, unsigned char ret[16])
{
    const char *p = text.data;
    size_t n = 0;
    if (text.len != 36)
        return 0;
    for (size_t i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (p[i] != '-')
                return 0;
            continue;
        }
        if (hex_digit(p[i]) < 0)
            return 0;
        ret[n / 2] = (unsigned char)(ret[n / 2] << 4 | hex_digit(p[i]));
        n++;
    }
    return 1;
}

static int put_uuid(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    unsigned char raw[16] = {0};
    if (v->type == DF_V_BYTES && n->kind == DF__AVRO_FIXED)
        return put_bytes(e, n, v);
    if (v->type != DF_V_STRING)
        return df__avro_mismatch(e, n, v->type);
    if (!read_uuid(text_of(v), raw))
        return df__avro_refuse(e, "the string is no UUID");
    if (n->kind == DF__AVRO_STRING)
        return put_string(e, n, v);
    return write_bytes(e, n, (df_bytes){raw, sizeof raw});
}

static int put_duration(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    static const char *const names[] = {"months", "days", "millis"};
    if (v->type == DF_V_BYTES)
        return put_bytes(e, n, v);
    if (v->type != DF_V_OBJECT)
        return df__avro_mismatch(e, n, v->type);
    for (int i = 0; i < 3; i++) {
        df_value part;
        int64_t count;
        df_value_member(v, (df_bytes){names[i], strlen(names[i])}, &part);
        if (v->len != 3 || df_value_int(&part, &count) != DF_OK || count < 0 || count > UINT32_MAX)
            return df__avro_refuse(e, "a duration has months, days and millis, each from 0 to "
                                      "4294967295, and nothing else");
        df__avro_store(e->p, (uint64_t)count);
        e->p += 4;
    }
    return DF_OK;
}

/* ---- times ----------------------------------------------------------------------------------- */

/* What a logical type counts: `unit` nanoseconds, since when. */
static const struct {
    int type, local;
    int64_t unit;
    const char *name;
} times[] = {
    [DF__AVRO_DATE] = {DF_V_DATE, 1, INT64_C(86400000000000), "day"},
    [DF__AVRO_TIME_MILLIS] = {DF_V_TIME, 1, 1000000, "millisecond"},
    [DF__AVRO_TIME_MICROS] = {DF_V_TIME, 1, 1000, "microsecond"},
    [DF__AVRO_TS_MILLIS] = {DF_V_TIMESTAMP, 0, 1000000, "millisecond"},
    [DF__AVRO_TS_MICROS] = {DF_V_TIMESTAMP, 0, 1000, "microsecond"},
    [DF__AVRO_TS_NANOS] = {DF_V_TIMESTAMP, 0, 1, "nanosecond"},
    [DF__AVRO_LOCAL_MILLIS] = {DF_V_TIMESTAMP, 1, 1000000, "millisecond"},
    [DF__AVRO_LOCAL_MICROS] = {DF_V_TIMESTAMP, 1, 1000, "microsecond"},
    [DF__AVRO_LOCAL_NANOS] = {DF_V_TIMESTAMP, 1, 1, "nanosecond"},
};

static int put_moment(df__encoder *e, const df__avro_type *n, __int128 ns)
{
    int64_t unit = times[n->logical].unit;
    __int128 count = ns / unit;
    if (count * unit != ns)
        return df__avro_refuse(e, "the time is finer than a %s", times[n->logical].name);
    if (count < INT64_MIN || count > INT64_MAX)
        return df__avro_refuse(e, "the time is out of range");
    return put_integer(e, n, (int64_t)count);
}

/* "2024-02-29", "23:59:59.5", "2024-02-29T10:00:00Z". */
static int put_time_text(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    char text[96];
    int type = times[n->logical].type, local = times[n->logical].local;
    df_bytes whole = {text, 0};
    const char *point = memchr(v->text, '.', v->len);
    df__stamp at;
    e->cost += DF__AVRO_TEXTUAL;
    if (v->len > 48)
        return df__avro_refuse(e, "the string is no time");
    whole.len =
        df__text_printf(text, sizeof text, "%s%.*s%s", type == DF_V_TIME ? "1970-01-01T" : "",
                        (int)v->len, v->text, type == DF_V_DATE ? "T00:00:00" : "");
    if (df__stamp_parse(whole, &at) != DF_OK)
        return df__avro_refuse(e, "the string is no time of RFC 3339");
    if (local == at.has_zone)
        return df__avro_refuse(e, local ? "the time has a zone, and the schema has none"
                                        : "the time has no zone, and the schema wants one");
    if (point && v->text + v->len - point > 11)
        return df__avro_refuse(e, "the time is finer than a nanosecond");
    return put_moment(e, n,
                      ((__int128)at.local - (at.has_zone ? at.offset : 0)) * 1000000000 + at.nsec);
}

static int put_time(df__encoder *e, const df__avro_type *n, const df_value *v)
{
    int local = times[n->logical].local;
    if (v->type == DF_V_STRING)
        return put_time_text(e, n, v);
    if (v->type == DF_V_INT) { /* what the type below it is */
        e->cost += DF__AVRO_NEAR;
        return put_integer(e, n, v->u.i);
    }
    if (v->type != times[n->logical].type)
        return df__avro_mismatch(e, n, v->type);
    if (v->type == DF_V_TIMESTAMP && local != (v->zone == DF_ZONE_NONE))
        return df__avro_refuse(e, local ? "the timestamp has a zone, and the schema has none"
                                        : "the timestamp has no zone, and the schema wants one");
    return put_moment(e, n,
                      (__int128)v->u.i * (v->type == DF_V_DATE ? INT64_C(86400000000000) : 1000));
}

/* ---- which for which ------------------------------------------------------------------------- */

int df__avro_put_scalar(df__encoder *e, const df__avro_type *n, const void *handle)
{
    static int (*const plain[DF__AVRO_KINDS])(df__encoder *, const df__avro_type *,
                                              const df_value *) = {
        [DF__AVRO_NULL] = put_null,      [DF__AVRO_BOOLEAN] = put_boolean,
        [DF__AVRO_INT] = put_whole,      [DF__AVRO_LONG] = put_whole,
        [DF__AVRO_FLOAT] = put_floating, [DF__AVRO_DOUBLE] = put_floating,
        [DF__AVRO_BYTES] = put_bytes,    [DF__AVRO_STRING] = put_string,
        [DF__AVRO_FIXED] = put_bytes,    [DF__AVRO_ENUM] = put_enum};
    df_value v;
    df__value_fill(handle, &v);
    switch (n->logical) {
    case DF__AVRO_PLAIN:
        return plain[n->kind](e, n, &v);
    case DF__AVRO_DECIMAL:
        return put_decimal(e, n, &v);
    case DF__AVRO_UUID:
        return put_uuid(e, n, &v);
    case DF__AVRO_DURATION:
        return put_duration(e, n, &v);
    case DF__AVRO_AS_TEXT:
        return put_as_text(e, n, &v);
    default:
        return put_time(e, n, &v);
    }
}
