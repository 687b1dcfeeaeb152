/* SPDX-License-Identifier: Apache-2.0
 * guess.c: widens the type of a column record by record, always to one that keeps every value. */
#include "guess.h"

#include <string.h>

#include "client/ident.h"
#include "util/rfc3339.h"

enum { COLUMNS_MAX = 2000, DECIMALS = 10, DIGITS = 28, DECIMAL_MAX = 38 };
enum { MOMENTS_64 = 2010, DATES_32 = 2109, BOOLS = 2112, DECIMALS_256 = 2011 }; /* versions */
enum { YEAR_1900 = -25567, YEAR_2300 = 120530 };

void df__ch_guesses_init(df__ch_guesses *g, const df__heap *heap)
{
    memset(g, 0, sizeof *g);
    df__arena_init(&g->arena, heap, 4096);
}

void df__ch_guesses_free(df__ch_guesses *g)
{
    df__free(g->arena.heap, g->rows);
    df__arena_free(&g->arena);
    memset(g, 0, sizeof *g);
}

/* ---- one value ------------------------------------------------------------------------------- */

static int within(int64_t day)
{
    return day >= YEAR_1900 && day < YEAR_2300;
}

/* RFC 3339 with an offset, no finer than microseconds. */
static enum df__ch_guess_kind guess_text(const df_value *v)
{
    df__stamp stamp;
    if (v->len < 20 || v->len > 40 || v->text[10] == ' ' ||
        df__stamp_parse((df_bytes){v->text, v->len}, &stamp) != DF_OK || !stamp.has_zone ||
        stamp.nsec % 1000 != 0)
        return GUESS_TEXT;
    return within(stamp.local / 86400) ? GUESS_MOMENT : GUESS_TEXT;
}

static enum df__ch_guess_kind guess_number(const df_value *v)
{
    df__exact n;
    if (v->len == 0 || df__exact_parse((df_bytes){v->text, v->len}, &n) != DF_OK ||
        (int64_t)n.fraction_count - n.exponent > DECIMALS ||
        (int64_t)n.digit_count + n.exponent > DIGITS)
        return GUESS_TEXT;
    return GUESS_DECIMAL;
}

static enum df__ch_guess_kind guess_of(const df_value *v)
{
    switch (v->type) {
    case DF_V_BOOL:
        return GUESS_BOOL;
    case DF_V_INT:
        return GUESS_INT;
    case DF_V_NUMBER:
        return guess_number(v);
    case DF_V_DOUBLE:
        return GUESS_FLOAT;
    case DF_V_TIMESTAMP:
        return v->zone == DF_ZONE_NONE ? GUESS_LOCAL : GUESS_MOMENT;
    case DF_V_DATE:
        return within(v->u.i) ? GUESS_DATE : GUESS_TEXT;
    case DF_V_STRING:
        return guess_text(v);
    default:
        return v->type > DF_V_NULL ? GUESS_TEXT : GUESS_NOTHING;
    }
}

static enum df__ch_guess_kind widen(enum df__ch_guess_kind a, enum df__ch_guess_kind b)
{
    int exact = (a == GUESS_INT || a == GUESS_DECIMAL) && (b == GUESS_INT || b == GUESS_DECIMAL);
    if (a == b || b == GUESS_NOTHING)
        return a;
    return a == GUESS_NOTHING ? b : exact ? GUESS_DECIMAL : GUESS_TEXT;
}

/* ---- names ----------------------------------------------------------------------------------- */

static int is_name(const df__ch_guess *row, df_bytes name)
{
    return row->name.len == name.len && memcmp(row->name.data, name.data, name.len) == 0;
}

df__ch_guess *df__ch_guess_find(df__ch_guesses *g, df_bytes name)
{
    if (g->next < g->count && is_name(&g->rows[g->next], name))
        return &g->rows[g->next++];
    for (size_t i = 0; i < g->count; i++) {
        if (is_name(&g->rows[i], name)) {
            g->next = i + 1;
            return &g->rows[i];
        }
    }
    return NULL;
}

/* *ret NULL: the name cannot be a column. */
static int take(df__ch_guesses *g, df_bytes name, df__ch_guess **ret)
{
    df_bytes copy = {NULL, 0};
    *ret = df__ch_guess_find(g, name);
    if (*ret || g->count >= COLUMNS_MAX || name.len == 0 || name.len > CH_NAME_MAX ||
        memchr(name.data, '\0', name.len))
        return DF_OK;
    if (df__grow(g->arena.heap, &g->rows, &g->cap, g->count, sizeof *g->rows) != DF_OK ||
        df__arena_copy(&g->arena, name, &copy) != DF_OK)
        return DF_ENOMEM;
    *ret = &g->rows[g->count++];
    **ret = (df__ch_guess){.name = copy};
    g->next = g->count;
    return DF_OK;
}

