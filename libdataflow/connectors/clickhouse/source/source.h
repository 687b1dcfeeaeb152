/* SPDX-License-Identifier: Apache-2.0
 * source.h: a source that asks a table or a query for new rows again and again. */
#ifndef DF_CH_SOURCE_H
#define DF_CH_SOURCE_H

#include "client/client.h"
#include "client/ident.h"
#include "tables/memory.h"
#include "types/decode.h"

enum { CH_KEYS_MAX = 8 };
#define CH_AS_TEXT "Nullable(String)"
/* The change time of a table without changeTrackingColumn. */
enum df__ch_custom { CH_CUSTOM_OPEN, CH_CUSTOM_NONE, CH_CUSTOM_CREATED, CH_CUSTOM_UPDATED };

/* What is read, as the server describes it now. */
typedef struct df__ch_plan {
    df__arena arena;
    df_bytes *names;
    df__ch_type *types; /* as they are read */
    uint8_t *as_text;   /* the server makes a text of it */
    uint8_t *key_of;    /* the number of the key that it is, from 1 on */
    size_t count;
    size_t keys[CH_KEYS_MAX]; /* columns that order it: the change time first, if there is one */
    size_t key_count;         /* 0: a query without a position */
    int has_time;
    df_schema *schema, *loose; /* loose: texts may be bytes */
    df__buf shape;
    int is_made;
} df__ch_plan;

typedef struct df__ch_source {
    df__heap heap; /* of the stage: the plan, buffers, values */
    df__ch_client client;
    struct {
        df_bytes table, query, change, order;
        int64_t interval_us, batch, late_us;
        int final;
    } opt;
    df__ch_table_name name;
    df_partition *part;
    uint32_t number;
    int bounded, prepared, failed;
    df__ch_plan plan;
    enum df__ch_custom custom;
    df__buf last[CH_KEYS_MAX]; /* keys of the row up to which all is read */
    df__buf row[CH_KEYS_MAX];  /* of the newest row, as they came */
    int has_last, has_row;
    int is_whole;  /* no row with the keys of the newest one can follow */
    int is_marked; /* what was added is marked */
    df__http_request *request;
    df__buf input; /* what came and was not read yet, from `at` on */
    size_t at, input_max;
    int is_held;     /* the answer waits until there is room */
    int header_read; /* names and types stand before the rows */
    size_t page;     /* rows of the statement so far */
    int more;        /* the next page is asked for at once */
    int64_t due_us;
    df__buf sql, position;
    df__arena scratch;
    df_value *values;
    size_t value_cap;
} df__ch_source;

extern const df_source_ops df__ch_source_ops;
extern const df_options df__ch_source_options;

/* ---- options.c ---- */
/* The check operation: what the options alone show to be wrong. */
int df__ch_source_check(void *self, df_stage *st);

/* ---- plan.c ---- */
/* Asks what there is. DF_ENOTFOUND: no such table. */
int df__ch_plan_make(df__ch_source *s);
/* Chooses the keys again, without a change time by custom. */
int df__ch_plan_without_time(df__ch_source *s);
/* Frees the plan and its schemas; one that was never made is fine. */
void df__ch_plan_free(df__ch_plan *p);

/* ---- sql.c ---- */
enum { CH_PAGE = 100000, CH_WITH_TYPES = 2203 };
/* The statement for what follows the last row; NULL: no memory. */
const char *df__ch_poll_sql(df__ch_source *s);
/* Rows of a page; 0: all. */
size_t df__ch_page_rows(const df__ch_source *s);

/* ---- position.c ---- */
/* Appends the keys of the last row as the text that is stored. */
void df__ch_position_print(const df__ch_source *s, df__buf *b);
/* DF_EDATA: none of ours; DF_DROP: it has no change time, and the plan has one by custom. */
int df__ch_position_read(df__ch_source *s, df_bytes text);

/* ---- row.c ---- */
/* Where the next row is. */
typedef struct df__ch_row {
    df__ch_reader from, past;
    df_bytes keys[CH_KEYS_MAX];
    int is_other; /* its keys are others than those of the newest row */
} df__ch_row;
/* Looks for the next row that is all there. DF_AGAIN: none is; DF_EDATA: it cannot be one. */
int df__ch_look_row(const df__ch_source *s, df__ch_row *ret);
/* Adds it, right after that. */
int df__ch_add_row(df__ch_source *s, df_batch *into, const df__ch_row *row);
/* The newest row is the one up to which all is read. DF_ENOMEM. */
int df__ch_settle_row(df__ch_source *s);
/* Reads names and types in front of the rows. DF_AGAIN; DF_MORE: they are not those of the plan. */
int df__ch_read_header(df__ch_source *s);

#endif
