/* SPDX-License-Identifier: Apache-2.0
 * expire.c: the table forgets former snapshots, and the files that only they name are removed.
 *
 * The files are found before the commit and looked for once more in the table as it is after it:
 * what any snapshot names then stays, whoever made it. A file that no snapshot names is never
 * touched, since it may belong to a commit that goes on. Who is killed between the commit and the
 * last file leaves files that nothing names, which `orphans` shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sink/sink.h"
#include "util/crashpoint.h"

enum { TRIES = 20, PAUSE_US = 200000, KEPT_BYTES = 1 << 28 };

typedef struct named { /* a file of a snapshot that goes */
    const char *path;
    int64_t bytes;
    int stays; /* another snapshot names it too */
} named;

typedef struct expiry {
    df__ice_sink *s;
    const df_expiry *how;
    df_expired_fn each;
    void *user;
    df__ice_meta meta;
    df__arena memory;
    df__ice_keymap goes;  /* ids of snapshots */
    int64_t *times;       /* of those */
    df__ice_keymap held;  /* manifests that a snapshot that stays has */
    df__ice_keymap files; /* keys of paths */
    named *rows;          /* of those */
    size_t row_cap, data_count, outside;
} expiry;

static df_bytes key_of(const int64_t *id)
{
    return (df_bytes){id, sizeof *id};
}

static int has_id(const df__ice_keymap *ids, int64_t id)
{
    size_t number;
    return df__ice_keymap_find(ids, key_of(&id), &number);
}

/* DF_OK also when it was there. */
static int put(df__ice_keymap *m, df_bytes key)
{
    size_t number;
    int rc = df__ice_keymap_put(m, key, &number);
    return rc == DF_EEXISTS ? DF_OK : rc;
}

static yyjson_val *snapshots_of(const expiry *e)
{
    return yyjson_obj_get(e->meta.table, "snapshots");
}

/* ---- which snapshots go ---------------------------------------------------------------------- */

static int look(expiry *e)
{
    df__ice_sink *s = e->s;
    df__ice_meta_free(&e->meta);
    int rc = df__ice_table_look(s, &e->meta);
    if (rc == DF_ENOTFOUND)
        return df_stage_failf(s->st, DF_EINVAL, "configuration", "table %s does not exist",
                              s->catalog.shown.data);
    if (rc != DF_OK)
        return rc;
    const char *gc = df__ice_meta_property(&e->meta, "gc.enabled");
    if (gc && strcasecmp(gc, "true") != 0) /* as Iceberg's own library reads it */
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s has gc.enabled=%s: its files may belong to others too",
                              s->catalog.shown.data, gc);
    return df__ice_store_knows(&s->store, e->meta.location);
}

static int64_t oldest_ms(const expiry *e, int64_t age_ms)
{
    return df_stage_now(e->s->st) / 1000 - age_ms;
}

/* What a branch says itself counts, else the table's property or the caller's word, whichever keeps
 * more. */
static int64_t kept(const expiry *e, yyjson_val *own, const char *property, int64_t asked)
{
    const char *text = df__ice_meta_property(&e->meta, property);
    int64_t of_table = text ? strtoll(text, NULL, 10) : 0;
    if (yyjson_is_int(own))
        return yyjson_get_sint(own);
    return of_table > asked ? of_table : asked;
}

/* From the newest back: so many, and those that are not older. ref: NULL where it is not written.
 */
static int keep_branch(expiry *e, df__ice_keymap *stay, yyjson_val *ref, int64_t id)
{
    int64_t keep = kept(e, yyjson_obj_get(ref, "min-snapshots-to-keep"),
                        "history.expire.min-snapshots-to-keep", e->how->keep);
    int64_t oldest =
        oldest_ms(e, kept(e, yyjson_obj_get(ref, "max-snapshot-age-ms"),
                          "history.expire.max-snapshot-age-ms", e->how->age_us / 1000));
    size_t most = yyjson_arr_size(snapshots_of(e));
    df__ice_snapshot at;
    int rc = DF_OK;
    for (size_t i = 0; rc == DF_OK && i < most && df__ice_meta_snapshot(&e->meta, id, &at); i++) {
        if (i > 0 && (int64_t)i >= keep && at.time_ms < oldest)
            break;
        rc = put(stay, key_of(&id));
        id = at.parent;
    }
    return rc;
}

