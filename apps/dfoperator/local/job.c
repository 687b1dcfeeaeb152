/* SPDX-License-Identifier: Apache-2.0
 * job.c: see job.h. */
#include "dfoperator/local/job.h"

#include <string.h>

#include "dfoperator/child/jobs.h"
#include "dfoperator/object/tree.h"

/* Its pods are found by the label. */
int op_local_job_begin(json_object *job, int64_t now_s)
{
    json_object *labels = op_get(job, "spec.template.metadata.labels"),
                *name = json_object_new_string(op_text(job, "metadata.name"));
    if (labels && name && !json_object_object_add(labels, "batch.kubernetes.io/job-name", name))
        return op_put(job, "metadata.creationTimestamp", op_time_new(now_s));
    json_object_put(name);
    return -1;
}

const char *op_local_job_refusal(json_object *job)
{
    return strcmp(op_text(job, "spec.template.spec.containers.0.name"), OP_TRIGGER_CONTAINER)
               ? NULL
               : "a trigger is a command in a container of its own image, and --local runs no "
                 "containers; run this DataFlowCron in the cluster, or without triggers";
}

int op_local_job_is_over(json_object *job)
{
    const char *when;
    return op_job_end_of(job, &when) != OP_JOB_RUNS;
}

static void finish(json_object *job, const char *type, const char *reason, const char *message,
                   int64_t now_s)
{
    json_object *now = op_time_new(now_s);
    op_put(job, "status",
           op_json("{'conditions': [{'type': %s, 'status': 'True', 'reason': %s, 'message': %s, "
                   "'lastTransitionTime': %o}]}",
                   type, reason, message, now));
    json_object_put(now);
}

void op_local_job_fail(json_object *job, const char *reason, const char *message, int64_t now_s)
{
    finish(job, "Failed", reason, message, now_s);
}

/* Some codes are not tried again. */
static int is_final(json_object *job, int code)
{
    json_object *rule = op_get(job, "spec.podFailurePolicy.rules.0");
    return !strcmp(op_text(rule, "action"), "FailJob") &&
           op_int(rule, "onExitCodes.values.0", -1) == code;
}

int op_local_job_judge(json_object *job, int code, int failures, int64_t now_s)
{
    if (code == 0)
        finish(job, "Complete", "CompletionsReached", "", now_s);
    else if (is_final(job, code))
        op_local_job_fail(job, "PodFailurePolicy", "its exit code is not tried again", now_s);
    else if (failures > op_int(job, "spec.backoffLimit", 6))
        op_local_job_fail(job, "BackoffLimitExceeded",
                          "Job has reached the specified backoff limit", now_s);
    else
        return 0;
    return 1;
}
