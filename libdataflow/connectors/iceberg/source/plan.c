/* SPDX-License-Identifier: Apache-2.0
 * plan.c: which files are to be read. All of a snapshot: the live files of its manifests. What came
 * since another one: where the catalog lists the snapshots between, the files that each of them
 * added; where it shows one snapshot alone (Nessie), the files whose sequence numbers are newer.
 * Files come in the order of the manifests, oldest first, which is the same in every plan. */
#include <stdlib.h>
#include <string.h>

#include "source/source.h"
#include "types/scope.h"
#include "util/arena.h"

enum { KEY_METADATA = 131 };

void df__ice_plan_free(df__ice_source *s)
{
    df__ice_scan_close(s);
    if (s->plan_memory.heap)
        df__arena_free(&s->plan_memory);
    df__ice_keys_free(s);
    df__free(&s->session.heap, s->files);
    df__free(&s->session.heap, s->deletes);
    s->files = NULL;
    s->deletes = NULL;
    s->file_count = s->file_cap = s->delete_count = s->delete_cap = 0;
    s->own_deletes = 0;
}

void df__ice_shape_free(df__ice_source *s)
{
    if (s->memory.heap)
        df__arena_free(&s->memory);
    df__ice_meta_free(&s->meta);
    df_schema_free(s->schema);
    s->schema = NULL;
    s->columns = NULL;
    s->column_count = 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int type_of(const df__parquet_column *c)
{
    static const int types[] = {
        [DF__PARQUET_BOOLEAN] = DF_V_BOOL,
        [DF__PARQUET_INT] = DF_V_INT,
        [DF__PARQUET_LONG] = DF_V_INT,
        [DF__PARQUET_FLOAT] = DF_V_DOUBLE,
        [DF__PARQUET_DOUBLE] = DF_V_DOUBLE,
        [DF__PARQUET_DECIMAL] = DF_V_NUMBER,
        [DF__PARQUET_DATE] = DF_V_DATE,
        [DF__PARQUET_TIME] = DF_V_TIME,
        [DF__PARQUET_TIMESTAMP] = DF_V_TIMESTAMP,
        [DF__PARQUET_TIMESTAMPTZ] = DF_V_TIMESTAMP,
        [DF__PARQUET_TIMESTAMP_NS] = DF_V_ABSENT,
        [DF__PARQUET_TIMESTAMPTZ_NS] = DF_V_ABSENT,
        [DF__PARQUET_STRING] = DF_V_STRING,
        [DF__PARQUET_UUID] = DF_V_STRING,
        [DF__PARQUET_FIXED] = DF_V_BYTES,
        [DF__PARQUET_BINARY] = DF_V_BYTES,
        [DF__PARQUET_STRUCT] = DF_V_OBJECT,
        [DF__PARQUET_LIST] = DF_V_ARRAY,
    };
    if (c->kind == DF__PARQUET_MAP)
        return c->children[0].kind == DF__PARQUET_STRING ? DF_V_OBJECT : DF_V_ARRAY;
    return types[c->kind];
}

static int make_schema(df__ice_source *s)
{
    df_field *fields = df__arena_zalloc(&s->memory, (s->column_count + 1) * sizeof *fields);
    if (!fields)
        return DF_ENOMEM;
    for (size_t i = 0; i < s->column_count; i++) {
        const df__parquet_column *c = &s->columns[i];
        fields[i] = (df_field){.size = sizeof *fields,
                               .name = c->name,
                               .type = type_of(c),
                               .zone = c->kind == DF__PARQUET_TIMESTAMP ? DF_ZONE_NONE : 0,
                               .precision = c->precision,
                               .scale = c->scale,
                               .flags = c->required ? DF_FIELD_NOT_NULL : 0};
    }
    return df_schema_new(s->st, fields, s->column_count, &s->schema);
}

/* A column of the option that is renamed or dropped ends the run: records would lack it. */
static int check_names(df__ice_source *s)
{
    const df_bytes *names = s->opt.columns.items;
    for (size_t i = 0; i < s->opt.columns.count; i++) {
        size_t n = 0;
        while (n < s->column_count && strcmp(s->columns[n].name, names[i].data) != 0)
            n++;
        if (n == s->column_count)
            return df_stage_failf(s->st, DF_EINVAL, "configuration",
                                  "columns: table %s has no column %.*s", s->catalog.shown.data,
                                  (int)names[i].len, (const char *)names[i].data);
    }
    return DF_OK;
}

static int read_shape(df__ice_source *s)
{
    char why[ICE_SHOWN];
    if (s->meta.version > 3)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s: its format-version is %d; 1 to 3 are read",
                              s->catalog.shown.data, s->meta.version);
    df__arena_init(&s->memory, &s->session.heap, 8192);
    df__ice_pick pick = {s->meta.schema, s->opt.columns.items, s->opt.columns.count,
                         DF__PARQUET_NO_ID};
    pick.names = pick.name_count ? pick.names : NULL; /* undefined when there are none */
    int rc = df__ice_columns_pick(&s->memory, &pick, &s->columns, &s->column_count, why);
    if (rc == DF_EDATA)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s: %s; the option columns reads others without it",
                              s->catalog.shown.data, why);
    rc = rc == DF_OK ? check_names(s) : rc;
    rc = rc == DF_OK ? df__ice_message_fits(s) : rc;
    rc = rc == DF_OK ? make_schema(s) : rc;
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for the columns") : rc;
}

