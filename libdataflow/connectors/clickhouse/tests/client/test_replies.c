/* SPDX-License-Identifier: Apache-2.0
 * test_replies.c: connection strings taken apart, names of tables, and what a server's refusal
 * means. */
#include "support/support.h"

#include <string.h>

#include "connectors/clickhouse/client/dsn.h"
#include "connectors/clickhouse/client/fault.h"
#include "connectors/clickhouse/client/ident.h"

static df_bytes bytes_of(const char *text)
{
    return (df_bytes){text, strlen(text)};
}

/* ---- connection strings ---------------------------------------------------------------------- */

static const struct {
    const char *text, *host, *second, *user, *password, *database; /* NULL: none */
} good[] = {
    {"http://h", "http://h:8123", NULL, NULL, NULL, NULL},
    {"https://h/db", "https://h:8443", NULL, NULL, NULL, "db"},
    {"http://u:p%40x@h:1/db", "http://h:1", NULL, "u", "p@x", "db"},
    {"http://a:1,b:2/db", "http://a:1", "http://b:2", NULL, NULL, "db"},
    {"clickhouse://u@h:9000/db", "http://h:8123", NULL, "u", NULL, "db"},
    {"clickhouse://h:9440/?secure=true", "https://h:8443", NULL, NULL, NULL, NULL},
    {"http://h/?database=d&username=u&password=p", "http://h:8123", NULL, "u", "p", "d"},
    {"http://[::1]:8123/db", "http://[::1]:8123", NULL, NULL, NULL, "db"},
};

static const char *const wrong[] = {
    "",           "postgres://h/db", "http://",         "http:///db",
    "http://h:0", "http://h:99999",  "http://u:p%4@h/", "h:8123"};

static void same_text(df_bytes text, const char *expected)
{
    if (!expected) {
        assert_true(text.len == 0);
        return;
    }
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

static void test_good_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        df__ch_dsn dsn;
        const char *why = NULL;
        print_message("%s\n", good[i].text);
        assert_ok(df__ch_dsn_read(bytes_of(good[i].text), &dsn, &why));
        assert_int_equal(dsn.host_count, good[i].second ? 2 : 1);
        assert_string_equal(dsn.hosts[0], good[i].host);
        if (good[i].second)
            assert_string_equal(dsn.hosts[1], good[i].second);
        same_text(dsn.user, good[i].user);
        same_text(dsn.password, good[i].password);
        same_text(dsn.database ? bytes_of(dsn.database) : (df_bytes){NULL, 0}, good[i].database);
        df__ch_dsn_free(&dsn);
    }
}

/* Why not, and no part of the text in it: it may be the password. */
static void test_wrong_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        df__ch_dsn dsn;
        const char *why = NULL;
        print_message("%s\n", wrong[i]);
        assert_status(df__ch_dsn_read(bytes_of(wrong[i]), &dsn, &why), DF_EINVAL);
        assert_non_null(why);
        df__ch_dsn_free(&dsn);
    }
}

