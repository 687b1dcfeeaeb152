/* SPDX-License-Identifier: Apache-2.0
 * shape.c: a column may get another type while rows are on their way. The text of a value would
 * still be read; its bytes would be taken for something else. COPY locks the table, so what the
 * catalog says behind it, in the same transaction, is what the server read the rows for (a
 * transaction that sees one moment only would see the moment before the lock). */
#include "shape.h"

#include <string.h>

#include "ident.h"

#define CHANGED "dataflow.columns_changed"

void df__pg_shape_check(const df__pg_sink *s, df__buf *b)
{
    df__buf name;
    df__buf_init(&name, &df__heap_libc);
    df__pg_quote_table(&name, &s->name);
    df__buf_str(b, "; SELECT CASE WHEN " PG_SHAPE_HEAD);
    df__pg_literal(b, (df_bytes){name.data, name.len});
    df__buf_str(b, "::pg_catalog.regclass" PG_SHAPE_TAIL " = ");
    df__pg_literal(b, (df_bytes){s->known.shape, strlen(s->known.shape)});
    df__buf_str(b, " THEN '' ELSE pg_catalog.current_setting('" CHANGED "') END");
    b->failed |= name.failed;
    df__buf_free(&name);
}

int df__pg_shape_failed(const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    return state && message && strcmp(state, "42704") == 0 && strstr(message, CHANGED);
}

int df__pg_shape_look(df__pg_sink *s, df_stage *st, df__pg_work *w)
{
    char before[32];
    if (!w->binary || w->looked_again || !s->known.exists) {
        return DF_DROP;
    }
    df__text_set(before, sizeof before, s->known.shape, strlen(s->known.shape));
    int rc = df__pg_catalog_load(s, st);
    w->looked_again = 1;
    if (rc != DF_OK) {
        return rc;
    }
    return s->known.exists && strcmp(before, s->known.shape) == 0 ? DF_DROP : DF_OK;
}
