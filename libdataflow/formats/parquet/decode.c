/* SPDX-License-Identifier: Apache-2.0
 * decode.c: values of a page by encoding. A reader is given the bytes of the page and never reads
 * past them, whatever they say. */
#include "formats/parquet/delta.h"

enum { BUILT_BYTES = 1 << 20 }; /* of a batch of DELTA_BYTE_ARRAY */

static const char short_page[] = "has a page with fewer values than it says";
static const char bad_encoding[] = "has a page in an encoding that its type does not have";

static size_t width_of(const df__pq_values *v)
{
    static const unsigned char widths[DF__PQ_PHYSICALS] = {[DF__PQ_INT32] = 4,
                                                           [DF__PQ_INT64] = 8,
                                                           [DF__PQ_FLOAT] = 4,
                                                           [DF__PQ_DOUBLE] = 8,
                                                           [DF__PQ_INT96] = 12};
    return v->physical == DF__PQ_FIXED ? v->width : widths[v->physical];
}

/* ---- plain ----------------------------------------------------------------------------------- */

static const char *read_bits(df__pq_values *v, df__pq_raw *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v->p == v->end)
            return short_page;
        to[i].bits = *v->p >> v->bit & 1;
        v->bit = (v->bit + 1) & 7;
        v->p += v->bit == 0;
    }
    return NULL;
}

static const char *read_lengths(df__pq_values *v, df__pq_raw *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t left = (size_t)(v->end - v->p), len;
        if (left < 4)
            return short_page;
        len = df__pq_load4(v->p);
        if (len > left - 4)
            return "has a value that is longer than its page";
        to[i].bytes = (df_bytes){v->p + 4, len};
        v->p += 4 + len;
    }
    return NULL;
}

static const char *read_plain(df__pq_values *v, df__pq_raw *to, size_t n)
{
    size_t width = width_of(v), left = (size_t)(v->end - v->p);
    if (v->physical == DF__PQ_BOOLEAN)
        return read_bits(v, to, n);
    if (v->physical == DF__PQ_BYTE_ARRAY)
        return read_lengths(v, to, n);
    if (left / width < n)
        return short_page;
    for (size_t i = 0; i < n; i++, v->p += width)
        if (width == 8 && v->physical != DF__PQ_FIXED)
            to[i].bits = df__pq_load8(v->p);
        else if (width == 4 && v->physical != DF__PQ_FIXED)
            to[i].bits = df__pq_load4(v->p);
        else
            to[i].bytes = (df_bytes){v->p, width};
    return NULL;
}

/* ---- dictionary, runs ------------------------------------------------------------------------ */

static const char *open_numbers(df__pq_values *v)
{
    unsigned bits;
    if (!v->dictionary)
        return "has a page with numbers of a dictionary, and no dictionary";
    if (v->p == v->end) { /* a page of nulls */
        df__pq_rle_open(&v->rle, (df_bytes){v->p, 0}, 1);
        return NULL;
    }
    bits = *v->p++;
    if (bits > 32)
        return "has numbers of more than 32 bits";
    df__pq_rle_open(&v->rle, (df_bytes){v->p, (size_t)(v->end - v->p)}, bits);
    return NULL;
}

static const char *read_numbers(df__pq_values *v, df__pq_raw *to, size_t n)
{
    uint32_t numbers[DF__PQ_BATCH];
    if (!df__pq_rle_read(&v->rle, numbers, n))
        return short_page;
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] >= v->dictionary_count)
            return "has a number that is none of its dictionary";
        to[i] = v->dictionary[numbers[i]];
    }
    return NULL;
}

static const char *open_runs(df__pq_values *v)
{
    size_t left = (size_t)(v->end - v->p), len;
    if (v->physical != DF__PQ_BOOLEAN)
        return bad_encoding;
    if (left < 4)
        return v->count ? short_page : NULL;
    len = df__pq_load4(v->p);
    if (len > left - 4)
        return short_page;
    df__pq_rle_open(&v->rle, (df_bytes){v->p + 4, len}, 1);
    return NULL;
}

static const char *read_runs(df__pq_values *v, df__pq_raw *to, size_t n)
{
    uint32_t numbers[DF__PQ_BATCH];
    if (!df__pq_rle_read(&v->rle, numbers, n))
        return short_page;
    for (size_t i = 0; i < n; i++)
        to[i].bits = numbers[i] & 1;
    return NULL;
}

/* ---- deltas ---------------------------------------------------------------------------------- */

static const char *open_delta(df__pq_values *v)
{
    if (v->physical != DF__PQ_INT32 && v->physical != DF__PQ_INT64)
        return bad_encoding;
    if (v->p == v->end)
        return NULL; /* a page of nulls: the first number is told missing when it is asked for */
    return df__pq_delta_open(&v->lengths, v->p, v->end) ? NULL : short_page;
}

static const char *read_delta(df__pq_values *v, df__pq_raw *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!df__pq_delta_next(&v->lengths, &to[i].bits))
            return short_page;
        if (v->physical == DF__PQ_INT32)
            to[i].bits &= UINT32_MAX;
    }
    return NULL;
}

static const char *open_delta_lengths(df__pq_values *v)
{
    if (v->physical != DF__PQ_BYTE_ARRAY)
        return bad_encoding;
    if (v->p == v->end)
        return NULL;
    if (!df__pq_delta_open(&v->lengths, v->p, v->end))
        return short_page;
    v->p = df__pq_delta_end(&v->lengths);
    return v->p ? NULL : short_page;
}

static const char *read_delta_lengths(df__pq_values *v, df__pq_raw *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t len;
        if (!df__pq_delta_next(&v->lengths, &len) || len > (size_t)(v->end - v->p))
            return short_page;
        to[i].bytes = (df_bytes){v->p, (size_t)len};
        v->p += len;
    }
    return NULL;
}

