/* SPDX-License-Identifier: Apache-2.0
 * test_scrape.c: metrics of pods that answer, hang, lie, say too much or are away: figures of
 * their flows, the joined text, what is counted, and memory with a thousand of them.
 * ctest: threaded */
#include "support/support.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/process.h"
#include "dfoperator/metrics/figures.h"
#include "dfoperator/metrics/scrape.h"
#include "support/net/http_peer.h"
#include "support/prom_text.h"

typedef struct world {
    http_peer peer;
    df__http *http;
    kube_loop loop;
    kube_objects pods;
    char first[40]; /* the key of the first pod */
    op_scrape *scrape;
    _Atomic int sent; /* what the good pods say */
    int says;         /* from the next round on */
    int changed;
    char last[600];
    pthread_t thread;
} world;

static const char good[] =
    "# HELP dataflow_conservation_records R.\n# TYPE dataflow_conservation_records gauge\n"
    "dataflow_conservation_records{term=\"sent\"} %d\n"
    "dataflow_conservation_records{term=\"left_out\"} 1\n"
    "dataflow_conservation_records{term=\"errored\"} 2\n"
    "# HELP dataflow_last_progress_timestamp_seconds L.\n"
    "# TYPE dataflow_last_progress_timestamp_seconds gauge\n"
    "dataflow_last_progress_timestamp_seconds 1700000000.5\n"
    "# HELP go_goroutines G.\n# TYPE go_goroutines gauge\ngo_goroutines 7\n";
static const char lag[] = "# HELP dataflow_watermark_lag_records W.\n"
                          "# TYPE dataflow_watermark_lag_records gauge\n"
                          "dataflow_watermark_lag_records 10\n";

static const char secrets[] = "# HELP dataflow_secrets_timestamp_seconds S.\n"
                              "# TYPE dataflow_secrets_timestamp_seconds gauge\n"
                              "dataflow_secrets_timestamp_seconds 1700000%d.25\n";

static void say_huge(peer_conn *c)
{
    char *text = malloc(3 << 20);
    memset(text, '#', 3 << 20);
    text[(3 << 20) - 1] = 0;
    peer_reply(c, 200, "", text);
    free(text);
}

/* 20 KiB, nearly all of it of no interest. */
static void say_long(peer_conn *c, const char *text)
{
    size_t len = strlen(text);
    char *all = malloc(20 << 10);
    memcpy(all, text, len);
    memset(all + len, '#', (20 << 10) - len);
    memcpy(all + (20 << 10) - 2, "\n", 2);
    peer_reply(c, 200, "", all);
    free(all);
}

/* The path is what a pod does. */
static int answer(peer_conn *c, const peer_request *r)
{
    world *w = c->peer->user;
    char text[2000];
    int n = snprintf(text, sizeof text, good, w->sent);
    if (peer_path_is(r, "/good")) {
        peer_reply(c, 200, "", text);
    } else if (peer_path_is(r, "/lag")) {
        snprintf(text + n, sizeof text - (size_t)n, "%s", lag);
        peer_reply(c, 200, "", text);
    } else if (peer_path_is(r, "/old") || peer_path_is(r, "/new")) {
        snprintf(text + n, sizeof text - (size_t)n, secrets, peer_path_is(r, "/old") ? 100 : 200);
        peer_reply(c, 200, "", text);
    } else if (peer_path_is(r, "/long")) {
        say_long(c, text);
    } else if (peer_path_is(r, "/lie")) {
        peer_reply(c, 200, "", "dataflow_conservation_records{term=\"sent\" 5\n");
    } else if (peer_path_is(r, "/huge")) {
        say_huge(c);
        return 0;
    } else if (peer_path_is(r, "/away")) {
        peer_reply(c, 503, "", "not now");
    } else if (peer_path_is(r, "/cut")) {
        peer_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ndataflow_x 1\n");
        return 0;
    } else {
        peer_linger(c);
        return 0;
    }
    return 1;
}

static const kube_objects *pods(void *user)
{
    return &((world *)user)->pods;
}

