/* SPDX-License-Identifier: Apache-2.0
 * test_http.c: the HTTP client against a server that does what it is told: whole replies, broken
 * ones, none. ctest: threaded */
#include "support/support.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http.h"
#include "support/net/http_peer.h"

enum { MS = 1000 };

typedef struct world {
    http_peer peer, other;
    df__http *http;
    char url[128];
} world;

static world *begin(peer_answer *answer, const df__http_config *config)
{
    static const df__http_config plain;
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    peer_start(&w->peer, answer);
    assert_ok(df__http_new(config ? config : &plain, &w->http));
    return w;
}

static void end(world *w)
{
    df__http_free(w->http);
    peer_stop(&w->peer);
    free(w);
}

static const char *at(world *w, const char *path)
{
    snprintf(w->url, sizeof w->url, "%s%s", w->peer.url, path);
    return w->url;
}

static df__http_request *ask(world *w, df__http_call call, const char *path, int want)
{
    df__http_request *r = NULL;
    call.url = at(w, path);
    assert_ok(df__http_start(w->http, &call, &r));
    df__http_wait(r, NULL, NULL);
    if (df__http_reply_of(r)->rc != want)
        fail_msg("%s: %d, not %d (%s)", path, df__http_reply_of(r)->rc, want,
                 df__http_reply_of(r)->text);
    return r;
}

static void assert_body(const df__http_request *r, int status, const char *body)
{
    const df__http_reply *reply = df__http_reply_of(r);
    assert_int_equal(reply->status, status);
    assert_int_equal(reply->body.len, strlen(body));
    assert_memory_equal(reply->body.data, body, strlen(body));
}

static void assert_text(const df__http_request *r, const char *part)
{
    const char *text = df__http_reply_of(r)->text;
    if (!strstr(text, part))
        fail_msg("\"%s\" does not hold \"%s\"", text, part);
}

/* ---- whole replies ----------------------------------------------------------------------------
 */

/* Sends back what it got. */
static int echo(peer_conn *c, const peer_request *q)
{
    char head[128];
    if (peer_path_is(q, "/head"))
        peer_reply(c, 200, "X-One: 1\r\nx-two:  two words \r\nX-One: 2\r\n", q->head);
    else if (peer_path_is(q, "/chunks"))
        peer_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                    "3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n");
    else if (peer_path_is(q, "/none"))
        peer_say(c, "HTTP/1.1 204 No Content\r\n\r\n");
    else if (peer_path_is(q, "/busy"))
        peer_reply(c, 503, "Retry-After: 7\r\n", "later");
    else if (peer_path_is(q, "/continue"))
        peer_say(c, "HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
                    "2\r\n\r\nok");
    else {
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", q->body_len);
        peer_say(c, head);
        peer_write(c, q->body, q->body_len);
    }
    return 1;
}

