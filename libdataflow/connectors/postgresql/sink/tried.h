/* SPDX-License-Identifier: Apache-2.0
 * tried.h: what was tried for a table with the parcel at hand. */
#ifndef DF_PG_TRIED_H
#define DF_PG_TRIED_H

typedef struct df__pg_tried {
    int looked_again; /* the catalog was read for it */
    int altered;      /* the table was made to fit its records, as far as it can be */
    int unsure;       /* the catalog refused records, and the end of COPY is to confirm it */
    int by_rows;      /* row mode from now on */
    int no_rows;      /* row mode was tried and did not work for it */
    int in_groups;    /* its records have several masks */
    int refusals;     /* by the server, of this parcel */
    int probed;       /* the server takes the statement without its rows */
} df__pg_tried;

/* What the parcels before let one expect of the next, each a number of parcels to come, and what
 * was found not to work here. */
typedef struct df__pg_expect {
    int as_text;     /* written as text, after one had a value for that */
    int mixed;       /* written in groups, after one had several masks */
    int deletes;     /* upsertMode: with deletes, which the statements have to look for */
    int rows_likely; /* written in row mode at once */
    int no_rows;     /* row mode does not work */
    int no_copy;     /* COPY does not work: row mode always */
    int no_more;     /* no column can be added */
    int no_wider;    /* none can be made wider */
    int alone;       /* times in a row that the record at hand, alone, met a limit of statements */
} df__pg_expect;

/* Before each parcel. */
static inline void df__pg_expect_less(df__pg_expect *e)
{
    e->as_text -= e->as_text > 0;
    e->deletes -= e->deletes > 0;
}

#endif
