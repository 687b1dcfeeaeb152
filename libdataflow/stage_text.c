/* SPDX-License-Identifier: Apache-2.0
 * stage_text.c: paths and values from texts, in memory of the stage; see stage_text.h. */
#include "stage_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/stage.h"
#include "record/record.h"

enum { HEAD = 16 };

/* A block remembers its length, since neither a stage nor a batch can grow one; both free all of
 * them at their end. */
static void *grow(void *fresh, const void *old, size_t len)
{
    unsigned char *to = fresh;
    size_t had;
    if (!to)
        return NULL;
    memcpy(to, &len, sizeof len);
    if (old) {
        memcpy(&had, (const unsigned char *)old - HEAD, sizeof had);
        memcpy(to + HEAD, old, had < len ? had : len);
    }
    return to + HEAD;
}

static void *stage_realloc(void *user, void *old, size_t len)
{
    if (!len || len > SIZE_MAX - HEAD)
        return NULL;
    return grow(df_stage_alloc(user, len + HEAD), old, len);
}

static void *batch_realloc(void *user, void *old, size_t len)
{
    if (!len || len > SIZE_MAX - HEAD)
        return NULL;
    return grow(df_batch_alloc(user, len + HEAD), old, len);
}

const df__heap *df__stage_heap(df_stage *st)
{
    df__heap *heap = df_stage_alloc(st, sizeof *heap);
    if (!heap)
        return NULL;
    heap->realloc = stage_realloc;
    heap->user = st;
    return heap;
}

df__heap df__batch_heap(df_batch *batch)
{
    df__heap heap = {batch_realloc, batch};
    return heap;
}

void df__stage_problemf(df_stage *st, const char *option, const char *format, ...)
{
    char text[640];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    df_stage_problem(st, DF_ERROR, option, text);
}

const df_path *df__stage_path(df_stage *st, const char *option, df_bytes text)
{
    const df__heap *heap = df__stage_heap(st);
    df__error err;
    df_path *path;
    if (!heap)
        return NULL;
    err.text[0] = 0;
    err.column = 0;
    path = df__path_compile(heap, text, &err);
    if (!path)
        df__stage_problemf(st, option, "\"%.*s\" is no path: column %zu: %s",
                           (int)(text.len > 200 ? 200 : text.len), (const char *)text.data,
                           err.column, err.text);
    return path;
}

/* Where the step that begins at `at` ends. */
static size_t step_end(const char *text, size_t len, size_t at)
{
    char quote = 0;
    int bracket = text[at] == '[';
    for (at++; at < len; at++) {
        char c = text[at];
        if (c == '\\' && (quote || !bracket))
            at++;
        else if (quote)
            quote = c == quote ? 0 : quote;
        else if (bracket && (c == '"' || c == '\''))
            quote = c;
        else if (bracket && c == ']')
            return at + 1;
        else if (!bracket && (c == '.' || c == '['))
            return at;
    }
    return len;
}

int df__stage_parents(df_stage *st, const df_path *path, df__parents *ret)
{
    const df__heap *heap = df__stage_heap(st);
    df_bytes text = df_path_text(path);
    size_t at = 0, cap = 0;
    ret->paths = NULL;
    ret->count = 0;
    while (heap && at < text.len) {
        df_bytes head = {text.data, 0};
        head.len = at = step_end(text.data, text.len, at);
        if (at >= text.len)
            return DF_OK;
        if (head.len == 1 && *(const char *)head.data == '$')
            continue;
        if (df__grow(heap, &ret->paths, &cap, ret->count, sizeof *ret->paths) != DF_OK)
            return DF_ENOMEM;
        ret->paths[ret->count] = df__path_compile(heap, head, NULL);
        if (!ret->paths[ret->count++])
            return DF_ENOMEM;
    }
    return heap ? DF_OK : DF_ENOMEM;
}

int df__stage_json(df_stage *st, const char *option, df_bytes text, df_value *ret)
{
    const df__heap *heap = df__stage_heap(st);
    df__arena *arena = df_stage_alloc(st, sizeof *arena);
    df__tree *tree;
    char err[256] = "";
    int rc;
    if (!heap || !arena)
        return DF_ENOMEM;
    df__arena_init(arena, heap, 1024);
    rc = df__tree_parse(arena, text, &tree, err, sizeof err);
    if (rc == DF_OK)
        df__tree_root(tree, ret);
    if (rc != DF_EDATA)
        return rc;
    df__stage_problemf(st, option, "the text behind \"json:\" is not JSON: %s", err);
    return DF_ESPEC;
}

const char *df__stage_route_label(const df_stage *st, int port)
{
    const df__stage_spec *s = st->graph ? st->graph->stages : NULL;
    for (; s; s = s->next)
        if (s->role == DF_SINK && s->port == port && s->route_label)
            return s->route_label;
    return "";
}
