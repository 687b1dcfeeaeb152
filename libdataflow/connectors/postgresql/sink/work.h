/* SPDX-License-Identifier: Apache-2.0
 * work.h: one parcel on its way, and its records as rows of COPY. */
#ifndef DF_PG_WORK_H
#define DF_PG_WORK_H

#include <libpq-fe.h>

#include "encode.h"
#include "rejects.h"
#include "tried.h"

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
    int no_deletes; /* none of its rows deletes */
    df__buf before; /* statements that stand before its rows, each followed by "; " */
    size_t move_at; /* where in it the move of its first row begins; SIZE_MAX: nowhere */
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
    df__buf between; /* what stands before the next row: see between.c */
    size_t move_at;  /* of the last move in it; SIZE_MAX: it has none */
    size_t index;    /* next record to encode */
    df__pg_tried tried;
    size_t begin, end;       /* the records at hand: all, or a segment of them */
    const uint32_t *targets; /* with tableFrom, of each record; NULL: there is one table */
    uint32_t *targets_of;    /* where they are kept */
    size_t targets_cap;
    uint32_t target;    /* whose records are at hand */
    int is_open;        /* its transaction was begun, and is to be committed in any case */
    int part;           /* more follows in this transaction, and then its commit */
    uint64_t gone;      /* updates that were left out since their row is not there */
    int sent, begun;    /* the COPY statement is sent; the server waits for data */
    int alters;         /* a record needs another table: see alter.c */
    int wide;           /* groups with several masks */
    int binary;         /* its groups are in binary format */
    int no_deletes;     /* its statements look for none */
    char doubtful[6];   /* a state that row mode met and that may not be a row's fault; "": none */
    size_t doubtful_at; /* its refusal */
    size_t raised;      /* rows for which code of the database raised a state that else passes */
    size_t left_out;    /* rows that onConflict: skip did not write */
    uint64_t catalog;   /* generation that it is encoded for */
    PGresult *error;    /* what the server refused with */
    size_t error_group;
} df__pg_work;

/* 1: the record was refused already, or is one of another table. */
static inline int df__pg_skips(const df__pg_work *w, size_t index)
{
    return w->skip[index] || (w->targets && w->targets[index] != w->target);
}

#endif
