/* SPDX-License-Identifier: Apache-2.0
 * client.h: the client of a sink, which lives as long as the stage is open or, with exactly-once,
 * until a transaction fails. */
#ifndef DF_CONNECTORS_KAFKA_SINK_CLIENT_H
#define DF_CONNECTORS_KAFKA_SINK_CLIENT_H

#include "sink.h"

/* Makes the client, reaches a broker, and with exactly-once begins to write transactions. A failure
 * has a text set on the stage; df__kafka_destroy_client takes what there is. */
int df__kafka_open_client(df__kafka_sink *s);
/* Destroys the client and all handles, within some seconds. When messages are under way, call
 * df__kafka_purge before: no report comes any more. */
void df__kafka_destroy_client(df__kafka_sink *s);

#endif
