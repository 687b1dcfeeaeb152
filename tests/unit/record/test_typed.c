/* SPDX-License-Identifier: Apache-2.0
 * test_typed.c: values that JSON does not have stay what they are in a record's tree: through
 * edits, copies, renames, other records and columns; and how JSON writes them. */
#include <math.h>

#include "support/record_help.h"

enum { TYPES = 9 };

static df_value typed(int i)
{
    static const char bytes[] = "\0\xff\"\n";
    df_value v = {0};
    switch (i) {
    case 0:
        v.type = DF_V_BYTES;
        v.text = bytes;
        v.len = sizeof bytes - 1;
        break;
    case 1:
        v.type = DF_V_TIMESTAMP;
        v.u.i = 1700000000123456;
        v.zone = -570;
        break;
    case 2:
        v.type = DF_V_TIMESTAMP;
        v.u.i = -1;
        v.zone = DF_ZONE_NONE;
        break;
    case 3:
        v.type = DF_V_DATE;
        v.u.i = -719529;
        break;
    case 4:
        v.type = DF_V_TIME;
        v.u.i = 86399999999;
        break;
    case 5:
        v.type = DF_V_DOUBLE;
        v.u.d = NAN;
        break;
    case 6:
        v.type = DF_V_DOUBLE;
        v.u.d = -INFINITY;
        break;
    case 7:
        v.type = DF_V_DOUBLE;
        v.u.d = 0.1;
        break;
    default:
        v.type = DF_V_UNCHANGED;
    }
    return v;
}

static const char *const names[TYPES] = {"bytes", "zoned", "local", "date", "time",
                                         "nan",   "low",   "tenth", "gone"};

static void assert_same(const df_value *got, int i)
{
    df_value want = typed(i);
    assert_int_equal(got->type, want.type);
    assert_int_equal(got->zone, want.zone);
    if (want.type == DF_V_BYTES) {
        assert_int_equal(got->len, want.len);
        assert_memory_equal(got->text, want.text, want.len);
    } else if (want.type == DF_V_DOUBLE) {
        assert_memory_equal(&got->u.d, &want.u.d, sizeof want.u.d);
    } else {
        assert_true(got->u.i == want.u.i);
    }
}

/* An object of all types at the root of r, built as a source does that knows types. */
static void build(df_record *r)
{
    df_value empty = typed_value(DF_V_OBJECT), root;
    assert_int_equal(df_value_new(r, &empty, &root), DF_OK);
    for (int i = 0; i < TYPES; i++) {
        df_value v = typed(i);
        assert_int_equal(df_value_put(r, &root, bytes_of(names[i]), &v), DF_OK);
    }
    assert_int_equal(root.len, TYPES);
    assert_int_equal(df_record_set_root(r, &root), DF_OK);
}

static void assert_all(df_record *r)
{
    df_value root, member;
    df_walk walk = {0};
    int i = 0;
    assert_int_equal(df_record_root(r, &root), DF_OK);
    for (; df_value_walk(&root, &walk) == DF_OK; i++) {
        assert_text(walk.name, names[i]);
        assert_same(&walk.value, i);
    }
    assert_int_equal(i, TYPES);
    for (i = 0; i < TYPES; i++) {
        assert_int_equal(get(r, names[i], &member), DF_OK);
        assert_same(&member, i);
    }
}

#define WRITTEN                                                                                    \
    "{\"bytes\":\"AP8iCg==\",\"zoned\":\"2023-11-14T12:43:20.123456-09:30\",\"local\":"            \
    "\"1969-12-31T23:59:59.999999\",\"date\":\"-1-12-31\",\"time\":\"23:59:59.999999\",\"nan\":"   \
    "\"NaN\",\"low\":\"-Infinity\",\"tenth\":0.1}"

static void built_and_written(void **state)
{
    held h;
    df_value root;
    (void)state;
    held_init_in(&h, &df__heap_libc, (df_bytes){NULL, 0});
    build(&h.r);
    assert_all(&h.r);
    assert_payload(&h.r, WRITTEN);
    assert_all(&h.r); /* writing changed nothing */
    assert_int_equal(df_record_root(&h.r, &root), DF_OK);
    assert_json(&root, WRITTEN);
    held_free(&h);
}

static void in_a_parsed_record(void **state)
{
    held h;
    df_value v = typed(1);
    (void)state;
    held_init(&h, "{\"a\":1,\"b\":{\"c\":[1,2]},\"d\":\"x\"}");
    assert_int_equal(set(&h.r, "a", &v), DF_OK); /* in place */
    assert_int_equal(get(&h.r, "a", &v), DF_OK);
    assert_same(&v, 1);
    v = typed(0);
    assert_int_equal(set(&h.r, "b.c[1]", &v), DF_OK);
    assert_int_equal(get(&h.r, "b.c[1]", &v), DF_OK);
    assert_same(&v, 0);
    v = typed(5);
    assert_int_equal(set(&h.r, "e.f", &v), DF_OK); /* parents are made */
    assert_payload(&h.r, "{\"a\":\"2023-11-14T12:43:20.123456-09:30\",\"b\":{\"c\":[1,"
                         "\"AP8iCg==\"]},\"d\":\"x\",\"e\":{\"f\":\"NaN\"}}");
    held_free(&h);
}

