/* SPDX-License-Identifier: Apache-2.0
 * test_options.c: option rules and properties of the Kafka connector, without a broker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/kafka/client/config.h"
#include "connectors/kafka/client/words.h"
#include "connectors/kafka/kafka.h"
#include "dataflow_ext.h"
#include "support/support.h"

/* All problems of a flow with these source and sink options. */
static char *problems_of(const char *source, const char *sink)
{
    df_env *env = df_env_new(NULL);
    int rc = df_connector_register(env, &df_connector_kafka);
    assert_true(rc == DF_OK || rc == DF_EEXISTS);
    df_pipeline *p = df_pipeline_new(env, NULL);
    df_stage_def defs[2] = {{sizeof(df_stage_def), DF_SOURCE, "in", "kafka", source, 0},
                            {sizeof(df_stage_def), DF_SINK, "out", "kafka", sink, 0}};
    (void)df_pipeline_add(p, &defs[0]);
    (void)df_pipeline_add(p, &defs[1]);
    (void)df_pipeline_check(p);
    char *text = support_problems(p);
    df_pipeline_free(p);
    df_env_free(env);
    return text;
}

static void a_good_flow_has_no_problem(void **state)
{
    char *text =
        problems_of("{brokers: 'a:1, b:2,', topic: t, securityProtocol: plaintext, "
                    "consumerMaxWait: 100ms, netReadTimeout: 10s, fetchMinBytes: 0, "
                    "startFrom: timestamp, startTime: '2026-01-31T12:00:00+01:00', "
                    "properties: {session.timeout.ms: 6000}}",
                    "{brokers: a:1, topic: t, compression: zstd, maxOpenRequests: 1, "
                    "flushFrequency: 100ms, key: user.id, headers: {a: $.b, c: metadata.topic, "
                    "d: 5 $}, topicFrom: metadata.topic, topicAllow: 'out[.].*', tombstones: true, "
                    "topicCreate: {partitions: 3, config: {retention.ms: 1}}, "
                    "properties: {partitioner: fnv1a_random}}");
    (void)state;
    assert_string_equal(text, "");
    free(text);
}

