/* SPDX-License-Identifier: Apache-2.0
 * group_bounds.c: statistics of a row group as Iceberg serializes single values. */
#include <math.h>

#include "formats/parquet/read.h"

static const df__pq_shape *leaf_of(const df__pq_shape *s, int32_t id)
{
    for (size_t i = 0; i < s->column->child_count; i++) {
        const df__pq_shape *child = &s->children[i], *found;
        if (!df__pq_nested(child->column) && child->column->id == id)
            return child;
        found = leaf_of(child, id);
        if (found)
            return found;
    }
    return NULL;
}

static void put_decimal(const df__pq_shape *s, df_bytes in, df__buf *out)
{
    int turned = s->element->physical == DF__PQ_INT32 || s->element->physical == DF__PQ_INT64;
    const unsigned char *p = in.data;
    size_t n = in.len, at = 0;
    while (at + 1 < n) {
        unsigned one = p[turned ? n - 1 - at : at], next = p[turned ? n - 2 - at : at + 1];
        if (!(one == 0 && next < 0x80) && !(one == 0xff && next >= 0x80))
            break;
        at++;
    }
    for (; at < n; at++)
        df__buf_char(out, (char)p[turned ? n - 1 - at : at]);
}

/* 1: appended; 0: there is no such bound. */
static int put_floating(df_bytes in, int upper, df__buf *out)
{
    unsigned char raw[8];
    double d;
    float f;
    memcpy(raw, in.data, in.len);
    if (in.len == 4) {
        memcpy(&f, raw, sizeof f);
        d = (double)f;
    } else {
        memcpy(&d, raw, sizeof d);
    }
    if (isnan(d))
        return 0;
    if (d == 0)
        raw[in.len - 1] = upper ? 0 : 0x80;
    df__buf_add(out, raw, in.len);
    return 1;
}

/* Times in µs, or ns where the kind is so. */
static int put_time(const df__pq_shape *s, df_bytes in, df__buf *out)
{
    int64_t t = in.len == 4 ? (int32_t)df__pq_load4(in.data) : (int64_t)df__pq_load8(in.data);
    int nanos = s->element->unit == 3;
    if (s->element->unit == 1 && __builtin_mul_overflow(t, 1000, &t))
        return 0;
    if (nanos && s->column->kind == DF__PARQUET_TIME)
        return 0;
    df__buf_add(out, &t, sizeof t);
    return 1;
}

static int put_whole(const df__pq_shape *s, df_bytes in, df__buf *out)
{
    int64_t v;
    if (s->column->kind == DF__PARQUET_LONG && in.len == 4) { /* unsigned */
        v = (int64_t)df__pq_load4(in.data);
        df__buf_add(out, &v, sizeof v);
    } else {
        df__buf_add(out, in.data, in.len);
    }
    return 1;
}

/* 1: statistics of that leaf are in the order of its kind, and this one has the right length. */
static int is_ordered(const df__pq_shape *s, df_bytes in)
{
    static const unsigned char widths[DF__PQ_PHYSICALS] = {[DF__PQ_BOOLEAN] = 1,
                                                           [DF__PQ_INT32] = 4,
                                                           [DF__PQ_INT64] = 8,
                                                           [DF__PQ_FLOAT] = 4,
                                                           [DF__PQ_DOUBLE] = 8};
    int physical = s->element->physical;
    size_t width = widths[physical];
    if (!in.data || physical == DF__PQ_INT96 || (width && in.len != width))
        return 0;
    if (s->column->kind == DF__PARQUET_DECIMAL)
        return s->element->bits != 64 || s->element->is_signed;
    if (s->column->kind == DF__PARQUET_FLOAT) /* not those of 16 bits */
        return physical == DF__PQ_FLOAT;
    return s->column->kind != DF__PARQUET_UUID || in.len == 16;
}

static int put_bound(const df__pq_shape *s, df_bytes in, int upper, df__buf *out)
{
    int kind = s->column->kind;
    if (!is_ordered(s, in))
        return 0;
    if (kind == DF__PARQUET_DECIMAL)
        return put_decimal(s, in, out), 1;
    if (kind == DF__PARQUET_FLOAT || kind == DF__PARQUET_DOUBLE)
        return put_floating(in, upper, out);
    if (kind >= DF__PARQUET_TIME && kind <= DF__PARQUET_TIMESTAMPTZ_NS)
        return put_time(s, in, out);
    return put_whole(s, in, out);
}

int df__parquet_group_bounds(df__parquet_file *f, size_t group, int32_t id, df__parquet_bounds *ret)
{
    const df__pq_shape *s = leaf_of(&f->root, id);
    const df__pq_chunk *c;
    size_t low_len;
    int low, high;
    if (!s || group >= f->footer.group_count || id == DF__PARQUET_NO_ID)
        return DF_ENOTFOUND;
    c = &f->footer.groups[group].chunks[s->leaf];
    df__buf_clear(&f->bound);
    low = put_bound(s, c->low, 0, &f->bound);
    low_len = f->bound.len;
    high = put_bound(s, c->high, 1, &f->bound);
    if (f->bound.failed)
        return DF_ENOMEM;
    *ret = (df__parquet_bounds){.values = c->values, .nulls = c->nulls};
    if (low)
        ret->lower = (df_bytes){f->bound.data ? f->bound.data : "", low_len};
    if (high)
        ret->upper =
            (df_bytes){f->bound.data ? f->bound.data + low_len : "", f->bound.len - low_len};
    return DF_OK;
}
