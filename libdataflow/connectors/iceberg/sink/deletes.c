/* SPDX-License-Identifier: Apache-2.0
 * deletes.c: the delete files of a commit. An equality delete has the key of each row that changed:
 * it reaches rows of older commits alone. A position delete has the place of each row of this
 * commit that another one of it replaced. */
#include <stdlib.h>
#include <string.h>

#include "sink/sink.h"

enum { FILE_PATH_ID = 2147483546, POS_ID = 2147483545, TRIES = 5 };

/* ---- rows of this commit --------------------------------------------------------------------- */

typedef struct ranked {
    const df__ice_data_file *file;
    int64_t row;
} ranked;

static int compare_bytes(df_bytes a, df_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.data, b.data, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* By partition, then as the format wants it: by path and row. */
static int compare(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    int c = a->file == b->file ? 0 : compare_bytes(a->file->tuple, b->file->tuple);
    c = c || a->file == b->file ? c : compare_bytes(a->file->path, b->file->path);
    return c ? c : (a->row > b->row) - (a->row < b->row);
}

/* Rows of a sorted file are elsewhere than they came. */
static ranked place_of(const df__ice_data_file *file, int64_t row)
{
    return (ranked){file, file->places ? file->places[row] : row};
}

/* Of each replaced row its file, among `all`. NULL: no memory. */
static ranked *rank(df__ice_sink *s, const df__ice_data_file *all, size_t count)
{
    const df__ice_changes *c = &s->changes;
    const df__heap *heap = &s->session.heap;
    const df__ice_data_file **files = df__zalloc(heap, (s->file_number + 1) * sizeof(void *));
    ranked *rows = files ? df__alloc(heap, (c->gone_count + 1) * sizeof *rows) : NULL;
    for (size_t i = 0; rows && i < count; i++)
        files[all[i].number] = &all[i];
    for (size_t i = 0; rows && i < c->gone_count; i++)
        rows[i] = place_of(files[c->gone[i].file], c->gone[i].row);
    df__free(heap, files);
    return rows;
}

static int write_rows(df__ice_sink *s, const ranked *rows, size_t count)
{
    static const df__parquet_column columns[] = {
        {.name = "file_path", .id = FILE_PATH_ID, .kind = DF__PARQUET_STRING, .required = 1},
        {.name = "pos", .id = POS_ID, .kind = DF__PARQUET_LONG, .required = 1}};
    const df__ice_layout layout = {columns, 2};
    df__ice_data_file of = *rows[0].file;
    df__ice_out out = {.writer = NULL};
    df__parquet_error error;
    of.content = ICE_POSITIONS;
    of.order_id = 0;
    of.places = NULL;
    if (rows[0].file == rows[count - 1].file) /* readers of other files pass it over */
        of.target = rows[0].file->path;
    int rc = df__ice_out_begin(s, &out, &layout);
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_bytes *path = &rows[i].file->path;
        const df_value values[] = {{.type = DF_V_STRING, .text = path->data, .len = path->len},
                                   {.type = DF_V_INT, .u.i = rows[i].row}};
        rc = df__parquet_append(out.writer, values, &error);
    }
    rc = rc == DF_OK ? df__ice_out_finish(s, &out, &of) : rc;
    df__ice_out_free(s, &out);
    return rc;
}

/* s->files may move when one is added: what is ranked points to a copy. */
static int write_positions(df__ice_sink *s)
{
    const df__heap *heap = &s->session.heap;
    size_t count = s->changes.gone_count, at = 0, end;
    if (count == 0)
        return DF_OK;
    df__ice_data_file *files = df__alloc(heap, (s->file_count + 1) * sizeof *files);
    if (files)
        memcpy(files, s->files, s->file_count * sizeof *files);
    ranked *rows = files ? rank(s, files, s->file_count) : NULL;
    int rc = rows ? DF_OK : DF_ENOMEM;
    if (rows)
        qsort(rows, count, sizeof *rows, compare);
    for (; rc == DF_OK && at < count; at = end) {
        for (end = at + 1; end < count; end++)
            if (compare_bytes(rows[end].file->tuple, rows[at].file->tuple) != 0)
                break;
        rc = write_rows(s, rows + at, end - at);
    }
    df__free(heap, rows);
    df__free(heap, files);
    return rc;
}

