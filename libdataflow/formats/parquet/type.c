/* SPDX-License-Identifier: Apache-2.0
 * type.c: columns: copied, checked, and placed in definition and repetition levels. */
#include "formats/parquet/type.h"

#include <stdarg.h>

int df__pq_fail(df__parquet_error *error, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    df__text_vprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return status;
}

static const struct {
    const char *name;
    df__pq_layout layout;
} kinds[] = {
    [DF__PARQUET_ANY] = {"any", {0, 0, 0}},
    [DF__PARQUET_BOOLEAN] = {"boolean", {DF__PQ_BOOLEAN, 1, DF__PQ_ORDER_BYTES}},
    [DF__PARQUET_INT] = {"int", {DF__PQ_INT32, 4, DF__PQ_ORDER_INT32}},
    [DF__PARQUET_LONG] = {"long", {DF__PQ_INT64, 8, DF__PQ_ORDER_INT64}},
    [DF__PARQUET_FLOAT] = {"float", {DF__PQ_FLOAT, 4, DF__PQ_ORDER_FLOAT}},
    [DF__PARQUET_DOUBLE] = {"double", {DF__PQ_DOUBLE, 8, DF__PQ_ORDER_DOUBLE}},
    [DF__PARQUET_DECIMAL] = {"decimal", {DF__PQ_FIXED, 16, DF__PQ_ORDER_DECIMAL}},
    [DF__PARQUET_DATE] = {"date", {DF__PQ_INT32, 4, DF__PQ_ORDER_INT32}},
    [DF__PARQUET_TIME] = {"time", {DF__PQ_INT64, 8, DF__PQ_ORDER_INT64}},
    [DF__PARQUET_TIMESTAMP] = {"timestamp", {DF__PQ_INT64, 8, DF__PQ_ORDER_INT64}},
    [DF__PARQUET_TIMESTAMPTZ] = {"timestamptz", {DF__PQ_INT64, 8, DF__PQ_ORDER_INT64}},
    [DF__PARQUET_TIMESTAMP_NS] = {"timestamp_ns", {DF__PQ_INT64, 8, DF__PQ_ORDER_INT64}},
    [DF__PARQUET_TIMESTAMPTZ_NS] = {"timestamptz_ns", {DF__PQ_INT64, 8, DF__PQ_ORDER_INT64}},
    [DF__PARQUET_STRING] = {"string", {DF__PQ_BYTE_ARRAY, 0, DF__PQ_ORDER_BYTES}},
    [DF__PARQUET_UUID] = {"uuid", {DF__PQ_FIXED, 16, DF__PQ_ORDER_BYTES}},
    [DF__PARQUET_FIXED] = {"fixed", {DF__PQ_FIXED, 0, DF__PQ_ORDER_BYTES}},
    [DF__PARQUET_BINARY] = {"binary", {DF__PQ_BYTE_ARRAY, 0, DF__PQ_ORDER_BYTES}},
    [DF__PARQUET_UNKNOWN] = {"unknown", {DF__PQ_INT32, 4, DF__PQ_ORDER_INT32}},
    [DF__PARQUET_STRUCT] = {"struct", {0, 0, 0}},
    [DF__PARQUET_LIST] = {"list", {0, 0, 0}},
    [DF__PARQUET_MAP] = {"map", {0, 0, 0}},
};

const char *df__pq_kind_name(int kind)
{
    return kind >= 0 && kind <= DF__PARQUET_MAP ? kinds[kind].name : "unknown";
}

size_t df__pq_decimal_width(int precision)
{
    size_t width = 1;
    __int128 most = 1;
    for (int i = 0; i < precision; i++)
        most *= 10;
    while (width < DF__PQ_DECIMAL && ((__int128)1 << (8 * width - 1)) < most)
        width++;
    return width;
}

df__pq_layout df__pq_layout_of(const df__parquet_column *c)
{
    df__pq_layout l = kinds[c->kind].layout;
    if (c->kind == DF__PARQUET_FIXED)
        l.width = (size_t)c->length;
    if (c->kind != DF__PARQUET_DECIMAL)
        return l;
    if (c->precision <= 9)
        return kinds[DF__PARQUET_INT].layout;
    if (c->precision <= 18)
        return kinds[DF__PARQUET_LONG].layout;
    l.width = df__pq_decimal_width(c->precision);
    return l;
}

