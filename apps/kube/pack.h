/* SPDX-License-Identifier: Apache-2.0
 * pack.h: the texts of an informer's objects, made small: objects of one kind differ in little, so
 * each is deflated with the first one as the dictionary. For the loop's thread alone. */
#ifndef APP_KUBE_PACK_H
#define APP_KUBE_PACK_H

#include <stddef.h>

typedef struct kube_pack {
    char *sample; /* NULL: nothing was packed yet */
    size_t sample_len;
} kube_pack;

/* malloc'd; NULL: no memory. `text_len` is to be kept. */
char *kube_pack_make(kube_pack *p, const char *text, size_t text_len, size_t *len);
/* The text, malloc'd, with a NUL behind it; NULL: no memory. */
char *kube_pack_open(const kube_pack *p, const char *packed, size_t len, size_t text_len);
void kube_pack_free(kube_pack *p);

#endif
