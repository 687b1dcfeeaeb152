/* SPDX-License-Identifier: Apache-2.0
 * test_names.c: names, labels and owners of children; the trees they are made with. */
#include "support/support.h"

#include <string.h>

#include "dfoperator/object/names.h"
#include "dfoperator/object/tree.h"

static void test_names(void **state)
{
    op_names flow, cron;
    char run[OP_NAME_MAX + 1];
    (void)state;
    op_names_of(OP_FLOW, "orders", &flow);
    op_names_of(OP_CRON, "orders", &cron);
    assert_string_equal(flow.base, "df-orders");
    assert_string_equal(flow.spec, "df-orders-spec");
    assert_string_equal(flow.checkpoint, "df-orders-checkpoint");
    assert_string_equal(flow.processor, "df-orders-processor");
    assert_string_equal(flow.label, "orders");
    assert_string_equal(cron.base, "dfc-orders");
    assert_string_equal(cron.spec, "dfc-orders-spec");
    assert_string_equal(cron.checkpoint, "dfc-orders-checkpoint");
    assert_string_equal(cron.processor, "dfc-orders-processor");
    op_name_child(OP_CRON, "orders", "-4f2a-trigger-1", run);
    assert_string_equal(run, "dfc-orders-4f2a-trigger-1");
}

static void test_cut(void **state)
{
    static const char *const flows[] = {
        "a-very-long-name-of-a-flow-that-does-not-fit-into-sixty-three-chars",
        "a-very-long-name-of-a-flow-that-does-not-fit-into-sixty-three-chars-at-all",
        "a-very-long-name-of-a-flow-that-does-not-fit-i.-----------------at-all"};
    op_names names[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        op_names cron;
        op_names_of(OP_FLOW, flows[i], &names[i]);
        op_names_of(OP_CRON, flows[i], &cron);
        assert_true(strlen(names[i].base) <= 63 && strlen(names[i].processor) <= 63);
        assert_true(strlen(names[i].label) <= 63);
        assert_true(strlen(cron.base) <= 52);
        assert_string_not_equal(names[i].base, names[i].spec);
        assert_null(strstr(names[i].spec, ".-"));
    }
    assert_string_not_equal(names[0].base, names[1].base);
    assert_string_not_equal(names[0].label, names[1].label);
}

static json_object *flow_of(const char *uid)
{
    return op_json("{'metadata': {'name': 'orders', 'namespace': 'shop', 'uid': %s}}", uid);
}

static void test_metadata(void **state)
{
    json_object *flow = flow_of("u1"), *metadata = op_metadata(OP_FLOW, flow, "df-orders");
    json_object *want = op_json(
        "{'name': 'df-orders', 'namespace': 'shop', 'labels': {'app': 'dataflow-processor', "
        "'dataflow.dataflow.io/name': 'orders', 'dataflow.dataflow.io/kind': 'DataFlow', "
        "'dataflow.dataflow.io/owned': 'true'}, 'ownerReferences': [{'apiVersion': "
        "'dataflow.dataflow.io/v1', 'kind': 'DataFlow', 'name': 'orders', 'uid': 'u1', "
        "'controller': true, 'blockOwnerDeletion': true}]}");
    (void)state;
    assert_string_equal(json_object_to_json_string(metadata), json_object_to_json_string(want));
    json_object_put(want);
    json_object_put(metadata);
    json_object_put(flow);
}

