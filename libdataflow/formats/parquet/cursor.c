/* SPDX-License-Identifier: Apache-2.0
 * cursor.c: the pages of a chunk, one at a time: heads, unpacking, levels, the dictionary. */
#include <zlib.h>

#include "formats/parquet/read.h"

enum { WINDOW = 65536, MOST_HEAD = 16 << 20, SPARE = 1024 }; /* of a page that packs badly */

typedef struct head { /* of a page */
    int32_t type, raw, packed, crc, values, encoding, def_encoding, rep_encoding, rows, def_len,
        rep_len;
    int has_crc, is_v2, is_packed;
    size_t len;
} head;

static int damaged(const df__pq_cursor *c, const char *why, df__parquet_error *error)
{
    return why[0] ? df__pq_damaged(c->shape, why, error) : DF_ENOMEM;
}

/* ---- bytes of the file ----------------------------------------------------------------------- */

/* The bytes from `at` on, at least len of them, in the window. */
static int look(df__pq_cursor *c, int64_t at, size_t len, const unsigned char **ret)
{
    int64_t ahead = c->end - at < WINDOW ? c->end - at : WINDOW;
    size_t size = len > (size_t)ahead ? len : (size_t)ahead;
    int rc;
    if (at < c->window_at || at - c->window_at > (int64_t)c->window.len ||
        c->window.len - (size_t)(at - c->window_at) < len) {
        df__buf_clear(&c->window);
        if (!df__buf_reserve(&c->window, size + 1))
            return DF_ENOMEM;
        rc = df__pq_read(c->file, at, c->window.data, size);
        if (rc != DF_OK)
            return rc;
        c->window.len = size;
        c->window_at = at;
    }
    *ret = (const unsigned char *)c->window.data + (at - c->window_at);
    return DF_OK;
}

/* Bytes of a page: in the window when all are there, else in `into`. */
static int fetch(df__pq_cursor *c, int64_t at, size_t len, df__buf *into, df_bytes *ret)
{
    size_t have = (size_t)(c->window_at + (int64_t)c->window.len - at);
    const char *from = c->window.data + (at - c->window_at);
    char *to;
    int rc;
    if (have >= len) {
        *ret = (df_bytes){from, len};
        return DF_OK;
    }
    df__buf_clear(into);
    to = df__buf_reserve(into, len + 1);
    if (!to)
        return DF_ENOMEM;
    memcpy(to, from, have);
    rc = df__pq_read(c->file, at + (int64_t)have, to + have, len - have);
    into->len = len;
    *ret = (df_bytes){to, len};
    return rc;
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* Of a data page four fields are numbers, of a dictionary two. */
static void read_v1(df__thrift_in *t, head *h, int numbers)
{
    int32_t *const to[] = {NULL, &h->values, &h->encoding, &h->def_encoding, &h->rep_encoding};
    int id;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0)
        if (id >= 1 && id <= numbers)
            *to[id] = df__thrift_read_i32(t);
        else
            df__thrift_skip(t);
}

static void read_v2(df__thrift_in *t, head *h)
{
    int32_t nulls, *const to[] = {NULL,         &h->values,  &nulls,     &h->rows,
                                  &h->encoding, &h->def_len, &h->rep_len};
    int id;
    h->is_v2 = 1;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0)
        if (id >= 1 && id <= 6)
            *to[id] = df__thrift_read_i32(t);
        else if (id == 7)
            h->is_packed = df__thrift_read_bool(t);
        else
            df__thrift_skip(t);
}

/* 0: damaged, or longer than the bytes. */
static int parse_head(df_bytes bytes, head *h)
{
    df__thrift_in t;
    int id;
    memset(h, 0, sizeof *h);
    h->is_packed = 1;
    h->type = -1;
    df__thrift_open(&t, bytes);
    while ((id = df__thrift_next(&t)) >= 0)
        if (id == 1)
            h->type = df__thrift_read_i32(&t);
        else if (id == 2)
            h->raw = df__thrift_read_i32(&t);
        else if (id == 3)
            h->packed = df__thrift_read_i32(&t);
        else if (id == 4) {
            h->crc = df__thrift_read_i32(&t);
            h->has_crc = 1;
        } else if (id == 5 || id == 7)
            read_v1(&t, h, id == 5 ? 4 : 2);
        else if (id == 8)
            read_v2(&t, h);
        else
            df__thrift_skip(&t);
    h->len = (size_t)(t.p - (const unsigned char *)bytes.data);
    return !t.bad;
}

