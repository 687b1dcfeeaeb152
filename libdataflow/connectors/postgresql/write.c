/* SPDX-License-Identifier: Apache-2.0
 * write.c: one parcel, one transaction. The common case is one COPY, which is a transaction by
 * itself: rows are encoded while the server already reads. Rows with different sets of columns
 * make several COPY statements in one query text, which the server runs as one transaction too. */
#include <string.h>

#include "pg.h"

enum {
    PIECE = 64 * 1024,   /* encoded bytes handed to libpq at once */
    STICKY = 16,         /* parcels for which a mixture is expected after one */
    NARROW_LIMIT = 4,    /* server refusals of a parcel before row mode */
    CATALOG_CHECK_MS = 1000
};

void df__pg_copy_sql(df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    const char *separator = " (";
    df__buf_str(b, "COPY ");
    df__pg_quote_table(b, &s->name);
    for (size_t i = 0; i < s->known.count; i++) {
        if (df__pg_mask_writes(mask, &s->known.columns[i])) {
            df__buf_str(b, separator);
            df__buf_str(b, s->known.columns[i].quoted);
            separator = ", ";
        }
    }
    df__buf_str(b, ") FROM STDIN");
}

/* The statements for all groups; an explicit transaction ends with them. */
static int send_copies(df__pg_sink *s, df_stage *st)
{
    df__buf_clear(&s->sql);
    for (size_t i = 0; i < s->group_count; i++) {
        if (i > 0) {
            df__buf_str(&s->sql, "; ");
        }
        df__pg_copy_sql(s, &s->sql, &s->groups[i].mask);
    }
    if (s->in_transaction) {
        df__buf_str(&s->sql, "; COMMIT");
    }
    const char *sql = df__buf_cstr(&s->sql);
    return sql ? df__pg_send(s, st, sql) : DF_ENOMEM;
}

/* Reads the answers behind the last COPY. The first refusal is left in *ret_error. */
static int read_end(df__pg_sink *s, df_stage *st, PGresult **ret_error)
{
    PGresult *res;
    int rc, status = DF_OK;
    while ((rc = df__pg_next(s, st, &res)) == DF_OK && res) {
        const char *reason;
        if (PQresultStatus(res) == PGRES_COMMAND_OK || *ret_error) {
            PQclear(res);
            continue;
        }
        *ret_error = res;
        status = df__pg_result_status(s, res, &reason);
    }
    if (rc != DF_OK) {
        return rc;
    }
    s->late = 0;
    if (status == DF_OK) {
        s->in_transaction = 0;
    }
    return status;
}

/* The record behind "COPY orders, line 7, column ..." in the error's context; the words around
 * the number are in the server's language. */
static int named_record(const df__pg_sink *s, const PGresult *error, size_t group, size_t *ret)
{
    const char *context = PQresultErrorField(error, PG_DIAG_CONTEXT);
    size_t table = strlen(s->name.table);
    for (const char *s1 = context; s1; s1 = strchr(s1, '\n') ? strchr(s1, '\n') + 1 : NULL) {
        if (strncmp(s1, "COPY ", 5) != 0 || strncmp(s1 + 5, s->name.table, table) != 0) {
            continue;
        }
        const char *digits = s1 + 5 + table;
        digits += strcspn(digits, "0123456789\n");
        size_t line = 0;
        for (; *digits >= '0' && *digits <= '9' && line < UINT32_MAX; digits++) {
            line = line * 10 + (size_t)(*digits - '0');
        }
        if (line >= 1 && group < s->group_count && line <= s->groups[group].count) {
            *ret = s->groups[group].records[line - 1];
            return 1;
        }
    }
    return 0;
}

/* ---- the common case ------------------------------------------------------------------------ */

typedef struct stream {
    df__pg_group *group; /* NULL until the first good row */
    int begun;           /* the server waits for data */
    size_t index;
    PGresult *error;
} stream;

static int push(df__pg_sink *s, df_stage *st, stream *run)
{
    int rc = DF_OK;
    if (!run->begun) {
        rc = df__pg_copy_begin(s, st, &run->error);
        run->begun = rc == DF_OK;
    }
    if (rc == DF_OK) {
        rc = df__pg_copy_data(s, st, run->group->text.data, run->group->text.len);
    }
    df__buf_clear(&run->group->text);
    return rc;
}

