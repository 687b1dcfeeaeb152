/* SPDX-License-Identifier: Apache-2.0
 * page_write.c: the open page of a leaf becomes a packed one: its range, its body, its header; and
 * whether a dictionary pays. */
#include "formats/parquet/write.h"

#include <math.h>
#include <zlib.h>

#include "formats/parquet/rle.h"
#include "formats/parquet/thrift.h"

enum { MOST_ENTRIES = 131072, JUDGED_AT = 8192 };

/* ---- range of a page ------------------------------------------------------------------------- */

static void range_of_int32(df__pq_page *p, const char *v, size_t n)
{
    int32_t low = INT32_MAX, high = INT32_MIN;
    for (size_t i = 0; i < n; i++) {
        int32_t x = (int32_t)df__pq_load4(v + 4 * i);
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    df__pq_range_add(&p->range, DF__PQ_ORDER_INT32, (df_bytes){&low, 4});
    df__pq_range_add(&p->range, DF__PQ_ORDER_INT32, (df_bytes){&high, 4});
}

static void range_of_int64(df__pq_page *p, const char *v, size_t n)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        int64_t x = (int64_t)df__pq_load8(v + 8 * i);
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    df__pq_range_add(&p->range, DF__PQ_ORDER_INT64, (df_bytes){&low, 8});
    df__pq_range_add(&p->range, DF__PQ_ORDER_INT64, (df_bytes){&high, 8});
}

static int is_nan(int order, const void *v)
{
    float f;
    double d;
    if (order == DF__PQ_ORDER_FLOAT) {
        memcpy(&f, v, sizeof f);
        return isnan(f);
    }
    if (order != DF__PQ_ORDER_DOUBLE)
        return 0;
    memcpy(&d, v, sizeof d);
    return isnan(d);
}

static void range_of_values(df__pq_leaf *l, df__pq_page *p)
{
    df__pq_layout how = l->scalar.layout;
    const char *v = l->values.data;
    size_t len = how.width;
    if (how.order == DF__PQ_ORDER_INT32) {
        range_of_int32(p, v, l->value_count);
        return;
    }
    if (how.order == DF__PQ_ORDER_INT64) {
        range_of_int64(p, v, l->value_count);
        return;
    }
    for (size_t i = 0; i < l->value_count; i++, v += len) {
        if (!how.width) {
            len = df__pq_load4(v);
            v += 4;
        }
        if (is_nan(how.order, v))
            l->page_nans++;
        else
            df__pq_range_add(&p->range, how.order, (df_bytes){v, len});
    }
}

static void range_of_numbers(df__pq_leaf *l, df__pq_page *p)
{
    df__pq_layout how = l->scalar.layout;
    const uint32_t *numbers = (const uint32_t *)(const void *)l->numbers.data;
    uint32_t stamp = l->page_count + 1;
    int floating = how.order == DF__PQ_ORDER_FLOAT || how.order == DF__PQ_ORDER_DOUBLE;
    for (size_t i = 0; i < l->value_count; i++) {
        uint32_t n = numbers[i];
        df_bytes v;
        if (l->dict.seen[n] == stamp && !floating)
            continue;
        v = df__pq_dictionary_at(&l->dict, n, how.width);
        if (is_nan(how.order, v.data))
            l->page_nans++;
        else if (l->dict.seen[n] != stamp)
            df__pq_range_add(&p->range, how.order, v);
        l->dict.seen[n] = stamp;
    }
}

static void range_of_page(df__pq_leaf *l, df__pq_page *p)
{
    memset(&p->range, 0, sizeof p->range);
    l->page_nans = 0;
    if (!l->value_count || l->scalar.layout.width > DF__PQ_BOUND)
        return;
    if (l->dict.on)
        range_of_numbers(l, p);
    else
        range_of_values(l, p);
    df__pq_range_zeros(&p->range, l->scalar.layout.order);
    p->has_range = p->range.low.set;
}

/* ---- body ------------------------------------------------------------------------------------ */

static void put_levels(df__buf *out, const df__buf *levels, int most)
{
    size_t at = out->len;
    uint32_t len = 0;
    if (!most)
        return;
    df__buf_add(out, &len, sizeof len);
    df__pq_rle_write_levels(out, (const uint8_t *)levels->data, levels->len,
                            df__pq_bits((uint32_t)most));
    if (out->failed)
        return;
    len = (uint32_t)(out->len - at - sizeof len);
    memcpy(out->data + at, &len, sizeof len);
}

