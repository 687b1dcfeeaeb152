/* SPDX-License-Identifier: Apache-2.0
 * fits.c: whether exactly-once can hold: by the server, the table, what its views write to, and the
 * table of positions. */
#include <stdlib.h>
#include <string.h>

#include "sink.h"

/* A parcel has an insert for each of its partitions, and other writers have theirs; and a flow may
 * have to be started again. */
enum { WINDOW_MIN = 100, SECONDS_MIN = 600, TABLES_MAX = 64 };

static void literal(df__buf *b, const char *text)
{
    df__ch_literal(b, (df_bytes){text, strlen(text)});
}

static int refuse(df__ch_sink *s, const char *text)
{
    return df_stage_failf(s->client.stage, DF_EINVAL, "invalid_config", "exactlyOnce: %s", text);
}

static int run(df__ch_sink *s)
{
    const char *sql = df__buf_cstr(&s->exact.sql);
    return sql ? df__ch_run(&s->client, sql, &s->exact.reply)
               : df_stage_fail(s->client.stage, DF_ENOMEM, NULL, "no memory for a statement");
}

/* ---- one table --------------------------------------------------------------------------------*/

static void where(df__buf *b, const df__ch_table_name *name)
{
    df__buf_str(b, " WHERE name = ");
    literal(b, name->table);
    df__buf_str(b, " AND database = ");
    if (name->database[0])
        literal(b, name->database);
    else
        df__buf_str(b, "currentDatabase()");
}

/* The table's own setting, else the server's. */
static void add_window(df__buf *b, const char *name, const char *defaults)
{
    df__buf_printf(b,
                   ", toUInt64OrZero(if(extract(engine_full, ' %s = ([0-9]+)') != '', "
                   "extract(engine_full, ' %s = ([0-9]+)'), (SELECT any(value) FROM system.%s "
                   "WHERE name = '%s')))",
                   name, name, defaults, name);
}

typedef struct facts {
    char database[CH_NAME_MAX + 1], engine[64];
    uint64_t window, seconds; /* seconds: of a replicated one, which forgets by time too */
    int exists, is_replicated;
} facts;

static int has_end(const char *text, const char *end)
{
    size_t len = strlen(text), tail = strlen(end);
    return len >= tail && strcmp(text + len - tail, end) == 0;
}

/* Those of a Shared table are of one Keeper, as those of a Replicated one. */
static int is_common(const char *engine)
{
    return strncmp(engine, "Replicated", 10) == 0 || strncmp(engine, "Shared", 6) == 0;
}

static int look_at(df__ch_sink *s, const df__ch_table_name *name, facts *ret)
{
    df_bytes cells[5] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}};
    df__buf *b = &s->exact.sql;
    int last = 0;
    memset(ret, 0, sizeof *ret);
    df__buf_clear(b);
    df__buf_str(b, "SELECT database, engine");
    add_window(b, "non_replicated_deduplication_window", "merge_tree_settings");
    add_window(b, "replicated_deduplication_window", "replicated_merge_tree_settings");
    add_window(b, "replicated_deduplication_window_seconds", "replicated_merge_tree_settings");
    df__buf_str(b, " FROM system.tables");
    where(b, name);
    df__buf_str(b, " FORMAT TabSeparated");
    int rc = run(s);
    if (rc != DF_OK || s->exact.reply.len == 0)
        return rc;
    char *at = s->exact.reply.data;
    for (size_t i = 0; i < 5 && !last && df__ch_next_field(&at, &cells[i], &last); i++)
        continue;
    df__text_set(ret->database, sizeof ret->database, cells[0].data, cells[0].len);
    df__text_set(ret->engine, sizeof ret->engine, cells[1].data, cells[1].len);
    ret->exists = 1;
    ret->is_replicated = is_common(ret->engine);
    if (has_end(ret->engine, "MergeTree"))
        ret->window = strtoull(cells[ret->is_replicated ? 3 : 2].data, NULL, 10);
    ret->seconds = ret->is_replicated ? strtoull(cells[4].data, NULL, 10) : 0;
    return DF_OK;
}

/* `what` names the table in the text. */
static int check_window(df__ch_sink *s, const char *what, const facts *f)
{
    char text[500];
    const char *setting = f->is_replicated ? "replicated_deduplication_window"
                                           : "non_replicated_deduplication_window";
    int is_short = f->is_replicated && f->seconds < SECONDS_MIN;
    if (f->window >= WINDOW_MIN && !is_short)
        return DF_OK;
    if (!has_end(f->engine, "MergeTree")) {
        df__text_printf(text, sizeof text,
                        "%s has the engine %s, which drops no repeated inserts; it needs one of "
                        "the MergeTree family",
                        what, f->engine);
    } else if (f->window == 0) {
        df__text_printf(text, sizeof text,
                        "%s drops no repeated inserts, so after a crash rows could be there twice; "
                        "ALTER TABLE ... MODIFY SETTING %s = 10000",
                        what, setting);
    } else if (f->window >= WINDOW_MIN) {
        df__text_printf(text, sizeof text,
                        "%s remembers inserts for %llu s only "
                        "(replicated_deduplication_window_seconds), which a flow may stand still "
                        "for; at least %d, better 604800, a week",
                        what, (unsigned long long)f->seconds, SECONDS_MIN);
    } else {
        df__text_printf(text, sizeof text,
                        "%s remembers the last %llu inserts only (%s), which is too few to know a "
                        "repeated one for sure; at least %d, better 10000",
                        what, (unsigned long long)f->window, setting, WINDOW_MIN);
    }
    return refuse(s, text);
}

