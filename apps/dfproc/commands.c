/* SPDX-License-Identifier: Apache-2.0
 * commands.c: the table of dfproc's commands and options. Parsing, help, man page and completion
 * are made from it. */
#include "dfproc/dfproc.h"

#define LEVELS "debug info warn error"
#define LOG_OPTIONS                                                                                \
    {"log-level", 0, "LEVEL", LEVELS, "What to log: debug, info, warn or error (info)."},          \
    {                                                                                              \
        "log-format", 0, "FORMAT", "auto text json",                                               \
            "text, json, or auto: text on a terminal, JSON lines elsewhere."                       \
    }

#define SET_OPTION                                                                                 \
    {                                                                                              \
        "set", 0, "PATH=VALUE...", NULL,                                                           \
            "Puts a value in place of the manifest's, as in --set sink.config.table=orders or "    \
            "'transformations[0].config={fields: [a]}'. One that begins with {, [ or a quote is "  \
            "YAML. May be given several times."                                                    \
    }
#define ENV_FILE_OPTION                                                                            \
    {                                                                                              \
        "env-file", 0, "FILE", "file",                                                             \
            "Lines of NAME=VALUE for ${env:NAME}; the environment comes first. Read once."         \
    }

#define LIMIT_OPTIONS                                                                              \
    {"files", 0, "DIR", "dir",                                                                     \
     "The manifest may name files in this folder only: of ${file:...}, of connectors."},           \
        {"env-prefix", 0, "PREFIX", NULL, "${env:...} may name variables with this prefix only."}, \
    {                                                                                              \
        "show-values", 0, NULL, NULL,                                                              \
            "Values of records in messages too, not only names, types and places."                 \
    }

/* Of commands that read one flow and run it not. */
#define FLOW_OPTIONS                                                                               \
    SET_OPTION, ENV_FILE_OPTION,                                                                   \
        {"secrets-dir", 0, "DIR", "dir", "Folder with Secrets as files, DIR/NAME/KEY."},           \
        {"secrets-from-file", 0, NULL, NULL,                                                       \
         "Secrets of the manifest's own file give their values."},                                 \
        {"name", 0, "NAME", NULL,                                                                  \
         "Which flow, when the file has several: NAME or NAMESPACE/NAME."},                        \
        LIMIT_OPTIONS

static const app_option run_options[] = {
    SET_OPTION,
    ENV_FILE_OPTION,
    {"until-exhausted", 'u', NULL, NULL,
     "Ends when everything that exists now has been read and delivered."},
    {"from-start", 0, NULL, NULL, "Forgets the stored read positions and reads from the start."},
    {"limit", 'l', "N", NULL, "Ends after N records."},
    {"metrics-port", 0, "ADDRESS", NULL,
     "Serves metrics, probes and a status page: :9090 (all interfaces), HOST:PORT, or PORT "
     "(loopback)."},
    {"state-dir", 0, "DIR", "dir",
     "Where read positions are kept when neither a sink nor the source's own system holds them "
     "($XDG_STATE_HOME/dataflow, else ~/.local/state/dataflow)."},
    {"work-dir", 0, "DIR", "dir",
     "Folder for temporary files, which have no names there ($TMPDIR, else /var/tmp, else /tmp)."},
    {"secrets-dir", 0, "DIR", "dir", "Folder with Secrets as files, DIR/NAME/KEY."},
    {"secrets-from-file", 0, NULL, NULL, "Secrets of the manifest's own file give their values."},
    {"name", 0, "NAME", NULL, "Which flow, when the file has several: NAME or NAMESPACE/NAME."},
    {"no-progress", 0, NULL, NULL, "Draws no progress line."},
    {"core-dumps", 0, NULL, NULL, "Lets the kernel write core dumps, which have secrets in them."},
    LIMIT_OPTIONS,
    LOG_OPTIONS,
    {0}};

