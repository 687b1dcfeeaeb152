/* SPDX-License-Identifier: Apache-2.0
 * options.c: the table of options, and what can be wrong with them before any connection. */
#include <string.h>

#include "sink.h"
#include "tables/raw.h"

enum { GOOD_BYTES_MIN = 1 << 20, GOOD_BYTES = 16 << 20, ROWS_MAX = 10000, ROWS_FEW = 500 };
enum { PARCEL_ROWS = 500000, INTERVAL_MS = 1000 };

static const char *const missing_choices[] = {"default", "error", NULL};
static const char *const unknown_choices[] = {"error", "ignore", NULL};
static const char *const engine_choices[] = {"MergeTree", "ReplacingMergeTree", NULL};
static const char *const epoch_choices[] = {"seconds", "millis", "micros", "nanos", NULL};

#define AT(member) .offset = offsetof(df__ch_sink, member)

static const df_option rows[] = {
    CH_CLIENT_OPTIONS(df__ch_sink),
    {.name = "table",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED | DF_OPT_REF,
     AT(opt.table),
     .doc = "Table, or database.table; names with dots or blanks stand between backticks."},
    {.name = "batchSize",
     .type = DF_OPT_INT,
     AT(opt.batch_size),
     .min = 0,
     .max = ROWS_MAX,
     .doc = "Rows of one insert; 0: as many as come within the interval. Unset: one insert a "
            "second, more rows under load."},
    {.name = "batchFlushIntervalSeconds",
     .type = DF_OPT_DURATION,
     AT(opt.batch_interval_us),
     .doc = "With batchSize: the longest a smaller batch waits (10 s); 0: no limit."},
    {.name = "autoCreateTable",
     .type = DF_OPT_BOOL,
     AT(opt.auto_create),
     .def = "false",
     .doc = "Makes a missing table from all records of the first batch."},
    {.name = "tableEngine",
     .type = DF_OPT_ENUM,
     AT(opt.engine),
     .choices = engine_choices,
     .doc = "Engine of a table that is made; unset: MergeTree, with upsertMode "
            "ReplacingMergeTree."},
    {.name = "upsertMode",
     .type = DF_OPT_BOOL,
     AT(opt.upsert),
     .def = "false",
     .doc = "Each record is a version of the row of its key, a delete marks it; the table is a "
            "ReplacingMergeTree, to be read with FINAL. See clickhouse.md."},
    {.name = "conflictKey",
     .type = DF_OPT_TEXT,
     AT(opt.conflict_key),
     .doc = "Key columns of a table that is made (its ORDER BY), commas between; unset: the key "
            "that the source tells, else id."},
    {.name = "replacingVersionColumn",
     .type = DF_OPT_TEXT,
     AT(opt.version_column),
     .doc = "Version of a table that is made with ReplacingMergeTree: of the rows of a key the "
            "one with the greatest stays; unset with upsertMode: _version, filled by the sink."},
    {.name = "rawMode",
     .type = DF_OPT_BOOL,
     AT(opt.raw),
     .def = "false",
     .doc = "Writes the whole record into the column data and its metadata into _metadata, when "
            "the table has it; a body of exactly value and _metadata is taken apart."},
    {.name = "flattenMetadataColumns",
     .type = DF_OPT_BOOL,
     AT(opt.flatten),
     .def = "false",
     .doc = "With rawMode: a column for each metadata key instead of _metadata; keys named data "
            "and created_at are left out."},
    {.name = "flattenMetadataColumnsPrefix",
     .type = DF_OPT_TEXT,
     AT(opt.flatten_prefix),
     .doc = "Put before the names of these columns."},
    {.name = "compression",
     .type = DF_OPT_ENUM,
     AT(opt.packing),
     .def = "none",
     .choices = df__ch_packings,
     .doc = "How bodies of inserts are made smaller, for a slow network: lz4 costs least, zstd "
            "saves most; gzip is for servers before 21.10."},
    {.name = "missingColumns",
     .type = DF_OPT_ENUM,
     AT(opt.missing),
     .def = "default",
     .choices = missing_choices,
     .doc = "A record without a column: what the server has for it (its DEFAULT, NULL, 0, an empty "
            "text), or refuse the record."},
    {.name = "unknownFields",
     .type = DF_OPT_ENUM,
     AT(opt.unknown),
     .def = "error",
     .choices = unknown_choices,
     .doc = "A record with a field that is no column: refuse it, or leave the field out."},
    {.name = "epochUnit",
     .type = DF_OPT_ENUM,
     AT(opt.epoch),
     .def = "seconds",
     .choices = epoch_choices,
     .doc = "What a number for a column of times counts, from 1970 on; decimals are kept."},
    {.name = "timeZone",
     .type = DF_OPT_TEXT,
     AT(opt.time_zone),
     .def = "UTC",
     .doc = "Zone of times without one, for columns that name none."},
    {.name = "positionsTable",
     .type = DF_OPT_TEXT,
     AT(opt.positions_table),
     .def = "dataflow_positions",
     .doc =
         "With deliveryGuarantee: exactlyOnce: the table that holds the positions of the source, "
         "made when it is missing; without a database it is in that of `table`."},
};

