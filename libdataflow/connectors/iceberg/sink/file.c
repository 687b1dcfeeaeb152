/* SPDX-License-Identifier: Apache-2.0
 * file.c: data files: those that are being written, one for each partition, go to the storage part
 * by part, so that row groups and parts of uploads are what stays in memory. */
#include <stdlib.h>
#include <string.h>

#include "sink/sink.h"
#include "util/crashpoint.h"

enum { WRITER_BYTES = 8192, COLUMN_BYTES = 1024 }; /* of an open file without rows, about */
enum { FILES_BYTES = 16 << 20 };

static int upload(void *user, const void *data, size_t len)
{
    return df__ice_upload_add(user, data, len);
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

/* Names of files have no values of partitions in them: there is nothing to encode. */
static int begin_upload(df__ice_sink *s, df__ice_out *out)
{
    char name[37];
    df__buf path;
    df__ice_uuid(&s->session, name);
    df__buf_init(&path, &s->session.heap);
    add_folder(s, &path);
    df__buf_printf(&path, "%s.parquet", name);
    int rc = df__buf_cstr(&path) ? df__ice_upload_begin(&out->upload, &s->store, path.data)
                                 : df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
    df__buf_free(&path);
    return rc;
}

int df__ice_out_begin(df__ice_sink *s, df__ice_out *out, const df__ice_layout *layout)
{
    df__parquet_error error = {.text = ""};
    char *schema = yyjson_val_write(s->meta.schema, 0, NULL);
    df_pair meta = {{"iceberg.schema", 14}, {schema, schema ? strlen(schema) : 0}};
    df__parquet_options o = {.columns = layout->columns,
                             .column_count = layout->count,
                             .codec = s->opt.codec,
                             .row_group_bytes = (size_t)s->opt.group_bytes,
                             .meta = &meta,
                             .meta_count = schema && layout->columns == s->columns ? 1 : 0,
                             .write = upload,
                             .user = &out->upload};
    int rc = begin_upload(s, out);
    rc = rc == DF_OK ? df__parquet_writer_new(&s->session.heap, &o, &out->writer, &error) : rc;
    free(schema);
    out->number = s->file_number;
    if (rc == DF_OK)
        s->file_number++;
    if (rc != DF_OK && error.text[0])
        return df_stage_failf(s->st, rc, "configuration", "%s", error.text);
    if (rc == DF_OK && layout->columns == s->columns && s->order.id)
        rc = df__ice_sorter_new(s, out);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a file") : rc;
}

int64_t df__ice_out_rows(const df__ice_out *out)
{
    return out->sorter ? (int64_t)df__ice_sorter_rows(out->sorter) : df__parquet_rows(out->writer);
}

/* ---- the end of a file ----------------------------------------------------------------------- */

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

static int keep(df__ice_sink *s, const df__ice_out *out, const df__ice_data_file *of,
                const df__parquet_summary *summary)
{
    df__ice_data_file f = *of;
    f.number = out->number;
    if (!s->files_memory.heap)
        df__arena_init(&s->files_memory, &s->session.heap, 4096);
    df_bytes path = {out->upload.path.data, out->upload.path.len};
    int rc = keep_summary(&s->files_memory, summary, &f.summary);
    rc = rc == DF_OK ? df__arena_copy(&s->files_memory, path, &f.path) : rc;
    rc = rc == DF_OK ? df__arena_copy(&s->files_memory, of->tuple, &f.tuple) : rc;
    if (rc == DF_OK)
        rc = df__grow(&s->session.heap, &s->files, &s->file_cap, s->file_count, sizeof *s->files);
    if (rc == DF_OK)
        s->files[s->file_count++] = f;
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a file") : rc;
}

void df__ice_out_free(df__ice_sink *s, df__ice_out *out)
{
    df__ice_sorter_free(s, out);
    out->is_sorted = 0;
    out->places = NULL;
    df__parquet_writer_free(out->writer);
    out->writer = NULL;
    df__ice_upload_free(&out->upload);
}

int df__ice_out_finish(df__ice_sink *s, df__ice_out *out, const df__ice_data_file *of)
{
    df__parquet_summary summary;
    df__parquet_error error = {.text = ""};
    if (df__parquet_rows(out->writer) == 0) { /* all of it was refused */
        df__ice_out_free(s, out);
        return DF_OK;
    }
    int rc = df__parquet_finish(out->writer, &summary, &error);
    DF_CRASHPOINT("iceberg.file");
    rc = rc == DF_OK ? df__ice_upload_finish(&out->upload) : rc;
    rc = rc == DF_OK ? keep(s, out, of, &summary) : rc;
    if (rc == DF_OK)
        df__ice_out_free(s, out);
    else if (error.text[0])
        rc = df_stage_failf(s->st, DF_EINTERNAL, NULL, "%s", error.text);
    return rc;
}

/* ---- one for each partition ------------------------------------------------------------------ */

/* Ends the file of s->open[at]; another one takes its place there. */
static int finish_part(df__ice_sink *s, size_t at)
{
    size_t part = s->open[at];
    df__ice_data_file of = {.tuple = s->parts.keys[part], .spec_id = s->specs[0].id};
    df__ice_out *out = s->outs[part];
    int rc = out->sorter ? df__ice_sorter_write(s, out) : DF_OK;
    of.order_id = out->is_sorted ? s->order.id : 0;
    of.places = out->places;
    rc = rc == DF_OK ? df__ice_out_finish(s, out, &of) : rc;
    if (rc == DF_OK)
        s->open[at] = s->open[--s->open_parts];
    return rc;
}

static size_t held(const df__ice_sink *s, const df__ice_out *out)
{
    return out->upload.held.len + df__parquet_held(out->writer) + df__ice_sorter_held(out->sorter) +
           WRITER_BYTES + s->column_count * COLUMN_BYTES;
}

static size_t largest(const df__ice_sink *s, size_t *ret_held)
{
    size_t best = 0;
    *ret_held = 0;
    for (size_t i = 0; i < s->open_parts; i++) {
        size_t some = held(s, s->outs[s->open[i]]);
        if (some > *ret_held) {
            best = i;
            *ret_held = some;
        }
    }
    return best;
}

/* Rows of many partitions at a time make many small files: that is told, once. */
static int finish_largest(df__ice_sink *s, size_t *ret_held)
{
    size_t at = largest(s, ret_held);
    if (!s->warned_many)
        df_stage_logf(
            s->st, DF_LOG_WARN,
            "rows of %zu partitions at a time: files are ended early, since all open "
            "ones may take openFilesSize; a coarser partition, or a larger openFilesSize, "
            "makes fewer files",
            s->open_parts);
    s->warned_many = 1;
    return finish_part(s, at);
}

/* Room for one more file. */
static int make_room(df__ice_sink *s)
{
    size_t most = (size_t)s->opt.open_bytes, freed;
    size_t empty = WRITER_BYTES + s->column_count * COLUMN_BYTES;
    int rc = DF_OK;
    while (rc == DF_OK && s->open_parts > 0 && (s->open_parts + 1) * empty > most)
        rc = finish_largest(s, &freed);
    return rc;
}

/* The number of the partition of s->values; it has an out, which may be closed. */
static int part_of_row(df__ice_sink *s, size_t *ret)
{
    *ret = 0;
    if (s->specs[0].count == 0 && s->parts.count > 0)
        return DF_OK;
    df__buf_clear(&s->tuple);
    int rc = df__ice_tuple_make(&s->specs[0], s->values, &s->tuple);
    if (rc == DF_OK)
        rc = df__grow(&s->session.heap, &s->outs, &s->out_cap, s->parts.count, sizeof *s->outs);
    if (rc != DF_OK)
        return rc;
    rc = df__ice_keymap_put(&s->parts, (df_bytes){s->tuple.data, s->tuple.len}, ret);
    if (rc == DF_OK)
        s->outs[*ret] = NULL;
    if ((rc == DF_OK || rc == DF_EEXISTS) && !s->outs[*ret])
        s->outs[*ret] = df__zalloc(&s->session.heap, sizeof **s->outs);
    return rc == DF_ENOMEM || !s->outs[*ret] ? DF_ENOMEM : DF_OK;
}

int df__ice_out_for_row(df__ice_sink *s, df__ice_out **ret)
{
    df__ice_layout layout = {s->columns, s->column_count};
    size_t part;
    int rc = part_of_row(s, &part);
    if (rc != DF_OK)
        return df_stage_fail(s->st, rc == DF_EDATA ? DF_EINTERNAL : rc, NULL,
                             rc == DF_EDATA ? "a value that fits has no partition" : "no memory");
    *ret = s->outs[part];
    if ((*ret)->writer)
        return DF_OK;
    rc = make_room(s);
    if (rc == DF_OK &&
        df__grow(&s->session.heap, &s->open, &s->open_cap, s->open_parts, sizeof *s->open) != DF_OK)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
    rc = rc == DF_OK ? df__ice_out_begin(s, *ret, &layout) : rc;
    if (rc == DF_OK)
        s->open[s->open_parts++] = part;
    return rc;
}

int df__ice_files_trim(df__ice_sink *s)
{
    size_t all = 0, one, i = 0;
    int rc = DF_OK;
    while (i < s->open_parts && rc == DF_OK) {
        const df__ice_out *out = s->outs[s->open[i]];
        if (df__parquet_bytes(out->writer) >= s->opt.file_bytes ||
            df__ice_sorter_held(out->sorter) >= (size_t)s->opt.open_bytes)
            rc = finish_part(s, i);
        else
            all += held(s, s->outs[s->open[i++]]);
    }
    while (rc == DF_OK && s->open_parts > 1 && all > (size_t)s->opt.open_bytes) {
        rc = finish_largest(s, &one);
        all -= one;
    }
    return rc;
}

int df__ice_files_are_many(const df__ice_sink *s)
{
    return s->files_memory.total + s->file_count * sizeof *s->files +
               df__ice_keymap_bytes(&s->parts) + s->parts.count * sizeof(df__ice_out) >
           FILES_BYTES;
}

static void forget_parts(df__ice_sink *s)
{
    for (size_t i = 0; i < s->parts.count; i++) {
        if (s->outs[i])
            df__ice_out_free(s, s->outs[i]);
        df__free(&s->session.heap, s->outs[i]);
    }
    df__free(&s->session.heap, s->outs);
    df__free(&s->session.heap, s->open);
    s->outs = NULL;
    s->open = NULL;
    s->out_cap = s->open_cap = s->open_parts = 0;
    df__ice_keymap_clear(&s->parts);
}

int df__ice_files_finish(df__ice_sink *s)
{
    int rc = DF_OK;
    while (s->open_parts > 0 && rc == DF_OK)
        rc = finish_part(s, s->open_parts - 1);
    if (rc == DF_OK)
        forget_parts(s);
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
    forget_parts(s);
    df__ice_upsert_forget(s);
    if (s->files_memory.heap)
        df__arena_free(&s->files_memory);
    df__free(&s->session.heap, s->files);
    s->files = NULL;
    s->file_count = s->file_cap = 0;
    s->records = 0;
}