/* Its bytes are its own in another record. */
static void from_one_record_to_another(void **state)
{
    held from, to;
    df_value root;
    (void)state;
    held_init_in(&from, &df__heap_libc, (df_bytes){NULL, 0});
    held_init_in(&to, &df__heap_libc, (df_bytes){NULL, 0});
    build(&from.r);
    assert_int_equal(df_record_root(&from.r, &root), DF_OK);
    assert_int_equal(df_record_set_root(&to.r, &root), DF_OK);
    held_free(&from);
    assert_all(&to.r);
    assert_payload(&to.r, WRITTEN);
    held_free(&to);
}

static void a_child_shares_it(void **state)
{
    held h;
    df_record child = {0};
    df_value v = int_value(7);
    (void)state;
    held_init_in(&h, &df__heap_libc, (df_bytes){NULL, 0});
    build(&h.r);
    child.offset = -1;
    df__record_inherit(&child, &h.r, &h.arena);
    assert_all(&child);
    assert_int_equal(set(&child, "more", &v), DF_OK);
    assert_int_equal(get(&child, "bytes", &v), DF_OK);
    assert_same(&v, 0);
    assert_all(&h.r);
    held_free(&h);
}

static void renamed_and_removed(void **state)
{
    held h;
    df_value root, v, absent = typed_value(DF_V_ABSENT);
    (void)state;
    held_init_in(&h, &df__heap_libc, (df_bytes){NULL, 0});
    build(&h.r);
    assert_int_equal(df_record_root(&h.r, &root), DF_OK);
    assert_int_equal(df_value_rename(&h.r, &root, bytes_of("gone"), bytes_of("away")), DF_OK);
    assert_int_equal(df_value_rename(&h.r, &root, bytes_of("zoned"), bytes_of("at")), DF_OK);
    for (int i = 2; i < 8; i++)
        assert_int_equal(df_value_put(&h.r, &root, bytes_of(names[i]), &absent), DF_OK);
    assert_int_equal(get(&h.r, "away", &v), DF_OK);
    assert_int_equal(v.type, DF_V_UNCHANGED);
    assert_payload(&h.r, "{\"bytes\":\"AP8iCg==\",\"at\":\"2023-11-14T12:43:20.123456-09:30\"}");
    held_free(&h);
}

/* Puts one where the member of that path is 0; the tree stays an array of values. */
static void make_unchanged_at(df_record *r, const char *path)
{
    const char *dot = strrchr(path, '.');
    df_value parent, at, v = typed(8);
    char up[16];
    if (get(r, path, &at) != DF_OK || at.type != DF_V_INT || at.u.i != 0)
        return;
    snprintf(up, sizeof up, "%.*s", dot ? (int)(dot - path) : 1, dot ? path : "$");
    assert_int_equal(get(r, up, &parent), DF_OK);
    assert_int_equal(df_value_put(r, &parent, bytes_of(dot ? dot + 1 : path), &v), DF_OK);
}

static void make_unchanged(df_record *r)
{
    static const char *const paths[] = {"u",     "v",      "a.u",    "o.u",
                                        "o.p.v", "l[0].u", "l[1].u", "l[2][0].v"};
    for (size_t k = 0; k < sizeof paths / sizeof *paths; k++)
        make_unchanged_at(r, paths[k]);
}

/* What the source did not send is in no JSON, wherever it stands; in an array it keeps the places
 * of the others. */
