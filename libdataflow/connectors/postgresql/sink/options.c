/* SPDX-License-Identifier: Apache-2.0
 * options.c: the table of options, and what can be wrong with them before any connection. */
#include "options.h"

#include <string.h>

#include "sink.h"
#include "tables/raw.h"

enum { GOOD_BYTES_MIN = 256 * 1024, GOOD_BYTES = 4 << 20, ROWS_MAX = 10000, ROWS_FEW = 100 };

static const char *const missing_choices[] = {"default", "error", NULL};
static const char *const unknown_choices[] = {"error", "ignore", NULL};
static const char *const conflict_choices[] = {"equal", "skip", "error", NULL};
static const char *const bytea_choices[] = {"text", "hex", "base64", NULL};
static const char *const strategy_choices[] = {"always", "ifNewer", NULL};

#define AT(member) .offset = offsetof(df__pg_sink, member)

static const df_option rows[] = {
    {.name = "connectionString",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REQUIRED | DF_OPT_REF | DF_OPT_PARTS,
     AT(conn.string),
     .doc = "Where the server is: postgres://user:password@host:port/database?sslmode=..., or "
            "host=... dbname=... as libpq reads it. Settings of the server, as "
            "search_path=..., may "
            "stand in it; timezone and datestyle stay UTC and ISO."},
    {.name = "table",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED | DF_OPT_REF,
     AT(opt.table),
     .doc = "Table, or schema.table; names with capitals or spaces stand in double quotes."},
    {.name = "tableFrom",
     .type = DF_OPT_TEXT,
     AT(opt.table_from),
     .doc = "Where the name of a record's table comes from: a path ($.kind) or metadata.NAME "
            "(metadata.table of postgresql-cdc); missing or null: table. Needs tableAllow."},
    {.name = "tableAllow",
     .type = DF_OPT_TEXT,
     AT(opt.table_allow),
     .doc = "Which tables tableFrom may name: a regular expression (POSIX extended) for the whole "
            "name. Records that name another one are refused."},
    {.name = "batchSize",
     .type = DF_OPT_INT,
     AT(opt.batch_size),
     .min = 0,
     .max = ROWS_MAX,
     .doc = "Rows of one transaction; 0: as many as come within the interval. Unset: adapts to "
            "the load."},
    {.name = "batchFlushIntervalSeconds",
     .type = DF_OPT_DURATION,
     AT(opt.batch_interval_us),
     .doc = "With batchSize: the longest a smaller batch waits (10 s); 0: no limit."},
    {.name = "autoCreateTable",
     .type = DF_OPT_BOOL,
     AT(opt.auto_create),
     .def = "false",
     .doc = "Makes a missing table from all records of the first batch."},
    {.name = "autoAddColumns",
     .type = DF_OPT_BOOL,
     AT(opt.add_columns),
     .def = "false",
     .doc = "Adds a column for a field that the table does not have, with the type that "
            "autoCreateTable would give it; the user must own the table."},
    {.name = "autoWidenColumns",
     .type = DF_OPT_BOOL,
     AT(opt.widen_columns),
     .def = "false",
     .doc = "Changes the type of a column when a value is too large for it: smallint, integer to "
            "bigint or numeric, real to double precision, varchar(n) to text, numeric(p,s) to "
            "numeric. The user must own the table, and numbers make the server rewrite it."},
    {.name = "missingColumns",
     .type = DF_OPT_ENUM,
     AT(opt.missing),
     .def = "default",
     .choices = missing_choices,
     .doc = "A record without a column: the column's default or NULL, or refuse the record."},
    {.name = "unknownFields",
     .type = DF_OPT_ENUM,
     AT(opt.unknown),
     .def = "error",
     .choices = unknown_choices,
     .doc = "A record with a key that is no column: refuse it, or leave the key out."},
    {.name = "onConflict",
     .type = DF_OPT_ENUM,
     AT(opt.on_conflict),
     .choices = conflict_choices,
     .doc = "A row whose unique key is there already: equal takes it as written when all its "
            "values are the same and refuses it when not (the default); skip leaves the old row "
            "(the default with autoCreateTable and no error sink); error refuses."},
    {.name = "bytea",
     .type = DF_OPT_ENUM,
     AT(opt.bytea),
     .def = "text",
     .choices = bytea_choices,
     .doc = "What a string for a bytea column is: its bytes, hexadecimal digits, or base64."},
    {.name = "roundNumbers",
     .type = DF_OPT_BOOL,
     AT(opt.round),
     .def = "false",
     .doc = "Lets the server round numbers with more decimals than a numeric column keeps, "
            "instead of refusing them."},
    {.name = "connectTimeout",
     .type = DF_OPT_DURATION,
     AT(conn.connect_timeout_us),
     .def = "10s",
     .min = 1000,
     .max = INT64_C(3600000000),
     .doc = "Limit for making a connection."},
    {.name = "statementTimeout",
     .type = DF_OPT_DURATION,
     AT(conn.statement_timeout_us),
     .def = "5m",
     .min = 0,
     .max = INT64_C(86400000000),
     .doc = "Limit for one batch, kept by the server; 0: none. statement_timeout in "
            "connectionString wins."},
    {.name = "upsertMode",
     .type = DF_OPT_BOOL,
     AT(opt.upsert),
     .def = "false",
     .doc = "Updates the row of the same key, deletes it when the record's operation is delete; "
            "columns that the record does not have stay as they are. See postgresql.md."},
    {.name = "conflictKey",
     .type = DF_OPT_TEXT,
     AT(opt.conflict_key),
     .doc = "Key columns of upsertMode, commas between; unset: the primary key, else a unique "
            "index."},
    {.name = "upsertStrategy",
     .type = DF_OPT_ENUM,
     AT(opt.upsert_strategy),
     .def = "always",
     .choices = strategy_choices,
     .doc = "Update always, or only when newer; a delete without a version is always newer."},
    {.name = "upsertVersionColumn",
     .type = DF_OPT_TEXT,
     AT(opt.version_column),
     .doc = "With ifNewer: the column whose greater value is newer."},
    {.name = "softDeleteColumn",
     .type = DF_OPT_TEXT,
     AT(opt.soft_delete_column),
     .doc = "With upsertMode: a delete sets this column to the time instead of deleting."},
    {.name = "rawMode",
     .type = DF_OPT_BOOL,
     AT(opt.raw),
     .def = "false",
     .doc = "Writes the whole record into the jsonb column data and its metadata into _metadata; "
            "a body of exactly value and _metadata is taken apart."},
    {.name = "flattenMetadataColumns",
     .type = DF_OPT_BOOL,
     AT(opt.flatten),
     .def = "false",
     .doc = "With rawMode: a column for each metadata key instead of _metadata; "
            "keys named like the "
            "table's own columns (id, data, created_at, updated_at, deleted_at) are left out."},
    {.name = "flattenMetadataColumnsPrefix",
     .type = DF_OPT_TEXT,
     AT(opt.flatten_prefix),
     .doc = "Put before the names of these columns."},
    {.name = "positionsTable",
     .type = DF_OPT_TEXT,
     AT(opt.positions_table),
     .def = "dataflow_positions",
     .doc = "With deliveryGuarantee: exactlyOnce: the table that holds the positions of the "
            "source, made when it is missing; without a schema it is in that of `table`."},
};

const df_options df__pg_sink_options = DF_OPTIONS(rows, df__pg_sink);

/* Several parcels are on their way at once, so that a small memory limit asks for small ones. */
static uint64_t good_bytes(const df_stage *st)
{
    df_stage_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    if (df_stage_describe(st, &info) != DF_OK || info.memory_share / 4 >= GOOD_BYTES)
        return GOOD_BYTES;
    return info.memory_share / 4 > GOOD_BYTES_MIN ? info.memory_share / 4 : GOOD_BYTES_MIN;
}

static int set_limits(df__pg_sink *s, df_stage *st)
{
    df_limits limits;
    memset(&limits, 0, sizeof limits);
    limits.size = sizeof limits;
    limits.good_bytes = good_bytes(st);
    s->memory.ahead_max =
        (size_t)limits.good_bytes / 4 - GOOD_BYTES_MIN / 8; /* and one piece fits */
    s->memory.keep_max = (size_t)limits.good_bytes * 3 / 2;
    if (s->opt.batch_size != DF_UNSET) {
        limits.rows = s->opt.batch_size > 0 ? s->opt.batch_size : ROWS_MAX;
        limits.interval_ms =
            s->opt.batch_interval_us == DF_UNSET ? 10000 : s->opt.batch_interval_us / 1000;
    }
    return df_stage_limits(st, &limits);
}

static int check_raw(const df__pg_sink *s, df_stage *st)
{
    const df__raw_options o = {s->opt.raw, s->opt.upsert, s->opt.flatten, s->opt.flatten_prefix};
    return df__raw_check(st, &o);
}

/* A key that the user did not ask for must not end every run. */
static int skips_by_default(const df__pg_sink *s, const df_stage_info *info)
{
    return info->stops_at_refused && s->opt.auto_create && !s->opt.upsert && !s->opt.raw;
}

/* Where rows are compared, what comes again after a crash must be what was written. */
static void check_repeats(const df__pg_sink *s, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    int compares = s->opt.on_conflict == PG_CONFLICT_EQUAL;
    if (df_stage_describe(st, &info) != DF_OK || !info.varied_by || s->opt.upsert || s->opt.raw)
        return;
    if (compares || (s->opt.on_conflict < 0 && !skips_by_default(s, &info))) {
        df_stage_problemf(st, DF_WARNING, "onConflict",
                          "a record that is read again after a crash gets another time from "
                          "\"%s\", so that equal refuses it where its key is in the table: let a "
                          "DEFAULT of the column write the time, or set onConflict: skip or "
                          "upsertMode: true",
                          info.varied_by);
    }
}

/* Options that change the table, beside those that say that it stays. */
static int check_altered(const df__pg_sink *s, df_stage *st)
{
    int rc = DF_OK;
    if (s->opt.add_columns && s->opt.unknown == PG_UNKNOWN_IGNORE) {
        rc = df_stage_problem(st, DF_ERROR, "autoAddColumns",
                              "makes columns of what unknownFields: ignore leaves out: set one");
    }
    if (s->opt.add_columns && s->opt.raw)
        rc = df_stage_problem(st, DF_ERROR, "autoAddColumns", "rawMode has its own columns");
    if (s->opt.widen_columns && s->opt.raw)
        rc = df_stage_problem(st, DF_ERROR, "autoWidenColumns", "rawMode has its own columns");
    return rc;
}

static int check_upsert(const df__pg_sink *s, df_stage *st)
{
    int rc = DF_OK;
    if (s->opt.upsert_strategy == PG_UPSERT_IF_NEWER && !s->opt.version_column.data)
        rc = df_stage_problem(st, DF_ERROR, "upsertVersionColumn", "ifNewer needs it");
    if (!s->opt.upsert && s->opt.soft_delete_column.data)
        rc = df_stage_problem(st, DF_ERROR, "softDeleteColumn", "needs upsertMode: true");
    return rc;
}

int df__pg_sink_check(void *self, df_stage *st)
{
    df__pg_sink *s = self;
    df__pg_name name;
    const char *why = NULL;
    int rc = set_limits(s, st); /* known before the connection stands, so that it is kept to */
    if (s->opt.table.data && df__pg_name_parse(s->opt.table, &name, &why) != DF_OK)
        rc = df_stage_problem(st, DF_ERROR, "table", why);
    if (check_altered(s, st) != DF_OK || df__pg_targets_check(s, st) != DF_OK)
        rc = DF_ESPEC;
    rc = check_upsert(s, st) == DF_OK ? rc : DF_ESPEC;
    if (s->opt.batch_size > 0 && s->opt.batch_size < ROWS_FEW) {
        df_stage_problem(st, DF_WARNING, "batchSize",
                         "below 100 most of the time goes into commits; leave it out, and it "
                         "adapts to the load");
    }
    if (df__pg_name_parse(s->opt.positions_table, &name, &why) != DF_OK)
        rc = df_stage_problem(st, DF_ERROR, "positionsTable", why);
    int connection = df__pg_conn_check(&s->conn, st);
    rc = connection == DF_OK ? rc : connection;
    if (s->opt.upsert && s->opt.conflict_key.data) /* a record that comes twice is one row */
        df_stage_traits(st, DF_IS_IDEMPOTENT, 0);
    check_repeats(s, st);
    return check_raw(s, st) == DF_OK ? rc : DF_ESPEC;
}

void df__pg_options_settle(df__pg_sink *s, df_stage *st)
{
    df_stage_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    if (df_stage_describe(st, &info) == DF_OK) {
        s->stops = info.stops_at_refused;
        s->whole = s->stops || (info.exactly_once && !info.is_error_sink);
        s->conn.show_values = info.show_values;
        s->encoder.show_values = info.show_values;
    }
    if (s->opt.on_conflict < 0) {
        s->opt.skips_unasked = skips_by_default(s, &info);
        s->opt.on_conflict = s->opt.skips_unasked ? PG_CONFLICT_SKIP : PG_CONFLICT_EQUAL;
    }
}
