/* SPDX-License-Identifier: Apache-2.0
 * test_zone.c: TZif files, POSIX rules, gaps and folds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "util/rfc3339.h"
#include "util/zone.h"
#include "util/zone_rule.h"

static df__zone *load(const char *name)
{
    char err[DF__ZONE_TEXT] = "";
    df__zone *z = NULL;
    int rc = df__zone_load(&df__heap_libc, name, NULL, &z, err);
    if (rc != DF_OK)
        fail_msg("%s: %s", name, err);
    return z;
}

static int32_t offset_at(const char *name, const char *utc)
{
    df__zone *z = load(name);
    df_bytes text = {utc, strlen(utc)};
    df__zone_span span;
    df__stamp stamp;
    assert_ok(df__stamp_parse(text, &stamp));
    df__zone_at(z, stamp.local, &span);
    assert_true(span.start <= stamp.local && stamp.local < span.end);
    df__zone_free(z);
    return span.offset;
}

static void test_offsets(void **state)
{
    (void)state;
    assert_int_equal(offset_at("UTC", "2024-01-01T00:00:00"), 0);
    assert_int_equal(offset_at("Z", "2024-01-01T00:00:00"), 0);
    assert_int_equal(offset_at("+05:30", "2024-01-01T00:00:00"), 19800);
    assert_int_equal(offset_at("-00:01", "2024-01-01T00:00:00"), -60);
    assert_int_equal(offset_at("Europe/Berlin", "2024-01-01T00:00:00"), 3600);
    assert_int_equal(offset_at("Europe/Berlin", "2024-07-01T00:00:00"), 7200);
    assert_int_equal(offset_at("Europe/Berlin", "2399-07-01T00:00:00"), 7200);
    assert_int_equal(offset_at("Europe/Berlin", "9999-12-31T00:00:00"), 3600);
    assert_int_equal(offset_at("Europe/Berlin", "0001-01-01T00:00:00"), 3208);
    assert_int_equal(offset_at("Asia/Tokyo", "2100-01-01T00:00:00"), 32400);
    assert_int_equal(offset_at("Europe/Dublin", "2100-07-01T00:00:00"), 3600);
    assert_int_equal(offset_at("Europe/Dublin", "2100-01-01T00:00:00"), 0);
    assert_int_equal(offset_at("America/Nuuk", "2100-01-01T00:00:00"), -7200);
}

static int64_t moment(const char *zone, const char *local)
{
    df__zone *z = load(zone);
    df_bytes text = {local, strlen(local)};
    df__zone_span span = {0};
    df__stamp stamp;
    int64_t sec;
    assert_ok(df__stamp_parse(text, &stamp));
    sec = df__zone_moment(z, stamp.local, &span);
    df__zone_free(z);
    return sec;
}

static int64_t utc(const char *text)
{
    df_bytes bytes = {text, strlen(text)};
    df__stamp stamp;
    assert_ok(df__stamp_parse(bytes, &stamp));
    return stamp.local;
}

/* As Go's time.Date answers. */
static void test_gaps_and_folds(void **state)
{
    (void)state;
    assert_int_equal(moment("Europe/Berlin", "2024-03-31T02:30:00"), utc("2024-03-31T01:30:00"));
    assert_int_equal(moment("Europe/Berlin", "2024-10-27T02:30:00"), utc("2024-10-27T01:30:00"));
    assert_int_equal(moment("America/New_York", "2024-03-10T02:30:00"), utc("2024-03-10T06:30:00"));
    assert_int_equal(moment("America/New_York", "2024-11-03T01:30:00"), utc("2024-11-03T05:30:00"));
    assert_int_equal(moment("Pacific/Apia", "2011-12-31T00:00:00"), utc("2011-12-30T10:00:00"));
    assert_int_equal(moment("UTC", "2024-03-31T02:30:00"), utc("2024-03-31T02:30:00"));
}

static void test_span_is_reused(void **state)
{
    df__zone *z = load("Europe/Berlin");
    df__zone_span span = {0}, fresh;
    int64_t from = utc("2024-01-01T00:00:00");
    (void)state;
    for (int64_t t = from; t < from + 400 * 86400; t += 3607) {
        int64_t a = df__zone_moment(z, t, &span), b;
        memset(&fresh, 0, sizeof fresh);
        b = df__zone_moment(z, t, &fresh);
        assert_int_equal(a, b);
    }
    df__zone_free(z);
}

static void refuse(const char *name, int status, const char *text)
{
    char err[DF__ZONE_TEXT] = "";
    df__zone *z = NULL;
    assert_status(df__zone_load(&df__heap_libc, name, NULL, &z, err), status);
    assert_null(z);
    assert_non_null(strstr(err, text));
}

