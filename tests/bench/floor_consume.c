/* SPDX-License-Identifier: Apache-2.0
 * floor_consume: the least that reading a topic costs with librdkafka: batches, one queue, ample
 * prefetch, every byte touched once. Prints one JSON line. With "hash" it is the audit of a topic
 * as well: the sum of the hashes of all payloads, in whatever order.
 *     floor_consume BROKERS TOPIC [PREFETCH_KIB [hash]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static rd_kafka_t *client(const char *brokers, const char *kib)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},      {"group.id", "floor"},
        {"enable.auto.commit", "false"},     {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"},    {"check.crcs", "true"},
        {"queued.min.messages", "10000000"}, {"queued.max.messages.kbytes", kib}};
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text))
            return NULL;
    return rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
}

/* Assigns all partitions from their beginning; the number. */
static int assign(rd_kafka_t *rk, const char *name)
{
    const rd_kafka_metadata_t *meta;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    if (rd_kafka_metadata(rk, 0, topic, &meta, 10000))
        return 0;
    for (int i = 0; i < meta->topics[0].partition_cnt; i++)
        rd_kafka_topic_partition_list_add(list, name, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    int count = list->cnt;
    (void)rd_kafka_assign(rk, list);
    rd_kafka_metadata_destroy(meta);
    rd_kafka_topic_destroy(topic);
    rd_kafka_topic_partition_list_destroy(list);
    return count;
}

/* FNV-1a, eight bytes at a time. */
static uint64_t hash_of(const unsigned char *data, size_t len)
{
    uint64_t hash = 14695981039346656037u, word;
    for (size_t i = 0; i < len; i += sizeof word) {
        word = 0;
        memcpy(&word, data + i, len - i < sizeof word ? len - i : sizeof word);
        hash = (hash ^ word) * 1099511628211u;
        hash ^= hash >> 29;
    }
    return hash ^ len;
}

int main(int argc, char **argv)
{
    rd_kafka_message_t *m[1000];
    uint64_t records = 0, bytes = 0, sum = 0, hash = 0;
    int hashes = argc > 4 && strcmp(argv[4], "hash") == 0;
    struct rusage used;
    if (argc < 3)
        return 2;
    rd_kafka_t *rk = client(argv[1], argc > 3 ? argv[3] : "65536");
    int open = rk == NULL ? 0 : assign(rk, argv[2]);
    if (open == 0)
        return 1;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    double begin = now(), end = begin;
    while (open > 0) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 100, m, 1000);
        for (ssize_t i = 0; i < n; i++) {
            if (m[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                open--;
            } else if (!m[i]->err) {
                records++;
                bytes += m[i]->len;
                for (size_t k = 0; k < m[i]->len; k += 64)
                    sum += ((const unsigned char *)m[i]->payload)[k];
                if (hashes)
                    hash += hash_of(m[i]->payload, m[i]->len);
            }
            rd_kafka_message_destroy(m[i]);
        }
        end = now();
    }
    (void)getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.3f,\"cpu\":%.3f,"
           "\"rss_kib\":%ld,\"sum\":%" PRIu64 ",\"hash\":%" PRIu64 "}\n",
           records, bytes, end - begin, cpu, used.ru_maxrss, sum, hash);
    rd_kafka_queue_destroy(queue);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return 0;
}
