/* SPDX-License-Identifier: Apache-2.0
 * write.c: one parcel, one transaction; what to do when a try fails. While the server works on
 * one parcel the next is encoded, so that neither waits for the other. */
#include <poll.h>
#include <string.h>

#include "sink.h"
#include "shape.h"
#include "client/sqlstate.h"

enum { NARROW_LIMIT = 4 };

static int ensure_table(df__pg_sink *s, df__pg_work *w)
{
    if (s->catalog.table.exists)
        return DF_OK;
    if (s->opt.auto_create)
        return df__pg_create_table(s, w);
    return df__pg_missing(&s->conn);
}

/* What the server refused: one line and a word. */
typedef struct refusal {
    char text[400];
    const char *reason;
    char check[PG_NAME_MAX + 1]; /* a CHECK constraint by name; else "" */
    size_t index;
    int named;
    int duplicate; /* a key that is there already, or what an exclusion constraint takes for one */
    int doubtful;  /* whether a row is at fault is to be shown */
    int no_copy;   /* it is COPY itself that the server refuses */
} refusal;

static void read_refusal(const df__pg_sink *s, const df__pg_work *w, refusal *why)
{
    memset(why, 0, sizeof *why);
    df__pg_result_status(&s->conn, w->error, &why->reason);
    df__pg_result_text(&s->conn, w->error, why->text, sizeof why->text);
    why->named = df__pg_named_record(s, w, &why->index);
    const char *state = PQresultErrorField(w->error, PG_DIAG_SQLSTATE);
    const char *check = PQresultErrorField(w->error, PG_DIAG_CONSTRAINT_NAME);
    why->duplicate = state && (strcmp(state, "23505") == 0 || strcmp(state, "23P01") == 0);
    why->doubtful = state && df__pg_sqlstate_find(state)->fate != PG_FATE_ROW;
    why->no_copy = state && !s->opt.upsert && !w->tried.by_rows && !why->named &&
                   (strcmp(state, "0A000") == 0 || strcmp(state, "42809") == 0);
    if (check && state && strcmp(state, "23514") == 0)
        df__text_set(why->check, sizeof why->check, check, strlen(check));
}

/* No further record can be named: the core takes out those refused, or halves the parcel. */
static int give_up(df__pg_sink *s, df__pg_work *w, const refusal *why)
{
    int rc = DF_OK;
    if (df_parcel_count(w->parcel) == 1 && !w->skip[0])
        rc = df__pg_refuse(w, 0, why->reason, why->text);
    rc = rc == DF_OK ? df__pg_rejects_tell(&w->rejects, w->parcel) : rc;
    return rc == DF_OK ? df_stage_fail(s->conn.stage, DF_EDATA, why->reason, why->text) : rc;
}

/* The catalog may be old: forget what it refused. */
static int look_again(df__pg_sink *s, df__pg_work *w)
{
    int altered = w->tried.altered;
    int rc = df__pg_settle_down(s);
    rc = rc == DF_OK ? df__pg_catalog_load(s) : rc;
    rc = rc == DF_OK ? df__pg_work_start(s, w, w->parcel) : rc;
    w->tried.altered = altered;
    w->tried.looked_again = 1; /* once: a slow server must not keep us here */
    return rc;
}

/* An error that may not be a row's fault: the catalog is read once more, then the statement is
 * tried without its rows. DF_OK: try again; DF_DROP: the server takes rows. */
static int doubt(df__pg_sink *s, df__pg_work *w, const refusal *why)
{
    if (w->tried.probed ||
        !s->catalog.table.exists) /* a table made in the same transaction is ours */
        return DF_DROP;
    if (!w->tried.looked_again && !why->no_copy)
        return look_again(s, w);
    if (w->error_group >= w->group_count)
        return DF_DROP;
    int rc = df__pg_probe(s, &w->groups[w->error_group]);
    w->tried.probed = rc == DF_OK;
    s->expect.no_copy |= rc == DF_OK && why->no_copy;
    if (rc == DF_DROP)
        return df__pg_result_fail(&s->conn, w->error);
    return rc == DF_OK ? DF_DROP : rc;
}

/* The catalog counts, and the server takes rows: one of these is at fault. */
static int take_out(df__pg_sink *s, df__pg_work *w, const refusal *why)
{
    /* Of two rows of one key the later one is refused; groups are not in the order of records. */
    int duplicate =
        why->duplicate && (s->opt.on_conflict != PG_CONFLICT_ERROR || w->group_count > 1);
    w->tried.refusals++;
    int is_sure = why->named && !why->doubtful && w->tried.refusals <= NARROW_LIMIT;
    if (!s->expect.no_rows && !w->tried.no_rows && (!is_sure || duplicate)) {
        w->tried.by_rows = 1;
        return DF_OK;
    }
    return is_sure ? df__pg_refuse(w, why->index, why->reason, why->text) : give_up(s, w, why);
}

