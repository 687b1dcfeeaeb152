/* SPDX-License-Identifier: Apache-2.0
 * source.h: a source that asks a table or a query for new rows again and again. Rows are ordered by
 * their change time and a key; the position is that of the last row. */
#ifndef DF_TRINO_SOURCE_H
#define DF_TRINO_SOURCE_H

#include "client/statement.h"
#include "types/decode.h"
#include "types/literal.h"

enum { TRINO_ORDER = 8 };

/* A value of a key as text: as a literal of its type in SQL, as a number or a string in JSON. */
typedef struct df__trino_mark {
    df__buf text;
    int is_set, is_number;
} df__trino_mark;

/* The place of a row in the order. */
typedef struct df__trino_marks {
    df__trino_mark at[TRINO_ORDER];
} df__trino_marks;

/* How far the table was read. */
typedef struct df__trino_spot {
    df__trino_marks last;
    df__trino_marks nulls; /* of the rows without a change time; the first one is not used */
} df__trino_spot;

typedef struct df__trino_field_of {
    df_bytes name;
    df__trino_type type;
} df__trino_field_of;

/* What is read, as the server describes it now. */
typedef struct df__trino_plan {
    df__arena memory;
    df__trino_field_of *fields;
    size_t field_count;
    df_schema *schema;
    size_t keys[TRINO_ORDER]; /* fields: the change time first, if there is one */
    size_t key_count;         /* 0: a query without a position */
    size_t order_count;       /* then: fields in `keys` that only order it */
    int has_time;             /* the first of them is the change time */
} df__trino_plan;

/* The change time of a table without changeTrackingColumn. */
enum df__trino_custom {
    TRINO_CUSTOM_OPEN,
    TRINO_CUSTOM_NONE,
    TRINO_CUSTOM_UPDATED,
    TRINO_CUSTOM_CREATED
};

enum df__trino_phase { TRINO_PHASE_IDLE, TRINO_PHASE_ASKED };

typedef struct df__trino_source {
    df__trino_place place;
    struct {
        df_bytes query, change, order;
        int64_t interval_us, batch, timeout_us;
    } opt;
    df__trino_session session;
    df__trino_statement statement;
    df__trino_plan plan;
    df__trino_decoder decoder;
    df_value *values;
    df__trino_spot spot;  /* up to where rows were added */
    df__trino_marks row;  /* the newest row; it counts when one with other keys follows */
    df__trino_marks next; /* the one that is looked at */
    int has_row, row_is_null;
    df__buf sql, position;
    df_stage *st;
    df_partition *part;
    enum df__trino_phase phase;
    yyjson_arr_iter page; /* of the page at hand */
    yyjson_val *ahead;    /* its next row; NULL: there is none */
    uint64_t rows;        /* of the statement that is under way */
    int64_t due_us;       /* of the next poll */
    int64_t planned_us;   /* when the columns were read */
    int64_t heard_us;     /* when the server was asked last */
    enum df__trino_custom custom;
    int is_open, bounded, changed, more, seen;
} df__trino_source;

extern const df_options df__trino_source_options;
extern const df_source_ops df__trino_source_ops;

/* ---- plan.c ---------------------------------------------------------------------------------- */

/* Asks what columns there are, and chooses those that order the rows. */
int df__trino_plan_make(df__trino_source *s);
/* Frees the plan and its schema; one that was never made is fine. */
void df__trino_plan_free(df__trino_source *s);
/* 1: the page's columns are those of the plan. */
int df__trino_plan_holds(const df__trino_plan *p, const df__trino_page *page);

/* ---- sql.c ----------------------------------------------------------------------------------- */

/* The statement of a poll, in s->sql; NULL: no memory. */
const char *df__trino_poll_sql(df__trino_source *s);
/* The statement that gives the columns and no row; NULL: no memory. */
const char *df__trino_describe_sql(df__trino_source *s);

/* ---- position.c: positions as JSON text ------------------------------------------------------ */

/* At the beginning. Texts of keys come from `heap`, which must stay where it is. */
void df__trino_spot_init(df__trino_spot *p, const df__heap *heap);
/* Frees the texts; df__trino_spot_init before it is used again. */
void df__trino_spot_free(df__trino_spot *p);
/* Back to the beginning; keeps the memory. */
void df__trino_spot_clear(df__trino_spot *p);
/* No keys. As df__trino_spot_init. */
void df__trino_marks_init(df__trino_marks *m, const df__heap *heap);
/* Frees the texts of the keys. */
void df__trino_marks_free(df__trino_marks *m);
/* Appends it as the JSON text that is stored: `count` keys; has_time: the first of them is a time.
 */
void df__trino_spot_print(const df__trino_spot *p, size_t count, int has_time, df__buf *b);
/* DF_EDATA: no such text. One with the key alone or the time alone is taken. */
int df__trino_spot_read(df_bytes text, size_t count, int has_time, df__trino_spot *ret);

/* ---- row.c ----------------------------------------------------------------------------------- */

/* Looks at the keys of the next row: when they are others, the newest row was the last with its
 * keys, and the position moves to it. Before df__trino_add_row of the same row. */
int df__trino_look(df__trino_source *s, yyjson_val *row);
/* Adds one row of a page as a record. */
int df__trino_add_row(df__trino_source *s, df_batch *into, yyjson_val *row);
/* The newest row is the last with its keys: the position moves to it. DF_ENOMEM. */
int df__trino_settle_row(df__trino_source *s);

#endif
