/* SPDX-License-Identifier: Apache-2.0
 * format.c: the old layout becomes the new one by replacing names in the source text: comments,
 * order and quotes stay, since nothing else is touched. */
#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"

typedef struct edit { /* these bytes become "config" */
    size_t begin, end;
} edit;

typedef struct work {
    const df__heap *heap;
    df__problems *problems;
    const char *text;
    edit *edits;
    size_t count, cap;
    int rc;
} work;

static void add_edit(work *w, const df__doc *name)
{
    edit *e;
    size_t quote = w->text[name->name_begin] == '"' || w->text[name->name_begin] == '\'';
    for (size_t i = 0; i < w->count; i++)
        if (w->edits[i].begin == name->name_begin + quote)
            return; /* an anchor that is used twice */
    if (df__grow(w->heap, &w->edits, &w->cap, w->count, sizeof *w->edits) != DF_OK) {
        w->rc = DF_ENOMEM;
        return;
    }
    e = &w->edits[w->count++];
    e->begin = name->name_begin + quote;
    e->end = name->name_end - quote;
}

static void format_stage(work *w, const df__doc *stage, const char *field);

/* Sinks inside a router's routes. */
static void format_routes(work *w, const df__doc *config, const char *field)
{
    const df__doc *routes = config ? df__doc_member(config, "routes") : NULL, *n;
    char path[160];
    size_t i = 0;
    for (n = routes && routes->kind == DF__DOC_SEQ ? routes->first : NULL; n; n = n->next) {
        df__text_printf(path, sizeof path, "%s.config.routes[%zu].sink", field, i++);
        format_stage(w, df__doc_member(n, "sink"), path);
    }
}

static void format_stage(work *w, const df__doc *stage, const char *field)
{
    const df__doc *type = stage ? df__doc_member(stage, "type") : NULL, *config, *block = NULL;
    if (!type || type->kind != DF__DOC_SCALAR)
        return;
    config = df__doc_member(stage, "config");
    if (strcmp(type->text.data, "config") != 0 && strcmp(type->text.data, "type") != 0)
        block = df__doc_member(stage, type->text.data);
    if (block && config) {
        df__doc at = df__doc_name_place(block);
        df__problem_addf(w->problems, DF_ERROR, &at, field,
                         "the options are given twice, in \"config\" and in \"%.60s\"",
                         (const char *)type->text.data);
        w->rc = DF_ESPEC;
        return;
    }
    if (block)
        add_edit(w, block);
    format_routes(w, block ? block : config, field);
}

static int by_place(const void *a, const void *b)
{
    const edit *x = a, *y = b;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static int write_edited(const work *w, size_t len, df_write_fn write, void *user)
{
    size_t at = 0;
    int rc = DF_OK;
    for (size_t i = 0; i < w->count && rc == DF_OK; i++) {
        if (w->edits[i].begin > at)
            rc = write(user, w->text + at, w->edits[i].begin - at);
        if (rc == DF_OK)
            rc = write(user, "config", 6);
        at = w->edits[i].end;
    }
    return rc == DF_OK && at < len ? write(user, w->text + at, len - at) : rc;
}

static void format_spec(work *w, const df__doc *spec)
{
    const df__doc *list = df__doc_member(spec, "transformations"), *n;
    char path[48];
    size_t i = 0;
    format_stage(w, df__doc_member(spec, "source"), "spec.source");
    for (n = list && list->kind == DF__DOC_SEQ ? list->first : NULL; n; n = n->next) {
        df__text_printf(path, sizeof path, "spec.transformations[%zu]", i++);
        format_stage(w, n, path);
    }
    format_stage(w, df__doc_member(spec, "sink"), "spec.sink");
    format_stage(w, df__doc_member(spec, "errors"), "spec.errors");
}

int df__spec_format(const df__heap *heap, const df_text *in, df__problems *problems,
                    df_write_fn write, void *user)
{
    work w = {heap, problems, in->text, NULL, 0, 0, DF_OK};
    const df__doc *root, *spec;
    size_t errors = df__problems_count(problems, DF_ERROR);
    df__arena arena;
    df__arena_init(&arena, heap, 4096);
    root = df__doc_parse(&arena, in, problems);
    if (!root || df__problems_count(problems, DF_ERROR) > errors) {
        w.rc = df__problems_count(problems, DF_ERROR) > errors ? DF_ESPEC : DF_ENOMEM;
        goto done;
    }
    spec = df__doc_member(root, "spec");
    format_spec(&w, spec ? spec : root);
    if (w.rc != DF_OK)
        goto done;
    if (w.count > 1)
        qsort(w.edits, w.count, sizeof *w.edits, by_place);
    w.rc = write_edited(&w, in->len, write, user);
done:
    df__free(heap, w.edits);
    df__arena_free(&arena);
    return w.rc;
}
