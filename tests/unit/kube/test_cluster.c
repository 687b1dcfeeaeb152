/* SPDX-License-Identifier: Apache-2.0
 * test_cluster.c: what a flow in a pod asks of its cluster, against a server that follows a script:
 * it waits for the Lease, reads positions after that, ends when it is taken.
 * ctest: threaded */
#include "kube_fixture.h"

#include <stdatomic.h>
#include <stdio.h>

#include "core/graph/secret.h"
#include "kube/client.h"
#include "support/net/play.h"

#include "../../../apps/dfproc/cluster/cluster.c"

typedef struct world {
    play server;
    char *dir, path[512], err[DFPROC_CLUSTER_TEXT];
    dfproc_cluster_options options;
    dfproc_cluster *cluster;
    df_store store;
    _Atomic int lost, lines;
    int waits; /* when the first line was said, and for what */
    char why[DFPROC_CLUSTER_TEXT];
} world;

static void on_log(void *user, int level, const char *line)
{
    world *w = user;
    (void)level;
    assert_null(strstr(line, "hidden"));
    if (!w->lines)
        w->waits = cluster_waits(w->cluster, w->why);
    w->lines++;
}

static void on_lost(void *user)
{
    world *w = user;
    w->lost++;
}

static void begin_kind(world *w, const char *kind, const play_turn *turns, int count)
{
    char text[700];
    memset(w, 0, sizeof *w);
    play_start(&w->server, turns, count);
    w->dir = support_mkdir();
    snprintf(text, sizeof text,
             "current-context: c\nclusters: [{name: s, cluster: {server: '%s'}}]\n"
             "users: [{name: u, user: {token: hidden-token}}]\n"
             "contexts: [{name: c, context: {cluster: s, user: u}}]\n",
             w->server.peer.url);
    support_write_file(support_path(w->path, w->dir, "config"), text);
    w->options = (dfproc_cluster_options){.kubeconfig = w->path,
                                          .space = "shop",
                                          .name = "a",
                                          .uid = "flow-uid",
                                          .kind = kind,
                                          .source_type = "stdio",
                                          .stage = "source",
                                          .log = on_log,
                                          .lost = on_lost,
                                          .user = w};
    w->store.size = sizeof w->store;
    assert_ok(cluster_open(&w->options, &w->cluster, w->err));
    kube_fixture_hold(kube_client_loop(w->cluster->client));
}

static void begin(world *w, const play_turn *turns, int count)
{
    begin_kind(w, NULL, turns, count);
}

/* Waits for what the other thread does. */
static void until(const _Atomic int *done)
{
    int64_t end = support_now_ms() + 60000;
    while (!*done && support_now_ms() < end)
        support_sleep_ms(5);
    assert_int_equal(*done, 1);
}

static void end(world *w, int give_back)
{
    if (w->store.user)
        w->store.user_free(w->store.user);
    cluster_close(w->cluster, give_back);
    assert_int_equal(w->server.at, w->server.count);
    play_stop(&w->server);
    support_rmdir(w->dir);
}

#define MAP(version, n)                                                                            \
    "{\"metadata\":{\"name\":\"m\",\"resourceVersion\":\"" version                                 \
    "\"},\"data\":{\"checkpoint.json\":\"{\\\"stdio\\\":{\\\"lastReadID\\\":" n "}}\"}}"
#define LEASE(version, holder)                                                                     \
    "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"spec\":{\"holderIdentity\":\"" holder   \
    "\",\"leaseDurationSeconds\":1}}"
#define GET_MAP(version, n)                                                                        \
    {                                                                                              \
        "GET /api/v1/namespaces/shop/configmaps/df-a-checkpoint HTTP", NULL, 200, MAP(version, n)  \
    }
#define GET_LEASE(version, holder)                                                                 \
    {                                                                                              \
        "GET /apis/coordination.k8s.io/v1/namespaces/shop/leases/df-a HTTP", NULL, 200,            \
            LEASE(version, holder)                                                                 \
    }

static void *taking(void *arg)
{
    world *w = arg;
    return (void *)(intptr_t)cluster_take(w->cluster, w->err);
}

