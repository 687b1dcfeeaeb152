/* SPDX-License-Identifier: Apache-2.0
 * options.c: the tables of options of the sinks, and what can be wrong with them before any
 * connection. */
#include <string.h>

#include "sink/sink.h"
#include "tables/raw.h"

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

int df__ice_sink_check(void *self, df_stage *st)
{
    const df__ice_sink *s = self;
    const df__raw_options o = {s->opt.raw, 0, s->opt.flatten, s->opt.flatten_prefix};
    int limits = set_limits(s, st);
    int place = df__ice_place_check(st, &s->place);
    int raw = df__raw_check(st, &o);
    int codec = DF_OK;
    if (s->opt.codec >= 0 && df__parquet_codec(codec_choices[s->opt.codec]) < 0)
        codec = df_stage_problem(st, DF_ERROR, "compression", "this build does not have it");
    if (s->opt.batch_size > 0 && s->opt.batch_size < ROWS_FEW)
        df_stage_problem(st, DF_WARNING, "batchSize",
                         "each batch is a commit with files of its own; leave it out, and rows are "
                         "gathered for commitInterval");
    place = place == DF_OK ? raw : place;
    place = place == DF_OK ? codec : place;
    return place == DF_OK ? limits : place;
}