/* The text of a pod: "flow path". Of two rounds none sees answers of the other: the first pod is
 * asked when all answers of the round before are there. */
static int target(void *user, const kube_object *pod, op_target *ret)
{
    world *w = user;
    char flow[200], path[200];
    if (kube_objects_get(&w->pods, w->first) == pod)
        w->sent = w->says;
    if (sscanf(pod->text, "%199s %199s", flow, path) != 2)
        return -1;
    snprintf(ret->flow, sizeof ret->flow, "DataFlow/n/%s", flow);
    snprintf(ret->space, sizeof ret->space, "n");
    snprintf(ret->name, sizeof ret->name, "%s", flow);
    snprintf(ret->pod, sizeof ret->pod, "%s", strchr(pod->key, '/') + 1);
    snprintf(ret->url, sizeof ret->url, "%s%s", w->peer.url, path);
    return 0;
}

static void changed(void *user, const char *flow)
{
    world *w = user;
    w->changed++;
    snprintf(w->last, sizeof w->last, "%s", flow);
}

static void more(void *user, df__buf *out)
{
    (void)user;
    df__buf_str(out, "# HELP dataflow_controller_x X.\n# TYPE dataflow_controller_x gauge\n"
                     "dataflow_controller_x{a=\"b\"} 1\n");
}

static void pod(world *w, const char *key, const char *text)
{
    kube_object *o = kube_objects_add(&w->pods, key);
    assert_non_null(o);
    if (!*w->first)
        snprintf(w->first, sizeof w->first, "%s", key);
    kube_objects_set_text(&w->pods, o, strdup(text), strlen(text));
}

static int setup(void **state)
{
    world *w = calloc(1, sizeof *w);
    df__http_config http = {.user_agent = "test"};
    w->peer.user = w;
    w->sent = w->says = 5;
    peer_start(&w->peer, answer);
    assert_ok(df__http_new(&http, &w->http));
    assert_ok(kube_loop_init(&w->loop, w->http));
    *state = w;
    return 0;
}

/* Waiting for a pod: as long as it takes, or so short that one that hangs costs little. */
enum { PATIENT_US = 30000000, SHORT_US = 2000000 };

static void begin(world *w, int64_t every_us, int64_t pod_us, int64_t round_us)
{
    w->scrape = op_scrape_new(&(op_scrape_config){.loop = &w->loop,
                                                  .pods = pods,
                                                  .target = target,
                                                  .changed = changed,
                                                  .more = more,
                                                  .user = w,
                                                  .every_us = every_us,
                                                  .pod_us = pod_us,
                                                  .round_us = round_us});
    assert_non_null(w->scrape);
}

static int teardown(void **state)
{
    world *w = *state;
    op_scrape_free(w->scrape);
    peer_stop(&w->peer);
    kube_loop_free(&w->loop);
    df__http_free(w->http);
    kube_objects_free(&w->pods);
    free(w);
    return 0;
}

/* Steps until the flow has said so much; fails after a minute. */
static op_figures until(world *w, const char *flow, int64_t processed)
{
    int64_t end = support_now_ms() + 60000;
    op_figures f;
    do {
        kube_loop_step(&w->loop, 10);
        op_scrape_figures(w->scrape, flow, &f);
    } while (f.processed != processed && support_now_ms() < end);
    assert_int_equal(f.processed, processed);
    return f;
}

/* ---- figures ---------------------------------------------------------------------------------
 */

