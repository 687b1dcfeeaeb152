/* SPDX-License-Identifier: Apache-2.0
 * test_kafka_faults.c: broker errors injected by librdkafka's mock cluster: what recovers by
 * itself, what is sent again, what stops.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The order counts: rdkafka_mock.h needs rdkafka.h before it. */
#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

#include "dataflow_ext.h"
#include "kafka.h"
#include "support/support.h"

extern const df_connector df_connector_kafka;

enum { PRODUCE = 0, FETCH = 1, OFFSET_COMMIT = 8, OFFSET_FETCH = 9, METADATA = 3 };

typedef struct bed {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers;
    df_env *env;
} bed;

static int set_up(void **state)
{
    char text[256];
    bed *b = calloc(1, sizeof *b);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    b->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    b->cluster = rd_kafka_mock_cluster_new(b->rk, 1);
    b->brokers = rd_kafka_mock_cluster_bootstraps(b->cluster);
    rd_kafka_mock_topic_create(b->cluster, "in", 2, 1);
    rd_kafka_mock_topic_create(b->cluster, "out", 2, 1);
    b->env = df_env_new(NULL);
    (void)df_connector_register(b->env, &df_connector_kafka);
    *state = b;
    return b->env == NULL;
}

static int tear_down(void **state)
{
    bed *b = *state;
    df_env_free(b->env);
    rd_kafka_mock_cluster_destroy(b->cluster);
    rd_kafka_destroy(b->rk);
    free(b);
    return 0;
}

/* `count` generated records into topic `topic`; the run's status. */
static int write_records(bed *b, const char *topic, int count, df_stats *stats)
{
    char yaml[1024];
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    snprintf(yaml, sizeof yaml,
             "source: {type: generate, config: {count: %d, rate: 0}}\n"
             "sink: {type: kafka, config: {brokers: '%s', topic: %s, compression: none, "
             "properties: {retry.backoff.ms: 10}}}\n",
             count, b->brokers, topic);
    df_pipeline *p = support_load(b->env, yaml);
    int rc = df_pipeline_run(p, &run);
    if (rc != DF_OK)
        print_message("%s\n", df_pipeline_errmsg(p));
    assert_ok(df_pipeline_stats(p, NULL, stats));
    support_assert_conserved(p);
    df_pipeline_free(p);
    return rc;
}

/* How many messages a topic has. */
static int64_t messages(bed *b, const char *topic)
{
    char text[256];
    int64_t sum = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", b->brokers, text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    for (int32_t i = 0; i < 2; i++) {
        int64_t low, high;
        assert_int_equal(rd_kafka_query_watermark_offsets(rk, topic, i, &low, &high, 5000), 0);
        sum += high - low;
    }
    rd_kafka_destroy(rk);
    return sum;
}

static void transient_errors_never_surface(void **state)
{
    bed *b = *state;
    df_stats stats = {.size = sizeof stats};
    rd_kafka_mock_push_request_errors(b->cluster, PRODUCE, 4,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR__TRANSPORT,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    assert_ok(write_records(b, "out", 1000, &stats));
    assert_int_equal(stats.sent, 1000);
    assert_int_equal(stats.retries, 0);
    assert_true(messages(b, "out") >= 1000);
}

static void a_refused_request_is_narrowed(void **state)
{
    bed *b = *state;
    df_stats stats = {.size = sizeof stats};
    rd_kafka_mock_push_request_errors(b->cluster, PRODUCE, 2, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_INVALID_RECORD);
    assert_ok(write_records(b, "out", 500, &stats));
    assert_int_equal(stats.sent, 500); /* refused together, accepted in parts */
    assert_int_equal(messages(b, "out"), 500);
}

static void a_topic_that_is_forbidden_stops(void **state)
{
    bed *b = *state;
    df_stats stats = {.size = sizeof stats};
    for (int i = 0; i < 50; i++)
        rd_kafka_mock_push_request_errors(b->cluster, PRODUCE, 1,
                                          RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_true(write_records(b, "out", 10, &stats) < 0);
    assert_int_equal(stats.sent, 0);
}

static void a_source_lives_through_errors(void **state)
{
    bed *b = *state;
    char yaml[1024];
    df_stats stats = {.size = sizeof stats};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    assert_ok(write_records(b, "in", 2000, &stats));
    rd_kafka_mock_push_request_errors(b->cluster, FETCH, 3,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR__TRANSPORT,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    rd_kafka_mock_push_request_errors(b->cluster, OFFSET_FETCH, 1,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    rd_kafka_mock_push_request_errors(b->cluster, OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    snprintf(yaml, sizeof yaml,
             "source: {type: kafka, config: {brokers: '%s', topic: in, consumerGroup: g, "
             "properties: {fetch.error.backoff.ms: 10}}}\n"
             "sink: {type: 'null'}\n",
             b->brokers);
    df_pipeline *p = support_load(b->env, yaml);
    assert_ok(df_pipeline_run(p, &run));
    assert_ok(df_pipeline_stats(p, NULL, &stats));
    assert_int_equal(stats.received, 2000);
    assert_int_equal(stats.sent, 2000);
    df_pipeline_free(p);
}

/* librdkafka starts its threads with thrd_create, which ThreadSanitizer does not know. */
#if defined(__SANITIZE_THREAD__)
enum { SKIPPED = 1 };
#else
enum { SKIPPED = 0 };
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(transient_errors_never_surface, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_request_is_narrowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_topic_that_is_forbidden_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_lives_through_errors, set_up, tear_down),
    };
    if (SKIPPED)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
