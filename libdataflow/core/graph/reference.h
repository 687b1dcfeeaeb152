/* SPDX-License-Identifier: Apache-2.0
 * reference.h: ${env:NAME}, ${env:NAME:-default} and ${file:PATH} in a text of a manifest. */
#ifndef DF_CORE_GRAPH_REFERENCE_H
#define DF_CORE_GRAPH_REFERENCE_H

#include "dataflow_ext.h"

/* Finds the next reference in text from *at on. DF_OK: ret has kind and span ([begin, end) of the
 * whole, name inside; ${env:NAME:-fallback} has a fallback from there to the end);
 * DF_DONE: none; DF_ESPEC: malformed, err says why. "$${" stands for "${". */
typedef struct df__reference {
    int kind; /* DF_REF_ENV, DF_REF_FILE; 0: an escaped "${" */
    size_t begin, end, name, name_len;
    size_t fallback; /* where it begins; 0: none */
} df__reference;
int df__reference_next(df_bytes text, size_t at, df__reference *ret, char *err, size_t errlen);
/* True when the text holds a reference or an escape. */
int df__reference_any(df_bytes text);

#endif