static void test_replies(void **state)
{
    world *w = begin(echo, NULL);
    df__http_header headers[] = {{"X-Key", "v", DF__HTTP_SECRET}, {"X-Empty", "", DF__HTTP_OPEN}};
    df__http_request *r =
        ask(w, (df__http_call){.headers = headers, .header_count = 2}, "/head?q=1", DF_OK);
    (void)state;
    assert_int_equal(df__http_reply_of(r)->status, 200);
    assert_non_null(strstr(df__http_reply_of(r)->body.data, "GET /head?q=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(df__http_reply_of(r)->body.data, "X-Key: v\r\n"));
    assert_non_null(strstr(df__http_reply_of(r)->body.data, "X-Empty:\r\n"));
    assert_string_equal(df__http_header_of(r, "x-one", 0), "1");
    assert_string_equal(df__http_header_of(r, "X-ONE", 1), "2");
    assert_null(df__http_header_of(r, "X-One", 2));
    assert_string_equal(df__http_header_of(r, "X-Two", 0), "two words");
    df__http_end(r);
    r = ask(w, (df__http_call){0}, "/chunks", DF_OK);
    assert_body(r, 200, "abcdefg");
    assert_string_equal(df__http_header_of(r, "x-sum", 0), "7");
    assert_false(df__http_reply_of(r)->unframed);
    df__http_end(r);
    r = ask(w, (df__http_call){.method = "DELETE"}, "/none", DF_OK);
    assert_body(r, 204, "");
    df__http_end(r);
    r = ask(w, (df__http_call){0}, "/continue", DF_OK);
    assert_body(r, 200, "ok");
    assert_null(df__http_header_of(r, "x-early", 0));
    df__http_end(r);
    r = ask(w, (df__http_call){0}, "/busy", DF_OK);
    assert_body(r, 503, "later");
    assert_int_equal(df__http_reply_of(r)->retry_after_us, 7000 * MS);
    df__http_end(r);
    assert_int_equal(w->peer.connections, 1); /* one connection served them all */
    assert_int_equal(w->peer.requests, 5);
    end(w);
}

/* ---- bodies -----------------------------------------------------------------------------------
 */

typedef struct flow {
    df__http_request *request;
    const char *data;
    size_t len, given, taken, piece;
    int holds; /* say DF_AGAIN every second time */
    int turn;
    char *got;
} flow;

static int give(void *user, char *buf, size_t cap, size_t *len)
{
    flow *f = user;
    if (f->holds && f->turn++ % 2)
        return DF_AGAIN;
    *len = f->len - f->given;
    *len = *len < cap ? *len : cap;
    *len = f->piece && *len > f->piece ? f->piece : *len;
    memcpy(buf, f->data + f->given, *len);
    f->given += *len;
    return f->given == f->len ? DF_DONE : DF_OK;
}

static int keep(void *user, int status, df_bytes part)
{
    flow *f = user;
    assert_int_equal(status, 200);
    if (f->holds && f->turn++ % 2)
        return DF_AGAIN;
    assert_true(f->taken + part.len <= f->len);
    memcpy(f->got + f->taken, part.data, part.len);
    f->taken += part.len;
    return DF_OK;
}

static int resume_then_poll(void *ctx, int fd, int timeout_ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    flow *f = ctx;
    if (f->request)
        df__http_resume(f->request);
    poll(&p, 1, f->request && timeout_ms > 1 ? 1 : timeout_ms);
    return DF_OK;
}

static void stream(world *w, int holds, int known, size_t piece)
{
    enum { LEN = 700 * 1000 };
    char *data = malloc(LEN), *got = malloc(LEN);
    flow f = {.data = data, .len = LEN, .got = got, .holds = holds, .piece = piece};
    df__http_call call = {.method = "POST",
                          .url = at(w, "/echo"),
                          .send = give,
                          .receive = keep,
                          .user = &f,
                          .send_len = known ? LEN : -1};
    for (size_t i = 0; i < LEN; i++)
        data[i] = (char)(i * 7 + i / 251);
    assert_ok(df__http_start(w->http, &call, &f.request));
    assert_ok(df__http_wait(f.request, resume_then_poll, &f));
    assert_int_equal(f.taken, LEN);
    assert_memory_equal(data, got, LEN);
    assert_int_equal(df__http_reply_of(f.request)->received, LEN);
    df__http_end(f.request);
    free(data);
    free(got);
}

static void test_streams(void **state)
{
    world *w = begin(echo, NULL);
    df__http_request *r;
    (void)state;
    stream(w, 0, 1, 0);
    stream(w, 0, 0, 0);
    stream(w, 1, 1, 5000);
    stream(w, 1, 0, 777);
    r = ask(w, (df__http_call){.method = "POST", .body = {"hello", 5}}, "/echo", DF_OK);
    assert_body(r, 200, "hello");
    df__http_end(r);
    r = ask(w, (df__http_call){.method = "POST"}, "/echo", DF_OK);
    assert_body(r, 200, "");
    df__http_end(r);
    end(w);
}

static int fail_late(void *user, char *buf, size_t cap, size_t *len)
{
    (void)user, (void)cap;
    memcpy(buf, "x", 1);
    *len = 1;
    return ++*(int *)user > 3 ? DF_EREJECTED : DF_OK;
}

static int refuse(void *user, int status, df_bytes part)
{
    (void)user, (void)status, (void)part;
    return DF_EDATA;
}

static void test_callbacks_that_fail(void **state)
{
    world *w = begin(echo, NULL);
    int count = 0;
    (void)state;
    df__http_end(
        ask(w, (df__http_call){.method = "POST", .send = fail_late, .send_len = -1, .user = &count},
            "/echo", DF_EREJECTED));
    df__http_end(ask(w, (df__http_call){.receive = refuse}, "/head", DF_EDATA));
    df__http_end(ask(w, (df__http_call){.max_reply = 10}, "/head", DF_ETOOBIG));
    df__http_end(ask(w, (df__http_call){.max_reply = 7}, "/chunks", DF_OK));
    df__http_end(ask(w, (df__http_call){.max_reply = 6}, "/chunks", DF_ETOOBIG));
    end(w);
}

/* ---- replies that are not whole ---------------------------------------------------------------
 */

static int broken(peer_conn *c, const peer_request *q)
{
    if (peer_path_is(q, "/nothing"))
        return 0;
    if (peer_path_is(q, "/short"))
        peer_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    else if (peer_path_is(q, "/chunk"))
        peer_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
    else if (peer_path_is(q, "/last"))
        peer_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    else if (peer_path_is(q, "/head"))
        peer_say(c, "HTTP/1.1 200 OK\r\nContent-Le");
    else if (peer_path_is(q, "/noise"))
        peer_say(c, "\x16\x03\x01 this is something else\r\n\r\n");
    else if (peer_path_is(q, "/close"))
        peer_say(c, "HTTP/1.1 200 OK\r\n\r\nabc");
    else if (peer_path_is(q, "/gzip"))
        peer_say(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde");
    else if (peer_path_is(q, "/headers")) {
        peer_say(c, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 3000; i++)
            peer_say(c, "X-Long: 0123456789012345678901234567890123456789\r\n");
    } else if (peer_path_is(q, "/edge")) { /* the name of the last one ends where the room does */
        peer_say(c, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 1023; i++)
            peer_say(c, "X-Long: 01234567890123456789012345678901234567890123456789012345\r\n");
        peer_say(c, "X-Name-of-63-bytes-0123456789012345678901234567890123456789abcd: v\r\n");
    }
    return 0;
}

static void test_broken_replies(void **state)
{
    static const struct {
        const char *path, *text;
    } rows[] = {
        {"/nothing", "ended without a reply"},
        {"/short", "inside the reply"},
        {"/chunk", "inside the reply"},
        {"/last", "inside the reply"},
        {"/head", "GET http"},
        {"/noise", "not HTTP"},
    };
    world *w = begin(broken, NULL);
    df__http_request *r;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        r = ask(w, (df__http_call){0}, rows[i].path, DF_EIO);
        if (strcmp(rows[i].path, "/head") != 0)
            assert_text(r, rows[i].text);
        df__http_end(r);
        /* What cannot be repeated may have been applied. */
        r = ask(w, (df__http_call){.method = "POST", .body = {"x", 1}}, rows[i].path, DF_EUNKNOWN);
        df__http_end(r);
        r = ask(w, (df__http_call){.method = "POST", .body = {"x", 1}, .repeatable = 1},
                rows[i].path, DF_EIO);
        df__http_end(r);
    }
    r = ask(w, (df__http_call){.compressed = 1}, "/gzip", DF_EIO);
    assert_text(r, "compression");
    df__http_end(r);
    df__http_end(ask(w, (df__http_call){0}, "/headers", DF_ETOOBIG));
    df__http_end(ask(w, (df__http_call){0}, "/edge", DF_ETOOBIG));
    r = ask(w, (df__http_call){0}, "/close", DF_OK);
    assert_body(r, 200, "abc");
    assert_true(df__http_reply_of(r)->unframed);
    df__http_end(r);
    end(w);
}

/* ---- sent once --------------------------------------------------------------------------------
 */

/* Answers the first request of a connection, takes the second and hangs up. */
static int one_each(peer_conn *c, const peer_request *q)
{
    if (peer_path_is(q, "/first")) {
        peer_reply(c, 200, "", "one");
        return 1;
    }
    if (c->number == 1)
        return 0;
    peer_reply(c, 200, "", "again");
    return 1;
}

static void test_sent_once(void **state)
{
    df__http_call post = {.method = "POST", .body = {"x", 1}};
    for (int repeatable = 0; repeatable < 2; repeatable++) {
        world *w = begin(one_each, NULL);
        df__http_end(ask(w, (df__http_call){0}, "/first", DF_OK));
        post.repeatable = repeatable;
        df__http_end(ask(w, post, "/second", repeatable ? DF_OK : DF_EUNKNOWN));
        assert_int_equal(w->peer.requests, repeatable ? 3 : 2);
        end(w);
    }
    (void)state;
}

/* ---- time -------------------------------------------------------------------------------------
 */

static int slow(peer_conn *c, const peer_request *q)
{
    if (peer_path_is(q, "/half"))
        peer_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    else if (peer_path_is(q, "/drip")) {
        peer_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        for (int i = 0; i < 20; i++) {
            peer_say(c, "x");
            support_sleep_ms(10);
        }
        return 0;
    }
    if (peer_path_is(q, "/stuck"))
        peer_sit(c);
    else
        peer_linger(c);
    return 0;
}

static void timed(world *w, df__http_call call, const char *path, const char *text)
{
    int64_t begun = support_now_ms();
    df__http_request *r = ask(w, call, path, DF_ETIMEOUT);
    assert_text(r, text);
    df__http_end(r);
    assert_in_range(support_now_ms() - begun, 45, 1500 * SUPPORT_SLOWER);
}

static void test_time(void **state)
{
    world *w = begin(slow, NULL);
    (void)state;
    timed(w, (df__http_call){.first_us = 50 * MS}, "/silent", "no reply in time");
    timed(w, (df__http_call){.idle_us = 50 * MS}, "/half", "did not go on in time");
    timed(w, (df__http_call){.total_us = 100 * MS}, "/drip", "in time");
    df__http_end(
        ask(w, (df__http_call){.method = "POST", .first_us = 50 * MS}, "/silent", DF_EUNKNOWN));
    end(w);
}

/* The peer takes nothing: the sockets fill, and no byte moves. */
static void test_send_stuck(void **state)
{
    static char big[32 << 20];
    world *w = calloc(1, sizeof *w);
    const df__http_config config = {.idle_us = 200 * MS};
    (void)state;
    w->peer.only_heads = 1;
    peer_start(&w->peer, slow);
    assert_ok(df__http_new(&config, &w->http));
    df__http_end(
        ask(w, (df__http_call){.method = "PUT", .body = {big, sizeof big}, .idle_us = 200 * MS},
            "/stuck", DF_ETIMEOUT));
    end(w);
}

static int cancelled;

static int cancel_in_wait(void *ctx, int fd, int timeout_ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    (void)ctx;
    poll(&p, 1, timeout_ms < 20 ? timeout_ms : 20);
    return cancelled++ > 3 ? DF_ECANCELED : DF_OK;
}

static void test_cancel(void **state)
{
    world *w = begin(slow, NULL);
    df__http_call call = {.url = at(w, "/silent")};
    df__http_request *r, *s;
    int64_t begun = support_now_ms();
    (void)state;
    cancelled = 0;
    assert_ok(df__http_start(w->http, &call, &r));
    assert_status(df__http_wait(r, cancel_in_wait, NULL), DF_ECANCELED);
    df__http_end(r);
    assert_ok(df__http_start(w->http, &call, &r));
    assert_ok(df__http_start(w->http, &call, &s)); /* ended with the client */
    df__http_cancel(r);
    assert_true(df__http_done(r));
    assert_int_equal(df__http_reply_of(r)->rc, DF_ECANCELED);
    end(w);
    assert_true(support_now_ms() - begun < 5000);
}

/* ---- no server --------------------------------------------------------------------------------
 */

static void test_no_server(void **state)
{
    world *w = begin(echo, NULL);
    df__http_request *r = NULL;
    df__http_call call = {.url = "http://127.0.0.1:1/path?token=hidden", .method = "POST"};
    (void)state;
    assert_ok(df__http_start(w->http, &call, &r));
    assert_status(df__http_wait(r, NULL, NULL), DF_EIO); /* nothing was applied */
    assert_text(r, "POST http://127.0.0.1:1/path: ");
    assert_text(r, "connect");
    assert_null(strstr(df__http_reply_of(r)->text, "hidden"));
    df__http_end(r);
    end(w);
}

static void test_wrong_calls(void **state)
{
    static const df__http_header bad_name = {"A:B", "x", 0}, bad_value = {"A", "x\r\nB: y", 0},
                                 no_value = {"A", NULL, 0};
    static const df__http_header token = {"Authorization", "Bearer x", DF__HTTP_TOKEN};
    const struct {
        df__http_call call;
        const char *text;
    } rows[] = {
        {{0}, "needs a URL"},
        {{.url = "ftp://x/"}, "must begin with http"},
        {{.url = "file:///etc/passwd"}, "must begin with http"},
        {{.url = "http://user:secret@x/"}, "must not hold a user"},
        {{.url = "http://[x"}, "no URL"},
        {{.url = "http://x/", .method = "GET /"}, "method"},
        {{.url = "http://x/", .headers = &bad_name, .header_count = 1}, "name"},
        {{.url = "http://x/", .headers = &bad_value, .header_count = 1}, "line end"},
        {{.url = "http://x/", .headers = &no_value, .header_count = 1}, "no value"},
        {{.url = "http://x/", .headers = &token, .header_count = 1}, "https only"},
        {{.url = "http://127.example.com/", .headers = &token, .header_count = 1}, "https only"},
    };
    world *w = begin(echo, NULL);
    df__http_request *r = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_status(df__http_start(w->http, &rows[i].call, &r), DF_EINVAL);
        assert_null(r);
        if (!strstr(df__http_errmsg(w->http), rows[i].text))
            fail_msg("row %zu: %s", i, df__http_errmsg(w->http));
        assert_null(strstr(df__http_errmsg(w->http), "secret"));
    }
    end(w);
}

/* The environment has a proxy that is not there: it does not count. */
static void test_environment(void **state)
{
    world *w;
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    w = begin(echo, NULL);
    df__http_end(ask(w, (df__http_call){0}, "/none", DF_OK));
    end(w);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

/* ---- redirects --------------------------------------------------------------------------------
 */

/* Paths of the form /to/N count down; the other peer's URL stands in `user`. */
static int redirecting(peer_conn *c, const peer_request *q)
{
    char head[256];
    int n = 0;
    if (sscanf(q->head, "%*s /to/%d", &n) == 1 && n > 0)
        snprintf(head, sizeof head, "Location: ../to/%d\r\n", n - 1);
    else if (peer_path_is(q, "/away"))
        snprintf(head, sizeof head, "Location: %s/head\r\n", (const char *)c->peer->user);
    else if (peer_path_is(q, "/file"))
        snprintf(head, sizeof head, "Location: file:///etc/passwd\r\n");
    else if (peer_path_is(q, "/user"))
        snprintf(head, sizeof head, "Location: http://joe:hidden@127.0.0.1/\r\n");
    else
        return peer_reply(c, 200, "", q->head), 1;
    peer_reply(c, 302, head, "not for you");
    return 1;
}

static int count_bytes(void *user, int status, df_bytes part)
{
    assert_int_equal(status, 200);
    *(size_t *)user += part.len;
    return DF_OK;
}

static void refused_redirect(world *w, const char *path, const char *text)
{
    df__http_request *r = ask(w, (df__http_call){.follow = 1}, path, DF_EIO);
    assert_text(r, text);
    assert_null(strstr(df__http_reply_of(r)->text, "hidden"));
    df__http_end(r);
}

static void test_redirects(void **state)
{
    df__http_header headers[] = {{"Authorization", "Bearer hidden", DF__HTTP_TOKEN},
                                 {"X-Plain", "p", DF__HTTP_OPEN}};
    df__http_call call = {.headers = headers, .header_count = 2, .follow = 1};
    world *w = begin(redirecting, NULL);
    df__http_request *r;
    size_t bytes = 0;
    (void)state;
    peer_start(&w->other, echo);
    w->peer.user = w->other.url;
    r = ask(w, call, "/to/5", DF_OK); /* the same origin keeps the token */
    assert_non_null(strstr(df__http_reply_of(r)->body.data, "GET /to/0 "));
    assert_non_null(strstr(df__http_reply_of(r)->body.data, "Bearer hidden"));
    df__http_end(r);
    r = ask(w, call, "/away", DF_OK); /* another port does not get it */
    assert_null(strstr(df__http_reply_of(r)->body.data, "hidden"));
    assert_non_null(strstr(df__http_reply_of(r)->body.data, "X-Plain: p"));
    df__http_end(r);
    call.receive = count_bytes;
    call.user = &bytes;
    df__http_end(ask(w, call, "/to/3", DF_OK));
    assert_in_range(bytes, 50, 200); /* nothing of the redirects' own bodies */
    refused_redirect(w, "/to/6", "five before");
    refused_redirect(w, "/file", "neither http nor https");
    refused_redirect(w, "/user", "holds a user");
    r = ask(w, (df__http_call){0}, "/to/1", DF_OK); /* not asked to follow */
    assert_body(r, 302, "not for you");
    df__http_end(r);
    r = ask(w, (df__http_call){.method = "POST", .follow = 1}, "/to/1",
            DF_OK); /* not repeated elsewhere */
    assert_body(r, 302, "not for you");
    df__http_end(r);
    peer_stop(&w->other);
    end(w);
}

/* ---- many at once -----------------------------------------------------------------------------
 */

typedef struct chain {
    world *w;
    int left, done;
} chain;

static void next(void *user, df__http_request *r)
{
    chain *c = user;
    df__http_call call = {.url = at(c->w, "/head"), .done = next, .user = c};
    assert_int_equal(df__http_reply_of(r)->rc, DF_OK);
    df__http_end(r);
    c->done++;
    if (c->left-- > 0)
        assert_ok(df__http_start(c->w->http, &call, &r));
}

static void test_many(void **state)
{
    const df__http_config config = {.max_connections = 4};
    world *w = begin(echo, &config);
    chain c = {w, 200, 0};
    df__http_call call = {.url = at(w, "/head"), .done = next, .user = &c};
    df__http_request *r;
    (void)state;
    for (int i = 0; i < 20; i++)
        assert_ok(df__http_start(w->http, &call, &r));
    while (c.done < 220) {
        struct pollfd p = {df__http_fd(w->http), POLLIN, 0};
        poll(&p, 1, df__http_timeout_ms(w->http));
        df__http_drive(w->http);
    }
    assert_int_equal(df__http_timeout_ms(w->http) < -1, 0);
    assert_in_range(w->peer.connections, 1, 4);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_callbacks_that_fail),
        cmocka_unit_test(test_broken_replies),
        cmocka_unit_test(test_sent_once),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_send_stuck),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_no_server),
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
