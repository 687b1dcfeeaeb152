/* SPDX-License-Identifier: Apache-2.0
 * footer_read.c: the footer of a file, every place and length in it checked against the file. */
#include "formats/parquet/read.h"

typedef struct reading {
    df__arena *arena;
    df__pq_footer *f;
    df__thrift_in t;
    df__parquet_error *error;
    size_t taken, most; /* bytes of lists */
    int rc;
} reading;

/* What a footer is read into is larger than its bytes, but not by more: a list that says a count
 * without the bytes for it takes no memory. */
enum { LARGER = 16, FLOOR = 65536 };

static void *room(reading *r, size_t count, size_t size)
{
    size_t left = r->most - r->taken;
    void *p = count <= left / size ? df__arena_zalloc(r->arena, count * size + 1) : NULL;
    if (!p) {
        r->rc = count <= left / size ? DF_ENOMEM
                                     : df__pq_fail(r->error, DF_EDATA,
                                                   "Parquet: a list of the footer says more than "
                                                   "the footer has");
        r->t.bad = 1;
        return NULL;
    }
    r->taken += count * size;
    return p;
}

/* ---- schema ---------------------------------------------------------------------------------- */

/* A struct whose only field says which of a union it is; its number, and -1 when it is none. */
static int union_number(df__thrift_in *t)
{
    int id, number = -1;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0) {
        number = id;
        df__thrift_skip(t);
    }
    return number;
}

static void read_time_type(df__thrift_in *t, df__pq_element *e)
{
    int id;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0)
        if (id == 1)
            e->utc = df__thrift_read_bool(t);
        else if (id == 2)
            e->unit = union_number(t);
        else
            df__thrift_skip(t);
}

static void read_int_type(df__thrift_in *t, df__pq_element *e)
{
    int id;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0)
        if (id == 1)
            e->bits = (int)df__thrift_read_i32(t);
        else if (id == 2)
            e->is_signed = df__thrift_read_bool(t);
        else
            df__thrift_skip(t);
}

static void read_decimal_type(df__thrift_in *t, df__pq_element *e)
{
    int id;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0)
        if (id == 1)
            e->scale = df__thrift_read_i32(t);
        else if (id == 2)
            e->precision = df__thrift_read_i32(t);
        else
            df__thrift_skip(t);
}

static void read_logical(df__thrift_in *t, df__pq_element *e)
{
    int id;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0) {
        e->logical = id;
        if (id == 5)
            read_decimal_type(t, e);
        else if (id == 7 || id == 8)
            read_time_type(t, e);
        else if (id == 10)
            read_int_type(t, e);
        else
            df__thrift_skip(t);
    }
}

static void read_element(df__thrift_in *t, df__pq_element *e)
{
    int32_t *const numbers[] = {NULL,         &e->physical,  &e->length, &e->repetition, NULL,
                                &e->children, &e->converted, &e->scale,  &e->precision,  &e->id};
    int id;
    e->physical = e->converted = e->id = -1;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0)
        if (id == 4)
            e->name = df__thrift_read_bytes(t);
        else if (id >= 1 && id <= 9)
            *numbers[id] = df__thrift_read_i32(t);
        else if (id == 10)
            read_logical(t, e);
        else
            df__thrift_skip(t);
}

static void read_schema(reading *r)
{
    df__pq_footer *f = r->f;
    size_t n = df__thrift_read_list(&r->t);
    int type = r->t.type;
    f->elements = room(r, n, sizeof *f->elements);
    for (size_t i = 0; i < n && !r->t.bad; i++) {
        r->t.type = type;
        read_element(&r->t, &f->elements[i]);
        f->leaf_count += f->elements[i].physical >= 0 && !f->elements[i].children;
    }
    f->element_count = n;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static void read_statistics(df__thrift_in *t, df__pq_chunk *c)
{
    int id;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0)
        if (id == 3)
            c->nulls = df__thrift_read_int(t);
        else if (id == 5)
            c->high = df__thrift_read_bytes(t);
        else if (id == 6)
            c->low = df__thrift_read_bytes(t);
        else
            df__thrift_skip(t);
}

static void read_chunk_meta(df__thrift_in *t, df__pq_chunk *c)
{
    int64_t data = 0, dictionary = 0;
    int id;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0)
        if (id == 4)
            c->codec = df__thrift_read_i32(t);
        else if (id == 5)
            c->values = df__thrift_read_int(t);
        else if (id == 7)
            c->length = df__thrift_read_int(t);
        else if (id == 9)
            data = df__thrift_read_int(t);
        else if (id == 11)
            dictionary = df__thrift_read_int(t);
        else if (id == 12)
            read_statistics(t, c);
        else
            df__thrift_skip(t);
    c->begin = dictionary > 0 && dictionary < data ? dictionary : data;
}

