/* SPDX-License-Identifier: Apache-2.0
 * cluster.c: opens the module with the Kubernetes client. */
#include "dfproc/cluster.h"

#include <dlfcn.h>
#include <stdio.h>

#include "dfproc/dfproc.h"

#ifdef DF_CLUSTER_LINKED
extern const dfproc_cluster_calls dfproc_cluster_table;

const dfproc_cluster_calls *dfproc_cluster_module(void)
{
    return &dfproc_cluster_table;
}
#elif defined(DF_CLUSTER_PATHS)

/* Stays open: threads and handlers of its libraries do not end with it. */
const dfproc_cluster_calls *dfproc_cluster_module(void)
{
    static const char *const paths[] = {DF_CLUSTER_PATHS};
    const dfproc_cluster_calls *calls = NULL;
    void *module = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && !module; i++)
        module = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (module)
        calls = dlsym(module, "dfproc_cluster_table");
    if (!calls || calls->size != sizeof *calls) {
        dfproc_fail("the module of the Kubernetes client cannot be used: %s; install it from the "
                    "same release as dfproc",
                    calls ? "it is of another version" : dlerror());
        return NULL;
    }
    return calls;
}
#else

const dfproc_cluster_calls *dfproc_cluster_module(void)
{
    dfproc_fail("this dfproc was built without the Kubernetes client (DF_WITH_NET)");
    return NULL;
}
#endif
