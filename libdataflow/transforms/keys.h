/* SPDX-License-Identifier: Apache-2.0
 * keys.h: gives the keys of objects other names; for snakeCase and camelCase. */
#ifndef DF_TRANSFORMS_KEYS_H
#define DF_TRANSFORMS_KEYS_H

#include "transforms/follow.h"

/* Writes the new name of a key; `out` has room for 2 * len + 4 bytes. Must answer a name that is
 * its own new name. */
typedef size_t (*df__rename_fn)(const char *name, size_t len, char *out);

/* Renames the keys of the root object, or of all objects when `deep`. Two keys that become the
 * same: the first keeps its place, the last one's value stays. */
int df__keys_rename(const df__job *job, df_record *r, df__rename_fn rename, int deep);
/* The same for the columns of a schema: DF_OK, DF_DROP, DF_ENOMEM as df__derive_fn. */
int df__keys_derive(df__shape *shape, df__rename_fn rename, int deep);

#endif
