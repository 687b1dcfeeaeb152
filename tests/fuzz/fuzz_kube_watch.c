/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the stream of a watch, whole and in two parts: the copy is the same, and so is the
 * answer. */
#include <stdlib.h>

#include "kube/client.h"

/* Its inside: the function that takes a stream. */
#include "../../apps/kube/informer.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static kube_client *client(void)
{
    static kube_client *c;
    kube_access a = {0};
    char err[KUBE_TEXT];
    if (!c) {
        a.server = strdup("http://127.0.0.1:1");
        must(kube_client_new(&a, "fuzz", &c, err) == DF_OK);
    }
    return c;
}

static kube_informer *informer(void)
{
    const kube_watched what = {.path = "/x"};
    kube_informer *i = kube_informer_new(client(), &what);
    must(i != NULL);
    return i;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kube_informer *whole = informer(), *parts = informer();
    size_t cut = size ? data[0] % size : 0;
    int rc = on_stream(whole, 200, (df_bytes){data, size});
    int other = on_stream(parts, 200, (df_bytes){data, cut});
    if (other == DF_OK)
        other = on_stream(parts, 200, (df_bytes){data + cut, size - cut});
    must(rc == other && whole->objects.count == parts->objects.count &&
         whole->objects.bytes == parts->objects.bytes);
    must(!strcmp(whole->version, parts->version) && whole->synced == parts->synced);
    kube_informer_free(whole);
    kube_informer_free(parts);
    return 0;
}
