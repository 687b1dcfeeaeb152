/* SPDX-License-Identifier: Apache-2.0
 * run.c: the public calls around a run: start, wait, stop, events, counts. */
#include <string.h>
#include <unistd.h>

#include "core/pipeline/pipeline.h"

/* ---- events ------------------------------------------------------------------------------- */

static void signal_event(df_pipeline *p)
{
    uint64_t one = 1;
    ssize_t n = write(p->events_fd, &one, sizeof one);
    (void)n;
}

void df__pipeline_ended(df_pipeline *p)
{
    df__ports_end(p->ports);
    signal_event(p);
}

static void log_event(df_pipeline *p, const df__kept_event *e)
{
    char line[DF__TEXT + 256];
    int level = e->type == DF_EVENT_RETRY || e->type == DF_EVENT_REJECT ? DF_LOG_WARN
                : e->status < 0                                         ? DF_LOG_ERROR
                                                                        : DF_LOG_INFO;
    df__text_printf(line, sizeof line, "%s%s%s: %s", df__pipeline_name(p), e->stage[0] ? "/" : "",
                    e->stage, e->text);
    df__env_log(p->env, level, line);
}

void df__pipeline_event(df_pipeline *p, int type, int status, const char *stage, const char *text)
{
    df__kept_event e;
    memset(&e, 0, sizeof e);
    e.type = type;
    e.status = status;
    df__text_set(e.stage, sizeof e.stage, stage ? stage : "", stage ? strlen(stage) : 0);
    df__secrets_printf(p->secrets, e.text, sizeof e.text, "%s", text ? text : "");
    log_event(p, &e);
    pthread_mutex_lock(&p->events_lock);
    if (p->event_count == DF__EVENTS) {
        p->event_first = (p->event_first + 1) % DF__EVENTS;
        p->event_count--;
        p->events_lost++;
    }
    p->events[(p->event_first + p->event_count++) % DF__EVENTS] = e;
    pthread_mutex_unlock(&p->events_lock);
    signal_event(p);
}

int df_pipeline_fd(const df_pipeline *p)
{
    return p ? p->events_fd : -1;
}

static int take_event(df_pipeline *p)
{
    uint64_t count;
    if (p->events_lost) {
        memset(&p->shown, 0, sizeof p->shown);
        p->shown.type = DF_EVENT_LOST;
        df__text_printf(p->shown.text, sizeof p->shown.text, "%llu events were dropped",
                        (unsigned long long)p->events_lost);
        p->events_lost = 0;
        return DF_OK;
    }
    if (!p->event_count) {
        ssize_t n = read(p->events_fd, &count, sizeof count);
        (void)n;
        return p->started && atomic_load(&p->run.finished) ? DF_DONE : DF_AGAIN;
    }
    p->shown = p->events[p->event_first];
    p->event_first = (p->event_first + 1) % DF__EVENTS;
    p->event_count--;
    return DF_OK;
}

int df_pipeline_next_event(df_pipeline *p, df_event *ret)
{
    df_event e = {.size = sizeof e};
    int rc;
    if (!p || !ret)
        return DF_EINVAL;
    e.size = ret->size;
    pthread_mutex_lock(&p->events_lock);
    rc = take_event(p);
    pthread_mutex_unlock(&p->events_lock);
    if (rc != DF_OK)
        return rc;
    e.type = p->shown.type;
    e.status = p->shown.status;
    e.stage = p->shown.stage[0] ? p->shown.stage : NULL;
    e.text = p->shown.text;
    memcpy(ret, &e, ret->size < sizeof e ? ret->size : sizeof e);
    return DF_OK;
}

/* ---- run ---------------------------------------------------------------------------------- */

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
    signal_event(p);
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
    size_t i;
    if (strcmp(stage, r->source.stage->spec->name) == 0)
        return &r->shown.source;
    for (i = 0; i < r->flow.step_count; i++)
        if (strcmp(stage, r->flow.steps[i].spec->name) == 0)
            return &r->shown.steps[i];
    for (i = 0; i < r->flow.sink_count; i++)
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
