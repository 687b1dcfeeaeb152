/* SPDX-License-Identifier: Apache-2.0
 * test_yaml.c: YAML case files as exact trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The programs' code is in no library. */
#include "../../../apps/common/yaml.c"

static void good(void **state)
{
    static const struct {
        const char *yaml, *json;
    } rows[] = {
        {"a: 1\nb: [x, '2', 2.50, 1e400, ~, true]\n",
         "{\"a\":1,\"b\":[\"x\",\"2\",2.50,1e400,null,true]}"},
        {"{id: 9007199254740993, s: \"\\u00e9\"}", "{\"id\":9007199254740993,\"s\":\"é\"}"},
        {"a:\n  - b: {}\n  - []\n", "{\"a\":[{\"b\":{}},[]]}"},
        {"[007, 0x10, -1, +1, 1., .5, 'true', yes]",
         "[\"007\",\"0x10\",-1,\"+1\",\"1.\",\".5\",\"true\",\"yes\"]"},
        {"a: |\n  two\n  lines\n", "{\"a\":\"two\\nlines\\n\"}"},
        {"---\na: 1\n...\n", "{\"a\":1}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char err[200];
        yyjson_doc *doc = app_yaml_read(rows[i].yaml, strlen(rows[i].yaml), err, sizeof err);
        char *text;
        assert_string_equal(err, "");
        text = yyjson_write(doc, 0, NULL);
        assert_string_equal(text, rows[i].json);
        free(text);
        yyjson_doc_free(doc);
    }
}

static void bad(void **state)
{
    static const struct {
        const char *yaml, *err;
    } rows[] = {
        {"", "the file is empty"},
        {"a: 1\na: 2\n", "line 2, column 1: this key is there twice"},
        {"a: 1\na: a\n", "line 2, column 1: this key is there twice"}, /* nothing wrong after it */
        {"a: &x 1\nb: *x\n", "tags and aliases"},
        {"a: !!int 1\n", "tags and aliases"},
        {"a: [1\n", "line "},
        {"a: 1\n---\nb: 2\n", "only one document"},
        {"? [a]\n: 1\n", "a key must be a plain word"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char err[200];
        assert_null(app_yaml_read(rows[i].yaml, strlen(rows[i].yaml), err, sizeof err));
        assert_non_null(strstr(err, rows[i].err));
    }
}

static void depth_is_bounded(void **state)
{
    char err[200], text[2001];
    (void)state;
    memset(text, '[', 1000);
    memset(text + 1000, ']', 1000);
    text[2000] = 0;
    assert_null(app_yaml_read(text, 2000, err, sizeof err));
    assert_non_null(strstr(err, "nested too deep"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
