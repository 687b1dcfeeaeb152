/* SPDX-License-Identifier: Apache-2.0
 * options.c: the table of options, and what can be wrong with them before any connection. */
#include <string.h>

#include "cdc.h"

static const char *const snapshot_choices[] = {"initial", "never", "always", NULL};
static const char *const streaming_choices[] = {"off", "on", "auto", NULL};
static const char *const envelope_choices[] = {"row", "debezium", NULL};

#define AT(member) .offset = offsetof(df__pg_cdc, member)

static const df_option rows[] = {
    {.name = "connectionString",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REQUIRED | DF_OPT_REF | DF_OPT_PARTS,
     AT(wal.conn.string),
     .doc = "Where the server is: postgres://user:password@host:port/database?sslmode=..., or "
            "host=... dbname=... as libpq reads it. The user needs REPLICATION, and SELECT on the "
            "tables."},
    {.name = "slotName",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED | DF_OPT_REF | DF_OPT_IDENTITY,
     AT(opt.slot),
     .doc = "Replication slot: lower-case letters, digits and _. One flow reads from it."},
    {.name = "publicationName",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED | DF_OPT_REF,
     AT(opt.publication),
     .doc = "Publication that names the tables."},
    {.name = "tables",
     .type = DF_OPT_LIST,
     .of = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED,
     AT(opt.tables),
     .min = 1,
     .max = 1000,
     .doc = "Tables, as table or schema.table; without a schema: public. A partitioned table is "
            "named by its root."},
    {.name = "snapshotMode",
     .type = DF_OPT_ENUM,
     AT(opt.snapshot_mode),
     .def = "initial",
     .choices = snapshot_choices,
     .doc = "The rows that are there at the first start: initial reads tables that were not read "
            "yet, never reads none, always reads all at every start."},
    {.name = "createSlotIfNotExists",
     .type = DF_OPT_BOOL,
     AT(opt.create_slot),
     .def = "true",
     .doc = "Makes the slot at the first start. One that is gone later is never made again."},
    {.name = "createPublicationIfNotExists",
     .type = DF_OPT_BOOL,
     AT(opt.create_publication),
     .def = "true",
     .doc = "Makes the publication for the tables; the user must own them."},
    {.name = "plugin",
     .type = DF_OPT_TEXT,
     AT(opt.plugin),
     .def = "pgoutput",
     .doc = "Output plug-in of the slot; pgoutput is the only one."},
    {.name = "heartbeatIntervalSeconds",
     .type = DF_OPT_DURATION,
     AT(opt.heartbeat_us),
     .def = "10s",
     .min = 0,
     .max = INT64_C(3600000000),
     .doc = "How often the slot moves on while the tables are silent; 0: not at all."},
    {.name = "primaryKeyColumn",
     .type = DF_OPT_TEXT,
     AT(opt.id),
     .def = "id",
     .doc = "Column whose value is the metadata id of a record."},
    {.name = "includeColumns",
     .type = DF_OPT_LIST,
     .of = DF_OPT_TEXT,
     AT(opt.include),
     .doc = "Columns that records have; case does not count. Unset: all."},
    {.name = "excludeColumns",
     .type = DF_OPT_LIST,
     .of = DF_OPT_TEXT,
     AT(opt.exclude),
     .doc = "Columns that records leave out; case does not count."},
    {.name = "envelopeFormat",
     .type = DF_OPT_ENUM,
     AT(opt.envelope),
     .def = "row",
     .choices = envelope_choices,
     .doc = "row: a record is the row, the operation is metadata; debezium: an event with "
            "payload.before, after, source and op."},
    {.name = "logicalMessages",
     .type = DF_OPT_BOOL,
     AT(opt.messages),
     .def = "false",
     .doc = "Delivers what pg_logical_emit_message wrote as records with prefix and content."},
    {.name = "streaming",
     .type = DF_OPT_ENUM,
     AT(opt.streaming),
     .def = "auto",
     .choices = streaming_choices,
     .doc =
         "Where a transaction that is too large for the server's memory "
         "(logical_decoding_work_mem) waits for its commit. off: on the server's disk; on: here, "
         "in temporary files; auto: here where the server (14 or newer) and a folder for "
         "temporary files allow it."},
    {.name = "applyTransactions",
     .type = DF_OPT_BOOL,
     AT(opt.whole),
     .def = "false",
     .doc = "Keeps transactions whole: who reads the sink's tables never sees a part of one. Needs "
            "deliveryGuarantee: exactlyOnce, and memory for the largest one. See "
            "postgresql-cdc.md."},
    {.name = "connectTimeout",
     .type = DF_OPT_DURATION,
     AT(wal.conn.connect_timeout_us),
     .def = "10s",
     .min = 1000,
     .max = INT64_C(3600000000),
     .doc = "Limit for making a connection."},
    {.name = "slotTimeout",
     .type = DF_OPT_DURATION,
     AT(opt.lock_us),
     .def = "1m",
     .min = 1000,
     .max = INT64_C(86400000000),
     .doc = "How long making the slot waits for transactions that were open before it."},
};

