/* SPDX-License-Identifier: Apache-2.0
 * identity.h: what a source reads, as a short text that is stored beside its positions. */
#ifndef DF_CORE_GRAPH_IDENTITY_H
#define DF_CORE_GRAPH_IDENTITY_H

#include "core/graph/graph.h"

enum { DF__IDENTITY = 24 };

/* A hash of the kind and of the options with DF_OPT_IDENTITY, as they were written. How it is made
 * must not change: positions that are stored already would be refused. */
void df__source_identity(const df__stage_spec *source, char text[DF__IDENTITY]);
/* True when the sink writes where the source reads: the same kind, and the options that say where
 * (required, or part of the identity) are written alike. */
int df__feeds_source(const df__stage_spec *sink, const df__stage_spec *source);

#endif
