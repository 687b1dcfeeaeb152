/* SPDX-License-Identifier: Apache-2.0
 * keymap.c: see keymap.h. Open addressing, at most half full. */
#include "types/keymap.h"

#include <string.h>

enum { SLOTS_FIRST = 64, ARENA = 4096 };

void df__ice_keymap_init(df__ice_keymap *m, const df__heap *heap, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->heap = heap;
    m->seed = seed;
    df__arena_init(&m->arena, heap, ARENA);
}

void df__ice_keymap_clear(df__ice_keymap *m)
{
    if (!m->heap)
        return;
    df__arena_free(&m->arena);
    df__free(m->heap, m->keys);
    df__free(m->heap, m->hashes);
    df__free(m->heap, m->slots);
    df__ice_keymap_init(m, m->heap, m->seed);
}

size_t df__ice_keymap_bytes(const df__ice_keymap *m)
{
    return m->arena.total + m->key_cap * sizeof *m->keys + m->hash_cap * sizeof *m->hashes +
           m->slot_count * sizeof *m->slots;
}

/* Eight bytes at a time, mixed by a wide product. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 p = (unsigned __int128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t hash_of(const df__ice_keymap *m, df_bytes key)
{
    const unsigned char *p = key.data;
    uint64_t hash = m->seed ^ key.len;
    for (size_t at = 0; at < key.len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, p + at, key.len - at < 8 ? key.len - at : 8);
        hash = mix(hash ^ word ^ UINT64_C(0x9e3779b97f4a7c15), m->seed | 1);
    }
    return mix(hash, UINT64_C(0xe7037ed1a0b428db));
}

/* Where the key is, or would be. */
static size_t slot_of(const df__ice_keymap *m, df_bytes key, uint64_t hash)
{
    size_t at = (size_t)hash & (m->slot_count - 1);
    for (; m->slots[at]; at = (at + 1) & (m->slot_count - 1)) {
        uint32_t row = m->slots[at] - 1;
        if (m->hashes[row] == hash && m->keys[row].len == key.len &&
            (!key.len || memcmp(m->keys[row].data, key.data, key.len) == 0))
            break;
    }
    return at;
}

static int make_room(df__ice_keymap *m)
{
    if (m->count * 2 < m->slot_count)
        return DF_OK;
    size_t count = m->slot_count ? m->slot_count * 2 : SLOTS_FIRST;
    uint32_t *slots = m->count < UINT32_MAX / 2 ? df__zalloc(m->heap, count * sizeof *slots) : NULL;
    if (!slots)
        return DF_ENOMEM;
    df__free(m->heap, m->slots);
    m->slots = slots;
    m->slot_count = count;
    for (size_t i = 0; i < m->count; i++)
        m->slots[slot_of(m, m->keys[i], m->hashes[i])] = (uint32_t)i + 1;
    return DF_OK;
}

int df__ice_keymap_put(df__ice_keymap *m, df_bytes key, size_t *ret)
{
    uint64_t hash = hash_of(m, key);
    if (make_room(m) != DF_OK)
        return DF_ENOMEM;
    size_t at = slot_of(m, key, hash);
    if (m->slots[at]) {
        *ret = m->slots[at] - 1;
        return DF_EEXISTS;
    }
    df_bytes copy = {"", 0};
    if (df__grow(m->heap, &m->keys, &m->key_cap, m->count, sizeof *m->keys) != DF_OK ||
        df__grow(m->heap, &m->hashes, &m->hash_cap, m->count, sizeof *m->hashes) != DF_OK ||
        (key.len && df__arena_copy(&m->arena, key, &copy) != DF_OK))
        return DF_ENOMEM;
    m->keys[m->count] = copy;
    m->hashes[m->count] = hash;
    *ret = m->count++;
    m->slots[at] = (uint32_t)*ret + 1;
    return DF_OK;
}

int df__ice_keymap_find(const df__ice_keymap *m, df_bytes key, size_t *ret)
{
    size_t at = m->slot_count ? slot_of(m, key, hash_of(m, key)) : 0;
    if (!m->slot_count || !m->slots[at])
        return 0;
    *ret = m->slots[at] - 1;
    return 1;
}
