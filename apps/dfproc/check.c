/* SPDX-License-Identifier: Apache-2.0
 * check.c: validate, explain, fmt: what can be said about a manifest without running it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/help.h"
#include "common/progress.h"
#include "common/visible.h"
#include "dfproc/dfproc.h"
#include "dfproc/run.h"

enum { INDENT = 12 };

typedef struct validation {
    const app_args *args;
    df__buf *flows, *problems; /* JSON objects; NULL: for people */
    df_pipeline_options options;
} validation;

/* A file of cases instead of a manifest is a likely mistake. */
static void hint_cases(const dfproc_flow *flow)
{
    for (size_t i = 0;; i++) {
        df_problem p = {.size = sizeof p};
        if (df_pipeline_problem_at(flow->pipeline, i, &p) != DF_OK)
            return;
        if (p.field && !strcmp(p.field, "spec.cases"))
            dfproc_fail("%s is a file of cases: dfproc test runs it", flow->file);
    }
}

/* Of several flows in one file each is chosen by its name. */
static void note_unchosen(const dfproc_flow *flow, const app_document *d)
{
    char text[600];
    df__text_printf(text, sizeof text,
                    "%s:%d:1: note: --name cannot choose this flow: give it a metadata.name of "
                    "its own",
                    flow->file, d->line);
    dfproc_note(text);
}

/* An object in the list of --json. d: of several in one file; else NULL. */
static void add_result(df__buf *out, const dfproc_flow *flow, const app_document *d, int rc,
                       const df__buf *stages)
{
    df__buf_str(out, out->len ? ",{\"file\":" : "{\"file\":");
    df__buf_json(out, flow->file, strlen(flow->file));
    df__buf_str(out, ",\"name\":");
    if (d && d->name[0])
        df__buf_json(out, d->name, strlen(d->name));
    else
        df__buf_str(out, "null");
    if (d)
        df__buf_printf(out, ",\"line\":%d", d->line);
    df__buf_printf(out, ",\"ok\":%s", rc == EXIT_DONE ? "true" : "false");
    if (stages->len) {
        df__buf_str(out, ",\"stages\":[");
        df__buf_add(out, stages->data, stages->len);
        df__buf_char(out, ']');
    }
    df__buf_char(out, '}');
}

static void tell_result(const validation *v, const dfproc_flow *flow, const app_document *d, int rc,
                        const df__buf *stages)
{
    char title[DFPROC_TITLE] = "";
    if (d && !dfproc_title(flow, d, title, sizeof title))
        note_unchosen(flow, d);
    if (v->flows)
        add_result(v->flows, flow, d, rc, stages);
    else if (rc == EXIT_DONE)
        printf("%s: %s%sok\n", flow->file, title, *title ? ": " : "");
}

static int validate_one(const validation *v, dfproc_flow *flow, const app_document *d)
{
    df__buf stages;
    int rc, is_good;
    df__buf_init(&stages, &df__heap_libc);
    rc = dfproc_build(flow, &v->options, 0);
    is_good = rc == EXIT_DONE;
    if (is_good && app_args_value(v->args, "connect"))
        rc = dfproc_connect(flow, v->flows ? &stages : NULL);
    tell_result(v, flow, d, rc, &stages);
    df__buf_free(&stages);
    if (!is_good && rc == EXIT_USAGE)
        hint_cases(flow);
    return rc;
}

static int validate_all(const validation *v, dfproc_flow *flow)
{
    int worst = EXIT_DONE;
    dfproc_tell_left_out(flow);
    for (size_t i = 0; i < flow->documents.count; i++) {
        int rc;
        if (!flow->documents.rows[i].is_flow)
            continue;
        rc = dfproc_take(flow, i);
        if (rc == EXIT_DONE)
            rc = validate_one(v, flow, &flow->documents.rows[i]);
        worst = rc > worst ? rc : worst;
    }
    return worst;
}

