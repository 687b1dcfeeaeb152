/* SPDX-License-Identifier: Apache-2.0
 * override.c: "spec.sink.config.table=orders": one value of a document replaced by its path. What
 * an alias shares stays as it is where it is not named: each list of children on the way is
 * copied. */
#include <string.h>

#include "record/record.h"
#include "spec/inner.h"

typedef struct step {
    df_bytes name; /* data NULL: an index */
    size_t index;
} step;

typedef struct override {
    df__graph *g;
    const char *at;  /* what is left of the path */
    const char *end; /* of the path, where "=" stands */
    df__doc place;   /* names the override in problems */
} override;

static int fail(const override *o, const char *text)
{
    df__problem_add(o->g->problems, DF_ERROR, &o->place, NULL, text);
    return DF_ESPEC;
}

/* ---- the path -------------------------------------------------------------------------------- */

/* ["a.b"] or [0]; o->at stands after the bracket. */
static int read_bracket(override *o, step *ret)
{
    char quote = *o->at;
    const char *close = o->at;
    if (quote == '"' || quote == '\'') {
        close = memchr(o->at + 1, quote, (size_t)(o->end - o->at - 1));
        if (!close || close[1] != ']')
            return fail(o, "the path has a [ without its ]");
        ret->name = (df_bytes){o->at + 1, (size_t)(close - o->at - 1)};
        o->at = close + 2;
        return DF_OK;
    }
    for (; *close >= '0' && *close <= '9' && ret->index < 100000; close++)
        ret->index = ret->index * 10 + (size_t)(*close - '0');
    if (close == o->at || *close != ']')
        return fail(o, "write [0] for an item, [\"a.b\"] for a name with dots");
    o->at = close + 1;
    return DF_OK;
}

static int next_step(override *o, step *ret)
{
    size_t len;
    memset(ret, 0, sizeof *ret);
    if (*o->at == '[') {
        o->at++;
        return read_bracket(o, ret);
    }
    if (*o->at == '.')
        o->at++;
    len = strcspn(o->at, ".[=");
    if (!len)
        return fail(o, "the path has an empty name");
    ret->name = (df_bytes){o->at, len};
    o->at += len;
    return DF_OK;
}

/* The "=" after the path; NULL: none. */
static const char *end_of_path(const char *text)
{
    char quote = 0;
    for (; *text; text++)
        if (quote)
            quote = *text == quote ? 0 : quote;
        else if (*text == '=')
            return text;
        else if (*text == '[' && (text[1] == '"' || text[1] == '\''))
            quote = *++text;
    return NULL;
}

/* ---- the tree -------------------------------------------------------------------------------- */

static int own_children(df__graph *g, df__doc *at)
{
    df__doc *copy, **tail = &at->first;
    for (const df__doc *n = at->first; n; n = n->next) {
        copy = df__arena_alloc(&g->arena, sizeof *copy);
        if (!copy)
            return DF_ENOMEM;
        *copy = *n;
        *tail = copy;
        tail = &copy->next;
    }
    return DF_OK;
}

static int is_named(const df__doc *n, df_bytes name)
{
    return n->name.len == name.len && memcmp(n->name.data, name.data, name.len) == 0;
}

static df__doc *find(df__doc *at, const step *s)
{
    size_t index = 0;
    for (df__doc *n = at->first; n; n = n->next, index++)
        if (s->name.data ? is_named(n, s->name) : index == s->index)
            return n;
    return NULL;
}

/* Both layouts of a stage: config is the block named as its type, and the other way round. */
static df__doc *find_other(df__doc *at, const step *s)
{
    static const step config = {{"config", 6}, 0};
    const df__doc *type = df__doc_member(at, "type");
    step block = {{NULL, 0}, 0};
    if (!type || type->kind != DF__DOC_SCALAR || !type->text.len || !s->name.data)
        return NULL;
    block.name = type->text;
    if (s->name.len == config.name.len && !memcmp(s->name.data, "config", 6))
        return find(at, &block);
    return s->name.len == type->text.len && !memcmp(s->name.data, type->text.data, s->name.len)
               ? find(at, &config)
               : NULL;
}

static int add_child(override *o, df__doc *at, const step *s, df__doc **ret)
{
    df__doc *n = df__arena_zalloc(&o->g->arena, sizeof *n), **tail = &at->first;
    if (!n || (s->name.data && df__arena_copy(&o->g->arena, s->name, &n->name) != DF_OK))
        return DF_ENOMEM;
    n->kind = DF__DOC_SCALAR;
    n->text = (df_bytes){"", 0};
    n->from = o->place.from;
    while (*tail)
        tail = &(*tail)->next;
    *tail = n;
    at->count++;
    *ret = n;
    return DF_OK;
}

