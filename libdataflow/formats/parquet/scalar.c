/* SPDX-License-Identifier: Apache-2.0
 * scalar.c: values as the column has them; nothing is rounded but numbers to FLOAT and DOUBLE. */
#include "formats/parquet/scalar.h"

#include <math.h>

#include "util/codec.h"
#include "util/rfc3339.h"

enum { NUMBER_TEXT = 400, STAMP_TEXT = 64 };

static int refuse(df__pq_scalar *s, const char *why)
{
    s->why = why;
    return DF_EDATA;
}

static df_bytes text_of(const df_value *v)
{
    return (df_bytes){v->text, v->len};
}

/* ---- numbers --------------------------------------------------------------------------------- */

static int make_boolean(df__pq_scalar *s, const df_value *v)
{
    if (v->type != DF_V_BOOL)
        return refuse(s, "takes true and false");
    s->bits = v->u.i != 0;
    return DF_OK;
}

static int make_whole(df__pq_scalar *s, const df_value *v)
{
    int64_t i;
    if (df_value_int(v, &i) != DF_OK)
        return refuse(s, "takes whole numbers of 64 bits");
    if (s->column->kind == DF__PARQUET_INT && (i < INT32_MIN || i > INT32_MAX))
        return refuse(s, "takes whole numbers of 32 bits");
    s->bits = (uint64_t)i;
    return DF_OK;
}

static int is_special(const df_value *v, double *ret)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    for (int i = 0; i < 3 && v->type == DF_V_STRING; i++)
        if (v->len == strlen(words[i].word) && memcmp(v->text, words[i].word, v->len) == 0) {
            *ret = words[i].value;
            return 1;
        }
    return 0;
}

static int make_floating(df__pq_scalar *s, const df_value *v)
{
    double d;
    float f;
    uint32_t half;
    int special = is_special(v, &d);
    if (!special && df_value_double(v, &d) != DF_OK)
        return refuse(s, "takes numbers");
    if (isinf(d) && v->type == DF_V_NUMBER)
        return refuse(s, "takes no number that large");
    if (s->layout.width == 8) {
        memcpy(&s->bits, &d, sizeof s->bits);
        return DF_OK;
    }
    f = (float)d;
    if (isinf(f) && !isinf(d))
        return refuse(s, "takes no number that large");
    memcpy(&half, &f, sizeof half);
    s->bits = half;
    return DF_OK;
}

static void put_decimal(df__pq_scalar *s, __int128 v)
{
    if (s->layout.physical != DF__PQ_FIXED) {
        s->bits = (uint64_t)(int64_t)v;
        return;
    }
    for (size_t i = s->layout.width; i; i--, v >>= 8)
        s->room[i - 1] = (unsigned char)v;
    s->bytes = (df_bytes){s->room, s->layout.width};
}

static __int128 power(int exponent)
{
    __int128 p = 1;
    while (exponent-- > 0)
        p *= 10;
    return p;
}

static int make_decimal(df__pq_scalar *s, const df_value *v)
{
    const df__parquet_column *c = s->column;
    char buf[NUMBER_TEXT];
    df_bytes text = {buf, 0};
    df__exact exact;
    __int128 i, most = power(c->precision);
    int rc;
    if (v->type != DF_V_INT && v->type != DF_V_NUMBER && v->type != DF_V_DOUBLE)
        return refuse(s, "takes numbers");
    if (v->type == DF_V_NUMBER) {
        text = text_of(v);
    } else {
        text.len = df_value_text(v, buf, sizeof buf);
        if (text.len > sizeof buf)
            return refuse(s, "takes no number that long");
    }
    if (df__exact_parse(text, &exact) != DF_OK)
        return refuse(s, "takes finite numbers");
    rc = df__exact_int(&exact, c->scale, 0, &i);
    if (rc == DF_EDATA)
        return refuse(s, "has fewer digits after the point than the number");
    if (rc != DF_OK || i >= most || i <= -most)
        return refuse(s, "has fewer digits than the number");
    put_decimal(s, i);
    return DF_OK;
}

/* ---- times ----------------------------------------------------------------------------------- */