static void test_belongs(void **state)
{
    static const struct {
        op_belongs want;
        const char *metadata;
    } rows[] = {
        {OP_OURS, "{'ownerReferences': [{'uid': 'x'}, {'uid': 'u1', 'controller': true}]}"},
        {OP_EARLIER, "{'ownerReferences': [{'apiVersion': 'dataflow.dataflow.io/v1', 'kind': "
                     "'DataFlow', 'name': 'orders', 'uid': 'u0', 'controller': true}]}"},
        {OP_FOREIGN, "{'ownerReferences': [{'apiVersion': 'dataflow.dataflow.io/v1', 'kind': "
                     "'DataFlowCron', 'name': 'orders', 'uid': 'u0', 'controller': true}]}"},
        {OP_FOREIGN, "{'ownerReferences': [{'uid': 'u1'}]}"},
        {OP_FOREIGN, "{}"},
        {OP_FOREIGN, "{'labels': {'dataflow.dataflow.io/owned': 'true', "
                     "'dataflow.dataflow.io/name': 'orders', "
                     "'dataflow.dataflow.io/kind': 'DataFlowCron'}}"},
        {OP_ORPHAN, "{'labels': {'dataflow.dataflow.io/owned': 'true', "
                    "'dataflow.dataflow.io/name': 'orders', "
                    "'dataflow.dataflow.io/kind': 'DataFlow'}}"},
    };
    json_object *flow = flow_of("u1");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *metadata = op_json(rows[i].metadata);
        json_object *object = op_json("{'metadata': %o}", metadata);
        if (op_belongs_to(object, OP_FLOW, flow) != rows[i].want)
            fail_msg("row %zu", i);
        json_object_put(object);
        json_object_put(metadata);
    }
    json_object_put(flow);
}

static void test_tree(void **state)
{
    json_object *o =
        op_json("{'a': {'b': [%n, %s, %b]}, 'n': %o}", INT64_MIN, "it's \"q\"\n%s", 1, NULL);
    char one[DF__SHA256_HEX], two[DF__SHA256_HEX];
    json_object *x = op_json("{'a': 1, 'b': [1, {'c': 2, 'd': 3}]}");
    json_object *y = op_json("{'b': [1, {'d': 3, 'c': 2}], 'a': 1}");
    (void)state;
    assert_true(op_int(o, "a.b.0", 0) == INT64_MIN);
    assert_string_equal(op_text(o, "a.b.1"), "it's \"q\"\n%s");
    assert_true(op_is(o, "a.b.2"));
    assert_null(op_get(o, "a.b.3"));
    assert_null(op_get(o, "a.x.y"));
    assert_string_equal(op_text(o, "a.b"), "");
    assert_int_equal(op_put(o, "c.d.e", json_object_new_int(4)), 0);
    assert_int_equal(op_int(o, "c.d.e", 0), 4);
    assert_int_equal(op_put(o, "c.d", NULL), 0);
    assert_int_equal(op_put(o, "x.y", NULL), 0);
    assert_null(op_get(o, "c.d"));
    assert_null(op_get(o, "x"));
    assert_null(op_json("{'a'"));
    assert_int_equal(op_hash(x, one), 0);
    assert_int_equal(op_hash(y, two), 0);
    assert_string_equal(one, two);
    op_put(y, "a", json_object_new_int(2));
    assert_int_equal(op_hash(y, two), 0);
    assert_string_not_equal(one, two);
    json_object_put(o);
    json_object_put(x);
    json_object_put(y);
}

static void test_lists_and_times(void **state)
{
    json_object *x = op_json("{'a': [{'n': {'m': 'x'}, 'i': 1}, 7, {'n': {'m': 'y'}}, "
                             "{'n': {'m': 'y'}, 'i': 4}], 'at': '2026-01-02T05:04:05+02:00', "
                             "'bad': '2026-01-02'}");
    char text[OP_TIME];
    (void)state;
    assert_int_equal(op_count(op_get(x, "a")), 4);
    assert_int_equal(op_count(op_get(x, "a.0")), 0);
    assert_int_equal(op_count(NULL), 0);
    assert_ptr_equal(op_find(op_get(x, "a"), "n.m", "y"), op_get(x, "a.2"));
    assert_null(op_find(op_get(x, "a"), "n.m", "z"));
    assert_null(op_find(x, "n.m", "x"));
    assert_int_equal(op_time(x, "at", -1), 1767323045);
    assert_int_equal(op_time(x, "bad", -1), -1);
    assert_int_equal(op_time(x, "not.there", -1), -1);
    op_time_write(1767323045, text);
    assert_string_equal(text, "2026-01-02T03:04:05Z");
    op_time_write(INT64_MAX / 2, text);
    assert_string_equal(text, "");
    assert_null(op_time_new(INT64_MAX / 2));
    json_object_put(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),    cmocka_unit_test(test_cut),
        cmocka_unit_test(test_metadata), cmocka_unit_test(test_belongs),
        cmocka_unit_test(test_tree),     cmocka_unit_test(test_lists_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
