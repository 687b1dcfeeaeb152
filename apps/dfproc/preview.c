/* SPDX-License-Identifier: Apache-2.0
 * preview.c: a few records on their way through the stages; nothing is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diff.h"
#include "dfproc/preview.h"
#include "dfproc/refused.h"

/* The records that one input became at one stage. */
typedef struct group {
    const dfproc_seen *rows[64];
    size_t count;
} group;

/* Offsets tell which record a row came from. Without them the order does, while no stage before
 * changed the number of records. */
static void find_group(const dfproc_watch *source, size_t index, const dfproc_watch *w, group *ret)
{
    const dfproc_seen *from = &source->rows[index];
    ret->count = 0;
    if (from->offset < 0) {
        if (w->count == source->count)
            ret->rows[ret->count++] = &w->rows[index];
        return;
    }
    for (size_t i = 0; i < w->count; i++)
        if (dfproc_same_origin(from, &w->rows[i]) &&
            ret->count < sizeof ret->rows / sizeof ret->rows[0])
            ret->rows[ret->count++] = &w->rows[i];
}

static const char *text_of(df__buf *b, const dfproc_seen *seen)
{
    df__buf_clear(b);
    dfproc_seen_text(b, seen);
    return df__buf_cstr(b) ? b->data : "";
}

static void add_title(df__buf *out, const dfproc_watch *w, const char *what, int colour)
{
    df__buf_printf(out, "  %s%s%s%s\n", colour ? "\033[1m" : "", w->stage, colour ? "\033[0m" : "",
                   what);
}

/* ---- as text ------------------------------------------------------------------------------ */

static size_t add_refusals(df__buf *out, dfproc_refusals *r, const dfproc_seen *from,
                           const char *where, int colour)
{
    dfproc_refusal *row;
    size_t count = 0;
    for (; (row = dfproc_next_refusal(r, from, where)) != NULL; count++) {
        df__buf_printf(out, "  %s%s%s: %srefused%s (%s): %s\n", colour ? "\033[1m" : "",
                       *row->where ? row->where : "source", colour ? "\033[0m" : "",
                       colour ? "\033[31m" : "", colour ? "\033[0m" : "", row->reason,
                       row->message);
        if (r->has_sink)
            df__buf_printf(out, "  goes to %s\n", r->sink);
        else
            df__buf_str(out, "  there is no error sink: the flow would stop here, or go on without "
                             "the record with errors.policy: skip\n");
    }
    return count;
}

/* What one stage did to the records of one input. */
static void add_step(df__buf *out, const dfproc_watch *w, const group *before, const group *after,
                     int colour)
{
    app_diff how = {"    ", colour, 2};
    df__buf a, b, diff;
    df__buf_init(&a, &df__heap_libc);
    df__buf_init(&b, &df__heap_libc);
    df__buf_init(&diff, &df__heap_libc);
    for (size_t i = 0; i < after->count; i++) {
        char what[96];
        const dfproc_seen *from = before->count == after->count ? before->rows[i] : before->rows[0];
        size_t changed;
        df__buf_clear(&diff);
        changed = app_diff_lines(&diff, text_of(&a, from), text_of(&b, after->rows[i]), &how);
        if (after->count > 1)
            snprintf(what, sizeof what, ": record %zu of %zu%s", i + 1, after->count,
                     changed ? "" : ", unchanged");
        else
            snprintf(what, sizeof what, "%s", changed ? "" : ": unchanged");
        add_title(out, w, what, colour);
        if (changed)
            df__buf_add(out, diff.data, diff.len);
    }
    df__buf_free(&a);
    df__buf_free(&b);
    df__buf_free(&diff);
}

/* Dispatch is after the last transformation: the route that was chosen, else the main sink. */
static int goes_to(const dfproc_watch *sink, const dfproc_seen *seen)
{
    if (strcmp(sink->role, "sink"))
        return 0;
    if (seen->route[0])
        return !strcmp(sink->route, seen->route);
    return !sink->route[0] || !strcmp(sink->route, "default");
}

