/* SPDX-License-Identifier: Apache-2.0
 * encode_plain.c: values of the very type that the schema has, and rows of them in one loop: most
 * members of most records. Whatever is not so is left to what writes any value. */
#include "formats/avro/encoder.h"

static inline int is_name(const yyjson_val *key, const df_bytes *name)
{
    return df__len(key) == name->len && df__same(key->uni.str, name->data, name->len);
}

static inline unsigned char *write_string(unsigned char *p, const unsigned char *end,
                                          const yyjson_val *v)
{
    size_t len = df__len(v);
    if (df__type(v) != DF__NODE_STR || p > end || len > (size_t)(end - p))
        return NULL;
    p = df__avro_write_long(p, (int64_t)len);
    df__avro_copy(p, v->uni.str, len);
    return p + len;
}

/* Any zone will do, for the count is the same. */
static inline unsigned char *write_stamp(unsigned char *p, const yyjson_val *v, int64_t unit)
{
    int64_t count = v->uni.i64 / unit;
    if ((v->tag & 0xff) != DF__NODE_TIMESTAMP || (int32_t)df__len(v) == DF_ZONE_NONE ||
        count * unit != v->uni.i64)
        return NULL;
    return df__avro_write_long(p, count);
}

/* The place after it; NULL: it is not of the very type, or there is no room. */
static inline unsigned char *write_plain(unsigned char *p, const unsigned char *end, unsigned plain,
                                         const yyjson_val *v)
{
    switch (plain) {
    case DF__AVRO_PLAIN_INT:
        if ((v->tag & 0xff) != DF__NODE_INT || v->uni.i64 != (int32_t)v->uni.i64)
            return NULL;
        return df__avro_write_long(p, v->uni.i64);
    case DF__AVRO_PLAIN_LONG:
        return (v->tag & 0xff) == DF__NODE_INT ? df__avro_write_long(p, v->uni.i64) : NULL;
    case DF__AVRO_PLAIN_DOUBLE:
        df__avro_store(p, v->uni.u64);
        return (v->tag & 0xff) == DF__NODE_DOUBLE ? p + 8 : NULL;
    case DF__AVRO_PLAIN_STRING:
        return write_string(p, end, v);
    case DF__AVRO_PLAIN_BOOLEAN:
        *p = (v->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_TRUE;
        return df__type(v) == YYJSON_TYPE_BOOL ? p + 1 : NULL;
    case DF__AVRO_PLAIN_MILLIS:
        return write_stamp(p, v, 1000);
    case DF__AVRO_PLAIN_MICROS:
        return write_stamp(p, v, 1);
    default:
        return NULL;
    }
}

int df__avro_put_plain(df__encoder *e, unsigned plain, const yyjson_val *v)
{
    unsigned char *p = e->p <= e->end ? write_plain(e->p, e->end, plain, v) : NULL;
    if (!p)
        return 0;
    e->p = p;
    return 1;
}

size_t df__avro_put_row(df__encoder *e, const df__avro_row *rows, size_t count,
                        const yyjson_val **key)
{
    const df__avro_row *row = rows, *last = rows + count;
    const yyjson_val *k = *key, *v;
    unsigned char *p = e->p, *end = e->end, *next;
    for (; row < last && p <= end && is_name(k, &row->name); row++, k = v + 1) {
        v = k + 1;
        next = p;
        if (row->optional) {
            int null = df__type(v) == YYJSON_TYPE_NULL;
            *next++ = null ? row->null : row->other;
            if (null) {
                p = next;
                continue;
            }
        }
        next = write_plain(next, end, row->plain, v);
        if (!next)
            break;
        p = next;
    }
    e->p = p;
    *key = k;
    return (size_t)(row - rows);
}

/* ---- what is plain --------------------------------------------------------------------------- */

enum df__avro_plain df__avro_plain_of(const df__avro_type *n)
{
    static const enum df__avro_plain types[DF__AVRO_KINDS] = {
        [DF__AVRO_INT] = DF__AVRO_PLAIN_INT,
        [DF__AVRO_LONG] = DF__AVRO_PLAIN_LONG,
        [DF__AVRO_DOUBLE] = DF__AVRO_PLAIN_DOUBLE,
        [DF__AVRO_STRING] = DF__AVRO_PLAIN_STRING,
        [DF__AVRO_BOOLEAN] = DF__AVRO_PLAIN_BOOLEAN};
    if (n->logical == DF__AVRO_TS_MILLIS)
        return DF__AVRO_PLAIN_MILLIS;
    if (n->logical == DF__AVRO_TS_MICROS)
        return DF__AVRO_PLAIN_MICROS;
    return n->logical == DF__AVRO_PLAIN ? types[n->kind] : DF__AVRO_OTHER;
}

int df__avro_rows(df__arena *a, df__avro_type *n)
{
    n->rows = df__arena_zalloc(a, (n->count + 1) * sizeof *n->rows);
    for (size_t i = 0; n->rows && i < n->count; i++) {
        const df__avro_type *type = n->fields[i].type;
        df__avro_row *row = &n->rows[i];
        row->name = n->fields[i].name;
        row->optional = (uint8_t)df__avro_is_optional(type);
        if (row->optional) {
            int second = type->branches[0]->kind == DF__AVRO_NULL;
            row->null = second ? 0 : 2;
            row->other = second ? 2 : 0;
            type = type->branches[second];
        }
        row->plain = (uint8_t)df__avro_plain_of(type);
    }
    return n->rows ? DF_OK : DF_ENOMEM;
}
