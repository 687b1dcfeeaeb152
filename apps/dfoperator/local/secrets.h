/* SPDX-License-Identifier: Apache-2.0
 * secrets.h: the projected volume of a pod as files in the operator's private folder: NAME/KEY for
 * each reference of a spec. Values are in those files and nowhere else. */
#ifndef DFOPERATOR_LOCAL_SECRETS_H
#define DFOPERATOR_LOCAL_SECRETS_H

#include "dfoperator/local/place.h"
#include "kube/client.h"

typedef struct op_projection op_projection;

typedef struct op_projection_config {
    kube_client *client;
    const op_place *place;
    const char *space, *folder; /* of the flow; below the place. Copied */
    json_object *sources;       /* of the volume: as in op_refs. Borrowed for the call */
    /* DF_OK, or why a Secret could not be read; one that is not there is no failure. Files of what
     * was read before are as they were. The projection is gone then. */
    void (*done)(void *user, int rc, const char *text);
    void *user;
} op_projection_config;

/* `done` is called from a later step of the loop. NULL: no memory. */
op_projection *op_projection_start(const op_projection_config *config);
/* Ends it without `done`; NULL is fine. */
void op_projection_cancel(op_projection *p);

#endif
