/* SPDX-License-Identifier: Apache-2.0
 * test_document.c: questions about nodes, and the list of problems. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "document/document.h"

typedef struct fixture {
    df__arena arena;
    df__problems *problems;
} fixture;

static const df__doc *parse(fixture *f, const char *text)
{
    df_text in = {sizeof in, "n.yaml", text, strlen(text)};
    df__arena_init(&f->arena, &df__heap_libc, 1024);
    f->problems = df__problems_new(&df__heap_libc);
    assert_non_null(f->problems);
    return df__doc_parse(&f->arena, &in, f->problems);
}

static void done(fixture *f)
{
    df__problems_free(f->problems);
    df__arena_free(&f->arena);
}

static void test_member_and_null(void **state)
{
    fixture f;
    const df__doc *n = parse(&f, "a: 1\nb: ~\nc: \"~\"\nd: null\ne:\nf: 'null'\ng: nil\n");
    (void)state;
    assert_non_null(n);
    assert_int_equal(n->count, 7);
    assert_string_equal(df__doc_member(n, "a")->text.data, "1");
    assert_null(df__doc_member(n, "z"));
    assert_null(df__doc_member(NULL, "z"));
    assert_null(df__doc_member(df__doc_member(n, "a"), "z"));
    assert_false(df__doc_is_null(df__doc_member(n, "a")));
    assert_true(df__doc_is_null(df__doc_member(n, "b")));
    assert_false(df__doc_is_null(df__doc_member(n, "c")));
    assert_true(df__doc_is_null(df__doc_member(n, "d")));
    assert_true(df__doc_is_null(df__doc_member(n, "e")));
    assert_false(df__doc_is_null(df__doc_member(n, "f")));
    assert_false(df__doc_is_null(df__doc_member(n, "g")));
    assert_false(df__doc_is_null(n));
    done(&f);
}

static void test_json(void **state)
{
    static const struct {
        const char *yaml, *json;
    } rows[] = {
        {"a: 1", "{\"a\":1}"},
        {"a: 01\nb: 1.10\nc: .5\nd: -0.1e+5\ne: 0x10\nf: 1_000",
         "{\"a\":\"01\",\"b\":1.10,\"c\":\".5\",\"d\":-0.1e+5,\"e\":\"0x10\",\"f\":\"1_000\"}"},
        {"[true, True, yes, \"true\", null, ~, \"\", 2024-01-01]",
         "[true,true,true,\"true\",null,null,\"\",\"2024-01-01\"]"},
        {"a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}"},
        {"a: {}\nb: []\nc: [[1], {d: [2]}]", "{\"a\":{},\"b\":[],\"c\":[[1],{\"d\":[2]}]}"},
        {"\"q\\\"k\": \"tab\\t\"", "{\"q\\\"k\":\"tab\\t\"}"},
        {"a: &x [1]\nb: *x", "{\"a\":[1],\"b\":[1]}"},
    };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture f;
        df__buf b;
        const df__doc *n = parse(&f, rows[i].yaml);
        assert_non_null(n);
        df__buf_init(&b, &df__heap_libc);
        df__doc_json(n, &b);
        assert_string_equal(df__buf_cstr(&b), rows[i].json);
        df__buf_free(&b);
        done(&f);
    }
}

static void test_json_number(void **state)
{
    static const char *const good[] = {
        "0", "-0", "1", "10", "1.5", "-1.5e10", "1E-3", "0.1000", "9007199254740993"};
    static const char *const bad[] = {"",   "-",   "01",  "1.", ".5",  "+1",
                                      "1e", "1e+", "0x1", "1 ", "NaN", "1a"};
    size_t i;
    (void)state;
    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        df_bytes b = {good[i], strlen(good[i])};
        assert_true(df__is_json_number(b));
    }
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        df_bytes b = {bad[i], strlen(bad[i])};
        assert_false(df__is_json_number(b));
    }
}

static void test_shown(void **state)
{
    fixture f;
    char buf[DF__SHOWN];
    const df__doc *n =
        parse(&f, "a: hello\nb: \"two\\nlines\"\nc: [1]\nd: {}\ne:\n"
                  "f: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
    (void)state;
    assert_string_equal(df__doc_shown(df__doc_member(n, "a"), buf), "\"hello\"");
    assert_string_equal(df__doc_shown(df__doc_member(n, "b"), buf), "\"two lines\"");
    assert_string_equal(df__doc_shown(df__doc_member(n, "c"), buf), "a list");
    assert_string_equal(df__doc_shown(df__doc_member(n, "d"), buf), "a map");
    assert_string_equal(df__doc_shown(df__doc_member(n, "e"), buf), "nothing");
    assert_true(strlen(df__doc_shown(df__doc_member(n, "f"), buf)) < DF__SHOWN);
    assert_non_null(strstr(buf, "...\""));
    done(&f);
}

static df__doc at(int line, int column)
{
    df__doc n;
    memset(&n, 0, sizeof n);
    n.line = line;
    n.column = column;
    return n;
}

static void test_problems_are_sorted(void **state)
{
    df__problems *p = df__problems_new(&df__heap_libc);
    df__doc a = at(5, 1), b = at(2, 9), c = at(2, 3);
    df_problem got = {.size = sizeof got};
    (void)state;
    df__problem_file(p, "x.yaml");
    df__problem_add(p, DF_ERROR, NULL, "f", "nowhere");
    df__problem_add(p, DF_ERROR, &a, "f", "last");
    df__problem_add(p, DF_WARNING, &b, "f", "second");
    df__problem_hint(p, "do this");
    df__problem_add(p, DF_ERROR, &c, NULL, "first");
    df__problem_add(p, DF_ERROR, &c, NULL, "first"); /* again */
    df__problem_hint(p, "of nothing");
    assert_int_equal(df__problems_count(p, 0), 4);
    assert_int_equal(df__problems_count(p, DF_ERROR), 3);
    assert_int_equal(df__problems_count(p, DF_WARNING), 1);
    assert_int_equal(df__problem_at(p, 0, &got), DF_OK);
    assert_string_equal(got.text, "first");
    assert_string_equal(got.field, "");
    assert_null(got.hint);
    assert_string_equal(got.file, "x.yaml");
    assert_int_equal(df__problem_at(p, 1, &got), DF_OK);
    assert_string_equal(got.text, "second");
    assert_string_equal(got.hint, "do this");
    assert_int_equal(df__problem_at(p, 2, &got), DF_OK);
    assert_string_equal(got.text, "last");
    assert_int_equal(df__problem_at(p, 3, &got), DF_OK);
    assert_string_equal(got.text, "nowhere");
    assert_int_equal(df__problem_at(p, 4, &got), DF_DONE);
    df__problems_clear(p);
    assert_int_equal(df__problem_at(p, 0, &got), DF_DONE);
    df__problems_free(p);
}

