/* SPDX-License-Identifier: Apache-2.0
 * commands.c: the table of dfoperator's commands and options. Parsing, help, man page and
 * completion are made from it. */
#include "dfoperator/dfoperator.h"

static const app_option run_options[] = {
    {"kubeconfig", 0, "FILES", "file",
     "How to reach the cluster ($KUBECONFIG, else ~/.kube/config; in a pod: its ServiceAccount)."},
    {"context", 0, "NAME", NULL, "Context of the kubeconfig (its current one)."},
    {"namespace", 0, "NS", NULL, "Looks after the flows of this namespace only (all)."},
    {"local", 0, NULL, NULL,
     "Runs each DataFlow, and each run of a DataFlowCron, as a dfproc process of this machine, "
     "without pods: to develop."},
    {"dfproc", 0, "FILE", "file",
     "With --local: that program (dfproc beside this one, or in PATH)."},
    {"metrics-bind-address", 0, "ADDRESS", NULL, "Where metrics are served (:9090)."},
    {"health-probe-bind-address", 0, "ADDRESS", NULL, "Where probes are served (:9091)."},
    {"webhook-bind-address", 0, "ADDRESS", NULL,
     "Where the API server asks about flows, with a certificate (:9443)."},
    {"log-file", 0, "FILE", "file",
     "Adds log lines to this file instead of standard error; SIGHUP opens it again."},
    {"log-level", 0, "LEVEL", "debug info warn error",
     "What to log: debug, info, warn or error (info)."},
    {"log-format", 0, "FORMAT", "auto text json",
     "text, json, or auto: text on a terminal, JSON lines elsewhere."},
    APP_ZAP_OPTIONS,
    {0}};

static const app_command commands[] = {
    {"run", "Runs the operator.", "", NULL,
     "Looks after the DataFlow and DataFlowCron objects of a cluster until it is stopped.",
     run_options, 0, 0, dfoperator_run},
    {"help", "Explains a command.", "[COMMAND]", "@commands", NULL, app_help_options, 0, 1,
     app_help},
    {0}};

static const app_pair exits[] = {
    {"0", "Stopped as asked."}, {"1", "Failed."}, {"2", "The command line makes no sense."}, {0}};

static const app_pair environment[] = {
    {"LOG_LEVEL", "What to log when --log-level does not say it."},
    {"PROCESSOR_IMAGE", "Image of the pods when a flow does not name one."},
    {"PROCESSOR_LOG_LEVEL", "What the pods log (info)."},
    {"PROCESSOR_PROGRESS_TIMEOUT_SECONDS",
     "A pod that moves nothing for so long is restarted (3600; 0 or less: never)."},
    {"OPERATOR_NAMESPACE", "Namespace of the Lease of the election (the pod's own)."},
    {"WEBHOOK_CERT_DIR",
     "Folder of tls.crt and tls.key: the webhook is served with them (no webhook)."},
    {"WEBHOOK_SECRET",
     "Or: name of a Secret in which the operator keeps a certificate of its own for it."},
    {"WEBHOOK_SERVICE", "With WEBHOOK_SECRET: name of the Service of the webhook."},
    {"WEBHOOK_CONFIGURATION", "With WEBHOOK_SECRET: name of the ValidatingWebhookConfiguration."},
    {"RECONCILE_TIMEOUT_SECONDS", "Longest time for one flow in one go (180)."},
    {"RECONCILE_PENDING_REQUEUE_SECONDS",
     "A flow whose pods start is looked at again after so long, if nothing happens before (20)."},
    {"STEP_START_TIMEOUT_SECONDS",
     "A step of a DataFlowCron's run whose container has not begun after so long fails, when the "
     "object has no activeDeadlineSeconds (600; 0: never)."},
    {"WATCH_SILENCE_SECONDS",
     "/readyz says no when nothing was heard of a kind of objects for so long (600; at least 240: "
     "a quiet watch may be heard of only when it ends)."},
    {"SECRETS_OF_OTHER_NAMESPACES", "true: flows may name Secrets of other namespaces that allow "
                                    "it; it then gets such Secrets, and "
                                    "keeps copies of them beside the flow (false)."},
    {"SECRETS_REFRESH_SECONDS", "How often such Secrets and their copies are read again (30)."},
    {"WATCH_SECRETS", "true or false, for the sake of settings that have it: no Secret is ever "
                      "watched, pods see by themselves when theirs changes."},
    {"OPERATOR_DEPLOYMENT_NAME", "Has no effect: an operator whose Deployment changes is started "
                                 "anew, and looks at all flows then."},
    {"MAX_CONCURRENT_RECONCILES", "How many flows are in work at once (8)."},
    {0}};

const app_program dfoperator_program = {
    .name = "dfoperator",
    .version = DF_PROGRAM_VERSION,
    .date = "2026-11-29",
    .section = "8",
    .summary = "runs DataFlow and DataFlowCron objects in a Kubernetes cluster",
    .doc = "dfoperator looks after the objects DataFlow and DataFlowCron of a cluster: it makes "
           "the pods that move the data, and says in the objects' status how they are. It moves no "
           "data itself; pods go on when it is away.",
    .commands = commands,
    .exits = exits,
    .environment = environment};
