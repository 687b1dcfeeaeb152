/* SPDX-License-Identifier: Apache-2.0
 * dfaudit_kafka.c: producing, reading, creating, deleting, dumping topics for the audit.
 */
#include "dfaudit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

static double clock_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t undelivered;

static void report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (m->err && undelivered++ == 0)
        fprintf(stderr, "dfaudit: not delivered: %s\n", rd_kafka_err2str(m->err));
}

static rd_kafka_t *new_client(const audit_options *o, rd_kafka_type_t type,
                              const char *const (*more)[2])
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *brokers = o->brokers != NULL ? o->brokers : getenv("DF_KAFKA");
    if (brokers == NULL)
        audit_die("--brokers", "is missing (or set DF_KAFKA)");
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof text) !=
        RD_KAFKA_CONF_OK)
        audit_die("--brokers", text);
    for (; (*more)[0] != NULL; more++)
        if (rd_kafka_conf_set(conf, (*more)[0], (*more)[1], text, sizeof text) != RD_KAFKA_CONF_OK)
            audit_die((*more)[0], text);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, report);
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    if (rk == NULL)
        audit_die("client", text);
    return rk;
}

static void send_record(rd_kafka_t *rk, const audit_options *o, uint64_t p, uint64_t seq)
{
    static char text[AUDIT_TEXT];
    char name[64], *key = name;
    size_t key_len = audit_key(o, p, seq, name, sizeof name);
    if (key_len == 0)
        key = NULL;
    size_t len = audit_write(o, p, seq, text);
    uint64_t place = key_len > 0 ? audit_crc(key, key_len) : seq;
    if (audit_is_bad(o, p, seq))
        len = audit_spoil(o, seq, text, len);
    if (o->to_stdout) {
        (void)fwrite(text, 1, len, stdout);
        (void)putchar('\n');
        return;
    }
    for (;;) {
        rd_kafka_resp_err_t err =
            rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(o->topic),
                              RD_KAFKA_V_PARTITION((int32_t)(place % (uint64_t)o->partitions)),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(text, len),
                              RD_KAFKA_V_KEY(key, key_len), RD_KAFKA_V_END);
        if (!err)
            return;
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            audit_die("produce", rd_kafka_err2str(err));
        (void)rd_kafka_poll(rk, 100);
    }
}

static rd_kafka_t *new_producer(const audit_options *o)
{
    static const char *const settings[][2] = {{"enable.idempotence", "true"},
                                              {"linger.ms", "20"},
                                              {"message.timeout.ms", "0"},
                                              {"compression.type", "lz4"},
                                              {"queue.buffering.max.messages", "200000"},
                                              {NULL, NULL}};
    const char *const in_one[][2] = {{"transactional.id", o->topic}, {NULL, NULL}};
    if (o->transaction == NULL)
        return new_client(o, RD_KAFKA_PRODUCER, settings);
    rd_kafka_t *rk = new_client(o, RD_KAFKA_PRODUCER, in_one);
    rd_kafka_error_t *error = rd_kafka_init_transactions(rk, 20000);
    if (error == NULL)
        error = rd_kafka_begin_transaction(rk);
    if (error != NULL)
        audit_die("transaction", rd_kafka_error_string(error));
    return rk;
}

/* --transaction commit|abort: of all that was sent; open: left to the broker, which ends it in a
 * minute. */
static void end_transaction(const audit_options *o, rd_kafka_t *rk)
{
    if (o->transaction == NULL)
        return;
    if (strcmp(o->transaction, "open") == 0)
        _exit(0);
    int abort = strcmp(o->transaction, "abort") == 0;
    rd_kafka_error_t *error =
        abort ? rd_kafka_abort_transaction(rk, 20000) : rd_kafka_commit_transaction(rk, 20000);
    if (error != NULL)
        audit_die("transaction", rd_kafka_error_string(error));
}

