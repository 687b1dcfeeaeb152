/* SPDX-License-Identifier: Apache-2.0
 * stage_text.h: what the built-in transforms need and the public headers have no call for: a path
 * and a value from a part of an option's text, the text of a route's condition. */
#ifndef DF_STAGE_TEXT_H
#define DF_STAGE_TEXT_H

#include "dataflow_ext.h"
#include "util/heap.h"

/* Allocators whose memory lives as long as the stage (NULL: no memory), as long as the batch. */
const df__heap *df__stage_heap(df_stage *st);
df__heap df__batch_heap(df_batch *batch);
/* A problem of `option` (DF_ERROR), formatted. */
void df__stage_problemf(df_stage *st, const char *option, const char *format, ...) DF_PRINTF(3, 4);
/* Compiles a path that is part of a longer text; it lives as long as the stage. NULL: told to st
 * as a problem of `option`. */
const df_path *df__stage_path(df_stage *st, const char *option, df_bytes text);
/* The paths of the parents of a single path, outermost first, root and path left out: "a" and
 * "a.b" of "a.b.c". They live as long as the stage. DF_ENOMEM. */
typedef struct df__parents {
    const df_path **paths;
    size_t count;
} df__parents;
int df__stage_parents(df_stage *st, const df_path *path, df__parents *ret);
/* The value of a JSON text; it may be put into any record. DF_ESPEC: told to st. */
int df__stage_json(df_stage *st, const char *option, df_bytes text, df_value *ret);
/* The label of the route that leaves through `port`: its condition as written. "": unknown. */
const char *df__stage_route_label(const df_stage *st, int port);

#endif
