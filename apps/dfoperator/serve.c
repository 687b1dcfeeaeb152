/* SPDX-License-Identifier: Apache-2.0
 * serve.c: see serve.h. */
#include "dfoperator/serve.h"

#include <stdio.h>

#include "common/dispatch.h"
#include "dfoperator/metrics/pods.h"
#include "kube/moment.h"

enum { BOARD_US = 1000000 };

/* ---- what is written down -------------------------------------------------------------------- */

static void add_watches(const op_board *board, op_gauges *g)
{
    int64_t now = board->loop->now();
    for (op_kind k = 0; k < OP_KINDS; k++) {
        int64_t heard = op_cluster_stats(op_operator_cluster(board->op), k).heard_us;
        g->heard_age_us[k] = heard ? now - heard : -1;
    }
}

/* Every watch ends within 200 s and begins anew, which is heard of. */
static op_kind deaf_kind(const op_gauges *g, int64_t silence_s)
{
    op_kind k = 0;
    while (k < OP_KINDS && g->heard_age_us[k] < silence_s * 1000000)
        k++;
    return k;
}

static void add_webhook(const op_board *board, op_gauges *g)
{
    op_webhook_stats reviews;
    if (!board->webhook)
        return;
    reviews = op_webhook_stats_of(board->webhook);
    g->certificate_expires_s = op_tls_expires_s(board->tls);
    g->reviews[0] = reviews.allowed;
    g->reviews[1] = reviews.denied;
    g->reviews[2] = reviews.refused;
}

static void write_board(kube_timer *t)
{
    op_board *board = t->user;
    op_operator_stats s = op_operator_stats_of(board->op);
    op_gauges g = {.leads = s.leading,
                   .synced = s.synced,
                   .flows = s.flows,
                   .crons = s.crons,
                   .inflight = s.queue.running,
                   .depth = s.queue.depth,
                   .waiting = s.queue.waiting,
                   .oldest_us = s.queue.oldest_us};
    add_watches(board, &g);
    add_webhook(board, &g);
    for (int i = 0; i < OP_SCRAPE_FAILURES; i++)
        g.scrape_failures[i] = op_scrape_failed(board->scrape, (enum op_scrape_failure)i);
    op_registry_set(board->registry, &g);
    board->synced = s.synced;
    board->deaf = deaf_kind(&g, board->places.silence_s);
    board->leads = s.leading;
    kube_timer_set(board->loop, t, BOARD_US);
}

void op_board_ended(op_board *board, int rc, int64_t took_us)
{
    op_registry *r = board->registry;
    op_registry_reconciled(r,
                           rc == DF_OK         ? OP_SUCCEEDED
                           : rc == DF_ETIMEOUT ? OP_EXPIRED
                                               : OP_FAILED,
                           took_us);
    if (rc == DF_ETIMEOUT)
        op_registry_error(r, OP_STAGE_DEADLINE);
    else if (rc == DF_ENOMEM)
        op_registry_error(r, OP_STAGE_PLAN);
    else if (rc != DF_OK && rc != DF_EFENCED) /* that was somebody else's write before ours */
        op_registry_error(r, OP_STAGE_RESOURCES);
}

/* ---- what the scrape asks -------------------------------------------------------------------- */

static const kube_objects *pods(void *user)
{
    return op_cluster_objects(op_operator_cluster(((op_board *)user)->op), OP_POD);
}

static int target(void *user, const kube_object *pod, op_target *ret)
{
    (void)user;
    return op_pod_target(pod, ret);
}

static void changed(void *user, const char *flow)
{
    op_operator_look(((op_board *)user)->op, flow);
}

static void phases(void *user, df__buf *out)
{
    const op_cluster *cluster = op_operator_cluster(((op_board *)user)->op);
    op_registry_phases(op_cluster_objects(cluster, OP_FLOW), op_cluster_objects(cluster, OP_CRON),
                       out);
}

/* ---- servers --------------------------------------------------------------------------------- */

static void serve_health(void *user, app_reply *reply)
{
    (void)user;
    df__buf_str(&reply->body, "ok\n");
}

/* Leading is not asked for: every copy of the operator is ready to lead, and answers the webhook.
 */
static void serve_ready(void *user, app_reply *reply)
{
    const op_board *board = user;
    int deaf = board->deaf;
    const char *lacks = !board->synced ? "not ready: the cluster is being read\n"
                        : board->tls && op_tls_expires_s(board->tls) <= 0
                            ? "not ready: the webhook has no certificate yet\n"
                            : NULL;
    reply->status = lacks || deaf < OP_KINDS ? 503 : 200;
    if (!lacks && deaf < OP_KINDS)
        df__buf_printf(&reply->body, "not ready: nothing was heard of %s for %lld s\n",
                       op_kinds[deaf].kind, (long long)board->places.silence_s);
    else
        df__buf_str(&reply->body, lacks ? lacks : "ready\n");
}

