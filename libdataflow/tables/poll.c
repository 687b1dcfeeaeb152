/* SPDX-License-Identifier: Apache-2.0
 * poll.c: see poll.h. */
#include "tables/poll.h"

int df__poll_open(df_stage *st, int is_query, df_partition **ret, df_bytes *ret_at)
{
    df_position at = {.size = sizeof at};
    *ret_at = (df_bytes){"", 0};
    int rc = df_partition_open(st, is_query ? "query" : "table", ret);
    if (rc < 0)
        return rc;
    rc = df_partition_position(*ret, &at);
    if (rc == DF_OK && at.data.data)
        *ret_at = at.data;
    return rc == DF_ENOTFOUND ? DF_OK : rc;
}

int df__poll_foreign(df_stage *st)
{
    return df_stage_fail(st, DF_ESTATE, "position",
                         "the stored position is none of this source: reset it, or give the flow "
                         "another name");
}
