/* SPDX-License-Identifier: Apache-2.0
 * footer_write.c: the schema as Parquet has it, the footer, and what Iceberg wants to know. */
#include "formats/parquet/thrift.h"
#include "formats/parquet/write.h"

/* ---- schema ---------------------------------------------------------------------------------- */

enum { /* of the type ConvertedType, -1: none; then those of LogicalType */
       NO_CONVERTED = -1,
       CONVERTED_UTF8 = 0,
       CONVERTED_MAP = 1,
       CONVERTED_LIST = 3,
       CONVERTED_DECIMAL = 5,
       CONVERTED_DATE = 6,
       CONVERTED_MICROS = 10,
       LOGICAL_STRING = 1,
       LOGICAL_MAP = 2,
       LOGICAL_LIST = 3,
       LOGICAL_DECIMAL = 5,
       LOGICAL_DATE = 6,
       LOGICAL_TIME = 7,
       LOGICAL_TIMESTAMP = 8,
       LOGICAL_UUID = 14,
       UNIT_MICROS = 2,
       UNIT_NANOS = 3
};

typedef struct annotation {
    int logical;   /* 0: none */
    int converted; /* what readers before LogicalType know; not where it would say UTC wrongly */
    int unit, utc; /* of times */
} annotation;

static const annotation annotations[] = {
    [DF__PARQUET_ANY] = {0, NO_CONVERTED, 0, 0},
    [DF__PARQUET_BOOLEAN] = {0, NO_CONVERTED, 0, 0},
    [DF__PARQUET_INT] = {0, NO_CONVERTED, 0, 0},
    [DF__PARQUET_LONG] = {0, NO_CONVERTED, 0, 0},
    [DF__PARQUET_FLOAT] = {0, NO_CONVERTED, 0, 0},
    [DF__PARQUET_DOUBLE] = {0, NO_CONVERTED, 0, 0},
    [DF__PARQUET_DECIMAL] = {LOGICAL_DECIMAL, CONVERTED_DECIMAL, 0, 0},
    [DF__PARQUET_DATE] = {LOGICAL_DATE, CONVERTED_DATE, 0, 0},
    [DF__PARQUET_TIME] = {LOGICAL_TIME, NO_CONVERTED, UNIT_MICROS, 0},
    [DF__PARQUET_TIMESTAMP] = {LOGICAL_TIMESTAMP, NO_CONVERTED, UNIT_MICROS, 0},
    [DF__PARQUET_TIMESTAMPTZ] = {LOGICAL_TIMESTAMP, CONVERTED_MICROS, UNIT_MICROS, 1},
    [DF__PARQUET_TIMESTAMP_NS] = {LOGICAL_TIMESTAMP, NO_CONVERTED, UNIT_NANOS, 0},
    [DF__PARQUET_TIMESTAMPTZ_NS] = {LOGICAL_TIMESTAMP, NO_CONVERTED, UNIT_NANOS, 1},
    [DF__PARQUET_STRING] = {LOGICAL_STRING, CONVERTED_UTF8, 0, 0},
    [DF__PARQUET_UUID] = {LOGICAL_UUID, NO_CONVERTED, 0, 0},
    [DF__PARQUET_FIXED] = {0, NO_CONVERTED, 0, 0},
    [DF__PARQUET_BINARY] = {0, NO_CONVERTED, 0, 0},
    [DF__PARQUET_UNKNOWN] = {0, NO_CONVERTED, 0, 0},
    [DF__PARQUET_STRUCT] = {0, NO_CONVERTED, 0, 0},
    [DF__PARQUET_LIST] = {LOGICAL_LIST, CONVERTED_LIST, 0, 0},
    [DF__PARQUET_MAP] = {LOGICAL_MAP, CONVERTED_MAP, 0, 0},
};

