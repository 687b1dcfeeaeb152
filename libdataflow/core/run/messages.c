/* SPDX-License-Identifier: Apache-2.0
 * messages.c: messages of the threads to the flow, each an event of it. */
#include <string.h>

#include "core/run/run.h"

static df__fault fault_of(df_stage *st, int status)
{
    df__fault why;
    memset(&why, 0, sizeof why);
    if (status < 0)
        df__stage_fault(st, status, &why);
    return why;
}

static void on_batch(df__runner *r, df__msg *m, const df__fault *why)
{
    (void)why;
    df__flow_batch(&r->flow, m->about);
}

static void on_grant_back(df__runner *r, df__msg *m, const df__fault *why)
{
    df__grant *g = m->about;
    (void)why;
    g->used = 0;
    df__flow_grant_back(&r->flow, g->records, g->reserved);
}

static void on_source_opened(df__runner *r, df__msg *m, const df__fault *why)
{
    df__flow_source_opened(&r->flow, m->status, why);
}

static void on_source_failed(df__runner *r, df__msg *m, const df__fault *why)
{
    df__flow_source_failed(&r->flow, m->status, why);
}

static void on_source_done(df__runner *r, df__msg *m, const df__fault *why)
{
    (void)m;
    (void)why;
    df__flow_source_done(&r->flow);
}

static void on_source_closed(df__runner *r, df__msg *m, const df__fault *why)
{
    (void)m;
    (void)why;
    df__flow_source_closed(&r->flow);
}

static void on_partition(df__runner *r, df__msg *m, const df__fault *why)
{
    int how = m->status; /* 0: open; DF__SAYS_END; else DF_PARTITION_... */
    (void)why;
    enum df__request request = how == DF__SAYS_END ? DF__REQ_END
                               : how               ? DF__REQ_CLOSE
                                                   : DF__REQ_OPEN;
    df__flow_partition(&r->flow, m->about, request, how);
}

static void on_acked(df__runner *r, df__msg *m, const df__fault *why)
{
    df__flow_acked(&r->flow, m->status, why);
}

static void on_sought(df__runner *r, df__msg *m, const df__fault *why)
{
    df__flow_sought(&r->flow, m->about, m->status, why);
}

static void on_ended(df__runner *r, df__msg *m, const df__fault *why)
{
    (void)why;
    df__flow_ended(&r->flow, m->about, m->status);
}

static void on_sink_opened(df__runner *r, df__msg *m, const df__fault *why)
{
    (void)r;
    df__flow_sink_opened(m->about, m->status, why);
}

static void on_answer(df__runner *r, df__msg *m, const df__fault *why)
{
    (void)r;
    df__flow_answer(m->about, m->status, why);
}

static void on_settle(df__runner *r, df__msg *m, const df__fault *why)
{
    df__sink_thread *t = ((df_parcel *)m->about)->sink->thread;
    (void)r;
    t->seen += m->status != DF_OK;
    df__flow_settled(m->about, m->status, why);
}

static void on_flushed(df__runner *r, df__msg *m, const df__fault *why)
{
    (void)r;
    df__flow_sink_flushed(m->about, m->status, why);
}

static void on_resolved(df__runner *r, df__msg *m, const df__fault *why)
{
    const df__sink_thread *t = ((df__sink *)m->about)->thread;
    (void)r;
    df__flow_resolved(t->resolving, m->status, why);
}

static void on_claimed(df__runner *r, df__msg *m, const df__fault *why)
{
    df__sink *s = m->about;
    df__sink_thread *t = s->thread;
    (void)r;
    if (df_status_fate(m->status) == DF_FATE_RETRY)
        df__sink_failed(s, m->status, why);
    df__flow_claimed(s, t->claiming, &t->claimed, m->status, why);
}

static void on_sink_closed(df__runner *r, df__msg *m, const df__fault *why)
{
    (void)r;
    (void)why;
    df__flow_sink_closed(m->about);
}

static void on_loaded(df__runner *r, df__msg *m, const df__fault *why)
{
    df__store_thread *t = &r->store;
    df_bytes data = {t->loaded.data, t->loaded.len};
    df_partition *p = t->loading;
    (void)why;
    t->loading = NULL;
    df__flow_loaded(&r->flow, p, m->status, data,
                    m->status == DF_ESTATE
                        ? "it belongs to another source (its options changed); begin anew with "
                          "checkpointReset: true (dfproc: --from-start), or give the pipeline "
                          "another name"
                        : t->load_why);
}

static void on_saved(df__runner *r, df__msg *m, const df__fault *why)
{
    (void)why;
    df__flow_saved(&r->flow, m->status, r->store.save_why);
}

static void on_worked(df__runner *r, df__msg *m, const df__fault *why)
{
    (void)why;
    df__flow_worked(&r->flow, m->about);
}

static void (*const handlers[DF__M_COUNT])(df__runner *, df__msg *, const df__fault *) = {
    [DF__M_BATCH] = on_batch,
    [DF__M_GRANT_BACK] = on_grant_back,
    [DF__M_SOURCE_OPENED] = on_source_opened,
    [DF__M_SOURCE_FAILED] = on_source_failed,
    [DF__M_SOURCE_DONE] = on_source_done,
    [DF__M_SOURCE_CLOSED] = on_source_closed,
    [DF__M_PARTITION] = on_partition,
    [DF__M_ACKED] = on_acked,
    [DF__M_SOUGHT] = on_sought,
    [DF__M_ENDED] = on_ended,
    [DF__M_SINK_OPENED] = on_sink_opened,
    [DF__M_ANSWER] = on_answer,
    [DF__M_SETTLE] = on_settle,
    [DF__M_FLUSHED] = on_flushed,
    [DF__M_RESOLVED] = on_resolved,
    [DF__M_CLAIMED] = on_claimed,
    [DF__M_SINK_CLOSED] = on_sink_closed,
    [DF__M_LOADED] = on_loaded,
    [DF__M_SAVED] = on_saved,
    [DF__M_WORKED] = on_worked,
};

static df_stage *stage_of(df__runner *r, const df__msg *m)
{
    if (m->type == DF__M_ANSWER || m->type == DF__M_SETTLE)
        return ((df_parcel *)m->about)->sink->stage;
    if (m->type >= DF__M_SINK_OPENED && m->type <= DF__M_SINK_CLOSED)
        return ((df__sink *)m->about)->stage;
    return r->source.stage;
}

void df__run_handle(df__runner *r)
{
    df__msg *m = df__mailbox_take(&r->box);
    int how = atomic_load(&r->stop_asked);
    while (m) {
        df__msg *next = m->next;
        int status = m->type == DF__M_PARTITION ? DF_OK : m->status;
        df__fault why = fault_of(stage_of(r, m), status);
        m->busy = 0;
        handlers[m->type](r, m, &why);
        m = next;
    }
    if (how > r->flow.stop.asked)
        df__flow_stop(&r->flow, how);
    if (atomic_exchange(&r->refresh_asked, 0))
        df__flow_refresh(&r->flow);
}
