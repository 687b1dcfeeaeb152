/* SPDX-License-Identifier: Apache-2.0
 * floor.c: what a bare librdkafka client and Apache's avro-c need for W15 of tests/bench.
 *     avro_floor BROKERS FROM SCHEMA              reads a topic of bodies and decodes each
 *     avro_floor BROKERS FROM SCHEMA TO BODIES    reads FROM, which it does not look into, and
 * writes a body into TO for each record of it: encoded from values that were decoded from BODIES
 * before One partition each; prints how many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avro.h>
#include <librdkafka/rdkafka.h>

enum { BATCH = 1000, VALUES = 1000, ROOM = 1 << 16 };

typedef struct floor_run {
    avro_value_iface_t *iface;
    avro_reader_t reader;
    avro_writer_t writer;
    avro_value_t into, values[VALUES];
    size_t value_count, taken, failed, written;
    rd_kafka_t *producer; /* NULL: decodes */
    rd_kafka_topic_t *to;
    char room[ROOM];
} floor_run;

static int die(const char *what, const char *why)
{
    fprintf(stderr, "avro_floor: %s: %s\n", what, why);
    exit(1);
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers, const char *const *settings)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof text);
    for (; settings[0] != NULL; settings += 2)
        if (rd_kafka_conf_set(conf, settings[0], settings[1], text, sizeof text))
            die(settings[0], text);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    return rk != NULL ? rk : (die("client", text), NULL);
}

static void open_schema(floor_run *r, const char *path)
{
    static char text[1 << 16];
    avro_schema_t schema;
    FILE *f = fopen(path, "rb");
    size_t len = f != NULL ? fread(text, 1, sizeof text, f) : 0;
    if (f != NULL)
        fclose(f);
    if (len == 0 || avro_schema_from_json_length(text, len, &schema))
        die(path, avro_strerror());
    r->iface = avro_generic_class_from_schema(schema);
    r->reader = avro_reader_memory("", 0);
    r->writer = avro_writer_memory(r->room, sizeof r->room);
    avro_generic_value_new(r->iface, &r->into);
}

static void decode(floor_run *r, const rd_kafka_message_t *m, avro_value_t *into)
{
    avro_reader_memory_set_source(r->reader, m->payload, (int64_t)m->len);
    avro_value_reset(into);
    if (avro_value_read(r->reader, into))
        die("avro-c reads", avro_strerror());
}

/* Takes reports; waits for one at most. */
static void take_reports(floor_run *r, int timeout_ms)
{
    rd_kafka_event_t *event;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(r->producer);
    while ((event = rd_kafka_queue_poll(queue, timeout_ms)) != NULL) {
        const rd_kafka_message_t *m;
        timeout_ms = 0;
        while ((m = rd_kafka_event_message_next(event)) != NULL) {
            r->written++;
            r->failed += m->err != 0;
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
}

static void encode(floor_run *r)
{
    avro_writer_reset(r->writer);
    if (avro_value_write(r->writer, &r->values[r->taken % r->value_count]))
        die("avro-c writes", avro_strerror());
    while (rd_kafka_produce(r->to, 0, RD_KAFKA_MSG_F_COPY, r->room,
                            (size_t)avro_writer_tell(r->writer), NULL, 0, NULL) != 0)
        take_reports(r, 100);
    if (r->taken % BATCH == 0)
        take_reports(r, 0);
}

static void keep(floor_run *r, const rd_kafka_message_t *m)
{
    if (r->value_count == VALUES)
        return;
    avro_generic_value_new(r->iface, &r->values[r->value_count]);
    decode(r, m, &r->values[r->value_count++]);
}

static void take(floor_run *r, const rd_kafka_message_t *m)
{
    if (r->producer != NULL)
        encode(r);
    else
        decode(r, m, &r->into);
    r->taken++;
}

static void read_topic(floor_run *r, const char *brokers, const char *name,
                       void (*each)(floor_run *r, const rd_kafka_message_t *m))
{
    static const char *const settings[] = {"group.id",
                                           "floor",
                                           "enable.auto.commit",
                                           "false",
                                           "enable.auto.offset.store",
                                           "false",
                                           "enable.partition.eof",
                                           "true",
                                           "check.crcs",
                                           "true",
                                           "queued.min.messages",
                                           "10000000",
                                           NULL};
    rd_kafka_message_t *m[BATCH];
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, brokers, settings);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    (void)rd_kafka_assign(rk, list);
    for (int open = 1; open;) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 100, m, BATCH);
        for (ssize_t i = 0; i < n; i++) {
            if (m[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                open = 0;
            else if (m[i]->err == 0)
                each(r, m[i]);
            rd_kafka_message_destroy(m[i]);
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

int main(int argc, char **argv)
{
    static const char *const settings[] = {
        "enable.idempotence", "true", "message.timeout.ms", "0", "compression.type", "lz4", NULL};
    static floor_run r;
    if (argc != 4 && argc != 6)
        return 2;
    open_schema(&r, argv[3]);
    if (argc == 6) {
        read_topic(&r, argv[1], argv[5], keep);
        if (r.value_count == 0)
            die(argv[5], "no bodies");
        r.producer = client(RD_KAFKA_PRODUCER, argv[1], settings);
        r.to = rd_kafka_topic_new(r.producer, argv[4], NULL);
    }
    read_topic(&r, argv[1], argv[2], take);
    while (r.producer != NULL && r.written < r.taken)
        take_reports(&r, 100);
    printf("{\"records\":%zu,\"failed\":%zu}\n", r.taken, r.failed);
    return r.failed > 0;
}
