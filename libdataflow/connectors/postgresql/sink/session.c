/* SPDX-License-Identifier: Apache-2.0
 * session.c: the connection between two tries: put to rest, with what the open transaction made. */
#include "sink.h"

int df__pg_settle_down(df__pg_sink *s)
{
    int rc = s->conn.pg ? df__pg_recover(&s->conn) : DF_OK;
    if (s->catalog.is_new) {
        df__pg_table_free(&s->catalog.table);
        s->catalog.generation++;
    }
    s->catalog.is_new = 0;
    df__pg_targets_undone(s);
    return rc;
}
