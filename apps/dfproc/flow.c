/* SPDX-License-Identifier: Apache-2.0
 * flow.c: from a file to a checked pipeline, and reports about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/process.h"
#include "dfproc/dfproc.h"

enum { MANIFEST_MAX = 16 << 20, PROBLEMS_KEPT = 100 };

static int64_t wall_clock(void *user)
{
    dfproc_flow *flow = user;
    struct timeval now;
    if (flow->frozen)
        return flow->frozen_us;
    gettimeofday(&now, NULL);
    return (int64_t)now.tv_sec * 1000000 + now.tv_usec;
}

static void log_line(void *user, int level, const char *line)
{
    dfproc_flow *flow = user;
    app_console_log(&flow->console, level, line);
}

/* Shared objects of the user, so that what they bring works like what is built in. */
static int load_plugins(dfproc_flow *flow)
{
    const char *at = getenv("DATAFLOW_PLUGINS");
    char path[4096];
    for (; at && *at; at += *at == ':') {
        size_t len = strcspn(at, ":");
        df__text_set(path, sizeof path, at, len);
        at += len;
        if (len && df_env_load_plugin(flow->env, path) < 0)
            return dfproc_fail("DATAFLOW_PLUGINS: %s", df_env_errmsg(flow->env));
    }
    return EXIT_DONE;
}

int dfproc_open(dfproc_flow *flow, int level, int format)
{
    int rc;
    df_env_options options = DF_ENV_OPTIONS_INIT;
    memset(flow, 0, sizeof *flow);
    df__buf_init(&flow->whole, &df__heap_libc);
    df__buf_init(&flow->manifest, &df__heap_libc);
    df__buf_init(&flow->variables, &df__heap_libc);
    app_console_init(&flow->console, STDERR_FILENO, level, format);
    dfproc_messages(&flow->console);
    options.log = log_line;
    options.log_level = flow->console.level;
    options.now_us = wall_clock;
    options.user = flow;
    flow->env = df_env_new(&options);
    if (!flow->env)
        return dfproc_fail("out of memory");
    rc = load_plugins(flow);
    if (rc != EXIT_DONE)
        dfproc_close(flow);
    return rc;
}

int dfproc_read(dfproc_flow *flow, const char *file)
{
    char err[400];
    flow->file = file;
    if (app_file_read(file, MANIFEST_MAX, &flow->whole, err, sizeof err) < 0)
        return dfproc_fail("%s", err);
    if (!flow->whole.data && !df__buf_cstr(&flow->whole))
        return dfproc_fail("out of memory");
    if (app_documents_read(&flow->documents, flow->whole.data, flow->whole.len) < 0)
        return dfproc_fail("out of memory");
    return EXIT_DONE;
}

static void print_problems(dfproc_flow *flow)
{
    df_problem p;
    for (size_t i = 0;; i++) {
        memset(&p, 0, sizeof p);
        p.size = sizeof p;
        if (df_pipeline_problem_at(flow->pipeline, i, &p) != DF_OK) {
            if (i >= PROBLEMS_KEPT)
                dfproc_fail("%s: more problems than %d are not shown", flow->file, PROBLEMS_KEPT);
            return;
        }
        dfproc_tell_problem(flow, &p);
    }
}

int dfproc_build(dfproc_flow *flow, const df_pipeline_options *options, int quiet)
{
    df_text text = {sizeof text, flow->file, flow->manifest.data, flow->manifest.len};
    df_problem first = {.size = sizeof first};
    df_pipeline_options own = *options;
    int rc;
    if (!text.text)
        text.text = "";
    own.set = flow->set;
    df_pipeline_free(flow->pipeline);
    flow->pipeline = df_pipeline_new(flow->env, &own);
    if (!flow->pipeline)
        return dfproc_fail("out of memory");
    rc = df_pipeline_load(flow->pipeline, &text);
    /* what the stages themselves find is told in the same pass */
    if (rc == DF_OK || rc == DF_ESPEC)
        rc = df_pipeline_check(flow->pipeline);
    if (!quiet)
        print_problems(flow);
    if (rc == DF_OK)
        return EXIT_DONE;
    if (!quiet && df_pipeline_problem_at(flow->pipeline, 0, &first) != DF_OK)
        dfproc_fail("%s: %s", flow->file, df_pipeline_errmsg(flow->pipeline));
    return rc == DF_ESPEC ? EXIT_USAGE : EXIT_FAILED;
}

