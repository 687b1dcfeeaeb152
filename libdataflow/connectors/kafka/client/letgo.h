/* SPDX-License-Identifier: Apache-2.0
 * letgo.h: the end of a client, within a limit, and log lines of clients that outlive their stage.
 */
#ifndef DF_CONNECTORS_KAFKA_LETGO_H
#define DF_CONNECTORS_KAFKA_LETGO_H

#include "common.h"

/* Leaves the group and destroys the client; after limit_ms, whole seconds, it is left running and
 * ends by itself. keep: leaves the group only, for clients that cannot be destroyed. Afterwards
 * there are no callbacks with the stage. */
void df__kafka_let_go(df_stage *st, rd_kafka_t *rk, int limit_ms, int keep);
/* Before telling a line of a client's log, on any thread. 1: its stage is there, and stays until
 * df__kafka_tell_end; 0: its stage is gone: tell nothing, and do not call the end. */
int df__kafka_tell_begin(const rd_kafka_t *rk);
/* After the line was told. */
void df__kafka_tell_end(void);

#endif
