/* SPDX-License-Identifier: Apache-2.0
 * attempt.c: one try to write a parcel. The common case is one COPY, which is a transaction by
 * itself: rows are encoded while the server already reads. Rows with different sets of columns
 * make several COPY statements in one query text, which the server runs as one transaction too. */

#include "shape.h"
#include "sql.h"
#include "util/crashpoint.h"

enum {
    PIECE = 64 * 1024,  /* encoded bytes handed to libpq at once */
    STICKY = 16,        /* parcels for which a mixture is expected after one */
    SHORT = 128 * 1024, /* the answer for less than this is waited for at once */
    LARGE = 4 * PIECE
};

/* Appends what stands after the last row. */
static void put_rest(df__pg_sink *s, const df__pg_work *w)
{
    if (w->between.len > 0) {
        df__buf_str(&s->sql, "; ");
        df__buf_add(&s->sql, w->between.data, w->between.len - 2);
    }
}

/* Where nothing else follows: the positions, and the end of an explicit transaction. */
static void put_end(df__pg_sink *s, const df__pg_work *w)
{
    if (w->part)
        return;
    df__pg_positions_move(s, w, &s->sql);
    if (s->conn.in_transaction)
        df__buf_str(&s->sql, "; COMMIT");
}

/* The statements for all groups; an explicit transaction ends with them. */
static int send_copies(df__pg_sink *s, df__pg_work *w)
{
    df__buf_clear(&s->sql);
    for (size_t i = 0; i < w->group_count; i++)
        df__pg_sql_group(s, &s->sql, w, i);
    put_rest(s, w);
    if (w->binary && !s->opt.upsert) /* the staging table of an upsert is ours */
        df__pg_shape_check(s, &s->sql);
    put_end(s, w);
    const char *sql = df__buf_cstr(&s->sql);
    w->sent = 1;
    return sql ? df__pg_send(&s->conn, sql) : DF_ENOMEM;
}

/* Bytes for a column of another type may fail in any way: look at the columns before it counts. */
static int doubt(const df__pg_work *w, int status)
{
    return status == DF_EINVAL && w->binary && w->error && !w->tried.looked_again ? DF_AGAIN
                                                                                  : status;
}

/* A failure after the last COPY. DF_AGAIN: the rows were encoded for other columns. */
static int judge(df__pg_sink *s, const df__pg_work *w, const PGresult *res)
{
    const char *reason;
    if (df__pg_positions_failed(res))
        return DF_EFENCED;
    if (!df__pg_shape_failed(res))
        return doubt(w, df__pg_result_status(&s->conn, res, &reason));
    s->expect.as_text = w->tried.looked_again ? STICKY : s->expect.as_text;
    return DF_AGAIN;
}

/* Counts what the statements left out of w, and says so once. */
static void tell_gone(df__pg_sink *s, const df__pg_work *w)
{
    if (w->gone == 0)
        return;
    df_parcel_left_out(w->parcel, w->gone);
    if (!s->told.gone) {
        df_stage_log(s->conn.stage, DF_LOG_WARN,
                     "updates that leave a NOT NULL column unchanged (TOAST) and whose row is not "
                     "in the table are left out and counted (left_out): the value was not sent, "
                     "so no row can be made; in order after a copy that was cut short");
    }
    s->told.gone = 1;
}

int df__pg_durable(df__pg_sink *s, df__pg_work *w)
{
    s->conn.in_transaction = 0;
    s->catalog.is_new = 0;
    df__pg_targets_durable(s);
    tell_gone(s, w);
    w->gone = 0;
    df__pg_tell_skipped(s, w);
    return df__pg_positions_moved(s, w);
}

