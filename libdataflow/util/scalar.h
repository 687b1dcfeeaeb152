/* SPDX-License-Identifier: Apache-2.0
 * scalar.h: integers, sizes and durations from text, without locale. 0: malformed or out of range.
 */
#ifndef DF_UTIL_SCALAR_H
#define DF_UTIL_SCALAR_H

#include "dataflow.h"

/* Decimal digits with an optional sign, without leading zeros. */
int df__parse_int(df_bytes text, int64_t *ret);
/* "1h30m", "250ms"; a number alone is seconds. */
int df__parse_duration(df_bytes text, int64_t *ret_us);
/* "64MiB"; a number alone is bytes. */
int df__parse_size(df_bytes text, int64_t *ret);

#endif