/* Every flow of a file, or the one of that name. */
static int validate_file(validation *v, const char *file)
{
    const char *name = app_args_value(v->args, "name");
    dfproc_flow flow;
    int rc = dfproc_open(&flow, 0, APP_LOG_TEXT);
    flow.problems = v->problems;
    if (rc == EXIT_DONE)
        rc = dfproc_reach(v->args, &flow, &v->options);
    flow.secrets_dir = app_args_value(v->args, "secrets-dir");
    flow.secrets_from_file = app_args_value(v->args, "secrets-from-file") != NULL;
    if (rc == EXIT_DONE)
        rc = dfproc_read(&flow, file);
    if (rc == EXIT_DONE && !name && dfproc_flows(&flow) > 1) {
        rc = validate_all(v, &flow);
    } else if (rc == EXIT_DONE) {
        rc = dfproc_choose(&flow, name);
        if (rc == EXIT_DONE)
            rc = validate_one(v, &flow, NULL);
    }
    dfproc_close(&flow);
    return rc;
}

int dfproc_validate(const app_args *args)
{
    df__buf flows, problems, out;
    int json = app_args_value(args, "json") != NULL, worst = EXIT_DONE;
    validation v = {args, json ? &flows : NULL, json ? &problems : NULL, DF_PIPELINE_OPTIONS_INIT};
    df__buf_init(&flows, &df__heap_libc);
    df__buf_init(&problems, &df__heap_libc);
    df__buf_init(&out, &df__heap_libc);
    dfproc_messages_json(v.problems);
    for (int i = 0; i < args->operand_count; i++) {
        int rc = validate_file(&v, args->operands[i]);
        worst = rc > worst ? rc : worst;
    }
    dfproc_messages_json(NULL);
    if (json) {
        df__buf_printf(&out, "{\"ok\":%s,\"flows\":[", worst == EXIT_DONE ? "true" : "false");
        df__buf_add(&out, flows.data ? flows.data : "", flows.len);
        df__buf_str(&out, "],\"problems\":[");
        df__buf_add(&out, problems.data ? problems.data : "", problems.len);
        df__buf_str(&out, "]}\n");
        out.failed |= flows.failed | problems.failed;
        if (dfproc_print(&out) != EXIT_DONE)
            worst = EXIT_FAILED;
    }
    df__buf_free(&flows);
    df__buf_free(&problems);
    return worst;
}

static void add_line(df__buf *out, const char *name, const char *value)
{
    if (value && *value)
        df__buf_printf(out, "%-11s %s\n", name, value);
}

static void add_sub(df__buf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    df__buf_printf(out, "%-*s%s", (int)INDENT, "", name);
    app_text_wrap(out, value, INDENT, INDENT + strlen(name));
}

/* A text of the manifest, on one line and without what a terminal obeys. */
static void add_text(df__buf *out, const char *before, const char *text, const char *after)
{
    df__buf_str(out, before);
    app_visible(out, text, strlen(text), 0);
    df__buf_str(out, after);
}

static void add_stage(df__buf *out, yyjson_val *stage)
{
    const char *name = app_json_text(stage, "name"), *kind = app_json_text(stage, "kind");
    const char *route = app_json_text(stage, "route");
    df__buf_printf(out, "  %-10s ", app_json_text(stage, "role"));
    add_text(out, "", name, "");
    if (*kind && strcmp(kind, name))
        add_text(out, " (", kind, ")");
    if (*app_json_text(stage, "when"))
        add_text(out, ", when ", app_json_text(stage, "when"), "");
    if (*route && strcmp(route, "default") && strcmp(route, "error"))
        add_text(out, ", gets records with ", route, "");
    if (*app_json_text(stage, "about"))
        add_text(out, ": ", app_json_text(stage, "about"), "");
    df__buf_char(out, '\n');
}

