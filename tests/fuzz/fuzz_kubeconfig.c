/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a kubeconfig file: read or refused with a text. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kube/access.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], err[KUBE_TEXT] = "";
    kube_access a;
    int fd = memfd_create("kubeconfig", MFD_CLOEXEC), rc;
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    rc = kube_access_from_files(path, NULL, &a, err);
    must(rc == DF_OK || err[0]);
    must(rc != DF_OK || (a.server && a.namespace_ && a.context));
    kube_access_free(&a);
    close(fd);
    return 0;
}
