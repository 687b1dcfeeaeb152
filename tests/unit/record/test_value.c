/* SPDX-License-Identifier: Apache-2.0
 * Values: conversions are exact or refused, texts are right, trees are built and changed. */
#include <math.h>

#include "support/record_help.h"
#include "util/codec.h"

static df_value number_value(const char *text)
{
    df_value v = string_value(text);
    v.type = DF_V_NUMBER;
    return v;
}

static df_value double_value(double d)
{
    df_value v = typed_value(DF_V_DOUBLE);
    v.u.d = d;
    return v;
}

static void check_text(df_value v, const char *text, const char *json)
{
    char buf[200];
    df_bytes got = {buf, df_value_text(&v, buf, sizeof buf)};
    assert_text(got, text);
    got.len = df_value_json(&v, buf, sizeof buf);
    assert_text(got, json);
}

static df_value time_value(int type, int64_t i, int32_t zone)
{
    df_value v = typed_value(type);
    v.u.i = i;
    v.zone = zone;
    return v;
}

static void texts(void **state)
{
    df_value bytes = string_value("\x01\xff");
    (void)state;
    bytes.type = DF_V_BYTES;
    check_text(typed_value(DF_V_ABSENT), "", "");
    check_text(typed_value(DF_V_UNCHANGED), "", "");
    check_text(typed_value(DF_V_NULL), "null", "null");
    check_text(typed_value(DF_V_BOOL), "false", "false");
    check_text(int_value(INT64_MIN), "-9223372036854775808", "-9223372036854775808");
    check_text(number_value("0.1000"), "0.1000", "0.1000");
    check_text(double_value(0.1), "0.1", "0.1");
    check_text(double_value(-1e300), "-1e300", "-1e300");
    check_text(double_value(NAN), "NaN", "\"NaN\"");
    check_text(double_value(INFINITY), "Infinity", "\"Infinity\"");
    check_text(double_value(-INFINITY), "-Infinity", "\"-Infinity\"");
    check_text(string_value("a\"b\n"), "a\"b\n", "\"a\\\"b\\n\"");
    check_text(bytes, "\x01\xff", "\"Af8=\"");
    check_text(typed_value(DF_V_OBJECT), "{}", "{}");
    check_text(typed_value(DF_V_ARRAY), "[]", "[]");
}

/* Written in pieces: no padding but at the end, whatever the length is. */
static void long_bytes(void **state)
{
    unsigned char data[200];
    char text[300];
    (void)state;
    for (size_t len = 0; len < sizeof data; len++) {
        df_value v = {.type = DF_V_BYTES, .text = (const char *)data, .len = len};
        df__buf back;
        data[len] = (unsigned char)(len * 37 + 129);
        size_t n = df_value_json(&v, text, sizeof text);
        assert_int_equal(n, (len + 2) / 3 * 4 + 2);
        df__buf_init(&back, &df__heap_libc);
        assert_int_equal(df__base64_read(&back, text + 1, n - 2), 0);
        assert_int_equal(back.len, len);
        if (len)
            assert_memory_equal(back.data, data, len);
        df__buf_free(&back);
    }
}

static void times(void **state)
{
    (void)state;
    check_text(time_value(DF_V_TIMESTAMP, 0, 0), "1970-01-01T00:00:00Z",
               "\"1970-01-01T00:00:00Z\"");
    check_text(time_value(DF_V_TIMESTAMP, 1767323045120000, 330), "2026-01-02T08:34:05.12+05:30",
               "\"2026-01-02T08:34:05.12+05:30\"");
    check_text(time_value(DF_V_TIMESTAMP, -1, DF_ZONE_NONE), "1969-12-31T23:59:59.999999",
               "\"1969-12-31T23:59:59.999999\"");
    check_text(time_value(DF_V_TIMESTAMP, 1709164800000000, -90), "2024-02-28T22:30:00-01:30",
               "\"2024-02-28T22:30:00-01:30\"");
    check_text(time_value(DF_V_DATE, 11016, 0), "2000-02-29", "\"2000-02-29\"");
    check_text(time_value(DF_V_DATE, -719528, 0), "0000-01-01", "\"0000-01-01\"");
    check_text(time_value(DF_V_DATE, 2932896, 0), "9999-12-31", "\"9999-12-31\"");
    check_text(time_value(DF_V_DATE, 2932897, 0), "+10000-01-01", "\"+10000-01-01\"");
    check_text(time_value(DF_V_TIME, INT64_C(86400000000), 0), "24:00:00", "\"24:00:00\"");
    check_text(time_value(DF_V_TIME, 3723000004, 0), "01:02:03.000004", "\"01:02:03.000004\"");
    {
        df_value v = time_value(DF_V_TIMESTAMP, INT64_MIN, INT32_MAX);
        char buf[100];
        assert_true(df_value_text(&v, buf, sizeof buf) < sizeof buf);
        v.u.i = INT64_MAX;
        v.zone = INT32_MIN + 1;
        assert_true(df_value_text(&v, buf, sizeof buf) < sizeof buf);
    }
}

