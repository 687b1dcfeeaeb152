/* SPDX-License-Identifier: Apache-2.0
 * sort.c: rows of a file whose table has a sort order: they are kept, packed, until the file is
 * ended, and written in that order. What they take is part of openFilesSize. */
#include <stdlib.h>
#include <string.h>

#include "sink/sink.h"
#include "types/order.h"
#include "types/single.h"

typedef struct kept {
    const char *bytes; /* the key, then the row: of each column a length and the value */
    uint32_t key_len, len, number;
} kept;

struct df__ice_sorter {
    df__arena memory;
    kept *rows;
    size_t count, cap;
    df__buf room, row;
    df_value *values; /* of a row that is written: s->values may be in use */
    df__arena texts;
};

int df__ice_sorter_new(df__ice_sink *s, df__ice_out *out)
{
    const df__heap *heap = &s->session.heap;
    df__ice_sorter *sorter = df__zalloc(heap, sizeof *sorter);
    if (!sorter)
        return DF_ENOMEM;
    df__arena_init(&sorter->memory, heap, 16384);
    df__buf_init(&sorter->room, heap);
    df__buf_init(&sorter->row, heap);
    df__arena_init(&sorter->texts, heap, 1024);
    sorter->values = df__zalloc(heap, (s->column_count + 1) * sizeof *sorter->values);
    out->sorter = sorter;
    return sorter->values ? DF_OK : DF_ENOMEM;
}

void df__ice_sorter_free(df__ice_sink *s, df__ice_out *out)
{
    df__ice_sorter *sorter = out->sorter;
    if (!sorter)
        return;
    df__arena_free(&sorter->memory);
    df__arena_free(&sorter->texts);
    df__free(&s->session.heap, sorter->values);
    df__free(&s->session.heap, sorter->rows);
    df__buf_free(&sorter->room);
    df__buf_free(&sorter->row);
    df__free(&s->session.heap, sorter);
    out->sorter = NULL;
}

size_t df__ice_sorter_held(const df__ice_sorter *sorter)
{
    return sorter ? sorter->memory.total + sorter->cap * sizeof *sorter->rows : 0;
}

size_t df__ice_sorter_rows(const df__ice_sorter *sorter)
{
    return sorter->count;
}

static int put_value(const df__parquet_column *c, const df_value *v, df__buf *out)
{
    int32_t len = -1;
    size_t at = out->len;
    df__buf_add(out, &len, sizeof len);
    if (v->type <= DF_V_NULL)
        return out->failed ? DF_ENOMEM : DF_OK;
    int rc = df__parquet_single(c, v, out);
    if (rc != DF_OK || out->failed)
        return rc != DF_OK ? rc : DF_ENOMEM;
    len = (int32_t)(out->len - at - sizeof len);
    memcpy(out->data + at, &len, sizeof len);
    return DF_OK;
}

int df__ice_sorter_add(df__ice_sink *s, df__ice_out *out)
{
    df__ice_sorter *sorter = out->sorter;
    df__buf *row = &sorter->row;
    df_bytes copy;
    df__buf_clear(row);
    int rc = df__ice_order_key(&s->order, s->values, &sorter->room, row);
    size_t key_len = row->len;
    for (size_t i = 0; i < s->column_count && rc == DF_OK; i++)
        rc = put_value(&s->columns[i], &s->values[i], row);
    if (rc == DF_OK)
        rc = df__grow(&s->session.heap, &sorter->rows, &sorter->cap, sorter->count,
                      sizeof *sorter->rows);
    if (rc == DF_OK)
        rc = df__arena_copy(&sorter->memory, (df_bytes){row->data, row->len}, &copy);
    if (rc != DF_OK)
        return rc;
    sorter->rows[sorter->count] = (kept){.bytes = copy.data,
                                         .key_len = (uint32_t)key_len,
                                         .len = (uint32_t)row->len,
                                         .number = (uint32_t)sorter->count};
    sorter->count++;
    return DF_OK;
}

/* Rows with the same key stay as they came. */
static int compare(const void *left, const void *right)
{
    const kept *a = left, *b = right;
    int c = memcmp(a->bytes, b->bytes, a->key_len < b->key_len ? a->key_len : b->key_len);
    c = c ? c : (a->key_len > b->key_len) - (a->key_len < b->key_len);
    return c ? c : (a->number > b->number) - (a->number < b->number);
}

static int unpack(const df__ice_sink *s, df__ice_sorter *sorter, const kept *row)
{
    const char *p = row->bytes + row->key_len;
    int rc = DF_OK;
    df__arena_reset(&sorter->texts);
    for (size_t i = 0; i < s->column_count && rc == DF_OK; i++) {
        int32_t len;
        memcpy(&len, p, sizeof len);
        p += sizeof len;
        sorter->values[i] = (df_value){.type = DF_V_NULL};
        if (len < 0)
            continue;
        rc = df__ice_single_value(&s->columns[i], (df_bytes){p, (size_t)len}, &sorter->texts,
                                  &sorter->values[i]);
        p += len;
    }
    return rc;
}

/* The places that rows got, by the order in which they came: a later one may delete them. */
static int keep_places(df__ice_sink *s, df__ice_out *out)
{
    const df__ice_sorter *sorter = out->sorter;
    if (!s->files_memory.heap)
        df__arena_init(&s->files_memory, &s->session.heap, 4096);
    uint32_t *places = df__arena_alloc(&s->files_memory, (sorter->count + 1) * sizeof *places);
    for (size_t i = 0; places && i < sorter->count; i++)
        places[sorter->rows[i].number] = (uint32_t)i;
    out->places = places;
    return places ? DF_OK : DF_ENOMEM;
}

int df__ice_sorter_write(df__ice_sink *s, df__ice_out *out)
{
    df__ice_sorter *sorter = out->sorter;
    df__parquet_error error = {.text = ""};
    int rc = DF_OK;
    if (sorter->count)
        qsort(sorter->rows, sorter->count, sizeof *sorter->rows, compare);
    if (s->opt.upsert)
        rc = keep_places(s, out);
    for (size_t i = 0; i < sorter->count && rc == DF_OK; i++) {
        rc = unpack(s, sorter, &sorter->rows[i]);
        rc = rc == DF_OK ? df__parquet_append(out->writer, sorter->values, &error) : rc;
    }
    out->is_sorted = rc == DF_OK;
    if (rc == DF_OK)
        df__ice_sorter_free(s, out);
    if (rc == DF_EDATA)
        return df_stage_failf(s->st, DF_EINTERNAL, NULL, "a row that was kept does not fit: %s",
                              error.text);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a sorted file") : rc;
}
