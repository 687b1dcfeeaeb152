/* SPDX-License-Identifier: Apache-2.0
 * shape.c: elements of a schema as columns: annotations old and new, lists of three levels, of two,
 * and of one. */
#include "formats/parquet/read.h"

enum { /* annotations: converted, then logical */
       C_UTF8 = 0,
       C_MAP = 1,
       C_MAP_KEY_VALUE = 2,
       C_LIST = 3,
       C_ENUM = 4,
       C_DECIMAL = 5,
       C_DATE = 6,
       C_TIME_MS = 7,
       C_TIME_US = 8,
       C_STAMP_MS = 9,
       C_STAMP_US = 10,
       C_UINT8 = 11,
       C_UINT32 = 13,
       C_UINT64 = 14,
       C_INT8 = 15,
       C_INT64 = 18,
       C_JSON = 19,
       C_BSON = 20,
       C_INTERVAL = 21,
       L_STRING = 1,
       L_MAP = 2,
       L_LIST = 3,
       L_ENUM = 4,
       L_DECIMAL = 5,
       L_DATE = 6,
       L_TIME = 7,
       L_STAMP = 8,
       L_INT = 10,
       L_UNKNOWN = 11,
       L_JSON = 12,
       L_UUID = 14,
       L_FLOAT16 = 15,
       UNIT_MS = 1,
       UNIT_US = 2,
       UNIT_NS = 3
};

typedef struct shaping {
    df__arena *arena;
    df__pq_footer *f;
    df__parquet_error *error;
    size_t next, leaves;
    int depth;
} shaping;

static int refuse(shaping *s, const df__pq_element *e, const char *why)
{
    return df__pq_fail(s->error, DF_EDATA, "Parquet: column %.*s %s",
                       (int)(e->name.len < 100 ? e->name.len : 100), (const char *)e->name.data,
                       why);
}

/* ---- leaves ---------------------------------------------------------------------------------- */

/* What old annotations say in the words of the new ones. */
static void modernize(df__pq_element *e)
{
    static const struct {
        signed char logical, unit, utc, bits, is_signed;
    } rows[] = {
        [C_UTF8] = {L_STRING, 0, 0, 0, 0},
        [C_MAP] = {L_MAP, 0, 0, 0, 0},
        [C_MAP_KEY_VALUE] = {0, 0, 0, 0, 0},
        [C_LIST] = {L_LIST, 0, 0, 0, 0},
        [C_ENUM] = {L_ENUM, 0, 0, 0, 0},
        [C_DECIMAL] = {L_DECIMAL, 0, 0, 0, 0},
        [C_DATE] = {L_DATE, 0, 0, 0, 0},
        [C_TIME_MS] = {L_TIME, UNIT_MS, 1, 0, 0},
        [C_TIME_US] = {L_TIME, UNIT_US, 1, 0, 0},
        [C_STAMP_MS] = {L_STAMP, UNIT_MS, 1, 0, 0},
        [C_STAMP_US] = {L_STAMP, UNIT_US, 1, 0, 0},
        [C_UINT8] = {L_INT, 0, 0, 8, 0},
        [C_UINT8 + 1] = {L_INT, 0, 0, 16, 0},
        [C_UINT32] = {L_INT, 0, 0, 32, 0},
        [C_UINT64] = {L_INT, 0, 0, 64, 0},
        [C_INT8] = {L_INT, 0, 0, 8, 1},
        [C_INT8 + 1] = {L_INT, 0, 0, 16, 1},
        [C_INT8 + 2] = {L_INT, 0, 0, 32, 1},
        [C_INT64] = {L_INT, 0, 0, 64, 1},
        [C_JSON] = {L_JSON, 0, 0, 0, 0},
    };
    if (e->logical || e->converted < 0 || e->converted > C_JSON)
        return;
    e->logical = rows[e->converted].logical;
    e->unit = rows[e->converted].unit;
    e->utc = rows[e->converted].utc;
    e->bits = rows[e->converted].bits;
    e->is_signed = rows[e->converted].is_signed;
}

static void set_decimal(df__parquet_column *c, int precision, int scale)
{
    c->kind = DF__PARQUET_DECIMAL;
    c->precision = precision;
    c->scale = scale;
}

static void int32_kind(const df__pq_element *e, df__parquet_column *c)
{
    c->kind = DF__PARQUET_INT;
    if (e->logical == L_DATE)
        c->kind = DF__PARQUET_DATE;
    else if (e->logical == L_TIME)
        c->kind = DF__PARQUET_TIME;
    else if (e->logical == L_DECIMAL)
        set_decimal(c, e->precision, e->scale);
    else if (e->logical == L_INT && !e->is_signed && e->bits == 32)
        c->kind = DF__PARQUET_LONG;
}