static void add_memory(df__buf *out, yyjson_val *memory)
{
    static const char *const parts[] = {"prefetch", "reserve", "flow"};
    char text[32];
    if (!memory)
        return;
    df__buf_printf(out, "%-11s %s", "memory",
                   app_text_bytes(text, sizeof text, (uint64_t)app_json_number(memory, "limit")));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        df__buf_printf(
            out, "%s%s %s", i ? ", " : ": ", parts[i],
            app_text_bytes(text, sizeof text, (uint64_t)app_json_number(memory, parts[i])));
    df__buf_char(out, '\n');
}

static void add_plan(df__buf *out, yyjson_val *plan)
{
    yyjson_val *who = yyjson_obj_get(plan, "pipeline");
    yyjson_val *guarantee = yyjson_obj_get(plan, "guarantee"), *stage;
    size_t at, count;
    df__buf_printf(out, "%-11s ", "pipeline");
    if (*app_json_text(who, "namespace"))
        add_text(out, "", app_json_text(who, "namespace"), "/");
    add_text(out, "", app_json_text(who, "name"), "\n");
    add_line(out, "guarantee", app_json_text(guarantee, "level"));
    add_sub(out, "because", app_json_text(guarantee, "why"));
    add_sub(out, "duplicates:", app_json_text(guarantee, "duplicates"));
    if (*app_json_text(guarantee, "commits"))
        add_sub(out, "commits:", app_json_text(guarantee, "commits"));
    add_line(out, "positions", app_json_text(plan, "position"));
    add_memory(out, yyjson_obj_get(plan, "memory"));
    df__buf_str(out, "stages\n");
    yyjson_arr_foreach (yyjson_obj_get(plan, "stages"), at, count, stage)
        add_stage(out, stage);
    if (yyjson_arr_size(yyjson_obj_get(plan, "links")))
        df__buf_str(out, "links\n");
    yyjson_arr_foreach (yyjson_obj_get(plan, "links"), at, count, stage) {
        add_text(out, "  ", app_json_text(stage, "from"), " --");
        add_text(out, "", app_json_text(stage, "exit"), "--> ");
        add_text(out, "", app_json_text(stage, "to"), "\n");
    }
}

static int plan_load(void *user, const char *stage, const char *partition, df_answer *answer)
{
    (void)user;
    (void)stage;
    (void)partition;
    (void)answer;
    return DF_ENOTFOUND;
}

static int plan_save(void *user, const df_state *rows, size_t count)
{
    (void)user;
    (void)rows;
    (void)count;
    return DF_ENOTSUP;
}

/* The plan of `dfproc run`, which has a store where one is useful, and a name. */
static yyjson_doc *plan_of(dfproc_flow *flow)
{
    char name[256];
    df_store store = {.size = sizeof store, .load = plan_load, .save = plan_save};
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    yyjson_doc *plan = dfproc_report(flow, DF_REPORT_PLAN);
    yyjson_val *root = yyjson_doc_get_root(plan);
    int has_name = !plan || dfproc_is_named(root);
    int has_store = plan && !strcmp(app_json_text(root, "position"), "store");
    if (has_name && !has_store)
        return plan;
    yyjson_doc_free(plan);
    dfproc_name_by_file(flow->file, name, sizeof name);
    options.resolve = df_resolve_process;
    options.store = has_store ? &store : NULL;
    options.name = has_name ? NULL : name;
    dfproc_build(flow, &options, 1);
    return dfproc_report(flow, DF_REPORT_PLAN);
}

int dfproc_explain(const app_args *args)
{
    dfproc_flow flow;
    df__buf out;
    yyjson_doc *plan = NULL;
    int rc = dfproc_load(&flow, args);
    df__buf_init(&out, &df__heap_libc);
    if (rc == EXIT_DONE && !(plan = plan_of(&flow)))
        rc = dfproc_fail("%s: no plan: %s", args->operands[0], df_pipeline_errmsg(flow.pipeline));
    if (plan && app_args_value(args, "json")) {
        app_json_pretty(&out, yyjson_doc_get_root(plan), 0);
        df__buf_char(&out, '\n');
    } else if (plan) {
        add_plan(&out, yyjson_doc_get_root(plan));
    }
    if (rc == EXIT_DONE)
        rc = dfproc_print(&out);
    yyjson_doc_free(plan);
    df__buf_free(&out);
    dfproc_close(&flow);
    return rc;
}