int df__pg_read_end(df__pg_sink *s, df__pg_work *w)
{
    PGresult *res;
    int rc, status = DF_OK, done = 0;
    while ((rc = df__pg_answer(&s->conn, &res)) == DF_OK && res) {
        ExecStatusType kind = PQresultStatus(res);
        done |= kind == PGRES_COMMAND_OK || (w->group_count == 0 && kind == PGRES_TUPLES_OK);
        if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK || w->error) {
            PQclear(res);
            continue;
        }
        w->error = res;
        w->error_group = w->group_count - 1;
        status = judge(s, w, res);
    }
    if (rc != DF_OK)
        return rc;
    if (!done && !w->error)
        return df__pg_strange(&s->conn, "nothing to the end of a COPY");
    DF_CRASHPOINT("pg.committed");
    s->conn.late = 0;
    if (status != DF_OK)
        return status;
    w->gone += s->conn.left_out;
    return w->part ? DF_OK : df__pg_durable(s, w);
}

int df__pg_named_record(const df__pg_sink *s, const df__pg_work *w, size_t *ret)
{
    size_t line = df__pg_result_line(w->error, df__pg_sql_target(s));
    if (line == 0 || w->error_group >= w->group_count || line > w->groups[w->error_group].count)
        return 0;
    *ret = w->groups[w->error_group].records[line - 1];
    return 1;
}

int df__pg_write_alone(df__pg_sink *s, df__pg_work *w)
{
    size_t count = 0;
    if (s->positions.used && !w->part)
        (void)df_parcel_positions(w->parcel, &count);
    if (count == 0 && w->between.len == 0 && (w->part || !w->is_open))
        return DF_OK;
    int rc = df__pg_may_count(s, w);
    if (rc != DF_OK)
        return rc;
    df__buf_clear(&s->sql);
    df__buf_str(&s->sql, "SELECT 1");
    put_rest(s, w);
    put_end(s, w);
    const char *sql = df__buf_cstr(&s->sql);
    rc = sql ? df__pg_send(&s->conn, sql) : DF_ENOMEM;
    if (rc != DF_OK)
        return rc;
    s->conn.late = !w->part;
    return df__pg_read_end(s, w);
}

/* ---- the common case ------------------------------------------------------------------------ */

static int be_mixed(df__pg_sink *s, df__pg_work *w)
{
    s->expect.mixed = STICKY;
    w->tried.in_groups = 1;
    return DF_MORE;
}

/* Encodes record w->index. DF_MORE: it has other columns than the first. */
static int encode_one(df__pg_sink *s, df__pg_work *w)
{
    df__pg_mask mask;
    int rc = df__pg_read_row(s, w, &mask);
    if (rc == DF_DROP && w->between.len > 0 && w->group_count > 0)
        return be_mixed(s, w);
    if (rc != DF_OK)
        return rc;
    df__pg_group *group = df__pg_group_of(s, w, &mask);
    if (!group)
        return DF_ENOMEM;
    if (group != &w->groups[0]) {
        w->group_count = 1;
        return be_mixed(s, w);
    }
    return df__pg_add_row(s, w, group);
}

int df__pg_encode_ahead(df__pg_sink *s, df__pg_work *w)
{
    size_t looked = 0;
    while (w->index < w->end) {
        int rc = encode_one(s, w);
        if (rc != DF_OK && rc != DF_DROP)
            return rc == DF_ENOMEM ? rc : DF_OK; /* met again when it is this parcel's turn */
        w->index++;
        size_t len = w->group_count ? w->groups[0].text.len : 0;
        if (len >= looked + PIECE) {
            looked = len;
            if (len >= s->memory.ahead_max || df__pg_answered(&s->conn))
                break;
        }
    }
    return DF_OK;
}

int df__pg_may_count(const df__pg_sink *s, const df__pg_work *w)
{
    if (!df_stage_current(s->conn.stage, w->parcel))
        return DF_ECANCELED;
    return s->whole && w->rejects.count > 0 ? DF_DROP : DF_OK;
}

static int give(df__pg_sink *s, const df__buf *text)
{
    return text->failed ? DF_ENOMEM : df__pg_copy_data(&s->conn, text->data, text->len);
}

