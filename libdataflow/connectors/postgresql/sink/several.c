/* SPDX-License-Identifier: Apache-2.0
 * several.c: a parcel with records of several tables, as one transaction. */
#include "sink.h"

/* What was written of several tables becomes durable at once. */
static int commit(df__pg_sink *s, df__pg_work *w)
{
    w->part = 0;
    w->begin = w->end = df_parcel_count(w->parcel);
    df__pg_work_rewind(s, w);
    return df__pg_write_alone(s, w);
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
    return rc == DF_OK && (w->is_open || t->segment_count == 0) ? commit(s, w) : rc;
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
        const df__pg_expect *expect = i == t->current ? &s->expect : &t->rows[i]->expect;
        t->rows[i]->tried = (df__pg_tried){.by_rows = df__pg_begins_by_rows(expect, parcel)};
    }
    w->tried = t->rows[t->current]->tried;
    if (rc == DF_OK && t->segment_count == 1)
        df__pg_target_turn(s, w, t->segments[0].target);
    rc = rc == DF_OK ? df__pg_limit_watch(s, w) : rc;
    rc = rc == DF_OK ? drive(s, w) : rc;
    return df__pg_finish(s, w, rc);
}
