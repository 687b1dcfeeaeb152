/* SPDX-License-Identifier: Apache-2.0
 * type.h: what writer and reader share: the numbers of the format, columns with their levels, the
 * order of values. */
#ifndef DF_PARQUET_TYPE_H
#define DF_PARQUET_TYPE_H

#include <string.h>

#include "formats/parquet/parquet.h"

enum { /* physical types */
       DF__PQ_BOOLEAN,
       DF__PQ_INT32,
       DF__PQ_INT64,
       DF__PQ_INT96,
       DF__PQ_FLOAT,
       DF__PQ_DOUBLE,
       DF__PQ_BYTE_ARRAY,
       DF__PQ_FIXED,
       DF__PQ_PHYSICALS
};
enum { /* encodings */
       DF__PQ_PLAIN = 0,
       DF__PQ_PLAIN_DICTIONARY = 2,
       DF__PQ_RLE = 3,
       DF__PQ_BIT_PACKED = 4,
       DF__PQ_DELTA_BINARY_PACKED = 5,
       DF__PQ_DELTA_LENGTH_BYTE_ARRAY = 6,
       DF__PQ_DELTA_BYTE_ARRAY = 7,
       DF__PQ_RLE_DICTIONARY = 8,
       DF__PQ_BYTE_STREAM_SPLIT = 9
};
enum {
    DF__PQ_PAGE_DATA = 0,
    DF__PQ_PAGE_INDEX = 1,
    DF__PQ_PAGE_DICTIONARY = 2,
    DF__PQ_PAGE_V2 = 3
};
enum { DF__PQ_REQUIRED, DF__PQ_OPTIONAL, DF__PQ_REPEATED };
enum {
    DF__PQ_DEPTH = 64, /* columns in columns */
    DF__PQ_DECIMAL = 16,
    DF__PQ_DIGITS = 38
};

/* A column with its place in the levels. */
typedef struct df__pq_node df__pq_node;
struct df__pq_node {
    const df__parquet_column *column;
    df__pq_node *children; /* column->child_count of them */
    int def;               /* definition level from which on it is there */
    int rep; /* LIST, MAP: repetition level of a further element; else of the column */
    size_t leaf, leaf_count; /* leaves in it, by number */
};

/* How values of a leaf lie in a page. */
typedef struct df__pq_layout {
    int physical;
    size_t width; /* of a value; 0: bytes with their length before them, or bits */
    int order;    /* DF__PQ_ORDER_... */
} df__pq_layout;
enum {
    DF__PQ_ORDER_INT32,
    DF__PQ_ORDER_INT64,
    DF__PQ_ORDER_FLOAT,
    DF__PQ_ORDER_DOUBLE,
    DF__PQ_ORDER_BYTES,
    DF__PQ_ORDER_DECIMAL /* signed, big-endian, all of one width */
};

/* A failure with one line that names the column; answers status. */
int df__pq_fail(df__parquet_error *error, int status, const char *format, ...) DF_PRINTF(3, 4);
/* A copy of columns, in the arena; checks nothing. NULL: no memory. */
df__parquet_column *df__pq_columns_copy(df__arena *a, const df__parquet_column *from, size_t count);
/* Nodes of the columns. DF_EINVAL: the text names the column; DF_ENOMEM. */
int df__pq_nodes(df__arena *a, const df__parquet_column *columns, size_t count, df__pq_node *ret,
                 df__parquet_error *error);
/* 1: STRUCT, LIST or MAP. */
static inline int df__pq_nested(const df__parquet_column *c)
{
    return c->kind >= DF__PARQUET_STRUCT;
}
/* How the writer lays out values of a leaf. */
df__pq_layout df__pq_layout_of(const df__parquet_column *c);
/* Bytes of a decimal of so many digits, as small as they go. */
size_t df__pq_decimal_width(int precision);
/* "timestamptz", for texts. */
const char *df__pq_kind_name(int kind);

/* ---- bounds ---------------------------------------------------------------------------------- */

enum { DF__PQ_BOUND = 64 };
typedef struct df__pq_bound { /* a value, or how it begins */
    unsigned char data[DF__PQ_BOUND];
    uint8_t len, set, longer; /* longer: there is more of it */
} df__pq_bound;
typedef struct df__pq_range {
    df__pq_bound low, high;
} df__pq_range;

/* <0, 0, >0; plain values of that order, no NaN. */
int df__pq_compare(int order, df_bytes a, df_bytes b);
/* Widens the range to hold the value. */
void df__pq_range_add(df__pq_range *r, int order, df_bytes v);
/* Widens the range to hold all of the other one. */
void df__pq_range_join(df__pq_range *r, int order, const df__pq_range *other);
/* Zeros of FLOAT and DOUBLE: -0.0 as a lower, +0.0 as an upper bound. */
void df__pq_range_zeros(df__pq_range *r, int order);
/* A bound of at most `limit` bytes, of whole characters when it is text, at most `characters` of
 * them (0: any): cut as a lower one, cut and increased as an upper one. *ret_exact: nothing was
 * cut. Length in out, which has room for limit; -1: there is none. */
typedef struct df__pq_cut {
    int text, upper;
    size_t limit, characters;
    int exact; /* answer */
} df__pq_cut;
int df__pq_bound_cut(const df__pq_bound *b, df__pq_cut *how, unsigned char *out);

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Parquet files are little-endian, and this code takes their bytes as they are"
#endif

/* ---- little-endian numbers ------------------------------------------------------------------- */

static inline uint32_t df__pq_load4(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t df__pq_load8(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

#endif
