/* SPDX-License-Identifier: Apache-2.0
 * options.c: the tables of options of the sinks, and what can be wrong with them before any
 * connection. */
#include <string.h>

#include "sink/sink.h"
#include "tables/raw.h"
#include "types/term.h"

enum { ROWS_MAX = 10000, ROWS_FEW = 1000, GOOD_BYTES = 1 << 20, MOST_BYTES = 4 << 20 };

static const char *const unknown_choices[] = {"ignore", "error", NULL};
static const char *const codec_choices[] = {"none", "snappy", "gzip", "zstd", NULL};

#define ICE_SELF df__ice_sink
#define AT(member) .offset = offsetof(df__ice_sink, member)

#define SINK_ROWS                                                                                  \
    {.name = "batchSize",                                                                          \
     .type = DF_OPT_INT,                                                                           \
     AT(opt.batch_size),                                                                           \
     .min = 0,                                                                                     \
     .max = ROWS_MAX,                                                                              \
     .doc = "Rows of one commit; 0: as many as come within the interval, at most 10,000. Unset: "  \
            "commitInterval and commitBytes say when."},                                           \
        {.name = "batchFlushIntervalSeconds",                                                      \
         .type = DF_OPT_DURATION,                                                                  \
         AT(opt.batch_interval_us),                                                                \
         .doc = "With batchSize: the longest a smaller batch waits (10 s); 0: no limit."},         \
        {.name = "commitInterval",                                                                 \
         .type = DF_OPT_DURATION,                                                                  \
         AT(opt.commit_interval_us),                                                               \
         .def = "60",                                                                              \
         .min = 1000000,                                                                           \
         .max = INT64_C(86400000000),                                                              \
         .doc = "The longest from a record to the commit that has it."},                           \
        {.name = "commitBytes",                                                                    \
         .type = DF_OPT_SIZE,                                                                      \
         AT(opt.commit_bytes),                                                                     \
         .def = "128MiB",                                                                          \
         .min = 1 << 20,                                                                           \
         .max = INT64_C(1) << 40,                                                                  \
         .doc = "A commit comes sooner when so many bytes of payload have gathered."},             \
        {.name = "fileSize",                                                                       \
         .type = DF_OPT_SIZE,                                                                      \
         AT(opt.file_bytes),                                                                       \
         .def = "128MiB",                                                                          \
         .min = 1 << 20,                                                                           \
         .max = INT64_C(1) << 34,                                                                  \
         .doc = "A data file is ended when it has about so many bytes."},                          \
        {.name = "rowGroupSize",                                                                   \
         .type = DF_OPT_SIZE,                                                                      \
         AT(opt.group_bytes),                                                                      \
         .def = "16MiB",                                                                           \
         .min = 1 << 20,                                                                           \
         .max = 1 << 28,                                                                           \
         .doc = "Bytes of a row group of a data file; so many are held in memory."},               \
        {.name = "openFilesSize",                                                                  \
         .type = DF_OPT_SIZE,                                                                      \
         AT(opt.open_bytes),                                                                       \
         .def = "32MiB",                                                                           \
         .min = 1 << 20,                                                                           \
         .max = INT64_C(1) << 34,                                                                  \
         .doc = "Of a partitioned table: memory that all open files may take. When rows of many "  \
                "partitions come at a time, the largest file is ended early."},                    \
        {.name = "compression",                                                                    \
         .type = DF_OPT_ENUM,                                                                      \
         AT(opt.codec),                                                                            \
         .def = "zstd",                                                                            \
         .choices = codec_choices,                                                                 \
         .doc = "How pages of data files are packed."},                                            \
        {.name = "autoCreateTable",                                                                \
         .type = DF_OPT_BOOL,                                                                      \
         AT(opt.auto_create),                                                                      \
         .def = "false",                                                                           \
         .doc = "Makes a missing table, and its namespace, from all records of the first batch."}, \
        {.name = "autoAddColumns",                                                                 \
         .type = DF_OPT_BOOL,                                                                      \
         AT(opt.add_columns),                                                                      \
         .def = "false",                                                                           \
         .doc = "Adds an optional column for a field that the table does not have, with the type " \
                "that autoCreateTable would give it."},                                            \
        {.name = "autoWidenColumns",                                                               \
         .type = DF_OPT_BOOL,                                                                      \
         AT(opt.widen_columns),                                                                    \
         .def = "false",                                                                           \
         .doc = "Changes a column that a value does not fit: int to long, float to double, a "     \
                "decimal to more digits; a required one that a record has no value for becomes "   \
                "optional."},                                                                      \
        {.name = "partitionBy",                                                                    \
         .type = DF_OPT_TEXT,                                                                      \
         AT(opt.partition_by),                                                                     \
         .doc = "With autoCreateTable: by what the table is partitioned, such as day(ts), "        \
                "bucket(16, id). Columns alone, year, month, day, hour, bucket and truncate."},    \
        {.name = "sortBy",                                                                         \
         .type = DF_OPT_TEXT,                                                                      \
         AT(opt.sort_by),                                                                          \
         .doc = "With autoCreateTable: the table's sort order, such as day(ts), id desc nulls "    \
                "last. Rows of a file are sorted by the order that the table has."},               \
        {.name = "upsertMode",                                                                     \
         .type = DF_OPT_BOOL,                                                                      \
         AT(opt.upsert),                                                                           \
         .def = "false",                                                                           \
         .doc = "A record replaces the row of its key, a delete removes it. See iceberg.md."},     \
        {.name = "conflictKey",                                                                    \
         .type = DF_OPT_TEXT,                                                                      \
         AT(opt.conflict_key),                                                                     \
         .doc = "Key columns of upsertMode, commas between; unset: the table's identifier "        \
                "fields."},                                                                        \
        {.name = "unknownFields",                                                                  \
         .type = DF_OPT_ENUM,                                                                      \
         AT(opt.unknown),                                                                          \
         .def = "error",                                                                           \
         .choices = unknown_choices,                                                               \
         .doc =                                                                                    \
             "A record with a key that is no column: leave the key out, or refuse the record."},   \
        {.name = "rawMode",                                                                        \
         .type = DF_OPT_BOOL,                                                                      \
         AT(opt.raw),                                                                              \
         .def = "false",                                                                           \
         .doc = "Writes the whole record as JSON into the column data and its metadata into "      \
                "_metadata; a body of exactly value and _metadata is taken apart."},               \
        {.name = "flattenMetadataColumns",                                                         \
         .type = DF_OPT_BOOL,                                                                      \
         AT(opt.flatten),                                                                          \
         .def = "false",                                                                           \
         .doc = "With rawMode: a column for each metadata key instead of _metadata."},             \
    {                                                                                              \
        .name = "flattenMetadataColumnsPrefix", .type = DF_OPT_TEXT, AT(opt.flatten_prefix),       \
        .doc = "Put before the names of these columns."                                            \
    }

