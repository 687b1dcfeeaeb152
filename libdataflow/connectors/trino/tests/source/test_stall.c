/* SPDX-License-Identifier: Apache-2.0
 * test_stall.c: a sink that takes nothing for longer than a coordinator waits for its client: the
 * statement is ended, and asked anew behind the last row. The clock is moved on. ctest: threaded */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/net/http_peer.h"

enum { ROWS = 400, PAGE = 20, WIDE = 50000 };

typedef struct coordinator {
    http_peer peer;
    _Atomic int posts, deletes, asked; /* asked: pages */
    _Atomic long long skip_us;         /* how far the clock is ahead */
} coordinator;

static coordinator w;

static int64_t clock_us(void *user)
{
    struct timespec t;
    (void)user;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 + w.skip_us;
}

/* Rows [from, from + PAGE) of id and a wide text, and where the next ones are. */
static int page(peer_conn *c, long from)
{
    size_t room = (size_t)PAGE * (WIDE + 64) + 1024;
    char *text = malloc(room);
    assert_non_null(text);
    size_t len = (size_t)snprintf(text, room, "{\"id\":\"q\",");
    if (from + PAGE <= ROWS)
        len += (size_t)snprintf(text + len, room - len, "\"nextUri\":\"%s/v1/statement/q/%ld\",",
                                w.peer.url, from + PAGE);
    len += (size_t)snprintf(text + len, room - len,
                            "\"columns\":[{\"name\":\"id\",\"type\":\"bigint\"},{\"name\":\"v\","
                            "\"type\":\"varchar\"}],\"stats\":{},\"data\":[");
    for (long id = from; id < from + PAGE && id < ROWS; id++) {
        len += (size_t)snprintf(text + len, room - len, "%s[%ld,\"", id > from ? "," : "", id);
        memset(text + len, 'x', WIDE);
        len += WIDE;
        len += (size_t)snprintf(text + len, room - len, "\"]");
    }
    snprintf(text + len, room - len, "]}");
    peer_reply(c, 200, "Content-Type: application/json\r\n", text);
    free(text);
    return 1;
}

static int answer(peer_conn *c, const peer_request *q)
{
    if (strncmp(q->head, "DELETE", 6) == 0) {
        w.deletes++;
        peer_reply(c, 204, "", "");
        return 1;
    }
    if (strncmp(q->head, "GET", 3) == 0) {
        w.asked++;
        return page(c, strtol(strstr(q->head, "/q/") + 3, NULL, 10));
    }
    if (strstr(q->body, "LIMIT 0"))
        return page(c, ROWS);
    w.posts++;
    const char *behind = strstr(q->body, "> CAST('");
    return page(c, behind ? strtol(behind + 8, NULL, 10) + 1 : 0);
}

static int is_full(void *user)
{
    static int before;
    (void)user;
    int same = before == w.asked && before > 0;
    before = w.asked;
    if (!same)
        support_sleep_ms(300);
    return same;
}

static int was_let_go(void *user)
{
    (void)user;
    w.skip_us += w.deletes > 0 ? 0 : 60000000;
    return w.deletes > 0;
}

static void test_stalled_sink(void **state)
{
    df_env_options o = {.size = sizeof o, .clock_us = clock_us};
    char yaml[1024];
    df_port *port;
    unsigned char seen[ROWS] = {0};
    size_t count = 0;
    (void)state;
    peer_start(&w.peer, answer);
    df_env *env = df_env_new(&o);
    snprintf(yaml, sizeof yaml,
             "source:\n  type: trino\n  config: {serverURL: '%s', catalog: c, schema: s, table: t, "
             "orderByColumn: id}\nsink: {type: host, config: {}}\nmemoryLimit: 8Mi\n",
             w.peer.url);
    df_pipeline *p = support_load(env, yaml);
    df_port_options take = {.size = sizeof take, .stage = "sink", .mode = DF_TAKE};
    assert_ok(df_port_open(p, &take, &port));
    assert_ok(df_pipeline_start(p, NULL));
    assert_true(support_wait(is_full, NULL, 30000));
    assert_true(w.asked < ROWS / PAGE - 1);
    assert_true(support_wait(was_let_go, NULL, 30000));
    int64_t until = support_now_ms() + 30000;
    while (count < ROWS && support_now_ms() < until) {
        df_parcel *parcel;
        if (df_port_take(port, 100, &parcel) != DF_OK)
            continue;
        for (size_t i = 0; i < df_parcel_count(parcel); i++) {
            df_bytes payload;
            assert_ok(df_parcel_payload(parcel, i, &payload));
            long id = strtol((const char *)payload.data + 6, NULL, 10); /* {"id":7,… */
            assert_in_range(id, 0, ROWS - 1);
            seen[id]++;
            count++;
        }
        assert_ok(df_port_settle(port, parcel, DF_OK));
    }
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(seen[i], 1);
    assert_true(w.posts >= 2);
    df_pipeline_stop(p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(p, 30000));
    df_port_close(port);
    df_pipeline_free(p);
    df_env_free(env);
    peer_stop(&w.peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stalled_sink),
    };
    return cmocka_run_group_tests_name("stall", tests, NULL, NULL);
}
