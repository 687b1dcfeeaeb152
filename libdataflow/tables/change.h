/* SPDX-License-Identifier: Apache-2.0
 * change.h: what a record does to the row of its key. */
#ifndef DF_TABLES_CHANGE_H
#define DF_TABLES_CHANGE_H

#include "dataflow_ext.h"

/* DF_OP_... of a record; one that has none may say "delete" in its metadata `operation`. */
unsigned df__change_op(const df_record *r);

#endif
