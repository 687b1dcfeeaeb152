/* SPDX-License-Identifier: Apache-2.0
 * thrift.c: the compact protocol of Thrift, as far as Parquet goes. */
#include "formats/parquet/thrift.h"

#include <string.h>

/* ---- writing --------------------------------------------------------------------------------- */

static void put_varint(df__buf *b, uint64_t v)
{
    char *p = df__buf_reserve(b, 10);
    size_t n = 0;
    if (!p)
        return;
    for (; v >= 0x80; v >>= 7)
        p[n++] = (char)(v | 0x80);
    p[n++] = (char)v;
    b->len += n;
}

static void put_zigzag(df__buf *b, int64_t v)
{
    put_varint(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void put_field(df__thrift_out *t, int id, int type)
{
    int step = id - t->last[t->depth];
    if (step > 0 && step < 16) {
        df__buf_char(t->b, (char)(step << 4 | type));
    } else {
        df__buf_char(t->b, (char)type);
        put_zigzag(t->b, id);
    }
    t->last[t->depth] = (int16_t)id;
}

void df__thrift_begin(df__thrift_out *t)
{
    if (t->depth + 1 < DF__THRIFT_DEPTH)
        t->last[++t->depth] = 0;
}

void df__thrift_end(df__thrift_out *t)
{
    df__buf_char(t->b, DF__THRIFT_STOP);
    t->depth--;
}

void df__thrift_struct(df__thrift_out *t, int id)
{
    put_field(t, id, DF__THRIFT_STRUCT);
    df__thrift_begin(t);
}

void df__thrift_list(df__thrift_out *t, int id, int type, size_t count)
{
    put_field(t, id, DF__THRIFT_LIST);
    if (count < 15) {
        df__buf_char(t->b, (char)(count << 4 | (unsigned)type));
    } else {
        df__buf_char(t->b, (char)(0xf0 | type));
        put_varint(t->b, count);
    }
}

void df__thrift_i16(df__thrift_out *t, int id, int v)
{
    put_field(t, id, DF__THRIFT_I16);
    put_zigzag(t->b, v);
}

void df__thrift_i32(df__thrift_out *t, int id, int32_t v)
{
    put_field(t, id, DF__THRIFT_I32);
    put_zigzag(t->b, v);
}

void df__thrift_i64(df__thrift_out *t, int id, int64_t v)
{
    put_field(t, id, DF__THRIFT_I64);
    put_zigzag(t->b, v);
}

void df__thrift_bool(df__thrift_out *t, int id, int v)
{
    put_field(t, id, v ? DF__THRIFT_TRUE : DF__THRIFT_FALSE);
}

void df__thrift_bytes(df__thrift_out *t, int id, df_bytes v)
{
    put_field(t, id, DF__THRIFT_BINARY);
    df__thrift_one_bytes(t, v);
}

void df__thrift_text(df__thrift_out *t, int id, const char *v)
{
    df__thrift_bytes(t, id, (df_bytes){v, strlen(v)});
}

void df__thrift_one_int(df__thrift_out *t, int64_t v)
{
    put_zigzag(t->b, v);
}

void df__thrift_one_bool(df__thrift_out *t, int v)
{
    df__buf_char(t->b, v ? DF__THRIFT_TRUE : DF__THRIFT_FALSE);
}

void df__thrift_one_bytes(df__thrift_out *t, df_bytes v)
{
    put_varint(t->b, v.len);
    df__buf_add(t->b, v.len ? v.data : "", v.len);
}

/* ---- reading --------------------------------------------------------------------------------- */

static uint64_t get_varint(df__thrift_in *t)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70 && t->p < t->end; shift += 7) {
        unsigned c = *t->p++;
        if (shift == 63 && c > 1)
            break;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return v;
    }
    t->bad = 1;
    return 0;
}

