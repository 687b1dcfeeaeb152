/* SPDX-License-Identifier: Apache-2.0
 * test_stdio_shared.c: several append to one file. No line of another is ever cut off, and none is
 * glued to a half one. And nothing is written behind a record that ends the run. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "connectors/memory/memory.h"
#include "connectors/stdio/stdio.h"
#include "support/support.h"

typedef struct fixture {
    support_fixture s;
    df__memory *m; /* what the flow reads */
    uint64_t sent;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->s.host.log_level = DF_LOG_INFO;
    support_open(&f->s);
    f->m = df__memory_hold(f->s.dir);
    assert_non_null(f->m);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    df__memory_release(f->m);
    support_close(&f->s);
    free(f);
    return 0;
}

static void feed(fixture *f, const char *text, size_t len)
{
    df_input in = {.size = sizeof in, .payload = {text, len}};
    assert_ok(df__memory_feed(f->m, &in));
}

static int is_sent(void *user)
{
    fixture *f = user;
    df_stats s = {.size = sizeof s};
    return df_pipeline_stats(f->s.p, NULL, &s) == DF_OK && s.sent == f->sent;
}

static void start(fixture *f)
{
    char yaml[1500];
    snprintf(yaml, sizeof yaml,
             "source: {type: memory, config: {server: %s}}\n"
             "sink: {type: stdio, config: {path: %s}}\n",
             f->s.dir, f->s.out);
    f->s.p = support_load(f->s.env, yaml);
    assert_ok(df_pipeline_start(f->s.p, NULL));
}

static void feed_and_wait(fixture *f, const char *text)
{
    feed(f, text, strlen(text));
    f->sent++;
    assert_true(support_wait(is_sent, f, 30000));
}

static void stop(fixture *f)
{
    df_pipeline_stop(f->s.p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(f->s.p, 30000));
}

static void expect(fixture *f, const char *want)
{
    char *got = support_read_file(f->s.out);
    assert_string_equal(got, want);
    free(got);
}

