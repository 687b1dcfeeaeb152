/* SPDX-License-Identifier: Apache-2.0
 * test_tls.c: the HTTP client over TLS: who is trusted, what is said when not, and files that
 * change while the client lives. ctest: threaded */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/http.h"
#include "support/net/http_peer.h"

typedef struct files {
    char *dir;
    char ca[512], other_ca[512], cert[512], key[512], mine[512], mine_key[512];
} files;

static files f;

static const char *in_dir(char *buf, const char *name)
{
    return support_path(buf, f.dir, name);
}

static int make_files(void **state)
{
    (void)state;
    f.dir = support_mkdir();
    peer_make_ca(f.dir, "ca");
    peer_make_ca(f.dir, "other");
    peer_make_cert(f.dir, "ca", "server", "localhost", 5);
    peer_make_cert(f.dir, "ca", "elsewhere", "example.org", 5);
    peer_make_cert(f.dir, "ca", "old", "localhost", -1);
    peer_make_cert(f.dir, "ca", "alice", "alice", 5);
    peer_make_cert(f.dir, "ca", "bob", "bob", 5);
    peer_make_cert(f.dir, "other", "mallory", "mallory", 5);
    in_dir(f.ca, "ca.pem");
    in_dir(f.other_ca, "other.pem");
    in_dir(f.cert, "server.pem");
    in_dir(f.key, "server.key");
    in_dir(f.mine, "mine.pem");
    in_dir(f.mine_key, "mine.key");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    support_rmdir(f.dir);
    return 0;
}

/* As a mounted secret changes: a whole new file takes the name. */
static void put(const char *name, const char *as)
{
    char from[512], to[512], next[520], *text;
    text = support_read_file(in_dir(from, name));
    snprintf(next, sizeof next, "%s.new", in_dir(to, as));
    support_write_file(next, text);
    assert_int_equal(rename(next, to), 0);
    free(text);
}

static int name_client(peer_conn *c, const peer_request *q)
{
    char *name = peer_client_name(c);
    (void)q;
    peer_reply(c, 200, "", name ? name : "nobody");
    free(name);
    return 1;
}

static void start(http_peer *peer, const char *name, const char *client_ca)
{
    char cert[512], key[512], file[64];
    memset(peer, 0, sizeof *peer);
    snprintf(file, sizeof file, "%s.pem", name);
    in_dir(cert, file);
    snprintf(file, sizeof file, "%s.key", name);
    in_dir(key, file);
    peer_start_tls(peer, name_client, cert, key, client_ca);
}

static void expect(df__http *http, const http_peer *peer, int want, const char *text)
{
    df__http_header token = {"Authorization", "Bearer x", DF__HTTP_TOKEN};
    df__http_call call = {.url = peer->url, .headers = &token, .header_count = 1};
    df__http_request *r;
    const df__http_reply *reply;
    assert_ok(df__http_start(http, &call, &r));
    df__http_wait(r, NULL, NULL);
    reply = df__http_reply_of(r);
    if (reply->rc != want ||
        !strstr(want == DF_OK ? (const char *)reply->body.data : reply->text, text))
        fail_msg("%d \"%s\" %s, not %d %s", reply->rc, reply->text, (const char *)reply->body.data,
                 want, text);
    df__http_end(r);
}

static df__http *client(const df__http_tls *tls)
{
    df__http_config config = {.tls = *tls};
    df__http *http;
    assert_ok(df__http_new(&config, &http));
    return http;
}

static void test_who_is_trusted(void **state)
{
    static const struct {
        const char *server, *text;
        int ca, rc; /* ca: 0 the right one, 1 another, 2 none verified */
    } rows[] = {
        {"server", "nobody", 0, DF_OK},
        {"server", "certificate", 1, DF_EAUTH},
        {"elsewhere", "localhost", 0, DF_EAUTH},
        {"old", "expired", 0, DF_EAUTH},
        {"old", "nobody", 2, DF_OK},
        {"elsewhere", "nobody", 2, DF_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        df__http_tls tls = {.ca_file = rows[i].ca == 1 ? f.other_ca : f.ca,
                            .insecure = rows[i].ca == 2};
        df__http *http = client(&tls);
        http_peer peer;
        start(&peer, rows[i].server, NULL);
        expect(http, &peer, rows[i].rc, rows[i].text);
        df__http_free(http);
        peer_stop(&peer);
    }
}

/* The file that the environment names, when no option does; nothing else is trusted then. */
static void test_named_by_the_environment(void **state)
{
    static const char *const names[] = {"SSL_CERT_FILE", "CURL_CA_BUNDLE"};
    http_peer peer;
    (void)state;
    unsetenv("CURL_CA_BUNDLE"); /* of the machine */
    start(&peer, "server", NULL);
    for (size_t i = 0; i < 2; i++) {
        const struct {
            const char *named, *option, *text;
            int rc;
        } rows[] = {
            {f.ca, NULL, "nobody", DF_OK},
            {f.other_ca, NULL, "certificate", DF_EAUTH},
            {f.other_ca, f.ca, "nobody", DF_OK},
            {f.ca, f.other_ca, "certificate", DF_EAUTH},
            {"/nowhere/ca.pem", NULL, "/nowhere/ca.pem: no certificates", DF_EAUTH},
            {"", f.ca, "nobody", DF_OK},
        };
        for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
            df__http_tls tls = {.ca_file = rows[n].option};
            df__http *http;
            assert_int_equal(setenv(names[i], rows[n].named, 1), 0);
            http = client(&tls);
            expect(http, &peer, rows[n].rc, rows[n].text);
            df__http_free(http);
        }
        unsetenv(names[i]);
    }
    peer_stop(&peer);
}

