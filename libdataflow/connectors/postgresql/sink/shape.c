/* SPDX-License-Identifier: Apache-2.0
 * shape.c: notices that a column got another type while rows were on their way. COPY in text then
 * converts the value or fails; COPY in binary takes its bytes for something else. COPY locks the
 * table, so a query of the catalog after it, in the same READ COMMITTED transaction, sees the
 * columns that the COPY used. (Under REPEATABLE READ it would see those of before the lock.) */
#include "shape.h"

#include <string.h>

#include "client/ident.h"

#define CHANGED "dataflow.columns_changed"

/* The staging table of an upsert is ours: no row of it tells anything of the target. Where nothing
 * is written beside a refused record, nothing could confirm it. */
int df__pg_shape_confirms(const df__pg_sink *s, const df__pg_work *w)
{
    return w->binary && !s->opt.upsert && !s->whole;
}

void df__pg_shape_check(const df__pg_sink *s, df__buf *b)
{
    df__buf name;
    df__buf_init(&name, &s->memory.heap);
    df__pg_quote_table(&name, &s->catalog.name);
    df__buf_str(b, "; SELECT CASE WHEN " PG_SHAPE_HEAD);
    df__pg_literal(b, (df_bytes){name.data, name.len});
    df__buf_str(b, "::pg_catalog.regclass" PG_SHAPE_TAIL " = ");
    df__pg_literal(b, (df_bytes){s->catalog.table.shape, strlen(s->catalog.table.shape)});
    df__buf_str(b, " THEN '' ELSE pg_catalog.current_setting('" CHANGED "') END");
    b->failed |= name.failed;
    df__buf_free(&name);
}

int df__pg_shape_failed(const PGresult *res)
{
    return df__pg_result_asked(res, CHANGED);
}

int df__pg_shape_look(df__pg_sink *s, df__pg_work *w)
{
    char before[32];
    if (!w->binary || w->tried.looked_again || !s->catalog.table.exists)
        return DF_DROP;
    df__text_set(before, sizeof before, s->catalog.table.shape, strlen(s->catalog.table.shape));
    int rc = df__pg_catalog_load(s);
    w->tried.looked_again = 1;
    if (rc != DF_OK)
        return rc;
    if (s->catalog.table.exists && strcmp(before, s->catalog.table.shape) == 0) {
        w->tried.unsure = 0;
        return DF_DROP;
    }
    rc = df__pg_work_start(s, w, w->parcel);
    w->tried.looked_again = 1;
    return rc;
}
