/* SPDX-License-Identifier: Apache-2.0
 * targets.h: the tables of a sink with tableFrom. */
#ifndef DF_PG_TARGETS_H
#define DF_PG_TARGETS_H

#include <regex.h>

#include "dataflow_ext.h"
#include "tried.h"

struct df__pg_target;
struct df__pg_sink;
struct df__pg_work;

/* Consecutive records of one table, or all of it in the parcel. */
typedef struct df__pg_segment {
    uint32_t target;
    size_t begin, end;
} df__pg_segment;

typedef struct df__pg_targets {
    int is_used; /* tableFrom is set */
    const df_path *path;
    const char *meta; /* instead of a path: the name of a metadata value */
    regex_t allow;
    int allows;                  /* it is compiled */
    struct df__pg_target **rows; /* the first is that of the option `table` */
    size_t count, cap;
    size_t current;           /* whose state the sink has now */
    uint64_t parcels;         /* taken so far */
    df__pg_segment *segments; /* of the parcel at hand, in the order in which they are written */
    size_t segment_count, segment_cap;
} df__pg_targets;

/* Problems of tableFrom and tableAllow. */
int df__pg_targets_check(const struct df__pg_sink *s, df_stage *st);
/* Compiles both. */
int df__pg_targets_open(struct df__pg_sink *s);
/* Frees what is known of the tables; their names and numbers stay. */
void df__pg_targets_close(struct df__pg_sink *s);
/* One more. NULL: no memory. */
struct df__pg_target *df__pg_target_make(struct df__pg_sink *s, df_bytes name);
/* The name of its table. */
const struct df__pg_name *df__pg_target_name(const struct df__pg_sink *s, size_t index);
/* Another name takes the place of one whose table was never there. */
void df__pg_target_rename(struct df__pg_sink *s, size_t index, df_bytes name);
/* The sink gets what is known of another table, and keeps what it knows of the one before. */
void df__pg_target_turn(struct df__pg_sink *s, struct df__pg_work *w, size_t index);
/* The open transaction was taken back, and tables that were made in it are gone; or it was
 * committed. */
void df__pg_targets_undone(struct df__pg_sink *s);
void df__pg_targets_durable(struct df__pg_sink *s);

#endif
