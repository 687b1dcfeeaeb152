/* SPDX-License-Identifier: Apache-2.0
 * conform.c: what the suites of sources and sinks share, see conform.h. */
#include "conform.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int conform_setup(void **state)
{
    static int serial;
    conform *c = calloc(1, sizeof *c);
    assert_non_null(c);
    signal(SIGPIPE, SIG_IGN); /* for the writers of pipes */
    c->kind = *state;
    c->fds = support_fds();
    c->threads = support_threads();
    c->env = support_env(&c->host);
    c->dir = support_mkdir();
    c->count = c->kind->flags & CONFORM_SLOW ? 2000 : 20000;
    pthread_mutex_init(&c->lock, NULL);
    snprintf(c->name, sizeof c->name, "df_conform_%ld_%d", (long)getpid(), serial++);
    c->other = df__memory_hold(c->name);
    *state = c;
    c->kind->begin(c);
    return 0;
}

int conform_teardown(void **state)
{
    conform *c = *state;
    df_pipeline_free(c->running);
    if (c->kind->detach)
        c->kind->detach(c);
    if (c->kind->end)
        c->kind->end(c);
    df__memory_release(c->other);
    support_rmdir(c->dir);
    support_env_free(c->env, &c->host);
    if (!(c->kind->flags & CONFORM_SLOW)) { /* libraries under modules keep some of their own */
        assert_int_equal(support_fds(), c->fds);
        assert_int_equal(support_threads(), c->threads);
    }
    conform_free_rows(c->rows, c->row_count);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return 0;
}