static int parse_stamp(const char *before, const df_value *v, const char *after, df__stamp *ret)
{
    char buf[STAMP_TEXT];
    size_t n = df__text_printf(buf, sizeof buf, "%s%.*s%s", before, (int)(v->len < 50 ? v->len : 0),
                               v->text, after);
    return df__stamp_parse((df_bytes){buf, n}, ret);
}

static int make_date(df__pq_scalar *s, const df_value *v)
{
    df__stamp stamp;
    int64_t days = v->u.i;
    if (v->type == DF_V_STRING) {
        if (v->len != 10 || parse_stamp("", v, "T00:00:00", &stamp) != DF_OK || stamp.has_zone)
            return refuse(s, "takes days as 2024-02-29");
        days = (stamp.local - (stamp.local % 86400 + 86400) % 86400) / 86400;
    } else if (v->type != DF_V_DATE) {
        return refuse(s, "takes days");
    }
    if (days < INT32_MIN || days > INT32_MAX)
        return refuse(s, "takes days of 32 bits");
    s->bits = (uint64_t)days;
    return DF_OK;
}

static int make_time(df__pq_scalar *s, const df_value *v)
{
    df__stamp stamp;
    s->bits = (uint64_t)v->u.i;
    if (v->type == DF_V_STRING) {
        if (parse_stamp("1970-01-01T", v, "", &stamp) != DF_OK || stamp.has_zone)
            return refuse(s, "takes times of a day as 23:59:59.5");
        if (stamp.nsec % 1000)
            return refuse(s, "takes times down to microseconds");
        s->bits = (uint64_t)(stamp.local * 1000000 + stamp.nsec / 1000);
    } else if (v->type != DF_V_TIME) {
        return refuse(s, "takes times of a day");
    }
    return s->bits < UINT64_C(86400000000) ? DF_OK : refuse(s, "takes times of one day");
}

static int is_zoned(int kind)
{
    return kind == DF__PARQUET_TIMESTAMPTZ || kind == DF__PARQUET_TIMESTAMPTZ_NS;
}

static int is_nano(int kind)
{
    return kind == DF__PARQUET_TIMESTAMP_NS || kind == DF__PARQUET_TIMESTAMPTZ_NS;
}

static int make_stamp_text(df__pq_scalar *s, const df_value *v)
{
    int zoned = is_zoned(s->column->kind), nano = is_nano(s->column->kind);
    df__stamp stamp;
    __int128 t;
    if (df__stamp_parse(text_of(v), &stamp) != DF_OK || stamp.has_zone != zoned)
        return refuse(s, zoned ? "takes times with a zone, as 2024-02-29T23:59:59.5Z"
                               : "takes times without a zone, as 2024-02-29T23:59:59.5");
    if (!nano && stamp.nsec % 1000)
        return refuse(s, "takes times down to microseconds");
    t = ((__int128)stamp.local - (zoned ? stamp.offset : 0)) * 1000000000 + stamp.nsec;
    t = nano ? t : t / 1000;
    if (t < INT64_MIN || t > INT64_MAX)
        return refuse(s, "takes no time that far off");
    s->bits = (uint64_t)(int64_t)t;
    return DF_OK;
}

static int make_stamp(df__pq_scalar *s, const df_value *v)
{
    int64_t t = v->u.i;
    if (v->type == DF_V_STRING)
        return make_stamp_text(s, v);
    if (v->type != DF_V_TIMESTAMP)
        return refuse(s, "takes times");
    if ((v->zone != DF_ZONE_NONE) != is_zoned(s->column->kind))
        return refuse(s, v->zone == DF_ZONE_NONE ? "takes times with a zone"
                                                 : "takes times without a zone");
    if (is_nano(s->column->kind) && __builtin_mul_overflow(t, 1000, &t))
        return refuse(s, "takes no time that far off");
    s->bits = (uint64_t)t;
    return DF_OK;
}

/* ---- texts and bytes ------------------------------------------------------------------------- */

static int made(df__pq_scalar *s)
{
    s->bytes = (df_bytes){s->text->data ? s->text->data : "", s->text->len};
    return s->text->failed ? DF_ENOMEM : DF_OK;
}

