/* SPDX-License-Identifier: Apache-2.0
 * builtin.h: the tables that CMake writes: what the library holds without opening a module. Adding
 * a connector or a transform edits no list: they are found by their folder and file. */
#ifndef DF_CORE_REGISTRY_BUILTIN_H
#define DF_CORE_REGISTRY_BUILTIN_H

#include "dataflow_ext.h"

typedef struct df__known_kind {
    const char *kind, *module; /* the file that brings it, without ".so" */
} df__known_kind;

/* NULL ends each. */
extern const df_connector *const df__builtin_connectors[];
extern const df_transform *const df__builtin_transforms[];
/* Kinds of all modules that the source tree has, those that this build leaves out too. */
extern const df__known_kind df__known_kinds[];

#endif
