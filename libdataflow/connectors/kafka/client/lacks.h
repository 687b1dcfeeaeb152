/* SPDX-License-Identifier: Apache-2.0
 * lacks.h: what the installed client cannot do for a stage. */
#ifndef DF_CONNECTORS_KAFKA_LACKS_H
#define DF_CONNECTORS_KAFKA_LACKS_H

#include "common.h"

/* What a stage makes use of. */
typedef struct df__kafka_use {
    const df__kafka_common *o;
    int reads, cooperative;
} df__kafka_use;

/* Logs what the installed librdkafka lacks for that, a line for each. Once for a stage: call it in
 * its first open only. */
void df__kafka_tell_lacks(df_stage *st, const df__kafka_use *use);

#endif
