/* SPDX-License-Identifier: Apache-2.0
 * words.h: what the server said of a failure, as one line, without values of records unless they
 * are to be shown. */
#ifndef DF_PG_WORDS_H
#define DF_PG_WORDS_H

#include <libpq-fe.h>
#include <stddef.h>

enum df__pg_said_name {
    PG_SAID_TABLE,
    PG_SAID_COLUMN,
    PG_SAID_TYPE,
    PG_SAID_CONSTRAINT,
    PG_SAID_NAMES
};
typedef struct df__pg_said {
    const char *state, *message, *detail;
    const char *names[PG_SAID_NAMES]; /* NULL or "": not told */
    const char *table;                /* of the sink */
    int raised;  /* code of the database gave the message: all of it may be a value */
    int outside; /* the statement itself failed, and it has no rows */
} df__pg_said;

/* What a failed result says; the texts live as long as the result. */
void df__pg_said_of(const PGresult *res, df__pg_said *ret);
/* Writes it to buf as one line of at most len bytes with its NUL; values of records only where
 * show_values is set. */
void df__pg_words(const df__pg_said *said, int show_values, char *buf, size_t len);
/* A message without what stands in quotes and without long numbers. */
void df__pg_words_plain(const char *message, char *buf, size_t len);

#endif
