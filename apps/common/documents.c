/* SPDX-License-Identifier: Apache-2.0
 * documents.c: YAML documents of one file, see documents.h. "---" at the begin of a line can be
 * nothing but the begin of a document, so lines are all that splitting needs. */
#include "documents.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "util/codec.h"

/* ---- one document as a tree ------------------------------------------------------------------ */

static int load(yaml_document_t *tree, const char *text, size_t len)
{
    yaml_parser_t parser;
    int ok;
    if (!yaml_parser_initialize(&parser))
        return 0;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    ok = yaml_parser_load(&parser, tree);
    yaml_parser_delete(&parser);
    return ok;
}

static yaml_node_t *member(yaml_document_t *tree, const yaml_node_t *map, const char *name)
{
    if (!map || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *key = yaml_document_get_node(tree, p->key);
        if (key && key->type == YAML_SCALAR_NODE && key->data.scalar.length == strlen(name) &&
            !memcmp(key->data.scalar.value, name, key->data.scalar.length))
            return yaml_document_get_node(tree, p->value);
    }
    return NULL;
}

static void copy_text(yaml_document_t *tree, const yaml_node_t *map, const char *name, char *out,
                      size_t len)
{
    const yaml_node_t *n = member(tree, map, name);
    if (n && n->type == YAML_SCALAR_NODE)
        df__text_set(out, len, (const char *)n->data.scalar.value, n->data.scalar.length);
}

static void classify(app_document *d, const char *text)
{
    yaml_document_t tree;
    yaml_node_t *root;
    char version[64] = "";
    d->is_flow = 1;
    if (!load(&tree, text + d->begin, d->end - d->begin))
        return;
    root = yaml_document_get_root_node(&tree);
    copy_text(&tree, root, "kind", d->kind, sizeof d->kind);
    copy_text(&tree, root, "apiVersion", version, sizeof version);
    copy_text(&tree, member(&tree, root, "metadata"), "name", d->name, sizeof d->name);
    copy_text(&tree, member(&tree, root, "metadata"), "namespace", d->space, sizeof d->space);
    if (d->kind[0])
        d->is_flow =
            !strncmp(d->kind, "DataFlow", 8) || !strncmp(version, "dataflow.dataflow.io/", 21);
    yaml_document_delete(&tree);
}

/* ---- the file -------------------------------------------------------------------------------- */

static int is_mark(const char *line, size_t len, const char *mark)
{
    return len >= 3 && !memcmp(line, mark, 3) && (len == 3 || strchr(" \t\r\n", line[3]));
}

/* Nothing but comments, directives and the mark itself. */
static int is_empty_line(const char *line, size_t len)
{
    size_t at = is_mark(line, len, "---") || is_mark(line, len, "...") ? 3 : 0;
    if (len && *line == '%')
        return 1;
    if (len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3))
        at = 3;
    while (at < len && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r'))
        at++;
    return at == len || line[at] == '\n' || line[at] == '#';
}

static int add(app_documents *d, const app_document *one, const char *text)
{
    if (df__grow(&df__heap_libc, &d->rows, &d->cap, d->count, sizeof *d->rows) != DF_OK)
        return -1;
    d->rows[d->count] = *one;
    classify(&d->rows[d->count++], text);
    return 0;
}

int app_documents_read(app_documents *d, const char *text, size_t len)
{
    app_document one = {.line = 1};
    int line = 1, empty = 1, rc = 0;
    memset(d, 0, sizeof *d);
    for (size_t at = 0, next; rc == 0 && at < len; at = next, line++) {
        const char *end = memchr(text + at, '\n', len - at);
        next = end ? (size_t)(end - text) + 1 : len;
        if (is_mark(text + at, next - at, "---")) {
            one.end = at;
            rc = empty ? 0 : add(d, &one, text);
            one = (app_document){.begin = at, .line = line};
            empty = 1;
        }
        empty &= is_empty_line(text + at, next - at);
        if (is_mark(text + at, next - at, "...")) {
            one.end = next;
            rc = empty ? 0 : add(d, &one, text);
            one = (app_document){.begin = next, .line = line + 1};
            empty = 1;
        }
    }
    one.end = len;
    return rc == 0 && !empty ? add(d, &one, text) : rc;
}

void app_documents_free(app_documents *d)
{
    free(d->rows);
    memset(d, 0, sizeof *d);
}

/* ---- Secrets --------------------------------------------------------------------------------- */

const char *app_document_secret(const char *text, const app_document *d, const char *key,
                                df__buf *out)
{
    yaml_document_t tree;
    yaml_node_t *root, *value;
    const char *why = NULL;
    if (!load(&tree, text + d->begin, d->end - d->begin))
        return "it cannot be read as YAML";
    root = yaml_document_get_root_node(&tree);
    value = member(&tree, member(&tree, root, "stringData"), key);
    if (value && value->type == YAML_SCALAR_NODE) {
        df__buf_add(out, (const char *)value->data.scalar.value, value->data.scalar.length);
    } else {
        value = member(&tree, member(&tree, root, "data"), key);
        if (!value || value->type != YAML_SCALAR_NODE)
            why = "it has no such key";
        else if (df__base64_read(out, (const char *)value->data.scalar.value,
                                 value->data.scalar.length) < 0)
            why = "its value is not base64";
    }
    yaml_document_delete(&tree);
    return why;
}
