/* SPDX-License-Identifier: Apache-2.0
 * exact.h: deliveryGuarantee: exactlyOnce. The server has no transactions, but it drops an insert
 * whose token it has seen. So before the rows of a partition go, a row in a table of positions says
 * where this block of them ends and which number it has; the token is made of that. After a crash,
 * or an answer that was lost, the same rows are read again up to that place and go under the same
 * token, so that they are there once. */
#ifndef DF_CH_EXACT_H
#define DF_CH_EXACT_H

#include "client/ident.h"
#include "dataflow_ext.h"
#include "util/buf.h"

struct df__ch_sink;
struct df__ch_work;

enum { CH_INCARNATION = 17 };

/* The newest row of a partition in the table of positions, as far as we know. */
typedef struct df__ch_held {
    uint64_t epoch; /* of its owner: a count, then 32 bits of chance, so that no two are the same */
    uint64_t number; /* of the row, rises with each one that an owner writes */
    uint64_t seq;
    uint64_t block;          /* number of the newest block */
    uint64_t inserts, lists; /* how many it was, and a hash of their lists of columns */
    uint64_t mark;           /* blocks that the table had got when it was begun */
    char *position, *begun;  /* NULL: none; begun: where the block ends */
    size_t position_len, begun_len;
    int is_noted;                     /* the server has the row that says `begun` */
    char incarnation[CH_INCARNATION]; /* of these positions: anew when they were removed */
} df__ch_held;

typedef struct df__ch_exact {
    int used;          /* this run is exactly-once, and this is its main sink */
    int is_replicated; /* the table that is written */
    int has_quorum;    /* the table of positions is one of several servers */
    df__ch_table_name name;
    const char *space, *pipeline, *stage, *source;
    df__ch_held *held; /* by number of the partition; of the stage, since it outlives a close */
    size_t count;
    /* The least that the table, and those its views write to, remember: inserts, and how long (0:
     * by their number alone); mark: blocks that the table has got. */
    uint64_t window, seconds, mark;
    uint64_t checked; /* generation of the table that was found fit */
    df__buf sql, reply;
} df__ch_exact;

/* Looks whether the server, the table and its views drop repeated inserts; finds or makes the table
 * of positions. `make` 0: makes nothing. */
int df__ch_exact_open(struct df__ch_sink *s, int make);
/* Looks again: the table is a new one, or was altered. */
int df__ch_exact_fits(struct df__ch_sink *s);
/* Frees what one connection needs; what is held of partitions stays. */
void df__ch_exact_close(struct df__ch_exact *e);
/* What the options alone show to be wrong, in check. */
int df__ch_exact_check(const struct df__ch_sink *s, df_stage *st);
/* The claim operation. */
int df__ch_exact_claim(void *self, df_stage *st, df_position *partition);
/* The write operation: returns when the parcel and its positions are written, or with a failure. */
int df__ch_exact_write(struct df__ch_sink *s, struct df__ch_work *w);

#endif
