/* SPDX-License-Identifier: Apache-2.0
 * builder.c: the tree as it grows, see builder.h. */
#include "document/builder.h"

#include <stdlib.h>
#include <string.h>

int df__builder_wants_key(const df__builder *b)
{
    const df__frame *top = &b->stack[b->depth];
    return b->depth > 0 && top->doc->kind == DF__DOC_MAP && !top->pending;
}

void df__builder_fail(df__builder *b, int line, int column, const char *text)
{
    df__doc at;
    memset(&at, 0, sizeof at);
    at.line = line;
    at.column = column;
    df__problem_add(b->problems, DF_ERROR, &at, NULL, text);
    b->rc = DF_ESPEC;
}

static df__doc *new_doc(df__builder *b)
{
    df__doc *n = df__arena_zalloc(b->arena, sizeof *n);
    if (!n)
        b->rc = DF_ENOMEM;
    return n;
}

/* Puts a value after its siblings. */
static void attach(df__frame *top, df__doc *n)
{
    *top->tail = n;
    top->tail = &n->next;
    top->doc->count++;
}

int df__builder_key(df__builder *b, const df__doc *key)
{
    df__frame *top = &b->stack[b->depth];
    df__doc *n = new_doc(b);
    if (!n)
        return DF_ENOMEM;
    n->name = key->text;
    n->name_line = key->line;
    n->name_column = key->column;
    n->name_begin = key->begin;
    n->name_end = key->end;
    n->merge = key->merge;
    top->merges |= key->merge;
    attach(top, n);
    top->pending = n;
    return DF_OK;
}

/* Where a value goes: the pending member, a new item, or the root. */
static df__doc *target(df__builder *b)
{
    df__frame *top = &b->stack[b->depth];
    df__doc *n = top->pending;
    if (n) {
        top->pending = NULL;
        return n;
    }
    n = new_doc(b);
    if (n && b->depth > 0)
        attach(top, n);
    else if (n)
        b->root = n;
    return n;
}

static void push(df__builder *b, df__doc *n)
{
    df__frame *f = &b->stack[++b->depth];
    memset(f, 0, sizeof *f);
    f->doc = n;
    f->tail = &n->first;
    f->values = b->values;
}

df__doc *df__builder_value(df__builder *b, const df__doc *value)
{
    df__doc *n;
    if (value->kind != DF__DOC_SCALAR && !value->alias && b->depth >= DF__DOC_DEPTH) {
        df__builder_fail(b, value->line, value->column, "nested deeper than 256 levels");
        return NULL;
    }
    n = target(b);
    if (!n)
        return NULL;
    n->kind = value->kind;
    n->quoted = value->quoted;
    n->cut = value->cut;
    n->alias = value->alias;
    n->text = value->text;
    n->line = value->line;
    n->column = value->column;
    n->begin = value->begin;
    n->end = value->end;
    n->first = value->first;
    n->count = value->count;
    b->values++;
    if (n->kind != DF__DOC_SCALAR && !n->alias)
        push(b, n);
    return n;
}

static int compare_names(const void *a, const void *b)
{
    const df__doc *x = *(const df__doc *const *)a, *y = *(const df__doc *const *)b;
    size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = len ? memcmp(x->name.data, y->name.data, len) : 0;
    if (order)
        return order;
    if (x->name.len != y->name.len)
        return x->name.len < y->name.len ? -1 : 1;
    return x->name_begin < y->name_begin ? -1 : x->name_begin > y->name_begin;
}

static void report_twice(df__builder *b, const df__doc *first, const df__doc *again)
{
    df__doc at = df__doc_name_place(again);
    df__problem_addf(b->problems, DF_ERROR, &at, NULL, "\"%.60s\" is given twice, first at line %d",
                     (const char *)again->name.data, first->name_line);
}

/* A map's names in order show each name that is there twice. */
static void find_twice(df__builder *b, const df__doc *map)
{
    const df__doc **names, *n;
    size_t i = 0, first = 0;
    if (map->count < 2)
        return;
    names = df__alloc(b->arena->heap, map->count * sizeof *names);
    if (!names) {
        b->rc = DF_ENOMEM;
        return;
    }
    for (n = map->first; n; n = n->next)
        names[i++] = n;
    qsort(names, map->count, sizeof *names, compare_names);
    for (i = 1; i < map->count; i++)
        if (names[i]->name.len != names[first]->name.len ||
            memcmp(names[i]->name.data, names[first]->name.data, names[i]->name.len) != 0)
            first = i;
        else
            report_twice(b, names[first], names[i]);
    df__free(b->arena->heap, names);
}

void df__builder_close(df__builder *b, size_t end)
{
    df__frame *top = &b->stack[b->depth--];
    df__frame *outer = &b->stack[b->depth];
    df__doc *n, *map = top->doc;
    if (map->kind == DF__DOC_MAP)
        find_twice(b, map);
    if (top->merges)
        df__builder_merge(b, map);
    if (end == 0) {
        end = map->begin;
        for (n = map->first; n; n = n->next)
            end = n->end;
    }
    map->end = end;
    if (outer->height <= top->height)
        outer->height = top->height + 1;
}
