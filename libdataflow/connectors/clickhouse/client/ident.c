/* SPDX-License-Identifier: Apache-2.0
 * ident.c: quoting, and names as a manifest writes them. */
#include "ident.h"

#include <string.h>

static int may_be_bare(char c)
{
    return c != ' ' && c != '`' && c != '"';
}

/* One part of a name: bare, or between backticks or double quotes. */
static int read_part(const char **at, const char *end, char out[CH_NAME_MAX + 1])
{
    char quote = *at < end && !may_be_bare(**at) ? *(*at)++ : '\0';
    char stop = quote ? quote : '.';
    size_t len = 0;
    for (; *at < end && **at != stop; (*at)++) {
        if (len == CH_NAME_MAX || **at == '\0' || (!quote && !may_be_bare(**at)))
            return 0;
        out[len++] = **at;
    }
    out[len] = '\0';
    if (quote == '\0' || len == 0)
        return len > 0;
    return quote != ' ' && *at < end && *(*at)++ == quote;
}

int df__ch_name_parse(df_bytes text, df__ch_table_name *ret, const char **ret_why)
{
    const char *at = text.data ? text.data : "", *end = at + text.len;
    memset(ret, 0, sizeof *ret);
    *ret_why = "a table, or database.table; names with dots or blanks stand between backticks";
    if (!read_part(&at, end, ret->table))
        return DF_EINVAL;
    if (at < end && *at == '.') {
        at++;
        memcpy(ret->database, ret->table, sizeof ret->database);
        if (!read_part(&at, end, ret->table))
            return DF_EINVAL;
    }
    return at == end ? DF_OK : DF_EINVAL;
}

static void add_escaped(df__buf *b, df_bytes text, char quote)
{
    const char *s = text.data;
    df__buf_char(b, quote);
    for (size_t i = 0; i < text.len; i++) {
        if (s[i] == quote || s[i] == '\\')
            df__buf_char(b, '\\');
        if (s[i] == '\0')
            df__buf_str(b, "\\0");
        else
            df__buf_char(b, s[i]);
    }
    df__buf_char(b, quote);
}

void df__ch_quote(df__buf *b, df_bytes name)
{
    add_escaped(b, name, '`');
}

void df__ch_literal(df__buf *b, df_bytes text)
{
    add_escaped(b, text, '\'');
}

void df__ch_quote_table(df__buf *b, const df__ch_table_name *name)
{
    if (name->database[0]) {
        df__ch_quote(b, (df_bytes){name->database, strlen(name->database)});
        df__buf_char(b, '.');
    }
    df__ch_quote(b, (df_bytes){name->table, strlen(name->table)});
}

int df__ch_next_field(char **at, df_bytes *ret, int *ret_last)
{
    static const char escapes[] = "b\bf\fn\nr\rt\t0\0";
    char *s = *at, *out = s, *begin = s;
    if (*s == '\0')
        return 0;
    for (; *s && *s != '\t' && *s != '\n'; s++) {
        if (*s == '\\' && s[1]) {
            s++;
            const char *hit = NULL;
            for (size_t i = 0; i + 1 < sizeof escapes && !hit; i += 2)
                hit = escapes[i] == *s ? &escapes[i + 1] : NULL;
            *out++ = hit ? *hit : *s;
        } else {
            *out++ = *s;
        }
    }
    *ret_last = *s != '\t';
    *at = *s ? s + 1 : s;
    *ret = (df_bytes){begin, (size_t)(out - begin)};
    return 1;
}
