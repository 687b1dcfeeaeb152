/* SPDX-License-Identifier: Apache-2.0
 * test_trust.c: the webhook's own certificate: what is made, when it is made again, and in which
 * order API servers and the Secret hear of it. ctest: threaded */
#include "unit/kube/kube_fixture.h"

#include <stdio.h>

#include <gnutls/x509.h>

#include "dfoperator/webhook/issue.h"
#include "dfoperator/webhook/trust.h"
#include "support/net/play.h"
#include "util/codec.h"

static const char *const names[] = {"df.shop.svc", "df.shop.svc.cluster.local", NULL};
static const int64_t day = 86400, begun = 1800000000;

static df_bytes bytes(const df__buf *b)
{
    return (df_bytes){b->data, b->len};
}

static gnutls_x509_crt_t read_cert(const df__buf *pem)
{
    const gnutls_datum_t text = {(unsigned char *)pem->data, (unsigned)pem->len};
    gnutls_x509_crt_t cert;
    assert_int_equal(gnutls_x509_crt_init(&cert), 0);
    assert_int_equal(gnutls_x509_crt_import(cert, &text, GNUTLS_X509_FMT_PEM), 0);
    return cert;
}

static void test_issue(void **state)
{
    op_issued one, other;
    gnutls_x509_crt_t ca, cert;
    unsigned result = 0;
    char err[200];
    op_tls *tls = op_tls_empty();
    (void)state;
    assert_int_equal(op_issue(begun, names, &one), 0);
    assert_int_equal(op_issue(begun, names, &other), 0);
    ca = read_cert(&one.ca);
    cert = read_cert(&one.cert);
    assert_int_equal(gnutls_x509_crt_check_issuer(cert, ca), 1);
    assert_int_equal(gnutls_x509_crt_list_verify(&cert, 1, &ca, 1, NULL, 0,
                                                 GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &result),
                     0);
    assert_int_equal(result, 0);
    assert_true(gnutls_x509_crt_check_hostname(cert, "df.shop.svc"));
    assert_false(gnutls_x509_crt_check_hostname(cert, "df.other.svc"));
    assert_int_equal(gnutls_x509_crt_get_ca_status(cert, NULL), 0);
    assert_int_equal(gnutls_x509_crt_get_ca_status(ca, NULL), 1);
    assert_int_equal(op_tls_replace(tls, bytes(&one.cert), bytes(&one.key), err, sizeof err), 0);
    assert_int_equal(op_tls_expires_s(tls), begun + OP_ISSUE_DAYS * day);
    assert_int_equal(op_tls_replace(tls, bytes(&one.cert), bytes(&other.key), err, sizeof err), -1);
    gnutls_x509_crt_deinit(ca);
    gnutls_x509_crt_deinit(cert);
    op_issued_free(&one);
    op_issued_free(&other);
    op_tls_free(tls);
}

static void test_due(void **state)
{
    static const char *const others[] = {"df.shop.svc", "new.shop.svc", NULL};
    int64_t renew = begun + (OP_ISSUE_DAYS - OP_RENEW_DAYS) * day;
    op_issued one;
    (void)state;
    assert_int_equal(op_issue(begun, names, &one), 0);
    assert_false(op_issue_is_due(bytes(&one.cert), begun, names));
    assert_false(op_issue_is_due(bytes(&one.cert), renew, names));
    assert_true(op_issue_is_due(bytes(&one.cert), renew + 1, names));
    assert_true(op_issue_is_due(bytes(&one.cert), begun - day, names));
    assert_true(op_issue_is_due(bytes(&one.cert), begun, others));
    assert_true(op_issue_is_due((df_bytes){"nonsense", 8}, begun, names));
    assert_true(op_issue_is_due((df_bytes){"", 0}, begun, names));
    op_issued_free(&one);
}

/* ---- with a server ---------------------------------------------------------------------------
 */

typedef struct world {
    kube_fixture f;
    op_tls *tls;
    op_trust *trust;
    int leads;
    int64_t now_s;
    char said[400];
} world;

static int leads(void *user)
{
    return ((world *)user)->leads;
}

static int64_t now_s(void *user)
{
    return ((world *)user)->now_s;
}

static void told(void *user, int level, const char *text)
{
    world *w = user;
    (void)level;
    snprintf(w->said, sizeof w->said, "%s", text);
    assert_null(strstr(text, "PRIVATE KEY"));
}

static void begin(world *w, const play_turn *turns, int count)
{
    kube_fixture_begin(&w->f, turns, count);
    w->tls = op_tls_empty();
    w->now_s = begun;
    w->trust = op_trust_new(&(op_trust_config){.client = w->f.client,
                                               .tls = w->tls,
                                               .space = "shop",
                                               .secret = "hook",
                                               .configuration = "df",
                                               .names = names,
                                               .leads = leads,
                                               .told = told,
                                               .now_s = now_s,
                                               .user = w,
                                               .every_us = 50000});
}

