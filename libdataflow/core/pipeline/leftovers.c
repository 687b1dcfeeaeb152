/* SPDX-License-Identifier: Apache-2.0
 * leftovers.c: what lies where a flow's sinks write and nothing names: shown, never removed; and
 * former states that they let go of. */
#include "core/pipeline/pipeline.h"
#include "dataflow_manage.h"

/* What is asked for, and whether a sink can tell it. */
typedef struct question {
    int64_t age_us;
    df_leftover_fn each;
    const df_expiry *expiry; /* NULL: it is asked for what is left */
    df_expired_fn each_expired;
    void *user;
    int can;
} question;

static int answer(df_stage *st, question *q)
{
    const df_sink_ops *ops = df__stage_sink(st);
    if (q->expiry && DF__OP(ops, expire)) {
        q->can = 1;
        return ops->expire(st->self, st, q->expiry, q->each_expired, q->user);
    }
    if (!q->expiry && DF__OP(ops, leftovers)) {
        q->can = 1;
        return ops->leftovers(st->self, st, q->age_us, q->each, q->user);
    }
    return DF_OK;
}

static int ask(df_pipeline *p, const df__stage_spec *spec, question *q)
{
    df_stage *st = NULL;
    df__fault why;
    int rc = df__pipeline_instance(p, spec, &st);
    if (rc != DF_OK)
        return rc;
    rc = df__stage_status(st, answer(st, q));
    df__stage_fault(st, rc, &why);
    df__stage_free(st);
    return rc < 0 ? df__pipeline_fail(p, rc, "stage %s: %s", spec->name, why.text) : DF_OK;
}

static int ask_all(df_pipeline *p, question *q)
{
    if (p->started || p->run.heap)
        return df__pipeline_fail(p, DF_ESTATE, "the pipeline was started");
    int rc = df_pipeline_check(p);
    for (const df__stage_spec *s = p->graph.stages; rc == DF_OK && s; s = s->next)
        if (s->role == DF_SINK || s->role == DF_ERROR_SINK)
            rc = ask(p, s, q);
    return rc;
}

int df_pipeline_leftovers(df_pipeline *p, int64_t age_us, df_leftover_fn each, void *user)
{
    question q = {.age_us = age_us, .each = each, .user = user};
    if (!p || !each || age_us < 0)
        return DF_EINVAL;
    int rc = ask_all(p, &q);
    return rc != DF_OK || q.can
               ? rc
               : df__pipeline_fail(p, DF_ENOTSUP, "no sink of the flow leaves files behind");
}

int df_pipeline_expire(df_pipeline *p, const df_expiry *how, df_expired_fn each, void *user)
{
    question q = {.expiry = how, .each_expired = each, .user = user};
    if (!p || !each || !how || how->size < sizeof *how || how->age_us < 0 || how->keep < 1)
        return DF_EINVAL;
    int rc = ask_all(p, &q);
    return rc != DF_OK || q.can
               ? rc
               : df__pipeline_fail(p, DF_ENOTSUP, "no sink of the flow has former states");
}