/* ---- keys ------------------------------------------------------------------------------------ */

typedef struct keyed { /* keys by their partition in one spec */
    df__ice_sink *s;
    const df__ice_spec *spec;
    df__parquet_column *columns; /* those of the key */
    df_value *values, *row;      /* of a key; of the whole row, for its partition */
    df__arena arena;
    df__ice_keymap tuples;
    uint32_t *part, *order; /* of each key the number of its tuple; keys by that number */
    size_t *ends;           /* of each tuple, in order */
} keyed;

static int read_key(keyed *k, size_t key)
{
    df__arena_reset(&k->arena);
    int rc = df__ice_key_values(k->s, k->s->changes.keys.keys[key], &k->arena, k->values);
    for (size_t i = 0; i < k->s->key_count && rc == DF_OK; i++)
        k->row[k->s->keys[i]] = k->values[i];
    return rc;
}

static int find_parts(keyed *k)
{
    df__ice_sink *s = k->s;
    int rc = DF_OK;
    for (size_t i = 0; i < s->changes.keys.count && rc == DF_OK; i++) {
        size_t part;
        df__buf_clear(&s->tuple);
        rc = k->spec->count ? read_key(k, i) : DF_OK;
        rc = rc == DF_OK ? df__ice_tuple_make(k->spec, k->row, &s->tuple) : rc;
        if (rc == DF_OK)
            rc = df__ice_keymap_put(&k->tuples, (df_bytes){s->tuple.data, s->tuple.len}, &part);
        rc = rc == DF_EEXISTS ? DF_OK : rc;
        if (rc == DF_OK)
            k->part[i] = (uint32_t)part;
    }
    return rc;
}

/* Keys of one partition one after the other. */
static int sort_parts(keyed *k)
{
    size_t parts = k->tuples.count, keys = k->s->changes.keys.count, sum = 0;
    k->ends = df__zalloc(&k->s->session.heap, (parts + 1) * sizeof *k->ends);
    if (!k->ends)
        return DF_ENOMEM;
    for (size_t i = 0; i < keys; i++)
        k->ends[k->part[i]]++;
    for (size_t i = 0; i < parts; i++) {
        size_t some = k->ends[i];
        k->ends[i] = sum;
        sum += some;
    }
    for (size_t i = 0; i < keys; i++)
        k->order[k->ends[k->part[i]]++] = (uint32_t)i;
    return DF_OK;
}

static int write_part(keyed *k, size_t part)
{
    df__ice_sink *s = k->s;
    const df__ice_layout layout = {k->columns, s->key_count};
    const df__ice_data_file of = {.tuple = k->tuples.keys[part],
                                  .spec_id = k->spec->id,
                                  .content = ICE_EQUALITY,
                                  .key_ids = s->key_ids,
                                  .key_count = s->key_count};
    df__ice_out out = {.writer = NULL};
    df__parquet_error error;
    int rc = df__ice_out_begin(s, &out, &layout);
    for (size_t i = part ? k->ends[part - 1] : 0; i < k->ends[part] && rc == DF_OK; i++) {
        rc = read_key(k, k->order[i]);
        rc = rc == DF_OK ? df__parquet_append(out.writer, k->values, &error) : rc;
    }
    rc = rc == DF_OK ? df__ice_out_finish(s, &out, &of) : rc;
    df__ice_out_free(s, &out);
    return rc;
}

static int make_room(keyed *k)
{
    df__ice_sink *s = k->s;
    const df__heap *heap = &s->session.heap;
    size_t keys = s->changes.keys.count;
    k->columns = df__zalloc(heap, s->key_count * sizeof *k->columns);
    k->values = df__zalloc(heap, s->key_count * sizeof *k->values);
    k->row = df__zalloc(heap, (s->column_count + 1) * sizeof *k->row);
    k->part = df__zalloc(heap, keys * sizeof *k->part);
    k->order = df__zalloc(heap, keys * sizeof *k->order);
    df__arena_init(&k->arena, heap, 1024);
    df__ice_keymap_init(&k->tuples, heap, s->parts.seed);
    for (size_t i = 0; k->columns && i < s->key_count; i++) {
        k->columns[i] = s->columns[s->keys[i]];
        k->columns[i].required = 1;
    }
    return k->columns && k->values && k->row && k->part && k->order ? DF_OK : DF_ENOMEM;
}

