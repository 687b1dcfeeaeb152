/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the text of a checkpoint ConfigMap: it is refused, or what is written of it is read
 * again as the same. The first byte chooses: 1: the bytes are a position, which comes back. */
#include <stdlib.h>
#include <string.h>

#include "kube/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void same(const kube_checkpoint *a, const kube_checkpoint *b)
{
    for (const kube_position *p = a->positions; p; p = p->next) {
        const kube_position *q = kube_checkpoint_get(b, p->partition);
        must(q && q->len == p->len && !memcmp(q->data, p->data, p->len));
    }
}

static void again(const kube_checkpoint *c)
{
    kube_checkpoint back;
    char err[200];
    df__buf out;
    int rc;
    df__buf_init(&out, &df__heap_libc);
    kube_checkpoint_init(&back, c->type);
    rc = kube_checkpoint_write(c, "w", &out);
    must(rc == DF_OK);
    must(kube_checkpoint_read(&back, (df_bytes){out.data, out.len}, err, sizeof err) == DF_OK);
    same(c, &back);
    same(&back, c);
    kube_checkpoint_free(&back);
    df__buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kube_checkpoint c;
    char err[200];
    int order;
    if (!size)
        return 0;
    kube_checkpoint_init(&c, "t");
    if (data[0] & 1) {
        must(kube_checkpoint_put(&c, "p", (df_bytes){data + 1, size - 1}) == DF_OK);
        again(&c);
        must(kube_checkpoint_put(&c, "q", (df_bytes){data + size / 2, size - size / 2}) == DF_OK);
        again(&c);
        kube_position_order((df_bytes){data + 1, size / 2},
                            (df_bytes){data + size / 2, size - size / 2}, &order);
    } else if (kube_checkpoint_read(&c, (df_bytes){data + 1, size - 1}, err, sizeof err) == DF_OK) {
        again(&c);
    }
    kube_checkpoint_free(&c);
    return 0;
}
