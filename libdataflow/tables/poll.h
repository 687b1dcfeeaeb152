/* SPDX-License-Identifier: Apache-2.0
 * poll.h: what sources share that ask a table or a query for new rows again and again. */
#ifndef DF_TABLES_POLL_H
#define DF_TABLES_POLL_H

#include <stddef.h>

#include "dataflow_ext.h"

/* Option rows that such sources share, in an order that their pages have; `owner` has a member
 * `opt` with query, change, order (df_bytes), interval_us and batch (int64_t). `query_tail`,
 * `batch_zero`, `change_doc` and `order_tail` are what each says in its own words; `order_def`:
 * NULL, or the column that is meant when none is named. */
#define DF__POLL_ROWS(owner, query_tail, batch_zero, change_doc, order_tail, order_def)            \
    {.name = "query",                                                                              \
     .type = DF_OPT_TEXT,                                                                          \
     .flags = DF_OPT_IDENTITY,                                                                     \
     .offset = offsetof(owner, opt.query),                                                         \
     .doc = "A SELECT instead of the whole table. With changeTrackingColumn it is read like a "    \
            "table; without, it runs " query_tail},                                                \
        {.name = "pollInterval",                                                                   \
         .type = DF_OPT_DURATION,                                                                  \
         .offset = offsetof(owner, opt.interval_us),                                               \
         .def = "5",                                                                               \
         .min = 1000,                                                                              \
         .max = 0,                                                                                 \
         .doc = "From the beginning of one poll to the next."},                                    \
        {.name = "readBatchSize",                                                                  \
         .type = DF_OPT_INT,                                                                       \
         .offset = offsetof(owner, opt.batch),                                                     \
         .def = "0",                                                                               \
         .min = 0,                                                                                 \
         .max = -1,                                                                                \
         .doc =                                                                                    \
             "Rows of one statement; 0: " batch_zero ". A poll goes on until nothing is left."},   \
        {.name = "changeTrackingColumn",                                                           \
         .type = DF_OPT_TEXT,                                                                      \
         .flags = DF_OPT_IDENTITY,                                                                 \
         .offset = offsetof(owner, opt.change),                                                    \
         .doc = change_doc},                                                                       \
    {                                                                                              \
        .name = "orderByColumn", .type = DF_OPT_TEXT, .of = DF_OPT_TEXT, .flags = DF_OPT_IDENTITY, \
        .offset = offsetof(owner, opt.order), .def = order_def,                                    \
        .doc = "The column, or several, that together with the change time name a row." order_tail \
    }

/* Opens the one partition of such a source. `ret_at`: where to go on, not NULL; no bytes: at the
 * beginning. As df_partition_open. */
int df__poll_open(df_stage *st, int is_query, df_partition **ret, df_bytes *ret_at);
/* A position that is not this source's: DF_ESTATE with its text. */
int df__poll_foreign(df_stage *st);

#endif
