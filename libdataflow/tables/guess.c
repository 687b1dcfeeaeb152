/* SPDX-License-Identifier: Apache-2.0
 * guess.c: see guess.h. */
#include "tables/guess.h"

#include <string.h>
#include <strings.h>

#include "tables/raw.h"
#include "util/rfc3339.h"
#include "util/scalar.h"

enum { COLUMNS_MAX = 1000, DIGITS = 38, DECIMALS = 10 };

/* ---- the type of a value --------------------------------------------------------------------- */

static enum df__guess guess_text(const df_value *v)
{
    df__stamp stamp;
    int is_moment = v->len >= 20 && v->len <= 40 && v->text[10] != ' ' &&
                    df__stamp_parse((df_bytes){v->text, v->len}, &stamp) == DF_OK &&
                    stamp.has_zone && stamp.nsec % 1000 == 0;
    return is_moment ? DF__GUESS_MOMENT : DF__GUESS_TEXT;
}

/* A double does not keep 19.99: numbers are exact, or text. */
static enum df__guess guess_number(const df_value *v)
{
    df__exact exact;
    __int128 value, limit = 1;
    for (int i = 0; i < DIGITS; i++)
        limit *= 10;
    int fits = df__exact_parse((df_bytes){v->text, v->len}, &exact) == DF_OK &&
               df__exact_int(&exact, DECIMALS, 0, &value) == DF_OK && value < limit &&
               value > -limit;
    return fits ? DF__GUESS_DECIMAL : DF__GUESS_TEXT;
}

static enum df__guess guess_of(const df_value *v)
{
    static const enum df__guess guesses[] = {
        [DF_V_BOOL] = DF__GUESS_BOOL,     [DF_V_INT] = DF__GUESS_LONG,
        [DF_V_DOUBLE] = DF__GUESS_DOUBLE, [DF_V_BYTES] = DF__GUESS_BYTES,
        [DF_V_DATE] = DF__GUESS_DATE,     [DF_V_TIME] = DF__GUESS_TIME,
        [DF_V_ARRAY] = DF__GUESS_TEXT,    [DF_V_OBJECT] = DF__GUESS_TEXT,
    };
    if (v->type == DF_V_STRING)
        return guess_text(v);
    if (v->type == DF_V_NUMBER)
        return guess_number(v);
    if (v->type == DF_V_TIMESTAMP)
        return v->zone == DF_ZONE_NONE ? DF__GUESS_STAMP : DF__GUESS_MOMENT;
    return v->type >= 0 && v->type <= DF_V_OBJECT ? guesses[v->type] : DF__GUESS_NOTHING;
}

/* A double does not keep every whole number, nor every decimal: such columns are text. */
static enum df__guess widen(enum df__guess a, enum df__guess b)
{
    int exact = (a == DF__GUESS_DECIMAL && b == DF__GUESS_LONG) ||
                (a == DF__GUESS_LONG && b == DF__GUESS_DECIMAL);
    if (a == b || b == DF__GUESS_NOTHING)
        return a;
    return a == DF__GUESS_NOTHING ? b : exact ? DF__GUESS_DECIMAL : DF__GUESS_TEXT;
}

/* ---- the columns of the records -------------------------------------------------------------- */

static int is_named(const df__guesses *g, df_bytes a, df_bytes b)
{
    if (a.len != b.len)
        return 0;
    return g->any_case ? strncasecmp(a.data, b.data, a.len) == 0
                       : memcmp(a.data, b.data, a.len) == 0;
}

/* The row of a column, a new one if need be; NULL: it gets none. */
static int take(df__guesses *g, df_bytes name, df__guessed **ret)
{
    *ret = NULL;
    for (size_t i = 0; i < g->count && !*ret; i++)
        if (is_named(g, g->rows[i].name, name))
            *ret = &g->rows[i];
    int is_own = g->metadata && is_named(g, name, (df_bytes){"data", 4});
    if (*ret || name.len == 0 || is_own || g->count == COLUMNS_MAX)
        return DF_OK;
    *ret = &g->rows[g->count];
    **ret = (df__guessed){.guess = DF__GUESS_NOTHING};
    g->count++;
    return df__arena_copy(&g->memory, name, &(*ret)->name);
}

