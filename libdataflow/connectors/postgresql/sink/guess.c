/* SPDX-License-Identifier: Apache-2.0
 * guess.c: widens the type of a column record by record, always to one that keeps every value
 * exactly. */
#include "guess.h"

#include <string.h>

#include "client/ident.h"
#include "types/scan.h"

enum { COLUMNS_MAX = 1500 }; /* the server's limit is 1,600 */

static const char *const sql_names[] = {
    [GUESS_NOTHING] = "TEXT",
    [GUESS_BOOL] = "BOOLEAN",
    [GUESS_BIGINT] = "BIGINT",
    [GUESS_NUMERIC] = "NUMERIC",
    [GUESS_DOUBLE] = "DOUBLE PRECISION",
    [GUESS_TIMESTAMPTZ] = "TIMESTAMPTZ",
    [GUESS_TIMESTAMP] = "TIMESTAMP",
    [GUESS_DATE] = "DATE",
    [GUESS_TIME] = "TIME",
    [GUESS_BYTEA] = "BYTEA",
    [GUESS_TEXT] = "TEXT",
    [GUESS_JSONB] = "JSONB",
};

const char *df__pg_guess_sql(enum df__pg_guess_kind kind)
{
    return sql_names[kind];
}

void df__pg_guesses_init(df__pg_guesses *g, const df__heap *heap)
{
    memset(g, 0, sizeof *g);
    df__arena_init(&g->arena, heap, 4096);
}

void df__pg_guesses_free(df__pg_guesses *g)
{
    df__free(g->arena.heap, g->rows);
    df__free(g->arena.heap, g->slots);
    df__arena_free(&g->arena);
    memset(g, 0, sizeof *g);
}

/* RFC 3339 text with a zone; more than six decimals of a second would be rounded. */
static enum df__pg_guess_kind guess_text(const df_value *v)
{
    df__pg_when w;
    if (v->len >= 20 && v->len <= 40 && df__pg_scan_when(v->text, v->len, &w) && w.has_date &&
        w.has_time && w.has_zone && w.fraction <= 6 && v->text[10] != ' ')
        return GUESS_TIMESTAMPTZ;
    return GUESS_TEXT;
}

enum df__pg_guess_kind df__pg_guess_of(const df_value *v)
{
    static const enum df__pg_guess_kind kinds[] = {
        [DF_V_BOOL] = GUESS_BOOL,     [DF_V_INT] = GUESS_BIGINT,  [DF_V_NUMBER] = GUESS_NUMERIC,
        [DF_V_DOUBLE] = GUESS_DOUBLE, [DF_V_BYTES] = GUESS_BYTEA, [DF_V_DATE] = GUESS_DATE,
        [DF_V_TIME] = GUESS_TIME,     [DF_V_ARRAY] = GUESS_JSONB, [DF_V_OBJECT] = GUESS_JSONB,
    };
    if (v->type == DF_V_STRING)
        return guess_text(v);
    if (v->type == DF_V_TIMESTAMP)
        return v->zone == DF_ZONE_NONE ? GUESS_TIMESTAMP : GUESS_TIMESTAMPTZ;
    return v->type >= 0 && v->type <= DF_V_OBJECT ? kinds[v->type] : GUESS_NOTHING;
}

static int is_number(enum df__pg_guess_kind kind)
{
    return kind >= GUESS_BIGINT && kind <= GUESS_DOUBLE;
}

enum df__pg_guess_kind df__pg_guess_widen(enum df__pg_guess_kind a, enum df__pg_guess_kind b)
{
    if (a == b || b == GUESS_NOTHING)
        return a;
    if (a == GUESS_NOTHING)
        return b;
    if (a == GUESS_JSONB || b == GUESS_JSONB)
        return GUESS_JSONB;
    return is_number(a) && is_number(b) ? GUESS_NUMERIC : GUESS_TEXT;
}

static size_t slot_of(const df__pg_guesses *g, df_bytes name)
{
    const unsigned char *s = name.data;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ s[i]) * UINT64_C(1099511628211);
    size_t mask = g->slot_count - 1;
    size_t at = (size_t)(hash ^ hash >> 32) & mask;
    while (g->slots[at] != 0) {
        const df_bytes *there = &g->rows[g->slots[at] - 1].name;
        if (there->len == name.len && memcmp(there->data, name.data, name.len) == 0)
            break;
        at = (at + 1) & mask;
    }
    return at;
}

df__pg_guess *df__pg_guess_find(df__pg_guesses *g, df_bytes name)
{
    if (g->slot_count == 0)
        return NULL;
    uint32_t index = g->slots[slot_of(g, name)];
    return index ? &g->rows[index - 1] : NULL;
}

