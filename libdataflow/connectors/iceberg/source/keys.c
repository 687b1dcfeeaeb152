/* SPDX-License-Identifier: Apache-2.0
 * keys.c: equality deletes: values of some columns, each with the newest sequence number that
 * deletes it, so that a file is read once for all data files of its scope. Kept within a share of
 * the memory limit; more than that is refused. Null is equal to null. */
#include <string.h>

#include "source/source.h"

enum { FIRST_SLOTS = 64 };

struct df__ice_key {
    int64_t sequence;
    uint64_t hash;
    size_t len;
    unsigned char bytes[];
};

/* ---- a key ----------------------------------------------------------------------------------- */

static void put_raw(df__buf *b, char tag, const void *data, size_t len)
{
    df__buf_char(b, tag);
    df__buf_add(b, data, len);
}

static void put_value(df__buf *b, const df_value *v)
{
    int64_t len = (int64_t)v->len;
    double real = v->u.d == v->u.d ? v->u.d : __builtin_nan("");
    switch (v->type) {
    case DF_V_ABSENT:
    case DF_V_NULL:
        df__buf_char(b, 0);
        break;
    case DF_V_STRING:
    case DF_V_BYTES:
    case DF_V_NUMBER:
        put_raw(b, 1, &len, sizeof len);
        df__buf_add(b, v->text ? v->text : "", v->len);
        break;
    case DF_V_DOUBLE:
        put_raw(b, 2, &real, sizeof real);
        break;
    default:
        put_raw(b, 3, &v->u.i, sizeof v->u.i);
    }
}

