/* SPDX-License-Identifier: Apache-2.0
 * table.c: what is known of the table: whether it takes binary rows, and its memory. */
#include "table.h"

#include <string.h>

int df__pg_table_binary(const df__pg_table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const df__pg_type *type = &t->columns[i].type;
        if (type->oid == 0 || !df__pg_codecs[type->kind].binary)
            return 0;
    }
    return t->count > 0 && t->shape && t->shape[0] != '\0';
}

void df__pg_table_free(df__pg_table *t)
{
    const df__heap *heap = t->arena.heap;
    df__arena_free(&t->arena);
    memset(t, 0, sizeof *t);
    df__arena_init(&t->arena, heap, 4096);
}

const df__pg_column *df__pg_table_find(const df__pg_table *t, df_bytes name)
{
    for (size_t i = 0; i < t->count && name.data; i++) {
        const df_bytes *column = &t->columns[i].name;
        if (column->len == name.len && memcmp(column->data, name.data, name.len) == 0)
            return &t->columns[i];
    }
    return NULL;
}
