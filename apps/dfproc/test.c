/* SPDX-License-Identifier: Apache-2.0
 * test.c: `dfproc test`: reads case files, runs each case, prints TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/process.h"
#include "common/visible.h"
#include "dfproc/cases.h"

enum { CASES_MAX = 64 << 20 };

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
        doc = *p == '{' || *p == '['
                  ? app_json_read(text.data, text.len, why, sizeof why)
                  : app_yaml_read(text.data ? text.data : "", text.len, why, sizeof why);
        if (!doc)
            snprintf(err, err_len, "%s: %s", path, why);
    }
    df__buf_free(&text);
    return doc;
}

/* Vectors of one transformation need no manifest. */
static int is_vectors(const dfproc_suite *s)
{
    return *app_json_text(yyjson_doc_get_root(s->doc), "transform") != 0;
}

/* The manifest lies where the case file says, seen from its own folder. */
static int read_manifest(dfproc_suite *s, char *path, size_t len)
{
    const char *name = app_json_text(yyjson_doc_get_root(s->doc), "manifest");
    const char *flow = app_json_text(yyjson_doc_get_root(s->doc), "flow");
    const char *slash = strrchr(s->file, '/');
    int dir = *name != '/' && slash ? (int)(slash - s->file + 1) : 0;
    if (!*name)
        return dfproc_fail("%s: `manifest` is missing", s->file);
    snprintf(path, len, "%.*s%s", dir, s->file, name);
    int rc = dfproc_read(&s->flow, path);
    return rc == EXIT_DONE ? dfproc_choose(&s->flow, *flow ? flow : NULL) : rc;
}

/* Checks the manifest as it is written, so that problems have their place, then detaches it. */
static int open_manifest(dfproc_suite *s)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    char path[4096], err[500];
    df__buf detached;
    int rc = read_manifest(s, path, sizeof path);
    options.resolve = df_resolve_process;
    if (rc == EXIT_DONE)
        rc = dfproc_build(&s->flow, &options, 0);
    if (rc != EXIT_DONE)
        return rc;
    df__buf_init(&detached, &df__heap_libc);
    if (dfproc_cases_detach(&s->flow.manifest, &detached, err, sizeof err) < 0)
        rc = dfproc_fail("%s: %s", path, err);
    df__buf_free(&s->flow.manifest);
    s->flow.manifest = detached;
    s->flow.file = s->file;
    return rc;
}

/* Vectors of conditions and paths are lists. */
static void take_list(dfproc_suite *s)
{
    yyjson_doc *made = dfproc_vectors_of_list(s->doc);
    if (!made)
        return;
    yyjson_doc_free(s->doc);
    s->doc = made;
}

static int is_manifest(yyjson_val *root)
{
    return !yyjson_obj_get(root, "cases") &&
           (yyjson_obj_get(root, "source") || yyjson_obj_get(root, "spec"));
}

static int open_suite(dfproc_suite *s, const char *file, int colour)
{
    char err[500];
    int rc = dfproc_open(&s->flow, getenv("LOG_LEVEL") ? 0 : DF_LOG_ERROR, APP_LOG_TEXT);
    s->file = s->flow.file = file;
    s->colour = colour;
    if (rc != EXIT_DONE)
        return rc;
    s->doc = read_file(file, err, sizeof err);
    if (!s->doc)
        return dfproc_fail("%s", err);
    if (yyjson_is_arr(yyjson_doc_get_root(s->doc)))
        take_list(s);
    if (is_manifest(yyjson_doc_get_root(s->doc)))
        return dfproc_fail("%s is a manifest: dfproc validate checks it, dfproc preview runs it "
                           "without effects; a file of cases has manifest: %s and cases: [...]",
                           file, file),
               EXIT_USAGE;
    rc = dfproc_cases_check(s, is_vectors(s));
    if (rc == EXIT_DONE && !is_vectors(s))
        rc = open_manifest(s);
    if (rc == EXIT_DONE && dfproc_cases_register(s->flow.env, &s->inputs) != DF_OK)
        rc = dfproc_fail("%s", df_env_errmsg(s->flow.env));
    return rc;
}