static int check_sizes(const df__pq_cursor *c, const head *h, df__parquet_error *error)
{
    int64_t left = c->end - c->at - (int64_t)h->len;
    size_t limit = c->file->input.page_limit;
    if (h->raw < 0 || h->packed < 0 || h->packed > left || h->values < 0 || h->def_len < 0 ||
        h->rep_len < 0)
        return damaged(c, "has a page that is longer than its chunk", error);
    if ((size_t)h->raw > limit || (size_t)h->packed > limit + limit / 16 + SPARE)
        return damaged(c, "has a page that is larger than the limit", error);
    return DF_OK;
}

static int read_head(df__pq_cursor *c, head *h, df__parquet_error *error)
{
    int64_t left = c->end - c->at;
    size_t len = left < WINDOW ? (size_t)left : WINDOW;
    const unsigned char *p;
    int rc;
    for (;; len *= 2) {
        if ((int64_t)len > left)
            len = (size_t)left;
        rc = look(c, c->at, len, &p);
        if (rc != DF_OK)
            return rc;
        if (parse_head((df_bytes){p, len}, h))
            break;
        if ((int64_t)len == left || len >= MOST_HEAD)
            return damaged(c, "has a page without a head", error);
    }
    return check_sizes(c, h, error);
}

/* ---- unpacking ------------------------------------------------------------------------------- */

static int check_crc(const df__pq_cursor *c, const head *h, df_bytes in, df__parquet_error *error)
{
    if (h->has_crc && (uint32_t)h->crc != (uint32_t)crc32(0, in.data, (unsigned)in.len))
        return damaged(c, "has a page whose checksum is wrong", error);
    return DF_OK;
}

static int unpack(df__pq_cursor *c, df_bytes in, size_t len, df__buf *into, df_bytes *ret)
{
    char *to;
    if (c->chunk->codec == DF__PQ_UNCOMPRESSED) {
        *ret = in;
        return in.len == len ? DF_OK : DF_EDATA;
    }
    df__buf_clear(into);
    to = df__buf_reserve(into, len + 1);
    if (!to)
        return DF_ENOMEM;
    into->len = len;
    *ret = (df_bytes){to, len};
    return df__pq_unpack(c->file->heap, c->chunk->codec, in, *ret);
}

/* The whole body of a page of v1, or of a dictionary. */
static int body_of(df__pq_cursor *c, const head *h, df__buf *into, df_bytes *ret,
                   df__parquet_error *error)
{
    df_bytes in;
    int rc = fetch(c, c->at + (int64_t)h->len, (size_t)h->packed, &c->packed, &in);
    if (rc == DF_OK)
        rc = check_crc(c, h, in, error);
    if (rc != DF_OK)
        return rc;
    rc = unpack(c, in, (size_t)h->raw, into, ret);
    return rc == DF_EDATA ? damaged(c, "has a page that cannot be unpacked", error) : rc;
}

/* ---- dictionary ------------------------------------------------------------------------------ */

/* Entries that so many bytes can hold. */
static size_t most_entries(const df__pq_cursor *c, size_t bytes)
{
    static const unsigned char widths[DF__PQ_PHYSICALS] = {
        [DF__PQ_INT32] = 4,  [DF__PQ_INT64] = 8,  [DF__PQ_FLOAT] = 4,
        [DF__PQ_DOUBLE] = 8, [DF__PQ_INT96] = 12, [DF__PQ_BYTE_ARRAY] = 4};
    const df__pq_element *e = c->shape->element;
    if (e->physical == DF__PQ_BOOLEAN)
        return bytes * 8;
    return bytes / (e->physical == DF__PQ_FIXED ? (size_t)e->length : widths[e->physical]);
}

