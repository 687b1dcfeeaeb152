/* SPDX-License-Identifier: Apache-2.0
 * fields.c: the fields of a spec beside its stages, as option rows, and the rules among them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/graph/option_types.h"
#include "spec/inner.h"

typedef struct resources {
    df_list requests, limits, claims;
} resources;

typedef struct maintenance {
    df_bytes start, timezone, description;
    int64_t duration;
    int repeat, suspended;
} maintenance;

typedef struct toleration {
    df_bytes key, operator, value, effect;
    int64_t seconds;
} toleration;

typedef struct affinity {
    df_bytes node, pod, anti;
} affinity;

typedef struct named {
    df_bytes name;
} named;

typedef struct env_var {
    df_bytes name, value, from;
} env_var;

typedef struct trigger {
    df_bytes name, image;
    df_list command, args, env;
    resources *resources;
    int pull;
} trigger;

typedef struct fields {
    df__settings settings;
    /* used by others */
    resources *resources;
    maintenance *maintenance;
    affinity *affinity;
    df_list node_selector, tolerations, pull_secrets, triggers;
    df_bytes image, version, schedule, zone;
    int64_t replicas, channel, restart_nonce, ok_history, bad_history, deadline, step_limit;
    int upgrade, disruption_budget, concurrency, suspend;
    int source, sink, errors; /* stages, read apart */
    df_list transformations;
} fields;

#define HOST DF_OPT_HOST

static const df_option resource_rows[] = {
    {"requests", DF_OPT_MAP, 0, HOST, offsetof(resources, requests), NULL,
     "What the pod asks for: cpu, memory.", NULL, 0, 0, NULL},
    {"limits", DF_OPT_MAP, 0, HOST, offsetof(resources, limits), NULL,
     "What the pod may use at most.", NULL, 0, 0, NULL},
    {"claims", DF_OPT_LIST, DF_OPT_ANY, HOST, offsetof(resources, claims), NULL, "Resource claims.",
     NULL, 0, 0, NULL},
};
static const df_options resource_options = DF_OPTIONS(resource_rows, resources);

static const char *const repeats[] = {"daily", "weekly", "monthly", NULL};
static const df_option maintenance_rows[] = {
    {"startTime", DF_OPT_TEXT, 0, HOST, offsetof(maintenance, start), NULL,
     "Begin of the window, RFC 3339; together with duration.", NULL, 0, 0, NULL},
    {"duration", DF_OPT_DURATION, 0, HOST, offsetof(maintenance, duration), NULL,
     "Length of the window.", NULL, 1, INT64_MAX, NULL},
    {"repeat", DF_OPT_ENUM, 0, HOST, offsetof(maintenance, repeat), NULL,
     "How the window comes again; default: once.", repeats, 0, 0, NULL},
    {"timezone", DF_OPT_TEXT, 0, HOST, offsetof(maintenance, timezone), "UTC",
     "IANA name of the zone that the clock time belongs to.", NULL, 0, 64, NULL},
    {"description", DF_OPT_TEXT, 0, HOST, offsetof(maintenance, description), NULL, "For people.",
     NULL, 0, 0, NULL},
    {"suspended", DF_OPT_BOOL, 0, HOST, offsetof(maintenance, suspended), "false",
     "Stops the flow until it is false again.", NULL, 0, 0, NULL},
};
static const df_options maintenance_options = DF_OPTIONS(maintenance_rows, maintenance);

static const df_option toleration_rows[] = {
    {"key", DF_OPT_TEXT, 0, HOST, offsetof(toleration, key), NULL, "Taint key.", NULL, 0, 0, NULL},
    {"operator", DF_OPT_TEXT, 0, HOST, offsetof(toleration, operator), NULL, "Exists or Equal.",
     NULL, 0, 0, NULL},
    {"value", DF_OPT_TEXT, 0, HOST, offsetof(toleration, value), NULL, "Taint value.", NULL, 0, 0,
     NULL},
    {"effect", DF_OPT_TEXT, 0, HOST, offsetof(toleration, effect), NULL, "Taint effect.", NULL, 0,
     0, NULL},
    {"tolerationSeconds", DF_OPT_INT, 0, HOST, offsetof(toleration, seconds), NULL,
     "How long a NoExecute taint is tolerated.", NULL, 0, 0, NULL},
};
static const df_options toleration_options = DF_OPTIONS(toleration_rows, toleration);