/* Only who leads tells of pods and flows: another copy would tell the same again. Without an answer
 * of the loop there are the operator's own series, which show why. */
static void serve_metrics(void *user, app_reply *reply)
{
    op_board *board = user;
    op_scrape *scrape = board->asked;
    reply->type = "text/plain; version=0.0.4; charset=utf-8";
    op_registry_write(board->registry, &reply->body);
    if (scrape && board->leads)
        op_scrape_text(scrape, &reply->body);
}

/* What older definitions of flows lack is said and holds nothing up. */
static void serve_readiness(void *user, app_reply *reply)
{
    const op_board *board = user;
    serve_ready(user, reply);
    if (board->lacks)
        df__buf_str(&reply->body, "the cluster's definitions lack fields: the log names them\n");
}

static const app_route metric_routes[] = {{"/metrics", serve_metrics}, {0}};
static const app_route probe_routes[] = {
    {"/healthz", serve_health}, {"/readyz", serve_readiness}, {0}};

static int failed(int rc, const char *err)
{
    fprintf(stderr, "dfoperator: %s\n", err);
    return rc == -2 ? EXIT_USAGE : EXIT_FAILED;
}

static int start(op_board *board, const char *address, const app_route *routes, app_http **ret)
{
    app_http_options options = {.address = address, .routes = routes, .user = board};
    char err[300];
    int rc;
    if (!*address)
        return EXIT_DONE;
    rc = app_http_start(&options, ret, err, sizeof err);
    return rc == 0 ? EXIT_DONE : failed(rc, err);
}

static int start_webhook(op_board *board)
{
    char err[300] = "out of memory";
    int rc;
    if (!board->places.folder && !board->places.secret)
        return EXIT_DONE;
    board->tls =
        board->places.folder ? op_tls_files(board->places.folder, err, sizeof err) : op_tls_empty();
    if (!board->tls)
        return failed(-1, err);
    rc = op_webhook_start(board->places.webhook, board->tls, &board->webhook, err, sizeof err);
    return rc == 0 ? EXIT_DONE : failed(rc, err);
}

int op_board_start(op_board *board, const op_places *places, app_console *console)
{
    int rc;
    *board = (op_board){
        .places = *places, .console = console, .registry = op_registry_new(), .deaf = OP_KINDS};
    if (!board->registry)
        return failed(-1, "out of memory");
    rc = start(board, places->metrics, metric_routes, &board->metrics);
    rc = rc ? rc : start(board, places->probes, probe_routes, &board->probes);
    return rc ? rc : start_webhook(board);
}

/* ---- the webhook's own certificate ----------------------------------------------------------- */

static int leads(void *user)
{
    return ((op_board *)user)->leads;
}

static int64_t now_s(void *user)
{
    (void)user;
    return kube_wall_us() / 1000000;
}

static void told(void *user, int level, const char *text)
{
    app_console_log(((op_board *)user)->console, level, text);
}

static int keep_certificate(op_board *board, kube_client *client)
{
    static const char *const ends[] = {"svc", "svc.cluster.local"};
    const op_places *places = &board->places;
    if (!board->tls || places->folder)
        return 0;
    for (int i = 0; i < 2; i++) {
        snprintf(board->service[i], sizeof board->service[i], "%s.%s.%s", places->service,
                 places->space, ends[i]);
        board->names[i] = board->service[i];
    }
    board->trust = op_trust_new(&(op_trust_config){.client = client,
                                                   .tls = board->tls,
                                                   .space = places->space,
                                                   .secret = places->secret,
                                                   .configuration = places->configuration,
                                                   .names = board->names,
                                                   .leads = leads,
                                                   .told = told,
                                                   .now_s = now_s,
                                                   .user = board});
    return board->trust ? 0 : -1;
}

/* ---- life ------------------------------------------------------------------------------------ */

int op_board_attach(op_board *board, op_operator *op, kube_client *client)
{
    board->op = op;
    board->loop = kube_client_loop(client);
    board->scrape = op_scrape_new(&(op_scrape_config){.loop = board->loop,
                                                      .pods = pods,
                                                      .target = target,
                                                      .changed = changed,
                                                      .more = phases,
                                                      .user = board});
    if (!board->scrape)
        return -1;
    board->asked = board->scrape;
    board->timer = (kube_timer){.fire = write_board, .user = board};
    write_board(&board->timer);
    return keep_certificate(board, client);
}

void op_board_stop(op_board *board)
{
    if (board->scrape)
        op_scrape_close(board->scrape);
    app_http_stop(board->metrics);
    app_http_stop(board->probes);
    op_webhook_stop(board->webhook);
    op_trust_free(board->trust);
    op_tls_free(board->tls);
    if (board->loop)
        kube_timer_clear(&board->timer);
    op_scrape_free(board->scrape);
    op_registry_free(board->registry);
}