static void cut_texts(void **state)
{
    df_value v;
    char buf[8];
    held h;
    (void)state;
    held_init(&h, "{\"a\":[1,2,3],\"b\":\"xyz\"}");
    assert_int_equal(df_record_root(&h.r, &v), DF_OK);
    memset(buf, '#', sizeof buf);
    assert_int_equal(df_value_json(&v, buf, 5), 23);
    assert_memory_equal(buf, "{\"a\":###", 8);
    assert_int_equal(df_value_json(&v, NULL, 0), 23);
    held_free(&h);
}

static void integers(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
        int rc;
    } rows[] = {{"10.0", 10, DF_OK},
                {"1e3", 1000, DF_OK},
                {"-1.50e1", -15, DF_OK},
                {"0.0", 0, DF_OK},
                {"0e9", 0, DF_OK},
                {"9223372036854775807.0", INT64_MAX, DF_OK},
                {"-9223372036854775808.0", INT64_MIN, DF_OK},
                {"9223372036854775808", 0, DF_EDATA},
                {"99999999999999999999", 0, DF_EDATA},
                {"1.5", 0, DF_EDATA},
                {"1e-1", 0, DF_EDATA},
                {"1e400", 0, DF_EDATA},
                {"1e99999999999999999999", 0, DF_EDATA},
                {"1e-99999999999999999999", 0, DF_EDATA}};
    size_t i;
    df_value v;
    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t got = 0;
        v = number_value(rows[i].text);
        if (df_value_int(&v, &got) != rows[i].rc || got != rows[i].want)
            fail_msg("%s: %lld", rows[i].text, (long long)got);
    }
    {
        int64_t got = 0;
        v = double_value(4503599627370496.0);
        assert_int_equal(df_value_int(&v, &got), DF_OK);
        assert_true(got == 4503599627370496);
        v = double_value(0.5);
        assert_int_equal(df_value_int(&v, &got), DF_EDATA);
        v = double_value(NAN);
        assert_int_equal(df_value_int(&v, &got), DF_EDATA);
        v = string_value("1");
        assert_int_equal(df_value_int(&v, &got), DF_EDATA);
    }
}

static void doubles(void **state)
{
    static const char *const rows[] = {"0",
                                       "0.0",
                                       "-0",
                                       "0e5",
                                       "0.000e-500",
                                       "0.1",
                                       "-0.1000",
                                       "10",
                                       "9007199254740993",
                                       "123456789012345678901234567890",
                                       "1e308",
                                       "4.9e-324",
                                       "2.2250738585072011e-308",
                                       "0.000000000000000000000000000000000000000001",
                                       "1e-330",
                                       "1e400",
                                       "-1e400",
                                       "1e-400"};
    char big[1200];
    df_value v;
    double got;
    size_t i;
    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        v = number_value(rows[i]);
        assert_int_equal(df_value_double(&v, &got), DF_OK);
        if (got != strtod(rows[i], NULL))
            fail_msg("%s: %.17g", rows[i], got);
    }
    /* Half way between two doubles, told apart by the 900th digit. */
    memcpy(big, "9007199254740993.", 17);
    memset(big + 17, '0', 900);
    memcpy(big + 917, "1", 2);
    v = number_value(big);
    assert_int_equal(df_value_double(&v, &got), DF_OK);
    assert_true(got == 9007199254740994.0);
    v = number_value("1.2.3");
    assert_int_equal(df_value_double(&v, &got), DF_EDATA);
    v = string_value("1");
    assert_int_equal(df_value_double(&v, &got), DF_EDATA);
}

