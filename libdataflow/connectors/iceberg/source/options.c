/* SPDX-License-Identifier: Apache-2.0
 * options.c: the tables of options of the sources. */
#include <string.h>

#include "source/source.h"

static const char *const overwrite_choices[] = {"stop", "ignore", NULL};
static const char *const row_choices[] = {"columns", "messages", "wrapped", NULL};
static const char *const lost_choices[] = {"stop", "resync", NULL};

#define ICE_SELF df__ice_source
#define AT(member) .offset = offsetof(df__ice_source, member)

#define STATE_ROWS(of, when)                                                                       \
    {.name = "tag", .type = DF_OPT_TEXT, AT(opt.tag), .doc = "Tag of " of " that is read."},       \
    {                                                                                              \
        .name = "asOfTimestamp", .type = DF_OPT_TEXT, AT(opt.as_of),                               \
        .doc = "Read the table as it was then" when ": a time with its zone "                      \
               "(2026-01-02T03:04:05Z), or milliseconds since 1970."                               \
    }
#define SOURCE_ROWS                                                                                \
    {.name = "query",                                                                              \
     .type = DF_OPT_TEXT,                                                                          \
     .flags = DF_OPT_LATER,                                                                        \
     AT(opt.query),                                                                                \
     .doc = "A query instead of the whole table."},                                                \
        {.name = "columns",                                                                        \
         .type = DF_OPT_LIST,                                                                      \
         .of = DF_OPT_TEXT,                                                                        \
         AT(opt.columns),                                                                          \
         .doc = "Columns that records have; the others are not read from the files. Unset: all."}, \
        {.name = "rawRows",                                                                        \
         .type = DF_OPT_ENUM,                                                                      \
         AT(opt.rows),                                                                             \
         .def = "columns",                                                                         \
         .choices = row_choices,                                                                   \
         .doc = "What records are. messages: of a table that a sink wrote with rawMode, the "      \
                "messages that they were, with data as the payload and _metadata, or the other "   \
                "columns, as metadata. wrapped: the same, with {\"value\": ..., \"_metadata\": "   \
                "{...}} as the payload, as earlier versions gave it."},                            \
        {.name = "pollInterval",                                                                   \
         .type = DF_OPT_DURATION,                                                                  \
         AT(opt.interval_us),                                                                      \
         .def = "10",                                                                              \
         .min = 1000,                                                                              \
         .max = 0,                                                                                 \
         .doc = "From the beginning of one look at the table to the next."},                       \
        {.name = "incrementalBySnapshot",                                                          \
         .type = DF_OPT_BOOL,                                                                      \
         .flags = DF_OPT_IDENTITY,                                                                 \
         AT(opt.incremental),                                                                      \
         .def = "false",                                                                           \
         .doc = "Only rows that were added since the snapshot read last. Without it all rows "     \
                "come again whenever the table has another snapshot."},                            \
        {.name = "startSnapshotID",                                                                \
         .type = DF_OPT_TEXT,                                                                      \
         AT(opt.start),                                                                            \
         .doc = "With incrementalBySnapshot, where nothing is stored: rows that were added after " \
                "this snapshot. Unset: all rows of the current one, then what is added."},         \
        {.name = "snapshotCheckpoints",                                                            \
         .type = DF_OPT_BOOL,                                                                      \
         AT(opt.checkpoints),                                                                      \
         .def = "true",                                                                            \
         .doc = "Positions are stored; they always are."},                                         \
        {.name = "onOverwrite",                                                                    \
         .type = DF_OPT_ENUM,                                                                      \
         AT(opt.on_overwrite),                                                                     \
         .def = "stop",                                                                            \
         .choices = overwrite_choices,                                                             \
         .doc =                                                                                    \
             "With incrementalBySnapshot, a snapshot that changed or deleted rows: end the run, "  \
             "or read the files that it added and leave the rest out."},                           \
        {.name = "onLostSnapshot",                                                                 \
         .type = DF_OPT_ENUM,                                                                      \
         AT(opt.on_lost),                                                                          \
         .def = "stop",                                                                            \
         .choices = lost_choices,                                                                  \
         .doc = "With incrementalBySnapshot, when the snapshot read last is no ancestor of the "   \
                "current one any more (expired, rolled back): end the run, or read all rows of "   \
                "the current one again."},                                                         \
        {.name = "maxRowsPerPoll",                                                                 \
         .type = DF_OPT_INT,                                                                       \
         AT(opt.most_rows),                                                                        \
         .def = "0",                                                                               \
         .min = 0,                                                                                 \
         .max = -1,                                                                                \
         .doc = "Rows of one poll; the next one goes on there. 0: all."},                          \
    {                                                                                              \
        .name = "maxBytesPerPoll", .type = DF_OPT_SIZE, AT(opt.most_bytes), .def = "0", .min = 0,  \
        .max = -1,                                                                                 \
        .doc = "Bytes of files of one poll, which ends with the file that passes it. 0: all."      \
    }

static const df_option nessie_rows[] = {ICE_NESSIE_ROWS(DF_OPT_IDENTITY),
                                        STATE_ROWS("Nessie", ", on the branch"),
                                        ICE_PLACE_ROWS(DF_OPT_IDENTITY), SOURCE_ROWS};
/* Which state is read is no part of what the source is: a position of another one is told by its
 * snapshot. */
static const df_option rest_rows[] = {
    ICE_REST_ROWS(DF_OPT_IDENTITY),
    {.name = "branch",
     .type = DF_OPT_TEXT,
     AT(place.branch),
     .doc = "Branch of the table that is read. Unset: main."},
    STATE_ROWS("the table", ", by its log"),
    {.name = "snapshotID",
     .type = DF_OPT_TEXT,
     AT(opt.snapshot),
     .doc = "Read this snapshot, by its number. With incrementalBySnapshot: up to it."},
    ICE_PLACE_ROWS(DF_OPT_IDENTITY),
    ICE_OAUTH_ROWS,
    SOURCE_ROWS};

const df_options df__nessie_source_options = DF_OPTIONS(nessie_rows, df__ice_source);
const df_options df__ice_source_options = DF_OPTIONS(rest_rows, df__ice_source);

int df__ice_source_check(void *self, df_stage *st)
{
    const df__ice_source *s = self;
    const char *start = s->opt.start.data;
    int rc = df__ice_place_check(st, &s->place);
    rc = df__ice_state_check(st, s) == DF_OK ? rc : DF_ESPEC;
    if (start && !strstr(start, "${") &&
        (strspn(start, "0123456789") != s->opt.start.len || s->opt.start.len == 0 ||
         s->opt.start.len > 19))
        rc = df_stage_problem(st, DF_ERROR, "startSnapshotID", "is a decimal number");
    if (start && !s->opt.incremental)
        rc = df_stage_problem(st, DF_ERROR, "startSnapshotID", "needs incrementalBySnapshot: true");
    if (!s->opt.checkpoints)
        rc = df_stage_problem(st, DF_ERROR, "snapshotCheckpoints",
                              "false is not supported: positions are always stored (a reset of the "
                              "flow's positions begins anew)");
    return rc;
}
