/* SPDX-License-Identifier: Apache-2.0
 * fits.c: what a table lacks for a record: columns for its fields, room in a column for a value.
 * With autoAddColumns and autoWidenColumns that is changed: see alter.c. */
#include "fits.h"

#include <string.h>

/* ---- what is missing ------------------------------------------------------------------------- */

int df__pg_fits_there(const df__pg_table *t, df_bytes name)
{
    for (size_t i = 0; i < t->generated_count; i++)
        if (t->generated[i].len == name.len &&
            memcmp(t->generated[i].data, name.data, name.len) == 0)
            return 1;
    return df__pg_table_find(t, name) != NULL;
}

enum df__pg_extra df__pg_fits_extra(const df__pg_sink *s, const df__pg_work *w)
{
    enum df__pg_extra found = PG_EXTRA_NULLS;
    df_value root;
    df_walk walk;
    memset(&walk, 0, sizeof walk);
    if (df_parcel_root(w->parcel, w->index, &root) != DF_OK)
        return PG_EXTRA_STAYS;
    while (df_value_walk(&root, &walk) == DF_OK) {
        if (walk.value.type == DF_V_NULL || walk.value.type == DF_V_UNCHANGED)
            continue;
        if (!df__pg_fits_there(&s->catalog.table, walk.name) && df__pg_name_usable(walk.name))
            return PG_EXTRA_NEW;
        if (!df__pg_table_find(&s->catalog.table, walk.name))
            found = PG_EXTRA_STAYS;
    }
    return found;
}

/* ---- what is too narrow ---------------------------------------------------------------------- */

/* From each kind to one that keeps all of its values, the narrowest first. */
static const struct {
    enum df__pg_kind from, to;
    const char *sql;
} steps[] = {
    {PG_KIND_INT2, PG_KIND_INT4, "integer"},
    {PG_KIND_INT2, PG_KIND_INT8, "bigint"},
    {PG_KIND_INT4, PG_KIND_INT8, "bigint"},
    {PG_KIND_INT2, PG_KIND_NUMERIC, "numeric"},
    {PG_KIND_INT4, PG_KIND_NUMERIC, "numeric"},
    {PG_KIND_INT8, PG_KIND_NUMERIC, "numeric"},
    {PG_KIND_NUMERIC, PG_KIND_NUMERIC, "numeric"},
    {PG_KIND_FLOAT4, PG_KIND_FLOAT8, "double precision"},
    {PG_KIND_TEXT, PG_KIND_TEXT, "text"},
};
enum { STEPS = sizeof steps / sizeof steps[0] };
_Static_assert((int)STEPS == (int)PG_FITS, "the steps are counted in fits.h");

const char *df__pg_fits_sql(size_t step)
{
    return steps[step].sql;
}

/* A domain has rules of its own, and char(n) is padded. */
static int may_widen(const df__pg_column *column)
{
    const df__pg_type *type = &column->type;
    size_t len = strlen(type->cast);
    return !type->array && strncmp(type->name, type->cast, len) == 0 &&
           (type->name[len] == '\0' || type->name[len] == '(') &&
           (type->kind != PG_KIND_TEXT || strncmp(type->name, "character varying(", 18) == 0);
}

/* The step that makes room for a value; STEPS: it has room, or there is none. */
size_t df__pg_fits_step(df__pg_sink *s, const df__pg_column *column, const df_value *v)
{
    df__pg_convert *c = &s->encoder.convert;
    df__pg_plain plain;
    if (v->type <= DF_V_NULL || v->type == DF_V_UNCHANGED || !may_widen(column) ||
        df__pg_plain_value(c, &column->type, v, &plain) == DF_OK)
        return STEPS;
    for (size_t i = 0; i < STEPS; i++) {
        df__pg_type wide = {.kind = steps[i].to};
        if (steps[i].from == column->type.kind && df__pg_plain_value(c, &wide, v, &plain) == DF_OK)
            return i;
    }
    return STEPS;
}

int df__pg_fits_wider(df__pg_sink *s)
{
    if (!s->opt.widen_columns || s->expect.no_wider)
        return 0;
    for (size_t i = 0; i < s->catalog.table.count; i++)
        if (df__pg_fits_step(s, &s->catalog.table.columns[i], &s->encoder.values[i]) < STEPS)
            return 1;
    return 0;
}

int df__pg_fits_adds(const df__pg_sink *s)
{
    return s->opt.add_columns && !s->expect.no_more;
}
