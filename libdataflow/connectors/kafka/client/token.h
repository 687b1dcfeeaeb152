/* SPDX-License-Identifier: Apache-2.0
 * token.h: access tokens of OAUTHBEARER, got and renewed by a thread of their own. */
#ifndef DF_CONNECTORS_KAFKA_TOKEN_H
#define DF_CONNECTORS_KAFKA_TOKEN_H

#include "common.h"

/* After the client was made: starts the thread that gets a token, and a new one in time. DF_OK at
 * once for other mechanisms; else failures have a text set on the stage. */
int df__kafka_token_start(df_stage *st, rd_kafka_t *rk, df__kafka_common *o);
/* Before the client ends: ends and joins that thread. Nothing to do when there is none. */
void df__kafka_token_stop(df__kafka_common *o);
/* 1: the token that was asked for last was refused, which only a change of options, secrets or of
 * the token endpoint mends; 0: there is one, or asking again may help. */
int df__kafka_token_refused(const df__kafka_common *o);

#endif