static void test_bad_names(void **state)
{
    char longer[300];
    (void)state;
    refuse("", DF_EINVAL, "Europe/Berlin");
    refuse("Local", DF_EINVAL, "Local");
    refuse("../zoneinfo/UTC", DF_EINVAL, "time zone");
    refuse("/etc/localtime", DF_EINVAL, "time zone");
    refuse("Europe/Ber lin", DF_EINVAL, "time zone");
    refuse("Europe\\Berlin", DF_EINVAL, "time zone");
    refuse("+3", DF_EINVAL, "offset");
    refuse("+03:0", DF_EINVAL, "offset");
    refuse("+24:00", DF_EINVAL, "offset");
    refuse("-03:60", DF_EINVAL, "offset");
    refuse("+0a:00", DF_EINVAL, "offset");
    refuse("Europe/Atlantis", DF_ENOTFOUND, "no such zone");
    refuse("Europe", DF_ENOTFOUND, "no such zone");
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    refuse(longer, DF_EINVAL, "aaa");
}

/* ---- files made by hand ---------------------------------------------------------------------- */

static size_t put32(unsigned char *to, uint32_t v)
{
    to[0] = (unsigned char)(v >> 24);
    to[1] = (unsigned char)(v >> 16);
    to[2] = (unsigned char)(v >> 8);
    to[3] = (unsigned char)v;
    return 4;
}

static size_t header(unsigned char *to, char version, uint32_t times, uint32_t types,
                     uint32_t chars)
{
    memset(to, 0, 44);
    memcpy(to, "TZif", 4);
    to[4] = (unsigned char)version;
    put32(to + 32, times);
    put32(to + 36, types);
    put32(to + 40, chars);
    return 44;
}

static size_t type(unsigned char *to, int32_t offset, int dst, int name)
{
    put32(to, (uint32_t)offset);
    to[4] = (unsigned char)dst;
    to[5] = (unsigned char)name;
    return 6;
}

/* One change at t=1000 from AAA (+1h) to BBB (+2h), then the rule. */
static size_t build(unsigned char *to, const char *rule)
{
    size_t n = header(to, '2', 0, 1, 4);
    n += type(to + n, 0, 0, 0);
    memcpy(to + n, "AAA", 4);
    n += 4;
    n += header(to + n, '2', 1, 2, 8);
    n += put32(to + n, 0);
    n += put32(to + n, 1000);
    to[n++] = 1;
    n += type(to + n, 3600, 0, 0);
    n += type(to + n, 7200, 1, 4);
    memcpy(to + n, "AAA\0BBB", 8);
    n += 8;
    to[n++] = '\n';
    memcpy(to + n, rule, strlen(rule));
    n += strlen(rule);
    to[n++] = '\n';
    return n;
}

static void test_own_file(void **state)
{
    unsigned char file[512];
    df_bytes bytes = {file, build(file, "CCC-3")};
    const char *why;
    df__zone_span span;
    df__zone *z;
    (void)state;
    assert_ok(df__zone_parse(&df__heap_libc, bytes, &z, &why));
    df__zone_at(z, 999, &span);
    assert_int_equal(span.offset, 3600);
    assert_string_equal(span.abbrev, "AAA");
    assert_int_equal(span.end, 1000);
    df__zone_at(z, 1000, &span);
    assert_int_equal(span.offset, 10800);
    assert_string_equal(span.abbrev, "CCC");
    assert_int_equal(span.start, 1000);
    df__zone_free(z);
}

static void test_without_rule(void **state)
{
    unsigned char file[512];
    df_bytes bytes = {file, build(file, "")};
    const char *why;
    df__zone_span span;
    df__zone *z;
    (void)state;
    assert_ok(df__zone_parse(&df__heap_libc, bytes, &z, &why));
    df__zone_at(z, INT64_C(99999999999), &span);
    assert_int_equal(span.offset, 7200);
    assert_int_equal(span.is_dst, 1);
    df__zone_free(z);
}

/* Cut anywhere, and with any single byte broken: refused or read, never worse. */
static void test_damaged_files(void **state)
{
    unsigned char file[512];
    size_t len = build(file, "CET-1CEST,M3.5.0,M10.5.0/3");
    const char *why;
    df__zone_span span;
    df__zone *z = NULL;
    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        df_bytes bytes = {file, cut};
        unsigned char *copy = malloc(cut + 1);
        memcpy(copy, file, cut);
        bytes.data = copy;
        assert_status(df__zone_parse(&df__heap_libc, bytes, &z, &why), DF_EDATA);
        free(copy);
    }
    for (size_t at = 0; at < len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            df_bytes bytes = {file, len};
            file[at] ^= (unsigned char)(1 << bit);
            z = NULL;
            if (df__zone_parse(&df__heap_libc, bytes, &z, &why) == DF_OK) {
                df__zone_at(z, 5000, &span);
                df__zone_at(z, INT64_C(5000000000), &span);
                df__zone_free(z);
            }
            file[at] ^= (unsigned char)(1 << bit);
        }
    }
}