static void test_settings(void **state)
{
    df__ch_dsn dsn;
    const char *why = NULL;
    (void)state;
    assert_ok(df__ch_dsn_read(bytes_of("http://h/db?insert_quorum=2&a=b%26c&skip_verify=true"),
                              &dsn, &why));
    assert_int_equal(dsn.setting_count, 2);
    assert_string_equal(dsn.settings[0].name, "insert_quorum");
    assert_string_equal(dsn.settings[1].value, "b&c");
    assert_true(dsn.insecure);
    df__ch_dsn_free(&dsn);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void test_names(void **state)
{
    static const struct {
        const char *text, *database, *table; /* table NULL: refused */
    } names[] = {
        {"orders", "", "orders"},
        {"shop.orders", "shop", "orders"},
        {"`a.b`.`c d`", "a.b", "c d"},
        {"a.b.c", NULL, NULL},
        {"", NULL, NULL},
        {"`a", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        df__ch_table_name name;
        const char *why = NULL;
        int rc = df__ch_name_parse(bytes_of(names[i].text), &name, &why);
        print_message("%s\n", names[i].text);
        if (!names[i].table) {
            assert_status(rc, DF_EINVAL);
            assert_non_null(why);
            continue;
        }
        assert_ok(rc);
        assert_string_equal(name.database, names[i].database);
        assert_string_equal(name.table, names[i].table);
    }
}

/* What would end a quoted name or text does not. */
static void test_quotes(void **state)
{
    df__buf b;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    df__ch_quote(&b, bytes_of("a`; DROP"));
    df__ch_literal(&b, (df_bytes){"it's \\\0", 7});
    assert_string_equal(df__buf_cstr(&b), "`a\\`; DROP`'it\\'s \\\\\\0'");
    df__buf_free(&b);
}

static void test_fields(void **state)
{
    char text[] = "a\\tb\t\\\\\\N\tc\nd\n";
    char *at = text;
    df_bytes cell;
    int last = 0;
    (void)state;
    assert_true(df__ch_next_field(&at, &cell, &last));
    same_text(cell, "a\tb");
    assert_false(last);
    assert_true(df__ch_next_field(&at, &cell, &last));
    same_text(cell, "\\N");
    assert_true(df__ch_next_field(&at, &cell, &last));
    same_text(cell, "c");
    assert_true(last);
    assert_true(df__ch_next_field(&at, &cell, &last));
    same_text(cell, "d");
    assert_false(df__ch_next_field(&at, &cell, &last));
}

/* ---- refusals -------------------------------------------------------------------------------- */

static const struct {
    int http;
    const char *header, *body;
    enum df__ch_fate fate;
    int status, code;
} replies[] = {
    {200, NULL, "", CH_FATE_NONE, DF_OK, 0},
    {200, "209", "", CH_FATE_UNKNOWN, DF_EUNKNOWN, 209},
    {200, NULL, "1\t2\nCode: 241. DB::Exception: Memory limit\n", CH_FATE_BUSY, DF_EIO, 241},
    {200, NULL, "Code: 7, as a row has it", CH_FATE_NONE, DF_OK, 0},
    {500, "252", "Code: 252. DB::Exception: Too many parts", CH_FATE_BUSY, DF_EIO, 252},
    {500, "252", "Code: 252. DB::Exception: Too many partitions for single INSERT block",
     CH_FATE_SPLIT, DF_ETOOBIG, 252},
    {500, NULL, "Code: 60, e.displayText() = DB::Exception: Table a.b doesn't exist., e.what() = x",
     CH_FATE_MISSING, DF_ENOTFOUND, 60},
    {500, "469", "Code: 469. DB::Exception: no (VIOLATED_CONSTRAINT)", CH_FATE_ROW, DF_EDATA, 469},
    {500, "12345", "Code: 12345. DB::Exception: new", CH_FATE_DOUBT, DF_EINVAL, 12345},
    {404, "16", "Code: 16. DB::Exception: no such column", CH_FATE_TABLE, DF_EIO, 16},
    {403, "516", "Code: 516. DB::Exception: no", CH_FATE_AUTH, DF_EAUTH, 516},
    {500, "242", "Code: 242. DB::Exception: read-only", CH_FATE_LATER, DF_EIO, 242},
    {500, "319", "Code: 319. DB::Exception: unknown status", CH_FATE_UNKNOWN, DF_EUNKNOWN, 319},
    {401, NULL, "", CH_FATE_AUTH, DF_EAUTH, 0},
    {413, NULL, "", CH_FATE_SPLIT, DF_ETOOBIG, 0},
    {429, NULL, "", CH_FATE_BUSY, DF_EIO, 0},
    {502, NULL, "<html>", CH_FATE_BUSY, DF_EIO, 0},
    {504, NULL, "", CH_FATE_UNKNOWN, DF_EUNKNOWN, 0},
    {500, NULL, "", CH_FATE_LATER, DF_EIO, 0},
    {404, NULL, "no such page", CH_FATE_PEOPLE, DF_EINVAL, 0},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        df__ch_fault fault;
        print_message("%d %s %s\n", replies[i].http, replies[i].header ? replies[i].header : "-",
                      replies[i].body);
        df__ch_fault_read(replies[i].http, replies[i].header, bytes_of(replies[i].body), 1, &fault);
        assert_int_equal(fault.fate, replies[i].fate);
        assert_int_equal(fault.code, replies[i].code);
        assert_status(df__ch_fault_status(&fault), replies[i].status);
    }
}

/* The server's words without the frame around them. */
static void test_words(void **state)
{
    df__ch_fault fault;
    (void)state;
    df__ch_fault_read(500, NULL,
                      bytes_of("Code: 60. DB::Exception: Table a.b does not exist. (UNKNOWN_TABLE) "
                               "(version 23.8.2.7 (official build))\n"),
                      0, &fault);
    assert_string_equal(fault.name, "UNKNOWN_TABLE");
    assert_non_null(strstr(fault.text, "Table a.b does not exist."));
    assert_null(strstr(fault.text, "version"));
    df__ch_fault_read(500, NULL, bytes_of("Code: 7000. DB::Exception: x. (OF_A_NEW_KIND)"), 0,
                      &fault);
    assert_string_equal(fault.name, "OF_A_NEW_KIND");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_strings), cmocka_unit_test(test_wrong_strings),
        cmocka_unit_test(test_settings),     cmocka_unit_test(test_names),
        cmocka_unit_test(test_quotes),       cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
