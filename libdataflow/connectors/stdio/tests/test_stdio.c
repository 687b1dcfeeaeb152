/* SPDX-License-Identifier: Apache-2.0
 * test_stdio.c: lines of files and pipes, in and out, as whole pipelines. */
#include "support/support.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/memory/memory.h"

typedef support_fixture fixture;

/* A flow from `in` to `out` with extra options. */
static char *flow(const fixture *f, const char *source, const char *sink, const char *rest)
{
    char *yaml = NULL;
    assert_true(asprintf(&yaml,
                         "source: {type: stdio, config: {path: %s%s}}\n"
                         "sink: {type: stdio, config: {path: %s%s}}\n%s",
                         f->in, source, f->out, sink, rest) > 0);
    return yaml;
}

static void copy_and_expect(fixture *f, const char *options, const char *want)
{
    char *yaml, *got;
    char source[128];
    snprintf(source, sizeof source, "%s%s", options, *options ? "" : ", invalid: pass");
    yaml = flow(f, source, options, "");
    assert_ok(support_run(f->env, yaml, NULL));
    got = support_read_file(f->out);
    assert_string_equal(got, want);
    free(got);
    free(yaml);
}

static void test_bytes_as_they_are(void **state)
{
    fixture *f = *state;
    const char *text = "{\"a\":1}\n { \"b\" : 0.1000 }\t\r\nnot json\n\xff\xfe\n";
    support_write_file(f->in, text);
    copy_and_expect(f, "", text);
}

static void test_last_line_without_newline(void **state)
{
    fixture *f = *state;
    support_write_file(f->in, "1\n2");
    copy_and_expect(f, "", "1\n2\n");
}

static void test_blank_lines(void **state)
{
    fixture *f = *state;
    support_write_file(f->in, "1\n\n \t\r\n2\n");
    copy_and_expect(f, "", "1\n2\n");
}

static void test_blank_lines_of_text(void **state)
{
    fixture *f = *state;
    support_write_file(f->in, "1\n\n \n2\n");
    copy_and_expect(f, ", format: text", "1\n\n \n2\n");
}

static void test_empty_file(void **state)
{
    fixture *f = *state;
    support_write_file(f->in, "");
    copy_and_expect(f, "", "");
}

static void test_long_lines(void **state)
{
    fixture *f = *state;
    size_t len = 3 << 20;
    char *text = malloc(len + 3);
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text, "1\n", 2);
    memcpy(text + len, "\n2", 3);
    text[1] = '\n';
    support_write_file(f->in, text);
    text[len + 2] = '\0';
    {
        char *yaml = flow(f, ", invalid: pass", "", ""), *got;
        assert_ok(support_run(f->env, yaml, NULL));
        got = support_read_file(f->out);
        assert_int_equal(strlen(got), len + 3);
        assert_memory_equal(got, text, len + 2);
        free(got);
        free(yaml);
    }
    free(text);
}

static void test_appends_and_ends_torn_lines(void **state)
{
    fixture *f = *state;
    support_write_file(f->in, "new\n");
    support_write_file(f->out, "old\nhalf");
    copy_and_expect(f, "", "old\nhalf\nnew\n");
}

static void test_empties_when_told(void **state)
{
    fixture *f = *state;
    char *yaml, *got;
    support_write_file(f->in, "new\n");
    support_write_file(f->out, "old\n");
    yaml = flow(f, ", invalid: pass", ", append: false, sync: true", "");
    assert_ok(support_run(f->env, yaml, NULL));
    got = support_read_file(f->out);
    assert_string_equal(got, "new\n");
    free(got);
    free(yaml);
}

/* Payloads with line breaks: JSON is compacted, the rest refused; a tombstone has no line. */
static void test_line_breaks(void **state)
{
    fixture *f = *state;
    df__memory *m = df__memory_hold("stdio-nl");
    char *yaml = NULL, *got, *errors;
    const char *rows[] = {"{\n \"a\": 1.50,\n \"a\": [ ] }\n", "no\njson", NULL, "plain"};
    for (size_t i = 0; i < 4; i++) {
        df_input in = {.size = sizeof in};
        in.payload = (df_bytes){rows[i], rows[i] ? strlen(rows[i]) : 0};
        assert_ok(df__memory_feed(m, &in));
    }
    df__memory_end(m);
    assert_true(asprintf(&yaml,
                         "source: {type: memory, config: {server: stdio-nl}}\n"
                         "sink: {type: stdio, config: {path: %s}}\n"
                         "errors: {type: stdio, config: {path: %s}}\n",
                         f->out, f->errors) > 0);
    assert_ok(support_run(f->env, yaml, NULL));
    got = support_read_file(f->out);
    errors = support_read_file(f->errors);
    assert_string_equal(got, "{\"a\":1.50,\"a\":[]}\nplain\n");
    assert_non_null(strstr(errors, "line breaks"));
    assert_non_null(strstr(errors, "tombstone"));
    free(got);
    free(errors);
    free(yaml);
    df__memory_release(m);
}