static const char *open_delta_bytes(df__pq_values *v)
{
    if (v->physical != DF__PQ_BYTE_ARRAY && v->physical != DF__PQ_FIXED)
        return bad_encoding;
    v->last_len = 0;
    if (v->p == v->end)
        return NULL;
    if (!df__pq_delta_open(&v->prefixes, v->p, v->end))
        return short_page;
    v->p = df__pq_delta_end(&v->prefixes);
    if (!v->p || !df__pq_delta_open(&v->lengths, v->p, v->end))
        return short_page;
    v->p = df__pq_delta_end(&v->lengths);
    return v->p ? NULL : short_page;
}

/* Each is the begin of the one before and bytes of its own. The values of a batch lie one after
 * the other, so that the batch ends early when they are long. */
static const char *read_delta_bytes(df__pq_values *v, df__pq_raw *to, size_t n, size_t *ret)
{
    df__buf *b = v->last;
    size_t i, begin = b->len - v->last_len;
    if (v->last_len && begin)
        memmove(b->data, b->data + begin, v->last_len);
    b->len = v->last_len;
    begin = 0;
    for (i = 0; i < n && (i == 0 || b->len < BUILT_BYTES); i++) {
        uint64_t prefix, len;
        char *p;
        if (!df__pq_delta_next(&v->prefixes, &prefix) || !df__pq_delta_next(&v->lengths, &len) ||
            prefix > v->last_len || len > (size_t)(v->end - v->p))
            return short_page;
        if (v->physical == DF__PQ_FIXED && prefix + len != v->width)
            return "has a value of another length";
        p = df__buf_reserve(b, (size_t)(prefix + len) + 1);
        if (!p)
            return ""; /* no memory */
        memcpy(p, b->data + begin, (size_t)prefix);
        memcpy(p + prefix, v->p, (size_t)len);
        v->p += len;
        begin = b->len;
        b->len += (size_t)(prefix + len);
        v->last_len = (size_t)(prefix + len);
        to[i].bytes = (df_bytes){NULL, v->last_len}; /* where: when the buffer stays in its place */
    }
    begin = b->len;
    for (size_t k = i; k; k--) {
        begin -= to[k - 1].bytes.len;
        to[k - 1].bytes.data = b->data + begin;
    }
    *ret = i;
    return NULL;
}

/* ---- split bytes ----------------------------------------------------------------------------- */

static const char *open_split(df__pq_values *v)
{
    size_t width, left = (size_t)(v->end - v->p);
    if (v->physical == DF__PQ_BOOLEAN || v->physical == DF__PQ_BYTE_ARRAY ||
        v->physical == DF__PQ_INT96)
        return bad_encoding;
    width = width_of(v);
    if (left % width)
        return short_page;
    v->count = left / width; /* without nulls */
    return NULL;
}

/* Byte k of value i is at k * count + i. */
static const char *read_split(df__pq_values *v, df__pq_raw *to, size_t n)
{
    size_t width = width_of(v);
    df__buf *b = v->last;
    char *p;
    if (v->count - v->done < n)
        return short_page;
    df__buf_clear(b);
    p = df__buf_reserve(b, n * width + 8);
    if (!p)
        return "";
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < width; k++)
            p[i * width + k] = (char)v->p[k * v->count + v->done + i];
    for (size_t i = 0; i < n; i++)
        if (v->physical == DF__PQ_FIXED)
            to[i].bytes = (df_bytes){p + i * width, width};
        else
            to[i].bits = width == 8 ? df__pq_load8(p + i * 8) : df__pq_load4(p + i * 4);
    return NULL;
}

/* ---- the table ------------------------------------------------------------------------------- */

static const char *open_plain(df__pq_values *v)
{
    (void)v;
    return NULL;
}

static const struct {
    const char *(*open)(df__pq_values *v);
    const char *(*read)(df__pq_values *v, df__pq_raw *to, size_t n);
} encodings[] = {
    [DF__PQ_PLAIN] = {open_plain, read_plain},
    [DF__PQ_PLAIN_DICTIONARY] = {open_numbers, read_numbers},
    [DF__PQ_RLE] = {open_runs, read_runs},
    [DF__PQ_DELTA_BINARY_PACKED] = {open_delta, read_delta},
    [DF__PQ_DELTA_LENGTH_BYTE_ARRAY] = {open_delta_lengths, read_delta_lengths},
    [DF__PQ_DELTA_BYTE_ARRAY] = {open_delta_bytes, NULL},
    [DF__PQ_RLE_DICTIONARY] = {open_numbers, read_numbers},
    [DF__PQ_BYTE_STREAM_SPLIT] = {open_split, read_split},
};

const char *df__pq_values_open(df__pq_values *v, df_bytes in)
{
    size_t rows = sizeof encodings / sizeof encodings[0];
    v->p = in.data;
    v->end = v->p + in.len;
    v->done = 0;
    v->bit = 0;
    v->last_len = 0;
    memset(&v->lengths, 0, sizeof v->lengths);
    memset(&v->prefixes, 0, sizeof v->prefixes);
    memset(&v->rle, 0, sizeof v->rle);
    if (v->encoding < 0 || (size_t)v->encoding >= rows || !encodings[v->encoding].open)
        return "has a page in an encoding that is none";
    return encodings[v->encoding].open(v);
}

const char *df__pq_values_read(df__pq_values *v, df__pq_raw *to, size_t n, size_t *ret_count)
{
    const char *why;
    *ret_count = n;
    if (v->encoding == DF__PQ_DELTA_BYTE_ARRAY)
        why = read_delta_bytes(v, to, n, ret_count);
    else
        why = encodings[v->encoding].read(v, to, n);
    v->done += *ret_count;
    return why;
}
