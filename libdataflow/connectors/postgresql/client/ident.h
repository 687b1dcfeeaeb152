/* SPDX-License-Identifier: Apache-2.0
 * ident.h: names in SQL. Every name that reaches the server is quoted here. */
#ifndef DF_PG_IDENT_H
#define DF_PG_IDENT_H

#include "dataflow.h"
#include "util/buf.h"

enum { PG_NAME_MAX = 63 }; /* bytes; the server cuts longer names silently */

/* A name of a table as the manifest writes it: orders, sales.orders, "My Schema"."t". Unquoted
 * parts are folded to lower case, as SQL does. */
typedef struct df__pg_name {
    char schema[PG_NAME_MAX + 1]; /* "" : the search path decides */
    char table[PG_NAME_MAX + 1];
} df__pg_name;

/* DF_EINVAL with the reason in *ret_why. */
int df__pg_name_parse(df_bytes text, df__pg_name *ret, const char **ret_why);
/* True for 1 to 63 bytes of UTF-8 without NUL that name no system column: what may be a column's
 * name. */
int df__pg_name_usable(df_bytes name);
/* Appends "name" with its quotes doubled. */
void df__pg_quote(df__buf *b, df_bytes name);
/* Appends "schema"."table", or "table" alone where no schema is named. */
void df__pg_quote_table(df__buf *b, const df__pg_name *name);
/* Appends 'text' as a literal; backslashes are safe. */
void df__pg_literal(df__buf *b, df_bytes text);
/* 1: the bytes are UTF-8 as the server takes it. */
int df__pg_utf8_valid(const char *s, size_t len);

#endif
