/* SPDX-License-Identifier: Apache-2.0
 * columns.c: names to positions. Records of one stream have their members mostly in one order, so
 * the column after the last hit is tried before the table. */
#include "record/tree.h"

#include <string.h>

static int is_name(const df_bytes *name, const char *p, size_t len)
{
    return name->len == len && df__same(name->data, p, len);
}

/* slots hold column + 1; of two columns of one name the first gets the value. */
static void add(df_columns *c, size_t column)
{
    const df_bytes *name = &c->names[column];
    uint32_t at = df__hash(name->data, name->len) & c->mask;
    while (c->slots[at]) {
        if (is_name(&c->names[c->slots[at] - 1], name->data, name->len))
            return;
        at = (at + 1) & c->mask;
    }
    c->slots[at] = (uint32_t)column + 1;
}

int df__columns_init(df_columns *c, df__arena *a, const char *const *names, size_t count)
{
    size_t size = 8;
    if (count > UINT32_MAX / 4)
        return DF_EINVAL;
    while (size < count * 2)
        size *= 2;
    memset(c, 0, sizeof *c);
    c->names = df__arena_alloc(a, (count ? count : 1) * sizeof *c->names);
    c->slots = df__arena_zalloc(a, size * sizeof *c->slots);
    if (!c->names || !c->slots)
        return DF_ENOMEM;
    c->mask = (uint32_t)size - 1;
    for (size_t i = 0; i < count; i++) {
        df_bytes name = {names[i], strlen(names[i])};
        if (df__arena_copy(a, name, &c->names[i]) != DF_OK)
            return DF_ENOMEM;
        add(c, i);
    }
    c->count = count;
    return DF_OK;
}

size_t df__columns_find(const df_columns *c, df_bytes name)
{
    uint32_t at = df__hash(name.data, name.len) & c->mask;
    for (; c->slots[at]; at = (at + 1) & c->mask)
        if (is_name(&c->names[c->slots[at] - 1], name.data, name.len))
            return c->slots[at] - 1;
    return c->count;
}

int df__columns_fill(const df_columns *c, const df_value *root, df_value *values, size_t *unknown)
{
    const void *child;
    size_t guess = 0, strangers = 0;
    if (root->type != DF_V_OBJECT)
        return DF_EDATA;
    memset(values, 0, c->count * sizeof *values);
    child = root->u.node ? df__child_first(root->u.node) : NULL;
    for (; child; child = df__child_next(root->u.node, child)) {
        const yyjson_val *key = df__child_key(root->u.node, child);
        size_t column = guess;
        if (guess >= c->count || !df__key_is(key, &c->names[guess]))
            column = df__columns_find(c, (df_bytes){key->uni.str, df__len(key)});
        if (column == c->count) {
            strangers++;
            continue;
        }
        df__value_fill(child, &values[column]);
        guess = column + 1;
    }
    if (unknown)
        *unknown = strangers;
    return DF_OK;
}
