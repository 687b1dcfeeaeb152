/* SPDX-License-Identifier: Apache-2.0
 * test.c: `dfproc test`: reads case files, runs each case, prints TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/process.h"
#include "dfproc/cases.h"

enum { CASES_MAX = 64 << 20, CASE_US = 30000000 };

typedef struct suite {
    const char *file;
    yyjson_doc *doc;
    dfproc_flow flow;
    dfproc_inputs inputs;
    df__buf detached; /* manifest that touches no server */
    char manifest[4096];
} suite;

typedef struct report {
    dfproc_result *rows;
    size_t count, cap, failures;
    int colour;
} report;

/* ---- case file ------------------------------------------------------------------------------ */

static yyjson_doc *read_file(const char *path, char *err, size_t err_len)
{
    df__buf text;
    yyjson_doc *doc = NULL;
    char why[300] = "";
    df__buf_init(&text, &df__heap_libc);
    if (app_file_read(path, CASES_MAX, &text, err, err_len) == 0) {
        const char *p = df__buf_cstr(&text) ? text.data : "";
        p += strspn(p, " \t\r\n");
        doc = *p == '{' ? app_json_read(text.data, text.len, why, sizeof why)
                        : app_yaml_read(text.data ? text.data : "", text.len, why, sizeof why);
        if (!doc)
            snprintf(err, err_len, "%s: %s", path, why);
    }
    df__buf_free(&text);
    return doc;
}

/* The manifest lies where the case file says, seen from its own folder. */
static int manifest_path(suite *s)
{
    const char *name = app_json_text(yyjson_doc_get_root(s->doc), "manifest");
    const char *slash = strrchr(s->file, '/');
    int dir = *name != '/' && slash ? (int)(slash - s->file + 1) : 0;
    if (!*name)
        return dfproc_fail("%s: `manifest` is missing", s->file);
    if (!yyjson_is_arr(yyjson_obj_get(yyjson_doc_get_root(s->doc), "cases")))
        return dfproc_fail("%s: `cases` is missing", s->file);
    snprintf(s->manifest, sizeof s->manifest, "%.*s%s", dir, s->file, name);
    return EXIT_DONE;
}

/* Builds the manifest as it is written, so that problems have their place, and the detached one. */
static int open_suite(suite *s, const char *file)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    char err[500];
    int rc = dfproc_open(&s->flow, getenv("LOG_LEVEL") ? 0 : DF_LOG_ERROR, APP_LOG_TEXT);
    s->file = file;
    df__buf_init(&s->detached, &df__heap_libc);
    if (rc != EXIT_DONE)
        return rc;
    s->doc = read_file(file, err, sizeof err);
    if (!s->doc)
        return dfproc_fail("%s", err);
    rc = manifest_path(s);
    if (rc == EXIT_DONE)
        rc = dfproc_read(&s->flow, s->manifest);
    options.resolve = df_resolve_process;
    if (rc == EXIT_DONE)
        rc = dfproc_build(&s->flow, &options, 0);
    if (rc != EXIT_DONE)
        return rc;
    if (dfproc_cases_detach(&s->flow.manifest, &s->detached, err, sizeof err) < 0)
        return dfproc_fail("%s: %s", s->manifest, err);
    if (dfproc_cases_register(s->flow.env, &s->inputs) != DF_OK)
        return dfproc_fail("%s", df_env_errmsg(s->flow.env));
    df__buf_free(&s->flow.manifest);
    s->flow.manifest = s->detached;
    df__buf_init(&s->detached, &df__heap_libc);
    return EXIT_DONE;
}

static void close_suite(suite *s)
{
    dfproc_close(&s->flow);
    df__buf_free(&s->detached);
    yyjson_doc_free(s->doc);
}

/* ---- one case ------------------------------------------------------------------------------- */

static int run_to_end(suite *s, dfproc_capture *c, df__buf *why)
{
    df_pipeline *p = s->flow.pipeline;
    int64_t until_us = app_clock_us() + CASE_US;
    int rc = df_pipeline_start(p, NULL);
    while (rc == DF_OK || rc == DF_AGAIN) {
        size_t taken = dfproc_capture_take(c);
        rc = df_pipeline_wait(p, taken ? 0 : 2);
        if (rc != DF_AGAIN)
            break;
        if (app_clock_us() > until_us) {
            df_pipeline_stop(p, DF_STOP_NOW);
            df__buf_printf(why, "  not finished after %d s\n", CASE_US / 1000000);
            return df_pipeline_wait(p, -1);
        }
    }
    dfproc_capture_take(c);
    return rc;
}

/* How the run ended against what the case says about it. */
static void check_end(suite *s, int rc, yyjson_val *one, df__buf *why)
{
    const char *wanted = app_json_text(one, "error");
    const char *text = rc < 0 ? df_pipeline_errmsg(s->flow.pipeline) : "";
    if (*wanted && rc >= 0)
        df__buf_printf(why, "  it did not fail; expected: %s\n", wanted);
    else if (*wanted && !strstr(text, wanted))
        df__buf_printf(why, "  failed with: %s\n  expected: %s\n", text, wanted);
    else if (!*wanted && rc < 0)
        df__buf_printf(why, "  failed: %s\n", text);
}

static int64_t now_of(yyjson_val *one, int *ret_frozen);