static void put_logical(df__thrift_out *t, const df__parquet_column *c)
{
    const annotation *a = &annotations[c->kind];
    if (!a->logical)
        return;
    df__thrift_struct(t, 10);
    df__thrift_struct(t, a->logical);
    if (a->logical == LOGICAL_DECIMAL) {
        df__thrift_i32(t, 1, c->scale);
        df__thrift_i32(t, 2, c->precision);
    } else if (a->unit) {
        df__thrift_bool(t, 1, a->utc);
        df__thrift_struct(t, 2);
        df__thrift_struct(t, a->unit);
        df__thrift_end(t);
        df__thrift_end(t);
    }
    df__thrift_end(t);
    df__thrift_end(t);
}

static size_t put_columns(df__thrift_out *t, const df__pq_node *nodes, size_t count,
                          const char *const *names);

/* The repeated group of a LIST or MAP, with its children. */
static size_t put_repeated(df__thrift_out *t, const df__pq_node *n)
{
    static const char *const list[] = {"element"}, *const map[] = {"key", "value"};
    int is_map = n->column->kind == DF__PARQUET_MAP;
    df__thrift_begin(t);
    df__thrift_i32(t, 3, DF__PQ_REPEATED);
    df__thrift_text(t, 4, is_map ? "key_value" : "list");
    df__thrift_i32(t, 5, (int32_t)n->column->child_count);
    df__thrift_end(t);
    return 1 + put_columns(t, n->children, n->column->child_count, is_map ? map : list);
}

static void put_element(df__thrift_out *t, const df__parquet_column *c, const char *name)
{
    const annotation *a = &annotations[c->kind];
    df__pq_layout l = df__pq_layout_of(c);
    df__thrift_begin(t);
    if (!df__pq_nested(c)) {
        df__thrift_i32(t, 1, l.physical);
        if (l.physical == DF__PQ_FIXED)
            df__thrift_i32(t, 2, (int32_t)l.width);
    }
    df__thrift_i32(t, 3, c->required ? DF__PQ_REQUIRED : DF__PQ_OPTIONAL);
    df__thrift_text(t, 4, name);
    if (df__pq_nested(c))
        df__thrift_i32(t, 5, c->kind == DF__PARQUET_STRUCT ? (int32_t)c->child_count : 1);
    if (a->converted != NO_CONVERTED)
        df__thrift_i32(t, 6, a->converted);
    if (c->kind == DF__PARQUET_DECIMAL) {
        df__thrift_i32(t, 7, c->scale);
        df__thrift_i32(t, 8, c->precision);
    }
    if (c->id != DF__PARQUET_NO_ID)
        df__thrift_i32(t, 9, c->id);
    put_logical(t, c);
    df__thrift_end(t);
}

/* Answers how many elements; names NULL: their own. */
static size_t put_columns(df__thrift_out *t, const df__pq_node *nodes, size_t count,
                          const char *const *names)
{
    size_t n = count;
    for (size_t i = 0; i < count; i++) {
        const df__parquet_column *c = nodes[i].column;
        put_element(t, c, names ? names[i] : c->name);
        if (c->kind == DF__PARQUET_STRUCT)
            n += put_columns(t, nodes[i].children, c->child_count, NULL);
        else if (df__pq_nested(c))
            n += put_repeated(t, &nodes[i]);
    }
    return n;
}

/* The list needs its length first: the elements are written apart. */
static void put_schema(df__parquet_writer *w, df__thrift_out *t)
{
    df__thrift_out elements = {&w->body, {0}, 0};
    size_t count;
    df__buf_clear(&w->body);
    df__thrift_begin(&elements);
    df__thrift_text(&elements, 4, "table");
    df__thrift_i32(&elements, 5, (int32_t)w->column_count);
    df__thrift_end(&elements);
    count = 1 + put_columns(&elements, w->root.children, w->column_count, NULL);
    df__thrift_list(t, 2, DF__THRIFT_STRUCT, count);
    df__buf_add(t->b, w->body.data, w->body.len);
    t->b->failed |= w->body.failed;
}

/* ---- footer ---------------------------------------------------------------------------------- */