static const app_option pod_options[] = {
    {"spec-path", 0, "FILE", "file", "The spec (/etc/dataflow/spec.json)."},
    {"namespace", 0, "NS", NULL, "Namespace of the flow."},
    {"name", 0, "NAME", NULL, "Name of the flow."},
    {"metrics-port", 0, "ADDRESS", NULL,
     "Where to serve metrics and probes (:9090); empty: nowhere."},
    {"until-exhausted", 0, NULL, NULL,
     "Ends when everything that exists now has been delivered; with exit code 75 when it is "
     "stopped before that."},
    {"checkpoint", 0, "PLACE", "kubernetes none",
     "Where read positions are kept: kubernetes (in a pod without --state-dir), the ConfigMap "
     "df-NAME-checkpoint or kubernetes:MAP, which must be there; none, in memory. With kubernetes "
     "a source that has one reader is read by the holder of a Lease only."},
    {"state-dir", 0, "DIR", "dir", "Keeps them in a folder."},
    {"work-dir", 0, "DIR", "dir",
     "Folder for temporary files, which have no names there ($TMPDIR, else /var/tmp, else /tmp)."},
    {"lease", 0, "LEASE", NULL, "Name of that Lease (df-NAME)."},
    {"uid", 0, "UID", NULL, "uid of the flow: what belongs to another one is not touched."},
    {"kind", 0, "KIND", "DataFlow DataFlowCron",
     "What the flow is (DataFlow): the Lease goes with the object of this kind, name and uid."},
    {"reset", 0, "NUMBER", NULL,
     "With checkpointReset: true in the spec: positions in the cluster are forgotten once for each "
     "number (without it: at each start)."},
    {"kubeconfig", 0, "FILE", "file", "How the cluster is reached ($KUBECONFIG, else as a pod)."},
    {"termination-log", 0, "FILE", "file",
     "Where to write why it ended, for the kubelet (/dev/termination-log, if that is there)."},
    {"secrets-dir", 0, "DIR", "dir", "Folder with Secrets as files (/etc/dataflow/secrets)."},
    {"core-dumps", 0, NULL, NULL, "Lets the kernel write core dumps, which have secrets in them."},
    LIMIT_OPTIONS,
    LOG_OPTIONS,
    APP_ZAP_OPTIONS,
    {0}};

static const app_option validate_options[] = {
    {"json", 0, NULL, NULL,
     "Prints one JSON object: {ok, flows: [{file, name, ok}], problems: [{severity, file, line, "
     "column, path, text, hint}]}; with --connect a flow has stages: [{stage, role, type, result, "
     "reason, text}] too."},
    {"connect", 'c', NULL, NULL,
     "Connects each source and sink as well, looks whether what it names is there and may be used, "
     "and changes nothing; at most 10 seconds for each."},
    FLOW_OPTIONS,
    {0}};

static const app_option explain_options[] = {
    {"json", 0, NULL, NULL, "Prints the plan as JSON."},
    SET_OPTION,
    {"name", 0, "NAME", NULL, "Which flow, when the file has several: NAME or NAMESPACE/NAME."},
    {0}};

static const app_option preview_options[] = {
    {"number", 'n', "N", NULL, "How many records to read (10)."},
    {"json", 0, NULL, NULL, "Prints one JSON object for each record."},
    FLOW_OPTIONS,
    {"colour", 0, "WHEN", "auto always never", "Colours: auto, always or never."},
    {0}};

static const app_option test_options[] = {
    {"junit", 0, "FILE", "file", "Writes the results as JUnit XML too."},
    {"colour", 0, "WHEN", "auto always never", "Colours: auto, always or never."},
    {0}};

static const app_option list_options[] = {
    {"json", 0, NULL, NULL, "Prints the description as JSON."},
    {"words", 0, "ROLE", NULL, NULL}, /* hidden: for completion */
    {0}};

static const app_option words_options[] = {
    {"json", 0, NULL, NULL, "Prints the description as JSON."},
    {"keyword", 'k', "WORD", NULL,
     "Only those that have to do with the word: in name, sentence or options, or what others call "
     "them (rename, delete, join)."},
    {"words", 0, NULL, NULL, NULL},
    {0}};

static const app_option fmt_options[] = {
    {"write", 'w', NULL, NULL, "Changes the file in place."},
    {"check", 0, NULL, NULL, "Prints nothing; ends with 1 when the file would change."},
    {0}};