/* The current snapshots down to the first that was there before `id`: they show that it is none of
 * their ancestors. */
static int keep_proof(expiry *e, df__ice_keymap *stay, int64_t id)
{
    df__ice_snapshot at = e->meta.snapshot, x;
    size_t most = yyjson_arr_size(snapshots_of(e));
    int is_known = e->meta.has_snapshot && df__ice_meta_snapshot(&e->meta, id, &x);
    int rc = DF_OK;
    for (size_t i = 0; is_known && rc == DF_OK && i < most; i++) {
        rc = put(stay, key_of(&at.id));
        if (at.sequence < x.sequence || !df__ice_meta_snapshot(&e->meta, at.parent, &at))
            break;
    }
    return rc;
}

/* A rollback is found by the note of a flow's sink: its snapshot is there, and no ancestor any
 * more. Without it the rows between would be taken for written. */
static int keep_noted(expiry *e, df__ice_keymap *stay)
{
    yyjson_val *key, *value;
    size_t i, most;
    int rc = DF_OK;
    yyjson_obj_foreach (yyjson_obj_get(e->meta.table, "properties"), i, most, key, value) {
        if (strncmp(yyjson_get_str(key), "dataflow.sink.", 14) != 0 || !yyjson_is_str(value))
            continue;
        yyjson_doc *note = yyjson_read(yyjson_get_str(value), yyjson_get_len(value), 0);
        const char *commit = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(note), "commit"));
        int64_t id = commit ? strtoll(commit, NULL, 10) : ICE_NO_SNAPSHOT;
        yyjson_doc_free(note);
        rc = rc == DF_OK && id != ICE_NO_SNAPSHOT ? put(stay, key_of(&id)) : rc;
        if (rc == DF_OK && df__ice_meta_is_lost(&e->meta, id))
            rc = keep_proof(e, stay, id);
    }
    return rc;
}

static int has_main(const expiry *e)
{
    return yyjson_obj_get(yyjson_obj_get(e->meta.table, "refs"), "main") != NULL;
}

static int keep_refs(expiry *e, df__ice_keymap *stay)
{
    yyjson_val *key, *ref;
    size_t i, most;
    int rc = e->meta.has_snapshot ? put(stay, key_of(&e->meta.snapshot.id)) : DF_OK;
    if (rc == DF_OK && e->meta.has_snapshot && !has_main(e)) /* older catalogs do not write it */
        rc = keep_branch(e, stay, NULL, e->meta.snapshot.id);
    yyjson_obj_foreach (yyjson_obj_get(e->meta.table, "refs"), i, most, key, ref) {
        int64_t id = yyjson_get_sint(yyjson_obj_get(ref, "snapshot-id"));
        if (rc == DF_OK)
            rc = yyjson_equals_str(yyjson_obj_get(ref, "type"), "tag")
                     ? put(stay, key_of(&id))
                     : keep_branch(e, stay, ref, id);
    }
    return rc == DF_OK ? keep_noted(e, stay) : rc;
}