int df__ice_shape(df__ice_source *s, const char *at)
{
    char why[ICE_SHOWN];
    df__ice_answer a;
    df__ice_store_facts facts;
    const char *where = at ? at : s->as_of[0] ? s->as_of : NULL;
    df__ice_shape_free(s);
    int rc = where ? df__ice_load_at(&s->catalog, where, &a) : df__ice_load(&s->catalog, &a);
    if (rc == DF_OK) {
        rc = df__ice_meta_read(&a, &s->meta, why);
        if (rc == DF_EDATA)
            rc = df_stage_failf(s->st, DF_EIO, "transient", "%s", why);
    }
    df__buf_free(&a.body);
    if (rc == DF_ENOTFOUND && at)
        return rc;
    if (rc == DF_ENOTFOUND)
        return df_stage_failf(s->st, s->seen ? DF_EIO : DF_ENOTFOUND, "configuration",
                              "table %s is not there, or may not be seen", s->catalog.shown.data);
    if (rc != DF_OK)
        return rc;
    df__ice_meta_facts(&s->catalog, &s->meta, &facts);
    rc = df__ice_store_set(&s->store, &facts);
    rc = rc == DF_OK ? df__ice_store_knows(&s->store, s->meta.location) : rc;
    rc = rc == DF_OK && !at ? df__ice_state_set(s) : rc;
    rc = rc == DF_OK ? read_shape(s) : rc;
    s->seen |= rc == DF_OK;
    return rc;
}

/* ---- manifests ------------------------------------------------------------------------------- */

typedef struct range { /* which entries are wanted */
    df__ice_source *s;
    const df__ice_snapshot *at; /* whose list is read */
    int added_only;             /* by one snapshot */
    int64_t snapshot;           /* that one */
    int64_t after;              /* sequence numbers above it; -1: all */
    int64_t deleted;            /* entries that were taken away since */
    int64_t spec;               /* of the manifest at hand */
    df_bytes scope;             /* of the entry before */
} range;

/* Files of a partition stand together mostly: they share what says which one it is. */
static int scope_of(range *r, const df__ice_entry *e)
{
    df__ice_source *s = r->s;
    df__buf_clear(&s->key);
    df__ice_scope_add(&s->key, r->spec, df__ice_avro_field(e->file, 102));
    if (s->key.failed)
        return DF_ENOMEM;
    if (r->scope.data && r->scope.len == s->key.len &&
        memcmp(r->scope.data, s->key.data, s->key.len) == 0)
        return DF_OK;
    return df__arena_copy(&s->plan_memory, (df_bytes){s->key.data, s->key.len}, &r->scope);
}

static int is_format(const df__ice_entry *e, const char *name)
{
    return e->format.len == strlen(name) && strncasecmp(e->format.data, name, e->format.len) == 0;
}

