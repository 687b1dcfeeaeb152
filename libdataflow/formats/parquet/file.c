/* SPDX-License-Identifier: Apache-2.0
 * file.c: a reader from the footer to the last row. */
#include "formats/parquet/read.h"

enum {
    TAIL = 65536,
    ENDING = 8, /* length of the footer, magic */
    PAGE_LIMIT = 256 << 20,
    METADATA_LIMIT = 64 << 20,
    ARENA = 4096
};

/* ---- opening --------------------------------------------------------------------------------- */

/* The footer, in the arena. */
static int read_footer(df__parquet_file *f, df_bytes *ret, df__parquet_error *error)
{
    int64_t size = f->input.size;
    size_t tail = size < TAIL ? (size_t)size : TAIL, len;
    char *p = size < 4 + ENDING ? NULL : df__arena_alloc(&f->arena, tail);
    int rc;
    if (size < 4 + ENDING)
        return df__pq_fail(error, DF_EDATA, "Parquet: the file is too short to be one");
    if (!p)
        return DF_ENOMEM;
    rc = df__pq_read(f, size - (int64_t)tail, p, tail);
    if (rc != DF_OK)
        return rc;
    if (memcmp(p + tail - 4, "PARE", 4) == 0)
        return df__pq_fail(error, DF_ENOTSUP, "Parquet: the file is encrypted");
    if (memcmp(p + tail - 4, "PAR1", 4) != 0)
        return df__pq_fail(error, DF_EDATA, "Parquet: the file does not end as one does");
    len = df__pq_load4(p + tail - ENDING);
    if ((int64_t)len > size - ENDING - 4 || len > f->input.metadata_limit)
        return df__pq_fail(error, DF_EDATA, "Parquet: the footer is longer than %s",
                           len > f->input.metadata_limit ? "the limit" : "the file");
    *ret = (df_bytes){p + tail - ENDING - len, len};
    if (len <= tail - ENDING)
        return DF_OK;
    p = df__arena_alloc(&f->arena, len);
    if (!p)
        return DF_ENOMEM;
    *ret = (df_bytes){p, len};
    return df__pq_read(f, size - ENDING - (int64_t)len, p, len);
}

static int init(df__parquet_file *f, df__parquet_error *error)
{
    const df__parquet_column *c;
    df_bytes footer;
    int rc = read_footer(f, &footer, error);
    f->footer.size = f->input.size;
    if (rc == DF_OK)
        rc = df__pq_footer_read(&f->arena, footer, &f->footer, error);
    if (rc == DF_OK)
        rc = df__pq_shapes(&f->arena, &f->footer, &f->root, error);
    if (rc != DF_OK)
        return rc;
    c = f->root.column;
    return df__parquet_project(f, c->children, c->child_count, DF__PARQUET_BY_NAME, error);
}

int df__parquet_open(const df__heap *heap, const df__parquet_input *input, df__parquet_file **ret,
                     df__parquet_error *error)
{
    df__parquet_file *f = df__zalloc(heap, sizeof *f);
    int rc;
    *ret = NULL;
    error->text[0] = '\0';
    if (!f)
        return DF_ENOMEM;
    f->heap = heap;
    f->input = *input;
    if (!f->input.page_limit)
        f->input.page_limit = PAGE_LIMIT;
    if (!f->input.metadata_limit)
        f->input.metadata_limit = METADATA_LIMIT;
    df__arena_init(&f->arena, heap, ARENA);
    df__arena_init(&f->plan_arena, heap, ARENA);
    df__buf_init(&f->bound, heap);
    rc = init(f, error);
    if (rc != DF_OK)
        df__parquet_free(f);
    else
        *ret = f;
    return rc;
}

void df__parquet_free(df__parquet_file *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->cursor_count; i++)
        df__pq_cursor_free(&f->cursors[i]);
    df__free(f->heap, f->cursors);
    df__free(f->heap, f->vals);
    df__buf_free(&f->bound);
    df__arena_free(&f->plan_arena);
    df__arena_free(&f->arena);
    df__free(f->heap, f);
}

/* ---- what the file says ---------------------------------------------------------------------- */

const df__parquet_column *df__parquet_columns(const df__parquet_file *f, size_t *ret_count)
{
    *ret_count = f->root.column->child_count;
    return f->root.column->children;
}

df_bytes df__parquet_meta(const df__parquet_file *f, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < f->footer.meta_count; i++) {
        const df_pair *p = &f->footer.meta[i];
        if (p->name.data && p->name.len == len && memcmp(p->name.data, key, len) == 0)
            return p->value;
    }
    return (df_bytes){NULL, 0};
}

