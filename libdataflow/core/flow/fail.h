/* SPDX-License-Identifier: Apache-2.0
 * fail.h: what any part of the flow may say: the run failed, records are given up, something is
 * tried again. The first failure begins the drain; stop.h takes it from there. */
#ifndef DF_CORE_FLOW_FAIL_H
#define DF_CORE_FLOW_FAIL_H

#include <stdint.h>

#include "core/flow/retry.h"
#include "core/flow/stop.h"

typedef struct df__flow df__flow;

/* Ends the run with this status, and drains the rest. The first one wins. Copies `text`. */
void df__flow_fail(df__flow *f, int status, const char *text);
/* The same with a text that is put together. */
void df__flow_failf(df__flow *f, int status, const char *format, ...) DF_PRINTF(3, 4);
/* Counts records that are given up: they are written by a later run, or never. */
void df__flow_abandon(df__flow *f, uint64_t records);
/* A failure that `r` counted, and when it is tried again. */
void df__flow_tell_retry(df__flow *f, const df__retry *r, int status, const char *stage,
                         const char *text);
/* The flow grants no more to the source, and the source gives back what it was granted. */
void df__flow_quiet(df__flow *f);
/* A phase begins now: its time limit counts from here. */
void df__flow_enter(df__flow *f, enum df__phase phase);
/* A running flow begins to drain: after a stop or a failure, or at the end of the input. */
void df__flow_drain(df__flow *f);

#endif
