/* SPDX-License-Identifier: Apache-2.0
 * test_expiry.c: when certificates end, and what is no certificate.
 */
#include <stdlib.h>
#include <string.h>

#include "connectors/kafka/client/expiry.h"
#include "support/support.h"
#include "util/buf.h"
#include "util/codec.h"

/* Years in two digits; the second one ends after 2049, in four. */
static const char short_years[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBbTCCAROgAwIBAgIUHdD14HU+64c0uDVjXqfkvLNxHNQwCgYIKoZIzj0EAwIw\n"
    "DDEKMAgGA1UEAwwBYTAeFw0yNjExMzAxNjU1MzdaFw0zNjExMjcxNjU1MzdaMAwx\n"
    "CjAIBgNVBAMMAWEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASwBCR7drj1BMYQ\n"
    "x43i298LGRaAPyTvZ4hZrbhzb76DR9o4yRTmyjpZJKP1YiOQsePVt9n0jV96tEZg\n"
    "1y4bf1oPo1MwUTAdBgNVHQ4EFgQU95mtlGu1sFGJhCqxqgyzw1I5AdcwHwYDVR0j\n"
    "BBgwFoAU95mtlGu1sFGJhCqxqgyzw1I5AdcwDwYDVR0TAQH/BAUwAwEB/zAKBggq\n"
    "hkjOPQQDAgNIADBFAiEA597/Ixnf4Tsy71U823HWZPncb4wIst1NtmTk4iEE+5MC\n"
    "IC2wlDiW8Q1bVhoMUTKirFdQIzFq5UXKCkqrNvbgIxei\n"
    "-----END CERTIFICATE-----\n";
static const char long_years[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBbzCCARWgAwIBAgIUNjMiMR/+d83r1qBETC/Ny1CELZ8wCgYIKoZIzj0EAwIw\n"
    "DDEKMAgGA1UEAwwBYjAgFw0yNjExMzAxNjU1MzdaGA8yMDgxMDkwMjE2NTUzN1ow\n"
    "DDEKMAgGA1UEAwwBYjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFSe99TWc+Bu\n"
    "Dn/MKWbtMsZcoX98Wsq7PwWW/Hy8WrlSYydiBC1MvmO1R8/SgEDBshMgie6Q6QFu\n"
    "CISu+hQYS5ujUzBRMB0GA1UdDgQWBBQL/4ywZjKc3TiwMlP7tg/zCiksejAfBgNV\n"
    "HSMEGDAWgBQL/4ywZjKc3TiwMlP7tg/zCiksejAPBgNVHRMBAf8EBTADAQH/MAoG\n"
    "CCqGSM49BAMCA0gAMEUCIQCePtQC5C39FQBRpOZCWy1sRVEdwhOdjRBvCVd/gZkF\n"
    "BgIgCOeQ6yK4wMQ5OczppXexM7+5gR+CpcpEMEwK4rBXhpg=\n"
    "-----END CERTIFICATE-----\n";
enum { DAY = 86400 };

static df_bytes bytes_of(const char *text)
{
    return (df_bytes){text, strlen(text)};
}

static void dates_are_read(void **state)
{
    df__kafka_dates d = {0, 0};
    (void)state;
    assert_ok(df__kafka_expiry_pem(bytes_of(short_years), 0, &d));
    assert_int_equal(d.begin_s, 1796057737);
    assert_int_equal(d.end_s, 2111417737);
    assert_ok(df__kafka_expiry_pem(bytes_of(long_years), 0, &d));
    assert_int_equal(d.begin_s, 1796057737);
    assert_int_equal(d.end_s, 3524057737);
}

/* A chain ends with the one that ends first, wherever it stands. */
static void of_a_chain_the_soonest_counts(void **state)
{
    char text[4096];
    df__kafka_dates d = {0, 0};
    (void)state;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(text, sizeof text, "key first\n%s%s", i ? long_years : short_years,
                       i ? short_years : long_years);
        assert_ok(df__kafka_expiry_pem(bytes_of(text), 0, &d));
        assert_int_equal(d.end_s, 2111417737);
    }
}

/* Of a list of CAs one that has ended counts only when all have. */
static void of_a_list_the_next_counts(void **state)
{
    char text[4096];
    df__kafka_dates d = {0, 0};
    (void)state;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(text, sizeof text, "%s%s", i ? long_years : short_years,
                       i ? short_years : long_years);
        assert_ok(df__kafka_expiry_pem(bytes_of(text), 2111417737, &d));
        assert_int_equal(d.end_s, 2111417737);
        assert_ok(df__kafka_expiry_pem(bytes_of(text), 2111417738, &d));
        assert_int_equal(d.end_s, 3524057737);
        assert_ok(df__kafka_expiry_pem(bytes_of(text), 3524057738, &d));
        assert_int_equal(d.end_s, 3524057737);
    }
}

