/* SPDX-License-Identifier: Apache-2.0
 * objects.h: what an informer knows: objects by "namespace/name" ("name" for those of the cluster),
 * each as the text that its user chose to keep, which may be packed. */
#ifndef APP_KUBE_OBJECTS_H
#define APP_KUBE_OBJECTS_H

#include "dataflow.h"
#include "kube/pack.h"

typedef struct kube_object {
    char *key, *uid, *version; /* version: metadata.resourceVersion, opaque */
    char *text;
    size_t text_len;
    const kube_pack *pack; /* NULL: the text is as it was given */
    unsigned packed_len;
    unsigned generation;   /* of the list that had it last, or of the watch after it */
    unsigned char learned; /* from an answer to our own write: no list or watch has shown it yet */
} kube_object;

typedef struct kube_objects {
    kube_object **slots;
    size_t cap, count;
    size_t bytes; /* of all texts, as they are kept */
    kube_pack *pack;
} kube_objects;

/* FNV-1a, folded. */
size_t kube_key_hash(const char *key);
void kube_objects_free(kube_objects *o);
kube_object *kube_objects_get(const kube_objects *o, const char *key);
/* Makes an empty one when there is none. NULL: no memory. */
kube_object *kube_objects_add(kube_objects *o, const char *key);
/* Takes the text over (malloc'd). */
void kube_objects_set_text(kube_objects *o, kube_object *at, char *text, size_t len);
/* Keeps a packed copy of the text. DF_ENOMEM: the old text stays. */
int kube_objects_pack(kube_objects *o, kube_object *at, const char *text, size_t len);
/* The text of an object, however it is kept: malloc'd; NULL: no memory. */
char *kube_object_text(const kube_object *at);
void kube_objects_remove(kube_objects *o, const char *key);
/* The next one behind *at (0 at first); NULL: that was all. Nothing is added or removed meanwhile.
 */
kube_object *kube_objects_next(const kube_objects *o, size_t *at);

#endif
