/* SPDX-License-Identifier: Apache-2.0
 * replay.c: `dfproc replay`: what is in a flow's error sink, through the flow once more: first
 * shown, then, with --apply, replayed. docs/replay.md tells the story. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/signals.h"
#include "common/visible.h"
#include "dfproc/replay.h"
#include "dfproc/run.h"
#include "util/rfc3339.h"

/* ---- what is wanted ------------------------------------------------------------------------- */

static int in_list(const char *const *list, const char *text)
{
    for (; *list; list++)
        if (!strcmp(*list, text))
            return 1;
    return 0;
}

static int is_wanted(const dfproc_replay *r, const dfproc_replay_row *row)
{
    if (r->stages[0] && !in_list(r->stages, row->stage) && !in_list(r->stages, row->where))
        return 0;
    if (r->reasons[0] && !in_list(r->reasons, row->reason))
        return 0;
    if (r->partitions[0] && !in_list(r->partitions, row->partition))
        return 0;
    return (r->since_us < 0 || row->refused_us >= r->since_us) &&
           (r->until_us < 0 || (row->refused_us >= 0 && row->refused_us < r->until_us));
}

/* 1: the replay would do once more what transformations did before it was refused. */
static int is_changed(const dfproc_replay *r, const dfproc_replay_row *row)
{
    return row->decoded && r->transforms && strcmp(row->stage, "read") != 0 &&
           strncmp(row->where, "0 ", 2) != 0;
}

static int fate_of(const dfproc_replay *r, const dfproc_replay_row *row)
{
    if (row->fate == DFPROC_NO_ENVELOPE)
        return row->fate;
    if (dfproc_ids_has(&r->ledger.done, row->id))
        return DFPROC_REPLAYED;
    if (!is_wanted(r, row))
        return DFPROC_OTHER;
    if (row->fate != DFPROC_REPLAYS)
        return row->fate;
    return is_changed(r, row) && !r->changed ? DFPROC_CHANGED : row->fate;
}

int dfproc_replay_next(dfproc_replay *r)
{
    dfproc_replay_row *row = &r->row;
    int rc = dfproc_reader_next(&r->reader), added = 0;
    if (rc == DF_OK)
        rc = dfproc_replay_row_read(row, &r->paths, r->reader.parcel, r->reader.index);
    if (rc != DF_OK)
        return rc;
    while ((added = dfproc_ids_add(&r->seen, row->id)) == 0)
        row->id++;
    if (added < 0)
        return DF_ENOMEM;
    row->fate = fate_of(r, row);
    r->counts[row->fate]++;
    r->reordered += row->fate == DFPROC_REPLAYS && row->reordered;
    return DF_OK;
}

/* ---- what is shown -------------------------------------------------------------------------- */

typedef struct group {
    char stage[24], where[256], reason[64], partition[512];
    uint64_t records;
} group;

typedef struct groups {
    group *rows;
    size_t count, cap;
} groups;

static int count_row(groups *g, const dfproc_replay_row *row)
{
    group *at;
    for (size_t i = 0; i < g->count; i++) {
        at = &g->rows[i];
        if (!strcmp(at->where, row->where) && !strcmp(at->reason, row->reason) &&
            !strcmp(at->partition, row->partition) && !strcmp(at->stage, row->stage)) {
            at->records++;
            return DF_OK;
        }
    }
    if (df__grow(&df__heap_libc, &g->rows, &g->cap, g->count, sizeof *g->rows) != DF_OK)
        return DF_ENOMEM;
    at = &g->rows[g->count++];
    memcpy(at->stage, row->stage, sizeof at->stage);
    memcpy(at->where, row->where, sizeof at->where);
    memcpy(at->reason, row->reason, sizeof at->reason);
    memcpy(at->partition, row->partition, sizeof at->partition);
    at->records = 1;
    return DF_OK;
}

