/* SPDX-License-Identifier: Apache-2.0
 * write.c: one parcel, one statement; what to do when it fails. */
#include <string.h>

#include "sink/sink.h"

enum { TRIES = 3, LOOKS = 60, LOOK_MS = 500 };

/* ---- a statement whose end is not known ------------------------------------------------------ */

/* State of the statement in the server's own list: "" when it is not there. */
static int look_up(df__trino_sink *s, const char *source, char *state, size_t cap)
{
    df__trino_statement ask;
    df__buf sql;
    int rc;
    state[0] = '\0';
    df__buf_init(&sql, &s->session.heap);
    df__buf_printf(&sql, "SELECT state FROM system.runtime.queries WHERE source = '%s'", source);
    df__trino_statement_init(&ask, &s->session);
    rc = df__buf_cstr(&sql)
             ? df__trino_post(&ask, (df_bytes){sql.data, sql.len}, TRINO_EFFECT_READS, 60000000)
             : DF_ENOMEM;
    while (rc == DF_OK && (rc = df__trino_next(&ask)) == DF_OK) {
        const char *text =
            yyjson_get_str(yyjson_arr_get_first(yyjson_arr_get_first(ask.page.data)));
        if (text)
            df__text_set(state, cap, text, strlen(text));
    }
    df__trino_statement_free(&ask);
    df__buf_free(&sql);
    return rc == DF_DONE ? DF_OK : rc;
}

/* DF_OK: it was applied. DF_EIO: it failed. DF_EUNKNOWN: the server cannot tell. */
static int settle_lost(df__trino_sink *s)
{
    char state[32];
    const char *source = s->statement.source;
    for (int i = 0; i < LOOKS; i++) {
        int rc = look_up(s, source, state, sizeof state);
        if (rc == DF_ECANCELED)
            return rc;
        if (rc != DF_OK || !state[0])
            break;
        if (strcmp(state, "FINISHED") == 0)
            return DF_OK;
        if (strcmp(state, "FAILED") == 0)
            return df_stage_fail(s->st, DF_EIO, "transient", "the server gave a statement up");
        rc = df_stage_wait(s->st, -1, 0, LOOK_MS);
        if (rc < 0)
            return rc;
    }
    return df_stage_fail(s->st, DF_EUNKNOWN, "connection_error",
                         "the answer to a statement was lost, and the server does not know what "
                         "came of it; it is sent again, so that its rows may come twice");
}

/* ---- one try --------------------------------------------------------------------------------- */

static int run(df__trino_sink *s)
{
    const char *sql = df__buf_cstr(&s->sql);
    if (!sql)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a statement");
    if (s->sql.len > TRINO_TEXT_MOST)
        return df_stage_fail(s->st, DF_ETOOBIG, "too_large",
                             "the row is more than a statement may hold: a million characters");
    int rc = df__trino_post(&s->statement, (df_bytes){sql, s->sql.len}, TRINO_EFFECT_WRITES,
                            s->opt.timeout_us);
    rc = rc == DF_OK ? df__trino_finish(&s->statement) : rc;
    return rc == DF_EUNKNOWN ? settle_lost(s) : rc;
}

static int ensure_table(df__trino_sink *s, df_parcel *parcel)
{
    int rc = s->has_table ? DF_OK : df__trino_table_load(s);
    if (rc == DF_ENOTFOUND && s->opt.auto_create) {
        rc = df__trino_create(s, parcel);
        rc = rc == DF_OK ? df__trino_table_load(s) : rc;
    }
    return rc == DF_ENOTFOUND ? df__trino_missing(s) : rc;
}

/* No record has a column, so that no table can be made of them. */
static int refuse_all(df__trino_sink *s, df_parcel *parcel)
{
    int rc = DF_OK;
    for (size_t i = 0; i < df_parcel_count(parcel) && rc == DF_OK; i++)
        rc = df_parcel_reject(parcel, i, "invalid_data", "no object, or one without members");
    return rc == DF_OK && s->stops ? DF_EDATA : rc;
}

/* A refusal by columns that were read earlier is looked at once more. */
static int fill(df__trino_sink *s, df_parcel *parcel, int fresh)
{
    int rc = df__trino_work_fill(s, parcel);
    if (rc != DF_OK || s->work.refused == 0 || fresh)
        return rc;
    rc = df__trino_table_load(s);
    if (rc == DF_ENOTFOUND)
        return df__trino_missing(s);
    return rc == DF_OK ? df__trino_work_fill(s, parcel) : rc;
}

static int try_once(df__trino_sink *s, df_parcel *parcel)
{
    int fresh = !s->has_table;
    int rc = ensure_table(s, parcel);
    if (rc == DF_MORE)
        return refuse_all(s, parcel);
    rc = rc == DF_OK ? fill(s, parcel, fresh) : rc;
    if (rc != DF_OK)
        return rc;
    if (s->work.refused && s->stops) {
        rc = df__trino_work_tell(&s->work);
        return rc == DF_OK ? DF_EDATA : rc;
    }
    rc = s->opt.upsert ? df__trino_fold(s) : DF_OK;
    if (rc == DF_OK && s->work.count > 0) {
        if (s->opt.upsert)
            df__trino_merge_sql(s);
        else
            df__trino_insert_sql(s);
        rc = run(s);
    }
    return rc == DF_OK ? df__trino_work_tell(&s->work) : rc;
}

/* The columns may have changed since they were read: they are read again. */
static int is_stale(const df__trino_sink *s, int rc)
{
    const df__trino_word *word = s->statement.word;
    return (rc == DF_EDATA || rc == DF_ENOTFOUND) && word &&
           (word->fate == TRINO_FATE_COLUMNS || word->fate == TRINO_FATE_MISSING);
}

int df__trino_write(df__trino_sink *s, df_parcel *parcel)
{
    int rc = DF_OK;
    for (int i = 0; i < TRIES; i++) {
        s->statement.word = NULL;
        rc = try_once(s, parcel);
        if (!is_stale(s, rc))
            break;
        s->has_table = 0;
    }
    if (rc < 0 && is_stale(s, rc)) /* no record can be at fault for that */
        return df_stage_fail(s->st, DF_EIO, "schema_changed",
                             "the table is not what its columns were read as, again and again");
    return rc;
}
