/* SPDX-License-Identifier: Apache-2.0
 * group_write.c: a row group: chunks, then the indexes of their pages; its part of the footer is
 * kept. */
#include "formats/parquet/thrift.h"
#include "formats/parquet/write.h"

enum { ASCENDING = 1, DESCENDING = 2 };

/* Where a chunk and its indexes are. */
typedef struct placed {
    int64_t begin, data, dictionary; /* dictionary 0: none */
    int64_t columns, offsets;        /* indexes; 0: none */
    size_t columns_len, offsets_len;
    size_t raw, packed;
} placed;

int df__pq_give(df__parquet_writer *w, const void *data, size_t len)
{
    int rc;
    if (!len)
        return DF_OK;
    rc = w->write(w->user, data, len);
    if (rc != DF_OK)
        w->broken = rc;
    else
        w->at += (int64_t)len;
    return rc;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static int write_chunk(df__parquet_writer *w, df__pq_leaf *l, placed *p)
{
    int rc = DF_OK;
    p->begin = w->at;
    p->raw = l->raw;
    p->packed = l->packed;
    if (l->dict.written) {
        size_t raw;
        p->dictionary = w->at;
        rc = df__pq_page_dictionary(w, l, &w->text, &raw);
        if (rc == DF_OK)
            rc = df__pq_give(w, w->text.data, w->text.len);
        p->raw += raw;
        p->packed += w->text.len;
    }
    p->data = w->at;
    for (const df__pq_page *page = l->first; page && rc == DF_OK; page = page->next)
        rc = df__pq_give(w, page->data, page->len);
    return rc;
}

/* ---- indexes --------------------------------------------------------------------------------- */

static int give_thrift(df__parquet_writer *w, size_t *ret_len)
{
    *ret_len = w->thrift.len;
    return w->thrift.failed ? DF_ENOMEM : df__pq_give(w, w->thrift.data, w->thrift.len);
}

static void begin_thrift(df__parquet_writer *w, df__thrift_out *t)
{
    df__buf_clear(&w->thrift);
    memset(t, 0, sizeof *t);
    t->b = &w->thrift;
    df__thrift_begin(t);
}

static int write_offsets(df__parquet_writer *w, const df__pq_leaf *l, placed *p)
{
    df__thrift_out t;
    int64_t at = p->data;
    begin_thrift(w, &t);
    df__thrift_list(&t, 1, DF__THRIFT_STRUCT, l->page_count);
    for (const df__pq_page *page = l->first; page; page = page->next) {
        df__thrift_begin(&t);
        df__thrift_i64(&t, 1, at);
        df__thrift_i32(&t, 2, (int32_t)page->len);
        df__thrift_i64(&t, 3, page->row);
        df__thrift_end(&t);
        at += (int64_t)page->len;
    }
    df__thrift_end(&t);
    p->offsets = w->at;
    return give_thrift(w, &p->offsets_len);
}

/* A bound as indexes and statistics have it; len -1: none. */
static int cut(const df__pq_leaf *l, const df__pq_bound *b, int upper, unsigned char *out)
{
    df__pq_cut how = {l->column->kind == DF__PARQUET_STRING, upper, DF__PQ_BOUND, 0, 0};
    return df__pq_bound_cut(b, &how, out);
}

/* 1: every page has bounds, or nulls only. */
static int has_bounds(const df__pq_leaf *l)
{
    unsigned char out[DF__PQ_BOUND];
    for (const df__pq_page *page = l->first; page; page = page->next)
        if (!page->only_nulls && (!page->has_range || cut(l, &page->range.low, 0, out) < 0 ||
                                  cut(l, &page->range.high, 1, out) < 0))
            return 0;
    return 1;
}

static int order_of(const df__pq_leaf *l)
{
    int up = 1, down = 1, order = l->scalar.layout.order;
    const df__pq_page *before = NULL;
    for (const df__pq_page *page = l->first; page; page = page->next) {
        int low, high;
        if (page->only_nulls)
            continue;
        if (before) {
            low = df__pq_compare(order, (df_bytes){before->range.low.data, before->range.low.len},
                                 (df_bytes){page->range.low.data, page->range.low.len});
            high =
                df__pq_compare(order, (df_bytes){before->range.high.data, before->range.high.len},
                               (df_bytes){page->range.high.data, page->range.high.len});
            up &= low <= 0 && high <= 0;
            down &= low >= 0 && high >= 0;
        }
        before = page;
    }
    return up ? ASCENDING : down ? DESCENDING : 0;
}

static void put_bounds(df__thrift_out *t, const df__pq_leaf *l, int upper)
{
    unsigned char out[DF__PQ_BOUND];
    for (const df__pq_page *page = l->first; page; page = page->next) {
        int n =
            page->only_nulls ? 0 : cut(l, upper ? &page->range.high : &page->range.low, upper, out);
        df__thrift_one_bytes(t, (df_bytes){out, (size_t)n});
    }
}

static int write_columns(df__parquet_writer *w, const df__pq_leaf *l, placed *p)
{
    df__thrift_out t;
    if (!has_bounds(l))
        return DF_OK;
    begin_thrift(w, &t);
    df__thrift_list(&t, 1, DF__THRIFT_TRUE, l->page_count);
    for (const df__pq_page *page = l->first; page; page = page->next)
        df__thrift_one_bool(&t, page->only_nulls);
    df__thrift_list(&t, 2, DF__THRIFT_BINARY, l->page_count);
    put_bounds(&t, l, 0);
    df__thrift_list(&t, 3, DF__THRIFT_BINARY, l->page_count);
    put_bounds(&t, l, 1);
    df__thrift_i32(&t, 4, order_of(l));
    df__thrift_list(&t, 5, DF__THRIFT_I64, l->page_count);
    for (const df__pq_page *page = l->first; page; page = page->next)
        df__thrift_one_int(&t, page->nulls);
    df__thrift_end(&t);
    p->columns = w->at;
    return give_thrift(w, &p->columns_len);
}

/* ---- the footer's part ----------------------------------------------------------------------- */

static void put_statistics(df__thrift_out *t, const df__pq_leaf *l)
{
    unsigned char low[DF__PQ_BOUND], high[DF__PQ_BOUND];
    int text = l->column->kind == DF__PARQUET_STRING;
    df__pq_cut down = {text, 0, DF__PQ_BOUND, 0, 0}, up = {text, 1, DF__PQ_BOUND, 0, 0};
    int low_len = df__pq_bound_cut(&l->range.low, &down, low);
    int high_len = df__pq_bound_cut(&l->range.high, &up, high);
    df__thrift_struct(t, 12);
    df__thrift_i64(t, 3, l->nulls_all);
    if (high_len >= 0)
        df__thrift_bytes(t, 5, (df_bytes){high, (size_t)high_len});
    if (low_len >= 0)
        df__thrift_bytes(t, 6, (df_bytes){low, (size_t)low_len});
    if (high_len >= 0)
        df__thrift_bool(t, 7, up.exact);
    if (low_len >= 0)
        df__thrift_bool(t, 8, down.exact);
    df__thrift_end(t);
}

static void put_stat_of(df__thrift_out *t, int page, int encoding, int count)
{
    df__thrift_begin(t);
    df__thrift_i32(t, 1, page);
    df__thrift_i32(t, 2, encoding);
    df__thrift_i32(t, 3, count);
    df__thrift_end(t);
}

static void put_encodings(df__thrift_out *t, const df__pq_leaf *l)
{
    df__thrift_list(t, 2, DF__THRIFT_I32, 2 + (size_t)l->dict.written);
    df__thrift_one_int(t, DF__PQ_PLAIN);
    df__thrift_one_int(t, DF__PQ_RLE);
    if (l->dict.written)
        df__thrift_one_int(t, DF__PQ_RLE_DICTIONARY);
}

static void put_encoding_stats(df__thrift_out *t, const df__pq_leaf *l)
{
    df__thrift_list(t, 13, DF__THRIFT_STRUCT,
                    2 * (size_t)(l->dict_pages > 0) + (size_t)(l->plain_pages > 0));
    if (l->dict_pages) {
        put_stat_of(t, DF__PQ_PAGE_DICTIONARY, DF__PQ_PLAIN, 1);
        put_stat_of(t, DF__PQ_PAGE_DATA, DF__PQ_RLE_DICTIONARY, l->dict_pages);
    }
    if (l->plain_pages)
        put_stat_of(t, DF__PQ_PAGE_DATA, DF__PQ_PLAIN, l->plain_pages);
}

static const char *const inner_names[][2] = {{"list", "element"}, {"key_value", NULL}};

/* The names from the root to the leaf; counted when t is NULL. */
static size_t put_path(df__thrift_out *t, const df__pq_node *root, size_t leaf)
{
    size_t count = 0;
    const df__pq_node *n = root, *up = NULL;
    do {
        size_t i = 0, children = n->column ? n->column->child_count : SIZE_MAX;
        const char *name;
        up = n;
        while (i + 1 < children && n->children[i].leaf + n->children[i].leaf_count <= leaf)
            i++;
        n = &n->children[i];
        name = n->column->name;
        if (up->column && up->column->kind == DF__PARQUET_LIST)
            name = "element";
        else if (up->column && up->column->kind == DF__PARQUET_MAP)
            name = i ? "value" : "key";
        if (t)
            df__thrift_one_bytes(t, (df_bytes){name, strlen(name)});
        count++;
        if (n->column->kind >= DF__PARQUET_LIST) {
            name = inner_names[n->column->kind - DF__PARQUET_LIST][0];
            if (t)
                df__thrift_one_bytes(t, (df_bytes){name, strlen(name)});
            count++;
        }
    } while (df__pq_nested(n->column));
    return count;
}

static void put_chunk(df__parquet_writer *w, df__thrift_out *t, size_t leaf, const placed *p)
{
    const df__pq_leaf *l = &w->leaves[leaf];
    df__thrift_begin(t);
    df__thrift_i64(t, 2, 0); /* deprecated: where metadata are repeated; nowhere */
    df__thrift_struct(t, 3);
    df__thrift_i32(t, 1, l->scalar.layout.physical);
    put_encodings(t, l);
    df__thrift_list(t, 3, DF__THRIFT_BINARY, put_path(NULL, &w->root, leaf));
    put_path(t, &w->root, leaf);
    df__thrift_i32(t, 4, w->codec);
    df__thrift_i64(t, 5, l->values_all);
    df__thrift_i64(t, 6, (int64_t)p->raw);
    df__thrift_i64(t, 7, (int64_t)p->packed);
    df__thrift_i64(t, 9, p->data);
    if (p->dictionary)
        df__thrift_i64(t, 11, p->dictionary);
    put_statistics(t, l);
    put_encoding_stats(t, l);
    df__thrift_end(t);
    df__thrift_i64(t, 4, p->offsets);
    df__thrift_i32(t, 5, (int32_t)p->offsets_len);
    if (p->columns) {
        df__thrift_i64(t, 6, p->columns);
        df__thrift_i32(t, 7, (int32_t)p->columns_len);
    }
    df__thrift_end(t);
}

static int put_group(df__parquet_writer *w, const placed *places)
{
    df__thrift_out t = {&w->groups, {0}, 0};
    int64_t raw = 0, packed = 0;
    for (size_t i = 0; i < w->leaf_count; i++) {
        raw += (int64_t)places[i].raw;
        packed += (int64_t)places[i].packed;
    }
    df__thrift_begin(&t);
    df__thrift_list(&t, 1, DF__THRIFT_STRUCT, w->leaf_count);
    for (size_t i = 0; i < w->leaf_count; i++)
        put_chunk(w, &t, i, &places[i]);
    df__thrift_i64(&t, 2, raw);
    df__thrift_i64(&t, 3, w->group_rows);
    df__thrift_i64(&t, 5, places[0].begin);
    df__thrift_i64(&t, 6, packed);
    if (w->group_count <= INT16_MAX)
        df__thrift_i16(&t, 7, (int)w->group_count);
    df__thrift_end(&t);
    df__buf_add(&w->splits, &places[0].begin, sizeof places[0].begin);
    w->group_count++;
    return w->groups.failed || w->splits.failed ? DF_ENOMEM : DF_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* The chunk is written: what is kept of it, and a new one. */
static void next_chunk(df__parquet_writer *w, df__pq_leaf *l, const placed *p)
{
    while (l->first) {
        df__pq_page *page = l->first;
        l->first = page->next;
        df__free(w->heap, page);
    }
    l->last = NULL;
    l->file_values += l->values_all;
    l->file_nulls += l->nulls_all;
    l->file_nans += l->nans_all;
    l->file_size += (int64_t)p->packed;
    df__pq_range_join(&l->file_range, l->scalar.layout.order, &l->range);
    memset(&l->range, 0, sizeof l->range);
    l->packed = l->raw = 0;
    l->page_count = 0;
    l->plain_pages = l->dict_pages = 0;
    l->values_all = l->nulls_all = l->nans_all = 0;
    l->page_row = 0;
    df__pq_dictionary_clear(&l->dict);
    l->dict.on =
        !w->no_dictionary && !l->dict.useless && l->scalar.layout.physical != DF__PQ_BOOLEAN;
}

static int close_pages(df__parquet_writer *w)
{
    int rc = DF_OK;
    w->closing = 1;
    for (size_t i = 0; i < w->leaf_count && rc == DF_OK; i++) {
        df__pq_leaf *l = &w->leaves[i];
        if (l->dict.on)
            rc = df__pq_page_judge(w, l);
        if (rc == DF_OK)
            rc = df__pq_page_close(w, l);
    }
    w->closing = 0;
    return rc;
}

static int write_all(df__parquet_writer *w, placed *places)
{
    int rc = DF_OK;
    for (size_t i = 0; i < w->leaf_count && rc == DF_OK; i++)
        rc = write_chunk(w, &w->leaves[i], &places[i]);
    for (size_t i = 0; i < w->leaf_count && rc == DF_OK; i++)
        rc = write_columns(w, &w->leaves[i], &places[i]);
    for (size_t i = 0; i < w->leaf_count && rc == DF_OK; i++)
        rc = write_offsets(w, &w->leaves[i], &places[i]);
    return rc == DF_OK ? put_group(w, places) : rc;
}

int df__pq_group_write(df__parquet_writer *w)
{
    placed *places;
    int rc;
    if (!w->group_rows)
        return DF_OK;
    rc = close_pages(w);
    if (rc != DF_OK)
        return rc;
    places = df__zalloc(w->heap, w->leaf_count * sizeof *places);
    if (!places)
        return DF_ENOMEM;
    rc = write_all(w, places);
    for (size_t i = 0; i < w->leaf_count && rc == DF_OK; i++)
        next_chunk(w, &w->leaves[i], &places[i]);
    df__free(w->heap, places);
    if (rc != DF_OK) {
        w->broken = rc; /* a part of the group may be written */
        return rc;
    }
    w->group_rows = 0;
    w->held = 0;
    return DF_OK;
}
