/* SPDX-License-Identifier: Apache-2.0
 * options.c: the table of options of the source. */
#include "source/source.h"
#include "tables/poll.h"

#define TRINO_SELF df__trino_source
#define AT(member) .offset = offsetof(df__trino_source, member)

static const df_option rows[] = {
    TRINO_PLACE_ROWS(DF_OPT_IDENTITY),
    DF__POLL_ROWS(
        df__trino_source, "in every poll, ordered by orderByColumn, and every row comes each time.",
        "all that are new",
        "The column that every insert and update sets to a later value. Unset: updated_at, "
        "else created_at, when the table has it.",
        " Unset: id, when the table has it.", NULL),
    {.name = "queryTimeoutSeconds",
     .type = DF_OPT_DURATION,
     AT(opt.timeout_us),
     .def = "0",
     .doc = "Limit for one statement, which is canceled then; 0: none."},
};

const df_options df__trino_source_options = DF_OPTIONS(rows, df__trino_source);
