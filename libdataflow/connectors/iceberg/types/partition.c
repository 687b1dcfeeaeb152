/* SPDX-License-Identifier: Apache-2.0
 * partition.c: see partition.h. A tuple is, for each field, a length of four bytes and the value;
 * the length of null is -1. */
#include "types/partition.h"

#include <stdio.h>
#include <string.h>

#include "types/single.h"

/* ---- specs ----------------------------------------------------------------------------------- */

typedef struct reader {
    df__arena *arena;
    const df__ice_layout *layout;
    char *why;
    int is_sort; /* fields have no ids and names of their own */
} reader;

static int refuse(const reader *r, const char *name, const char *what)
{
    df__text_printf(r->why, ICE_SHOWN, "its %s field %.80s %s", r->is_sort ? "sort" : "partition",
                    name, what);
    return DF_EDATA;
}

/* A column that was dropped leaves fields that are void. */
static int find_column(const reader *r, df__ice_partition_field *f, int64_t source)
{
    for (size_t i = 0; i < r->layout->count; i++) {
        if (r->layout->columns[i].id == source) {
            f->column = i;
            f->source = &r->layout->columns[i];
        }
    }
    if (!f->source && f->transform.kind != ICE_VOID)
        return refuse(r, f->name, "is of no column of the table itself, which is not supported");
    if (f->source && !df__ice_transform_takes(&f->transform, f->source->kind))
        return refuse(r, f->name, "has a transform that its column's type does not take");
    return DF_OK;
}

static void set_result(df__ice_partition_field *f)
{
    static const int kinds[ICE_TRANSFORMS] = {
        [ICE_BUCKET] = DF__PARQUET_INT, [ICE_YEAR] = DF__PARQUET_INT, [ICE_MONTH] = DF__PARQUET_INT,
        [ICE_DAY] = DF__PARQUET_DATE,   [ICE_HOUR] = DF__PARQUET_INT,
    };
    int kind = kinds[f->transform.kind];
    if (f->source && kind == DF__PARQUET_ANY && f->source->kind < DF__PARQUET_STRUCT)
        f->result = *f->source;
    else
        f->result.kind = kind == DF__PARQUET_ANY ? DF__PARQUET_INT : kind;
}

static int read_field(const reader *r, yyjson_val *v, df__ice_partition_field *f)
{
    const char *name = yyjson_get_str(yyjson_obj_get(v, "name"));
    const char *transform = yyjson_get_str(yyjson_obj_get(v, "transform"));
    yyjson_val *source = yyjson_obj_get(v, "source-id"), *id = yyjson_obj_get(v, "field-id");
    name = name ? name : transform ? transform : "?";
    f->name = df__arena_bytes(r->arena, name, strlen(name));
    if (!f->name)
        return DF_ENOMEM;
    f->id = (int32_t)yyjson_get_int(id);
    if (!transform || df__ice_transform_read(transform, &f->transform) != DF_OK ||
        !yyjson_is_int(source) || (!yyjson_is_int(id) && !r->is_sort))
        return refuse(r, f->name, "has a transform that is not known");
    int rc = find_column(r, f, yyjson_get_sint(source));
    if (rc == DF_OK)
        set_result(f);
    return rc;
}

static int read_fields(const reader *r, yyjson_val *fields, df__ice_spec *ret)
{
    yyjson_val *v;
    size_t i, most;
    ret->count = yyjson_arr_size(fields);
    ret->fields = df__arena_zalloc(r->arena, (ret->count + 1) * sizeof *ret->fields);
    if (!ret->fields)
        return DF_ENOMEM;
    yyjson_arr_foreach (fields, i, most, v) {
        int rc = read_field(r, v, &ret->fields[i]);
        if (rc != DF_OK)
            return rc;
    }
    return DF_OK;
}

int df__ice_spec_read(df__arena *arena, const df__ice_meta *m, const df__ice_layout *layout,
                      df__ice_spec *ret, char why[ICE_SHOWN])
{
    const reader r = {arena, layout, why, 0};
    yyjson_val *fields = df__ice_meta_spec(m, ret->id);
    if (!yyjson_is_arr(fields)) {
        df__text_printf(why, ICE_SHOWN, "its partition spec %lld is not there", (long long)ret->id);
        return DF_EDATA;
    }
    return read_fields(&r, fields, ret);
}