static void put_bits(df__buf *out, const char *v, size_t n)
{
    char *p = df__buf_reserve(out, n / 8 + 1);
    if (!p)
        return;
    for (size_t i = 0; i < n; i++) {
        if (i % 8 == 0)
            p[i / 8] = 0;
        p[i / 8] |= (char)(v[i] << i % 8);
    }
    out->len += (n + 7) / 8;
}

static void put_body(df__parquet_writer *w, df__pq_leaf *l)
{
    df__buf *b = &w->body;
    df__buf_clear(b);
    put_levels(b, &l->reps, l->max_rep);
    put_levels(b, &l->defs, l->max_def);
    if (l->dict.on) {
        unsigned bits = df__pq_bits(l->dict.count ? l->dict.count - 1 : 0);
        bits = bits ? bits : 1;
        df__buf_char(b, (char)bits);
        df__pq_rle_write(b, (const uint32_t *)(const void *)l->numbers.data, l->value_count, bits);
    } else if (l->scalar.layout.physical == DF__PQ_BOOLEAN) {
        put_bits(b, l->values.data, l->value_count);
    } else {
        df__buf_add(b, l->values.data, l->values.len);
    }
}

/* ---- page ------------------------------------------------------------------------------------ */

/* The bytes of w->body packed, and the fields of a header that all pages have, in w->thrift. */
static int pack(df__parquet_writer *w, int type, df__thrift_out *t)
{
    df_bytes body = {w->body.data, w->body.len};
    int rc;
    if (w->body.failed)
        return DF_ENOMEM;
    if (body.len > INT32_MAX)
        return DF_EINTERNAL;
    df__buf_clear(&w->packed);
    rc = df__pq_pack(&w->packer, body, &w->packed);
    if (rc != DF_OK)
        return rc;
    if (w->packed.failed)
        return DF_ENOMEM;
    df__buf_clear(&w->thrift);
    memset(t, 0, sizeof *t);
    t->b = &w->thrift;
    df__thrift_begin(t);
    df__thrift_i32(t, 1, type);
    df__thrift_i32(t, 2, (int32_t)body.len);
    df__thrift_i32(t, 3, (int32_t)w->packed.len);
    df__thrift_i32(
        t, 4, (int32_t)crc32(0, (const unsigned char *)w->packed.data, (unsigned)w->packed.len));
    return DF_OK;
}

static void put_data_header(df__thrift_out *t, const df__pq_leaf *l)
{
    df__thrift_struct(t, 5);
    df__thrift_i32(t, 1, (int32_t)l->level_count);
    df__thrift_i32(t, 2, l->dict.on ? DF__PQ_RLE_DICTIONARY : DF__PQ_PLAIN);
    df__thrift_i32(t, 3, DF__PQ_RLE);
    df__thrift_i32(t, 4, DF__PQ_RLE);
    df__thrift_end(t);
    df__thrift_end(t);
}

static void append(df__pq_leaf *l, df__pq_page *p)
{
    p->next = NULL;
    if (l->last)
        l->last->next = p;
    else
        l->first = p;
    l->last = p;
    l->page_count++;
    l->packed += p->len;
    l->raw += p->raw;
    l->dict.written |= l->dict.on;
    l->dict_pages += l->dict.on;
    l->plain_pages += !l->dict.on;
    l->values_all += (int64_t)l->level_count;
    l->nulls_all += p->nulls;
    l->nans_all += (int64_t)l->page_nans;
    df__pq_range_join(&l->range, l->scalar.layout.order, &p->range);
}

static void begin_page(df__pq_leaf *l, int64_t row)
{
    df__buf_clear(&l->defs);
    df__buf_clear(&l->reps);
    df__buf_clear(&l->values);
    df__buf_clear(&l->numbers);
    l->value_count = l->level_count = l->row_levels = l->row_values = l->row_bytes = 0;
    l->page_row = row;
}