static void test_missing_file(void **state)
{
    fixture *f = *state;
    char *yaml = flow(f, "", "", ""), message[512];
    assert_status(support_run(f->env, yaml, message), DF_ENOTFOUND);
    assert_non_null(strstr(message, f->in));
    free(yaml);
}

static void test_folder_is_no_file(void **state)
{
    fixture *f = *state;
    char *yaml, message[512];
    support_path(f->in, f->dir, ".");
    yaml = flow(f, "", "", "");
    assert_status(support_run(f->env, yaml, message), DF_ESTATE);
    free(yaml);
}

/* ---- positions ------------------------------------------------------------------------------ */

static int run_with_store(fixture *f, uint64_t limit, char *message)
{
    char *yaml = flow(f, "", "", "");
    df_store store = {.size = sizeof store};
    df_pipeline_options o = {.size = sizeof o, .name = "test", .store = &store};
    df_run_options run = {.size = sizeof run, .limit = limit, .until_exhausted = 1};
    df_text text = {sizeof text, NULL, yaml, strlen(yaml)};
    df_pipeline *p;
    int rc;
    assert_ok(df_store_file(f->env, f->dir, "test", &store));
    p = df_pipeline_new(f->env, &o);
    assert_non_null(p);
    assert_ok(df_pipeline_load(p, &text));
    rc = df_pipeline_run(p, &run);
    snprintf(message, 512, "%s", df_pipeline_errmsg(p));
    df_pipeline_free(p);
    free(yaml);
    return rc;
}

static void test_resumes_at_the_next_line(void **state)
{
    fixture *f = *state;
    char message[512], *got;
    support_write_file(f->in, "1\n22\n333\n");
    assert_ok(run_with_store(f, 0, message));
    support_write_file(f->in, "1\n22\n333\n4444\n");
    assert_ok(run_with_store(f, 0, message));
    got = support_read_file(f->out);
    assert_string_equal(got, "1\n22\n333\n4444\n");
    free(got);
}

static void test_limit_resumes(void **state)
{
    fixture *f = *state;
    char message[512], *got;
    support_write_file(f->in, "1\n2\n3\n4\n5\n");
    assert_ok(run_with_store(f, 2, message));
    got = support_read_file(f->out);
    assert_string_equal(got, "1\n2\n");
    free(got);
    assert_ok(run_with_store(f, 0, message));
    got = support_read_file(f->out);
    assert_string_equal(got, "1\n2\n3\n4\n5\n");
    free(got);
}

/* ---- pipes ---------------------------------------------------------------------------------- */

typedef struct writer {
    const char *path, *text;
    int pieces, pause_ms;
} writer;

static void *write_slowly(void *user)
{
    writer *w = user;
    int fd = open(w->path, O_WRONLY);
    size_t len = strlen(w->text);
    assert_true(fd >= 0);
    for (int i = 0; i < w->pieces; i++) {
        size_t from = len * (size_t)i / (size_t)w->pieces;
        size_t to = len * (size_t)(i + 1) / (size_t)w->pieces;
        assert_int_equal(write(fd, w->text + from, to - from), (ssize_t)(to - from));
        support_sleep_ms(w->pause_ms);
    }
    close(fd);
    return NULL;
}

