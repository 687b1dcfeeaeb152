/* SPDX-License-Identifier: Apache-2.0
 * decoder.c: the source's codec alone, for bytes that came another way: records of an error sink.
 */
#include "core/pipeline/pipeline.h"
#include "util/clock.h"

enum { DECODE_MS = 30000 };

struct df_decoder {
    df_pipeline *p;
    df_stage *st;
    const df_source_ops *ops;
};

int df_decoder_open(df_pipeline *p, df_decoder **ret)
{
    df_stage *st = NULL;
    if (!p || !ret)
        return DF_EINVAL;
    *ret = NULL;
    if (p->started || p->run.heap)
        return df__pipeline_fail(p, DF_ESTATE, "the pipeline was started");
    int rc = df_pipeline_check(p);
    if (rc == DF_OK)
        rc = df__pipeline_instance(p, df__graph_source(&p->graph), &st);
    if (rc != DF_OK)
        return rc;
    const df_source_ops *ops = df__stage_source(st);
    df_decoder *d = DF__OP(ops, decode) ? df__zalloc(st->heap, sizeof *d) : NULL;
    if (!d) {
        rc = DF__OP(ops, decode)
                 ? df__pipeline_fail(p, DF_ENOMEM, "no memory")
                 : df__pipeline_fail(p, DF_ENOTSUP, "a source of kind \"%s\" decodes nothing",
                                     st->spec->kind);
        df__stage_free(st);
        return rc;
    }
    *d = (df_decoder){p, st, ops};
    atomic_store(&p->decoding, st);
    *ret = d;
    return DF_OK;
}

int df_decoder_read(df_decoder *d, df_record *r)
{
    df__fault why;
    if (!d || !r)
        return DF_EINVAL;
    d->st->until_us = df__monotonic_us() + (int64_t)DECODE_MS * 1000;
    int rc = df__stage_status(d->st, d->ops->decode(d->st->self, d->st, r));
    if (rc == DF_ECANCELED && atomic_load(&d->st->canceled))
        rc = df_stage_fail(d->st, rc, NULL, "stopped before there was an answer");
    else if (rc == DF_ECANCELED)
        rc = df_stage_failf(d->st, DF_ETIMEOUT, NULL, "no answer within %d s", DECODE_MS / 1000);
    df__stage_fault(d->st, rc, &why);
    return rc < 0 ? df__pipeline_fail(d->p, rc, "%s", why.text) : DF_OK;
}

void df_decoder_close(df_decoder *d)
{
    if (!d)
        return;
    const df__heap *heap = d->st->heap;
    atomic_store(&d->p->decoding, NULL);
    if (DF__OP(d->ops, close))
        d->ops->close(d->st->self, d->st);
    df__stage_free(d->st);
    df__free(heap, d);
}