const df_options df__ch_sink_options_table = DF_OPTIONS(rows, df__ch_sink);

/* Few large inserts: each makes a part that the server has to merge. */
static int set_limits(const df__ch_sink *s, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    df_limits limits = {.size = sizeof limits};
    df_stage_describe(st, &info);
    limits.good_bytes = info.memory_share / 2 < GOOD_BYTES ? info.memory_share / 2 : GOOD_BYTES;
    if (limits.good_bytes < GOOD_BYTES_MIN)
        limits.good_bytes = GOOD_BYTES_MIN;
    limits.min_interval_ms = INTERVAL_MS;
    limits.max_rows = PARCEL_ROWS; /* below the server's max_insert_block_size: one block */
    if (s->opt.batch_size != DF_UNSET) {
        limits.rows = s->opt.batch_size > 0 ? s->opt.batch_size : ROWS_MAX;
        limits.interval_ms =
            s->opt.batch_interval_us == DF_UNSET ? 10000 : s->opt.batch_interval_us / 1000;
    }
    return df_stage_limits(st, &limits);
}

static int check_raw(const df__ch_sink *s, df_stage *st)
{
    const df__raw_options o = {s->opt.raw, s->opt.upsert, s->opt.flatten, s->opt.flatten_prefix};
    return df__raw_check(st, &o);
}

static int check_upsert(const df__ch_sink *s, df_stage *st)
{
    if (s->opt.upsert && s->opt.engine == CH_ENGINE_MERGE) {
        return df_stage_problem(st, DF_ERROR, "tableEngine",
                                "MergeTree keeps every row; upsertMode needs ReplacingMergeTree");
    }
    if (s->opt.upsert && s->opt.conflict_key.data) /* a record that comes twice is one row */
        df_stage_traits(st, DF_IS_IDEMPOTENT, 0);
    return DF_OK;
}

int df__ch_sink_check(void *self, df_stage *st)
{
    df__ch_sink *s = self;
    df__ch_table_name name;
    const char *why = NULL;
    char text[DF__ZONE_TEXT];
    df__zone *zone = NULL;
    int rc = set_limits(s, st);
    if (s->opt.table.data && df__ch_name_parse(s->opt.table, &name, &why) != DF_OK)
        rc = df_stage_problem(st, DF_ERROR, "table", why);
    if (s->opt.batch_size > 0 && s->opt.batch_size < ROWS_FEW) {
        df_stage_problem(st, DF_WARNING, "batchSize",
                         "each insert makes a part that the server has to merge, and a few "
                         "hundred of them stop inserts; leave it out");
    }
    if (s->opt.time_zone.data &&
        df__zone_load(&df__heap_libc, s->opt.time_zone.data, NULL, &zone, text) != DF_OK)
        rc = df_stage_problem(st, DF_ERROR, "timeZone", text);
    df__zone_free(zone);
    int connection = df__ch_client_check(&s->client, st);
    rc = connection == DF_OK ? rc : connection;
    rc = check_upsert(s, st) == DF_OK ? rc : DF_ESPEC;
    rc = df__ch_exact_check(s, st) == DF_OK ? rc : DF_ESPEC;
    return check_raw(s, st) == DF_OK ? rc : DF_ESPEC;
}
