/* SPDX-License-Identifier: Apache-2.0
 * test_informer_memory.c: what an informer needs while it lists 5,000 objects, streamed and in
 * pages, and while they change: what it keeps of them, and little more. Counted is what malloc has
 * given out; a sanitizer counts nothing. */
#include "support/support.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/informer.h"
#include "support/net/http_peer.h"

enum { OBJECTS = 5000, PAGE = 500, CHANGES = OBJECTS, TEXT = 1600 };

/* Beside what is kept: buffers of one connection and one object, or one page of them as trees. All
 * of them as trees would need 70 MiB. */
enum { STREAM_ROOM = 1536 * 1024, PAGE_ROOM = 10 * 1024 * 1024, CHANGE_ROOM = 512 * 1024 };

typedef struct world {
    http_peer peer;
    int paged;
    kube_client *client;
    size_t changed, synced, peak;
} world;

/* ---- the server: no memory of its own ------------------------------------------------------ */

static int write_object(char *to, int n, int version)
{
    unsigned long word = (unsigned long)n * 2654435761u + (unsigned long)version;
    int len = snprintf(to, TEXT,
                       "{\"metadata\":{\"namespace\":\"a\",\"name\":\"o-%d\",\"uid\":\"u-%d\","
                       "\"resourceVersion\":\"%d\",\"managedFields\":[{\"manager\":\"m\"}]},"
                       "\"spec\":{\"values\":[0",
                       n, n, version);
    for (int i = 0; i < 100; i++, word = word * 6364136223846793005u + 1442695040888963407u)
        len += snprintf(to + len, TEXT - (size_t)len, ",%lu", word >> 34);
    return len + snprintf(to + len, TEXT - (size_t)len, "]}}");
}

static void say_chunk(peer_conn *c, const char *text, size_t len)
{
    char chunk[TEXT + 300];
    int all = snprintf(chunk, sizeof chunk, "%zx\r\n%.*s\r\n", len, (int)len, text);
    peer_write(c, chunk, (size_t)all);
}

static void say_event(peer_conn *c, const char *type, int n, int version)
{
    char text[TEXT + 64];
    int len = snprintf(text, sizeof text, "{\"type\":\"%s\",\"object\":", type);
    len += write_object(text + len, n, version);
    len += snprintf(text + len, sizeof text - (size_t)len, "}\n");
    say_chunk(c, text, (size_t)len);
}

static void say_changes(peer_conn *c)
{
    for (int i = 0; i < CHANGES; i++)
        say_event(c, "MODIFIED", i % OBJECTS, 20000 + i);
    peer_linger(c);
}

static void say_stream(peer_conn *c)
{
    static const char end[] =
        "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"10000\","
        "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n";
    for (int i = 0; i < OBJECTS; i++)
        say_event(c, "ADDED", i, 1 + i);
    say_chunk(c, end, sizeof end - 1);
}

static void say_page(peer_conn *c, int from)
{
    char text[TEXT + 200];
    int len, to = from + PAGE;
    len = snprintf(text, sizeof text, "{\"metadata\":{\"resourceVersion\":\"10000\"");
    if (to < OBJECTS)
        len += snprintf(text + len, sizeof text - (size_t)len, ",\"continue\":\"%d\"", to);
    len += snprintf(text + len, sizeof text - (size_t)len, "},\"items\":[");
    say_chunk(c, text, (size_t)len);
    for (int i = from; i < to; i++) {
        text[0] = ',';
        len = write_object(text + 1, i, 1 + i) + 1;
        say_chunk(c, i > from ? text : text + 1, (size_t)len - (i == from));
    }
    say_chunk(c, "]}", 2);
    peer_say(c, "0\r\n\r\n");
}

static int answer(peer_conn *c, const peer_request *q)
{
    static const char chunked[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    const world *w = c->peer->user;
    const char *page = strstr(q->head, "limit="), *more = strstr(q->head, "continue=");
    int is_first = strstr(q->head, "sendInitialEvents") != NULL;
    if (is_first && w->paged) {
        peer_reply(c, 422, "Content-Type: application/json\r\n",
                   "{\"kind\":\"Status\",\"code\":422,\"reason\":\"Invalid\",\"message\":\"no\"}");
        return 1;
    }
    peer_say(c, chunked);
    if (page) {
        say_page(c, more ? (int)strtol(more + 9, NULL, 10) : 0);
        return 1;
    }
    if (is_first)
        say_stream(c);
    say_changes(c);
    return 0;
}

/* ---- the informer -------------------------------------------------------------------------- */

static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void on_changed(void *user, const char *key, const kube_object *object)
{
    world *w = user;
    size_t now;
    (void)key;
    assert_non_null(object);
    if (w->changed++ % 50)
        return;
    now = in_use();
    w->peak = now > w->peak ? now : w->peak;
}

static void on_synced(void *user)
{
    ((world *)user)->synced = 1;
}

static void step_until(world *w, size_t changed)
{
    int64_t until = support_now_ms() + 120000;
    while ((w->changed < changed || !w->synced) && support_now_ms() < until)
        kube_loop_step(kube_client_loop(w->client), 50);
    assert_true(w->changed >= changed && w->synced);
}

static void check(int paged)
{
    world *w = calloc(1, sizeof *w);
    kube_access a = {0};
    char err[KUBE_TEXT];
    kube_informer *informer;
    kube_watched what = {
        .path = "/apis/x/v1/things", .changed = on_changed, .synced = on_synced, .user = w};
    size_t listed, kept;
    w->paged = paged;
    w->peer.user = w;
    peer_start(&w->peer, answer);
    a.server = strdup(w->peer.url);
    a.token = strdup("t");
    assert_ok(kube_client_new(&a, "test", &w->client, err));
    informer = kube_informer_new(w->client, &what);
    assert_non_null(informer);
    step_until(w, OBJECTS);
    listed = in_use();
    if (w->peak > listed + (paged ? PAGE_ROOM : STREAM_ROOM))
        fail_msg("%zu bytes at most, %zu when all was listed", w->peak, listed);
    w->peak = 0;
    step_until(w, OBJECTS + CHANGES);
    kept = in_use();
    if (w->peak > listed + CHANGE_ROOM || kept > listed + CHANGE_ROOM)
        fail_msg("%zu bytes at most and %zu after changes, %zu before", w->peak, kept, listed);
    assert_int_equal(kube_informer_objects(informer)->count, OBJECTS);
    kube_informer_free(informer);
    kube_client_free(w->client);
    peer_stop(&w->peer);
    free(w);
}

static void test_streamed(void **state)
{
    (void)state;
    check(0);
}

static void test_paged(void **state)
{
    (void)state;
    check(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_streamed),
                                       cmocka_unit_test(test_paged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
