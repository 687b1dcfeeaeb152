/* SPDX-License-Identifier: Apache-2.0
 * events.c: what happened in a run, kept for the host until it asks. */
#include <string.h>
#include <unistd.h>

#include "core/pipeline/pipeline.h"

void df__pipeline_signal(df_pipeline *p)
{
    uint64_t one = 1;
    ssize_t n = write(p->events_fd, &one, sizeof one);
    (void)n;
}

void df__pipeline_ended(df_pipeline *p)
{
    df__ports_end(p->ports);
    df__pipeline_signal(p);
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
    df__pipeline_signal(p);
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
