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

#endif