/* What is on no branch may be a commit that is about to be put on one: it has its time too. */
static int choose(expiry *e)
{
    df__ice_keymap stay;
    yyjson_val *v;
    size_t i, most;
    int64_t oldest = oldest_ms(e, e->how->age_us / 1000);
    df__ice_keymap_init(&stay, &e->s->session.heap, df__ice_random(&e->s->session));
    int rc = keep_refs(e, &stay);
    e->times =
        df__arena_alloc(&e->memory, (yyjson_arr_size(snapshots_of(e)) + 1) * sizeof(int64_t));
    rc = e->times ? rc : DF_ENOMEM;
    yyjson_arr_foreach (snapshots_of(e), i, most, v) {
        int64_t id = yyjson_get_sint(yyjson_obj_get(v, "snapshot-id"));
        int64_t time = yyjson_get_sint(yyjson_obj_get(v, "timestamp-ms"));
        if (rc != DF_OK || time >= oldest || has_id(&stay, id))
            continue;
        e->times[e->goes.count] = time;
        rc = put(&e->goes, key_of(&id));
    }
    df__ice_keymap_clear(&stay);
    return rc;
}

/* ---- which files go with them ---------------------------------------------------------------- */

static int is_below(df_bytes key, const char *folder)
{
    df_bytes place = folder ? df__ice_path_key(folder) : (df_bytes){"", 0};
    const char *p = key.data;
    while (place.len && ((const char *)place.data)[place.len - 1] == '/')
        place.len--;
    return place.len && key.len > place.len && memcmp(p, place.data, place.len) == 0 &&
           p[place.len] == '/';
}

/* A table that was made of others' files names what is not its own. */
static int is_own(const expiry *e, const char *path)
{
    static const char *const folders[] = {"write.data.path", "write.metadata.path",
                                          "write.object-storage.path", "write.folder-storage.path"};
    df_bytes key = df__ice_path_key(path);
    int own = is_below(key, e->meta.location);
    for (size_t i = 0; !own && i < sizeof folders / sizeof *folders; i++)
        own = is_below(key, df__ice_meta_property(&e->meta, folders[i]));
    return own && !strstr(path, "/../");
}

static int add(expiry *e, const char *path, int64_t bytes)
{
    size_t number;
    if (!is_own(e, path)) {
        e->outside++;
        return DF_OK;
    }
    int rc = df__ice_keymap_put(&e->files, df__ice_path_key(path), &number);
    if (rc != DF_OK)
        return rc == DF_EEXISTS ? DF_OK : rc;
    if (df__grow(&e->s->session.heap, &e->rows, &e->row_cap, number, sizeof *e->rows) != DF_OK)
        return DF_ENOMEM;
    e->rows[number] = (named){df__arena_bytes(&e->memory, path, strlen(path)), bytes, 0};
    if (df__ice_keymap_bytes(&e->files) + e->memory.total > KEPT_BYTES)
        return df_stage_fail(e->s->st, DF_ETOOBIG, NULL,
                             "there are too many files to keep in mind; let older snapshots go "
                             "first");
    return e->rows[number].path ? DF_OK : DF_ENOMEM;
}

/* A path as text; NULL: no memory. */
static const char *text_of(expiry *e, df_bytes path)
{
    df__buf *b = &e->s->scratch;
    df__buf_clear(b);
    df__buf_add(b, path.data, path.len);
    return df__buf_cstr(b);
}

static int add_entry(void *user, const df__ice_entry *entry)
{
    expiry *e = user;
    const char *path = text_of(e, entry->path);
    if (entry->status == 2) /* it went before */
        return DF_OK;
    e->data_count++;
    return path ? add(e, path, entry->bytes) : DF_ENOMEM;
}

static int add_manifest(expiry *e, const df__ice_manifest *m)
{
    size_t number;
    const char *path = text_of(e, m->path);
    if (!path)
        return DF_ENOMEM;
    df_bytes key = df__ice_path_key(path);
    if (df__ice_keymap_find(&e->held, key, &number) || df__ice_keymap_find(&e->files, key, &number))
        return DF_OK;
    int rc = add(e, path, m->length);
    return rc == DF_OK ? df__ice_manifest_get(e->s, m, add_entry, e) : rc;
}

