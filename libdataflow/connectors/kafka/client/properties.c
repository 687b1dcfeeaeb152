/* SPDX-License-Identifier: Apache-2.0
 * properties.c: the allow-list of the option `properties`, by librdkafka's names; tools/gen-options
 * reads both tables.
 */
#include <stdio.h>
#include <string.h>

#include "properties.h"

enum { FOR_SOURCE = DF__KAFKA_FOR_SOURCE, FOR_SINK = DF__KAFKA_FOR_SINK, FOR_BOTH = 3 };
static const struct allowed {
    const char *name;
    int role;
} allowed[] = {
    {"broker.address.family", FOR_BOTH},
    {"broker.address.ttl", FOR_BOTH},
    {"client.id", FOR_BOTH},
    {"client.rack", FOR_BOTH},
    {"connections.max.idle.ms", FOR_BOTH},
    {"debug", FOR_BOTH},
    {"message.max.bytes", FOR_BOTH},
    {"metadata.max.age.ms", FOR_BOTH},
    {"receive.message.max.bytes", FOR_BOTH},
    {"reconnect.backoff.max.ms", FOR_BOTH},
    {"reconnect.backoff.ms", FOR_BOTH},
    {"retry.backoff.ms", FOR_BOTH},
    {"socket.connection.setup.timeout.ms", FOR_BOTH},
    {"socket.keepalive.enable", FOR_BOTH},
    {"socket.max.fails", FOR_BOTH},
    {"socket.nagle.disable", FOR_BOTH},
    {"socket.receive.buffer.bytes", FOR_BOTH},
    {"socket.send.buffer.bytes", FOR_BOTH},
    {"socket.timeout.ms", FOR_BOTH},
    {"topic.metadata.refresh.interval.ms", FOR_BOTH},
    {"check.crcs", FOR_SOURCE},
    {"fetch.error.backoff.ms", FOR_SOURCE},
    {"fetch.queue.backoff.ms", FOR_SOURCE},
    {"heartbeat.interval.ms", FOR_SOURCE},
    {"isolation.level", FOR_SOURCE},
    {"max.poll.interval.ms", FOR_SOURCE},
    {"partition.assignment.strategy", FOR_SOURCE},
    {"queued.max.messages.kbytes", FOR_SOURCE},
    {"queued.min.messages", FOR_SOURCE},
    {"session.timeout.ms", FOR_SOURCE},
    {"batch.num.messages", FOR_SINK},
    {"batch.size", FOR_SINK},
    {"compression.level", FOR_SINK},
    {"linger.ms", FOR_SINK},
    {"message.copy.max.bytes", FOR_SINK},
    {"partitioner", FOR_SINK},
    {"queue.buffering.max.kbytes", FOR_SINK},
    {"queue.buffering.max.messages", FOR_SINK},
    {"request.timeout.ms", FOR_SINK},
    {"sticky.partitioning.linger.ms", FOR_SINK},
};

/* Properties that an option of ours or the delivery guarantee decides. */
static const struct taken {
    const char *name, *instead;
} taken[] = {
    {"bootstrap.servers", "use the option brokers"},
    {"metadata.broker.list", "use the option brokers"},
    {"group.id", "use the option consumerGroup"},
    {"group.instance.id", "use the option instanceId"},
    {"auto.offset.reset", "use the options startFrom and onOffsetOutOfRange"},
    {"fetch.min.bytes", "use the option fetchMinBytes"},
    {"fetch.max.bytes", "use the option fetchMaxBytes"},
    {"fetch.wait.max.ms", "use the option consumerMaxWait"},
    {"max.partition.fetch.bytes", "use the option maxPartitionFetchBytes"},
    {"fetch.message.max.bytes", "use the option maxPartitionFetchBytes"},
    {"compression.type", "use the option compression"},
    {"compression.codec", "use the option compression"},
    {"queue.buffering.max.ms", "use the option flushFrequency"},
    {"max.in.flight.requests.per.connection", "use the option maxOpenRequests"},
    {"max.in.flight", "use the option maxOpenRequests"},
    {"enable.auto.commit", "offsets are committed when records are delivered"},
    {"enable.auto.offset.store", "offsets are committed when records are delivered"},
    {"auto.commit.interval.ms", "offsets are committed when records are delivered"},
    {"enable.idempotence", "the producer is always idempotent"},
    {"acks", "records count as written when all replicas confirmed them"},
    {"request.required.acks", "records count as written when all replicas confirmed them"},
    {"message.timeout.ms", "records are kept until the brokers take them"},
    {"delivery.timeout.ms", "records are kept until the brokers take them"},
    {"security.protocol", "use the option securityProtocol"},
    {"enable.ssl.certificate.verification", "use the option tls.insecureSkipVerify"},
    {"ssl.key.pem", "use the option tls.key"},
    {"ssl.key.location", "use the option tls.keyFile"},
    {"ssl.certificate.pem", "use the option tls.cert"},
    {"ssl.certificate.location", "use the option tls.certFile"},
    {"ssl.ca.pem", "use the option tls.ca"},
    {"ssl.ca.location", "use the option tls.caFile"},
    {"sasl.password", "use the option sasl.password"},
    {"sasl.username", "use the option sasl.username"},
    {"sasl.mechanisms", "use the option sasl.mechanism"},
    {"sasl.mechanism", "use the option sasl.mechanism"},
};

/* Levenshtein distance of names of at most 63 bytes; longer ones are far. */
static size_t distance(const char *a, size_t a_len, const char *b)
{
    size_t row[64], b_len = strlen(b);
    if (a_len > 63 || b_len > 63)
        return 99;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_len];
}

int df__kafka_property_refused(df_bytes name, int role, char *text, size_t cap)
{
    const char *near = NULL;
    size_t nearest = name.len / 3 + 1;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (!(allowed[i].role & role))
            continue;
        size_t d = distance(name.data, name.len, allowed[i].name);
        if (d == 0)
            return 0;
        if (d < nearest) {
            nearest = d;
            near = allowed[i].name;
        }
    }
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (distance(name.data, name.len, taken[i].name) == 0) {
            (void)snprintf(text, cap, "cannot be set here: %s", taken[i].instead);
            return 1;
        }
    if (near)
        (void)snprintf(text, cap, "is not in the list of allowed properties; did you mean \"%s\"?",
                       near);
    else
        (void)snprintf(text, cap,
                       "is not in the list of allowed properties (docs/options.md lists them)");
    return 1;
}
