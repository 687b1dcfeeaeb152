/* SPDX-License-Identifier: Apache-2.0
 * scan.c: rows of the files of the plan, as records. */
#include <string.h>

#include "source/source.h"

/* ---- bytes of the file at hand --------------------------------------------------------------- */

static void empty_windows(df__ice_source *s)
{
    for (size_t i = 0; i < ICE_WINDOWS; i++)
        s->windows[i].at = -1;
}

static df__ice_window *find(df__ice_source *s, int64_t offset, size_t len)
{
    df__ice_window *oldest = &s->windows[0];
    for (size_t i = 0; i < ICE_WINDOWS; i++) {
        df__ice_window *w = &s->windows[i];
        if (w->at >= 0 && offset >= w->at &&
            offset + (int64_t)len <= w->at + (int64_t)w->bytes.len) {
            w->used = ++s->uses;
            return w;
        }
        if (w->used < oldest->used)
            oldest = w;
    }
    oldest->at = -1;
    return oldest;
}

/* Columns are read in turn, each from its own place: a window for each of the newest places. */
static int read_range(void *user, int64_t offset, void *buf, size_t len)
{
    df__ice_source *s = user;
    df__ice_window *w = find(s, offset, len);
    if (w->at < 0) {
        int64_t most = s->reading_bytes - offset,
                want = len > ICE_WINDOW ? (int64_t)len : ICE_WINDOW;
        df__buf_clear(&w->bytes);
        int rc = df__ice_store_get(&s->store, s->reading.data, offset, want < most ? want : most,
                                   &w->bytes);
        if (rc != DF_OK)
            return rc == DF_ENOTFOUND ? DF_EIO : rc;
        w->at = offset;
        w->used = ++s->uses;
    }
    memcpy(buf, w->bytes.data + (offset - w->at), len);
    return DF_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

void df__ice_scan_close(df__ice_source *s)
{
    df__parquet_free(s->file);
    s->file = NULL;
}

int df__ice_scan_failed(df__ice_source *s, int rc, const df__parquet_error *error)
{
    if ((rc != DF_EDATA && rc != DF_EINVAL && rc != DF_ENOTSUP) || !error->text[0])
        return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a file") : rc;
    return df_stage_failf(s->st, rc == DF_EDATA ? DF_EINVAL : rc, "configuration", "%.200s: %s",
                          (const char *)s->reading.data, error->text);
}

int df__ice_scan_open(df__ice_source *s, df_bytes path, int64_t bytes, df__parquet_error *error)
{
    df__parquet_input input = {.read = read_range, .user = s, .size = bytes};
    s->reading = path;
    s->reading_bytes = bytes;
    empty_windows(s);
    return df__parquet_open(&s->session.heap, &input, &s->file, error);
}

/* What deletes its rows is read first. */
static int open_file(df__ice_source *s)
{
    const df__ice_scan_file *f = &s->files[s->spot.file];
    df__parquet_error error = {.text = ""};
    int rc = df__ice_deletes_load(s);
    if (rc != DF_OK)
        return rc;
    df__arena_reset(&s->file_memory);
    rc = df__ice_scan_open(s, f->path, f->bytes, &error);
    rc = rc == DF_OK ? df__ice_columns_project(s, &error) : rc;
    if (rc == DF_OK && s->spot.row > 0)
        rc = df__parquet_seek(s->file, s->spot.row, &error);
    if (rc != DF_OK) {
        rc = df__ice_scan_failed(s, rc, &error);
        df__ice_scan_close(s);
    }
    return rc;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Containers are the record's own. */
static int adopt(df__ice_source *s, df_record *r)
{
    int rc = DF_OK;
    for (size_t i = 0; i < s->column_count && rc == DF_OK; i++) {
        df_value from = s->values[i];
        if (from.type == DF_V_OBJECT || from.type == DF_V_ARRAY)
            rc = df_value_new(r, &from, &s->values[i]);
    }
    return rc;
}

/* Which snapshot brought the row, of an incremental read. */
static int describe(const df__ice_source *s, df_record *r)
{
    const df__ice_scan_file *f = &s->files[s->spot.file];
    df_value id = {.type = DF_V_INT, .u.i = f->snapshot}, sequence = id;
    sequence.u.i = f->number;
    int rc = df_record_set_meta(r, "snapshot_id", &id);
    return rc == DF_OK ? df_record_set_meta(r, "snapshot_sequence", &sequence) : rc;
}

static int add_row(df__ice_source *s, df_batch *into)
{
    df_input in = {.size = sizeof in,
                   .partition = df_partition_number(s->part),
                   .offset = -1,
                   .time_us = df_stage_now(s->st)};
    df_record *r;
    int is_message = s->opt.rows != ICE_ROWS_COLUMNS;
    int rc = is_message ? df__ice_message_payload(s, &in.payload) : DF_OK;
    rc = rc == DF_OK ? df_batch_add(into, &in, &r) : rc;
    if (rc == DF_OK && is_message)
        rc = df__ice_message_describe(s, r);
    rc = rc == DF_OK && s->opt.incremental ? describe(s, r) : rc;
    if (rc != DF_OK || is_message)
        return rc;
    rc = adopt(s, r);
    rc = rc == DF_OK ? df_record_set_row(r, s->schema, s->values) : rc;
    if (rc == DF_EDATA) /* a text that is no text: the record goes to the error sink */
        rc = df_record_reject(r, rc, "invalid_data", "a value of the row is damaged") < 0 ? DF_OK
                                                                                          : rc;
    return rc;
}

static int next_row(df__ice_source *s, df_batch *into, int *added)
{
    df__parquet_error error = {.text = ""};
    int rc = s->file ? DF_OK : open_file(s);
    if (rc != DF_OK)
        return rc;
    df__arena_reset(&s->row);
    rc = df__parquet_next(s->file, &s->row, s->values, &error);
    if (rc == DF_DONE) {
        df__ice_scan_close(s);
        s->bytes += s->files[s->spot.file].bytes;
        s->spot.file++;
        s->spot.row = 0;
        s->changed = 1;
        return DF_OK;
    }
    if (rc != DF_OK)
        return df__ice_scan_failed(s, rc, &error);
    df__ice_columns_complete(s);
    int gone = df__ice_is_deleted(s, s->spot.row);
    rc = gone ? gone : add_row(s, into);
    if (rc < 0) {
        s->changed = 0; /* no mark covers a row that is not whole: it is read again */
        return rc;
    }
    s->spot.row++;
    s->rows += !gone;
    s->passed += gone;
    s->changed = 1;
    *added |= !gone;
    return DF_OK;
}

static int is_capped(const df__ice_source *s)
{
    return (s->opt.most_rows > 0 && s->rows >= s->opt.most_rows) ||
           (s->opt.most_bytes > 0 && s->bytes >= s->opt.most_bytes);
}

int df__ice_scan(df__ice_source *s, df_batch *into, int *added)
{
    int rc = DF_OK;
    while (rc == DF_OK && s->spot.file < (int64_t)s->file_count && df_batch_room(into) > 0 &&
           s->passed < ICE_PASSED_MOST) {
        if (is_capped(s))
            return DF_AGAIN;
        rc = next_row(s, into, added);
    }
    return rc == DF_OK && s->spot.file >= (int64_t)s->file_count ? DF_DONE : rc;
}
