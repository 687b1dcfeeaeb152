/* SPDX-License-Identifier: Apache-2.0
 * test_text.c: names in SQL, the table of SQLSTATEs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "connectors/postgresql/client/ident.h"
#include "connectors/postgresql/client/sqlstate.h"

static df_bytes bytes(const char *s)
{
    return (df_bytes){s, strlen(s)};
}

static void parses_table_names(void **state)
{
    static const struct {
        const char *text, *schema, *table; /* table NULL: refused */
    } rows[] = {
        {"orders", "", "orders"},
        {"Orders", "", "orders"},
        {"sales.Orders", "sales", "orders"},
        {"\"Orders\"", "", "Orders"},
        {"\"My Schema\".\"t\"", "My Schema", "t"},
        {"\"a\"\"b\".t", "a\"b", "t"},
        {"\"a.b\"", "", "a.b"},
        {"my-table", "", "my-table"},
        {"", NULL, NULL},
        {".", NULL, NULL},
        {"a.", NULL, NULL},
        {".a", NULL, NULL},
        {"a.b.c", NULL, NULL},
        {"\"open", NULL, NULL},
        {"\"\"", NULL, NULL},
        {"a b", NULL, NULL},
        {"x\"; drop table y; --", NULL, NULL},
        {"\"a\"b", NULL, NULL},
        {"\xC3\x28", NULL, NULL},
        {"a123456789012345678901234567890123456789012345678901234567890123", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__pg_name name;
        const char *why = NULL;
        int rc = df__pg_name_parse(bytes(rows[i].text), &name, &why);
        assert_int_equal(rc, rows[i].table ? DF_OK : DF_EINVAL);
        if (rows[i].table) {
            assert_string_equal(name.schema, rows[i].schema);
            assert_string_equal(name.table, rows[i].table);
        } else {
            assert_non_null(why);
        }
    }
}

static void quotes_identifiers(void **state)
{
    df__buf b;
    df__pg_name name = {"a\"b", "T.x"};
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    df__pg_quote_table(&b, &name);
    df__buf_char(&b, ' ');
    df__pg_literal(&b, bytes("it's \\ fine"));
    assert_string_equal(df__buf_cstr(&b), "\"a\"\"b\".\"T.x\" 'it''s \\ fine'");
    df__buf_free(&b);
}