static void unchanged_is_not_written(void **state)
{
    static const char *const texts[][2] = {
        {"{\"u\":0}", "{}"},
        {"{\"u\":0,\"a\":1}", "{\"a\":1}"},
        {"{\"a\":1,\"u\":0}", "{\"a\":1}"},
        {"{\"a\":1,\"u\":0,\"b\":2}", "{\"a\":1,\"b\":2}"},
        {"{\"u\":0,\"v\":0}", "{}"},
        {"{\"u\":0,\"v\":0,\"a\":{\"u\":0},\"b\":[]}", "{\"a\":{},\"b\":[]}"},
        {"{\"o\":{\"u\":0,\"p\":{\"v\":0}},\"u\":0}", "{\"o\":{\"p\":{}}}"},
        {"{\"l\":[{\"u\":0},{\"u\":0,\"a\":1},[{\"v\":0}]],\"v\":0}",
         "{\"l\":[{},{\"a\":1},[{}]]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        df_value root, copy;
        held h, other;
        held_init(&h, texts[i][0]);
        make_unchanged(&h.r);
        assert_payload(&h.r, texts[i][1]);
        /* The same as linked nodes. */
        held_init_in(&other, &df__heap_libc, (df_bytes){NULL, 0});
        assert_int_equal(df_record_root(&h.r, &root), DF_OK);
        assert_int_equal(df_value_new(&other.r, &root, &copy), DF_OK);
        assert_int_equal(df_record_set_root(&other.r, &copy), DF_OK);
        assert_payload(&other.r, texts[i][1]);
        held_free(&other);
        held_free(&h);
    }
}

static void unchanged_in_an_array(void **state)
{
    df_value list = typed_value(DF_V_ARRAY), l, v = typed(8), one = int_value(1);
    held h;
    (void)state;
    held_init_in(&h, &df__heap_libc, (df_bytes){NULL, 0});
    assert_int_equal(df_value_new(&h.r, &list, &l), DF_OK);
    assert_int_equal(df_value_put(&h.r, &l, bytes_of(NULL), &v), DF_OK);
    assert_int_equal(df_value_put(&h.r, &l, bytes_of(NULL), &one), DF_OK);
    assert_json(&l, "[null,1]");
    held_free(&h);
}

/* Setting by path to "unchanged" leaves what is there. */
static void set_unchanged_leaves(void **state)
{
    df_value v = typed(8);
    held h;
    (void)state;
    held_init(&h, "{\"a\":1}");
    assert_int_equal(set(&h.r, "a", &v), DF_OK);
    assert_int_equal(set(&h.r, "b", &v), DF_OK);
    assert_payload(&h.r, "{\"a\":1}");
    held_free(&h);
}

static void columns_see_types(void **state)
{
    struct df_columns c;
    df_value root, got[TYPES];
    size_t unknown = 0;
    held h;
    (void)state;
    held_init_in(&h, &df__heap_libc, (df_bytes){NULL, 0});
    build(&h.r);
    assert_int_equal(df__columns_init(&c, &h.arena, names, TYPES), DF_OK);
    assert_int_equal(df_record_root(&h.r, &root), DF_OK);
    assert_int_equal(df__columns_fill(&c, &root, got, &unknown), DF_OK);
    assert_int_equal(unknown, 0);
    for (int i = 0; i < TYPES; i++)
        assert_same(&got[i], i);
    held_free(&h);
}

static int holds(df_record *r, const char *text)
{
    df__error err;
    df_condition *c = df__condition_compile(&df__heap_libc, bytes_of(text), &err);
    int rc;
    if (!c)
        fail_msg("%s: %s", text, err.text);
    rc = df_condition_test(c, r);
    df__condition_free(c);
    return rc;
}

static void conditions_compare_them(void **state)
{
    held h;
    (void)state;
    held_init_in(&h, &df__heap_libc, (df_bytes){NULL, 0});
    build(&h.r);
    assert_true(holds(&h.r, "$.tenth > 0.05 && $.tenth < 0.2"));
    assert_true(holds(&h.r, "$.date == '-1-12-31'"));
    assert_true(holds(&h.r, "$.zoned > '2023-11-14' && $.zoned =~ '^2023'"));
    assert_true(holds(&h.r, "$.time == '23:59:59.999999'"));
    assert_true(holds(&h.r, "$.nan == 'NaN'"));
    assert_false(holds(&h.r, "$.nan > 0"));
    assert_false(holds(&h.r, "$.nan <= 0"));
    assert_true(holds(&h.r, "$.nan != 0"));
    assert_false(holds(&h.r, "$.nan"));
    assert_true(holds(&h.r, "$.low < -99999999999999999999"));
    assert_true(holds(&h.r, "$.low"));
    assert_false(holds(&h.r, "$.gone"));
    assert_false(holds(&h.r, "$.gone == null"));
    held_free(&h);
}

static int build_and_write(const df__heap *heap)
{
    df_value empty = typed_value(DF_V_OBJECT), root;
    df_bytes text;
    held h;
    int rc;
    held_init_in(&h, heap, (df_bytes){NULL, 0});
    rc = df_value_new(&h.r, &empty, &root);
    for (int i = 0; i < TYPES && rc == DF_OK; i++) {
        df_value v = typed(i);
        rc = df_value_put(&h.r, &root, bytes_of(names[i]), &v);
    }
    if (rc == DF_OK)
        rc = df_record_set_root(&h.r, &root);
    if (rc == DF_OK)
        rc = df_record_payload(&h.r, &text);
    held_free(&h);
    return rc;
}

static void without_memory(void **state)
{
    (void)state;
    each_failure(build_and_write);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_and_written),
        cmocka_unit_test(in_a_parsed_record),
        cmocka_unit_test(from_one_record_to_another),
        cmocka_unit_test(a_child_shares_it),
        cmocka_unit_test(renamed_and_removed),
        cmocka_unit_test(unchanged_is_not_written),
        cmocka_unit_test(unchanged_in_an_array),
        cmocka_unit_test(set_unchanged_leaves),
        cmocka_unit_test(columns_see_types),
        cmocka_unit_test(conditions_compare_them),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