static int add_value(void *user, df_bytes name, const df_value *value)
{
    df__guesses *g = user;
    df__guessed *row;
    df__buf_clear(&g->name);
    if (g->metadata && g->prefix.len)
        df__buf_add(&g->name, g->prefix.data, g->prefix.len);
    df__buf_add(&g->name, name.data, name.len);
    if (g->name.failed)
        return DF_ENOMEM;
    int rc = take(g, (df_bytes){g->name.data, g->name.len}, &row);
    if (rc != DF_OK || !row)
        return rc;
    int is_time = g->metadata && name.len == 9 && memcmp(name.data, "timestamp", 9) == 0;
    row->guess = widen(row->guess, is_time ? DF__GUESS_MOMENT : guess_of(value));
    return DF_OK;
}

static int add_schema(df__guesses *g, const df_schema *schema)
{
    size_t count;
    const df_field *fields = df_schema_fields(schema, &count);
    for (size_t i = 0; i < count; i++) {
        const df_field *f = DF_ROW(df_field, fields, i);
        df__guessed *row;
        int rc = take(g, (df_bytes){f->name, strlen(f->name)}, &row);
        if (rc != DF_OK)
            return rc;
        if (!row || f->type == DF_V_ABSENT)
            continue;
        row->differs |= row->field && row->field->type != f->type;
        row->field = row->differs ? NULL : f;
    }
    return DF_OK;
}

static int add_metadata(df__guesses *g, df_parcel *parcel, size_t index)
{
    df__raw raw;
    int rc = df__raw_read(parcel, index, &raw);
    return rc == DF_OK ? df__raw_each(&raw, add_value, g) : rc;
}

static int add_record(df__guesses *g, df_parcel *parcel, size_t index)
{
    const df_schema *schema = df_record_schema(df_parcel_at(parcel, index));
    df_value root;
    df_walk walk;
    if (g->metadata)
        return add_metadata(g, parcel, index);
    int rc = schema ? add_schema(g, schema) : DF_OK;
    rc = rc == DF_OK ? df_parcel_root(parcel, index, &root) : rc;
    if (rc != DF_OK || root.type != DF_V_OBJECT)
        return rc;
    memset(&walk, 0, sizeof walk);
    while (rc == DF_OK && df_value_walk(&root, &walk) == DF_OK)
        rc = add_value(g, walk.name, &walk.value);
    return rc;
}

void df__guess_init(df__guesses *g, const df__heap *heap)
{
    memset(g, 0, sizeof *g);
    df__arena_init(&g->memory, heap, 4096);
    df__buf_init(&g->name, heap);
}

int df__guess_columns(df__guesses *g, df_parcel *parcel)
{
    size_t count = df_parcel_count(parcel);
    g->rows = df__arena_zalloc(&g->memory, COLUMNS_MAX * sizeof *g->rows);
    if (!g->rows)
        return DF_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int rc = add_record(g, parcel, i);
        if (rc != DF_OK && rc != DF_EDATA)
            return rc;
    }
    return DF_OK;
}

df__guess_type df__guess_type_of(const df__guessed *row)
{
    const df_field *f = row->field;
    if (!f)
        return (df__guess_type){row->guess, DIGITS, DECIMALS};
    if (f->type == DF_V_NUMBER && f->precision > 0 && f->precision <= DIGITS && f->scale >= 0 &&
        f->scale <= f->precision)
        return (df__guess_type){DF__GUESS_DECIMAL, f->precision, f->scale};
    if (f->type == DF_V_NUMBER || f->type == DF_V_STRING)
        return (df__guess_type){DF__GUESS_TEXT, 0, 0};
    df_value v = {.type = f->type, .zone = f->zone};
    return (df__guess_type){guess_of(&v), 0, 0};
}

void df__guess_free(df__guesses *g)
{
    df__buf_free(&g->name);
    df__arena_free(&g->memory);
}
