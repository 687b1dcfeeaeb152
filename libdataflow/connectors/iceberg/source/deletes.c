/* SPDX-License-Identifier: Apache-2.0
 * deletes.c: files that say which rows are no more. A position delete names a file and a row of it;
 * it counts for files of its partition that are not newer than it. An equality delete has values of
 * some columns; it counts for older files of its partition, or of all partitions when its spec has
 * none. Places become a bit for each row of the file at hand, so that memory is bounded by the rows
 * of one file; values are in keys.c. A deletion vector (format version 3) has the places of one
 * file, and where there is one nothing else says places of it. Source: the Iceberg table
 * specification, "Scan Planning" and "Delete Formats". */
#include <stdlib.h>
#include <string.h>

#include "source/source.h"
#include "types/scope.h"
#include "types/vector.h"

enum { ID_PATH = 2147483546, ID_POS = 2147483545, TARGET = 143, EQUALITY = 135 };

/* ---- the plan -------------------------------------------------------------------------------- */

static int copy_ids(df__ice_source *s, const df__ice_entry *e, df__ice_delete_file *d)
{
    const df__ice_avro_value *list = df__ice_avro_field(e->file, EQUALITY);
    int32_t *ids = df__arena_alloc(&s->plan_memory, (list->count + 1) * sizeof *ids);
    if (!ids)
        return DF_ENOMEM;
    for (size_t i = 0; i < list->count; i++)
        ids[i] = (int32_t)list->items[i].number;
    d->ids = ids;
    d->id_count = list->count;
    return list->count ? DF_OK : DF_EDATA;
}

static df_bytes bound_of(const df__ice_entry *e, int map)
{
    const df__ice_avro_value *list = df__ice_avro_field(e->file, map);
    for (size_t i = 0; list->kind == ICE_AVRO_LIST && i < list->count; i++)
        if (df__ice_avro_number(&list->items[i], map + 1, -1) == ID_PATH)
            return df__ice_avro_field(&list->items[i], map + 2)->bytes;
    return (df_bytes){NULL, 0};
}

/* The data file that a position delete is for, when it is for one alone: it is named, or the bounds
 * leave no other. */
static df_bytes target_of(const df__ice_entry *e)
{
    df_bytes path = df__ice_avro_field(e->file, TARGET)->bytes;
    df_bytes low = bound_of(e, 125), high = bound_of(e, 128);
    if (path.data)
        return path;
    return low.data && low.len == high.len && memcmp(low.data, high.data, low.len) == 0
               ? low
               : (df_bytes){NULL, 0};
}

/* Position deletes may say where they begin as well. */
static int is_vector(const df__ice_entry *e)
{
    return e->content == 1 && e->format.len == 6 && strncasecmp(e->format.data, "puffin", 6) == 0;
}

int df__ice_delete_add(df__ice_source *s, const df__ice_entry *e, df_bytes scope)
{
    df__ice_delete_file d = {.bytes = e->bytes,
                             .sequence = e->sequence,
                             .scope = scope,
                             .offset = e->offset,
                             .length = is_vector(e) ? e->length : 0,
                             .records = e->records};
    int rc = df__arena_copy(&s->plan_memory, e->path, &d.path);
    if (rc == DF_OK && e->content == 1)
        rc = df__arena_copy(&s->plan_memory, target_of(e), &d.target);
    if (rc == DF_OK && e->content == 2) {
        d.everywhere =
            df__ice_is_unpartitioned(df__ice_meta_spec(&s->meta, df__ice_scope_spec(scope)));
        rc = copy_ids(s, e, &d);
    }
    int no_file = d.length && (!d.target.data || d.offset < 0);
    if (rc == DF_EDATA || (rc == DF_OK && no_file))
        return df_stage_failf(s->st, DF_EINVAL, "configuration",
                              "table %s: the delete file %.200s names no %s", s->catalog.shown.data,
                              (const char *)d.path.data, no_file ? "data file" : "columns");
    if (rc == DF_OK)
        rc = df__grow(&s->session.heap, &s->deletes, &s->delete_cap, s->delete_count, sizeof d);
    if (rc != DF_OK)
        return df_stage_fail(s->st, rc, NULL, "no memory for a list of files");
    s->deletes[s->delete_count++] = d;
    return DF_OK;
}

