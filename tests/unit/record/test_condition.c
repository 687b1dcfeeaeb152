/* SPDX-License-Identifier: Apache-2.0
 * Conditions: the vectors, and that a test needs no memory. */
#include "support/record_help.h"

static void check_error(const char *name, const char *text, json_object *want)
{
    df__error err = {0, ""};
    df_condition *c = df__condition_compile(&df__heap_libc, bytes_of(text), &err);
    json_object *column = json_object_object_get(want, "column");
    if (c)
        fail_msg("%s: compiled", name);
    if (!strstr(err.text, case_text(want, "contains")) ||
        err.column != (size_t)json_object_get_int(column))
        fail_msg("%s: column %zu: %s", name, err.column, err.text);
}

static void add_meta(df_record *r, json_object *o)
{
    json_object_object_foreach(o, name, value)
    {
        df_value v = string_value(json_object_get_string(value));
        if (json_object_is_type(value, json_type_int))
            v = int_value(json_object_get_int64(value));
        assert_int_equal(df_record_set_meta(r, name, &v), DF_OK);
    }
}

static void add_headers(df_record *r, json_object *o)
{
    df_header headers[8];
    size_t n = 0;
    json_object_object_foreach(o, name, value)
    {
        headers[n].name = name;
        headers[n++].value = bytes_of(json_object_get_string(value));
    }
    assert_int_equal(df_record_set_headers(r, headers, n), DF_OK);
}

static void make_record(held *h, json_object *c)
{
    json_object *o = NULL;
    held_init_in(h, &df__heap_libc, case_json(json_object_object_get(c, "input")));
    if (json_object_object_get_ex(c, "metadata", &o))
        add_meta(&h->r, o);
    if (json_object_object_get_ex(c, "headers", &o))
        add_headers(&h->r, o);
    if (json_object_object_get_ex(c, "key", &o))
        h->r.key = bytes_of(json_object_get_string(o));
    if (json_object_object_get_ex(c, "offset", &o))
        h->r.offset = json_object_get_int64(o);
    if (json_object_object_get_ex(c, "time_us", &o))
        h->r.time_us = json_object_get_int64(o);
}

static void check_warning(const char *name, const df_condition *c, json_object *want)
{
    const char *got = df__condition_lint(c), *part = want ? json_object_get_string(want) : NULL;
    if (!part != !got || (part && !strstr(got, part)))
        fail_msg("%s: warning %s", name, got ? got : "none");
}

static void check_case(json_object *c)
{
    const char *name = case_text(c, "name"), *text = case_text(c, "condition");
    json_object *expect = json_object_object_get(c, "expect"), *o = NULL;
    df__error err = {0, ""};
    df_condition *cond;
    held h;
    if (json_object_object_get_ex(expect, "error", &o)) {
        check_error(name, text, o);
        return;
    }
    cond = df__condition_compile(&df__heap_libc, bytes_of(text), &err);
    if (!cond)
        fail_msg("%s: column %zu: %s", name, err.column, err.text);
    if (json_object_object_get_ex(expect, "warning", &o)) {
        check_warning(name, cond, o);
    } else {
        make_record(&h, c);
        if (df_condition_test(cond, &h.r) != json_object_get_boolean(expect))
            fail_msg("%s: wrong", name);
        /* The second time the tree is there. */
        assert_int_equal(df_condition_test(cond, &h.r), json_object_get_boolean(expect));
        assert_int_equal(h.r.state, DF__RECORD_LIVE);
        assert_false(h.r.changed);
        held_free(&h);
    }
    df__condition_free(cond);
}

/* The lint is silent where a value between two bounds exists, and only there; and a metadata name
 * that is too long is refused where it begins. */
static void plain_edges(void **state)
{
    char text[5000] = "$.a && metadata.";
    df__error err = {0, ""};
    df_condition *c =
        df__condition_compile(&df__heap_libc, bytes_of("$.s > 'a' && $.s < 'ab'"), &err);
    (void)state;
    assert_non_null(c);
    assert_null(df__condition_lint(c));
    df__condition_free(c);
    memset(text + 16, 'x', sizeof text - 17);
    assert_null(df__condition_compile(&df__heap_libc, bytes_of(text), &err));
    assert_int_equal(err.column, 16);
    assert_non_null(strstr(err.text, "4096"));
}

