/* SPDX-License-Identifier: Apache-2.0
 * store.h: the position store of a pod: a ConfigMap, `df-<flow>-checkpoint`, in the form of
 * checkpoint.h.
 *
 * - Written with the version that was read. At a conflict it is read again: what others changed of
 *   the object stays; of positions that another pod wrote the farther one stays; when it cannot be
 *   told which is farther, the save is refused for good (DF_EFENCED).
 * - A ConfigMap that was there and is gone is made again with what the pod knows.
 * - One that belongs to another flow (by the uid of its owner) is not touched.
 * - A damaged entry, or one of a form that is not known, is refused at the start: nothing begins
 *   anew without being told to.
 *
 * Its calls block, 3 s for each request, and come from one thread at a time. */
#ifndef APP_KUBE_STORE_H
#define APP_KUBE_STORE_H

#include "dataflow.h"
#include "kube/client.h"

typedef struct kube_store_config {
    const char *space, *name;        /* of the ConfigMap; all texts are copied */
    const char *source_type, *stage; /* whose positions: a kind, and what the pipeline calls it */
    const char *writer;              /* this pod */
    const char *owner_uid;           /* of the flow; NULL: the owner that the ConfigMap has now */
    int min_interval_ms;             /* between two saves */
    void (*log)(void *user, int level, const char *line);
    void *user;
} kube_store_config;

/* Reads the ConfigMap. DF_OK: `ret` owns the store and the client, see df_pipeline_options. Else
 * the client stays the caller's and `err` (KUBE_TEXT) says why: DF_ENOTFOUND, DF_ESTATE (damaged),
 * DF_EFENCED (of another flow), or as kube_reply.rc. */
int kube_store_open(kube_client *c, const kube_store_config *config, df_store *ret, char *err);
/* Reads it again, before the first load: another pod may have written. `user` is the store's. As
 * kube_store_open. */
int kube_store_reload(void *user, char *err);
/* Forgets all positions unless that was done for this number already: the ConfigMap's data key
 * `reset` says for which it was done last. As kube_store_open; DF_EIO: others write it meanwhile.
 */
int kube_store_reset(void *user, const char *number, char *err);
/* The text of the checkpoints of a ConfigMap, of all types of sources. */
int kube_store_read(kube_client *c, const char *space, const char *name, df__buf *text, char *err);
/* Forgets them all; makes the ConfigMap when it is not there. */
int kube_store_clear(kube_client *c, const char *space, const char *name, char *err);

#endif
