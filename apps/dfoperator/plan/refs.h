/* SPDX-License-Identifier: Apache-2.0
 * refs.h: the Secrets that a spec refers to, as a pod can mount them. Values are never read here.
 *
 * A pod can mount Secrets of its own namespace only. One of another namespace is used through a
 * copy, which the operator makes where the Secret allows it by its annotation OP_ALLOW. */
#ifndef DFOPERATOR_REFS_H
#define DFOPERATOR_REFS_H

#include <json-c/json.h>
#include <stddef.h>

#define OP_ALLOW "dataflow.dataflow.io/allow-namespaces"

enum { OP_REFS_TEXT = 512 };

typedef struct op_mirror {
    const char *space, *name; /* the Secret */
    const char *copy;         /* its copy in the flow's namespace */
    const char *problem;      /* why it cannot be used: "which …"; NULL: it can */
} op_mirror;

typedef struct op_mirrors {
    const op_mirror *rows;
    size_t count;
    int allowed; /* the operator may make copies */
    int waits;   /* copies are made once the flow's ConfigMap names them */
} op_mirrors;

typedef struct op_refs {
    json_object *spec;    /* a copy in which all references are of the flow's own namespace */
    json_object *sources; /* of a projected volume, NAME/KEY for each reference; [] without any */
    json_object *foreign; /* [{namespace, name, key, copy}]: Secrets of other namespaces */
    char problem[OP_REFS_TEXT]; /* of the first reference that cannot be used; "": none */
} op_refs;

/* References are members "<name>SecretRef" of source, sink, errors and transformations, at any
 * depth. `space`: namespace of the flow. 0, or -1: no memory. */
int op_refs_read(json_object *spec, const char *space, op_mirrors mirrors, op_refs *ret);
void op_refs_free(op_refs *refs);

#endif
