/* SPDX-License-Identifier: Apache-2.0
 * seat.h: the place of one pod of a Deployment: its process, its port, its back-off, and how it is
 * shown as a Pod. */
#ifndef DFOPERATOR_SEAT_H
#define DFOPERATOR_SEAT_H

#include "dfoperator/local/process.h"
#include "net/http.h"
#include "util/sha256.h"

#include <json-c/json.h>

typedef struct op_seat op_seat;
struct op_seat {
    op_seat *next;
    void *of; /* for who owns it */
    int index;
    op_process *process;       /* NULL: it is empty */
    char made[DF__SHA256_HEX]; /* the hash of the template of the process */
    char pod[100], space[64];  /* names */
    int port, reserve;         /* of its status page; the socket that keeps the port */
    int ready, stopping;
    int64_t begun_us, pause_us; /* pause: before the next start */
    int restarts, has_ended, code;
    int is_over; /* of a Job: it is not started again */
    char last[OP_PROCESS_LINE];
    kube_timer timer; /* the end of a pause, or of the patience with one that stops */
    kube_timer probe;
    df__http_request *asked;
};

/* A port of the loopback interface that nobody else gets while the socket is open. -1: errno. */
int op_seat_reserve(op_seat *seat);
/* As it would be in the cluster. NULL: no memory. */
json_object *op_seat_show(const op_seat *seat, json_object *template);
/* How long to wait before the next start, after a run of so long. */
int64_t op_seat_pause(int64_t last_us, int64_t ran_us);

#endif
