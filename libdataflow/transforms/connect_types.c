/* SPDX-License-Identifier: Apache-2.0
 * connect_types.c: see connect_types.h. What a value of ours cannot hold to the last digit stays as
 * it is written: nanoseconds, and times as text that are finer than a microsecond. */
#include "transforms/connect_types.h"

#include <string.h>

#include "transforms/memory.h"
#include "util/buf.h"
#include "util/codec.h"
#include "util/rfc3339.h"

enum { DECIMAL_BYTES = 512, SCALE_MAX = 16384 };
#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

typedef struct job {
    df_batch *batch;
    int scale;
} job;

struct df__connect_kind {
    const char *name;
    int type;
    int32_t zone;
    int (*convert)(const job *j, const df_value *v, df_value *put);
};

static df_value member(const df_value *object, const char *name)
{
    df_value found = {0};
    if (object->type == DF_V_OBJECT)
        df_value_member(object, (df_bytes){name, strlen(name)}, &found);
    return found;
}

static int is_text(const df_value *v, const char *text)
{
    return v->type == DF_V_STRING && v->len == strlen(text) && memcmp(v->text, text, v->len) == 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int only(const df_value *v, int type)
{
    return v->type == type ? DF_OK : DF_EDATA;
}

static int as_bool(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    (void)put;
    return only(v, DF_V_BOOL);
}

static int as_int(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    (void)put;
    return only(v, DF_V_INT);
}

static int as_text(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    (void)put;
    return only(v, DF_V_STRING);
}

static int as_object(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    (void)put;
    return only(v, DF_V_OBJECT);
}

static int as_array(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    (void)put;
    return only(v, DF_V_ARRAY);
}

static int as_any(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    (void)v;
    (void)put;
    return DF_OK;
}

static int as_double(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    *put = (df_value){.type = DF_V_DOUBLE};
    if (v->type == DF_V_DOUBLE)
        return DF_OK;
    if (is_text(v, "NaN"))
        put->u.d = __builtin_nan("");
    else if (is_text(v, "Infinity") || is_text(v, "-Infinity"))
        put->u.d = v->text[0] == '-' ? -__builtin_inf() : __builtin_inf();
    else if (v->type == DF_V_STRING || df_value_double(v, &put->u.d) != DF_OK)
        return DF_EDATA;
    return DF_MORE;
}

/* The bytes that a text in base64 stands for, in memory of the batch. */
static int decode(df_batch *batch, const df_value *v, df_bytes *ret)
{
    df__heap heap = df__batch_heap(batch);
    df__buf out;
    if (v->type == DF_V_BYTES) {
        *ret = (df_bytes){v->text, v->len};
        return DF_OK;
    }
    df__buf_init(&out, &heap);
    if (v->type != DF_V_STRING)
        return DF_EDATA;
    if (!df__buf_reserve(&out, v->len + 1))
        return DF_ENOMEM;
    if (df__base64_read(&out, v->text, v->len) != 0)
        return DF_EDATA;
    *ret = (df_bytes){out.data, out.len};
    return out.failed ? DF_ENOMEM : DF_OK;
}

static int as_bytes(const job *j, const df_value *v, df_value *put)
{
    df_bytes bytes;
    int rc = v->type == DF_V_BYTES ? DF_OK : decode(j->batch, v, &bytes);
    if (rc != DF_OK || v->type == DF_V_BYTES)
        return rc;
    *put = (df_value){.type = DF_V_BYTES, .text = bytes.data, .len = bytes.len};
    return DF_MORE;
}

/* Divides a number of base 256 by ten and gives the digit that is left. */
static unsigned divide(unsigned char *number, size_t len)
{
    unsigned rest = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned all = rest << 8 | number[i];
        number[i] = (unsigned char)(all / 10);
        rest = all % 10;
    }
    return rest;
}

/* Two's complement, the highest byte first; becomes its absolute value. 1: it was negative. */
static int make_positive(unsigned char *number, size_t len)
{
    unsigned carry = 1;
    if (!len || !(number[0] & 0x80))
        return 0;
    for (size_t i = len; i-- > 0; carry >>= 8) {
        carry += (unsigned char)~number[i];
        number[i] = (unsigned char)carry;
    }
    return 1;
}

/* Where the first byte that is not 0 stands. */
static size_t skip_zeros(const unsigned char *number, size_t from, size_t len)
{
    while (from < len && !number[from])
        from++;
    return from;
}