/* ---- columns --------------------------------------------------------------------------------- */

static int copy_level(df__arena *a, const df__parquet_column *from, size_t count,
                      df__parquet_column **ret, int depth)
{
    df__parquet_column *to = df__arena_alloc(a, count * sizeof *to + 1);
    *ret = to;
    if (!to || depth > DF__PQ_DEPTH)
        return 0;
    for (size_t i = 0; i < count; i++) {
        df__parquet_column *children = NULL;
        const char *name = from[i].name ? from[i].name : "";
        to[i] = from[i];
        to[i].name = df__arena_bytes(a, name, strlen(name));
        if (!to[i].name)
            return 0;
        if (from[i].child_count &&
            !copy_level(a, from[i].children, from[i].child_count, &children, depth + 1))
            return 0;
        to[i].children = children;
    }
    return 1;
}

df__parquet_column *df__pq_columns_copy(df__arena *a, const df__parquet_column *from, size_t count)
{
    df__parquet_column *to;
    return copy_level(a, from, count, &to, 0) ? to : NULL;
}

typedef struct placing {
    df__arena *arena;
    df__parquet_error *error;
    size_t leaves;
    int depth;
} placing;

static const char *wrong_column(const df__parquet_column *c)
{
    static const size_t children[] = {1, 1, 2}; /* STRUCT at least */
    if (c->kind <= DF__PARQUET_ANY || c->kind > DF__PARQUET_MAP)
        return "has no kind";
    if (c->kind == DF__PARQUET_DECIMAL && (c->precision < 1 || c->precision > DF__PQ_DIGITS ||
                                           c->scale < 0 || c->scale > c->precision))
        return "has a precision or scale that is none";
    if (c->kind == DF__PARQUET_FIXED && (c->length < 1 || c->length > INT32_MAX / 2))
        return "has a length that is none";
    if (!df__pq_nested(c))
        return c->child_count ? "is no nested kind but has children" : NULL;
    if (c->kind == DF__PARQUET_STRUCT ? c->child_count < 1
                                      : c->child_count != children[c->kind - DF__PARQUET_STRUCT])
        return "has another number of children than its kind";
    return NULL;
}

/* Levels of the columns below one that is there from level `def` on. */
static int place(placing *p, const df__parquet_column *columns, df__pq_node *to, size_t count,
                 const df__pq_node *up)
{
    int rc = DF_OK;
    if (++p->depth > DF__PQ_DEPTH)
        return df__pq_fail(p->error, DF_EINVAL, "Parquet: columns are nested more than %d deep",
                           DF__PQ_DEPTH);
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df__parquet_column *c = &columns[i];
        const char *why = wrong_column(c);
        int inside = up && up->column && up->column->kind >= DF__PARQUET_LIST;
        df__pq_node *n = &to[i];
        if (why)
            return df__pq_fail(p->error, DF_EINVAL, "Parquet: column %.100s %s", c->name, why);
        n->column = c;
        n->def = (up ? up->def : 0) + inside + !c->required;
        n->rep = (up ? up->rep : 0) + (c->kind >= DF__PARQUET_LIST);
        n->leaf = p->leaves;
        if (!df__pq_nested(c)) {
            p->leaves++;
        } else {
            n->children = df__arena_zalloc(p->arena, c->child_count * sizeof *n->children);
            rc = n->children ? place(p, c->children, n->children, c->child_count, n) : DF_ENOMEM;
        }
        n->leaf_count = p->leaves - n->leaf;
    }
    p->depth--;
    return rc;
}

int df__pq_nodes(df__arena *a, const df__parquet_column *columns, size_t count, df__pq_node *ret,
                 df__parquet_error *error)
{
    placing p = {a, error, 0, 0};
    memset(ret, 0, sizeof *ret);
    ret->children = df__arena_zalloc(a, count * sizeof *ret->children + 1);
    if (!ret->children)
        return DF_ENOMEM;
    if (!count)
        return df__pq_fail(error, DF_EINVAL, "Parquet: a file needs a column");
    int rc = place(&p, columns, ret->children, count, NULL);
    ret->leaf_count = p.leaves;
    return rc;
}
