/* SPDX-License-Identifier: Apache-2.0
 * page.h: one reply of the statement protocol. Pure: bytes in, what they say out.
 * Source: Trino's client REST API, https://trino.io/docs/476/develop/client-protocol.html. */
#ifndef DF_TRINO_PAGE_H
#define DF_TRINO_PAGE_H

#include <yyjson.h>

#include "util/buf.h"

/* Texts live until df__trino_page_free; NULL: the reply does not have it. */
typedef struct df__trino_page {
    yyjson_doc *doc;
    const char *id, *next_uri;
    yyjson_val *columns; /* array of {name, type}; NULL: not known yet */
    yyjson_val *data;    /* array of rows, each an array; NULL: none in this one */
    size_t rows;
    const char *error_name, *error_type, *error_text;
} df__trino_page;

/* Reads the reply in `body`, which it changes and which must stay until the page is freed.
 * DF_EDATA: no reply of a Trino; DF_ENOMEM. */
int df__trino_page_read(df__buf *body, df__trino_page *ret);
/* Frees the page; an empty one is fine. Its texts and values are gone. */
void df__trino_page_free(df__trino_page *page);
/* The name of a column; "" when there is none. */
const char *df__trino_column_name(const df__trino_page *page, size_t index);
/* The type of a column as the server writes it; "" when there is none. */
const char *df__trino_column_type(const df__trino_page *page, size_t index);

#endif
