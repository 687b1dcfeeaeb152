/* SPDX-License-Identifier: Apache-2.0
 * jobs.h: the Jobs of a DataFlowCron, that which drops a flow's replication slot, and what a Job
 * says of its end. Each carries the labels of its flow, OP_FLOW_ANNOTATION and OP_FLOW_UID. */
#ifndef DFOPERATOR_JOBS_H
#define DFOPERATOR_JOBS_H

#include "dfoperator/child/pod.h"
#include "dfoperator/child/trouble.h"

#define OP_RUN_ID OP_GROUP "/run-id"
#define OP_STEP OP_GROUP "/trigger-index" /* "processor", or the index of the trigger */

/* On the flow: "true" when the sidecars of its service mesh end by themselves. */
#define OP_JOB_SIDECARS OP_GROUP "/job-sidecars"

enum { OP_RUN_DIGITS = 8, OP_JOB_SLOT_S = 300 }; /* the longest that a slot's Job goes on */

/* Body of the CronJob: {spec}. NULL: no memory; so are the others. */
json_object *op_cron_job_body(const op_wish *wish, int suspend);
int64_t op_cron_late_s(const op_wish *wish); /* how late a run may start */
/* A run by hand, `name` as its Job. */
json_object *op_job_by_hand(const op_wish *wish, const char *name);
/* Name of such a Job, made from the text of the annotation. */
void op_job_by_hand_name(const op_wish *wish, const char *text, char ret[OP_NAME_MAX + 1]);
json_object *op_job_trigger(const op_wish *wish, const char *run, int64_t index);

/* Drops the replication slot of a flow: its pod with another command, the same spec and Secrets. */
json_object *op_job_slot(const op_wish *wish, const char *name);

/* The run of a processor's Job of this name. */
void op_run_id(const char *name, char ret[OP_RUN_DIGITS + 1]);
/* The run that a Job is part of, and which step it is. */
void op_job_run(json_object *job, char ret[OP_NAME_MAX + 1]);
int64_t op_job_step(json_object *job);

typedef enum op_job_end { OP_JOB_RUNS, OP_JOB_COMPLETE, OP_JOB_FAILED } op_job_end;
/* `when`: the time of its end; "": it runs. */
op_job_end op_job_end_of(json_object *job, const char **when);
/* Why it failed: what its container said, or else the cluster. */
void op_job_failure(json_object *job, json_object **pods, size_t count, char ret[OP_TROUBLE_TEXT]);
/* The cluster makes no pod of it, for longer than that takes. The Job itself says nothing of it. */
int op_job_is_silent(json_object *job, json_object **pods, size_t count, int64_t now_s);
/* For how long it has waited for its container to begin; -1: it did, or it is not known.
 * `silent_s`: since when the cluster is known to make no pod of it. */
int64_t op_job_waits_s(json_object *job, json_object **pods, size_t count, int64_t now_s,
                       int64_t silent_s);
/* Why it does not get on; "": it does. */
op_trouble op_job_trouble(json_object *job, json_object **pods, size_t count, int64_t now_s,
                          char ret[OP_TROUBLE_TEXT]);

#endif
