/* SPDX-License-Identifier: Apache-2.0
 * sqlstate.h: what an SQLSTATE means for the flow. */
#ifndef DF_PG_SQLSTATE_H
#define DF_PG_SQLSTATE_H

#include "dataflow.h"
#include "util/buf.h"

/* Whose fault an error is. The fate of ROW is always that the row is refused. For the others it is
 * so when it is shown that the row is at fault: other rows of the parcel pass, or, when there are
 * none, the same statement without a row. Otherwise they are what is wrong with the flow. */
enum df__pg_fate {
    PG_FATE_ROW,    /* the row is refused */
    PG_FATE_END,    /* the flow ends */
    PG_FATE_REOPEN, /* the connection is made again, with back-off, and the catalog read */
    PG_FATE_WAIT    /* as REOPEN; a row is only at fault when RAISE of PL/pgSQL gave the state */
};

typedef struct df__pg_state_row {
    const char *prefix; /* "": what is not listed */
    int status;
    enum df__pg_fate fate;
    const char *reason;
} df__pg_state_row;

/* What is known of a five-letter state. */
const df__pg_state_row *df__pg_sqlstate_find(const char *state);
/* The rows of the table, for its documentation; NULL: no more. */
const df__pg_state_row *df__pg_sqlstate_row(size_t index);
/* The status for a state; *ret_reason becomes the word for metrics. NULL or "" (the connection is
 * gone): DF_EIO. */
int df__pg_sqlstate(const char *state, const char **ret_reason);
/* What a person can do about it; "" when the server's message says all. */
const char *df__pg_sqlstate_remedy(const char *state);
/* Failures of connecting that have no state and that no retry mends. */
typedef struct df__pg_refusal {
    const char *text;
    int status;
    const char *reason, *remedy;
} df__pg_refusal;
/* The one that libpq's message tells of, or NULL. */
const df__pg_refusal *df__pg_refusal_in(const char *message);
/* Appends an SQL expression that is true when the variable SQLSTATE is one of PG_FATE_WAIT. */
void df__pg_sqlstate_waits(df__buf *b);
/* Finds the state in a message written with verbose errors ("FATAL:  28P01: ..."); "" when there
 * is none. ret has room for six bytes. */
void df__pg_sqlstate_in(const char *message, char *ret);

#endif
