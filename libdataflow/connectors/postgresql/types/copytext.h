/* SPDX-License-Identifier: Apache-2.0
 * copytext.h: the text format of COPY: how bytes of a field are written. */
#ifndef DF_PG_COPYTEXT_H
#define DF_PG_COPYTEXT_H

#include "dataflow.h"
#include "util/buf.h"

/* Appends the bytes of a field, escaped. DF_EDATA: a NUL byte, which no text type can hold;
 * DF_ENOMEM. */
int df__pg_escape(df__buf *b, const char *s, size_t len);
/* The same inside a quoted element of an array literal. */
int df__pg_escape_element(df__buf *b, const char *s, size_t len);
/* Decodes one field, for tests. DF_DONE: it is \N. */
int df__pg_unescape(df__buf *b, const char *s, size_t len);

#endif
