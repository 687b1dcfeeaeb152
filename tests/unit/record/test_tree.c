/* SPDX-License-Identifier: Apache-2.0
 * Trees: what goes in comes out, what is not JSON is refused, depth and size cost only memory,
 * and a shared tree is copied before it changes. ctest: timeout=600 */
#include "support/record_help.h"

static void round_trip(const char *in, const char *out)
{
    df__arena a;
    df__tree *t;
    df_bytes text;
    char err[200];
    df__arena_init(&a, &df__heap_libc, 512);
    if (df__tree_parse(&a, bytes_of(in), &t, err, sizeof err) != DF_OK)
        fail_msg("%s: %s", in, err);
    assert_int_equal(df__tree_write(t, &a, &text), DF_OK);
    assert_text(text, out ? out : in);
    df__arena_free(&a);
}

static void numbers_stay(void **state)
{
    (void)state;
    round_trip("[9007199254740993,0.1000,1e400,10.0,1E+2,-0,-0.0,1e-999]", NULL);
    round_trip("[1234567890123456789,12345678901234567890,123456789012345678901234567890.5]", NULL);
    round_trip("1e400", NULL);
    round_trip(" [ 1 , 2.50 ] ", "[1,2.50]");
}

static void names_and_texts_stay(void **state)
{
    (void)state;
    round_trip("{\"b\":1,\"a\":2,\"b\":3}", NULL);
    round_trip("{\"h\":\"<b>&amp;</b>\",\"s\":\"a/b\"}", NULL);
    round_trip("{\"\":{\"\":[]}}", NULL);
    round_trip("\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\\"", NULL);
    round_trip("\"\\u00e9\\ud83d\\ude00\\/\"", "\"é😀/\"");
    round_trip("\"é😀\x7f\xe2\x80\xa8\"", NULL);
    round_trip("[true,false,null,{},[],\"\"]", NULL);
    round_trip("[[[],{}],[{\"a\":[{}]}]]", NULL);
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        const char *part;
    } rows[] = {{"", "empty"},
                {" ", "byte"},
                {"{\"a\":1", "byte"},
                {"[1,]", "byte 2"},
                {"[01]", "byte"},
                {"[1.]", "byte"},
                {"[.5]", "byte"},
                {"[+1]", "byte"},
                {"[1e]", "byte"},
                {"nul", "byte"},
                {"[NaN]", "byte"},
                {"[Infinity]", "byte"},
                {"{'a':1}", "byte"},
                {"{a:1}", "byte"},
                {"[1] x", "byte"},
                {"//c\n1", "byte"},
                {"\"\\x\"", "byte"},
                {"\"\\u12g4\"", "byte"},
                {"\"\\ud800\"", "byte"},
                {"\"\\udc00\"", "byte"},
                {"\"\\ud800\\u0041\"", "byte"},
                {"\"\xff\"", "byte"},
                {"\"\xc0\x80\"", "byte"},
                {"\"\xed\xa0\x80\"", "byte"},
                {"\"\xf4\x90\x80\x80\"", "byte"},
                {"\"a\nb\"", "byte"},
                {"\xef\xbb\xbf{}", "byte"},
                {"[1}", "byte"},
                {"{\"a\" 1}", "byte"},
                {"{\"a\":}", "byte"}};
    size_t i;
    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__arena a;
        df__tree *t = NULL;
        char err[200] = "";
        df__arena_init(&a, &df__heap_libc, 512);
        if (df__tree_parse(&a, bytes_of(rows[i].text), &t, err, sizeof err) != DF_EDATA)
            fail_msg("%s: taken", rows[i].text);
        if (!strstr(err, rows[i].part) || strchr(err, '\n'))
            fail_msg("%s: %s", rows[i].text, err);
        assert_null(t);
        df__arena_free(&a);
    }
}

static char *nested(size_t depth, const char *open, const char *inner, char close)
{
    size_t n = strlen(open), k = strlen(inner), i;
    char *s = malloc(depth * (n + 1) + k + 1);
    assert_non_null(s);
    for (i = 0; i < depth; i++)
        memcpy(s + i * n, open, n);
    memcpy(s + depth * n, inner, k);
    memset(s + depth * n + k, close, depth);
    s[depth * (n + 1) + k] = '\0';
    return s;
}

