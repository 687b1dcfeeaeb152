/* SPDX-License-Identifier: Apache-2.0
 * look.h: a client that joins no group and makes no topic, for the operations that only look:
 * probe, offsets. */
#ifndef DF_CONNECTORS_KAFKA_LOOK_H
#define DF_CONNECTORS_KAFKA_LOOK_H

#include "words.h"

/* A broker, as the cluster names it. */
typedef struct df__kafka_broker {
    int32_t id;
    char address[272]; /* host:port */
    int answered;
    const char *cause; /* why not; NULL: not known */
} df__kafka_broker;

/* Zeroed, but for the first seven. */
typedef struct df__kafka_look {
    df__kafka_common o; /* a copy, first: df__kafka_verify */
    df_stage *st;
    df_list topics; /* options of a source in place of the topic in `o` */
    df_bytes pattern;
    const char *group; /* NULL: of a sink */
    int may_miss;      /* a run makes the topic */
    int registry;      /* a schema registry has answered */
    rd_kafka_t *rk;
    rd_kafka_queue_t *replies;
    const char *label; /* what is looked at, for people: "topic orders", "topics a, b" */
    const char *asked; /* the topic that is being asked for; NULL: all of them */
    rd_kafka_topic_partition_list_t *partitions; /* of all topics */
    df__kafka_failure failure;
    char trouble[400]; /* the newest error that the client recovers from by itself */
    df__kafka_broker *brokers;
    int broker_count, topic_count;
    int read_count; /* partitions whose end was read, or a message */
} df__kafka_look;

/* Makes the client, connects, reads topics and brokers. After a failure too the caller goes to
 * df__kafka_look_end. */
int df__kafka_look_begin(df__kafka_look *p);
/* The last call, also after a failed one: lets go of the client. The answer is rc, or what the
 * client failed with meanwhile. */
int df__kafka_look_end(df__kafka_look *p, int rc);
/* Waits a moment before a question is asked again, and takes what the client tells meanwhile.
 * DF_OK: ask again; DF_ECANCELED: the time is over; or what it failed with. */
int df__kafka_look_pause(df__kafka_look *p);
/* Takes the error of an answer into p->failure; DF_OK: asking again may help. */
int df__kafka_look_error(df__kafka_look *p, rd_kafka_resp_err_t err);
/* All partitions of the topics, each with that offset; the caller destroys the list. NULL: no
 * memory. */
rd_kafka_topic_partition_list_t *df__kafka_look_partitions(df__kafka_look *p, int64_t offset);
/* Fills in what the group committed, RD_KAFKA_OFFSET_INVALID where that is nothing; asked for again
 * as long as there is time. DF_OK, or what it failed with. */
int df__kafka_look_committed(df__kafka_look *p, rd_kafka_topic_partition_list_t *list);

/* The operation `probe`, begin and end within: asks every broker, and of a source reads the group's
 * offsets and the ends of all partitions. `p` as before df__kafka_look_begin. */
int df__kafka_probe(df__kafka_look *p);

#endif