/* What is done with the manifest lists of all snapshots that go, or of those that stay. */
typedef int (*manifest_fn)(expiry *e, const df__ice_manifest *m);

static int walk_list(expiry *e, const char *list, manifest_fn each, int64_t *ret_bytes)
{
    df__ice_listed listed;
    df__arena arena;
    df__arena_init(&arena, &e->s->session.heap, 16384);
    int rc = df__ice_list_get(e->s, list, &arena, &listed);
    for (size_t i = 0; i < listed.count && rc == DF_OK; i++)
        rc = each(e, &listed.rows[i]);
    *ret_bytes = listed.bytes;
    df__arena_free(&arena);
    return rc;
}

static int hold_manifest(expiry *e, const df__ice_manifest *m)
{
    const char *path = text_of(e, m->path);
    return path ? put(&e->held, df__ice_path_key(path)) : DF_ENOMEM;
}

static int add_statistics(expiry *e, const char *list)
{
    yyjson_val *v;
    size_t i, most;
    int rc = DF_OK;
    yyjson_arr_foreach (yyjson_obj_get(e->meta.table, list), i, most, v) {
        const char *path = yyjson_get_str(yyjson_obj_get(v, "statistics-path"));
        if (rc == DF_OK && path &&
            has_id(&e->goes, yyjson_get_sint(yyjson_obj_get(v, "snapshot-id"))))
            rc = add(e, path, yyjson_get_sint(yyjson_obj_get(v, "file-size-in-bytes")));
    }
    return rc;
}

static int gather(expiry *e)
{
    yyjson_val *v;
    size_t i, most;
    df__ice_snapshot at;
    int64_t bytes;
    int rc = DF_OK;
    yyjson_arr_foreach (snapshots_of(e), i, most, v)
        if (rc == DF_OK && !has_id(&e->goes, yyjson_get_sint(yyjson_obj_get(v, "snapshot-id"))))
            rc = walk_list(e, yyjson_get_str(yyjson_obj_get(v, "manifest-list")), hold_manifest,
                           &bytes);
    for (i = 0; i < e->goes.count && rc == DF_OK; i++) {
        int64_t id;
        memcpy(&id, e->goes.keys[i].data, sizeof id);
        if (!df__ice_meta_snapshot(&e->meta, id, &at))
            continue;
        rc = walk_list(e, at.manifests, add_manifest, &bytes);
        rc = rc == DF_OK ? add(e, at.manifests, bytes) : rc;
    }
    rc = rc == DF_OK ? add_statistics(e, "statistics") : rc;
    return rc == DF_OK ? add_statistics(e, "partition-statistics") : rc;
}

/* ---- what another snapshot names stays ------------------------------------------------------- */

static void mark(expiry *e, const char *path)
{
    size_t number;
    if (path && df__ice_keymap_find(&e->files, df__ice_path_key(path), &number))
        e->rows[number].stays = 1;
}

static int mark_entry(void *user, const df__ice_entry *entry)
{
    expiry *e = user;
    const char *path = text_of(e, entry->path);
    if (entry->status != 2)
        mark(e, path);
    return path ? DF_OK : DF_ENOMEM;
}

static int mark_manifest(expiry *e, const df__ice_manifest *m)
{
    size_t number;
    const char *path = text_of(e, m->path);
    if (!path)
        return DF_ENOMEM;
    mark(e, path);
    int rc = df__ice_keymap_put(&e->held, df__ice_path_key(path), &number);
    if (rc != DF_OK)
        return rc == DF_EEXISTS ? DF_OK : rc;
    return e->data_count ? df__ice_manifest_get(e->s, m, mark_entry, e) : DF_OK;
}

static void mark_statistics(expiry *e, const char *list)
{
    yyjson_val *v;
    size_t i, most;
    yyjson_arr_foreach (yyjson_obj_get(e->meta.table, list), i, most, v)
        if (!has_id(&e->goes, yyjson_get_sint(yyjson_obj_get(v, "snapshot-id"))))
            mark(e, yyjson_get_str(yyjson_obj_get(v, "statistics-path")));
}

