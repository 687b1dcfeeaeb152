/* SPDX-License-Identifier: Apache-2.0
 * serve.h: the operator's probes and metrics. The loop writes down how things are, the servers'
 * threads read it. */
#ifndef DFOPERATOR_SERVE_H
#define DFOPERATOR_SERVE_H

#include <pthread.h>

#include "common/http.h"
#include "dfoperator/operator.h"

typedef struct op_board {
    pthread_mutex_t lock;
    op_operator_stats stats;
    app_http *metrics, *probes;
} op_board;

/* EXIT_DONE, or an exit code with the reason printed. An empty address: nowhere. */
int op_board_start(op_board *board, const char *metrics, const char *probes);
void op_board_stop(op_board *board);
void op_board_write(op_board *board, const op_operator_stats *stats);

#endif
