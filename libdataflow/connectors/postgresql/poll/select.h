/* SPDX-License-Identifier: Apache-2.0
 * select.h: where the statement of `query` ends. Pure. */
#ifndef DF_PG_SELECT_H
#define DF_PG_SELECT_H

#include "dataflow.h"

/* How many bytes of the text are the statement: all of it, or what stands before a semicolon that
 * only blanks, comments and further semicolons follow. DF_ENOTFOUND: there is no statement;
 * DF_EDATA: another one follows the semicolon. */
int df__pg_select_end(df_bytes text, size_t *ret_len);

#endif
