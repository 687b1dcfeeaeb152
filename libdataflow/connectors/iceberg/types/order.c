/* SPDX-License-Identifier: Apache-2.0
 * order.c: see order.h. */
#include "types/order.h"

#include <string.h>

int df__ice_order_read(df__arena *arena, const df__ice_meta *m, const df__ice_layout *layout,
                       df__ice_order *ret, char why[ICE_SHOWN])
{
    yyjson_val *v, *fields = NULL, *list = yyjson_obj_get(m->table, "sort-orders");
    size_t i, most;
    memset(ret, 0, sizeof *ret);
    yyjson_arr_foreach (list, i, most, v)
        if (yyjson_get_sint(yyjson_obj_get(v, "order-id")) == m->order_id)
            fields = yyjson_obj_get(v, "fields");
    if (yyjson_arr_size(fields) == 0)
        return DF_OK;
    int rc = df__ice_sort_fields_read(arena, fields, layout, &ret->spec, why);
    ret->falls = df__arena_zalloc(arena, ret->spec.count + 1);
    ret->nulls_last = df__arena_zalloc(arena, ret->spec.count + 1);
    if (rc == DF_OK && (!ret->falls || !ret->nulls_last))
        rc = DF_ENOMEM;
    yyjson_arr_foreach (fields, i, most, v) {
        if (rc != DF_OK)
            return rc;
        ret->falls[i] = (char)yyjson_equals_str(yyjson_obj_get(v, "direction"), "desc");
        ret->nulls_last[i] = (char)yyjson_equals_str(yyjson_obj_get(v, "null-order"), "nulls-last");
    }
    ret->id = m->order_id;
    return DF_OK;
}

/* ---- keys: what stands for a value, in an order that memcmp has ------------------------------ */

/* Little-endian whole numbers, the highest byte first. */
static void put_turned(df_bytes value, unsigned char flip, df__buf *out)
{
    const unsigned char *p = value.data;
    for (size_t i = value.len; i > 0; i--)
        df__buf_char(out, (char)(p[i - 1] ^ (i == value.len ? flip : 0)));
}

/* -NaN, -Infinity, … -0, +0, … Infinity, NaN. */
static void put_real(df_bytes value, df__buf *out)
{
    const unsigned char *p = value.data;
    unsigned char all = p[value.len - 1] & 0x80 ? 0xff : 0;
    for (size_t i = value.len; i > 0; i--)
        df__buf_char(out, (char)(p[i - 1] ^ all ^ (i == value.len && !all ? 0x80 : 0)));
}

/* Its bytes are as few as the number needs, the highest first. */
static void put_decimal(df_bytes value, df__buf *out)
{
    const unsigned char *p = value.data;
    unsigned char sign = value.len && p[0] & 0x80 ? 0xff : 0;
    for (size_t i = 0; i < 16; i++) {
        unsigned char byte = i + value.len < 16 ? sign : p[i + value.len - 16];
        df__buf_char(out, (char)(byte ^ (i == 0 ? 0x80 : 0)));
    }
}

/* A text ends before every longer one that begins with it. */
static void put_text(df_bytes value, df__buf *out)
{
    const char *p = value.data;
    for (size_t i = 0; i < value.len; i++) {
        df__buf_char(out, p[i]);
        if (p[i] == 0)
            df__buf_char(out, (char)0xff);
    }
    df__buf_add(out, "\0", 2);
}

static void put_value(int kind, df_bytes value, df__buf *out)
{
    switch (kind) {
    case DF__PARQUET_BOOLEAN:
        put_turned(value, 0, out);
        return;
    case DF__PARQUET_FLOAT:
    case DF__PARQUET_DOUBLE:
        put_real(value, out);
        return;
    case DF__PARQUET_DECIMAL:
        put_decimal(value, out);
        return;
    case DF__PARQUET_STRING:
    case DF__PARQUET_UUID:
    case DF__PARQUET_FIXED:
    case DF__PARQUET_BINARY:
        put_text(value, out);
        return;
    default:
        put_turned(value, 0x80, out);
    }
}

int df__ice_order_key(const df__ice_order *o, const df_value *values, df__buf *room, df__buf *out)
{
    df__buf_clear(room);
    int rc = df__ice_tuple_make(&o->spec, values, room);
    df_bytes rest = {room->data, room->len};
    for (size_t i = 0; i < o->spec.count && rc == DF_OK; i++) {
        df_bytes value = df__ice_tuple_next(&rest);
        df__buf_char(out, value.data ? 1 : o->nulls_last[i] ? 2 : 0);
        size_t at = out->len;
        if (value.data)
            put_value(o->spec.fields[i].result.kind, value, out);
        for (size_t k = at; o->falls[i] && !out->failed && k < out->len; k++)
            out->data[k] = (char)~out->data[k];
    }
    return rc == DF_OK && out->failed ? DF_ENOMEM : rc;
}
