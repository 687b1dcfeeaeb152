/* SPDX-License-Identifier: Apache-2.0
 * poll.h: what sources share that ask a table or a query for new rows again and again. */
#ifndef DF_TABLES_POLL_H
#define DF_TABLES_POLL_H

#include "dataflow_ext.h"

/* Opens the one partition of such a source. `ret_at`: where to go on, not NULL; no bytes: at the
 * beginning. As df_partition_open. */
int df__poll_open(df_stage *st, int is_query, df_partition **ret, df_bytes *ret_at);
/* A position that is not this source's: DF_ESTATE with its text. */
int df__poll_foreign(df_stage *st);

#endif
