/* SPDX-License-Identifier: Apache-2.0
 * add.h: a stage joins a graph: its kind is looked up in the registry, its options are filled for
 * the check. By hand, as a document writes it, or inside an option of another stage. */
#ifndef DF_CORE_REGISTRY_ADD_H
#define DF_CORE_REGISTRY_ADD_H

#include "core/graph/graph.h"
#include "core/registry/layout.h"

/* Adds a copy of `like`; modules are opened for its kind. Problems (unknown kind with "did you
 * mean", wrong role, duplicate name) go to g->problems and give NULL; NULL without a problem: no
 * memory. */
df__stage_spec *df__graph_add(df__graph *g, const df__stage_spec *like);
/* The same for the stage that a layout of `node` describes; `like` has role, name and what else is
 * known, and gets the rest. */
df__stage_spec *df__graph_add_written(df__graph *g, const df__doc *node, const df__layout *l,
                                      df__stage_spec *like);
/* What such a call came to; `errors`: problems before it. DF_ESPEC, DF_ENOMEM. */
int df__graph_added(df__graph *g, const df__stage_spec *s, size_t errors);
/* Reads the layout of `node` and adds its source or sink. `extra`: see df__layout_read. */
int df__graph_add_connector(df__graph *g, const df__doc *node, const char *field,
                            const char *const *extra, df__stage_spec *like);

#endif