static void test_pipe_in_pieces(void **state)
{
    fixture *f = *state;
    writer w = {f->in, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}", 7, 10};
    pthread_t thread;
    char *got, *yaml = flow(f, "", "", "");
    assert_int_equal(mkfifo(f->in, 0600), 0);
    assert_int_equal(pthread_create(&thread, NULL, write_slowly, &w), 0);
    assert_ok(support_run(f->env, yaml, NULL));
    pthread_join(thread, NULL);
    got = support_read_file(f->out);
    assert_string_equal(got, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
    free(got);
    free(yaml);
}

static void *read_all(void *user)
{
    fixture *f = user;
    char buf[4096];
    size_t *total = calloc(1, sizeof *total);
    ssize_t got;
    int fd = open(f->out, O_RDONLY);
    support_sleep_ms(100); /* the pipe fills meanwhile */
    while ((got = read(fd, buf, sizeof buf)) > 0)
        *total += (size_t)got;
    close(fd);
    return total;
}

static void test_slow_reader(void **state)
{
    fixture *f = *state;
    pthread_t thread;
    void *total;
    char *yaml = NULL;
    assert_int_equal(mkfifo(f->out, 0600), 0);
    assert_int_equal(pthread_create(&thread, NULL, read_all, f), 0);
    assert_true(asprintf(&yaml,
                         "source: {type: generate, config: {count: 50000, template: "
                         "'0123456789'}}\n"
                         "sink: {type: stdio, config: {path: %s}}\n",
                         f->out) > 0);
    assert_ok(support_run(f->env, yaml, NULL));
    pthread_join(thread, &total);
    assert_int_equal(*(size_t *)total, 50000 * 11);
    free(total);
    free(yaml);
}

/* Nobody writes: a stop ends the wait at once. */
static void test_stop_while_waiting(void **state)
{
    fixture *f = *state;
    char *yaml = flow(f, "", "", "");
    df_pipeline *p;
    int64_t begun;
    int fd;
    assert_int_equal(mkfifo(f->in, 0600), 0);
    p = support_load(f->env, yaml);
    assert_ok(df_pipeline_start(p, NULL));
    fd = open(f->in, O_WRONLY); /* waits until the source has it open */
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "1\n", 2), 2);
    support_sleep_ms(50);
    begun = support_now_ms();
    df_pipeline_stop(p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(p, 10000));
    assert_true(support_now_ms() - begun < 3000);
    support_assert_conserved(p);
    df_pipeline_free(p);
    close(fd);
    free(yaml);
}

/* ---- standard input and output -------------------------------------------------------------- */

/* Runs with `in` as standard input and `out` as standard output. */
static int run_std(fixture *f, const char *in, const char *out)
{
    int keep_in = dup(0), keep_out = dup(1), rc;
    int fd_in = open(in, O_RDONLY), fd_out = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    fflush(stdout);
    assert_true(dup2(fd_in, 0) == 0 && dup2(fd_out, 1) == 1);
    close(fd_in);
    close(fd_out);
    rc = support_run(f->env,
                     "source: {type: stdio, config: {invalid: pass}}\n"
                     "sink: {type: stdio}\n",
                     NULL);
    fflush(stdout);
    assert_true(dup2(keep_in, 0) == 0 && dup2(keep_out, 1) == 1);
    close(keep_in);
    close(keep_out);
    return rc;
}

static void test_standard_input(void **state)
{
    fixture *f = *state;
    char *got;
    support_write_file(f->in, "a\nb\n");
    assert_ok(run_std(f, f->in, f->out));
    got = support_read_file(f->out);
    assert_string_equal(got, "a\nb\n");
    free(got);
}

static void test_standard_output_closed(void **state)
{
    fixture *f = *state;
    int ends[2], keep = dup(1), rc;
    char *yaml = NULL, message[512] = "";
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    fflush(stdout);
    assert_int_equal(dup2(ends[1], 1), 1);
    close(ends[1]);
    assert_true(asprintf(&yaml, "source: {type: generate, config: {count: 10}}\n"
                                "sink: {type: stdio}\n") > 0);
    rc = support_run(f->env, yaml, message);
    assert_int_equal(dup2(keep, 1), 1);
    close(keep);
    assert_status(rc, DF_ESTATE);
    assert_non_null(strstr(message, "reader of standard output is gone"));
    free(yaml);
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_bytes_as_they_are),
        UNIT(test_last_line_without_newline),
        UNIT(test_blank_lines),
        UNIT(test_blank_lines_of_text),
        UNIT(test_empty_file),
        UNIT(test_long_lines),
        UNIT(test_appends_and_ends_torn_lines),
        UNIT(test_empties_when_told),
        UNIT(test_line_breaks),
        UNIT(test_missing_file),
        UNIT(test_folder_is_no_file),
        UNIT(test_resumes_at_the_next_line),
        UNIT(test_limit_resumes),
        UNIT(test_pipe_in_pieces),
        UNIT(test_slow_reader),
        UNIT(test_stop_while_waiting),
        UNIT(test_standard_input),
        UNIT(test_standard_output_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
