/* SPDX-License-Identifier: Apache-2.0
 * keymap.h: keys, each with a number: the first is 0. Nothing is taken out but all at once. */
#ifndef DF_ICEBERG_KEYMAP_H
#define DF_ICEBERG_KEYMAP_H

#include "util/arena.h"

typedef struct df__ice_keymap {
    const df__heap *heap;
    df__arena arena; /* the keys */
    df_bytes *keys;
    uint64_t *hashes; /* of the keys */
    uint32_t *slots;  /* number of a key and 1; 0: none */
    size_t count, key_cap, hash_cap, slot_count;
    uint64_t seed;
} df__ice_keymap;

/* Takes nothing yet. `seed`: what no sender of keys knows. */
void df__ice_keymap_init(df__ice_keymap *m, const df__heap *heap, uint64_t seed);
/* The number of a key. DF_OK: it is a new one, and was copied; DF_EEXISTS: it was there; DF_ENOMEM.
 */
int df__ice_keymap_put(df__ice_keymap *m, df_bytes key, size_t *ret);
/* The same for a key that may not be there; 0: it is not. */
int df__ice_keymap_find(const df__ice_keymap *m, df_bytes key, size_t *ret);
/* Bytes that it takes. */
size_t df__ice_keymap_bytes(const df__ice_keymap *m);
/* Forgets all keys, and frees them; one that was never used is fine. */
void df__ice_keymap_clear(df__ice_keymap *m);

#endif