/* Mounted Secrets have no namespace, so one of another must not be taken for ours. */
static int is_foreign(yyjson_doc *plan, yyjson_val *ref)
{
    yyjson_val *who = yyjson_obj_get(yyjson_doc_get_root(plan), "pipeline");
    const char *own = app_json_text(who, "namespace"), *wanted = app_json_text(ref, "namespace");
    return *own && *wanted && strcmp(own, wanted) != 0;
}

/* True when a Secret beside the flow has the value; printed when it is there without it. */
static int has_in_file(dfproc_flow *flow, yyjson_val *ref, int *rc)
{
    df_ref wanted = {.size = sizeof wanted, .kind = DF_REF_SECRET};
    const char *why;
    df__buf value;
    wanted.space = app_json_text(ref, "namespace");
    wanted.name = app_json_text(ref, "name");
    wanted.key = app_json_text(ref, "key");
    df__buf_init(&value, &df__heap_libc);
    why = dfproc_secret_of_file(flow, &wanted, &value);
    df__buf_wipe(&value);
    if (why && *why) {
        dfproc_fail("%s: %s: the Secret %s, key %s: %s", flow->file, app_json_text(ref, "field"),
                    wanted.name, wanted.key, why);
        *rc = EXIT_USAGE;
    }
    return !why || *why;
}

int dfproc_has_secrets(dfproc_flow *flow)
{
    yyjson_doc *doc = dfproc_report(flow, DF_REPORT_REFS);
    yyjson_doc *plan = dfproc_report(flow, DF_REPORT_PLAN);
    yyjson_val *refs = yyjson_obj_get(yyjson_doc_get_root(doc), "references"), *ref;
    size_t at, count;
    int rc = EXIT_DONE;
    yyjson_arr_foreach (refs, at, count, ref) {
        const char *field = app_json_text(ref, "field");
        if (strcmp(app_json_text(ref, "kind"), "secret"))
            continue;
        if (is_foreign(plan, ref))
            dfproc_fail("%s: %s names a Secret in namespace %s; only Secrets in the flow's own can "
                        "be used",
                        flow->file, field, app_json_text(ref, "namespace"));
        else if (has_in_file(flow, ref, &rc))
            continue;
        else if (!flow->secrets_dir)
            dfproc_fail("%s: %s needs --secrets-dir DIR with the value in DIR/%s/%s%s", flow->file,
                        field, app_json_text(ref, "name"), app_json_text(ref, "key"),
                        flow->documents.count < 2 ? ""
                        : flow->secrets_from_file ? "; the file has no such Secret"
                                                  : ", or --secrets-from-file");
        else
            continue;
        rc = EXIT_USAGE;
    }
    yyjson_doc_free(plan);
    yyjson_doc_free(doc);
    return rc;
}

/* Temporary files may be large, and /tmp is memory on many systems. */
static const char *work_dir(const char *asked)
{
    const char *const places[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};
    for (size_t i = 0; !asked && i < sizeof places / sizeof places[0]; i++)
        asked = places[i] && access(places[i], W_OK | X_OK) == 0 ? places[i] : NULL;
    return asked;
}

int dfproc_reach(const app_args *args, dfproc_flow *flow, df_pipeline_options *options)
{
    const char *file = app_args_value(args, "env-file");
    options->resolve = dfproc_resolve;
    options->resolve_user = flow;
    options->files = app_args_value(args, "files");
    options->env_prefix = app_args_value(args, "env-prefix");
    options->show_values = app_args_value(args, "show-values") != NULL;
    options->work_dir = work_dir(app_args_value(args, "work-dir"));
    app_args_list(args, "set", flow->set);
    return file ? dfproc_env_file(flow, file) : EXIT_DONE;
}

