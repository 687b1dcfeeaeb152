/* SPDX-License-Identifier: Apache-2.0
 * test_webhook.c: the HTTPS server with a real client: what it answers and what it refuses, slow
 * and cut requests, and a certificate that changes under load. Opens modules: df_env_new.
 * ctest: threaded */
#include "support/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dfoperator/webhook/admission.h"
#include "dfoperator/webhook/webhook.h"
#include "net/http.h"
#include "support/net/http_peer.h"

#define REVIEW                                                                                     \
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":"   \
    "\"u-1\",\"kind\":{\"kind\":\"DataFlow\"},\"operation\":\"CREATE\",\"object\":{\"spec\":"      \
    "{\"source\":{\"type\":\"host\"},\"sink\":{\"type\":\"null\"}}}}}"

typedef struct world {
    char *dir, *pairs[10];
    int pair_count;
    char ca[512];
    op_tls *tls;
    op_webhook *hook;
} world;

/* Puts a new pair in the place of the old one, as a mounted Secret does: both in one step. */
static void swap(world *w, int days)
{
    char from[512], to[512], data[512], next[512];
    char *folder = w->pairs[w->pair_count++] = support_mkdir();
    peer_make_cert(w->dir, "ca", "pair", "localhost", days);
    assert_int_equal(
        rename(support_path(from, w->dir, "pair.pem"), support_path(to, folder, "tls.crt")), 0);
    assert_int_equal(
        rename(support_path(from, w->dir, "pair.key"), support_path(to, folder, "tls.key")), 0);
    assert_int_equal(symlink(folder, support_path(next, w->dir, "next")), 0);
    assert_int_equal(rename(next, support_path(data, w->dir, "data")), 0);
}

static int setup(void **state)
{
    world *w = calloc(1, sizeof *w);
    char err[300], folder[512];
    w->dir = support_mkdir();
    peer_make_ca(w->dir, "ca");
    support_path(w->ca, w->dir, "ca.pem");
    swap(w, 5);
    w->tls = op_tls_files(support_path(folder, w->dir, "data"), err, sizeof err);
    if (!w->tls || op_webhook_start("127.0.0.1:0", w->tls, &w->hook, err, sizeof err) != 0)
        fail_msg("%s", err);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;
    op_webhook_stop(w->hook);
    op_tls_free(w->tls);
    for (int i = 0; i < w->pair_count; i++)
        support_rmdir(w->pairs[i]);
    support_rmdir(w->dir);
    free(w);
    return 0;
}

/* NULL: there is none, of which `ask` gets no reply. Any thread. */
static df__http *client(const world *w)
{
    df__http_config config = {.user_agent = "test", .tls = {.ca_file = w->ca}};
    df__http *http;
    return df__http_new(&config, &http) == DF_OK ? http : NULL;
}

typedef struct asked {
    const char *method, *path, *type;
    df_bytes body;
} asked;

/* The status; the body's begin in `text` (400 bytes or NULL). -1: no reply. Any thread, so that it
 * asserts nothing. */
static int ask(const world *w, df__http *http, const asked *q, char *text)
{
    const df__http_header header = {"Content-Type", q->type ? q->type : "application/json", 0};
    char url[300];
    df__http_request *r;
    df__http_call call = {.method = q->method ? q->method : "POST",
                          .url = url,
                          .headers = &header,
                          .header_count = 1,
                          .body = q->body,
                          .total_us = 20000000};
    const df__http_reply *reply;
    int status;
    snprintf(url, sizeof url, "https://localhost%s%s", strrchr(op_webhook_address(w->hook), ':'),
             q->path ? q->path : OP_WEBHOOK_FLOW);
    if (!http || df__http_start(http, &call, &r) != DF_OK)
        return -1;
    df__http_wait(r, NULL, NULL);
    reply = df__http_reply_of(r);
    status = reply->status ? reply->status : -1;
    if (status == -1)
        fprintf(stderr, "no reply: %s\n", reply->text);
    if (text)
        snprintf(text, 400, "%.*s", (int)reply->body.len, (const char *)reply->body.data);
    df__http_end(r);
    return status;
}

#define TEXT(s)                                                                                    \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

static void test_requests(void **state)
{
    world *w = *state;
    static const struct {
        asked q;
        int status;
        const char *text;
    } rows[] = {
        {{.body = TEXT(REVIEW)}, 200, "\"uid\":\"u-1\",\"allowed\":true"},
        {{.path = OP_WEBHOOK_CRON, .body = TEXT(REVIEW)}, 200, "\"allowed\":true"},
        {{.type = "application/json; charset=utf-8", .body = TEXT(REVIEW)},
         200,
         "\"allowed\":true"},
        {{.path = "/validate", .body = TEXT(REVIEW)}, 404, "not found"},
        {{.path = "/", .body = TEXT(REVIEW)}, 404, "not found"},
        {{.method = "PUT", .body = TEXT(REVIEW)}, 405, "only POST"},
        {{.method = "GET"}, 405, "only POST"},
        {{.type = "text/plain", .body = TEXT(REVIEW)}, 415, "application/json"},
        {{.type = "application/jsonp", .body = TEXT(REVIEW)}, 415, "application/json"},
        {{.body = TEXT("")}, 400, "line 1, column 1"},
        {{.body = TEXT("{\"kind\":1}")}, 400, "AdmissionReview"},
        {{.body = TEXT(REVIEW)}, 200, "\"allowed\":true"},
    };
    df__http *http = client(w);
    char text[400];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = ask(w, http, &rows[i].q, text);
        if (status != rows[i].status || !strstr(text, rows[i].text))
            fail_msg("row %zu: %d %s", i, status, text);
    }
    assert_int_equal(op_webhook_stats_of(w->hook).allowed, 4);
    assert_int_equal(op_webhook_stats_of(w->hook).refused, 8);
    df__http_free(http);
}

