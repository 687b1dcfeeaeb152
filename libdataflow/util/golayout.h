/* SPDX-License-Identifier: Apache-2.0
 * golayout.h: layouts as the Go language writes them: the text shows how the reference moment
 * "Mon Jan 2 15:04:05 MST 2006" looks. Compiled once, written often. */
#ifndef DF_UTIL_GOLAYOUT_H
#define DF_UTIL_GOLAYOUT_H

#include "util/heap.h"
#include "util/rfc3339.h"
#include "util/zone.h"

typedef struct df__layout df__layout;

/* DF_ENOMEM, DF_ETOOBIG (longer than 1,024 bytes). Every text is a layout. */
int df__layout_new(const df__heap *heap, df_bytes text, df__layout **ret);
/* NULL is nothing. */
void df__layout_free(df__layout *layout);
/* How many parts of it stand for a piece of the time; 0: it comes out as it is. */
size_t df__layout_fields(const df__layout *layout);
/* Writes t in the zone of `span`. Like snprintf without NUL: returns the length, writes at most
 * cap bytes. */
size_t df__layout_write(const df__layout *layout, df__instant t, const df__zone_span *span,
                        char *buf, size_t cap);

#endif