static void end(world *w)
{
    op_trust_free(w->trust);
    op_tls_free(w->tls);
    kube_fixture_end(&w->f);
}

static void until_shown(world *w, int64_t expires_s)
{
    int64_t until = support_now_ms() + 20000;
    while (op_tls_expires_s(w->tls) != expires_s && support_now_ms() < until)
        kube_loop_step(kube_fixture_loop(&w->f), 10);
    if (op_tls_expires_s(w->tls) != expires_s)
        fail_msg("not shown: %s; %s", w->said, w->f.server.wrong);
}

#define SECRET "/api/v1/namespaces/shop/secrets/hook HTTP"
#define HOOKS "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/df"
#define CONFIGURATION                                                                              \
    "{\"metadata\":{\"resourceVersion\":\"5\"},\"webhooks\":[{\"name\":\"a\",\"clientConfig\":{"   \
    "\"service\":{\"name\":\"df\"}}},{\"name\":\"b\",\"clientConfig\":{}}]}"

/* First the API servers trust it, then it is kept, then it is shown. */
static void test_made(void **state)
{
    static const play_turn turns[] = {
        {"GET " SECRET, NULL, 404, PLAY_REFUSED(404, "NotFound")},
        {"GET " HOOKS " HTTP", NULL, 200, CONFIGURATION},
        {"PATCH " HOOKS "?", NULL, 200, "{}",
         .body = "{\"metadata\":{\"resourceVersion\":\"5\"},\"webhooks\":[{\"name\":\"a\",\""
                 "clientConfig\":{\"service\":{\"name\":\"df\"},\"caBundle\":\"LS0t"},
        {"POST /api/v1/namespaces/shop/secrets?", NULL, 201, "{}",
         .body = "\"type\":\"kubernetes.io/tls\""},
    };
    world w = {.leads = 1};
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    until_shown(&w, begun + OP_ISSUE_DAYS * day);
    assert_int_equal(w.f.server.at, 4);
    end(&w);
}

static char *secret_of(const op_issued *i)
{
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    df__buf_str(&out, "{\"metadata\":{\"resourceVersion\":\"7\"},\"data\":{\"tls.crt\":\"");
    df__base64_add(&out, i->cert.data, i->cert.len);
    df__buf_str(&out, "\",\"tls.key\":\"");
    df__base64_add(&out, i->key.data, i->key.len);
    df__buf_str(&out, "\",\"ca.crt\":\"");
    df__base64_add(&out, i->ca.data, i->ca.len);
    df__buf_str(&out, "\"}}");
    assert_non_null(df__buf_cstr(&out));
    return out.data;
}

/* One that does not lead shows what is kept and writes nothing. */
static void test_follower(void **state)
{
    op_issued kept;
    play_turn turns[] = {{"GET " SECRET, NULL, 200, NULL}, {"GET " SECRET, NULL, 200, NULL}};
    world w = {.leads = 0};
    char *text;
    (void)state;
    assert_int_equal(op_issue(begun - 100 * day, names, &kept), 0);
    turns[0].text = turns[1].text = text = secret_of(&kept);
    begin(&w, PLAY_TURNS(turns));
    until_shown(&w, begun + (OP_ISSUE_DAYS - 100) * day);
    while (w.f.server.at < 2)
        kube_loop_step(kube_fixture_loop(&w.f), 10);
    end(&w);
    free(text);
    op_issued_free(&kept);
}

/* Before the old one ends: both authorities are trusted, the Secret is replaced at its version. */
static void test_renewed(void **state)
{
    op_issued kept;
    play_turn turns[] = {
        {"GET " SECRET, NULL, 200, NULL},
        {"GET " HOOKS " HTTP", NULL, 200, CONFIGURATION},
        {"PATCH " HOOKS "?", NULL, 200, "{}"},
        {"PUT /api/v1/namespaces/shop/secrets/hook?", NULL, 200, "{}",
         .body = "\"resourceVersion\":\"7\""},
    };
    world w = {.leads = 1};
    char *text;
    (void)state;
    assert_int_equal(op_issue(begun - 300 * day, names, &kept), 0);
    turns[0].text = text = secret_of(&kept);
    begin(&w, PLAY_TURNS(turns));
    until_shown(&w, begun + OP_ISSUE_DAYS * day);
    end(&w);
    free(text);
    op_issued_free(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_issue),   cmocka_unit_test(test_due),
        cmocka_unit_test(test_made),    cmocka_unit_test(test_follower),
        cmocka_unit_test(test_renewed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