int df__ch_guesses_value(df__ch_guesses *g, df_bytes name, const df_value *value)
{
    df__ch_guess *row;
    int rc = take(g, name, &row);
    if (rc != DF_OK || !row)
        return rc;
    enum df__ch_guess_kind kind = guess_of(value);
    row->kind = widen(row->kind, kind);
    row->values += kind != GUESS_NOTHING;
    return DF_OK;
}

int df__ch_guesses_add(df__ch_guesses *g, const df_value *root)
{
    df_walk walk;
    int rc = DF_OK;
    if (root->type != DF_V_OBJECT)
        return DF_EDATA;
    memset(&walk, 0, sizeof walk);
    g->records += root->len > 0; /* {} is no row */
    g->next = 0;
    while (rc == DF_OK && df_value_walk(root, &walk) == DF_OK)
        rc = df__ch_guesses_value(g, walk.name, &walk.value);
    return rc;
}

/* ---- a schema -------------------------------------------------------------------------------- */

static int is_alike(const df_field *a, const df_field *b)
{
    return a->type == b->type && a->item == b->item && a->zone == b->zone &&
           a->precision == b->precision && a->scale == b->scale &&
           ((a->flags ^ b->flags) & DF_FIELD_KEY) == 0;
}

int df__ch_guesses_schema(df__ch_guesses *g, const df_schema *schema)
{
    size_t count;
    const df_field *fields = df_schema_fields(schema, &count);
    for (size_t i = 0; i < count && schema != g->schema; i++) {
        const df_field *field = DF_ROW(df_field, fields, i);
        df__ch_guess *row;
        int rc = take(g, (df_bytes){field->name, strlen(field->name)}, &row);
        if (rc != DF_OK)
            return rc;
        if (row) {
            row->differs |= row->field && !is_alike(row->field, field);
            row->nullable |= !(field->flags & DF_FIELD_NOT_NULL);
            row->field = row->differs || field->type == DF_V_ABSENT ? NULL : field;
        }
    }
    g->schema = schema;
    return DF_OK;
}

/* ---- types in SQL ---------------------------------------------------------------------------- */

static enum df__ch_guess_kind kind_of(const df_field *f, int type)
{
    df_value v = {.type = type, .zone = f->zone};
    return type == DF_V_STRING ? GUESS_TEXT : type == DF_V_NUMBER ? GUESS_DECIMAL : guess_of(&v);
}

static const char *type_name(enum df__ch_guess_kind kind, int version)
{
    switch (kind) {
    case GUESS_BOOL:
        return version >= BOOLS ? "Bool" : "UInt8";
    case GUESS_INT:
        return "Int64";
    case GUESS_DECIMAL:
        return "Decimal(38, 10)";
    case GUESS_FLOAT:
        return "Float64";
    case GUESS_MOMENT:
        return version >= MOMENTS_64 ? "DateTime64(6, 'UTC')" : "DateTime('UTC')";
    case GUESS_LOCAL:
        return version >= MOMENTS_64 ? "DateTime64(6)" : "DateTime";
    case GUESS_DATE:
        return version >= DATES_32 ? "Date32" : "Date";
    default:
        return "String";
    }
}

int df__ch_guess_may_be_key(const df__ch_guesses *g, const df__ch_guess *row)
{
    return row->values == g->records && row->kind != GUESS_FLOAT;
}

/* An array whose elements are known to be of a type that has a column. */
static int is_list(const df_field *f)
{
    return f && f->type == DF_V_ARRAY && f->item != DF_V_ABSENT && f->item != DF_V_OBJECT &&
           f->item != DF_V_ARRAY;
}

/* The digits of a number are known, and a server of this version keeps so many. */
static int is_measured(const df_field *f, int version)
{
    int digits = version >= DECIMALS_256 ? 76 : DECIMAL_MAX;
    return f && f->type == DF_V_NUMBER && f->precision > 0 && f->precision <= digits &&
           f->scale >= 0 && f->scale <= f->precision;
}

void df__ch_guess_write(const df__ch_guesses *g, const df__ch_guess *row, int version, int is_key,
                        df__buf *b)
{
    const df_field *f = row->field;
    int required = is_key || (f && !row->nullable && row->values == g->records);
    if (is_list(f)) {
        df__buf_printf(b, "Array(Nullable(%s))", type_name(kind_of(f, f->item), version));
        return;
    }
    df__buf_str(b, required ? "" : "Nullable(");
    if (is_measured(f, version))
        df__buf_printf(b, "Decimal(%d, %d)", f->precision, f->scale);
    else
        df__buf_str(b, type_name(f ? kind_of(f, f->type) : row->kind, version));
    df__buf_str(b, required ? "" : ")");
}
