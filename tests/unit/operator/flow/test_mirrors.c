/* SPDX-License-Identifier: Apache-2.0
 * test_mirrors.c: plans for a flow that names a Secret of another namespace: what is asked for,
 * what waits for the copy, and what goes on when it is refused. */
#include "support/support.h"

#include <string.h>

#include "dfoperator/child/children.h"
#include "dfoperator/flow/flow.h"
#include "unit/operator/model.h"

#define FOREIGN                                                                                    \
    "{'source': {'type': 'kafka', 'config': {'brokers': ['k:9092'], 'topic': 't', "                \
    "'consumerGroup': 'g'}}, 'sink': {'type': 'postgresql', 'config': "                            \
    "{'connectionStringSecretRef': {'name': 'pg', 'namespace': 'vault', 'key': 'dsn'}, 'table': "  \
    "'b'}}}"
#define COPY "df-orders-secret-1"

static const op_mirror granted[] = {{"vault", "pg", COPY, NULL}};
static const op_mirror refused[] = {{"vault", "pg", COPY, "which is refused"}};

static json_object *spec_map(model *m)
{
    return model_get(m, OP_CONFIG_MAP, "df-orders-spec");
}

static int asks_for(model *m, size_t count, int keeps)
{
    op_plan p;
    int good;
    model_plan(m, &p);
    good = p.foreign && json_object_array_length(p.foreign) == count && p.keeps_copies == keeps;
    op_plan_free(&p);
    return good;
}

static void resolved(model *m, const char *status)
{
    json_object *c = model_condition(m, "SpecResolved");
    if (strcmp(op_text(c, "status"), status) != 0)
        fail_msg("%s", json_object_to_json_string(c));
}

/* The ConfigMap names the copy first; the pods come when it is made. */
static void test_first(void **state)
{
    model m;
    (void)state;
    model_begin(&m, fixture_env, fixture_flow("DataFlow", FOREIGN));
    assert_true(asks_for(&m, 1, 1)); /* nothing is known yet */
    m.mirrors = (op_mirrors){granted, 1, 1, 1};
    model_settle(&m);
    assert_true(asks_for(&m, 1, 0));
    assert_non_null(strstr(op_annotation(spec_map(&m), OP_COPIES), COPY));
    assert_null(model_get(&m, OP_DEPLOYMENT, "df-orders"));
    m.mirrors.waits = 0;
    model_settle(&m);
    assert_non_null(model_get(&m, OP_DEPLOYMENT, "df-orders"));
    resolved(&m, "True");
    model_end(&m);
}

/* Its pods go on as they are; what the spec does not name any more stays for them. */
static void test_refused(void **state)
{
    model m;
    json_object *d;
    int64_t generation;
    (void)state;
    model_begin(&m, fixture_env, fixture_flow("DataFlow", FOREIGN));
    m.mirrors = (op_mirrors){granted, 1, 1, 0};
    model_settle(&m);
    d = model_get(&m, OP_DEPLOYMENT, "df-orders");
    generation = op_int(d, "metadata.generation", 0);
    m.mirrors.rows = refused;
    model_settle(&m);
    resolved(&m, "False");
    assert_non_null(strstr(op_text(m.flow, "status.message"), "which is refused"));
    assert_non_null(strstr(op_text(m.flow, "status.message"), "the pods of the last good spec"));
    assert_true(asks_for(&m, 1, 1));
    d = model_get(&m, OP_DEPLOYMENT, "df-orders");
    assert_int_equal(op_int(d, "metadata.generation", 0), generation);
    m.mirrors.rows = granted;
    model_settle(&m);
    resolved(&m, "True");
    assert_int_equal(op_int(model_get(&m, OP_DEPLOYMENT, "df-orders"), "metadata.generation", 0),
                     generation);
    model_end(&m);
}

/* Without the reference nothing is asked for. */
static void test_reference_goes(void **state)
{
    model m;
    (void)state;
    model_begin(&m, fixture_env, fixture_flow("DataFlow", FOREIGN));
    m.mirrors = (op_mirrors){granted, 1, 1, 0};
    model_settle(&m);
    model_spec(&m, "sink.config.connectionStringSecretRef.namespace", NULL);
    assert_true(asks_for(&m, 0, 0));
    model_settle(&m);
    resolved(&m, "True");
    model_end(&m);
}

/* Of a spec that is wrong nothing is taken over: the copies stay for the pods of the last good one.
 */
static void test_invalid(void **state)
{
    model m;
    op_plan p;
    (void)state;
    model_begin(&m, fixture_env, fixture_flow("DataFlow", FOREIGN));
    m.mirrors = (op_mirrors){granted, 1, 1, 0};
    model_settle(&m);
    model_spec(&m, "sink.type", "'nonsense'");
    model_plan(&m, &p);
    assert_null(p.foreign);
    op_plan_free(&p);
    model_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_reference_goes),
        cmocka_unit_test(test_invalid),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
