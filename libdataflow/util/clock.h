/* SPDX-License-Identifier: Apache-2.0
 * clock.h: the clock of time-outs and intervals, which never goes back. */
#ifndef DF_UTIL_CLOCK_H
#define DF_UTIL_CLOCK_H

#include <stdint.h>

/* Microseconds since a moment that is the same for the whole process. Any thread. */
int64_t df__monotonic_us(void);

/* The earlier of two moments; INT64_MAX stands for never. */
static inline int64_t df__earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif
