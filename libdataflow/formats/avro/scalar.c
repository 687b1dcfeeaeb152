/* SPDX-License-Identifier: Apache-2.0
 * scalar.c: reads single values of a body: which operation is for which pair of types, and what it
 * does. */
#include "formats/avro/program.h"

#include "record/timetext.h"

enum { DF__AVRO_MOMENT = DF__TIMETEXT_MAX + 16, BILLION = 1000000000 };
#define DAY_US ((int64_t)86400 * 1000000)

/* ---- integers and what stands on them -------------------------------------------------------- */

static const df__aop *put_i64(df__machine *m, const df__aop *o, int64_t i)
{
    yyjson_val *v = df__aop_place(m, o);
    v->tag = o->tag;
    v->uni.i64 = i;
    return o + 1;
}

static const df__aop *read_long(df__machine *m, const df__aop *o)
{
    int64_t i;
    return df__aop_long(m, o, &i) ? put_i64(m, o, i) : NULL;
}

static int get_int(df__machine *m, const df__aop *o, int64_t *ret)
{
    if (!df__aop_long(m, o, ret))
        return 0;
    if (*ret < INT32_MIN || *ret > INT32_MAX)
        return df__aop_fail(m, o, "an int has more than 32 bits"), 0;
    return 1;
}

static const df__aop *read_int(df__machine *m, const df__aop *o)
{
    int64_t i;
    return get_int(m, o, &i) ? put_i64(m, o, i) : NULL;
}

/* In units of `count` µs. */
static const df__aop *read_scaled(df__machine *m, const df__aop *o)
{
    int64_t i;
    if (!df__aop_long(m, o, &i))
        return NULL;
    if (__builtin_mul_overflow(i, (int64_t)o->count, &i))
        return df__aop_fail(m, o, "a time is out of range");
    return put_i64(m, o, i);
}

static const df__aop *read_time(df__machine *m, const df__aop *o)
{
    int64_t i;
    if (!df__aop_long(m, o, &i))
        return NULL;
    if (i < 0 || i > DAY_US || i * o->count >= DAY_US)
        return df__aop_fail(m, o, "a time of day is out of range");
    return put_i64(m, o, i * o->count);
}

static const df__aop *put_text(df__machine *m, const df__aop *o, const char *text, size_t len)
{
    yyjson_val *v = df__aop_place(m, o);
    v->tag = (uint64_t)len << YYJSON_TAG_BIT | YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC;
    v->uni.str = text;
    return o + 1;
}

/* Microseconds where that is all of it, else text with all nine digits. */
static const df__aop *read_nanos(df__machine *m, const df__aop *o)
{
    char *text;
    int64_t i, ns;
    df_value whole = {.type = DF_V_TIMESTAMP, .zone = (int32_t)(uint32_t)(o->tag >> 8)};
    size_t at;
    int utc = whole.zone != DF_ZONE_NONE;
    if (!df__aop_long(m, o, &i))
        return NULL;
    if (i % 1000 == 0)
        return put_i64(m, o, i / 1000);
    text = df__arena_alloc(m->arena, DF__AVRO_MOMENT);
    if (!text) {
        m->rc = DF_ENOMEM;
        return NULL;
    }
    ns = i % BILLION + (i % BILLION < 0 ? BILLION : 0);
    whole.u.i = (i / BILLION - (i % BILLION < 0)) * 1000000;
    at = df__timetext(&whole, text) - (size_t)utc;
    at += df__text_printf(text + at, DF__AVRO_MOMENT - at, ".%09lld%s", (long long)ns,
                          utc ? "Z" : "");
    return put_text(m, o, text, at);
}

/* ---- floating point -------------------------------------------------------------------------- */

static const df__aop *put_double(df__machine *m, const df__aop *o, double d)
{
    yyjson_val *v = df__aop_place(m, o);
    v->tag = DF__NODE_DOUBLE;
    v->uni.f64 = d;
    return o + 1;
}

static const df__aop *read_float(df__machine *m, const df__aop *o)
{
    uint32_t bits;
    float f;
    if (m->end - m->p < 4)
        return df__aop_short(m, o);
    bits = (uint32_t)m->p[0] | (uint32_t)m->p[1] << 8 | (uint32_t)m->p[2] << 16 |
           (uint32_t)m->p[3] << 24;
    m->p += 4;
    memcpy(&f, &bits, sizeof f);
    return put_double(m, o, (double)f);
}

static const df__aop *read_double(df__machine *m, const df__aop *o)
{
    uint64_t bits;
    double d;
    if (m->end - m->p < 8)
        return df__aop_short(m, o);
    bits = df__avro_load(m->p);
    m->p += 8;
    memcpy(&d, &bits, sizeof d);
    return put_double(m, o, d);
}

static const df__aop *int_to_double(df__machine *m, const df__aop *o)
{
    int64_t i;
    return get_int(m, o, &i) ? put_double(m, o, (double)i) : NULL;
}

static const df__aop *int_to_float(df__machine *m, const df__aop *o)
{
    int64_t i;
    return get_int(m, o, &i) ? put_double(m, o, (double)(float)i) : NULL;
}

static const df__aop *long_to_double(df__machine *m, const df__aop *o)
{
    int64_t i;
    return df__aop_long(m, o, &i) ? put_double(m, o, (double)i) : NULL;
}

static const df__aop *long_to_float(df__machine *m, const df__aop *o)
{
    int64_t i;
    return df__aop_long(m, o, &i) ? put_double(m, o, (double)(float)i) : NULL;
}

/* ---- texts and bytes ------------------------------------------------------------------------- */

/* The bytes after their length. */
static inline int get_bytes(df__machine *m, const df__aop *o, df_bytes *ret)
{
    int64_t len;
    if (!df__aop_long(m, o, &len))
        return 0;
    if (len < 0)
        return df__aop_fail(m, o, "a length is negative"), 0;
    if (len > m->end - m->p)
        return df__aop_short(m, o), 0;
    *ret = (df_bytes){m->p, (size_t)len};
    m->p += len;
    return 1;
}

/* Whether JSON takes it as it is, is left to who writes JSON. */
static inline int get_string(df__machine *m, const df__aop *o, yyjson_val *ret)
{
    df_bytes text;
    if (!get_bytes(m, o, &text))
        return 0;
    if (!df__is_ascii(text.data, text.len) && !df__utf8_check(text.data, text.len, NULL))
        return df__aop_fail(m, o, "a string is not UTF-8"), 0;
    ret->tag = (uint64_t)text.len << YYJSON_TAG_BIT | YYJSON_TYPE_STR;
    ret->uni.str = text.data;
    return 1;
}

static const df__aop *read_string(df__machine *m, const df__aop *o)
{
    yyjson_val v;
    if (!get_string(m, o, &v))
        return NULL;
    *df__aop_place(m, o) = v;
    return o + 1;
}

const df__aop *df__aop_map_key(df__machine *m, const df__aop *o)
{
    if (!get_string(m, NULL, m->at))
        return NULL;
    m->at++;
    return o + 1;
}

static const df__aop *put_bytes(df__machine *m, const df__aop *o, df_bytes bytes)
{
    yyjson_val *v = df__aop_place(m, o);
    v->tag = (uint64_t)bytes.len << YYJSON_TAG_BIT | DF__NODE_BYTES;
    v->uni.str = bytes.data;
    return o + 1;
}

static const df__aop *read_bytes(df__machine *m, const df__aop *o)
{
    df_bytes bytes;
    return get_bytes(m, o, &bytes) ? put_bytes(m, o, bytes) : NULL;
}

static int get_fixed(df__machine *m, const df__aop *o, df_bytes *ret)
{
    if ((size_t)(m->end - m->p) < o->count)
        return df__aop_short(m, o), 0;
    *ret = (df_bytes){m->p, o->count};
    m->p += o->count;
    return 1;
}

static const df__aop *read_fixed(df__machine *m, const df__aop *o)
{
    df_bytes bytes;
    return get_fixed(m, o, &bytes) ? put_bytes(m, o, bytes) : NULL;
}

/* ---- decimal, uuid, duration ----------------------------------------------------------------- */

static const df__aop *put_decimal(df__machine *m, const df__aop *o, df_bytes bytes)
{
    char text[DF__AVRO_DECIMAL_TEXT], *copy;
    yyjson_val *v;
    size_t len;
    if (bytes.len > DF__AVRO_DECIMAL_BYTES)
        return df__aop_fail(m, o, "a decimal has more than %d bytes", DF__AVRO_DECIMAL_BYTES);
    len = df__avro_decimal_text(bytes.data, bytes.len, (int)o->to, text);
    copy = df__arena_bytes(m->arena, text, len);
    if (!copy) {
        m->rc = DF_ENOMEM;
        return NULL;
    }
    v = df__aop_place(m, o);
    v->tag = (uint64_t)len << YYJSON_TAG_BIT | YYJSON_TYPE_RAW;
    v->uni.str = copy;
    return o + 1;
}

static const df__aop *read_decimal(df__machine *m, const df__aop *o)
{
    df_bytes bytes;
    return get_bytes(m, o, &bytes) ? put_decimal(m, o, bytes) : NULL;
}

static const df__aop *read_fixed_decimal(df__machine *m, const df__aop *o)
{
    df_bytes bytes;
    return get_fixed(m, o, &bytes) ? put_decimal(m, o, bytes) : NULL;
}

