/* SPDX-License-Identifier: Apache-2.0
 * commit.c: what was absorbed becomes one snapshot.
 *
 * Files and manifest are written once; each try has the table as it is now, a manifest list of its
 * own that carries over every manifest of the parent, and a requirement that the branch still
 * points to that parent. The snapshot's id stays the same over all tries, so that a try whose
 * answer was lost is recognised: by the note in the table's property, by the id in the list of
 * snapshots, or by our manifest in the current list. Nothing that may be in the table is removed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/sink.h"
#include "util/crashpoint.h"

enum {
    TRIES = 200,
    REFUSED_TRIES = 5,
    PAUSE_US = 100000,
    PAUSE_MOST_US = 10000000,
    PATIENCE_US = 600000000
};

typedef struct commit {
    df__ice_sink *s;
    df__ice_pending *p; /* what is committed */
    df__ice_manifest manifest;
    df__buf body;
    int tries;
    int64_t since_us;
    int is_claim; /* to become the owner */
    df__ice_meta meta;
    df__arena memory;       /* of one try */
    df__ice_manifest *rows; /* those of the parent */
    size_t row_count;
} commit;

/* ---- paths and the manifest ------------------------------------------------------------------ */

static const char *metadata_path(commit *c, df__buf *b, const char *format, const char *name)
{
    const char *folder = df__ice_meta_property(&c->meta, "write.metadata.path");
    df__buf_clear(b);
    df__buf_str(b, folder ? folder : c->meta.location);
    while (b->len && b->data[b->len - 1] == '/')
        b->len--;
    df__buf_str(b, folder ? "/" : "/metadata/");
    df__buf_printf(b, format, name);
    return df__buf_cstr(b);
}

static void random_bytes(df__ice_sink *s, unsigned char ret[16])
{
    uint64_t two[2] = {df__ice_random(&s->session), df__ice_random(&s->session)};
    memcpy(ret, two, sizeof two);
}

static int no_memory(const commit *c)
{
    return df_stage_fail(c->s->st, DF_ENOMEM, NULL, "no memory for a commit");
}

/* Once for all tries: its entries inherit their sequence number from the list. */
static int write_manifest(commit *c)
{
    df__ice_sink *s = c->s;
    char name[37];
    df__buf file;
    df__ice_manifest_of of = {.meta = &s->meta, .partition_fields = "", .snapshot = c->p->id};
    if (c->p->files == 0 || c->p->manifest.len)
        return DF_OK;
    df__ice_uuid(&s->session, name);
    random_bytes(s, of.sync);
    df__buf_init(&file, &s->session.heap);
    int rc = metadata_path(c, &c->p->manifest, "%s-m0.avro", name)
                 ? df__ice_manifest_write(&file, &of, s->files, c->p->files)
                 : DF_ENOMEM;
    if (rc == DF_ENOMEM)
        (void)no_memory(c);
    if (rc == DF_OK)
        rc = df__ice_store_put(&s->store, c->p->manifest.data, (df_bytes){file.data, file.len});
    if (rc != DF_OK)
        df__buf_clear(&c->p->manifest);
    c->p->manifest_length = (int64_t)file.len;
    df__buf_free(&file);
    return rc;
}

static void describe_manifest(commit *c)
{
    c->manifest = (df__ice_manifest){.path = {c->p->manifest.data, c->p->manifest.len},
                                     .length = c->p->manifest_length,
                                     .spec_id = c->s->meta.spec_id,
                                     .snapshot = c->p->id,
                                     .files = {(int64_t)c->p->files, 0, 0},
                                     .rows = {c->p->records, 0, 0}};
    /* An unpartitioned spec has a list of summaries without members. */
    c->manifest.partitions = (df_bytes){"\x02\x00", 2};
}

/* ---- one try: the table as it is ------------------------------------------------------------- */

