/* SPDX-License-Identifier: Apache-2.0
 * common.h: the options that source and sink have in common, and the rows of the metrics table.
 *
 * One client per stage. The source thread (or sink thread) makes every call of the client, but
 * for three threads of ours: wake.c's asks for watermarks, token.c's gives it access tokens, and
 * letgo.c's ends it.
 */
#ifndef DF_CONNECTORS_KAFKA_COMMON_H
#define DF_CONNECTORS_KAFKA_COMMON_H

#include <librdkafka/rdkafka.h>

#include "dataflow_ext.h"
#include "gate.h"
#include "net/tls_block.h"

typedef df__tls_block df__kafka_tls;
typedef struct df__kafka_sasl df__kafka_sasl;
typedef struct df__kafka_token df__kafka_token;

/* Of a certificate, in seconds since 1970; end_s 0: there is none. */
typedef struct df__kafka_dates {
    int64_t begin_s, end_s;
} df__kafka_dates;

/* What the client was made with. */
typedef struct df__kafka_own {
    df__kafka_dates client, ca;
} df__kafka_own;

/* A broker that has shown a certificate; who 0: none. */
enum { DF__KAFKA_SHOWN = 32 };
typedef struct df__kafka_shown {
    uint64_t who; /* hash of host and port */
    df__kafka_dates dates;
} df__kafka_shown;

/* First in the options of both, and so first in a source and in a sink. */
typedef struct df__kafka_common {
    df_bytes brokers, topic, security;
    df__kafka_tls *tls;   /* NULL: no block */
    df__kafka_sasl *sasl; /* NULL: no block */
    df_list properties;
    df__kafka_token *token; /* no option: that gets access tokens; NULL: none are needed */
    int flaw; /* no option: of the broker's certificate, OpenSSL's number; 0: none was found */
    int has_answered;   /* no option: `answered` is written, and stays */
    char answered[272]; /* no option: of `brokers`, the one that answered */
    /* No options: see expiry.c. Those of brokers are set by threads of the client. */
    df__kafka_own own;
    df__kafka_shown shown[DF__KAFKA_SHOWN];
    df__kafka_gate expiry_gate, client_gate, ca_gate, broker_gate;
} df__kafka_common;

/* Rows of the metrics table. */
enum df__kafka_metric {
    DF__KAFKA_METRIC_WAKEUPS,
    DF__KAFKA_METRIC_REPEATED,
    DF__KAFKA_METRIC_LOST,
    DF__KAFKA_METRIC_REFETCHED,
    DF__KAFKA_METRIC_REBALANCES,
    DF__KAFKA_METRIC_COMMITS,
    DF__KAFKA_METRIC_UNVERIFIED,
    DF__KAFKA_METRIC_EXPIRES
};

#endif
