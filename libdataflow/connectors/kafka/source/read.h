/* SPDX-License-Identifier: Apache-2.0
 * read.h: messages become records, and what else the client hands over. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_READ_H
#define DF_CONNECTORS_KAFKA_SOURCE_READ_H

#include "source.h"

/* Adds messages that the client has fetched while there is room, without waiting. *ret_added counts
 * records, and marks without records as one. DF_OK or a failure; what failed is in the next call
 * again. */
int df__kafka_add_waiting(df__kafka_source *s, df_batch *into, size_t *ret_added);
/* Serves what comes through the control queue (group work, errors), and what has to be done from
 * time to time. A failure is in s->failure. */
void df__kafka_serve_control(df__kafka_source *s);
/* The partition is fetched again from there, by the next df__kafka_serve_control. */
void df__kafka_restart_at(df__kafka_source *s, df__kafka_part *p, int64_t offset);

#endif
