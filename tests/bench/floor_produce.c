/* SPDX-License-Identifier: Apache-2.0
 * floor_produce: the least that writing to a topic costs with librdkafka: idempotent, payloads not
 * copied, reports taken by event. Prints one JSON line.
 *     floor_produce BROKERS TOPIC COUNT [COMPRESSION [LINGER_MS]] < LINES
 * The lines of standard input (at most 100,000) are the payloads, again and again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

static char **line; /* all of them, read before the clock runs */
static size_t *length;

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t read_lines(void)
{
    size_t count = 0, room = 0, cap = 0;
    char *text = NULL;
    ssize_t n;
    while ((n = getline(&text, &cap, stdin)) > 0) {
        if (count == room) {
            room = room ? 2 * room : 1024;
            line = realloc(line, room * sizeof *line);
            length = realloc(length, room * sizeof *length);
            if (!line || !length)
                return 0;
        }
        line[count] = text;
        length[count++] = (size_t)n - (text[n - 1] == '\n');
        text = NULL;
        cap = 0;
    }
    free(text);
    return count;
}

static rd_kafka_t *client(const char *brokers, const char *compression, const char *linger)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},    {"enable.idempotence", "true"},
        {"message.timeout.ms", "0"},       {"message.max.bytes", "4000000"},
        {"compression.type", compression}, {"linger.ms", linger}};
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text))
            return NULL;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
}

/* Takes reports; the number of messages delivered, failures to *failed. */
static uint64_t take(rd_kafka_queue_t *queue, int timeout_ms, uint64_t *failed)
{
    uint64_t count = 0;
    rd_kafka_event_t *event;
    const rd_kafka_message_t *m;
    while ((event = rd_kafka_queue_poll(queue, timeout_ms)) != NULL) {
        timeout_ms = 0;
        while ((m = rd_kafka_event_message_next(event)) != NULL) {
            count++;
            *failed += m->err != 0;
        }
        rd_kafka_event_destroy(event);
    }
    return count;
}

int main(int argc, char **argv)
{
    uint64_t sent = 0, done = 0, failed = 0, bytes = 0;
    struct rusage used;
    size_t lines = argc > 3 ? read_lines() : 0;
    uint64_t count = lines > 0 ? strtoull(argv[3], NULL, 10) : 0;
    rd_kafka_t *rk = count == 0
                         ? NULL
                         : client(argv[1], argc > 4 ? argv[4] : "snappy", argc > 5 ? argv[5] : "5");
    if (rk == NULL)
        return 2;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(rk);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
    double begin = now();
    while (done < count) {
        size_t i = sent % lines;
        if (sent < count && rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, 0, line[i], length[i],
                                             NULL, 0, NULL) == 0) {
            bytes += length[i];
            if (++sent % 1000 == 0)
                done += take(queue, 0, &failed);
        } else {
            done += take(queue, 100, &failed);
        }
    }
    double end = now();
    (void)getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"failed\":%" PRIu64
           ",\"seconds\":%.3f,\"cpu\":%.3f,\"rss_kib\":%ld}\n",
           sent, bytes, failed, end - begin, cpu, used.ru_maxrss);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    for (size_t i = 0; i < lines; i++)
        free(line[i]);
    return failed > 0;
}
