/* SPDX-License-Identifier: Apache-2.0
 * test_compare.c: objects and quantities by meaning. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/compare.h"
#include "util/quantity.h"
#include "dfoperator/object/tree.h"

static void test_quantities(void **state)
{
    static const struct {
        const char *a, *b;
        int same;
    } rows[] = {
        {"1", "1000m", 1},
        {"0.5", "500m", 1},
        {"1Gi", "1024Mi", 1},
        {"1.5Gi", "1536Mi", 1},
        {"2e3", "2k", 1},
        {"2E3", "2000", 1},
        {"1E", "1000P", 1},
        {"+1", "1", 1},
        {"-1", "-1000m", 1},
        {"0", "0m", 1},
        {".5", "0.5", 1},
        {"1.", "1", 1},
        {"100m", "0.1", 1},
        {"1e-3", "1m", 1},
        {"1u", "1000n", 1},
        {"0.0000000001", "1n", 1}, /* rounded up */
        {"0.0000000011", "2n", 1},
        {"100Ei", "9223372036854775807", 1}, /* held at the end */
        {"00001", "1", 1},
        {"1", "2", 0},
        {"1Ki", "1k", 0},
        {"1", "-1", 0},
        {"", "", 0},
        {"1x", "1x", 0},
        {"m", "m", 0},
        {".", ".", 0},
        {"1e", "1e", 0},
        {"1 ", "1", 0},
        {"0.00048828125Ki", "0.5", 1},
        {"1.0000000001", "1.000000001", 1},
        {"1152921504606846976", "1Ei", 1},
        {"0.3333333333333333333333333333333333Ki", "341333333334n", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (op_quantity_same(rows[i].a, rows[i].b) != rows[i].same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
}

static void test_objects(void **state)
{
    static const struct {
        const char *wanted, *live, *path; /* path NULL: the same */
    } rows[] = {
        {"{'a': 1}", "{'a': 1, 'b': 2}", NULL},
        {"{'a': 1}", "{'a': 2}", "a"},
        {"{'a': 1}", "{}", "a"},
        {"{'a': 0}", "{}", "a"},
        {"{'a': false, 'b': '', 'c': [], 'd': {}, 'e': null}", "{}", NULL},
        {"{'a': '1'}", "{'a': 1}", "a"},
        {"{'a': '1000m'}", "{'a': '1'}", "a"},
        {"{'limits': {'cpu': '1000m', 'memory': '1Gi'}}",
         "{'limits': {'memory': '1024Mi', 'cpu': '1'}}", NULL},
        {"{'limits': {'cpu': 2}}", "{'limits': {'cpu': '2'}}", NULL},
        {"{'requests': {'cpu': 0.5}}", "{'requests': {'cpu': '500m'}}", NULL},
        {"{'limits': {'cpu': '1'}}", "{'limits': {'cpu': '2'}}", "limits.cpu"},
        {"{'c': [{'name': 'p', 'image': 'a'}]}",
         "{'c': [{'name': 'sidecar'}, {'name': 'p', 'image': 'a', 'x': 1}]}", NULL},
        {"{'c': [{'name': 'p', 'image': 'a'}]}", "{'c': [{'name': 'p', 'image': 'b'}]}",
         "c[p].image"},
        {"{'c': [{'name': 'p'}]}", "{'c': [{'name': 'q'}]}", "c[p]"},
        {"{'c': [{'name': 'p'}]}", "{'c': {}}", "c"},
        {"{'m': [{'name': 'v', 'mountPath': '/a'}, {'name': 'v', 'mountPath': '/b'}]}",
         "{'m': [{'name': 'v', 'mountPath': '/b'}, {'name': 'v', 'mountPath': '/a'}]}", NULL},
        {"{'o': [{'name': 'n', 'uid': '1'}]}", "{'o': [{'name': 'n', 'uid': '1'}]}", NULL},
        {"{'args': ['a', 'b']}", "{'args': ['a', 'b']}", NULL},
        {"{'args': ['a', 'b']}", "{'args': ['b', 'a']}", "args[0]"},
        {"{'args': ['a']}", "{'args': ['a', 'b']}", "args"},
        {"{'t': [{'key': 'a'}]}", "{'t': [{'key': 'a', 'effect': 'NoSchedule'}]}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *wanted = op_json(rows[i].wanted), *live = op_json(rows[i].live);
        char path[OP_PATH];
        int same = op_compare(wanted, live, path);
        if (same != !rows[i].path || (!same && strcmp(path, rows[i].path) != 0))
            fail_msg("row %zu: %d at \"%s\"", i, same, path);
        json_object_put(wanted);
        json_object_put(live);
    }
}

/* A path longer than its buffer is cut. */
static void test_deep(void **state)
{
    json_object *wanted = json_object_new_object(), *live = json_object_new_object();
    char path[OP_PATH], name[512] = "";
    (void)state;
    for (int i = 0; i < 60; i++)
        strncat(name, i ? ".member" : "member", sizeof name - strlen(name) - 1);
    op_put(wanted, name, json_object_new_int(1));
    op_put(live, name, json_object_new_int(2));
    assert_false(op_compare(wanted, live, path));
    assert_int_equal(strlen(path), OP_PATH - 1);
    json_object_put(wanted);
    json_object_put(live);
}

static void test_patch(void **state)
{
    static const struct {
        const char *was, *now, *patch;
    } rows[] = {
        {"{}", "{'a': 1}", "{'a': 1}"},
        {"{'a': 1, 'b': {'c': 2, 'd': 3}}", "{'a': 1, 'b': {'c': 4}}",
         "{'b': {'c': 4, 'd': null}}"},
        {"{'a': [1, 2], 'b': 1}", "{'a': [1]}", "{'a': [1], 'b': null}"},
        {"{'a': {'b': 1}}", "{'a': 'text'}", "{'a': 'text'}"},
        {"{'a': 'text'}", "{'a': {'b': 1}}", "{'a': {'b': 1}}"},
        {"{'a': {'b': [1]}}", "{'a': {'b': [1]}}", "{}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_object *was = op_json(rows[i].was), *now = op_json(rows[i].now);
        json_object *patch = op_patch(was, now), *wanted = op_json(rows[i].patch);
        assert_string_equal(json_object_to_json_string(patch), json_object_to_json_string(wanted));
        json_object_put(was);
        json_object_put(now);
        json_object_put(patch);
        json_object_put(wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_patch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
