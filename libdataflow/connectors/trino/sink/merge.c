/* SPDX-License-Identifier: Apache-2.0
 * merge.c: upsertMode. A MERGE must not have two rows of one key, so that of the records of a key
 * one item is left that does what they do one after the other. */
#include <string.h>

#include "sink/sink.h"

/* ---- one item for each key ------------------------------------------------------------------- */

static uint64_t hash_key(const df__trino_sink *s, const df__trino_item *item)
{
    const df__trino_work *w = &s->work;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t k = 0; k < s->table.key_count; k++) {
        const df__trino_cell *c = &w->cells[item->cells + s->table.keys[k]];
        for (size_t i = 0; i < c->len; i++)
            hash = (hash ^ (unsigned char)w->text.data[c->at + i]) * UINT64_C(1099511628211);
        hash = (hash ^ 0xFF) * UINT64_C(1099511628211);
    }
    return hash ^ hash >> 32;
}

static int same_key(const df__trino_sink *s, const df__trino_item *a, const df__trino_item *b)
{
    const df__trino_work *w = &s->work;
    for (size_t k = 0; k < s->table.key_count; k++) {
        const df__trino_cell *x = &w->cells[a->cells + s->table.keys[k]];
        const df__trino_cell *y = &w->cells[b->cells + s->table.keys[k]];
        if (x->len != y->len || memcmp(w->text.data + x->at, w->text.data + y->at, x->len) != 0)
            return 0;
    }
    return a->hash == b->hash;
}

/* `newer` takes over what of `older` stands; `older` is then nothing. */
static void take_over(const df__trino_sink *s, df__trino_item *older, df__trino_item *newer)
{
    df__trino_cell *from = s->work.cells + older->cells, *to = s->work.cells + newer->cells;
    if (newer->op == TRINO_OP_SET && older->op != TRINO_OP_DELETE) {
        for (size_t i = 0; i < s->table.count; i++)
            to[i] = to[i].len ? to[i] : from[i];
        newer->op = older->op;
    } else if (newer->op == TRINO_OP_SET) {
        newer->op = TRINO_OP_REPLACE;
    }
    older->op = TRINO_OP_NOTHING;
}

int df__trino_fold(df__trino_sink *s)
{
    df__trino_work *w = &s->work;
    size_t cap = 64;
    while (cap < w->count * 2)
        cap *= 2;
    uint32_t *slots = df__zalloc(&s->session.heap, cap * sizeof *slots);
    if (!slots)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the keys of a batch");
    for (size_t i = 0; i < w->count; i++) {
        df__trino_item *item = &w->items[i];
        item->hash = hash_key(s, item);
        size_t at = (size_t)item->hash & (cap - 1);
        while (slots[at] && !same_key(s, &w->items[slots[at] - 1], item))
            at = (at + 1) & (cap - 1);
        if (slots[at])
            take_over(s, &w->items[slots[at] - 1], item);
        slots[at] = (uint32_t)i + 1;
    }
    df__free(&s->session.heap, slots);
    return DF_OK;
}

/* ---- the statement --------------------------------------------------------------------------- */

/* A character for each column: 1 where the row sets it. */
static void put_mask(df__trino_sink *s, const df__trino_item *item)
{
    const df__trino_cell *cells = s->work.cells + item->cells;
    df__buf_str(&s->sql, ",'");
    for (size_t i = 0; i < s->table.count; i++)
        df__buf_char(&s->sql, item->op == TRINO_OP_REPLACE || cells[i].len ? '1' : '0');
    df__buf_char(&s->sql, '\'');
}

/* The first row says the types, of columns that are NULL in all of them too. */
static void put_cell(df__trino_sink *s, const df__trino_cell *c, const df__trino_type *type,
                     int first)
{
    df__buf *b = &s->sql;
    df__buf_str(b, first ? "CAST(" : "");
    if (c->len)
        df__buf_add(b, s->work.text.data + c->at, c->len);
    else
        df__buf_str(b, "NULL");
    if (first)
        df__buf_printf(b, " AS %s)", (const char *)type->name.data);
}

static void put_rows(df__trino_sink *s)
{
    df__buf *b = &s->sql;
    const df__trino_work *w = &s->work;
    int first = 1;
    for (size_t r = 0; r < w->count; r++) {
        const df__trino_item *item = &w->items[r];
        if (item->op == TRINO_OP_NOTHING)
            continue;
        for (size_t i = 0; i < s->table.count; i++) {
            df__buf_str(b, i ? "," : first ? "(" : ",(");
            put_cell(s, &w->cells[item->cells + i], &s->table.columns[i].type, first);
        }
        put_mask(s, item);
        df__buf_str(b, item->op == TRINO_OP_DELETE ? ",true)" : ",false)");
        first = 0;
    }
}

static void put_names(df__trino_sink *s, const char *before)
{
    for (size_t i = 0; i < s->table.count; i++) {
        df__buf_str(&s->sql, i ? "," : "");
        df__buf_str(&s->sql, before);
        df__trino_quote_name(&s->sql, s->table.columns[i].name);
    }
}

static void put_match(df__trino_sink *s)
{
    for (size_t k = 0; k < s->table.key_count; k++) {
        df_bytes name = s->table.columns[s->table.keys[k]].name;
        df__buf_str(&s->sql, k ? " AND t." : " ON t.");
        df__trino_quote_name(&s->sql, name);
        df__buf_str(&s->sql, " = s.");
        df__trino_quote_name(&s->sql, name);
    }
}

static void put_update(df__trino_sink *s)
{
    df__buf *b = &s->sql;
    int some = 0;
    for (size_t i = 0; i < s->table.count; i++) {
        df_bytes name = s->table.columns[i].name;
        if (s->table.columns[i].is_key)
            continue;
        df__buf_str(b, some++ ? ", " : " WHEN MATCHED THEN UPDATE SET ");
        df__trino_quote_name(b, name);
        df__buf_printf(b, " = IF(substr(s.\"$set\", %zu, 1) = '1', s.", i + 1);
        df__trino_quote_name(b, name);
        df__buf_str(b, ", t.");
        df__trino_quote_name(b, name);
        df__buf_char(b, ')');
    }
}

void df__trino_merge_sql(df__trino_sink *s)
{
    df__buf *b = &s->sql;
    df__buf_clear(b);
    df__buf_str(b, "MERGE INTO ");
    df__trino_quote_table(b, &s->place);
    df__buf_str(b, " AS t USING (VALUES ");
    put_rows(s);
    df__buf_str(b, ") AS s (");
    put_names(s, "");
    df__buf_str(b, ",\"$set\",\"$gone\")");
    put_match(s);
    df__buf_str(b, " WHEN MATCHED AND s.\"$gone\" THEN DELETE");
    put_update(s);
    df__buf_str(b, " WHEN NOT MATCHED AND NOT s.\"$gone\" THEN INSERT (");
    put_names(s, "");
    df__buf_str(b, ") VALUES (");
    put_names(s, "s.");
    df__buf_char(b, ')');
}
