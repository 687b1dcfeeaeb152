/* SPDX-License-Identifier: Apache-2.0
 * schema.c: columns as the schema of records. */
#include "decode.h"
#include "describe.h"

int df__pg_fields_schema(df_stage *st, const df__pg_fields *f, df_schema **ret)
{
    df_field *rows = df_stage_realloc(st, NULL, (f->count + 1) * sizeof *rows);
    if (!rows)
        return DF_ENOMEM;
    for (size_t i = 0; i < f->count; i++) {
        rows[i] = (df_field){.size = sizeof *rows, .name = f->at[i].name.data};
        df__pg_field_of(&f->at[i].type, &rows[i]);
        rows[i].flags =
            (f->at[i].in_key ? DF_FIELD_KEY : 0U) | (f->at[i].not_null ? DF_FIELD_NOT_NULL : 0U);
    }
    int rc = df_schema_new(st, rows, f->count, ret);
    df_stage_realloc(st, rows, 0);
    return rc;
}
