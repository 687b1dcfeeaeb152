/* SPDX-License-Identifier: Apache-2.0
 * test_informer.c: requests and informers against an API server that says what a test wants:
 * streamed and paged lists, bookmarks, forgotten versions, refusals, streams that end or are cut.
 * ctest: threaded */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kube/informer.h"
#include "support/net/play.h"

typedef struct world {
    play server;
    kube_client *client;
    kube_informer *informer;
    char heard[4096]; /* "a/x=1 a/y=- synced " */
    int troubles;
} world;

static void on_changed(void *user, const char *key, const kube_object *object)
{
    world *w = user;
    size_t at = strlen(w->heard);
    snprintf(w->heard + at, sizeof w->heard - at, "%s=%s ", key, object ? object->version : "-");
    if (object) {
        char *text = kube_object_text(object);
        assert_non_null(text);
        assert_null(strstr(text, "managedFields"));
        free(text);
    }
}

static void on_synced(void *user)
{
    world *w = user;
    size_t at = strlen(w->heard);
    snprintf(w->heard + at, sizeof w->heard - at, "synced ");
}

static void on_trouble(void *user, const char *text)
{
    world *w = user;
    assert_true(strlen(text) > 5);
    w->troubles++;
}

static world *begin(const play_turn *turns, int count)
{
    world *w = calloc(1, sizeof *w);
    kube_access a = {0};
    char err[KUBE_TEXT];
    play_start(&w->server, turns, count);
    a.server = strdup(w->server.peer.url);
    a.token = strdup("hidden-token");
    assert_ok(kube_client_new(&a, "test", &w->client, err));
    return w;
}

static void end(world *w)
{
    kube_informer_free(w->informer);
    kube_client_free(w->client);
    play_stop(&w->server);
    free(w);
}

/* Runs the informer until it heard `want`. */
static void hears(world *w, const char *want)
{
    kube_watched what = {.path = "/apis/x/v1/things",
                         .selector = "labelSelector=app%3Da",
                         .changed = on_changed,
                         .synced = on_synced,
                         .trouble = on_trouble,
                         .user = w};
    int64_t until = support_now_ms() + 20000;
    if (!w->informer)
        w->informer = kube_informer_new(w->client, &what);
    while (strcmp(w->heard, want) != 0 && support_now_ms() < until &&
           strlen(w->heard) <= strlen(want))
        kube_loop_step(kube_client_loop(w->client), 50);
    if (strcmp(w->heard, want) != 0)
        fail_msg("heard \"%s\", not \"%s\" %s", w->heard, want, w->server.wrong);
}

static void settles(world *w)
{
    int64_t until = support_now_ms() + 20000;
    while (w->server.at < w->server.count && support_now_ms() < until)
        kube_loop_step(kube_client_loop(w->client), 50);
    assert_int_equal(w->server.at, w->server.count);
}

#define OBJECT(name, uid, version)                                                                 \
    "{\"metadata\":{\"namespace\":\"a\",\"name\":\"" name "\",\"uid\":\"" uid                      \
    "\",\"resourceVersion\":\"" version "\",\"managedFields\":[{}]},\"spec\":{\"n\":1}}"
#define EVENT(type, name, uid, version)                                                            \
    "{\"type\":\"" type "\",\"object\":" OBJECT(name, uid, version) "}\n"
#define BOOKMARK(version)                                                                          \
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version "\"}}}\n"
#define END_OF_LIST(version)                                                                       \
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version              \
    "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define EXPIRED                                                                                    \
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n"
#define PLAY(turns) begin(PLAY_TURNS(turns))

static void test_streamed_list(void **state)
{
    static const play_turn turns[] = {
        {"sendInitialEvents=true&resourceVersionMatch=NotOlderThan", "resourceVersion=", 200,
         EVENT("ADDED", "x", "u1", "11") EVENT("ADDED", "y", "u2", "5") END_OF_LIST("20")
             EVENT("MODIFIED", "x", "u1", "21") EVENT("DELETED", "y", "u2", "22") BOOKMARK("30"),
         PLAY_STREAM},
        {"resourceVersion=30", "sendInitialEvents", 200, EVENT("ADDED", "z", "u3", "31"),
         PLAY_STAY},
    };
    world *w = PLAY(turns);
    (void)state;
    hears(w, "a/x=11 a/y=5 synced a/x=21 a/y=- a/z=31 ");
    assert_int_equal(kube_informer_objects(w->informer)->count, 2);
    assert_int_equal(w->troubles, 0);
    assert_int_equal(kube_informer_stats_of(w->informer).lists, 1);
    assert_true(kube_informer_stats_of(w->informer).heard_us > 0);
    end(w);
}