static int mark_all(expiry *e)
{
    yyjson_val *v;
    size_t i, most;
    int64_t bytes;
    int rc = DF_OK;
    df__ice_keymap_clear(&e->held);
    yyjson_arr_foreach (snapshots_of(e), i, most, v) {
        const char *list = yyjson_get_str(yyjson_obj_get(v, "manifest-list"));
        if (rc != DF_OK || has_id(&e->goes, yyjson_get_sint(yyjson_obj_get(v, "snapshot-id"))))
            continue;
        mark(e, list);
        rc = walk_list(e, list, mark_manifest, &bytes);
    }
    mark_statistics(e, "statistics");
    mark_statistics(e, "partition-statistics");
    return rc;
}

/* ---- the commit ------------------------------------------------------------------------------ */

static void require_ref(df__buf *b, const char *ref, int64_t id)
{
    df__buf_str(b, ",{\"type\":\"assert-ref-snapshot-id\",\"ref\":");
    df__buf_json(b, ref, strlen(ref));
    df__buf_printf(b, ",\"snapshot-id\":%lld}", (long long)id);
}

/* It holds only for the branches and tags that were seen. */
static int make_body(const expiry *e, df__buf *b)
{
    yyjson_val *key, *ref;
    size_t i, most;
    df__buf_printf(b, "{\"requirements\":[{\"type\":\"assert-table-uuid\",\"uuid\":\"%s\"}",
                   e->meta.uuid);
    yyjson_obj_foreach (yyjson_obj_get(e->meta.table, "refs"), i, most, key, ref)
        require_ref(b, yyjson_get_str(key), yyjson_get_sint(yyjson_obj_get(ref, "snapshot-id")));
    if (e->meta.has_snapshot && !has_main(e))
        require_ref(b, "main", e->meta.snapshot.id);
    df__buf_str(b, "],\"updates\":[{\"action\":\"remove-snapshots\",\"snapshot-ids\":[");
    for (i = 0; i < e->goes.count; i++) {
        int64_t id;
        memcpy(&id, e->goes.keys[i].data, sizeof id);
        df__buf_printf(b, "%s%lld", i ? "," : "", (long long)id);
    }
    df__buf_str(b, "]}]}");
    return df__buf_cstr(b) ? DF_OK : DF_ENOMEM;
}

/* DF_AGAIN: the table still has one of them, so nothing may be removed. */
static int look_after(expiry *e)
{
    char uuid[64];
    df__ice_snapshot at;
    df__text_set(uuid, sizeof uuid, e->meta.uuid, strlen(e->meta.uuid));
    int rc = look(e);
    if (rc == DF_OK && strcmp(uuid, e->meta.uuid) != 0)
        return df_stage_failf(e->s->st, DF_EIO, "schema_changed",
                              "table %s was replaced by another one of its name; no file was "
                              "removed",
                              e->s->catalog.shown.data);
    for (size_t i = 0; i < e->goes.count && rc == DF_OK; i++) {
        int64_t id;
        memcpy(&id, e->goes.keys[i].data, sizeof id);
        rc = df__ice_meta_snapshot(&e->meta, id, &at) ? DF_AGAIN : DF_OK;
    }
    return rc;
}

