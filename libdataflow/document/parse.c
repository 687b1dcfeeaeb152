/* SPDX-License-Identifier: Apache-2.0
 * parse.c: a text becomes a tree: JSON or YAML, by its looks or its file's name. */
#include "document/builder.h"

#include <string.h>

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A document that starts with {" or {} is JSON, so is a file named *.json. */
static int looks_like_json(const char *s, size_t len, const char *file)
{
    size_t i = 0, n = file ? strlen(file) : 0;
    if (n > 5 && strcmp(file + n - 5, ".json") == 0)
        return 1;
    while (i < len && is_space(s[i]))
        i++;
    if (i == len || s[i] != '{')
        return 0;
    for (i++; i < len && is_space(s[i]);)
        i++;
    return i < len && (s[i] == '"' || s[i] == '}');
}

static int read_document(df__builder *b, const df_text *text)
{
    size_t bom = text->len >= 3 && memcmp(text->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (text->len > DF__DOC_BYTES) {
        df__builder_fail(b, 1, 1, "larger than 16 MiB");
        return b->rc;
    }
    b->src.data = text->text;
    b->src.len = text->len;
    if (looks_like_json(text->text + bom, text->len - bom, text->file))
        df__json_read(b);
    else
        df__yaml_read(b);
    return b->rc;
}

const df__doc *df__doc_parse(df__arena *a, const df_text *text, df__problems *problems)
{
    df__builder *b = df__zalloc(a->heap, sizeof *b);
    const df__doc *root = NULL;
    if (!b)
        return NULL;
    b->arena = a;
    b->problems = problems;
    df__problem_file(problems, text->file ? text->file : "<text>");
    if (read_document(b, text) == DF_OK) {
        root = b->root;
        if (!root)
            df__builder_fail(b, 1, 1, "the document is empty");
    }
    df__free(a->heap, b);
    return root;
}