static int make_text_of(df__pq_scalar *s, const df_value *v)
{
    size_t n = df_value_text(v, NULL, 0);
    char *p = df__buf_reserve(s->text, n + 1);
    if (!p)
        return DF_ENOMEM;
    df_value_text(v, p, n);
    s->text->len += n;
    return made(s);
}

static int make_string(df__pq_scalar *s, const df_value *v)
{
    if (v->type == DF_V_BYTES)
        return refuse(s, "takes texts");
    if (v->type != DF_V_STRING)
        return make_text_of(s, v);
    s->bytes = (df_bytes){v->len ? v->text : "", v->len};
    return v->len <= INT32_MAX / 2 ? DF_OK : refuse(s, "takes texts of at most a GiB");
}

static int hex(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int make_uuid(df__pq_scalar *s, const df_value *v)
{
    size_t n = 0;
    if (v->type == DF_V_BYTES && v->len == 16) {
        s->bytes = text_of(v);
        return DF_OK;
    }
    if (v->type != DF_V_STRING || v->len != 36)
        return refuse(s, "takes UUIDs of 36 characters or 16 bytes");
    for (size_t i = 0; i < 36; i++) {
        int dash = i == 8 || i == 13 || i == 18 || i == 23;
        int digit = dash ? v->text[i] == '-' : hex((unsigned char)v->text[i]);
        if (dash ? !digit : digit < 0)
            return refuse(s, "takes UUIDs of 36 characters or 16 bytes");
        if (!dash && n % 2 == 0)
            s->room[n / 2] = (unsigned char)(digit << 4);
        else if (!dash)
            s->room[n / 2] |= (unsigned char)digit;
        n += !dash;
    }
    s->bytes = (df_bytes){s->room, 16};
    return DF_OK;
}

static int make_binary(df__pq_scalar *s, const df_value *v)
{
    int rc = DF_OK;
    if (v->type == DF_V_BYTES) {
        s->bytes = (df_bytes){v->len ? v->text : "", v->len};
    } else if (v->type == DF_V_STRING) {
        if (df__base64_read(s->text, v->text, v->len) < 0)
            return refuse(s, "takes bytes, in a text as base64");
        rc = made(s);
    } else {
        return refuse(s, "takes bytes");
    }
    if (rc != DF_OK)
        return rc;
    if (s->column->kind == DF__PARQUET_FIXED && s->bytes.len != s->layout.width)
        return refuse(s, "takes bytes of another length");
    return s->bytes.len <= INT32_MAX / 2 ? DF_OK : refuse(s, "takes at most a GiB");
}

static int make_nothing(df__pq_scalar *s, const df_value *v)
{
    (void)v;
    return refuse(s, "takes nulls only");
}

/* ---- the table ------------------------------------------------------------------------------- */

static int (*const makers[])(df__pq_scalar *s, const df_value *v) = {
    [DF__PARQUET_ANY] = make_nothing,
    [DF__PARQUET_BOOLEAN] = make_boolean,
    [DF__PARQUET_INT] = make_whole,
    [DF__PARQUET_LONG] = make_whole,
    [DF__PARQUET_FLOAT] = make_floating,
    [DF__PARQUET_DOUBLE] = make_floating,
    [DF__PARQUET_DECIMAL] = make_decimal,
    [DF__PARQUET_DATE] = make_date,
    [DF__PARQUET_TIME] = make_time,
    [DF__PARQUET_TIMESTAMP] = make_stamp,
    [DF__PARQUET_TIMESTAMPTZ] = make_stamp,
    [DF__PARQUET_TIMESTAMP_NS] = make_stamp,
    [DF__PARQUET_TIMESTAMPTZ_NS] = make_stamp,
    [DF__PARQUET_STRING] = make_string,
    [DF__PARQUET_UUID] = make_uuid,
    [DF__PARQUET_FIXED] = make_binary,
    [DF__PARQUET_BINARY] = make_binary,
    [DF__PARQUET_UNKNOWN] = make_nothing,
};

int df__pq_scalar_make(df__pq_scalar *s, const df_value *v)
{
    return makers[s->column->kind](s, v);
}