static void append(fixture *f, const char *text)
{
    int fd = open(f->s.out, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

/* A second flow, from its start to its end. */
static void run_another(fixture *f, int count)
{
    char yaml[1500];
    snprintf(yaml, sizeof yaml,
             "source: {type: generate, config: {template: '{\"b\":1}', count: %d}}\n"
             "sink: {type: stdio, config: {path: %s}}\n",
             count, f->s.out);
    assert_ok(support_run(f->s.env, yaml, NULL));
}

static int has_failed_twice(void *user)
{
    fixture *f = user;
    return support_logged(&f->s.host, "cannot write to") +
               support_logged(&f->s.host, "no space left") >=
           2;
}

static void limit_files(rlim_t bytes)
{
    struct rlimit r;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = bytes == RLIM_INFINITY ? r.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* A write that fails half way takes back its own bytes, and what another flow appended since the
 * parcel before stays. */
static void test_a_failed_write_cuts_nothing_of_others(void **state)
{
    static char large[60000], want[70000];
    fixture *f = *state;
    (void)signal(SIGXFSZ, SIG_IGN);
    start(f);
    feed_and_wait(f, "{\"a\":1}");
    run_another(f, 3);
    snprintf(large, sizeof large, "{\"a\":\"%0*d\"}", (int)sizeof large - 20, 1);
    limit_files(1024);
    feed(f, large, strlen(large));
    f->sent++;
    assert_true(support_wait(has_failed_twice, f, 30000));
    expect(f, "{\"a\":1}\n{\"b\":1}\n{\"b\":1}\n{\"b\":1}\n");
    limit_files(RLIM_INFINITY);
    assert_true(support_wait(is_sent, f, 30000));
    stop(f);
    snprintf(want, sizeof want, "{\"a\":1}\n{\"b\":1}\n{\"b\":1}\n{\"b\":1}\n%s\n", large);
    expect(f, want);
}

/* A program that takes no lock wrote behind the half parcel: nothing is cut. */
static void test_bytes_behind_ours_stay(void **state)
{
    fixture *f = *state;
    df__stdio_sink s = {.path = {f->s.out, strlen(f->s.out)}};
    support_write_file(f->s.out, "1\n");
    s.fd = open(f->s.out, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(s.fd >= 0);
    assert_int_equal(df__stdio_begin(&s, NULL), 0);
    assert_int_equal(write(s.fd, "mine", 4), 4);
    s.written = 4;
    append(f, "theirs\n");
    assert_int_equal(df__stdio_take_back(&s), -1);
    expect(f, "1\nminetheirs\n");
    assert_int_equal(df__stdio_begin(&s, NULL), 0);
    assert_int_equal(write(s.fd, "mine", 4), 4);
    s.written = 4;
    assert_int_equal(df__stdio_take_back(&s), 0);
    expect(f, "1\nminetheirs\n");
    (void)close(s.fd);
}

/* Another process has the file open for writing: its half line is not cut off. */
static void test_a_half_line_of_a_running_writer_stays(void **state)
{
    fixture *f = *state;
    int fd;
    support_write_file(f->s.out, "{\"x\":0}\n{\"x\":\"half");
    fd = open(f->s.out, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    run_another(f, 1);
    expect(f, "{\"x\":0}\n{\"x\":\"half\n{\"b\":1}\n");
    (void)close(fd);
}

/* Another writer was killed in the middle of a line while we run: our line is not glued to it. */
static void test_a_half_line_that_appears_is_ended(void **state)
{
    fixture *f = *state;
    start(f);
    feed_and_wait(f, "{\"a\":1}");
    append(f, "{\"x\":\"half");
    feed_and_wait(f, "{\"a\":2}");
    append(f, "{\"x\":1}\n");
    feed_and_wait(f, "{\"a\":3}");
    stop(f);
    expect(f, "{\"a\":1}\n{\"x\":\"half\n{\"a\":2}\n{\"x\":1}\n{\"a\":3}\n");
}

/* While another writer is at its parcel, ours waits. */
static void test_a_parcel_waits_for_its_turn(void **state)
{
    fixture *f = *state;
    int fd;
    start(f);
    feed_and_wait(f, "{\"a\":1}");
    fd = open(f->s.out, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    feed(f, "{\"a\":2}", 7);
    f->sent++;
    assert_int_equal(write(fd, "{\"x\":", 5), 5);
    support_sleep_ms(50);
    assert_int_equal(write(fd, "1}\n", 3), 3);
    (void)close(fd);
    assert_true(support_wait(is_sent, f, 30000));
    stop(f);
    expect(f, "{\"a\":1}\n{\"x\":1}\n{\"a\":2}\n");
}

/* ---- a refused record that ends the run ------------------------------------------------------ */

static size_t count_lines(const char *path)
{
    char *text = support_read_file(path);
    size_t n = 0;
    for (const char *c = text; *c; c++)
        n += *c == '\n';
    free(text);
    return n;
}

/* Nothing behind the refused record is written, where the next start begins. */
static void refuse_in_the_middle(fixture *f, const char *bad, const char *options)
{
    char text[600], yaml[1500];
    int len = snprintf(text, sizeof text, "{\"pad\":\"%0500d\"}", 1); /* more than one buffer */
    for (int i = 0; i < 3000; i++)
        if (i == 1500)
            feed(f, bad, bad ? strlen(bad) : 0);
        else
            feed(f, text, (size_t)len);
    df__memory_end(f->m);
    snprintf(yaml, sizeof yaml,
             "source: {type: memory, config: {server: %s}}\n"
             "sink: {type: stdio, config: {path: %s%s}}\n",
             f->s.dir, f->s.out, options);
    assert_status(support_run(f->s.env, yaml, NULL), DF_EREJECTED);
    assert_int_equal(count_lines(f->s.out), 1500);
}

static void test_nothing_is_written_behind_a_tombstone(void **state)
{
    refuse_in_the_middle(*state, NULL, "");
}

static void test_nothing_is_written_behind_line_breaks(void **state)
{
    refuse_in_the_middle(*state, "{\"n\":\n1}", ", format: text");
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_a_failed_write_cuts_nothing_of_others),
        UNIT(test_bytes_behind_ours_stay),
        UNIT(test_a_half_line_of_a_running_writer_stays),
        UNIT(test_a_half_line_that_appears_is_ended),
        UNIT(test_a_parcel_waits_for_its_turn),
        UNIT(test_nothing_is_written_behind_a_tombstone),
        UNIT(test_nothing_is_written_behind_line_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
