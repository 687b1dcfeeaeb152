/* SPDX-License-Identifier: Apache-2.0
 * orphans.c: files in the table's location that no snapshot of its metadata names. They are told,
 * never removed. What a commit names while the storage is listed is looked at before any is told.
 */
#include <string.h>

#include "sink/sink.h"

enum { KEPT_BYTES = 1 << 28 };

typedef struct orphans {
    df__ice_sink *s;
    df__ice_meta meta;
    df__ice_keymap named; /* places: paths without what may differ between writers */
    int64_t until_us;     /* only older files */
    df__arena memory;
    df__ice_object *found;
    size_t count, cap;
} orphans;

/* DF_EEXISTS: it was named before. A path that is none is passed over. */
static int name(orphans *o, const char *path)
{
    size_t number;
    return path ? df__ice_keymap_put(&o->named, df__ice_path_key(path), &number) : DF_EEXISTS;
}

static int name_bytes(orphans *o, df_bytes path)
{
    df__buf *b = &o->s->scratch;
    df__buf_clear(b);
    df__buf_add(b, path.data, path.len);
    return df__buf_cstr(b) ? name(o, b->data) : DF_ENOMEM;
}

/* ---- what the metadata names ----------------------------------------------------------------- */

static int name_file(void *user, const df__ice_entry *entry)
{
    int rc = name_bytes(user, entry->path);
    return rc == DF_EEXISTS ? DF_OK : rc;
}

static int name_manifest(orphans *o, const df__ice_manifest *m)
{
    int rc = name_bytes(o, m->path);
    if (rc != DF_OK)
        return rc == DF_EEXISTS ? DF_OK : rc;
    return df__ice_manifest_get(o->s, m, name_file, o);
}

static int name_snapshot(orphans *o, const char *list)
{
    df__ice_listed listed = {.count = 0};
    df__arena arena;
    int rc = list ? name(o, list) : DF_OK;
    if (rc != DF_OK)
        return rc == DF_EEXISTS ? DF_OK : rc;
    df__arena_init(&arena, &o->s->session.heap, 16384);
    rc = df__ice_list_get(o->s, list, &arena, &listed);
    for (size_t i = 0; i < listed.count && rc == DF_OK; i++)
        rc = name_manifest(o, &listed.rows[i]);
    df__arena_free(&arena);
    return rc;
}

/* Texts of one member of each element of a list. */
static int name_all(orphans *o, const char *list, const char *member)
{
    yyjson_val *v;
    size_t i, most;
    int rc = DF_OK;
    yyjson_arr_foreach (yyjson_obj_get(o->meta.table, list), i, most, v)
        if (rc == DF_OK || rc == DF_EEXISTS)
            rc = name(o, yyjson_get_str(yyjson_obj_get(v, member)));
    return rc == DF_EEXISTS ? DF_OK : rc;
}

static const char *metadata_of(const df__ice_meta *m)
{
    const char *path = yyjson_get_str(yyjson_obj_get(m->root, "metadata-location"));
    return path ? path : "";
}

static int read_names(orphans *o)
{
    yyjson_val *v;
    size_t i, most;
    df__ice_keymap_clear(&o->named);
    int rc = name(o, metadata_of(&o->meta));
    rc = rc == DF_OK ? name_all(o, "metadata-log", "metadata-file") : rc;
    rc = rc == DF_OK ? name_all(o, "statistics", "statistics-path") : rc;
    rc = rc == DF_OK ? name_all(o, "partition-statistics", "statistics-path") : rc;
    yyjson_arr_foreach (yyjson_obj_get(o->meta.table, "snapshots"), i, most, v)
        if (rc == DF_OK)
            rc = name_snapshot(o, yyjson_get_str(yyjson_obj_get(v, "manifest-list")));
    return rc;
}

