/* SPDX-License-Identifier: Apache-2.0
 * wish.h: what a DataFlow or DataFlowCron asks for, checked: all that decides how its children
 * look. Made anew from the object each time; no I/O. */
#ifndef DFOPERATOR_WISH_H
#define DFOPERATOR_WISH_H

#include "dfoperator/object/names.h"
#include "dfoperator/plan/refs.h"
#include "dfoperator/plan/settings.h"
#include "util/sha256.h"

#define OP_RESET OP_GROUP "/reset-checkpoint" /* on the flow: a person asks for a reset */

enum { OP_WISH_TEXT = 1024 };

typedef struct op_wish {
    op_kind kind;      /* OP_FLOW or OP_CRON */
    json_object *flow; /* borrowed */
    const op_settings *settings;
    op_names names;
    json_object *pod_spec; /* what spec.json says: nothing that only the operator needs */
    op_refs refs;
    char hash[DF__SHA256_HEX]; /* of what makes other pods when it changes */
    int single_reader;         /* two pods must never read at the same time */
    int stores;                /* positions are kept in the checkpoint ConfigMap */
    int asks_reset;            /* by the field or by the annotation */
    int64_t replicas;          /* as asked for, pauses apart; one at most for a single reader */
    int64_t reset;             /* number of the checkpoint reset that the pods have seen; 0: none */
    char invalid[OP_WISH_TEXT]; /* what is wrong with the spec; "": nothing */
} op_wish;

/* 0, or -1: no memory. Freed in any case by op_wish_free. */
int op_wish_read(op_wish *ret, op_kind kind, json_object *flow, const op_settings *settings,
                 op_mirrors mirrors);
void op_wish_free(op_wish *wish);
/* The flow as it was when its spec was written to the ConfigMap the last time: with the place of
 * its pods as it is now. NULL: there is none, or no memory. */
json_object *op_wish_applied(json_object *flow, json_object *spec_map);
/* Pods talk to the API server: for positions, or for the Lease of a single reader. */
int op_wish_needs_api(const op_wish *wish);

#endif