static const df_option affinity_rows[] = {
    {"nodeAffinity", DF_OPT_ANY, 0, HOST, offsetof(affinity, node), NULL, "As in a pod.", NULL, 0,
     0, NULL},
    {"podAffinity", DF_OPT_ANY, 0, HOST, offsetof(affinity, pod), NULL, "As in a pod.", NULL, 0, 0,
     NULL},
    {"podAntiAffinity", DF_OPT_ANY, 0, HOST, offsetof(affinity, anti), NULL, "As in a pod.", NULL,
     0, 0, NULL},
};
static const df_options affinity_options = DF_OPTIONS(affinity_rows, affinity);

static const df_option named_rows[] = {
    {"name", DF_OPT_TEXT, 0, HOST | DF_OPT_REQUIRED, offsetof(named, name), NULL,
     "Name of the Secret.", NULL, 0, 253, NULL},
};
static const df_options named_options = DF_OPTIONS(named_rows, named);

static const df_option env_rows[] = {
    {"name", DF_OPT_TEXT, 0, HOST | DF_OPT_REQUIRED, offsetof(env_var, name), NULL,
     "Name of the variable.", NULL, 0, 0, NULL},
    {"value", DF_OPT_TEXT, 0, HOST | DF_OPT_LITERAL, offsetof(env_var, value), NULL, "Its value.",
     NULL, 0, 0, NULL},
    {"valueFrom", DF_OPT_ANY, 0, HOST, offsetof(env_var, from), NULL, "As in a pod.", NULL, 0, 0,
     NULL},
};
static const df_options env_options = DF_OPTIONS(env_rows, env_var);

static const char *const pulls[] = {"Always", "IfNotPresent", "Never", NULL};
static const df_option trigger_rows[] = {
    {"name", DF_OPT_TEXT, 0, HOST, offsetof(trigger, name), NULL,
     "Name; default: trigger- and its index.", NULL, 0, 0, NULL},
    {"image", DF_OPT_TEXT, 0, HOST | DF_OPT_REQUIRED, offsetof(trigger, image), NULL,
     "Image of the container.", NULL, 0, 0, NULL},
    {"command", DF_OPT_LIST, DF_OPT_TEXT, HOST | DF_OPT_LITERAL, offsetof(trigger, command), NULL,
     "Its command.", NULL, 0, 0, NULL},
    {"args", DF_OPT_LIST, DF_OPT_TEXT, HOST | DF_OPT_LITERAL, offsetof(trigger, args), NULL,
     "Its arguments.", NULL, 0, 0, NULL},
    {"env", DF_OPT_LIST, DF_OPT_BLOCK, HOST, offsetof(trigger, env), NULL, "Its environment.", NULL,
     0, 0, &env_options},
    {"resources", DF_OPT_BLOCK, 0, HOST, offsetof(trigger, resources), NULL, "Its resources.", NULL,
     0, 0, &resource_options},
    {"imagePullPolicy", DF_OPT_ENUM, 0, HOST, offsetof(trigger, pull), NULL,
     "When the image is pulled.", pulls, 0, 0, NULL},
};
static const df_options trigger_options = DF_OPTIONS(trigger_rows, trigger);

static const char *const granularities[] = {"batch", "message", NULL};
static const char *const guarantees[] = {"atLeastOnce", "exactlyOnce", NULL};
static const char *const concurrencies[] = {"Allow", "Forbid", "Replace", NULL};
static const char *const ack_policies[] = {"afterWrite", "never", "afterMainSinkSuccess", NULL};
static const char *const policies[] = {"stop", "skip", NULL};
static const char *const upgrades[] = {"Immediate", "OnSpecChange", NULL};

#define SETTING(member) offsetof(fields, settings.member)

