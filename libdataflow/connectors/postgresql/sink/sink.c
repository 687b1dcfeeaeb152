/* SPDX-License-Identifier: Apache-2.0
 * sink.c: options, check, open, close. */
#include <string.h>

#include "client/conninfo.h"
#include "sink.h"

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
     AT(table),
     .doc = "Table, or schema.table; names with capitals or spaces stand in double quotes."},
    {.name = "batchSize",
     .type = DF_OPT_INT,
     AT(batch_size),
     .min = 0,
     .max = ROWS_MAX,
     .doc = "Rows of one transaction; 0: as many as come within the interval. Unset: adapts to "
            "the load."},
    {.name = "batchFlushIntervalSeconds",
     .type = DF_OPT_DURATION,
     AT(batch_interval_us),
     .doc = "With batchSize: the longest a smaller batch waits (10 s); 0: no limit."},
    {.name = "autoCreateTable",
     .type = DF_OPT_BOOL,
     AT(auto_create),
     .def = "false",
     .doc = "Makes a missing table from all records of the first batch."},
    {.name = "missingColumns",
     .type = DF_OPT_ENUM,
     AT(missing),
     .def = "default",
     .choices = missing_choices,
     .doc = "A record without a column: the column's default or NULL, or refuse the record."},
    {.name = "unknownFields",
     .type = DF_OPT_ENUM,
     AT(unknown),
     .def = "error",
     .choices = unknown_choices,
     .doc = "A record with a key that is no column: refuse it, or leave the key out."},
    {.name = "onConflict",
     .type = DF_OPT_ENUM,
     AT(on_conflict),
     .choices = conflict_choices,
     .doc = "A row whose unique key is there already: equal takes it as written when all its "
            "values are the same and refuses it when not (the default); skip leaves the old row "
            "(the default with autoCreateTable and no error sink); error refuses."},
    {.name = "bytea",
     .type = DF_OPT_ENUM,
     AT(bytea),
     .def = "text",
     .choices = bytea_choices,
     .doc = "What a string for a bytea column is: its bytes, hexadecimal digits, or base64."},
    {.name = "roundNumbers",
     .type = DF_OPT_BOOL,
     AT(round),
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
     AT(upsert),
     .def = "false",
     .doc = "Updates the row of the same key, deletes it when the record's operation is delete; "
            "columns that the record does not have stay as they are. See postgresql.md."},
    {.name = "conflictKey",
     .type = DF_OPT_TEXT,
     AT(conflict_key),
     .doc = "Key columns of upsertMode, commas between; unset: the primary key, else a unique "
            "index."},
    {.name = "upsertStrategy",
     .type = DF_OPT_ENUM,
     AT(upsert_strategy),
     .def = "always",
     .choices = strategy_choices,
     .doc = "Update always, or only when newer; a delete without a version is always newer."},
    {.name = "upsertVersionColumn",
     .type = DF_OPT_TEXT,
     AT(version_column),
     .doc = "With ifNewer: the column whose greater value is newer."},
    {.name = "softDeleteColumn",
     .type = DF_OPT_TEXT,
     AT(soft_delete_column),
     .doc = "With upsertMode: a delete sets this column to the time instead of deleting."},
    {.name = "rawMode",
     .type = DF_OPT_BOOL,
     AT(raw),
     .def = "false",
     .doc = "Writes the whole record into the jsonb column data and its metadata into _metadata; "
            "a body of exactly value and _metadata is taken apart."},
    {.name = "flattenMetadataColumns",
     .type = DF_OPT_BOOL,
     AT(flatten),
     .def = "false",
     .doc = "With rawMode: a column for each metadata key instead of _metadata; "
            "keys named like the "
            "table's own columns (id, data, created_at, updated_at, deleted_at) are left out."},
    {.name = "flattenMetadataColumnsPrefix",
     .type = DF_OPT_TEXT,
     AT(flatten_prefix),
     .doc = "Put before the names of these columns."},
};

const df_options df__pg_sink_options = DF_OPTIONS(rows, df__pg_sink);

/* Several parcels are on their way at once, so that a small memory limit asks for small ones. */
static uint64_t good_bytes(const df_stage *st)
{
    df_stage_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    if (df_stage_describe(st, &info) != DF_OK || info.memory_share / 4 >= GOOD_BYTES) {
        return GOOD_BYTES;
    }
    return info.memory_share / 4 > GOOD_BYTES_MIN ? info.memory_share / 4 : GOOD_BYTES_MIN;
}

