/* SPDX-License-Identifier: Apache-2.0
 * literal.h: a value as SQL of the type of its column. Nothing is rounded, cut or guessed, but for
 * floats, which have the digits they have: what a type cannot hold is refused with a reason. */
#ifndef DF_TRINO_LITERAL_H
#define DF_TRINO_LITERAL_H

#include "client/ident.h"
#include "types/type.h"

typedef struct df__trino_writer {
    df__buf *out;
    df__buf scratch;
    const char *why;    /* after DF_EDATA: static text */
    int ignore_unknown; /* members that a row type does not have */
    int one_form;       /* keys: values that the server takes for equal have one text */
} df__trino_writer;

/* Appends the literal. ABSENT and UNCHANGED are the caller's. DF_EDATA with w->why, and what was
 * appended is to be cut off; DF_ENOMEM. */
int df__trino_literal(df__trino_writer *w, const df__trino_type *type, const df_value *v);

/* ---- literal_time.c: answers as df__trino_literal -------------------------------------------- */

/* A date; a time of day in the value is DF_EDATA. */
int df__trino_literal_date(df__trino_writer *w, const df__trino_type *type, const df_value *v);
/* A time of day, with a zone where the type has one. */
int df__trino_literal_time(df__trino_writer *w, const df__trino_type *type, const df_value *v);
/* A timestamp, with a zone where the type has one; else one with a zone goes in UTC. */
int df__trino_literal_stamp(df__trino_writer *w, const df__trino_type *type, const df_value *v);

#endif
