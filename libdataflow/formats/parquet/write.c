/* SPDX-License-Identifier: Apache-2.0
 * write.c: a writer from its options to the end of the file. */
#include "formats/parquet/write.h"

#include "formats/parquet/shred.h"

enum { GROUP_BYTES = 32 << 20, PAGE_BYTES = 1 << 20, DICTIONARY_BYTES = 1 << 20, ARENA = 4096 };

static const struct {
    const char *name;
    int codec, number; /* DF__PARQUET_..., and as files number it */
} codecs[] = {
    {"none", DF__PARQUET_NONE, DF__PQ_UNCOMPRESSED},
    {"uncompressed", DF__PARQUET_NONE, DF__PQ_UNCOMPRESSED},
    {"snappy", DF__PARQUET_SNAPPY, DF__PQ_SNAPPY},
    {"gzip", DF__PARQUET_GZIP, DF__PQ_GZIP},
    {"zstd", DF__PARQUET_ZSTD, DF__PQ_ZSTD},
    {"lz4_raw", DF__PARQUET_LZ4_RAW, DF__PQ_LZ4_RAW},
    {"lz4", DF__PARQUET_LZ4_RAW, DF__PQ_LZ4_RAW},
};
enum { CODECS = sizeof codecs / sizeof codecs[0] };

int df__parquet_codec(const char *name)
{
    for (size_t i = 0; i < CODECS; i++)
        if (strcmp(codecs[i].name, name) == 0)
            return df__pq_can_pack(codecs[i].number) ? codecs[i].codec : -1;
    return -1;
}

static int number_of(int codec)
{
    for (size_t i = 0; i < CODECS; i++)
        if (codecs[i].codec == codec && df__pq_can_pack(codecs[i].number))
            return codecs[i].number;
    return -1;
}

/* ---- making ---------------------------------------------------------------------------------- */

static int copy_meta(df__parquet_writer *w, const df__parquet_options *o)
{
    df_pair *to = df__arena_zalloc(&w->arena, o->meta_count * sizeof *to + 1);
    int rc = to ? DF_OK : DF_ENOMEM;
    for (size_t i = 0; i < o->meta_count && rc == DF_OK; i++) {
        rc = df__arena_copy(&w->arena, o->meta[i].name, &to[i].name);
        if (rc == DF_OK)
            rc = df__arena_copy(&w->arena, o->meta[i].value, &to[i].value);
    }
    w->meta = to;
    w->meta_count = o->meta_count;
    return rc;
}

static void init_leaf(df__parquet_writer *w, const df__pq_node *n)
{
    df__pq_leaf *l = &w->leaves[n->leaf];
    l->column = l->scalar.column = n->column;
    l->max_def = n->def;
    l->max_rep = n->rep;
    l->scalar.layout = df__pq_layout_of(n->column);
    l->scalar.text = &w->text;
    df__buf_init(&l->defs, w->heap);
    df__buf_init(&l->reps, w->heap);
    df__buf_init(&l->values, w->heap);
    df__buf_init(&l->numbers, w->heap);
    df__pq_dictionary_init(&l->dict, w->heap);
    l->dict.on = !w->no_dictionary && l->scalar.layout.physical != DF__PQ_BOOLEAN;
}

static void init_leaves(df__parquet_writer *w, const df__pq_node *n)
{
    size_t count = n->column ? n->column->child_count : w->column_count;
    if (n->column && !df__pq_nested(n->column)) {
        init_leaf(w, n);
        return;
    }
    for (size_t i = 0; i < count; i++)
        init_leaves(w, &n->children[i]);
}

static void init_buffers(df__parquet_writer *w)
{
    df__buf *all[] = {&w->body, &w->packed, &w->text, &w->thrift, &w->groups, &w->splits};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        df__buf_init(all[i], w->heap);
}

static size_t or_usual(size_t given, size_t usual)
{
    return given ? given : usual;
}

/* What a writer may not have that a reader may. */
static int writable(const df__pq_node *n, size_t count, df__parquet_error *error)
{
    int rc = DF_OK;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df__parquet_column *c = n->children[i].column;
        if (c->kind == DF__PARQUET_UNKNOWN)
            return df__pq_fail(error, DF_EINVAL, "Parquet: column %.100s: unknown is not written",
                               c->name);
        if (c->kind == DF__PARQUET_MAP && !c->children[0].required)
            return df__pq_fail(error, DF_EINVAL, "Parquet: column %.100s: its key must be required",
                               c->name);
        if (df__pq_nested(c))
            rc = writable(&n->children[i], c->child_count, error);
    }
    return rc;
}