int df__ice_sort_fields_read(df__arena *arena, yyjson_val *fields, const df__ice_layout *layout,
                             df__ice_spec *ret, char why[ICE_SHOWN])
{
    const reader r = {arena, layout, why, 1};
    return read_fields(&r, fields, ret);
}

int df__ice_spec_is_flat(const df__ice_spec *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->fields[i].transform.kind != ICE_VOID)
            return 0;
    return 1;
}

void df__ice_spec_text(const df__ice_spec *s, df__buf *out)
{
    for (size_t i = 0; i < s->count; i++) {
        const df__ice_partition_field *f = &s->fields[i];
        const char *column = f->source ? f->source->name : "?";
        df__buf_str(out, i ? ", " : "");
        if (f->transform.kind == ICE_IDENTITY)
            df__buf_str(out, column);
        else if (f->transform.number)
            df__buf_printf(out, "%s(%d, %s)", df__ice_transform_name(f->transform.kind),
                           (int)f->transform.number, column);
        else
            df__buf_printf(out, "%s(%s)", df__ice_transform_name(f->transform.kind), column);
    }
}

/* ---- tuples ---------------------------------------------------------------------------------- */

static int put_value(const df__ice_partition_field *f, const df_value *v, df__buf *single,
                     df__buf *out)
{
    int32_t len = -1;
    size_t at = out->len;
    df__buf_add(out, &len, sizeof len);
    if (f->transform.kind == ICE_VOID || v->type <= DF_V_NULL)
        return DF_OK;
    df__buf_clear(single);
    int rc = df__parquet_single(f->source, v, single);
    if (rc != DF_OK)
        return rc;
    df_bytes value = {single->data ? single->data : "", single->len};
    df__ice_transform_put(&f->transform, f->source->kind, value, out);
    if (out->failed)
        return DF_ENOMEM;
    len = (int32_t)(out->len - at - sizeof len);
    memcpy(out->data + at, &len, sizeof len);
    return DF_OK;
}

int df__ice_tuple_make(const df__ice_spec *s, const df_value *values, df__buf *out)
{
    static const df_value null = {.type = DF_V_NULL};
    df__buf single;
    int rc = DF_OK;
    df__buf_init(&single, out->heap);
    for (size_t i = 0; i < s->count && rc == DF_OK; i++) {
        const df__ice_partition_field *f = &s->fields[i];
        rc = put_value(f, f->source ? &values[f->column] : &null, &single, out);
    }
    df__buf_free(&single);
    return rc == DF_OK && out->failed ? DF_ENOMEM : rc;
}

df_bytes df__ice_tuple_next(df_bytes *rest)
{
    int32_t len;
    const char *p = rest->data;
    if (rest->len < sizeof len)
        return (df_bytes){NULL, 0};
    memcpy(&len, p, sizeof len);
    size_t size = len > 0 ? (size_t)len : 0;
    df_bytes ret = {len < 0 ? NULL : p + sizeof len, size};
    *rest = (df_bytes){p + sizeof len + size, rest->len - sizeof len - size};
    return ret;
}

/* ---- Avro ------------------------------------------------------------------------------------ */

/* Bytes of a decimal of so many digits. */
static int decimal_size(int precision)
{
    __int128 most = 1;
    int size = 1;
    for (int i = 0; i < precision; i++)
        most *= 10;
    while (size < 16 && most - 1 >= (__int128)1 << (8 * size - 1))
        size++;
    return size;
}

static int fixed_size(const df__parquet_column *c)
{
    return c->kind == DF__PARQUET_DECIMAL ? decimal_size(c->precision)
           : c->kind == DF__PARQUET_UUID  ? 16
                                          : c->length;
}

static int is_fixed(int kind)
{
    return kind == DF__PARQUET_DECIMAL || kind == DF__PARQUET_UUID || kind == DF__PARQUET_FIXED;
}

