/* SPDX-License-Identifier: Apache-2.0
 * text.c: paths and values from parts of an option's text, in memory of the stage. */

#include <string.h>

#include "core/stage/stage.h"
#include "record/record.h"

/* A heap over df_stage_alloc: what is compiled into it needs no free. A block remembers its length,
 * since a stage cannot grow one. */
enum { HEAD = 16 };

static void *stage_realloc(void *user, void *old, size_t len)
{
    unsigned char *to;
    size_t had;
    if (!len || len > SIZE_MAX - HEAD)
        return NULL;
    to = df_stage_alloc(user, len + HEAD);
    if (!to)
        return NULL;
    memcpy(to, &len, sizeof len);
    if (old) {
        memcpy(&had, (const unsigned char *)old - HEAD, sizeof had);
        memcpy(to + HEAD, old, had < len ? had : len);
    }
    return to + HEAD;
}

static const df__heap *heap_of(df_stage *st)
{
    df__heap *heap = df_stage_alloc(st, sizeof *heap);
    if (heap) {
        heap->realloc = stage_realloc;
        heap->user = st;
    }
    return heap;
}

int df_stage_problemf(df_stage *st, int severity, const char *option, const char *format, ...)
{
    char text[DF__TEXT];
    va_list args;
    va_start(args, format);
    df__secrets_vprintf(st->secrets, text, sizeof text, format, args);
    va_end(args);
    return df_stage_problem(st, severity, option, text);
}

const df_path *df_stage_path(df_stage *st, const char *option, df_bytes text)
{
    const df__heap *heap = heap_of(st);
    df__error err;
    df_path *path;
    if (!heap)
        return NULL;
    err.text[0] = 0;
    err.column = 0;
    path = df__path_compile(heap, text, &err);
    if (!path && !st->no_memory)
        df_stage_problemf(st, DF_ERROR, option, "\"%.*s\" is no path: column %zu: %s",
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

int df_stage_parents(df_stage *st, const df_path *path, const df_path ***ret_paths,
                     size_t *ret_count)
{
    const df_path **paths = NULL;
    const df__heap *heap = heap_of(st);
    df_bytes text = df_path_text(path);
    size_t at = 0, cap = 0, count = 0;
    int rc = heap ? DF_OK : DF_ENOMEM;
    while (rc == DF_OK && at < text.len) {
        df_bytes head = {text.data, 0};
        head.len = at = step_end(text.data, text.len, at);
        if (at >= text.len)
            break;
        if (head.len == 1 && *(const char *)head.data == '$')
            continue;
        rc = df__grow(heap, &paths, &cap, count, sizeof *paths);
        if (rc == DF_OK && !(paths[count++] = df__path_compile(heap, head, NULL)))
            rc = DF_ENOMEM;
    }
    if (rc != DF_OK)
        return rc;
    *ret_paths = paths;
    *ret_count = count;
    return DF_OK;
}

int df_stage_value(df_stage *st, const char *option, df_bytes text, df_value *ret)
{
    const df__heap *heap = heap_of(st);
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
    df_stage_problemf(st, DF_ERROR, option, "the text is not JSON: %s", err);
    return DF_ESPEC;
}

const char *df_stage_route(const df_stage *st, int exit)
{
    const df__stage_spec *s = st->graph ? st->graph->stages : NULL;
    for (; s; s = s->next)
        if (s->role == DF_SINK && s->exit == exit && s->route_label)
            return s->route_label;
    return "";
}
