/* SPDX-License-Identifier: Apache-2.0
 *
 * parquet.h: Parquet files, written and read, for connectors that keep tables in files. It is no
 * part of the library itself: a connector's CMakeLists.txt says PARQUET and has it in its module.
 * docs/parquet.md says what is written and what is read.
 *
 * THE STORY. Nothing here does I/O: a writer hands its bytes to a callback, in the order of the
 * file; a reader asks a callback for ranges. A writer takes rows and keeps one row group, packed
 * page by page, so its memory is about `row_group_bytes`. A reader holds one page of each column
 * that is asked for, and one dictionary.
 *
 *     df__parquet_writer_new(heap, &options, &w, &error);          a file
 *     df__parquet_append(w, values, &error);                       for each row
 *     df__parquet_finish(w, &summary, &error);                     footer; what Iceberg wants to
 * know df__parquet_writer_free(w);
 *
 *     df__parquet_open(heap, &input, &f, &error);
 *     df__parquet_project(f, wanted, count, 0, &error);            left out: all columns of the
 * file while ((rc = df__parquet_next(f, arena, values, &error)) == DF_OK)
 *         ...                                                      arena: reset it after each row
 *     df__parquet_free(f);
 *
 * WORDS.
 *   column     a node of the tree of types; a leaf has values, STRUCT, LIST and MAP have children
 *   id         the field id of Iceberg, by which a column is known whatever its name is
 *   chunk      the pages of one leaf in one row group
 *   bounds     lowest and highest value of a leaf
 *
 * VALUES. What a column gives when it is read, and takes when it is written:
 *   kind         gives      takes, besides null
 *   BOOLEAN      BOOL       BOOL
 *   INT, LONG    INT        whole numbers of any type that fit
 *   FLOAT        DOUBLE     any number, to the nearest; the STRINGs NaN, Infinity, -Infinity
 *   DOUBLE       DOUBLE     the same
 *   DECIMAL      NUMBER     any number that fits the digits without rounding
 *   DATE         DATE       DATE; STRING "2024-02-29"
 *   TIME         TIME       TIME; STRING "23:59:59.5"
 *   TIMESTAMP    TIMESTAMP  TIMESTAMP without a zone; STRING without one
 *   TIMESTAMPTZ  TIMESTAMP  TIMESTAMP with a zone; STRING with one (RFC 3339)
 *   STRING       STRING     STRING; numbers, BOOL and times as their text; containers as JSON
 *   UUID         STRING     STRING of 36 characters; BYTES of 16
 *   FIXED        BYTES      BYTES of that length; STRING: base64 of it
 *   BINARY       BYTES      BYTES; STRING: base64
 *   STRUCT       OBJECT     OBJECT; a member that is missing is null; one that is no column:
 * refused LIST         ARRAY      ARRAY MAP          OBJECT     OBJECT, whose names are the keys,
 * when keys are STRING; else, both ways, an ARRAY of OBJECTs with "key" and "value". A MAP with
 * STRING keys takes such an ARRAY too UNCHANGED and ABSENT are written as null: who writes decides
 * before.
 *
 * BORROWED. What a reader gives lives until its next call, and not longer than `arena`, in which
 * containers and texts that had to be made are built: copy what is kept (df_value_new,
 * df_record_set_row and df_record_set_root do). What is given to a writer is not kept.
 *
 * READS. A reader asks for the last 64 KiB of the file, then for each column a range at a time, in
 * the order of the file within a column: 64 KiB, or what is left of a page. A callback to which a
 * request is dear reads ahead: df__parquet_group_at says where a row group lies.
 *
 * ANSWERS. DF_EDATA: the file is damaged or hostile, or a value does not fit; error->text is one
 * line with the column, without values. DF_ENOTSUP: a sound file with something that is not read
 * here (encryption, a codec that was not built in). DF_EINVAL: options or columns are wrong.
 * DF_ENOMEM. What a callback answers other than DF_OK is handed on, with no text.
 *
 * THREADS. A writer or a reader is used by one thread at a time.
 */
#ifndef DF_PARQUET_PARQUET_H
#define DF_PARQUET_PARQUET_H

#include "dataflow_ext.h"
#include "util/arena.h"
#include "util/buf.h"

enum { DF__PARQUET_TEXT = 512 };
typedef struct df__parquet_error {
    char text[DF__PARQUET_TEXT];
} df__parquet_error;

/* ---- columns --------------------------------------------------------------------------------- */