const df_options df__pg_cdc_options = DF_OPTIONS(rows, df__pg_cdc);

static int is_plain(df_bytes name)
{
    const char *s = name.data;
    for (size_t i = 0; i < name.len; i++) {
        int letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '_';
        if (!letter && (i == 0 || s[i] < '0' || s[i] > '9'))
            return 0;
    }
    return name.len > 0 && name.len <= PG_NAME_MAX;
}

static int check_slot(const df__pg_cdc *x, df_stage *st)
{
    df_bytes slot = x->opt.slot;
    const char *s = slot.data;
    if (!s) /* a reference: open looks at it */
        return DF_OK;
    for (size_t i = 0; i < slot.len; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
            return df_stage_problem(st, DF_ERROR, "slotName", "lower-case letters, digits and _");
    return slot.len > 0 && slot.len <= PG_NAME_MAX
               ? DF_OK
               : df_stage_problem(st, DF_ERROR, "slotName", "1 to 63 bytes");
}

static int check_columns(df_stage *st, const char *option, const df_list *list)
{
    const df_bytes *items = list->items;
    int rc = DF_OK;
    for (size_t i = 0; i < list->count; i++) {
        if (!is_plain(items[i])) {
            rc = df_stage_problemf(st, DF_ERROR, option,
                                   "entry %zu is no plain name: letters, digits and _", i + 1);
        }
    }
    return rc;
}

static int check_tables(const df__pg_cdc *x, df_stage *st)
{
    const df_bytes *items = x->opt.tables.items;
    int rc = DF_OK;
    for (size_t i = 0; i < x->opt.tables.count; i++) {
        df__pg_name name;
        const char *why = NULL;
        if (df__pg_name_parse(items[i], &name, &why) != DF_OK)
            rc = df_stage_problemf(st, DF_ERROR, "tables", "entry %zu: %s", i + 1, why);
    }
    return rc;
}

/* Parcels end at marks with exactlyOnce alone: else the core and the sink cut where they like. */
static int check_whole(const df__pg_cdc *x, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    if (!x->opt.whole || df_stage_describe(st, &info) != DF_OK || info.exactly_once)
        return DF_OK;
    return df_stage_problem(st, DF_ERROR, "applyTransactions",
                            "needs deliveryGuarantee: exactlyOnce, by which rows and position are "
                            "committed together");
}

int df__pg_cdc_check(void *self, df_stage *st)
{
    df__pg_cdc *x = self;
    int rc = df__pg_conn_check(&x->wal.conn, st);
    int bad = check_slot(x, st) < 0;
    bad |= check_tables(x, st) < 0;
    bad |= check_columns(st, "includeColumns", &x->opt.include) < 0;
    bad |= check_columns(st, "excludeColumns", &x->opt.exclude) < 0;
    if (x->opt.id.data && !is_plain(x->opt.id))
        bad |= df_stage_problem(st, DF_ERROR, "primaryKeyColumn", "letters, digits and _") < 0;
    if (x->opt.plugin.len != 8 || memcmp(x->opt.plugin.data, "pgoutput", 8) != 0)
        bad |= df_stage_problem(st, DF_ERROR, "plugin", "must be pgoutput") < 0;
    bad |= check_whole(x, st) < 0;
    if (x->opt.snapshot_mode == PG_SNAPSHOT_NEVER) /* nothing is copied */
        df_stage_traits(st, 0, DF_OVERLAPS);
    return bad && rc == DF_OK ? DF_ESPEC : rc;
}