static size_t add_sinks(df__buf *out, const dfproc_capture *c, const group *last)
{
    size_t count = 0;
    for (size_t k = 0; k < last->count; k++)
        for (size_t i = 1; i < c->count; i++)
            if (goes_to(&c->watches[i], last->rows[k])) {
                df__buf_printf(out, "  goes to %s%s%s\n", c->watches[i].stage,
                               last->rows[k]->route[0] ? ", because " : "", last->rows[k]->route);
                count++;
            }
    return count;
}

static void add_input(df__buf *out, const dfproc_watch *source, size_t index, int colour)
{
    const dfproc_seen *seen = &source->rows[index];
    app_diff how = {"    ", 0, -1};
    const char *shown;
    df__buf text;
    df__buf_init(&text, &df__heap_libc);
    df__buf_printf(out, "record %zu", index + 1);
    if (seen->offset >= 0)
        df__buf_printf(out, " (%s offset %lld)", seen->partition, (long long)seen->offset);
    df__buf_char(out, '\n');
    shown = text_of(&text, seen);
    add_title(out, source, "", colour);
    app_diff_lines(out, shown, shown, &how);
    df__buf_free(&text);
}

/* How often it goes to a sink. */
static size_t add_record(df__buf *out, const dfproc_capture *c, dfproc_refusals *r, size_t index,
                         int colour)
{
    const dfproc_seen *from = &c->watches[0].rows[index];
    group before = {{from}, 1}, after;
    add_input(out, &c->watches[0], index, colour);
    if (add_refusals(out, r, from, "", colour))
        return 0; /* what the source refuses reaches no stage */
    for (size_t i = 1; i < c->count && before.count; i++) {
        const dfproc_watch *w = &c->watches[i];
        if (strcmp(w->role, "transform"))
            continue;
        find_group(&c->watches[0], index, w, &after);
        add_step(out, w, &before, &after, colour);
        if (!add_refusals(out, r, from, w->stage, colour) && !after.count)
            add_title(out, w, ": not passed on", colour);
        before = after;
    }
    add_refusals(out, r, from, NULL, colour);
    return add_sinks(out, c, &before);
}

/* ---- as JSON ------------------------------------------------------------------------------ */

static void add_json_header(df__buf *out, const dfproc_seen_header *h, size_t index)
{
    df__buf_str(out, index ? ",{\"name\":" : "{\"name\":");
    df__buf_json(out, h->name, h->name_len);
    df__buf_str(out, ",\"value\":");
    if (h->value)
        df__buf_json(out, h->value, h->value_len);
    else
        df__buf_str(out, "null");
    df__buf_char(out, '}');
}

/* {"payload", "key", "headers"} of one row. */
static void add_json_row(df__buf *out, const dfproc_seen *seen)
{
    char err[200];
    yyjson_doc *doc =
        seen->payload ? app_json_read(seen->payload, seen->payload_len, err, sizeof err) : NULL;
    df__buf_str(out, "{\"payload\":");
    if (doc)
        app_json_write(out, yyjson_doc_get_root(doc));
    else if (seen->payload)
        df__buf_json(out, seen->payload, seen->payload_len);
    else
        df__buf_str(out, "null");
    if (seen->key) {
        df__buf_str(out, ",\"key\":");
        df__buf_json(out, seen->key, seen->key_len);
    }
    df__buf_str(out, seen->header_count ? ",\"headers\":[" : "");
    for (size_t i = 0; i < seen->header_count; i++)
        add_json_header(out, &seen->headers[i], i);
    df__buf_str(out, seen->header_count ? "]}" : "}");
    yyjson_doc_free(doc);
}

static void add_json_refusals(df__buf *out, dfproc_refusals *r, const dfproc_seen *from)
{
    dfproc_refusal *row;
    const char *before = ",\"refused\":[";
    for (; (row = dfproc_next_refusal(r, from, NULL)) != NULL; before = ",") {
        df__buf_printf(out, "%s{\"stage\":", before);
        df__buf_json(out, row->where, strlen(row->where));
        df__buf_str(out, ",\"reason\":");
        df__buf_json(out, row->reason, strlen(row->reason));
        df__buf_str(out, ",\"message\":");
        df__buf_json(out, row->message, strlen(row->message));
        df__buf_char(out, '}');
    }
    if (*before == ',' && !before[1])
        df__buf_char(out, ']');
}

