/* SPDX-License-Identifier: Apache-2.0
 * copy.h: the inside of copies.c: one copy, and what is found and done when it is looked at. */
#ifndef DFOPERATOR_COPY_H
#define DFOPERATOR_COPY_H

#include "dfoperator/secrets/copies.h"
#include "dfoperator/object/names.h"

typedef enum op_copy_state {
    OP_COPY_NEW,     /* nothing is known yet, or what was there had to go first */
    OP_COPY_GRANTED, /* may be made, once the flow's ConfigMap names it */
    OP_COPY_MADE,
    OP_COPY_REFUSED, /* `problem` says why; there is no copy */
    OP_COPY_GONE     /* nobody wants it, and it is removed */
} op_copy_state;

typedef struct op_copy_row {
    char *space, *name; /* the Secret */
    char copy[OP_NAME_MAX + 1];
    json_object *keys; /* {KEY: null}: what of it is copied; NULL: what the copy has */
    op_copy_state state;
    int wanted;     /* by the spec, or by the pods of an earlier one */
    int found;      /* while a plan is taken over: to be `wanted` */
    int recorded;   /* the flow's ConfigMap names it: a copy may be there */
    int denied;     /* looks one after another at which the operator might not read the Secret */
    int64_t due_us; /* when it is looked at; far away while that goes on */
    char problem[OP_REFS_TEXT]; /* why it is refused, as of the last look that came to its end */
} op_copy_row;

/* What is known when both Secrets were read. */
typedef struct op_copy_seen {
    op_copy_row *row;
    json_object *flow, *live; /* live: the copy; NULL: there is none */
    json_object *data;        /* what it is to have; NULL: it is refused, or not wanted */
    char problem[OP_REFS_TEXT];
} op_copy_seen;

typedef enum op_copy_step {
    OP_COPY_IS_DONE,
    OP_COPY_CREATE,
    OP_COPY_UPDATE,
    OP_COPY_REMOVE
} op_copy_step;

/* Reads `source` into seen->data, or the reason why not into seen->problem. `rc`: of the answer. */
void op_copy_read(op_copy_seen *seen, int rc, json_object *source);
/* What is to be done, and the state when it is done. A Secret that only looks like a copy, by its
 * name or its labels, is left as it is. */
op_copy_step op_copy_decide(op_copy_seen *seen, op_copy_state *then);
/* The object to be created, or to replace seen->live. NULL: no memory. */
json_object *op_copy_object(const op_copy_seen *seen);

#endif
