/* SPDX-License-Identifier: Apache-2.0
 * test_token.c: what is sent to a token endpoint, and what its answers mean. ctest: threaded */
#include "support/net/http_peer.h"
#include "support/support.h"

#include <string.h>

#include "net/token.h"

static void read_answer(int status, const char *body, df__token *ret)
{
    memset(ret, 0, sizeof *ret);
    df__buf_init(&ret->value, &df__heap_libc);
    (void)df__token_read("https://h/t", status, (df_bytes){body, strlen(body)}, ret);
}

static void test_answers(void **state)
{
    static const struct {
        int status;
        const char *body;
        int rc;
        const char *token;
        int64_t life_s;
        const char *text;
    } cases[] = {
        {200, "{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":20}", DF_OK,
         "abc", 20, NULL},
        {200, "{\"access_token\":\"abc\",\"expires_in\":\"3600\"}", DF_OK, "abc", 3600, NULL},
        {200, "{\"access_token\":\"abc\"}", DF_OK, "abc", 300, NULL},
        {200, "{\"access_token\":\"abc\",\"expires_in\":-5}", DF_OK, "abc", 1, NULL},
        {200, "{\"access_token\":\"abc\",\"expires_in\":1e300}", DF_OK, "abc", 2592000, NULL},
        {200, "{\"access_token\":\"\"}", DF_EIO, NULL, 0, "gives no access_token"},
        {200, "{\"access_token\":\"a\\u0000b\"}", DF_EIO, NULL, 0, "gives no access_token"},
        {200, "<html>", DF_EIO, NULL, 0, "gives no access_token"},
        {200, "{\"access_token\":\"abc\",\"token_type\":\"mac\"}", DF_EAUTH, NULL, 0, "no bearer"},
        {401, "{\"error\":\"invalid_client\",\"error_description\":\"pw\"}", DF_EAUTH, NULL, 0,
         "(invalid_client): check id and secret"},
        {400, "{\"error\":\"invalid_scope\"}", DF_EAUTH, NULL, 0, "invalid_scope"},
        {404, "pw", DF_EAUTH, NULL, 0, "answers with status 404"},
        {429, "", DF_EIO, NULL, 0, "answers with status 429"},
        {503, "{}", DF_EIO, NULL, 0, "answers with status 503"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        df__token token;
        read_answer(cases[i].status, cases[i].body, &token);
        assert_int_equal(token.rc, cases[i].rc);
        if (cases[i].token) {
            assert_string_equal(token.value.data, cases[i].token);
            assert_int_equal(token.life_us, cases[i].life_s * 1000000);
        } else {
            assert_non_null(strstr(token.text, cases[i].text));
            assert_null(strstr(token.text, "pw"));
        }
        df__token_free(&token);
    }
}

static int answer(peer_conn *c, const peer_request *r)
{
    int good = strstr(r->head, "authorization: Basic dGhlJTIwY2xpZW50OnMlM0FjJTJG\r\n") &&
               !strcmp(r->body, "grant_type=client_credentials&scope=a%20b");
    peer_reply(c, good ? 200 : 400, "", good ? "{\"access_token\":\"t\",\"expires_in\":9}" : "{}");
    return 1;
}

static void test_what_is_sent(void **state)
{
    static http_peer peer;
    df__http_config config = {.connect_us = 5000000};
    df__http *http;
    df__token token = {.rc = DF_OK};
    df__token_ask ask = {.client_id = "the client", .client_secret = "s:c/", .scope = "a b"};
    (void)state;
    peer_start(&peer, answer);
    ask.url = peer.url;
    assert_ok(df__http_new(&config, &http));
    assert_ok(df__token_fetch(http, &ask, NULL, NULL, &token));
    assert_string_equal(token.value.data, "t");
    df__token_free(&token);
    peer_stop(&peer);
    assert_status(df__token_fetch(http, &ask, NULL, NULL, &token), DF_EIO);
    df__token_free(&token);
    ask.url = "http://198.51.100.1/t"; /* the secret would be readable on the way */
    assert_status(df__token_fetch(http, &ask, NULL, NULL, &token), DF_EAUTH);
    assert_null(strstr(token.text, "s:c"));
    df__token_free(&token);
    df__http_free(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_what_is_sent),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
