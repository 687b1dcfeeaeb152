/* SPDX-License-Identifier: Apache-2.0
 * test_json.c: the programs' exact trees: YAML and JSON in, comparison, differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The programs' code is in no library. */
#include "../../../apps/common/diff.c"
#include "../../../apps/common/json.c"

yyjson_doc *app_yaml_read(const char *text, size_t len, char *err, size_t err_len);

static void json_keeps_numbers(void **state)
{
    char err[200];
    const char *text = "{\"a\":9007199254740993,\"b\":0.1000,\"c\":1e400,\"d\":[true,null,\"x\"]}";
    yyjson_doc *doc = app_json_read(text, strlen(text), err, sizeof err);
    df__buf out;
    (void)state;
    assert_non_null(doc);
    df__buf_init(&out, &df__heap_libc);
    app_json_write(&out, yyjson_doc_get_root(doc));
    assert_string_equal(df__buf_cstr(&out), text);
    df__buf_clear(&out);
    app_json_pretty(&out, yyjson_doc_get_root(doc), 0);
    assert_string_equal(df__buf_cstr(&out), "{\n  \"a\": 9007199254740993,\n  \"b\": 0.1000,\n"
                                            "  \"c\": 1e400,\n  \"d\": [\n    true,\n    null,\n"
                                            "    \"x\"\n  ]\n}");
    df__buf_free(&out);
    yyjson_doc_free(doc);
}

static void json_errors_have_a_place(void **state)
{
    char err[200];
    (void)state;
    assert_null(app_json_read("{\n  \"a\": }", 10, err, sizeof err));
    assert_non_null(strstr(err, "line 2, column 8"));
}

static int matches_text(const char *a, const char *b, int partial)
{
    char err[200];
    yyjson_doc *x = app_json_read(a, strlen(a), err, sizeof err);
    yyjson_doc *y = app_json_read(b, strlen(b), err, sizeof err);
    int same = app_json_matches(yyjson_doc_get_root(x), yyjson_doc_get_root(y), partial);
    yyjson_doc_free(x);
    yyjson_doc_free(y);
    return same;
}

static void comparison(void **state)
{
    static const struct {
        const char *expected, *actual;
        int partial, same;
    } rows[] = {
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", 0, 1},
        {"{\"a\":1}", "{\"a\":1.0}", 0, 0},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", 0, 0},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", 1, 1},
        {"{\"a\":{\"x\":1}}", "{\"a\":{\"x\":1,\"y\":2}}", 1, 1},
        {"{\"a\":null}", "{}", 1, 0},
        {"[1,2]", "[1,2,3]", 1, 0},
        {"[{\"a\":1}]", "[{\"a\":1,\"b\":0}]", 1, 1},
        {"true", "false", 0, 0},
        {"\"1\"", "1", 0, 0},
        {"9007199254740993", "9007199254740992", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(matches_text(rows[i].expected, rows[i].actual, rows[i].partial),
                         rows[i].same);
}

static void differences(void **state)
{
    app_diff how = {"> ", 0, 1};
    df__buf out;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    assert_int_equal(app_diff_lines(&out, "a\nb\nc\nd\n", "a\nb\nx\nd\n", &how), 2);
    assert_string_equal(df__buf_cstr(&out), ">   ...\n>   b\n> - c\n> + x\n>   d\n");
    df__buf_clear(&out);
    assert_int_equal(app_diff_lines(&out, "a\nb\n", "a\nb", &how), 0);
    df__buf_clear(&out);
    assert_int_equal(app_diff_lines(&out, "", "n\n", &how), 1);
    assert_string_equal(df__buf_cstr(&out), "> + n\n");
    df__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_keeps_numbers),
        cmocka_unit_test(json_errors_have_a_place),
        cmocka_unit_test(comparison),
        cmocka_unit_test(differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