static void knows_utf8(void **state)
{
    static const struct {
        const char *text;
        int valid;
    } rows[] = {
        {"", 1},
        {"plain", 1},
        {"\xC2\x80", 1},
        {"\xC0\x80", 0},
        {"\xC1\xBF", 0},
        {"\xE0\x9F\xBF", 0},
        {"\xE0\xA0\x80", 1},
        {"\xED\x9F\xBF", 1},
        {"\xED\xA0\x80", 0},
        {"\xEF\xBF\xBD", 1},
        {"\xF0\x8F\xBF\xBF", 0},
        {"\xF0\x90\x80\x80", 1},
        {"\xF4\x8F\xBF\xBF", 1},
        {"\xF4\x90\x80\x80", 0},
        {"\xF5\x80\x80\x80", 0},
        {"\x80", 0},
        {"\xE2\x82", 0},
        {"\xE2\x82\xAC\xFF", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(df__pg_utf8_valid(rows[i].text, strlen(rows[i].text)), rows[i].valid);
    /* What would finish the sequence stands after the end of the text. */
    assert_false(df__pg_utf8_valid("a\xC3\xA9", 2));
    assert_false(df__pg_utf8_valid("\xE2\x82\xAC", 2));
    assert_false(df__pg_utf8_valid("ab\xF0\x9F\x98\x80", 5));
}

static void usable_column_names(void **state)
{
    char longest[65];
    (void)state;
    memset(longest, 'a', sizeof longest);
    assert_true(df__pg_name_usable((df_bytes){longest, 63}));
    assert_false(df__pg_name_usable((df_bytes){longest, 64}));
    assert_false(df__pg_name_usable((df_bytes){longest, 0}));
    assert_false(df__pg_name_usable((df_bytes){"a\0b", 3}));
    assert_false(df__pg_name_usable(bytes("\xFF")));
    assert_true(df__pg_name_usable(bytes("we\"ird; name")));
    static const char *const system_columns[] = {"tableoid", "ctid", "xmin",
                                                 "cmin",     "xmax", "cmax"};
    for (size_t i = 0; i < sizeof system_columns / sizeof system_columns[0]; i++)
        assert_false(df__pg_name_usable(bytes(system_columns[i])));
    assert_true(df__pg_name_usable(bytes("oid")));
    assert_true(df__pg_name_usable(bytes("Ctid")));
    assert_true(df__pg_name_usable(bytes("xmin2")));
}

static void sqlstates_have_a_fate(void **state)
{
    static const struct {
        const char *sqlstate;
        int status;
        const char *reason;
    } rows[] = {
        {NULL, DF_EIO, "connection_error"},
        {"", DF_EIO, "connection_error"},
        {"08006", DF_EIO, "connection_error"},
        {"22001", DF_EDATA, "invalid_data"},
        {"22P02", DF_EDATA, "invalid_data"},
        {"23502", DF_EDATA, "constraint_violation"},
        {"23505", DF_EDATA, "constraint_violation"},
        {"23503", DF_EDATA, "constraint_violation"},
        {"25006", DF_EIO, "read_only"},
        {"28P01", DF_EAUTH, "auth_error"},
        {"28000", DF_EAUTH, "auth_error"},
        {"40001", DF_EIO, "conflict"},
        {"40P01", DF_EIO, "conflict"},
        {"40003", DF_EUNKNOWN, "unknown_outcome"},
        {"428C9", DF_EDATA, "constraint_violation"},
        {"42501", DF_EINVAL, "permission"},
        {"42601", DF_EINVAL, "configuration"},
        {"42703", DF_EIO, "schema_changed"},
        {"42P01", DF_EIO, "schema_changed"},
        {"42804", DF_EDATA, "type_mismatch"},
        {"3D000", DF_EINVAL, "configuration"},
        {"3F000", DF_EINVAL, "configuration"},
        {"53300", DF_EIO, "resources"},
        {"53100", DF_EIO, "resources"},
        {"54000", DF_EDATA, "too_large"},
        {"55P03", DF_EIO, "busy"},
        {"57014", DF_ETIMEOUT, "timeout"},
        {"57P01", DF_EIO, "unavailable"},
        {"57P03", DF_EIO, "unavailable"},
        {"P0001", DF_EDATA, "trigger"},
        {"XX001", DF_EINVAL, "server_error"},
        {"44000", DF_EDATA, "constraint_violation"},
        {"0A000", DF_EINVAL, "not_supported"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *reason = NULL;
        assert_int_equal(df__pg_sqlstate(rows[i].sqlstate, &reason), rows[i].status);
        assert_string_equal(reason, rows[i].reason);
    }
}

/* The page says what the code does: each row of the table, in its order, and no other. */
static void the_table_of_states_is_documented(void **state)
{
    static const char *const fates[] = {
        [PG_FATE_ROW] = "is refused",
        [PG_FATE_END] = "the flow ends",
        [PG_FATE_REOPEN] = "reconnects, then tries again",
        [PG_FATE_WAIT] = "tries again",
    };
    static char page[256 * 1024];
    df__buf want;
    (void)state;
    FILE *f = fopen(DF_TEST_DIR "/../docs/errors.md", "rb");
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    df__buf_init(&want, &df__heap_libc);
    df__buf_str(&want, "| SQLSTATE | reason | when no row passes |\n|---|---|---|\n");
    for (size_t i = 0; df__pg_sqlstate_row(i); i++) {
        const df__pg_state_row *row = df__pg_sqlstate_row(i);
        df__buf_printf(&want, "| %s | %s | %s |\n", row->prefix[0] ? row->prefix : "any other",
                       row->reason, fates[row->fate]);
    }
    df__buf_str(&want, "\n");
    if (!strstr(page, df__buf_cstr(&want))) {
        print_error("docs/errors.md needs this table:\n%s", df__buf_cstr(&want));
        fail();
    }
    df__buf_free(&want);
}

static void finds_the_state_in_a_message(void **state)
{
    char found[6];
    (void)state;
    df__pg_sqlstate_in("connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: "
                       "password authentication failed",
                       found);
    assert_string_equal(found, "28P01");
    df__pg_sqlstate_in("FEHLER:  3D000: Datenbank existiert nicht", found);
    assert_string_equal(found, "3D000");
    df__pg_sqlstate_in("could not translate host name: Name or service not known", found);
    assert_string_equal(found, "");
    df__pg_sqlstate_in("FATAL:  28p01: lower case is no state", found);
    assert_string_equal(found, "");
    df__pg_sqlstate_in(":  ", found);
    assert_string_equal(found, "");
}

static void failures_without_a_state(void **state)
{
    static const struct {
        const char *message, *reason;
    } rows[] = {
        {"server does not support SSL, but SSL was required", "tls"},
        {"SSL error: certificate verify failed", "tls"},
        {"server certificate for \"a\" does not match host name \"b\"", "tls"},
        {"fe_sendauth: no password supplied", "auth_error"},
        {"Connection refused", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const df__pg_refusal *found = df__pg_refusal_in(rows[i].message);
        assert_string_equal(found ? found->reason : "none",
                            rows[i].reason ? rows[i].reason : "none");
        assert_true(!found || found->remedy[0]);
    }
}

static void waiting_states_in_sql(void **state)
{
    df__buf b;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    df__pg_sqlstate_waits(&b);
    const char *sql = df__buf_cstr(&b);
    assert_non_null(strstr(sql, "WHEN pg_catalog.starts_with(SQLSTATE, '40') THEN true"));
    assert_non_null(strstr(sql, "WHEN pg_catalog.starts_with(SQLSTATE, '22') THEN false"));
    assert_true(strstr(sql, "'40002') THEN false") < strstr(sql, "'40') THEN true"));
    assert_true(strstr(sql, "'55P03') THEN true") < strstr(sql, "'55') THEN false"));
    assert_memory_equal(sql, "(CASE WHEN ", 11);
    assert_string_equal(sql + strlen(sql) - 16, " ELSE false END)");
    df__buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_table_names),
        cmocka_unit_test(quotes_identifiers),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(usable_column_names),
        cmocka_unit_test(sqlstates_have_a_fate),
        cmocka_unit_test(the_table_of_states_is_documented),
        cmocka_unit_test(finds_the_state_in_a_message),
        cmocka_unit_test(failures_without_a_state),
        cmocka_unit_test(waiting_states_in_sql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
