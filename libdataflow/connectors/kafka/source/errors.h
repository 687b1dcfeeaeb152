/* SPDX-License-Identifier: Apache-2.0
 * errors.h: errors of the client as a whole. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_ERRORS_H
#define DF_CONNECTORS_KAFKA_SOURCE_ERRORS_H

#include "source.h"

/* Takes an error of the client that belongs to no partition; text: the client's. Warns, or sets
 * s->failure when the client does not recover from it by itself. */
void df__kafka_client_error(df__kafka_source *s, rd_kafka_resp_err_t err, const char *text);

#endif