/* Avro's name of a type that has to be named. */
static void fixed_name(const df__parquet_column *c, char *ret, size_t cap)
{
    if (c->kind == DF__PARQUET_DECIMAL)
        snprintf(ret, cap, "decimal_%d_%d", c->precision, c->scale);
    else if (c->kind == DF__PARQUET_UUID)
        snprintf(ret, cap, "uuid_fixed");
    else
        snprintf(ret, cap, "fixed_%d", c->length);
}

/* A type that has a name is written out once, and named from then on. */
static void put_fixed(const df__ice_spec *s, size_t index, df__buf *out)
{
    const df__parquet_column *c = &s->fields[index].result;
    char name[40], other[40];
    fixed_name(c, name, sizeof name);
    for (size_t i = 0; i < index; i++) {
        fixed_name(&s->fields[i].result, other, sizeof other);
        if (is_fixed(s->fields[i].result.kind) && strcmp(name, other) == 0) {
            df__buf_printf(out, "\"%s\"", name);
            return;
        }
    }
    df__buf_printf(out, "{\"type\":\"fixed\",\"name\":\"%s\",\"size\":%d", name, fixed_size(c));
    if (c->kind == DF__PARQUET_DECIMAL)
        df__buf_printf(out, ",\"logicalType\":\"decimal\",\"precision\":%d,\"scale\":%d",
                       c->precision, c->scale);
    if (c->kind == DF__PARQUET_UUID)
        df__buf_str(out, ",\"logicalType\":\"uuid\"");
    df__buf_char(out, '}');
}

static void put_type(const df__ice_spec *s, size_t index, df__buf *out)
{
    static const char *const types[] = {
        [DF__PARQUET_BOOLEAN] = "\"boolean\"",
        [DF__PARQUET_INT] = "\"int\"",
        [DF__PARQUET_LONG] = "\"long\"",
        [DF__PARQUET_FLOAT] = "\"float\"",
        [DF__PARQUET_DOUBLE] = "\"double\"",
        [DF__PARQUET_DATE] = "{\"type\":\"int\",\"logicalType\":\"date\"}",
        [DF__PARQUET_TIME] = "{\"type\":\"long\",\"logicalType\":\"time-micros\"}",
        [DF__PARQUET_TIMESTAMP] = "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\","
                                  "\"adjust-to-utc\":false}",
        [DF__PARQUET_TIMESTAMPTZ] = "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\","
                                    "\"adjust-to-utc\":true}",
        [DF__PARQUET_STRING] = "\"string\"",
        [DF__PARQUET_BINARY] = "\"bytes\"",
    };
    int kind = s->fields[index].result.kind;
    if (is_fixed(kind))
        put_fixed(s, index, out);
    else
        df__buf_str(out, types[kind]);
}

