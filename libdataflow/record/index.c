/* SPDX-License-Identifier: Apache-2.0
 * index.c: the names of one large object, so that building or renaming its members one by one
 * stays linear. A record has one, of the object that was asked several times in a row; it is only a
 * help: without memory for it the members are looked through. */
#include "record/tree.h"

#include <string.h>

enum { LARGE = 32, ASKED = 8 }; /* members, and questions in a row, from which it pays */
enum { FEW = 64 };              /* slots that an object of up to 21 members needs */

typedef struct slot {
    const void *value; /* handle of the member, the last of its name; NULL: free, or was used */
    uint32_t hash;
    uint32_t count; /* members of that name; of a slot without value: 1, it was used */
} slot;

struct df__index {
    const void *container, *candidate;
    unsigned asked; /* for the candidate */
    slot *slots;
    size_t cap, used;
};

uint32_t df__hash(const char *p, size_t len)
{
    uint64_t h = len * 0x9e3779b97f4a7c15u, x;
    for (; len >= 8; p += 8, len -= 8) {
        h = (h ^ df__load8(p)) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    x = 0;
    if (len)
        memcpy(&x, p, len);
    h = (h ^ x) * 0xff51afd7ed558ccdu;
    return (uint32_t)(h >> 32);
}

/* The slot of that name, or the free one where it would go. */
static slot *probe(const df__index *x, const df_bytes *name, uint32_t hash)
{
    size_t at = hash & (x->cap - 1);
    for (;; at = (at + 1) & (x->cap - 1)) {
        slot *s = &x->slots[at];
        if (!s->value && !s->count)
            return s;
        if (s->value && s->hash == hash && df__key_is(df__child_key(x->container, s->value), name))
            return s;
    }
}

static void insert(df__index *x, const void *value)
{
    const yyjson_val *key = df__child_key(x->container, value);
    df_bytes name = {key->uni.str, df__len(key)};
    uint32_t hash = df__hash(name.data, name.len);
    slot *s = probe(x, &name, hash);
    x->used += !s->value;
    s->value = value;
    s->hash = hash;
    s->count++;
}

static int build(df__index *x, df__arena *a, const void *container)
{
    size_t cap = FEW;
    const void *child;
    while (cap < df__len(df__val(container)) * 3)
        cap *= 2;
    x->container = NULL;
    if (cap > x->cap) {
        x->cap = 0;
        x->slots = df__arena_alloc(a, cap * sizeof *x->slots);
        if (!x->slots)
            return 0;
        x->cap = cap;
    }
    memset(x->slots, 0, x->cap * sizeof *x->slots);
    x->used = 0;
    x->container = container;
    for (child = df__child_first(container); child; child = df__child_next(container, child))
        insert(x, child);
    return 1;
}

static int list_singles(df__index *x, df__arena *a, df__singles *ret)
{
    const void *child = df__child_first(x->container);
    ret->at = df__arena_alloc(a, x->used * sizeof *ret->at);
    if (!ret->at)
        return DF_ENOMEM;
    for (; child; child = df__child_next(x->container, child)) {
        const yyjson_val *key = df__child_key(x->container, child);
        df_bytes name = {key->uni.str, df__len(key)};
        slot *s = probe(x, &name, df__hash(name.data, name.len));
        if (s->count)
            ret->at[ret->count++] = s->value;
        s->count = 0;
    }
    return DF_OK;
}

int df__single_members(df__arena *a, const void *object, df__singles *ret)
{
    slot few[FEW];
    df__index x = {.slots = few, .cap = FEW};
    df__arena scratch;
    size_t len = df__len(df__val(object));
    int rc = DF_OK;
    *ret = (df__singles){NULL, 0};
    if (len < 2)
        return DF_OK;
    df__arena_init(&scratch, a->heap, 64);
    if (!build(&x, &scratch, object))
        rc = DF_ENOMEM;
    else if (x.used < len)
        rc = list_singles(&x, a, ret);
    df__arena_free(&scratch);
    return rc;
}

/* The index of the container when there is one, or when it is time to make one. */
static df__index *index_of(df_record *r, const void *container)
{
    df__index *x = r->index;
    if (x && x->container == container)
        return x;
    if (df__len(df__val(container)) < LARGE)
        return NULL;
    if (!x) {
        x = r->index = df__arena_zalloc(r->arena, sizeof *x);
        if (!x)
            return NULL;
    }
    if (x->candidate != container) {
        x->candidate = container;
        x->asked = 0;
    }
    if (++x->asked < ASKED)
        return NULL;
    return build(x, r->arena, container) ? x : NULL;
}

const void *df__find(df_record *r, const void *container, const df_bytes *name, size_t *ret_count)
{
    df__index *x = index_of(r, container);
    slot *s;
    if (!x)
        return df__member(container, name, ret_count);
    s = probe(x, name, df__hash(name->data, name->len));
    *ret_count = s->value ? s->count : 0;
    return s->value;
}

static slot *known(const df_record *r, const void *container, const df_bytes *name)
{
    slot *s = NULL;
    if (r->index && r->index->container == container)
        s = probe(r->index, name, df__hash(name->data, name->len));
    return s && s->value ? s : NULL;
}

void df__index_add(df_record *r, const void *container, const void *value)
{
    df__index *x = r->index;
    if (!x || x->container != container)
        return;
    insert(x, value);
    if (x->used > x->cap / 2)
        build(x, r->arena, container);
}

void df__index_swap(df_record *r, const void *container, const df_bytes *name, const void *value)
{
    slot *s = known(r, container, name);
    if (s)
        s->value = value;
}

void df__index_drop(df_record *r, const void *container, const df_bytes *name)
{
    slot *s = known(r, container, name);
    if (s) {
        s->value = NULL;
        s->count = 1;
    }
}

void df__index_forget(df_record *r)
{
    if (r->index)
        r->index->container = r->index->candidate = NULL;
}