static int read_dictionary(df__pq_cursor *c, const head *h, df__parquet_error *error)
{
    df__pq_values v;
    df_bytes body;
    size_t done = 0, step, n = (size_t)h->values;
    const char *why;
    int rc = body_of(c, h, &c->dictionary_page, &body, error);
    if (rc != DF_OK)
        return rc;
    if (c->dictionary)
        return damaged(c, "has two dictionaries", error);
    if (body.data != c->dictionary_page.data) { /* it was not packed */
        df__buf_clear(&c->dictionary_page);
        df__buf_add(&c->dictionary_page, body.data, body.len);
        body.data = c->dictionary_page.data;
    }
    if (n > most_entries(c, body.len))
        return damaged(c, "has a dictionary with more entries than bytes", error);
    c->dictionary = df__alloc(c->file->heap, n * sizeof *c->dictionary + 1);
    if (!c->dictionary || c->dictionary_page.failed)
        return DF_ENOMEM;
    memset(&v, 0, sizeof v);
    v.encoding = DF__PQ_PLAIN;
    v.physical = c->shape->element->physical;
    v.width = (size_t)c->shape->element->length;
    v.count = n;
    why = df__pq_values_open(&v, body);
    for (; !why && done < n; done += step)
        why = df__pq_values_read(&v, c->dictionary + done, n - done, &step);
    c->dictionary_count = n;
    return why ? damaged(c, why, error) : DF_OK;
}

/* ---- levels ---------------------------------------------------------------------------------- */

/* Bits of old go from the highest down. */
static int open_old(df__pq_rle *r, df__buf *turned, df_bytes *in, size_t n, unsigned bits)
{
    const unsigned char *p = in->data;
    size_t total = n * bits, bytes = (total + 7) / 8;
    char *to;
    if (bytes > in->len)
        return DF_EDATA;
    df__buf_clear(turned);
    to = df__buf_reserve(turned, bytes + 8);
    if (!to)
        return DF_ENOMEM;
    memset(to, 0, bytes + 8);
    for (size_t i = 0; i < total; i++) {
        size_t place = i / bits * bits + (bits - 1 - i % bits); /* in the number, from the lowest */
        to[place / 8] |= (char)((p[i / 8] >> (7 - i % 8) & 1) << place % 8);
    }
    df__pq_rle_open(r, (df_bytes){to, bytes}, bits);
    r->packed = n;
    in->data = p + bytes;
    in->len -= bytes;
    return DF_OK;
}

/* Takes levels off the begin of the body of a v1 page. */
static int open_levels(df__pq_rle *r, df__buf *turned, df_bytes *in, const int how[3])
{
    unsigned bits = df__pq_bits((uint32_t)how[0]);
    size_t len;
    if (!how[0])
        return DF_OK;
    if (how[1] == DF__PQ_BIT_PACKED)
        return open_old(r, turned, in, (size_t)how[2], bits);
    if (how[1] != DF__PQ_RLE || in->len < 4)
        return DF_EDATA;
    len = df__pq_load4(in->data);
    if (len > in->len - 4)
        return DF_EDATA;
    df__pq_rle_open(r, (df_bytes){(const char *)in->data + 4, len}, bits);
    in->data = (const char *)in->data + 4 + len;
    in->len -= 4 + len;
    return DF_OK;
}

static int open_v1(df__pq_cursor *c, const head *h, df_bytes *ret, df__parquet_error *error)
{
    int reps[] = {c->max_rep, h->rep_encoding, h->values},
        defs[] = {c->max_def, h->def_encoding, h->values};
    int rc = body_of(c, h, &c->page, ret, error);
    if (rc != DF_OK)
        return rc;
    rc = open_levels(&c->reps_in, &c->old_reps, ret, reps);
    if (rc == DF_OK)
        rc = open_levels(&c->defs_in, &c->old_defs, ret, defs);
    return rc == DF_EDATA ? damaged(c, "has a page whose levels are damaged", error) : rc;
}

