/* SPDX-License-Identifier: Apache-2.0
 * serve.h: what the operator serves: probes, metrics, the webhook. The loop writes down how things
 * are, the servers' threads read it. */
#ifndef DFOPERATOR_SERVE_H
#define DFOPERATOR_SERVE_H

#include "common/http.h"
#include "dfoperator/work/operator.h"
#include "dfoperator/metrics/registry.h"
#include "dfoperator/metrics/scrape.h"
#include "dfoperator/webhook/trust.h"
#include "dfoperator/webhook/webhook.h"

/* Addresses; empty: nowhere. There is a webhook when its certificate is in a folder, or in a Secret
 * that the operator keeps; then service and configuration are names of objects of the cluster. */
typedef struct op_places {
    const char *metrics, *probes, *webhook;
    int64_t silence_s; /* nothing heard of a kind for so long: not ready */
    const char *folder;
    const char *secret, *space, *service, *configuration;
} op_places;

typedef struct op_board {
    op_places places; /* texts are borrowed */
    app_console *console;
    op_registry *registry;
    op_scrape *scrape; /* NULL: not attached yet */
    op_tls *tls;       /* NULL: there is no webhook */
    op_webhook *webhook;
    op_trust *trust;      /* NULL: the certificate is in a folder */
    char service[2][600]; /* its names */
    const char *names[3];
    app_http *metrics, *probes;
    op_operator *op;
    _Atomic int lacks; /* the cluster's definitions are older than the operator */
    kube_loop *loop;
    kube_timer timer;
    _Atomic int synced, leads;
    _Atomic int deaf;           /* the kind that nothing was heard of for long; OP_KINDS: none */
    _Atomic(op_scrape *) asked; /* the scrape, for the servers' threads */
} op_board;

/* EXIT_DONE, or an exit code with the reason printed. */
int op_board_start(op_board *board, const op_places *places, app_console *console);
/* From now on it tells of this operator, reads the metrics of its pods, and keeps the webhook's
 * certificate. -1: no memory. */
int op_board_attach(op_board *board, op_operator *op, kube_client *client);
/* When the loop has ended. */
void op_board_stop(op_board *board);

/* How looking at a flow ended. */
void op_board_ended(op_board *board, int rc, int64_t took_us);

#endif