int audit_produce(const audit_options *o)
{
    rd_kafka_t *rk = o->to_stdout ? NULL : new_producer(o);
    double begin = clock_s();
    uint64_t sent = 0;
    uint64_t longest = audit_share(o, 0);
    for (uint64_t i = 0; i < longest; i++)
        for (uint64_t p = 0; p < (uint64_t)o->producers; p++) {
            if (i >= audit_share(o, p))
                continue;
            send_record(rk, o, p, (uint64_t)o->from + i);
            sent++;
            if (rk != NULL && sent % 1000 == 0)
                (void)rd_kafka_poll(rk, 0);
            while (o->rate > 0 && (double)sent > (clock_s() - begin) * (double)o->rate)
                (void)(rk != NULL ? rd_kafka_poll(rk, 5) : usleep(5000));
        }
    if (rk == NULL)
        return fflush(stdout) == 0 ? 0 : 2;
    rd_kafka_resp_err_t err = rd_kafka_flush(rk, (int)(o->timeout * 1000));
    if (err || undelivered > 0)
        audit_die("produce", rd_kafka_err2str(err));
    end_transaction(o, rk);
    rd_kafka_destroy(rk);
    fprintf(stderr, "dfaudit: %" PRIu64 " records in %.1f s\n", sent, clock_s() - begin);
    return 0;
}

/* ---- reading a topic from its beginning to its end ------------------------------------------- */

typedef void (*message_fn)(const rd_kafka_message_t *m, void *user);

static rd_kafka_topic_partition_list_t *partitions_of(rd_kafka_t *rk, const char *name)
{
    const rd_kafka_metadata_t *meta;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, topic, &meta, 10000);
    if (err)
        audit_die(name, rd_kafka_err2str(err));
    if (meta->topic_cnt != 1 || meta->topics[0].err)
        audit_die(name, "no such topic");
    for (int i = 0; i < meta->topics[0].partition_cnt; i++)
        rd_kafka_topic_partition_list_add(list, name, meta->topics[0].partitions[i].id)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_metadata_destroy(meta);
    rd_kafka_topic_destroy(topic);
    return list;
}

static void read_topic(const audit_options *o, message_fn take, void *user)
{
    static const char *const settings[][2] = {{"group.id", "dfaudit"},
                                              {"enable.auto.commit", "false"},
                                              {"enable.partition.eof", "true"},
                                              {"isolation.level", "read_committed"},
                                              {"check.crcs", "true"},
                                              {"fetch.wait.max.ms", "50"},
                                              {"queued.min.messages", "10000000"},
                                              {"queued.max.messages.kbytes", "262144"},
                                              {NULL, NULL}};
    rd_kafka_t *rk = new_client(o, RD_KAFKA_CONSUMER, settings);
    rd_kafka_topic_partition_list_t *list = partitions_of(rk, o->topic);
    int open = list->cnt;
    double limit = clock_s() + (double)o->timeout;
    (void)rd_kafka_assign(rk, list);
    while (open > 0) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 500);
        if (clock_s() > limit)
            audit_die(o->topic, "not read to its end in time (--timeout)");
        if (m == NULL)
            continue;
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            open--;
        else if (!m->err)
            take(m, user);
        else if (m->rkt != NULL)
            audit_die(o->topic, rd_kafka_message_errstr(m));
        rd_kafka_message_destroy(m);
    }
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

static void tally_message(const rd_kafka_message_t *m, void *user)
{
    audit_take_json(user, m->payload == NULL ? "" : m->payload, m->len);
}

void audit_check_topic(const audit_options *o, audit_tally *t)
{
    read_topic(o, tally_message, t);
}

/* ---- dump: all that a message has, one JSON line each ---------------------------------------- */

static void print_text(const char *name, const void *data, size_t len)
{
    const unsigned char *at = data;
    printf("\"%s\":", name);
    if (data == NULL) {
        printf("null");
        return;
    }
    (void)putchar('"');
    for (size_t i = 0; i < len; i++)
        if (at[i] == '"' || at[i] == '\\')
            printf("\\%c", at[i]);
        else if (at[i] < 0x20 || at[i] > 0x7e)
            printf("\\u%04x", at[i]);
        else
            (void)putchar(at[i]);
    (void)putchar('"');
}

