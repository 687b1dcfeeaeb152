/* SPDX-License-Identifier: Apache-2.0
 * memory.c: see memory.h. */
#include "tables/memory.h"

static void *block_realloc(void *user, void *old, size_t len)
{
    return df_stage_realloc(user, old, len);
}

df__heap df__tables_heap(df_stage *st)
{
    return (df__heap){block_realloc, st};
}
