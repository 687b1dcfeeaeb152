/* SPDX-License-Identifier: Apache-2.0
 * gate.h: the clock that all limits are counted by, and what happens at most once in a while. Any
 * thread. */
#ifndef DF_CONNECTORS_KAFKA_GATE_H
#define DF_CONNECTORS_KAFKA_GATE_H

#include <stdint.h>

/* Opens once in an interval. Zeroed: it opens at once. */
typedef struct df__kafka_gate {
    int64_t next; /* ms of the monotonic clock */
} df__kafka_gate;

/* 1: it is open, for this caller alone, and closed for interval_ms from now; 0: it is closed. */
int df__kafka_gate_open(df__kafka_gate *gate, int64_t interval_ms);
/* Milliseconds of the monotonic clock. */
int64_t df__kafka_clock_ms(void);

#endif