static void test_problems_are_bounded(void **state)
{
    df__problems *p = df__problems_new(&df__heap_libc);
    df_problem got = {.size = sizeof got};
    char text[1000];
    int i, errors = 0;
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (i = 0; i < 150; i++) {
        df__doc n = at(1000 - i, 1);
        df__problem_add(p, i < 60 ? DF_WARNING : DF_ERROR, &n, text, text);
        df__problem_hint(p, text);
    }
    assert_int_equal(df__problems_count(p, DF_ERROR), 90);
    assert_int_equal(df__problem_at(p, 99, &got), DF_OK);
    assert_int_equal(df__problem_at(p, 100, &got), DF_DONE);
    for (i = 0; df__problem_at(p, (size_t)i, &got) == DF_OK; i++)
        errors += got.severity == DF_ERROR;
    assert_int_equal(errors, 90); /* warnings gave way */
    assert_true(strlen(got.text) < 400);
    df__problems_free(p);
}

static void test_small_struct(void **state)
{
    df__problems *p = df__problems_new(&df__heap_libc);
    df_problem got;
    (void)state;
    memset(&got, 0x55, sizeof got);
    got.size = offsetof(df_problem, file);
    df__problem_add(p, DF_ERROR, NULL, "f", "t");
    assert_int_equal(df__problem_at(p, 0, &got), DF_OK);
    assert_int_equal(got.severity, DF_ERROR);
    assert_int_equal(((unsigned char *)&got)[offsetof(df_problem, text)], 0x55);
    df__problems_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_member_and_null),     cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_number),         cmocka_unit_test(test_shown),
        cmocka_unit_test(test_problems_are_sorted), cmocka_unit_test(test_problems_are_bounded),
        cmocka_unit_test(test_small_struct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