static int look(orphans *o)
{
    df__ice_sink *s = o->s;
    df__ice_meta_free(&o->meta);
    int rc = df__ice_table_look(s, &o->meta);
    if (rc == DF_ENOTFOUND)
        return df_stage_failf(s->st, DF_EINVAL, "configuration", "table %s does not exist",
                              s->catalog.shown.data);
    if (rc == DF_OK && !*metadata_of(&o->meta)) /* it would be told as one itself */
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "the catalog does not say where the metadata of table %s is",
                              s->catalog.shown.data);
    return rc == DF_OK ? df__ice_store_knows(&s->store, o->meta.location) : rc;
}

/* ---- what the storage has -------------------------------------------------------------------- */

static int is_named(orphans *o, const char *path)
{
    return name(o, path) == DF_EEXISTS;
}

/* What Hadoop keeps beside files of a machine: the sum of a file ("/.a.crc" of "/a"), and the
 * number of the newest metadata. */
static int is_beside(const char *path)
{
    const char *last = strrchr(path, '/');
    size_t len = last ? strlen(last) : 0;
    int is_sum = len > 6 && last[1] == '.' && strcmp(last + len - 4, ".crc") == 0;
    return is_sum || (last && strcmp(last + 1, "version-hint.text") == 0);
}

static int take(void *user, const df__ice_object *object)
{
    orphans *o = user;
    df__ice_object copy = *object;
    if (object->time_us > o->until_us || is_beside(object->path) || is_named(o, object->path))
        return DF_OK;
    copy.path = df__arena_bytes(&o->memory, object->path, strlen(object->path));
    if (!copy.path ||
        df__grow(&o->s->session.heap, &o->found, &o->cap, o->count, sizeof *o->found) != DF_OK)
        return DF_ENOMEM;
    if (o->memory.total + o->cap * sizeof copy > KEPT_BYTES)
        return df_stage_fail(o->s->st, DF_ETOOBIG, NULL,
                             "there are too many of them to keep; ask for older ones first");
    o->found[o->count++] = copy;
    return DF_OK;
}

/* A commit that came meanwhile may name what was found. */
static int look_again(orphans *o)
{
    size_t kept = 0;
    char before[1024];
    df__text_set(before, sizeof before, metadata_of(&o->meta), strlen(metadata_of(&o->meta)));
    int rc = look(o);
    if (rc != DF_OK || strcmp(before, metadata_of(&o->meta)) == 0)
        return rc;
    rc = read_names(o);
    for (size_t i = 0; i < o->count && rc == DF_OK; i++)
        if (!is_named(o, o->found[i].path))
            o->found[kept++] = o->found[i];
    o->count = kept;
    return rc;
}

static void tell(const orphans *o, df_leftover_fn each, void *user)
{
    for (size_t i = 0; i < o->count; i++) {
        const df_leftover row = {.size = sizeof row,
                                 .name = o->found[i].path,
                                 .bytes = o->found[i].bytes,
                                 .time_us = o->found[i].time_us};
        each(user, &row);
    }
}

static int run(orphans *o)
{
    df__ice_sink *s = o->s;
    int rc = look(o);
    rc = rc == DF_OK ? read_names(o) : rc;
    rc = rc == DF_OK ? df__ice_store_list(&s->store, o->meta.location, take, o) : rc;
    rc = rc == DF_OK && o->count ? look_again(o) : rc;
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for the names of files")
                           : rc;
}

int df__ice_orphans(df__ice_sink *s, int64_t age_us, df_leftover_fn each, void *user)
{
    orphans o = {.s = s, .until_us = df_stage_now(s->st) - age_us};
    int rc = df__ice_refuse_nessie(s);
    if (rc != DF_OK)
        return rc;
    df__arena_init(&o.memory, &s->session.heap, 16384);
    df__ice_keymap_init(&o.named, &s->session.heap, df__ice_random(&s->session));
    rc = run(&o);
    if (rc == DF_OK)
        tell(&o, each, user);
    df__ice_keymap_clear(&o.named);
    df__arena_free(&o.memory);
    df__free(&s->session.heap, o.found);
    df__ice_meta_free(&o.meta);
    return rc;
}