static int compare_bytes(df_bytes a, df_bytes b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* By scope and then by the data file that they are for; those for any of the scope stand first. */
static int compare_key(df_bytes scope, df_bytes target, const df__ice_delete_file *d)
{
    int order = compare_bytes(scope, d->scope);
    if (order || !target.data || !d->target.data)
        return order ? order : (target.data != NULL) - (d->target.data != NULL);
    return compare_bytes(target, d->target);
}

static int compare(const void *a, const void *b)
{
    const df__ice_delete_file *x = a, *y = b;
    int order = compare_key(x->scope, x->target, y);
    if (order)
        return order;
    order = (x->sequence > y->sequence) - (x->sequence < y->sequence);
    return order ? order : compare_bytes(x->path, y->path);
}

static int compare_files(const void *a, const void *b)
{
    const df__ice_scan_file *x = a, *y = b;
    int order = compare_bytes(x->scope, y->scope);
    if (order)
        return order;
    order = (x->sequence > y->sequence) - (x->sequence < y->sequence);
    return order ? order : compare_bytes(x->path, y->path);
}

/* Files of a partition come one after the other where deleted values are kept by partition. */
void df__ice_deletes_sort(df__ice_source *s)
{
    int by_keys = 0;
    for (size_t i = 0; i < s->delete_count; i++)
        by_keys |= s->deletes[i].ids != NULL;
    if (s->delete_count)
        qsort(s->deletes, s->delete_count, sizeof *s->deletes, compare);
    if (by_keys && s->file_count)
        qsort(s->files, s->file_count, sizeof *s->files, compare_files);
}

/* The first delete file of a scope that is for that data file, or for any of it (data NULL), or
 * where it would be. */
static size_t first_of(const df__ice_source *s, df_bytes scope, df_bytes target)
{
    size_t low = 0, high = s->delete_count;
    while (low < high) {
        size_t at = low + (high - low) / 2;
        if (compare_key(scope, target, &s->deletes[at]) > 0)
            low = at + 1;
        else
            high = at;
    }
    return low;
}

/* ---- places of rows -------------------------------------------------------------------------- */

static int set_bit(df__ice_source *s, const df__ice_delete_file *d, int64_t row)
{
    size_t byte = (size_t)row / 8;
    if (row < 0)
        return df_stage_failf(s->st, DF_EINVAL, "configuration", "%.200s: names row %lld",
                              (const char *)d->path.data, (long long)row);
    if (byte >= s->share)
        return df_stage_failf(s->st, DF_ESTATE, "configuration",
                              "%.200s: names row %lld of a file, and what is deleted of a file may "
                              "take %zu MiB; raise memoryLimit, or let the table be compacted",
                              (const char *)d->path.data, (long long)row, s->share >> 20);
    if (byte >= s->gone.len) {
        size_t more = byte + 1 - s->gone.len;
        char *at = df__buf_reserve(&s->gone, more);
        if (!at)
            return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for deleted rows");
        memset(at, 0, more);
        s->gone.len += more;
    }
    s->gone.data[byte] = (char)((unsigned char)s->gone.data[byte] | 1U << (row % 8));
    return DF_OK;
}

/* A row group whose paths are others is passed over: writers sort by path. */
static int may_name(void *user, size_t group)
{
    df__ice_source *s = user;
    df_bytes path = s->files[s->spot.file].path;
    df__parquet_bounds b;
    if (df__parquet_group_bounds(s->file, group, ID_PATH, &b) != DF_OK || !b.lower.data ||
        !b.upper.data)
        return 1;
    return compare_bytes(b.lower, path) <= 0 && compare_bytes(path, b.upper) <= 0;
}

static int read_places(df__ice_source *s, const df__ice_delete_file *d, df__parquet_error *error)
{
    static const df__parquet_column wanted[] = {
        {.name = "file_path", .id = ID_PATH, .kind = DF__PARQUET_STRING},
        {.name = "pos", .id = ID_POS, .kind = DF__PARQUET_LONG}};
    df_bytes path = s->files[s->spot.file].path;
    df_value values[2];
    int rc = df__ice_scan_open(s, d->path, d->bytes, error);
    rc = rc == DF_OK ? df__parquet_project(s->file, wanted, 2, 0, error) : rc;
    if (rc == DF_OK)
        df__parquet_filter(s->file, may_name, s);
    while (rc == DF_OK) {
        df__arena_reset(&s->row);
        rc = df__parquet_next(s->file, &s->row, values, error);
        if (rc != DF_OK)
            break;
        if (values[0].type != DF_V_STRING || values[1].type != DF_V_INT)
            return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                                  "%.200s: has no columns file_path and pos by their field ids",
                                  (const char *)d->path.data);
        if (values[0].len == path.len && memcmp(values[0].text, path.data, path.len) == 0)
            rc = set_bit(s, d, values[1].u.i);
    }
    return rc == DF_DONE ? DF_OK : rc;
}

