/* SPDX-License-Identifier: Apache-2.0
 * stop.h: how a run ends: drained, saved, closed; what does not come in time is abandoned, and a
 * thread that does not come back is left behind. */
#ifndef DF_CORE_FLOW_STOP_H
#define DF_CORE_FLOW_STOP_H

#include <stdint.h>

#include "dataflow.h"

typedef struct df__flow df__flow;

enum df__phase {
    DF__PHASE_RUNNING,
    DF__PHASE_DRAINING,
    DF__PHASE_SAVING,
    DF__PHASE_CLOSE_ALL,
    DF__PHASE_FINISHED
};

typedef struct df__stop {
    int asked;        /* by the host: DF_STOP_... */
    int canceled;     /* every operation was told to return */
    int64_t phase_us; /* when the phase began */
    int64_t drain_us; /* when a stop or a failure began: stopTimeout counts from here */
    int64_t canceled_us;
    int64_t end_us; /* when saving and closing began */
} df__stop;

typedef struct df__left { /* threads that did not come back */
    int source, store, workers;
} df__left;

void df__flow_phase(df__flow *f);              /* moves through the end of a run */
int64_t df__flow_phase_due(const df__flow *f); /* when a phase is given up; INT64_MAX: never */

/* The text about a stage whose code does not come back. */
#define DF__LEFT_BEHIND                                                                            \
    "does not come back from a call and is left behind: its thread and its "                       \
    "memory stay until the process ends"

#endif
