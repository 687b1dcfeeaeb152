/* SPDX-License-Identifier: Apache-2.0
 * security.h: securityProtocol, tls and sasl: option tables, the rules between them, and what the
 * client's configuration gets of them. */
#ifndef DF_CONNECTORS_KAFKA_SECURITY_H
#define DF_CONNECTORS_KAFKA_SECURITY_H

#include "setup.h"

extern const df_options df__kafka_sasl_table;

/* What sasl.mechanism oauthbearer needs. */
typedef struct df__kafka_oauth {
    df_bytes url, scope, ca_file;
    df_secret *client_id, *client_secret;
    df_list extensions;
} df__kafka_oauth;

/* In check: tells problems of the three options, reads no file and no secret. */
void df__kafka_security_check(df_stage *st, const df__kafka_common *o);
/* The same for one block tls, whose name is `where` ("tls"). */
void df__kafka_tls_check(df_stage *st, const char *where, const df__kafka_tls *tls);
/* Reads certificates and secrets, each time anew, and sets what belongs to them. s->status tells
 * when that failed. Does nothing while checking. */
void df__kafka_security_set(df__kafka_setup *s, const df__kafka_common *o);
/* Reports that the client could not be made, and is the status of that; text: its own words. While
 * certificates are replaced, key and certificate may not fit each other for a moment. */
int df__kafka_no_client(df_stage *st, const df__kafka_common *o, const char *text);
/* The mechanism of sasl in capitals; NULL: no user, or no such mechanism. */
const char *df__kafka_mechanism(const df__kafka_common *o);
/* What a token is asked for with, borrowed from the options; NULL: another mechanism. */
const df__kafka_oauth *df__kafka_oauth_of(const df__kafka_common *o);

#endif
