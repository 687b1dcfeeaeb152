/* SPDX-License-Identifier: Apache-2.0
 * client.h: requests to a Kubernetes API server. It adds who asks (a token that is read again when
 * its file changes, or basic auth; certificates are the HTTP client's), tells the server's refusals
 * apart, and never logs a body. */
#ifndef APP_KUBE_CLIENT_H
#define APP_KUBE_CLIENT_H

#include <json-c/json.h>

#include "kube/access.h"
#include "kube/loop.h"
#include "util/buf.h"

typedef struct kube_client kube_client;
typedef struct kube_request kube_request;

/* What the server said in a Status object, or what became of the request without one. */
typedef struct kube_reply {
    int rc;        /* DF_OK: 2xx; else as df__http_reply.rc, or by the status: DF_ENOTFOUND 404,
                      DF_EEXISTS 409 AlreadyExists, DF_EFENCED 409 Conflict, DF_EREWIND 410,
                      DF_EAUTH 401 403, DF_EINVAL other 4xx, DF_EIO 429. DF_EIO 408 5xx of a read;
                      a write that was answered so, or had no reply, may have been applied:
                      DF_EUNKNOWN */
    int status;    /* 0: no reply */
    df_bytes body; /* of a 2xx without `receive`; NUL behind it */
    int64_t retry_after_us; /* -1: none */
    char reason[64];        /* "Conflict", "Expired", …; "" */
    char text[KUBE_TEXT];   /* for people: what was asked of what, and why not */
} kube_reply;

typedef struct kube_call {
    const char *method;       /* NULL: GET */
    const char *path;         /* "/api/v1/namespaces/a/configmaps/b?fieldManager=x", escaped */
    const char *content_type; /* of the body; NULL: application/json */
    df_bytes body;            /* copied */
    int (*receive)(void *user, int status, df_bytes part); /* of a 2xx only */
    void (*done)(void *user, const kube_reply *reply);     /* once, unless it is cancelled */
    void *user;
    int64_t total_us, idle_us; /* 0: 30 s; -1: no limit. With `receive` the head of the reply has
                                  30 s */
    int unguarded;             /* kube_client_guard is not asked */
    const char *wrong;         /* the call makes no sense: it is answered DF_EINVAL and this text */
} kube_call;

/* DF_ENOMEM, DF_EINVAL and others with a text in err (KUBE_TEXT). */
int kube_client_new(const kube_access *access, const char *user_agent, kube_client **ret,
                    char *err);
void kube_client_free(kube_client *c);
kube_loop *kube_client_loop(kube_client *c);
/* The server's wall clock, by which it stamps objects: as its replies tell it, and between them by
 * the loop's clock, so that it does not matter when ours is set. Before the first reply: ours.
 * Microseconds since 1970. */
int64_t kube_client_wall_us(const kube_client *c);
/* Asks `may` before each request that is no GET: 0 answers it DF_EFENCED and nothing is sent. So no
 * code can forget that who does not lead does not write. NULL: everything may. */
void kube_client_guard(kube_client *c, int (*may)(void *user), void *user);
/* Starts a request. A failure to start is told by `done` in the next step of the loop. NULL: no
 * memory, `done` is not called. */
kube_request *kube_client_start(kube_client *c, const kube_call *call);
/* Ends it without `done`; NULL is fine. Not valid any more after `done`. */
void kube_client_cancel(kube_request *r);
/* Runs the loop until the reply is there. For programs without a loop of their own. */
void kube_client_do(kube_client *c, kube_call call, kube_reply *ret, df__buf *body);
/* Text of a member, borrowed from the object; "": there is none. */
const char *kube_text(json_object *object, const char *name);

#endif