/* Writes from the back: the digits, a point before the last `scale` of them, the sign. */
static int write_decimal(df_batch *batch, df_bytes bytes, int scale, df_value *put)
{
    unsigned char number[DECIMAL_BYTES];
    size_t zeros = scale < 0 ? (size_t)-scale : 0, decimals = scale > 0 ? (size_t)scale : 0;
    size_t room = bytes.len * 3 + zeros + decimals + 4, digits = 0;
    char *text = df_batch_alloc(batch, room), *at;
    if (!text)
        return DF_ENOMEM;
    memcpy(number, bytes.data, bytes.len);
    int negative = make_positive(number, bytes.len);
    size_t first = skip_zeros(number, 0, bytes.len);
    at = text + room;
    if (first == bytes.len) /* zero has no zeros after it */
        zeros = 0;
    at -= zeros;
    memset(at, '0', zeros);
    for (; first < bytes.len || digits <= decimals; digits++) {
        if (decimals && digits == decimals)
            *--at = '.';
        *--at = (char)('0' + divide(number + first, bytes.len - first));
        first = skip_zeros(number, first, bytes.len);
    }
    if (negative)
        *--at = '-';
    *put = (df_value){.type = DF_V_NUMBER, .text = at, .len = (size_t)(text + room - at)};
    return DF_MORE;
}

static int as_decimal(const job *j, const df_value *v, df_value *put)
{
    df_bytes bytes;
    int rc;
    if (v->type == DF_V_NUMBER || v->type == DF_V_INT)
        return DF_OK; /* decimal.format: NUMERIC */
    rc = decode(j->batch, v, &bytes);
    if (rc != DF_OK || !bytes.len || bytes.len > DECIMAL_BYTES)
        return rc == DF_OK ? DF_EDATA : rc;
    return write_decimal(j->batch, bytes, j->scale, put);
}

static int as_variable(const job *j, const df_value *v, df_value *put)
{
    df_value scale = member(v, "scale"), value = member(v, "value");
    job own = {j->batch, 0};
    if (v->type == DF_V_NUMBER || v->type == DF_V_INT)
        return DF_OK;
    if (scale.type != DF_V_INT || scale.u.i < -SCALE_MAX || scale.u.i > SCALE_MAX)
        return DF_EDATA;
    own.scale = (int)scale.u.i;
    return value.type == DF_V_STRING || value.type == DF_V_BYTES ? as_decimal(&own, &value, put)
                                                                 : DF_EDATA;
}

/* A whole number from 1970, or from midnight, in units of so many microseconds. */
static int moment(const df_value *v, df_value *put, int type, int64_t unit)
{
    int64_t value = 0;
    int is_time = type == DF_V_TIME;
    if (v->type == type)
        return DF_OK;
    if (v->type != DF_V_INT || __builtin_mul_overflow(v->u.i, unit, &value) ||
        (is_time && (value < 0 || value >= DAY)) ||
        (type == DF_V_DATE && (value < INT32_MIN || value > INT32_MAX)))
        return DF_EDATA;
    *put = (df_value){.type = type, .u.i = value};
    put->zone = type == DF_V_TIMESTAMP ? DF_ZONE_NONE : 0;
    return DF_MORE;
}

static int as_days(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    return moment(v, put, DF_V_DATE, 1);
}

static int as_time_ms(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    return moment(v, put, DF_V_TIME, 1000);
}

static int as_time_us(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    return moment(v, put, DF_V_TIME, 1);
}

static int as_stamp_ms(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    return moment(v, put, DF_V_TIMESTAMP, 1000);
}

static int as_stamp_us(const job *j, const df_value *v, df_value *put)
{
    (void)j;
    return moment(v, put, DF_V_TIMESTAMP, 1);
}