/* ---- what hangs on it -------------------------------------------------------------------------*/

/* Tables that are still to be looked at: those that views of a table write to, and so on. */
typedef struct todo {
    df__ch_table_name rows[TABLES_MAX];
    size_t count;
} todo;

/* Asks for the tables that the views of `name` write to: database, table and the view's name. */
static int ask_views(df__ch_sink *s, const df__ch_table_name *name)
{
    df__buf *b = &s->exact.sql;
    df__buf_clear(b);
    df__buf_str(b, "WITH (SELECT arrayMap((d, t) -> concat(d, '.', t), dependencies_database, "
                   "dependencies_table) FROM system.tables");
    where(b, name);
    df__buf_str(b, ") AS views SELECT extract(target, '^(.*?)[.]'), extract(target, "
                   "'^.*?[.](.*)$'), name FROM (SELECT name, replaceAll(extract("
                   "create_table_query, '^CREATE MATERIALIZED VIEW [^ ]+ TO ([^ (]+)'), '`', '') "
                   "AS written, if(written != '', written, concat(database, '.', if(uuid = "
                   "toUUID('00000000-0000-0000-0000-000000000000'), concat('.inner.', name), "
                   "concat('.inner_id.', toString(uuid))))) AS target FROM system.tables WHERE "
                   "engine = 'MaterializedView' AND has(views, concat(database, '.', name))) "
                   "FORMAT TabSeparated");
    return run(s);
}

static int add_views(df__ch_sink *s, const df__ch_table_name *name, todo *list)
{
    df_bytes cells[3];
    int last = 0;
    int rc = ask_views(s, name);
    char *at = rc == DF_OK ? s->exact.reply.data : NULL;
    while (rc == DF_OK && *at) {
        for (size_t i = 0; i < 3; i++)
            if (!df__ch_next_field(&at, &cells[i], &last))
                return DF_OK;
        if (list->count == TABLES_MAX)
            return refuse(s, "more than 64 views hang on the table");
        df__ch_table_name *next = &list->rows[list->count++];
        df__text_set(next->database, sizeof next->database, cells[0].data, cells[0].len);
        df__text_set(next->table, sizeof next->table, cells[1].data, cells[1].len);
    }
    return rc;
}

/* A repeat is dropped everywhere only while the table that forgets first still knows it. */
static void narrow(df__ch_exact *e, const facts *f)
{
    if (f->window < e->window)
        e->window = f->window;
    if (f->seconds && (!e->seconds || f->seconds < e->seconds))
        e->seconds = f->seconds;
}

/* What a repeated insert gives a view is dropped by the table that the view writes to. */
static int check_views(df__ch_sink *s, const char *database)
{
    char text[2 * CH_NAME_MAX + 80];
    df__ch_table_name name = s->table.name;
    todo list = {.count = 0};
    df__text_set(name.database, sizeof name.database, database, strlen(database));
    int rc = add_views(s, &name, &list);
    for (size_t i = 0; i < list.count && rc == DF_OK; i++) {
        facts f;
        name = list.rows[i];
        df__text_printf(text, sizeof text, "table %s.%s, which a view of %s writes to,",
                        name.database, name.table, s->table.name.table);
        rc = look_at(s, &name, &f);
        if (rc == DF_OK && !f.exists)
            rc = df_stage_failf(s->client.stage, DF_EIO, "schema_changed", "%s is not there", text);
        rc = rc == DF_OK ? check_window(s, text, &f) : rc;
        if (rc == DF_OK)
            narrow(&s->exact, &f);
        rc = rc == DF_OK ? add_views(s, &name, &list) : rc;
    }
    return rc;
}

/* ---- the table of positions -------------------------------------------------------------------*/

static const char columns[] =
    " (space String, pipeline String, stage String, partition String, epoch UInt64, number UInt64, "
    "incarnation String, source String, seq UInt64, position Nullable(String), block UInt64, "
    "inserts UInt64, lists UInt64, mark UInt64, begun Nullable(String), updated_at DateTime "
    "DEFAULT now()) ENGINE = ";
static const char order[] =
    "ReplacingMergeTree(number) ORDER BY (space, pipeline, stage, partition, epoch)";

