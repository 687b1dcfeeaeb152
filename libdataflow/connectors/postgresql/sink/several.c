/* SPDX-License-Identifier: Apache-2.0
 * several.c: a parcel with records of several tables, as one transaction. */
#include <string.h>

#include "sink.h"

/* What was written of several tables becomes durable at once. */
static int commit(df__pg_sink *s, df__pg_work *w)
{
    w->part = 0;
    w->begin = w->end = df_parcel_count(w->parcel);
    df__pg_work_rewind(s, w);
    return df__pg_write_alone(s, w);
}

/* The transaction failed at its end: a deferred constraint, which names its table. No row of
 * another one is looked for; when it names none of ours (a partition), the core halves the parcel.
 */
static void blame(df__pg_sink *s, df__pg_work *w)
{
    const df__pg_targets *t = &s->targets;
    const char *table = PQresultErrorField(w->error, PG_DIAG_TABLE_NAME);
    const char *schema = PQresultErrorField(w->error, PG_DIAG_SCHEMA_NAME);
    int found = 0;
    for (size_t i = 0; i < t->segment_count && table && !found; i++) {
        const df__pg_name *name = df__pg_target_name(s, t->segments[i].target);
        found = strcmp(name->table, table) == 0 &&
                (!name->schema[0] || !schema || strcmp(name->schema, schema) == 0);
        if (found)
            df__pg_target_turn(s, w, t->segments[i].target);
    }
    w->tried.no_rows |= !found || w->tried.by_rows; /* or its rows were looked at already */
    w->tried.by_rows = 0;
}

/* One try of all segments; the table at hand is then the one that failed. */
static int try_all(df__pg_sink *s, df__pg_work *w, int *ret_filtered)
{
    df__pg_targets *t = &s->targets;
    int rc = DF_OK;
    w->gone = w->left_out = 0;
    if (s->whole && w->rejects.count > 0)
        return DF_DROP;
    if (t->segment_count > 1) {
        rc = df__pg_query(&s->conn, "BEGIN", NULL);
        s->conn.in_transaction = w->is_open = rc == DF_OK;
    }
    w->part = w->is_open;
    for (size_t i = 0; i < t->segment_count && rc == DF_OK; i++) {
        df__pg_target_turn(s, w, t->segments[i].target);
        w->target = t->segments[i].target;
        w->begin = t->segments[i].begin;
        w->end = t->segments[i].end;
        df__pg_work_rewind(s, w);
        rc = df__pg_try(s, w, ret_filtered);
    }
    if (rc != DF_OK || (!w->is_open && t->segment_count > 0))
        return rc;
    rc = commit(s, w);
    if (rc < 0 && w->error && t->segment_count > 1)
        blame(s, w);
    return rc;
}

static int drive(df__pg_sink *s, df__pg_work *w)
{
    for (;;) {
        int filtered = 0;
        int rc = try_all(s, w, &filtered);
        if (rc == DF_OK)
            return rc;
        rc = df__pg_after(s, w, rc, filtered);
        w->is_open = w->part = 0;
        if (rc != DF_OK)
            return rc == DF_DONE ? DF_OK : rc;
    }
}

int df__pg_write_several(df__pg_sink *s, df_parcel *parcel)
{
    df__pg_targets *t = &s->targets;
    df__pg_work *w = &s->works[0];
    t->parcels++;
    int rc = df__pg_work_start(s, w, parcel);
    for (size_t i = 0; i < t->count; i++) {
        df__pg_expect *expect = i == t->current ? &s->expect : &t->rows[i]->expect;
        df__pg_expect_less(expect);
        t->rows[i]->tried = (df__pg_tried){.by_rows = df__pg_begins_by_rows(expect, parcel)};
    }
    w->tried = t->rows[t->current]->tried;
    if (rc == DF_OK && t->segment_count == 1)
        df__pg_target_turn(s, w, t->segments[0].target);
    rc = rc == DF_OK ? df__pg_limit_watch(s, w) : rc;
    rc = rc == DF_OK ? drive(s, w) : rc;
    return df__pg_finish(s, w, rc);
}