static void run_case(suite *s, yyjson_val *one, df__buf *why, int colour)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    dfproc_capture c = {0};
    yyjson_doc *plan = NULL;
    int rc;
    s->inputs.rows = yyjson_obj_get(one, "input");
    s->flow.frozen_us = now_of(one, &s->flow.frozen);
    if (s->flow.frozen < 0) {
        s->flow.frozen = 0;
        df__buf_str(why, "  `now` is not a time like 2026-01-31T12:00:00Z\n");
        return;
    }
    options.resolve = df_resolve_process;
    rc = dfproc_build(&s->flow, &options, 1);
    if (rc != EXIT_DONE) {
        df_problem first = {.size = sizeof first};
        int known = df_pipeline_problem_at(s->flow.pipeline, 0, &first) == DF_OK;
        df__buf_printf(why, "  the manifest does not work without its servers: %s\n",
                       known ? first.text : df_pipeline_errmsg(s->flow.pipeline));
        return;
    }
    plan = dfproc_report(&s->flow, DF_REPORT_PLAN);
    if (dfproc_capture_open(&c, plan, DFPROC_SINKS) == EXIT_DONE &&
        dfproc_capture_ports(&c, s->flow.pipeline, DF_TAKE) == EXIT_DONE) {
        rc = run_to_end(s, &c, why);
        check_end(s, rc, one, why);
        dfproc_cases_compare(why, &c, one, colour);
    } else {
        df__buf_str(why, "  its sinks cannot be watched\n");
    }
    dfproc_capture_close(&c);
    dfproc_capture_free(&c);
    yyjson_doc_free(plan);
}

/* Days since 1970 of a date in the Gregorian calendar. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, in_era = y - era * 400;
    int64_t day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + day - 719468;
}

/* RFC 3339 in UTC, fraction allowed. *ret_frozen: 0 no `now`, 1 a time, -1 not a time. */
static int64_t now_of(yyjson_val *one, int *ret_frozen)
{
    const char *text = app_json_text(one, "now");
    int y, mo, d, h, mi, sec, used = 0;
    int64_t us = 0;
    *ret_frozen = yyjson_obj_get(one, "now") ? -1 : 0;
    if (!*ret_frozen ||
        sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &sec, &used) < 6)
        return 0;
    text += used;
    if (*text == '.')
        for (int64_t unit = 100000; *++text >= '0' && *text <= '9'; unit /= 10)
            us += unit * (*text - '0');
    if (strcmp(text, "Z") || mo < 1 || mo > 12 || d < 1 || d > 31)
        return 0;
    *ret_frozen = 1;
    return (days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec) * 1000000 + us;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

/* TAP: a line for each case, what is wrong as comments below it. */
static void print_result(const report *r, const dfproc_result *one)
{
    const char *p = one->why.len ? one->why.data : "";
    printf("%sok %zu - %s\n", one->why.len ? "not " : "", r->count, one->name);
    while (*p) {
        size_t len = strcspn(p, "\n");
        printf("# %.*s\n", (int)len, p);
        p += len + (p[len] == '\n');
    }
    fflush(stdout);
}

static dfproc_result *add_result(report *r, const char *name)
{
    dfproc_result *one;
    if (df__grow(&df__heap_libc, &r->rows, &r->cap, r->count, sizeof *r->rows) != DF_OK)
        return NULL;
    one = &r->rows[r->count++];
    memset(one, 0, sizeof *one);
    one->name = name;
    df__buf_init(&one->why, &df__heap_libc);
    return one;
}

static int run_suite(suite *s, report *r)
{
    yyjson_val *one;
    size_t at, count;
    yyjson_arr_foreach (yyjson_obj_get(yyjson_doc_get_root(s->doc), "cases"), at, count, one) {
        const char *name = app_json_text(one, "name");
        int64_t begin_us = app_clock_us();
        dfproc_result *result = add_result(r, *name ? name : s->file);
        if (!result)
            return dfproc_fail("out of memory");
        run_case(s, one, &result->why, r->colour);
        if (result->why.len)
            df__buf_cstr(&result->why);
        result->seconds = (double)(app_clock_us() - begin_us) / 1e6;
        r->failures += result->why.len > 0;
        print_result(r, result);
    }
    return EXIT_DONE;
}

static void free_report(report *r)
{
    for (size_t i = 0; i < r->count; i++)
        df__buf_free(&r->rows[i].why);
    free(r->rows);
}

static int wants_colour(const app_args *args)
{
    const char *when = app_args_value(args, "colour"), *plain = getenv("NO_COLOR");
    if (when && strcmp(when, "auto"))
        return !strcmp(when, "always");
    return isatty(STDOUT_FILENO) && !(plain && *plain);
}

static int run_all(const app_args *args, suite *suites, report *r)
{
    int rc = EXIT_DONE;
    printf("TAP version 13\n");
    for (int i = 0; rc == EXIT_DONE && i < args->operand_count; i++) {
        rc = open_suite(&suites[i], args->operands[i]);
        if (rc == EXIT_DONE)
            rc = run_suite(&suites[i], r);
    }
    if (rc != EXIT_DONE) {
        printf("Bail out!\n");
        return rc;
    }
    printf("1..%zu\n", r->count);
    return r->failures ? EXIT_FAILED : EXIT_DONE;
}

int dfproc_test(const app_args *args)
{
    const char *junit = app_args_value(args, "junit");
    report r = {.colour = wants_colour(args)};
    suite *suites = calloc((size_t)args->operand_count, sizeof *suites);
    int rc;
    if (!suites)
        return dfproc_fail("out of memory");
    rc = run_all(args, suites, &r);
    if (junit && r.count && dfproc_junit_write(junit, r.rows, r.count) != EXIT_DONE)
        rc = EXIT_FAILED;
    for (int i = 0; i < args->operand_count; i++)
        if (suites[i].file)
            close_suite(&suites[i]);
    free_report(&r);
    free(suites);
    return rc;
}