static void test_paged_list(void **state)
{
    static const play_turn turns[] = {
        {"sendInitialEvents", NULL, 422, PLAY_REFUSED(422, "Invalid"), PLAY_WHOLE},
        {"limit=500", "watch=", 200,
         "{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"a b/c\"},\"items\":[" OBJECT(
             "x", "u1", "1") "]}",
         PLAY_WHOLE},
        {"continue=a%20b%2Fc", NULL, 200,
         "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" OBJECT("y", "u2", "2") "]}",
         PLAY_WHOLE},
        {"watch=1", "sendInitialEvents", 200, EVENT("MODIFIED", "y", "u2", "10"), PLAY_STAY},
    };
    world *w = PLAY(turns);
    (void)state;
    hears(w, "a/x=1 a/y=2 synced a/y=10 ");
    end(w);
}

/* 410 as an event, as a status, and for a page; what a new list lacks is gone, another uid is
 * another object, the same version no news. */
static void test_forgotten_versions(void **state)
{
    static const play_turn turns[] = {
        {"sendInitialEvents", NULL, 200,
         EVENT("ADDED", "x", "u1", "1") EVENT("ADDED", "y", "u2", "2")
             EVENT("ADDED", "z", "u3", "3") END_OF_LIST("5") EXPIRED,
         PLAY_STREAM},
        {"sendInitialEvents", "resourceVersion=", 200,
         EVENT("ADDED", "x", "u1", "1") EVENT("ADDED", "y", "other", "7") END_OF_LIST("8"),
         PLAY_STREAM},
        {"resourceVersion=8", NULL, 410, PLAY_REFUSED(410, "Gone"), PLAY_WHOLE},
        {"sendInitialEvents", NULL, 400, PLAY_REFUSED(400, "BadRequest"), PLAY_WHOLE},
        {"limit=500", NULL, 200,
         "{\"metadata\":{\"resourceVersion\":\"12\",\"continue\":\"t\"},\"items\":[" OBJECT(
             "y", "other", "7") "]}",
         PLAY_WHOLE},
        {"continue=t", NULL, 410, PLAY_REFUSED(410, "Expired"), PLAY_WHOLE},
        {"limit=500", "continue", 200,
         "{\"metadata\":{\"resourceVersion\":\"13\"},\"items\":[" OBJECT("y", "other", "7") "]}",
         PLAY_WHOLE},
        {"resourceVersion=13", NULL, 200, "", PLAY_STAY},
    };
    world *w = PLAY(turns);
    (void)state;
    hears(w, "a/x=1 a/y=2 a/z=3 synced a/y=- a/y=7 a/z=- a/x=- ");
    settles(w);
    assert_int_equal(kube_informer_objects(w->informer)->count, 1);
    end(w);
}

/* What is cut, refused or no JSON is asked again, and nothing is taken for gone meanwhile. */
static void test_trouble(void **state)
{
    static const play_turn turns[] = {
        {"sendInitialEvents", NULL, 200, EVENT("ADDED", "x", "u1", "1") "{\"type\":\"ADD",
         PLAY_CUT},
        {"sendInitialEvents", NULL, 200,
         EVENT("ADDED", "x", "u1", "1") END_OF_LIST("5") "{\"type\":\"MODIF", PLAY_CUT},
        {"resourceVersion=5", NULL, 200, EVENT("MODIFIED", "x", "u1", "6") "no JSON\n",
         PLAY_STREAM},
        {"resourceVersion=6", NULL, 500, "oops", PLAY_WHOLE},
        {"resourceVersion=6", NULL, 200,
         EVENT("NEWKIND", "x", "u1", "6") EVENT("MODIFIED", "x", "u1", "8"), PLAY_STAY},
    };
    world *w = PLAY(turns);
    (void)state;
    hears(w, "a/x=1 synced a/x=6 a/x=8 ");
    assert_in_range(w->troubles, 3, 4);
    end(w);
}

static void learns(world *w, const char *text)
{
    json_object *object = json_tokener_parse(text);
    assert_ok(kube_informer_learn(w->informer, object));
    json_object_put(object);
}

/* The answer to a write of ours comes after the watch has told of the object's end; and a list that
 * is older than a write of ours does not undo it. */
static void test_learned(void **state)
{
    static const play_turn turns[] = {
        {"sendInitialEvents", NULL, 200,
         EVENT("ADDED", "x", "u1", "11") END_OF_LIST("20") EVENT("DELETED", "x", "u1", "22"),
         PLAY_STREAM},
        {"resourceVersion=22", NULL, 410, PLAY_REFUSED(410, "Gone"), PLAY_WHOLE},
        {"sendInitialEvents", NULL, 200, END_OF_LIST("25") EXPIRED, PLAY_STREAM},
        {"sendInitialEvents", NULL, 200, END_OF_LIST("40"), PLAY_STAY},
    };
    world *w = PLAY(turns);
    (void)state;
    hears(w, "a/x=11 synced a/x=- ");
    learns(w, OBJECT("x", "u1", "21"));
    assert_string_equal(w->heard, "a/x=11 synced a/x=- ");
    learns(w, OBJECT("y", "u2", "30"));
    hears(w, "a/x=11 synced a/x=- a/y=30 a/y=- ");
    assert_int_equal(w->server.at, 4); /* not with the list of version 25 */
    end(w);
}