static void add_groups(df__buf *out, const groups *g)
{
    if (g->count)
        df__buf_printf(out, "%9s  %-10s %-20s %-20s %s\n", "records", "stage", "where", "reason",
                       "partition");
    for (size_t i = 0; i < g->count; i++) {
        const group *at = &g->rows[i];
        df__buf_printf(out, "%9" PRIu64 "  %-10s %-20s %-20s ", at->records, at->stage, at->where,
                       at->reason);
        app_visible(out, at->partition, strlen(at->partition), 0);
        df__buf_char(out, '\n');
    }
}

/* What becomes of the records that are not replayed. */
static const struct {
    const char *name, *text;
} fates[DFPROC_FATES] = {
    [DFPROC_REPLAYS] = {"replay", NULL},
    [DFPROC_REPLAYED] = {"replayed_before", "replayed before"},
    [DFPROC_OTHER] = {"not_chosen", "not chosen by the options"},
    [DFPROC_WITHOUT_BYTES] = {"without_bytes", "without their bytes (error.truncated): read them "
                                               "again at their source"},
    [DFPROC_CHANGED] = {"changed", "values that transformations have changed already, for their "
                                   "source gave no bytes; --changed replays them as they are"},
    [DFPROC_NO_ENVELOPE] = {"no_envelope", "no error records"}};

static void add_text_member(df__buf *out, const char *name, const char *text)
{
    df__buf_printf(out, "\"%s\":", name);
    df__buf_json(out, text, strlen(text));
}

static void add_json(df__buf *out, const dfproc_replay *r, const groups *g, const df_stats *stats)
{
    df__buf_str(out, "{\"groups\":[");
    for (size_t i = 0; g && i < g->count; i++) {
        const group *at = &g->rows[i];
        df__buf_str(out, i ? ",{" : "{");
        add_text_member(out, "stage", at->stage);
        df__buf_char(out, ',');
        add_text_member(out, "where", at->where);
        df__buf_char(out, ',');
        add_text_member(out, "reason", at->reason);
        df__buf_char(out, ',');
        add_text_member(out, "partition", at->partition);
        df__buf_printf(out, ",\"records\":%" PRIu64 "}", at->records);
    }
    df__buf_char(out, ']');
    for (size_t i = 0; i < DFPROC_FATES; i++)
        df__buf_printf(out, ",\"%s\":%" PRIu64, fates[i].name, r->counts[i]);
    if (stats)
        df__buf_printf(out, ",\"sent\":%" PRIu64 ",\"filtered\":%" PRIu64 ",\"errored\":%" PRIu64,
                       stats->sent, stats->filtered, stats->errored);
    df__buf_printf(out, ",\"applied\":%s}\n", stats ? "true" : "false");
}

static void add_rest(df__buf *out, const dfproc_replay *r)
{
    for (size_t i = DFPROC_REPLAYS + 1; i < DFPROC_FATES; i++)
        if (r->counts[i])
            df__buf_printf(out, "%9" PRIu64 "  %s\n", r->counts[i], fates[i].text);
}

static void tell_reordered(const dfproc_replay *r)
{
    char text[300];
    if (!r->reordered)
        return;
    df__text_printf(text, sizeof text,
                    "%" PRIu64 " of them come out of a jsonb column, which keeps neither the order "
                    "of members, nor blanks, nor how a number was written (1e2, -0.0)",
                    r->reordered);
    dfproc_note(text);
}

/* ---- without effects ------------------------------------------------------------------------ */

static int look(dfproc_replay *r, groups *g)
{
    app_signals_default(1);
    for (;;) {
        int rc = dfproc_replay_next(r);
        struct pollfd fd = {df_port_fd(r->reader.port), POLLIN, 0};
        if (rc == DF_AGAIN)
            poll(&fd, 1, 50);
        else if (rc == DF_DONE)
            return EXIT_DONE;
        else if (rc == DF_OK && r->row.fate == DFPROC_REPLAYS)
            rc = count_row(g, &r->row);
        if (rc == DF_OK && r->limit && r->counts[DFPROC_REPLAYS] == r->limit)
            return EXIT_DONE;
        if (rc < 0) {
            dfproc_fail("the error sink cannot be read: %s",
                        df_pipeline_errmsg(r->reader.pipeline));
            return dfproc_exit_code(rc);
        }
    }
}

