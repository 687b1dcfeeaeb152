/* SPDX-License-Identifier: Apache-2.0
 * offsets.c: what the source's own system keeps for a flow: offsets, looked at and set; what is
 * removed for good; what is asked of it while it runs. */
#include "core/pipeline/pipeline.h"
#include "dataflow_manage.h"
#include "util/clock.h"

enum { OFFSETS_MS = 30000 };

typedef struct work work;
struct work {
    int (*ask)(df_stage *st, const df_source_ops *ops, const work *w);
    int64_t time_us;
    df_offset_fn each;
    void *user;
    const df_offset *rows; /* NULL: to see them */
    size_t count;
    const char *table;
};

static int ask_offsets(df_stage *st, const df_source_ops *ops, const work *w)
{
    if (!DF__OP(ops, offsets) || !DF__OP(ops, set_offsets))
        return df_stage_failf(
            st, DF_ENOTSUP, NULL,
            "what \"%s\" reads stores no offsets of its own; `explain` says where "
            "the positions are",
            st->spec->kind);
    return w->rows ? ops->set_offsets(st->self, st, w->rows, w->count)
                   : ops->offsets(st->self, st, w->time_us, w->each, w->user);
}

static int ask_release(df_stage *st, const df_source_ops *ops, const work *w)
{
    (void)w;
    if (!DF__OP(ops, release))
        return df_stage_failf(st, DF_ENOTSUP, NULL,
                              "a source of kind \"%s\" keeps nothing that has to be removed",
                              st->spec->kind);
    return ops->release(st->self, st);
}

static int ask_reread(df_stage *st, const df_source_ops *ops, const work *w)
{
    if (!DF__OP(ops, reread))
        return df_stage_failf(st, DF_ENOTSUP, NULL,
                              "a source of kind \"%s\" cannot read a table again while it runs",
                              st->spec->kind);
    return ops->reread(st->self, st, w->table);
}

static int with_source(df_pipeline *p, const work *w)
{
    df_stage *st = NULL;
    df__fault why;
    int rc;
    if (p->started || p->run.heap)
        return df__pipeline_fail(p, DF_ESTATE, "the pipeline was started");
    rc = df_pipeline_check(p);
    if (rc == DF_OK)
        rc = df__pipeline_instance(p, df__graph_source(&p->graph), &st);
    if (rc != DF_OK)
        return rc;
    st->until_us = df__monotonic_us() + (int64_t)OFFSETS_MS * 1000;
    rc = df__stage_status(st, w->ask(st, df__stage_source(st), w));
    if (rc == DF_ECANCELED)
        rc = df_stage_failf(st, DF_ETIMEOUT, NULL, "no answer within %d s", OFFSETS_MS / 1000);
    df__stage_fault(st, rc, &why);
    df__stage_free(st);
    return rc < 0 ? df__pipeline_fail(p, rc, "%s", why.text) : DF_OK;
}

int df_pipeline_offsets(df_pipeline *p, int64_t time_us, df_offset_fn each, void *user)
{
    work w = {.ask = ask_offsets, .time_us = time_us, .each = each, .user = user};
    return p && each ? with_source(p, &w) : DF_EINVAL;
}

int df_pipeline_set_offsets(df_pipeline *p, const df_offset *rows, size_t count)
{
    work w = {.ask = ask_offsets, .rows = rows, .count = count};
    return p && rows ? with_source(p, &w) : DF_EINVAL;
}

int df_pipeline_release(df_pipeline *p)
{
    work w = {.ask = ask_release};
    return p ? with_source(p, &w) : DF_EINVAL;
}

int df_pipeline_reread(df_pipeline *p, const char *table)
{
    work w = {.ask = ask_reread, .table = table};
    return p && table ? with_source(p, &w) : DF_EINVAL;
}
