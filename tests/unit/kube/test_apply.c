/* SPDX-License-Identifier: Apache-2.0
 * test_apply.c: what a write sends, and what it is told to have become: taken, refused, not
 * applied, perhaps applied.
 * ctest: threaded */
#include "kube_fixture.h"

#include "kube/apply.h"
#include "support/net/play.h"

typedef struct world {
    kube_fixture f;
    kube_reply reply;
    int done;
} world;

static const kube_target map = {"/api/v1", "configmaps", "shop", "a b", NULL};

static void on_done(void *user, const kube_reply *reply)
{
    world *w = user;
    w->reply = *reply;
    w->reply.body = (df_bytes){NULL, 0};
    w->done = 1;
}

static kube_then then(world *w)
{
    return (kube_then){.done = on_done, .user = w, .total_us = 5000000};
}

static int became(world *w, kube_request *r)
{
    assert_non_null(r);
    kube_fixture_until(&w->f, &w->done);
    w->done = 0;
    return w->reply.rc;
}

#define BEGIN(turns)                                                                               \
    world w = {0};                                                                                 \
    (void)state;                                                                                   \
    kube_fixture_begin(&w.f, PLAY_TURNS(turns))

static void test_what_is_sent(void **state)
{
    static const play_turn turns[] = {
        {"GET /api/v1/namespaces/shop/configmaps/a%20b HTTP", NULL, 200, "{}"},
        {"POST /api/v1/namespaces/shop/configmaps?fieldManager=dataflow-operator HTTP", NULL, 201,
         "{}", .body = "{\"metadata\":{\"name\":\"a b\"}}"},
        {"PATCH /api/v1/namespaces/shop/configmaps/a%20b?fieldManager=dataflow-operator HTTP",
         "force", 200, "{}", .body = "\"x\":\"a/b\\u007f\\ufeffé\""},
        {"configmaps/a%20b?fieldManager=dataflow-operator&force=true HTTP", "merge-patch", 200,
         "{}"},
        {"PATCH /api/v1/namespaces/shop/configmaps/a%20b/status?fieldManager=dataflow-operator",
         "apply-patch", 200, "{}"},
        {"PUT /api/v1/namespaces/shop/configmaps/a%20b?fieldManager", NULL, 200, "{}",
         .body = "\"resourceVersion\":\"7\""},
        {"DELETE /api/v1/namespaces/shop/configmaps/a%20b HTTP", NULL, 200, "{}",
         .body = "\"propagationPolicy\":\"Foreground\",\"preconditions\":{\"uid\":\"u\",\"resource"
                 "Version\":\"7\"}"},
        {"DELETE /apis/apps/v1/deployments/d HTTP", NULL, 200, "{}",
         .body = "\"preconditions\":{},\"gracePeriodSeconds\":3}"},
    };
    static const kube_target status = {"/api/v1", "configmaps", "shop", "a b", "status"};
    static const kube_target of_cluster = {"/apis/apps/v1", "deployments", NULL, "d", NULL};
    BEGIN(turns);
    kube_client *c = w.f.client;
    json_object *object = json_tokener_parse("{\"metadata\":{\"name\":\"a b\"}}");
    json_object *odd = json_tokener_parse("{\"x\":\"a/b\x7f\xef\xbb\xbf\xc3\xa9\"}");
    json_object *versioned = json_tokener_parse("{\"metadata\":{\"resourceVersion\":\"7\"}}");
    kube_deletion only = {"u", "7", KUBE_FOREGROUND, 0}, any = {.grace_s = 3};
    assert_ok(became(&w, kube_get(c, &map, then(&w))));
    assert_ok(became(&w, kube_create(c, &map, object, then(&w))));
    assert_ok(became(&w, kube_apply(c, &map, odd, 0, then(&w))));
    assert_ok(became(&w, kube_apply(c, &map, odd, 1, then(&w))));
    assert_ok(became(&w, kube_merge(c, &status, object, then(&w))));
    assert_status(became(&w, kube_update(c, &map, object, then(&w))), DF_EINVAL);
    assert_non_null(strstr(w.reply.text, "resourceVersion"));
    assert_ok(became(&w, kube_update(c, &map, versioned, then(&w))));
    assert_ok(became(&w, kube_delete(c, &map, &only, then(&w))));
    assert_ok(became(&w, kube_delete(c, &of_cluster, &any, then(&w))));
    json_object_put(object);
    json_object_put(odd);
    json_object_put(versioned);
    kube_fixture_end(&w.f);
}

