/* SPDX-License-Identifier: Apache-2.0
 * spot.h: how far a table was read: the values of the columns that order it, and what has to be
 * looked at again for transactions that commit late; as SQL and as the text that is stored. */
#ifndef DF_PG_SPOT_H
#define DF_PG_SPOT_H

#include <stdint.h>

#include "util/buf.h"

enum { PG_POLL_KEYS = 8, PG_LANES = 16, PG_PIECES = 4 * PG_LANES };

/* One value as the text that its type's input function reads. */
typedef struct df__pg_mark {
    df__buf text;
    uint8_t is_set;
    uint8_t is_number; /* in JSON */
} df__pg_mark;

typedef struct df__pg_marks {
    df__pg_mark at[PG_POLL_KEYS];
} df__pg_marks;

/* Transactions (their 32-bit numbers) whose rows were read although they are not older than the
 * horizon. Unsorted, a number may be there twice. */
typedef struct df__pg_xids {
    uint32_t *at;
    size_t count, cap;
    int is_lost; /* there were too many */
} df__pg_xids;

/* The last poll, for the next one: rows that it did not see have a change time of at least `from`,
 * and are of transactions from `xmin` on that are not in `seen`. */
typedef struct df__pg_late {
    int is_set;
    uint32_t xmin;
    int64_t from_us;    /* by the server's clock */
    int64_t span_us;    /* how long before that poll this is */
    df__pg_marks floor; /* without times: rows have keys after this */
    df__pg_xids seen;
} df__pg_late;

/* Rows of a first read that are left: those after one key and up to another. */
typedef struct df__pg_piece {
    df__pg_marks after; /* not set: from the first row on */
    df__pg_marks to;
    int is_taken; /* a connection reads it */
    int is_done;
} df__pg_piece;

typedef struct df__pg_spot {
    df__pg_marks last;    /* the row that was read last; with pieces: all up to it but theirs */
    df__pg_marks nulls;   /* of the rows without a change time; the first one is not used */
    df__pg_marks next;    /* takes the place of one of these when it is complete */
    df__pg_piece *pieces; /* of a first read that is under way; in their order */
    size_t piece_count;
    df__pg_late late;
    const df__heap *heap;
} df__pg_spot;

/* At the beginning. Texts of keys come from `heap`, which must stay where it is. */
void df__pg_spot_init(df__pg_spot *p, const df__heap *heap);
/* Frees the texts and the numbers; df__pg_spot_init before it is used again. */
void df__pg_spot_free(df__pg_spot *p);
/* Back to the beginning; keeps the memory. */
void df__pg_spot_clear(df__pg_spot *p);
/* `count` pieces, none of them with a key; 0: frees them. DF_ENOMEM. */
int df__pg_spot_cut(df__pg_spot *p, size_t count);
/* 1: a key is set. */
int df__pg_marks_any(const df__pg_marks *m);
/* Copies the values that are set. DF_ENOMEM. */
int df__pg_marks_copy(df__pg_marks *to, const df__pg_marks *from);
/* Copies the text into the mark. DF_ENOMEM. */
int df__pg_mark_set(df__pg_mark *m, const char *text, size_t len, int is_number);

enum { PG_XIDS = 65536 }; /* numbers that are kept at most */
/* Notes a number; where there are too many, all are dropped and is_lost is set. */
void df__pg_xids_add(df__pg_xids *x, uint32_t xid);
/* Sorts, removes what is there twice, and what is older than xmin. */
void df__pg_xids_prune(df__pg_xids *x, uint32_t xmin);
/* 1: xid is xmin or came after it. */
static inline int df__pg_xid_from(uint32_t xid, uint32_t xmin)
{
    return (int32_t)(xid - xmin) >= 0;
}

/* Appends it as the JSON text that is stored: `count` keys; has_time: the first of them is a
 * time. */
void df__pg_spot_print(const df__pg_spot *p, size_t count, int has_time, df__buf *b);
/* DF_EDATA: no such text. An older one, with the key alone or the time alone, is taken. */
int df__pg_spot_read(df_bytes text, size_t count, int has_time, df__pg_spot *ret);

#endif
