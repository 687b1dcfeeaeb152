/* SPDX-License-Identifier: Apache-2.0
 * sink.c: the life of the sink. */
#include "sink/sink.h"

#include <string.h>

static void forget_parcels(df__ice_sink *s)
{
    df__free(&s->session.heap, s->parcels);
    s->parcels = NULL;
    s->parcel_count = s->parcel_cap = 0;
}

static int prepare(df__ice_sink *s, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    s->st = st;
    s->is_open = 1;
    s->is_lost = 0;
    int rc = df__ice_session_open(&s->session, st, &s->place);
    df__buf_init(&s->scratch, &s->session.heap);
    if (!s->names)
        df__buf_init(&s->names_text, &s->session.heap);
    df__arena_init(&s->row, &s->session.heap, 4096);
    df__ice_store_init(&s->store, &s->session);
    if (df_stage_describe(st, &info) == DF_OK) {
        s->stops = info.stops_at_refused;
        s->exactly_once = info.exactly_once;
        s->show_values = info.show_values;
        s->source = info.source_identity ? info.source_identity : "";
        df__ice_owner_key(s, &info);
    }
    /* Positions of the partitions that are claimed already are still ours. */
    if (rc == DF_OK && df__ice_places_copy(s, &s->next, &s->stored) != DF_OK)
        rc = df_stage_fail(st, DF_ENOMEM, NULL, "no memory for positions");
    return rc == DF_OK ? df__ice_catalog_open(&s->catalog, &s->session) : rc;
}

static int sink_open(void *self, df_stage *st)
{
    df__ice_sink *s = self;
    if (s->doom[0])
        return df_stage_fail(st, DF_ESTATE, "configuration", s->doom);
    int rc = prepare(s, st);
    rc = rc == DF_OK ? df__ice_table_load(s) : rc;
    if (rc != DF_ENOTFOUND)
        return rc;
    return s->opt.auto_create && !s->seen ? DF_OK : df__ice_missing(s);
}

/* ---- write ----------------------------------------------------------------------------------- */

static int ensure_table(df__ice_sink *s, df_parcel *parcel)
{
    int rc;
    if (s->has_table)
        return DF_OK;
    rc = df__ice_file_finish(s); /* its columns were others */
    rc = rc == DF_OK ? df__ice_table_load(s) : rc;
    if (rc == DF_ENOTFOUND && s->opt.auto_create && !s->seen) {
        rc = df__ice_make_table(s, parcel);
        rc = rc == DF_OK ? df__ice_table_load(s) : rc;
    }
    return rc == DF_ENOTFOUND ? df__ice_missing(s) : rc;
}

/* No record has a column, so that no table can be made of them. */
static int refuse_all(df__ice_sink *s, df_parcel *parcel)
{
    int rc = DF_OK;
    for (size_t i = 0; i < df_parcel_count(parcel) && rc == DF_OK; i++)
        rc = df_parcel_reject(parcel, i, "invalid_data", "no object, or one without members");
    return rc == DF_OK && (s->stops || s->exactly_once) ? DF_EDATA : rc;
}

/* A refusal by columns that were read earlier counts when they are still the table's. */
static int are_stale(df__ice_sink *s, int *ret)
{
    df__ice_meta m;
    int rc = df__ice_table_look(s, &m);
    *ret = rc == DF_OK && m.schema_id != s->meta.schema_id;
    df__ice_meta_free(&m);
    return rc == DF_ENOTFOUND ? df__ice_missing(s) : rc;
}

/* All that cannot be a row is told before a row is written. DF_AGAIN: the columns are others now.
 */
static int look_first(df__ice_sink *s, df_parcel *parcel, int fresh)
{
    size_t refused = 0;
    int stale = 0;
    int rc = df__ice_check_rows(s, parcel, &refused);
    if (rc != DF_OK || refused == 0)
        return rc;
    rc = fresh ? DF_OK : are_stale(s, &stale);
    if (rc == DF_OK && stale) {
        s->has_table = 0;
        return DF_AGAIN;
    }
    return rc == DF_OK ? DF_EDATA : rc;
}

static int absorb(df__ice_sink *s, df_parcel *parcel)
{
    size_t refused = 0;
    int rc =
        df__grow(&s->session.heap, &s->parcels, &s->parcel_cap, s->parcel_count, sizeof(void *));
    if (rc != DF_OK)
        return df_stage_fail(s->st, rc, NULL, "no memory for a parcel");
    rc = df_parcel_count(parcel) ? df__ice_add_rows(s, parcel, &refused) : DF_OK;
    if (rc == DF_OK && refused && (s->stops || s->exactly_once))
        return df_stage_fail(s->st, DF_EINTERNAL, NULL,
                             "a record was refused after it was found to be good");
    rc = rc == DF_OK && s->exactly_once ? df__ice_places_add(s, parcel) : rc;
    if (rc == DF_OK && s->writer && df__parquet_bytes(s->writer) >= s->opt.file_bytes)
        rc = df__ice_file_finish(s);
    return rc;
}

/* Each batch is a commit, as it was asked for. One that fails is given again: nothing of it stays.
 */
static int commit_batch(df__ice_sink *s)
{
    int rc = df__ice_commit_all(s);
    int sent = s->pending.id && s->pending.sent;
    if (rc == DF_OK)
        return rc;
    df__ice_files_drop(s);
    df__ice_pending_drop(s);
    if (df__ice_places_copy(s, &s->next, &s->stored) != DF_OK)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for positions");
    if (sent && !s->doom[0])
        return df_stage_fail(s->st, DF_EUNKNOWN, "connection_error",
                             "it is not known whether a commit was applied");
    return rc == DF_AGAIN ? df_stage_fail(s->st, DF_EIO, "transient",
                                          "other writers were faster again and again")
                          : rc;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    df__ice_sink *s = self;
    int fresh = !s->has_table;
    (void)st;
    if (s->is_lost) /* its file may be ended, and its close is on the way */
        return DF_AGAIN;
    int rc = df__ice_keep_keys(s);
    rc = rc == DF_OK && df_parcel_count(parcel) ? ensure_table(s, parcel) : rc;
    if (rc == DF_MORE)
        return refuse_all(s, parcel);
    if (rc == DF_OK && df_parcel_count(parcel) && (s->stops || s->exactly_once))
        rc = look_first(s, parcel, fresh);
    rc = rc == DF_OK ? absorb(s, parcel) : rc;
    if (rc != DF_OK)
        return rc;
    if (s->opt.batch_size != DF_UNSET)
        return commit_batch(s);
    s->parcels[s->parcel_count++] = parcel;
    return DF_ABSORBED;
}

int df__ice_sink_flush(void *self, df_stage *st, int timeout_ms)
{
    df__ice_sink *s = self;
    (void)timeout_ms;
    if (s->parcel_count == 0)
        return DF_OK;
    int rc = df__ice_commit_all(s);
    s->is_lost = rc < 0 && rc != DF_ECANCELED;
    if (rc != DF_OK)
        return rc;
    for (size_t i = 0; i < s->parcel_count; i++) /* those without a row or a position */
        df_stage_settle(st, s->parcels[i], DF_OK);
    s->parcel_count = 0;
    return DF_OK;
}

static void sink_close(void *self, df_stage *st)
{
    df__ice_sink *s = self;
    (void)st;
    if (!s->is_open)
        return;
    s->is_open = 0;
    df__ice_files_drop(s);
    df__ice_pending_drop(s);
    forget_parcels(s);
    df__ice_places_free(s, &s->next);
    df__ice_table_free(s);
    df__ice_store_free(&s->store);
    df__ice_catalog_close(&s->catalog);
    df__buf_free(&s->scratch);
    df__arena_free(&s->row);
    df__ice_session_close(&s->session);
}

static int sink_probe(void *self, df_stage *st)
{
    df__ice_sink *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? df__ice_table_load(s) : rc;
    if (rc == DF_ENOTFOUND && s->opt.auto_create) {
        df_stage_foundf(st, "table %s is not there; a run makes it", s->catalog.shown.data);
        rc = DF_OK;
    } else if (rc == DF_ENOTFOUND) {
        rc = df__ice_missing(s);
    } else if (rc == DF_OK) {
        df_stage_foundf(st, "table %s, %zu column%s", s->catalog.shown.data, s->column_count,
                        DF__PLURAL(s->column_count));
    }
    sink_close(s, st);
    return rc;
}

const df_sink_ops df__ice_sink_ops = {
    .size = sizeof(df_sink_ops),
    .check = df__ice_sink_check,
    .open = sink_open,
    .write = sink_write,
    .flush = df__ice_sink_flush,
    .claim = df__ice_claim,
    .resolve = df__ice_resolve,
    .close = sink_close,
    .probe = sink_probe,
};
