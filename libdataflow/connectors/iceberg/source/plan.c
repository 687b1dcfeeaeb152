/* SPDX-License-Identifier: Apache-2.0
 * plan.c: which files are to be read. All of a snapshot: the live files of its manifests. What came
 * since another one: where the catalog lists the snapshots between, the files that each of them
 * added; where it shows one snapshot alone (Nessie), the files whose sequence numbers are newer.
 * Files come in the order of the manifests, oldest first, which is the same in every plan. */
#include <stdlib.h>
#include <string.h>

#include "source/source.h"
#include "util/arena.h"

enum { CHAIN_MOST = 100000 };

void df__ice_plan_free(df__ice_source *s)
{
    df__ice_scan_close(s);
    if (s->plan_memory.heap)
        df__arena_free(&s->plan_memory);
    df__free(&s->session.heap, s->files);
    s->files = NULL;
    s->file_count = s->file_cap = 0;
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
    s->values = df__arena_zalloc(&s->memory, (s->column_count + 1) * sizeof *s->values);
    if (!fields || !s->values)
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

static int read_shape(df__ice_source *s)
{
    char why[ICE_SHOWN];
    if (s->meta.version > 2)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s: its format-version is %d; 1 and 2 are read",
                              s->catalog.shown.data, s->meta.version);
    df__arena_init(&s->memory, &s->session.heap, 8192);
    int rc = df__ice_columns(&s->memory, s->meta.schema, &s->columns, &s->column_count, why);
    if (rc == DF_EDATA)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported", "table %s: %s",
                              s->catalog.shown.data, why);
    rc = rc == DF_OK ? make_schema(s) : rc;
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for the columns") : rc;
}

int df__ice_shape(df__ice_source *s)
{
    char why[ICE_SHOWN];
    df__ice_answer a;
    df__ice_store_facts facts;
    df__ice_shape_free(s);
    int rc = df__ice_load(&s->catalog, &a);
    if (rc == DF_OK) {
        rc = df__ice_meta_read(&a, &s->meta, why);
        if (rc == DF_EDATA)
            rc = df_stage_failf(s->st, DF_EIO, "transient", "%s", why);
    }
    df__buf_free(&a.body);
    if (rc == DF_ENOTFOUND)
        return df_stage_failf(s->st, s->seen ? DF_EIO : DF_ENOTFOUND, "configuration",
                              "table %s is not there, or may not be seen", s->catalog.shown.data);
    if (rc != DF_OK)
        return rc;
    df__ice_meta_facts(&s->catalog, &s->meta, &facts);
    rc = df__ice_store_set(&s->store, &facts);
    rc = rc == DF_OK ? df__ice_store_knows(&s->store, s->meta.location) : rc;
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
} range;

static int take_entry(void *user, const df__ice_entry *e)
{
    range *r = user;
    df__ice_source *s = r->s;
    df__ice_scan_file f = {.bytes = e->bytes, .snapshot = r->at->id, .sequence = r->at->sequence};
    if (e->status == 2) {
        r->deleted += e->snapshot != ICE_NO_SNAPSHOT;
        return DF_OK;
    }
    if (r->added_only && (e->status != 1 || e->snapshot != r->snapshot))
        return DF_OK;
    if (r->after >= 0 && (e->file_sequence <= r->after || e->sequence <= r->after))
        return DF_OK;
    if (e->format.len != 7 || strncasecmp(e->format.data, "parquet", 7) != 0)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s: the file %.*s is %.*s; only Parquet is read",
                              s->catalog.shown.data, (int)e->path.len, (const char *)e->path.data,
                              (int)e->format.len, (const char *)e->format.data);
    if (df__arena_copy(&s->plan_memory, e->path, &f.path) != DF_OK ||
        df__grow(&s->session.heap, &s->files, &s->file_cap, s->file_count, sizeof f) != DF_OK)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a list of files");
    s->files[s->file_count++] = f;
    return DF_OK;
}

static int read_manifest(df__ice_source *s, const df__ice_manifest *m, range *r)
{
    df__ice_reading reading = {.heap = &s->session.heap, .each = take_entry, .user = r};
    df__buf file;
    df__buf_init(&file, &s->session.heap);
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

/* What a snapshot says of rows that are no more. */
static int refuse_deletes(df__ice_source *s, int64_t snapshot)
{
    return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                          "table %s: snapshot %lld has delete files, which are not read yet; let "
                          "the table be compacted (rewrite_data_files, OPTIMIZE)",
                          s->catalog.shown.data, (long long)snapshot);
}

/* ---- plans ----------------------------------------------------------------------------------- */

/* Delete files that would change what is read. */
static int has_deletes(const df__ice_source *s, const df__ice_manifest *m, const range *r)
{
    if (m->content != 1 || (m->files[0] == 0 && m->files[1] == 0) || r->added_only)
        return 0;
    return r->after < 0 || (m->sequence > r->after && s->opt.on_overwrite != 1);
}