static const app_option checkpoint_options[] = {
    {"namespace", 0, "NS", NULL, "Namespace of the flow in a cluster."},
    {"name", 0, "NAME", NULL, "Its name there; with FILE: which flow of the file."},
    {"kubeconfig", 0, "FILE", "file", "How the cluster is reached ($KUBECONFIG, else as a pod)."},
    {"map", 0, "MAP", NULL, "The ConfigMap (df-NAME-checkpoint)."},
    {"state-dir", 0, "DIR", "dir", "With FILE: the folder, as for run."},
    {0}};

static const app_option offsets_options[] = {
    {"to", 0, "WHERE...", NULL,
     "With reset: earliest, latest, or a time (2026-11-29T12:00:00Z: the first record of then or "
     "later); PARTITION=WHERE for one partition alone, where an offset is possible too (3=1200; of "
     "several topics orders/3=1200). May be given several times, with one time at most."},
    {"apply", 0, NULL, NULL, "With reset: stores them; without it they are only shown."},
    {"json", 0, NULL, NULL, "Prints one JSON object."},
    FLOW_OPTIONS,
    {0}};

static const app_option replay_options[] = {
    {"apply", 0, NULL, NULL, "Replays them; without it they are only shown."},
    {"stage", 0, "STAGE...", NULL,
     "Only those of this stage: read, transform, route or write, or its name (\"0 cast\")."},
    {"reason", 0, "WORD...", NULL, "Only those refused for this reason (invalid_data)."},
    {"partition", 0, "NAME...", NULL, "Only those out of this partition of the source (orders/3)."},
    {"since", 0, "TIME", NULL, "Only those refused then or later (2026-11-29T12:00:00Z)."},
    {"until", 0, "TIME", NULL, "Only those refused before."},
    {"limit", 'l', "N", NULL, "N records at most."},
    {"changed", 0, NULL, NULL,
     "Also those that were values and no bytes, and that transformations have changed already."},
    {"group", 0, "GROUP", NULL, "Consumer group to read a Kafka error sink with (NAME-replay)."},
    {"state-dir", 0, "DIR", "dir", "Where it is kept what was replayed, as for run."},
    {"json", 0, NULL, NULL, "Prints one JSON object."},
    FLOW_OPTIONS,
    {0}};

static const app_option snapshot_options[] = {
    {"table", 't', "TABLE...", NULL,
     "Which table, as `tables` of the source names it. May be given several times."},
    FLOW_OPTIONS,
    {0}};

static const app_option slot_options[] = {FLOW_OPTIONS, {0}};

static const app_option iceberg_options[] = {
    {"older-than", 0, "TIME", NULL,
     "orphans: only files that are older (72h): younger ones may belong to a commit that goes on. "
     "expire: only snapshots that are older (120h)."},
    {"keep", 0, "N", NULL, "expire: as many of each branch stay in any case (1), the newest."},
    {"apply", 0, NULL, NULL, "expire: does it. Without it nothing is changed."},
    {"json", 0, NULL, NULL,
     "Prints a JSON object for each: {name, bytes, time} of a file, {snapshot, time}."},
    FLOW_OPTIONS,
    {0}};