static void dump_message(const rd_kafka_message_t *m, void *user)
{
    const audit_options *o = user;
    rd_kafka_timestamp_type_t type;
    rd_kafka_headers_t *headers;
    (void)putchar('{');
    if (o->kind == NULL || strcmp(o->kind, "content") != 0)
        printf("\"partition\":%d,\"offset\":%lld,", (int)m->partition, (long long)m->offset);
    print_text("key", m->key, m->key_len);
    (void)putchar(',');
    print_text("value", m->payload, m->len);
    printf(",\"timestamp\":%lld,\"headers\":[", (long long)rd_kafka_message_timestamp(m, &type));
    if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        for (size_t i = 0; i < rd_kafka_header_cnt(headers); i++) {
            const char *name;
            const void *value;
            size_t len;
            if (rd_kafka_header_get_all(headers, i, &name, &value, &len))
                break;
            printf("%s{", i > 0 ? "," : "");
            print_text(name, value, len);
            (void)putchar('}');
        }
    printf("]}\n");
}

/* ---- messages at the edges: null and empty key and value, headers, old and new times --------- */

static void write_edges(const audit_options *o)
{
    static const struct {
        const char *key, *value;
        int headers;
        int64_t time;
    } edges[] = {{NULL, "{\"n\":1}", 0, 1},
                 {"", "{\"n\":2}", 0, 1500000000000},
                 {"k", NULL, 0, 1600000000123},
                 {"k", "", 1, 1700000000000},
                 {NULL, NULL, 2, 1700000000001},
                 {"\xc3\xa9\xff\x01", "not json", 3, 1700000000002},
                 {"k", "{\"n\":9007199254740993}", 2, 4102444800000}};
    rd_kafka_t *rk = new_producer(o);
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
        for (int h = 0; h < edges[i].headers; h++)
            (void)rd_kafka_header_add(headers, h == 1 ? "b" : "a", -1,
                                      h == 0   ? "x"
                                      : h == 1 ? NULL
                                               : "",
                                      h == 0 ? 1 : 0);
        const char *key = edges[i].key, *value = edges[i].value;
        size_t key_len = key == NULL ? 0 : strlen(key), len = value == NULL ? 0 : strlen(value);
        rd_kafka_resp_err_t err = rd_kafka_producev(
            rk, RD_KAFKA_V_TOPIC(o->topic), RD_KAFKA_V_PARTITION(0),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len),
            RD_KAFKA_V_KEY((void *)(uintptr_t)key, key_len), RD_KAFKA_V_TIMESTAMP(edges[i].time),
            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        if (err)
            audit_die("produce", rd_kafka_err2str(err));
    }
    if (rd_kafka_flush(rk, 20000))
        audit_die("produce", "not delivered in 20 s");
    rd_kafka_destroy(rk);
}

/* ---- topics and groups ----------------------------------------------------------------------- */

static void wait_for_admin(rd_kafka_queue_t *queue, rd_kafka_event_type_t type, int ignore)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
    size_t count = 0;
    if (event == NULL)
        audit_die("topic", "no answer in 30 s");
    if (rd_kafka_event_error(event))
        audit_die("topic", rd_kafka_event_error_string(event));
    const rd_kafka_topic_result_t **results =
        type == RD_KAFKA_EVENT_CREATETOPICS_RESULT
            ? rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
        : type == RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT
            ? rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event),
                                                      &count)
            : rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event),
                                                  &count);
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_topic_result_error(results[i]) &&
            (int)rd_kafka_topic_result_error(results[i]) != ignore)
            audit_die(rd_kafka_topic_result_name(results[i]),
                      rd_kafka_err2str(rd_kafka_topic_result_error(results[i])));
    rd_kafka_event_destroy(event);
}

static void set_topic_config(rd_kafka_NewTopic_t *fresh, const char *config)
{
    char all[512], *rest = all, *pair;
    if (config == NULL)
        return;
    (void)snprintf(all, sizeof all, "%s", config);
    while ((pair = strsep(&rest, ";"))) {
        char *equals = strchr(pair, '=');
        if (equals == NULL)
            audit_die("--config", "write name=value;name=value");
        *equals = '\0';
        if (rd_kafka_NewTopic_set_config(fresh, pair, equals + 1))
            audit_die("--config", "cannot be set");
    }
}

