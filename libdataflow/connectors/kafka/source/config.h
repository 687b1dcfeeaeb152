/* SPDX-License-Identifier: Apache-2.0
 * config.h: the configuration of a client that reads. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_CONFIG_H
#define DF_CONNECTORS_KAFKA_SOURCE_CONFIG_H

#include "client/setup.h"
#include "options.h"

/* Makes the whole configuration. The answer is that of df__kafka_setup_finish; what a failure means
 * is told as df__kafka_setup says. */
int df__kafka_setup_source(df__kafka_setup *s, const df__kafka_source_options *o);

#endif