static void int64_kind(const df__pq_element *e, df__parquet_column *c)
{
    c->kind = DF__PARQUET_LONG;
    if (e->logical == L_TIME)
        c->kind = DF__PARQUET_TIME;
    else if (e->logical == L_STAMP && e->unit == UNIT_NS)
        c->kind = e->utc ? DF__PARQUET_TIMESTAMPTZ_NS : DF__PARQUET_TIMESTAMP_NS;
    else if (e->logical == L_STAMP)
        c->kind = e->utc ? DF__PARQUET_TIMESTAMPTZ : DF__PARQUET_TIMESTAMP;
    else if (e->logical == L_DECIMAL)
        set_decimal(c, e->precision, e->scale);
    else if (e->logical == L_INT && !e->is_signed && e->bits == 64)
        set_decimal(c, 20, 0);
}

static void bytes_kind(const df__pq_element *e, df__parquet_column *c)
{
    c->kind = DF__PARQUET_BINARY;
    if (e->logical == L_STRING || e->logical == L_ENUM || e->logical == L_JSON)
        c->kind = DF__PARQUET_STRING;
    else if (e->logical == L_DECIMAL)
        set_decimal(c, e->precision, e->scale);
}

static void fixed_kind(const df__pq_element *e, df__parquet_column *c)
{
    c->kind = DF__PARQUET_FIXED;
    c->length = e->length;
    if (e->logical == L_DECIMAL)
        set_decimal(c, e->precision, e->scale);
    else if (e->logical == L_UUID && e->length == 16)
        c->kind = DF__PARQUET_UUID;
    else if (e->logical == L_FLOAT16 && e->length == 2)
        c->kind = DF__PARQUET_FLOAT;
}

static void boolean_kind(const df__pq_element *e, df__parquet_column *c)
{
    (void)e;
    c->kind = DF__PARQUET_BOOLEAN;
}

static void int96_kind(const df__pq_element *e, df__parquet_column *c)
{
    (void)e;
    c->kind = DF__PARQUET_TIMESTAMP_NS;
}

static void float_kind(const df__pq_element *e, df__parquet_column *c)
{
    c->kind = e->physical == DF__PQ_FLOAT ? DF__PARQUET_FLOAT : DF__PARQUET_DOUBLE;
}

/* What is wrong with its annotation; NULL: nothing. */
static const char *wrong_leaf(const df__pq_element *e, const df__parquet_column *c)
{
    int timed = e->physical != DF__PQ_INT96 && c->kind >= DF__PARQUET_TIME &&
                c->kind <= DF__PARQUET_TIMESTAMPTZ_NS;
    if (c->kind == DF__PARQUET_DECIMAL && (c->scale < 0 || c->scale > 1000 || c->precision < 1))
        return "is a decimal without digits";
    if (timed && (e->unit < UNIT_MS || e->unit > UNIT_NS))
        return "has a time in a unit that is none";
    return NULL;
}

