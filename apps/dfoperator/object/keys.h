/* SPDX-License-Identifier: Apache-2.0
 * keys.h: flows by text: "DataFlow/namespace/name". The work queue, the board of figures and the
 * log name them so. */
#ifndef DFOPERATOR_KEYS_H
#define DFOPERATOR_KEYS_H

#include <json-c/json.h>
#include <stddef.h>

#include "dfoperator/object/kinds.h"

enum { OP_KEY = 600 };

/* The annotation that names the flow of a pod or of a cron's Job, "DataFlow/name": neither has the
 * flow as its owner, and a label cannot hold a name of more than 63 characters. */
#define OP_FLOW_ANNOTATION "dataflow.dataflow.io/flow"
/* The annotation of a pod whose metrics are at another port than 9090: processes of --local. */
#define OP_METRICS_PORT "dataflow.dataflow.io/metrics-port"

typedef struct op_key {
    op_kind kind; /* OP_FLOW or OP_CRON */
    char space[254], name[254];
} op_key;

/* 0, or -1: it is no key. */
int op_key_read(const char *text, op_key *ret);
void op_key_write(const op_key *key, char ret[OP_KEY]);
/* Which of the two kinds an object is. */
op_kind op_flow_kind(json_object *flow);
/* The flow that an object belongs to: itself, its controller, or the one of its annotation. 0, or
 * -1: it belongs to none. */
int op_key_of(op_kind kind, json_object *object, op_key *ret);

#endif