static int set_limits(df__pg_sink *s, df_stage *st)
{
    df_limits limits;
    memset(&limits, 0, sizeof limits);
    limits.size = sizeof limits;
    limits.good_bytes = good_bytes(st);
    s->ahead_max = (size_t)limits.good_bytes / 4 - GOOD_BYTES_MIN / 8; /* and one piece fits */
    s->keep_max = (size_t)limits.good_bytes * 3 / 2;
    if (s->batch_size != DF_UNSET) {
        limits.rows = s->batch_size > 0 ? s->batch_size : ROWS_MAX;
        limits.interval_ms = s->batch_interval_us == DF_UNSET ? 10000 : s->batch_interval_us / 1000;
    }
    return df_stage_limits(st, &limits);
}

static int check_raw(const df__pg_sink *s, df_stage *st)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *prefix = s->flatten_prefix.data;
    int rc = DF_OK;
    if (s->raw && s->upsert) {
        rc = df_stage_problem(st, DF_ERROR, "rawMode",
                              "adds a row for each record; upsertMode needs columns of its own");
    }
    if (s->flatten && !s->raw) {
        rc = df_stage_problem(st, DF_ERROR, "flattenMetadataColumns", "needs rawMode: true");
    }
    for (size_t i = 0; i < s->flatten_prefix.len; i++) {
        if (!prefix[i] || !strchr(letters, prefix[i]) || (i == 0 && prefix[i] <= '9')) {
            return df_stage_problem(st, DF_ERROR, "flattenMetadataColumnsPrefix",
                                    "letters, digits and _, no digit first");
        }
    }
    return rc;
}

/* A connection string that stands in the manifest is looked at before any run. */
static int check_connection(const df__pg_sink *s, df_stage *st)
{
    char why[400];
    df_bytes text;
    int is_error = 0;
    if (!s->conn.string || df_secret_get(s->conn.string, st, &text) != DF_OK) {
        return DF_OK;
    }
    PQconninfoOption *given = df__pg_conninfo_read_bytes(text, why, sizeof why, &is_error);
    PQconninfoFree(given);
    if (given || !is_error) {
        return given ? DF_OK : DF_ENOMEM;
    }
    return df_stage_problem(st, DF_ERROR, "connectionString", why + strlen("connectionString: "));
}

/* A key that the user did not ask for must not end every run. */
static int skips_by_default(const df__pg_sink *s, const df_stage_info *info)
{
    return info->stops_at_refused && s->auto_create && !s->upsert && !s->raw;
}

/* Where rows are compared, what comes again after a crash must be what was written. */
static void check_repeats(const df__pg_sink *s, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    int compares = s->on_conflict == PG_CONFLICT_EQUAL;
    if (df_stage_describe(st, &info) != DF_OK || !info.varied_by || s->upsert || s->raw) {
        return;
    }
    if (compares || (s->on_conflict < 0 && !skips_by_default(s, &info))) {
        df_stage_problemf(st, DF_WARNING, "onConflict",
                          "a record that is read again after a crash gets another time from "
                          "\"%s\", so that equal refuses it where its key is in the table: let a "
                          "DEFAULT of the column write the time, or set onConflict: skip or "
                          "upsertMode: true",
                          info.varied_by);
    }
}

static int sink_check(void *self, df_stage *st)
{
    df__pg_sink *s = self;
    df__pg_name name;
    const char *why = NULL;
    int rc = set_limits(s, st); /* known before the connection stands, so that it is kept to */
    if (s->table.data && df__pg_name_parse(s->table, &name, &why) != DF_OK) {
        rc = df_stage_problem(st, DF_ERROR, "table", why);
    }
    if (s->upsert_strategy == PG_UPSERT_IF_NEWER && !s->version_column.data) {
        rc = df_stage_problem(st, DF_ERROR, "upsertVersionColumn", "ifNewer needs it");
    }
    if (s->batch_size > 0 && s->batch_size < ROWS_FEW) {
        df_stage_problem(st, DF_WARNING, "batchSize",
                         "below 100 most of the time goes into commits; leave it out, and it "
                         "adapts to the load");
    }
    if (!s->upsert && s->soft_delete_column.data) {
        rc = df_stage_problem(st, DF_ERROR, "softDeleteColumn", "needs upsertMode: true");
    }
    int connection = check_connection(s, st);
    rc = connection == DF_OK ? rc : connection;
    if (s->upsert && s->conflict_key.data) { /* a record that comes twice is one row */
        df_stage_traits(st, DF_IS_IDEMPOTENT, 0);
    }
    check_repeats(s, st);
    return check_raw(s, st) == DF_OK ? rc : DF_ESPEC;
}