int conform_run(const char *group, const struct CMUnitTest *tests, size_t test_count,
                const conform_kind *const *kinds)
{
    size_t n = 0, count = 0;
    struct CMUnitTest *all;
    const char *filter = getenv("DF_TEST_FILTER"); /* "file: *" */
    int failed;
    while (kinds[count])
        count++;
    all = calloc(test_count * count, sizeof *all);
    if (!all)
        return 1;
    if (filter)
        cmocka_set_test_filter(filter);
    for (size_t k = 0; k < count; k++) {
        if (kinds[k]->available && !kinds[k]->available()) {
            print_message("%s: left out, its server is not there\n", kinds[k]->name);
            continue;
        }
        for (size_t t = 0; t < test_count; t++) {
            char *name = NULL;
            if (asprintf(&name, "%s: %s", kinds[k]->name, tests[t].name) < 0)
                return 1;
            all[n++] = (struct CMUnitTest){name, tests[t].test_func, conform_setup,
                                           conform_teardown, (void *)(uintptr_t)kinds[k]};
        }
    }
    failed = _cmocka_run_group_tests(group, all, n, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        free((char *)(uintptr_t)all[i].name);
    free(all);
    return failed;
}

const char *conform_bad_config(const char *row, char *buf)
{
    if (*row == '{')
        fail_msg("bad_options are the inside of a map: %s without its braces", row);
    snprintf(buf, 256, "{%s}", row);
    return buf;
}

const char *conform_stage(const conform *c, char *buf)
{
    snprintf(buf, 1200, "{type: \"%s\", config: {%s}}", c->kind->type, c->config);
    return buf;
}

const char *conform_other(const conform *c, char *buf)
{
    snprintf(buf, 1200, "{type: memory, config: {server: %s}}", c->name);
    return buf;
}

df_pipeline *conform_load(conform *c, const char *source, const char *sink)
{
    df_store store = {.size = sizeof store};
    df_pipeline_options o = {.size = sizeof o, .name = c->name, .store = &store};
    df_text text = {.size = sizeof text, .file = "conform.yaml"};
    df_pipeline *p;
    char *yaml = NULL, *problems;
    int rc;
    assert_true(asprintf(&yaml, "source: %s\nsink: %s\n", source, sink) > 0);
    assert_ok(df_store_file(c->env, c->dir, "positions", &store));
    p = df_pipeline_new(c->env, &o);
    assert_non_null(p);
    text.text = yaml;
    text.len = strlen(yaml);
    rc = df_pipeline_load(p, &text);
    if (rc != DF_OK) {
        problems = support_problems(p);
        fail_msg("%s\n%s", yaml, problems);
    }
    free(yaml);
    c->running = p;
    return p;
}

void conform_free(conform *c, df_pipeline *p)
{
    c->running = NULL;
    df_pipeline_free(p);
    if (c->kind->detach)
        c->kind->detach(c);
}

int conform_finish(conform *c, df_pipeline *p, const df_run_options *run)
{
    int rc;
    if (c->kind->attach)
        c->kind->attach(c, p);
    rc = df_pipeline_run(p, run);
    if (rc != DF_OK)
        print_error("%s: %s\n", df_status_name(rc), df_pipeline_errmsg(p));
    support_assert_conserved(p);
    conform_free(c, p);
    return rc;
}

void conform_assert_leaves_nothing(conform *c, const char *source, const char *sink)
{
    df_run_options dry = {.size = sizeof dry, .until_exhausted = 1, .dry = 1};
    char *before = conform_listing(c), *checked, *ran;
    df_pipeline *p = conform_load(c, source, sink);
    assert_ok(df_pipeline_check(p));
    checked = conform_listing(c);
    assert_ok(conform_finish(c, p, &dry));
    ran = conform_listing(c);
    if (strcmp(before, checked) != 0)
        fail_msg("the check left a file: before it\n%safter it\n%s", before, checked);
    if (strcmp(before, ran) != 0)
        fail_msg("a dry run left a file: before it\n%safter it\n%s", before, ran);
    free(before);
    free(checked);
    free(ran);
}

void conform_probe(conform *c, const char *source, const char *sink)
{
    char *before = conform_listing(c), *after;
    df_pipeline *p = conform_load(c, source, sink);
    if (df_pipeline_probe(p, 0, NULL, NULL) != DF_OK)
        fail_msg("a look before a run: %s", df_pipeline_errmsg(p));
    c->running = NULL;
    df_pipeline_free(p);
    after = conform_listing(c);
    if (strcmp(before, after) != 0)
        fail_msg("a look left a file: before it\n%safter it\n%s", before, after);
    free(before);
    free(after);
}

/* ---- rows ----------------------------------------------------------------------------------- */

void conform_free_rows(char **rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(rows[i]);
    free(rows);
}

size_t conform_number(const char *row)
{
    char *end = NULL;
    unsigned long long n = 0;
    if (strncmp(row, "{\"n\":", 5) == 0)
        n = strtoull(row + 5, &end, 10);
    if (!end || strcmp(end, "}") != 0)
        fail_msg("changed on the way: %.200s", row);
    return (size_t)n;
}

void conform_assert_rows(char *const *rows, size_t got, size_t want)
{
    for (size_t i = 0; i < got && i < want; i++)
        if (conform_number(rows[i]) != i)
            fail_msg("row %zu is %s", i, rows[i]);
    assert_int_equal(got, want);
}

size_t conform_assert_none_missing(char *const *rows, size_t got, size_t count)
{
    unsigned char *seen = calloc(1, count + 1);
    size_t missing = 0, twice = 0;
    assert_non_null(seen);
    for (size_t i = 0; i < got; i++) {
        size_t n = conform_number(rows[i]);
        assert_true(n < count);
        twice += seen[n];
        seen[n] = 1;
    }
    for (size_t i = 0; i < count; i++)
        missing += !seen[i];
    free(seen);
    assert_int_equal(missing, 0);
    return twice;
}

char **conform_other_rows(conform *c, size_t *ret_count)
{
    const df__memory_rows *out = &c->other->out;
    char **rows = calloc(out->count + 1, sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < out->count; i++) {
        df_bytes row = out->at[i]->payload;
        rows[i] = calloc(1, row.len + 1);
        assert_non_null(rows[i]);
        memcpy(rows[i], row.data, row.len);
    }
    *ret_count = out->count;
    return rows;
}

char **conform_lines(const char *text, size_t *ret_count)
{
    size_t cap = 64, n = 0;
    char **rows = malloc(cap * sizeof *rows);
    assert_non_null(rows);
    while (*text) {
        size_t len = strcspn(text, "\n");
        if (n == cap) {
            cap *= 2;
            rows = realloc(rows, cap * sizeof *rows);
            assert_non_null(rows);
        }
        rows[n++] = strndup(text, len);
        text += len + (text[len] == '\n');
    }
    *ret_count = n;
    return rows;
}

char **conform_output(const char *command, size_t *ret_count)
{
    FILE *f = popen(command, "r");
    char *text = NULL, **rows;
    size_t cap = 0;
    ssize_t len;
    assert_non_null(f);
    len = getdelim(&text, &cap, '\0', f);
    if (pclose(f) != 0)
        fail_msg("failed: %s", command);
    rows = conform_lines(len > 0 ? text : "", ret_count);
    free(text);
    return rows;
}
