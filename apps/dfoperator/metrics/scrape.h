/* SPDX-License-Identifier: Apache-2.0
 * scrape.h: reads the metrics of all running pods, 16 at a time, 8 s in all: every 15 s for the
 * figures of their flows, and when somebody asks for them as one text. A pod that hangs, says what
 * is no Prometheus text, or says more than 2 MiB, costs its own two seconds and is counted.
 *
 * It lives on the loop. Figures are sums over the pods of a flow; one that did not answer counts
 * with what it said last. What is kept of a pod between two rounds is a few numbers. */
#ifndef DFOPERATOR_SCRAPE_H
#define DFOPERATOR_SCRAPE_H

#include "dfoperator/plan/plan.h"
#include "kube/loop.h"
#include "kube/objects.h"
#include "util/buf.h"

typedef struct op_scrape op_scrape;

typedef struct op_target {
    char flow[600];             /* key of its flow: "DataFlow/namespace/name" */
    char space[254], name[254]; /* of the flow */
    char pod[254];
    char url[300];
} op_target;

typedef struct op_scrape_config {
    kube_loop *loop;
    /* The pods that there are now, by "namespace/name". */
    const kube_objects *(*pods)(void *user);
    /* Whose pod it is and where it is asked. 0, or -1: it is not asked, since it does not run. */
    int (*target)(void *user, const kube_object *pod, op_target *ret);
    /* A figure of a flow is not what it was. NULL: nobody wants to know. */
    void (*changed)(void *user, const char *flow);
    /* What stands before the pods' text, as far as only the loop knows it. NULL: nothing. */
    void (*more)(void *user, df__buf *out);
    void *user;
    int64_t every_us;         /* 0: 15 s; -1: never by itself */
    int64_t pod_us, round_us; /* 0: 2 s, 8 s */
} op_scrape_config;

enum op_scrape_failure {
    OP_SCRAPE_UNREACHABLE, /* no connection, or another status than 200 */
    OP_SCRAPE_TIMEOUT,
    OP_SCRAPE_TOO_LARGE,
    OP_SCRAPE_MALFORMED,
    OP_SCRAPE_NO_TIME, /* the round ended before its turn */
    OP_SCRAPE_FAILURES
};
extern const char *const op_scrape_failures[OP_SCRAPE_FAILURES + 1];

/* NULL: no memory. Takes the loop's place for a second client. */
op_scrape *op_scrape_new(const op_scrape_config *config);
/* From now on op_scrape_text answers at once; those that wait are answered. Any thread. */
void op_scrape_close(op_scrape *s);
/* When the loop has ended. */
void op_scrape_free(op_scrape *s);

/* What the pods of a flow said. Members are -1 where no pod, or not every pod that must, said it.
 */
void op_scrape_figures(const op_scrape *s, const char *flow, op_figures *ret);
/* Appends the joined metrics of all pods. On any thread but the loop's; waits for the loop. Callers
 * at the same time share one round. 0, or -1: out of memory, closed, or no answer in time. */
int op_scrape_text(op_scrape *s, df__buf *out);
/* Any thread. */
uint64_t op_scrape_failed(const op_scrape *s, enum op_scrape_failure why);

#endif
