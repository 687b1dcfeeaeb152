/* SPDX-License-Identifier: Apache-2.0
 * write.c: sends a parcel as one insert, or one for each list of columns, and reads what came of
 * it. While the server works the next parcel is encoded. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sink.h"

enum { LOOKS_MAX = 3 };

/* ---- one insert ------------------------------------------------------------------------------ */

static int start(df__ch_sink *s, df_bytes body, uint64_t token)
{
    df__text_printf(s->token, sizeof s->token, "dataflow-%s-%" PRIu64, s->run, token);
    return df__ch_insert(s, body, s->token);
}

static df_bytes body_of(const df__ch_work *w)
{
    const df__buf *body = &w->groups[w->group].body;
    return (df_bytes){body->data, body->len};
}

/* Starts the insert of the next group that has rows. DF_DONE: there is none. */
static int start_next(df__ch_sink *s, df__ch_work *w)
{
    while (w->group < w->group_count && w->groups[w->group].rows == 0)
        w->group++;
    if (w->group == w->group_count)
        return DF_DONE;
    w->token = df__ch_token_of(&s->tokens, body_of(w), df_parcel_attempt(w->parcel) > 0);
    return start(s, body_of(w), w->token);
}

/* Whether the server would take the statement without its rows: DF_OK; else its refusal. */
static int ask_without_rows(df__ch_sink *s, const df__ch_group *g)
{
    int rc = start(s, (df_bytes){g->body.data, g->head}, 0);
    if (rc == DF_OK) {
        rc = df__ch_await(&s->client, s->request, -1);
        rc = rc == DF_OK ? df__ch_outcome(&s->client, s->request) : rc;
        if (rc < 0 && s->client.fault.code == 108) /* NO_DATA_TO_INSERT */
            rc = DF_OK;
    }
    return rc;
}

/* ---- refusals -------------------------------------------------------------------------------- */

static int prepare(df__ch_sink *s, df__ch_work *w);

/* Some row is at fault: the only one, or the core halves the parcel. */
static int blame_rows(df__ch_sink *s, df__ch_work *w, const df__ch_fault *f)
{
    char text[500];
    size_t alone = 0, left = 0;
    df__text_printf(text, sizeof text, "ClickHouse refused it: code %d%s%s%s%s", f->code,
                    f->name[0] ? " " : "", f->name, s->client.show_values ? ": " : "",
                    s->client.show_values ? f->text : "");
    for (size_t i = 0; i < df_parcel_count(w->parcel); i++) {
        if (!df_parcel_rejected(w->parcel, i) &&
            !df__ch_written_has(&s->written, df_parcel_at(w->parcel, i))) {
            alone = i;
            left++;
        }
    }
    if (left == 1) {
        int rc = df__ch_refuse_record(w, alone, "constraint_violation", text);
        if (rc != DF_OK)
            return rc;
    }
    return df_stage_fail(s->client.stage, DF_EDATA, "constraint_violation", text);
}

/* The rows of the parcel that are not written, encoded for the table as it is now. */
static int prepare_rest(df__ch_sink *s, df__ch_work *w)
{
    int rc = df__ch_note_written(s, w);
    return rc == DF_OK ? prepare(s, w) : df_stage_fail(s->client.stage, rc, NULL, "no memory");
}

/* The table may not be what the rows were encoded for: another parcel, too, may have seen that. */
static int look_again(df__ch_sink *s, df__ch_work *w)
{
    int changed = 0;
    int rc = df__ch_look(s, &changed);
    df_stage_metric(s->client.stage, CH_METRIC_TABLE_READS, 1);
    w->looked = 1;
    if (rc == DF_OK && !changed && w->generation == s->table.generation)
        return DF_DROP;
    s->table.generation++; /* the next parcel is encoded again too: its versions are to be newer */
    return rc == DF_OK ? prepare_rest(s, w) : rc;
}

/* The table is what it was, so that it is not missing: one that a view of it, or a Distributed
 * table, writes to is. */
