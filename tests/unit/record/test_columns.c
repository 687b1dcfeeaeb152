/* SPDX-License-Identifier: Apache-2.0
 * Columns: members find their column in any order; strangers are counted. */
#include "support/record_help.h"

static void fill(const df_columns *c, const char *json, df_value *values, size_t *unknown, held *h)
{
    df_value root;
    held_init(h, json);
    assert_int_equal(df_record_root(&h->r, &root), DF_OK);
    assert_int_equal(df__columns_fill(c, &root, values, unknown), DF_OK);
}

static void fills(void **state)
{
    static const char *const names[] = {"id", "", "name", "a longer name than eight", "n"};
    df_value values[5];
    df_columns c;
    df__arena a;
    size_t unknown = 99;
    held h;
    (void)state;
    df__arena_init(&a, &df__heap_libc, 512);
    assert_int_equal(df__columns_init(&c, &a, names, 5), DF_OK);
    fill(&c, "{\"id\":1,\"\":2,\"name\":3,\"a longer name than eight\":4,\"n\":5}", values,
         &unknown, &h);
    assert_int_equal(unknown, 0);
    assert_json(&values[0], "1");
    assert_json(&values[1], "2");
    assert_json(&values[2], "3");
    assert_json(&values[3], "4");
    assert_json(&values[4], "5");
    held_free(&h);
    fill(&c, "{\"n\":1,\"zz\":0,\"id\":null,\"n\":{\"k\":[]},\"Id\":1}", values, &unknown, &h);
    assert_int_equal(unknown, 2);
    assert_int_equal(values[0].type, DF_V_NULL);
    assert_int_equal(values[1].type, DF_V_ABSENT);
    assert_int_equal(values[2].type, DF_V_ABSENT);
    assert_json(&values[4], "{\"k\":[]}");
    held_free(&h);
    fill(&c, "{}", values, NULL, &h);
    assert_int_equal(values[0].type, DF_V_ABSENT);
    held_free(&h);
    df__arena_free(&a);
}

static void not_an_object(void **state)
{
    df_value v = typed_value(DF_V_ARRAY), values[1];
    static const char *const names[] = {"a"};
    df_columns c;
    df__arena a;
    (void)state;
    df__arena_init(&a, &df__heap_libc, 512);
    assert_int_equal(df__columns_init(&c, &a, names, 1), DF_OK);
    assert_int_equal(df__columns_fill(&c, &v, values, NULL), DF_EDATA);
    v = string_value("x");
    assert_int_equal(df__columns_fill(&c, &v, values, NULL), DF_EDATA);
    df__arena_free(&a);
}

/* After an edit too, and many columns. */
static void many(void **state)
{
    enum { COUNT = 2000 };
    static char text[COUNT][12];
    static const char *names[COUNT];
    static df_value values[COUNT];
    df_value root, empty = typed_value(DF_V_OBJECT), v;
    df_columns c;
    df__arena a;
    size_t i, unknown;
    held h;
    (void)state;
    df__arena_init(&a, &df__heap_libc, 512);
    held_init(&h, "{}");
    assert_int_equal(df_value_new(&h.r, &empty, &root), DF_OK);
    for (i = 0; i < COUNT; i++) {
        snprintf(text[i], sizeof text[i], "c%zu", i);
        names[i] = text[i];
    }
    for (i = COUNT; i--;) {
        v = int_value((int64_t)i);
        assert_int_equal(df_value_put(&h.r, &root, bytes_of(names[i]), &v), DF_OK);
    }
    assert_int_equal(df__columns_init(&c, &a, names, COUNT), DF_OK);
    assert_int_equal(df__columns_fill(&c, &root, values, &unknown), DF_OK);
    assert_int_equal(unknown, 0);
    for (i = 0; i < COUNT; i++)
        assert_int_equal(values[i].u.i, i);
    held_free(&h);
    df__arena_free(&a);
}

static int fails_cleanly(const df__heap *heap)
{
    static const char *const names[] = {"a", "b", "c"};
    df_columns c;
    df__arena a;
    int rc;
    df__arena_init(&a, heap, 256);
    rc = df__columns_init(&c, &a, names, 3);
    df__arena_free(&a);
    return rc;
}

static void no_memory(void **state)
{
    (void)state;
    each_failure(fails_cleanly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fills), cmocka_unit_test(not_an_object),
                                       cmocka_unit_test(many), cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
