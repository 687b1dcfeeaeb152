/* SPDX-License-Identifier: Apache-2.0
 * Paths: the vectors, the limits, and what the accessors tell. */
#include "support/record_help.h"

static df_value root_of(held *h, json_object *json)
{
    df_value v;
    held_init_in(h, &df__heap_libc, case_json(json));
    assert_int_equal(df_record_root(&h->r, &v), DF_OK);
    return v;
}

static void check_error(const char *name, const char *path, json_object *want)
{
    df__error err = {0, ""};
    df_path *p = df__path_compile(&df__heap_libc, bytes_of(path), &err);
    const char *part = case_text(want, "contains");
    json_object *column = json_object_object_get(want, "column");
    if (p)
        fail_msg("%s: compiled", name);
    if (!strstr(err.text, part) || err.column != (size_t)json_object_get_int(column))
        fail_msg("%s: column %zu: %s", name, err.column, err.text);
}

static void check_hits(const char *name, df_path *p, df_record *r, json_object *hits)
{
    df_walk walk = {0};
    size_t n = 0, count = json_object_array_length(hits);
    while (df_path_each(p, r, &walk) == DF_OK) {
        df_bytes want;
        char buf[1024];
        size_t len = df_value_json(&walk.value, buf, sizeof buf);
        if (n >= count)
            fail_msg("%s: too many hits", name);
        want = case_json(json_object_array_get_idx(hits, n++));
        if (len != want.len || memcmp(buf, want.data, len) != 0)
            fail_msg("%s: hit %zu is %.*s", name, n, (int)len, buf);
    }
    if (n != count)
        fail_msg("%s: %zu hits", name, n);
    assert_int_equal(df_path_each(p, r, &walk), DF_DONE);
}

static void check_value(const char *name, df_path *p, df_record *r, json_object *expect)
{
    json_object *want = NULL;
    df_value v;
    int rc = df_record_get(r, p, &v);
    if (json_object_object_get_ex(expect, "not_json", &want)) {
        assert_int_equal(rc, DF_EDATA);
        assert_non_null(r->why);
        assert_int_equal(r->state, DF__RECORD_LIVE);
        return;
    }
    if (rc != DF_OK)
        fail_msg("%s: rc %d", name, rc);
    if (json_object_object_get_ex(expect, "absent", &want)) {
        if (v.type != DF_V_ABSENT)
            fail_msg("%s: not absent", name);
    } else if (json_object_object_get_ex(expect, "value", &want)) {
        df_bytes text = case_json(want);
        char buf[1024];
        size_t len = df_value_json(&v, buf, sizeof buf);
        if (len != text.len || memcmp(buf, text.data, len) != 0)
            fail_msg("%s: got %.*s", name, (int)len, buf);
    }
}

static void check_change(const char *name, df_path *p, df_record *r, json_object *c)
{
    json_object *expect = json_object_object_get(c, "expect"), *set = NULL, *out;
    df_bytes before = r->payload, got, want;
    df_value v = {0};
    held h;
    int rc;
    memset(&h, 0, sizeof h);
    if (json_object_object_get_ex(c, "set", &set))
        v = root_of(&h, set);
    rc = df_record_set(r, p, &v);
    if (json_object_object_get_ex(expect, "refused", &out)) {
        if (rc != DF_EDATA)
            fail_msg("%s: rc %d", name, rc);
        assert_false(r->changed);
        want = before;
    } else {
        if (rc != DF_OK)
            fail_msg("%s: rc %d", name, rc);
        want = case_json(json_object_object_get(expect, "output"));
    }
    assert_int_equal(df_record_payload(r, &got), DF_OK);
    if (got.len != want.len || memcmp(got.data, want.data, got.len) != 0)
        fail_msg("%s: got %.*s", name, (int)got.len, (const char *)got.data);
    held_free(&h);
}

static void check_case(json_object *c)
{
    const char *name = case_text(c, "name"), *path = case_text(c, "path");
    json_object *expect = json_object_object_get(c, "expect"), *o = NULL;
    df__error err;
    df_path *p;
    held h;
    if (json_object_object_get_ex(expect, "error", &o)) {
        check_error(name, path, o);
        return;
    }
    p = df__path_compile(&df__heap_libc, bytes_of(path), &err);
    if (!p)
        fail_msg("%s: column %zu: %s", name, err.column, err.text);
    assert_text(df_path_text(p), path);
    held_init_in(&h, &df__heap_libc, case_json(json_object_object_get(c, "input")));
    if (json_object_object_get_ex(expect, "hits", &o)) {
        assert_false(df_path_is_single(p));
        check_hits(name, p, &h.r, o);
    } else if (json_object_object_get_ex(c, "set", &o) ||
               json_object_object_get_ex(c, "remove", &o)) {
        check_change(name, p, &h.r, c);
    } else {
        check_value(name, p, &h.r, expect);
    }
    held_free(&h);
    df_path_free(p);
}