/* ---- trees ----------------------------------------------------------------------------------- */

static void walks(void **state)
{
    df_walk walk = {0};
    df_value v, m;
    held h;
    (void)state;
    held_init(&h, "{\"a\":[1,\"x\",[2]],\"b\":{},\"a\":null}");
    assert_int_equal(df_record_root(&h.r, &v), DF_OK);
    assert_int_equal(df_value_walk(&v, &walk), DF_OK);
    assert_text(walk.name, "a");
    assert_int_equal(walk.value.type, DF_V_ARRAY);
    assert_int_equal(walk.value.len, 3);
    {
        df_walk inner = {0};
        size_t n = 0;
        while (df_value_walk(&walk.value, &inner) == DF_OK) {
            assert_null(inner.name.data);
            assert_int_equal(inner.index, n);
            n++;
        }
        assert_int_equal(n, 3);
    }
    assert_int_equal(df_value_walk(&v, &walk), DF_OK);
    assert_int_equal(walk.value.type, DF_V_OBJECT);
    {
        df_walk inner = {0};
        assert_int_equal(df_value_walk(&walk.value, &inner), DF_DONE);
        assert_int_equal(df_value_walk(&walk.value, &inner), DF_DONE);
    }
    assert_int_equal(df_value_walk(&v, &walk), DF_OK);
    assert_int_equal(df_value_walk(&v, &walk), DF_DONE);
    assert_int_equal(df_value_walk(&v, &walk), DF_DONE);
    assert_int_equal(df_value_member(&v, bytes_of("a"), &m), DF_OK);
    assert_int_equal(m.type, DF_V_NULL);
    assert_int_equal(df_value_member(&v, bytes_of("q"), &m), DF_OK);
    assert_int_equal(m.type, DF_V_ABSENT);
    held_free(&h);
}

static void builds(void **state)
{
    df_value root, list, inner, v, empty = typed_value(DF_V_OBJECT), none = typed_value(DF_V_ARRAY),
                                   odd;
    held h;
    (void)state;
    held_init(&h, "not JSON");
    assert_int_equal(df_value_new(&h.r, &empty, &root), DF_OK);
    assert_int_equal(df_value_new(&h.r, &none, &list), DF_OK);
    assert_int_equal(df_value_new(&h.r, &empty, &inner), DF_OK);
    v = int_value(1);
    assert_int_equal(df_value_put(&h.r, &list, bytes_of(NULL), &v), DF_OK);
    v = number_value("1e400");
    assert_int_equal(df_value_put(&h.r, &list, bytes_of(NULL), &v), DF_OK);
    v = double_value(0.5);
    assert_int_equal(df_value_put(&h.r, &list, bytes_of(NULL), &v), DF_OK);
    v = time_value(DF_V_DATE, 0, 0);
    assert_int_equal(df_value_put(&h.r, &list, bytes_of(NULL), &v), DF_OK);
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("l"), &list), DF_OK);
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("o"), &inner), DF_OK);
    /* Both are placed now and still reachable; a second place gets a copy. */
    v = string_value("s\"");
    assert_int_equal(df_value_put(&h.r, &inner, bytes_of("k\n"), &v), DF_OK);
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("o2"), &inner), DF_OK);
    assert_int_equal(df_value_put(&h.r, &inner, bytes_of("later"), &v), DF_OK);
    assert_json(&root, "{\"l\":[1,1e400,0.5,\"1970-01-01\"],\"o\":{\"k\\n\":\"s\\\"\",\"later\":"
                       "\"s\\\"\"},\"o2\":{\"k\\n\":\"s\\\"\"}}");
    assert_int_equal(root.len, 3);
    /* What no JSON has. */
    odd = string_value("\xff");
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("x"), &odd), DF_EDATA);
    odd = number_value("1.");
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("x"), &odd), DF_EDATA);
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("\xff"), &v), DF_EDATA);
    odd = typed_value(DF_V_UNCHANGED);
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("x"), &odd), DF_OK);
    assert_int_equal(root.len, 4); /* a member that is not written */
    /* No container inside itself. */
    assert_int_equal(df_value_new(&h.r, &empty, &inner), DF_OK);
    assert_int_equal(df_value_put(&h.r, &inner, bytes_of("me"), &inner), DF_EINVAL);
    assert_int_equal(df_record_set_root(&h.r, &root), DF_OK);
    v = typed_value(DF_V_ABSENT);
    assert_int_equal(set(&h.r, "o2", &v), DF_OK);
    assert_payload(&h.r, "{\"l\":[1,1e400,0.5,\"1970-01-01\"],\"o\":{\"k\\n\":\"s\\\"\",\"later\":"
                         "\"s\\\"\"}}");
    held_free(&h);
}

