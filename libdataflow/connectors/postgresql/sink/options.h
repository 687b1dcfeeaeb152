/* SPDX-License-Identifier: Apache-2.0
 * options.h: what a manifest says of a sink, but for its connection. */
#ifndef DF_PG_OPTIONS_H
#define DF_PG_OPTIONS_H

#include "dataflow_ext.h"

enum df__pg_on_missing { PG_MISSING_DEFAULT, PG_MISSING_ERROR };
enum df__pg_on_unknown { PG_UNKNOWN_ERROR, PG_UNKNOWN_IGNORE };
enum df__pg_on_conflict { PG_CONFLICT_EQUAL, PG_CONFLICT_SKIP, PG_CONFLICT_ERROR };
enum df__pg_upsert { PG_UPSERT_ALWAYS, PG_UPSERT_IF_NEWER };

typedef struct df__pg_options {
    df_bytes table, table_from, table_allow, positions_table;
    int64_t batch_size, batch_interval_us;
    int auto_create, add_columns, widen_columns;
    int missing, unknown, on_conflict, bytea, round;
    int skips_unasked; /* on_conflict is skip because it is not set; told once, then 0 */
    int upsert, upsert_strategy;
    df_bytes conflict_key, version_column, soft_delete_column;
    int raw, flatten;
    df_bytes flatten_prefix;
} df__pg_options;

#endif
