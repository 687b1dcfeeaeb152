/* SPDX-License-Identifier: Apache-2.0
 * spare.h: chunks that one arena gave back and the next one takes, so that a steady flow neither
 * asks the heap nor touches fresh pages. Any thread. */
#ifndef DF_UTIL_SPARE_H
#define DF_UTIL_SPARE_H

#include <pthread.h>

#include "util/arena.h"

struct df__chunk {
    df__chunk *next;
    size_t size; /* whole chunk with this head */
};

enum { DF__SPARE_SIZES = 5 }; /* 64 KiB to 1 MiB */
typedef struct df__spare {
    pthread_mutex_t lock;
    df__chunk *free[DF__SPARE_SIZES];
    size_t bytes, max; /* kept; at most */
} df__spare;

/* Keeps nothing until df__spare_limit. */
void df__spare_init(df__spare *s);
/* Keeps at most that from now on. */
void df__spare_limit(df__spare *s, const df__heap *heap, size_t max);
/* Frees all that is kept, when no arena points to it any more. */
void df__spare_free(df__spare *s, const df__heap *heap);
/* A chunk of exactly that size, the caller's from now on; NULL: none. */
df__chunk *df__spare_take(df__spare *s, size_t size);
/* 1: it is kept; 0: the caller frees it. */
int df__spare_give(df__spare *s, df__chunk *c);

#endif