static int set_bits(void *user, int64_t first, int64_t count)
{
    const void *const *both = user;
    int rc = DF_OK;
    for (int64_t i = 0; i < count && rc == DF_OK; i++)
        rc = set_bit((df__ice_source *)both[0], both[1], first + i);
    return rc;
}

static int read_vector(df__ice_source *s, const df__ice_delete_file *d)
{
    const void *both[] = {s, d};
    df__ice_vector v = {.each = set_bits, .user = both};
    df__buf blob;
    if ((uint64_t)d->length > s->share) /* it takes more than a bit for each row */
        return set_bit(s, d, 8 * (int64_t)s->share);
    df__buf_init(&blob, &s->session.heap);
    int rc = df__ice_store_get(&s->store, d->path.data, d->offset, d->length, &blob);
    rc = rc == DF_ENOTFOUND ? DF_EIO : rc;
    if (rc == DF_OK) {
        rc = df__ice_vector_read((df_bytes){blob.data, blob.len}, &v);
        if (rc == DF_OK && v.count != d->records) {
            rc = DF_EDATA;
            v.why = "it has another number of rows than its manifest says";
        }
        if (rc == DF_EDATA)
            rc = df_stage_failf(s->st, DF_EINVAL, "configuration",
                                "the deletion vector at %lld of %.200s: %s", (long long)d->offset,
                                (const char *)d->path.data, v.why);
    }
    df__buf_free(&blob);
    return rc;
}

static int is_for(const df__ice_source *s, const df__ice_delete_file *d, const df__ice_scan_file *f)
{
    return !d->ids && (s->own_deletes ? d->sequence == f->sequence : d->sequence >= f->sequence);
}

/* The newest vector of a file; there is one at most in a sound table. */
static const df__ice_delete_file *vector_of(const df__ice_source *s, const df__ice_scan_file *f)
{
    const df__ice_delete_file *best = NULL;
    for (size_t i = first_of(s, f->scope, f->path); i < s->delete_count; i++) {
        const df__ice_delete_file *d = &s->deletes[i];
        if (compare_key(f->scope, f->path, d) != 0)
            break;
        if (d->length && is_for(s, d, f))
            best = d;
    }
    return best;
}

/* Places of a file, out of the delete files for it, or for any of its scope. */
static int load_places(df__ice_source *s, const df__ice_scan_file *f, df_bytes target)
{
    df__parquet_error error = {.text = ""};
    int rc = DF_OK;
    for (size_t i = first_of(s, f->scope, target); i < s->delete_count && rc == DF_OK; i++) {
        const df__ice_delete_file *d = &s->deletes[i];
        if (compare_key(f->scope, target, d) != 0)
            break;
        if (!is_for(s, d, f))
            continue;
        rc = read_places(s, d, &error);
        rc = rc == DF_OK ? rc : df__ice_scan_failed(s, rc, &error);
        df__ice_scan_close(s);
    }
    return rc;
}

int df__ice_deletes_load(df__ice_source *s)
{
    const df__ice_scan_file *f = &s->files[s->spot.file];
    const df__ice_delete_file *vector = vector_of(s, f);
    df__buf_clear(&s->gone);
    int rc = vector ? read_vector(s, vector) : load_places(s, f, (df_bytes){NULL, 0});
    rc = rc == DF_OK && !vector ? load_places(s, f, f->path) : rc;
    s->by_keys = 0;
    if (rc == DF_OK && !s->own_deletes) {
        rc = df__ice_keys_load(s, f->scope);
        for (size_t i = 0; i < s->key_count; i++)
            s->by_keys |= s->keys[i].newest > f->sequence;
    }
    return rc;
}

int df__ice_is_deleted(df__ice_source *s, int64_t row)
{
    size_t byte = (size_t)row / 8;
    if (byte < s->gone.len && (unsigned char)s->gone.data[byte] >> (row % 8) & 1)
        return 1;
    return s->by_keys ? df__ice_keys_have(s, s->files[s->spot.file].sequence) : 0;
}