static void check_deep(size_t depth, const char *open, char close)
{
    char *json = nested(depth, open, "[1]", close), *out;
    df_value v, one = int_value(1);
    df_bytes got;
    held h;
    held_init(&h, json);
    assert_int_equal(df_record_root(&h.r, &v), DF_OK);
    out = malloc(strlen(json) + 1);
    assert_non_null(out);
    assert_int_equal(df_value_json(&v, out, strlen(json)), strlen(json));
    assert_memory_equal(out, json, strlen(json));
    /* Made editable, copied as a whole, written from nodes. */
    assert_int_equal(df_value_put(&h.r, &v, bytes_of("k"), &one), DF_OK);
    assert_int_equal(df_value_put(&h.r, &v, bytes_of("copy"), &v), DF_OK);
    assert_int_equal(df_record_payload(&h.r, &got), DF_OK);
    assert_true(got.len > 2 * strlen(json));
    free(out);
    free(json);
    held_free(&h);
}

static void depth(void **state)
{
    (void)state;
    check_deep(100000, "[", ']');
    check_deep(100000, "{\"a\":", '}');
    check_deep(5000, "[[1,2],{\"x\":[]},", ']');
}

/* Siblings before and after each open container, over the depth that is kept at hand. */
static void deep_and_wide(void **state)
{
    char *json = nested(9000, "{\"a\":[1,{\"q\":2}],\"b\":", "{}", '}');
    (void)state;
    round_trip(json, NULL);
    free(json);
}

static void large(void **state)
{
    size_t count = 2 * 1024 * 1024, i, n = 0;
    char *json = malloc(count * 8 + 8);
    df_value v;
    df_bytes got;
    df__arena a;
    df__tree *t;
    (void)state;
    assert_non_null(json);
    json[n++] = '[';
    for (i = 0; i < count; i++)
        n += (size_t)snprintf(json + n, 16, "%s1234567", i ? "," : "");
    json[n++] = ']';
    df__arena_init(&a, &df__heap_libc, 4096);
    assert_int_equal(df__tree_parse(&a, (df_bytes){json, n}, &t, NULL, 0), DF_OK);
    /* The text, 16 bytes for each value, and little else. */
    assert_true(a.total < n + count * 16 + (1 << 20));
    df__tree_root(t, &v);
    assert_int_equal(v.len, count);
    assert_int_equal(df__tree_write(t, &a, &got), DF_OK);
    assert_int_equal(got.len, n);
    assert_memory_equal(got.data, json, n);
    df__arena_free(&a);
    free(json);
}

static void small_ones_are_small(void **state)
{
    static const char json[] = "{\"id\":1,\"name\":\"a name of a length\",\"tags\":[\"x\",\"y\"]}";
    df__arena a;
    df__tree *t;
    size_t i;
    (void)state;
    df__arena_init(&a, &df__heap_libc, 65536);
    for (i = 0; i < 100; i++)
        assert_int_equal(df__tree_parse(&a, bytes_of(json), &t, NULL, 0), DF_OK);
    assert_true(a.total <= 65536); /* 655 bytes for each */
    df__arena_free(&a);
}

/* ---- sharing --------------------------------------------------------------------------------- */

static void children_do_not_see_edits(void **state)
{
    df_value v, x = int_value(7), w = string_value("w");
    df_record child, second;
    df__arena other;
    held h;
    (void)state;
    held_init(&h, "{\"a\":1,\"o\":{\"b\":[1,2]}}");
    df__arena_init(&other, &df__heap_libc, 512);
    assert_int_equal(get(&h.r, "a", &v), DF_OK);
    df__record_inherit(&child, &h.r, &other);
    df__record_inherit(&second, &h.r, &other);
    assert_int_equal(set(&child, "a", &x), DF_OK);
    assert_int_equal(set(&child, "o.b[0]", &x), DF_OK);
    assert_payload(&child, "{\"a\":7,\"o\":{\"b\":[7,2]}}");
    assert_payload(&h.r, "{\"a\":1,\"o\":{\"b\":[1,2]}}");
    assert_false(h.r.changed);
    assert_int_equal(set(&h.r, "a", &w), DF_OK);
    assert_payload(&h.r, "{\"a\":\"w\",\"o\":{\"b\":[1,2]}}");
    assert_payload(&second, "{\"a\":1,\"o\":{\"b\":[1,2]}}");
    assert_payload(&child, "{\"a\":7,\"o\":{\"b\":[7,2]}}");
    df__arena_free(&other);
    held_free(&h);
}

