/* SPDX-License-Identifier: Apache-2.0
 * expiry.h: when certificates end. Pure but for df__kafka_expiry_tell. */
#ifndef DF_CONNECTORS_KAFKA_EXPIRY_H
#define DF_CONNECTORS_KAFKA_EXPIRY_H

#include "common.h"

/* The dates of a certificate in DER, in seconds since 1970. DF_EDATA: it is none. */
int df__kafka_expiry_der(df_bytes der, df__kafka_dates *ret);
/* Those of the certificate of a PEM text that ends next, after now_s; when all have ended, of the
 * last one: in a list of CAs an old one does no harm. 0 for a chain, of which all must be good.
 * DF_EDATA: there is none. */
int df__kafka_expiry_pem(df_bytes pem, int64_t now_s, df__kafka_dates *ret);
/* Likewise of a file; nothing is set when it cannot be read as one. */
void df__kafka_expiry_file(const char *path, int64_t now_s, df__kafka_dates *ret);
/* 1: so little of its life is left that whoever renews it should have done so: a fifth, or two
 * weeks when that is less; 30 days of a CA, which many have to put into place. */
int df__kafka_expiry_is_near(const df__kafka_dates *d, int is_ca, int64_t now_s);
/* A new client with these certificates of its own; nothing is known of brokers yet. Before it is
 * made. */
void df__kafka_expiry_begin(df__kafka_common *o, const df__kafka_own *own);
/* A broker ("ssl://host:9093/1") has shown a certificate, in DER; the newest one of a broker
 * counts. Any thread. */
void df__kafka_expiry_note(df__kafka_common *o, const char *broker, df_bytes der);
/* The dates of the one that ends first. */
df__kafka_dates df__kafka_expiry_soonest(const df__kafka_common *o);
/* Shows the dates in `o` as metrics, and warns once a day where an end is near. The stage's thread,
 * as often as it likes. */
void df__kafka_expiry_tell(df_stage *st, df__kafka_common *o);

#endif
