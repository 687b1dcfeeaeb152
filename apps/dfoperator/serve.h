/* SPDX-License-Identifier: Apache-2.0
 * serve.h: what the operator serves: probes, metrics, the webhook. The loop writes down how things
 * are, the servers' threads read it. */
#ifndef DFOPERATOR_SERVE_H
#define DFOPERATOR_SERVE_H

#include "common/http.h"
#include "dfoperator/operator.h"
#include "dfoperator/registry.h"
#include "dfoperator/scrape.h"
#include "dfoperator/webhook.h"

typedef struct op_board {
    op_registry *registry;
    op_scrape *scrape; /* NULL: not attached yet */
    op_tls *tls;       /* NULL: there is no webhook */
    op_webhook *webhook;
    app_http *metrics, *probes;
    op_operator *op;
    kube_loop *loop;
    kube_timer timer;
    _Atomic int synced, leads;
    _Atomic(op_scrape *) asked; /* the scrape, for the servers' threads */
} op_board;

/* Addresses; empty: nowhere. */
typedef struct op_places {
    const char *metrics, *probes;
    const char *webhook, *certificates; /* certificates: a folder; NULL: no webhook */
} op_places;

/* EXIT_DONE, or an exit code with the reason printed. */
int op_board_start(op_board *board, const op_places *places);
/* From now on it tells of this operator and reads the metrics of its pods. -1: no memory. */
int op_board_attach(op_board *board, op_operator *op, kube_loop *loop);
/* When the loop has ended. */
void op_board_stop(op_board *board);

/* How looking at a flow ended. */
void op_board_ended(op_board *board, int rc, int64_t took_us);

#endif
