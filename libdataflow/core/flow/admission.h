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

/* How many records the next run reads again at most after a kill, when batches have `batch`
 * records: nothing is granted at maxUncommitted, but the batches that were granted before still
 * come. */
uint64_t df__flow_repeats(const df__settings *s, size_t batch);
/* How many they would be if it were killed now. */
uint64_t df__flow_uncommitted(const df__flow *f);
/* maxUncommitted is reached: nothing more is granted until a position is saved. */
int df__flow_is_at_bound(const df__flow *f);
/* Makes the grants that are possible now. */
void df__flow_admit(df__flow *f);

#endif