/* The same answer of a server means another thing for a write than for a read. */
static void test_outcomes(void **state)
{
    static const play_turn turns[] = {
        {NULL, NULL, 409, PLAY_REFUSED(409, "AlreadyExists")},
        {NULL, NULL, 409, PLAY_REFUSED(409, "Conflict")},
        {NULL, NULL, 404, PLAY_REFUSED(404, "NotFound")},
        {NULL, NULL, 403, PLAY_REFUSED(403, "Forbidden")},
        {NULL, NULL, 422, PLAY_REFUSED(422, "Invalid")},
        {NULL, NULL, 429, "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":2}}"},
        {NULL, NULL, 500, PLAY_REFUSED(500, "InternalError")},
        {NULL, NULL, 504, PLAY_REFUSED(504, "Timeout")},
        {NULL, NULL, 408, ""},
        {NULL, NULL, 0, "", PLAY_DROP},
    };
    static const int wanted[] = {DF_EEXISTS, DF_EFENCED,  DF_ENOTFOUND, DF_EAUTH,    DF_EINVAL,
                                 DF_EIO,     DF_EUNKNOWN, DF_EUNKNOWN,  DF_EUNKNOWN, DF_EUNKNOWN};
    enum { TURNS = sizeof turns / sizeof *turns };
    BEGIN(turns);
    json_object *object = json_tokener_parse("{\"metadata\":{\"resourceVersion\":\"7\"}}");
    for (int i = 0; i < TURNS; i++) {
        assert_status(became(&w, kube_create(w.f.client, &map, object, then(&w))), wanted[i]);
        assert_int_equal(w.reply.retry_after_us, i == 5 ? 2000000 : -1);
    }
    play_next(&w.f.server, PLAY_TURNS(turns));
    for (int i = 0; i < TURNS; i++)
        assert_status(became(&w, kube_update(w.f.client, &map, object, then(&w))), wanted[i]);
    play_next(&w.f.server, turns + 6, 3);
    for (int i = 0; i < 3; i++)
        assert_status(became(&w, kube_get(w.f.client, &map, then(&w))), DF_EIO);
    json_object_put(object);
    kube_fixture_end(&w.f);
}

/* A server that says nothing: a write may have been applied, a read has failed. Where nobody
 * listens, neither was. */
static void test_no_reply(void **state)
{
    static const play_turn turns[] = {{"PUT", NULL, 0, "", PLAY_SILENT},
                                      {"PATCH", NULL, 0, "", PLAY_SILENT},
                                      {"DELETE", NULL, 0, "", PLAY_SILENT},
                                      {"GET", NULL, 0, "", PLAY_SILENT}};
    BEGIN(turns);
    kube_client *c = w.f.client;
    json_object *object = json_tokener_parse("{\"metadata\":{\"resourceVersion\":\"7\"}}");
    kube_then soon = then(&w);
    soon.total_us = 200000;
    assert_status(became(&w, kube_update(c, &map, object, soon)), DF_EUNKNOWN);
    assert_status(became(&w, kube_apply(c, &map, object, 1, soon)), DF_EUNKNOWN);
    assert_status(became(&w, kube_delete(c, &map, &(kube_deletion){0}, soon)), DF_EUNKNOWN);
    assert_status(became(&w, kube_get(c, &map, soon)), DF_ETIMEOUT);
    peer_stop(&w.f.server.peer);
    assert_status(became(&w, kube_update(c, &map, object, soon)), DF_EIO);
    assert_status(became(&w, kube_apply(c, &map, object, 1, soon)), DF_EIO);
    json_object_put(object);
    kube_client_free(c);
    free(w.f.server.last);
}

static int may;

static int on_may(void *user)
{
    (void)user;
    return may;
}

/* Who does not lead sends no write; reads, and what is its own affair, pass. */
static void test_guard(void **state)
{
    static const play_turn turns[] = {
        {"GET", NULL, 200, "{}"}, {"PATCH", "force", 200, "{}"}, {"force=true", NULL, 200, "{}"}};
    BEGIN(turns);
    kube_client *c = w.f.client;
    json_object *object = json_object_new_object();
    kube_then own = then(&w);
    own.unguarded = 1;
    kube_client_guard(c, on_may, NULL);
    assert_status(became(&w, kube_apply(c, &map, object, 1, then(&w))), DF_EFENCED);
    assert_int_equal(w.f.server.at, 0);
    assert_int_equal(w.reply.status, 0);
    assert_ok(became(&w, kube_get(c, &map, then(&w))));
    assert_ok(became(&w, kube_apply(c, &map, object, 0, own)));
    may = 1;
    assert_ok(became(&w, kube_apply(c, &map, object, 1, then(&w))));
    json_object_put(object);
    kube_fixture_end(&w.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_sent),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_no_reply),
        cmocka_unit_test(test_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