static int is_readable(df__ice_source *s, const df__ice_entry *e)
{
    if (df__ice_avro_field(e->file, KEY_METADATA)->kind != ICE_AVRO_NULL)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s: the file %.*s is encrypted, which is not read",
                              s->catalog.shown.data, (int)e->path.len, (const char *)e->path.data);
    if (is_format(e, "parquet") || (e->content == 1 && e->length > 0 && is_format(e, "puffin")))
        return DF_OK;
    return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                          "table %s: the file %.*s is %.*s; only Parquet is read",
                          s->catalog.shown.data, (int)e->path.len, (const char *)e->path.data,
                          (int)e->format.len, (const char *)e->format.data);
}

static int add_file(range *r, const df__ice_entry *e)
{
    df__ice_source *s = r->s;
    df__ice_scan_file f = {.scope = r->scope,
                           .bytes = e->bytes,
                           .snapshot = r->at->id,
                           .number = r->at->sequence,
                           .sequence = e->sequence};
    if (df__arena_copy(&s->plan_memory, e->path, &f.path) != DF_OK ||
        df__grow(&s->session.heap, &s->files, &s->file_cap, s->file_count, sizeof f) != DF_OK)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a list of files");
    s->files[s->file_count++] = f;
    return DF_OK;
}

static int take_entry(void *user, const df__ice_entry *e)
{
    range *r = user;
    if (e->status == 2) {
        r->deleted += e->content == 0 && e->snapshot != ICE_NO_SNAPSHOT;
        return DF_OK;
    }
    if (r->added_only && (e->status != 1 || e->snapshot != r->snapshot))
        return DF_OK;
    if (r->after >= 0 && (e->file_sequence <= r->after || e->sequence <= r->after))
        return DF_OK;
    if (e->content == 2 && r->s->own_deletes) /* it reaches older rows alone */
        return DF_OK;
    int rc = is_readable(r->s, e);
    if (rc != DF_OK)
        return rc;
    if (scope_of(r, e) != DF_OK)
        return df_stage_fail(r->s->st, DF_ENOMEM, NULL, "no memory for a list of files");
    return e->content == 0 ? add_file(r, e) : df__ice_delete_add(r->s, e, r->scope);
}

static int read_manifest(df__ice_source *s, const df__ice_manifest *m, range *r)
{
    df__ice_reading reading = {.heap = &s->session.heap, .each = take_entry, .user = r};
    df__buf file;
    df__buf_init(&file, &s->session.heap);
    r->spec = m->spec_id;
    int rc = df__ice_store_get(&s->store, m->path.data, 0, 0, &file);
    if (rc == DF_OK) {
        rc = df__ice_manifest_read((df_bytes){file.data, file.len}, m, &reading);
        if (rc == DF_EDATA)
            rc = df_stage_failf(s->st, DF_EINVAL, "configuration", "the manifest %s: %s",
                                (const char *)m->path.data, reading.why);
    }
    df__buf_free(&file);
    return rc == DF_ENOTFOUND ? DF_EIO : rc; /* expired a moment ago */
}

static int read_list(df__ice_source *s, const df__ice_snapshot *at, df__ice_manifest **ret,
                     size_t *ret_count)
{
    const char *why = NULL;
    df__buf file;
    if (!at->manifests)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s: a snapshot without a manifest list (format-version 1) is "
                              "not read",
                              s->catalog.shown.data);
    df__buf_init(&file, &s->session.heap);
    int rc = df__ice_store_get(&s->store, at->manifests, 0, 0, &file);
    if (rc == DF_OK)
        rc = df__ice_list_read(&s->plan_memory, (df_bytes){file.data, file.len}, ret, ret_count,
                               &why);
    if (rc == DF_EDATA)
        rc = df_stage_failf(s->st, DF_EINVAL, "configuration", "the manifest list %s: %s",
                            at->manifests, why);
    df__buf_free(&file);
    return rc == DF_ENOTFOUND ? DF_EIO : rc;
}

/* ---- plans ----------------------------------------------------------------------------------- */