static void test_in_memory(void **state)
{
    char *ca = support_read_file(f.ca);
    df__http_tls tls = {.ca = {ca, strlen(ca)}, .ca_file = "/nowhere"};
    df__http *http = client(&tls);
    http_peer peer;
    (void)state;
    free(ca); /* the client has its own */
    start(&peer, "server", NULL);
    expect(http, &peer, DF_OK, "nobody");
    df__http_free(http);
    peer_stop(&peer);
}

/* The same client, while its files change. */
static void test_files_that_change(void **state)
{
    df__http_tls tls = {.ca_file = f.ca, .cert_file = f.mine, .key_file = f.mine_key};
    df__http *http = client(&tls);
    df__http_call call;
    df__http_request *r;
    http_peer peer;
    (void)state;
    start(&peer, "server", f.ca);
    call = (df__http_call){.url = peer.url};
    unlink(f.mine);
    assert_status(df__http_start(http, &call, &r), DF_EIO); /* not there yet */
    assert_non_null(strstr(df__http_errmsg(http), "mine.pem cannot be read"));
    put("mallory.pem", "mine.pem");
    put("mallory.key", "mine.key");
    expect(http, &peer, DF_EAUTH, "alert");
    put("alice.pem", "mine.pem");
    put("alice.key", "mine.key");
    expect(http, &peer, DF_OK, "alice");
    expect(http, &peer, DF_OK, "alice");
    put("bob.pem", "mine.pem"); /* between the two writes of somebody who renews them */
    expect(http, &peer, DF_EAUTH, "not a pair");
    put("bob.key", "mine.key");
    expect(http, &peer, DF_OK, "bob");
    support_write_file(f.mine, "");
    assert_status(df__http_start(http, &call, &r), DF_EIO);
    put("bob.pem", "mine.pem");
    expect(http, &peer, DF_OK, "bob");
    df__http_free(http);
    peer_stop(&peer);
}

static void test_authority_that_changes(void **state)
{
    char path[512];
    df__http_tls tls = {.ca_file = in_dir(path, "trusted.pem")};
    df__http *http = client(&tls);
    http_peer peer;
    (void)state;
    start(&peer, "server", NULL);
    put("other.pem", "trusted.pem");
    expect(http, &peer, DF_EAUTH, "certificate");
    put("ca.pem", "trusted.pem");
    expect(http, &peer, DF_OK, "nobody");
    put("other.pem", "trusted.pem"); /* the open connection does not count any more */
    expect(http, &peer, DF_EAUTH, "certificate");
    df__http_free(http);
    peer_stop(&peer);
}

static void test_no_certificate(void **state)
{
    df__http_tls tls = {.ca_file = f.ca};
    df__http *http = client(&tls);
    http_peer peer;
    (void)state;
    start(&peer, "server", f.ca);
    expect(http, &peer, DF_EAUTH, "alert");
    df__http_free(http);
    peer_stop(&peer);
}

static int to_plain(peer_conn *c, const peer_request *q)
{
    (void)q;
    peer_reply(c, 307, "Location: http://127.0.0.1:1/\r\n", "");
    return 1;
}

static int plain(peer_conn *c, const peer_request *q)
{
    (void)q;
    peer_reply(c, 200, "", "plain");
    return 1;
}

static void fails(df__http *http, const char *scheme, const http_peer *peer, const char *text)
{
    char url[128];
    df__http_call call = {.url = url};
    df__http_request *r;
    snprintf(url, sizeof url, "%s://127.0.0.1%s", scheme, strrchr(peer->url, ':'));
    assert_ok(df__http_start(http, &call, &r));
    df__http_wait(r, NULL, NULL);
    if (df__http_reply_of(r)->rc != DF_EIO || !strstr(df__http_reply_of(r)->text, text))
        fail_msg("%d %s, not %s", df__http_reply_of(r)->rc, df__http_reply_of(r)->text, text);
    df__http_end(r);
}

static void test_plain_and_tls_mixed_up(void **state)
{
    df__http_tls tls = {.ca_file = f.ca};
    df__http *http = client(&tls);
    df__http_call call = {.follow = 1};
    df__http_request *r;
    http_peer peer = {0};
    (void)state;
    peer_start_tls(&peer, to_plain, f.cert, f.key, NULL);
    call.url = peer.url;
    assert_ok(df__http_start(http, &call, &r));
    assert_status(df__http_wait(r, NULL, NULL), DF_EIO);
    assert_non_null(strstr(df__http_reply_of(r)->text, "from https to http"));
    df__http_end(r);
    fails(http, "http", &peer, "ended without a reply");
    peer_stop(&peer);
    memset(&peer, 0, sizeof peer);
    peer_start(&peer, plain);
    fails(http, "https", &peer, "wrong version number");
    df__http_free(http);
    peer_stop(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_by_the_environment),
        cmocka_unit_test(test_who_is_trusted),
        cmocka_unit_test(test_in_memory),
        cmocka_unit_test(test_files_that_change),
        cmocka_unit_test(test_authority_that_changes),
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_plain_and_tls_mixed_up),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
