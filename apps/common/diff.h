/* SPDX-License-Identifier: Apache-2.0
 * diff.h: the difference of two short texts, line by line, for people. */
#ifndef APP_DIFF_H
#define APP_DIFF_H

#include "util/buf.h"

typedef struct app_diff {
    const char *prefix; /* before each line */
    int colour;
    int context; /* unchanged lines shown around a change; -1: all */
} app_diff;

/* Adds lines that start with '-' (only in `before`), '+' (only in `after`) or a space. Very long
 * texts are shown one after the other. Returns the number of changed lines. */
size_t app_diff_lines(df__buf *out, const char *before, const char *after, const app_diff *how);

#endif