enum {
    DF__PARQUET_ANY, /* wanted as the file has it */
    DF__PARQUET_BOOLEAN,
    DF__PARQUET_INT,  /* 32 bits */
    DF__PARQUET_LONG, /* 64 */
    DF__PARQUET_FLOAT,
    DF__PARQUET_DOUBLE,
    DF__PARQUET_DECIMAL, /* precision 1 to 38, scale 0 to precision */
    DF__PARQUET_DATE,
    DF__PARQUET_TIME,         /* µs */
    DF__PARQUET_TIMESTAMP,    /* µs, no zone */
    DF__PARQUET_TIMESTAMPTZ,  /* µs, UTC */
    DF__PARQUET_TIMESTAMP_NS, /* the same in ns: a value that is no whole µs is read as the STRING
                                 of */
    DF__PARQUET_TIMESTAMPTZ_NS, /* RFC 3339 with nine digits, so that nothing is rounded */
    DF__PARQUET_STRING,
    DF__PARQUET_UUID,
    DF__PARQUET_FIXED, /* `length` bytes */
    DF__PARQUET_BINARY,
    DF__PARQUET_UNKNOWN, /* always null: read only */
    DF__PARQUET_STRUCT,  /* children: its fields */
    DF__PARQUET_LIST,    /* one child: the element; its name is written as "element" */
    DF__PARQUET_MAP      /* two children: the key, which is required, and the value */
};
enum { DF__PARQUET_NO_ID = -1 };
typedef struct df__parquet_column {
    const char *name;
    int32_t id; /* DF__PARQUET_NO_ID: none */
    int kind;   /* DF__PARQUET_... */
    int required;
    int precision, scale; /* DECIMAL */
    int length;           /* FIXED */
    const struct df__parquet_column *children;
    size_t child_count;
    /* Read: a field of a struct that the file does not have; NULL: null. A scalar; borrowed. */
    const df_value *missing;
} df__parquet_column;

/* ---- writing --------------------------------------------------------------------------------- */

enum {
    DF__PARQUET_NONE,
    DF__PARQUET_SNAPPY,
    DF__PARQUET_GZIP,
    DF__PARQUET_ZSTD,
    DF__PARQUET_LZ4_RAW
};
/* The codec of a name: none (uncompressed too), snappy, gzip, zstd, lz4_raw (lz4 too). -1: no such
 * one, or it was not built in. */
int df__parquet_codec(const char *name);

typedef struct df__parquet_options {
    const df__parquet_column *columns; /* copied, as the rest is */
    size_t column_count;
    int codec;               /* DF__PARQUET_NONE, ... */
    int level;               /* of gzip and zstd; 0: the usual one */
    size_t row_group_bytes;  /* 0: 32 MiB; what is kept until a group is written */
    size_t page_bytes;       /* 0: 1 MiB, before compression */
    size_t dictionary_bytes; /* of a chunk; 0: 1 MiB */
    int no_dictionary;       /* 1: all values are written plainly */
    const df_pair *meta;     /* key-value metadata, such as iceberg.schema */
    size_t meta_count;
    /* Takes the next bytes of the file. Not DF_OK: the writer answers it, and nothing else than
     * df__parquet_writer_free may follow. */
    int (*write)(void *user, const void *data, size_t len);
    void *user;
} df__parquet_options;

typedef struct df__parquet_writer df__parquet_writer;
/* Writes nothing yet. DF_EINVAL: a column or an option is wrong, the text says which. */
int df__parquet_writer_new(const df__heap *heap, const df__parquet_options *options,
                           df__parquet_writer **ret, df__parquet_error *error);
/* Adds a row: values[i] is of options->columns[i]. May write a row group that is full. DF_EDATA: a
 * value does not fit; nothing of the row is added, and the writer goes on, as it does when there
 * was no memory for the row. What fails after that, in packing or in the callback, ends the writer.
 */
int df__parquet_append(df__parquet_writer *w, const df_value *values, df__parquet_error *error);
/* Rows so far. */
int64_t df__parquet_rows(const df__parquet_writer *w);
/* Bytes of the file as far as they are known: written ones and packed pages, and those of open
 * pages before compression. For aiming at a size of files. */
int64_t df__parquet_bytes(const df__parquet_writer *w);
/* Bytes of memory that the row group takes. */
size_t df__parquet_held(const df__parquet_writer *w);

/* What Iceberg's data_file says of a leaf. */
typedef struct df__parquet_metrics {
    int32_t id;
    int64_t size;   /* bytes of its chunks in the file: column_sizes */
    int64_t values; /* with nulls and NaNs; of a list or map each element, an empty one 1 */
    int64_t nulls;
    int64_t nans;          /* -1: no FLOAT or DOUBLE */
    df_bytes lower, upper; /* single values as Iceberg serializes them (its Appendix D); STRING and
                              BINARY cut to 16 characters or bytes; data NULL: none. No NaN; -0.0 is
                              a lower, +0.0 an upper zero. None inside of lists and maps */
} df__parquet_metrics;
typedef struct df__parquet_summary {
    int64_t records, bytes; /* bytes: of the whole file */
    const int64_t *splits;  /* where row groups begin: split_offsets */
    size_t split_count;
    const df__parquet_metrics *columns; /* leaves in their order */
    size_t column_count;
} df__parquet_summary;
/* Writes what is left and the footer: the file is whole, and nothing may be appended. *ret lives as
 * long as the writer. A file without rows is sound. */