static int write_keys(df__ice_sink *s, const df__ice_spec *spec)
{
    keyed k = {.s = s, .spec = spec};
    const df__heap *heap = &s->session.heap;
    int rc = make_room(&k);
    rc = rc == DF_OK ? find_parts(&k) : rc;
    rc = rc == DF_OK ? sort_parts(&k) : rc;
    for (size_t i = 0; i < k.tuples.count && rc == DF_OK; i++)
        rc = write_part(&k, i);
    void *const all[] = {k.columns, k.values, k.row, k.part, k.order, k.ends};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df__free(heap, all[i]);
    df__ice_keymap_clear(&k.tuples);
    df__arena_free(&k.arena);
    return rc;
}

/* ---- a spec without partitions --------------------------------------------------------------- */

static int64_t find_flat(const df__ice_meta *m, int64_t *ret_next)
{
    yyjson_val *v, *specs = yyjson_obj_get(m->table, "partition-specs");
    size_t i, most;
    int64_t found = -1;
    *ret_next = 0;
    yyjson_arr_foreach (specs, i, most, v) {
        int64_t id = yyjson_get_sint(yyjson_obj_get(v, "spec-id"));
        *ret_next = id >= *ret_next ? id + 1 : *ret_next;
        if (yyjson_arr_size(yyjson_obj_get(v, "fields")) == 0)
            found = id;
    }
    return found;
}

/* The table gets one more spec, which no data is written by. Another answer than that it was
 * applied does not matter: the table is looked at again. */
static int add_flat(df__ice_sink *s, const df__ice_meta *m, int64_t id)
{
    enum df__ice_outcome outcome;
    df__buf body;
    df__buf_init(&body, &s->session.heap);
    df__buf_printf(&body,
                   "{\"requirements\":[{\"type\":\"assert-table-uuid\",\"uuid\":\"%s\"}],"
                   "\"updates\":[{\"action\":\"add-spec\",\"spec\":{\"spec-id\":%lld,"
                   "\"fields\":[]}}]}",
                   m->uuid, (long long)id);
    int rc = df__buf_cstr(&body)
                 ? df__ice_commit(&s->catalog, (df_bytes){body.data, body.len},
                                  df__ice_meta_property(m, "nessie.commit.id"), &outcome)
                 : DF_ENOMEM;
    df__buf_free(&body);
    return rc;
}

static int ensure_flat(df__ice_sink *s)
{
    int rc = DF_OK;
    for (int i = 0; i < TRIES && rc == DF_OK && s->flat.id < 0; i++) {
        df__ice_meta m;
        int64_t next;
        rc = df__ice_table_look(s, &m);
        s->flat = (df__ice_spec){.id = rc == DF_OK ? find_flat(&m, &next) : -1};
        if (rc == DF_OK && s->flat.id < 0)
            rc = add_flat(s, &m, next);
        df__ice_meta_free(&m);
        rc = rc == DF_ENOTFOUND ? df__ice_missing(s) : rc;
    }
    if (rc == DF_OK && s->flat.id < 0)
        rc = df_stage_failf(s->st, DF_EIO, "transient",
                            "table %s: the partition spec for deletes could not be added",
                            s->catalog.shown.data);
    return rc;
}

static int write_equality(df__ice_sink *s)
{
    int rc = s->is_flat ? ensure_flat(s) : DF_OK;
    if (s->is_flat)
        return rc == DF_OK ? write_keys(s, &s->flat) : rc;
    for (size_t i = 0; i < s->spec_count && rc == DF_OK; i++)
        rc = write_keys(s, &s->specs[i]);
    return rc;
}

int df__ice_deletes_write(df__ice_sink *s)
{
    size_t count = s->file_count;
    if (s->changes.keys.count == 0)
        return DF_OK;
    int rc = write_positions(s);
    rc = rc == DF_OK && s->has_rows ? write_equality(s) : rc;
    if (rc != DF_OK)
        s->file_count = count;
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for deletes") : rc;
}
