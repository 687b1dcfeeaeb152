/* SPDX-License-Identifier: Apache-2.0
 * hidden.h: texts that must not leave the process, and their removal from what does. */
#ifndef DF_CORE_GRAPH_HIDDEN_H
#define DF_CORE_GRAPH_HIDDEN_H

#include <pthread.h>

#include "dataflow.h"
#include "util/heap.h"

/* Shorter values would blank out ordinary words; a piece of a longer one is hidden from this length
 * on, since libraries split and cut what they repeat. */
enum { DF__HIDDEN_SHORTEST = 4, DF__HIDDEN_PIECE = 8 };

typedef struct df__hidden { /* any thread */
    const df__heap *heap;
    pthread_mutex_t lock;
    struct df__known *known;
} df__hidden;

/* Nothing is hidden yet. */
void df__hidden_init(df__hidden *h, const df__heap *heap);
void df__hidden_free(df__hidden *h); /* wipes */
/* Hides this value from now on, as it is and percent-encoded. `pieces`: its pieces too; without, a
 * part of it may be told (the host in a connection string). */
int df__hidden_add(df__hidden *h, df_bytes value, int pieces);
/* Replaces what is hidden by "***", in place; needs no memory. Cut a text only afterwards. */
void df__hidden_scrub(df__hidden *h, char *text);

#endif
