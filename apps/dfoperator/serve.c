/* SPDX-License-Identifier: Apache-2.0
 * serve.c: see serve.h. */
#include "dfoperator/serve.h"

#include <stdio.h>

#include "common/dispatch.h"
#include "common/process.h"

static op_operator_stats read_board(op_board *board)
{
    op_operator_stats stats;
    pthread_mutex_lock(&board->lock);
    stats = board->stats;
    pthread_mutex_unlock(&board->lock);
    return stats;
}

void op_board_write(op_board *board, const op_operator_stats *stats)
{
    pthread_mutex_lock(&board->lock);
    board->stats = *stats;
    pthread_mutex_unlock(&board->lock);
}

static void serve_health(void *user, app_reply *reply)
{
    (void)user;
    df__buf_str(&reply->body, "ok\n");
}

/* Leading is not asked for: every copy of the operator is ready to lead, and answers the webhook.
 */
static void serve_ready(void *user, app_reply *reply)
{
    int ready = read_board(user).synced;
    reply->status = ready ? 200 : 503;
    df__buf_str(&reply->body, ready ? "ready\n" : "not ready: the cluster is being read\n");
}

static void add(df__buf *out, const char *name, const char *type, const char *help,
                unsigned long long value)
{
    df__buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
                   value);
}

static void serve_metrics(void *user, app_reply *reply)
{
    op_operator_stats s = read_board(user);
    df__buf *out = &reply->body;
    reply->type = "text/plain; version=0.0.4; charset=utf-8";
    add(out, "dataflow_controller_leading", "gauge", "1: this operator leads.",
        (unsigned)s.leading);
    add(out, "dataflow_controller_flows", "gauge", "DataFlow objects.", s.flows);
    add(out, "dataflow_controller_crons", "gauge", "DataFlowCron objects.", s.crons);
    add(out, "dataflow_controller_reconcile_inflight", "gauge", "Flows in work.", s.queue.running);
    add(out, "dataflow_controller_reconcile_oldest_seconds", "gauge",
        "How long the oldest flow in work takes.",
        (unsigned long long)(s.queue.oldest_us / 1000000));
    add(out, "dataflow_controller_queue_depth", "gauge", "Flows that wait for work.",
        s.queue.depth);
    add(out, "dataflow_controller_reconciles_total", "counter", "Flows that were looked at.",
        s.queue.begun);
    add(out, "dataflow_controller_plans_total", "counter", "Plans that were done.", s.done);
    add(out, "dataflow_controller_plan_failures_total", "counter", "Plans that failed.", s.failed);
    app_process_metrics(out);
}

static const app_route metric_routes[] = {{"/metrics", serve_metrics}, {0}};
static const app_route probe_routes[] = {{"/healthz", serve_health}, {"/readyz", serve_ready}, {0}};

static int start(op_board *board, const char *address, const app_route *routes, app_http **ret)
{
    app_http_options options = {.address = address, .routes = routes, .user = board};
    char err[300];
    int rc;
    if (!*address)
        return EXIT_DONE;
    rc = app_http_start(&options, ret, err, sizeof err);
    if (rc == 0)
        return EXIT_DONE;
    fprintf(stderr, "dfoperator: %s\n", err);
    return rc == -2 ? EXIT_USAGE : EXIT_FAILED;
}

int op_board_start(op_board *board, const char *metrics, const char *probes)
{
    int rc;
    *board = (op_board){.lock = PTHREAD_MUTEX_INITIALIZER};
    rc = start(board, metrics, metric_routes, &board->metrics);
    return rc != EXIT_DONE ? rc : start(board, probes, probe_routes, &board->probes);
}

void op_board_stop(op_board *board)
{
    app_http_stop(board->metrics);
    app_http_stop(board->probes);
    pthread_mutex_destroy(&board->lock);
}
