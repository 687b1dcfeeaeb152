/* SPDX-License-Identifier: Apache-2.0
 * positions.h: with exactly-once, the positions of the source in the transaction of the rows. */
#ifndef DF_PG_POSITIONS_H
#define DF_PG_POSITIONS_H

#include "client/ident.h"
#include "dataflow_ext.h"

#include <libpq-fe.h>

struct df__pg_sink;
struct df__pg_work;

/* What the row of a partition holds, as far as we know. */
typedef struct df__pg_held {
    uint64_t seq;
    char *text; /* its position; NULL: none */
    size_t len;
} df__pg_held;

typedef struct df__pg_positions {
    int used;         /* this run is exactly-once, and this is its main sink */
    df__pg_name name; /* of the table that holds them */
    const char *space, *pipeline, *stage, *source;
    df__pg_held *held; /* by number of the partition */
    size_t count;
    PGresult *claimed; /* the core reads the position of the last claim in it */
} df__pg_positions;

/* Finds the table, or makes it. */
int df__pg_positions_open(struct df__pg_sink *s);
/* Looks for it without making or changing anything: DF_OK, or why it cannot be used. */
int df__pg_positions_probe(struct df__pg_sink *s);
/* Frees the answer to the last claim; what is held of the partitions stays. */
void df__pg_positions_close(df__pg_positions *p);
/* Appends the statement that moves them with the rows of w. It fails, and takes the rows back with
 * it, unless each position is where this owner left it. */
void df__pg_positions_move(const struct df__pg_sink *s, const struct df__pg_work *w, df__buf *b);
/* Whether it is this statement that failed. */
int df__pg_positions_failed(const PGresult *res);
/* They were moved. DF_ENOMEM: what they are now could not be kept. */
int df__pg_positions_moved(struct df__pg_sink *s, const struct df__pg_work *w);
/* After it failed: DF_OK: w was written before, by a connection that was lost; DF_EFENCED. */
int df__pg_positions_settle(struct df__pg_sink *s, struct df__pg_work *w);
/* The claim operation, when no parcel is in flight: takes the partition over and gives its
 * position. DF_ENOTFOUND: it has none. */
int df__pg_claim(void *self, df_stage *st, df_position *partition);
/* The resolve operation: DF_OK: the parcel was written; DF_AGAIN: it was not. */
int df__pg_resolve(void *self, df_stage *st, df_parcel *parcel);

#endif
