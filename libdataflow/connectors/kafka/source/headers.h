/* SPDX-License-Identifier: Apache-2.0
 * headers.h: the headers of a message. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_HEADERS_H
#define DF_CONNECTORS_KAFKA_SOURCE_HEADERS_H

#include "source.h"

/* The client's headers as those of a row; names and values stay the client's, the array is used
 * again by the next message. DF_OK, DF_ENOMEM. */
int df__kafka_headers_take(df__kafka_source *s, const rd_kafka_headers_t *headers, df_input *in);

#endif
