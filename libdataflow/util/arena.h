/* SPDX-License-Identifier: Apache-2.0
 * arena.h: allocate many, free once. One writer at a time; readers need no lock. */
#ifndef DF_UTIL_ARENA_H
#define DF_UTIL_ARENA_H

#include "dataflow.h"
#include "util/heap.h"

typedef struct df__chunk df__chunk;
typedef struct df__kept { /* something outside that the arena holds, and what lets it go */
    struct df__kept *next;
    void (*release)(void *what);
    void *what;
} df__kept;
typedef struct df__arena {
    const df__heap *heap;
    df__chunk *head; /* newest chunk */
    unsigned char *at, *end;
    size_t chunk_size;       /* of the next ordinary chunk */
    size_t total;            /* bytes taken from the heap */
    unsigned char *last;     /* start of the newest allocation, for df__arena_extend */
    struct df__spare *spare; /* chunks kept between arenas; NULL: none */
    size_t limit;            /* of total; 0: none. Past it an allocation answers NULL */
    int over;                /* one did */
    df__kept *kept;          /* newest first */
} df__arena;

typedef struct df__arena_mark { /* a state to go back to */
    df__chunk *head;
    unsigned char *at;
    df__kept *kept;
} df__arena_mark;

/* Takes nothing yet. chunk_size: bytes of the first ordinary chunk; larger ones follow. */
void df__arena_init(df__arena *a, const df__heap *heap, size_t chunk_size);
/* Not zeroed, aligned to 16, alive as long as the arena. NULL: no memory, or past its limit. */
void *df__arena_alloc(df__arena *a, size_t len);
/* The same, zeroed. */
void *df__arena_zalloc(df__arena *a, size_t len);
/* A copy of bytes, with a NUL after them, not aligned. NULL: no memory. */
void *df__arena_bytes(df__arena *a, const void *data, size_t len);
/* Bytes with a NUL after them, which len does not count. data NULL stays NULL. DF_ENOMEM. */
int df__arena_copy(df__arena *a, df_bytes in, df_bytes *ret);
/* Grows the newest allocation in place when it can; 0: it could not. */
int df__arena_extend(df__arena *a, void *p, size_t old_len, size_t new_len);
enum { DF__ADOPT = 16 };
/* A block of the arena's heap becomes one of its chunks: freed with it. Its first DF__ADOPT bytes
 * are overwritten. */
void df__arena_adopt(df__arena *a, void *block, size_t size);
/* Lets go of `what` when the arena forgets it: at its end, or going back to before. DF_ENOMEM: it
 * was not taken. */
int df__arena_keep(df__arena *a, void (*release)(void *what), void *what);
/* The state now, for df__arena_back; good until an older one is gone back to. */
df__arena_mark df__arena_note(const df__arena *a);
/* Forgets what was allocated since. */
void df__arena_back(df__arena *a, df__arena_mark to);
/* Forgets everything, keeps the largest ordinary chunk. */
void df__arena_reset(df__arena *a);
/* Frees all of it, lets go of what it keeps; the arena is empty then, as after init. */
void df__arena_free(df__arena *a);

#endif