static void vectors_hold(void **state)
{
    json_object *all = vectors("paths.json");
    size_t i, n = json_object_array_length(all);
    (void)state;
    assert_true(n >= 80);
    for (i = 0; i < n; i++)
        check_case(json_object_array_get_idx(all, i));
    json_object_put(all);
}

static void leaf_and_kind(void **state)
{
    static const struct {
        const char *path, *leaf;
        int single;
    } rows[] = {{"$.u.id", "id", 1}, {"$", NULL, 1},         {"a.0", "0", 1},
                {"$.a[0]", NULL, 1}, {"$.a[*]", NULL, 0},    {"$.a[*].b", "b", 0},
                {"$['']", "", 1},    {"$['x.y']", "x.y", 1}, {"a\\.b", "a.b", 1}};
    size_t i;
    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df_path *p = path_of(rows[i].path);
        df_bytes leaf = df_path_leaf(p);
        assert_int_equal(df_path_is_single(p), rows[i].single);
        if (rows[i].leaf)
            assert_text(leaf, rows[i].leaf);
        else
            assert_null(leaf.data);
        df_path_free(p);
    }
    df_path_free(NULL);
}

static void limits(void **state)
{
    char text[5000];
    df__error err;
    df_path *p;
    size_t i;
    (void)state;
    memset(text, 'a', sizeof text);
    assert_null(df__path_compile(&df__heap_libc, (df_bytes){text, 4097}, &err));
    assert_non_null(strstr(err.text, "4096"));
    p = df__path_compile(&df__heap_libc, (df_bytes){text, 4096}, &err);
    assert_non_null(p);
    df_path_free(p);
    for (i = 0; i < 65; i++)
        memcpy(text + 2 * i, "a.", 2);
    p = df__path_compile(&df__heap_libc, (df_bytes){text, 127}, &err);
    assert_non_null(p);
    df_path_free(p);
    assert_null(df__path_compile(&df__heap_libc, (df_bytes){text, 129}, &err));
    assert_non_null(strstr(err.text, "64"));
    assert_null(df__path_compile(&df__heap_libc, (df_bytes){"a\xff", 2}, &err));
    assert_null(df__path_compile(&df__heap_libc, (df_bytes){"a\0b", 3}, &err));
    assert_null(df__path_compile(&df__heap_libc, (df_bytes){"a..b", 4}, NULL));
}

/* What a walk sets it sets at its hit, also after the tree became editable under it. */
static void walk_sets(void **state)
{
    df_path *p = path_of("$.a[*].x");
    df_walk walk = {0};
    df_value v;
    held h;
    int n = 0;
    (void)state;
    held_init(&h, "{\"a\":[{\"x\":1},{\"x\":[2]},{\"x\":1,\"y\":0,\"x\":3},{\"x\":4}]}");
    while (df_path_each(p, &h.r, &walk) == DF_OK) {
        v = n == 0 ? int_value(10) : n == 1 ? string_value("s") : typed_value(DF_V_ABSENT);
        if (n == 3)
            v = typed_value(DF_V_OBJECT);
        assert_text(walk.name, "x");
        assert_int_equal(df_walk_set(&h.r, &walk, &v), DF_OK);
        n++;
    }
    assert_int_equal(n, 4);
    assert_payload(&h.r, "{\"a\":[{\"x\":10},{\"x\":\"s\"},{\"y\":0},{\"x\":{}}]}");
    assert_int_equal(df_walk_set(&h.r, &walk, &v), DF_ESTATE);
    held_free(&h);
    df_path_free(p);
}

static int fails_cleanly(const df__heap *heap)
{
    static const char json[] = "{\"a\":[{\"x\":1},{\"x\":2}],\"b\":\"t\"}";
    df_path *p = df__path_compile(heap, bytes_of("$.a[*].x"), NULL), *q = NULL;
    df_value v = string_value("long enough to need room of its own in the arena");
    df_walk walk = {0};
    held h;
    int rc = DF_ENOMEM;
    held_init_in(&h, heap, bytes_of(json));
    if (p)
        q = df__path_compile(heap, bytes_of("$.m.n.o"), NULL);
    if (q)
        rc = df_record_set(&h.r, q, &v);
    if (rc == DF_OK)
        rc = df_record_set(&h.r, p, &v);
    if (rc == DF_OK)
        rc = df_path_each(p, &h.r, &walk);
    held_free(&h);
    df_path_free(p);
    df_path_free(q);
    return rc;
}

static void no_memory(void **state)
{
    (void)state;
    each_failure(fails_cleanly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_hold), cmocka_unit_test(leaf_and_kind), cmocka_unit_test(limits),
        cmocka_unit_test(walk_sets),    cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
