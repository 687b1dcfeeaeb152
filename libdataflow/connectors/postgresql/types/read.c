/* SPDX-License-Identifier: Apache-2.0
 * read.c: cells of what the catalog answers. */
#include "read.h"

#include <stdlib.h>
#include <string.h>

int df__pg_is_true(const PGresult *res, int row, int column)
{
    return PQgetvalue(res, row, column)[0] == 't';
}

uint32_t df__pg_cell_oid(const PGresult *res, int row, int column)
{
    return (uint32_t)strtoul(PQgetvalue(res, row, column), NULL, 10);
}

const char *df__pg_copy_cell(df__arena *a, const PGresult *res, int row, int column)
{
    df_bytes out = {NULL, 0};
    df_bytes in = {PQgetvalue(res, row, column), (size_t)PQgetlength(res, row, column)};
    return df__arena_copy(a, in, &out) == DF_OK ? out.data : NULL;
}

static void set_length(df__pg_type *type, const char *typname, int32_t mod)
{
    if (mod < 4)
        return;
    if (type->kind == PG_KIND_NUMERIC) {
        type->limit = ((mod - 4) >> 16) & 0xFFFF;
        type->scale = (((mod - 4) & 0x7FF) ^ 1024) - 1024;
    } else if (strcmp(typname, "varchar") == 0 || strcmp(typname, "bpchar") == 0) {
        type->limit = mod - 4;
    }
}

int df__pg_type_take(df__arena *a, const PGresult *res, int row, const df__pg_type_cells *at,
                     df__pg_type *ret)
{
    const char *typname = PQgetvalue(res, row, at->name);
    ret->array = (uint8_t)df__pg_is_true(res, row, at->array);
    ret->delim = PQgetvalue(res, row, at->delim)[0];
    ret->name = df__pg_copy_cell(a, res, row, at->shown);
    ret->cast = df__pg_copy_cell(a, res, row, at->cast);
    if (!ret->name || !ret->cast)
        return DF_ENOMEM;
    if (df__pg_is_true(res, row, at->is_enum)) {
        ret->kind = PG_KIND_ENUM;
        ret->oid = df__pg_cell_oid(res, row, at->oid);
    } else if (df__pg_is_true(res, row, at->builtin)) {
        df__pg_type_named(ret, typname);
    } else if (df__pg_is_true(res, row, at->like_text)) { /* citext */
        ret->oid = df__pg_cell_oid(res, row, at->oid);
    }
    set_length(ret, typname, (int32_t)strtol(PQgetvalue(res, row, at->mod), NULL, 10));
    return DF_OK;
}
