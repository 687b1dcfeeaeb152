/* SPDX-License-Identifier: Apache-2.0
 * ident.c: see ident.h. */
#include "client/ident.h"

#include <string.h>

void df__trino_quote_text(df__buf *b, df_bytes text)
{
    const char *at = text.data, *end = at + text.len;
    df__buf_char(b, '\'');
    while (text.len && at < end) {
        const char *quote = memchr(at, '\'', (size_t)(end - at));
        size_t len = (size_t)((quote ? quote + 1 : end) - at);
        df__buf_add(b, at, len);
        if (quote)
            df__buf_char(b, '\'');
        at += len;
    }
    df__buf_char(b, '\'');
}

void df__trino_quote_name(df__buf *b, df_bytes name)
{
    const char *s = name.data;
    df__buf_char(b, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (s[i] == '"')
            df__buf_char(b, '"');
        df__buf_char(b, s[i]);
    }
    df__buf_char(b, '"');
}

void df__trino_quote_table(df__buf *b, const df__trino_place *p)
{
    df__trino_quote_name(b, p->catalog);
    df__buf_char(b, '.');
    df__trino_quote_name(b, p->schema);
    df__buf_char(b, '.');
    df__trino_quote_name(b, p->table);
}