static int show(const app_args *args, dfproc_replay *r)
{
    groups g = {.rows = NULL};
    df__buf out;
    int rc = look(r, &g);
    df__buf_init(&out, &df__heap_libc);
    if (rc == EXIT_DONE && app_args_value(args, "json")) {
        add_json(&out, r, &g, NULL);
    } else if (rc == EXIT_DONE) {
        add_groups(&out, &g);
        df__buf_printf(&out, "%9" PRIu64 "  to replay\n", r->counts[DFPROC_REPLAYS]);
        add_rest(&out, r);
    }
    free(g.rows);
    if (rc == EXIT_DONE) {
        tell_reordered(r);
        if (r->counts[DFPROC_REPLAYS])
            dfproc_note("whether newer records of the same keys were delivered meanwhile is not "
                        "known: a sink that updates by key would get the older state back");
        dfproc_note("nothing was replayed; --apply does it");
        rc = dfproc_print(&out);
    }
    df__buf_free(&out);
    return rc;
}

/* ---- with effects --------------------------------------------------------------------------- */

typedef struct running {
    df_pipeline *flow, *codec;
} running;

static void on_stop(void *user, int count)
{
    running *now = user;
    int how = count == 1 ? DF_STOP_DRAIN : DF_STOP_NOW;
    df_pipeline_stop(now->flow, how);
    df_pipeline_stop(now->codec, how);
}

static int run(dfproc_flow *flow, const dfproc_replay *r)
{
    running now = {flow->pipeline, r->codec};
    df_run_options how = {.size = sizeof how, .until_exhausted = 1, .from_start = -1};
    app_signal_calls calls = {.stop = on_stop, .user = &now};
    app_signals *signals = app_signals_start(&calls);
    int rc;
    if (!signals) {
        dfproc_fail("cannot watch for signals: %s", strerror(errno));
        return DF_ENOMEM;
    }
    rc = df_pipeline_start(flow->pipeline, &how);
    if (rc == DF_OK)
        rc = df_pipeline_wait(flow->pipeline, -1);
    app_signals_end(signals);
    return rc;
}

static int tell(const app_args *args, dfproc_replay *r, const df_stats *stats)
{
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    if (app_args_value(args, "json")) {
        add_json(&out, r, NULL, stats);
    } else {
        df__buf_printf(&out,
                       "%9" PRIu64 "  replayed: %" PRIu64 " sent, %" PRIu64 " filtered, %" PRIu64
                       " refused once more\n",
                       stats->received, stats->sent, stats->filtered, stats->errored);
        add_rest(&out, r);
    }
    tell_reordered(r);
    return dfproc_print(&out);
}

/* The source has ended: what it could not write is written now. */
static int end_ledger(dfproc_replay *r, int result)
{
    int rc = dfproc_replay_settle(r);
    return rc == DF_OK && result >= 0 ? dfproc_ledger_end(&r->ledger) : rc;
}

