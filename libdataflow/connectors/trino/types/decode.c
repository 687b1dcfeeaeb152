/* SPDX-License-Identifier: Apache-2.0
 * decode.c: see decode.h. */
#include "types/decode.h"

#include <math.h>
#include <string.h>
#include <stdlib.h>

#include "util/codec.h"
#include "util/rfc3339.h"
#include "util/zone.h"

enum { MICRO_DIGITS = 6, DAY_S = 86400 };

static int refuse(df__trino_decoder *d, const char *why)
{
    d->why = why;
    return DF_EDATA;
}

static int give_text(yyjson_val *v, int type, df_value *ret)
{
    *ret = (df_value){.type = type, .text = yyjson_get_str(v), .len = yyjson_get_len(v)};
    return DF_OK;
}

/* ---- scalars --------------------------------------------------------------------------------- */

static int get_bool(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    (void)t;
    if (!yyjson_is_bool(v))
        return refuse(d, "not true or false");
    *ret = (df_value){.type = DF_V_BOOL, .u.i = yyjson_get_bool(v)};
    return DF_OK;
}

static int get_int(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    (void)t;
    if (!yyjson_is_int(v) || (yyjson_is_uint(v) && yyjson_get_uint(v) > INT64_MAX))
        return refuse(d, "not a whole number of 64 bits");
    *ret = (df_value){.type = DF_V_INT, .u.i = yyjson_get_sint(v)};
    return DF_OK;
}

static int get_float(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    static const struct {
        const char *name;
        double value;
    } special[] = {{"NaN", (double)NAN},
                   {"Infinity", (double)INFINITY},
                   {"+Infinity", (double)INFINITY},
                   {"-Infinity", -(double)INFINITY}};
    (void)t;
    *ret = (df_value){.type = DF_V_DOUBLE, .u.d = yyjson_get_num(v)};
    if (yyjson_is_num(v))
        return DF_OK;
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (yyjson_equals_str(v, special[i].name)) {
            ret->u.d = special[i].value;
            return DF_OK;
        }
    return refuse(d, "not a number");
}

static int get_decimal(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    df__exact exact;
    df_bytes text = {yyjson_get_str(v), yyjson_get_len(v)};
    (void)t;
    if (!yyjson_is_str(v) || df__exact_parse(text, &exact) != DF_OK)
        return refuse(d, "not a decimal");
    return give_text(v, DF_V_NUMBER, ret);
}

static int get_text(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    (void)t;
    return yyjson_is_str(v) ? give_text(v, DF_V_STRING, ret) : refuse(d, "not text");
}

static int get_bytes(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    df__buf b;
    (void)t;
    if (!yyjson_is_str(v))
        return refuse(d, "not base64");
    df__buf_init(&b, d->memory.heap);
    int rc = df__base64_read(&b, yyjson_get_str(v), yyjson_get_len(v)) == 0 ? DF_OK : DF_EDATA;
    df_bytes bytes = {b.data ? b.data : "", b.len};
    if (rc == DF_OK)
        rc = b.failed ? DF_ENOMEM : df__arena_copy(&d->memory, bytes, &bytes);
    df__buf_free(&b);
    *ret = (df_value){.type = DF_V_BYTES, .text = bytes.data, .len = bytes.len};
    return rc == DF_EDATA ? refuse(d, "not base64") : rc;
}

/* JSON comes as a text with JSON in it. */
static int get_json(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    (void)t;
    if (!yyjson_is_str(v))
        return refuse(d, "not JSON");
    int rc = df_value_parse(d->record, (df_bytes){yyjson_get_str(v), yyjson_get_len(v)}, ret);
    return rc == DF_EDATA ? refuse(d, "not JSON") : rc;
}

/* ---- times ----------------------------------------------------------------------------------- */

/* "UTC", "+02:00", "Europe/Berlin": seconds east of UTC when its clock shows `local`. */
static int zone_offset(df__trino_decoder *d, df_bytes name, int64_t local, int32_t *ret)
{
    char text[64], err[DF__ZONE_TEXT];
    df__zone *zone = NULL;
    df__zone_span span = {0};
    *ret = 0;
    if (name.len == 3 && memcmp(name.data, "UTC", 3) == 0)
        return DF_OK;
    df__text_set(text, sizeof text, name.data, name.len);
    if (df__zone_load(d->memory.heap, text, NULL, &zone, err) != DF_OK)
        return refuse(d, "a time in a zone that this machine does not know");
    *ret = (int32_t)(local - df__zone_moment(zone, local, &span));
    df__zone_free(zone);
    return DF_OK;
}

