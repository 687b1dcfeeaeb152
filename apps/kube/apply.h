/* SPDX-License-Identifier: Apache-2.0
 * apply.h: reads and writes of single objects. Each function starts one request on the client's
 * loop and answers as kube_client_start does: `done` once, or NULL for want of memory.
 *
 * What became of a write is in the reply's rc (client.h). Those that need a decision:
 *   DF_EEXISTS   create: the name is taken; whose it is, a kube_get tells
 *   DF_EFENCED   the object is not at the version (or has not the uid) that was named
 *   DF_ENOTFOUND there is no such object
 *   DF_EIO       nothing was applied: no connection, or 429 (retry_after_us)
 *   DF_EUNKNOWN  it may have been applied: no reply in time, or 408 and 5xx. Applying again is
 * safe; before anything that is not, read the object.
 *
 * Sources: Kubernetes API Concepts, "Server-Side Apply", "Optimistic concurrency". */
#ifndef APP_KUBE_APPLY_H
#define APP_KUBE_APPLY_H

#include "kube/client.h"

/* The one field manager of all our writes. */
#define KUBE_MANAGER "dataflow-operator"

/* One object. Texts are borrowed for the call. */
typedef struct kube_target {
    const char *api;         /* "/api/v1", "/apis/apps/v1" */
    const char *plural;      /* "deployments" */
    const char *space;       /* namespace; NULL: an object of the cluster */
    const char *name;        /* not for kube_create */
    const char *subresource; /* "status", "scale"; NULL: the object itself */
} kube_target;

typedef struct kube_then {
    void (*done)(void *user, const kube_reply *reply);
    void *user;
    int64_t total_us; /* 0: 30 s */
    int unguarded;    /* as in kube_call */
} kube_then;

kube_request *kube_get(kube_client *c, const kube_target *t, kube_then then);
/* `object` has its name in metadata. It stays the caller's here and below. */
kube_request *kube_create(kube_client *c, const kube_target *t, json_object *object,
                          kube_then then);
/* Server-side apply: the fields that we want, all of them, each time; those that we named before
 * and do not name now go. `force`: fields that somebody else holds become ours, else DF_EFENCED. */
kube_request *kube_apply(kube_client *c, const kube_target *t, json_object *object, int force,
                         kube_then then);
/* Replaces the whole object, which has metadata.resourceVersion: else DF_EINVAL. */
kube_request *kube_update(kube_client *c, const kube_target *t, json_object *object,
                          kube_then then);
/* JSON merge patch (RFC 7386). metadata.resourceVersion in it makes it conditional. */
kube_request *kube_merge(kube_client *c, const kube_target *t, json_object *patch, kube_then then);

typedef struct kube_deletion {
    const char *uid, *version; /* only this one; NULL: whatever it is */
    enum { KUBE_BACKGROUND, KUBE_FOREGROUND, KUBE_ORPHAN } propagation; /* of what it owns */
    int64_t grace_s; /* of pods; 0: as they say */
} kube_deletion;
kube_request *kube_delete(kube_client *c, const kube_target *t, const kube_deletion *how,
                          kube_then then);

#endif