/* A buffer that a large record made large would stay so. */
static void empty(df__buf *text)
{
    if (text->cap > LARGE)
        df__buf_free(text);
    df__buf_clear(text);
}

static int push(df__pg_sink *s, df__pg_work *w)
{
    DF_CRASHPOINT("pg.copy");
    int rc = w->sent ? DF_OK : send_copies(s, w);
    if (rc == DF_OK && !w->begun) {
        rc = df__pg_copy_begin(&s->conn, &w->error);
        w->begun = rc == DF_OK;
    }
    if (rc == DF_OK)
        rc = give(s, &w->groups[0].text);
    empty(&w->groups[0].text);
    empty(&s->encoder.convert.scratch);
    return rc;
}

static int end_stream(df__pg_sink *s, df__pg_work *w, size_t bytes)
{
    df__pg_group_end(w, &w->groups[0]);
    int rc = push(s, w);
    rc = rc == DF_OK ? df__pg_may_count(s, w) : rc;
    if (rc == DF_OK)
        rc = df__pg_copy_end(&s->conn, w->part ? PG_COPY_MORE : PG_COPY_COMMIT);
    if (rc != DF_OK)
        return rc;
    return bytes < SHORT || s->conn.in_transaction || s->targets.is_used ? df__pg_read_end(s, w)
                                                                         : DF_PENDING;
}

static int write_stream(df__pg_sink *s, df__pg_work *w)
{
    size_t bytes = 0;
    for (; w->index < w->end; w->index++) {
        int rc = encode_one(s, w);
        if (rc == DF_OK && !w->sent) /* the server gets ready meanwhile */
            rc = send_copies(s, w);
        if (rc == DF_OK && w->groups[0].text.len >= PIECE) {
            bytes += w->groups[0].text.len;
            rc = push(s, w);
        }
        if (rc != DF_OK && rc != DF_DROP)
            return rc;
    }
    if (w->group_count == 0)
        return w->tried.unsure ? DF_AGAIN : df__pg_write_alone(s, w);
    return end_stream(s, w, bytes + w->groups[0].text.len);
}

/* ---- several groups ------------------------------------------------------------------------ */

static int write_group(df__pg_sink *s, df__pg_work *w, size_t i)
{
    int last = i + 1 == w->group_count;
    int rc = df__pg_copy_begin(&s->conn, &w->error); /* refuses what the group before it sent */
    if (rc != DF_OK) {
        w->error_group = i == 0 ? 0 : i - 1;
        return rc;
    }
    df__pg_group_end(w, &w->groups[i]);
    rc = give(s, &w->groups[i].text);
    rc = rc == DF_OK && last ? df__pg_may_count(s, w) : rc;
    return rc == DF_OK ? df__pg_copy_end(&s->conn, last && !w->part ? PG_COPY_COMMIT : PG_COPY_MORE)
                       : rc;
}

static int write_groups(df__pg_sink *s, df__pg_work *w)
{
    int rc = df__pg_groups_fill(s, w);
    if (rc == DF_OK && w->group_count == 0)
        return w->tried.unsure ? DF_AGAIN : df__pg_write_alone(s, w);
    if (rc != DF_OK)
        return rc;
    int is_mixed = w->group_count > 1 || w->groups[0].form_count > 1;
    s->expect.mixed = is_mixed ? STICKY : s->expect.mixed - (s->expect.mixed > 0);
    rc = send_copies(s, w);
    for (size_t i = 0; i < w->group_count && rc == DF_OK; i++)
        rc = write_group(s, w, i);
    return rc == DF_OK ? df__pg_read_end(s, w) : rc;
}

int df__pg_attempt(df__pg_sink *s, df__pg_work *w)
{
    if (w->tried.unsure && !w->binary) /* nothing would confirm it any more */
        return DF_AGAIN;
    if (w->tried.by_rows)
        return df__pg_write_rows(s, w);
    if (s->expect.mixed > 0 || w->tried.in_groups)
        return doubt(w, write_groups(s, w));
    return doubt(w, write_stream(s, w));
}