static int set_stamp(df__trino_decoder *d, const df__stamp *s, int32_t offset, df_value *ret)
{
    if (s->nsec % 1000 != 0)
        return refuse(d, "a time that is finer than a microsecond");
    ret->type = DF_V_TIMESTAMP;
    ret->u.i = (s->local - offset) * 1000000 + s->nsec / 1000;
    return DF_OK;
}

/* "2026-01-02 03:04:05.123456", then for a moment a blank and its zone. */
static int get_stamp(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    int zoned = t->kind == TRINO_KIND_TIMESTAMP_ZONE;
    const char *s = yyjson_get_str(v);
    size_t len = yyjson_get_len(v);
    df__stamp stamp;
    int32_t offset = 0;
    if (t->precision > MICRO_DIGITS)
        return get_text(d, t, v, ret);
    const char *blank = zoned && s ? memrchr(s, ' ', len) : NULL;
    df_bytes text = {s, blank ? (size_t)(blank - s) : len};
    if (!s || df__stamp_parse(text, &stamp) != DF_OK || stamp.has_zone || (zoned && !blank))
        return refuse(d, "a time outside of the years 1 to 9999");
    *ret = (df_value){.zone = DF_ZONE_NONE};
    if (zoned) {
        df_bytes zone = {blank + 1, (size_t)(s + len - blank - 1)};
        int rc = zone_offset(d, zone, stamp.local, &offset);
        if (rc != DF_OK)
            return rc;
        ret->zone = offset % 60 == 0 ? offset / 60 : 0;
    }
    return set_stamp(d, &stamp, offset, ret);
}

static int get_date(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    char text[24];
    df__stamp stamp;
    (void)t;
    if (!yyjson_is_str(v) || yyjson_get_len(v) != 10)
        return refuse(d, "a date outside of the years 1 to 9999");
    memcpy(text, yyjson_get_str(v), 10);
    memcpy(text + 10, "T00:00:00", 9);
    if (df__stamp_parse((df_bytes){text, 19}, &stamp) != DF_OK)
        return refuse(d, "a date outside of the years 1 to 9999");
    int64_t days = stamp.local / DAY_S - (stamp.local % DAY_S < 0);
    *ret = (df_value){.type = DF_V_DATE, .u.i = days};
    return DF_OK;
}

static int get_time(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    char text[40] = "1970-01-01T";
    df__stamp stamp;
    size_t len = yyjson_get_len(v);
    if (t->kind == TRINO_KIND_TIME_ZONE || t->precision > MICRO_DIGITS)
        return get_text(d, t, v, ret);
    if (!yyjson_is_str(v) || len > sizeof text - 12)
        return refuse(d, "not a time of day");
    memcpy(text + 11, yyjson_get_str(v), len);
    if (df__stamp_parse((df_bytes){text, 11 + len}, &stamp) != DF_OK || stamp.has_zone)
        return refuse(d, "not a time of day");
    *ret = (df_value){.type = DF_V_TIME, .u.i = stamp.local * 1000000 + stamp.nsec / 1000};
    return DF_OK;
}

/* ---- nested ---------------------------------------------------------------------------------- */

static int new_container(df__trino_decoder *d, int type, df_value *ret)
{
    df_value empty = {.type = type};
    return df_value_new(d->record, &empty, ret);
}

static int add(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_bytes name,
               df_value *into)
{
    df_value member;
    int rc = df__trino_decode(d, t, v, &member);
    return rc == DF_OK ? df_value_put(d->record, into, name, &member) : rc;
}

static int get_array(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    size_t index, count;
    yyjson_val *item;
    df_bytes none = {NULL, 0};
    int rc = yyjson_is_arr(v) ? new_container(d, DF_V_ARRAY, ret) : refuse(d, "not an array");
    yyjson_arr_foreach (v, index, count, item)
        rc = rc == DF_OK ? add(d, &t->parts[0], item, none, ret) : rc;
    return rc;
}

static int get_map(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    size_t index, count;
    yyjson_val *key, *item;
    int rc = yyjson_is_obj(v) ? new_container(d, DF_V_OBJECT, ret) : refuse(d, "not a map");
    yyjson_obj_foreach (v, index, count, key, item) {
        df_bytes name = {yyjson_get_str(key), yyjson_get_len(key)};
        rc = rc == DF_OK ? add(d, &t->parts[1], item, name, ret) : rc;
    }
    return rc;
}

