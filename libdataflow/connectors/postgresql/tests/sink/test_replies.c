/* SPDX-License-Identifier: Apache-2.0
 * test_replies.c: what answers is no PostgreSQL server, though it speaks the protocol: a COPY that
 * the sink did not ask for, and rows with too few columns, end the connection with a text. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/stage/stage.h"
#include "connectors/postgresql/sink/sink.h"
#include "support/support.h"

typedef struct bench {
    char *dir;
    char conninfo[600];
    int listener;
    const char *answer; /* to every statement */
    size_t answer_len;
    pthread_t server;
    df_env *env;
    df__stage_spec spec;
    df_stage st;
    df__pg_sink s;
} bench;

extern const df_connector df_connector_postgresql;

/* ---- the server ------------------------------------------------------------------------------ */

static int read_all(int fd, char *to, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, to, len);
        if (n <= 0)
            return 0;
        to += n;
        len -= (size_t)n;
    }
    return 1;
}

/* The rest of a message whose length is at `at`. */
static int skip_rest(int fd, const char *at)
{
    char rest[65536];
    size_t len = (size_t)(unsigned char)at[2] << 8 | (unsigned char)at[3];
    return at[0] == 0 && at[1] == 0 && len >= 4 && read_all(fd, rest, len - 4);
}

static void say(int fd, const char *text, size_t len)
{
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

static void *serve(void *user)
{
    static const char hello[] = "R\0\0\0\x08\0\0\0\0"
                                "S\0\0\0\x18server_version\00015.0"
                                "\0Z\0\0\0\5I";
    bench *b = user;
    char head[5];
    int fd = accept(b->listener, NULL, NULL);
    if (read_all(fd, head, 4) && skip_rest(fd, head))
        say(fd, hello, sizeof hello - 1);
    while (read_all(fd, head, 5) && skip_rest(fd, head + 1) && head[0] == 'Q')
        say(fd, b->answer, b->answer_len);
    (void)close(fd);
    return NULL;
}

/* ---- the sink -------------------------------------------------------------------------------- */

static int setup(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->dir = support_mkdir();
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/.s.PGSQL.5432", b->dir);
    (void)snprintf(b->conninfo, sizeof b->conninfo,
                   "host=%s user=u dbname=d sslmode=disable gssencmode=disable", b->dir);
    b->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(b->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(b->listener, 1), 0);
    b->env = df_env_new(NULL);
    assert_non_null(b->env);
    b->spec.connector = &df_connector_postgresql;
    b->spec.name = b->spec.kind = "sink";
    b->st.spec = &b->spec;
    b->st.heap = &df__heap_libc;
    b->st.env = b->env;
    b->st.wake_fd = eventfd(0, EFD_NONBLOCK);
    b->st.info.pipeline = b->st.info.stage = "f";
    df__arena_init(&b->st.arena, &df__heap_libc, 1024);
    assert_int_equal(pthread_mutex_init(&b->st.lock, NULL), 0);
    memcpy(b->s.catalog.name.table, "t", 2);
    b->s.conn.stage = &b->st;
    b->s.conn.table = b->s.catalog.name.table;
    df__buf_init(&b->s.sql, &df__heap_libc);
    df__arena_init(&b->s.catalog.table.arena, &df__heap_libc, 4096);
    b->s.memory.heap = df__heap_libc;
    df__pg_checks_init(&b->s.checks, &b->s.memory.heap);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    bench *b = *state;
    df__buf_free(&b->s.sql);
    df__arena_free(&b->s.catalog.table.arena);
    df__pg_checks_free(&b->s.checks);
    df__arena_free(&b->st.arena);
    pthread_mutex_destroy(&b->st.lock);
    (void)close(b->st.wake_fd);
    (void)close(b->listener);
    df_env_free(b->env);
    support_rmdir(b->dir);
    free(b);
    return 0;
}

static void connect_to(bench *b, const char *answer, size_t len)
{
    b->answer = answer;
    b->answer_len = len;
    assert_int_equal(pthread_create(&b->server, NULL, serve, b), 0);
    b->s.conn.pg = PQconnectdb(b->conninfo);
    assert_int_equal(PQstatus(b->s.conn.pg), CONNECTION_OK);
    assert_int_equal(PQsetnonblocking(b->s.conn.pg, 1), 0);
}

static void assert_lost(bench *b, const char *answer, size_t len, const char *why)
{
    connect_to(b, answer, len);
    assert_status(df__pg_catalog_load(&b->s), DF_EIO);
    assert_null(b->s.conn.pg);
    assert_non_null(strstr(b->st.fault.text, why));
    assert_int_equal(pthread_join(b->server, NULL), 0);
}

#define BYTES(text) (text), sizeof(text) - 1

static void test_copy_in(void **state)
{
    assert_lost(*state, BYTES("G\0\0\0\7\0\0\0"), "a COPY that was not asked for");
}

static void test_copy_out(void **state)
{
    assert_lost(*state, BYTES("H\0\0\0\7\0\0\0"), "a COPY to us");
}

static void test_few_columns(void **state)
{
    assert_lost(*state,
                BYTES("T\0\0\0\x1a\0\1c\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"
                      "D\0\0\0\x0b\0\1\0\0\0\1t"
                      "C\0\0\0\x0dSELECT 1\0"
                      "Z\0\0\0\5I"),
                "fewer columns than were asked for");
}

/* The server does not confirm that the rows were written. */
static void test_no_end(void **state)
{
    bench *b = *state;
    df__pg_work w = {.catalog = 0};
    connect_to(b, BYTES("Z\0\0\0\5I"));
    assert_ok(df__pg_send(&b->s.conn, "what was sent before"));
    b->s.conn.late = 1;
    assert_status(df__pg_read_end(&b->s, &w), DF_EUNKNOWN);
    assert_null(b->s.conn.pg);
    assert_non_null(strstr(b->st.fault.text, "nothing to the end of a COPY"));
    assert_int_equal(pthread_join(b->server, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_copy_in, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_few_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