/* The rows of a DataFlowCron follow those of a DataFlow. */
static const df_option rows[] = {
    {"source", DF_OPT_STAGE, 0, DF_OPT_REQUIRED, offsetof(fields, source), NULL,
     "Where records come from.", NULL, 0, 0, NULL},
    {"transformations", DF_OPT_LIST, DF_OPT_STAGE, 0, offsetof(fields, transformations), NULL,
     "What happens to them, in order.", NULL, 0, 0, NULL},
    {"sink", DF_OPT_STAGE, 0, DF_OPT_REQUIRED, offsetof(fields, sink), NULL, "Where they go.", NULL,
     0, 0, NULL},
    {"errors", DF_OPT_STAGE, 0, 0, offsetof(fields, errors), NULL,
     "Where records go that cannot pass, and what their failure means.", NULL, 0, 0, NULL},
    {"deliveryGuarantee", DF_OPT_ENUM, 0, 0, SETTING(guarantee), "atLeastOnce",
     "exactlyOnce is refused where the sink cannot give it.", guarantees, 0, 0, NULL},
    {"memoryLimit", DF_OPT_SIZE, 0, 0, SETTING(memory_limit), "64MiB",
     "Memory for records between source and sinks.", NULL, 1 << 20, INT64_MAX, NULL},
    {"transformWorkers", DF_OPT_INT, 0, 0, SETTING(transform_workers), "1",
     "Threads for transformations; the order stays.", NULL, 1, 64, NULL},
    {"maxUncommitted", DF_OPT_INT, 0, 0, SETTING(max_uncommitted), "1000000",
     "Records that may be read past the last saved position.", NULL, 1, INT64_MAX, NULL},
    {"stopTimeout", DF_OPT_DURATION, 0, 0, SETTING(stop_timeout_us), "20s",
     "How long a stop waits for records under way.", NULL, 0, 86400000000, NULL},
    {"revokeTimeout", DF_OPT_DURATION, 0, 0, SETTING(revoke_timeout_us), "10s",
     "How long a partition that leaves waits for its records.", NULL, 0, 86400000000, NULL},
    {"checkpointPersistence", DF_OPT_BOOL, 0, 0, SETTING(checkpoint_persistence), "true",
     "false: positions live in memory only.", NULL, 0, 0, NULL},
    {"checkpointSyncOnAck", DF_OPT_BOOL, 0, 0, SETTING(checkpoint_sync_on_ack), "false",
     "Saves positions after each acknowledgement, within the interval.", NULL, 0, 0, NULL},
    {"checkpointSaveInterval", DF_OPT_DURATION, 0, 0, SETTING(checkpoint_interval_us), "30s",
     "Time between two saves to a ConfigMap.", NULL, 1000, 86400000000, NULL},
    {"checkpointReset", DF_OPT_BOOL, 0, 0, SETTING(checkpoint_reset), "false",
     "Forgets the stored positions at each start while it is true.", NULL, 0, 0, NULL},
    {"ackGranularity", DF_OPT_ENUM, 0, 0, SETTING(ack_granularity), "batch",
     "message: a position is acknowledged for each record.", granularities, 0, 0, NULL},
    {"collapseBatchOnMessageAck", DF_OPT_BOOL, 0, 0, SETTING(collapse_batch), "true",
     "With ackGranularity message: sinks write single records.", NULL, 0, 0, NULL},
    {"strictIdempotency", DF_OPT_BOOL, 0, 0, SETTING(strict_idempotency), "false",
     "Refuses a polling source with a sink that repeats rows.", NULL, 0, 0, NULL},
    {"channelBufferSize", DF_OPT_INT, 0, DF_OPT_DEPRECATED, offsetof(fields, channel), NULL,
     "queues are bounded by memoryLimit, this has no effect", NULL, 0, 0, NULL},
    {"replicas", DF_OPT_INT, 0, HOST, offsetof(fields, replicas), "1",
     "Pods of the flow; more than one only for a source that they share.", NULL, 0, INT32_MAX,
     NULL},
    {"resources", DF_OPT_BLOCK, 0, HOST, offsetof(fields, resources), NULL, "Resources of the pod.",
     NULL, 0, 0, &resource_options},
    {"nodeSelector", DF_OPT_MAP, 0, HOST | DF_OPT_LITERAL, offsetof(fields, node_selector), NULL,
     "Labels of nodes for the pod.", NULL, 0, 0, NULL},
    {"affinity", DF_OPT_BLOCK, 0, HOST, offsetof(fields, affinity), NULL, "Affinity of the pod.",
     NULL, 0, 0, &affinity_options},
    {"tolerations", DF_OPT_LIST, DF_OPT_BLOCK, HOST, offsetof(fields, tolerations), NULL,
     "Taints that the pod tolerates.", NULL, 0, 0, &toleration_options},
    {"imagePullSecrets", DF_OPT_LIST, DF_OPT_BLOCK, HOST, offsetof(fields, pull_secrets), NULL,
     "Secrets for the image registry.", NULL, 0, 0, &named_options},
    {"processorImage", DF_OPT_TEXT, 0, HOST | DF_OPT_LITERAL, offsetof(fields, image), NULL,
     "Full image of the processor; wins over processorVersion.", NULL, 0, 0, NULL},
    {"processorVersion", DF_OPT_TEXT, 0, HOST | DF_OPT_LITERAL, offsetof(fields, version), NULL,
     "Tag of the processor's image.", NULL, 0, 0, NULL},
    {"maintenance", DF_OPT_BLOCK, 0, HOST, offsetof(fields, maintenance), NULL,
     "When the flow rests.", NULL, 0, 0, &maintenance_options},
    {"restartNonce", DF_OPT_INT, 0, HOST, offsetof(fields, restart_nonce), NULL,
     "Another number than before restarts the pods.", NULL, 0, 0, NULL},
    {"upgradePolicy", DF_OPT_ENUM, 0, HOST, offsetof(fields, upgrade), "Immediate",
     "When a newer operator may change the pods: at once, or with the next change of the spec.",
     upgrades, 0, 0, NULL},
    {"podDisruptionBudget", DF_OPT_BOOL, 0, HOST, offsetof(fields, disruption_budget), "false",
     "With more than one replica: a drain takes one pod at a time.", NULL, 0, 0, NULL},
    {"schedule", DF_OPT_TEXT, 0, HOST | DF_OPT_REQUIRED | DF_OPT_LITERAL,
     offsetof(fields, schedule), NULL, "When the flow runs: minute, hour, day, month, weekday.",
     NULL, 0, 0, NULL},
    {"timeZone", DF_OPT_TEXT, 0, HOST | DF_OPT_LITERAL, offsetof(fields, zone), "UTC",
     "IANA name of the zone that the schedule belongs to.", NULL, 0, 64, NULL},
    {"concurrencyPolicy", DF_OPT_ENUM, 0, HOST, offsetof(fields, concurrency), NULL,
     "What happens when the last run has not ended.", concurrencies, 0, 0, NULL},
    {"successfulJobsHistoryLimit", DF_OPT_INT, 0, HOST, offsetof(fields, ok_history), NULL,
     "Finished runs that are kept.", NULL, 0, INT32_MAX, NULL},
    {"failedJobsHistoryLimit", DF_OPT_INT, 0, HOST, offsetof(fields, bad_history), NULL,
     "Failed runs that are kept.", NULL, 0, INT32_MAX, NULL},
    {"startingDeadlineSeconds", DF_OPT_INT, 0, HOST, offsetof(fields, deadline), NULL,
     "How late a run may start.", NULL, 0, INT64_MAX, NULL},
    {"activeDeadlineSeconds", DF_OPT_INT, 0, HOST, offsetof(fields, step_limit), NULL,
     "How long the processor or a trigger may take before the run fails.", NULL, 1, INT64_MAX,
     NULL},
    {"suspend", DF_OPT_BOOL, 0, HOST, offsetof(fields, suspend), "false",
     "No further runs while true.", NULL, 0, 0, NULL},
    {"triggers", DF_OPT_LIST, DF_OPT_BLOCK, HOST, offsetof(fields, triggers), NULL,
     "Containers that run when the flow has ended, one after the other.", NULL, 0, 0,
     &trigger_options},
};
enum { CRON_ROWS = 9 };