static const app_command commands[] = {
    {"run", "Runs a flow.", "FILE", "file",
     "Runs the manifest (- is standard input) until it is stopped, or until its source ends; a "
     "DataFlowCron until "
     "everything that exists now is delivered. SIGTERM or SIGINT (Ctrl-C) "
     "delivers what was read, saves and ends; a second one ends at once, and what was not "
     "delivered "
     "is read again next time. SIGHUP reads the secrets again. SIGUSR1 writes a line for the flow "
     "and one for each stage to standard error. On a terminal a line shows records, "
     "rate, lag, errors and memory; elsewhere log lines are JSON. In a manifest `path: \"-\"` of "
     "stdio is standard input or output too.",
     run_options, 1, 1, dfproc_run},
    {"validate", "Checks manifests; with --connect their servers too.", "FILE...", "file",
     "Prints every problem with line and column. Without --connect nothing is connected; with it a "
     "line for each source and sink says what was found, or why it would fail: with the words of a "
     "run, and with code 1. No group is joined, no table or file is made. Unknown fields are "
     "errors. Each DataFlow of a "
     "file of several documents is checked; other kinds are left out with a note. The file - is "
     "standard input, as in all commands that read a file.",
     validate_options, 1, -1, dfproc_validate},
    {"explain", "Shows the plan of a flow and what it guarantees.", "FILE", "file",
     "Prints the stages, the delivery guarantee of this pair of source and sink and why it is so, "
     "how many records may come twice after a crash, and the memory budget. Connects to nothing.",
     explain_options, 1, 1, dfproc_explain},
    {"preview", "Runs a few records and shows what each stage does.", "FILE", "file",
     "Reads from the real source, shows each record before and after each transformation, why one "
     "is refused, and which sink gets it. Nothing is written, nothing is committed.",
     preview_options, 1, 1, dfproc_preview},
    {"test", "Runs a flow on the cases of a file, without any server.", "FILE...", "file",
     "A case file is YAML or JSON: {manifest: FILE, flow: NAME, cases: [{name, input: "
     "[{payload, key, headers, metadata}], expect: {SINK: [PAYLOAD, ...]}, partial, now, "
     "error}]}. SINK is the name of a sink as `explain` prints it: sink, errors, \"1 "
     "router/0\". A payload written as text is compared byte for byte, any other as JSON, "
     "where the order of members does not matter. `partial: true`: members and sinks that are "
     "not named do not matter. `now` freezes the clock. `error`: the run must fail with this "
     "text. Other members are errors. Files of vectors ({transform: NAME, cases}) run too. "
     "`flow` chooses one of several in a manifest. Prints TAP.",
     test_options, 1, -1, dfproc_test},
    {"connectors", "Lists connectors, or the options of one.", "[NAME]", "@connectors", NULL,
     list_options, 0, 1, dfproc_connectors},
    {"transforms", "Lists transformations, or the options of one.", "[NAME]", "@transforms", NULL,
     words_options, 0, 1, dfproc_transforms},
    {"init", "Writes a commented manifest to start from.", "[SOURCE] [SINK]", "@sources @sinks",
     "Prints a manifest that validates (stdio to stdio without arguments). Options that need no "
     "value are there as comments, with their default.",
     NULL, 0, 2, dfproc_init},
    {"fmt", "Rewrites a manifest of the old layout into the new one.", "FILE", "file",
     "The old layout has source.kafka: {...}, the new one source.config: {...}. Comments and order "
     "stay.",
     fmt_options, 1, 1, dfproc_fmt},
    {"checkpoint", "Shows the stored positions of a flow, or forgets them.", "show|reset [FILE]",
     "show reset",
     "With FILE: those that `run` keeps in a folder. With --namespace and --name: those of a flow "
     "in a Kubernetes cluster; reset makes the ConfigMap when it is not there. A line for each: "
     "stage or type of the source, partition, position. Stop the flow before a reset: one that "
     "runs writes its positions again.",
     checkpoint_options, 1, 2, dfproc_checkpoint},
    {"offsets", "Shows the offsets of a consumer group, or sets them.", "show|reset FILE",
     "show reset",
     "Of a source whose own system stores the positions (kafka). show: for each partition the "
     "offset that is read next, the first and the end of what exists, and how many are between. "
     "reset: the offsets that --to names become numbers, and old and new are shown with how many "
     "records are read again or skipped; --apply stores them. Stop the flow first: while somebody "
     "is in the group it is refused.",
     offsets_options, 2, 2, dfproc_offsets},
    {"replay", "Sends refused records through the flow once more.", "FILE", "file",
     "Reads the error sink of the flow (kafka, postgresql, stdio) to its end of now. Without "
     "--apply it tells what is there: records by stage, reason and partition. With it each record "
     "goes through the flow as it came: its bytes, key and headers, its time and metadata. What "
     "was replayed is written down, so that a second call does the rest; after a kill it says how "
     "many records may come twice. What is refused once more is in the error sink again, with "
     "metadata `replays`. The flow may run meanwhile.",
     replay_options, 1, 1, dfproc_replay_command},
    {"slot", "Drops the replication slot of a flow that does not come back.", "drop FILE", "drop",
     "Of a postgresql-cdc source. A slot that nobody reads keeps the server's log without limit. "
     "One "
     "that is not there is success; one that is in use is left, with code 1. Stored positions and "
     "the publication stay.",
     slot_options, 2, 2, dfproc_slot},
    {"snapshot", "Has a running flow read a table again.", "FILE", "file",
     "Of a postgresql-cdc source. The rows that the table has now come once more, in parts, beside "
     "its changes; none of them is older than what came before it. The command asks for it and "
     "ends: the flow that runs does it, or the next start. After a stop or a kill it goes on where "
     "it was. Rows that only the sink has stay there.",
     snapshot_options, 1, 1, dfproc_snapshot},
    {"iceberg", "Looks after the Iceberg tables that a flow writes.", "orphans|expire FILE",
     "orphans expire",
     "orphans: shows files in the tables' places that no snapshot names: what a crash left "
     "between an upload and its commit, or another writer. Nothing is removed. All snapshots, "
     "manifests, metadata and statistics of the table count; files of another table below its "
     "place would be shown too. expire: shows the snapshots that are old and the files that only "
     "they name; with --apply they go, also while the flow runs. What a branch, a tag or any "
     "other snapshot names stays. Tables of Nessie are refused: nessie-gc knows all of its "
     "branches and tags.",
     iceberg_options, 1, 2, dfproc_iceberg},
    {"version", "Prints versions, also of the libraries under the connectors.", "", NULL, NULL,
     NULL, 0, 0, dfproc_version},
    {"help", "Explains a command.", "[COMMAND]", "@commands", NULL, app_help_options, 0, 1,
     app_help},
    {0}};

