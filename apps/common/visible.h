/* SPDX-License-Identifier: Apache-2.0
 * visible.h: any bytes as text that changes no terminal. */
#ifndef APP_VISIBLE_H
#define APP_VISIBLE_H

#include "util/buf.h"

/* Adds a text; what would change the terminal, or is no text at all, is shown as bytes (\x1b):
 * control characters (those of 8 bits too) and what is not UTF-8. `lines`: line breaks stay. */
void app_visible(df__buf *out, const char *text, size_t len, int lines);

#endif
