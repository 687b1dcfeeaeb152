/* SPDX-License-Identifier: Apache-2.0
 * test_json_scan.c: the JSON scanner: what it takes, what it refuses, where things stand. */
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

static const df__doc *parse_as(fixture *f, const char *file, const char *text, size_t len)
{
    df_text in = {sizeof in, file, text, len};
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

static void test_places(void **state)
{
    static const char text[] = "{\r\n  \"a\": 1,\n\t\"b\\u00e9\" : [ true, \"x\\ny\" ]\n}\n";
    fixture f;
    const df__doc *n = parse_as(&f, "x.json", text, sizeof text - 1), *m;
    (void)state;
    assert_non_null(n);
    assert_int_equal(n->line, 1);
    assert_int_equal(n->end, sizeof text - 2);
    m = df__doc_member(n, "a");
    assert_int_equal(m->line, 2);
    assert_int_equal(m->column, 8);
    assert_int_equal(m->name_column, 3);
    assert_memory_equal(text + m->begin, "1,", 2);
    assert_int_equal(m->end - m->begin, 1);
    m = df__doc_member(n, "b\xc3\xa9");
    assert_non_null(m);
    assert_int_equal(m->line, 3);
    assert_int_equal(m->column, 14);
    assert_int_equal(m->name_column, 2);
    assert_int_equal(m->name_end - m->name_begin, 9);
    assert_string_equal(m->first->text.data, "true");
    assert_false(m->first->quoted);
    assert_string_equal(m->first->next->text.data, "x\ny");
    assert_true(m->first->next->quoted);
    assert_int_equal(m->first->next->column, 22);
    done(&f);
}

static void test_strings(void **state)
{
    static const char text[] = "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\","
                               " \"\\u0041\\u00df\\u20ac\\ud83d\\ude00\","
                               " \"\\u0000x\", \"\"]";
    fixture f;
    const df__doc *n = parse_as(&f, "x.json", text, sizeof text - 1), *m;
    (void)state;
    assert_non_null(n);
    m = n->first;
    assert_string_equal(m->text.data, "\"\\/\b\f\n\r\t");
    m = m->next;
    assert_string_equal(m->text.data, "A\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80");
    m = m->next;
    assert_int_equal(m->text.len, 2);
    assert_memory_equal(m->text.data, "\0x", 2);
    assert_int_equal(m->next->text.len, 0);
    assert_false(df__doc_is_null(m->next));
    done(&f);
}

static void test_told_apart(void **state)
{
    static const struct {
        const char *file, *text;
        int good, json;
    } rows[] = {
        {"a.yaml", "{\"a\": 1}", 1, 1},
        {"a.yaml", " \n{}", 1, 1},
        {"a.yaml", "{a: 1}", 1, 0},
        {"a.yaml", "{\"a\": 1,}", 0, 1},
        {"a.yaml", "{'a': 1,}", 1, 0},
        {"a.json", "{a: 1}", 0, 1},
        {"a.json", "[1]", 1, 1},
        {NULL, "[1, x]", 1, 0},
        {NULL, "\xef\xbb\xbf{\"a\":1}", 1, 1},
    };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture f;
        df_problem p = {.size = sizeof p};
        const df__doc *n = parse_as(&f, rows[i].file, rows[i].text, strlen(rows[i].text));
        assert_int_equal(n != NULL, rows[i].good);
        if (!n) {
            assert_int_equal(df__problem_at(f.problems, 0, &p), DF_OK);
            assert_int_equal(strncmp(p.text, "JSON:", 5) == 0, rows[i].json);
        }
        done(&f);
    }
}

static void test_depth(void **state)
{
    char text[600];
    int depth;
    (void)state;
    for (depth = 255; depth <= 257; depth++) {
        fixture f;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_int_equal(parse_as(&f, "x.json", text, (size_t)(2 * depth)) != NULL, depth <= 256);
        done(&f);
    }
}

/* A place is found in linear time, however long the line. */
static void test_long_line(void **state)
{
    df__buf b;
    fixture f;
    int i;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    df__buf_char(&b, '[');
    for (i = 0; i < 300000; i++)
        df__buf_printf(&b, "%d,", i);
    df__buf_str(&b, "1]");
    assert_non_null(parse_as(&f, "x.json", b.data, b.len));
    done(&f);
    df__buf_free(&b);
}

/* Every prefix of a document is refused, and nothing after its end is read. */
static void test_prefixes(void **state)
{
    static const char text[] = "{\"a\":[1,-2.5e3,true,null,\"x\\u00e9\\\\\"],\"b\":{\"c\":{}}}";
    size_t len;
    (void)state;
    for (len = 0; len < sizeof text - 1; len++) {
        fixture f;
        char *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, text, len);
        assert_null(parse_as(&f, "x.json", copy, len));
        assert_int_equal(df__problems_count(f.problems, DF_ERROR), 1);
        done(&f);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),     cmocka_unit_test(test_strings),
        cmocka_unit_test(test_told_apart), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_long_line),  cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