static const struct {
    const char *source, *sink, *want;
} cases[] = {
    {"{topic: t}", NULL, "brokers"},
    {"{brokers: a:1}", NULL, "topic"},
    {"{brokers: a:1, topic: t, securityProtocol: SSL}", NULL, "SSL needs the block tls"},
    {"{brokers: a:1, topic: t, securityProtocol: sasl-plaintext}", NULL,
     "SASL_PLAINTEXT needs the block sasl"},
    {"{brokers: a:1, topic: t, securityProtocol: ssl, tls: {}, sasl: {username: u, password: "
     "p}}",
     NULL, "SSL goes without sasl"},
    {"{brokers: a:1, topic: t, securityProtocol: Plaintext, tls: {}}", NULL,
     "PLAINTEXT goes without tls"},
    {"{brokers: a:1, topic: t, sasl: {mechanism: scram, username: u, password: p}}", NULL,
     "is not a mechanism"},
    {"{brokers: a:1, topic: t, sasl: {username: u, password: p}}", NULL, "read the password"},
    {"{brokers: a:1, topic: t, sasl: {mechanism: scram_sha_256, username: u, password: p}}", NULL,
     "read the records"},
    {"{brokers: a:1, topic: t, sasl: {password: p}}", NULL, "username"},
    {"{brokers: a:1, topic: t, sasl: {mechanism: oauthbearer, clientID: c, clientSecret: s}}", NULL,
     "tokenEndpointURL"},
    {"{brokers: a:1, topic: t, sasl: {mechanism: oauthbearer, tokenEndpointURL: u, clientID: c, "
     "clientSecret: s, password: p}}",
     NULL, "\"password\" is not for the mechanism OAUTHBEARER"},
    {"{brokers: a:1, topic: t, sasl: {username: u, password: p, scope: s}}", NULL,
     "\"scope\" is not for the mechanism PLAIN"},
    {"{brokers: a:1, topic: t, tls: {insecureSkipVerify: true}}", NULL, "anybody between"},
    {"{brokers: a:1, topic: t, tls: {insecureSkipVerify: true, caFile: f}}", NULL,
     "has no effect: there are certificates"},
    {"{brokers: a:1, topic: t, tls: {key: k}}", NULL, "needs certFile or certSecretRef too"},
    {NULL, "{brokers: a:1, topic: t, tls: {certFile: c}}", "needs keyFile or keySecretRef too"},
    {"{brokers: a:1, topic: t, securityProtocol: tls}", NULL, "is not a protocol"},
    {"{brokers: a:1, topic: t, format: avro}", NULL, "avro needs the schema"},
    {"{brokers: a:1, topic: t, avroSchema: x}", NULL, "needs format: avro"},
    {"{brokers: a:1, topic: t, format: avro, avroSchema: '{}'}", NULL, "avroSchema: "},
    {"{brokers: a:1, topic: t, format: avro, schemaRegistry: {url: 'ftp://h'}}", NULL,
     "must begin with http"},
    {"{brokers: a:1, topic: t, format: avro, schemaRegistry: {url: 'http://u:p@h'}}", NULL,
     "give them in basicAuth"},
    {"{brokers: a:1, topic: t, format: avro, schemaRegistry: {url: 'http://h', basicAuth: "
     "{username: u, password: p}}}",
     NULL, "read the password; use https"},
    {"{brokers: a:1, topic: t, format: avro, schemaRegistry: {url: 'https://h', tls: {key: k}}}",
     NULL, "schemaRegistry.tls.keyFile: has no effect"},
    {NULL,
     "{brokers: a:1, topic: t, format: avro, schemaRegistry: {url: 'https://h'}, "
     "autoRegister: true}",
     "autoRegister: needs avroSchema"},
    {NULL, "{brokers: a:1, topic: t, format: avro, avroSchema: '\"int\"', autoRegister: true}",
     "autoRegister: needs schemaRegistry"},
    {NULL,
     "{brokers: a:1, topic: t, format: avro, schemaRegistry: {url: 'https://h'}, "
     "subjectStrategy: record}",
     "need avroSchema or avroSchemaFile"},
    {NULL, "{brokers: a:1, topic: t, format: avro, avroSchema: '\"int\"', schemaVersion: 2}",
     "schemaVersion: is for schemaRegistry without"},
    {"{brokers: a:1, topic: t, consumerMaxWait: 0}", NULL, "consumerMaxWait"},
    {"{brokers: a:1, topic: t, fetchMaxBytes: 0}", NULL, "fetchMaxBytes"},
    {"{brokers: a:1, topic: t, consumerMaxWait: 2s, netReadTimeout: 2s}", NULL,
     "must be more than consumerMaxWait"},
    {"{brokers: a:1, topic: t, startFrom: middle}", NULL, "startFrom"},
    {"{brokers: a:1, topic: t, topics: [u]}", NULL, "only one of topic, topics and"},
    {"{brokers: a:1, topic: t, topicPattern: u}", NULL, "only one of topic, topics and"},
    {"{brokers: a:1, topics: [u, 'a b']}", NULL, "topics: \"a b\" is not the name of a topic"},
    {"{brokers: a:1, topics: [u, v, u]}", NULL, "topics: \"u\" is there twice"},
    {"{brokers: a:1, topicPattern: '['}", NULL, "topicPattern: is not a regular expression"},
    {"{brokers: a:1, topic: t, startFrom: timestamp}", NULL, "startTime: goes with"},
    {"{brokers: a:1, topic: t, startTime: '2026-01-31T12:00:00Z'}", NULL, "startTime: goes with"},
    {"{brokers: a:1, topic: t, startFrom: timestamp, startTime: '2026-01-31T12:00:00'}", NULL,
     "startTime: is not a time"},
    {"{brokers: a:1, topic: t, startFrom: offsets}", NULL, "startOffsets: goes with"},
    {"{brokers: a:1, topic: t, startFrom: offsets, startOffsets: {a: 1}}", NULL,
     "write partition: offset"},
    {"{brokers: a:1, topic: t, startFrom: offsets, startOffsets: {t/0: -1}}", NULL,
     "write partition: offset"},
    {"{brokers: a:1, topic: t, properties: {max.poll.intervall.ms: 5}}", NULL,
     "did you mean \"max.poll.interval.ms\"?"},
    {"{brokers: a:1, topic: t, properties: {bootstrap.servers: x}}", NULL,
     "use the option brokers"},
    {"{brokers: a:1, topic: t, properties: {enable.auto.commit: true}}", NULL,
     "committed when records are delivered"},
    {"{brokers: a:1, topic: t, properties: {sasl.username: x}}", NULL,
     "use the option sasl.username"},
    {NULL, "{brokers: a:1, topic: t, requiredAcks: none}", "must be all"},
    {NULL, "{brokers: a:1, topic: t, key: '$.a[*]'}", "must name one"},
    {NULL, "{brokers: a:1, topic: t, headers: {h: metadata.}}", "\"metadata.\" has no name"},
    {NULL, "{brokers: a:1, topic: t, key: metadata.}", "\"metadata.\" has no name"},
    {NULL, "{brokers: a:1, topic: t, key: '$.a['}", "is no path"},
    {NULL, "{brokers: a:1, topic: t, headers: {h: '$.a['}}", "is no path"},
    {NULL, "{brokers: a:1, topic: t, headers: [h]}", "expects a map"},
    {NULL, "{brokers: a:1, topic: t, topicFrom: $.t}", "topicAllow: is required with topicFrom"},
    {NULL, "{brokers: a:1, topic: t, topicFrom: '$.t[*]', topicAllow: a}", "must name one"},
    {NULL, "{brokers: a:1, topic: t, topicFrom: $.t, topicAllow: 'a('}",
     "topicAllow: is not a regular expression: Unmatched ("},
    {NULL, "{brokers: a:1, topic: t, topicAllow: a}", "has no meaning without topicFrom"},
    {NULL, "{brokers: a:1, topic: t, topicCreate: {partitions: 0}}", "topicCreate.partitions"},
    {NULL, "{brokers: a:1, topic: t, topicCreate: {replicationFactor: 0}}",
     "must be 1 or more, or -1"},
    {NULL, "{brokers: a:1, topic: t, idempotent: false}", "false has no effect"},
    {NULL, "{brokers: a:1, topic: t, compression: brotli}", "compression"},
    {NULL, "{brokers: a:1, topic: t, maxOpenRequests: 0}", "maxOpenRequests"},
    {NULL, "{brokers: a:1, topic: t, properties: {enable.idempotence: false}}",
     "always idempotent"},
    {NULL, "{brokers: a:1, topic: t, properties: {session.timeout.ms: 6000}}",
     "not in the list of allowed properties"},
    {NULL, "{brokers: a:1, topic: t, properties: {linger.ms: soon}}", "properties.linger.ms"},
};

