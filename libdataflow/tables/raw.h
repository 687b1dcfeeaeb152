/* SPDX-License-Identifier: Apache-2.0
 * raw.h: rawMode of sinks of tables: a whole record as one value and its metadata. */
#ifndef DF_TABLES_RAW_H
#define DF_TABLES_RAW_H

#include "dataflow_ext.h"
#include "util/buf.h"

typedef struct df__raw {
    df_value data;
    df_value given; /* _metadata of a body that was taken apart; ABSENT: the record's own counts */
    const df_record *record;
} df__raw;

/* Record `index` of a parcel. A body of exactly {"value": ..., "_metadata": {...}} is taken apart.
 * As df_parcel_root. */
int df__raw_read(df_parcel *parcel, size_t index, df__raw *ret);
typedef int (*df__raw_fn)(void *user, df_bytes name, const df_value *value);
/* Calls `act` for each key of the metadata, until it answers other than DF_OK. */
int df__raw_each(const df__raw *raw, df__raw_fn act, void *user);
/* Appends a value as JSON. DF_ENOMEM. */
int df__raw_value(df__buf *b, const df_value *value);
/* Appends the metadata as a JSON object. DF_ENOMEM. */
int df__raw_meta(const df__raw *raw, df__buf *b);

typedef struct df__raw_options {
    int raw, upsert, flatten;
    df_bytes prefix;
} df__raw_options;
/* What of them does not fit together, as problems; DF_ESPEC when there is any. */
int df__raw_check(df_stage *st, const df__raw_options *o);

#endif
