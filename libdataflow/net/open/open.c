/* SPDX-License-Identifier: Apache-2.0
 * open.c: finds the HTTP client of connectors, in <modules>/shared/, and opens it. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "net/calls.h"
#include "util/buf.h"

#if defined(DF_NET_LINKED)

const df__net_calls *df__net_open(char *err, size_t len)
{
    (void)err, (void)len;
    return &df__net_table;
}
#elif defined(DF_NET_PATHS)

static const char name[] = "/shared/dataflow-net.so";

/* Beside the module that this code is in; it is in no module when a test has it. */
static void *open_beside(void)
{
    char path[4096];
    Dl_info info;
    if (dladdr(name, &info) == 0 || !info.dli_fname)
        return NULL;
    const char *slash = strrchr(info.dli_fname, '/');
    int folder = slash != NULL ? (int)(slash - info.dli_fname) : 1;
    int n =
        snprintf(path, sizeof path, "%.*s%s", folder, slash != NULL ? info.dli_fname : ".", name);
    return n < (int)sizeof path ? dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) : NULL;
}

const df__net_calls *df__net_open(char *err, size_t len)
{
    static const char *const paths[] = {DF_NET_PATHS};
    const df__net_calls *calls = NULL;
    void *object = open_beside();
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && !object; i++)
        object = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (object)
        calls = dlsym(object, "df__net_table");
    if (calls && calls->size == sizeof *calls && calls->version == DF_VERSION)
        return calls;
    df__text_printf(
        err, len,
        "the HTTP client (dataflow-net.so) cannot be used: %s; install it from the same "
        "release as this connector",
        calls != NULL ? "it is of another version" : dlerror());
    return NULL;
}
#else

const df__net_calls *df__net_open(char *err, size_t len)
{
    df__text_printf(err, len, "this build has no HTTP client (DF_WITH_NET)");
    return NULL;
}
#endif
