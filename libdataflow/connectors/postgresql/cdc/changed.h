/* SPDX-License-Identifier: Apache-2.0
 * changed.h: which rows of a table the stream has changed, by key, and which transactions a
 * snapshot sees: together they say whether a row that was read in it is older than what the stream
 * brought. Knows no connection. */
#ifndef DF_PG_CHANGED_H
#define DF_PG_CHANGED_H

#include "util/buf.h"

/* What a snapshot of the server sees. */
typedef struct df__pg_view {
    uint64_t end;   /* transactions from here on are not seen */
    uint64_t *open; /* nor are these, ascending */
    size_t count, cap;
} df__pg_view;

/* Reads the text of pg_current_snapshot, "xmin:xmax:xip,xip". DF_EDATA, DF_ENOMEM. */
int df__pg_view_read(df__pg_view *v, const df__heap *heap, const char *text);
/* Frees what the view holds; it can be read again. */
void df__pg_view_free(df__pg_view *v, const df__heap *heap);
/* 1: it sees the transaction, of whose number the stream says the lower half. */
int df__pg_view_sees(const df__pg_view *v, uint32_t xid);

/* The changes of one row. Each of them saw those before, so that what sees a later one sees all. */
typedef struct df__pg_changed_row {
    uint64_t hash;
    size_t at, len; /* of its key, in `keys` */
    uint32_t last;  /* transaction of its newest change */
    uint32_t whole; /* of the newest that says all of the row, or that it is gone */
    int has_whole;
} df__pg_changed_row;

typedef struct df__pg_changed {
    const df__heap *heap;
    df__pg_changed_row *rows;
    size_t count, cap;
    uint32_t *slots; /* of rows, by hash: index + 1; 0: free. Twice `cap` */
    df__buf keys;
    size_t limit;     /* bytes of all of it */
    uint32_t emptied; /* transaction that emptied the table last */
    int was_emptied;
    int is_lost; /* there were more than the limit holds: nothing is known */
} df__pg_changed;

enum df__pg_age {
    PG_ROW_STANDS, /* no change that came is newer */
    PG_ROW_OLD,    /* the stream has brought all of a newer one */
    PG_ROW_PART    /* it has brought a part of a newer one */
};

/* Empty, takes nothing yet. `heap` outlives it. */
void df__pg_changed_init(df__pg_changed *c, const df__heap *heap, size_t limit);
/* Empty again. */
void df__pg_changed_clear(df__pg_changed *c);
/* Frees all of it; it can be used again. */
void df__pg_changed_free(df__pg_changed *c);
/* Notes a change that the stream brought. is_whole: of all columns, or a delete. DF_ENOMEM. */
int df__pg_changed_add(df__pg_changed *c, df_bytes key, uint32_t xid, int is_whole);
/* Notes that the table was emptied. */
void df__pg_changed_all(df__pg_changed *c, uint32_t xid);
/* What a row is that was read in this snapshot. */
enum df__pg_age df__pg_changed_look(const df__pg_changed *c, df_bytes key, const df__pg_view *v);
/* Forgets what this snapshot sees, and so each one after it. */
void df__pg_changed_forget(df__pg_changed *c, const df__pg_view *v);

#endif
