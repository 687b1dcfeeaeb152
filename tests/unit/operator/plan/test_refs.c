/* SPDX-License-Identifier: Apache-2.0
 * test_refs.c: references to Secrets: where they are found, the volume they make, other
 * namespaces. */
#include "support/support.h"

#include <string.h>

#include "dfoperator/plan/refs.h"
#include "dfoperator/object/tree.h"

static void check_json(json_object *have, const char *want)
{
    json_object *w = op_json(want);
    assert_non_null(w);
    if (!json_object_equal(have, w))
        fail_msg("%s", json_object_to_json_string(have));
    json_object_put(w);
}

static void test_places(void **state)
{
    json_object *spec = op_json(
        "{'source': {'type': 'kafka', 'kafka': {'sasl': {'passwordSecretRef': {'name': 'k', 'key': "
        "'password'}}, 'tls': {'caSecretRef': {'name': 'ca', 'key': 'ca.crt'}}}}, "
        "'transformations': [{'type': 'router', 'config': {'routes': [{'condition': 'a', 'sink': "
        "{'type': 'postgresql', 'config': {'connectionStringSecretRef': {'name': 'route', 'key': "
        "'dsn'}}}}]}}], "
        "'sink': {'type': 'postgresql', 'config': {'connectionStringSecretRef': {'name': 'k', "
        "'key': 'dsn', 'namespace': 'shop'}}}, "
        "'errors': {'type': 'kafka', 'config': {'sasl': {'passwordSecretRef': {'name': 'k', "
        "'key': 'password'}}}}, "
        "'triggers': [{'envSecretRef': {'name': 'no', 'key': 'no'}}]}");
    op_refs refs;
    (void)state;
    assert_int_equal(op_refs_read(spec, "shop", (op_mirrors){0}, &refs), 0);
    assert_string_equal(refs.problem, "");
    check_json(refs.sources,
               "[{'secret': {'name': 'ca', 'items': [{'key': 'ca.crt', 'path': 'ca/ca.crt'}], "
               "'optional': true}}, {'secret': {'name': 'k', 'items': [{'key': 'dsn', 'path': "
               "'k/dsn'}, {'key': 'password', 'path': 'k/password'}], 'optional': true}}, "
               "{'secret': {'name': 'route', 'items': [{'key': 'dsn', 'path': 'route/dsn'}], "
               "'optional': true}}]");
    check_json(op_get(refs.spec, "sink.config.connectionStringSecretRef"),
               "{'name': 'k', 'key': 'dsn'}");
    check_json(refs.foreign, "[]");
    op_refs_free(&refs);
    json_object_put(spec);
}

static void test_other_namespace(void **state)
{
    static const op_mirror rows[] = {{"vault", "pg", "df-orders-copy-pg", NULL}};
    static const op_mirror refused[] = {{"vault", "pg", "df-orders-copy-pg", "which is refused"}};
    json_object *spec = op_json("{'sink': {'config': {'xSecretRef': {'namespace': 'vault', 'name': "
                                "'pg', 'key': 'dsn'}}}}");
    op_refs refs;
    (void)state;
    assert_int_equal(op_refs_read(spec, "shop", (op_mirrors){0}, &refs), 0);
    assert_string_equal(refs.problem,
                        "spec.sink.config.xSecretRef names the Secret vault/pg of another "
                        "namespace, which the operator does not use: set secrets.otherNamespaces "
                        "in its chart");
    check_json(refs.sources, "[]");
    check_json(refs.foreign, "[{'namespace': 'vault', 'name': 'pg', 'key': 'dsn', 'copy': ''}]");
    op_refs_free(&refs);
    assert_int_equal(op_refs_read(spec, "shop", (op_mirrors){refused, 1, 1, 0}, &refs), 0);
    assert_string_equal(refs.problem, "spec.sink.config.xSecretRef names the Secret vault/pg of "
                                      "another namespace, which is refused");
    check_json(refs.sources, "[]");
    op_refs_free(&refs);
    assert_int_equal(op_refs_read(spec, "shop", (op_mirrors){rows, 1, 1, 0}, &refs), 0);
    assert_string_equal(refs.problem, "");
    check_json(refs.spec,
               "{'sink': {'config': {'xSecretRef': {'name': 'df-orders-copy-pg', 'key': 'dsn'}}}}");
    check_json(refs.sources,
               "[{'secret': {'name': 'df-orders-copy-pg', 'items': [{'key': 'dsn', 'path': "
               "'df-orders-copy-pg/dsn'}], 'optional': true}}]");
    op_refs_free(&refs);
    json_object_put(spec);
}

/* A key that a projected volume refuses would make the API server refuse the pod. */
static void test_bad_keys(void **state)
{
    static const char *const keys[] = {"", "..", "..x", ".", "a/b", "a b"};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_object *spec =
            op_json("{'sink': {'config': {'xSecretRef': {'name': 'pg', 'key': %s}}}}", keys[i]);
        op_refs refs;
        assert_int_equal(op_refs_read(spec, "shop", (op_mirrors){0}, &refs), 0);
        assert_non_null(strstr(refs.problem, "spec.sink.config.xSecretRef"));
        check_json(refs.sources, "[]");
        op_refs_free(&refs);
        json_object_put(spec);
    }
}

/* Nothing of a name that no Secret can have gets into a request, a command to copy, or a copy. */
static void test_bad_names(void **state)
{
    static const struct {
        const char *space, *name;
    } rows[] = {{"vault", ""},     {"vault", "."},         {"vault", ".."},   {"vault", "a/b"},
                {"vault", "a..b"}, {"vault", "-a"},        {"vault", "a-"},   {"vault", "A"},
                {"vault", "a;b"},  {"vault", "a b"},       {"vault", "a-.b"}, {"vault", ".a"},
                {"..", "pg"},      {"va/ult", "pg"},       {"va.ult", "pg"},  {"$(x)", "pg"},
                {"vault", "a."},   {"vault", "p\xc3\xa9"}, {"vault", "a\nb"}, {"", ".."}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *spec = op_json("{'sink': {'config': {'xSecretRef': {'namespace': %s, 'name': "
                                    "%s, 'key': 'dsn'}}}}",
                                    rows[i].space, rows[i].name);
        op_refs refs;
        assert_int_equal(op_refs_read(spec, "shop", (op_mirrors){.allowed = 1}, &refs), 0);
        if (!strstr(refs.problem, "can be no Secret and its key"))
            fail_msg("%s/%s: %s", rows[i].space, rows[i].name, refs.problem);
        check_json(refs.foreign, "[]");
        check_json(refs.sources, "[]");
        op_refs_free(&refs);
        json_object_put(spec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_other_namespace),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_bad_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
