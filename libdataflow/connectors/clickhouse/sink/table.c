/* SPDX-License-Identifier: Apache-2.0
 * table.c: asks for the columns and the engine of the table. */
#include "table.h"
#include "util/list.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 10000 };

void df__ch_table_init(df__ch_table *t, const df__heap *heap)
{
    df__buf_init(&t->shape, heap);
    df__arena_init(&t->arena, heap, 4096);
    t->exists = 0;
    t->columns = NULL;
    t->count = 0;
    t->version = t->deleted = CH_NO_COLUMN;
}

void df__ch_table_free(df__ch_table *t)
{
    df__buf_free(&t->shape);
    df__arena_free(&t->arena);
    t->columns = NULL;
    t->count = 0;
}

size_t df__ch_table_find(const df__ch_table *t, df_bytes name)
{
    for (size_t i = 0; i < t->count; i++) {
        const df_bytes *one = &t->columns[i].name;
        if (one->len == name.len && memcmp(one->data, name.data, name.len) == 0)
            return i;
    }
    return CH_NO_COLUMN;
}

/* ---- columns --------------------------------------------------------------------------------- */

static int is_word(df_bytes text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static int add_column(df__ch_client *c, df__ch_table *t, df_bytes name, df_bytes type,
                      df_bytes kind)
{
    const char *zone = NULL;
    df__ch_column *column = &t->columns[t->count];
    int generated = is_word(kind, "MATERIALIZED") || is_word(kind, "ALIAS");
    memset(column, 0, sizeof *column);
    column->bit = -1;
    int rc = df__arena_copy(&t->arena, name,
                            generated ? &t->generated[t->generated_count] : &column->name);
    if (rc != DF_OK || generated) {
        t->generated_count += (size_t)generated;
        return rc;
    }
    rc = df__ch_type_read(&t->arena, type, &column->type);
    if (rc == DF_OK)
        rc = df__ch_type_zones(&t->arena, &column->type, &zone);
    if (rc == DF_EINVAL) {
        return df_stage_failf(c->stage, rc, "not_supported",
                              "column %.*s: this machine knows no time zone %s (install tzdata)",
                              (int)name.len, (const char *)name.data, zone);
    }
    if (rc == DF_EDATA) { /* a type of a newer server: the column cannot be written */
        column->type.kind = CH_KIND_OTHER;
        rc = DF_OK;
    }
    column->bit = kind.len > 0 ? CH_BITS : -1;
    t->count++;
    return rc;
}

static void number_bits(df__ch_table *t)
{
    int next = 0;
    for (size_t i = 0; i < t->count; i++) {
        int can_not = t->columns[i].type.kind == CH_KIND_OTHER;
        if (t->columns[i].bit == CH_BITS || can_not)
            t->columns[i].bit = next < CH_BITS ? next++ : CH_BITS;
    }
}

/* DESCRIBE gives a line for each column: name, type, kind of its default, and more. */
static int read_columns(df__ch_client *c, df__ch_table *t, char *at)
{
    size_t lines = 0;
    int rc = DF_OK;
    for (const char *p = at; *p; p++)
        lines += *p == '\n';
    t->columns = df__arena_zalloc(&t->arena, (lines + 1) * sizeof *t->columns);
    t->generated = df__arena_zalloc(&t->arena, (lines + 1) * sizeof *t->generated);
    t->count = t->generated_count = 0;
    if (!t->columns || !t->generated)
        return DF_ENOMEM;
    if (lines > COLUMNS_MAX)
        return df_stage_fail(c->stage, DF_ENOTSUP, NULL, "the table has more than 10000 columns");
    while (*at && rc == DF_OK) {
        df_bytes cells[3] = {{"", 0}, {"", 0}, {"", 0}}, cell;
        int last = 0;
        for (size_t i = 0; !last && df__ch_next_field(&at, &cell, &last); i++)
            cells[i < 3 ? i : 2] = i < 3 ? cell : cells[2];
        rc = add_column(c, t, cells[0], cells[1], cells[2]);
    }
    number_bits(t);
    return rc;
}

/* ---- engine ---------------------------------------------------------------------------------- */

/* The names between the brackets right after "...ReplacingMergeTree": the last ones that are
 * columns are the version and the deleted mark; texts before them are the place in Keeper. Brackets
 * further on are those of PARTITION BY and ORDER BY. */
static void read_engine_columns(df__ch_table *t, const char *full)
{
    const char *after = full + strspn(full, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789_");
    const char *open = *after == '(' ? after : NULL;
    const char *close = open ? strchr(open, ')') : NULL;
    df_bytes rest = {open ? open + 1 : "", open && close ? (size_t)(close - open - 1) : 0};
    for (df_bytes name = df__list_name(&rest); name.len > 0; name = df__list_name(&rest)) {
        const char *s = name.data;
        if (name.len > 2 && s[0] == '`')
            name = (df_bytes){s + 1, name.len - 2};
        size_t column = df__ch_table_find(t, name);
        if (column == CH_NO_COLUMN)
            continue;
        if (t->version == CH_NO_COLUMN)
            t->version = column;
        else if (t->deleted == CH_NO_COLUMN)
            t->deleted = column;
    }
}

/* "a, b", from today's servers "(a, b)" */
static void read_key(df__ch_table *t, df_bytes key)
{
    const char *text = key.data;
    int closed = key.len > 1 && text[0] == '(' && text[key.len - 1] == ')';
    df_bytes rest = closed ? (df_bytes){text + 1, key.len - 2} : key;
    for (df_bytes name = df__list_name(&rest); name.len > 0; name = df__list_name(&rest)) {
        const char *s = name.data;
        if (name.len > 2 && s[0] == '`')
            name = (df_bytes){s + 1, name.len - 2};
        size_t column = df__ch_table_find(t, name);
        if (column != CH_NO_COLUMN)
            t->columns[column].in_key = 1;
    }
}

static int load_engine(df__ch_client *c, df__ch_table *t)
{
    df__buf sql, reply;
    df_bytes cells[3] = {{"", 0}, {"", 0}, {"", 0}}, cell, full = {NULL, 0};
    int last = 0;
    df__buf_init(&sql, t->shape.heap);
    df__buf_init(&reply, t->shape.heap);
    df__buf_str(&sql, "SELECT engine, engine_full, sorting_key FROM system.tables WHERE name = ");
    df__ch_literal(&sql, (df_bytes){t->name.table, strlen(t->name.table)});
    df__buf_str(&sql, " AND database = ");
    if (t->name.database[0])
        df__ch_literal(&sql, (df_bytes){t->name.database, strlen(t->name.database)});
    else
        df__buf_str(&sql, "currentDatabase()");
    df__buf_str(&sql, " FORMAT TabSeparated");
    int rc = df__buf_cstr(&sql) ? df__ch_run(c, sql.data, &reply) : DF_ENOMEM;
    if (rc == DF_OK && reply.len > 0) {
        char *at = reply.data;
        for (size_t i = 0; i < 3 && !last && df__ch_next_field(&at, &cell, &last); i++)
            cells[i] = cell;
        rc = df__arena_copy(&t->arena, cells[0], &full);
        t->engine = full.data;
        t->replaces = t->engine && strstr(t->engine, "Replacing") != NULL;
        rc = rc == DF_OK ? df__arena_copy(&t->arena, cells[1], &full) : rc;
        if (rc == DF_OK && t->replaces && full.data)
            read_engine_columns(t, full.data);
        read_key(t, cells[2]);
    }
    df__buf_free(&sql);
    df__buf_free(&reply);
    return rc;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* Names for df_parcel_row; the core keeps what it compiled as long as the stage, so again only
 * when the names changed. */
static int compile(df__ch_client *c, df__ch_table *t)
{
    int same = t->compiled && t->compiled_count == t->count;
    for (size_t i = 0; same && i < t->count; i++)
        same = strcmp(t->compiled_names[i], t->columns[i].name.data) == 0;
    if (same)
        return DF_OK;
    t->compiled_names = df_stage_alloc(c->stage, (t->count + 1) * sizeof *t->compiled_names);
    for (size_t i = 0; t->compiled_names && i < t->count; i++) {
        char *name = df_stage_alloc(c->stage, t->columns[i].name.len + 1);
        if (!name)
            return DF_ENOMEM;
        memcpy(name, t->columns[i].name.data, t->columns[i].name.len);
        t->compiled_names[i] = name;
    }
    t->compiled_count = t->count;
    t->compiled = t->compiled_names ? df_columns_new(c->stage, t->compiled_names, t->count) : NULL;
    return t->compiled ? DF_OK : DF_ENOMEM;
}

static int describe(df__ch_client *c, const df__ch_table *t, df__buf *reply)
{
    df__buf sql;
    df__buf_init(&sql, t->shape.heap);
    df__buf_str(&sql, "DESCRIBE TABLE ");
    df__ch_quote_table(&sql, &t->name);
    df__buf_str(&sql, " FORMAT TabSeparated");
    int rc = df__buf_cstr(&sql) ? df__ch_run(c, sql.data, reply) : DF_ENOMEM;
    df__buf_free(&sql);
    return rc;
}

static int take(df__ch_client *c, df__ch_table *t, df__buf *reply)
{
    df__arena_reset(&t->arena);
    t->version = t->deleted = CH_NO_COLUMN;
    t->replaces = 0;
    t->engine = NULL;
    t->generation++;
    df__buf_clear(&t->shape);
    df__buf_add(&t->shape, reply->data, reply->len);
    int rc = t->shape.failed ? DF_ENOMEM : read_columns(c, t, reply->data);
    rc = rc == DF_OK ? load_engine(c, t) : rc;
    rc = rc == DF_OK ? compile(c, t) : rc;
    t->exists = rc == DF_OK;
    return rc == DF_ENOMEM ? df_stage_fail(c->stage, rc, NULL, "no memory for the columns") : rc;
}

/* "Unknown table" may be told of another one, that a view or a Distributed table names. */
static int is_there(df__ch_client *c, const df__ch_table *t, df__buf *reply)
{
    df__buf sql;
    df__buf_init(&sql, t->shape.heap);
    df__buf_str(&sql, "EXISTS TABLE ");
    df__ch_quote_table(&sql, &t->name);
    df__buf_str(&sql, " FORMAT TabSeparated");
    int rc = df__buf_cstr(&sql) ? df__ch_run(c, sql.data, reply) : DF_ENOMEM;
    df__buf_free(&sql);
    return rc == DF_OK && reply->len > 0 && reply->data[0] == '1';
}

int df__ch_table_load(df__ch_client *c, df__ch_table *t, int *ret_changed)
{
    df__buf reply;
    int changed = 0;
    df__buf_init(&reply, t->shape.heap);
    int rc = describe(c, t, &reply);
    df__ch_fault fault = c->fault;
    if (rc == DF_ENOTFOUND && fault.code == 60 && is_there(c, t, &reply)) {
        rc = df_stage_failf(c->stage, DF_EIO, "schema_changed", "ClickHouse: code 60 %s: %s",
                            fault.name, fault.text);
    } else if (rc == DF_ENOTFOUND && fault.code == 60) {
        changed = t->exists;
        t->exists = 0;
        rc = DF_OK;
    } else if (rc == DF_OK) {
        changed = !t->exists || t->shape.len != reply.len ||
                  memcmp(t->shape.data, reply.data, reply.len) != 0;
        rc = changed ? take(c, t, &reply) : rc;
    }
    df__buf_free(&reply);
    if (ret_changed)
        *ret_changed = changed;
    return rc;
}