static int apply(const app_args *args, dfproc_flow *flow, dfproc_replay *r)
{
    df_stage_def def = {.size = sizeof def,
                        .role = DF_SOURCE,
                        .name = "source",
                        .kind = DFPROC_REPLAY_SOURCE,
                        .replace = 1};
    df_stats stats = {.size = sizeof stats};
    char text[300];
    int rc = dfproc_replay_register(flow->env, r);
    if (rc == DF_OK)
        rc = df_pipeline_add(flow->pipeline, &def);
    if (rc < 0)
        return dfproc_fail("%s", df_pipeline_errmsg(flow->pipeline));
    if (r->ledger.begun[0]) {
        df__text_printf(text, sizeof text,
                        "the replay of %s did not come to its end: what it delivered last, at most "
                        "%d records, may be delivered once more",
                        r->ledger.begun, DFPROC_REPLAY_OPEN);
        dfproc_note(text);
    }
    if (dfproc_ledger_begin(&r->ledger) != DF_OK)
        return dfproc_fail("%s: %s", r->ledger.path, strerror(errno));
    rc = run(flow, r);
    df_pipeline_stats(flow->pipeline, NULL, &stats);
    if (rc < 0)
        dfproc_fail("%s", df_pipeline_errmsg(flow->pipeline));
    if (!stats.left && end_ledger(r, rc) != DF_OK)
        return dfproc_fail("%s: %s", r->ledger.path, strerror(errno));
    if (tell(args, r, &stats) != EXIT_DONE)
        return EXIT_FAILED;
    return dfproc_exit_code(rc);
}

/* ---- the command ---------------------------------------------------------------------------- */

static int read_time(const app_args *args, const char *option, int64_t *ret_us)
{
    const char *text = app_args_value(args, option);
    df__stamp s;
    *ret_us = -1;
    if (!text)
        return EXIT_DONE;
    if (df__stamp_parse((df_bytes){text, strlen(text)}, &s) != DF_OK || !s.has_zone)
        return app_misuse(args, "--%s %s is no time with a zone such as 2026-11-29T12:00:00Z",
                          option, text);
    *ret_us = (s.local - s.offset) * 1000000 + s.nsec / 1000;
    return EXIT_DONE;
}

static int read_options(const app_args *args, dfproc_replay *r)
{
    const char *limit = app_args_value(args, "limit");
    long long n = 0;
    int rc = read_time(args, "since", &r->since_us);
    if (rc == EXIT_DONE)
        rc = read_time(args, "until", &r->until_us);
    if (rc == EXIT_DONE && limit && app_args_number(limit, 1, INT64_MAX, &n) < 0)
        return app_misuse(args, "--limit is a number of records, not \"%s\"", limit);
    r->limit = (uint64_t)n;
    r->changed = app_args_value(args, "changed") != NULL;
    app_args_list(args, "stage", r->stages);
    app_args_list(args, "reason", r->reasons);
    app_args_list(args, "partition", r->partitions);
    return rc;
}

/* What a replay has to know of the flow. */
typedef struct about {
    char name[256];
    int exactly_once_by_source;
} about;

static const char *kind_of(yyjson_val *stages, const char *role)
{
    yyjson_val *stage;
    size_t at, count;
    yyjson_arr_foreach (stages, at, count, stage)
        if (!strcmp(app_json_text(stage, "role"), role))
            return app_json_text(stage, "kind");
    return "";
}

static int learn(dfproc_flow *flow, const dfproc_job_options *o, dfproc_replay *r, about *ret)
{
    yyjson_doc *doc = dfproc_report(flow, DF_REPORT_PLAN);
    yyjson_val *plan = yyjson_doc_get_root(doc), *stages = yyjson_obj_get(plan, "stages");
    const char *level = app_json_text(yyjson_obj_get(plan, "guarantee"), "level");
    char dir[4000], name[600];
    int rc;
    dfproc_store_name(plan, o, name, sizeof name);
    df__text_printf(ret->name, sizeof ret->name, "%s", name);
    r->transforms = *kind_of(stages, "transform") != 0;
    ret->exactly_once_by_source =
        !strcmp(level, "exactly-once") && !strcmp(kind_of(stages, "sink"), "kafka");
    yyjson_doc_free(doc);
    rc = dfproc_state_dir(o, dir, sizeof dir);
    if (rc == DF_DONE)
        dfproc_fail("there is no folder to keep what was replayed: --state-dir names one");
    df__text_printf(r->ledger.path, sizeof r->ledger.path, "%s/%s.replayed", dir, name);
    return rc == DF_OK ? EXIT_DONE : EXIT_FAILED;
}

