/* SPDX-License-Identifier: Apache-2.0
 * lag.h: what is still to come, and the wake-ups that keep a client fetching. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_LAG_H
#define DF_CONNECTORS_KAFKA_SOURCE_LAG_H

#include "source.h"

/* After each read: wakes the client when its queue runs low, and tells the lag once a second. */
void df__kafka_keep_fetching(df__kafka_source *s);
/* Tells the lag now. */
void df__kafka_tell_lag(df__kafka_source *s);

#endif