static int make_positions(df__ch_sink *s)
{
    df__buf *b = &s->exact.sql;
    df__buf_clear(b);
    df__buf_str(b, "CREATE TABLE IF NOT EXISTS ");
    df__ch_quote_table(b, &s->exact.name);
    df__buf_str(b, columns);
    df__buf_str(b, order);
    int rc = run(s);
    if (rc == DF_OK)
        df_stage_logf(s->client.stage, DF_LOG_INFO, "table of positions %s made",
                      s->exact.name.table);
    return rc;
}

/* A table of one server is not seen by the others. */
static int not_common(df__ch_sink *s, int exists)
{
    return df_stage_failf(s->client.stage, DF_EINVAL, "invalid_config",
                          "exactlyOnce: table %s, which holds the positions, %s, and not every "
                          "replica of table %s would see it; make it as docs/clickhouse.md shows, "
                          "with the engine ReplicatedReplacingMergeTree",
                          s->exact.name.table, exists ? "is one server's own" : "is not there",
                          s->table.name.table);
}

static int find_positions(df__ch_sink *s, int make)
{
    facts f;
    int rc = look_at(s, &s->exact.name, &f);
    if (rc != DF_OK)
        return rc;
    s->exact.has_quorum = f.exists && f.is_replicated;
    if (s->exact.is_replicated && !s->exact.has_quorum)
        return not_common(s, f.exists);
    if (!f.exists)
        return make ? make_positions(s) : DF_OK;
    if (!strstr(f.engine, "ReplacingMergeTree")) {
        return df_stage_failf(s->client.stage, DF_EINVAL, "invalid_config",
                              "table %s is not one of positions; name another one in "
                              "positionsTable",
                              s->exact.name.table);
    }
    return DF_OK;
}

/* ---- all --------------------------------------------------------------------------------------*/

static int check_settings(df__ch_sink *s)
{
    static const char *const ours[] = {"insert_deduplicate", "insert_deduplication_token",
                                       "deduplicate_blocks_in_dependent_materialized_views",
                                       "max_insert_block_size", "async_insert"};
    char text[200];
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (df__ch_has_setting(&s->client, ours[i])) {
            df__text_printf(text, sizeof text,
                            "the sink sets %s itself; take it out of connectionString", ours[i]);
            return refuse(s, text);
        }
    }
    return s->client.version >= CH_DEDUP_TOKENS
               ? DF_OK
               : refuse(s, "a server before 22.2 knows no names of inserts "
                           "(insert_deduplication_token), by which it would drop a repeated one");
}

int df__ch_exact_fits(df__ch_sink *s)
{
    facts f;
    int rc = look_at(s, &s->table.name, &f);
    if (rc != DF_OK || !f.exists) /* it is made later, and looked at then */
        return rc;
    s->exact.window = f.window;
    s->exact.seconds = f.seconds;
    s->exact.is_replicated = f.is_replicated;
    if (s->client.dsn.host_count > 1 && !f.is_replicated)
        return refuse(s, "connectionString has several hosts, and the table is one server's own");
    rc = check_window(s, "the table", &f);
    rc = rc == DF_OK ? check_views(s, f.database) : rc;
    s->exact.checked = s->table.generation;
    return rc;
}

int df__ch_exact_open(df__ch_sink *s, int make)
{
    df__ch_exact *e = &s->exact;
    df_stage_info info = {.size = sizeof info};
    const char *why = NULL;
    int rc = df_stage_describe(s->client.stage, &info);
    e->used = rc == DF_OK && info.exactly_once && !info.is_error_sink;
    if (!e->used)
        return rc;
    s->stops = 1; /* refusals are always told before anything is written */
    e->space = info.space;
    e->pipeline = info.pipeline;
    e->stage = info.stage;
    e->source = info.source_identity;
    e->is_replicated = e->has_quorum = 0;
    e->checked = 0;
    if (df__ch_name_parse(s->opt.positions_table, &e->name, &why) != DF_OK) {
        return df_stage_failf(s->client.stage, DF_EINVAL, "invalid_config", "positionsTable: %s",
                              why);
    }
    if (!e->name.database[0])
        memcpy(e->name.database, s->table.name.database, sizeof e->name.database);
    rc = check_settings(s);
    rc = rc == DF_OK ? df__ch_exact_fits(s) : rc;
    return rc == DF_OK ? find_positions(s, make) : rc;
}

void df__ch_exact_close(df__ch_exact *e)
{
    df__buf_free(&e->sql);
    df__buf_free(&e->reply);
}

int df__ch_exact_check(const df__ch_sink *s, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    df__ch_table_name name;
    const char *why = NULL;
    df_stage_describe(st, &info);
    if (df__ch_name_parse(s->opt.positions_table, &name, &why) != DF_OK)
        return df_stage_problem(st, DF_ERROR, "positionsTable", why);
    if (info.exactly_once && !info.is_error_sink) {
        df_stage_foundf(st,
                        "exactly once by table %s: it notes where each insert ends before that is "
                        "sent, and the server drops one that comes twice; it holds while the "
                        "table's deduplication window (looked at when the flow starts) is larger "
                        "than what all writers insert until a failed insert is repeated",
                        name.table);
    }
    return DF_OK;
}