static int read_parent(commit *c)
{
    df__ice_sink *s = c->s;
    const char *why = NULL, *path = c->meta.snapshot.manifests;
    df__buf file;
    c->rows = NULL;
    c->row_count = 0;
    df__arena_reset(&c->memory);
    if (!c->meta.has_snapshot)
        return DF_OK;
    if (!path)
        return df__ice_doom(s, "table %s: its current snapshot has no manifest list",
                            s->catalog.shown.data);
    df__buf_init(&file, &s->session.heap);
    int rc = df__ice_store_get(&s->store, path, 0, 0, &file);
    if (rc == DF_ENOTFOUND)
        rc = DF_EIO; /* expired a moment ago */
    if (rc == DF_OK) {
        rc = df__ice_list_read(&c->memory, (df_bytes){file.data, file.len}, &c->rows, &c->row_count,
                               &why);
        rc = rc == DF_ENOMEM ? no_memory(c)
             : rc == DF_OK   ? rc
                             : df__ice_doom(s, "the manifest list %.200s: %s", path, why);
    }
    df__buf_free(&file);
    return rc;
}

/* 1: a try before this one was applied. */
static int is_applied(const commit *c, const df__ice_note *note)
{
    df__ice_snapshot at;
    if (!c->p->sent)
        return 0;
    if (note->commit == c->p->id || df__ice_meta_snapshot(&c->meta, c->p->id, &at))
        return 1;
    for (size_t i = 0; i < c->row_count && c->p->manifest.len; i++)
        if (c->rows[i].path.len == c->p->manifest.len &&
            memcmp(c->rows[i].path.data, c->p->manifest.data, c->p->manifest.len) == 0)
            return 1;
    return 0;
}

/* The positions in the table have to be those that we know: else another one wrote them. A claim
 * takes them as they are in this try: a former owner may have been faster than the one before. */
static int check_owner(const commit *c, const df__ice_note *note)
{
    df__ice_sink *s = c->s;
    if (c->is_claim)
        return df__ice_take_over(s, &c->meta, note);
    if (!s->exactly_once)
        return DF_OK;
    if (strcmp(note->owner, s->owner) != 0)
        return df__ice_doom(s, "fenced: another process of this flow took table %s over",
                            s->catalog.shown.data);
    /* After a close a commit of ours may have been applied that we gave up. */
    return note->commit == s->last_commit
               ? DF_OK
               : df__ice_doom(s,
                              "table %s has a later commit of this flow than was known of; "
                              "start the flow again, it goes on there",
                              s->catalog.shown.data);
}

static int look(commit *c)
{
    df__ice_sink *s = c->s;
    df__ice_note note;
    df__ice_meta_free(&c->meta);
    int rc = df__ice_table_look(s, &c->meta);
    if (rc == DF_ENOTFOUND)
        return df__ice_missing(s);
    if (rc != DF_OK)
        return rc;
    if (s->meta.uuid && strcmp(c->meta.uuid, s->meta.uuid) != 0)
        return df__ice_doom(s,
                            "table %s was replaced by another one of its name while the flow ran",
                            s->catalog.shown.data);
    rc = read_parent(c);
    if (rc != DF_OK)
        return rc;
    df__ice_note_read(s, &c->meta, &note);
    if (is_applied(c, &note))
        rc = DF_DONE;
    else
        rc = check_owner(c, &note);
    df__ice_note_free(&note);
    return rc;
}

/* ---- one try: what is sent ------------------------------------------------------------------- */

static int64_t total_of(const commit *c, const char *name, int64_t missing)
{
    const char *text = yyjson_get_str(yyjson_obj_get(c->meta.snapshot.summary, name));
    return text ? strtoll(text, NULL, 10) : missing;
}

static void add_total(commit *c, const char *name, int64_t added)
{
    int64_t old = total_of(c, name, c->meta.has_snapshot ? -1 : 0);
    if (old >= 0)
        df__buf_printf(&c->body, ",\"%s\":\"%lld\"", name, (long long)(old + added));
}

