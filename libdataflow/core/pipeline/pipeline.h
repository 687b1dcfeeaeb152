/* SPDX-License-Identifier: Apache-2.0
 * pipeline.h: what a df_pipeline handle points to. */
#ifndef DF_CORE_PIPELINE_PIPELINE_H
#define DF_CORE_PIPELINE_PIPELINE_H

#include "core/registry/env.h"
#include "core/port/port.h"
#include "core/run/run.h"
#include "core/graph/secret.h"

enum { DF__EVENTS = 64 };

typedef struct df__kept_event {
    int type, status;
    char stage[64];
    char text[DF__TEXT + 48];
} df__kept_event;

struct df_pipeline {
    df_pipeline *env_next; /* in the env's list, under its lock */
    df_env *env;
    df__graph graph;
    df_pipeline_options options;
    char *space, *name, *work_dir;
    int checked;
    _Atomic int started;
    df__secrets *secrets;
    df__ports *ports;
    df__runner run;
    _Atomic(df_stage *) decoding; /* of a decoder; NULL: there is none */
    char error[DF__TEXT];
    df_run_options how;
    pthread_mutex_t events_lock;
    df__kept_event events[DF__EVENTS], shown;
    size_t event_first, event_count;
    uint64_t events_lost;
    int events_fd;
};

/* say.c */
/* Keeps the text for df_pipeline_errmsg, without secrets. The status. */
int df__pipeline_fail(df_pipeline *p, int status, const char *format, ...) DF_PRINTF(3, 4);
/* The result of a call that may have added problems; the text names the first. */
int df__pipeline_result(df_pipeline *p, int rc);
/* What the host called it, or the manifest; never NULL. */
const char *df__pipeline_name(const df_pipeline *p);
/* The same of its namespace; "": none. */
const char *df__pipeline_space(const df_pipeline *p);

/* build.c */
/* Instances, steps, sinks and exits of the flow, from a graph that was checked. */
int df__pipeline_build(df_pipeline *p);
/* Frees them, but for those that a thread which did not come back may use. */
void df__pipeline_unbuild(df_pipeline *p);
/* One stage of it, checked with the values of its references. */
int df__pipeline_instance(df_pipeline *p, const df__stage_spec *spec, df_stage **ret);

/* events.c */
/* Keeps an event for the host, and logs it. Any thread; copies the texts. */
void df__pipeline_event(df_pipeline *p, int type, int status, const char *stage, const char *text);
/* The run is over: ports end, and the host is woken. */
void df__pipeline_ended(df_pipeline *p);
/* Wakes the host: df_pipeline_fd becomes readable. */
void df__pipeline_signal(df_pipeline *p);

/* report.c */
/* What shown.partitions of a runner says. On the pipeline thread, under the lock of `shown`. */
void df__report_partitions(df__runner *r);

/* check.c */
/* The guarantee that this pair of source and sinks really gives, and why. */
typedef struct df__guarantee {
    const char *level;
    char why[256], duplicates[256];
    char commits[256]; /* of a sink that absorbs; "": none does */
} df__guarantee;
/* `has_store`: the host gave one. */
void df__guarantee_of(const df__graph *g, int has_store, df__guarantee *ret);
/* DF_HOLDER_...: who keeps the positions of this run. */
int df__position_holder(const df_pipeline *p);

#endif
