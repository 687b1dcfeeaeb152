/* SPDX-License-Identifier: Apache-2.0
 * select.c: where the statement of `query` ends: a semicolon counts outside of quotes and comments
 * alone, which are read as the server reads them. */
#include "select.h"

#include <string.h>

static int is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c & 0x80);
}

static size_t skip_line(const char *s, size_t at, size_t len)
{
    while (at < len && s[at] != '\n' && s[at] != '\r')
        at++;
    return at;
}

/* They nest. */
static size_t skip_block(const char *s, size_t at, size_t len)
{
    size_t depth = 0;
    do {
        int opens = at + 1 < len && s[at] == '/' && s[at + 1] == '*';
        int closes = at + 1 < len && s[at] == '*' && s[at + 1] == '/';
        depth += (size_t)opens;
        depth -= (size_t)closes;
        at += opens || closes ? 2 : 1;
    } while (at < len && depth > 0);
    return at < len ? at : len;
}

/* 'text', E'te\'xt', "name": a quote that is doubled ends one and begins another. */
static size_t skip_quoted(const char *s, size_t at, size_t len)
{
    char quote = s[at];
    int has_escapes = quote == '\'' && at > 0 && (s[at - 1] == 'E' || s[at - 1] == 'e') &&
                      (at == 1 || !is_word(s[at - 2]));
    for (at++; at < len && s[at] != quote; at++)
        at += has_escapes && s[at] == '\\';
    return at < len ? at + 1 : len;
}

/* $$text$$, $tag$text$tag$; else the character alone. */
static size_t skip_dollars(const char *s, size_t at, size_t len)
{
    size_t end = at + 1;
    while (end < len && is_word(s[end]))
        end++;
    int is_digit = s[at + 1 < len ? at + 1 : at] >= '0' && s[at + 1 < len ? at + 1 : at] <= '9';
    if (end >= len || s[end] != '$' || is_digit || (at > 0 && is_word(s[at - 1])))
        return at + 1;
    size_t tag = end + 1 - at;
    for (end++; end + tag <= len; end++)
        if (memcmp(s + end, s + at, tag) == 0)
            return end + tag;
    return len;
}

static int begins(const char *s, size_t at, size_t len, const char *two)
{
    return at + 1 < len && s[at] == two[0] && s[at + 1] == two[1];
}

/* Passes over what stands between words. 0: a word or a semicolon is here. */
static int skip_gap(const char *s, size_t *at, size_t len)
{
    if (begins(s, *at, len, "--"))
        *at = skip_line(s, *at, len);
    else if (begins(s, *at, len, "/*"))
        *at = skip_block(s, *at, len);
    else if (s[*at] && strchr(" \t\r\n\f\v", s[*at]))
        ++*at;
    else
        return 0;
    return 1;
}

static size_t skip_word(const char *s, size_t at, size_t len)
{
    if (s[at] == '\'' || s[at] == '"')
        return skip_quoted(s, at, len);
    return s[at] == '$' ? skip_dollars(s, at, len) : at + 1;
}

int df__pg_select_end(df_bytes text, size_t *ret_len)
{
    const char *s = text.data;
    size_t at = 0, end = SIZE_MAX;
    int found = 0;
    while (at < text.len) {
        if (skip_gap(s, &at, text.len))
            continue;
        if (s[at] != ';') {
            if (end != SIZE_MAX)
                return DF_EDATA;
            at = skip_word(s, at, text.len);
            found = 1;
            continue;
        }
        end = end == SIZE_MAX ? at : end;
        at++;
    }
    *ret_len = end == SIZE_MAX ? text.len : end;
    return found ? DF_OK : DF_ENOTFOUND;
}