static void add_summary(commit *c)
{
    df__ice_sink *s = c->s;
    int64_t bytes = 0, files = (int64_t)c->p->files, records = c->p->records;
    for (int64_t i = 0; i < files; i++)
        bytes += s->files[i].summary.bytes;
    df__buf_str(&c->body, "\"summary\":{\"operation\":\"append\"");
    if (files)
        df__buf_printf(&c->body,
                       ",\"added-data-files\":\"%lld\",\"added-records\":\"%lld\","
                       "\"added-files-size\":\"%lld\",\"changed-partition-count\":\"1\"",
                       (long long)files, (long long)records, (long long)bytes);
    add_total(c, "total-records", records);
    add_total(c, "total-files-size", bytes);
    add_total(c, "total-data-files", files);
    add_total(c, "total-delete-files", 0);
    add_total(c, "total-position-deletes", 0);
    add_total(c, "total-equality-deletes", 0);
    df__buf_printf(&c->body, ",\"engine-name\":\"dataflow\",\"engine-version\":\"%s\",\"%s\":",
                   df_version_string(), s->key);
    df__ice_note_write(s, &c->body);
    df__buf_char(&c->body, '}');
}

static void add_snapshot(commit *c, const char *list)
{
    int64_t now = df_stage_now(c->s->st) / 1000;
    yyjson_val *updated = yyjson_obj_get(c->meta.table, "last-updated-ms");
    if (yyjson_is_int(updated) && yyjson_get_sint(updated) > now)
        now = yyjson_get_sint(updated);
    df__buf_printf(&c->body, "{\"action\":\"add-snapshot\",\"snapshot\":{\"snapshot-id\":%lld,",
                   (long long)c->p->id);
    if (c->meta.has_snapshot)
        df__buf_printf(&c->body, "\"parent-snapshot-id\":%lld,", (long long)c->meta.snapshot.id);
    df__buf_printf(&c->body, "\"sequence-number\":%lld,\"timestamp-ms\":%lld,\"manifest-list\":",
                   (long long)c->meta.sequence + 1, (long long)now);
    df__buf_json(&c->body, list, strlen(list));
    df__buf_printf(&c->body, ",\"schema-id\":%lld,", (long long)c->meta.schema_id);
    add_summary(c);
    df__buf_str(&c->body, "}}");
}

static int make_body(commit *c, const char *list)
{
    df__buf *b = &c->body;
    df__buf_clear(b);
    df__buf_printf(b,
                   "{\"requirements\":[{\"type\":\"assert-table-uuid\",\"uuid\":\"%s\"},"
                   "{\"type\":\"assert-ref-snapshot-id\",\"ref\":\"main\",\"snapshot-id\":",
                   c->meta.uuid);
    if (c->meta.has_snapshot)
        df__buf_printf(b, "%lld}],\"updates\":[", (long long)c->meta.snapshot.id);
    else
        df__buf_str(b, "null}],\"updates\":[");
    add_snapshot(c, list);
    df__buf_printf(b,
                   ",{\"action\":\"set-snapshot-ref\",\"ref-name\":\"main\",\"type\":\"branch\","
                   "\"snapshot-id\":%lld},{\"action\":\"set-properties\",\"updates\":{\"%s\":",
                   (long long)c->p->id, c->s->key);
    df__ice_note_write(c->s, b);
    df__buf_str(b, "}}]}");
    return df__buf_cstr(b) ? DF_OK : no_memory(c);
}

/* Our manifest, then all of the parent as they are. */
static int write_list(commit *c, df__buf *path)
{
    df__ice_sink *s = c->s;
    char uuid[37], name[80];
    df__buf file;
    size_t own = c->p->files ? 1 : 0;
    df__ice_list_of of = {.snapshot = c->p->id,
                          .parent = c->meta.has_snapshot ? c->meta.snapshot.id : ICE_NO_SNAPSHOT,
                          .sequence = c->meta.sequence + 1};
    df__ice_manifest *rows = df__arena_alloc(&c->memory, (c->row_count + 1) * sizeof *rows);
    if (!rows)
        return no_memory(c);
    describe_manifest(c);
    c->manifest.sequence = c->manifest.min_sequence = of.sequence;
    rows[0] = c->manifest;
    if (c->row_count)
        memcpy(rows + own, c->rows, c->row_count * sizeof *rows);
    random_bytes(s, of.sync);
    df__ice_uuid(&s->session, uuid);
    snprintf(name, sizeof name, "%lld-%d-%s", (long long)c->p->id, c->tries, uuid);
    df__buf_init(&file, &s->session.heap);
    int rc = df__ice_list_write(&file, &of, rows, c->row_count + own);
    if (rc != DF_OK || !metadata_path(c, path, "snap-%s.avro", name))
        rc = no_memory(c);
    else
        rc = df__ice_store_put(&s->store, path->data, (df_bytes){file.data, file.len});
    df__buf_free(&file);
    return rc;
}

/* DF_OK: committed. DF_AGAIN: another try, with the table as it is then. */
static int send(commit *c)
{
    df__ice_sink *s = c->s;
    enum df__ice_outcome outcome;
    df__buf list;
    df__buf_init(&list, &s->session.heap);
    int rc = write_list(c, &list);
    rc = rc == DF_OK ? make_body(c, list.data) : rc;
    df__buf_free(&list);
    if (rc != DF_OK)
        return rc;
    DF_CRASHPOINT("iceberg.commit");
    c->p->sent = 1; /* also when it is refused: what sends for us may send twice */
    /* Nessie 0.99 does not look at a requirement that there is no snapshot yet; it refuses a commit
     * when the table is another one than it was at this commit of its own. */
    rc = df__ice_commit(&s->catalog, (df_bytes){c->body.data, c->body.len},
                        df__ice_meta_property(&c->meta, "nessie.commit.id"), &outcome);
    DF_CRASHPOINT("iceberg.committed");
    if (rc != DF_OK)
        return rc;
    switch (outcome) {
    case ICE_COMMITTED:
        return DF_OK;
    case ICE_CONFLICT:
        df_stage_metric(s->st, 1, 1);
        return DF_AGAIN;
    default:
        df_stage_metric(s->st, 2, 1);
        df_stage_log(s->st, DF_LOG_WARN,
                     "the answer to a commit was lost; the table tells whether it was applied");
        return DF_AGAIN;
    }
}

/* ---- all tries ------------------------------------------------------------------------------- */

static int wait_a_little(commit *c)
{
    df__ice_sink *s = c->s;
    int64_t most = (int64_t)PAUSE_US << (c->tries < 7 ? c->tries : 7);
    most = most < PAUSE_MOST_US ? most : PAUSE_MOST_US;
    return df__ice_pause(&s->session,
                         most / 2 + (int64_t)(df__ice_random(&s->session) % (uint64_t)most) / 2);
}

/* After a request whose end is not known nothing may be given up before the table was seen. */
static int may_go_on(const commit *c, int rc)
{
    int64_t now = df_stage_clock_us(c->s->st);
    if (rc == DF_AGAIN)
        return c->tries < TRIES;
    if (rc == DF_EINVAL) /* some say so when another writer was faster */
        return c->tries < REFUSED_TRIES;
    return c->p->sent && (rc == DF_EIO || rc == DF_ETIMEOUT || rc == DF_EAUTH) && !c->s->doom[0] &&
           now - c->since_us < PATIENCE_US;
}

static int run(commit *c)
{
    int rc;
    for (;;) {
        rc = look(c);
        if (rc == DF_OK)
            rc = write_manifest(c);
        if (rc == DF_OK)
            rc = send(c);
        c->tries++;
        if (rc == DF_OK || rc == DF_DONE || !may_go_on(c, rc))
            return rc == DF_DONE ? DF_OK : rc;
        int waited = wait_a_little(c);
        if (waited != DF_OK)
            return waited;
    }
}

