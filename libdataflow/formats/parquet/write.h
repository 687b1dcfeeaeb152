/* SPDX-License-Identifier: Apache-2.0
 * write.h: the inside of a writer: leaves with the page that is open, pages that are packed, a
 * dictionary. Rows are shredded by write.c, pages are made by page_write.c. */
#ifndef DF_PARQUET_WRITE_H
#define DF_PARQUET_WRITE_H

#include "formats/parquet/codec.h"
#include "formats/parquet/scalar.h"

/* A packed page, with its header. */
typedef struct df__pq_page {
    struct df__pq_page *next;
    size_t len;  /* of data */
    size_t raw;  /* of header and body before compression */
    int64_t row; /* its first one in the row group */
    int64_t nulls;
    int only_nulls;
    int has_range;
    df__pq_range range;
    char data[];
} df__pq_page;

/* Values of a chunk, each once. Those that have a length lie as pages have them. */
typedef struct df__pq_dictionary {
    int on;       /* values of the open page are numbers of entries */
    int written;  /* pages of the chunk use it */
    int judged;   /* whether it pays was asked in this chunk */
    int useless;  /* never again in this file */
    df__buf data; /* entries, plain */
    uint32_t count;
    uint32_t *slots;  /* number of the entry + 1; 0: free */
    uint32_t *hashes; /* of the entries */
    uint32_t *begins; /* of entries in data, when they have lengths */
    uint32_t *seen;   /* number of the page that an entry was last seen in */
    size_t slot_count, cap;
} df__pq_dictionary;

typedef struct df__pq_leaf {
    const df__parquet_column *column;
    int max_def, max_rep;
    df__pq_scalar scalar;
    df__buf defs, reps; /* a byte each; defs stay empty when max_def is 0, and so do reps */
    df__buf values;     /* plain; BOOLEAN a byte each */
    df__buf numbers;    /* of dictionary entries, uint32_t, in place of values */
    size_t value_count, level_count;
    size_t row_levels, row_values, row_bytes; /* before the row that is being added */
    int64_t page_row;
    df__pq_dictionary dict;
    df__pq_page *first, *last;
    uint32_t page_count;
    size_t packed, raw, page_nans;
    int plain_pages, dict_pages;
    int64_t values_all, nulls_all, nans_all; /* of the chunk */
    df__pq_range range;                      /* of the chunk */
    int64_t file_values, file_nulls, file_nans, file_size;
    df__pq_range file_range;
    unsigned char lower[DF__PQ_BOUND], upper[DF__PQ_BOUND];
} df__pq_leaf;

struct df__parquet_writer {
    const df__heap *heap;
    df__arena arena;
    df__pq_node root;
    df__pq_leaf *leaves;
    size_t leaf_count, column_count;
    const df_pair *meta;
    size_t meta_count;
    size_t row_group_bytes, page_bytes, dictionary_bytes;
    int no_dictionary, finished;
    int closing; /* the row group ends */
    int broken;  /* what the callback answered, or DF_ENOMEM where something is half done */
    int (*write)(void *user, const void *data, size_t len);
    void *user;
    int codec; /* as files number it */
    df__pq_packer packer;
    df__buf body, packed, text, thrift;
    df__buf groups; /* row groups of the footer */
    size_t group_count;
    df__buf splits; /* int64_t each */
    int64_t rows, group_rows, at;
    size_t held;
    df__parquet_metrics *metrics;
};

/* ---- leaf.c ---------------------------------------------------------------------------------- */

/* Adds a value that is there to the open page. DF_EDATA: leaf->scalar.why; DF_ENOMEM. */
int df__pq_leaf_add(df__pq_leaf *l, const df_value *v);
/* Adds levels alone, or those of a value. */
void df__pq_leaf_level(df__pq_leaf *l, int rep, int def);
/* Bytes that the open page takes so far. */
static inline size_t df__pq_leaf_open(const df__pq_leaf *l)
{
    return l->values.len + l->numbers.len + l->defs.len + l->reps.len;
}
/* All memory of the leaf but its pages. */
void df__pq_leaf_free(df__pq_leaf *l, const df__heap *heap);

/* ---- dictionary.c ---------------------------------------------------------------------------- */

void df__pq_dictionary_init(df__pq_dictionary *d, const df__heap *heap);
/* The number of a value, which becomes an entry when it is none. width 0: with a length. -1: no
 * memory. */
int64_t df__pq_dictionary_put(df__pq_dictionary *d, df_bytes v, size_t width);
/* The value of an entry. */
df_bytes df__pq_dictionary_at(const df__pq_dictionary *d, uint32_t number, size_t width);
/* No entries; keeps its memory. */
void df__pq_dictionary_clear(df__pq_dictionary *d);
void df__pq_dictionary_free(df__pq_dictionary *d);

/* ---- page_write.c ---------------------------------------------------------------------------- */

/* Packs the open page, if it has levels. DF_ENOMEM, DF_EINTERNAL. */
int df__pq_page_close(df__parquet_writer *w, df__pq_leaf *l);
/* Appends the page of the dictionary, with its header, to out. */
int df__pq_page_dictionary(df__parquet_writer *w, df__pq_leaf *l, df__buf *out, size_t *ret_raw);
/* Decides whether the dictionary pays, and makes the open page plain when not. DF_ENOMEM. */
int df__pq_page_judge(df__parquet_writer *w, df__pq_leaf *l);

/* ---- group_write.c --------------------------------------------------------------------------- */

/* Writes the row group, when it has rows. */
int df__pq_group_write(df__parquet_writer *w);
/* Hands bytes to the callback. */
int df__pq_give(df__parquet_writer *w, const void *data, size_t len);

/* ---- footer_write.c -------------------------------------------------------------------------- */

/* Magic, footer, magic. */
int df__pq_footer_write(df__parquet_writer *w);
/* Fills the summary. */
void df__pq_summary(df__parquet_writer *w, df__parquet_summary *ret);

#endif
