/* SPDX-License-Identifier: Apache-2.0
 * figures.h: the figures of a flow, out of what its pods say of themselves. */
#ifndef DFOPERATOR_FIGURES_H
#define DFOPERATOR_FIGURES_H

#include "dataflow.h"
#include "dfoperator/plan/plan.h"

/* What one pod says; members that it does not tell are -1. 0, or -1: it is no Prometheus text. */
int op_figures_read(df_bytes text, op_figures *ret);
/* Adds a pod to the sum of its flow, which begins with OP_FIGURES_NONE. A lag that one pod does not
 * know is unknown. `pods`: how many are in the sum already. */
void op_figures_add(op_figures *sum, const op_figures *pod, size_t pods);
/* But for the moment when they were read. */
int op_figures_equal(const op_figures *a, const op_figures *b);

#define OP_FIGURES_NONE                                                                            \
    {                                                                                              \
        -1, -1, -1, -1, 0, 0                                                                       \
    }

#endif