static int is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static int is_plain(unsigned char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Names of Avro are letters, digits and underlines: others as Java writes them. */
static void put_name(const char *name, df__buf *out)
{
    const unsigned char *p = (const unsigned char *)name;
    if (is_digit(*p))
        df__buf_char(out, '_');
    while (*p) {
        if (is_plain(*p)) {
            df__buf_char(out, (char)*p++);
            continue;
        }
        unsigned c = *p < 0x80 ? *p : *p < 0xe0 ? *p & 0x1fU : *p < 0xf0 ? *p & 0x0fU : *p & 7U;
        for (p++; (*p & 0xc0) == 0x80; p++)
            c = c << 6 | (*p & 0x3fU);
        df__buf_printf(out, "_x%X", c);
    }
}

void df__ice_spec_avro(const df__ice_spec *s, df__buf *out)
{
    for (size_t i = 0; i < s->count; i++) {
        df__buf_str(out, i ? ",{\"name\":\"" : "{\"name\":\"");
        put_name(s->fields[i].name, out);
        df__buf_str(out, "\",\"type\":[\"null\",");
        put_type(s, i, out);
        df__buf_printf(out, "],\"default\":null,\"field-id\":%d}", (int)s->fields[i].id);
    }
}

/* A decimal is as wide as its type; whole numbers have no width in Avro. */
static void put_decimal(const df__parquet_column *c, df_bytes v, df__buf *out)
{
    const char *p = v.data;
    for (size_t i = v.len; i < (size_t)decimal_size(c->precision); i++)
        df__buf_char(out, v.len && p[0] & 0x80 ? (char)0xff : 0);
    df__buf_add(out, v.data, v.len);
}

static void put_avro(const df__parquet_column *c, df_bytes v, df__buf *out)
{
    switch (c->kind) {
    case DF__PARQUET_INT:
    case DF__PARQUET_LONG:
    case DF__PARQUET_DATE:
    case DF__PARQUET_TIME:
    case DF__PARQUET_TIMESTAMP:
    case DF__PARQUET_TIMESTAMPTZ:
        df__ice_put_long(out, df__ice_whole_of(v));
        break;
    case DF__PARQUET_DECIMAL:
        put_decimal(c, v, out);
        break;
    case DF__PARQUET_STRING:
    case DF__PARQUET_BINARY:
        df__ice_put_bytes(out, v.data, v.len);
        break;
    default: /* as they are: boolean, float, double, uuid, fixed */
        df__buf_add(out, v.data, v.len);
    }
}

void df__ice_tuple_avro(const df__ice_spec *s, df_bytes tuple, df__buf *out)
{
    for (size_t i = 0; i < s->count; i++) {
        df_bytes v = df__ice_tuple_next(&tuple);
        df__ice_put_long(out, v.data ? 1 : 0);
        if (v.data)
            put_avro(&s->fields[i].result, v, out);
    }
}

/* ---- extents --------------------------------------------------------------------------------- */

static int sign_of(int less, int more)
{
    return more - less;
}

static __int128 number_of(int kind, df_bytes v)
{
    return kind == DF__PARQUET_DECIMAL ? df__ice_decimal_of(v) : df__ice_whole_of(v);
}

static int compare(int kind, df_bytes a, df_bytes b)
{
    if (kind == DF__PARQUET_FLOAT || kind == DF__PARQUET_DOUBLE) {
        double x = df__ice_real_of(a), y = df__ice_real_of(b);
        return sign_of(x<y, x> y);
    }
    if (kind <= DF__PARQUET_TIMESTAMPTZ) {
        __int128 x = number_of(kind, a), y = number_of(kind, b);
        return sign_of(x<y, x> y);
    }
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.data, b.data, n) : 0;
    return c ? c : sign_of(a.len<b.len, a.len> b.len);
}

static int is_nan(int kind, df_bytes v)
{
    double d = kind == DF__PARQUET_FLOAT || kind == DF__PARQUET_DOUBLE ? df__ice_real_of(v) : 0;
    return d != d;
}

void df__ice_extent_add(const df__ice_spec *s, df__ice_extent *extents, df_bytes tuple)
{
    for (size_t i = 0; i < s->count; i++) {
        df__ice_extent *e = &extents[i];
        df_bytes v = df__ice_tuple_next(&tuple);
        int kind = s->fields[i].result.kind;
        if (!v.data) {
            e->has_null = 1;
        } else if (is_nan(kind, v)) {
            e->has_nan = 1;
        } else {
            if (!e->low.data || compare(kind, v, e->low) < 0)
                e->low = v;
            if (!e->high.data || compare(kind, v, e->high) > 0)
                e->high = v;
        }
    }
}

static void put_bound(df_bytes v, df__buf *out)
{
    df__ice_put_long(out, v.data ? 1 : 0);
    if (v.data)
        df__ice_put_bytes(out, v.data, v.len);
}

void df__ice_extent_avro(const df__ice_spec *s, const df__ice_extent *extents, df__buf *out)
{
    df__ice_put_long(out, 1); /* not null */
    if (s->count)
        df__ice_put_long(out, (int64_t)s->count);
    for (size_t i = 0; i < s->count; i++) {
        df__buf_char(out, (char)extents[i].has_null);
        df__ice_put_long(out, 1);
        df__buf_char(out, (char)extents[i].has_nan);
        put_bound(extents[i].low, out);
        put_bound(extents[i].high, out);
    }
    df__ice_put_long(out, 0);
}