static int overwritten(df__ice_source *s, const df__ice_snapshot *at)
{
    if (s->opt.on_overwrite == 1)
        return DF_OK;
    return df_stage_failf(s->st, DF_ESTATE, "configuration",
                          "table %s: snapshot %lld (%s) changed or deleted rows, which an "
                          "incremental read cannot tell; onOverwrite: ignore reads what it added",
                          s->catalog.shown.data, (long long)at->id,
                          *at->operation ? at->operation : "no operation");
}

/* Manifests stand in a list with the newest first, as writers write it. */
static int all_of(df__ice_source *s, const df__ice_snapshot *at, range *r)
{
    df__ice_manifest *rows = NULL;
    size_t count = 0;
    r->at = at;
    int rc = read_list(s, at, &rows, &count);
    for (size_t i = count; i-- > 0 && rc == DF_OK;) {
        const df__ice_manifest *m = &rows[i];
        int wanted = !r->added_only || m->snapshot == r->snapshot;
        wanted &= r->after < 0 || m->sequence > r->after;
        if (wanted && m->content == 1 && r->after >= 0 && (m->files[0] != 0 || m->files[1] != 0))
            rc = overwritten(s, at);
        rc = wanted && rc == DF_OK ? read_manifest(s, m, r) : rc;
    }
    return rc;
}

/* Ids of the snapshots from the one that is done to the current one, newest first. 0: the one that
 * is done is no ancestor. */
static int chain(df__ice_source *s, int64_t **ret, size_t *ret_count)
{
    df__ice_snapshot at = s->meta.snapshot;
    size_t cap = 0, count = 0, most = yyjson_arr_size(yyjson_obj_get(s->meta.table, "snapshots"));
    int64_t *ids = NULL;
    int found = 0, rc = DF_OK;
    while (rc == DF_OK && count <= most) { /* a circle ends, too */
        found = at.id == s->spot.done;
        if (found)
            break;
        rc = df__grow(&s->session.heap, &ids, &cap, count, sizeof *ids);
        if (rc == DF_OK)
            ids[count++] = at.id;
        found = at.parent == s->spot.done; /* also when that one has expired since */
        if (found || at.parent == ICE_NO_SNAPSHOT ||
            !df__ice_meta_snapshot(&s->meta, at.parent, &at))
            break;
    }
    *ret = ids;
    *ret_count = count;
    return rc != DF_OK ? rc : found;
}

static int along(df__ice_source *s, const int64_t *ids, size_t count)
{
    df__ice_snapshot at = s->meta.snapshot;
    int rc = DF_OK;
    s->own_deletes = 1;
    for (size_t i = count; i-- > 0 && rc == DF_OK;) {
        range r = {.s = s, .added_only = 1, .snapshot = ids[i], .after = -1};
        (void)df__ice_meta_snapshot(&s->meta, ids[i], &at); /* chain() found it */
        if (strcmp(at.operation, "replace") == 0)
            continue;
        if (strcmp(at.operation, "append") != 0)
            rc = overwritten(s, &at);
        rc = rc == DF_OK ? all_of(s, &at, &r) : rc;
    }
    return rc;
}

/* By sequence numbers alone: exact while nothing was taken away. */
static int by_sequence(df__ice_source *s)
{
    range r = {.s = s, .after = s->spot.done_sequence};
    int rc = all_of(s, &s->meta.snapshot, &r);
    return rc == DF_OK && r.deleted ? overwritten(s, &s->meta.snapshot) : rc;
}

/* What one state of the table added to another one: a snapshot, or several that were merged into
 * the branch at once. */
static int step_to(df__ice_source *s, const df__ice_snapshot *to, int64_t before)
{
    range r = {.s = s, .added_only = to->sequence == before + 1, .snapshot = to->id, .after = -1};
    if (r.added_only && strcmp(to->operation, "replace") == 0)
        return DF_OK;
    if (r.added_only && strcmp(to->operation, "append") != 0) {
        int rc = overwritten(s, to);
        if (rc != DF_OK)
            return rc;
    }
    r.after = r.added_only ? -1 : before;
    int rc = all_of(s, to, &r);
    return rc == DF_OK && !r.added_only && r.deleted ? overwritten(s, to) : rc;
}

