/* SPDX-License-Identifier: Apache-2.0
 * test_sign.c: signatures, against the examples of Amazon's S3 API Reference and of RFC 4231. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "connectors/iceberg/client/sign.h"

static void test_hmac(void **state)
{
    static const struct {
        const char *key, *text, *hex;
    } cases[] = {
        {"Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char digest[ICE_DIGEST];
        char hex[2 * ICE_DIGEST + 1];
        assert_int_equal(df__ice_hmac(&df__heap_libc,
                                      (df_bytes){cases[i].key, strlen(cases[i].key)},
                                      (df_bytes){cases[i].text, strlen(cases[i].text)}, digest),
                         DF_OK);
        for (size_t k = 0; k < ICE_DIGEST; k++)
            snprintf(hex + 2 * k, 3, "%02x", digest[k]);
        assert_string_equal(hex, cases[i].hex);
    }
}

static void test_signature(void **state)
{
    static const struct {
        const char *query, *signature;
    } cases[] = {
        {"lifecycle=", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        df__buf out;
        df__ice_signing s = {.method = "GET",
                             .host = "examplebucket.s3.amazonaws.com",
                             .path = "/",
                             .query = cases[i].query,
                             .payload =
                                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                             .region = "us-east-1",
                             .key = "AKIAIOSFODNN7EXAMPLE",
                             .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
        df__ice_stamp(INT64_C(1369353600000000), s.stamp);
        assert_string_equal(s.stamp, "20130524T000000Z");
        df__buf_init(&out, &df__heap_libc);
        df__ice_sign(&s, &out);
        const char *text = df__buf_cstr(&out);
        assert_non_null(text);
        assert_non_null(strstr(text, "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                                     "aws4_request,SignedHeaders=host;x-amz-content-sha256;"
                                     "x-amz-date,"));
        assert_string_equal(strstr(text, "Signature=") + 10, cases[i].signature);
        df__buf_free(&out);
    }
}

static void test_key(void **state)
{
    df__buf out;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    df__ice_encode_key(&out, "a/day=2026-01-02/x y+%2F#?é~",
                       strlen("a/day=2026-01-02/x y+%2F#?é~"));
    assert_string_equal(df__buf_cstr(&out), "a/day%3D2026-01-02/x%20y%2B%252F%23%3F%C3%A9~");
    df__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_key),
    };
    return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
