/* SPDX-License-Identifier: Apache-2.0
 * run.c: the public calls around a run: start, wait, stop, counts. */
#include <string.h>

#include "core/pipeline/pipeline.h"

int df_pipeline_start(df_pipeline *p, const df_run_options *run)
{
    int rc;
    if (!p)
        return DF_EINVAL;
    if (p->started || p->run.heap)
        return df__pipeline_fail(p, DF_ESTATE, "a pipeline runs once");
    if (run)
        memcpy(&p->how, run, run->size < sizeof p->how ? run->size : sizeof p->how);
    if (p->how.from_start)
        p->graph.settings.checkpoint_reset = p->how.from_start > 0;
    rc = df_pipeline_check(p);
    if (rc == DF_OK)
        rc = df__pipeline_build(p);
    if (rc != DF_OK)
        return rc;
    rc = df__runner_start(&p->run);
    if (rc != DF_OK)
        return df__pipeline_fail(p, rc, "the threads of the pipeline could not be started");
    p->started = 1;
    df__mailbox_poke(&p->run.box); /* a stop may have come before */
    return DF_OK;
}

int df_pipeline_wait(df_pipeline *p, int timeout_ms)
{
    const char *gone;
    if (!p)
        return DF_EINVAL;
    if (!p->started)
        return df__pipeline_fail(p, DF_ESTATE, "the pipeline was not started");
    if (df__runner_wait(&p->run, timeout_ms) == DF_AGAIN)
        return DF_AGAIN;
    df__ports_end(p->ports);
    gone = atomic_load(&p->run.gone);
    if (gone && !atomic_load(&p->run.close_us)) /* else all is done but that */
        return df__pipeline_fail(p, DF_ETIMEOUT, "transform %s %s", gone, DF__LEFT_BEHIND);
    if (p->run.flow.result != DF_OK)
        df__pipeline_fail(p, p->run.flow.result, "%s", p->run.flow.text);
    df__pipeline_signal(p);
    return p->run.flow.result;
}

int df_pipeline_run(df_pipeline *p, const df_run_options *run)
{
    int rc = df_pipeline_start(p, run);
    return rc == DF_OK ? df_pipeline_wait(p, -1) : rc;
}

void df_pipeline_stop(df_pipeline *p, int how)
{
    if (!p)
        return;
    if (how > atomic_load(&p->run.stop_asked)) {
        atomic_store(&p->run.stop_us[how < DF_STOP_NOW ? how : DF_STOP_NOW], df__monotonic_us());
        atomic_store(&p->run.stop_asked, how);
    }
    df_stage *decoding = how >= DF_STOP_NOW ? atomic_load(&p->decoding) : NULL;
    if (decoding)
        df__stage_cancel(decoding);
    if (p->started)
        df__mailbox_poke(&p->run.box);
}

void df_pipeline_refresh(df_pipeline *p)
{
    if (!p)
        return;
    df__secrets_refresh(p->secrets);
    atomic_store(&p->run.refresh_asked, 1);
    if (p->started)
        df__mailbox_poke(&p->run.box);
}

/* ---- counts ------------------------------------------------------------------------------- */

static const df__counts *counts_of(const df_pipeline *p, const char *stage)
{
    const df__runner *r = &p->run;
    if (strcmp(stage, r->source.stage->spec->name) == 0)
        return &r->shown.source;
    for (size_t i = 0; i < r->flow.step_count; i++)
        if (strcmp(stage, r->flow.steps[i].spec->name) == 0)
            return &r->shown.steps[i];
    for (size_t i = 0; i < r->flow.sink_count; i++)
        if (strcmp(stage, r->flow.sinks[i].name) == 0)
            return &r->shown.sinks[i];
    return NULL;
}

int df_pipeline_stats(const df_pipeline *p, const char *stage, df_stats *ret)
{
    df__published *shown;
    df_stats s = {.size = sizeof s, .lag_records = -1, .lag_us = -1};
    const df__counts *c;
    if (!p || !ret)
        return DF_EINVAL;
    shown = (df__published *)&p->run.shown; /* only its lock is touched */
    s.size = ret->size;
    if (!p->started) {
        memcpy(ret, &s, ret->size < sizeof s ? ret->size : sizeof s);
        return stage ? DF_ENOTFOUND : DF_OK;
    }
    pthread_mutex_lock(&shown->lock);
    c = stage ? counts_of(p, stage) : NULL;
    if (!stage) {
        s = df__run_stats(&p->run);
    } else if (c) {
        s.received = c->in;
        s.sent = c->out;
        s.errored = c->errors;
        s.in_flight = c->queued;
        s.retries = c->retries;
        s.bytes_out = c->bytes_out;
        s.ready = c->state == DF__STATE_READY;
        s.connected = c->connected;
    }
    pthread_mutex_unlock(&shown->lock);
    if (stage && !c)
        return DF_ENOTFOUND;
    s.size = ret->size;
    memcpy(ret, &s, ret->size < sizeof s ? ret->size : sizeof s);
    return DF_OK;
}
