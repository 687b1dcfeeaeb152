/* SPDX-License-Identifier: Apache-2.0
 * properties.h: the option `properties`: which of librdkafka's properties a manifest may set. */
#ifndef DF_CONNECTORS_KAFKA_PROPERTIES_H
#define DF_CONNECTORS_KAFKA_PROPERTIES_H

#include "dataflow_ext.h"

/* Bits: what a client is for. */
enum df__kafka_role { DF__KAFKA_FOR_SOURCE = 1, DF__KAFKA_FOR_SINK = 2 };
/* Whether a property is refused for a client of that role, either or both of the two bits. 1: it
 * is, and `text` says why; 0: it may be set. */
int df__kafka_property_refused(df_bytes name, int role, char *text, size_t cap);

#endif