static void put_meta(const df__parquet_writer *w, df__thrift_out *t)
{
    if (!w->meta_count)
        return;
    df__thrift_list(t, 5, DF__THRIFT_STRUCT, w->meta_count);
    for (size_t i = 0; i < w->meta_count; i++) {
        df__thrift_begin(t);
        df__thrift_bytes(t, 1, w->meta[i].name);
        df__thrift_bytes(t, 2, w->meta[i].value);
        df__thrift_end(t);
    }
}

/* Statistics are in the order of the types. */
static void put_orders(const df__parquet_writer *w, df__thrift_out *t)
{
    df__thrift_list(t, 7, DF__THRIFT_STRUCT, w->leaf_count);
    for (size_t i = 0; i < w->leaf_count; i++) {
        df__thrift_begin(t);
        df__thrift_struct(t, 1);
        df__thrift_end(t);
        df__thrift_end(t);
    }
}

int df__pq_footer_write(df__parquet_writer *w)
{
    df__thrift_out t = {&w->thrift, {0}, 0};
    char by[100];
    uint32_t len;
    df__buf_clear(&w->thrift);
    df__thrift_begin(&t);
    df__thrift_i32(&t, 1, 1);
    put_schema(w, &t);
    df__thrift_i64(&t, 3, w->rows);
    df__thrift_list(&t, 4, DF__THRIFT_STRUCT, w->group_count);
    df__buf_add(&w->thrift, w->groups.data, w->groups.len);
    put_meta(w, &t);
    df__text_printf(by, sizeof by, "libdataflow version %s (build 0)", df_version_string());
    df__thrift_text(&t, 6, by);
    put_orders(w, &t);
    df__thrift_end(&t);
    len = (uint32_t)w->thrift.len;
    df__buf_add(&w->thrift, &len, sizeof len);
    df__buf_add(&w->thrift, "PAR1", 4);
    if (w->thrift.failed)
        return DF_ENOMEM;
    return df__pq_give(w, w->thrift.data, w->thrift.len);
}

/* ---- summary --------------------------------------------------------------------------------- */

enum { ICEBERG_CUT = 16 };

static df_bytes bound_of(const df__pq_leaf *l, int upper, unsigned char *out)
{
    const df__pq_bound *b = upper ? &l->file_range.high : &l->file_range.low;
    int kind = l->column->kind;
    int text = kind == DF__PARQUET_STRING, bytes = kind == DF__PARQUET_BINARY,
        fixed = kind == DF__PARQUET_FIXED;
    df__pq_cut how = {text, upper, bytes || fixed ? ICEBERG_CUT : DF__PQ_BOUND,
                      text ? ICEBERG_CUT : 0, 0};
    int n;
    if (!b->set || l->max_rep)
        return (df_bytes){NULL, 0};
    n = kind == DF__PARQUET_DECIMAL
            ? (int)df__pq_decimal_single(&l->scalar.layout, (df_bytes){b->data, b->len}, out)
            : df__pq_bound_cut(b, &how, out);
    return (df_bytes){n < 0 ? NULL : out, n < 0 ? 0 : (size_t)n};
}

void df__pq_summary(df__parquet_writer *w, df__parquet_summary *ret)
{
    for (size_t i = 0; i < w->leaf_count; i++) {
        df__pq_leaf *l = &w->leaves[i];
        int order = l->scalar.layout.order;
        int floating = order == DF__PQ_ORDER_FLOAT || order == DF__PQ_ORDER_DOUBLE;
        w->metrics[i] = (df__parquet_metrics){
            .id = l->column->id,
            .size = l->file_size,
            .values = l->file_values,
            .nulls = l->file_nulls,
            .nans = floating ? l->file_nans : -1,
            .lower = bound_of(l, 0, l->lower),
            .upper = bound_of(l, 1, l->upper),
        };
    }
    *ret = (df__parquet_summary){.records = w->rows,
                                 .bytes = w->at,
                                 .splits = (const int64_t *)(const void *)w->splits.data,
                                 .split_count = w->group_count,
                                 .columns = w->metrics,
                                 .column_count = w->leaf_count};
}