static int64_t get_zigzag(df__thrift_in *t)
{
    uint64_t v = get_varint(t);
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

void df__thrift_open(df__thrift_in *t, df_bytes bytes)
{
    memset(t, 0, sizeof *t);
    t->p = bytes.data;
    t->end = t->p + bytes.len;
}

void df__thrift_enter(df__thrift_in *t)
{
    if (t->type != DF__THRIFT_STRUCT || t->depth + 1 == DF__THRIFT_DEPTH)
        t->bad = 1;
    else
        t->last[++t->depth] = 0;
}

int df__thrift_next(df__thrift_in *t)
{
    unsigned head;
    int64_t id;
    if (t->bad || t->p == t->end) {
        t->bad = 1;
        return -1;
    }
    head = *t->p++;
    t->type = (int)(head & 15);
    if (t->type == DF__THRIFT_STOP) {
        t->depth -= t->depth > 0;
        return -1;
    }
    id = head >> 4 ? t->last[t->depth] + (int)(head >> 4) : get_zigzag(t);
    if (t->bad || id < 0 || id > INT16_MAX) {
        t->bad = 1;
        return -1;
    }
    t->last[t->depth] = (int16_t)id;
    return (int)id;
}

static void skip_bytes(df__thrift_in *t, uint64_t n)
{
    if (n > (uint64_t)(t->end - t->p))
        t->bad = 1;
    else
        t->p += n;
}

static void skip_type(df__thrift_in *t, int type, int in_list, int depth);

static void skip_struct(df__thrift_in *t, int depth)
{
    while (!t->bad) {
        unsigned head;
        if (t->p == t->end) {
            t->bad = 1;
            return;
        }
        head = *t->p++;
        if ((head & 15) == DF__THRIFT_STOP)
            return;
        if (!(head >> 4))
            get_zigzag(t);
        skip_type(t, (int)(head & 15), 0, depth);
    }
}

static void skip_list(df__thrift_in *t, int depth)
{
    size_t n = df__thrift_read_list(t);
    int type = t->type;
    for (size_t i = 0; i < n && !t->bad; i++)
        skip_type(t, type, 1, depth);
}

static void skip_map(df__thrift_in *t, int depth)
{
    uint64_t n = get_varint(t);
    unsigned types;
    if (t->bad || !n)
        return;
    if (t->p == t->end || n > (uint64_t)(t->end - t->p)) {
        t->bad = 1;
        return;
    }
    types = *t->p++;
    for (uint64_t i = 0; i < n && !t->bad; i++) {
        skip_type(t, (int)(types >> 4), 1, depth);
        skip_type(t, (int)(types & 15), 1, depth);
    }
}

static void skip_type(df__thrift_in *t, int type, int in_list, int depth)
{
    if (depth == DF__THRIFT_DEPTH) {
        t->bad = 1;
        return;
    }
    switch (type) {
    case DF__THRIFT_TRUE:
    case DF__THRIFT_FALSE:
        skip_bytes(t, (uint64_t)in_list);
        break;
    case DF__THRIFT_BYTE:
        skip_bytes(t, 1);
        break;
    case DF__THRIFT_I16:
    case DF__THRIFT_I32:
    case DF__THRIFT_I64:
        get_varint(t);
        break;
    case DF__THRIFT_DOUBLE:
        skip_bytes(t, 8);
        break;
    case DF__THRIFT_BINARY:
        skip_bytes(t, get_varint(t));
        break;
    case DF__THRIFT_LIST:
    case DF__THRIFT_SET:
        t->type = type;
        skip_list(t, depth + 1);
        break;
    case DF__THRIFT_MAP:
        skip_map(t, depth + 1);
        break;
    case DF__THRIFT_STRUCT:
        skip_struct(t, depth + 1);
        break;
    default:
        t->bad = 1;
    }
}

void df__thrift_skip(df__thrift_in *t)
{
    skip_type(t, t->type, 0, 0);
}

int64_t df__thrift_read_int(df__thrift_in *t)
{
    if (t->type == DF__THRIFT_BYTE && t->p < t->end)
        return (signed char)*t->p++;
    if (t->type == DF__THRIFT_I16 || t->type == DF__THRIFT_I32 || t->type == DF__THRIFT_I64)
        return get_zigzag(t);
    t->bad = 1;
    return 0;
}

int32_t df__thrift_read_i32(df__thrift_in *t)
{
    int64_t v = df__thrift_read_int(t);
    if (v < INT32_MIN || v > INT32_MAX) {
        t->bad = 1;
        return 0;
    }
    return (int32_t)v;
}

int df__thrift_read_bool(df__thrift_in *t)
{
    if (t->type != DF__THRIFT_TRUE && t->type != DF__THRIFT_FALSE)
        t->bad = 1;
    return t->type == DF__THRIFT_TRUE;
}

df_bytes df__thrift_read_bytes(df__thrift_in *t)
{
    df_bytes b = {"", 0};
    uint64_t n;
    if (t->type != DF__THRIFT_BINARY) {
        t->bad = 1;
        return b;
    }
    n = get_varint(t);
    if (t->bad || n > (uint64_t)(t->end - t->p)) {
        t->bad = 1;
        return b;
    }
    b.data = t->p;
    b.len = (size_t)n;
    t->p += n;
    return b;
}

size_t df__thrift_read_list(df__thrift_in *t)
{
    unsigned head;
    uint64_t n;
    if ((t->type != DF__THRIFT_LIST && t->type != DF__THRIFT_SET) || t->p == t->end) {
        t->bad = 1;
        return 0;
    }
    head = *t->p++;
    n = head >> 4 == 15 ? get_varint(t) : head >> 4;
    t->type = (int)(head & 15);
    if (n > (uint64_t)(t->end - t->p)) {
        t->bad = 1;
        return 0;
    }
    return t->bad ? 0 : (size_t)n;
}