static int leaf_kind(shaping *s, const df__pq_element *e, df__parquet_column *c)
{
    static void (*const kinds[DF__PQ_PHYSICALS])(const df__pq_element *, df__parquet_column *) = {
        [DF__PQ_BOOLEAN] = boolean_kind,  [DF__PQ_INT32] = int32_kind, [DF__PQ_INT64] = int64_kind,
        [DF__PQ_INT96] = int96_kind,      [DF__PQ_FLOAT] = float_kind, [DF__PQ_DOUBLE] = float_kind,
        [DF__PQ_BYTE_ARRAY] = bytes_kind, [DF__PQ_FIXED] = fixed_kind,
    };
    const char *why;
    if (e->physical >= DF__PQ_PHYSICALS)
        return refuse(s, e, "has a type that is none");
    if (e->physical == DF__PQ_FIXED && (e->length < 1 || e->length > INT32_MAX / 2))
        return refuse(s, e, "has a length that is none");
    kinds[e->physical](e, c);
    if (e->logical == L_UNKNOWN)
        c->kind = DF__PARQUET_UNKNOWN;
    why = wrong_leaf(e, c);
    return why ? refuse(s, e, why) : DF_OK;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static int shape_one(shaping *s, df__pq_shape *to, df__parquet_column *c, const df__pq_shape *up,
                     int as_element);

static int shape_children(shaping *s, df__pq_shape *to, size_t count)
{
    df__parquet_column *columns = df__arena_zalloc(s->arena, count * sizeof *columns);
    int rc = DF_OK;
    to->children = df__arena_zalloc(s->arena, count * sizeof *to->children);
    if (!columns || !to->children)
        return DF_ENOMEM;
    to->column->children = columns;
    to->column->child_count = count;
    for (size_t i = 0; i < count && rc == DF_OK; i++)
        rc = shape_one(s, &to->children[i], &columns[i], to, 0);
    return rc;
}

static const df__pq_element *peek(const shaping *s, size_t ahead)
{
    return s->next + ahead < s->f->element_count ? &s->f->elements[s->next + ahead] : NULL;
}

static int named(const df__pq_element *e, df_bytes before, const char *after)
{
    size_t n = strlen(after);
    return e->name.len == before.len + n &&
           (!before.len || memcmp(e->name.data, before.data, before.len) == 0) &&
           memcmp((const char *)e->name.data + before.len, after, n) == 0;
}

/* 1: the repeated group of a list is the element itself, as writers of old had it. */
static int is_element(const shaping *s, const df__pq_element *list, const df__pq_element *repeated)
{
    const df__pq_element *child = peek(s, 1);
    return repeated->physical >= 0 || repeated->children != 1 ||
           named(repeated, (df_bytes){"", 0}, "array") || named(repeated, list->name, "_tuple") ||
           (child && child->repetition == DF__PQ_REPEATED);
}

/* A list whose element follows: `rep` and `def` of an element are one more than those of the list.
 */
static int shape_list(shaping *s, df__pq_shape *to, int skip)
{
    df__parquet_column *element = df__arena_zalloc(s->arena, sizeof *element);
    to->children = df__arena_zalloc(s->arena, sizeof *to->children);
    if (!element || !to->children)
        return DF_ENOMEM;
    to->column->kind = DF__PARQUET_LIST;
    to->column->children = element;
    to->column->child_count = 1;
    to->rep++;
    s->next += (size_t)skip;
    return shape_one(s, to->children, element, to, !skip);
}

static int shape_map(shaping *s, df__pq_shape *to)
{
    const df__pq_element *entry = peek(s, 0);
    if (!entry || entry->repetition != DF__PQ_REPEATED || entry->physical >= 0)
        return refuse(s, to->element, "is a map without entries");
    if (entry->children != 2)
        return shape_list(s, to, 0); /* keys alone */
    to->column->kind = DF__PARQUET_MAP;
    to->rep++;
    s->next++;
    return shape_children(s, to, 2);
}

static int shape_group(shaping *s, df__pq_shape *to)
{
    const df__pq_element *e = to->element, *first = peek(s, 0);
    int one = e->children == 1 && first && first->repetition == DF__PQ_REPEATED;
    if (e->children < 1 || (size_t)e->children > s->f->element_count)
        return refuse(s, e, "is a group without columns");
    if ((e->logical == L_MAP || e->converted == C_MAP_KEY_VALUE) && one)
        return shape_map(s, to);
    if (e->logical == L_LIST && one)
        return shape_list(s, to, !is_element(s, e, first));
    to->column->kind = DF__PARQUET_STRUCT;
    return shape_children(s, to, (size_t)e->children);
}

/* The repeated element is to be the element of a list that has no element of its own. */
static int shape_bare_list(shaping *s, df__pq_shape *to)
{
    s->next--;
    to->column->required = 1;
    return shape_list(s, to, 0);
}

/* Takes an element of the schema. as_element: it is repeated, and the list around it knows. */
static int shape_one(shaping *s, df__pq_shape *to, df__parquet_column *c, const df__pq_shape *up,
                     int as_element)
{
    df__pq_element *e;
    int inside = up && up->column->kind >= DF__PARQUET_LIST, rc;
    if (s->next >= s->f->element_count || s->depth == DF__PQ_DEPTH)
        return df__pq_fail(s->error, DF_EDATA, "Parquet: the schema %s",
                           s->depth == DF__PQ_DEPTH ? "is nested too deep" : "ends too early");
    e = &s->f->elements[s->next++];
    modernize(e);
    to->element = e;
    to->column = c;
    to->leaf = s->leaves;
    to->def = (up ? up->def : 0) + inside + (e->repetition == DF__PQ_OPTIONAL);
    to->rep = up ? up->rep : 0;
    c->id = e->id;
    c->required = e->repetition != DF__PQ_OPTIONAL;
    c->name = df__arena_bytes(s->arena, e->name.len ? e->name.data : "", e->name.len);
    if (!c->name)
        return DF_ENOMEM;
    s->depth++;
    if (e->repetition == DF__PQ_REPEATED && !as_element && up) {
        rc = shape_bare_list(s, to);
    } else if (e->physical < 0 || e->children) {
        rc = shape_group(s, to);
    } else {
        s->leaves++;
        rc = leaf_kind(s, e, c);
    }
    s->depth--;
    to->leaf_count = s->leaves - to->leaf;
    return rc;
}

int df__pq_damaged(const df__pq_shape *s, const char *why, df__parquet_error *error)
{
    return df__pq_fail(error, DF_EDATA, "Parquet: column %.100s %s", s->column->name, why);
}

int df__pq_shapes(df__arena *a, df__pq_footer *f, df__pq_shape *root, df__parquet_error *error)
{
    shaping s = {a, f, error, 1, 0, 0};
    df__parquet_column *c = df__arena_zalloc(a, sizeof *c);
    const df__pq_element *e = &f->elements[0];
    int rc;
    if (!c)
        return DF_ENOMEM;
    memset(root, 0, sizeof *root);
    root->column = c;
    root->element = e;
    c->kind = DF__PARQUET_STRUCT;
    if (e->children < 0 || (size_t)e->children >= f->element_count)
        return df__pq_fail(error, DF_EDATA, "Parquet: the schema ends too early");
    rc = shape_children(&s, root, (size_t)e->children);
    root->leaf_count = s.leaves;
    if (rc == DF_OK && (s.next != f->element_count || s.leaves != f->leaf_count))
        return df__pq_fail(error, DF_EDATA, "Parquet: the schema has columns without a place");
    return rc;
}