/* What is not there yet, or null, becomes the container that the step needs. */
static int open_container(override *o, df__doc *at, const step *s)
{
    char text[160], shown[DF__SHOWN];
    enum df__doc_kind wanted = s->name.data ? DF__DOC_MAP : DF__DOC_SEQ;
    if (at->kind == DF__DOC_SCALAR && df__doc_is_null(at)) {
        at->kind = wanted;
        at->first = NULL;
        at->count = 0;
    }
    if (at->kind == wanted && (s->name.data || s->index <= at->count))
        return own_children(o->g, at);
    if (at->kind == DF__DOC_SEQ && s->name.data)
        df__text_printf(text, sizeof text, "\"%.*s\" would be in a list: write [0] for an item",
                        (int)(s->name.len > 60 ? 60 : s->name.len), (const char *)s->name.data);
    else if (at->kind == DF__DOC_SEQ)
        df__text_printf(text, sizeof text, "there is no item %zu: the list has %zu", s->index,
                        at->count);
    else
        df__text_printf(text, sizeof text, "nothing can be set inside %s",
                        df__doc_shown(at, shown));
    return fail(o, text);
}

static int go_down(override *o, df__doc *at, const step *s, df__doc **ret)
{
    int rc = open_container(o, at, s);
    if (rc != DF_OK)
        return rc;
    *ret = find(at, s);
    if (!*ret)
        *ret = find_other(at, s);
    return *ret ? DF_OK : add_child(o, at, s, ret);
}

/* ---- the value ------------------------------------------------------------------------------- */

/* The option names the place: a line of its value would pass for one of the manifest. */
static void mark(df__doc *n, const char *from)
{
    n->from = from;
    n->line = n->column = 0;
    for (df__doc *child = n->first; child; child = child->next)
        mark(child, from);
}

/* {, [ and quotes begin YAML; all else is itself: text, a number, a boolean. */
static int put_value(override *o, df__doc *at, const char *value)
{
    df__doc *made = NULL, plain = {.kind = DF__DOC_SCALAR};
    df_text text = {sizeof text, o->place.from, value, strlen(value)};
    if (strchr("{[\"'", *value) && *value) {
        made = (df__doc *)(uintptr_t)df__doc_parse(&o->g->arena, &text, o->g->problems);
        df__problem_file(o->g->problems, o->g->file);
        if (!made)
            return DF_ESPEC;
        mark(made, o->place.from);
    } else {
        if (df__arena_copy(&o->g->arena, (df_bytes){value, text.len}, &plain.text) != DF_OK)
            return DF_ENOMEM;
        plain.from = o->place.from;
        made = &plain;
    }
    made->next = at->next;
    made->name = at->name;
    made->name_line = at->name_line;
    made->name_column = at->name_column;
    *at = *made;
    return DF_OK;
}

/* A path may begin with spec or inside it, whatever the document is. */
static int begin(override *o, df__doc *root, int whole, df__doc **ret)
{
    static const char *const tops[] = {"spec", "apiVersion", "kind", "metadata"};
    static const step spec = {{"spec", 4}, 0};
    const char *start = o->at;
    size_t top = 0, count = sizeof tops / sizeof tops[0];
    step first;
    int rc = next_step(o, &first);
    *ret = root;
    if (rc != DF_OK)
        return rc;
    while (top < count && (first.name.len != strlen(tops[top]) ||
                           memcmp(first.name.data, tops[top], first.name.len) != 0))
        top++;
    if (whole || top)
        o->at = start;
    return whole && top == count ? go_down(o, root, &spec, ret) : DF_OK;
}

int df__spec_override(df__graph *g, df__doc *root, int whole, const char *text)
{
    override o = {g, text, end_of_path(text), {.kind = DF__DOC_SCALAR}};
    char from[128];
    df__doc *at;
    step s;
    int rc;
    df__text_printf(from, sizeof from, "--set %.*s", (int)strcspn(text, "="), text);
    if (o.end)
        df__text_printf(from, sizeof from, "--set %.*s", (int)(o.end - text), text);
    o.place.from = df__arena_bytes(&g->arena, from, strlen(from));
    if (!o.place.from)
        return DF_ENOMEM;
    if (!df__utf8_check(text, strlen(text), NULL))
        return fail(&o, "not UTF-8");
    if (!o.end || o.end == text)
        return fail(&o, "expects PATH=VALUE, such as sink.config.table=orders");
    rc = begin(&o, root, whole, &at);
    while (rc == DF_OK && o.at < o.end) {
        rc = next_step(&o, &s);
        if (rc == DF_OK)
            rc = go_down(&o, at, &s, &at);
    }
    return rc == DF_OK ? put_value(&o, at, o.end + 1) : rc;
}
