/* SPDX-License-Identifier: Apache-2.0
 * test_before.c: the position before a record is asked for on another thread than the one that
 * reads: while files come and go under the path, and while the source is closed between two opens.
 * ctest: threaded */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "connectors/stdio/lines.h"
#include "core/stage/stage.h"
#include "record/record.h"
#include "support/support.h"

enum { ENTERED = 20000 };

typedef struct bench {
    df_env *env;
    df_stage st;
    df__stdio_source s;
    df_record r;
    _Atomic int done;
    size_t asked;
} bench;

static void make(bench *b)
{
    memset(b, 0, sizeof *b);
    b->env = df_env_new(NULL);
    assert_non_null(b->env);
    b->st.env = b->env;
    b->s.path = (df_bytes){"/dev/null", 9};
    b->s.fd = open("/dev/null", O_RDONLY);
    assert_true(b->s.fd >= 0);
    assert_int_equal(pthread_mutex_init(&b->s.lock, NULL), 0);
    b->r.offset = 7;
    b->r.time_us = INT64_MAX; /* of the newest file */
    b->s.seekable = 1;
    assert_ok(df__stdio_enter(&b->s, &b->st));
}

static void drop(bench *b)
{
    (void)close(b->s.fd);
    pthread_mutex_destroy(&b->s.lock);
    df_env_free(b->env);
}

static void ask(bench *b)
{
    char text[200];
    df__stdio_place place;
    size_t len = df__stdio_source_ops.before(&b->s, &b->r, text, sizeof text);
    assert_true(len > 0 && len < sizeof text);
    assert_ok(df__stdio_place_parse((df_bytes){text, len}, &place));
    assert_int_equal(place.offset, 7);
}

static void test_closed(void **state)
{
    bench b;
    (void)state;
    make(&b);
    b.s.seekable = 0; /* as close leaves it */
    ask(&b);
    drop(&b);
}

static void *ask_on(void *user)
{
    bench *b = user;
    for (; !atomic_load(&b->done); b->asked++)
        ask(b);
    return NULL;
}

static void test_files_come(void **state)
{
    bench b;
    pthread_t thread;
    (void)state;
    make(&b);
    assert_int_equal(pthread_create(&thread, NULL, ask_on, &b), 0);
    for (int i = 0; i < ENTERED; i++) {
        b.s.seekable = 0;
        assert_ok(df__stdio_enter(&b.s, &b.st));
        b.s.seekable = 1;
    }
    atomic_store(&b.done, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    drop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_files_come),
    };
    return cmocka_run_group_tests_name("stdio before", tests, NULL, NULL);
}