/* Replaces a file by way of a new one beside it, so that a full disk loses nothing. */
static int replace_file(const char *file, const df__buf *content)
{
    char path[4096];
    struct stat old;
    int fd, ok;
    if (snprintf(path, sizeof path, "%s.XXXXXX", file) >= (int)sizeof path || stat(file, &old) < 0)
        return dfproc_fail("%s: %s", file, strerror(errno));
    fd = mkstemp(path);
    if (fd < 0)
        return dfproc_fail("%s: %s", path, strerror(errno));
    ok = write(fd, content->data, content->len) == (ssize_t)content->len &&
         !fchmod(fd, old.st_mode & 07777) && !fsync(fd);
    ok = !close(fd) && ok && !rename(path, file);
    if (ok)
        return EXIT_DONE;
    dfproc_fail("%s: %s", file, strerror(errno));
    unlink(path);
    return EXIT_FAILED;
}

/* Formats one document. Lines before it only give problems their place. */
static int format_one(dfproc_flow *flow, df__buf *out)
{
    df_text in = {sizeof in, flow->file, flow->manifest.data, flow->manifest.len};
    int status = df_env_format(flow->env, &in, dfproc_write, out);
    if (status == DF_OK)
        return EXIT_DONE;
    dfproc_fail("%s", df_env_errmsg(flow->env));
    return status == DF_ESPEC ? EXIT_USAGE : EXIT_FAILED;
}

/* Each flow of the file in the new layout, what stands between them as it is. */
static int format_all(dfproc_flow *flow, df__buf *out)
{
    const app_documents *all = &flow->documents;
    size_t done = 0;
    int rc = EXIT_DONE;
    if (all->count < 2) {
        rc = dfproc_take(flow, 0);
        return rc == EXIT_DONE ? format_one(flow, out) : rc;
    }
    for (size_t i = 0; rc == EXIT_DONE && i < all->count; i++) {
        const app_document *d = &all->rows[i];
        df__buf one;
        if (!d->is_flow)
            continue;
        df__buf_init(&one, &df__heap_libc);
        rc = dfproc_take(flow, i);
        if (rc == EXIT_DONE)
            rc = format_one(flow, &one);
        df__buf_add(out, flow->whole.data + done, d->begin - done);
        if (rc == EXIT_DONE && one.len >= (size_t)d->line - 1)
            df__buf_add(out, one.data + d->line - 1, one.len - ((size_t)d->line - 1));
        done = d->end;
        df__buf_free(&one);
    }
    df__buf_add(out, flow->whole.data + done, flow->whole.len - done);
    return rc;
}

int dfproc_fmt(const app_args *args)
{
    dfproc_flow flow;
    df__buf out;
    int rc = dfproc_open(&flow, 0, APP_LOG_TEXT);
    df__buf_init(&out, &df__heap_libc);
    if (rc == EXIT_DONE)
        rc = dfproc_read(&flow, args->operands[0]);
    if (rc == EXIT_DONE)
        rc = format_all(&flow, &out);
    if (rc == EXIT_DONE) {
        const df__buf *in = &flow.whole;
        int changed = out.len != in->len || (in->len && memcmp(out.data, in->data, in->len) != 0);
        if (app_args_value(args, "check"))
            rc = changed ? EXIT_FAILED : EXIT_DONE;
        else if (app_args_value(args, "write"))
            rc = changed ? replace_file(flow.file, &out) : EXIT_DONE;
        else
            rc = dfproc_print(&out);
    }
    df__buf_free(&out);
    dfproc_close(&flow);
    return rc;
}