static void add_json_stage(df__buf *out, const dfproc_watch *w, const group *g)
{
    df__buf_str(out, "{\"stage\":");
    df__buf_json(out, w->stage, strlen(w->stage));
    df__buf_printf(out, ",\"role\":\"%s\",\"out\":[", w->role);
    for (size_t k = 0; k < g->count; k++) {
        if (k)
            df__buf_char(out, ',');
        add_json_row(out, g->rows[k]);
    }
    df__buf_str(out, "]}");
}

static void add_json_sinks(df__buf *out, const dfproc_capture *c, const group *last)
{
    for (size_t i = 1; i < c->count; i++) {
        group g = {{NULL}, 0};
        if (strcmp(c->watches[i].role, "sink"))
            continue;
        for (size_t k = 0; k < last->count; k++)
            if (goes_to(&c->watches[i], last->rows[k]))
                g.rows[g.count++] = last->rows[k];
        df__buf_char(out, ',');
        add_json_stage(out, &c->watches[i], &g);
    }
}

static void add_json_record(df__buf *out, const dfproc_capture *c, dfproc_refusals *r, size_t index)
{
    const dfproc_seen *from = &c->watches[0].rows[index];
    group last = {{from}, 1};
    df__buf_printf(out, "{\"record\":%zu,\"partition\":", index + 1);
    df__buf_json(out, from->partition, strlen(from->partition));
    df__buf_printf(out, ",\"offset\":%lld,\"stages\":[", (long long)from->offset);
    add_json_stage(out, &c->watches[0], &last);
    for (size_t i = 1; i < c->count; i++)
        if (!strcmp(c->watches[i].role, "transform")) {
            find_group(&c->watches[0], index, &c->watches[i], &last);
            df__buf_char(out, ',');
            add_json_stage(out, &c->watches[i], &last);
        }
    add_json_sinks(out, c, &last);
    df__buf_char(out, ']');
    add_json_refusals(out, r, from);
    df__buf_str(out, "}\n");
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* Rows of a stage that no record can be said to have caused. */
static void add_rest(df__buf *out, const dfproc_capture *c, int colour)
{
    const dfproc_watch *source = &c->watches[0];
    for (size_t i = 1; i < c->count; i++) {
        const dfproc_watch *w = &c->watches[i];
        app_diff how = {"    ", 0, -1};
        df__buf text;
        if (strcmp(w->role, "transform") || !source->count || source->rows[0].offset >= 0 ||
            w->count == source->count || !w->count)
            continue;
        add_title(out, w, ": passed on", colour);
        df__buf_init(&text, &df__heap_libc);
        for (size_t k = 0; k < w->count; k++) {
            const char *t = text_of(&text, &w->rows[k]);
            app_diff_lines(out, t, t, &how);
        }
        df__buf_free(&text);
    }
}

static int wants_colour(const app_args *args)
{
    const char *when = app_args_value(args, "colour"), *plain = getenv("NO_COLOR");
    if (when && strcmp(when, "auto"))
        return !strcmp(when, "always");
    return isatty(STDOUT_FILENO) && !(plain && *plain);
}

void dfproc_preview_show(df__buf *out, const dfproc_capture *c, const dfproc_preview_how *how)
{
    const dfproc_watch *source = &c->watches[0];
    dfproc_refusals r = {.has_sink = how->has_sink};
    size_t to_sinks = 0;
    if (dfproc_refusals_read(&r, c) < 0)
        out->failed = 1;
    for (size_t i = 0; i < source->count; i++)
        if (how->json)
            add_json_record(out, c, &r, i);
        else
            to_sinks += add_record(out, c, &r, i, how->colour);
    if (!how->json) {
        add_rest(out, c, how->colour);
        add_refusals(out, &r, NULL, NULL, how->colour); /* of records without offsets */
    }
    if (!how->json && !source->count)
        df__buf_str(out, "no records\n");
    if (to_sinks)
        df__buf_str(out, "nothing was written: what a sink itself refuses, such as a value that "
                         "does not fit its column, shows when the flow runs\n");
    dfproc_refusals_free(&r);
}

static int print_all(const app_args *args, const dfproc_capture *c, int has_sink)
{
    dfproc_preview_how how = {app_args_value(args, "json") != NULL, wants_colour(args), has_sink};
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    dfproc_preview_show(&out, c, &how);
    return dfproc_print(&out);
}

static int has_error_sink(yyjson_doc *plan)
{
    yyjson_val *stage;
    size_t at, count;
    yyjson_arr_foreach (yyjson_obj_get(yyjson_doc_get_root(plan), "stages"), at, count, stage)
        if (!strcmp(app_json_text(stage, "role"), "error_sink"))
            return 1;
    return 0;
}

/* The plan, with an error sink in any case: what is refused must be seen, not end the preview. */
static yyjson_doc *plan_of(dfproc_flow *flow, int *ret_has_sink)
{
    static const df_stage_def errors = {
        .size = sizeof errors, .role = DF_ERROR_SINK, .name = "errors", .kind = "null"};
    yyjson_doc *plan = dfproc_report(flow, DF_REPORT_PLAN);
    *ret_has_sink = has_error_sink(plan);
    if (plan && !*ret_has_sink && df_pipeline_add(flow->pipeline, &errors) == DF_OK) {
        yyjson_doc_free(plan);
        plan = dfproc_report(flow, DF_REPORT_PLAN);
    }
    return plan;
}

/* Runs without effects until n records were read or nothing is left. */
static int run_dry(dfproc_flow *flow, dfproc_capture *c, uint64_t n)
{
    df_run_options run = {.size = sizeof run, .limit = n, .until_exhausted = 1, .dry = 1};
    int rc = df_pipeline_start(flow->pipeline, &run), ended;
    if (rc < 0) /* later failures are logged by the library */
        dfproc_fail("%s", df_pipeline_errmsg(flow->pipeline));
    else
        do {
            ended = (rc = df_pipeline_wait(flow->pipeline, 10)) != DF_AGAIN;
            dfproc_capture_take(c);
        } while (!ended);
    if (c->failed)
        return dfproc_fail("out of memory");
    return dfproc_exit_code(rc);
}

int dfproc_preview(const app_args *args)
{
    dfproc_flow flow;
    dfproc_capture c = {0};
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    const char *number = app_args_value(args, "number");
    long long n = 10;
    yyjson_doc *plan = NULL;
    int rc, has_sink = 0;
    if (number && app_args_number(number, 1, 100000, &n) < 0)
        return app_misuse(args, "-n is 1 to 100000, not \"%s\"", number);
    rc = dfproc_open(&flow, getenv("LOG_LEVEL") ? 0 : DF_LOG_WARN, APP_LOG_TEXT);
    if (rc == EXIT_DONE)
        rc = dfproc_ready(&flow, args, &options, args->operands[0]);
    if (rc == EXIT_DONE && !(plan = plan_of(&flow, &has_sink)))
        rc = dfproc_fail("no plan: %s", df_pipeline_errmsg(flow.pipeline));
    if (rc == EXIT_DONE)
        rc = dfproc_capture_open(&c, plan, DFPROC_SINKS | DFPROC_OTHERS);
    if (rc == EXIT_DONE)
        rc = dfproc_capture_ports(&c, flow.pipeline, DF_TAP);
    if (rc == EXIT_DONE) {
        int ended = run_dry(&flow, &c, (uint64_t)n);
        rc = print_all(args, &c, has_sink);
        rc = ended ? ended : rc;
    }
    dfproc_capture_close(&c);
    dfproc_capture_free(&c);
    yyjson_doc_free(plan);
    dfproc_close(&flow);
    return rc;
}
