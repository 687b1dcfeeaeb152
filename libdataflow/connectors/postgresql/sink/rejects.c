/* SPDX-License-Identifier: Apache-2.0
 * rejects.c: keeps refused records and their reasons until the write has ended. */
#include "rejects.h"

#include <string.h>

void df__pg_rejects_init(df__pg_rejects *r, const df__heap *heap)
{
    memset(r, 0, sizeof *r);
    df__buf_init(&r->texts, heap);
}

void df__pg_rejects_free(df__pg_rejects *r)
{
    df__free(r->texts.heap, r->rows);
    df__buf_free(&r->texts);
    r->rows = NULL;
    r->count = r->cap = 0;
}

void df__pg_rejects_clear(df__pg_rejects *r)
{
    r->count = 0;
    df__buf_clear(&r->texts);
}

int df__pg_rejects_add(df__pg_rejects *r, size_t index, const char *reason, const char *text)
{
    int rc = df__grow(r->texts.heap, &r->rows, &r->cap, r->count, sizeof *r->rows);
    size_t at = r->texts.len;
    df__buf_add(&r->texts, text, strlen(text) + 1);
    if (rc != DF_OK || r->texts.failed)
        return DF_ENOMEM;
    r->rows[r->count++] = (df__pg_reject){index, at, r->texts.len - at, reason};
    return DF_OK;
}

int df__pg_rejects_tell(df__pg_rejects *r, df_parcel *parcel)
{
    int rc = DF_OK;
    for (size_t i = 0; i < r->count && rc == DF_OK; i++) {
        const df__pg_reject *row = &r->rows[i];
        rc = df_parcel_reject(parcel, row->index, row->reason, r->texts.data + row->at);
    }
    return rc;
}