/* Along the commits of Nessie that put the table. DF_ENOTFOUND: the one that is done is none of
 * them. */
static int by_history(df__ice_source *s)
{
    df__ice_history h;
    df__ice_snapshot last = {.id = s->spot.done, .sequence = s->spot.done_sequence};
    int rc = df__ice_history_read(&s->catalog, s->spot.done_commit, s->spot.target_commit, &h);
    s->own_deletes = 1;
    for (size_t i = h.count; i-- > 0 && rc == DF_OK;) {
        df__ice_meta m = {.doc = NULL};
        df__ice_answer a;
        char why[ICE_SHOWN];
        rc = df__ice_load_at(&s->catalog, h.commits[i], &a);
        rc = rc == DF_OK ? df__ice_meta_read(&a, &m, why) : rc;
        if (rc == DF_OK && m.has_snapshot && m.snapshot.id != last.id) {
            rc = step_to(s, &m.snapshot, last.sequence);
            last = m.snapshot;
        }
        df__buf_free(&a.body);
        df__ice_meta_free(&m);
        if (rc == DF_EDATA)
            rc = df_stage_failf(s->st, DF_EIO, "transient", "%s", why);
    }
    df__free(&s->session.heap, h.commits);
    return rc == DF_OK && last.id != s->meta.snapshot.id ? DF_ENOTFOUND : rc;
}

static int whole(df__ice_source *s)
{
    range r = {.s = s, .after = -1};
    return all_of(s, &s->meta.snapshot, &r);
}

static int lost(df__ice_source *s)
{
    if (s->opt.on_lost == 0)
        return df_stage_failf(s->st, DF_ESTATE, "configuration",
                              "table %s: snapshot %lld, which was read last, is no ancestor of the "
                              "current one any more; onLostSnapshot: resync reads all rows again",
                              s->catalog.shown.data, (long long)s->spot.done);
    df_stage_logf(s->st, DF_LOG_WARN,
                  "snapshot %lld is no ancestor of the current one any more: all rows are read "
                  "again",
                  (long long)s->spot.done);
    s->spot.done = ICE_NO_SNAPSHOT;
    s->spot.file = s->spot.row = 0; /* of another plan, that was begun */
    s->file_count = s->delete_count = 0;
    s->own_deletes = 0;
    return whole(s);
}

static int since(df__ice_source *s)
{
    int64_t *ids;
    size_t count;
    int found = chain(s, &ids, &count);
    int rc = found < 0 ? found : DF_OK;
    /* One snapshot without a parent: the catalog does not tell more. */
    int tells = s->meta.snapshot.parent != ICE_NO_SNAPSHOT ||
                yyjson_arr_size(yyjson_obj_get(s->meta.table, "snapshots")) > 1;
    int newer = s->spot.done_sequence > 0 && s->spot.done_sequence < s->meta.snapshot.sequence;
    if (rc == DF_OK && found)
        rc = along(s, ids, count);
    else if (rc == DF_OK && !tells && s->catalog.is_nessie && s->spot.done_commit[0] &&
             s->spot.target_commit[0]) {
        rc = by_history(s);
        rc = rc == DF_ENOTFOUND ? lost(s) : rc;
    } else if (rc == DF_OK)
        rc = !tells && newer ? by_sequence(s) : lost(s);
    df__free(&s->session.heap, ids);
    return rc;
}

/* A table that was dropped and made anew is another one. */
static int check_uuid(df__ice_source *s)
{
    if (s->spot.uuid[0] && strcmp(s->spot.uuid, s->meta.uuid) != 0)
        return df_stage_failf(s->st, DF_ESTATE, "configuration",
                              "table %s is another one than was read (it was made anew); reset the "
                              "flow's positions to read it",
                              s->catalog.shown.data);
    df__text_set(s->spot.uuid, sizeof s->spot.uuid, s->meta.uuid, strlen(s->meta.uuid));
    return DF_OK;
}

/* What was begun of another state than the options name now is none of it. Nessie's are told by
 * their commits. */
static int is_of_state(const df__ice_source *s)
{
    int is_named =
        s->opt.snapshot.data || s->opt.tag.data || s->opt.as_of.data || s->place.branch.data;
    return s->place.base_url.data || !is_named || !df__ice_meta_is_lost(&s->meta, s->spot.target);
}

