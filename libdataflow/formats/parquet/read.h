/* SPDX-License-Identifier: Apache-2.0
 * read.h: the inside of a reader: the footer, shapes of columns, cursors over chunks, the plan of
 * what is wanted. */
#ifndef DF_PARQUET_READ_H
#define DF_PARQUET_READ_H

#include <yyjson.h>

#include "formats/parquet/codec.h"
#include "formats/parquet/rle.h"
#include "formats/parquet/thrift.h"
#include "formats/parquet/type.h"

/* ---- footer: footer_read.c ------------------------------------------------------------------- */

typedef struct df__pq_element { /* of the schema, as the file has it */
    df_bytes name;
    int32_t physical; /* -1: a group */
    int32_t length, repetition, children, converted, scale, precision, id;
    int logical;   /* number of its LogicalType; 0: none */
    int unit, utc; /* of a logical time; 1 ms, 2 µs, 3 ns */
    int bits, is_signed;
} df__pq_element;

typedef struct df__pq_chunk {
    int64_t begin, length; /* bytes of its pages */
    int64_t values;
    int64_t offsets, nulls; /* of its index, 0: none; nulls -1: not known */
    int32_t offsets_length, codec;
    df_bytes low, high; /* data NULL: none */
    int encrypted;
} df__pq_chunk;

typedef struct df__pq_group {
    df__pq_chunk *chunks; /* one for each leaf */
    int64_t rows, first;
} df__pq_group;

typedef struct df__pq_footer {
    df__pq_element *elements;
    size_t element_count, group_count, leaf_count, meta_count;
    df__pq_group *groups;
    df_pair *meta;
    int64_t rows, size;
} df__pq_footer;
/* Parses the footer, whose bytes live as long as the arena. DF_EDATA, DF_ENOTSUP, DF_ENOMEM. */
int df__pq_footer_read(df__arena *a, df_bytes bytes, df__pq_footer *f, df__parquet_error *error);

/* ---- shapes: shape.c ------------------------------------------------------------------------- */

typedef struct df__pq_shape df__pq_shape;
struct df__pq_shape {
    df__parquet_column *column;
    const df__pq_element *element;
    df__pq_shape *children;
    int def;     /* from which on it is there */
    int rep;     /* LIST, MAP: of a further element; else of the column */
    size_t leaf; /* the first one in it */
    size_t leaf_count;
};
/* The tree of columns of the file. root->column is a STRUCT. DF_EDATA, DF_ENOTSUP, DF_ENOMEM. */
int df__pq_shapes(df__arena *a, df__pq_footer *f, df__pq_shape *root, df__parquet_error *error);

/* An answer about damage in a column. */
int df__pq_damaged(const df__pq_shape *s, const char *why, df__parquet_error *error);

/* ---- values of pages: decode.c --------------------------------------------------------------- */

typedef union df__pq_raw { /* a plain value */
    uint64_t bits;         /* of up to 8 bytes */
    df_bytes bytes;        /* others; borrowed from page or dictionary */
} df__pq_raw;

typedef struct df__pq_delta { /* DELTA_BINARY_PACKED */
    const unsigned char *p, *end;
    uint64_t left, value, min_delta;
    uint32_t block, minis, mini, mini_left;
    const unsigned char *widths;
    uint32_t in_block; /* numbers left of the block */
    unsigned width, at;
    int first;
} df__pq_delta;

typedef struct df__pq_values {
    int encoding, physical;
    size_t width; /* of FIXED and INT96 */
    const unsigned char *p, *end;
    size_t count, done; /* values of the page at most; given so far */
    unsigned bit;
    df__pq_rle rle;
    df__pq_delta lengths, prefixes;
    df__buf *last; /* DELTA_BYTE_ARRAY: values of the batch, the last one at its end */
    size_t last_len;
    const df__pq_raw *dictionary;
    size_t dictionary_count;
} df__pq_values;
/* Begins at the values of a page. NULL: fine; else what is wrong. */
const char *df__pq_values_open(df__pq_values *v, df_bytes in);
/* Up to n values; *ret_count may be less, but not 0. NULL: fine. */
const char *df__pq_values_read(df__pq_values *v, df__pq_raw *to, size_t n, size_t *ret_count);

