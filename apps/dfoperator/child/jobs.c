/* SPDX-License-Identifier: Apache-2.0
 * jobs.c: see jobs.h. A step is never tried again by the cluster: only a pod that a disruption of
 * its node ended is made anew, and not before it has ended. */
#include "dfoperator/child/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/keys.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"

/* Without a limit of the user's the cluster starts a run that it missed however late it is: also
 * one of before an edit of the schedule, or of while it was suspended. Below 10 s it starts none.
 */
enum { DEADLINE_S = 200, DEADLINE_LEAST_S = 10, SILENT_S = 20, MESSAGE = 400 };

int64_t op_cron_late_s(const op_wish *wish)
{
    int64_t late_s = op_int(wish->flow, "spec.startingDeadlineSeconds", DEADLINE_S);
    return late_s < DEADLINE_LEAST_S ? DEADLINE_LEAST_S : late_s;
}

/* What ended is removed by us, after its end is in the status; the cluster's own limits would
 * remove it unseen while the operator is away. */
#define HISTORY "1000"

/* ---- as they should be --------------------------------------------------------------------- */

static int label(json_object *metadata, const char *name, const char *text)
{
    json_object *value = json_object_new_string(text);
    if (value && !json_object_object_add(op_get(metadata, "labels"), name, value))
        return 0;
    json_object_put(value);
    return -1;
}

/* Labels and annotations of a Job and of its pods. */
static int mark(const op_wish *wish, json_object *metadata, const char *run, const char *step)
{
    char flow[320];
    json_object *notes;
    snprintf(flow, sizeof flow, "%s/%s", op_kinds[OP_CRON].kind,
             op_text(wish->flow, "metadata.name"));
    if (!op_get(metadata, "annotations")) {
        notes = op_json("{'" OP_FLOW_ANNOTATION "': %s, '" OP_FLOW_UID "': %s}", flow,
                        op_text(wish->flow, "metadata.uid"));
        if (op_put(metadata, "annotations", notes))
            return -1;
    }
    return label(metadata, OP_STEP, step) || (run && label(metadata, OP_RUN_ID, run)) ? -1 : 0;
}

/* How a Job ends. `rules`: what the failure of a pod means; one that its node lost is no try. */
typedef struct job_form {
    int64_t retries, limit_s; /* limit_s 0: none */
    const char *rules;
} job_form;

#define LOST_IS_NO_TRY                                                                             \
    "{'action': 'Ignore', 'onPodConditions': [{'type': 'DisruptionTarget', 'status': 'True'}]}"

/* A container that a service mesh adds may never end, and so would the Job: none is asked for.
 * As istio.io/docs/reference/config/labels and linkerd.io/docs/features/proxy-injection say. */
static int refuse_sidecars(const op_wish *wish, json_object *template)
{
    static const struct {
        const char *of, *name, *value;
    } rows[] = {{"metadata.labels", "sidecar.istio.io/inject", "false"},
                {"metadata.annotations", "sidecar.istio.io/inject", "false"},
                {"metadata.annotations", "linkerd.io/inject", "disabled"}};
    if (!strcmp(op_annotation(wish->flow, OP_JOB_SIDECARS), "true"))
        return 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *value = json_object_new_string(rows[i].value);
        if (!value || json_object_object_add(op_get(template, rows[i].of), rows[i].name, value)) {
            json_object_put(value);
            return -1;
        }
    }
    return 0;
}

/* {spec} of a Job; the template is taken over. */
static json_object *body_of(const op_wish *wish, json_object *template, const job_form *form)
{
    json_object *rules = op_json(form->rules), *body = NULL;
    if (template && rules && !refuse_sidecars(wish, template))
        body = op_json("{'spec': {'backoffLimit': %n, 'podReplacementPolicy': 'Failed', "
                       "'podFailurePolicy': {'rules': %o}, 'template': %o}}",
                       form->retries, rules, template);
    json_object_put(rules);
    json_object_put(template);
    if (body && form->limit_s > 0 &&
        op_put(body, "spec.activeDeadlineSeconds", json_object_new_int64(form->limit_s))) {
        json_object_put(body);
        body = NULL;
    }
    return body;
}

