/* SPDX-License-Identifier: Apache-2.0
 * connect_head.c: see connect_head.h. */
#include "transforms/connect_head.h"

#include <string.h>

#include "util/jsontext.h"

/* A longer one is read each time. Names that meet take places next to each other. */
enum { HEAD_MAX = 64 << 10, PLACES = 4 };

/* The block, when it is the first member, and the only one of its name that counts. */
static int first_block(const df__connect_text *in, df_value *ret)
{
    df_walk walk = {0};
    df_value_member(&in->root, (df_bytes){"schema", 6}, ret);
    return ret->type == DF_V_OBJECT && df_value_walk(&in->root, &walk) == DF_OK &&
           walk.value.type == DF_V_OBJECT && walk.value.u.node == ret->u.node;
}

/* The number of its first place: blocks of different tables have different names. */
static size_t place_of(const df_value *block)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    df_value name;
    df_value_member(block, (df_bytes){"name", 4}, &name);
    for (size_t i = 0; name.type == DF_V_STRING && i < name.len; i++)
        sum = (sum ^ (unsigned char)name.text[i]) * UINT64_C(1099511628211);
    return (size_t)(sum ^ sum >> 32);
}

static int begins(df_bytes text, const df__connect_head *head)
{
    return head->text && head->len <= text.len && memcmp(head->text, text.data, head->len) == 0;
}

struct df__connect_table *df__connect_heads_find(const df__connect_heads *h,
                                                 const df__connect_text *in)
{
    df_value block;
    if (!first_block(in, &block))
        return NULL;
    for (size_t i = 0, at = place_of(&block); i < PLACES; i++) {
        const df__connect_head *head = &h->at[(at + i) % DF__CONNECT_HEADS];
        if (begins(in->text, head))
            return head->tables[in->side];
    }
    return NULL;
}

static void forget(df__connect_head *head, df_stage *st)
{
    df_stage_realloc(st, head->text, 0);
    *head = (df__connect_head){0};
}

/* The one that has these bytes, else one that is free, else the first. */
static df__connect_head *choose(df__connect_heads *h, size_t at, df_bytes text)
{
    df__connect_head *chosen = NULL;
    for (size_t i = 0; i < PLACES; i++) {
        df__connect_head *head = &h->at[(at + i) % DF__CONNECT_HEADS];
        if (begins(text, head))
            return head;
        if (!chosen && !head->text)
            chosen = head;
    }
    return chosen ? chosen : &h->at[at % DF__CONNECT_HEADS];
}

void df__connect_heads_add(df__connect_heads *h, df_stage *st, const df__connect_text *in,
                           struct df__connect_table *table)
{
    df_value block;
    size_t len;
    if (!first_block(in, &block))
        return;
    df__connect_head *head = choose(h, place_of(&block), in->text);
    if (!begins(in->text, head)) {
        len = df__json_first_end(in->text.data, in->text.len);
        forget(head, st);
        head->text = len && len <= HEAD_MAX ? df_stage_realloc(st, NULL, len) : NULL;
        if (!head->text)
            return;
        memcpy(head->text, in->text.data, len);
        head->len = len;
    }
    head->tables[in->side] = table;
}

void df__connect_heads_drop(df__connect_heads *h, const struct df__connect_table *table)
{
    for (size_t i = 0; i < DF__CONNECT_HEADS; i++)
        for (size_t side = 0; side < DF__CONNECT_SIDES; side++)
            if (h->at[i].tables[side] == table)
                h->at[i].tables[side] = NULL;
}

void df__connect_heads_free(df__connect_heads *h, df_stage *st)
{
    for (size_t i = 0; i < DF__CONNECT_HEADS; i++)
        forget(&h->at[i], st);
}
