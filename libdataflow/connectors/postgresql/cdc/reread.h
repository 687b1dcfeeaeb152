/* SPDX-License-Identifier: Apache-2.0
 * reread.h: tables that are read again beside the stream, in parts. docs/postgresql-cdc.md says why
 * no row of theirs is older than what the stream has brought. */
#ifndef DF_PG_REREAD_H
#define DF_PG_REREAD_H

#include "changed.h"
#include "relation.h"

struct df__pg_watched;

enum df__pg_reread_state {
    PG_REREAD_NONE,
    PG_REREAD_BEGINS, /* from here on changes of the table are noted */
    PG_REREAD_WAITS,  /* for transactions that had written to it before */
    PG_REREAD_READS,  /* the next part is to be read */
    PG_REREAD_READ,   /* it is here; the stream has not come to its mark yet */
    PG_REREAD_GIVES   /* it has: the rows are added */
};

typedef struct df__pg_reread {
    struct df__pg_watched **queue; /* in the order they were asked for; the first is under way */
    size_t count;
    df__buf after;    /* key of the row of it that was added last, as in positions; empty: none */
    uint64_t key_oid; /* index of that key; 0: not known */
    uint64_t rows;    /* of it that were added */
    enum df__pg_reread_state state;
    df__buf writers; /* the transactions that are waited for, as a literal */
    df__pg_changed changed;
    /* the part */
    size_t bytes; /* that a part and the changes noted may take, each */
    size_t limit; /* rows of the next one */
    df__pg_relation *relation;
    df__pg_view view;
    df__buf lines; /* its rows as COPY gave them */
    size_t given;  /* bytes of them that were added */
    int is_last;
    int64_t read_us;
    char mark[40]; /* what its message says */
    uint64_t number;
    df__buf key, old_key;
    int is_gone;                        /* the table was dropped, or has no key */
    int64_t next_ms, waits_ms, told_ms; /* not before; since; last warning */
} df__pg_reread;

#endif
