/* SPDX-License-Identifier: Apache-2.0
 * admission.h: how much the source may read: grants, each used by one batch, within the memory
 * budget, maxUncommitted and the limit of the run. */
#ifndef DF_CORE_FLOW_ADMISSION_H
#define DF_CORE_FLOW_ADMISSION_H

#include "core/flow/batch.h"
#include "core/graph/graph.h"

typedef struct df__flow df__flow;

enum { DF__MAX_GRANTS = 2 };

typedef struct df__admission {
    uint64_t limit;   /* records to read in this run; 0: no limit */
    uint64_t granted; /* of these, read or granted so far */
    size_t grants;    /* outstanding */
    int quiet;        /* source_quiet was called: grants come back, none is made */
} df__admission;

/* What a kill has the next run repeat at most, with batches of that many records: the source is
 * held at maxUncommitted, and what was granted before still comes. */
uint64_t df__flow_repeats(const df__settings *s, size_t batch);
uint64_t df__flow_uncommitted(const df__flow *f); /* what it would be now */
int df__flow_is_at_bound(const df__flow *f);
void df__flow_admit(df__flow *f); /* makes the grants that are possible */
/* No more is granted, and what was is given back. */
void df__flow_quiet(df__flow *f);

#endif