/* Statements stand between its rows, outside of the handlers of row mode: it may have failed for
 * one of them, which says nothing of row mode itself. */
static int has_between(const df__pg_work *w)
{
    int has = w->between.len > 0;
    for (size_t i = 0; i < w->group_count; i++)
        has |= w->groups[i].before.len > 0;
    return has;
}

/* After a refusal that may be a row's fault: leaves the named record out, or turns to row mode,
 * which names them all. DF_OK: try again. */
static int narrow(df__pg_sink *s, df__pg_work *w)
{
    refusal why;
    read_refusal(s, w, &why);
    int rc = df__pg_settle_down(s);
    if (rc != DF_OK)
        return rc;
    if (w->tried.by_rows) { /* no TEMP privilege, no plpgsql, or a trigger of the whole statement */
        s->expect.no_rows |= !has_between(w);
        w->tried.no_rows = 1;
        w->tried.by_rows = 0;
        return DF_OK;
    }
    if (why.no_copy && s->expect.no_rows)
        return df__pg_result_fail(&s->conn, w->error);
    rc = why.doubtful ? doubt(s, w, &why) : df__pg_shape_look(s, w);
    rc = rc == DF_DROP ? df__pg_checks_consider(s, why.check) : rc;
    return rc == DF_DROP ? take_out(s, w, &why) : rc;
}

/* After an error that no row is known to be at fault for. */
static int no_row(df__pg_sink *s, df__pg_work *w)
{
    refusal why;
    if (df__pg_positions_failed(w->error))
        return df__pg_positions_settle(s, w);
    if (!df__pg_limit_met(w) || !s->conn.pg || PQstatus(s->conn.pg) == CONNECTION_BAD)
        return df__pg_result_fail(&s->conn, w->error);
    read_refusal(s, w, &why);
    int rc = df__pg_limit(s, w);
    if (rc == DF_DROP)
        return df__pg_result_fail(&s->conn, w->error);
    return rc == DF_OK ? give_up(s, w, &why) : rc;
}

/* One try; what COPY left out of it is noted. *ret_filtered: it had a condition. DF_DROP: it has
 * refused records, and nothing may be written beside them. */
int df__pg_try(df__pg_sink *s, df__pg_work *w, int *ret_filtered)
{
    if (s->whole && w->rejects.count > 0)
        return DF_DROP;
    int rc = ensure_table(s, w);
    if (rc == DF_DONE) /* there is none to make; the position moves all the same */
        return df__pg_write_alone(s, w);
    if (rc != DF_OK)
        return rc;
    if (w->catalog != s->catalog.generation) {
        if (w->tried.unsure)
            return DF_AGAIN;
        df__pg_work_rewind(s, w);
    }
    rc = df__pg_attempt(s, w);
    *ret_filtered = s->checks.used;
    return rc == DF_PENDING ? rc : df__pg_checks_settle(s, w, rc);
}

/* The condition of COPY cannot be used here: its columns may not be read, or the function. */
static int stop_filtering(df__pg_sink *s)
{
    s->checks.off = 1;
    int rc = df__pg_settle_down(s);
    return rc == DF_OK ? df__pg_checks_load(s) : rc;
}

/* Nothing of the parcel may stay: the core gives again what precedes the refused records, or, with
 * exactly-once, all but them, once they are durable elsewhere. */
static int stop_here(df__pg_sink *s, df__pg_work *w)
{
    int rc = df__pg_settle_down(s);
    rc = rc == DF_OK ? df__pg_rejects_tell(&w->rejects, w->parcel) : rc;
    return rc == DF_OK ? DF_EDATA : rc;
}

int df__pg_after(df__pg_sink *s, df__pg_work *w, int rc, int filtered)
{
    if (rc == DF_DROP)
        return stop_here(s, w);
    if (rc == DF_AGAIN)
        return w->alters ? df__pg_alter(s, w) : look_again(s, w);
    if (rc == DF_MORE)
        return df__pg_settle_down(s);
    if (rc == DF_EINVAL && filtered && w->error)
        return stop_filtering(s);
    if (rc < 0 && df__pg_may_be_row(s, w))
        return narrow(s, w);
    if (rc < 0 && w->error) {
        rc = no_row(s, w);
        return rc == DF_OK ? DF_DONE : rc;
    }
    return rc;
}

/* Tries until w is durable, sent, or cannot be written now. */
static int drive(df__pg_sink *s, df__pg_work *w)
{
    for (;;) {
        int filtered = 0;
        int rc = df__pg_try(s, w, &filtered);
        if (rc == DF_OK || rc == DF_PENDING)
            return rc;
        rc = df__pg_after(s, w, rc, filtered);
        if (rc != DF_OK)
            return rc == DF_DONE ? DF_OK : rc;
        df__pg_work_rewind(s, w);
    }
}