/* Whatever the answer is, the table tells what came of it. */
static int send(expiry *e)
{
    enum df__ice_outcome outcome;
    df__buf body;
    df__buf_init(&body, &e->s->session.heap);
    int rc = make_body(e, &body);
    DF_CRASHPOINT("iceberg.expire");
    if (rc == DF_OK)
        rc = df__ice_commit(&e->s->catalog, (df_bytes){body.data, body.len}, NULL, &outcome);
    DF_CRASHPOINT("iceberg.expired");
    df__buf_free(&body);
    return rc == DF_OK ? look_after(e) : rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void tell_snapshots(const expiry *e)
{
    for (size_t i = 0; i < e->goes.count; i++) {
        char name[32];
        int64_t id;
        memcpy(&id, e->goes.keys[i].data, sizeof id);
        snprintf(name, sizeof name, "%lld", (long long)id);
        const df_expired row = {.size = sizeof row, .name = name, .time_us = e->times[i] * 1000};
        e->each(e->user, &row);
    }
}

static int tell_files(expiry *e)
{
    int rc = DF_OK;
    for (size_t i = 0; i < e->files.count && rc == DF_OK; i++) {
        const named *at = &e->rows[i];
        const df_expired row = {
            .size = sizeof row, .name = at->path, .is_file = 1, .bytes = at->bytes};
        if (at->stays)
            continue;
        rc = e->how->apply ? df__ice_store_remove(&e->s->store, at->path) : DF_OK;
        if (rc == DF_OK)
            e->each(e->user, &row);
        DF_CRASHPOINT("iceberg.removed");
    }
    return rc;
}

static void forget(expiry *e)
{
    df__ice_keymap_clear(&e->goes);
    df__ice_keymap_clear(&e->held);
    df__ice_keymap_clear(&e->files);
    df__arena_free(&e->memory);
    df__arena_init(&e->memory, &e->s->session.heap, 16384);
    e->data_count = e->outside = 0;
}

/* DF_AGAIN: the table is another one by now. */
static int try_once(expiry *e)
{
    forget(e);
    int rc = look(e);
    rc = rc == DF_OK ? choose(e) : rc;
    if (rc != DF_OK || e->goes.count == 0)
        return rc;
    rc = gather(e);
    return rc == DF_OK && e->how->apply ? send(e) : rc;
}

static int run(expiry *e)
{
    int rc = try_once(e);
    for (int i = 1; rc == DF_AGAIN && i < TRIES; i++) {
        rc = df__ice_pause(&e->s->session, (int64_t)PAUSE_US * i);
        if (rc == DF_OK && e->goes.count > 0) /* the catalog may have done it late */
            rc = look_after(e);
        rc = rc == DF_AGAIN || (rc == DF_OK && e->goes.count == 0) ? try_once(e) : rc;
    }
    if (rc == DF_AGAIN)
        return df_stage_failf(e->s->st, DF_EIO, "transient",
                              "other writers of table %s were faster, or the catalog failed, again "
                              "and again; no file was removed",
                              e->s->catalog.shown.data);
    rc = rc == DF_OK ? mark_all(e) : rc;
    if (rc != DF_OK)
        return rc;
    tell_snapshots(e);
    if (e->outside)
        df_stage_logf(e->s->st, DF_LOG_WARN,
                      "%zu files of snapshots that go lie outside of the table's place: they stay",
                      e->outside);
    return tell_files(e);
}

int df__ice_expire(df__ice_sink *s, const df_expiry *how, df_expired_fn each, void *user)
{
    expiry e = {.s = s, .how = how, .each = each, .user = user};
    int rc = df__ice_refuse_nessie(s);
    if (rc != DF_OK)
        return rc;
    df__ice_keymap_init(&e.goes, &s->session.heap, df__ice_random(&s->session));
    df__ice_keymap_init(&e.held, &s->session.heap, df__ice_random(&s->session));
    df__ice_keymap_init(&e.files, &s->session.heap, df__ice_random(&s->session));
    df__arena_init(&e.memory, &s->session.heap, 16384);
    rc = run(&e);
    df__ice_keymap_clear(&e.goes);
    df__ice_keymap_clear(&e.held);
    df__ice_keymap_clear(&e.files);
    df__arena_free(&e.memory);
    df__free(&s->session.heap, e.rows);
    df__ice_meta_free(&e.meta);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for the names of files")
                           : rc;
}