static int other_is_missing(df__ch_sink *s, const df__ch_fault *f)
{
    return df_stage_failf(s->client.stage, DF_EIO, "schema_changed",
                          "ClickHouse: code %d %s: %s; table %s is there, so a view of it or what "
                          "it passes rows on to is at fault; the flow goes on when that is mended",
                          f->code, f->name, f->text, s->table.name.table);
}

/* What was refused is not settled by a look at the table: a row, or the statement. */
static int judge_rest(df__ch_sink *s, df__ch_work *w, const df__ch_fault *first)
{
    if (first->fate == CH_FATE_MISSING)
        return other_is_missing(s, first);
    if (ask_without_rows(s, &w->groups[w->group]) == DF_OK) {
        df__ch_insert_end(s);
        return blame_rows(s, w, first);
    }
    int status = df__ch_fault_status(&s->client.fault);
    int rc =
        s->request ? df__ch_fail(&s->client, s->request, status < 0 ? status : DF_EIO) : DF_EIO;
    df__ch_insert_end(s);
    return rc;
}

/* What follows from a refusal. DF_OK: the parcel is on its way again. */
static int judge(df__ch_sink *s, df__ch_work *w, int rc)
{
    df__ch_fault first = s->client.fault;
    int is_told = first.fate == CH_FATE_ROW || first.fate == CH_FATE_DOUBT ||
                  first.fate == CH_FATE_TABLE || first.fate == CH_FATE_MISSING;
    if (first.fate == CH_FATE_BUSY)
        df_stage_metric(s->client.stage, CH_METRIC_OVERLOADED, 1);
    if (!is_told) {
        if (rc == DF_EIO || rc == DF_ETIMEOUT || rc == DF_EUNKNOWN)
            df__ch_token_keep(&s->tokens, body_of(w), w->token);
        rc = df__ch_fail(&s->client, s->request, rc);
        df__ch_insert_end(s);
        return rc;
    }
    df__ch_insert_end(s);
    if (first.fate != CH_FATE_ROW && df_parcel_attempt(w->parcel) < LOOKS_MAX) {
        rc = look_again(s, w);
        if (rc != DF_DROP)
            return rc == DF_OK ? start_next(s, w) : rc;
    }
    return judge_rest(s, w, &first);
}

/* ---- one parcel ------------------------------------------------------------------------------ */

/* The rows of the parcel, encoded for the table as it is. DF_OK, or what to answer. */
static int prepare(df__ch_sink *s, df__ch_work *w)
{
    int rc = DF_AGAIN;
    for (int tries = 0; rc == DF_AGAIN && tries <= LOOKS_MAX; tries++) {
        if (!s->table.exists) {
            rc = df__ch_create(s, w);
            if (rc != DF_OK)
                return rc;
        }
        rc = df__ch_encode_parcel(s, w);
    }
    if (rc == DF_AGAIN) {
        return df_stage_fail(s->client.stage, DF_EIO, "conflict",
                             "the table changes faster than it can be read");
    }
    return rc == DF_ENOMEM ? df_stage_fail(s->client.stage, rc, NULL, "no memory for the rows")
                           : rc;
}

/* Before the rows go: the parcel before them may have seen that the table changed. A server that
 * does not look at names takes any bytes for any column, so there it is asked. */
static int confirm(df__ch_sink *s, df__ch_work *w)
{
    int rc = s->client.version < CH_WITH_NAMES ? df__ch_look(s, NULL) : DF_OK;
    return rc == DF_OK && w->generation != s->table.generation ? prepare(s, w) : rc;
}

static void tell_changes(df__ch_sink *s)
{
    if (s->encoder.changed & ~s->told & CH_CHANGED_FRACTION) {
        df_stage_log(s->client.stage, DF_LOG_WARN,
                     "times have more digits of a second than their column keeps; those are cut "
                     "off (DateTime64(6) keeps microseconds)");
    }
    s->told |= s->encoder.changed;
}

/* An end of the parcel: what the core is told. What of it is written is not written again. */
static int finish(df__ch_sink *s, const df__ch_work *w, int rc)
{
    if (rc == DF_DONE)
        return DF_OK;
    if (rc < 0 && df__ch_note_written(s, w) != DF_OK)
        df_stage_log(s->client.stage, DF_LOG_WARN, "no memory: rows may be written twice");
    s->failed |= rc == DF_EIO || rc == DF_ETIMEOUT || rc == DF_EUNKNOWN;
    return rc;
}