/* Levels are never packed, and the values not always. */
static int open_v2(df__pq_cursor *c, const head *h, df_bytes *ret, df__parquet_error *error)
{
    size_t rep = (size_t)h->rep_len, def = (size_t)h->def_len;
    const char *p;
    df_bytes in;
    int rc = fetch(c, c->at + (int64_t)h->len, (size_t)h->packed, &c->packed, &in);
    if (rc == DF_OK)
        rc = check_crc(c, h, in, error);
    if (rc != DF_OK)
        return rc;
    if (rep > in.len || def > in.len - rep || rep + def > (size_t)h->raw)
        return damaged(c, "has a page whose levels are damaged", error);
    p = in.data;
    df__pq_rle_open(&c->reps_in, (df_bytes){p, rep}, df__pq_bits((uint32_t)c->max_rep));
    df__pq_rle_open(&c->defs_in, (df_bytes){p + rep, def}, df__pq_bits((uint32_t)c->max_def));
    in = (df_bytes){p + rep + def, in.len - rep - def};
    *ret = in;
    if (!h->is_packed || !in.len)
        return DF_OK;
    rc = unpack(c, in, (size_t)h->raw - rep - def, &c->page, ret);
    return rc == DF_EDATA ? damaged(c, "has a page that cannot be unpacked", error) : rc;
}

static int open_page(df__pq_cursor *c, const head *h, df__parquet_error *error)
{
    df__pq_values *v = &c->values;
    const char *why;
    df_bytes in;
    int rc = h->is_v2 ? open_v2(c, h, &in, error) : open_v1(c, h, &in, error);
    if (rc != DF_OK)
        return rc;
    v->encoding = h->encoding;
    v->physical = c->shape->element->physical;
    v->width = (size_t)c->shape->element->length;
    v->count = (size_t)h->values;
    v->last = &c->built;
    v->dictionary = c->dictionary;
    v->dictionary_count = c->dictionary_count;
    why = df__pq_values_open(v, in);
    if (why)
        return damaged(c, why, error);
    c->page_left = (size_t)h->values;
    return DF_OK;
}

/* 1: the page is left out as a whole. */
static int skipped(df__pq_cursor *c, const head *h)
{
    int64_t rows = c->max_rep ? h->rows : h->values;
    if (!c->skipping || (c->max_rep && !h->is_v2) || rows > c->skipping)
        return 0;
    c->skipping -= rows;
    return 1;
}

/* The next page that has levels. DF_DONE: there is none. */
static int next_page(df__pq_cursor *c, df__parquet_error *error)
{
    head h;
    int rc = DF_OK;
    while (rc == DF_OK && !c->page_left) {
        if (!c->values_left)
            return DF_DONE;
        if (c->at >= c->end)
            return damaged(c, "has fewer values than it says", error);
        rc = read_head(c, &h, error);
        if (rc != DF_OK)
            return rc;
        if (h.type == DF__PQ_PAGE_DICTIONARY) {
            rc = read_dictionary(c, &h, error);
        } else if (h.type == DF__PQ_PAGE_DATA || h.type == DF__PQ_PAGE_V2) {
            if (h.values > c->values_left || h.is_v2 != (h.type == DF__PQ_PAGE_V2))
                return damaged(c, "has more values than it says", error);
            c->values_left -= h.values;
            if (!skipped(c, &h))
                rc = open_page(c, &h, error);
        }
        c->at += (int64_t)h.len + h.packed;
    }
    return rc;
}

/* ---- batches --------------------------------------------------------------------------------- */

static int too_high(const uint32_t *levels, size_t n, int most)
{
    uint32_t all = 0;
    for (size_t i = 0; i < n; i++)
        all |= levels[i] > (uint32_t)most;
    return all != 0;
}

