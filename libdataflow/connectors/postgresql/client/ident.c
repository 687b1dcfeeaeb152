/* SPDX-License-Identifier: Apache-2.0
 * ident.c: parses and quotes names; refuses what is not UTF-8, because the escaping of broken
 * sequences depends on the reader. */
#include "ident.h"

#include <string.h>

/* Length of the UTF-8 sequence at s, 0 when it is not one (surrogates and overlong forms too). */
static size_t sequence(const unsigned char *s, size_t left)
{
    static const struct {
        unsigned char first, last, low, high;
        size_t len;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (s[0] < forms[i].first || s[0] > forms[i].last)
            continue;
        if (left < forms[i].len || s[1] < forms[i].low || s[1] > forms[i].high)
            return 0;
        for (size_t k = 2; k < forms[i].len; k++)
            if ((s[k] & 0xC0) != 0x80)
                return 0;
        return forms[i].len;
    }
    return 0;
}

int df__pg_utf8_valid(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t i = 0;
    while (i < len) {
        if (u[i] < 0x80) {
            i++;
            continue;
        }
        size_t n = sequence(u + i, len - i);
        if (n == 0)
            return 0;
        i += n;
    }
    return 1;
}

/* Names that every table has already: CREATE TABLE and ADD COLUMN refuse them. */
static int is_system_column(df_bytes name)
{
    static const char *const names[] = {"tableoid", "ctid", "xmin", "cmin", "xmax", "cmax"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (name.len == strlen(names[i]) && memcmp(name.data, names[i], name.len) == 0)
            return 1;
    return 0;
}

int df__pg_name_usable(df_bytes name)
{
    return !is_system_column(name) && name.data && name.len > 0 && name.len <= PG_NAME_MAX &&
           !memchr(name.data, 0, name.len) && df__pg_utf8_valid(name.data, name.len);
}

static const char *put(char *out, size_t *n, char c)
{
    if (*n == PG_NAME_MAX)
        return "a name has at most 63 bytes";
    out[(*n)++] = c;
    return NULL;
}

/* After the opening quote; *at stands after the closing one afterwards. */
static const char *read_quoted(const char **at, const char *end, char *out, size_t *n)
{
    const char *s = *at;
    const char *why = NULL;
    for (; s < end && !why; s++) {
        if (*s == '"' && (s + 1 == end || s[1] != '"')) {
            *at = s + 1;
            return NULL;
        }
        s += *s == '"';
        why = put(out, n, *s);
    }
    return why ? why : "a double quote is not closed";
}

static const char *read_bare(const char **at, const char *end, char *out, size_t *n)
{
    const char *s = *at;
    const char *why = NULL;
    for (; s < end && *s != '.' && !why; s++) {
        if (*s == '"' || (unsigned char)*s <= ' ')
            return "a name with spaces or quotes must stand in double quotes";
        why = put(out, n, *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s);
    }
    *at = s;
    return why;
}

/* Reads one part of a name; *at stands after it afterwards. NULL, or why it is none. */
static const char *read_part(const char **at, const char *end, char *out)
{
    const char *why;
    size_t n = 0;
    if (*at < end && **at == '"') {
        ++*at;
        why = read_quoted(at, end, out, &n);
    } else {
        why = read_bare(at, end, out, &n);
    }
    out[n] = '\0';
    return !why && n == 0 ? "a part of the name is empty" : why;
}

int df__pg_name_parse(df_bytes text, df__pg_name *ret, const char **ret_why)
{
    df__pg_name name = {"", ""};
    const char *at = text.data;
    const char *end = at ? at + text.len : NULL;
    if (!at || text.len == 0) {
        *ret_why = "the name is empty";
        return DF_EINVAL;
    }
    if (memchr(at, 0, text.len) || !df__pg_utf8_valid(at, text.len)) {
        *ret_why = "the name is not UTF-8 text";
        return DF_EINVAL;
    }
    *ret_why = read_part(&at, end, name.table);
    if (!*ret_why && at < end && *at == '.') {
        at++;
        memcpy(name.schema, name.table, sizeof name.schema);
        *ret_why = read_part(&at, end, name.table);
    }
    if (!*ret_why && at != end)
        *ret_why = "write table or schema.table";
    if (*ret_why)
        return DF_EINVAL;
    *ret = name;
    return DF_OK;
}

static void add_doubled(df__buf *b, df_bytes text, char quote)
{
    const char *s = text.data;
    df__buf_char(b, quote);
    for (size_t i = 0; i < text.len; i++) {
        if (s[i] == quote)
            df__buf_char(b, quote);
        df__buf_char(b, s[i]);
    }
    df__buf_char(b, quote);
}

void df__pg_quote(df__buf *b, df_bytes name)
{
    add_doubled(b, name, '"');
}

void df__pg_quote_table(df__buf *b, const df__pg_name *name)
{
    if (name->schema[0]) {
        df__pg_quote(b, (df_bytes){name->schema, strlen(name->schema)});
        df__buf_char(b, '.');
    }
    df__pg_quote(b, (df_bytes){name->table, strlen(name->table)});
}

void df__pg_literal(df__buf *b, df_bytes text)
{
    /* standard_conforming_strings is set on by every connection of ours. */
    add_doubled(b, text, '\'');
}