static void show(df__kafka_common *o, const char *broker, const char *pem)
{
    const char *begin = strchr(pem, '\n'), *end = strstr(pem, "-----END");
    df__buf der;
    df__buf_init(&der, &df__heap_libc);
    assert_int_equal(df__base64_read(&der, begin, (size_t)(end - begin)), 0);
    df__kafka_expiry_note(o, broker, (df_bytes){der.data, der.len});
    df__buf_free(&der);
}

/* A broker that has a new certificate shows it with the next connection. */
static void of_brokers_the_newest_counts(void **state)
{
    df__kafka_common o = {0};
    df__kafka_own none = {0};
    (void)state;
    show(&o, "ssl://a:9093/bootstrap", short_years);
    show(&o, "ssl://b:9093/2", long_years);
    assert_int_equal(df__kafka_expiry_soonest(&o).end_s, 2111417737);
    show(&o, "ssl://a:9093/1", long_years);
    assert_int_equal(df__kafka_expiry_soonest(&o).end_s, 3524057737);
    for (int i = 0; i < 2 * DF__KAFKA_SHOWN; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "ssl://c%d:9093/%d", i, i);
        show(&o, name, long_years);
    }
    assert_int_equal(df__kafka_expiry_soonest(&o).begin_s, 1796057737);
    df__kafka_expiry_begin(&o, &none);
    assert_int_equal(df__kafka_expiry_soonest(&o).end_s, 0);
}

/* Cut off anywhere, each byte another one: no date, or some date, and never a read behind the end:
 * the copy is as long as its bytes. */
static void nothing_else_is_one(void **state)
{
    static const char *const bad[] = {
        "",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    };
    const char *begin = strchr(short_years, '\n'), *end = strstr(short_years, "-----END");
    df__kafka_dates d = {7, 7};
    df__buf der;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_status(df__kafka_expiry_pem(bytes_of(bad[i]), 0, &d), DF_EDATA);
    df__buf_init(&der, &df__heap_libc);
    assert_int_equal(df__base64_read(&der, begin, (size_t)(end - begin)), 0);
    for (size_t len = 0; len < der.len; len++) {
        char *copy = malloc(len + 1);
        memcpy(copy, der.data, len);
        assert_status(df__kafka_expiry_der((df_bytes){copy, len}, &d), DF_EDATA);
        free(copy);
    }
    assert_int_equal(d.end_s, 7);
    for (size_t i = 0; i < der.len; i++) {
        char *copy = malloc(der.len);
        memcpy(copy, der.data, der.len);
        copy[i] = (char)0x84;
        (void)df__kafka_expiry_der((df_bytes){copy, der.len}, &d);
        copy[i] = (char)0xff;
        (void)df__kafka_expiry_der((df_bytes){copy, der.len}, &d);
        free(copy);
    }
    df__buf_free(&der);
}

static void an_end_is_near(void **state)
{
    static const struct {
        int64_t life, left;
        int near, near_as_ca;
    } rows[] = {{365 * DAY, 15 * DAY, 0, 1},
                {365 * DAY, 13 * DAY, 1, 1},
                {90 * DAY, 13 * DAY, 1, 1},
                {90 * DAY, 15 * DAY, 0, 1},
                {DAY, DAY / 2, 0, 0},
                {DAY, DAY / 6, 1, 1},
                {DAY, -1, 1, 1},
                {3650 * DAY, 29 * DAY, 0, 1},
                {3650 * DAY, 31 * DAY, 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__kafka_dates d = {1000, 1000 + rows[i].life};
        int64_t now_s = d.end_s - rows[i].left;
        assert_int_equal(df__kafka_expiry_is_near(&d, 0, now_s), rows[i].near);
        assert_int_equal(df__kafka_expiry_is_near(&d, 1, now_s), rows[i].near_as_ca);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_read),
        cmocka_unit_test(of_a_chain_the_soonest_counts),
        cmocka_unit_test(of_a_list_the_next_counts),
        cmocka_unit_test(of_brokers_the_newest_counts),
        cmocka_unit_test(nothing_else_is_one),
        cmocka_unit_test(an_end_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