static const df__aop *read_fixed_uuid(df__machine *m, const df__aop *o)
{
    static const char hex[] = "0123456789abcdef";
    df_bytes bytes;
    const unsigned char *p;
    char *text;
    size_t n = 0;
    if (!get_fixed(m, o, &bytes))
        return NULL;
    text = df__arena_alloc(m->arena, 36);
    if (!text) {
        m->rc = DF_ENOMEM;
        return NULL;
    }
    p = bytes.data;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[n++] = '-';
        text[n++] = hex[p[i] >> 4];
        text[n++] = hex[p[i] & 15];
    }
    return put_text(m, o, text, n);
}

/* {"months", "days", "millis"} */
static const df__aop *read_duration(df__machine *m, const df__aop *o)
{
    static const char *const names[] = {"months", "days", "millis"};
    static const size_t lens[] = {6, 4, 6};
    df_bytes bytes;
    const unsigned char *p;
    yyjson_val *v;
    if (!get_fixed(m, o, &bytes))
        return NULL;
    p = bytes.data;
    v = df__aop_place(m, o);
    v->tag = 3u << YYJSON_TAG_BIT | DF__NODE_OBJ;
    v->uni.ofs = 7 * sizeof *v;
    for (int i = 0; i < 3; i++, p += 4) {
        m->at->tag = lens[i] << YYJSON_TAG_BIT | YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC;
        m->at++->uni.str = names[i];
        m->at->tag = DF__NODE_INT;
        m->at++->uni.i64 = (int64_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                                     (uint32_t)p[3] << 24);
    }
    return o + 1;
}

/* ---- null, boolean, enum --------------------------------------------------------------------- */

static const df__aop *read_null(df__machine *m, const df__aop *o)
{
    df__aop_place(m, o)->tag = YYJSON_TYPE_NULL;
    return o + 1;
}

static const df__aop *read_boolean(df__machine *m, const df__aop *o)
{
    unsigned b;
    if (m->p == m->end)
        return df__aop_short(m, o);
    b = *m->p++;
    if (b > 1)
        return df__aop_fail(m, o, "a boolean is neither 0 nor 1");
    df__aop_place(m, o)->tag = YYJSON_TYPE_BOOL | (b ? YYJSON_SUBTYPE_TRUE : YYJSON_SUBTYPE_FALSE);
    return o + 1;
}

const df__aop *df__aop_enum(df__machine *m, const df__aop *o)
{
    const yyjson_val *symbols = o->table;
    int64_t i;
    if (!get_int(m, o, &i))
        return NULL;
    if (i < 0 || i >= (int64_t)o->count)
        return df__aop_fail(m, o, "the enum has no symbol of that number, only %u", o->count);
    if (!symbols[i].tag)
        return df__aop_fail(m, o, "the reader's enum lacks the symbol and has no default");
    *df__aop_place(m, o) = symbols[i];
    return o + 1;
}

/* ---- which for which ------------------------------------------------------------------------- */

enum { UTC = 0 };
#define STAMP(zone) (DF__NODE_TIMESTAMP | (uint64_t)(uint32_t)(zone) << YYJSON_TAG_BIT)

