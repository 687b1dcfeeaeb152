/* SPDX-License-Identifier: Apache-2.0
 * parquet_help.h: what the tests of the Parquet format share: files in memory, written from JSON
 * lines and read as JSON lines. */
#ifndef TESTS_SUPPORT_PARQUET_HELP_H
#define TESTS_SUPPORT_PARQUET_HELP_H

#include "formats/parquet/parquet.h"
#include "support/record_help.h"

enum { MOST_COLUMNS = 16 };

static inline int put_bytes(void *user, const void *data, size_t len)
{
    df__buf_add(user, data, len);
    return ((df__buf *)user)->failed ? DF_ENOMEM : DF_OK;
}

static inline int get_bytes(void *user, int64_t offset, void *buf, size_t len)
{
    const df_bytes *all = user;
    assert_true(offset >= 0 && (size_t)offset <= all->len && len <= all->len - (size_t)offset);
    memcpy(buf, (const char *)all->data + offset, len);
    return DF_OK;
}

/* Appends a line of JSON as a row. */
static inline int append_json(df__parquet_writer *w, const df__parquet_options *o, const char *line,
                              df__parquet_error *error)
{
    df_value values[MOST_COLUMNS], root;
    char why[DF__WHY];
    df__arena a;
    df__tree *tree;
    int rc;
    df__arena_init(&a, &df__heap_libc, 1024);
    assert_int_equal(df__tree_parse(&a, bytes_of(line), &tree, why, sizeof why), DF_OK);
    df__tree_root(tree, &root);
    for (size_t i = 0; i < o->column_count; i++)
        df_value_member(&root, bytes_of(o->columns[i].name), &values[i]);
    rc = df__parquet_append(w, values, error);
    df__arena_free(&a);
    return rc;
}

/* A file of these lines; lines end with NULL. o->write and o->user are set here. */
static inline void write_lines(df__parquet_options *o, const char *const *lines, df__buf *file)
{
    df__parquet_writer *w;
    df__parquet_error error = {""};
    df__parquet_summary s;
    o->write = put_bytes;
    o->user = file;
    if (df__parquet_writer_new(&df__heap_libc, o, &w, &error) != DF_OK)
        fail_msg("%s", error.text);
    for (; *lines; lines++)
        if (append_json(w, o, *lines, &error) != DF_OK)
            fail_msg("%s: %s", *lines, error.text);
    if (df__parquet_finish(w, &s, &error) != DF_OK)
        fail_msg("%s", error.text);
    assert_int_equal(s.bytes, file->len);
    df__parquet_writer_free(w);
}

/* The rows that are left as JSON lines; answers what ended them. */
static inline int read_lines(df__parquet_file *f, df__buf *out, df__parquet_error *error)
{
    df__arena a;
    df_value v;
    int rc;
    df__arena_init(&a, &df__heap_libc, 1024);
    while ((rc = df__parquet_next_object(f, &a, &v, error)) == DF_OK) {
        size_t n = df_value_json(&v, NULL, 0);
        df_value_json(&v, df__buf_reserve(out, n + 1), n);
        out->len += n;
        df__buf_char(out, '\n');
        df__arena_reset(&a);
    }
    df__arena_free(&a);
    return rc;
}

typedef struct opened {
    df_bytes bytes;
    df__parquet_input input;
    df__parquet_file *f;
    df__parquet_error error;
    df__buf out;
} opened;

static inline void open_bytes(opened *o, const df__buf *file)
{
    memset(o, 0, sizeof *o);
    df__buf_init(&o->out, &df__heap_libc);
    o->bytes = (df_bytes){file->data, file->len};
    o->input = (df__parquet_input){get_bytes, &o->bytes, (int64_t)file->len, 0, 0};
    if (df__parquet_open(&df__heap_libc, &o->input, &o->f, &o->error) != DF_OK)
        fail_msg("%s", o->error.text);
}

/* What is left of the rows is this. */
static inline void assert_rows(opened *o, const char *want)
{
    int rc;
    df__buf_clear(&o->out);
    rc = read_lines(o->f, &o->out, &o->error);
    if (rc != DF_DONE)
        fail_msg("%d %s", rc, o->error.text);
    assert_text((df_bytes){o->out.len ? o->out.data : "", o->out.len}, want);
}

static inline void close_bytes(opened *o)
{
    df__parquet_free(o->f);
    df__buf_free(&o->out);
}

#endif
