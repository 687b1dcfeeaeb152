/* SPDX-License-Identifier: Apache-2.0
 * rejects.h: the records of a parcel that will be refused. They are told to the core only when
 * the outcome of the whole write is known, since a lost connection takes them back. */
#ifndef DF_PG_REJECTS_H
#define DF_PG_REJECTS_H

#include "dataflow_ext.h"
#include "util/buf.h"

typedef struct df__pg_reject {
    size_t index, at, len; /* record; its text in `texts` */
    const char *reason;    /* static word */
} df__pg_reject;

typedef struct df__pg_rejects {
    df__pg_reject *rows;
    size_t count, cap;
    df__buf texts;
} df__pg_rejects;

/* None. Memory comes from `heap`, which must stay where it is. */
void df__pg_rejects_init(df__pg_rejects *r, const df__heap *heap);
/* Frees them; df__pg_rejects_init before it is used again. */
void df__pg_rejects_free(df__pg_rejects *r);
/* Forgets them and keeps the memory. */
void df__pg_rejects_clear(df__pg_rejects *r);
/* Notes a record; its text is copied, the reason is a static word. DF_ENOMEM. */
int df__pg_rejects_add(df__pg_rejects *r, size_t index, const char *reason, const char *text);
/* Names all of them to the core, so that they go to the error sink in order. */
int df__pg_rejects_tell(df__pg_rejects *r, df_parcel *parcel);

#endif