static const df_options cron_options = DF_OPTIONS(rows, fields);
static const df_options flow_options = {sizeof(df_options), sizeof(df_option),
                                        sizeof rows / sizeof rows[0] - CRON_ROWS, rows,
                                        sizeof(fields)};

typedef struct error_fields {
    int ack, policy;
} error_fields;

static const df_option error_rows[] = {
    {"ackPolicy", DF_OPT_ENUM, 0, 0, offsetof(error_fields, ack), NULL,
     "When a refused record counts as done: afterWrite (default), afterMainSinkSuccess, never.",
     ack_policies, 0, 0, NULL},
    {"policy", DF_OPT_ENUM, 0, 0, offsetof(error_fields, policy), NULL,
     "Without an error sink: stop (default), or skip and count.", policies, 0, 0, NULL},
};
static const df_options error_options = DF_OPTIONS(error_rows, error_fields);

typedef struct stage_fields_row {
    df_bytes type, config;
    df_condition *when;
} stage_fields_row;

static const df_option stage_rows[] = {
    {"type", DF_OPT_TEXT, 0, DF_OPT_REQUIRED, offsetof(stage_fields_row, type), NULL,
     "Kind of the connector or transformation.", NULL, 0, 0, NULL},
    {"config", DF_OPT_ANY, 0, 0, offsetof(stage_fields_row, config), NULL,
     "Its options; older manifests name the block like the type.", NULL, 0, 0, NULL},
    {"when", DF_OPT_CONDITION, 0, 0, offsetof(stage_fields_row, when), NULL,
     "Transformations: records for which it is false pass unchanged.", NULL, 0, 0, NULL},
};
static const df_options stage_options = DF_OPTIONS(stage_rows, stage_fields_row);