static void children_of_an_edited_record(void **state)
{
    df_value v, x = int_value(7), o;
    df_record child;
    df__arena other;
    held h;
    (void)state;
    held_init(&h, "{\"a\":1,\"o\":{\"b\":[1,{}]}}");
    df__arena_init(&other, &df__heap_libc, 512);
    assert_int_equal(set(&h.r, "n.m", &x), DF_OK);
    df__record_inherit(&child, &h.r, &other);
    assert_payload(&child, "{\"a\":1,\"o\":{\"b\":[1,{}]},\"n\":{\"m\":7}}");
    /* A handle of the shared tree still leads to the right place of the copy. */
    assert_int_equal(get(&child, "o", &o), DF_OK);
    assert_int_equal(df_value_put(&child, &o, bytes_of("z"), &x), DF_OK);
    assert_int_equal(get(&child, "n", &v), DF_OK);
    assert_int_equal(df_value_put(&child, &v, bytes_of("k"), &x), DF_OK);
    assert_payload(&child, "{\"a\":1,\"o\":{\"b\":[1,{}],\"z\":7},\"n\":{\"m\":7,\"k\":7}}");
    assert_payload(&h.r, "{\"a\":1,\"o\":{\"b\":[1,{}]},\"n\":{\"m\":7}}");
    assert_int_equal(df_record_set_root(&child, &x), DF_OK);
    assert_payload(&child, "7");
    assert_payload(&h.r, "{\"a\":1,\"o\":{\"b\":[1,{}]},\"n\":{\"m\":7}}");
    df__arena_free(&other);
    held_free(&h);
}

static int fails_cleanly(const df__heap *heap)
{
    static const char json[] = "{\"a\":[1,2,{\"b\":\"c\"}],\"d\":\"text\"}";
    df_value v = string_value("some text that is copied"), root;
    df_record child;
    df_bytes out;
    df__arena other;
    held h;
    int rc;
    held_init_in(&h, heap, bytes_of(json));
    df__arena_init(&other, heap, 256);
    rc = df_record_root(&h.r, &root);
    if (rc == DF_OK)
        rc = df_value_put(&h.r, &root, bytes_of("new"), &v);
    if (rc == DF_OK)
        rc = df_value_put(&h.r, &root, bytes_of("copy"), &root);
    if (rc == DF_OK)
        rc = df_record_payload(&h.r, &out);
    if (rc == DF_OK) {
        df__record_inherit(&child, &h.r, &other);
        rc = df_value_rename(&child, &root, bytes_of("d"), bytes_of("e"));
        if (rc == DF_OK)
            rc = df_record_payload(&child, &out);
        if (rc == DF_OK)
            assert_non_null(memmem(out.data, out.len, "\"e\":\"text\"", 10));
        if (rc == DF_OK)
            rc = df_record_payload(&h.r, &out);
        if (rc == DF_OK)
            assert_null(memmem(out.data, out.len, "\"e\":\"text\"", 10));
    }
    df__arena_free(&other);
    held_free(&h);
    return rc;
}

/* A document large enough that its values are collected outside of the arena. */
static int large_fails_cleanly(const df__heap *heap)
{
    static char json[400001];
    df__arena a;
    df__tree *t;
    int rc;
    memset(json, '1', sizeof json - 1);
    json[0] = '[';
    json[sizeof json - 2] = ']';
    for (size_t i = 2; i < sizeof json - 3; i += 2)
        json[i] = ',';
    json[sizeof json - 3] = '1';
    if (json[sizeof json - 4] == ',' && json[sizeof json - 5] == ',')
        json[sizeof json - 4] = '1';
    df__arena_init(&a, heap, 4096);
    rc = df__tree_parse(&a, bytes_of(json), &t, NULL, 0);
    df__arena_free(&a);
    return rc;
}

static void no_memory(void **state)
{
    (void)state;
    each_failure(fails_cleanly);
    each_failure(large_fails_cleanly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stay),
        cmocka_unit_test(names_and_texts_stay),
        cmocka_unit_test(refused),
        cmocka_unit_test(depth),
        cmocka_unit_test(deep_and_wide),
        cmocka_unit_test(large),
        cmocka_unit_test(small_ones_are_small),
        cmocka_unit_test(children_do_not_see_edits),
        cmocka_unit_test(children_of_an_edited_record),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