static void test_figures(void **state)
{
    world *w = *state;
    op_figures f;
    int before;
    pod(w, "n/a-1", "a /lag");
    pod(w, "n/a-2", "a /lag");
    pod(w, "n/b-1", "b /lag");
    pod(w, "n/b-2", "b /good"); /* does not know its lag */
    pod(w, "n/c-1", "none");    /* does not run */
    begin(w, 50000, PATIENT_US, 2 * PATIENT_US);
    f = until(w, "DataFlow/n/a", 12);
    assert_int_equal(f.errors, 4);
    assert_int_equal(f.lag, 20);
    assert_int_equal(f.last_processed_us, 1700000000500000);
    assert_true(f.read_at_us > 0);
    f = until(w, "DataFlow/n/b", 12);
    assert_int_equal(f.lag, -1);
    op_scrape_figures(w->scrape, "DataFlow/n/c", &f);
    assert_int_equal(f.processed, -1);
    assert_int_equal(f.lag, -1);
    assert_int_equal(w->changed, 2);
    before = w->peer.requests;
    while (w->peer.requests < before + 12) /* the same again is no news */
        kube_loop_step(&w->loop, 10);
    assert_int_equal(w->changed, 2);
    w->says = 6;
    until(w, "DataFlow/n/a", 14);
    assert_int_equal(w->changed, 4);
    kube_objects_remove(&w->pods, "n/a-2");
    until(w, "DataFlow/n/a", 7);
}

/* A new value is in use when all pods use it. */
static void test_secrets(void **state)
{
    world *w = *state;
    op_figures f;
    pod(w, "n/a-1", "a /new");
    pod(w, "n/a-2", "a /old");
    pod(w, "n/a-3", "a /good");
    pod(w, "n/b-1", "b /good"); /* names no Secret */
    begin(w, 50000, PATIENT_US, 2 * PATIENT_US);
    assert_int_equal(until(w, "DataFlow/n/a", 18).secrets_us, 1700000100250000);
    assert_true(until(w, "DataFlow/n/b", 6).secrets_us <= 0);
    pod(w, "n/a-2", "a /new");
    do {
        kube_loop_step(&w->loop, 10);
        op_scrape_figures(w->scrape, "DataFlow/n/a", &f);
    } while (f.secrets_us != 1700000200250000);
    assert_string_equal(w->last, "DataFlow/n/a");
}

/* Each costs itself only; what it said before stays. */
static void test_bad_pods(void **state)
{
    static const char *const bad[] = {"/hang", "/lie", "/huge", "/away", "/cut"};
    world *w = *state;
    char text[100];
    op_figures f;
    pod(w, "n/a-1", "a /lag");
    pod(w, "n/b-1", "b /lag");
    begin(w, 50000, SHORT_US, 2 * PATIENT_US);
    until(w, "DataFlow/n/b", 6);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "b %s", bad[i]);
        pod(w, "n/b-1", text);
        w->says++;
        until(w, "DataFlow/n/a", w->says + 1);
        op_scrape_figures(w->scrape, "DataFlow/n/b", &f);
        assert_int_equal(f.processed, 6);
        assert_int_equal(f.lag, 10);
    }
    assert_true(op_scrape_failed(w->scrape, OP_SCRAPE_TIMEOUT) >= 1);
    assert_true(op_scrape_failed(w->scrape, OP_SCRAPE_MALFORMED) >= 1);
    assert_true(op_scrape_failed(w->scrape, OP_SCRAPE_TOO_LARGE) >= 1);
    assert_true(op_scrape_failed(w->scrape, OP_SCRAPE_UNREACHABLE) >= 2);
    assert_int_equal(op_scrape_failed(w->scrape, OP_SCRAPE_NO_TIME), 0);
}

/* More that hang than the time allows: the others have their turn in the next round. */
static void test_no_time(void **state)
{
    world *w = *state;
    char key[40];
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "n/a-%03d", i);
        pod(w, key, "a /hang");
    }
    pod(w, "n/z-1", "z /good");
    begin(w, 50000, SHORT_US, SHORT_US + 500000);
    until(w, "DataFlow/n/z", 6);
    assert_true(op_scrape_failed(w->scrape, OP_SCRAPE_NO_TIME) > 0);
}

/* ---- the text --------------------------------------------------------------------------------
 */

static void *run(void *user)
{
    kube_loop_run(&((world *)user)->loop);
    return NULL;
}

typedef struct wanted {
    world *w;
    pthread_t thread;
    df__buf text;
    int rc;
} wanted;