int df__pq_cursor_fill(df__pq_cursor *c, df__parquet_error *error)
{
    size_t n;
    int rc;
    if (c->level < c->levels)
        return DF_OK;
    rc = next_page(c, error);
    if (rc != DF_OK)
        return rc;
    n = c->page_left < DF__PQ_BATCH ? c->page_left : DF__PQ_BATCH;
    if ((c->max_rep && !df__pq_rle_read(&c->reps_in, c->reps, n)) ||
        (c->max_def && !df__pq_rle_read(&c->defs_in, c->defs, n)))
        return damaged(c, "has a page with fewer levels than it says", error);
    if (too_high(c->reps, n, c->max_rep) || too_high(c->defs, n, c->max_def))
        return damaged(c, "has a level that its columns do not have", error);
    c->page_left -= n;
    c->raw_need = 0;
    for (size_t i = 0; i < n; i++)
        c->raw_need += c->defs[i] == (uint32_t)c->max_def;
    c->raw = c->raw_count = 0;
    c->level = 0;
    c->levels = n;
    return DF_OK;
}

int df__pq_cursor_take(df__pq_cursor *c, df__pq_raw *ret, df__parquet_error *error)
{
    if (c->defs[c->level++] != (uint32_t)c->max_def)
        return DF_OK;
    if (c->raw == c->raw_count) {
        const char *why = df__pq_values_read(&c->values, c->raws, c->raw_need, &c->raw_count);
        if (why) {
            c->raw = c->raw_count = 0;
            c->level = c->levels = 0;
            c->page_left = 0;
            c->values_left = 0;
            return damaged(c, why, error);
        }
        c->raw = 0;
        c->raw_need -= c->raw_count;
    }
    *ret = c->raws[c->raw++];
    return DF_OK;
}

/* A row of the levels that are there; the last one may go on in the next batch. */
static int skip_row(df__pq_cursor *c, df__parquet_error *error)
{
    df__pq_raw ignored;
    int rc = df__pq_cursor_fill(c, error);
    if (rc == DF_OK)
        rc = df__pq_cursor_take(c, &ignored, error);
    while (rc == DF_OK && c->max_rep) {
        rc = df__pq_cursor_fill(c, error);
        if (rc == DF_DONE || (rc == DF_OK && !c->reps[c->level]))
            return DF_OK;
        if (rc == DF_OK)
            rc = df__pq_cursor_take(c, &ignored, error);
    }
    return rc;
}

int df__pq_cursor_skip(df__pq_cursor *c, int64_t rows, df__parquet_error *error)
{
    int rc = DF_OK;
    while (rows > 0 && rc == DF_OK) {
        if (c->level == c->levels && !c->page_left) {
            c->skipping = rows;
            rc = next_page(c, error);
            rows = c->skipping;
            c->skipping = 0;
            if (rc == DF_DONE && rows == 0)
                return DF_OK;
            if (rc != DF_OK || rows == 0)
                break;
        }
        rc = skip_row(c, error);
        rows--;
    }
    return rc == DF_DONE ? damaged(c, "has fewer rows than its row group", error) : rc;
}

/* ---- begin and end --------------------------------------------------------------------------- */

void df__pq_cursor_open(df__pq_cursor *c, const df__pq_chunk *chunk)
{
    c->chunk = chunk;
    c->at = chunk->begin;
    c->end = chunk->begin + chunk->length;
    c->values_left = chunk->values;
    c->page_left = c->level = c->levels = c->raw = c->raw_count = c->raw_need = 0;
    c->skipping = 0;
    c->max_def = c->shape->def;
    c->max_rep = c->shape->rep;
    df__free(c->file->heap, c->dictionary);
    c->dictionary = NULL;
    c->dictionary_count = 0;
    df__buf_clear(&c->window);
    memset(c->reps, 0, sizeof c->reps);
    memset(c->defs, 0, sizeof c->defs);
}

void df__pq_cursor_free(df__pq_cursor *c)
{
    df__buf *all[] = {&c->window,   &c->page, &c->dictionary_page, &c->packed, &c->old_reps,
                      &c->old_defs, &c->built};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        df__buf_free(all[i]);
    df__free(c->file->heap, c->dictionary);
}
