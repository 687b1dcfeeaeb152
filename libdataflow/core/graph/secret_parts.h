/* SPDX-License-Identifier: Apache-2.0
 * secret_parts.h: what secrets are made of; for secret.c, which makes them, and secret_value.c,
 * which resolves them. */
#ifndef DF_CORE_GRAPH_SECRET_PARTS_H
#define DF_CORE_GRAPH_SECRET_PARTS_H

#include "core/graph/hidden.h"
#include "core/graph/secret.h"

enum { DF__SECRET_BUCKETS = 256 };

typedef struct df__part { /* of a secret's text: a literal piece or a reference */
    struct df__part *next;
    df_ref ref;
    df_bytes literal;  /* data NULL: the reference */
    df_bytes fallback; /* ${env:NAME:-fallback}; data NULL: none */
} df__part;

struct df_secret {
    df_secret *next, *same; /* same: in the bucket of its only reference */
    df__secrets *set;
    enum df__hide what; /* of it is hidden */
    df__arena arena;    /* parts and their texts */
    df__part *parts, **end;
    df_answer value;
    unsigned epoch; /* of the set when value was resolved; 0: never */
};

struct df__secrets {
    const df__heap *heap;
    df_resolve_fn resolve;
    void *user;
    pthread_mutex_t resolving; /* one call of the resolver at a time */
    pthread_mutex_t lock;      /* the lists */
    df_secret *all, **end;
    df_secret *buckets[DF__SECRET_BUCKETS];
    const df_secret *listed; /* by df__secrets_ref_at: the part that is its index `listed_at` */
    const df__part *listed_part;
    size_t listed_at;
    df__hidden hidden;
    df__fence fence;
    unsigned epoch;
    int64_t since_us; /* see df__secrets_since */
};

/* The secret is nothing but one reference; NULL: it is not. */
const df_ref *df__secret_only_ref(const df_secret *secret);
/* Overwrites the bytes before it frees them; the compiler does not leave it out. */
void df__secret_wipe(const df__heap *heap, void *data, size_t len);

#endif