/* DF_MORE: this row has other columns than the first. */
static int stream_row(df__pg_sink *s, df_stage *st, df_parcel *parcel, stream *run)
{
    df__pg_mask mask;
    int rc = df__pg_read_row(s, parcel, run->index, &mask);
    if (rc != DF_OK) {
        return rc;
    }
    if (!run->group) {
        run->group = df__pg_group_of(s, &mask);
        rc = run->group ? send_copies(s, st) : DF_ENOMEM;
    } else if (!df__pg_mask_same(&run->group->mask, &mask)) {
        return DF_MORE;
    }
    if (rc == DF_OK) {
        rc = df__pg_add_row(s, run->group, run->index);
    }
    if (rc == DF_OK && run->group->text.len >= PIECE) {
        rc = push(s, st, run);
    }
    return rc;
}

static int stream_end(df__pg_sink *s, df_stage *st, df_parcel *parcel, stream *run)
{
    int rc = push(s, st, run);
    if (rc == DF_OK && !df_stage_current(st, parcel)) {
        return DF_ECANCELED;
    }
    if (rc == DF_OK) {
        rc = df__pg_copy_end(s, st, PG_COPY_COMMIT);
    }
    return rc == DF_OK ? read_end(s, st, &run->error) : rc;
}

static int write_stream(df__pg_sink *s, df_stage *st, df_parcel *parcel, PGresult **ret_error)
{
    stream run;
    size_t count = df_parcel_count(parcel);
    int rc = DF_OK;
    memset(&run, 0, sizeof run);
    df__pg_rejects_clear(&s->rejects);
    df__pg_groups_clear(s);
    for (; run.index < count && (rc == DF_OK || rc == DF_DROP); run.index++) {
        rc = stream_row(s, st, parcel, &run);
    }
    rc = rc == DF_DROP ? DF_OK : rc;
    if (rc == DF_OK && run.group) {
        rc = stream_end(s, st, parcel, &run);
    }
    *ret_error = run.error;
    return rc;
}

/* ---- several groups --------------------------------------------------------------------------- */

static int write_groups(df__pg_sink *s, df_stage *st, df_parcel *parcel, PGresult **ret_error,
                        size_t *ret_group)
{
    int rc = df__pg_groups_fill(s, parcel);
    if (rc != DF_OK || s->group_count == 0) {
        return rc;
    }
    s->mixed = s->group_count > 1 ? STICKY : s->mixed - 1;
    rc = send_copies(s, st);
    for (size_t i = 0; i < s->group_count && rc == DF_OK; i++) {
        int last = i + 1 == s->group_count;
        rc = df__pg_copy_begin(s, st, ret_error); /* refuses what the group before it sent */
        *ret_group = rc == DF_OK || i == 0 ? i : i - 1;
        if (rc == DF_OK) {
            rc = df__pg_copy_data(s, st, s->groups[i].text.data, s->groups[i].text.len);
        }
        if (rc == DF_OK && last && !df_stage_current(st, parcel)) {
            return DF_ECANCELED;
        }
        if (rc == DF_OK) {
            rc = df__pg_copy_end(s, st, last ? PG_COPY_COMMIT : PG_COPY_MORE);
        }
    }
    return rc == DF_OK ? read_end(s, st, ret_error) : rc;
}

/* ---- a parcel ----------------------------------------------------------------------------------- */

static int ensure_table(df__pg_sink *s, df_stage *st, df_parcel *parcel)
{
    if (s->known.exists) {
        return DF_OK;
    }
    if (s->auto_create) {
        return df__pg_create_table(s, st, parcel);
    }
    return df_stage_failf(st, DF_ENOTFOUND, "configuration",
                          "table %s does not exist (autoCreateTable: true makes it)",
                          s->name.table);
}

/* Puts the connection back to rest; a table made in the open transaction is gone with it. */
static int settle_down(df__pg_sink *s, df_stage *st)
{
    int created = s->in_transaction;
    int rc = s->pg ? df__pg_recover(s, st) : DF_OK;
    if (created) {
        df__pg_table_free(&s->known);
    }
    return rc;
}

/* Row mode, unless this server or role does not allow it (no TEMP privilege, no plpgsql):
 * DF_ENOTSUP. */
