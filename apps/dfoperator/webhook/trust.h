/* SPDX-License-Identifier: Apache-2.0
 * trust.h: keeps the webhook's own certificate in a Secret, renews it, and makes API servers trust
 * it: the authority's certificate goes into the ValidatingWebhookConfiguration.
 *
 * Every copy of the operator shows the certificate of the Secret; the one that leads makes it. API
 * servers trust a new authority, beside the old one, before anybody shows a certificate of it. A
 * crash between two steps leaves at most an authority that is trusted and signs nothing. */
#ifndef DFOPERATOR_TRUST_H
#define DFOPERATOR_TRUST_H

#include "dfoperator/webhook/tls.h"
#include "kube/client.h"

typedef struct op_trust op_trust;

typedef struct op_trust_config {
    kube_client *client;
    op_tls *tls;
    const char *space, *secret; /* where the certificate is kept */
    const char *configuration;  /* ValidatingWebhookConfiguration */
    const char *const *names;   /* DNS names of the service, NULL at the end */
    int (*leads)(void *user);   /* may write */
    void (*told)(void *user, int level, const char *text); /* for the log */
    int64_t (*now_s)(void *user);                          /* since 1970 */
    void *user;
    int64_t every_us; /* 0: a minute */
} op_trust_config;

/* Texts are borrowed. NULL: no memory. */
op_trust *op_trust_new(const op_trust_config *config);
void op_trust_free(op_trust *t);

#endif
