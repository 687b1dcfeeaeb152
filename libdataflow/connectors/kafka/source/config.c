/* SPDX-License-Identifier: Apache-2.0
 * config.c: the configuration of a client that reads, from options and memory share.
 */
#include <stdio.h>
#include <unistd.h>

#include "client/config.h"
#include "client/properties.h"
#include "config.h"

/* A quarter of the share is queued at most, beside it one answer of the broker and what the client
 * needs for each message: about 400 bytes, so their number is bounded as well. An answer is
 * compressed and unpacked whole, on top of a queue almost full: text that repeats itself is a
 * hundred times as long then. So an answer is a thirty-second of the share, of one partition half
 * of that; a broker that has a larger batch sends it all the same. */
static void set_prefetch(df__kafka_setup *s, const df__kafka_source_options *o)
{
    int64_t share = s->share > 0 ? (int64_t)s->share : (int64_t)16 << 20;
    int64_t queue = share / 4 / 1024, answer = share / 32, part, count = share / 1024;
    if (answer < 1 << 16)
        answer = 1 << 16;
    if (answer > 52428800)
        answer = 52428800;
    if (o->max_bytes != DF_UNSET)
        answer = o->max_bytes;
    part = answer / 2 < 1 << 20 ? answer / 2 : 1 << 20;
    df__kafka_set_number(s, "queued.max.messages.kbytes", queue < 256 ? 256 : queue);
    df__kafka_set_number(s, "queued.min.messages",
                         count < 1000     ? 1000
                         : count > 100000 ? 100000
                                          : count);
    /* The client demands that an answer holds at least message.max.bytes, which a consumer uses
     * for nothing else. */
    df__kafka_set_number(s, "message.max.bytes",
                         answer < 1000000 ? answer < 1000 ? 1000 : answer : 1000000);
    df__kafka_set_number(s, "fetch.max.bytes", answer < 1000 ? 1000 : answer);
    df__kafka_set_number(s, "max.partition.fetch.bytes", part);
    df__kafka_set_option(s, "maxPartitionFetchBytes", "max.partition.fetch.bytes",
                         o->partition_max_bytes);
}

static void set_timing(df__kafka_setup *s, const df__kafka_source_options *o)
{
    int64_t wait = df__kafka_option_ms(o->max_wait), timeout = df__kafka_option_ms(o->read_timeout);
    if (o->write_timeout != DF_UNSET &&
        (timeout == DF_UNSET || df__kafka_option_ms(o->write_timeout) > timeout))
        timeout = df__kafka_option_ms(o->write_timeout);
    df__kafka_set_option(s, "consumerMaxWait", "fetch.wait.max.ms", wait);
    df__kafka_set_option(s, "netReadTimeout", "socket.timeout.ms", timeout);
    if (o->min_bytes != DF_UNSET)
        df__kafka_set_option(s, "fetchMinBytes", "fetch.min.bytes",
                             o->min_bytes < 1 ? 1 : o->min_bytes);
}

static int is_dry(const df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    return df_stage_describe(st, &info) == DF_OK && info.dry;
}

/* A dry run changes nothing outside: joining the real group would take partitions from the flow
 * that runs. It reads from where `startFrom` says. */
static void set_group(df__kafka_setup *s, const df__kafka_source_options *o)
{
    char dry[256];
    if (o->group.len == 0) {
        if (!s->checking)
            df__kafka_setup_problem(s, "consumerGroup", "is empty");
        return;
    }
    snprintf(dry, sizeof dry, "%.200s-dry-%ld", (const char *)o->group.data, (long)getpid());
    df__kafka_set(s, "consumerGroup", "group.id", is_dry(s->st) ? dry : o->group.data);
}

int df__kafka_setup_source(df__kafka_setup *s, const df__kafka_source_options *o)
{
    if (df__kafka_setup_begin(s, &o->common) != DF_OK)
        return s->status;
    set_group(s, o);
    if (o->instance.len > 0 && !is_dry(s->st))
        df__kafka_set(s, "instanceId", "group.instance.id", o->instance.data);
    df__kafka_set_text(s, "enable.auto.commit", "false");
    df__kafka_set_text(s, "enable.auto.offset.store", "false");
    df__kafka_set_text(s, "enable.partition.eof", "true");
    df__kafka_set_text(s, "auto.offset.reset", "error");
    df__kafka_set_text(s, "check.crcs", "true");
    df__kafka_set_text(s, "isolation.level", "read_committed");
    if (o->pattern.len > 0) /* the brokers' own topics have records for brokers only */
        df__kafka_set_text(s, "topic.blacklist",
                           "^__(consumer_offsets|transaction_state|share_group_state)$");
    df__kafka_set_text(s, "allow.auto.create.topics", "false");
    df__kafka_set_text(s, "topic.metadata.refresh.interval.ms",
                       "30000"); /* new topics and partitions */
    df__kafka_set_text(s, "partition.assignment.strategy",
                       o->cooperative ? "cooperative-sticky" : "range,roundrobin");
    if (rd_kafka_version() >= 0x020200ff) /* before, wake.c does it */
        df__kafka_set_text(s, "fetch.queue.backoff.ms", "20");
    set_prefetch(s, o);
    set_timing(s, o);
    df__kafka_set_properties(s, &o->common.properties, DF__KAFKA_FOR_SOURCE);
    return df__kafka_setup_finish(s);
}