int df__parquet_finish(df__parquet_writer *w, df__parquet_summary *ret, df__parquet_error *error);
/* Frees the writer, finished or not. NULL is nothing. */
void df__parquet_writer_free(df__parquet_writer *w);
/* Appends a value of a leaf as Iceberg serializes single values (its Appendix D), whole. DF_EDATA:
 * it is null or does not fit; DF_ENOMEM. */
int df__parquet_single(const df__parquet_column *column, const df_value *v, df__buf *out);

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct df__parquet_input {
    /* Fills buf with all len bytes from offset; a range outside of the file is never asked for. */
    int (*read)(void *user, int64_t offset, void *buf, size_t len);
    void *user;
    int64_t size;          /* of the file */
    size_t page_limit;     /* bytes of a page, unpacked; 0: 256 MiB. A larger one: DF_EDATA */
    size_t metadata_limit; /* bytes of the footer; 0: 64 MiB */
} df__parquet_input;

typedef struct df__parquet_file df__parquet_file;
/* Reads the footer. DF_EDATA: no Parquet file. */
int df__parquet_open(const df__heap *heap, const df__parquet_input *input, df__parquet_file **ret,
                     df__parquet_error *error);
/* The columns of the file; live as long as it. Types that Iceberg has not: integers of 8 and 16
 * bits are INT, unsigned ones of 32 LONG, of 64 DECIMAL(20,0); ENUM and JSON are STRING, BSON is
 * BINARY, INTERVAL is FIXED(12); INT96 is TIMESTAMP_NS. */
const df__parquet_column *df__parquet_columns(const df__parquet_file *f, size_t *ret_count);
/* Key-value metadata; data NULL: none of that key. */
df_bytes df__parquet_meta(const df__parquet_file *f, const char *key);
/* Rows of the file. */
int64_t df__parquet_file_rows(const df__parquet_file *f);

enum { DF__PARQUET_BY_NAME = 1 /* columns are matched by name, not by id */ };
/* Which columns are read, and as what; copied. A column is found by its id, in structs, lists and
 * maps too; a wanted column without an id by its name. A kind may be wider than the file's: INT as
 * LONG, FLOAT as DOUBLE, DATE as TIMESTAMP, a DECIMAL of fewer digits and the same scale,
 * TIMESTAMP and TIMESTAMPTZ as each other, STRING and BINARY too. What the file does not have is
 * null, or its `missing` (ABSENT at the top level, so that it can be told). Reading begins at the
 * first row again. DF_EINVAL: a kind cannot be read as the one wanted. */
int df__parquet_project(df__parquet_file *f, const df__parquet_column *wanted, size_t count,
                        unsigned flags, df__parquet_error *error);

/* The next row: values[i] is of column i of those wanted. DF_DONE: no more. Containers are built in
 * `arena`, which the caller empties when it wants. */
int df__parquet_next(df__parquet_file *f, df__arena *arena, df_value *values,
                     df__parquet_error *error);
/* The same, as one OBJECT with the names of the columns. */
int df__parquet_next_object(df__parquet_file *f, df__arena *arena, df_value *ret,
                            df__parquet_error *error);
/* The number of the row that is next in the file, from 0; counted over all row groups, also those
 * that are skipped: what position deletes name. */
int64_t df__parquet_position(const df__parquet_file *f);
/* Goes on at that row; the number of rows of the file: DF_DONE next. Row groups before it are not
 * read; pages before it are read over without being unpacked, those of lists only when they are of
 * v2. DF_EINVAL: no such row. */
int df__parquet_seek(df__parquet_file *f, int64_t row, df__parquet_error *error);

typedef struct df__parquet_group {
    int64_t offset; /* of its first byte: as in split_offsets */
    int64_t bytes;  /* packed, of all columns */
    int64_t first, rows;
} df__parquet_group;
size_t df__parquet_group_count(const df__parquet_file *f);
/* DF_EINVAL: no such group. */
int df__parquet_group_at(const df__parquet_file *f, size_t index, df__parquet_group *ret);
/* Asked before each row group with what its statistics say; 0: the group is skipped. NULL: none is.
 * keep may call df__parquet_group_bounds. */
void df__parquet_filter(df__parquet_file *f, int (*keep)(void *user, size_t group), void *user);

typedef struct df__parquet_bounds {
    int64_t values, nulls; /* nulls -1: not known */
    df_bytes lower, upper; /* as in df__parquet_metrics but not cut; data NULL: not known. They may
                              be wider than the values, never narrower */
} df__parquet_bounds;
/* Statistics of the leaf with that id in a row group; live until the next call. Only those in which
 * every writer keeps the order (min_value, max_value). DF_ENOTFOUND: no such leaf. */
int df__parquet_group_bounds(df__parquet_file *f, size_t group, int32_t id,
                             df__parquet_bounds *ret);
/* NULL is nothing. */
void df__parquet_free(df__parquet_file *f);

#endif