/* A topic can be used when each of its partitions has a leader. */
static void wait_for_leaders(rd_kafka_t *rk, const audit_options *o)
{
    double limit = clock_s() + 30;
    for (int ready = 0; !ready;) {
        const rd_kafka_metadata_t *meta;
        rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, o->topic, NULL);
        if (!rd_kafka_metadata(rk, 0, topic, &meta, 10000)) {
            const rd_kafka_metadata_topic_t *t = &meta->topics[0];
            ready = !t->err && t->partition_cnt == o->partitions;
            for (int i = 0; ready && i < t->partition_cnt; i++)
                ready = t->partitions[i].leader >= 0;
            rd_kafka_metadata_destroy(meta);
        }
        rd_kafka_topic_destroy(topic);
        if (clock_s() > limit)
            audit_die(o->topic, "has no leaders after 30 s");
        if (!ready)
            usleep(20000);
    }
}

static void create_topic(const audit_options *o)
{
    static const char *const none[][2] = {{NULL, NULL}};
    char text[256];
    rd_kafka_t *rk = new_client(o, RD_KAFKA_PRODUCER, none);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_NewTopic_t *fresh =
        rd_kafka_NewTopic_new(o->topic, (int)o->partitions, -1, text, sizeof text);
    if (fresh == NULL)
        audit_die(o->topic, text);
    set_topic_config(fresh, o->config);
    rd_kafka_CreateTopics(rk, &fresh, 1, NULL, queue);
    wait_for_admin(queue, RD_KAFKA_EVENT_CREATETOPICS_RESULT, -1);
    wait_for_leaders(rk, o);
    rd_kafka_NewTopic_destroy(fresh);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

static void grow_topic(const audit_options *o)
{
    static const char *const none[][2] = {{NULL, NULL}};
    char text[256];
    rd_kafka_t *rk = new_client(o, RD_KAFKA_PRODUCER, none);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_NewPartitions_t *more =
        rd_kafka_NewPartitions_new(o->topic, (size_t)o->partitions, text, sizeof text);
    if (more == NULL)
        audit_die(o->topic, text);
    rd_kafka_CreatePartitions(rk, &more, 1, NULL, queue);
    wait_for_admin(queue, RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT, -1);
    wait_for_leaders(rk, o);
    rd_kafka_NewPartitions_destroy(more);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

static void delete_topic(const audit_options *o)
{
    static const char *const none[][2] = {{NULL, NULL}};
    rd_kafka_t *rk = new_client(o, RD_KAFKA_PRODUCER, none);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopic_t *gone = rd_kafka_DeleteTopic_new(o->topic);
    rd_kafka_DeleteTopics(rk, &gone, 1, NULL, queue);
    wait_for_admin(queue, RD_KAFKA_EVENT_DELETETOPICS_RESULT,
                   RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    rd_kafka_DeleteTopic_destroy(gone);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

void audit_group(const audit_options *o, int set)
{
    const char *const settings[][2] = {{"group.id", o->group}, {NULL, NULL}};
    rd_kafka_t *rk = new_client(o, RD_KAFKA_CONSUMER, settings);
    rd_kafka_topic_partition_list_t *list = partitions_of(rk, o->topic);
    for (int i = 0; set && i < list->cnt; i++)
        list->elems[i].offset = o->from;
    rd_kafka_resp_err_t err =
        set ? rd_kafka_commit(rk, list, 0) : rd_kafka_committed(rk, list, 10000);
    if (err)
        audit_die(o->group, rd_kafka_err2str(err));
    for (int i = 0; i < list->cnt; i++)
        printf("%s\"%d\":%lld", i == 0 ? "{" : ",", (int)list->elems[i].partition,
               (long long)(list->elems[i].offset < 0 ? -1 : list->elems[i].offset));
    printf("}\n");
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

int audit_topic(const char *what, const audit_options *o)
{
    audit_options copy = *o;
    if (strcmp(what, "create") == 0)
        create_topic(o);
    else if (strcmp(what, "grow") == 0)
        grow_topic(o);
    else if (strcmp(what, "delete") == 0)
        delete_topic(o);
    else if (strcmp(what, "dump") == 0)
        read_topic(o, dump_message, &copy);
    else if (strcmp(what, "edge") == 0)
        write_edges(o);
    else
        return 0;
    return 1;
}