/* ---- cursors: cursor.c ----------------------------------------------------------------------- */

enum { DF__PQ_BATCH = 512 };
typedef struct df__pq_cursor {
    df__parquet_file *file;
    const df__pq_shape *shape; /* of a leaf */
    const df__pq_chunk *chunk; /* NULL: before the first one */
    int64_t at, end;           /* next page header; end of the chunk */
    int64_t values_left;       /* levels that no page had yet */
    int max_def, max_rep;
    int whole;      /* levels are not needed: flat and required */
    df__buf window; /* bytes of the file from window_at on */
    int64_t window_at;
    df__buf page, dictionary_page, packed;
    df__pq_raw *dictionary;
    size_t dictionary_count;
    size_t page_left; /* levels of the page not in the batch yet */
    df__pq_rle reps_in, defs_in;
    df__buf old_reps, old_defs; /* BIT_PACKED ones, turned */
    int64_t skipping;           /* rows to leave out: whole pages need not be unpacked */
    df__pq_values values;
    df__buf built; /* of DELTA_BYTE_ARRAY */
    uint32_t reps[DF__PQ_BATCH], defs[DF__PQ_BATCH];
    df__pq_raw raws[DF__PQ_BATCH];
    size_t level, levels;            /* the next one, how many */
    size_t raw, raw_count, raw_need; /* need: of the batch, not read yet */
} df__pq_cursor;

/* Goes to the begin of the chunk. */
void df__pq_cursor_open(df__pq_cursor *c, const df__pq_chunk *chunk);
/* Makes sure that a level is there. DF_OK; DF_DONE: the chunk ends; DF_EDATA, DF_ENOMEM, ... */
int df__pq_cursor_fill(df__pq_cursor *c, df__parquet_error *error);
/* Takes the level that df__pq_cursor_fill has, and its value when it has one. */
int df__pq_cursor_take(df__pq_cursor *c, df__pq_raw *ret, df__parquet_error *error);
/* Leaves `rows` rows out. */
int df__pq_cursor_skip(df__pq_cursor *c, int64_t rows, df__parquet_error *error);
void df__pq_cursor_free(df__pq_cursor *c);

/* ---- plan: plan.c; values: to_value.c; rows: assemble.c ---------------------------------------
 */

typedef struct df__pq_plan df__pq_plan;
struct df__pq_plan {
    const df__parquet_column *wanted;
    const df__pq_shape *from; /* NULL: the file does not have it */
    df__pq_plan *children;
    size_t cursor, cursor_count; /* in df__parquet_file.cursors */
    int kind;                    /* what it is read as */
    yyjson_val key;              /* its name, as a member */
    /* A leaf: a raw value as a value; text that is made lies in the arena. */
    int (*convert)(const struct df__pq_plan *p, df__pq_raw raw, df__arena *a, df_value *ret);
    int64_t factor; /* of times to µs; 0: they are ns */
};
/* What reads a file leaf as `kind`. 0: it cannot be. */
int df__pq_convert_of(df__pq_plan *p);

struct df__parquet_file {
    const df__heap *heap;
    df__parquet_input input;
    df__arena arena, plan_arena;
    df__pq_footer footer;
    df__pq_shape root;
    df__pq_plan plan; /* its children are the wanted columns */
    size_t wanted_count;
    df__pq_cursor *cursors;
    size_t cursor_count;
    size_t group; /* the one that is read, or next */
    int in_group;
    int64_t row; /* in the group */
    int broken;  /* what the last row answered, when it failed */
    int (*keep)(void *user, size_t group);
    void *keep_user;
    df_value *row_values;
    yyjson_val *vals; /* of the row's tree */
    size_t val_count, val_cap;
    df__buf bound;
};

/* Reads len bytes at offset, which are in the file. */
static inline int df__pq_read(df__parquet_file *f, int64_t offset, void *buf, size_t len)
{
    return len ? f->input.read(f->input.user, offset, buf, len) : DF_OK;
}
/* The values of the row at which all cursors are. */
int df__pq_assemble(df__parquet_file *f, df__arena *a, df_value *values, df__parquet_error *error);
/* A scalar as trees have it; ABSENT as null. */
void df__pq_place(yyjson_val *to, const df_value *v);

#endif
