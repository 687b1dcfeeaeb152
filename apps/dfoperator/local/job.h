/* SPDX-License-Identifier: Apache-2.0
 * job.h: `--local`: what the cluster's Job controller would say of a Job. */
#ifndef DFOPERATOR_LOCAL_JOB_H
#define DFOPERATOR_LOCAL_JOB_H

#include <json-c/json.h>
#include <stdint.h>

/* The stored form of a Job that was made just now. -1: no memory. */
int op_local_job_begin(json_object *job, int64_t now_s);
/* Why it cannot run here; NULL: it can. */
const char *op_local_job_refusal(json_object *job);
int op_local_job_is_over(json_object *job);
/* One more process of it ended with this code, `failures` of them not well. 1: it is over now. */
int op_local_job_judge(json_object *job, int code, int failures, int64_t now_s);
/* It failed. */
void op_local_job_fail(json_object *job, const char *reason, const char *message, int64_t now_s);

#endif
