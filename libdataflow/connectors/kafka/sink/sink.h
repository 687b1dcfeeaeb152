/* SPDX-License-Identifier: Apache-2.0
 * sink.h: one Kafka sink and the parcels on their way. */
#ifndef DF_CONNECTORS_KAFKA_SINK_H
#define DF_CONNECTORS_KAFKA_SINK_H

#include "client/words.h"
#include "config.h"
#include "types/coder.h"

/* What became of a record that was handed to the client, by its delivery report. */
enum df__kafka_report {
    DF__KAFKA_REPORT_WAITING,   /* it is not in */
    DF__KAFKA_REPORT_DELIVERED, /* written, or ended here: it was rejected */
    DF__KAFKA_REPORT_REFUSED,   /* by the broker, perhaps with others: see write_again */
    DF__KAFKA_REPORT_UNKNOWN    /* never sent, or failed with the connection */
};

/* What the sink keeps of a parcel. The opaque of a message is the address of its item. */
typedef struct df__kafka_load df__kafka_load;
typedef struct df__kafka_item {
    df__kafka_load *load;
} df__kafka_item;
struct df__kafka_load {
    df__kafka_load *next;
    df_parcel *parcel;
    df__kafka_item *items;
    unsigned char *states; /* of each record, enum df__kafka_report */
    unsigned char *wanted; /* of each record, 1: sent again to find one to blame, see transact.c */
    size_t count, waiting, refused;
    size_t named;        /* records that were rejected */
    const char **halted; /* partitions of which nothing more is sent, see halt() */
    size_t halted_count;
    rd_kafka_resp_err_t reason; /* of the last refusal */
    int writing;                /* still inside write */
};

/* address.c: where key, topic and headers of a record come from, compiled once. */
typedef struct df__kafka_text df__kafka_text;
typedef struct df__kafka_address_texts {
    df__kafka_text *key, *from, *texts; /* of key, topicFrom, headers; key NULL: the record's own */
    int no_key;                         /* key: none */
    char *room;                         /* for one of these texts, used again by the next */
    size_t room_cap;
} df__kafka_address_texts;

typedef struct df__kafka_sink_topics df__kafka_sink_topics;
typedef struct df__kafka_sink {
    df__kafka_sink_options o;
    df_stage *st;
    rd_kafka_t *rk;
    df__kafka_sink_topics *topics; /* see topics.c */
    rd_kafka_queue_t *queue;       /* delivery reports and errors */
    int fd;                        /* eventfd that the client writes when the queue was empty */
    df__kafka_failure failure;
    df__kafka_load *loads, **loads_end; /* parcels whose reports are not all in, in order */
    size_t under_way;                   /* messages handed to the client, no report yet */
    df__kafka_gates gates;
    df__kafka_address_texts address;
    int dry, told;  /* told: what the client lacks */
    int stops;      /* a refused record ends the run */
    int halting;    /* one was refused: the sink takes no parcel while others are under way */
    int after_halt; /* its parcel has settled: the sink hands the next one back, once */
    uint64_t share; /* bytes of memory that the client may use */
    df__kafka_txn txn;
    df__kafka_coder *coder; /* NULL: values are written as they are */
} df__kafka_sink;

extern const df_sink_ops df__kafka_sink_ops;

#endif