int64_t df__parquet_file_rows(const df__parquet_file *f)
{
    return f->footer.rows;
}

size_t df__parquet_group_count(const df__parquet_file *f)
{
    return f->footer.group_count;
}

int df__parquet_group_at(const df__parquet_file *f, size_t index, df__parquet_group *ret)
{
    const df__pq_group *g;
    if (index >= f->footer.group_count)
        return DF_EINVAL;
    g = &f->footer.groups[index];
    *ret = (df__parquet_group){INT64_MAX, 0, g->first, g->rows};
    for (size_t i = 0; i < f->footer.leaf_count; i++) {
        const df__pq_chunk *c = &g->chunks[i];
        ret->bytes += c->length;
        if (c->begin < ret->offset)
            ret->offset = c->begin;
    }
    if (!f->footer.leaf_count)
        ret->offset = 4;
    return DF_OK;
}

void df__parquet_filter(df__parquet_file *f, int (*keep)(void *user, size_t group), void *user)
{
    f->keep = keep;
    f->keep_user = user;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int open_group(df__parquet_file *f, df__parquet_error *error)
{
    const df__pq_group *g = &f->footer.groups[f->group];
    for (size_t i = 0; i < f->cursor_count; i++) {
        df__pq_cursor *c = &f->cursors[i];
        const df__pq_chunk *chunk = &g->chunks[c->shape->leaf];
        const char *name = c->shape->column->name;
        if (chunk->encrypted)
            return df__pq_fail(error, DF_ENOTSUP,
                               "Parquet: column %.100s is encrypted, or in another file", name);
        if (!df__pq_can_unpack(chunk->codec))
            return df__pq_fail(error, DF_ENOTSUP,
                               "Parquet: column %.100s is packed with %s, which was not built in",
                               name, df__pq_codec_name(chunk->codec));
        df__pq_cursor_open(c, chunk);
    }
    f->in_group = 1;
    f->row = 0;
    return DF_OK;
}

/* The group with the next row is open. DF_DONE: there is none. */
static int find_row(df__parquet_file *f, df__parquet_error *error)
{
    for (;;) {
        const df__pq_group *g = &f->footer.groups[f->group];
        int rc;
        if (f->group == f->footer.group_count)
            return DF_DONE;
        if (!f->in_group) {
            if (!g->rows || (f->keep && !f->keep(f->keep_user, f->group))) {
                f->group++;
                continue;
            }
            rc = open_group(f, error);
            if (rc != DF_OK)
                return rc;
        }
        if (f->row < g->rows)
            return DF_OK;
        f->group++;
        f->in_group = 0;
    }
}

int df__parquet_next(df__parquet_file *f, df__arena *arena, df_value *values,
                     df__parquet_error *error)
{
    int rc;
    error->text[0] = '\0';
    if (f->broken)
        return df__pq_fail(error, f->broken, "Parquet: the file has failed before");
    rc = find_row(f, error);
    if (rc == DF_DONE)
        return rc;
    if (rc == DF_OK)
        rc = df__pq_assemble(f, arena, values, error);
    if (rc == DF_OK)
        f->row++;
    else
        f->broken = rc;
    return rc;
}

int64_t df__parquet_position(const df__parquet_file *f)
{
    if (f->group == f->footer.group_count)
        return f->footer.rows;
    return f->footer.groups[f->group].first + (f->in_group ? f->row : 0);
}

int df__parquet_seek(df__parquet_file *f, int64_t row, df__parquet_error *error)
{
    const df__pq_group *g;
    int rc = DF_OK;
    error->text[0] = '\0';
    if (row < 0 || row > f->footer.rows)
        return df__pq_fail(error, DF_EINVAL, "Parquet: the file has no such row");
    f->broken = 0;
    f->in_group = 0;
    f->row = 0;
    for (f->group = 0; f->group < f->footer.group_count; f->group++) {
        g = &f->footer.groups[f->group];
        if (row < g->first + g->rows)
            break;
    }
    if (f->group == f->footer.group_count || row == f->footer.groups[f->group].first)
        return DF_OK;
    g = &f->footer.groups[f->group];
    rc = open_group(f, error);
    for (size_t i = 0; i < f->cursor_count && rc == DF_OK; i++)
        rc = df__pq_cursor_skip(&f->cursors[i], row - g->first, error);
    f->row = row - g->first;
    f->broken = rc;
    return rc;
}