static int grow_slots(df__pg_guesses *g)
{
    size_t count = g->slot_count ? g->slot_count * 2 : 64;
    uint32_t *slots = df__zalloc(g->arena.heap, count * sizeof *slots);
    if (!slots)
        return DF_ENOMEM;
    df__free(g->arena.heap, g->slots);
    g->slots = slots;
    g->slot_count = count;
    for (size_t i = 0; i < g->count; i++)
        g->slots[slot_of(g, g->rows[i].name)] = (uint32_t)(i + 1);
    return DF_OK;
}

static int insert(df__pg_guesses *g, df_bytes name, df__pg_guess **ret)
{
    df_bytes copy = {NULL, 0};
    if (g->count * 2 >= g->slot_count && grow_slots(g) != DF_OK)
        return DF_ENOMEM;
    if (df__grow(g->arena.heap, &g->rows, &g->cap, g->count, sizeof *g->rows) != DF_OK ||
        df__arena_copy(&g->arena, name, &copy) != DF_OK)
        return DF_ENOMEM;
    *ret = &g->rows[g->count];
    **ret = (df__pg_guess){.name = copy, .kind = GUESS_NOTHING};
    g->slots[slot_of(g, name)] = (uint32_t)++g->count;
    return DF_OK;
}

/* *ret NULL: the name cannot be a column. */
static int take(df__pg_guesses *g, df_bytes name, df__pg_guess **ret)
{
    *ret = df__pg_guess_find(g, name);
    if (*ret || !df__pg_name_usable(name) || g->count >= COLUMNS_MAX)
        return DF_OK;
    return insert(g, name, ret);
}

int df__pg_guesses_value(df__pg_guesses *g, df_bytes name, const df_value *value)
{
    df__pg_guess *row;
    int rc = take(g, name, &row);
    if (rc != DF_OK || !row)
        return rc;
    enum df__pg_guess_kind kind = df__pg_guess_of(value);
    row->kind = df__pg_guess_widen(row->kind, kind);
    if (kind != GUESS_NOTHING && row->last != g->records) {
        row->values++;
        row->last = g->records;
    }
    return DF_OK;
}

int df__pg_guesses_add(df__pg_guesses *g, const df_value *root)
{
    df_walk walk;
    int rc = DF_OK;
    if (root->type != DF_V_OBJECT)
        return DF_EDATA;
    memset(&walk, 0, sizeof walk);
    g->records += root->len > 0; /* {} is no row: it does not keep a key from being one */
    while (rc == DF_OK && df_value_walk(root, &walk) == DF_OK)
        rc = df__pg_guesses_value(g, walk.name, &walk.value);
    return rc;
}

/* ---- a schema -------------------------------------------------------------------------------- */

static enum df__pg_guess_kind kind_of(int type, int zone)
{
    df_value v = {.type = type, .zone = zone};
    return type == DF_V_STRING ? GUESS_TEXT : df__pg_guess_of(&v);
}

static int is_alike(const df_field *a, const df_field *b)
{
    return a->type == b->type && a->item == b->item && a->zone == b->zone &&
           a->precision == b->precision && a->scale == b->scale &&
           ((a->flags ^ b->flags) & DF_FIELD_KEY) == 0;
}

int df__pg_guesses_schema(df__pg_guesses *g, const df_schema *schema)
{
    size_t count;
    const df_field *fields = df_schema_fields(schema, &count);
    for (size_t i = 0; i < count && schema != g->schema; i++) {
        const df_field *field = DF_ROW(df_field, fields, i);
        df__pg_guess *row;
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

int df__pg_guess_required(const df__pg_guesses *g, const df__pg_guess *row)
{
    return row->field && !row->nullable && row->values == g->records;
}

enum { DIGITS_MAX = 1000 }; /* the server's limit */

void df__pg_guess_write(const df__pg_guess *row, df__buf *b)
{
    const df_field *f = row->field;
    enum df__pg_guess_kind kind = f ? kind_of(f->type, f->zone) : row->kind;
    enum df__pg_guess_kind item =
        f && f->type == DF_V_ARRAY ? kind_of(f->item, f->zone) : GUESS_JSONB;
    if (item != GUESS_JSONB && item != GUESS_NOTHING)
        df__buf_printf(b, "%s[]", sql_names[item]);
    else if (kind == GUESS_NUMERIC && f && f->precision > 0 && f->precision <= DIGITS_MAX &&
             f->scale >= 0 && f->scale <= f->precision)
        df__buf_printf(b, "NUMERIC(%d, %d)", f->precision, f->scale);
    else
        df__buf_str(b, sql_names[kind]);
}