static void close_suite(dfproc_suite *s)
{
    dfproc_close(&s->flow);
    yyjson_doc_free(s->doc);
}

/* ---- one case ------------------------------------------------------------------------------- */

/* How the run ended against what the case says about it. */
static void check_end(dfproc_suite *s, int rc, yyjson_val *one, df__buf *why)
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

static void run_case(dfproc_suite *s, yyjson_val *one, df__buf *why)
{
    dfproc_capture c = {0};
    int rc;
    s->inputs.rows = yyjson_obj_get(one, "input");
    if (dfproc_cases_clock(s, one, 0) < 0) {
        df__buf_str(why, "  `now` is not a time like 2026-01-31T12:00:00Z\n");
        return;
    }
    rc = dfproc_cases_run(s, &c, why);
    if (rc == DF_ESPEC) {
        df__buf_str(why, "  the manifest does not work without its servers:\n");
        dfproc_cases_problems(s, why);
    } else {
        check_end(s, rc, one, why);
        dfproc_cases_compare(why, &c, one, s->colour);
    }
    dfproc_capture_free(&c);
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Of what a terminal obeys only the colours of our own differences pass. */
static void add_reason(df__buf *out, const char *text, size_t len, int colour)
{
    const char *end = text + len;
    while (text < end) {
        const char *escape = colour ? memchr(text, '\033', (size_t)(end - text)) : NULL;
        size_t code = escape && escape[1] == '[' ? 2 + strspn(escape + 2, "0123456789;") : 0;
        size_t plain = escape ? (size_t)(escape - text) : (size_t)(end - text);
        app_visible(out, text, plain + (escape && !(code && escape[code] == 'm')), 0);
        text += plain;
        if (escape && code && escape[code] == 'm') {
            df__buf_add(out, text, code + 1);
            text += code + 1;
        } else if (escape) {
            text++;
        }
    }
}

/* TAP: a line for each case, what is wrong as comments below it. */
static void print_result(const report *r, const dfproc_result *one)
{
    const char *p = one->why.len ? one->why.data : "";
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    df__buf_printf(&out, "%sok %zu - ", one->why.len ? "not " : "", r->count);
    app_visible(&out, one->name, strlen(one->name), 0);
    df__buf_char(&out, '\n');
    while (*p) {
        size_t len = strcspn(p, "\n");
        df__buf_str(&out, "# ");
        add_reason(&out, p, len, r->colour);
        df__buf_char(&out, '\n');
        p += len + (p[len] == '\n');
    }
    if (df__buf_cstr(&out))
        fputs(out.data, stdout);
    df__buf_free(&out);
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

static int run_suite(dfproc_suite *s, report *r)
{
    yyjson_val *one;
    size_t at, count;
    yyjson_arr_foreach (yyjson_obj_get(yyjson_doc_get_root(s->doc), "cases"), at, count, one) {
        const char *name = app_json_text(one, "name");
        int64_t begin_us = app_clock_us();
        dfproc_result *result = add_result(r, *name ? name : s->file);
        if (!result)
            return dfproc_fail("out of memory");
        (is_vectors(s) ? dfproc_vector_run : run_case)(s, one, &result->why);
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

static int run_all(const app_args *args, dfproc_suite *suites, report *r)
{
    int rc = EXIT_DONE;
    printf("TAP version 13\n");
    for (int i = 0; rc == EXIT_DONE && i < args->operand_count; i++) {
        rc = open_suite(&suites[i], args->operands[i], r->colour);
        if (rc == EXIT_DONE)
            rc = run_suite(&suites[i], r);
    }
    if (rc != EXIT_DONE) {
        printf("Bail out! a file of cases or its manifest is wrong\n");
        return rc;
    }
    printf("1..%zu\n", r->count);
    return r->failures ? EXIT_FAILED : EXIT_DONE;
}

int dfproc_test(const app_args *args)
{
    const char *junit = app_args_value(args, "junit");
    report r = {.colour = wants_colour(args)};
    dfproc_suite *suites = calloc((size_t)args->operand_count, sizeof *suites);
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