static void test_rules(void **state)
{
    static const char *const bad[] = {"",
                                      "CE-1",
                                      "CET",
                                      "CET-1CEST",
                                      "CET-1CEST,M3.5.0",
                                      "CET-200",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M3.5.7,M10.5.0",
                                      "CET-1CEST,J0,J9",
                                      "CET-1CEST,366,9",
                                      "<+03-3",
                                      "CET-1 ",
                                      "CET-1:60",
                                      "CET-1CEST,M3.5.0/168,M1.1.1",
                                      "CET-1CEST,M3.5.0,M10.5.0,",
                                      "CET-1CEST,M3.5,M10.5.0",
                                      "C1T-1"};
    df__zone_rule rule;
    df__zone_span span;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (df__zone_rule_parse(bad[i], &rule) != DF_EDATA)
            fail_msg("%s", bad[i]);
    assert_ok(df__zone_rule_parse("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", &rule));
    assert_int_equal(rule.std_offset, -10800);
    assert_int_equal(rule.start.time, -7200);
    assert_string_equal(rule.std, "-03");
    assert_ok(df__zone_rule_parse("EST5EDT,0/0,J365/25", &rule)); /* summer time all year */
    df__zone_rule_at(&rule, utc("2050-12-31T23:59:59"), &span);
    assert_int_equal(span.offset, -4 * 3600);
    df__zone_rule_at(&rule, utc("2051-01-01T12:00:00"), &span);
    assert_int_equal(span.offset, -4 * 3600);
    assert_ok(df__zone_rule_parse("AAA-1BBB,J60,J300", &rule)); /* J60 is 1 March in each year */
    df__zone_rule_at(&rule, utc("2024-03-01T00:59:59"), &span);
    assert_int_equal(span.is_dst, 0);
    df__zone_rule_at(&rule, utc("2024-03-01T01:00:00"), &span);
    assert_int_equal(span.is_dst, 1);
    assert_ok(df__zone_rule_parse("AAA-1BBB,59,300", &rule)); /* day 59 from 0: 29 February */
    df__zone_rule_at(&rule, utc("2024-02-29T01:00:00"), &span);
    assert_int_equal(span.is_dst, 1);
    assert_ok(df__zone_rule_parse("AEST-10AEDT,M10.1.0,M4.1.0/3", &rule)); /* south */
    df__zone_rule_at(&rule, utc("2090-01-15T00:00:00"), &span);
    assert_int_equal(span.offset, 39600);
    df__zone_rule_at(&rule, utc("2090-07-15T00:00:00"), &span);
    assert_int_equal(span.offset, 36000);
}

static void test_other_folder(void **state)
{
    unsigned char file[512];
    char *dir = support_mkdir(), path[512], err[DF__ZONE_TEXT];
    size_t len = build(file, "CCC-3");
    df__zone_span span;
    df__zone *z;
    FILE *f;
    (void)state;
    f = fopen(support_path(path, dir, "Mine"), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(file, 1, len, f), len);
    fclose(f);
    assert_ok(df__zone_load(&df__heap_libc, "Mine", dir, &z, err));
    df__zone_at(z, 5000, &span);
    assert_int_equal(span.offset, 10800);
    df__zone_free(z);
    support_write_file(support_path(path, dir, "Broken"), "TZif, but no more");
    assert_status(df__zone_load(&df__heap_libc, "Broken", dir, &z, err), DF_EDATA);
    assert_non_null(strstr(err, "Broken"));
    support_rmdir(dir);
}

static void test_no_memory(void **state)
{
    char err[DF__ZONE_TEXT];
    (void)state;
    for (int64_t n = 1; n < 100; n++) {
        support_host host = {.fail_at = n, .fail_count = 1};
        df__heap heap = {support_realloc, &host};
        df__zone *z = NULL;
        int rc = df__zone_load(&heap, "Europe/Berlin", NULL, &z, err);
        df__zone_free(z);
        assert_int_equal(host.live, 0);
        if (rc == DF_OK)
            return;
        assert_int_equal(rc, DF_ENOMEM);
    }
    fail_msg("it never worked");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets),        cmocka_unit_test(test_gaps_and_folds),
        cmocka_unit_test(test_span_is_reused), cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_own_file),       cmocka_unit_test(test_without_rule),
        cmocka_unit_test(test_damaged_files),  cmocka_unit_test(test_rules),
        cmocka_unit_test(test_other_folder),   cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
