/* SPDX-License-Identifier: Apache-2.0
 * status_page.c: the status page as HTML, see status_page.h. */
#include "status_page.h"

#include <stdio.h>
#include <string.h>

#include "json.h"

static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;"
    "color:#222;background:#fff}h1{font-size:1.4em}h2{font-size:1.1em;margin-top:1.6em}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.25em .9em .25em 0;"
    "border-bottom:1px solid #ddd;vertical-align:top}td.n,th.n{text-align:right}"
    ".bad{color:#b00020}.good{color:#06662d}small{color:#666}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}"
    "th,td{border-color:#333}.bad{color:#ff7b86}.good{color:#6fd08c}small{color:#999}}";

static void add_escaped(df__buf *out, const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p == '<')
            df__buf_str(out, "&lt;");
        else if (*p == '>')
            df__buf_str(out, "&gt;");
        else if (*p == '&')
            df__buf_str(out, "&amp;");
        else if (*p == '"')
            df__buf_str(out, "&quot;");
        else
            df__buf_char(out, *p);
}

static void add_row(df__buf *out, const char *name, const char *value)
{
    df__buf_str(out, "<tr><th>");
    add_escaped(out, name);
    df__buf_str(out, "</th><td>");
    add_escaped(out, value);
    df__buf_str(out, "</td></tr>\n");
}

typedef struct column {
    const char *title, *member;
    int number;
} column;

static const column stage_columns[] = {{"stage", "name", 0},    {"role", "role", 0},
                                       {"kind", "kind", 0},     {"state", "state", 0},
                                       {"in", "in", 1},         {"in/s", "in_per_second", 1},
                                       {"out", "out", 1},       {"out/s", "out_per_second", 1},
                                       {"errors", "errors", 1}, {"retries", "retries", 1},
                                       {"queued", "queued", 1}, {"last error", "last_error", 0},
                                       {NULL, NULL, 0}};

static const column partition_columns[] = {{"partition", "name", 0},
                                           {"lag", "lag", 1},
                                           {"uncommitted", "uncommitted", 1},
                                           {"held by", "held_by", 0},
                                           {NULL, NULL, 0}};

/* What a cell shows: -1 and null mean unknown, large numbers get commas. */
static const char *cell_text(yyjson_val *row, const column *c, char *buf, size_t len)
{
    yyjson_val *v = yyjson_obj_get(row, c->member);
    const char *value = app_json_scalar(v, buf, len);
    if (!value || yyjson_is_null(v))
        return "";
    if (!c->number || !yyjson_is_raw(v))
        return value;
    if (*value == '-')
        return "";
    return app_text_count(buf, len, (uint64_t)app_json_number(row, c->member));
}

static void add_cell(df__buf *out, yyjson_val *row, const column *c)
{
    char buf[64];
    const char *value = cell_text(row, c, buf, sizeof buf);
    const char *waits_for = strcmp(c->member, "state") ? "" : app_json_text(row, "waits_for");
    int bad = !strcmp(c->member, "last_error") ||
              (!strcmp(c->member, "state") && !strcmp(value, "backoff"));
    df__buf_printf(out, "<td%s>", c->number ? " class=n" : bad ? " class=bad" : "");
    add_escaped(out, value);
    if (*waits_for) {
        df__buf_str(out, " for ");
        add_escaped(out, waits_for);
    }
    df__buf_str(out, "</td>");
}

static void add_table(df__buf *out, yyjson_val *rows, const char *title, const column *columns)
{
    size_t at, count;
    yyjson_val *row;
    if (yyjson_arr_size(rows) == 0)
        return;
    df__buf_printf(out, "<h2>%s</h2>\n<table><tr>", title);
    for (const column *c = columns; c->title; c++)
        df__buf_printf(out, "<th%s>%s</th>", c->number ? " class=n" : "", c->title);
    df__buf_str(out, "</tr>\n");
    yyjson_arr_foreach (rows, at, count, row) {
        df__buf_str(out, "<tr>");
        for (const column *c = columns; c->title; c++)
            add_cell(out, row, c);
        df__buf_str(out, "</tr>\n");
    }
    df__buf_str(out, "</table>\n");
}

/* "at-least-once", or {"level", "why", ...} as the plan has it. */
static const char *guarantee_of(yyjson_val *root)
{
    yyjson_val *g = yyjson_obj_get(root, "guarantee");
    return yyjson_is_obj(g) ? app_json_text(g, "level") : app_json_text(root, "guarantee");
}

static void add_facts(df__buf *out, const app_page *page, yyjson_val *root)
{
    char text[96], a[32], b[32];
    const df_stats *st = page->stats;
    df__buf equation;
    df__buf_str(out, "<table>\n");
    add_row(out, "state", app_json_text(root, "state"));
    add_row(out, "guarantee", guarantee_of(root));
    snprintf(text, sizeof text, "%s, %s", page->ready ? "ready" : "not ready",
             page->live ? "live" : "no progress");
    add_row(out, "probes", text);
    snprintf(text, sizeof text, "%s records/s in",
             app_text_count(a, sizeof a, (uint64_t)(page->rate + 0.5)));
    add_row(out, "rate", text);
    if (st->lag_records >= 0)
        add_row(out, "lag", app_text_count(a, sizeof a, (uint64_t)st->lag_records));
    if (st->left_out)
        add_row(out, "left out", app_text_count(a, sizeof a, st->left_out));
    add_row(out, "errors", app_text_count(a, sizeof a, st->errored + st->skipped));
    add_row(out, "retries", app_text_count(a, sizeof a, st->retries));
    snprintf(text, sizeof text, "%s of %s", app_text_bytes(a, sizeof a, st->budget_used),
             app_text_bytes(b, sizeof b, st->budget_limit));
    add_row(out, "memory budget", text);
    add_row(out, "running for", app_text_seconds(a, sizeof a, page->uptime_s));
    df__buf_init(&equation, &df__heap_libc);
    app_progress_equation(&equation, st);
    if (df__buf_cstr(&equation))
        add_row(out, "records", equation.data);
    df__buf_free(&equation);
    df__buf_str(out, "</table>\n");
}

void app_status_page(df__buf *out, const app_page *page)
{
    char err[200];
    yyjson_doc *doc = app_json_read(page->status, page->status_len, err, sizeof err);
    yyjson_val *root = yyjson_doc_get_root(doc);
    df__buf_str(out, "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
                     "<meta name=viewport content=\"width=device-width\">"
                     "<meta http-equiv=refresh content=3><title>");
    add_escaped(out, page->title);
    df__buf_printf(out, "</title><style>%s</style></head><body>\n<h1>", style);
    add_escaped(out, page->title);
    df__buf_str(out, "</h1>\n");
    add_facts(out, page, root);
    add_table(out, yyjson_obj_get(root, "stages"), "Stages", stage_columns);
    add_table(out, yyjson_obj_get(root, "partitions"), "Partitions", partition_columns);
    df__buf_str(out, "<p><small><a href=\"/status\">status as JSON</a> "
                     "<a href=\"/metrics\">metrics</a> dataflow ");
    add_escaped(out, page->version);
    df__buf_str(out, "</small></p>\n</body></html>\n");
    yyjson_doc_free(doc);
}