static void puts_and_renames(void **state)
{
    df_value root, o, v = int_value(9), gone = typed_value(DF_V_ABSENT);
    held h;
    (void)state;
    held_init(&h, "{\"a\":1,\"b\":{\"x\":1},\"a\":2,\"c\":3}");
    assert_int_equal(df_record_root(&h.r, &root), DF_OK);
    assert_int_equal(df_value_rename(&h.r, &root, bytes_of("q"), bytes_of("r")), DF_ENOTFOUND);
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("q"), &gone), DF_OK);
    assert_int_equal(df_value_rename(&h.r, &root, bytes_of("c"), bytes_of("c")), DF_OK);
    assert_false(h.r.changed);
    assert_int_equal(df_value_rename(&h.r, &root, bytes_of("c"), bytes_of("c\"2")), DF_OK);
    assert_json(&root, "{\"a\":1,\"b\":{\"x\":1},\"a\":2,\"c\\\"2\":3}");
    assert_int_equal(df_value_member(&root, bytes_of("b"), &o), DF_OK);
    assert_int_equal(df_value_rename(&h.r, &root, bytes_of("a"), bytes_of("b")), DF_OK);
    assert_json(&root, "{\"b\":2,\"c\\\"2\":3}");
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("b"), &gone), DF_OK);
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("c\"2"), &v), DF_OK);
    assert_payload(&h.r, "{\"c\\\"2\":9}");
    assert_int_equal(h.r.changed, 1);
    held_free(&h);
}

/* A walk over a tree that changes under it sees what was there. */
static void walk_and_change(void **state)
{
    df_walk walk = {0};
    df_value root, v;
    held h;
    int n = 0;
    (void)state;
    held_init(&h, "[1,2,3,4,[5],6]");
    assert_int_equal(df_record_root(&h.r, &root), DF_OK);
    while (df_value_walk(&root, &walk) == DF_OK) {
        assert_int_equal(walk.index, n);
        v = n % 2 ? typed_value(DF_V_ABSENT) : string_value("e");
        assert_int_equal(df_walk_set(&h.r, &walk, &v), DF_OK);
        n++;
    }
    assert_int_equal(n, 6);
    assert_payload(&h.r, "[\"e\",\"e\",\"e\"]");
    memset(&walk, 0, sizeof walk);
    assert_int_equal(df_record_root(&h.r, &root), DF_OK);
    while (df_value_walk(&root, &walk) == DF_OK) {
        v = typed_value(DF_V_ABSENT);
        assert_int_equal(df_walk_set(&h.r, &walk, &v), DF_OK);
        assert_int_equal(df_walk_set(&h.r, &walk, &v), DF_ENOTFOUND);
    }
    assert_payload(&h.r, "[]");
    held_free(&h);
}

/* Large objects, where the names are indexed: puts, renames, removals and duplicates agree with
 * what a plain look shows. */