int dfproc_ready(dfproc_flow *flow, const app_args *args, df_pipeline_options *options,
                 const char *file)
{
    int rc = dfproc_reach(args, flow, options);
    flow->secrets_dir = app_args_value(args, "secrets-dir");
    flow->secrets_from_file = app_args_value(args, "secrets-from-file") != NULL;
    if (rc == EXIT_DONE)
        rc = dfproc_read(flow, file);
    if (rc == EXIT_DONE)
        rc = dfproc_choose(flow, app_args_value(args, "name"));
    if (rc == EXIT_DONE)
        rc = dfproc_build(flow, options, 0);
    if (rc == EXIT_DONE)
        rc = dfproc_has_secrets(flow);
    return rc;
}

int dfproc_load(dfproc_flow *flow, const app_args *args)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    int rc = dfproc_open(flow, 0, APP_LOG_TEXT);
    options.resolve = df_resolve_process;
    app_args_list(args, "set", flow->set);
    if (rc == EXIT_DONE)
        rc = dfproc_read(flow, args->operands[0]);
    if (rc == EXIT_DONE)
        rc = dfproc_choose(flow, app_args_value(args, "name"));
    if (rc == EXIT_DONE)
        rc = dfproc_build(flow, &options, 0);
    return rc;
}

static uint64_t left_behind; /* threads of flows that were closed */

int dfproc_left_behind(void)
{
    return left_behind > 0;
}

void dfproc_end(df_pipeline *p)
{
    df_stats stats = {.size = sizeof stats};
    df_pipeline_stop(p, DF_STOP_NOW);
    df_pipeline_wait(p, -1); /* at once when it never ran */
    if (df_pipeline_stats(p, NULL, &stats) == DF_OK)
        left_behind += stats.left;
}

void dfproc_close(dfproc_flow *flow)
{
    dfproc_end(flow->pipeline);
    df_pipeline_free(flow->pipeline);
    df_env_free(flow->env);
    df__buf_free(&flow->manifest);
    app_documents_free(&flow->documents);
    df__buf_free(&flow->whole);
    df__buf_wipe(&flow->variables);
    flow->pipeline = NULL;
    flow->env = NULL;
    dfproc_messages(NULL);
}

yyjson_doc *dfproc_report(dfproc_flow *flow, int what)
{
    char err[200];
    df__buf text;
    yyjson_doc *doc = NULL;
    df__buf_init(&text, &df__heap_libc);
    if (df_pipeline_report(flow->pipeline, what, dfproc_write, &text) == DF_OK && text.len)
        doc = app_json_read(text.data, text.len, err, sizeof err);
    df__buf_free(&text);
    return doc;
}

yyjson_doc *dfproc_describe(void)
{
    dfproc_flow flow;
    char err[200] = "";
    df__buf text;
    yyjson_doc *doc = NULL;
    if (dfproc_open(&flow, DF_LOG_WARN, APP_LOG_TEXT) != EXIT_DONE)
        return NULL;
    df__buf_init(&text, &df__heap_libc);
    if (df_env_describe(flow.env, dfproc_write, &text) != DF_OK)
        dfproc_fail("%s", df_env_errmsg(flow.env));
    else if (!(doc = app_json_read(text.data, text.len, err, sizeof err)))
        dfproc_fail("the library's description of itself is damaged: %s", err);
    df__buf_free(&text);
    dfproc_close(&flow);
    return doc;
}

int dfproc_exit_code(int status)
{
    static const struct {
        int status, code;
    } codes[] = {
        {DF_ESPEC, EXIT_USAGE}, {DF_ETEMPORARY, EXIT_TEMPORARY}, {DF_ENOMEM, EXIT_TEMPORARY}};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].status == status)
            return codes[i].code;
    return status < 0 ? EXIT_FAILED : EXIT_DONE;
}