/* Only the rows that a DataFlow does not have. */
static const df_options cron_only = {sizeof(df_options), sizeof(df_option), CRON_ROWS,
                                     rows + sizeof rows / sizeof rows[0] - CRON_ROWS,
                                     sizeof(fields)};

const df_options *df__spec_rows(int cron)
{
    return cron ? &cron_only : &flow_options;
}

const df_options *df__spec_stage_rows(void)
{
    return &stage_options;
}

const df_options *df__spec_error_rows(void)
{
    return &error_options;
}

/* Members of a spec that build.c reads. */
static const char *const stage_fields[] = {"source", "transformations", "sink", "errors", NULL};

/* In a DataFlow those of a DataFlowCron have a text of their own. */
static const char *const flow_apart[] = {"source",
                                         "transformations",
                                         "sink",
                                         "errors",
                                         "schedule",
                                         "timeZone",
                                         "concurrencyPolicy",
                                         "successfulJobsHistoryLimit",
                                         "failedJobsHistoryLimit",
                                         "startingDeadlineSeconds",
                                         "activeDeadlineSeconds",
                                         "suspend",
                                         "triggers",
                                         NULL};

static int fail(df__graph *g, const df__doc *at, const char *field, const char *text)
{
    df__problem_add(g->problems, DF_ERROR, at, field, text);
    return DF_ESPEC;
}

/* ---- rules --------------------------------------------------------------------------------- */

static int two_digits(const char *s, int low, int high)
{
    int v;
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
        return 0;
    v = (s[0] - '0') * 10 + s[1] - '0';
    return v >= low && v <= high;
}

/* "2026-01-02T03:04:05": two digits in each of these places. */
static int is_date_time(const char *s)
{
    static const struct {
        int at, low, high;
        char after;
    } parts[] = {{0, 0, 99, 0},    {2, 0, 99, '-'},  {5, 1, 12, '-'}, {8, 1, 31, 'T'},
                 {11, 0, 23, ':'}, {14, 0, 59, ':'}, {17, 0, 60, 0}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char after = s[parts[i].at + 2];
        if (!two_digits(s + parts[i].at, parts[i].low, parts[i].high) ||
            (parts[i].after && after != parts[i].after && !(parts[i].after == 'T' && after == 't')))
            return 0;
    }
    return 1;
}