static void read_chunk(df__thrift_in *t, df__pq_chunk *c)
{
    int id, has_meta = 0;
    c->nulls = -1;
    df__thrift_enter(t);
    while ((id = df__thrift_next(t)) >= 0) {
        if (id == 3) {
            read_chunk_meta(t, c);
            has_meta = 1;
        } else if (id == 4) {
            c->offsets = df__thrift_read_int(t);
        } else if (id == 5) {
            c->offsets_length = df__thrift_read_i32(t);
        } else {
            c->encrypted |= id == 8 || id == 9 || id == 1; /* or in another file */
            df__thrift_skip(t);
        }
    }
    c->encrypted |= !has_meta;
}

static int inside(const df__pq_footer *f, int64_t begin, int64_t length)
{
    return begin >= 4 && length >= 0 && begin <= f->size && length <= f->size - begin;
}

static void check_chunk(reading *r, const df__pq_chunk *c)
{
    if (c->encrypted || r->t.bad)
        return; /* refused when it is read */
    if (!inside(r->f, c->begin, c->length) || c->values < 0)
        r->rc = df__pq_fail(r->error, DF_EDATA,
                            "Parquet: a column says a place that the file does not have");
    if (c->offsets && !inside(r->f, c->offsets, c->offsets_length))
        r->rc = df__pq_fail(r->error, DF_EDATA,
                            "Parquet: an index says a place that the file does not have");
}

static void read_chunks(reading *r, df__pq_group *g)
{
    size_t n = df__thrift_read_list(&r->t);
    int type = r->t.type;
    if (n != r->f->leaf_count) {
        r->t.bad = 1;
        return;
    }
    g->chunks = room(r, n, sizeof *g->chunks);
    for (size_t i = 0; i < n && !r->t.bad; i++) {
        r->t.type = type;
        read_chunk(&r->t, &g->chunks[i]);
        check_chunk(r, &g->chunks[i]);
    }
}

static void read_group(reading *r, df__pq_group *g)
{
    int id;
    df__thrift_enter(&r->t);
    while ((id = df__thrift_next(&r->t)) >= 0)
        if (id == 1 && !g->chunks)
            read_chunks(r, g);
        else if (id == 3)
            g->rows = df__thrift_read_int(&r->t);
        else
            df__thrift_skip(&r->t);
}

static void read_groups(reading *r)
{
    df__pq_footer *f = r->f;
    size_t n = df__thrift_read_list(&r->t);
    int type = r->t.type;
    int64_t first = 0;
    f->groups = room(r, n, sizeof *f->groups);
    f->group_count = n;
    for (size_t i = 0; i < n && !r->t.bad; i++) {
        df__pq_group *g = &f->groups[i];
        r->t.type = type;
        read_group(r, g);
        g->first = first;
        if (g->rows < 0 || (f->leaf_count && !g->chunks) ||
            __builtin_add_overflow(first, g->rows, &first))
            r->t.bad = 1;
    }
    f->rows = first;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void read_meta(reading *r)
{
    size_t n = df__thrift_read_list(&r->t);
    int type = r->t.type, id;
    r->f->meta = room(r, n, sizeof *r->f->meta);
    for (size_t i = 0; i < n && !r->t.bad; i++) {
        df_pair *p = &r->f->meta[i];
        r->t.type = type;
        df__thrift_enter(&r->t);
        while ((id = df__thrift_next(&r->t)) >= 0)
            if (id == 1)
                p->name = df__thrift_read_bytes(&r->t);
            else if (id == 2)
                p->value = df__thrift_read_bytes(&r->t);
            else
                df__thrift_skip(&r->t);
        r->f->meta_count = i + 1;
    }
}

int df__pq_footer_read(df__arena *a, df_bytes bytes, df__pq_footer *f, df__parquet_error *error)
{
    reading r = {.arena = a, .f = f, .error = error, .rc = DF_OK};
    r.most = FLOOR + LARGER * bytes.len;
    int id;
    df__thrift_open(&r.t, bytes);
    while (r.rc == DF_OK && (id = df__thrift_next(&r.t)) >= 0)
        if (id == 2 && !f->elements)
            read_schema(&r);
        else if (id == 4 && f->elements && !f->groups)
            read_groups(&r);
        else if (id == 5 && !f->meta)
            read_meta(&r);
        else
            df__thrift_skip(&r.t);
    if (r.rc != DF_OK)
        return r.rc;
    if (r.t.bad || !f->element_count || !f->groups)
        return df__pq_fail(error, DF_EDATA, "Parquet: the footer is damaged");
    return DF_OK;
}