static int init(df__parquet_writer *w, const df__parquet_options *o, df__parquet_error *error)
{
    df__parquet_column *columns;
    int rc = copy_meta(w, o);
    columns = df__pq_columns_copy(&w->arena, o->columns, o->column_count);
    if (rc != DF_OK || !columns)
        return DF_ENOMEM;
    rc = df__pq_nodes(&w->arena, columns, o->column_count, &w->root, error);
    if (rc == DF_OK)
        rc = writable(&w->root, o->column_count, error);
    if (rc != DF_OK)
        return rc;
    w->column_count = o->column_count;
    w->leaf_count = w->root.leaf_count;
    w->leaves = df__arena_zalloc(&w->arena, w->leaf_count * sizeof *w->leaves);
    w->metrics = df__arena_zalloc(&w->arena, w->leaf_count * sizeof *w->metrics);
    if (!w->leaves || !w->metrics) {
        w->leaf_count = 0;
        return DF_ENOMEM;
    }
    init_leaves(w, &w->root);
    return DF_OK;
}

int df__parquet_writer_new(const df__heap *heap, const df__parquet_options *o,
                           df__parquet_writer **ret, df__parquet_error *error)
{
    int number = number_of(o->codec), rc;
    df__parquet_writer *w;
    *ret = NULL;
    if (number < 0)
        return df__pq_fail(error, DF_EINVAL, "Parquet: no such codec was built in");
    w = df__zalloc(heap, sizeof *w);
    if (!w)
        return DF_ENOMEM;
    w->heap = heap;
    w->codec = number;
    w->packer = (df__pq_packer){heap, number, o->level, NULL};
    w->write = o->write;
    w->user = o->user;
    w->no_dictionary = o->no_dictionary;
    w->row_group_bytes = or_usual(o->row_group_bytes, GROUP_BYTES);
    w->page_bytes = or_usual(o->page_bytes, PAGE_BYTES);
    w->dictionary_bytes = or_usual(o->dictionary_bytes, DICTIONARY_BYTES);
    df__arena_init(&w->arena, heap, ARENA);
    init_buffers(w);
    rc = init(w, o, error);
    if (rc != DF_OK)
        df__parquet_writer_free(w);
    else
        *ret = w;
    return rc;
}

void df__parquet_writer_free(df__parquet_writer *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->leaf_count; i++)
        df__pq_leaf_free(&w->leaves[i], w->heap);
    df__pq_packer_end(&w->packer);
    df__buf_free(&w->body);
    df__buf_free(&w->packed);
    df__buf_free(&w->text);
    df__buf_free(&w->thrift);
    df__buf_free(&w->groups);
    df__buf_free(&w->splits);
    df__arena_free(&w->arena);
    df__free(w->heap, w);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The row is whole: pages that are full are packed; what is held is counted. */
static int settle(df__parquet_writer *w)
{
    size_t held = 0;
    int rc = DF_OK;
    for (size_t i = 0; i < w->leaf_count && rc == DF_OK; i++) {
        df__pq_leaf *l = &w->leaves[i];
        l->row_levels = l->level_count;
        l->row_values = l->value_count;
        l->row_bytes = l->values.len;
        if (l->dict.on)
            rc = df__pq_page_judge(w, l);
        if (rc == DF_OK && df__pq_leaf_open(l) >= w->page_bytes)
            rc = df__pq_page_close(w, l);
        held += l->packed + l->dict.data.len + df__pq_leaf_open(l);
    }
    w->held = held;
    return rc;
}

static int usable(const df__parquet_writer *w, df__parquet_error *error)
{
    if (w->broken || w->finished)
        return df__pq_fail(error, w->broken ? w->broken : DF_ESTATE, "Parquet: the writer %s",
                           w->broken ? "has failed before" : "is finished");
    return DF_OK;
}

static int begin(df__parquet_writer *w)
{
    return w->at ? DF_OK : df__pq_give(w, "PAR1", 4);
}

int df__parquet_append(df__parquet_writer *w, const df_value *values, df__parquet_error *error)
{
    int rc;
    error->text[0] = '\0';
    rc = usable(w, error);
    if (rc == DF_OK)
        rc = df__pq_shred(w, values, error);
    if (rc != DF_OK)
        return rc;
    w->rows++;
    w->group_rows++;
    rc = settle(w);
    if (rc == DF_OK && w->held >= w->row_group_bytes) {
        rc = begin(w);
        if (rc == DF_OK)
            rc = df__pq_group_write(w);
    }
    if (rc != DF_OK)
        w->broken = rc;
    return rc;
}

int64_t df__parquet_rows(const df__parquet_writer *w)
{
    return w->rows;
}

int64_t df__parquet_bytes(const df__parquet_writer *w)
{
    return w->at + (int64_t)w->held;
}

size_t df__parquet_held(const df__parquet_writer *w)
{
    return w->held;
}

int df__parquet_finish(df__parquet_writer *w, df__parquet_summary *ret, df__parquet_error *error)
{
    int rc;
    error->text[0] = '\0';
    rc = usable(w, error);
    if (rc == DF_OK)
        rc = begin(w);
    else
        return rc;
    if (rc == DF_OK)
        rc = df__pq_group_write(w);
    if (rc == DF_OK)
        rc = df__pq_footer_write(w);
    if (rc != DF_OK) {
        w->broken = rc;
        return rc;
    }
    w->finished = 1;
    df__pq_summary(w, ret);
    return DF_OK;
}