static const app_command pod = {
    "run",
    "Runs a flow in a pod.",
    "--spec-path FILE --namespace NS --name NAME",
    NULL,
    "The form that the operator starts: like `run`, with metrics and probes on port 9090.",
    pod_options,
    0,
    0,
    dfproc_pod};

static const app_pair exits[] = {
    {"0", "Done: the source ended, or the flow was stopped; what a stop had no time to deliver is "
          "read again next time."},
    {"1", "Failed."},
    {"2", "Wrong command line or wrong manifest."},
    {"75",
     "Gave up for now, for example after ten minutes without access, or lost the Lease; may work "
     "later."},
    {0}};

static const app_pair environment[] = {
    {"DATAFLOW_PLUGINS", "Plug-ins to load, paths of shared objects with : between."},
    {"LOG_LEVEL", "debug, info, warn or error, when --log-level is not given."},
    {"NO_COLOR", "When set, output has no colours."},
    {"XDG_STATE_HOME", "Folder of the folder for read positions."},
    {"POD_NAME", "Name of this pod, under which it holds the Lease of its flow."},
    {"PROCESSOR_PROGRESS_TIMEOUT_SECONDS",
     "/livez fails after this many seconds without progress (3600; 0 or less: never)."},
    {0}};

static const app_pair files[] = {{"/etc/dataflow/spec.json", "The spec in a pod."},
                                 {"/etc/dataflow/secrets", "Secrets in a pod, NAME/KEY."},
                                 {"~/.local/state/dataflow", "Read positions."},
                                 {0}};

static const app_pair examples[] = {
    {"dfproc run examples/hello.yaml < examples/events.jsonl",
     "Reads lines, filters them, writes lines."},
    {"dfproc init kafka postgresql > flow.yaml", "Starts a manifest."},
    {"dfproc explain flow.yaml", "Says what it will do."},
    {"dfproc preview flow.yaml -n 3", "Shows three records on their way."},
    {0}};

const app_program dfproc_program = {
    .name = "dfproc",
    .version = DF_PROGRAM_VERSION,
    .date = "2026-11-22",
    .summary = "moves records through transformations to sinks and loses none",
    .doc = "dfproc runs a flow that a manifest describes: one source, transformations, one or "
           "more sinks, and a sink for records that cannot pass. A manifest is a DataFlow or "
           "DataFlowCron object, or its spec alone, in YAML or JSON. ${env:NAME} and ${file:PATH} "
           "in the options of a connector are replaced by a variable or the content of a file, so "
           "that secrets stay out of manifests.",
    .commands = commands,
    .bare = &pod,
    .exits = exits,
    .environment = environment,
    .files = files,
    .examples = examples};