static void large_objects(void **state)
{
    enum { COUNT = 300 };
    df_value root, empty = typed_value(DF_V_OBJECT), v, got, gone = typed_value(DF_V_ABSENT);
    char name[16], other[16];
    held h;
    int i, parsed;
    (void)state;
    for (parsed = 0; parsed < 2; parsed++) {
        static char json[COUNT * 16];
        size_t n = 0;
        for (i = 0; i < COUNT; i++)
            n += (size_t)snprintf(json + n, sizeof json - n, "%c\"k%d\":%d", i ? ',' : '{', i, i);
        snprintf(json + n, sizeof json - n, "}");
        held_init(&h, json);
        if (parsed) {
            assert_int_equal(df_record_root(&h.r, &root), DF_OK);
        } else {
            assert_int_equal(df_value_new(&h.r, &empty, &root), DF_OK);
            for (i = 0; i < COUNT; i++) {
                snprintf(name, sizeof name, "k%d", i);
                v = int_value(i);
                assert_int_equal(df_value_put(&h.r, &root, bytes_of(name), &v), DF_OK);
            }
            assert_int_equal(df_record_set_root(&h.r, &root), DF_OK);
        }
        for (i = 0; i < COUNT; i++) {
            snprintf(name, sizeof name, "k%d", i);
            snprintf(other, sizeof other, "r%d", i);
            assert_int_equal(df_value_rename(&h.r, &root, bytes_of(name), bytes_of(other)), DF_OK);
            assert_int_equal(df_value_rename(&h.r, &root, bytes_of(name), bytes_of(other)),
                             DF_ENOTFOUND);
        }
        for (i = 0; i < COUNT; i += 3) {
            snprintf(name, sizeof name, "r%d", i);
            v = i % 2 ? string_value("odd") : gone;
            assert_int_equal(df_value_put(&h.r, &root, bytes_of(name), &v), DF_OK);
        }
        for (i = 0; i < COUNT; i++) {
            snprintf(name, sizeof name, "r%d", i);
            df_value_member(&root, bytes_of(name), &got);
            assert_int_equal(got.type, i % 3 ? DF_V_INT : i % 2 ? DF_V_STRING : DF_V_ABSENT);
        }
        assert_int_equal(root.len, COUNT - COUNT / 6);
        /* A name that is taken: the others of it go. */
        assert_int_equal(df_value_rename(&h.r, &root, bytes_of("r1"), bytes_of("r2")), DF_OK);
        assert_int_equal(df_value_put(&h.r, &root, bytes_of("r1"), &empty), DF_OK);
        assert_int_equal(df_value_put(&h.r, &root, bytes_of("r2"), &gone), DF_OK);
        assert_int_equal(df_value_put(&h.r, &root, bytes_of("r2"), &gone), DF_OK);
        df_value_member(&root, bytes_of("r2"), &got);
        assert_int_equal(got.type, DF_V_ABSENT);
        /* What a path changes in between is seen. */
        v = int_value(5);
        assert_int_equal(set(&h.r, "$.fresh", &v), DF_OK);
        assert_int_equal(df_value_put(&h.r, &root, bytes_of("fresh"), &gone), DF_OK);
        assert_int_equal(get(&h.r, "$.fresh", &got), DF_OK);
        assert_int_equal(got.type, DF_V_ABSENT);
        held_free(&h);
    }
}

/* Values of another record are copied with their texts. */
static void from_another_record(void **state)
{
    df_value v, root;
    held h, other;
    (void)state;
    held_init(&h, "{}");
    held_init(&other, "{\"o\":{\"t\":\"text\",\"n\":10.0,\"l\":[{\"k\":\"\\n\"}]}}");
    assert_int_equal(get(&other.r, "o", &v), DF_OK);
    assert_int_equal(set(&h.r, "a", &v), DF_OK);
    assert_int_equal(set(&other.r, "o.new", &v), DF_OK);
    assert_int_equal(get(&other.r, "o", &v), DF_OK);
    assert_int_equal(df_record_root(&h.r, &root), DF_OK);
    assert_int_equal(df_value_put(&h.r, &root, bytes_of("b"), &v), DF_OK);
    held_free(&other);
    assert_payload(&h.r, "{\"a\":{\"t\":\"text\",\"n\":10.0,\"l\":[{\"k\":\"\\n\"}]},\"b\":{\"t\":"
                         "\"text\",\"n\":10.0,\"l\":[{\"k\":\"\\n\"}],\"new\":{\"t\":\"text\","
                         "\"n\":10.0,\"l\":[{\"k\":\"\\n\"}]}}}");
    held_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(times),
        cmocka_unit_test(long_bytes),
        cmocka_unit_test(cut_texts),
        cmocka_unit_test(integers),
        cmocka_unit_test(doubles),
        cmocka_unit_test(walks),
        cmocka_unit_test(builds),
        cmocka_unit_test(puts_and_renames),
        cmocka_unit_test(walk_and_change),
        cmocka_unit_test(from_another_record),
        cmocka_unit_test(large_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