/* A Kafka sink commits the offsets of a Kafka source, and a replay has another one. */
static int loosen(dfproc_flow *flow, const df_pipeline_options *options)
{
    size_t n = 0;
    while (flow->set[n])
        n++;
    if (n == APP_REPEATS_MAX)
        return dfproc_fail("too many --set");
    flow->set[n] = "deliveryGuarantee=atLeastOnce";
    flow->set[n + 1] = NULL;
    dfproc_note("this flow is exactly once; its replay is at least once: after a kill it says how "
                "many records may come twice");
    return dfproc_build(flow, options, 1);
}

/* The source's codec, which the source of the replay borrows: it takes the place of that one in the
 * pipeline that runs, so that is built once more. */
static int borrow_codec(dfproc_flow *flow, const df_pipeline_options *options, dfproc_replay *r)
{
    if (df_decoder_open(flow->pipeline, &r->decoder) != DF_OK)
        return dfproc_fail("%s", df_pipeline_errmsg(flow->pipeline));
    r->codec = flow->pipeline;
    flow->pipeline = NULL;
    return dfproc_build(flow, options, 1);
}

static int work(const app_args *args, dfproc_flow *flow, dfproc_replay *r, const char *name)
{
    int is_apply = app_args_value(args, "apply") != NULL;
    int rc = dfproc_replay_paths_make(&r->paths, flow->env);
    if (rc == EXIT_DONE)
        rc = dfproc_ledger_open(&r->ledger, is_apply);
    if (rc == EXIT_DONE)
        rc = dfproc_reader_open(&r->reader, flow, args, name);
    if (rc == EXIT_DONE)
        rc = is_apply ? apply(args, flow, r) : show(args, r);
    return rc;
}

static void free_all(dfproc_replay *r)
{
    df_decoder_close(r->decoder);
    df_pipeline_free(r->codec);
    dfproc_reader_close(&r->reader);
    dfproc_replay_forget(r);
    dfproc_replay_row_free(&r->row);
    dfproc_replay_paths_free(&r->paths);
    dfproc_ledger_close(&r->ledger);
    dfproc_ids_free(&r->seen);
    free(r);
}

int dfproc_replay_command(const app_args *args)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    dfproc_job_options o = {.file = args->operands[0], .args = args, .keep_positions = 1};
    dfproc_replay *r = calloc(1, sizeof *r);
    dfproc_flow flow;
    about a = {.name = ""};
    int rc = r ? read_options(args, r) : dfproc_fail("out of memory");
    if (rc != EXIT_DONE) {
        free(r);
        return rc;
    }
    r->ledger.fd = -1;
    df__buf_init(&r->row.bytes, &df__heap_libc);
    o.state_dir = app_args_value(args, "state-dir");
    app_signals_block();
    app_signals_default(1);
    rc = dfproc_open(&flow, getenv("LOG_LEVEL") ? 0 : DF_LOG_WARN, APP_LOG_TEXT);
    if (rc == EXIT_DONE)
        rc = dfproc_ready(&flow, args, &options, args->operands[0]);
    if (rc == EXIT_DONE)
        rc = learn(&flow, &o, r, &a);
    app_signals_default(0);
    if (rc == EXIT_DONE)
        rc = dfproc_reader_check(&r->reader, &flow);
    if (rc == EXIT_DONE && a.exactly_once_by_source)
        rc = loosen(&flow, &options);
    if (rc == EXIT_DONE && r->reader.decodes)
        rc = borrow_codec(&flow, &options, r);
    if (rc == EXIT_DONE)
        rc = work(args, &flow, r, a.name);
    dfproc_end(flow.pipeline);
    dfproc_end(r->reader.pipeline);
    if (!dfproc_left_behind()) /* else the source may still read by r */
        free_all(r);
    dfproc_close(&flow);
    return rc;
}
