/* SPDX-License-Identifier: Apache-2.0
 * run.c: the command run: everything of the operator is made here, and ends here. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/signals.h"
#include "dfoperator/dfoperator.h"
#include "dfoperator/options.h"
#include "dfoperator/serve.h"
#include "dfoperator/cluster/served.h"
#include "dfoperator/local/node.h"
#include "kube/events.h"
#include "kube/lease.h"

typedef struct op_run {
    const app_args *args;
    app_console console;
    kube_access access;
    op_settings settings;
    op_texts texts;
    df_env *env;
    kube_client *client;
    kube_events *events;
    kube_lease *lease;
    op_operator *op;
    op_node *node; /* --local; else NULL */
    op_here here;
    _Atomic int stops; /* how often it was asked to */
    int ended;
    op_served *served;
    op_board board;
} op_run;

static int fail(const char *text)
{
    fprintf(stderr, "dfoperator: %s\n", text);
    return EXIT_FAILED;
}

static void stop(void *user, int count)
{
    op_run *run = user;
    if (count > 2)
        _exit(EXIT_FAILED);
    run->stops = count;
    kube_loop_stop(kube_client_loop(run->client));
}

/* ---- who leads ------------------------------------------------------------------------------- */

static void on_started(void *user)
{
    op_run *run = user;
    app_console_logf(&run->console, DF_LOG_INFO, "%s leads", run->settings.identity);
    op_operator_lead(run->op, 1);
}

static void on_stopped(void *user, const char *why)
{
    op_run *run = user;
    app_console_logf(&run->console, DF_LOG_WARN, "leads no more: %s", why);
    op_operator_lead(run->op, 0);
    if (run->node)
        op_node_stop(run->node, NULL, NULL);
}

static void on_waiting(void *user, const char *why)
{
    op_run *run = user;
    app_console_logf(&run->console, DF_LOG_INFO, "waits to lead: %s", why);
}

static int may_write(void *user)
{
    op_run *run = user;
    return kube_lease_held(run->lease);
}

static void on_released(void *user)
{
    op_run *run = user;
    kube_loop_stop(kube_client_loop(run->client));
}

static void on_processes_ended(void *user)
{
    op_run *run = user;
    run->ended = 1;
    kube_loop_stop(kube_client_loop(run->client));
}

/* Processes drain; asked to stop again, they are ended by force. */
static void end_processes(op_run *run)
{
    if (!run->node)
        return;
    app_console_logf(&run->console, DF_LOG_INFO, "waiting for the flows to deliver what they read");
    op_node_stop(run->node, on_processes_ended, run);
    while (!run->ended) {
        kube_loop_run(kube_client_loop(run->client));
        if (run->stops > 1)
            op_node_kill(run->node);
    }
}

/* Another copy of the operator need not wait for the lease to lapse. */
static void give_back(op_run *run)
{
    op_operator_lead(run->op, 0);
    end_processes(run);
    kube_lease_release(run->lease, on_released);
    kube_loop_run(kube_client_loop(run->client));
}

static void tell(void *user, json_object *flow, int warning, const char *reason, const char *note)
{
    op_run *run = user;
    json_object *meta = NULL;
    json_object_object_get_ex(flow, "metadata", &meta);
    kube_events_tell(run->events, &(kube_event){.api_version = kube_text(flow, "apiVersion"),
                                                .kind = kube_text(flow, "kind"),
                                                .space = kube_text(meta, "namespace"),
                                                .name = kube_text(meta, "name"),
                                                .uid = kube_text(meta, "uid"),
                                                .warning = warning,
                                                .reason = reason,
                                                .action = "Reconcile",
                                                .note = note});
}

static void figures(void *user, const char *key, op_figures *ret)
{
    op_run *run = user;
    op_scrape_figures(run->board.scrape, key, ret);
}

static void ended(void *user, int rc, int64_t took_us)
{
    op_run *run = user;
    op_board_ended(&run->board, rc, took_us);
}

static void told(void *user, int level, const char *text)
{
    op_run *run = user;
    app_console_log(&run->console, level, text);
}

static void lacks(void *user, int lacks)
{
    op_run *run = user;
    run->board.lacks = lacks;
}

/* ---- what runs here -------------------------------------------------------------------------- */

static void act_here(void *user, json_object *flow, const op_action *action)
{
    op_node_act(((op_run *)user)->node, flow, action);
}

static void look_here(void *user, const op_key *key, json_object *flow)
{
    op_node_look(((op_run *)user)->node, key, flow);
}

static int is_local(const op_run *run)
{
    return app_args_value(run->args, "local") != NULL;
}