static int by_rows(df__pg_sink *s, df_stage *st, df_parcel *parcel)
{
    if (s->no_rows) {
        return DF_ENOTSUP;
    }
    int rc = ensure_table(s, st, parcel);
    if (rc != DF_OK) {
        return rc;
    }
    rc = df__pg_write_rows(s, st, parcel);
    if (rc != DF_EINVAL && rc != DF_EDATA) {
        return rc;
    }
    s->no_rows = 1;
    rc = settle_down(s, st);
    return rc == DF_OK ? DF_ENOTSUP : rc;
}

/* The server refused rows: name the one it named, or find them all row by row. When neither
 * works, nobody is named and the core halves the parcel. */
static int refused(df__pg_sink *s, df_stage *st, df_parcel *parcel, PGresult *error, size_t group)
{
    char text[400];
    const char *reason;
    size_t index = 0;
    df__pg_result_status(s, error, &reason);
    df__pg_result_text(error, text, sizeof text);
    int named = named_record(s, error, group, &index);
    int duplicate = strcmp(reason, "duplicate_key") == 0 && s->on_conflict != PG_CONFLICT_ERROR;
    int rc = settle_down(s, st);
    if (rc == DF_OK && (!named || duplicate)) {
        rc = by_rows(s, st, parcel);
        if (rc != DF_ENOTSUP) {
            return rc;
        }
        rc = DF_OK;
    }
    if (rc == DF_OK && (named || df_parcel_count(parcel) == 1)) {
        rc = df__pg_rejects_add(&s->rejects, index, reason, text);
    }
    if (rc == DF_OK) {
        rc = df__pg_rejects_tell(&s->rejects, parcel);
    }
    return rc == DF_OK ? df_stage_fail(st, DF_EDATA, reason, text) : rc;
}

static int write_once(df__pg_sink *s, df_stage *st, df_parcel *parcel)
{
    PGresult *error = NULL;
    size_t group = 0;
    int rc = ensure_table(s, st, parcel);
    if (rc == DF_OK && df_parcel_attempt(parcel) >= NARROW_LIMIT) {
        rc = by_rows(s, st, parcel);
        rc = rc == DF_ENOTSUP ? ensure_table(s, st, parcel) : rc == DF_OK ? DF_DONE : rc;
    }
    if (rc != DF_OK) {
        return rc == DF_DONE ? DF_OK : rc;
    }
    rc = DF_MORE;
    if (s->mixed == 0) {
        rc = write_stream(s, st, parcel, &error);
    }
    if (rc == DF_MORE) {
        s->mixed = s->mixed ? s->mixed : STICKY;
        rc = settle_down(s, st);
        rc = rc == DF_OK ? ensure_table(s, st, parcel) : rc;
        rc = rc == DF_OK ? write_groups(s, st, parcel, &error, &group) : rc;
    }
    if (rc == DF_EDATA && error) {
        rc = refused(s, st, parcel, error, group);
    } else if (rc < 0 && error) {
        rc = df__pg_result_fail(s, st, error);
    }
    PQclear(error);
    return rc;
}

int df__pg_write(df__pg_sink *s, df_stage *st, df_parcel *parcel)
{
    int rc = DF_OK;
    s->late = 0;
    if (s->known.exists && s->had_offenders &&
        df__pg_clock_ms() - s->catalog_read_ms >= CATALOG_CHECK_MS) {
        rc = df__pg_catalog_load(s, st);
    }
    s->had_offenders = 0;
    rc = rc == DF_OK ? write_once(s, st, parcel) : rc;
    if (rc == DF_AGAIN) { /* refused by a catalog that may be old */
        rc = settle_down(s, st);
        rc = rc == DF_OK ? df__pg_catalog_load(s, st) : rc;
        rc = rc == DF_OK ? write_once(s, st, parcel) : rc;
    }
    if (rc == DF_OK) {
        return df__pg_rejects_tell(&s->rejects, parcel);
    }
    if (rc == DF_ECANCELED || rc == DF_ENOMEM) {
        int down = settle_down(s, st);
        rc = down == DF_OK ? rc : down;
    } else if (rc != DF_EDATA) {
        df__pg_disconnect(s); /* the core opens the sink again, or stops */
    }
    return rc;
}