static const df_option nessie_rows[] = {ICE_NESSIE_ROWS(0), ICE_PLACE_ROWS(0), SINK_ROWS};
static const df_option rest_rows[] = {ICE_REST_ROWS(0), ICE_PLACE_ROWS(0), ICE_OAUTH_ROWS,
                                      SINK_ROWS};

const df_options df__nessie_sink_options = DF_OPTIONS(nessie_rows, df__ice_sink);
const df_options df__ice_sink_options = DF_OPTIONS(rest_rows, df__ice_sink);

static int set_limits(const df__ice_sink *s, df_stage *st)
{
    df_limits limits = {.size = sizeof limits,
                        .min_interval_ms = 100,
                        .good_bytes = GOOD_BYTES,
                        .max_bytes = MOST_BYTES,
                        .max_rows = ROWS_MAX};
    if (s->opt.batch_size != DF_UNSET) {
        limits.rows = s->opt.batch_size > 0 ? s->opt.batch_size : ROWS_MAX;
        limits.interval_ms =
            s->opt.batch_interval_us == DF_UNSET ? 10000 : s->opt.batch_interval_us / 1000;
    } else {
        limits.commit_interval_ms = s->opt.commit_interval_us / 1000;
        limits.commit_bytes = (uint64_t)s->opt.commit_bytes;
    }
    return df_stage_limits(st, &limits);
}

