/* SPDX-License-Identifier: Apache-2.0
 * registry.h: the operator's own metrics (docs/metrics.md, "Of the operator"). The loop writes down
 * how things are; any thread may have them as text. */
#ifndef DFOPERATOR_REGISTRY_H
#define DFOPERATOR_REGISTRY_H

#include "dfoperator/object/kinds.h"
#include "kube/objects.h"
#include "util/buf.h"

typedef struct op_registry op_registry;

/* How looking at a flow ended. */
enum op_result { OP_SUCCEEDED, OP_FAILED, OP_EXPIRED, OP_RESULTS };

/* What failed in it. */
enum op_stage {
    OP_STAGE_PLAN,      /* no memory for the plan */
    OP_STAGE_RESOURCES, /* a child or the status could not be written */
    OP_STAGE_DEADLINE,
    OP_STAGES
};

/* What is so at this moment. */
typedef struct op_gauges {
    int leads, synced;
    size_t flows, crons;
    size_t inflight, depth, waiting;
    int64_t oldest_us;              /* of the running ones; 0: none runs */
    int64_t heard_age_us[OP_KINDS]; /* since the last event of a watch; -1: none yet */
    int64_t certificate_expires_s;  /* since 1970; 0: there is no webhook */
    uint64_t reviews[3];            /* allowed, denied, refused */
    uint64_t scrape_failures[8];    /* as op_scrape_failures */
} op_gauges;

op_registry *op_registry_new(void); /* NULL: no memory */
void op_registry_free(op_registry *r);
void op_registry_reconciled(op_registry *r, enum op_result result, int64_t took_us);
void op_registry_error(op_registry *r, enum op_stage stage);
void op_registry_set(op_registry *r, const op_gauges *gauges);
/* Appends all families; those of the process too. */
void op_registry_write(op_registry *r, df__buf *out);

/* dataflow_status of all flows: of objects of both kinds, by what their status says. On the loop.
 */
void op_registry_phases(const kube_objects *flows, const kube_objects *crons, df__buf *out);

#endif