/* ---- single requests --------------------------------------------------------------------------
 */

static void test_replies(void **state)
{
    static const play_turn turns[] = {
        {"PATCH /api/v1/x ", NULL, 200, "{\"a\":1}", PLAY_WHOLE},
        {"Authorization: Bearer hidden-token", NULL, 409, PLAY_REFUSED(409, "Conflict"),
         PLAY_WHOLE},
        {NULL, NULL, 409, PLAY_REFUSED(409, "AlreadyExists"), PLAY_WHOLE},
        {NULL, NULL, 404, PLAY_REFUSED(404, "NotFound"), PLAY_WHOLE},
        {NULL, NULL, 401, PLAY_REFUSED(401, "Unauthorized"), PLAY_WHOLE},
        {NULL, NULL, 422, PLAY_REFUSED(422, "Invalid"), PLAY_WHOLE},
        {NULL, NULL, 503, "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":3}}",
         PLAY_WHOLE},
        {NULL, NULL, 502, "<html>", PLAY_WHOLE},
    };
    static const int codes[] = {DF_OK,    DF_EFENCED, DF_EEXISTS,  DF_ENOTFOUND,
                                DF_EAUTH, DF_EINVAL,  DF_EUNKNOWN, DF_EUNKNOWN};
    world *w = PLAY(turns);
    kube_reply reply;
    df__buf body;
    (void)state;
    df__buf_init(&body, &df__heap_libc);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        kube_call call = {.method = "PATCH", .path = "/api/v1/x", .body = {"{}", 2}};
        kube_client_do(w->client, call, &reply, &body);
        assert_status(reply.rc, codes[i]);
        if (reply.rc != DF_OK)
            assert_non_null(strstr(reply.text, "/api/v1/x"));
        assert_null(strstr(reply.text, "hidden"));
        if (i == 1)
            assert_non_null(strstr(reply.text, "409 Conflict: because"));
        if (i == 6)
            assert_int_equal(reply.retry_after_us, 3000000);
    }
    assert_string_equal(body.data, "{\"a\":1}");
    df__buf_free(&body);
    end(w);
}

/* A token from a file: a refused one is read again at once, a changed one with the next request. */
static int by_token(peer_conn *c, const peer_request *q)
{
    peer_reply(c, strstr(q->head, "Bearer good\r\n") ? 200 : 401, "", "{}");
    return 1;
}

static void test_token_file(void **state)
{
    char *dir = support_mkdir(), path[512], err[KUBE_TEXT];
    http_peer peer = {0};
    kube_access a = {0};
    kube_client *client;
    kube_reply reply;
    (void)state;
    peer_start(&peer, by_token);
    a.server = strdup(peer.url);
    a.token_file = strdup(support_path(path, dir, "token"));
    assert_ok(kube_client_new(&a, "test", &client, err));
    kube_client_do(client, (kube_call){.path = "/x"}, &reply, NULL);
    assert_status(reply.rc, DF_EIO); /* no file yet */
    assert_non_null(strstr(reply.text, "token cannot be read"));
    support_write_file(path, "bad\n");
    kube_client_do(client, (kube_call){.path = "/x"}, &reply, NULL);
    assert_status(reply.rc, DF_EAUTH);
    assert_int_equal(peer.requests, 2); /* asked again once */
    support_write_file(path, "good\n");
    kube_client_do(client, (kube_call){.path = "/x"}, &reply, NULL);
    assert_ok(reply.rc);
    kube_client_free(client);
    peer_stop(&peer);
    support_rmdir(dir);
}

/* ---- the table of objects ---------------------------------------------------------------------
 */

static void test_objects(void **state)
{
    enum { KEYS = 300, ROUNDS = 20000 };
    kube_objects o = {0};
    char there[KEYS] = {0}, key[32];
    unsigned random = 1;
    size_t count = 0, at = 0, walked = 0;
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        int k = (int)((random = random * 1103515245u + 12345u) >> 8) % KEYS;
        snprintf(key, sizeof key, "ns/%d", k);
        assert_int_equal(kube_objects_get(&o, key) != NULL, there[k]);
        if (random >> 30) {
            assert_non_null(kube_objects_add(&o, key));
            count += !there[k];
            there[k] = 1;
        } else {
            kube_objects_remove(&o, key);
            count -= (size_t)there[k];
            there[k] = 0;
        }
        assert_int_equal(o.count, count);
    }
    while (kube_objects_next(&o, &at))
        walked++;
    assert_int_equal(walked, count);
    kube_objects_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streamed_list),
        cmocka_unit_test(test_paged_list),
        cmocka_unit_test(test_forgotten_versions),
        cmocka_unit_test(test_trouble),
        cmocka_unit_test(test_learned),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_token_file),
        cmocka_unit_test(test_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
