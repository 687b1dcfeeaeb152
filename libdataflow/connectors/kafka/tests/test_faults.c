/* SPDX-License-Identifier: Apache-2.0
 * test_faults.c: broker errors injected by librdkafka's mock cluster: what recovers by
 * itself, what is sent again, what stops.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The order counts: rdkafka_mock.h needs rdkafka.h before it. */
#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

#include "connectors/kafka/kafka.h"
#include "dataflow_ext.h"
#include "support/support.h"

enum { PRODUCE = 0, FETCH = 1, OFFSET_COMMIT = 8, OFFSET_FETCH = 9, METADATA = 3 };
enum { FIND_COORDINATOR = 10, JOIN_GROUP = 11, SYNC_GROUP = 14 };
enum { INIT_PRODUCER_ID = 22, ADD_PARTITIONS = 24, ADD_OFFSETS = 25, END_TXN = 26 };
enum { TXN_OFFSET_COMMIT = 28 };

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
    return !b->env;
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
             "properties: {retry.backoff.ms: 10, "
             "sticky.partitioning.linger.ms: 0}}}\n"
             "errors: {type: 'null'}\n",
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
    rd_kafka_mock_push_request_errors(
        b->cluster, PRODUCE, 4, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
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

/* Without an error sink a refused record ends the run: what is behind it in its partition is left,
 * and no refusal. */
static void what_is_left_behind_a_refusal_is_not_counted(void **state)
{
    bed *b = *state;
    char yaml[1024], path[512];
    char *dir = support_mkdir(), *lines = calloc(1, 8192), *metrics;
    memset(lines, 'x', 3000); /* the client's limit is 1,000 bytes */
    for (size_t i = 0; i < 50; i++)
        memcpy(lines + 3000 + i * 3, "\n{}", 3);
    support_write_file(support_path(path, dir, "lines"), lines);
    snprintf(yaml, sizeof yaml,
             "source: {type: stdio, config: {path: '%s', format: text}}\n"
             "sink: {type: kafka, config: {brokers: '%s', topic: out, "
             "properties: {message.max.bytes: 1000}}}\n",
             path, b->brokers);
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_pipeline *p = support_load(b->env, yaml);
    assert_status(df_pipeline_run(p, &run), DF_EREJECTED);
    metrics = support_metrics(b->env);
    if (!strstr(metrics, "error_type=\"too_large\"} 1\n") || strstr(metrics, "context_canceled"))
        fail_msg("%s", strstr(metrics, "dataflow_connector_errors_total"));
    support_assert_conserved(p);
    df_pipeline_free(p);
    free(metrics);
    free(lines);
    support_rmdir(dir);
}

static void a_topic_that_is_forbidden_stops(void **state)
{
    bed *b = *state;
    df_stats stats = {.size = sizeof stats};
    for (int i = 0; i < 50; i++)
        rd_kafka_mock_push_request_errors(b->cluster, PRODUCE, 1,
                                          RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_status(write_records(b, "out", 10, &stats), DF_EAUTH);
    assert_int_equal(stats.sent, 0);
    assert_int_equal(stats.errored, 0); /* the records are not to blame */
}

static void a_source_lives_through_errors(void **state)
{
    bed *b = *state;
    char yaml[1024];
    df_stats stats = {.size = sizeof stats};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    assert_ok(write_records(b, "in", 2000, &stats));
    rd_kafka_mock_push_request_errors(
        b->cluster, FETCH, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
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

/* ---- markFile ------------------------------------------------------------------------------- */

enum { MANY = 60 };
static _Atomic int syncs;

/* Of every file of this process, in place of libc's. */
int fdatasync(int fd)
{
    syncs++;
    return fsync(fd);
}

/* Marks of all partitions are new: they are synced together, in the callback that brings them none
 * of them by itself. */
static void marks_are_synced_together(void **state)
{
    bed *b = *state;
    char yaml[1024], path[512];
    char *dir = support_mkdir();
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_stats stats = {.size = sizeof stats};
    rd_kafka_mock_topic_create(b->cluster, "many", MANY, 1);
    assert_ok(write_records(b, "many", 2000, &stats));
    for (int i = 0; i < 2; i++) { /* marks come with a commit, and with the assignment */
        size_t lines = 0;
        (void)snprintf(yaml, sizeof yaml,
                       "source: {type: kafka, config: {brokers: '%s', topic: many, "
                       "consumerGroup: g, markFile: '%s/%d'}}\n"
                       "sink: {type: 'null'}\n",
                       b->brokers, dir, i);
        df_pipeline *p = support_load(b->env, yaml);
        syncs = 0;
        assert_ok(df_pipeline_run(p, &run));
        assert_in_range(syncs, 1, 10);
        df_pipeline_free(p);
        (void)snprintf(path, sizeof path, "%s/%d", dir, i);
        char *text = support_read_file(path);
        for (const char *at = text; (at = strchr(at, '\n')); at++)
            lines++;
        assert_int_equal(lines, MANY);
        free(text);
    }
    support_rmdir(dir);
}

/* ---- what people read ------------------------------------------------------------------------ */

/* A request is refused; the words name what is missing. */
static void refusals_name_the_remedy(void **state)
{
    static const struct {
        int16_t request;
        rd_kafka_resp_err_t err;
        const char *text;
    } rows[] = {
        {FIND_COORDINATOR, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
         "group g: FindCoordinator response error: Broker: Group authorization failed; give this "
         "client the right to read with this consumerGroup"},
        {JOIN_GROUP, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
         "the right to read with this consumerGroup"},
        {FETCH, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
         "the right to read or write the topic"},
    };
    bed *b = *state;
    char yaml[1024];
    df_run_options run = {.size = sizeof run};
    snprintf(yaml, sizeof yaml,
             "source: {type: kafka, config: {brokers: '%s', topic: in, consumerGroup: g, "
             "properties: {session.timeout.ms: 6000}}}\n"
             "sink: {type: 'null'}\n",
             b->brokers);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df_pipeline *p = support_load(b->env, yaml);
        for (int k = 0; k < 20; k++)
            rd_kafka_mock_push_request_errors(b->cluster, rows[i].request, 1, rows[i].err);
        assert_status(df_pipeline_run(p, &run), DF_EAUTH);
        if (!strstr(df_pipeline_errmsg(p), rows[i].text))
            fail_msg("'%s' is not in '%s'", rows[i].text, df_pipeline_errmsg(p));
        df_pipeline_free(p);
        rd_kafka_mock_clear_request_errors(b->cluster, rows[i].request);
    }
}

/* Between JoinGroup and the first assignment, librdkafka before 2.3.0 ends the process when a
 * cooperative client is destroyed. */
static void a_cooperative_member_ends_before_its_first_assignment(void **state)
{
    bed *b = *state;
    char yaml[1024];
    df_run_options run = {.size = sizeof run};
    snprintf(yaml, sizeof yaml,
             "source: {type: kafka, config: {brokers: '%s', topic: in, consumerGroup: g, "
             "instanceId: one, cooperative: true, properties: {session.timeout.ms: 6000}}}\n"
             "sink: {type: 'null'}\n",
             b->brokers);
    df_pipeline *p = support_load(b->env, yaml);
    rd_kafka_mock_push_request_errors(b->cluster, SYNC_GROUP, 2,
                                      RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
                                      RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    alarm(60);
    assert_status(df_pipeline_run(p, &run), DF_EFENCED);
    alarm(0);
    df_pipeline_free(p);
}

/* ---- a sink that loses what it had taken in, after the source had to begin anew -------------- */

enum { FIRST = 500, SECOND = 500 };

typedef struct holder { /* user of the sink's table: what came, by partition and offset */
    bed *b;
    _Atomic int lost, held;
    unsigned char landed[2][FIRST + SECOND];
} holder;

/* 1 when the parcel has a record of a partition's second half, which is written after the source
 * was opened again. */
static int is_late(const df_parcel *parcel, holder *h, int land)
{
    int late = 0;
    for (size_t i = 0; i < df_parcel_count(parcel); i++) {
        df_info about = {.size = sizeof about};
        df_value partition = {0};
        const df_record *r = df_parcel_at(parcel, i);
        assert_ok(df_record_info(r, &about));
        assert_ok(df_record_meta(r, "partition", &partition));
        assert_in_range(about.offset, 0, (FIRST + SECOND) / 2 - 1);
        late |= about.offset >= FIRST / 2;
        if (land)
            h->landed[partition.u.i & 1][about.offset]++;
    }
    return late;
}

/* Takes all in, so that nothing is settled, until the second half comes; then all is lost. */
static int holder_write(void *self, df_stage *st, df_parcel *parcel)
{
    holder *h = df_stage_user(st);
    (void)self;
    if (h->lost) {
        (void)is_late(parcel, h, 1);
        return DF_OK;
    }
    if (is_late(parcel, h, 0)) {
        h->lost = 1;
        return df_stage_fail(st, DF_EREWIND, NULL, "what was taken in is gone");
    }
    h->held += (int)df_parcel_count(parcel);
    return DF_ABSORBED;
}

/* Each record at once, also while others are held. */
static int holder_open(void *self, df_stage *st)
{
    df_limits limits = {.size = sizeof limits, .max_rows = 1};
    (void)self;
    return df_stage_limits(st, &limits);
}

static void holder_close(void *self, df_stage *st)
{
    (void)self;
    (void)st;
}

static int all_held(void *user)
{
    return ((holder *)user)->held >= FIRST;
}

static int opened_again(void *user)
{
    df_event event = {.size = sizeof event};
    while (df_pipeline_next_event(user, &event) == DF_OK)
        if (event.type == DF_EVENT_RETRY)
            return 1;
    return 0;
}

static int all_landed(void *user)
{
    const holder *h = user;
    for (int i = 0; i < FIRST + SECOND; i++)
        if (!h->landed[i % 2][i / 2])
            return 0;
    return 1;
}

/* `count` messages from number `from` on, the odd ones into partition 1 of "in". */
static void fill(bed *b, int from, int count)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", b->brokers, text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    for (int i = from; i < from + count; i++)
        assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("in"), RD_KAFKA_V_PARTITION(i % 2),
                                           RD_KAFKA_V_VALUE("{}", 2),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_END),
                         0);
    assert_int_equal(rd_kafka_flush(rk, 10000), 0);
    rd_kafka_destroy(rk);
}

static void a_rewind_goes_to_the_beginning(void **state)
{
    static holder h;
    static const df_sink_ops ops = {
        .size = sizeof ops, .open = holder_open, .write = holder_write, .close = holder_close};
    df_connector type = {.size = sizeof type,
                         .name = "holder",
                         .doc = "Loses what it took in.",
                         .sink_size = sizeof(int),
                         .sink = &ops,
                         .user = &h};
    bed *b = *state;
    char yaml[1024];
    df_run_options run = {.size = sizeof run};
    h = (holder){.b = b};
    assert_ok(df_connector_register(b->env, &type));
    fill(b, 0, FIRST);
    snprintf(yaml, sizeof yaml,
             "source: {type: kafka, config: {brokers: '%s', topic: in, consumerGroup: h, "
             "properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}}}\n"
             "sink: {type: holder}\n",
             b->brokers);
    df_pipeline *p = support_load(b->env, yaml);
    assert_ok(df_pipeline_start(p, &run));
    assert_int_equal(support_wait(all_held, &h, 20000), 1);
    rd_kafka_mock_push_request_errors(b->cluster, FETCH, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(support_wait(opened_again, p, 20000), 1);
    fill(b, FIRST, SECOND);
    assert_int_equal(support_wait(all_landed, &h, 20000), 1);
    df_pipeline_stop(p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(p, 20000));
    support_assert_conserved(p);
    df_pipeline_free(p);
}

/* ---- transactions ---------------------------------------------------------------------------- */

/* An exactly-once run, by a group of its own, over what is in the topic "in": `count` records. */
static void run_exactly(bed *b, size_t group, uint64_t count)
{
    char yaml[1024];
    df_stats stats = {.size = sizeof stats};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    snprintf(yaml, sizeof yaml,
             "deliveryGuarantee: exactlyOnce\n"
             "source: {type: kafka, config: {brokers: '%s', topic: in, consumerGroup: 'x%zu', "
             "properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}}}\n"
             "sink: {type: kafka, config: {brokers: '%s', topic: out}}\n"
             "errors: {type: 'null'}\n",
             b->brokers, group, b->brokers);
    df_pipeline *p = support_load(b->env, yaml);
    int rc = df_pipeline_run(p, &run);
    if (rc != DF_OK)
        print_message("%s\n", df_pipeline_errmsg(p));
    assert_ok(rc);
    assert_ok(df_pipeline_stats(p, NULL, &stats));
    assert_int_equal(stats.received, count);
    assert_int_equal(stats.sent, count);
    support_assert_conserved(p);
    df_pipeline_free(p);
}

/* The mock cluster does not hide what was aborted, so what is counted are the records that ended;
 * what readers of committed records see is test_exact_topic.sh's. */
static void each_step_of_a_transaction_may_fail(void **state)
{
    static const struct {
        size_t run; /* a start of a group costs the mock cluster seconds */
        int16_t request;
        rd_kafka_resp_err_t err;
    } rows[] = {
        {0, INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
        {0, INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
        {0, INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS},
        {0, INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR__TRANSPORT},
        {0, ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS},
        {0, ADD_PARTITIONS, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID},
        {0, ADD_OFFSETS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE},
        {0, TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
        {0, TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT},
        {1, INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH},
        {1, PRODUCE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER},
        {1, PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE},
        {1, PRODUCE, RD_KAFKA_RESP_ERR__TRANSPORT},
        {2, END_TXN, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE},
        {2, END_TXN, RD_KAFKA_RESP_ERR__TRANSPORT},
    };
    bed *b = *state;
    fill(b, 0, 50);
    for (size_t run = 0; run < 3; run++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            if (rows[i].run == run)
                rd_kafka_mock_push_request_errors(b->cluster, rows[i].request, 1, rows[i].err);
        run_exactly(b, run, 50);
    }
}

/* ---- whether a commit without an answer took place --------------------------------------------
 */

static int is_ready(void *user)
{
    df_stats stats = {.size = sizeof stats};
    return df_pipeline_stats(user, NULL, &stats) == DF_OK && stats.ready;
}

/* The group does not tell its offsets, for this client has no right to them any more. */
static void a_missing_right_ends_the_asking(void **state)
{
    bed *b = *state;
    char yaml[1024];
    df_run_options run = {.size = sizeof run};
    snprintf(yaml, sizeof yaml,
             "deliveryGuarantee: exactlyOnce\n"
             "source: {type: kafka, config: {brokers: '%s', topic: in, consumerGroup: asked, "
             "properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}}}\n"
             "sink: {type: kafka, config: {brokers: '%s', topic: out}}\n"
             "errors: {type: 'null'}\n",
             b->brokers, b->brokers);
    df_pipeline *p = support_load(b->env, yaml);
    assert_ok(df_pipeline_start(p, &run));
    assert_int_equal(support_wait(is_ready, p, 20000), 1);
    rd_kafka_mock_push_request_errors(b->cluster, END_TXN, 1, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE);
    for (int i = 0; i < 20; i++)
        rd_kafka_mock_push_request_errors(b->cluster, OFFSET_FETCH, 1,
                                          RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    fill(b, 0, 50);
    assert_status(df_pipeline_wait(p, 30000), DF_EAUTH);
    if (!strstr(df_pipeline_errmsg(p), "cannot ask for the group's offsets") ||
        !strstr(df_pipeline_errmsg(p), "the right to read with this consumerGroup"))
        fail_msg("%s", df_pipeline_errmsg(p));
    support_assert_conserved(p);
    df_pipeline_free(p);
}

/* ---- who has shut it out --------------------------------------------------------------------- */

/* An exactly-once run over the topic "in"; its status, and its message in `message`. */
static int run_fenced(bed *b, const char *group, char message[512])
{
    char yaml[1024];
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    snprintf(yaml, sizeof yaml,
             "deliveryGuarantee: exactlyOnce\n"
             "source: {type: kafka, config: {brokers: '%s', topic: in, consumerGroup: %s, "
             "properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 300}}}\n"
             "sink: {type: kafka, config: {brokers: '%s', topic: out}}\n"
             "errors: {type: 'null'}\n",
             b->brokers, group, b->brokers);
    df_pipeline *p = support_load(b->env, yaml);
    int rc = df_pipeline_run(p, &run);
    snprintf(message, 512, "%s", df_pipeline_errmsg(p));
    support_assert_conserved(p);
    df_pipeline_free(p);
    return rc;
}

/* The coordinator of a broker that hung gets to the request of a connection that was given up after
 * it has answered the next one: the producer is shut out by itself. */
static void a_late_request_of_its_own_is_no_other_instance(void **state)
{
    bed *b = *state;
    char message[512];
    fill(b, 0, 50);
    rd_kafka_mock_broker_push_request_error_rtts(b->cluster, 1, INIT_PRODUCER_ID, 1,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 1500);
    rd_kafka_mock_push_request_errors(b->cluster, ADD_PARTITIONS, 1,
                                      RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    assert_ok(run_fenced(b, "late", message));
    assert_true(messages(b, "out") >= 50);
}

/* Where each was answered at the first time, and at the second one at the latest: on a busy machine
 * an answer may take a second. */
static void another_instance_ends_the_run(void **state)
{
    bed *b = *state;
    char message[512];
    fill(b, 0, 50);
    rd_kafka_mock_push_request_errors(b->cluster, ADD_PARTITIONS, 2,
                                      RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
                                      RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    assert_status(run_fenced(b, "other", message), DF_EFENCED);
    assert_non_null(strstr(message, "another instance of this flow writes with the "
                                    "transactional.id dataflow."));
}

/* Two instances on a coordinator that is slow each time do not shut each other out for ever. */
static void a_slow_coordinator_is_an_excuse_once(void **state)
{
    bed *b = *state;
    char message[512];
    fill(b, 0, 50);
    rd_kafka_mock_broker_push_request_error_rtts(b->cluster, 1, INIT_PRODUCER_ID, 2,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 1500,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 1500);
    rd_kafka_mock_push_request_errors(b->cluster, ADD_PARTITIONS, 2,
                                      RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
                                      RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    assert_status(run_fenced(b, "twice", message), DF_EFENCED);
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
        cmocka_unit_test_setup_teardown(what_is_left_behind_a_refusal_is_not_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_topic_that_is_forbidden_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_lives_through_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(marks_are_synced_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_name_the_remedy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cooperative_member_ends_before_its_first_assignment,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rewind_goes_to_the_beginning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_step_of_a_transaction_may_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_right_ends_the_asking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_request_of_its_own_is_no_other_instance, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_instance_ends_the_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_coordinator_is_an_excuse_once, set_up, tear_down),
    };
    if (SKIPPED) {
        puts("ThreadSanitizer does not know the threads of librdkafka");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
