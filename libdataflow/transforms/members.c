/* SPDX-License-Identifier: Apache-2.0
 * members.c: an ordered set of members with a hash beside it, see members.h. */
#include "transforms/members.h"

#include <string.h>

enum { TREE_MAX = 4096 };

void df__members_init(df__members *m, df_batch *batch, df__members_room *room)
{
    memset(m, 0, sizeof *m);
    m->heap = df__batch_heap(batch);
    if (!room)
        return;
    m->rows = room->rows;
    m->cap = DF__MEMBERS_FEW;
    m->slots = room->slots;
    m->slot_count = 2 * DF__MEMBERS_FEW;
    memset(room->slots, 0, sizeof room->slots);
}

static int grow_rows(df__members *m)
{
    size_t cap = m->cap ? m->cap * 2 : 16;
    df__member_row *rows;
    if (m->count < m->cap)
        return DF_OK;
    rows = m->count >= UINT32_MAX / 2 ? NULL : df__alloc(&m->heap, cap * sizeof *rows);
    if (!rows)
        return DF_ENOMEM;
    if (m->count)
        memcpy(rows, m->rows, m->count * sizeof *rows);
    m->rows = rows;
    m->cap = cap;
    return DF_OK;
}

uint32_t df__name_hash(const char *name, size_t len)
{
    uint64_t h = len * 0x9E3779B97F4A7C15U, x = 0;
    for (; len >= sizeof x; name += sizeof x, len -= sizeof x) {
        memcpy(&x, name, sizeof x);
        h = (h ^ x) * 0xFF51AFD7ED558CCDU;
        h ^= h >> 32;
    }
    x = 0;
    for (size_t i = 0; i < len; i++)
        x = x << 8 | (unsigned char)name[i];
    h = (h ^ x) * 0xFF51AFD7ED558CCDU;
    return (uint32_t)(h >> 32);
}

static int rehash(df__members *m)
{
    size_t size = m->slot_count ? m->slot_count * 2 : 32;
    uint32_t *slots = df__zalloc(&m->heap, size * sizeof *slots);
    if (!slots)
        return DF_ENOMEM;
    for (size_t i = 0; i < m->count; i++) {
        size_t at = m->rows[i].hash & (size - 1);
        while (slots[at])
            at = (at + 1) & (size - 1);
        slots[at] = (uint32_t)i + 1;
    }
    m->slots = slots;
    m->slot_count = size;
    return DF_OK;
}

int df__members_add(df__members *m, df_bytes name, const df_value *value, int weight)
{
    uint32_t hash = df__name_hash(name.data, name.len);
    size_t at;
    if (grow_rows(m) != DF_OK || (m->count * 2 >= m->slot_count && rehash(m) != DF_OK))
        return DF_ENOMEM;
    for (at = hash & (m->slot_count - 1); m->slots[at]; at = (at + 1) & (m->slot_count - 1)) {
        df__member_row *row = &m->rows[m->slots[at] - 1];
        if (row->hash != hash || row->name.len != name.len ||
            memcmp(row->name.data, name.data, name.len) != 0)
            continue;
        if (weight >= row->weight) {
            row->value = *value;
            row->weight = weight;
        }
        return DF_OK;
    }
    m->rows[m->count].name = name;
    m->rows[m->count].value = *value;
    m->rows[m->count].hash = hash;
    m->rows[m->count].weight = weight;
    m->slots[at] = (uint32_t)++m->count;
    return DF_OK;
}

df__member_row *df__members_find(const df__members *m, df_bytes name)
{
    uint32_t hash = df__name_hash(name.data, name.len);
    size_t at = hash;
    for (;; at++) {
        uint32_t slot = m->slot_count ? m->slots[at & (m->slot_count - 1)] : 0;
        df__member_row *row = slot ? &m->rows[slot - 1] : NULL;
        if (!row || (row->hash == hash && row->name.len == name.len &&
                     memcmp(row->name.data, name.data, name.len) == 0))
            return row;
    }
}

void df__buf_value(df__buf *b, const df_value *v)
{
    size_t len = df_value_json(v, NULL, 0);
    char *at = df__buf_reserve(b, len);
    if (!at)
        return;
    df_value_json(v, at, len);
    b->len += len;
}

static int set_text(df__members *m, df_record *r)
{
    df__buf b;
    df_bytes text;
    df__buf_init(&b, &m->heap);
    df__buf_char(&b, '{');
    for (size_t i = 0; i < m->count; i++) {
        if (i)
            df__buf_char(&b, ',');
        df__buf_json(&b, m->rows[i].name.data, m->rows[i].name.len);
        df__buf_char(&b, ':');
        df__buf_value(&b, &m->rows[i].value);
    }
    df__buf_char(&b, '}');
    if (b.failed)
        return DF_ENOMEM;
    text.data = b.data;
    text.len = b.len;
    return df_record_set_payload(r, text);
}

static int is_json(const df__members *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (!df_value_is_json(&m->rows[i].value))
            return 0;
    return 1;
}

/* Members are put into the tree one by one; of very many the nodes would take more memory than
 * the object as text, which has JSON's types only. */
int df__members_set_root(df__members *m, df_record *r)
{
    df_value fresh, empty = df__empty_value(DF_V_OBJECT);
    int rc;
    if (m->count > TREE_MAX && is_json(m))
        return set_text(m, r);
    rc = df_value_new(r, &empty, &fresh);
    for (size_t i = 0; rc == DF_OK && i < m->count; i++)
        rc = df_value_put(r, &fresh, m->rows[i].name, &m->rows[i].value);
    return rc == DF_OK ? df_record_set_root(r, &fresh) : rc;
}
