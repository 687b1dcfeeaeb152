/* SPDX-License-Identifier: Apache-2.0
 * cron.h: the inside of a DataFlowCron's plan. A run is the Job of the processor, which the
 * cluster's CronJob makes, and the Jobs of the triggers after it, one after another, which we make.
 * What is known of runs is kept in status.runs, oldest first, and is only what was seen:
 *
 *   id       label OP_RUN_ID of its Jobs; of the processor's, 8 digits of a hash of its name
 *   step     -1: the processor; else the index of the trigger. All before it have succeeded
 *   job      the Job of the step, when it was seen; absent: it is still to be made
 *   phase    Running, RunningTriggers; and one of the ends: see op_run_is_over
 *   message  why it failed
 *   scheduleTime, startTime, endTime */
#ifndef DFOPERATOR_CRON_H
#define DFOPERATOR_CRON_H

#include "dfoperator/flow/flow.h"
#include "dfoperator/child/jobs.h"

#define OP_RUN_NOW OP_GROUP "/run-now" /* on the cron: a person asks for a run; any new text */

enum { OP_RUNS_KEPT = 10, OP_RUNS_LIMIT = 100 }; /* ended runs that are remembered; at most kept */

/* Runs that were due and never began. Each due time is judged once, when it is too late for it. */
typedef struct op_skips {
    int64_t count;      /* of all times */
    int64_t last_s;     /* when the last one of them was due; 0: there was none */
    int64_t checked_s;  /* what was due until then is judged */
    char schedule[400]; /* that this is about: another one begins anew */
} op_skips;

typedef struct op_cron {
    op_flow f;
    json_object *before; /* status.runs as it was; borrowed, NULL: none */
    json_object *runs;   /* as they are now */
    int starts;          /* a run by hand begins with this plan */
    const char *refused; /* why a run by hand does not; NULL: it does, or none is asked for */
    op_skips skips;
} op_cron;

/* ---- runs (cron/run.c) ---- */
json_object *op_run_at(json_object *runs, size_t at);
/* Completed, Failed, Unknown (a Job went before its end was seen) or Replaced. */
int op_run_is_over(json_object *run);
json_object *op_run_find(json_object *runs, const char *id); /* NULL: there is none */
/* Reads `runs` out of the last status and the Jobs that are there. */
void op_runs_read(op_cron *c);
/* The Job of a step of the run; NULL: it is not there. */
json_object *op_run_job(const op_cron *c, json_object *run, int64_t step);
json_object *op_runs_active(const op_cron *c); /* the newest that goes on; NULL: none */
int op_cron_has_policy(const op_cron *c, const char *policy);

/* ---- runs that did not begin (cron/skips.c) ---- */
/* Fills `skips` from the last status, the schedule and `runs`; tells of new ones. */
void op_skips_read(op_cron *c);
/* The members of the status. -1: no memory. */
int op_skips_write(const op_cron *c, json_object *status);

/* ---- status (cron/status.c) ---- */
void op_cron_tell(op_cron *c);
void op_cron_tell_end(const op_view *view, size_t left, op_plan *plan);

#endif
