/* SPDX-License-Identifier: Apache-2.0
 * layout.h: a stage's two spellings: type with config, or type with a block of that name. */
#ifndef DF_CORE_REGISTRY_LAYOUT_H
#define DF_CORE_REGISTRY_LAYOUT_H

#include "core/graph/graph.h"

/* One stage as written, in either layout. */
typedef struct df__layout {
    const df__doc *type; /* NULL: none */
    const char *kind;
    const df__doc *config; /* NULL: all defaults */
    char field[192];       /* of config: "spec.sink.config", "spec.sink.kafka" */
} df__layout;

/* Reads type and config (or the block named as the type). `extra`: other members that belong there,
 * NULL at the end. DF_ESPEC: problems were added. */
int df__layout_read(df__graph *g, const df__doc *node, const char *field, const char *const *extra,
                    df__layout *ret);

#endif
