/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a Parquet file: it ends, every row that is read has JSON, a row that is gone to is
 * the row that is read, and statistics can be asked for. */
#include <string.h>

#include "formats/parquet/parquet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 300, PAGE = 1 << 20 };

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static int read_range(void *user, int64_t offset, void *buf, size_t len)
{
    const df_bytes *all = user;
    must(offset >= 0 && (uint64_t)offset <= all->len && len <= all->len - (size_t)offset);
    memcpy(buf, (const char *)all->data + offset, len);
    return DF_OK;
}

/* No list makes the reader take much more than its bytes. */
static void *bounded(void *user, void *old, size_t len)
{
    must(len <= *(size_t *)user);
    return df__heap_libc.realloc(NULL, old, len);
}

static int is_answer(int rc, const df__parquet_error *error)
{
    return rc == DF_OK || rc == DF_DONE || rc == DF_ENOMEM ||
           ((rc == DF_EDATA || rc == DF_ENOTSUP || rc == DF_EINVAL) && error->text[0]);
}

static void read_rows(df__parquet_file *f, df__parquet_error *error)
{
    df__arena a;
    df_value v;
    int rc = DF_OK;
    df__arena_init(&a, &df__heap_libc, 1024);
    a.limit = 64 << 20;
    for (int i = 0; i < ROWS && rc == DF_OK; i++) {
        int64_t at = df__parquet_position(f);
        rc = df__parquet_next_object(f, &a, &v, error);
        must(is_answer(rc, error));
        if (rc == DF_OK)
            must(df_value_json(&v, NULL, 0) > 0 && df__parquet_position(f) > at);
        df__arena_reset(&a);
    }
    df__arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df_bytes all = {data, size};
    df__parquet_input in = {read_range, &all, (int64_t)size, PAGE, 0};
    df__parquet_error error = {""};
    df__parquet_file *f = NULL;
    df__parquet_bounds bounds;
    df__parquet_group group;
    size_t most = (16 << 20) + 32 * size;
    const df__heap heap = {bounded, &most};
    int rc = df__parquet_open(&heap, &in, &f, &error);
    must(is_answer(rc, &error) && (rc == DF_OK) == (f != NULL));
    if (!f)
        return 0;
    read_rows(f, &error);
    for (size_t i = 0; i < df__parquet_group_count(f) && i < 4; i++) {
        must(df__parquet_group_at(f, i, &group) == DF_OK);
        for (int32_t id = 0; id < 8; id++)
            (void)df__parquet_group_bounds(f, i, id, &bounds);
    }
    rc = df__parquet_seek(f, df__parquet_file_rows(f) / 2 % 5000, &error);
    must(is_answer(rc, &error));
    read_rows(f, &error);
    df__parquet_free(f);
    return 0;
}
