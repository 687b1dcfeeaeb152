/* SPDX-License-Identifier: Apache-2.0
 * transact.h: exactly-once: a parcel is a transaction. */
#ifndef DF_CONNECTORS_KAFKA_SINK_TRANSACT_H
#define DF_CONNECTORS_KAFKA_SINK_TRANSACT_H

#include "sink.h"

/* Writes a parcel and its positions, or nothing, and waits for that. DF_OK; DF_EUNKNOWN: only
 * df__kafka_resolve can tell; DF_EDATA: a record was rejected; others failed as a whole. */
int df__kafka_transact_write(df__kafka_sink *s, df_parcel *parcel);

#endif
