/* SPDX-License-Identifier: Apache-2.0
 * test_flow_end.c: how a run ends when something was not written: what a pipe gave cannot come
 * again, what a file gave can. */
#include "support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    support_host host;
    df_env *env;
    char *dir;
    char in[512], out[512];
    df_pipeline *p;
} fixture;

/* The sink is a pipe that nobody reads: it is opened again and again. */
static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->env = support_env(&f->host);
    f->dir = support_mkdir();
    support_path(f->in, f->dir, "in");
    support_path(f->out, f->dir, "out");
    assert_int_equal(mkfifo(f->out, 0600), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    df_pipeline_free(f->p);
    support_rmdir(f->dir);
    support_env_free(f->env, &f->host);
    free(f);
    return 0;
}

static void start(fixture *f)
{
    char yaml[2048];
    snprintf(yaml, sizeof yaml, "source: {type: stdio, config: {path: %s}}\n"
             "sink: {type: stdio, config: {path: %s}}\nstopTimeout: 100ms\n", f->in, f->out);
    f->p = support_load(f->env, yaml);
    assert_ok(df_pipeline_start(f->p, NULL));
}

static int has_three(void *user)
{
    const fixture *f = user;
    df_stats s = {.size = sizeof s};
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    return s.received == 3;
}

static int open_pipe(fixture *f)
{
    int fd;
    assert_int_equal(mkfifo(f->in, 0600), 0);
    fd = open(f->in, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "1\n2\n3\n", 6), 6);
    return fd;
}

static void expect_loss(fixture *f, int how, int status)
{
    int fd = open_pipe(f);
    start(f);
    assert_true(support_wait(has_three, f, 10000));
    df_pipeline_stop(f->p, how);
    assert_status(df_pipeline_wait(f->p, 20000), status);
    assert_string_equal(df_pipeline_errmsg(f->p), "3 records of stdin were given up: they were "
                        "not written in time and cannot be read again");
    support_assert_conserved(f->p);
    close(fd);
}

static void test_a_pipe_at_the_limit_of_a_stop(void **state)
{
    expect_loss(*state, DF_STOP_DRAIN, DF_ETIMEOUT);
}

static void test_a_pipe_stopped_now(void **state)
{
    expect_loss(*state, DF_STOP_NOW, DF_ECANCELED);
}

/* It is read again at the next start. */
static void test_a_file(void **state)
{
    fixture *f = *state;
    support_write_file(f->in, "1\n2\n3\n");
    start(f);
    assert_true(support_wait(has_three, f, 10000));
    df_pipeline_stop(f->p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(f->p, 20000));
    support_assert_conserved(f->p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_pipe_at_the_limit_of_a_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_pipe_stopped_now, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