/* Options that say how a table is made. */
static int check_terms(const df__ice_sink *s, df_stage *st, const char *name, df_bytes rest)
{
    char text[ICE_SHOWN];
    const char *why;
    df__ice_sort_term term;
    int is_sort = strcmp(name, "sortBy") == 0, rc = DF_OK;
    if (rest.data && !s->opt.auto_create)
        df_stage_problem(st, DF_WARNING, name,
                         "says how a table is made; without autoCreateTable it has no effect");
    while (rc == DF_OK)
        rc = is_sort ? df__ice_sort_next(&rest, &term, &why)
                     : df__ice_term_next(&rest, &term.term, &why);
    if (rc == DF_DONE)
        return DF_OK;
    df__text_printf(text, sizeof text, "%s; it is written as in: day(ts), bucket(16, id), %s", why,
                    is_sort ? "name desc nulls last" : "country");
    return df_stage_problem(st, DF_ERROR, name, text);
}

static int check_evolution(const df__ice_sink *s, df_stage *st)
{
    int rc = DF_OK;
    if (s->opt.add_columns && s->opt.unknown == 0)
        rc = df_stage_problem(st, DF_ERROR, "autoAddColumns",
                              "makes columns of what unknownFields: ignore leaves out: set one");
    if (s->opt.add_columns && s->opt.raw)
        rc = df_stage_problem(st, DF_ERROR, "autoAddColumns", "rawMode has its own columns");
    if (s->opt.widen_columns && s->opt.raw)
        rc = df_stage_problem(st, DF_ERROR, "autoWidenColumns", "rawMode has its own columns");
    return rc;
}

static int check_upsert(const df__ice_sink *s, df_stage *st)
{
    if (s->opt.conflict_key.data && !s->opt.upsert)
        df_stage_problem(st, DF_WARNING, "conflictKey", "has no effect without upsertMode: true");
    if (s->opt.upsert) /* a record that comes twice is one row */
        df_stage_traits(st, DF_IS_IDEMPOTENT, 0);
    if (s->opt.upsert && s->opt.auto_create && !s->opt.conflict_key.data)
        return df_stage_problem(st, DF_ERROR, "conflictKey",
                                "autoCreateTable with upsertMode needs it");
    return DF_OK;
}

int df__ice_sink_check(void *self, df_stage *st)
{
    const df__ice_sink *s = self;
    const df__raw_options o = {s->opt.raw, s->opt.upsert, s->opt.flatten, s->opt.flatten_prefix};
    int limits = set_limits(s, st);
    int place = df__ice_place_check(st, &s->place);
    int raw = df__raw_check(st, &o);
    int terms = check_terms(s, st, "partitionBy", s->opt.partition_by);
    int order = check_terms(s, st, "sortBy", s->opt.sort_by);
    int upsert = check_upsert(s, st), evolution = check_evolution(s, st);
    int codec = DF_OK;
    if (s->opt.codec >= 0 && df__parquet_codec(codec_choices[s->opt.codec]) < 0)
        codec = df_stage_problem(st, DF_ERROR, "compression", "this build does not have it");
    if (s->opt.batch_size > 0 && s->opt.batch_size < ROWS_FEW)
        df_stage_problem(st, DF_WARNING, "batchSize",
                         "each batch is a commit with files of its own; leave it out, and rows are "
                         "gathered for commitInterval");
    place = place == DF_OK ? raw : place;
    place = place == DF_OK ? codec : place;
    place = place == DF_OK ? terms : place;
    place = place == DF_OK ? order : place;
    place = place == DF_OK ? upsert : place;
    place = place == DF_OK ? evolution : place;
    return place == DF_OK ? limits : place;
}
