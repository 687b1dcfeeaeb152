/* SPDX-License-Identifier: Apache-2.0
 * options.c: the table of options of the source. */
#include "source/source.h"

#define TRINO_SELF df__trino_source
#define AT(member) .offset = offsetof(df__trino_source, member)

static const df_option rows[] = {
    TRINO_PLACE_ROWS(DF_OPT_IDENTITY),
    {.name = "query",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_IDENTITY,
     AT(opt.query),
     .doc = "A SELECT instead of the whole table. With changeTrackingColumn it is read like a "
            "table; without, it runs in every poll, ordered by orderByColumn, and every row comes "
            "each time."},
    {.name = "pollInterval",
     .type = DF_OPT_DURATION,
     AT(opt.interval_us),
     .def = "5",
     .min = 1000,
     .max = 0,
     .doc = "From the beginning of one poll to the next."},
    {.name = "readBatchSize",
     .type = DF_OPT_INT,
     AT(opt.batch),
     .def = "0",
     .min = 0,
     .max = -1,
     .doc = "Rows of one statement; 0: all that are new. A poll goes on until nothing is left."},
    {.name = "changeTrackingColumn",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_IDENTITY,
     AT(opt.change),
     .doc = "The column that every insert and update sets to a later value. Unset: updated_at, "
            "else created_at, when the table has it."},
    {.name = "orderByColumn",
     .type = DF_OPT_TEXT,
     .of = DF_OPT_TEXT,
     .flags = DF_OPT_IDENTITY,
     AT(opt.order),
     .doc = "The column, or several, that together with the change time name a row. Unset: id, "
            "when the table has it."},
    {.name = "queryTimeoutSeconds",
     .type = DF_OPT_DURATION,
     AT(opt.timeout_us),
     .def = "0",
     .doc = "Limit for one statement, which is canceled then; 0: none."},
};

const df_options df__trino_source_options = DF_OPTIONS(rows, df__trino_source);
