/* SPDX-License-Identifier: Apache-2.0
 * clock.h: the clock of time-outs and intervals, which never goes back. */
#ifndef DF_UTIL_CLOCK_H
#define DF_UTIL_CLOCK_H

#include <stdint.h>

int64_t df__monotonic_us(void);

#endif