/* A snapshot is named by a positive number. */
static int64_t new_snapshot(df__ice_sink *s)
{
    int64_t id = (int64_t)(df__ice_random(&s->session) >> 1);
    return id ? id : 1;
}

static int commit_one(df__ice_sink *s, int is_claim)
{
    commit c = {.s = s, .p = &s->pending, .is_claim = is_claim};
    c.since_us = df_stage_clock_us(s->st);
    df__buf_init(&c.body, &s->session.heap);
    df__arena_init(&c.memory, &s->session.heap, 16384);
    int rc = run(&c);
    if (rc == DF_OK && s->has_table && c.meta.schema_id != s->meta.schema_id)
        s->has_table = 0; /* the columns are read again before the next row */
    df__ice_meta_free(&c.meta);
    df__arena_free(&c.memory);
    df__buf_free(&c.body);
    return rc;
}

void df__ice_pending_drop(df__ice_sink *s)
{
    s->pending.id = 0;
    df__buf_free(&s->pending.manifest);
    df__ice_places_free(s, &s->pending.at);
}

/* From now on it is this commit until it is known what came of it. */
static int begin(df__ice_sink *s)
{
    df__ice_pending *p = &s->pending;
    if (p->id)
        return DF_OK;
    df__ice_pending_drop(s);
    df__buf_init(&p->manifest, &s->session.heap);
    p->files = s->file_count;
    p->parcels = s->parcel_count;
    p->records = s->records;
    p->sent = 0;
    if (df__ice_places_copy(s, &p->at, &s->next) != DF_OK)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for positions");
    p->id = new_snapshot(s);
    return DF_OK;
}

/* What is in the table is settled at once: should the next commit fail, it is not read again. */
static void settle(df__ice_sink *s, size_t count)
{
    for (size_t i = 0; i < count; i++)
        df_stage_settle(s->st, s->parcels[i], DF_OK);
    s->parcel_count -= count;
    if (count)
        memmove(s->parcels, s->parcels + count, s->parcel_count * sizeof(df_parcel *));
}

/* Takes no memory: what is committed is never half known. */
static void end(df__ice_sink *s)
{
    df__ice_places_free(s, &s->stored);
    s->stored = s->pending.at;
    memset(&s->pending.at, 0, sizeof s->pending.at);
    s->last_commit = s->pending.id;
    s->records -= s->pending.records;
    df__ice_files_done(s, s->pending.files);
    settle(s, s->pending.parcels);
    df__ice_pending_drop(s);
}

int df__ice_commit_claim(df__ice_sink *s)
{
    df__ice_pending_drop(s);
    int rc = begin(s);
    rc = rc == DF_OK ? commit_one(s, 1) : rc;
    if (rc == DF_OK)
        end(s);
    return rc;
}

/* Positions that the table does not have, also without rows. */
static int has_moved(const df__ice_sink *s)
{
    if (!s->exactly_once || s->next.count != s->stored.count)
        return s->exactly_once;
    for (size_t i = 0; i < s->next.count; i++)
        if (s->next.rows[i].seq != s->stored.rows[i].seq ||
            s->next.rows[i].len != s->stored.rows[i].len ||
            memcmp(s->next.rows[i].data, s->stored.rows[i].data, s->next.rows[i].len) != 0)
            return 1;
    return 0;
}

int df__ice_commit_all(df__ice_sink *s)
{
    int rc = df__ice_keep_keys(s);
    rc = rc == DF_OK ? df__ice_file_finish(s) : rc;
    DF_CRASHPOINT("iceberg.files");
    while (rc == DF_OK && (s->pending.id || s->file_count > 0 || has_moved(s))) {
        rc = begin(s);
        rc = rc == DF_OK ? commit_one(s, 0) : rc;
        if (rc == DF_OK) {
            end(s);
            df_stage_metric(s->st, 0, 1);
        }
    }
    return rc;
}