/* Another pod reads: this one waits and says so; what that one saved last is what is loaded. */
static void test_waits_its_turn(void **state)
{
    static const play_turn turns[] = {
        GET_MAP("1", "7"),
        GET_LEASE("1", "other"),
        GET_LEASE("1", "other"),
        {"PUT ", NULL, 200, LEASE("2", "me"), .body = "\"holderIdentity\":\""},
        GET_MAP("5", "9")};
    struct df_answer answer = {.heap = &df__heap_libc};
    char why[DFPROC_CLUSTER_TEXT];
    world w;
    pthread_t thread;
    void *rc;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    assert_ok(cluster_store(w.cluster, &w.store, w.err));
    assert_int_equal(cluster_waits(w.cluster, why), 0);
    pthread_create(&thread, NULL, taking, &w);
    until(&w.lines);
    assert_int_equal(w.waits, 1);
    assert_string_equal(w.why, "lease shop/df-a is held by other");
    kube_fixture_now_us += 3000000; /* the other one's second is over */
    pthread_join(thread, &rc);
    assert_ok((int)(intptr_t)rc);
    assert_int_equal(cluster_waits(w.cluster, why), 0);
    assert_ok(w.store.load(w.store.user, "source", "p", &answer));
    assert_memory_equal(answer.data, "{\"lastReadOrderByValue\":9}", answer.len);
    df__answer_free(&answer);
    assert_int_equal(w.lost, 0);
    end(&w, 0);
}

static void test_interrupted(void **state)
{
    static const play_turn turns[] = {GET_LEASE("1", "other")};
    world w;
    pthread_t thread;
    void *rc;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    pthread_create(&thread, NULL, taking, &w);
    until(&w.lines);
    cluster_interrupt(w.cluster);
    pthread_join(thread, &rc);
    assert_status((int)(intptr_t)rc, DF_ECANCELED);
    end(&w, 0);
}

/* It is taken away: the run is told, and no position is written any more. */
static void test_lost(void **state)
{
    static const play_turn turns[] = {
        GET_MAP("1", "7"),
        {"GET ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
        {"POST ", NULL, 201, LEASE("1", "me"),
         .body = "\"ownerReferences\":[{\"apiVersion\":\"dataflow.dataflow.io/v1\",\"kind\":"
                 "\"DataFlow\",\"name\":\"a\",\"uid\":\"flow-uid\"}]"},
        GET_MAP("1", "7"),
        {"PUT ", NULL, 409, PLAY_REFUSED(409, "Conflict")},
        {"GET ", NULL, 200, LEASE("5", "other")}};
    static const df_state row = {sizeof row, "source", "p", {"8", 1}};
    char why[DFPROC_CLUSTER_TEXT];
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    assert_ok(cluster_store(w.cluster, &w.store, w.err));
    assert_ok(cluster_take(w.cluster, w.err));
    kube_fixture_now_us += 3000000; /* it is time to renew it */
    until(&w.lost);
    assert_int_equal(cluster_waits(w.cluster, why), 1);
    assert_status(w.store.save(w.store.user, &row, 1), DF_EFENCED);
    end(&w, 0);
}

/* An owner of another kind is nowhere: the cluster would remove the Lease, and two pods read. */
static void test_of_a_cron(void **state)
{
    static const play_turn turns[] = {
        {"GET ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
        {"POST ", NULL, 201, LEASE("1", "me"),
         .body = "\"kind\":\"DataFlowCron\",\"name\":\"a\",\"uid\":\"flow-uid\"}]"},
    };
    world w;
    (void)state;
    begin_kind(&w, "DataFlowCron", PLAY_TURNS(turns));
    assert_ok(cluster_take(w.cluster, w.err));
    end(&w, 0);
}

static void test_given_back(void **state)
{
    static const play_turn turns[] = {
        GET_LEASE("1", ""),
        {"PUT ", NULL, 200, LEASE("2", "me")},
        {"GET ", NULL, 200, LEASE("2", "me")},
        {"PUT ", NULL, 200, LEASE("3", ""), .body = "\"holderIdentity\":\"\""}};
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    snprintf(w.cluster->identity, sizeof w.cluster->identity, "me");
    assert_ok(cluster_take(w.cluster, w.err));
    end(&w, 1);
}

static void test_no_map(void **state)
{
    static const play_turn turns[] = {{"GET ", NULL, 404, PLAY_REFUSED(404, "NotFound")}};
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    assert_status(cluster_store(w.cluster, &w.store, w.err), DF_ENOTFOUND);
    assert_non_null(strstr(w.err, "dfproc checkpoint reset --namespace shop --name a"));
    end(&w, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_its_turn), cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_lost),           cmocka_unit_test(test_given_back),
        cmocka_unit_test(test_of_a_cron),      cmocka_unit_test(test_no_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
