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
    PATIENCE_US = 600000000,
    DELETES_MANY = 1000
};

typedef struct commit {
    df__ice_sink *s;
    df__ice_pending *p; /* what is committed */
    df__buf body;
    int tries;
    int64_t since_us;
    int is_claim; /* to become the owner */
    int is_over;  /* no later try can be better */
    df__ice_meta meta;
    df__arena memory;       /* of one try */
    df__ice_manifest *rows; /* those of the parent */
    size_t row_count;
} commit;

static int no_memory(const commit *c)
{
    return df_stage_fail(c->s->st, DF_ENOMEM, NULL, "no memory for a commit");
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

static int has_data(const commit *c)
{
    size_t i = 0;
    while (i < c->row_count && c->rows[i].content != ICE_DATA)
        i++;
    return i < c->row_count;
}

static int is_same_path(const df__ice_manifest *a, const df__ice_manifest *b)
{
    return a->path.len == b->path.len && memcmp(a->path.data, b->path.data, a->path.len) == 0;
}

/* 1: a try before this one was applied. */
static int is_applied(const commit *c, const df__ice_note *note)
{
    df__ice_snapshot at;
    if (!c->p->sent)
        return 0;
    if (note->commit == c->p->id || df__ice_meta_snapshot(&c->meta, c->p->id, &at))
        return 1;
    for (size_t i = 0; i < c->row_count; i++)
        for (size_t k = 0; k < c->p->manifest_count; k++)
            if (is_same_path(&c->rows[i], &c->p->manifests[k].manifest))
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

/* Specs that no file goes by any more may be taken away, as by an expiry after a compaction. */
static int has_specs(const commit *c)
{
    const df__ice_sink *s = c->s;
    for (size_t i = 0; i < c->p->files; i++)
        if ((i == 0 || s->files[i].spec_id != s->files[i - 1].spec_id) &&
            !df__ice_meta_spec(&c->meta, s->files[i].spec_id))
            return 0;
    return 1;
}

/* Deletes in partitions are written for the specs that were there. */
static int reaches_all(const commit *c)
{
    const df__ice_sink *s = c->s;
    return !s->opt.upsert || c->p->files == 0 || s->is_flat ||
           yyjson_arr_size(yyjson_obj_get(c->meta.table, "partition-specs")) == s->spec_count;
}

/* Keys were not deleted, since no row was there; another writer's is by now. */
static int misses_rows(const commit *c)
{
    return c->p->lacks_keys && has_data(c);
}

static int other_table(const commit *c)
{
    df__ice_sink *s = c->s;
    if (misses_rows(c))
        return df_stage_failf(s->st, DF_EIO, "transient",
                              "table %s was empty and got rows of another writer, which no delete "
                              "that was written reaches: the sink begins anew from the last commit",
                              s->catalog.shown.data);
    if (!has_specs(c))
        return df_stage_failf(s->st, DF_EIO, "transient",
                              "table %s has a partition spec no more that files were written by: "
                              "the sink begins anew from the last commit",
                              s->catalog.shown.data);
    return df_stage_failf(s->st, DF_EIO, "transient",
                          "table %s got another partition spec, whose rows the deletes that were "
                          "written do not reach: the sink begins anew from the last commit",
                          s->catalog.shown.data);
}

/* A table that was upgraded asks for more of a snapshot: the next open says what is written. */
static int check_version(commit *c)
{
    df__ice_sink *s = c->s;
    c->is_over = s->meta.version && c->meta.version != s->meta.version;
    return !c->is_over ? DF_OK
                       : df_stage_failf(s->st, DF_EIO, "transient",
                                        "table %s has another format-version (%d) by now",
                                        s->catalog.shown.data, c->meta.version);
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
    c->is_over = !has_specs(c) || !reaches_all(c) || misses_rows(c);
    if (is_applied(c, &note))
        rc = DF_DONE;
    else
        rc = c->is_over ? other_table(c) : check_version(c);
    if (rc == DF_OK)
        rc = check_owner(c, &note);
    df__ice_note_free(&note);
    return rc;
}

/* ---- one try: what is sent ------------------------------------------------------------------- */

/* Keys are deleted of older rows alone: without any, such deletes would only be read in vain. */
static int is_used(const commit *c, const df__ice_own *own)
{
    return own->content != ICE_EQUALITY || has_data(c);
}

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

/* What a commit adds, by the content of files. */
typedef struct sums {
    int64_t files[3], rows[3], bytes;
} sums;

static sums sum_up(const commit *c)
{
    sums all = {.bytes = 0};
    for (size_t i = 0; i < c->p->manifest_count; i++) {
        const df__ice_own *own = &c->p->manifests[i];
        if (!is_used(c, own))
            continue;
        all.files[own->content] += own->manifest.files[0];
        all.rows[own->content] += own->manifest.rows[0];
        all.bytes += own->bytes;
    }
    return all;
}

static void add_count(commit *c, const char *name, int64_t added)
{
    if (added)
        df__buf_printf(&c->body, ",\"%s\":\"%lld\"", name, (long long)added);
}

static void add_summary(commit *c)
{
    df__ice_sink *s = c->s;
    sums all = sum_up(c);
    int64_t deletes = all.files[ICE_POSITIONS] + all.files[ICE_EQUALITY];
    df__buf_printf(&c->body, "\"summary\":{\"operation\":\"%s\"",
                   !deletes              ? "append"
                   : all.files[ICE_DATA] ? "overwrite"
                                         : "delete");
    add_count(c, "added-data-files", all.files[ICE_DATA]);
    add_count(c, "added-records", all.rows[ICE_DATA]);
    add_count(c, "added-delete-files", deletes);
    add_count(c, "added-position-delete-files", all.files[ICE_POSITIONS]);
    add_count(c, "added-equality-delete-files", all.files[ICE_EQUALITY]);
    add_count(c, "added-position-deletes", all.rows[ICE_POSITIONS]);
    add_count(c, "added-equality-deletes", all.rows[ICE_EQUALITY]);
    add_count(c, "added-files-size", all.bytes);
    add_count(c, "changed-partition-count", (int64_t)c->p->partitions);
    add_total(c, "total-records", all.rows[ICE_DATA]);
    add_total(c, "total-files-size", all.bytes);
    add_total(c, "total-data-files", all.files[ICE_DATA]);
    add_total(c, "total-delete-files", deletes);
    add_total(c, "total-position-deletes", all.rows[ICE_POSITIONS]);
    add_total(c, "total-equality-deletes", all.rows[ICE_EQUALITY]);
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

/* Our manifests, then all of the parent as they are. NULL: no memory. */
static df__ice_manifest *rows_of_list(commit *c, size_t *ret_count)
{
    const df__ice_pending *p = c->p;
    size_t own = 0, most = c->row_count + p->manifest_count + 1;
    df__ice_manifest *rows = df__arena_alloc(&c->memory, most * sizeof *rows);
    for (size_t i = 0; rows && i < p->manifest_count; i++) {
        if (!is_used(c, &p->manifests[i]))
            continue;
        rows[own] = p->manifests[i].manifest;
        rows[own].sequence = rows[own].min_sequence = c->meta.sequence + 1;
        own++;
    }
    if (rows && c->row_count)
        memcpy(rows + own, c->rows, c->row_count * sizeof *rows);
    *ret_count = c->row_count + own;
    return rows;
}

static int write_list(commit *c, df__buf *path)
{
    df__ice_sink *s = c->s;
    char uuid[37], name[80];
    size_t count;
    df__buf file;
    df__ice_list_of of = {.snapshot = c->p->id,
                          .parent = c->meta.has_snapshot ? c->meta.snapshot.id : ICE_NO_SNAPSHOT,
                          .sequence = c->meta.sequence + 1};
    df__ice_manifest *rows = rows_of_list(c, &count);
    if (!rows)
        return no_memory(c);
    df__ice_sync(s, of.sync);
    df__ice_uuid(&s->session, uuid);
    snprintf(name, sizeof name, "%lld-%d-%s", (long long)c->p->id, c->tries, uuid);
    df__buf_init(&file, &s->session.heap);
    int rc = df__ice_list_write(&file, &of, rows, count);
    if (rc != DF_OK || !df__ice_metadata_path(path, &c->meta, "snap-%s.avro", name))
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
    if (c->is_over) /* the table was seen: it was not applied */
        return 0;
    if (rc == DF_AGAIN)
        return c->tries < TRIES;
    if (rc == DF_EINVAL) /* some say so when another writer was faster */
        return c->tries < REFUSED_TRIES;
    return c->p->sent && (rc == DF_EIO || rc == DF_ETIMEOUT || rc == DF_EAUTH) && !c->s->doom[0] &&
           now - c->since_us < PATIENCE_US;
}

/* Readers have to apply them all: who lets the table grow so is told, and again at twice as many.
 */
static void count_deletes(commit *c, int is_sent)
{
    df__ice_sink *s = c->s;
    sums own = sum_up(c);
    int64_t count = total_of(c, "total-delete-files", 0);
    if (is_sent)
        count += own.files[ICE_POSITIONS] + own.files[ICE_EQUALITY];
    df_stage_metric(s->st, 3, (double)count);
    if (count < DELETES_MANY)
        s->deletes_warned = 0;
    if (count < DELETES_MANY || count < 2 * s->deletes_warned)
        return;
    s->deletes_warned = count;
    df_stage_logf(s->st, DF_LOG_WARN,
                  "table %s has %lld delete files, which each reader has to apply: let an engine "
                  "compact it (rewrite_data_files, OPTIMIZE), or commit less often",
                  s->catalog.shown.data, (long long)count);
}

static int run(commit *c)
{
    int rc;
    for (;;) {
        rc = look(c);
        if (rc == DF_OK)
            rc = df__ice_manifests_put(c->s, &c->meta);
        if (rc == DF_OK)
            rc = send(c);
        c->tries++;
        if (rc == DF_OK || rc == DF_DONE)
            count_deletes(c, rc == DF_OK);
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
    if (rc == DF_OK && s->has_table && !df__ice_table_is_same(s, &c.meta))
        s->has_table = 0; /* it is read again before the next row */
    df__ice_meta_free(&c.meta);
    df__arena_free(&c.memory);
    df__buf_free(&c.body);
    return rc;
}

void df__ice_pending_drop(df__ice_sink *s)
{
    s->pending.id = 0;
    s->pending.manifest_count = 0;
    if (s->pending.memory.heap)
        df__arena_free(&s->pending.memory);
    df__ice_places_free(s, &s->pending.at);
}

/* From now on it is this commit until it is known what came of it. */
static int begin(df__ice_sink *s)
{
    df__ice_pending *p = &s->pending;
    if (p->id)
        return DF_OK;
    df__ice_pending_drop(s);
    df__arena_init(&p->memory, &s->session.heap, 4096);
    p->files = s->file_count;
    p->parcels = s->parcel_count;
    p->records = s->records;
    p->sent = 0;
    p->lacks_keys = s->changes.keys.count > 0 && !s->has_rows;
    if (df__ice_places_copy(s, &p->at, &s->next) != DF_OK)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for positions");
    p->id = new_snapshot(s);
    df__ice_upsert_forget(s); /* what comes now is of the next commit */
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

/* The commit that was begun, or is begun now. */
static int commit_and_settle(df__ice_sink *s)
{
    int rc = begin(s);
    rc = rc == DF_OK ? commit_one(s, 0) : rc;
    if (rc != DF_OK)
        return rc;
    end(s);
    df_stage_metric(s->st, 0, 1);
    return DF_OK;
}

/* Whether rows of older commits may have to be deleted. Once the table had some, it is not looked
 * at again for that. */
static int look_for_rows(df__ice_sink *s)
{
    commit c = {.s = s, .p = &s->pending};
    if (s->has_rows || s->changes.keys.count == 0)
        return DF_OK;
    df__arena_init(&c.memory, &s->session.heap, 16384);
    int rc = df__ice_table_look(s, &c.meta);
    rc = rc == DF_OK ? read_parent(&c) : rc;
    s->has_rows = rc == DF_OK && has_data(&c);
    df__ice_meta_free(&c.meta);
    df__arena_free(&c.memory);
    return rc == DF_ENOTFOUND ? df__ice_missing(s) : rc;
}

/* Deletes have to be in the commit of the rows that stand for those they delete: they are written
 * when it is begun, and not while another one is in doubt. */
int df__ice_commit_all(df__ice_sink *s)
{
    int rc = s->pending.id ? commit_and_settle(s) : DF_OK;
    rc = rc == DF_OK ? df__ice_files_finish(s) : rc;
    DF_CRASHPOINT("iceberg.files");
    rc = rc == DF_OK ? look_for_rows(s) : rc;
    rc = rc == DF_OK ? df__ice_deletes_write(s) : rc;
    DF_CRASHPOINT("iceberg.deletes");
    if (rc == DF_OK && (s->file_count > 0 || has_moved(s)))
        return commit_and_settle(s);
    if (rc == DF_OK)
        df__ice_upsert_forget(s); /* keys that were deleted of no row */
    return rc;
}
