/* SPDX-License-Identifier: Apache-2.0
 * file.c: data files: the one that is being written goes to the storage part by part, so that a
 * row group and a part of an upload is what stays in memory. */
#include <stdlib.h>
#include <string.h>

#include "sink/sink.h"
#include "util/crashpoint.h"

static int upload(void *user, const void *data, size_t len)
{
    df__ice_sink *s = user;
    return df__ice_upload_add(&s->upload, data, len);
}

/* Where data files are: a property of the table, else a folder of its location. */
static void add_folder(const df__ice_sink *s, df__buf *b)
{
    const char *folder = df__ice_meta_property(&s->meta, "write.data.path");
    df__buf_str(b, folder ? folder : s->meta.location);
    while (b->len && b->data[b->len - 1] == '/')
        b->len--;
    df__buf_str(b, folder ? "/" : "/data/");
}

static int begin_upload(df__ice_sink *s)
{
    char name[37];
    df__buf path;
    df__ice_uuid(&s->session, name);
    df__buf_init(&path, &s->session.heap);
    add_folder(s, &path);
    df__buf_printf(&path, "%s.parquet", name);
    int rc = df__buf_cstr(&path) ? df__ice_upload_begin(&s->upload, &s->store, path.data)
                                 : df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
    df__buf_free(&path);
    return rc;
}

int df__ice_file_ensure(df__ice_sink *s)
{
    df__parquet_error error = {.text = ""};
    if (s->writer)
        return DF_OK;
    char *schema = yyjson_val_write(s->meta.schema, 0, NULL);
    df_pair meta = {{"iceberg.schema", 14}, {schema, schema ? strlen(schema) : 0}};
    df__parquet_options o = {.columns = s->columns,
                             .column_count = s->column_count,
                             .codec = s->opt.codec,
                             .row_group_bytes = (size_t)s->opt.group_bytes,
                             .meta = &meta,
                             .meta_count = schema ? 1 : 0,
                             .write = upload,
                             .user = s};
    int rc = begin_upload(s);
    rc = rc == DF_OK ? df__parquet_writer_new(&s->session.heap, &o, &s->writer, &error) : rc;
    free(schema);
    if (rc != DF_OK && error.text[0])
        return df_stage_failf(s->st, rc, "configuration", "%s", error.text);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a file") : rc;
}

/* ---- its end --------------------------------------------------------------------------------- */

/* A copy of what the writer tells, which lives as long as the writer. */
static int keep_summary(df__arena *a, const df__parquet_summary *from, df__parquet_summary *to)
{
    *to = *from;
    df__parquet_metrics *columns = df__arena_alloc(a, (from->column_count + 1) * sizeof *columns);
    int64_t *splits = df__arena_alloc(a, (from->split_count + 1) * sizeof *splits);
    if (!columns || !splits)
        return DF_ENOMEM;
    if (from->split_count)
        memcpy(splits, from->splits, from->split_count * sizeof *splits);
    for (size_t i = 0; i < from->column_count; i++) {
        columns[i] = from->columns[i];
        if (df__arena_copy(a, from->columns[i].lower, &columns[i].lower) != DF_OK ||
            df__arena_copy(a, from->columns[i].upper, &columns[i].upper) != DF_OK)
            return DF_ENOMEM;
    }
    to->columns = columns;
    to->splits = splits;
    return DF_OK;
}

static int keep(df__ice_sink *s, const df__parquet_summary *summary)
{
    df__ice_data_file f = {.path = {NULL, 0}};
    if (!s->files_memory.heap)
        df__arena_init(&s->files_memory, &s->session.heap, 4096);
    int rc = keep_summary(&s->files_memory, summary, &f.summary);
    if (rc == DF_OK)
        rc = df__arena_copy(&s->files_memory, (df_bytes){s->upload.path.data, s->upload.path.len},
                            &f.path);
    if (rc == DF_OK)
        rc = df__grow(&s->session.heap, &s->files, &s->file_cap, s->file_count, sizeof *s->files);
    if (rc == DF_OK)
        s->files[s->file_count++] = f;
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a file") : rc;
}

static void end_writer(df__ice_sink *s)
{
    df__parquet_writer_free(s->writer);
    s->writer = NULL;
    df__ice_upload_free(&s->upload);
}

int df__ice_file_finish(df__ice_sink *s)
{
    df__parquet_summary summary;
    df__parquet_error error = {.text = ""};
    if (!s->writer)
        return DF_OK;
    if (df__parquet_rows(s->writer) == 0) { /* all of it was refused */
        end_writer(s);
        return DF_OK;
    }
    int rc = df__parquet_finish(s->writer, &summary, &error);
    DF_CRASHPOINT("iceberg.file");
    rc = rc == DF_OK ? df__ice_upload_finish(&s->upload) : rc;
    rc = rc == DF_OK ? keep(s, &summary) : rc;
    if (rc == DF_OK)
        end_writer(s);
    else if (error.text[0])
        rc = df_stage_failf(s->st, DF_EINTERNAL, NULL, "%s", error.text);
    return rc;
}

void df__ice_files_done(df__ice_sink *s, size_t count)
{
    if (count)
        memmove(s->files, s->files + count, (s->file_count - count) * sizeof *s->files);
    s->file_count -= count;
    if (s->file_count == 0 && s->files_memory.heap)
        df__arena_reset(&s->files_memory);
}

void df__ice_files_drop(df__ice_sink *s)
{
    end_writer(s);
    if (s->files_memory.heap)
        df__arena_free(&s->files_memory);
    df__free(&s->session.heap, s->files);
    s->files = NULL;
    s->file_count = s->file_cap = 0;
    s->records = 0;
}
