/* SPDX-License-Identifier: Apache-2.0
 * sqlstate.h: what an SQLSTATE means for the flow. */
#ifndef DF_PG_SQLSTATE_H
#define DF_PG_SQLSTATE_H

#include "dataflow.h"
#include "util/buf.h"

/* The status for a five-letter state; *ret_reason becomes the word for metrics. NULL or "" (the
 * connection is gone): DF_EIO. */
int df__pg_sqlstate(const char *state, const char **ret_reason);
/* What a person can do about it; "" when the server's message says all. */
const char *df__pg_sqlstate_remedy(const char *state);
/* Appends an SQL condition that is true when the variable SQLSTATE is a data error. */
void df__pg_sqlstate_is_data(df__buf *b);
/* Finds the state in a message written with verbose errors ("FATAL:  28P01: ..."); "" when there
 * is none. ret has room for six bytes. */
void df__pg_sqlstate_find(const char *message, char *ret);

#endif