/* Logs, once for each kind, what values lost on their way to the table. */
static void tell_changes(df__pg_sink *s)
{
    unsigned news = s->encoder.convert.changed & ~s->told.changes;
    if (news & PG_CHANGED_FRACTION) {
        df_stage_log(s->conn.stage, DF_LOG_WARN,
                     "times with more than six digits of a second are rounded to "
                     "microseconds, the finest that PostgreSQL keeps");
    }
    if (news & PG_CHANGED_ZONE) {
        df_stage_log(s->conn.stage, DF_LOG_WARN,
                     "times with a zone go as UTC into columns without time zone "
                     "(timestamptz keeps the moment)");
    }
    s->told.changes |= news;
}

int df__pg_finish(df__pg_sink *s, df__pg_work *w, int rc)
{
    df__pg_raw_warn(s);
    tell_changes(s);
    if (rc == DF_OK && s->conn.in_transaction) /* no row came to the table that was made for it */
        rc = df__pg_settle_down(s);
    if (rc == DF_OK) {
        s->expect.alone = 0;
        return df__pg_rejects_tell(&w->rejects, w->parcel);
    }
    if (rc == DF_ECANCELED || rc == DF_ENOMEM) {
        int down = df__pg_settle_down(s);
        return down == DF_OK ? rc : down;
    }
    if (rc < 0 && rc != DF_EDATA)
        df__pg_disconnect(&s->conn); /* the core opens the sink again, or stops */
    return rc;
}

/* Waits for the parcel in flight and settles it. Failures are told to the core with it; the
 * answer here says whether the connection can be used on. */
static int land(df__pg_sink *s)
{
    df__pg_work *w = s->flight;
    int rc = df__pg_read_end(s, w);
    rc = df__pg_checks_settle(s, w, rc);
    s->flight = NULL;
    if (rc == DF_AGAIN || (rc < 0 && df__pg_may_be_row(s, w))) {
        rc = rc == DF_AGAIN ? look_again(s, w) : narrow(s, w);
        df__pg_work_rewind(s, w);
        rc = rc == DF_OK ? drive(s, w) : rc;
        if (rc == DF_PENDING) {
            s->flight = w;
            return land(s);
        }
    } else if (rc < 0 && w->error) {
        rc = no_row(s, w);
    }
    rc = df__pg_finish(s, w, rc);
    df_stage_settle(s->conn.stage, w->parcel, rc);
    return rc;
}

int df__pg_poll(df__pg_sink *s, int timeout_ms)
{
    if (!s->flight || !s->conn.pg)
        return df_stage_wait(s->conn.stage, -1, 0, timeout_ms);
    if (!df__pg_answered(&s->conn)) {
        int rc = df_stage_wait(s->conn.stage, PQsocket(s->conn.pg), POLLIN, timeout_ms);
        if (rc != DF_OK || !df__pg_answered(&s->conn))
            return rc == DF_OK ? DF_AGAIN : rc;
    }
    land(s);
    return DF_OK;
}

/* The two parcels overlap only while nothing is out of the ordinary. */
static int may_overlap(const df__pg_sink *s)
{
    return s->flight && s->expect.mixed == 0 && s->catalog.table.exists;
}

/* Makes room on the connection: encodes ahead while it is busy, then waits for the parcel in
 * flight. */
static int take_turn(df__pg_sink *s, df__pg_work *w)
{
    int rc = may_overlap(s) ? df__pg_encode_ahead(s, w) : DF_OK;
    if (rc != DF_OK || !s->flight)
        return rc;
    rc = land(s);
    if (rc == DF_OK || s->conn.pg)
        return rc == DF_EDATA ? DF_AGAIN : rc; /* the other parcel comes first, in halves */
    return rc == DF_ECANCELED ? rc : df__pg_not_connected(&s->conn);
}

int df__pg_begins_by_rows(const df__pg_expect *expect, const df_parcel *parcel)
{
    return !expect->no_rows && (df_parcel_attempt(parcel) >= NARROW_LIMIT ||
                                expect->rows_likely > 0 || expect->no_copy);
}

int df__pg_write(df__pg_sink *s, df_parcel *parcel)
{
    df__pg_work *w = s->flight == &s->works[0] ? &s->works[1] : &s->works[0];
    int rc = df__pg_work_start(s, w, parcel);
    if (rc != DF_OK)
        return rc;
    rc = take_turn(s, w);
    if (rc != DF_OK)
        return rc;
    w->tried.by_rows = df__pg_begins_by_rows(&s->expect, parcel);
    rc = df__pg_limit_watch(s, w);
    rc = rc == DF_OK ? drive(s, w) : rc;
    if (rc == DF_PENDING) {
        s->flight = w;
        return rc;
    }
    return df__pg_finish(s, w, rc);
}
