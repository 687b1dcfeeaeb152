/* SPDX-License-Identifier: Apache-2.0
 * facts.h: what a table does with a row besides keeping it. */
#ifndef DF_PG_FACTS_H
#define DF_PG_FACTS_H

typedef struct df__pg_facts {
    int notices_rows; /* a row may be refused, or seen by a trigger, that a later one replaces */
    int has_kin;      /* its rows are rows of another table, too, or the other way round */
    int orders_rows;  /* a row of one key may be refused for a row of another key */
    int sees_repeats; /* an update that changes nothing counts: a trigger, a rule or a policy sees
                         it, or the user may not read what is there */
    /* Its CHECKs, which say of a row by itself whether it is refused; lives with the table.
     * "": there are none, or notices_rows is set. */
    const char *checks;
} df__pg_facts;

#endif
