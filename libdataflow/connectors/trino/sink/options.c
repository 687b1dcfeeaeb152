/* SPDX-License-Identifier: Apache-2.0
 * options.c: the table of options of the sink, and what can be wrong with them before any
 * connection. */
#include <string.h>

#include "sink/sink.h"
#include "tables/raw.h"

enum { ROWS_MAX = 10000, ROWS_FEW = 10, GOOD_BYTES = 192 << 10, MOST_BYTES = 384 << 10 };

static const char *const unknown_choices[] = {"ignore", "error", NULL};

#define TRINO_SELF df__trino_sink
#define AT(member) .offset = offsetof(df__trino_sink, member)

static const df_option rows[] = {
    TRINO_PLACE_ROWS(0),
    {.name = "batchSize",
     .type = DF_OPT_INT,
     AT(opt.batch_size),
     .min = 0,
     .max = ROWS_MAX,
     .doc = "Rows of one statement; 0: as many as come within the interval. Unset: adapts to the "
            "load."},
    {.name = "batchFlushIntervalSeconds",
     .type = DF_OPT_DURATION,
     AT(opt.batch_interval_us),
     .doc = "With batchSize: the longest a smaller batch waits (10 s); 0: no limit."},
    {.name = "queryTimeoutSeconds",
     .type = DF_OPT_DURATION,
     AT(opt.timeout_us),
     .def = "600",
     .doc = "Limit for one statement, which is canceled then; 0 or less: 600."},
    {.name = "autoCreateTable",
     .type = DF_OPT_BOOL,
     AT(opt.auto_create),
     .def = "false",
     .doc = "Makes a missing table from all records of the first batch."},
    {.name = "unknownFields",
     .type = DF_OPT_ENUM,
     AT(opt.unknown),
     .def = "ignore",
     .choices = unknown_choices,
     .doc = "A record with a key that is no column: leave the key out, or refuse the record."},
    {.name = "upsertMode",
     .type = DF_OPT_BOOL,
     AT(opt.upsert),
     .def = "false",
     .doc = "MERGE by conflictKey: updates the row of the same key, deletes it when the record's "
            "operation is delete; columns that the record does not have stay as they are."},
    {.name = "conflictKey",
     .type = DF_OPT_TEXT,
     AT(opt.conflict_key),
     .doc = "Key columns of upsertMode, commas between."},
    {.name = "rawMode",
     .type = DF_OPT_BOOL,
     AT(opt.raw),
     .def = "false",
     .doc = "Writes the whole record as JSON into the column data and its metadata into _metadata; "
            "a body of exactly value and _metadata is taken apart."},
    {.name = "flattenMetadataColumns",
     .type = DF_OPT_BOOL,
     AT(opt.flatten),
     .def = "false",
     .doc = "With rawMode: a column for each metadata key instead of _metadata."},
    {.name = "flattenMetadataColumnsPrefix",
     .type = DF_OPT_TEXT,
     AT(opt.flatten_prefix),
     .doc = "Put before the names of these columns."},
};

const df_options df__trino_sink_options = DF_OPTIONS(rows, df__trino_sink);

/* One statement may have a million characters, so that a parcel has less than half of that. */
static int set_limits(const df__trino_sink *s, df_stage *st)
{
    df_limits limits = {.size = sizeof limits,
                        .min_interval_ms = 200,
                        .good_bytes = GOOD_BYTES,
                        .max_bytes = MOST_BYTES,
                        .max_rows = ROWS_MAX};
    if (s->opt.batch_size != DF_UNSET) {
        limits.rows = s->opt.batch_size > 0 ? s->opt.batch_size : ROWS_MAX;
        limits.interval_ms =
            s->opt.batch_interval_us == DF_UNSET ? 10000 : s->opt.batch_interval_us / 1000;
    }
    return df_stage_limits(st, &limits);
}

static int check_modes(const df__trino_sink *s, df_stage *st)
{
    const df__raw_options o = {s->opt.raw, s->opt.upsert, s->opt.flatten, s->opt.flatten_prefix};
    int rc = df__raw_check(st, &o);
    if (s->opt.upsert && !s->opt.conflict_key.len)
        rc = df_stage_problem(st, DF_ERROR, "conflictKey", "upsertMode needs it");
    if (s->opt.upsert && s->place.catalog.data && !strstr(s->place.catalog.data, "iceberg") &&
        !strstr(s->place.catalog.data, "${"))
        rc = df_stage_problem(st, DF_ERROR, "upsertMode",
                              "needs a catalog whose name contains iceberg: others do not MERGE");
    return rc;
}

int df__trino_sink_check(void *self, df_stage *st)
{
    const df__trino_sink *s = self;
    int limits = set_limits(s, st);
    int place = df__trino_place_check(st, &s->place);
    int modes = check_modes(s, st);
    if (s->opt.batch_size > 0 && s->opt.batch_size < ROWS_FEW)
        df_stage_problem(st, DF_WARNING, "batchSize",
                         "each statement is planned and committed for itself, some tens of "
                         "milliseconds; leave it out, and it adapts to the load");
    if (s->opt.upsert)
        df_stage_problem(st, DF_WARNING, "upsertMode",
                         "a MERGE reads the table for each batch: let batches be large");
    if (s->opt.upsert && s->opt.conflict_key.len)
        df_stage_traits(st, DF_IS_IDEMPOTENT, 0);
    place = place == DF_OK ? modes : place;
    return place == DF_OK ? limits : place;
}
