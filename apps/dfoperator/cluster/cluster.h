/* SPDX-License-Identifier: Apache-2.0
 * cluster.h: what is in the cluster, as far as the operator cares: an informer for each kind, and
 * the flow that each object belongs to. */
#ifndef DFOPERATOR_CLUSTER_H
#define DFOPERATOR_CLUSTER_H

#include "dfoperator/object/keys.h"
#include "kube/informer.h"

typedef struct op_cluster op_cluster;

typedef struct op_cluster_calls {
    /* A flow, or something that belongs to it, is not as it was. */
    void (*changed)(void *user, const char *key);
    /* Once: all first lists are whole. */
    void (*synced)(void *user);
    void (*trouble)(void *user, const char *text);
    void *user;
} op_cluster_calls;

/* `space`: one namespace; NULL: all. `here`: only flows and ConfigMaps are in the cluster; objects
 * of the other kinds are those of op_cluster_put. NULL: no memory. */
op_cluster *op_cluster_new(kube_client *client, const char *space, int here,
                           const op_cluster_calls *calls);
void op_cluster_free(op_cluster *c);
int op_cluster_synced(const op_cluster *c);
/* The clock of views: that of the API server, which stamps objects. µs since 1970. */
int64_t op_cluster_wall_us(const op_cluster *c);

/* A copy of an object, to be put back with json_object_put; NULL: there is none. */
json_object *op_cluster_get(const op_cluster *c, op_kind kind, const char *space, const char *name);
/* The objects of a kind that belong to a flow, each to be put back, in an array to be freed.
 * Their number; -1: no memory. For pods and Jobs. */
int op_cluster_of(const op_cluster *c, op_kind kind, const char *key, json_object ***ret);
/* What the server answered to a write. */
void op_cluster_learn(op_cluster *c, op_kind kind, json_object *object);
/* Objects of the kind are kept here and not in the cluster. */
int op_cluster_is_here(const op_cluster *c, op_kind kind);
/* Such an object is as this says now: told as changed when it was not so before. -1: no memory. */
int op_cluster_put(op_cluster *c, op_kind kind, json_object *object);
void op_cluster_drop(op_cluster *c, op_kind kind, const char *space, const char *name);
/* The objects of a kind, for those that look at all of them. */
const kube_objects *op_cluster_objects(const op_cluster *c, op_kind kind);
kube_informer_stats op_cluster_stats(const op_cluster *c, op_kind kind);

#endif
