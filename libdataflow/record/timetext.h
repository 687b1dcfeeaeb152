/* SPDX-License-Identifier: Apache-2.0
 * timetext.h: times as RFC 3339 text. Years outside of 0..9999 have a sign and more digits. */
#ifndef DF_RECORD_TIMETEXT_H
#define DF_RECORD_TIMETEXT_H

#include "dataflow.h"

enum { DF__TIMETEXT_MAX = 64 };

/* Writes a TIMESTAMP, DATE or TIME and answers the length, without a NUL; buf has DF__TIMETEXT_MAX
 * bytes. Fractions are written when there are any. */
size_t df__timetext(const df_value *v, char *buf);

#endif