void df__ch_leave(df__ch_sink *s)
{
    df__ch_work *w = s->flight;
    if (w && s->request)
        df__ch_token_keep(&s->tokens, body_of(w), w->token);
    if (w && df__ch_note_written(s, w) != DF_OK)
        df_stage_log(s->client.stage, DF_LOG_WARN, "no memory: rows may be written twice");
    df__ch_insert_end(s);
    s->flight = NULL;
}

/* Drives the parcel in flight until it has ended, or for timeout_ms. DF_AGAIN: not yet. */
static int drive(df__ch_sink *s, int timeout_ms)
{
    df__ch_work *w = s->flight;
    for (;;) {
        int rc = df__ch_await(&s->client, s->request, timeout_ms);
        if (rc == DF_AGAIN || rc == DF_ECANCELED)
            return rc;
        rc = rc == DF_OK ? df__ch_outcome(&s->client, s->request) : rc;
        if (rc == DF_OK) {
            df__ch_insert_end(s);
            w->group++;
            rc = start_next(s, w);
        } else {
            rc = judge(s, w, rc);
        }
        if (rc != DF_OK) {
            df__ch_insert_end(s);
            s->flight = NULL;
            rc = finish(s, w, rc);
            df_stage_settle(s->client.stage, w->parcel, rc);
            return rc;
        }
    }
}

int df__ch_poll(df__ch_sink *s, int timeout_ms)
{
    if (!s->flight)
        return df_stage_wait(s->client.stage, -1, 0, timeout_ms);
    int rc = drive(s, timeout_ms);
    return rc == DF_AGAIN || rc == DF_ECANCELED ? rc : DF_OK;
}

/* Waits for the parcel before this one. */
static int take_turn(df__ch_sink *s)
{
    if (!s->flight)
        return DF_OK;
    int rc = drive(s, -1);
    if (rc == DF_OK || rc == DF_ECANCELED)
        return rc;
    if (rc == DF_EDATA || rc == DF_ETOOBIG)
        return DF_AGAIN; /* the other one comes first, in parts */
    return rc == DF_EIO || rc == DF_ETIMEOUT || rc == DF_EUNKNOWN
               ? df_stage_fail(s->client.stage, DF_EIO, "connection_error", "connection lost")
               : DF_AGAIN;
}

/* The records of a new parcel are no records of an earlier one, though they may lie where one lay.
 */
static void forget_written(df__ch_sink *s, const df_parcel *parcel)
{
    if (s->written.count == 0 || df_parcel_attempt(parcel) > 0)
        return;
    for (size_t i = 0; s->flight && i < df_parcel_count(parcel); i++)
        df__ch_written_remove(&s->written, df_parcel_at(parcel, i));
    if (!s->flight)
        df__ch_written_clear(&s->written);
}

int df__ch_prepare(df__ch_sink *s, df__ch_work *w)
{
    int rc = prepare(s, w);
    tell_changes(s);
    return rc == DF_OK ? confirm(s, w) : rc;
}

int df__ch_write(df__ch_sink *s, df_parcel *parcel)
{
    df__ch_work *w = s->flight == &s->works[0] ? &s->works[1] : &s->works[0];
    w->parcel = parcel;
    w->group_count = w->group = 0;
    w->refused = 0;
    w->looked = 0;
    if (s->exact.used)
        return df__ch_exact_write(s, w);
    forget_written(s, parcel);
    int rc = s->flight && !s->table.exists ? take_turn(s) : DF_OK;
    rc = rc == DF_OK ? prepare(s, w) : rc;
    tell_changes(s);
    if (rc == DF_OK)
        rc = take_turn(s);
    rc = rc == DF_OK ? confirm(s, w) : rc;
    rc = rc == DF_OK ? start_next(s, w) : rc;
    if (rc == DF_OK) {
        s->flight = w;
        return DF_PENDING;
    }
    return finish(s, w, rc);
}
