/* SPDX-License-Identifier: Apache-2.0
 * objects.c: see objects.h. An open table with linear probing; a removal moves up what follows. */
#include "kube/objects.h"

#include <stdlib.h>
#include <string.h>

size_t kube_key_hash(const char *key)
{
    uint64_t h = 1469598103934665603u;
    while (*key)
        h = (h ^ (unsigned char)*key++) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static void free_object(kube_object *at)
{
    free(at->key);
    free(at->uid);
    free(at->version);
    free(at->text);
    free(at);
}

void kube_objects_free(kube_objects *o)
{
    for (size_t i = 0; i < o->cap; i++)
        if (o->slots[i])
            free_object(o->slots[i]);
    free(o->slots);
    if (o->pack)
        kube_pack_free(o->pack);
    free(o->pack);
    memset(o, 0, sizeof *o);
}

static size_t place_of(const kube_objects *o, const char *key)
{
    size_t at = kube_key_hash(key) & (o->cap - 1);
    while (o->slots[at] && strcmp(o->slots[at]->key, key) != 0)
        at = (at + 1) & (o->cap - 1);
    return at;
}

kube_object *kube_objects_get(const kube_objects *o, const char *key)
{
    return o->cap ? o->slots[place_of(o, key)] : NULL;
}

static int grow(kube_objects *o)
{
    kube_objects larger = *o;
    larger.cap = o->cap ? o->cap * 2 : 64;
    if (o->count * 4 < o->cap * 3)
        return DF_OK;
    larger.slots = calloc(larger.cap, sizeof *larger.slots);
    if (!larger.slots)
        return DF_ENOMEM;
    for (size_t i = 0; i < o->cap; i++)
        if (o->slots[i])
            larger.slots[place_of(&larger, o->slots[i]->key)] = o->slots[i];
    free(o->slots);
    *o = larger;
    return DF_OK;
}

kube_object *kube_objects_add(kube_objects *o, const char *key)
{
    kube_object *at = kube_objects_get(o, key);
    if (at)
        return at;
    at = calloc(1, sizeof *at);
    if (at)
        at->key = strdup(key);
    if (!at || !at->key || grow(o) != DF_OK) {
        if (at)
            free_object(at);
        return NULL;
    }
    o->slots[place_of(o, key)] = at;
    o->count++;
    return at;
}

static size_t kept_len(const kube_object *at)
{
    return at->pack ? at->packed_len : at->text_len;
}

void kube_objects_set_text(kube_objects *o, kube_object *at, char *text, size_t len)
{
    o->bytes += len - kept_len(at);
    free(at->text);
    at->text = text;
    at->text_len = len;
    at->pack = NULL;
}

int kube_objects_pack(kube_objects *o, kube_object *at, const char *text, size_t len)
{
    size_t packed_len;
    char *packed;
    if (!o->pack && !(o->pack = calloc(1, sizeof *o->pack)))
        return DF_ENOMEM;
    packed = kube_pack_make(o->pack, text, len, &packed_len);
    if (!packed)
        return DF_ENOMEM;
    kube_objects_set_text(o, at, packed, packed_len);
    at->pack = o->pack;
    at->packed_len = (unsigned)packed_len;
    at->text_len = len;
    return DF_OK;
}

char *kube_object_text(const kube_object *at)
{
    if (at->pack)
        return kube_pack_open(at->pack, at->text, at->packed_len, at->text_len);
    return at->text ? strdup(at->text) : NULL;
}

void kube_objects_remove(kube_objects *o, const char *key)
{
    size_t hole, at;
    if (!kube_objects_get(o, key))
        return;
    hole = at = place_of(o, key);
    o->bytes -= kept_len(o->slots[hole]);
    free_object(o->slots[hole]);
    o->slots[hole] = NULL;
    o->count--;
    for (;;) {
        size_t home;
        at = (at + 1) & (o->cap - 1);
        if (!o->slots[at])
            return;
        home = kube_key_hash(o->slots[at]->key) & (o->cap - 1);
        /* One whose home lies behind the hole is found without it. */
        if (((at - home) & (o->cap - 1)) < ((at - hole) & (o->cap - 1)))
            continue;
        o->slots[hole] = o->slots[at];
        o->slots[at] = NULL;
        hole = at;
    }
}

kube_object *kube_objects_next(const kube_objects *o, size_t *at)
{
    while (*at < o->cap)
        if (o->slots[(*at)++])
            return o->slots[*at - 1];
    return NULL;
}
