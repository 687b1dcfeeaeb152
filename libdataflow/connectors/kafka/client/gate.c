/* SPDX-License-Identifier: Apache-2.0
 * gate.c: the clock that all limits are counted by, and what happens at most once in a while.
 */
#include "gate.h"
#include "util/clock.h"

int64_t df__kafka_clock_ms(void)
{
    return df__monotonic_us() / 1000;
}

int df__kafka_gate_open(df__kafka_gate *gate, int64_t interval_ms)
{
    int64_t now = df__kafka_clock_ms();
    int64_t next = __atomic_load_n(&gate->next, __ATOMIC_RELAXED);
    return now >= next && __atomic_compare_exchange_n(&gate->next, &next, now + interval_ms, 0,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
