/* SPDX-License-Identifier: Apache-2.0
 * test_yaml.c: places, spans and bounds of YAML documents. */
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
    const char *text;
} fixture;

static const df__doc *parse_n(fixture *f, const char *text, size_t len)
{
    df_text in = {sizeof in, "n.yaml", text, len};
    df__arena_init(&f->arena, &df__heap_libc, 1024);
    f->problems = df__problems_new(&df__heap_libc);
    f->text = text;
    assert_non_null(f->problems);
    return df__doc_parse(&f->arena, &in, f->problems);
}

static const df__doc *parse(fixture *f, const char *text)
{
    return parse_n(f, text, strlen(text));
}

static void done(fixture *f)
{
    df__problems_free(f->problems);
    df__arena_free(&f->arena);
}

static void check(const fixture *f, const df__doc *n, int line, int column, const char *span)
{
    assert_non_null(n);
    assert_int_equal(n->line, line);
    assert_int_equal(n->column, column);
    assert_int_equal(n->end - n->begin, strlen(span));
    assert_memory_equal(f->text + n->begin, span, strlen(span));
}

static void test_places(void **state)
{
    fixture f;
    const df__doc *n = parse(&f, "# c\na: one # c\n\"b c\": [x, 'y z']\nd:\n"
                                 "  e: {f: g}\n  h: 1\n"),
                  *m;
    (void)state;
    assert_non_null(n);
    m = df__doc_member(n, "a");
    check(&f, m, 2, 4, "one");
    assert_int_equal(m->name_line, 2);
    assert_int_equal(m->name_column, 1);
    m = df__doc_member(n, "b c");
    check(&f, m, 3, 8, "[x, 'y z']");
    assert_int_equal(m->name_end - m->name_begin, 5); /* with quotes */
    check(&f, m->first, 3, 9, "x");
    check(&f, m->first->next, 3, 12, "'y z'");
    assert_true(m->first->next->quoted);
    m = df__doc_member(n, "d");
    check(&f, m, 5, 3, "e: {f: g}\n  h: 1"); /* a block ends with its last value */
    check(&f, m->first, 5, 6, "{f: g}");
    check(&f, m->first->first, 5, 10, "g");
    done(&f);
}

static void check_json(const char *yaml, const char *json)
{
    fixture f;
    df__buf out;
    const df__doc *n = parse(&f, yaml);
    assert_non_null(n);
    assert_int_equal(df__problems_count(f.problems, 0), 0);
    df__buf_init(&out, &df__heap_libc);
    df__doc_json(n, &out);
    assert_string_equal(df__buf_cstr(&out), json);
    df__buf_free(&out);
    done(&f);
}

static void test_merge_keys(void **state)
{
    (void)state;
    check_json("a: &a {x: 1, y: 2}\nb: {<<: *a}\nc: {y: 3, <<: *a, z: 4}\n"
               "d: &d {<<: *a, y: 5}\ne: {<<: *d, x: 6}\n",
               "{\"a\":{\"x\":1,\"y\":2},\"b\":{\"x\":1,\"y\":2},"
               "\"c\":{\"y\":3,\"z\":4,\"x\":1},\"d\":{\"y\":5,\"x\":1},"
               "\"e\":{\"x\":6,\"y\":5}}");
    check_json("a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc: {<<: [*a, *b, {z: {q: 0}}]}\n"
               "d: {<<: {}, k: v}\n",
               "{\"a\":{\"x\":1},\"b\":{\"x\":2,\"y\":3},"
               "\"c\":{\"x\":1,\"y\":3,\"z\":{\"q\":0}},\"d\":{\"k\":\"v\"}}");
    check_json("a: {'<<': {x: 1}}\nb: [<<]\n", "{\"a\":{\"<<\":{\"x\":1}},\"b\":[\"<<\"]}");
    check_json("{\"<<\": {\"x\": 1}}", "{\"<<\":{\"x\":1}}");
}

/* A merged member is where it is written. */
static void test_places_of_merged_members(void **state)
{
    fixture f;
    const df__doc *n = parse(&f, "a: &a\n  x: one\nb:\n  <<: *a\n"), *m;
    (void)state;
    m = df__doc_member(df__doc_member(n, "b"), "x");
    check(&f, m, 2, 6, "one");
    assert_int_equal(m->name_line, 2);
    assert_int_equal(df__doc_member(n, "b")->count, 1);
    done(&f);
}

/* YAML 1.1, as the API server of Kubernetes reads it. */
static void test_booleans(void **state)
{
    (void)state;
    check_json("[true, True, TRUE, yes, Yes, YES, on, On, ON, y, Y]",
               "[true,true,true,true,true,true,true,true,true,true,true]");
    check_json("[false, False, FALSE, no, No, NO, off, Off, OFF, n, N]",
               "[false,false,false,false,false,false,false,false,false,false,false]");
    check_json("['true', \"yes\", tRUE, oN, yEs, nO, yes please]",
               "[\"true\",\"yes\",\"tRUE\",\"oN\",\"yEs\",\"nO\",\"yes please\"]");
}

static void test_places_behind_wide_characters(void **state)
{
    fixture f;
    const df__doc *n = parse(&f, "\xef\xbb\xbf"
                                 "k\xc3\xa9y: \xe2\x82\xac\r\n"
                                 "b: {c\xf0\x9f\x98\x80: dd}\r\n"),
                  *m;
    (void)state;
    assert_non_null(n);
    m = df__doc_member(n, "k\xc3\xa9y");
    check(&f, m, 1, 6, "\xe2\x82\xac");
    m = df__doc_member(n, "b");
    check(&f, m, 2, 4, "{c\xf0\x9f\x98\x80: dd}");
    check(&f, m->first, 2, 9, "dd");
    done(&f);
}

static void test_scalars_keep_their_text(void **state)
{
    fixture f;
    const df__doc *n = parse(&f, "[no, 1.10, 0123, 2024-01-01, 0x1F, 1e3, ON, .inf]"), *m;
    static const char *const texts[] = {"no",   "1.10", "0123", "2024-01-01",
                                        "0x1F", "1e3",  "ON",   ".inf"};
    size_t i = 0;
    (void)state;
    for (m = n->first; m; m = m->next)
        assert_string_equal(m->text.data, texts[i++]);
    assert_int_equal(i, 8);
    done(&f);
}

static void test_aliases(void **state)
{
    fixture f;
    const df__doc *n = parse(&f, "a: &t {x: 1}\nb: *t\nc: &s text\nd: *s\ne: &t 5\nf: *t\n"), *m;
    (void)state;
    assert_non_null(n);
    m = df__doc_member(n, "b");
    check(&f, m, 2, 4, "*t");
    assert_true(m->alias);
    assert_string_equal(df__doc_member(m, "x")->text.data, "1");
    assert_string_equal(df__doc_member(n, "d")->text.data, "text");
    assert_string_equal(df__doc_member(n, "f")->text.data, "5"); /* the newest of that name */
    done(&f);
}

static void test_document_marks(void **state)
{
    static const char *const good[] = {"---\na: 1\n", "%YAML 1.1\n---\na: 1\n...\n", "a: 1\n---\n",
                                       "a: 1\n...\n---\n# end\n", "\n\n# c\n---\na: 1"};
    size_t i;
    (void)state;
    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        fixture f;
        const df__doc *n = parse(&f, good[i]);
        assert_non_null(n);
        assert_string_equal(df__doc_member(n, "a")->text.data, "1");
        assert_int_equal(df__problems_count(f.problems, 0), 0);
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
        const df__doc *n;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        n = parse(&f, text);
        if (depth <= 256)
            assert_non_null(n);
        else
            assert_null(n);
        done(&f);
    }
}

static void test_depth_through_aliases(void **state)
{
    char text[8192];
    size_t n = 0;
    int i;
    fixture f;
    (void)state;
    n += df__text_printf(text + n, sizeof text - n, "a0: &a0 [[[[x]]]]\n");
    for (i = 1; i < 100; i++)
        n += df__text_printf(text + n, sizeof text - n, "a%d: &a%d [[[*a%d]]]\n", i, i, i - 1);
    assert_null(parse(&f, text));
    assert_int_equal(df__problems_count(f.problems, DF_ERROR), 1);
    done(&f);
}

static void test_size(void **state)
{
    size_t len = ((size_t)16 << 20) + 1;
    char *text = malloc(len);
    fixture f;
    df_problem p = {.size = sizeof p};
    (void)state;
    assert_non_null(text);
    memset(text, '#', len);
    assert_null(parse_n(&f, text, len));
    assert_int_equal(df__problem_at(f.problems, 0, &p), DF_OK);
    assert_string_equal(p.text, "larger than 16 MiB");
    done(&f);
    free(text);
}

static void test_many_names(void **state)
{
    df__buf b;
    fixture f;
    const df__doc *n;
    int i;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    for (i = 0; i < 50000; i++)
        df__buf_printf(&b, "name%d: %d\n", i % 49999, i);
    n = parse_n(&f, b.data, b.len);
    assert_non_null(n);
    assert_int_equal(n->count, 50000);
    assert_int_equal(df__problems_count(f.problems, DF_ERROR), 1);
    df__buf_free(&b);
    done(&f);
}

static long left;

static void *failing_realloc(void *user, void *old, size_t len)
{
    (void)user;
    if (len == 0) {
        free(old);
        return NULL;
    }
    return left-- == 0 ? NULL : realloc(old, len);
}

static void test_every_allocation_fails(void **state)
{
    static const char text[] = "a: &x [1, two, {three: 3}]\nb: *x\nc: |\n  long text\nd: 'e'\n";
    df__heap heap = {failing_realloc, NULL};
    df_text in = {sizeof in, NULL, text, sizeof text - 1};
    df__problems *problems = df__problems_new(&df__heap_libc);
    const df__doc *n = NULL;
    long fail;
    (void)state;
    for (fail = 0; !n; fail++) {
        df__arena a;
        df__arena_init(&a, &heap, 256);
        left = fail;
        n = df__doc_parse(&a, &in, problems);
        assert_int_equal(df__problems_count(problems, 0), 0);
        df__arena_free(&a);
    }
    assert_true(fail > 4);
    df__problems_free(problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge_keys),
        cmocka_unit_test(test_places_of_merged_members),
        cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_places_behind_wide_characters),
        cmocka_unit_test(test_scalars_keep_their_text),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_document_marks),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_depth_through_aliases),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