static int make_node(op_run *run)
{
    char err[300];
    if (!is_local(run))
        return EXIT_DONE;
    run->node = op_node_new(&(op_node_config){.client = run->client,
                                              .cluster = op_operator_cluster(run->op),
                                              .console = &run->console,
                                              .named = {app_args_value(run->args, "kubeconfig"),
                                                        app_args_value(run->args, "context"),
                                                        app_args_value(run->args, "dfproc")}},
                            err);
    return run->node ? EXIT_DONE : fail(err);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void nothing(void *user)
{
    (void)user;
}

static int open_log(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

/* After a rotation the file is another one; what cannot be opened leaves the old one. */
static void reload(void *user)
{
    op_run *run = user;
    const char *path = app_args_value(run->args, "log-file");
    int fd = path ? open_log(path) : -1;
    if (fd < 0)
        return;
    dup2(fd, run->console.fd);
    close(fd);
}

static const char *address_of(const app_http *server)
{
    return server ? app_http_address(server) : "no address";
}

static void work(op_run *run)
{
    app_signals *signals = app_signals_start(
        &(app_signal_calls){.stop = stop, .reload = reload, .status = nothing, .user = run});
    app_console_logf(&run->console, DF_LOG_INFO, "dfoperator %s at %s", DF_PROGRAM_VERSION,
                     run->access.server);
    app_console_logf(&run->console, DF_LOG_INFO, "metrics at %s, probes at %s",
                     address_of(run->board.metrics), address_of(run->board.probes));
    if (run->board.webhook)
        app_console_logf(&run->console, DF_LOG_INFO, "webhook at %s",
                         op_webhook_address(run->board.webhook));
    kube_loop_run(kube_client_loop(run->client));
    give_back(run);
    app_signals_end(signals);
    app_console_logf(&run->console, DF_LOG_INFO, "stopped");
}

static int make(op_run *run)
{
    char err[KUBE_TEXT];
    df_env_options options = DF_ENV_OPTIONS_INIT;
    options.log = app_console_log;
    options.user = &run->console;
    run->settings.env = run->env = df_env_new(&options);
    if (!run->env)
        return fail("out of memory");
    if (kube_client_new(&run->access, "dfoperator/" DF_PROGRAM_VERSION, &run->client, err) != DF_OK)
        return fail(err);
    run->here = (op_here){act_here, look_here, run};
    run->events = kube_events_new(run->client, "dataflow-controller", run->settings.identity);
    run->op = op_operator_new(&(op_operator_config){.client = run->client,
                                                    .settings = &run->settings,
                                                    .console = &run->console,
                                                    .tell = tell,
                                                    .figures = figures,
                                                    .ended = ended,
                                                    .here = is_local(run) ? &run->here : NULL,
                                                    .user = run});
    run->lease =
        kube_lease_new(run->client, &(kube_lease_config){.space = run->settings.own_namespace,
                                                         .name = "dataflow-operator.dataflow.io",
                                                         .identity = run->settings.identity,
                                                         .started = on_started,
                                                         .stopped = on_stopped,
                                                         .waiting = on_waiting,
                                                         .user = run});
    run->served = op_served_new(&(op_served_config){
        .client = run->client, .env = run->env, .told = told, .lacks = lacks, .user = run});
    if (!run->events || !run->op || !run->lease || !run->served ||
        op_board_attach(&run->board, run->op, run->client) < 0)
        return fail("out of memory");
    kube_client_guard(run->client, may_write, run);
    return make_node(run);
}

static const char *value_or(const app_args *args, const char *name, const char *otherwise)
{
    const char *value = app_args_value(args, name);
    return value ? value : otherwise;
}

static int run_operator(op_run *run)
{
    const app_args *args = run->args;
    char err[KUBE_TEXT];
    int rc;
    if (app_args_value(args, "context") || app_args_value(args, "kubeconfig"))
        rc = kube_access_from_files(app_args_value(args, "kubeconfig"),
                                    app_args_value(args, "context"), &run->access, err);
    else
        rc = kube_access_find(NULL, NULL, &run->access, err);
    if (rc != DF_OK)
        return fail(err);
    rc = op_settings_read(args, run->access.namespace_, &run->settings, &run->texts);
    if (rc != EXIT_DONE)
        return rc;
    run->texts.places.metrics = value_or(args, "metrics-bind-address", ":9090");
    run->texts.places.probes = value_or(args, "health-probe-bind-address", ":9091");
    run->texts.places.webhook = value_or(args, "webhook-bind-address", ":9443");
    rc = op_board_start(&run->board, &run->texts.places, &run->console);
    rc = rc ? rc : make(run);
    if (rc == EXIT_DONE)
        work(run);
    op_node_free(run->node);
    op_board_stop(&run->board);
    return rc;
}

int dfoperator_run(const app_args *args)
{
    op_run run = {.args = args};
    const char *path = app_args_value(args, "log-file");
    int level, format, rc = app_log_options(args, &level, &format);
    int fd = path ? open_log(path) : STDERR_FILENO;
    if (rc != EXIT_DONE)
        return rc;
    if (fd < 0) {
        fprintf(stderr, "dfoperator: --log-file %s: %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    app_signals_block();
    app_console_init(&run.console, fd, level, format);
    rc = run_operator(&run);
    op_served_free(run.served);
    op_operator_free(run.op);
    kube_lease_free(run.lease);
    kube_events_free(run.events);
    if (!run.client)
        kube_access_free(&run.access); /* else it is the client's */
    kube_client_free(run.client);
    df_env_free(run.env);
    if (path)
        close(fd);
    return rc;
}
