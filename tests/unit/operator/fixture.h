/* SPDX-License-Identifier: Apache-2.0
 * fixture.h: flows and settings that the operator's tests share. */
#ifndef TEST_OPERATOR_FIXTURE_H
#define TEST_OPERATOR_FIXTURE_H

#include "support/support.h"

#include <string.h>

#include "dfoperator/plan/settings.h"
#include "dfoperator/object/tree.h"

/* A spec with references, in the layout of today; a source with one reader, or kafka. */
#define FIXTURE_POLL                                                                               \
    "{'source': {'type': 'stdio', 'config': {'path': '/data/in.jsonl'}}, "                         \
    "'sink': {'type': 'postgresql', 'config': {'connectionStringSecretRef': {'name': 'dst', "      \
    "'key': 'dsn'}, 'table': 'b'}}}"
#define FIXTURE_KAFKA                                                                              \
    "{'source': {'type': 'kafka', 'config': {'brokers': ['k:9092'], 'topic': 't', "                \
    "'consumerGroup': 'g'}}, 'sink': {'type': 'postgresql', 'config': "                            \
    "{'connectionStringSecretRef': {'name': 'dst', 'key': 'dsn'}, 'table': 'b'}}}"

/* One env for all tests of a program: its group fixture. */
extern df_env *fixture_env;
int fixture_open(void **state);
int fixture_close(void **state);

static inline op_settings fixture_settings(df_env *env)
{
    return (op_settings){.env = env,
                         .image = "registry.test/dataflow:1.0.0",
                         .repository = "registry.test/dataflow",
                         .processor_level = "info",
                         .pending_us = 20000000,
                         .progress_timeout_s = 3600};
}

/* A DataFlow or DataFlowCron shop/orders with this spec (a pattern). */
static inline json_object *fixture_flow(const char *kind, const char *spec)
{
    json_object *s = op_json(spec), *flow;
    assert_non_null(s);
    flow = op_json("{'apiVersion': 'dataflow.dataflow.io/v1', 'kind': %s, 'metadata': {'name': "
                   "'orders', 'namespace': 'shop', 'uid': 'u1', 'generation': 1}, 'spec': %o}",
                   kind, s);
    json_object_put(s);
    return flow;
}

#endif