/* Manifests stand in a list with the newest first, as writers write it. */
static int all_of(df__ice_source *s, const df__ice_snapshot *at, range *r)
{
    df__ice_manifest *rows = NULL;
    size_t count = 0;
    r->at = at;
    int rc = read_list(s, at, &rows, &count);
    for (size_t i = 0; i < count && rc == DF_OK; i++)
        if (has_deletes(s, &rows[i], r))
            return refuse_deletes(s, at->id);
    for (size_t i = count; i-- > 0 && rc == DF_OK;) {
        int wanted = rows[i].content == 0;
        wanted &= !r->added_only || rows[i].snapshot == r->snapshot;
        wanted &= r->after < 0 || rows[i].sequence > r->after;
        rc = wanted ? read_manifest(s, &rows[i], r) : rc;
    }
    return rc;
}

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

/* Snapshots from the one that is done to the current one, newest first, into ids. 0: the one that
 * is done is no ancestor. */
static int chain(df__ice_source *s, df__ice_snapshot **ret, size_t *ret_count)
{
    df__ice_snapshot at = s->meta.snapshot, *rows = NULL;
    size_t cap = 0, count = 0;
    int found = 0, rc = DF_OK;
    while (rc == DF_OK && count < CHAIN_MOST) {
        found = at.id == s->spot.done;
        if (found)
            break;
        rc = df__grow(&s->session.heap, &rows, &cap, count, sizeof *rows);
        if (rc == DF_OK)
            rows[count++] = at;
        if (at.parent == ICE_NO_SNAPSHOT || !df__ice_meta_snapshot(&s->meta, at.parent, &at))
            break;
    }
    *ret = rows;
    *ret_count = count;
    return rc != DF_OK ? rc : found;
}

static int along(df__ice_source *s, const df__ice_snapshot *rows, size_t count)
{
    int rc = DF_OK;
    for (size_t i = count; i-- > 0 && rc == DF_OK;) {
        range r = {.s = s, .added_only = 1, .snapshot = rows[i].id, .after = -1};
        if (strcmp(rows[i].operation, "replace") == 0)
            continue;
        if (strcmp(rows[i].operation, "append") != 0)
            rc = overwritten(s, &rows[i]);
        rc = rc == DF_OK ? all_of(s, &rows[i], &r) : rc;
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
    return whole(s);
}

static int since(df__ice_source *s)
{
    df__ice_snapshot *rows;
    size_t count;
    int found = chain(s, &rows, &count);
    int rc = found < 0 ? found : DF_OK;
    /* One snapshot without a parent: the catalog does not tell more. */
    int tells = s->meta.snapshot.parent != ICE_NO_SNAPSHOT ||
                yyjson_arr_size(yyjson_obj_get(s->meta.table, "snapshots")) > 1;
    int newer = s->spot.done_sequence > 0 && s->spot.done_sequence < s->meta.snapshot.sequence;
    if (rc == DF_OK && found)
        rc = along(s, rows, count);
    else if (rc == DF_OK)
        rc = !tells && newer ? by_sequence(s) : lost(s);
    df__free(&s->session.heap, rows);
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

/* A plan that was begun is finished as it was begun, when its snapshot is still there. */
static int go_on(df__ice_source *s)
{
    df__ice_snapshot at;
    if (s->spot.target == s->meta.snapshot.id)
        return DF_OK;
    if (df__ice_meta_snapshot(&s->meta, s->spot.target, &at)) {
        s->meta.snapshot = at;
        return DF_OK;
    }
    if (!s->opt.incremental || !s->exactly_once) { /* what was read of it comes once more */
        df_stage_logf(
            s->st, DF_LOG_WARN,
            "snapshot %lld, of which a part was read, is gone: that part comes again with "
            "the current one",
            (long long)s->spot.target);
        s->spot.file = s->spot.row = 0;
        return DF_OK;
    }
    return df_stage_failf(s->st, DF_ESTATE, "configuration",
                          "table %s: snapshot %lld, of which a part was read, is gone; reset the "
                          "flow's positions to begin anew",
                          s->catalog.shown.data, (long long)s->spot.target);
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
    if (s->spot.done == s->meta.snapshot.id)
        return DF_DONE;
    /* What was begun without a snapshot that is done are all rows of its target. */
    if (s->spot.done == ICE_NO_SNAPSHOT && s->spot.target == ICE_NO_SNAPSHOT &&
        s->opt.incremental && s->opt.start.len)
        s->spot.done = strtoll(s->opt.start.data, NULL, 10);
    if (s->spot.done == s->meta.snapshot.id) { /* nothing came after the one to start with */
        s->spot.done_sequence = s->meta.snapshot.sequence;
        s->changed = 1;
        return DF_DONE;
    }
    return DF_OK;
}

int df__ice_plan(df__ice_source *s)
{
    df__ice_plan_free(s);
    df__arena_init(&s->plan_memory, &s->session.heap, 8192);
    int rc = df__ice_shape(s);
    rc = rc == DF_OK ? check_uuid(s) : rc;
    if (rc == DF_OK && !s->meta.has_snapshot)
        return DF_DONE;
    rc = rc == DF_OK ? aim(s) : rc;
    if (rc != DF_OK)
        return rc;
    s->spot.target = s->meta.snapshot.id;
    s->target_sequence = s->meta.snapshot.sequence;
    return s->opt.incremental && s->spot.done != ICE_NO_SNAPSHOT ? since(s) : whole(s);
}