static void test_huge_body(void **state)
{
    world *w = *state;
    size_t len = OP_REVIEW_MAX + 1;
    char *body = malloc(len), text[400];
    df__http *http = client(w);
    int status;
    assert_non_null(body);
    memset(body, ' ', len);
    status = ask(w, http, &(asked){.body = {body, len}}, text);
    assert_int_equal(status, 413);
    assert_int_equal(op_webhook_stats_of(w->hook).refused, 1);
    memcpy(body, REVIEW, sizeof REVIEW - 1);
    assert_int_equal(ask(w, http, &(asked){.body = {body, OP_REVIEW_MAX}}, text), 200);
    df__http_free(http);
    free(body);
}

/* ---- slow and cut ----------------------------------------------------------------------------
 */

static int connect_plain(const world *w)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)strtoul(strrchr(op_webhook_address(w->hook), ':') + 1, NULL, 10));
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Some that connect and say nothing or nonsense, and one whose body ends early: others are served.
 */
static void test_bad_clients(void **state)
{
    world *w = *state;
    df__http *http = client(w);
    int fds[20];
    for (int i = 0; i < 20; i++) {
        fds[i] = connect_plain(w);
        if (i % 2)
            assert_true(send(fds[i], "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) > 0);
    }
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask(w, http, &(asked){.body = TEXT(REVIEW)}, NULL), 200);
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    df__http_free(http);
}

static int cut(void *user, char *buf, size_t cap, size_t *len)
{
    int *calls = user;
    if ((*calls)++)
        return DF_EIO;
    *len = cap < 20 ? cap : 20;
    memcpy(buf, REVIEW, *len);
    return DF_OK;
}

static void test_cut_body(void **state)
{
    world *w = *state;
    const df__http_header header = {"Content-Type", "application/json", 0};
    char url[300];
    int calls = 0;
    df__http *http = client(w);
    df__http_request *r;
    df__http_call call = {.method = "POST",
                          .url = url,
                          .headers = &header,
                          .header_count = 1,
                          .send = cut,
                          .send_len = 200,
                          .user = &calls};
    snprintf(url, sizeof url, "https://localhost%s" OP_WEBHOOK_FLOW,
             strrchr(op_webhook_address(w->hook), ':'));
    assert_non_null(http);
    assert_ok(df__http_start(http, &call, &r));
    df__http_wait(r, NULL, NULL);
    assert_int_equal(df__http_reply_of(r)->status, 0);
    df__http_end(r);
    assert_int_equal(ask(w, http, &(asked){.body = TEXT(REVIEW)}, NULL), 200);
    df__http_free(http);
    assert_int_equal(op_webhook_stats_of(w->hook).allowed, 1);
}

/* ---- a certificate that changes --------------------------------------------------------------
 */

typedef struct load {
    const world *w;
    _Atomic int stop, done, failed;
} load;

/* Every eighth request on a connection of its own. */
static void *keep_asking(void *user)
{
    load *l = user;
    df__http *http = NULL;
    for (int i = 0; !l->stop; i++) {
        if (i % 8 == 0) {
            df__http_free(http);
            http = client(l->w);
        }
        if (ask(l->w, http, &(asked){.body = TEXT(REVIEW)}, NULL) == 200)
            l->done++;
        else
            l->failed++;
    }
    df__http_free(http);
    return NULL;
}

static void test_swap(void **state)
{
    world *w = *state;
    load l = {.w = w};
    pthread_t threads[4];
    char path[512];
    df__http *http = client(w);
    int64_t expires = op_tls_expires_s(w->tls);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_asking, &l), 0);
    for (int i = 0; i < 5; i++) {
        int before = l.done;
        swap(w, 10 + i);
        for (int ms = 0; l.done < before + 40 && ms < 20000; ms += 5)
            support_sleep_ms(5);
    }
    l.stop = 1;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(l.failed, 0);
    assert_true(l.done >= 200);
    assert_int_equal(ask(w, http, &(asked){.body = TEXT(REVIEW)}, NULL), 200);
    assert_int_equal((op_tls_expires_s(w->tls) - expires + 43200) / 86400, 9);
    df__http_free(http);
    http = client(w);
    /* what is no pair is not taken */
    support_path(path, w->dir, "data/tls.key");
    support_write_file(path, "-----BEGIN");
    assert_int_equal(ask(w, http, &(asked){.body = TEXT(REVIEW)}, NULL), 200);
    df__http_free(http);
}

static void test_no_certificate(void **state)
{
    char err[300] = "";
    op_tls *tls;
    (void)state;
    assert_null(op_tls_files("/nowhere", err, sizeof err));
    assert_non_null(strstr(err, "/nowhere/tls.crt"));
    tls = op_tls_empty();
    assert_int_equal(op_tls_replace(tls, (df_bytes){"x", 1}, (df_bytes){"y", 1}, err, sizeof err),
                     -1);
    assert_string_equal(err, "the certificate is no PEM");
    assert_int_equal(op_tls_expires_s(tls), 0);
    op_tls_free(tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_huge_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_swap, setup, teardown),
        cmocka_unit_test(test_no_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
