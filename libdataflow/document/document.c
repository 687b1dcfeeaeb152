/* SPDX-License-Identifier: Apache-2.0
 * document.c: questions about the values of a document. */
#include "document/document.h"

#include <stdlib.h>
#include <string.h>

const df__doc *df__doc_member(const df__doc *map, const char *name)
{
    const df__doc *n;
    size_t len = strlen(name);
    if (!map || map->kind != DF__DOC_MAP)
        return NULL;
    for (n = map->first; n; n = n->next)
        if (n->name.len == len && memcmp(n->name.data, name, len) == 0)
            return n;
    return NULL;
}

const df__doc *df__doc_given(const df__doc *map, const char *name)
{
    const df__doc *n = df__doc_member(map, name);
    return n && !df__doc_is_null(n) ? n : NULL;
}

/* The member with the longest name that the path begins with. */
static const df__doc *longest_member(const df__doc *map, const char *path)
{
    const df__doc *best = NULL;
    for (const df__doc *at = map->first; at; at = at->next) {
        size_t len = at->name.len;
        if (len && strncmp(path, at->name.data, len) == 0 && strchr(".[", path[len]) &&
            (!best || len > best->name.len))
            best = at;
    }
    return best;
}

static const df__doc *element(const df__doc *seq, const char *path, size_t *ret_len)
{
    char *end;
    unsigned long index = strtoul(path + 1, &end, 10);
    const df__doc *at = seq->first;
    if (*end != ']')
        return NULL;
    while (at && index--)
        at = at->next;
    *ret_len = (size_t)(end - path) + 1;
    return at;
}

const df__doc *df__doc_at(const df__doc *root, const char *path)
{
    const df__doc *at = root;
    while (at && *path) {
        const df__doc *next = NULL;
        size_t len = 0;
        if (at->kind == DF__DOC_MAP && (next = longest_member(at, path)))
            len = next->name.len;
        else if (at->kind == DF__DOC_SEQ && *path == '[')
            next = element(at, path, &len);
        if (!next)
            return at;
        at = next;
        path += len;
        path += *path == '.';
    }
    return at;
}

int df__doc_is_null(const df__doc *n)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    if (n->kind != DF__DOC_SCALAR || n->quoted)
        return 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(n->text.data, words[i]) == 0)
            return 1;
    return 0;
}

int df__doc_is_bool(const df__doc *n, int *ret)
{
    static const char *const words[][11] = {
        {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"},
        {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"}};
    if (n->kind != DF__DOC_SCALAR || n->quoted)
        return 0;
    for (int value = 0; value < 2; value++)
        for (size_t i = 0; i < sizeof words[0] / sizeof words[0][0]; i++)
            if (strcmp(n->text.data, words[value][i]) == 0) {
                *ret = value;
                return 1;
            }
    return 0;
}

df__doc df__doc_name_place(const df__doc *n)
{
    df__doc at = *n;
    at.line = n->name_line;
    at.column = n->name_column;
    return at;
}

int df__doc_inside(const df__doc *n, size_t at, df__doc *ret)
{
    const char *text = n->text.data;
    size_t len = n->end - n->begin;
    *ret = *n;
    if (len != n->text.len && len != n->text.len + 2)
        return 0;
    ret->column += len != n->text.len; /* a quote */
    for (size_t i = 0; i < at && i < n->text.len; i++)
        ret->column += ((unsigned char)text[i] & 0xc0) != 0x80;
    return 1;
}

const char *df__doc_shown(const df__doc *n, char *buf)
{
    size_t len;
    if (n->kind == DF__DOC_MAP)
        return "a map";
    if (n->kind == DF__DOC_SEQ)
        return "a list";
    if (df__doc_is_null(n))
        return "nothing";
    buf[0] = '"';
    len = df__text_set(buf + 1, DF__SHOWN - 8, n->text.data, n->text.len);
    for (size_t i = 1; i <= len; i++)
        if ((unsigned char)buf[i] < 0x20 || buf[i] == 0x7f)
            buf[i] = ' ';
    memcpy(buf + 1 + len, len < n->text.len ? "...\"" : "\"", len < n->text.len ? 5 : 2);
    return buf;
}

static size_t digits(const char *s, size_t i, size_t len)
{
    while (i < len && s[i] >= '0' && s[i] <= '9')
        i++;
    return i;
}

/* "e+10" up to the end. */
static int is_exponent(const char *s, size_t i, size_t len)
{
    size_t from;
    if (s[i] != 'e' && s[i] != 'E')
        return 0;
    i++;
    if (i < len && (s[i] == '+' || s[i] == '-'))
        i++;
    from = i;
    i = digits(s, i, len);
    return i > from && i == len;
}

int df__is_json_number(df_bytes text)
{
    const char *s = text.data;
    size_t len = text.len, i = len && s[0] == '-' ? 1 : 0, from = i;
    i = digits(s, i, len);
    if (i == from || (s[from] == '0' && i > from + 1))
        return 0;
    if (i < len && s[i] == '.') {
        from = ++i;
        i = digits(s, i, len);
        if (i == from)
            return 0;
    }
    return i == len || is_exponent(s, i, len);
}

static void scalar_json(const df__doc *n, df__buf *out)
{
    int value;
    if (df__doc_is_null(n))
        df__buf_str(out, "null");
    else if (df__doc_is_bool(n, &value))
        df__buf_str(out, value ? "true" : "false");
    else if (!n->quoted && df__is_json_number(n->text))
        df__buf_add(out, n->text.data, n->text.len);
    else
        df__buf_json(out, n->text.data, n->text.len);
}

/* Recursion is bounded by the depth of a parsed tree. */
void df__doc_json(const df__doc *n, df__buf *out)
{
    const df__doc *child;
    if (n->kind == DF__DOC_SCALAR) {
        scalar_json(n, out);
        return;
    }
    df__buf_char(out, n->kind == DF__DOC_MAP ? '{' : '[');
    for (child = n->first; child; child = child->next) {
        if (child != n->first)
            df__buf_char(out, ',');
        if (n->kind == DF__DOC_MAP) {
            df__buf_json(out, child->name.data, child->name.len);
            df__buf_char(out, ':');
        }
        df__doc_json(child, out);
    }
    df__buf_char(out, n->kind == DF__DOC_MAP ? '}' : ']');
}
