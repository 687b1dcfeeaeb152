/* SPDX-License-Identifier: Apache-2.0
 * ident.h: texts and names in SQL. */
#ifndef DF_TRINO_IDENT_H
#define DF_TRINO_IDENT_H

#include "client/place.h"
#include "util/buf.h"

/* Appends a string in single quotes. */
void df__trino_quote_text(df__buf *b, df_bytes text);
/* Appends a name in double quotes. */
void df__trino_quote_name(df__buf *b, df_bytes name);
/* Appends "catalog"."schema"."table". */
void df__trino_quote_table(df__buf *b, const df__trino_place *p);

#endif
