/* SPDX-License-Identifier: Apache-2.0
 * work.h: one parcel on its way, and its records as rows of COPY. */
#ifndef DF_PG_WORK_H
#define DF_PG_WORK_H

#include <libpq-fe.h>

#include "encode.h"
#include "rejects.h"

/* Rows of one mask, and which record each line came from. On their way through a staging table
 * they may have several masks; each row says the number of its own. */
enum { PG_FORMS_MAX = 64 };
typedef struct df__pg_form {
    df__pg_mask mask;
    size_t rows;
} df__pg_form;
typedef struct df__pg_group {
    df__pg_form *forms; /* at least one */
    size_t form_count, form_cap;
    int wide;       /* every column is written */
    df__buf before; /* statements that stand before its rows, each followed by "; " */
    df__buf text;
    uint32_t *records; /* line number - 1 to index in the parcel */
    size_t count, cap;
} df__pg_group;

/* One parcel on its way. There are two: while the server works on one, the next is encoded. */
typedef struct df__pg_work {
    const df__heap *heap;
    df_parcel *parcel;
    df__pg_rejects rejects;
    unsigned char *skip; /* by index: refused already */
    size_t skip_cap;
    df__pg_group *groups;
    size_t group_count, group_cap;
    df__buf between;    /* what stands before the next row: see between.c */
    size_t index;       /* next record to encode */
    int sent, begun;    /* the COPY statement is sent; the server waits for data */
    int looked_again;   /* the catalog was read for it */
    int alters;         /* a record needs another table: see alter.c */
    int altered;        /* that was tried */
    int unsure;         /* the catalog refused records, and the end of COPY is to confirm it */
    int by_rows;        /* row mode from now on */
    int no_rows;        /* row mode was tried and did not work for it */
    int wide;           /* groups with several masks */
    int binary;         /* its groups are in binary format */
    int refusals;       /* by the server, of this parcel */
    int probed;         /* the server takes the statement without its rows */
    char doubtful[6];   /* a state that row mode met and that may not be a row's fault; "": none */
    size_t doubtful_at; /* its refusal */
    size_t raised;      /* rows for which code of the database raised a state that else passes */
    size_t left_out;    /* rows that onConflict: skip did not write */
    uint64_t catalog;   /* generation that it is encoded for */
    PGresult *error;    /* what the server refused with */
    size_t error_group;
} df__pg_work;

#endif