int df__pq_page_close(df__parquet_writer *w, df__pq_leaf *l)
{
    df__thrift_out t;
    df__pq_page *p;
    int rc;
    if (!l->level_count)
        return DF_OK;
    put_body(w, l);
    rc = pack(w, DF__PQ_PAGE_DATA, &t);
    if (rc != DF_OK)
        return rc;
    put_data_header(&t, l);
    p = w->thrift.failed ? NULL : df__alloc(w->heap, sizeof *p + w->thrift.len + w->packed.len);
    if (!p)
        return DF_ENOMEM;
    p->has_range = 0;
    p->len = w->thrift.len + w->packed.len;
    p->raw = w->thrift.len + w->body.len;
    p->row = l->page_row;
    p->nulls = (int64_t)(l->level_count - l->value_count);
    p->only_nulls = !l->value_count;
    memcpy(p->data, w->thrift.data, w->thrift.len);
    memcpy(p->data + w->thrift.len, w->packed.data, w->packed.len);
    range_of_page(l, p);
    append(l, p);
    begin_page(l, w->group_rows);
    return DF_OK;
}

int df__pq_page_dictionary(df__parquet_writer *w, df__pq_leaf *l, df__buf *out, size_t *ret_raw)
{
    df__thrift_out t;
    int rc;
    df__buf_clear(&w->body);
    df__buf_add(&w->body, l->dict.data.data, l->dict.data.len);
    rc = pack(w, DF__PQ_PAGE_DICTIONARY, &t);
    if (rc != DF_OK)
        return rc;
    df__thrift_struct(&t, 7);
    df__thrift_i32(&t, 1, (int32_t)l->dict.count);
    df__thrift_i32(&t, 2, DF__PQ_PLAIN);
    df__thrift_end(&t);
    df__thrift_end(&t);
    *ret_raw = w->thrift.len + w->body.len;
    df__buf_clear(out);
    df__buf_add(out, w->thrift.data, w->thrift.len);
    df__buf_add(out, w->packed.data, w->packed.len);
    return w->thrift.failed || out->failed ? DF_ENOMEM : DF_OK;
}

/* ---- whether a dictionary pays --------------------------------------------------------------- */

/* Values of the open page as they are, in place of numbers. */
static int make_plain(df__pq_leaf *l)
{
    const uint32_t *numbers = (const uint32_t *)(const void *)l->numbers.data;
    size_t width = l->scalar.layout.width;
    for (size_t i = 0; i < l->value_count; i++) {
        df_bytes v = df__pq_dictionary_at(&l->dict, numbers[i], width);
        uint32_t len = (uint32_t)v.len;
        if (!width)
            df__buf_add(&l->values, &len, sizeof len);
        df__buf_add(&l->values, v.data, v.len);
    }
    if (l->values.failed) { /* it stays as it was */
        df__buf_clear(&l->values);
        return DF_ENOMEM;
    }
    df__buf_clear(&l->numbers);
    l->dict.on = 0;
    l->row_bytes = l->values.len;
    return DF_OK;
}

/* What the open page takes plainly, about. */
static size_t plain_bytes(const df__pq_leaf *l)
{
    size_t width = l->scalar.layout.width;
    if (width || !l->dict.count)
        return l->value_count * width;
    return (size_t)((double)l->dict.data.len / l->dict.count * (double)l->value_count);
}

static int pays(const df__pq_leaf *l)
{
    size_t bits = df__pq_bits(l->dict.count);
    size_t with = l->dict.data.len + l->value_count * bits / 8;
    return with < plain_bytes(l) - plain_bytes(l) / 4;
}

/* Asked once in a chunk: when there is enough to tell by, or no more to come. Values that are a
 * page already are enough: they may have to go into one. */
static int judged_now(const df__parquet_writer *w, const df__pq_leaf *l, int full)
{
    return !l->dict.judged && !l->dict.written &&
           (full || w->closing || l->value_count >= JUDGED_AT || l->dict.data.len >= w->page_bytes);
}

int df__pq_page_judge(df__parquet_writer *w, df__pq_leaf *l)
{
    int full = l->dict.data.len > w->dictionary_bytes || l->dict.count > MOST_ENTRIES;
    int rc;
    if (judged_now(w, l, full)) {
        l->dict.judged = 1;
        if (!pays(l)) {
            l->dict.useless = l->value_count >= JUDGED_AT;
            rc = make_plain(l);
            if (rc == DF_OK)
                df__pq_dictionary_clear(&l->dict);
            return rc;
        }
    }
    if (!full)
        return DF_OK;
    rc = df__pq_page_close(w, l);
    if (rc == DF_OK)
        l->dict.on = 0;
    return rc;
}
