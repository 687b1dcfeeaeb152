/* SPDX-License-Identifier: Apache-2.0
 * test_refused.c: a server that refuses some rows of an insert without saying which: the parcel is
 * halved until they are found, and every other row is written once. Through a whole flow. ctest:
 * threaded */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/net/http_peer.h"

enum { ROWS = 256 };

typedef struct server {
    http_peer peer;
    int64_t bad[2];               /* ids that a constraint of the table refuses */
    _Atomic int written[ROWS];    /* how often each id was */
    _Atomic int inserts, refused; /* with rows */
} server;

static int say(peer_conn *c, const char *text)
{
    peer_reply(c, 200, "", text);
    return 1;
}

static int64_t id_at(const char *rows, size_t i)
{
    int64_t id;
    memcpy(&id, rows + i * sizeof id, sizeof id);
    return id;
}

static int insert(server *s, peer_conn *c, const peer_request *q)
{
    const char *rows = (const char *)memchr(q->body, '\n', q->body_len) + 1;
    size_t count = (q->body_len - (size_t)(rows - q->body)) / sizeof(int64_t);
    s->inserts += count > 0;
    for (size_t i = 0; i < count; i++) {
        if (id_at(rows, i) == s->bad[0] || id_at(rows, i) == s->bad[1]) {
            s->refused++;
            peer_reply(c, 500, "X-ClickHouse-Exception-Code: 469\r\n",
                       "Code: 469. DB::Exception: hidden-value (VIOLATED_CONSTRAINT)");
            return 1;
        }
    }
    for (size_t i = 0; i < count; i++)
        s->written[id_at(rows, i)]++;
    return say(c, "");
}

static int answer(peer_conn *c, const peer_request *q)
{
    server *s = c->peer->user;
    if (strncmp(q->body, "INSERT", 6) == 0)
        return insert(s, c, q);
    return say(c, strstr(q->body, "version()")           ? "21.8.1.1\n"
                  : strncmp(q->body, "DESCRIBE", 8) == 0 ? "id\tInt64\t\t\t\t\t\n"
                  : strncmp(q->body, "SELECT engine", 13)
                      ? ""
                      : "MergeTree\tMergeTree ORDER BY id\tid\n");
}

static void run(support_fixture *f, const server *s)
{
    char yaml[2048], *lines = NULL;
    size_t len;
    FILE *out = open_memstream(&lines, &len);
    for (int i = 0; i < ROWS; i++)
        fprintf(out, "{\"id\":%d}\n", i);
    fclose(out);
    support_write_file(f->in, lines);
    free(lines);
    snprintf(yaml, sizeof yaml,
             "source: {type: stdio, config: {path: %s}}\n"
             "sink: {type: clickhouse, config: {connectionString: '%s/db', table: t, batchSize: "
             "%d}}\n"
             "errors: {type: stdio, config: {path: %s}}\n"
             "stopTimeout: 5s\n",
             f->in, s->peer.url, ROWS, f->errors);
    f->p = support_load(f->env, yaml);
    assert_ok(df_pipeline_start(f->p, NULL));
    df_stats stats = {.size = sizeof stats};
    int64_t until = support_now_ms() + 60000;
    int rc = DF_AGAIN;
    do {
        assert_ok(df_pipeline_stats(f->p, NULL, &stats));
        rc = df_pipeline_wait(f->p, 20);
    } while (rc == DF_AGAIN && stats.sent + stats.errored < ROWS && support_now_ms() < until);
    if (rc == DF_AGAIN)
        df_pipeline_stop(f->p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(f->p, 60000));
    support_assert_conserved(f->p);
}

static int lines_in(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void check(support_fixture *f, server *s, int refused, int most)
{
    s->peer.user = s;
    peer_start(&s->peer, answer);
    run(f, s);
    peer_stop(&s->peer);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(s->written[i], i != s->bad[0] && i != s->bad[1]);
    char *errors = support_read_file(f->errors);
    assert_int_equal(lines_in(errors), refused);
    assert_null(strstr(errors, "hidden-value"));
    free(errors);
    assert_in_range(s->inserts, 1, (uintmax_t)most);
}

/* Eight halvings of 256 rows: two inserts each. */
static void test_one(void **state)
{
    static server s = {.bad = {77, -1}};
    check(*state, &s, 1, 1 + 2 * 8);
}

static void test_first_and_last(void **state)
{
    static server s = {.bad = {0, ROWS - 1}};
    check(*state, &s, 2, 1 + 2 * 2 * 8);
}

static void test_none(void **state)
{
    static server s = {.bad = {-1, -1}};
    check(*state, &s, 0, 2);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)
    const struct CMUnitTest tests[] = {CASE(test_one), CASE(test_first_and_last), CASE(test_none)};
    return cmocka_run_group_tests_name("refused", tests, NULL, NULL);
}
