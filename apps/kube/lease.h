/* SPDX-License-Identifier: Apache-2.0
 * lease.h: one of several processes holds a Lease (coordination.k8s.io/v1) and so may work: the
 * operator that leads, the pod that reads a source for which there must be one reader.
 *
 * - The holder renews it every 2 s. Others take it when they have not seen it change for as long as
 *   its holder promised (15 s), by their own clock: what the record says about wall time is only
 *   compared. The clock counts on while a machine sleeps.
 * - A holder that could not renew for 10 s, counted from the moment before it sent the last renewal
 *   that succeeded, has it no more: five seconds before anybody else can. That is so at once and by
 *   itself, also after SIGSTOP: kube_lease_held is false before `stopped` is called. Ask it before
 *   each write (kube_client_guard does).
 * - One that lost it contends again.
 *
 * A lease orders, it does not fence: a write that was sent before may still arrive. What must not
 * happen twice needs a resourceVersion or an epoch of its own.
 *
 * Sources: client-go tools/leaderelection (its notes on clocks); API reference of Lease. */
#ifndef APP_KUBE_LEASE_H
#define APP_KUBE_LEASE_H

#include "kube/apply.h"

typedef struct kube_lease kube_lease;

typedef struct kube_lease_config {
    const char *space, *name;                   /* copied */
    const char *identity;                       /* of this process: a pod's name; copied */
    int64_t duration_us, deadline_us, retry_us; /* 0: 15 s, 10 s, 2 s */
    json_object *owner; /* an owner reference for a lease that is not there yet; NULL: none. The
                           lease takes a reference of its own */
    void (*started)(void *user);
    /* It is held no more; not after kube_lease_release. */
    void (*stopped)(void *user, const char *why);
    /* Who has it, or why it cannot be asked for: when that changes. NULL: no interest. */
    void (*waiting)(void *user, const char *why);
    void *user;
} kube_lease_config;

/* Contends from the loop's next step on. The callbacks must not free it. NULL: no memory. */
kube_lease *kube_lease_new(kube_client *c, const kube_lease_config *config);
/* 1: it is held, now. Any thread. */
int kube_lease_held(const kube_lease *l);
/* From now on it is not held. Gives it back, so that others need not wait, then calls `done`, also
 * when that failed (within 6 s). Once. */
void kube_lease_release(kube_lease *l, void (*done)(void *user));
/* Without giving it back; NULL is fine. */
void kube_lease_free(kube_lease *l);

/* What a Lease object says. */
typedef struct kube_lease_record {
    char holder[260], renewed[64], version[64];
    int64_t duration_s, transitions;
} kube_lease_record;
/* DF_OK; DF_EDATA: it is no Lease, or one with members that cannot be. */
int kube_lease_read(json_object *object, kube_lease_record *ret);

#endif
