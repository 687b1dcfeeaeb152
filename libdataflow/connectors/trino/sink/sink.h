/* SPDX-License-Identifier: Apache-2.0
 * sink.h: a table as a sink. A parcel is one statement: an INSERT of all its rows, or with
 * upsertMode a MERGE of the last state of each key. Trino commits it as a whole. */
#ifndef DF_TRINO_SINK_H
#define DF_TRINO_SINK_H

#include "client/statement.h"
#include "types/literal.h"

enum { TRINO_KEYS = 16, TRINO_TEXT_MOST = 1000000 };

typedef struct df__trino_column {
    df_bytes name;
    df__trino_type type;
    int not_null, is_key;
} df__trino_column;

/* The table as the server last described it. */
typedef struct df__trino_table {
    df__arena memory;
    df__trino_column *columns;
    size_t count;
    size_t keys[TRINO_KEYS];
    size_t key_count;
    size_t data, meta; /* of rawMode; count: there is none */
} df__trino_table;

/* One literal of a row in the text of all literals; len 0: the record does not have the column. */
typedef struct df__trino_cell {
    size_t at, len;
} df__trino_cell;

enum df__trino_op {
    TRINO_OP_SET,     /* columns that the record has */
    TRINO_OP_DELETE,  /* the row of the key */
    TRINO_OP_REPLACE, /* a delete, and then a row: what it does not have is NULL */
    TRINO_OP_NOTHING  /* a later item of its key replaces all of it */
};

typedef struct df__trino_item {
    size_t record; /* of the parcel */
    enum df__trino_op op;
    size_t cells;  /* the first of its cells in the work, one for each column */
    uint64_t hash; /* of the key */
} df__trino_item;

/* A record that will be refused. It is told when the outcome is known: a look at the table may
 * show that it can be written after all. */
typedef struct df__trino_refusal {
    size_t record, at, len; /* its text in `why` */
    const char *reason;     /* static */
} df__trino_refusal;

/* What of a parcel is to be written. */
typedef struct df__trino_work {
    df_parcel *parcel;
    df__buf text; /* literals */
    df__trino_item *items;
    size_t count, cap;
    df__trino_cell *cells; /* of all items */
    size_t cell_count, cell_cap;
    df__trino_refusal *refusals;
    size_t refused, refusal_cap;
    df__buf why;
} df__trino_work;

typedef struct df__trino_sink {
    df__trino_place place;
    struct {
        int64_t batch_size, batch_interval_us, timeout_us;
        int auto_create, upsert, raw, flatten, unknown;
        df_bytes conflict_key, flatten_prefix;
    } opt;
    df__trino_session session;
    df__trino_statement statement;
    df__trino_table table;
    df__trino_work work;
    df__trino_writer writer;
    df_value *values;
    df_columns *names; /* for df_parcel_row, in the order of the table's columns */
    char *names_text;  /* they, each ended by NUL; both live as long as the stage */
    size_t names_len;
    df__buf sql, meta;
    df_stage *st;
    int is_open, has_table, seen, stops, warned_left_out;
} df__trino_sink;

extern const df_options df__trino_sink_options;
extern const df_sink_ops df__trino_sink_ops;
/* The check operation: what the options alone show to be wrong. */
int df__trino_sink_check(void *self, df_stage *st);

/* ---- table.c --------------------------------------------------------------------------------- */

/* Reads the columns. DF_ENOTFOUND: there is no such table, and the stage has no text of it
 * yet. */
int df__trino_table_load(df__trino_sink *s);
/* Forgets the columns. */
void df__trino_table_free(df__trino_sink *s);
/* Index of a column; table.count: none. */
size_t df__trino_column_at(const df__trino_table *t, df_bytes name);
/* What a table that is not there means. */
int df__trino_missing(df__trino_sink *s);

/* ---- create.c -------------------------------------------------------------------------------- */

/* autoCreateTable: from the schemas and values of the parcel; with rawMode from its metadata.
 * DF_MORE: no record of it has a column. */
int df__trino_create(df__trino_sink *s, df_parcel *parcel);

/* ---- raw.c: rawMode -------------------------------------------------------------------------- */

/* Whether the table can take whole records. */
int df__trino_raw_fits(df__trino_sink *s);
/* Fills s->values with the record; DF_EDATA, DF_ENOMEM. */
int df__trino_raw_row(df__trino_sink *s, df_parcel *parcel, size_t index);
/* ---- rows.c ---------------------------------------------------------------------------------- */

/* Literals of all records of the parcel, in items; what can never be a row is noted as refused. */
int df__trino_work_fill(df__trino_sink *s, df_parcel *parcel);
/* Names what was refused to the core. DF_ENOMEM. */
int df__trino_work_tell(df__trino_work *w);
/* Frees the rows of the parcel; the work is as before its first use. */
void df__trino_work_free(df__trino_work *w);

/* ---- insert.c, merge.c: the statement of the work, into s->sql ------------------------------- */

/* An INSERT of all items. */
void df__trino_insert_sql(df__trino_sink *s);
/* A MERGE of all items, after df__trino_fold. */
void df__trino_merge_sql(df__trino_sink *s);
/* Leaves one item for each key: the last state. DF_ENOMEM. */
int df__trino_fold(df__trino_sink *s);

/* ---- write.c --------------------------------------------------------------------------------- */

/* The write operation: one parcel as one statement, waited for. DF_OK: the server has committed it.
 */
int df__trino_write(df__trino_sink *s, df_parcel *parcel);

#endif