/* Its fields in their order; one without a name is called by its place: "field0". */
static int get_row(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    size_t index, count;
    yyjson_val *item;
    char own[32];
    int fits = yyjson_is_arr(v) && yyjson_arr_size(v) == t->part_count;
    int rc = fits ? new_container(d, DF_V_OBJECT, ret) : refuse(d, "not a row of its type");
    if (rc != DF_OK)
        return rc;
    yyjson_arr_foreach (v, index, count, item) {
        df_bytes name = t->names[index];
        if (!name.data)
            name = (df_bytes){own, df__text_printf(own, sizeof own, "field%zu", index)};
        rc = rc == DF_OK ? add(d, &t->parts[index], item, name, ret) : rc;
    }
    return rc;
}

/* Intervals, digests, shapes: text as it comes, or what its JSON is. */
static int get_other(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret)
{
    size_t len;
    (void)t;
    if (yyjson_is_str(v))
        return give_text(v, DF_V_STRING, ret);
    char *text = yyjson_val_write(v, 0, &len);
    if (!text)
        return DF_ENOMEM;
    int rc = df_value_parse(d->record, (df_bytes){text, len}, ret);
    free(text);
    return rc == DF_EDATA ? refuse(d, "not a value") : rc;
}

/* ---- the table ------------------------------------------------------------------------------- */

typedef int (*get)(df__trino_decoder *d, const df__trino_type *t, yyjson_val *v, df_value *ret);

static const struct {
    get get;
    int type; /* DF_V_... in a schema */
} kinds[] = {
    [TRINO_KIND_OTHER] = {get_other, DF_V_ABSENT},
    [TRINO_KIND_BOOLEAN] = {get_bool, DF_V_BOOL},
    [TRINO_KIND_TINYINT] = {get_int, DF_V_INT},
    [TRINO_KIND_SMALLINT] = {get_int, DF_V_INT},
    [TRINO_KIND_INTEGER] = {get_int, DF_V_INT},
    [TRINO_KIND_BIGINT] = {get_int, DF_V_INT},
    [TRINO_KIND_REAL] = {get_float, DF_V_DOUBLE},
    [TRINO_KIND_DOUBLE] = {get_float, DF_V_DOUBLE},
    [TRINO_KIND_DECIMAL] = {get_decimal, DF_V_NUMBER},
    [TRINO_KIND_VARCHAR] = {get_text, DF_V_STRING},
    [TRINO_KIND_CHAR] = {get_text, DF_V_STRING},
    [TRINO_KIND_VARBINARY] = {get_bytes, DF_V_BYTES},
    [TRINO_KIND_JSON] = {get_json, DF_V_ABSENT},
    [TRINO_KIND_DATE] = {get_date, DF_V_DATE},
    [TRINO_KIND_TIME] = {get_time, DF_V_TIME},
    [TRINO_KIND_TIME_ZONE] = {get_time, DF_V_STRING},
    [TRINO_KIND_TIMESTAMP] = {get_stamp, DF_V_TIMESTAMP},
    [TRINO_KIND_TIMESTAMP_ZONE] = {get_stamp, DF_V_TIMESTAMP},
    [TRINO_KIND_UUID] = {get_text, DF_V_STRING},
    [TRINO_KIND_IPADDRESS] = {get_text, DF_V_STRING},
    [TRINO_KIND_ARRAY] = {get_array, DF_V_ARRAY},
    [TRINO_KIND_MAP] = {get_map, DF_V_OBJECT},
    [TRINO_KIND_ROW] = {get_row, DF_V_OBJECT},
};

int df__trino_decode(df__trino_decoder *d, const df__trino_type *type, yyjson_val *v, df_value *ret)
{
    if (!v || yyjson_is_null(v)) {
        *ret = (df_value){.type = DF_V_NULL};
        return DF_OK;
    }
    return kinds[type->kind].get(d, type, v, ret);
}

static int schema_type(const df__trino_type *type)
{
    int is_fine = type->precision > MICRO_DIGITS &&
                  (type->kind == TRINO_KIND_TIME || type->kind == TRINO_KIND_TIMESTAMP ||
                   type->kind == TRINO_KIND_TIMESTAMP_ZONE);
    return is_fine ? DF_V_STRING : kinds[type->kind].type;
}

void df__trino_field(const df__trino_type *type, df_field *ret)
{
    ret->type = schema_type(type);
    ret->item = type->kind == TRINO_KIND_ARRAY ? schema_type(&type->parts[0]) : DF_V_ABSENT;
    ret->zone =
        ret->type == DF_V_TIMESTAMP && type->kind == TRINO_KIND_TIMESTAMP ? DF_ZONE_NONE : 0;
    if (type->kind == TRINO_KIND_DECIMAL) {
        ret->precision = type->precision;
        ret->scale = type->scale;
    }
}