/* Of a step of a run. */
static json_object *job_body(const op_wish *wish, json_object *template, const char *run,
                             const char *step)
{
    job_form form = {0, op_int(wish->flow, "spec.activeDeadlineSeconds", 0),
                     "[" LOST_IS_NO_TRY "]"};
    if (template && !mark(wish, op_get(template, "metadata"), run, step))
        return body_of(wish, template, &form);
    json_object_put(template);
    return NULL;
}

json_object *op_cron_job_body(const op_wish *wish, int suspend)
{
    json_object *spec = op_get(wish->flow, "spec"), *body = NULL;
    json_object *job = job_body(wish, op_pod_template(wish), NULL, OP_CONTAINER);
    json_object *labels = op_labels(OP_CRON, op_text(wish->flow, "metadata.name"));
    json_object *head = labels ? op_json("{'labels': %o}", labels) : NULL;
    const char *policy = op_text(spec, "concurrencyPolicy"), *zone = op_text(spec, "timeZone");
    if (job && head && !mark(wish, head, NULL, OP_CONTAINER))
        body =
            op_json("{'spec': {'schedule': %s, 'timeZone': %s, 'concurrencyPolicy': %s, "
                    "'startingDeadlineSeconds': %n, 'suspend': %b, "
                    "'successfulJobsHistoryLimit': " HISTORY ", 'failedJobsHistoryLimit': " HISTORY
                    ", 'jobTemplate': {'metadata': %o, 'spec': %o}}}",
                    op_text(spec, "schedule"), *zone ? zone : "UTC", *policy ? policy : "Forbid",
                    op_cron_late_s(wish), suspend, head, op_get(job, "spec"));
    json_object_put(job);
    json_object_put(labels);
    json_object_put(head);
    return body;
}

/* A Job of the cron itself: with its head, and the cron as its owner. `body` is taken over. */
static json_object *whole(const op_wish *wish, json_object *body, const char *name, const char *run,
                          const char *step)
{
    json_object *metadata = op_metadata(OP_CRON, wish->flow, name), *job = NULL;
    if (body && metadata && !mark(wish, metadata, run, step))
        job = op_json("{'apiVersion': 'batch/v1', 'kind': 'Job', 'metadata': %o, 'spec': %o}",
                      metadata, op_get(body, "spec"));
    json_object_put(body);
    json_object_put(metadata);
    return job;
}

json_object *op_job_by_hand(const op_wish *wish, const char *name)
{
    return whole(wish, job_body(wish, op_pod_template(wish), NULL, OP_CONTAINER), name, NULL,
                 OP_CONTAINER);
}

void op_run_id(const char *text, char ret[OP_RUN_DIGITS + 1])
{
    char hash[DF__SHA256_HEX];
    df__sha256_hex(text, strlen(text), hash);
    snprintf(ret, OP_RUN_DIGITS + 1, "%.8s", hash);
}

void op_job_by_hand_name(const op_wish *wish, const char *text, char ret[OP_NAME_MAX + 1])
{
    char rest[24], hash[OP_RUN_DIGITS + 1];
    op_run_id(text, hash);
    snprintf(rest, sizeof rest, "-manual-%s", hash);
    op_name_child(OP_CRON, op_text(wish->flow, "metadata.name"), rest, ret);
}

json_object *op_job_trigger(const op_wish *wish, const char *run, int64_t index)
{
    json_object *triggers = op_get(wish->flow, "spec.triggers");
    json_object *trigger = json_object_array_get_idx(triggers, (size_t)index);
    char rest[120], step[24], name[OP_NAME_MAX + 1];
    snprintf(step, sizeof step, "%lld", (long long)index);
    snprintf(rest, sizeof rest, "-%.64s-trigger-%s", run, step);
    op_name_child(OP_CRON, op_text(wish->flow, "metadata.name"), rest, name);
    return whole(wish, job_body(wish, op_pod_trigger(wish, trigger), run, step), name, run, step);
}

