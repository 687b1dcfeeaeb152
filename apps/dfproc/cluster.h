/* SPDX-License-Identifier: Apache-2.0
 * cluster.h: what a flow asks of the Kubernetes cluster that it runs in: to be the only reader of
 * its source (a Lease), and to keep its positions (a ConfigMap). The client is a module of its
 * own, opened when a flow asks, so that dfproc elsewhere does not carry a TLS stack. */
#ifndef DFPROC_CLUSTER_H
#define DFPROC_CLUSTER_H

#include <stdlib.h>
#include <unistd.h>

#include "dataflow.h"

typedef struct dfproc_cluster dfproc_cluster;

enum { DFPROC_CLUSTER_TEXT = 512 };

/* Texts are copied. */
typedef struct dfproc_cluster_options {
    const char *kubeconfig;          /* NULL: $KUBECONFIG, the pod's own access, ~/.kube/config */
    const char *space, *name;        /* of the flow */
    const char *uid;                 /* of the flow; NULL: not known */
    const char *kind;                /* of the flow; NULL: DataFlow */
    const char *map, *lease;         /* names; NULL: df-NAME-checkpoint, df-NAME */
    const char *source_type, *stage; /* of its source */
    int min_interval_ms;             /* between two saves of positions */
    const char *reset; /* number of the reset that forgets them, once; NULL: none is asked for */
    void (*log)(void *user, int level, const char *line); /* any thread */
    /* The Lease is held no more: end at once. On a thread of the cluster. */
    void (*lost)(void *user);
    void *user;
} dfproc_cluster_options;

/* The module's table. `err` has DFPROC_CLUSTER_TEXT bytes. */
typedef struct dfproc_cluster_calls {
    size_t size;
    /* Finds the way to the cluster and sends nothing. DF_ENOTFOUND: there is none. */
    int (*open)(const dfproc_cluster_options *options, dfproc_cluster **ret, char *err);
    /* The store of its positions, as kube_store_open. */
    int (*store)(dfproc_cluster *c, df_store *ret, char *err);
    /* Contends for the Lease and waits for it. DF_OK, then positions are read again; DF_ECANCELED:
     * `interrupt` was called. */
    int (*take)(dfproc_cluster *c, char *err);
    void (*interrupt)(dfproc_cluster *c); /* any thread */
    /* 1: it waits for the Lease; why in `text`. Any thread. */
    int (*waits)(dfproc_cluster *c, char *text);
    /* Gives the Lease back if `give_back`; else it lapses. NULL is fine. */
    void (*close)(dfproc_cluster *c, int give_back);
    /* Calls each(ctx, row) for the positions of all types of sources; `stage` is the type. */
    int (*show)(dfproc_cluster *c, int (*each)(void *ctx, const df_state *row), void *ctx,
                char *err);
    int (*reset)(dfproc_cluster *c, char *err);
} dfproc_cluster_calls;

/* The module; NULL with the reason printed. */
const dfproc_cluster_calls *dfproc_cluster_module(void);
/* This process is in a pod that may ask its cluster: one without a token may not. */
static inline int dfproc_is_pod(void)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    return host && *host && !access("/var/run/secrets/kubernetes.io/serviceaccount/token", R_OK);
}

#endif