static void each_rule_tells_its_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *good = "{brokers: a:1, topic: t}";
        char *text = problems_of(cases[i].source != NULL ? cases[i].source : good,
                                 cases[i].sink != NULL ? cases[i].sink : good);
        if (!strstr(text, cases[i].want))
            print_error("case %zu: no \"%s\" in:\n%s", i, cases[i].want, text);
        assert_non_null(strstr(text, cases[i].want));
        free(text);
    }
}

static void errors_of_the_client_have_a_fate(void **state)
{
    (void)state;
    assert_int_equal(df__kafka_rule_of(NULL, RD_KAFKA_RESP_ERR__TRANSPORT).status, DF_OK);
    assert_int_equal(df__kafka_rule_of(NULL, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN).status, DF_OK);
    assert_int_equal(df__kafka_rule_of(NULL, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).status,
                     DF_EAUTH);
    assert_int_equal(df__kafka_rule_of(NULL, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID).status,
                     DF_EFENCED);
}

/* Words for a broker at an address that the cluster names, and for one of the option brokers. */
static void who_names_a_broker_is_told(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"localhost:1/2: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms)",
         "a:9092 answers and says that broker 2 is at localhost:1 (its advertised.listeners), and "
         "there it is not reached: nobody listens there"},
        {"sasl_ssl://node:9092/3: Failed to resolve 'node:9092': Name or service not known",
         "broker 3 is at node:9092 (its advertised.listeners), and there it is not reached: this "
         "name has no address"},
        {"GroupCoordinator: node:9092: Connect to ipv4#10.0.0.1:9092 failed: Connection refused",
         "a:9092 answers and says that a broker is at node:9092"},
        {"TxnCoordinator: my-node:9092: Connect to ipv4#10.0.0.1:9092 failed: Connection refused",
         "broker my-node:9092: nobody listens there"},
        {"localhost:19092/bootstrap: Connect to ipv4#127.0.0.1:19092 failed: Connection refused",
         "broker localhost:19092: nobody listens there"},
        {"a:9092/1: Connect to ipv4#10.0.0.2:9092 failed: Connection refused",
         "broker a:9092: nobody listens there"},
    };
    static const char brokers[] = "localhost:19092, a:9092,my-node:9092";
    df__kafka_common o = {.brokers = {brokers, sizeof brokers - 1}};
    (void)state;
    df__kafka_note_answer(&o, "ssl://a:9092/bootstrap");
    df__kafka_note_answer(&o, "ssl://node:9092/3"); /* its address is what the first one said */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char words[480];
        df__kafka_words(words, sizeof words, &o, RD_KAFKA_RESP_ERR__TRANSPORT, rows[i].text);
        if (!strstr(words, rows[i].want))
            fail_msg("'%s' is not in '%s'", rows[i].want, words);
    }
}

