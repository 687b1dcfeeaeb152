/* SPDX-License-Identifier: Apache-2.0
 * config.c: the configuration of a client that writes, from options and memory share.
 */
#include <stddef.h>

#include "client/config.h"
#include "client/properties.h"
#include "config.h"

/* The bytes of a message stay with the core until it is delivered; the client adds about 256. */
static void set_queue(df__kafka_setup *s)
{
    int64_t share = s->share > 0 ? (int64_t)s->share : (int64_t)8 << 20;
    int64_t count = share / 256, kbytes = share / 1024;
    df__kafka_set_number(s, "queue.buffering.max.messages", count < 1000 ? 1000 : count);
    df__kafka_set_number(s, "queue.buffering.max.kbytes", kbytes < 4096 ? 4096 : kbytes);
}

/* A record that does not get away in time fails with its transaction; without one it waits. */
static void set_transactions(df__kafka_setup *s, const df__kafka_txn *txn)
{
    df__kafka_set_number(s, "message.timeout.ms",
                         txn != NULL && txn->id != NULL ? txn->timeout_ms : 0);
    if (!txn || !txn->id)
        return;
    df__kafka_set(s, "transactionalId", "transactional.id", txn->id);
    df__kafka_set_number(s, "transaction.timeout.ms", txn->timeout_ms);
}

int df__kafka_setup_sink(df__kafka_setup *s, const df__kafka_sink_options *o,
                         const df__kafka_txn *txn)
{
    static const char *const compressions[] = {"snappy", "none", "gzip", "lz4", "zstd"};
    if (df__kafka_setup_begin(s, &o->common) != DF_OK)
        return s->status;
    df__kafka_set_text(s, "enable.idempotence", "true");
    set_transactions(s, txn);
    /* After that the client reports a topic as missing. */
    df__kafka_set_text(s, "topic.metadata.propagation.max.ms", "5000");
    df__kafka_set_text(s, "partitioner", "murmur2_random"); /* as the Java client */
    if (o->compression >= 0 && o->compression < 5)
        df__kafka_set(s, "compression", "compression.type", compressions[o->compression]);
    set_queue(s);
    df__kafka_set_option(s, "maxOpenRequests", "max.in.flight.requests.per.connection",
                         o->open_requests);
    df__kafka_set_option(s, "flushMessages", "batch.num.messages", o->flush_messages);
    df__kafka_set_option(s, "flushBytes", "batch.size", o->flush_bytes);
    df__kafka_set_option(s, "flushFrequency", "linger.ms", df__kafka_option_ms(o->flush_frequency));
    df__kafka_set_properties(s, &o->common.properties, DF__KAFKA_FOR_SINK);
    if (txn && txn->batch_most > 0)
        df__kafka_set_number(s, "batch.size", txn->batch_most);
    return df__kafka_setup_finish(s);
}
