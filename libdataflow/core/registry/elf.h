/* SPDX-License-Identifier: Apache-2.0
 * elf.h: looks into a shared object without running any of its code. */
#ifndef DF_CORE_REGISTRY_ELF_H
#define DF_CORE_REGISTRY_ELF_H

#include <stddef.h>

/* Copies the first `len` bytes of the datum `symbol` that the object exports. DF_OK; DF_ENOTFOUND:
 * it cannot be read (errno); DF_EINVAL: no shared object of this machine; DF_ENOTSUP: no such
 * datum. */
int df__elf_datum(const char *path, const char *symbol, void *ret, size_t len);

#endif