/* Below what balancers of clouds keep; `properties` have the last word. */
static void idle_connections_are_closed_by_us(void **state)
{
    static const df_pair own = {{"connections.max.idle.ms", 23}, {"30000", 5}};
    df__kafka_common o = {.brokers = {"a:1", 3}, .topic = {"t", 1}};
    df__kafka_setup s = {.checking = 1};
    (void)state;
    assert_ok(df__kafka_setup_probe(&s, &o, NULL));
    assert_int_equal(df__kafka_setup_number(&s, "connections.max.idle.ms"), 180000);
    df__kafka_setup_end(&s);
    o.properties = (df_list){&own, 1, sizeof own};
    assert_ok(df__kafka_setup_probe(&s, &o, NULL));
    assert_int_equal(df__kafka_setup_number(&s, "connections.max.idle.ms"), 30000);
    df__kafka_setup_end(&s);
}

static void a_gate_lets_one_through(void **state)
{
    df__kafka_gate gate = {0};
    (void)state;
    assert_true(df__kafka_gate_open(&gate, 60000));
    assert_false(df__kafka_gate_open(&gate, 60000));
}

static void a_failure_is_kept_until_the_first_is_told(void **state)
{
    df__kafka_failure f = {0};
    (void)state;
    df__kafka_fail(&f, DF_EIO, "one", "first %d", 1);
    df__kafka_fail(&f, DF_EAUTH, "two", "second");
    assert_int_equal(f.status, DF_EIO);
    assert_string_equal(f.text, "first 1");
}

static void the_document_names_every_metric(void **state)
{
    char *doc = support_read_file(DF_TEST_DIR "/../docs/metrics.md");
    (void)state;
    for (const df_metric *m = df_connector_kafka.metrics; m->name != NULL; m++) {
        char row[200];
        snprintf(row, sizeof row, "\n| %s | %s |", m->name,
                 m->type == DF_COUNTER ? "counter" : "gauge");
        if (!strstr(doc, row))
            fail_msg("docs/metrics.md has no row for %s", m->name);
    }
    free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_flow_has_no_problem),
        cmocka_unit_test(each_rule_tells_its_field),
        cmocka_unit_test(errors_of_the_client_have_a_fate),
        cmocka_unit_test(who_names_a_broker_is_told),
        cmocka_unit_test(idle_connections_are_closed_by_us),
        cmocka_unit_test(a_gate_lets_one_through),
        cmocka_unit_test(the_document_names_every_metric),
        cmocka_unit_test(a_failure_is_kept_until_the_first_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