/* ---- the Job of a slot ----------------------------------------------------------------------- */

/* The flow's pod, with another command and without what belongs to a run. */
static json_object *slot_template(const op_wish *wish)
{
    static const char *const dropped[] = {"startupProbe", "livenessProbe", "readinessProbe",
                                          "ports"};
    json_object *template = op_pod_template(wish);
    json_object *container = op_get(template, "spec.containers.0");
    int rc = !template ||
             op_put(container, "args",
                    op_json("['slot', 'drop', '/etc/dataflow/spec.json', "
                            "'--secrets-dir=/etc/dataflow/secrets']")) ||
             op_put(template, "spec.restartPolicy", json_object_new_string("Never")) ||
             op_put(template, "spec.automountServiceAccountToken", json_object_new_boolean(0)) ||
             op_put(template, "metadata.labels.app", json_object_new_string("dataflow-end")) ||
             json_object_object_add(op_get(template, "metadata.labels"), OP_RUN_ID,
                                    json_object_new_string("end"));
    for (size_t i = 0; !rc && i < sizeof dropped / sizeof dropped[0]; i++)
        op_put(container, dropped[i], NULL);
    if (!rc)
        return template;
    json_object_put(template);
    return NULL;
}

/* A wrong manifest or command line is not tried again. */
json_object *op_job_slot(const op_wish *wish, const char *name)
{
    static const job_form form = {4, OP_JOB_SLOT_S,
                                  "[{'action': 'FailJob', 'onExitCodes': {'containerName': "
                                  "'" OP_CONTAINER
                                  "', 'operator': 'In', 'values': [2]}}, " LOST_IS_NO_TRY "]"};
    json_object *body = body_of(wish, slot_template(wish), &form), *job = NULL;
    json_object *metadata = op_metadata(OP_FLOW, wish->flow, name);
    json_object *notes = op_get(body, "spec.template.metadata.annotations");
    if (body && metadata && !op_put(metadata, "annotations", op_copy(notes)))
        job = op_json("{'apiVersion': 'batch/v1', 'kind': 'Job', 'metadata': %o, 'spec': %o}",
                      metadata, op_get(body, "spec"));
    json_object_put(body);
    json_object_put(metadata);
    return job;
}

/* ---- as they are --------------------------------------------------------------------------- */

void op_job_run(json_object *job, char ret[OP_NAME_MAX + 1])
{
    const char *run = op_label(job, OP_RUN_ID);
    if (*run)
        snprintf(ret, OP_NAME_MAX + 1, "%s", run);
    else
        op_run_id(op_text(job, "metadata.name"), ret);
}

int64_t op_job_step(json_object *job)
{
    const char *step = op_label(job, OP_STEP);
    return *step >= '0' && *step <= '9' ? strtoll(step, NULL, 10) : -1;
}

/* NULL: it is not true. */
static json_object *condition_of(json_object *job, const char *type)
{
    json_object *c = op_find(op_get(job, "status.conditions"), "type", type);
    return strcmp(op_text(c, "status"), "True") ? NULL : c;
}

op_job_end op_job_end_of(json_object *job, const char **when)
{
    json_object *failed = condition_of(job, "Failed"), *complete = condition_of(job, "Complete");
    *when = op_text(failed ? failed : complete, "lastTransitionTime");
    return failed ? OP_JOB_FAILED : complete ? OP_JOB_COMPLETE : OP_JOB_RUNS;
}

typedef struct job_pods {
    json_object **pods; /* of all Jobs */
    size_t count;
    int living;   /* those that go on count, or those that have ended */
    size_t there; /* of the Job, in any state */
} job_pods;