static void *want(void *user)
{
    wanted *q = user;
    df__buf_init(&q->text, &df__heap_libc);
    q->rc = op_scrape_text(q->w->scrape, &q->text);
    return NULL;
}

static void test_text(void **state)
{
    world *w = *state;
    wanted q[8];
    char err[300];
    pod(w, "n/a-1", "a /lag");
    pod(w, "n/a-2", "a /good");
    pod(w, "n/b-1", "b /lie");
    pod(w, "n/c-1", "c /hang");
    begin(w, -1, SHORT_US, 2 * PATIENT_US);
    assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
    for (int i = 0; i < 8; i++) {
        q[i].w = w;
        assert_int_equal(pthread_create(&q[i].thread, NULL, want, &q[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(q[i].thread, NULL);
        assert_int_equal(q[i].rc, 0);
        if (!prom_check(df__buf_cstr(&q[i].text), q[i].text.len, err, sizeof err))
            fail_msg("%s\n%s", err, q[i].text.data);
        assert_true(prom_value(q[i].text.data, "dataflow_controller_x{a=\"b\"}") == 1);
        assert_true(prom_value(q[i].text.data,
                               "dataflow_conservation_records{namespace=\"n\",name=\"a\","
                               "pod=\"a-2\",term=\"sent\"}") == 5);
        assert_true(prom_value(q[i].text.data,
                               "dataflow_watermark_lag_records{namespace=\"n\",name=\"a\","
                               "pod=\"a-1\"}") == 10);
        assert_null(strstr(q[i].text.data, "go_"));
        df__buf_free(&q[i].text);
    }
    assert_int_equal(w->peer.requests, 4); /* one round for all */
    kube_loop_stop(&w->loop);
    pthread_join(w->thread, NULL);
}

/* Who waits when the program ends does not wait on. */
static void test_close(void **state)
{
    world *w = *state;
    wanted q = {.w = w};
    begin(w, -1, SHORT_US, 2 * PATIENT_US); /* the loop does not run */
    assert_int_equal(pthread_create(&q.thread, NULL, want, &q), 0);
    support_sleep_ms(50);
    op_scrape_close(w->scrape);
    pthread_join(q.thread, NULL);
    assert_int_equal(q.rc, -1);
    df__buf_free(&q.text);
}

/* ---- many ------------------------------------------------------------------------------------
 */

static size_t in_use(void)
{
    return mallinfo2().uordblks;
}

/* 20 MiB of texts a round; none is kept. */
static void test_thousand(void **state)
{
    world *w = *state;
    char key[40], text[40];
    size_t peak = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "n/pod-%04d", i);
        snprintf(text, sizeof text, "f%d /long", i / 2);
        pod(w, key, text);
    }
    begin(w, 1000, PATIENT_US, 2 * PATIENT_US);
    until(w, "DataFlow/n/f499", 12);
    until(w, "DataFlow/n/f0", 12);
    for (int round = 0; round < 3; round++) {
        int requests = w->peer.requests;
        w->says++;
        while (w->peer.requests < requests + 1000) {
            kube_loop_step(&w->loop, 10);
            peak = in_use() > peak ? in_use() : peak;
        }
    }
    print_message("at most %zu KiB\n", peak >> 10);
    assert_true(peak < 12 << 20);
    assert_true(w->changed >= 500);
}

/* ---- figures of a text -----------------------------------------------------------------------
 */

static void test_own_text(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df_pipeline *flow =
        support_load(env, "{source: {type: generate, config: {count: 3}}, sink: {type: \"null\"}}");
    op_figures f;
    char *text;
    (void)state;
    assert_ok(df_pipeline_run(flow, NULL));
    text = support_metrics(env);
    assert_int_equal(op_figures_read((df_bytes){text, strlen(text)}, &f), 0);
    assert_int_equal(f.processed, 3);
    assert_int_equal(f.errors, 0);
    assert_true(f.last_processed_us > 1700000000000000);
    free(text);
    df_pipeline_free(flow);
    support_env_free(env, &host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_figures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_pods, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thousand, setup, teardown),
        cmocka_unit_test(test_own_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
