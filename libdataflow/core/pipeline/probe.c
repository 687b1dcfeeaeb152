/* SPDX-License-Identifier: Apache-2.0
 * probe.c: one look at each end of a flow, without running it. */
#include <string.h>

#include "core/pipeline/pipeline.h"
#include "dataflow_manage.h"
#include "util/clock.h"

enum { PROBE_MS = 10000 };

typedef int probe_fn(void *self, df_stage *st);

static probe_fn *probe_of(const df_stage *st)
{
    return st->spec->role == DF_SOURCE ? DF__OP(df__stage_source(st), probe)
                                       : DF__OP(df__stage_sink(st), probe);
}

/* Its status; `why` gets the text. */
static int look(df_stage *st, int timeout_ms, df__fault *why)
{
    probe_fn *probe = probe_of(st);
    int rc;
    if (!probe) {
        df_stage_foundf(st, "offers no look before a run");
        df__stage_fault(st, DF_OK, why);
        return DF_ENOTSUP;
    }
    st->until_us = df__monotonic_us() + (int64_t)timeout_ms * 1000;
    rc = df__stage_status(st, probe(st->self, st));
    if (rc == DF_ECANCELED || rc > 0)
        rc = df_stage_failf(st, DF_ETIMEOUT, NULL, "no answer within %d ms", timeout_ms);
    df__stage_fault(st, rc, why);
    return rc;
}

static int probe_stage(df_pipeline *p, const df__stage_spec *spec, int timeout_ms, df__fault *why)
{
    df_stage *st = NULL;
    int rc = df__pipeline_instance(p, spec, &st);
    memset(why, 0, sizeof *why);
    if (rc != DF_OK) {
        df__text_set(why->text, sizeof why->text, p->error, strlen(p->error));
        return rc;
    }
    rc = look(st, timeout_ms, why);
    df__stage_free(st);
    return rc;
}

int df_pipeline_probe(df_pipeline *p, int timeout_ms, df_probe_fn each, void *user)
{
    int worst = DF_OK, rc;
    df__fault why;
    if (!p || timeout_ms < 0)
        return DF_EINVAL;
    if (p->started || p->run.heap)
        return df__pipeline_fail(p, DF_ESTATE, "the pipeline was started");
    rc = df_pipeline_check(p);
    if (rc != DF_OK)
        return rc;
    for (const df__stage_spec *s = p->graph.stages; s; s = s->next) {
        df_probe row = {.size = sizeof row, .stage = s->name, .kind = s->kind, .role = s->role};
        if (s->role == DF_TRANSFORM)
            continue;
        row.status = probe_stage(p, s, timeout_ms ? timeout_ms : PROBE_MS, &why);
        row.reason = why.reason;
        row.text = why.text;
        if (row.status < 0 && row.status != DF_ENOTSUP && worst == DF_OK)
            worst = df__pipeline_fail(p, row.status, "stage %s: %s", s->name, why.text);
        if (each)
            each(user, &row);
    }
    return worst;
}