static void describe(df__pg_sink *s, df_stage *st)
{
    df_stage_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    if (df_stage_describe(st, &info) == DF_OK) {
        s->stops = info.stops_at_refused;
        s->conn.show_values = info.show_values;
        s->encoder.show_values = info.show_values;
    }
    if (s->on_conflict < 0) {
        s->skips_unasked = skips_by_default(s, &info);
        s->on_conflict = s->skips_unasked ? PG_CONFLICT_SKIP : PG_CONFLICT_EQUAL;
    }
}

static int prepare(df__pg_sink *s, df_stage *st)
{
    const char *why = NULL;
    if (df__pg_name_parse(s->table, &s->name, &why) != DF_OK) {
        return df_stage_failf(st, DF_EINVAL, "configuration", "table: %s", why);
    }
    s->conn.stage = st;
    s->conn.table = s->name.table;
    s->conn.notice = df__pg_checks_notice;
    s->conn.user = s;
    s->staged = 0;
    df__buf_init(&s->sql, &df__heap_libc);
    df__buf_init(&s->raw_text, &df__heap_libc);
    char head[PG_NAME_MAX + 1 - sizeof "_data_gin" + 1];
    df__text_set(head, sizeof head, s->name.table, strlen(s->name.table));
    df__text_printf(s->raw_index, sizeof s->raw_index, "%s_data_gin", head);
    df__arena_init(&s->known.arena, &df__heap_libc, 4096);
    memset(s->works, 0, sizeof s->works);
    df__pg_rejects_init(&s->works[0].rejects);
    df__pg_rejects_init(&s->works[1].rejects);
    s->flight = NULL;
    df__pg_checks_init(&s->checks);
    df__pg_encoder_init(&s->encoder);
    s->encoder.convert.bytea = s->bytea;
    s->encoder.convert.round = s->round;
    s->encoder.refuse_missing = s->missing == PG_MISSING_ERROR && !s->raw;
    s->prepared = 1;
    s->mixed = 0;
    s->no_rows = 0;
    s->no_copy = 0;
    s->rows_likely = 0;
    s->charged = PG_CHARGE;
    df_stage_charge(st, s->charged);
    describe(s, st);
    return DF_OK;
}

static int sink_open(void *self, df_stage *st)
{
    df__pg_sink *s = self;
    int rc = prepare(s, st);
    if (rc == DF_OK) {
        rc = df__pg_connect(&s->conn);
    }
    if (rc == DF_OK) {
        rc = df__pg_catalog_load(s);
    }
    if (rc == DF_OK && !s->known.exists && s->auto_create && s->raw && !s->flatten) {
        rc = df__pg_raw_create(s);
    }
    if (rc == DF_OK && !s->known.exists && !s->auto_create) {
        rc = df__pg_missing(s);
    }
    return rc;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    df__pg_sink *s = self;
    if (!s->conn.pg) {
        return df_stage_fail(st, DF_EIO, "connection_error", "not connected");
    }
    return df__pg_write(s, parcel);
}

static int sink_poll(void *self, df_stage *st, int timeout_ms)
{
    (void)st;
    return df__pg_poll(self, timeout_ms);
}

static int sink_flush(void *self, df_stage *st, int timeout_ms)
{
    df__pg_sink *s = self;
    (void)st;
    int64_t end = df__pg_clock_ms() + timeout_ms;
    int rc = DF_OK;
    while (s->flight && rc >= 0) {
        int64_t left = end - df__pg_clock_ms();
        if (left <= 0) {
            return DF_AGAIN; /* the last batch is not committed yet */
        }
        rc = df__pg_poll(s, (int)left);
    }
    return rc < 0 ? rc : DF_OK;
}

static void sink_close(void *self, df_stage *st)
{
    df__pg_sink *s = self;
    df__pg_disconnect(&s->conn);
    if (!s->prepared) {
        return;
    }
    s->prepared = 0;
    df_stage_charge(st, -s->charged);
    df__arena_free(&s->known.arena);
    memset(&s->known, 0, sizeof s->known);
    df__free(&df__heap_libc, s->values);
    s->values = NULL;
    s->values_cap = 0;
    df__pg_work_free(&s->works[0]);
    df__pg_work_free(&s->works[1]);
    s->flight = NULL;
    df__pg_checks_free(&s->checks);
    df__pg_encoder_free(&s->encoder);
    df__buf_free(&s->sql);
    df__buf_free(&s->raw_text);
}

const df_sink_ops df__pg_sink_ops = {
    .size = sizeof(df_sink_ops),
    .check = sink_check,
    .open = sink_open,
    .write = sink_write,
    .poll = sink_poll,
    .flush = sink_flush,
    .close = sink_close,
};