/* The same with a fraction and an offset. */
static int is_rfc3339(df_bytes t)
{
    const char *s = t.data;
    size_t i = 19;
    if (t.len < 20 || !is_date_time(s))
        return 0;
    if (s[i] == '.')
        for (i++; i < t.len && s[i] >= '0' && s[i] <= '9';)
            i++;
    if (i + 1 == t.len)
        return (s[i] | 32) == 'z';
    return i + 6 == t.len && (s[i] == '+' || s[i] == '-') && two_digits(s + i + 1, 0, 23) &&
           s[i + 3] == ':' && two_digits(s + i + 4, 0, 59);
}

/* A name of the zone database, where the machine has one. */
static int is_zone(const char *name)
{
    static const char folder[] = "/usr/share/zoneinfo";
    char path[160];
    const char *s;
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Local") == 0)
        return 1;
    if (*name == '/' || strstr(name, "..") || *name == '\0')
        return 0;
    for (s = name; *s; s++)
        if (!((*s >= '0' && *s <= '9') || ((*s | 32) >= 'a' && (*s | 32) <= 'z') ||
              strchr("_+-/", *s)))
            return 0;
    df__text_printf(path, sizeof path, "%s/%s", folder, name);
    return access(folder, F_OK) != 0 || access(path, R_OK) == 0;
}

static int check_zone(df__graph *g, const df__doc *node, const char *field, df_bytes name)
{
    if (!node || !name.data || is_zone(name.data))
        return DF_OK;
    return fail(g, node, field, "unknown time zone: expects an IANA name such as Europe/Berlin");
}

static int check_maintenance(df__graph *g, const df__doc *node, const maintenance *m)
{
    static const char field[] = "spec.maintenance";
    int rc = DF_OK;
    if (!m || !node)
        return DF_OK;
    if (m->start.data && !is_rfc3339(m->start))
        rc = fail(g, df__doc_member(node, "startTime"), "spec.maintenance.startTime",
                  "expects an RFC 3339 time such as 2026-01-02T03:04:05Z");
    if (m->start.data && m->duration == DF_UNSET && !df__doc_given(node, "duration"))
        rc = fail(g, node, field, "\"startTime\" needs \"duration\" beside it");
    if (!m->start.data && m->duration != DF_UNSET && !df__doc_given(node, "startTime"))
        rc = fail(g, node, field, "\"duration\" needs \"startTime\" beside it");
    return df__worse(rc, check_zone(g, df__doc_member(node, "timezone"),
                                    "spec.maintenance.timezone", m->timezone));
}

static int check_triggers(df__graph *g, const df__doc *spec)
{
    const df__doc *list = df__doc_member(spec, "triggers"), *n;
    char field[DF__FIELD], path[DF__FIELD];
    size_t i = 0;
    int rc = DF_OK;
    for (n = list && list->kind == DF__DOC_SEQ ? list->first : NULL; n; n = n->next) {
        df__field_item(field, "spec.triggers", i++);
        df__field_child(path, field, "resources");
        rc = df__worse(rc, df__resources_check(g, df__doc_member(n, "resources"), path));
    }
    return rc;
}

static int refuse_cron_fields(df__graph *g, const df__doc *spec)
{
    char field[DF__FIELD];
    int rc = DF_OK;
    for (size_t i = 0; i < cron_only.count; i++) {
        const char *name = cron_only.rows[i].name;
        const df__doc *n = df__doc_member(spec, name);
        df__doc at;
        if (!n)
            continue;
        at = df__doc_name_place(n);
        df__field_child(field, "spec", name);
        df__problem_addf(g->problems, DF_ERROR, &at, field, "\"%s\" needs kind DataFlowCron", name);
        rc = DF_ESPEC;
    }
    return rc;
}

