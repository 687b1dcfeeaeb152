/* SPDX-License-Identifier: Apache-2.0
 * ident.h: names and texts in SQL. Every name that reaches the server is quoted here. */
#ifndef DF_CH_IDENT_H
#define DF_CH_IDENT_H

#include "dataflow.h"
#include "util/buf.h"

enum { CH_NAME_MAX = 200 };

/* orders, shop.orders, `my db`.`t`: as the manifest writes it. */
typedef struct df__ch_table_name {
    char database[CH_NAME_MAX + 1]; /* "": that of the connection */
    char table[CH_NAME_MAX + 1];
} df__ch_table_name;

/* DF_EINVAL with the reason in *ret_why. */
int df__ch_name_parse(df_bytes text, df__ch_table_name *ret, const char **ret_why);
/* `name`, what would end it escaped. */
void df__ch_quote(df__buf *b, df_bytes name);
/* `database`.`table`, or `table` alone where no database is named. */
void df__ch_quote_table(df__buf *b, const df__ch_table_name *name);
/* 'text' */
void df__ch_literal(df__buf *b, df_bytes text);
/* Takes the next field off a reply in the format TabSeparated, its escapes undone in place.
 * *ret_last: it ends its line. 0: there is none. */
int df__ch_next_field(char **at, df_bytes *ret, int *ret_last);

#endif