/* A plan that was begun is finished as it was begun, when its snapshot is still there. */
static int go_on(df__ice_source *s)
{
    df__ice_snapshot at;
    if (s->spot.target == s->meta.snapshot.id)
        return DF_OK;
    if (is_of_state(s) && df__ice_meta_snapshot(&s->meta, s->spot.target, &at)) {
        s->meta.snapshot = at;
        return DF_OK;
    }
    if (s->spot.target_commit[0] && s->catalog.is_nessie) {
        int rc = df__ice_shape(s, s->spot.target_commit);
        if (rc == DF_OK && s->meta.has_snapshot && s->meta.snapshot.id == s->spot.target)
            return DF_OK;
        rc = rc == DF_OK || rc == DF_ENOTFOUND ? df__ice_shape(s, NULL) : rc;
        if (rc != DF_OK || !s->meta.has_snapshot)
            return rc;
    }
    if (!s->opt.incremental || !s->exactly_once) { /* what was read of it comes once more */
        df_stage_logf(
            s->st, DF_LOG_WARN,
            "snapshot %lld, of which a part was read, is gone, or none of the state that is read: "
            "that part comes again with the current one",
            (long long)s->spot.target);
        s->spot.file = s->spot.row = 0;
        return DF_OK;
    }
    return df_stage_failf(s->st, DF_ESTATE, "configuration",
                          "table %s: snapshot %lld, of which a part was read, is gone, or none of "
                          "the state that is read; reset the flow's positions to begin anew",
                          s->catalog.shown.data, (long long)s->spot.target);
}

static void set_commit(df__ice_source *s, char ret[ICE_COMMIT])
{
    const char *id = df__ice_meta_property(&s->meta, "nessie.commit.id");
    df__text_set(ret, ICE_COMMIT, id && strlen(id) < ICE_COMMIT ? id : "",
                 id && strlen(id) < ICE_COMMIT ? strlen(id) : 0);
}

/* Where to go on. DF_DONE: nothing came since. */
static int aim(df__ice_source *s)
{
    int rc = DF_OK;
    if (s->spot.target != ICE_NO_SNAPSHOT)
        rc = go_on(s);
    else
        s->spot.file = s->spot.row = 0;
    if (rc != DF_OK)
        return rc;
    if (s->spot.done == s->meta.snapshot.id) {
        set_commit(s, s->spot.done_commit);
        return DF_DONE;
    }
    /* What was begun without a snapshot that is done are all rows of its target. */
    if (s->spot.done == ICE_NO_SNAPSHOT && s->spot.target == ICE_NO_SNAPSHOT &&
        s->opt.incremental && s->opt.start.len)
        s->spot.done = strtoll(s->opt.start.data, NULL, 10);
    if (s->spot.done == s->meta.snapshot.id) { /* nothing came after the one to start with */
        s->spot.done_sequence = s->meta.snapshot.sequence;
        set_commit(s, s->spot.done_commit);
        s->changed = 1;
        return DF_DONE;
    }
    return DF_OK;
}

int df__ice_plan(df__ice_source *s)
{
    df__ice_plan_free(s);
    df__arena_init(&s->plan_memory, &s->session.heap, 8192);
    int rc = df__ice_shape(s, NULL);
    rc = rc == DF_OK ? check_uuid(s) : rc;
    if (rc == DF_OK && !s->meta.has_snapshot)
        return DF_DONE;
    rc = rc == DF_OK ? aim(s) : rc;
    if (rc != DF_OK)
        return rc;
    if (s->spot.target != s->meta.snapshot.id)
        set_commit(s, s->spot.target_commit);
    s->spot.target = s->meta.snapshot.id;
    s->target_sequence = s->meta.snapshot.sequence;
    rc = s->opt.incremental && s->spot.done != ICE_NO_SNAPSHOT ? since(s) : whole(s);
    if (rc == DF_OK)
        df__ice_deletes_sort(s);
    return rc == DF_OK ? df__ice_columns_want(s) : rc;
}
