/* SPDX-License-Identifier: Apache-2.0
 * view.h: reads the view of a flow out of the cluster's copy. */
#ifndef DFOPERATOR_VIEW_H
#define DFOPERATOR_VIEW_H

#include "dfoperator/cluster/cluster.h"
#include "dfoperator/plan/plan.h"

/* A view that owns what it shows. */
typedef struct op_view_box {
    op_view view;
    op_key key;
} op_view_box;

/* 0, or -1: no memory. Freed in either case. */
int op_view_read(const op_cluster *c, const op_key *key, op_view_box *ret);
void op_view_free(op_view_box *box);

#endif
