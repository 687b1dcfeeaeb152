/* SPDX-License-Identifier: Apache-2.0
 * spool.h: transactions that come in parts before their end. What came of one is kept in memory
 * and, above a limit for all of them together, in a file of its own, until it is committed or
 * undone. The files have no name: whatever ends the process, nothing is left of them. Knows no
 * connection. */
#ifndef DF_PG_SPOOL_H
#define DF_PG_SPOOL_H

#include "util/buf.h"

/* A transaction under way: its changes, in the order they came. */
typedef struct df__pg_kept {
    struct df__pg_kept *next;
    uint32_t xid;
    int fd;         /* -1: nothing of it is in a file */
    uint64_t filed; /* bytes in the file; `tail` has what comes after them */
    df__buf tail;
    /* A run is what came of one sub-transaction without another between. Each begins with the place
     * of the run before, so that undoing one needs no list in memory, however many there are. */
    uint64_t run;
    uint32_t run_xid;
    uint64_t at; /* what is read next */
} df__pg_kept;

typedef struct df__pg_spool {
    const df__heap *heap;
    const char *dir; /* for the files */
    size_t limit;    /* bytes of all tails */
    df__pg_kept *kept;
    size_t held;    /* bytes of all tails */
    uint64_t filed; /* bytes of all files */
    df__buf window; /* of the file that is read, from window_at on */
    const df__pg_kept *window_of;
    uint64_t window_at;
    int error; /* errno of what failed last */
} df__pg_spool;

/* Whether files can be made in dir: 0, or the errno. */
int df__pg_spool_try(const char *dir);
/* Empty, takes nothing yet. `heap` and `dir` outlive it. */
void df__pg_spool_init(df__pg_spool *s, const df__heap *heap, const char *dir, size_t limit);
/* Empty again. */
void df__pg_spool_clear(df__pg_spool *s);
/* NULL: nothing of it is kept. */
df__pg_kept *df__pg_spool_find(df__pg_spool *s, uint32_t xid);
/* Begins to keep a transaction. NULL: no memory. */
df__pg_kept *df__pg_spool_begin(df__pg_spool *s, uint32_t xid);
/* Keeps a change of it. xid: of the sub-transaction, or its own. DF_ENOMEM; DF_EIO: see `error`.
 * After a failure the spool is of no use but to be cleared. */
int df__pg_spool_add(df__pg_spool *s, df__pg_kept *t, uint32_t xid, uint64_t lsn, df_bytes change);
/* Forgets what a sub-transaction did, and those inside it. Failures as of df__pg_spool_add. */
int df__pg_spool_undo(df__pg_spool *s, df__pg_kept *t, uint32_t xid);
/* Steps to the (sub-)transaction whose changes came before those that `at` stands on; zeroed it
 * begins at the last. DF_DONE: there is none; failures as of df__pg_spool_add. One may come more
 * than once. */
typedef struct df__pg_step {
    int is_begun;
    uint32_t xid;
    uint64_t run;
} df__pg_step;
int df__pg_spool_step(df__pg_spool *s, const df__pg_kept *t, df__pg_step *at);
/* The next change of it, which lives until the next call for any. DF_DONE: there is no more;
 * failures as of df__pg_spool_add. */
int df__pg_spool_next(df__pg_spool *s, df__pg_kept *t, uint64_t *ret_lsn, df_bytes *ret);
/* Forgets the transaction. */
void df__pg_spool_drop(df__pg_spool *s, df__pg_kept *t);

#endif