static uint64_t hash_of(const df__buf *b)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < b->len; i++)
        hash = (hash ^ (unsigned char)b->data[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

/* Where the key in s->key is, or where it would be. */
static df__ice_key **slot_of(const df__ice_source *s, const df__ice_keys *k, uint64_t hash)
{
    size_t at = (size_t)hash & (k->slot_count - 1);
    for (;; at = (at + 1) & (k->slot_count - 1)) {
        const df__ice_key *one = k->slots[at];
        if (!one || (one->hash == hash && one->len == s->key.len &&
                     memcmp(one->bytes, s->key.data, one->len) == 0))
            return &k->slots[at];
    }
}

/* ---- adding ---------------------------------------------------------------------------------- */

static int no_memory(df__ice_source *s)
{
    return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for deleted rows");
}

static int widen(df__ice_source *s, df__ice_keys *k)
{
    size_t old = k->slot_count, count = old ? 2 * old : FIRST_SLOTS;
    df__ice_key **before = k->slots;
    df__ice_key **slots = df__zalloc(&s->session.heap, count * sizeof(void *));
    if (!slots)
        return no_memory(s);
    k->slots = slots;
    k->slot_count = count;
    for (size_t i = 0; i < old; i++) {
        size_t at = before[i] ? (size_t)before[i]->hash & (count - 1) : 0;
        while (before[i] && slots[at])
            at = (at + 1) & (count - 1);
        if (before[i])
            slots[at] = before[i];
    }
    df__free(&s->session.heap, before);
    return DF_OK;
}

static int check_share(df__ice_source *s)
{
    size_t taken = s->key_memory.total;
    for (size_t i = 0; i < s->key_count; i++)
        taken += s->keys[i].slot_count * sizeof(void *);
    return taken <= s->share
               ? DF_OK
               : df_stage_failf(s->st, DF_ESTATE, "configuration",
                                "table %s: its equality deletes take more than %zu MiB of memory; "
                                "raise memoryLimit, or let the table be compacted "
                                "(rewrite_data_files, OPTIMIZE)",
                                s->catalog.shown.data, s->share >> 20);
}

/* The key in s->key. */
static int add(df__ice_source *s, df__ice_keys *k, int64_t sequence)
{
    uint64_t hash = hash_of(&s->key);
    int rc = 2 * k->count < k->slot_count ? DF_OK : widen(s, k);
    if (rc != DF_OK)
        return rc;
    df__ice_key **slot = slot_of(s, k, hash), *key = *slot;
    if (key) {
        key->sequence = key->sequence > sequence ? key->sequence : sequence;
        return DF_OK;
    }
    key = df__arena_alloc(&s->key_memory, sizeof *key + s->key.len);
    if (!key)
        return no_memory(s);
    *key = (df__ice_key){.sequence = sequence, .hash = hash, .len = s->key.len};
    memcpy(key->bytes, s->key.data, s->key.len);
    *slot = key;
    k->count++;
    return check_share(s);
}

/* ---- a delete file --------------------------------------------------------------------------- */

static int read_rows(df__ice_source *s, const df__ice_delete_file *d, df__ice_keys *k,
                     df__parquet_error *error)
{
    df__parquet_column *columns = df__arena_alloc(&s->file_memory, k->id_count * sizeof *columns);
    df_value *values = df__arena_zalloc(&s->file_memory, k->id_count * sizeof *values);
    if (!columns || !values)
        return no_memory(s);
    for (size_t i = 0; i < k->id_count; i++)
        columns[i] = s->wanted[k->places[i]];
    int rc = df__ice_scan_open(s, d->path, d->bytes, error);
    rc = rc == DF_OK ? df__parquet_project(s->file, columns, k->id_count, 0, error) : rc;
    while (rc == DF_OK) {
        df__arena_reset(&s->row);
        rc = df__parquet_next(s->file, &s->row, values, error);
        if (rc != DF_OK)
            break;
        df__buf_clear(&s->key);
        for (size_t i = 0; i < k->id_count; i++) {
            if (values[i].type == DF_V_ABSENT)
                return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                                      "%.200s: has no column %s by its field id",
                                      (const char *)d->path.data, columns[i].name);
            put_value(&s->key, &values[i]);
        }
        rc = s->key.failed ? no_memory(s) : add(s, k, d->sequence);
    }
    return rc == DF_DONE ? DF_OK : rc;
}

static int32_t place_of(const df__ice_source *s, int32_t id)
{
    size_t i = 0;
    while (i < s->wanted_count && s->wanted[i].id != id)
        i++;
    return (int32_t)i; /* df__ice_columns_want has them all */
}

static int keys_of(df__ice_source *s, const df__ice_delete_file *d, df__ice_keys **ret)
{
    for (size_t i = 0; i < s->key_count; i++) {
        *ret = &s->keys[i];
        if (s->keys[i].id_count == d->id_count &&
            memcmp(s->keys[i].ids, d->ids, d->id_count * sizeof *d->ids) == 0)
            return DF_OK;
    }
    size_t *places = df__arena_alloc(&s->key_memory, d->id_count * sizeof *places);
    df__ice_keys *more =
        df__realloc(&s->session.heap, s->keys, (s->key_count + 1) * sizeof *s->keys);
    if (more)
        s->keys = more;
    if (!places || !more)
        return no_memory(s);
    for (size_t i = 0; i < d->id_count; i++)
        places[i] = (size_t)place_of(s, d->ids[i]);
    *ret = &s->keys[s->key_count++];
    **ret = (df__ice_keys){.ids = d->ids, .places = places, .id_count = d->id_count};
    return DF_OK;
}

static int load_one(df__ice_source *s, const df__ice_delete_file *d)
{
    df__parquet_error error = {.text = ""};
    df__ice_keys *k = NULL;
    int rc = keys_of(s, d, &k);
    if (rc != DF_OK)
        return rc;
    df__arena_reset(&s->file_memory);
    rc = read_rows(s, d, k, &error);
    rc = rc == DF_OK ? rc : df__ice_scan_failed(s, rc, &error);
    df__ice_scan_close(s);
    k->newest = k->newest > d->sequence ? k->newest : d->sequence;
    return rc;
}

int df__ice_keys_load(df__ice_source *s, df_bytes scope)
{
    int rc = DF_OK;
    if (s->key_scope.data && s->key_scope.len == scope.len &&
        memcmp(s->key_scope.data, scope.data, scope.len) == 0)
        return DF_OK;
    df__ice_keys_free(s);
    df__arena_init(&s->key_memory, &s->session.heap, 4096);
    for (size_t i = 0; i < s->delete_count && rc == DF_OK; i++) {
        const df__ice_delete_file *d = &s->deletes[i];
        int is_same =
            d->scope.len == scope.len && memcmp(d->scope.data, scope.data, scope.len) == 0;
        if (d->ids && (d->everywhere || is_same))
            rc = load_one(s, d);
    }
    if (rc == DF_OK)
        s->key_scope = scope;
    return rc;
}

int df__ice_keys_have(df__ice_source *s, int64_t sequence)
{
    for (size_t i = 0; i < s->key_count; i++) {
        const df__ice_keys *k = &s->keys[i];
        if (k->newest <= sequence || !k->count)
            continue;
        df__buf_clear(&s->key);
        for (size_t n = 0; n < k->id_count; n++)
            put_value(&s->key, &s->values[k->places[n]]);
        if (s->key.failed)
            return no_memory(s);
        const df__ice_key *key = *slot_of(s, k, hash_of(&s->key));
        if (key && key->sequence > sequence)
            return 1;
    }
    return 0;
}

void df__ice_keys_free(df__ice_source *s)
{
    for (size_t i = 0; i < s->key_count; i++)
        df__free(&s->session.heap, s->keys[i].slots);
    df__free(&s->session.heap, s->keys);
    s->keys = NULL;
    s->key_count = 0;
    s->key_scope = (df_bytes){NULL, 0};
    if (s->key_memory.heap)
        df__arena_free(&s->key_memory);
}
