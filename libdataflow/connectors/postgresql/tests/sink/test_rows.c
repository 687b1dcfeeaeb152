/* SPDX-License-Identifier: Apache-2.0
 * test_rows.c: whole rows, and why one is refused; guessed column types. */
#include "connectors/postgresql/sink/encode.h"
#include "connectors/postgresql/sink/guess.h"
#include "connectors/postgresql/tests/values.h"

static void rows_leave_out_missing_defaults(void **state)
{
    df__pg_column columns[3] = {
        {.name = {"id", 2}, .quoted = "\"id\"", .not_null = 1, .has_default = 1, .bit = 0},
        {.name = {"t", 1}, .quoted = "\"t\"", .bit = -1},
        {.name = {"n", 1}, .quoted = "\"n\"", .not_null = 1, .bit = -1},
    };
    df__pg_table table = {.columns = columns, .count = 3, .default_count = 1};
    df_value values[3];
    df__pg_mask mask;
    df__pg_encoder e;
    df__buf b;
    (void)state;
    columns[0].type = (df__pg_type){.kind = PG_KIND_INT4, .name = "integer"};
    columns[1].type = (df__pg_type){.kind = PG_KIND_TEXT, .name = "text"};
    columns[2].type = (df__pg_type){.kind = PG_KIND_INT4, .name = "integer"};
    df__pg_encoder_init(&e, &df__heap_libc);
    df__buf_init(&b, &df__heap_libc);
    memset(values, 0, sizeof values);
    values[2] = json("5");
    df__pg_mask_of(&table, values, &mask);
    assert_false(df__pg_mask_writes(&mask, &columns[0]));
    assert_int_equal(df__pg_encode_row(&e, &table, values, &mask, &b), DF_OK);
    assert_string_equal(df__buf_cstr(&b), "\\N\t5\n");

    values[0] = json("null");
    df__pg_mask_of(&table, values, &mask);
    assert_true(df__pg_mask_writes(&mask, &columns[0]));
    assert_int_equal(df__pg_encode_row(&e, &table, values, &mask, &b), DF_EDATA);
    assert_non_null(strstr(e.why, "column \"id\" (integer): null"));
    assert_string_equal(df__buf_cstr(&b), "\\N\t5\n");

    values[0] = json("1");
    values[2].type = DF_V_ABSENT;
    df__pg_mask_of(&table, values, &mask);
    assert_int_equal(df__pg_encode_row(&e, &table, values, &mask, &b), DF_EDATA);
    assert_non_null(strstr(e.why, "\"n\" (integer): the record does not have it"));

    values[2] = json("6");
    e.refuse_missing = 1;
    assert_int_equal(df__pg_encode_row(&e, &table, values, &mask, &b), DF_EDATA);
    assert_non_null(strstr(e.why, "missingColumns"));
    df__buf_free(&b);
    df__pg_encoder_free(&e);
}

static void reasons_show_a_short_value(void **state)
{
    char text[300];
    df__pg_encoder e;
    df__buf b;
    df__pg_column column = {.name = {"c", 1},
                            .quoted = "\"c\"",
                            .bit = -1,
                            .type = {.kind = PG_KIND_INT4, .name = "integer"}};
    df__pg_table table = {.columns = &column, .count = 1};
    df__pg_mask mask;
    (void)state;
    memset(&mask, 0, sizeof mask);
    memset(text, 'x', sizeof text);
    text[0] = '"';
    memcpy(text + 58, "\\n\xC3\xA9", 4);
    text[298] = '"';
    text[299] = '\0';
    df_value v = json(text);
    df__pg_encoder_init(&e, &df__heap_libc);
    df__buf_init(&b, &df__heap_libc);
    assert_int_equal(df__pg_encode_row(&e, &table, &v, &mask, &b), DF_EDATA);
    assert_string_equal(e.why, "column \"c\" (integer): not a whole number of 64 bits; came text");
    e.show_values = 1;
    assert_int_equal(df__pg_encode_row(&e, &table, &v, &mask, &b), DF_EDATA);
    assert_null(strchr(e.why, '\n'));
    assert_true(strlen(e.why) < 160);
    assert_string_equal(e.why + strlen(e.why) - 3, "...");
    df__buf_free(&b);
    df__pg_encoder_free(&e);
}

static void guesses_widen_safely(void **state)
{
    static const struct {
        const char *values[4];
        const char *sql;
    } rows[] = {
        {{"1", "2", NULL}, "BIGINT"},
        {{"1", "1.5", NULL}, "NUMERIC"},
        {{"12345678901234567890", NULL}, "NUMERIC"},
        {{"true", "null", NULL}, "BOOLEAN"},
        {{"null", NULL}, "TEXT"},
        {{"\"2024-01-02T03:04:05Z\"", "\"2024-01-02T03:04:05.123456+02:00\"", NULL}, "TIMESTAMPTZ"},
        {{"\"2024-01-02T03:04:05.1234567Z\"", NULL}, "TEXT"},
        {{"\"2024-01-02T03:04:05\"", NULL}, "TEXT"},
        {{"\"2024-01-02T03:04:05Z\"", "\"x\"", NULL}, "TEXT"},
        {{"1", "\"x\"", NULL}, "TEXT"},
        {{"1", "{}", NULL}, "JSONB"},
        {{"[1]", "null", NULL}, "JSONB"},
        {{"true", "1", NULL}, "TEXT"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum df__pg_guess_kind kind = GUESS_NOTHING;
        for (size_t k = 0; rows[i].values[k]; k++) {
            df_value v = json(rows[i].values[k]);
            kind = df__pg_guess_widen(kind, df__pg_guess_of(&v));
        }
        assert_string_equal(df__pg_guess_sql(kind), rows[i].sql);
    }
}

static void guesses_keep_order_and_count(void **state)
{
    df__pg_guesses g;
    df_value a = json("{\"b\":1,\"a\":null,\"b\":2}");
    df_value b = json("{\"c\":true,\"a\":1,\"\":5,\"b\":3}");
    df_value c = json("[1]");
    (void)state;
    df__pg_guesses_init(&g, &df__heap_libc);
    assert_int_equal(df__pg_guesses_add(&g, &a), DF_OK);
    assert_int_equal(df__pg_guesses_add(&g, &b), DF_OK);
    assert_int_equal(df__pg_guesses_add(&g, &c), DF_EDATA);
    assert_int_equal(g.count, 3);
    assert_int_equal(g.records, 2);
    assert_memory_equal(g.rows[0].name.data, "b", 1);
    assert_memory_equal(g.rows[1].name.data, "a", 1);
    assert_memory_equal(g.rows[2].name.data, "c", 1);
    assert_int_equal(g.rows[0].values, 2);
    assert_int_equal(g.rows[1].values, 1);
    df__pg_guesses_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_leave_out_missing_defaults),
        cmocka_unit_test(reasons_show_a_short_value),
        cmocka_unit_test(guesses_widen_safely),
        cmocka_unit_test(guesses_keep_order_and_count),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