static const struct row {
    enum df__avro_kind w, r;
    enum df__avro_logical logical; /* of r */
    df__aop_fn *run;
    uint64_t tag;
    uint32_t count;
    enum df__aop_plain plain;
} rows[] = {
    {DF__AVRO_NULL, DF__AVRO_NULL, DF__AVRO_PLAIN, read_null, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_BOOLEAN, DF__AVRO_BOOLEAN, DF__AVRO_PLAIN, read_boolean, 0, 0, DF__AOP_BOOLEAN},
    {DF__AVRO_INT, DF__AVRO_INT, DF__AVRO_PLAIN, read_int, DF__NODE_INT, 0, DF__AOP_INT},
    {DF__AVRO_INT, DF__AVRO_INT, DF__AVRO_DATE, read_int, DF__NODE_DATE, 0, DF__AOP_INT},
    {DF__AVRO_INT, DF__AVRO_INT, DF__AVRO_TIME_MILLIS, read_time, DF__NODE_TIME, 1000,
     DF__AOP_OTHER},
    {DF__AVRO_INT, DF__AVRO_LONG, DF__AVRO_PLAIN, read_int, DF__NODE_INT, 0, DF__AOP_INT},
    {DF__AVRO_LONG, DF__AVRO_LONG, DF__AVRO_PLAIN, read_long, DF__NODE_INT, 0, DF__AOP_LONG},
    {DF__AVRO_LONG, DF__AVRO_LONG, DF__AVRO_TIME_MICROS, read_time, DF__NODE_TIME, 1,
     DF__AOP_OTHER},
    {DF__AVRO_LONG, DF__AVRO_LONG, DF__AVRO_TS_MILLIS, read_scaled, STAMP(UTC), 1000,
     DF__AOP_SCALED},
    {DF__AVRO_LONG, DF__AVRO_LONG, DF__AVRO_TS_MICROS, read_long, STAMP(UTC), 0, DF__AOP_LONG},
    {DF__AVRO_LONG, DF__AVRO_LONG, DF__AVRO_TS_NANOS, read_nanos, STAMP(UTC), 0, DF__AOP_OTHER},
    {DF__AVRO_LONG, DF__AVRO_LONG, DF__AVRO_LOCAL_MILLIS, read_scaled, STAMP(DF_ZONE_NONE), 1000,
     DF__AOP_SCALED},
    {DF__AVRO_LONG, DF__AVRO_LONG, DF__AVRO_LOCAL_MICROS, read_long, STAMP(DF_ZONE_NONE), 0,
     DF__AOP_LONG},
    {DF__AVRO_LONG, DF__AVRO_LONG, DF__AVRO_LOCAL_NANOS, read_nanos, STAMP(DF_ZONE_NONE), 0,
     DF__AOP_OTHER},
    {DF__AVRO_INT, DF__AVRO_FLOAT, DF__AVRO_PLAIN, int_to_float, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_INT, DF__AVRO_DOUBLE, DF__AVRO_PLAIN, int_to_double, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_LONG, DF__AVRO_FLOAT, DF__AVRO_PLAIN, long_to_float, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_LONG, DF__AVRO_DOUBLE, DF__AVRO_PLAIN, long_to_double, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_FLOAT, DF__AVRO_FLOAT, DF__AVRO_PLAIN, read_float, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_FLOAT, DF__AVRO_DOUBLE, DF__AVRO_PLAIN, read_float, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_DOUBLE, DF__AVRO_DOUBLE, DF__AVRO_PLAIN, read_double, 0, 0, DF__AOP_DOUBLE},
    {DF__AVRO_BYTES, DF__AVRO_BYTES, DF__AVRO_PLAIN, read_bytes, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_BYTES, DF__AVRO_BYTES, DF__AVRO_DECIMAL, read_decimal, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_STRING, DF__AVRO_BYTES, DF__AVRO_PLAIN, read_bytes, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_STRING, DF__AVRO_BYTES, DF__AVRO_DECIMAL, read_decimal, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_STRING, DF__AVRO_STRING, DF__AVRO_PLAIN, read_string, 0, 0, DF__AOP_STRING},
    {DF__AVRO_STRING, DF__AVRO_STRING, DF__AVRO_UUID, read_string, 0, 0, DF__AOP_STRING},
    {DF__AVRO_STRING, DF__AVRO_STRING, DF__AVRO_AS_TEXT, read_string, 0, 0, DF__AOP_STRING},
    {DF__AVRO_BYTES, DF__AVRO_STRING, DF__AVRO_AS_TEXT, read_string, 0, 0, DF__AOP_STRING},
    {DF__AVRO_BYTES, DF__AVRO_STRING, DF__AVRO_PLAIN, read_string, 0, 0, DF__AOP_STRING},
    {DF__AVRO_BYTES, DF__AVRO_STRING, DF__AVRO_UUID, read_string, 0, 0, DF__AOP_STRING},
    {DF__AVRO_FIXED, DF__AVRO_FIXED, DF__AVRO_PLAIN, read_fixed, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_FIXED, DF__AVRO_FIXED, DF__AVRO_DECIMAL, read_fixed_decimal, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_FIXED, DF__AVRO_FIXED, DF__AVRO_UUID, read_fixed_uuid, 0, 0, DF__AOP_OTHER},
    {DF__AVRO_FIXED, DF__AVRO_FIXED, DF__AVRO_DURATION, read_duration, 0, 0, DF__AOP_OTHER},
};

static const struct row *find_row(enum df__avro_kind w, enum df__avro_kind r,
                                  enum df__avro_logical logical)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].w == w && rows[i].r == r && rows[i].logical == logical)
            return &rows[i];
    return NULL;
}

df__aop_fn *df__aop_scalar(const df__avro_type *w, const df__avro_type *r, df__aop *o)
{
    const struct row *row = find_row(w->kind, r->kind, r->logical);
    if (!row && w->kind == DF__AVRO_INT && r->kind == DF__AVRO_LONG)
        row = find_row(DF__AVRO_LONG, r->kind, r->logical); /* the same on the wire */
    if (!row)
        return NULL;
    o->tag = row->tag;
    o->plain = row->plain;
    o->count = row->count;
    if (w->kind == DF__AVRO_FIXED)
        o->count = (uint32_t)w->size;
    if (r->logical == DF__AVRO_DECIMAL)
        o->to = (uint32_t)r->scale;
    return row->run;
}