static int is_of(json_object *pod, json_object *job)
{
    return !strcmp(op_label(pod, "batch.kubernetes.io/job-name"), op_text(job, "metadata.name"));
}

/* The worst of the Job's pods. */
static op_trouble of_pods(json_object *job, job_pods *among, char ret[OP_TROUBLE_TEXT])
{
    op_trouble worst = OP_NO_TROUBLE;
    for (size_t i = 0; i < among->count; i++) {
        char text[OP_TROUBLE_TEXT];
        op_trouble one;
        if (!is_of(among->pods[i], job))
            continue;
        among->there++;
        if ((op_pod_lives(among->pods[i]) != 0) != among->living)
            continue;
        one = op_trouble_of_pods(&among->pods[i], 1, text);
        if (one > worst) {
            worst = one;
            memcpy(ret, text, sizeof text);
        }
    }
    return worst;
}

void op_job_failure(json_object *job, json_object **pods, size_t count, char ret[OP_TROUBLE_TEXT])
{
    json_object *failed = condition_of(job, "Failed");
    const char *reason = op_text(failed, "reason"), *message = op_text(failed, "message");
    job_pods among = {.pods = pods, .count = count};
    if (!of_pods(job, &among, ret) || !strcmp(reason, "DeadlineExceeded"))
        df__text_printf(ret, OP_TROUBLE_TEXT, "%s%s%.*s", reason, *message ? ": " : "", MESSAGE,
                        message);
}

static int64_t age_s(json_object *object, int64_t now_s)
{
    return now_s - op_time(object, "metadata.creationTimestamp", now_s);
}

/* It has its place, its volumes and its network, and nothing is wrong: its image comes, however
 * large. */
static int is_pulling(json_object *pod)
{
    json_object *list = op_get(pod, "status.containerStatuses");
    size_t count = op_count(list);
    for (size_t i = 0; i < count; i++) {
        const char *why = op_text(json_object_array_get_idx(list, i), "state.waiting.reason");
        if (strcmp(why, "ContainerCreating") != 0 && strcmp(why, "PodInitializing") != 0)
            return 0;
    }
    return count && condition_of(pod, "PodReadyToStartContainers");
}

/* A pod that was lost is made anew: what counts is the age of the pod, not of its Job. */
int64_t op_job_waits_s(json_object *job, json_object **pods, size_t count, int64_t now_s,
                       int64_t silent_s)
{
    int64_t waits = -1, age = age_s(job, now_s);
    size_t there = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_of(pods[i], job))
            continue;
        there++;
        if (op_get(pods[i], "metadata.deletionTimestamp") ||
            strcmp(op_text(pods[i], "status.phase"), "Pending") != 0 || is_pulling(pods[i]))
            return -1;
        waits = age_s(pods[i], now_s);
    }
    if (there || op_is(job, "spec.suspend"))
        return waits;
    return now_s - silent_s < age ? now_s - silent_s : age;
}

int op_job_is_silent(json_object *job, json_object **pods, size_t count, int64_t now_s)
{
    job_pods among = {.pods = pods, .count = count, .living = 1};
    char text[OP_TROUBLE_TEXT];
    of_pods(job, &among, text);
    return !among.there && age_s(job, now_s) >= SILENT_S;
}

op_trouble op_job_trouble(json_object *job, json_object **pods, size_t count, int64_t now_s,
                          char ret[OP_TROUBLE_TEXT])
{
    job_pods among = {.pods = pods, .count = count, .living = 1};
    op_trouble t = of_pods(job, &among, ret);
    if (!op_job_is_silent(job, pods, count, now_s))
        return t;
    df__text_printf(
        ret, OP_TROUBLE_TEXT,
        "the cluster makes no pod of Job %s: a quota, a limit range or Pod Security may "
        "forbid it; kubectl describe job %s -n %s says why",
        op_text(job, "metadata.name"), op_text(job, "metadata.name"),
        op_text(job, "metadata.namespace"));
    return OP_FAILS;
}
