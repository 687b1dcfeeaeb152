/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as what a server says of a Lease: it is understood or refused, and what was understood
 * becomes ours by what is written back, with nothing else of it changed. */
#include <stdlib.h>

#include "kube/client.h"

/* Its inside: what is written back. */
#include "../../apps/kube/lease.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static kube_lease *lease(void)
{
    static kube_client *c;
    kube_access a = {0};
    char err[KUBE_TEXT];
    kube_lease_config config = {.space = "a", .name = "b", .identity = "me"};
    kube_lease *l;
    if (!c) {
        a.server = strdup("http://127.0.0.1:1");
        must(kube_client_new(&a, "fuzz", &c, err) == DF_OK);
    }
    l = kube_lease_new(c, &config);
    must(l != NULL);
    return l;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kube_lease *l = lease();
    kube_lease_record before, after;
    char *text = strndup((const char *)data, size);
    json_object *spec = NULL;
    must(text != NULL);
    if (see(l, (df_bytes){text, strlen(text)}) == DF_OK) {
        before = l->seen;
        json_object_object_get_ex(l->object, "spec", &spec);
        if (!spec) {
            spec = json_object_new_object();
            json_object_object_add(l->object, "spec", spec);
        }
        must(fill(l, spec) == DF_OK);
        must(kube_lease_read(l->object, &after) == DF_OK && !strcmp(after.holder, "me"));
        must(!strcmp(after.version, before.version) && after.duration_s == 15);
        must(after.transitions ==
             (l->taking ? before.transitions % INT32_MAX + 1 : before.transitions));
    }
    free(text);
    kube_lease_free(l);
    return 0;
}
