/* SPDX-License-Identifier: Apache-2.0
 * events.h: events of objects (events.k8s.io/v1), for people who run `kubectl describe`.
 *
 * - What is told again of the same object, in the same words, is one event whose count grows.
 * - At most 5 writes a second, and of one object a burst of 10 and then one in 10 s: what is told
 *   meanwhile waits and is counted, so nothing is lost but moments between.
 * - At most 1,024 events are remembered: the oldest written one goes, and comes as a new one.
 * - An event that cannot be written is tried again three times and then dropped: it is a courtesy.
 *
 * Source: API reference of events.k8s.io/v1; its limits are what the server refuses. */
#ifndef APP_KUBE_EVENTS_H
#define APP_KUBE_EVENTS_H

#include "kube/apply.h"

typedef struct kube_events kube_events;

/* Texts are copied; what is too long for the server is cut between characters. */
typedef struct kube_event {
    const char *api_version, *kind, *space, *name, *uid; /* of the object; space NULL: none */
    int warning;
    const char *reason; /* "DeploymentCreated" */
    const char *action; /* "Reconcile" */
    const char *note;   /* at most 1,024 bytes */
} kube_event;

/* controller: "dataflow.dataflow.io/operator"; instance: this process. Copied. NULL: no memory. */
kube_events *kube_events_new(kube_client *c, const char *controller, const char *instance);
/* What waits is dropped. NULL is fine. */
void kube_events_free(kube_events *e);
/* DF_ENOMEM: it is not told. */
int kube_events_tell(kube_events *e, const kube_event *event);

typedef struct kube_events_stats {
    size_t remembered, waiting;
    uint64_t told, written, dropped;
} kube_events_stats;
kube_events_stats kube_events_stats_of(const kube_events *e);

#endif
