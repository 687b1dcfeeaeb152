/* SPDX-License-Identifier: Apache-2.0
 * pattern.h: POSIX extended regular expressions, answered with yes or no. A match takes time in
 * proportion to the text and no memory: nothing goes back in the text, nothing is remembered of it.
 * Texts are bytes in any locale. Beside POSIX: \w \W \s \S \b \B \< \> \` \'. Only for
 * libdataflow/record. */
#ifndef DF_RECORD_PATTERN_H
#define DF_RECORD_PATTERN_H

#include "dataflow.h"
#include "util/heap.h"

enum { DF__PATTERN_STATES = 2048 }; /* of all patterns of one condition */

typedef struct df__pattern df__pattern;

/* NULL: `*why` says what is wrong; df__pattern_memory for lack of memory. What the pattern unfolds
 * to is taken from *states. */
df__pattern *df__pattern_compile(const df__heap *heap, df_bytes text, size_t *states,
                                 const char **why);
/* *why for lack of memory: told by its address. */
extern const char df__pattern_memory[];
/* 1: some part of the text matches. Any thread. */
int df__pattern_matches(const df__pattern *p, const void *text, size_t len);
/* NULL is nothing. */
void df__pattern_free(df__pattern *p);

#endif