static void vectors_hold(void **state)
{
    json_object *all = vectors("conditions.json");
    size_t i, n = json_object_array_length(all);
    (void)state;
    assert_true(n >= 80);
    for (i = 0; i < n; i++)
        check_case(json_object_array_get_idx(all, i));
    json_object_put(all);
}

static void allocates_nothing(void **state)
{
    static const char text[] =
        "$.a == 'x' && $.n > 1e2 && ($.o == '{\"k\":[1]}' || $.a =~ '^y') && "
        "$.a in ['x', 'y'] && !$.q && metadata.topic == 't' && metadata.offset == 7";
    df_condition *c = df__condition_compile(&df__heap_libc, bytes_of(text), NULL);
    df_value topic = string_value("t"), v;
    counting heap;
    held h;
    long before;
    size_t total;
    unsigned char *at;
    (void)state;
    assert_non_null(c);
    counting_init(&heap, 1000000);
    held_init_in(&h, &heap.heap, bytes_of("{\"a\":\"x\",\"n\":101,\"o\":{\"k\":[1]}}"));
    h.r.offset = 7;
    assert_int_equal(df_record_set_meta(&h.r, "topic", &topic), DF_OK);
    assert_int_equal(df_record_root(&h.r, &v), DF_OK);
    before = heap.calls;
    total = h.arena.total;
    at = h.arena.at;
    assert_int_equal(df_condition_test(c, &h.r), 1);
    assert_int_equal(heap.calls, before);
    assert_int_equal(h.arena.total, total);
    assert_ptr_equal(h.arena.at, at);
    held_free(&h);
    df__condition_free(c);
}

/* A tree larger than any buffer is compared piece by piece. */
static void compares_large_trees(void **state)
{
    static char json[40100], cond[40100];
    df_condition *c;
    held h;
    size_t n = 0, i;
    (void)state;
    n += (size_t)snprintf(json, sizeof json, "{\"o\":[");
    for (i = 0; i < 5000; i++)
        n += (size_t)snprintf(json + n, sizeof json - n, "%s%zu", i ? "," : "", 1000 + i);
    snprintf(json + n, sizeof json - n, "]}");
    snprintf(cond, sizeof cond, "$.o == '%.*s'", (int)(n - 4), json + 5);
    c = df__condition_compile(&df__heap_libc, bytes_of(cond), NULL);
    assert_non_null(c);
    held_init(&h, json);
    assert_int_equal(df_condition_test(c, &h.r), 1);
    df__condition_free(c);
    cond[strlen(cond) - 4] ^= 1;
    c = df__condition_compile(&df__heap_libc, bytes_of(cond), NULL);
    assert_non_null(c);
    assert_int_equal(df_condition_test(c, &h.r), 0);
    df__condition_free(c);
    held_free(&h);
}

static int fails_cleanly(const df__heap *heap)
{
    df_condition *c = df__condition_compile(
        heap,
        bytes_of("$.a == 'x' && (!$.b =~ '^a' || metadata.x['y'] in [1, 2, 3]) && $.c && $.d && "
                 "$.e || $.f && $.g || $.h || $.i"),
        NULL);
    df__condition_free(c);
    return c ? DF_OK : DF_ENOMEM;
}

/* No memory for the tree: the record is rejected for that, not quietly false. */
static void no_memory(void **state)
{
    df_condition *c = df__condition_compile(&df__heap_libc, bytes_of("$.a"), NULL);
    counting heap;
    held h;
    (void)state;
    assert_non_null(c);
    each_failure(fails_cleanly);
    counting_init(&heap, 1);
    held_init_in(&h, &heap.heap, bytes_of("{\"a\":1}"));
    assert_int_equal(df_condition_test(c, &h.r), 0);
    assert_int_equal(h.r.state, DF__RECORD_REJECTED);
    assert_int_equal(h.r.reject->status, DF_ENOMEM);
    held_free(&h);
    df__condition_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_hold),      cmocka_unit_test(plain_edges),
        cmocka_unit_test(allocates_nothing), cmocka_unit_test(compares_large_trees),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
