/* SPDX-License-Identifier: Apache-2.0
 * merge.c: merge keys of YAML 1.1: "<<: *base" brings the members of base that the map does not
 * have itself. Of several maps the first one wins. */
#include <stdlib.h>
#include <string.h>

#include "document/builder.h"

/* A member of the map or of one that it merges. */
typedef struct entry {
    df__doc *doc;
    size_t order; /* the lowest of one name stays */
    int merged, dropped;
} entry;

static int by_name(const void *x, const void *y)
{
    const entry *a = x, *b = y;
    const df_bytes *m = &a->doc->name, *n = &b->doc->name;
    int diff = memcmp(m->data, n->data, m->len < n->len ? m->len : n->len);
    if (diff)
        return diff;
    if (m->len != n->len)
        return m->len < n->len ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static int by_order(const void *x, const void *y)
{
    const entry *a = x, *b = y;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* What << may be: a map, or a list of maps. Each is given to `add`. */
static size_t add_members(entry *rows, size_t count, const df__doc *map, int merged)
{
    for (df__doc *n = map->first; n; n = n->next) {
        if (n->merge)
            continue;
        if (rows)
            rows[count] = (entry){n, count, merged, 0};
        count++;
    }
    return count;
}

/* All members, the map's own first; only counted when there are no rows. */
static size_t collect(entry *rows, const df__doc *map)
{
    size_t count = add_members(rows, 0, map, 0);
    for (const df__doc *n = map->first; n; n = n->next) {
        if (!n->merge)
            continue;
        if (n->kind == DF__DOC_MAP)
            count = add_members(rows, count, n, 1);
        for (const df__doc *item = n->kind == DF__DOC_SEQ ? n->first : NULL; item;
             item = item->next)
            count = add_members(rows, count, item, 1);
    }
    return count;
}

/* The rest of the map is checked in the same pass. */
static void report_others(df__builder *b, const df__doc *map)
{
    for (const df__doc *n = map->first; n; n = n->next) {
        const df__doc *item = n->kind == DF__DOC_SEQ ? n->first : NULL;
        if (!n->merge)
            continue;
        while (item && item->kind == DF__DOC_MAP)
            item = item->next;
        if (n->kind != DF__DOC_SCALAR && !item)
            continue;
        df__problem_add(b->problems, DF_ERROR, n, NULL, "<< expects a map or a list of maps");
    }
}

/* The rows that stay become the members. A merged one is a copy: its map keeps its own. */
static void relink(df__builder *b, df__doc *map, const entry *rows, size_t count)
{
    df__doc **tail = &map->first;
    map->count = 0;
    for (size_t i = 0; i < count; i++) {
        df__doc *n = rows[i].doc;
        if (rows[i].dropped)
            continue;
        if (rows[i].merged) {
            n = df__arena_alloc(b->arena, sizeof *n);
            if (!n) {
                b->rc = DF_ENOMEM;
                break;
            }
            *n = *rows[i].doc;
            n->alias = 1;
        }
        *tail = n;
        tail = &n->next;
        map->count++;
    }
    *tail = NULL;
}

void df__builder_merge(df__builder *b, df__doc *map)
{
    size_t count;
    entry *rows;
    if (b->rc != DF_OK)
        return;
    report_others(b, map);
    count = collect(NULL, map);
    rows = count ? df__alloc(b->arena->heap, count * sizeof *rows) : NULL;
    if (count && !rows) {
        b->rc = DF_ENOMEM;
        return;
    }
    collect(rows, map);
    if (count)
        qsort(rows, count, sizeof *rows, by_name);
    for (size_t i = 1; i < count; i++)
        rows[i].dropped =
            rows[i].merged && rows[i].doc->name.len == rows[i - 1].doc->name.len &&
            memcmp(rows[i].doc->name.data, rows[i - 1].doc->name.data, rows[i].doc->name.len) == 0;
    if (count)
        qsort(rows, count, sizeof *rows, by_order);
    relink(b, map, rows, count);
    df__free(b->arena->heap, rows);
}
