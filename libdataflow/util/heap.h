/* SPDX-License-Identifier: Apache-2.0
 * heap.h: the one allocator of an env. Everything the library allocates goes through it, so that
 * a host can count it and a test can make it fail. Any thread. */
#ifndef DF_UTIL_HEAP_H
#define DF_UTIL_HEAP_H

#include <stddef.h>

#include "dataflow.h"

typedef struct df__heap {
    void *(*realloc)(void *user, void *old, size_t len); /* len 0 frees */
    void *user;
} df__heap;

/* libc's allocator. */
extern const df__heap df__heap_libc;

/* Not zeroed; to be freed with the same heap, as all of these. NULL: no memory. */
void *df__alloc(const df__heap *h, size_t len);
/* The same, zeroed. */
void *df__zalloc(const df__heap *h, size_t len);
/* As realloc of C with len > 0; NULL: no memory, and old stays valid. */
void *df__realloc(const df__heap *h, void *old, size_t len);
/* NULL is nothing. */
void df__free(const df__heap *h, void *p);
/* A copy of a text that ends in NUL. NULL: no memory. */
char *df__strdup(const df__heap *h, const char *s);
/* A copy of len bytes with a NUL after them. NULL: no memory. */
char *df__strndup(const df__heap *h, const char *s, size_t len);

/* Doubles a growing array of items of `size` bytes, whose pointer is at array_ptr. DF_ENOMEM: it is
 * as it was. */
int df__grow_more(const df__heap *h, void *array_ptr, size_t *cap, size_t size);
/* Makes room for one more item in an array that has `count` of *cap. As df__grow_more. */
static inline int df__grow(const df__heap *h, void *array_ptr, size_t *cap, size_t count,
                           size_t size)
{
    return count < *cap ? DF_OK : df__grow_more(h, array_ptr, cap, size);
}

#endif