static int as_zoned(const job *j, const df_value *v, df_value *put)
{
    df__stamp stamp;
    (void)j;
    if (v->type != DF_V_STRING)
        return only(v, DF_V_TIMESTAMP);
    if (df__stamp_parse((df_bytes){v->text, v->len}, &stamp) != DF_OK || !stamp.has_zone ||
        stamp.offset % 60 || stamp.nsec % 1000)
        return DF_OK;
    *put = (df_value){.type = DF_V_TIMESTAMP, .zone = stamp.offset / 60};
    put->u.i = (stamp.local - stamp.offset) * SECOND + stamp.nsec / 1000;
    return DF_MORE;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define CONNECT "org.apache.kafka.connect.data."
#define TIME "io.debezium.time."
static const df__connect_kind kinds[] = {
    /* names, which stand beside a type */
    {CONNECT "Decimal", DF_V_NUMBER, 0, as_decimal},
    {CONNECT "Date", DF_V_DATE, 0, as_days},
    {CONNECT "Time", DF_V_TIME, 0, as_time_ms},
    {CONNECT "Timestamp", DF_V_TIMESTAMP, DF_ZONE_NONE, as_stamp_ms},
    {TIME "Date", DF_V_DATE, 0, as_days},
    {TIME "Time", DF_V_TIME, 0, as_time_ms},
    {TIME "MicroTime", DF_V_TIME, 0, as_time_us},
    {TIME "Timestamp", DF_V_TIMESTAMP, DF_ZONE_NONE, as_stamp_ms},
    {TIME "MicroTimestamp", DF_V_TIMESTAMP, DF_ZONE_NONE, as_stamp_us},
    {TIME "ZonedTimestamp", DF_V_TIMESTAMP, 0, as_zoned},
    {"io.debezium.data.VariableScaleDecimal", DF_V_NUMBER, 0, as_variable},
    /* types */
    {"int8", DF_V_INT, 0, as_int},
    {"int16", DF_V_INT, 0, as_int},
    {"int32", DF_V_INT, 0, as_int},
    {"int64", DF_V_INT, 0, as_int},
    {"float", DF_V_DOUBLE, 0, as_double},
    {"double", DF_V_DOUBLE, 0, as_double},
    {"boolean", DF_V_BOOL, 0, as_bool},
    {"string", DF_V_STRING, 0, as_text},
    {"bytes", DF_V_BYTES, 0, as_bytes},
    {"array", DF_V_ARRAY, 0, as_array},
    {"struct", DF_V_OBJECT, 0, as_object},
    {"map", DF_V_ABSENT, 0, as_any}, /* an object, or an array of pairs */
};

static const df__connect_kind *find(const df_value *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (is_text(name, kinds[i].name))
            return &kinds[i];
    return NULL;
}

/* A name that is not in the table says nothing: Uuid and Json are texts as well. */
static const df__connect_kind *kind_of(const df_value *block)
{
    df_value name = member(block, "name"), type = member(block, "type");
    const df__connect_kind *named = find(&name), *plain = find(&type);
    return named && plain ? named : plain;
}

static int parameter(const df_value *block, const char *name, int least)
{
    df_value all = member(block, "parameters"), v = member(&all, name);
    df__exact digits;
    __int128 value = 0;
    if (v.type != DF_V_STRING || df__exact_parse((df_bytes){v.text, v.len}, &digits) != DF_OK ||
        df__exact_int(&digits, 0, 0, &value) != DF_OK || value < least || value > SCALE_MAX)
        return least - 1;
    return (int)value;
}

static int read_decimal(const df_value *block, const df__connect_kind *kind, int *ret)
{
    *ret = kind->convert == as_decimal ? parameter(block, "scale", -SCALE_MAX) : 0;
    return *ret < -SCALE_MAX ? DF_EDATA : DF_OK;
}

int df__connect_type_read(const df_value *block, df__connect_type *ret, df_field *field)
{
    df_value optional = member(block, "optional"), items = member(block, "items");
    *ret = (df__connect_type){.kind = kind_of(block)};
    if (!ret->kind || read_decimal(block, ret->kind, &ret->scale) != DF_OK)
        return DF_EDATA;
    field->type = ret->kind->type;
    field->zone = ret->kind->zone;
    if (optional.type == DF_V_BOOL && !optional.u.i)
        field->flags |= DF_FIELD_NOT_NULL;
    if (ret->kind->convert == as_decimal) {
        int precision = parameter(block, "connect.decimal.precision", 1);
        field->precision = precision >= ret->scale && ret->scale >= 0 ? precision : 0;
        field->scale = field->precision ? ret->scale : 0;
    }
    if (ret->kind->convert != as_array)
        return DF_OK;
    ret->item = kind_of(&items);
    if (!ret->item || read_decimal(&items, ret->item, &ret->item_scale) != DF_OK)
        return DF_EDATA;
    field->item = ret->item->type;
    field->zone = ret->item->zone;
    return DF_OK;
}

const char *df__connect_word(const df__connect_type *t)
{
    return t->kind->name;
}

static int each_item(const df__connect_type *t, df_batch *batch, df_record *r, const df_value *v,
                     df_value *put)
{
    df_value empty = {.type = DF_V_ARRAY};
    df_walk walk = {0};
    int rc = df_value_new(r, &empty, put);
    while (rc == DF_OK && df_value_walk(v, &walk) == DF_OK) {
        job j = {batch, t->item_scale};
        df_value item = walk.value;
        rc = item.type > DF_V_NULL ? t->item->convert(&j, &walk.value, &item) : DF_OK;
        if (rc == DF_OK)
            item = walk.value;
        if (rc >= 0)
            rc = df_value_put(r, put, (df_bytes){NULL, 0}, &item);
    }
    return rc == DF_OK ? DF_MORE : rc;
}

int df__connect_value(const df__connect_type *t, df_batch *batch, df_record *r, const df_value *v,
                      df_value *put)
{
    job j = {batch, t->scale};
    if (v->type <= DF_V_NULL)
        return DF_OK;
    if (t->item && v->type == DF_V_ARRAY)
        return each_item(t, batch, r, v, put);
    return t->kind->convert(&j, v, put);
}
