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
    s->evolves_us = 0;
    int rc = df__ice_session_open(&s->session, st, &s->place);
    df__buf_init(&s->scratch, &s->session.heap);
    if (!s->names)
        df__buf_init(&s->names_text, &s->session.heap);
    df__arena_init(&s->row, &s->session.heap, 4096);
    df__buf_init(&s->tuple, &s->session.heap);
    df__buf_init(&s->row_key, &s->session.heap);
    df__buf_init(&s->old_key, &s->session.heap);
    df__ice_keymap_init(&s->parts, &s->session.heap, df__ice_random(&s->session));
    df__ice_keymap_init(&s->changes.keys, &s->session.heap, df__ice_random(&s->session));
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
    rc = df__ice_sink_flush(s, s->st, 0); /* of other columns, and maybe another spec */
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
    *ret = rc == DF_OK && !df__ice_table_is_same(s, &m);
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
    return rc == DF_OK ? df__ice_files_trim(s) : rc;
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

/* What is open has the columns of before: it is committed when they change. */
static int follow(df__ice_sink *s, df_parcel *parcel)
{
    int rc = df__ice_evolve_look(s, parcel);
    if (rc != DF_MORE)
        return rc;
    rc = df__ice_sink_flush(s, s->st, 0);
    return rc == DF_OK ? df__ice_evolve(s, parcel) : rc;
}

/* DF_MORE: no table can be made of the records. */
static int prepare_columns(df__ice_sink *s, df_parcel *parcel, int fresh)
{
    int rc = ensure_table(s, parcel);
    rc = rc == DF_OK ? follow(s, parcel) : rc;
    return rc == DF_OK && (s->stops || s->exactly_once) ? look_first(s, parcel, fresh) : rc;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    df__ice_sink *s = self;
    int fresh = !s->has_table;
    if (s->is_lost) /* its file may be ended, and its close is on the way */
        return DF_AGAIN;
    int rc = DF_OK;
    if (df__ice_upsert_is_full(s) || df__ice_files_are_many(s))
        rc = df__ice_sink_flush(s, st, 0);
    if (rc == DF_OK && df_parcel_count(parcel))
        rc = prepare_columns(s, parcel, fresh);
    if (rc == DF_MORE)
        return refuse_all(s, parcel);
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
    df__buf_free(&s->tuple);
    df__buf_free(&s->row_key);
    df__buf_free(&s->old_key);
    df__arena_free(&s->row);
    df__ice_session_close(&s->session);
}

static void tell(df__ice_sink *s)
{
    df__buf spec;
    df__buf_init(&spec, &s->session.heap);
    df__ice_spec_text(&s->specs[0], &spec);
    const char *text = df__buf_cstr(&spec);
    df_stage_foundf(s->st, "table %s, %zu column%s%s%s", s->catalog.shown.data, s->column_count,
                    DF__PLURAL(s->column_count), text && *text ? ", partitioned by " : "",
                    text ? text : "");
    df__buf_free(&spec);
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
        tell(s);
    }
    sink_close(s, st);
    return rc;
}

static int sink_leftovers(void *self, df_stage *st, int64_t age_us, df_leftover_fn each, void *user)
{
    df__ice_sink *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? df__ice_orphans(s, age_us, each, user) : rc;
    sink_close(s, st);
    return rc;
}

static int sink_expire(void *self, df_stage *st, const df_expiry *how, df_expired_fn each,
                       void *user)
{
    df__ice_sink *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? df__ice_expire(s, how, each, user) : rc;
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
    .leftovers = sink_leftovers,
    .expire = sink_expire,
};
