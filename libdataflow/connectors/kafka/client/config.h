/* SPDX-License-Identifier: Apache-2.0
 * config.h: the configuration that every client has: brokers, sockets, security, `properties`. What
 * a source and a sink add is in their own folders. */
#ifndef DF_CONNECTORS_KAFKA_CONFIG_H
#define DF_CONNECTORS_KAFKA_CONFIG_H

#include "setup.h"

/* Makes the configuration with what all clients have. DF_ENOMEM: there is none; other failures are
 * in s->status and come out of df__kafka_setup_finish. */
int df__kafka_setup_begin(df__kafka_setup *s, const df__kafka_common *o);
/* The end of what is set: s->status, and when that is a failure the configuration is gone. */
int df__kafka_setup_finish(df__kafka_setup *s);
/* The configuration of a consumer that only looks, whole. group: NULL: none. The answer is that of
 * df__kafka_setup_finish. */
int df__kafka_setup_probe(df__kafka_setup *s, const df__kafka_common *o, const char *group);
/* Sets the option `properties`; role: see properties.h. One that is refused makes a problem. */
void df__kafka_set_properties(df__kafka_setup *s, const df_list *list, int role);
/* In check: the rules that source and sink share. Tells problems, does no I/O. */
void df__kafka_check_common(df_stage *st, const df__kafka_common *o);

#endif