int df__fields_fill(df__graph *g, const df__doc *spec, int cron)
{
    fields *f = df__arena_zalloc(&g->arena, sizeof *f);
    df__fill fill;
    int rc;
    if (!f)
        return DF_ENOMEM;
    memset(&fill, 0, sizeof fill);
    f->settings = g->settings;
    fill.graph = g;
    fill.arena = &g->arena;
    fill.mode = DF__FILL_CHECK;
    fill.field = "spec";
    fill.literal = 1;
    fill.apart = cron ? stage_fields : flow_apart;
    rc = df__options_fill(&fill, cron ? &cron_options : &flow_options, spec, f);
    if (rc == DF_ENOMEM)
        return rc;
    g->settings = f->settings;
    rc = df__worse(rc, df__resources_check(g, df__doc_member(spec, "resources"), "spec.resources"));
    rc = df__worse(rc, check_maintenance(g, df__doc_member(spec, "maintenance"), f->maintenance));
    if (!cron)
        rc = df__worse(rc, refuse_cron_fields(g, spec));
    if (cron) {
        if (f->schedule.data)
            rc = df__worse(rc, df__schedule_check(g, df__doc_member(spec, "schedule")));
        rc = df__worse(rc,
                       check_zone(g, df__doc_member(spec, "timeZone"), "spec.timeZone", f->zone));
        rc = df__worse(rc, check_triggers(g, spec));
    }
    return rc;
}

static int fill_errors(df__graph *g, const df__doc *errors, error_fields *e)
{
    df__fill fill;
    df_option row;
    df__option_slot s = {&fill, &row, NULL, errors, NULL, NULL};
    char field[DF__FIELD];
    int rc = DF_OK;
    memset(&fill, 0, sizeof fill);
    fill.graph = g;
    fill.arena = &g->arena;
    for (size_t i = 0; i < error_options.count; i++) {
        row = error_rows[i];
        s.node = df__option_given(&row, errors);
        if (!s.node)
            continue;
        df__field_child(field, "spec.errors", row.name);
        s.field = field;
        s.member = (char *)e + row.offset;
        rc = df__worse(rc, df__option_type_of(row.type)->parse(&s));
    }
    return rc;
}

int df__fields_errors(df__graph *g, const df__doc *errors, int has_sink)
{
    error_fields e = {-1, -1};
    const df__doc *ack = df__doc_member(errors, "ackPolicy");
    const df__doc *policy = df__doc_member(errors, "policy");
    int rc = fill_errors(g, errors, &e);
    if (e.ack >= 0 && !has_sink)
        rc = fail(g, ack, "spec.errors.ackPolicy",
                  "needs an error sink: add \"type\" to \"errors\"");
    if (e.policy >= 0 && has_sink)
        rc = fail(g, policy, "spec.errors.policy",
                  "applies only without an error sink: remove \"policy\" or the sink");
    if (e.ack == DF__ACK_NEVER && has_sink)
        df__problem_add(g->problems, DF_WARNING, ack, "spec.errors.ackPolicy",
                        "with \"never\" the position stays before the first refused record; the "
                        "flow stops reading at maxUncommitted");
    if (e.ack >= 0)
        g->settings.error_ack = (enum df__error_ack)e.ack;
    if (e.policy >= 0)
        g->settings.error_policy = (enum df__error_policy)e.policy;
    return rc;
}

int df__fields_finish(df__graph *g, const df__doc *spec, int cron)
{
    const df__doc *replicas = df__doc_member(spec, "replicas");
    const df__stage_spec *s = df__graph_source(g);
    int64_t n = 1;
    if (!replicas || replicas->kind != DF__DOC_SCALAR || !df__parse_int(replicas->text, &n) ||
        n <= 1)
        return DF_OK;
    if (cron)
        return fail(g, replicas, "spec.replicas", "a DataFlowCron has one replica");
    if (!s || (s->traits & DF_IS_SHARED))
        return DF_OK;
    df__problem_addf(g->problems, DF_ERROR, replicas, "spec.replicas",
                     "more than one replica needs a source that they share: each would read all of "
                     "\"%.60s\"",
                     s->kind);
    return DF_ESPEC;
}
