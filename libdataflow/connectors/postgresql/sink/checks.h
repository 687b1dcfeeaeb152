/* SPDX-License-Identifier: Apache-2.0
 * checks.h: CHECK constraints that COPY looks at before the server does. */
#ifndef DF_PG_CHECKS_H
#define DF_PG_CHECKS_H

#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/buf.h"

typedef struct df__pg_check {
    const char *oid; /* in digits */
    const char *name;
    const char *expression;
} df__pg_check;

/* A line of a COPY that the server left out. */
typedef struct df__pg_note {
    size_t copy, line; /* both from 1 */
    const df__pg_check *check;
} df__pg_note;

typedef struct df__pg_checks {
    df__arena arena;
    df__pg_check *rows;
    size_t count;
    df__buf where;   /* what follows COPY ... FROM STDIN; empty: nothing is looked at */
    int off;         /* does not work here */
    int ready;       /* this connection has the function */
    int64_t read_ms; /* 0: never */
    /* of the statement sent last */
    int used;   /* it has `where` */
    int broken; /* a note was not understood, or there was no memory for it */
    df__pg_note *notes;
    size_t note_count, note_cap;
} df__pg_checks;

#endif
