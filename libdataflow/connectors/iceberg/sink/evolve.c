/* SPDX-License-Identifier: Apache-2.0
 * evolve.c: autoAddColumns and autoWidenColumns: the table follows its records. All that the
 * records of a parcel need is one change of the schema, in a commit of its own before theirs: a
 * parcel that is refused afterwards leaves columns behind, and no row. Files that are there stay
 * readable, since a column keeps its id and only gets wider. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sink/sink.h"
#include "tables/change.h"
#include "util/crashpoint.h"

enum {
    COLUMNS_MAX = 1500,
    TRIES = 20,
    REFUSED_TRIES = 5,
    PAUSE_US = 200000,
    REFUSED_US = 600000000
};

typedef struct evolve {
    df__ice_sink *s;
    df_parcel *parcel;
    df__parquet_column *columns; /* the table's, as the records need them */
    df__guesses guesses;         /* every field of the records, when one is new */
    df__buf body, told;
    int sees_new, taken, refused; /* answers of the catalog */
} evolve;

/* ---- what the records need ------------------------------------------------------------------- */

/* The next type that an Iceberg column may become. 0: there is none. */
static int widen_once(df__parquet_column *c)
{
    switch (c->kind) {
    case DF__PARQUET_INT:
        c->kind = DF__PARQUET_LONG;
        return 1;
    case DF__PARQUET_FLOAT:
        c->kind = DF__PARQUET_DOUBLE;
        return 1;
    case DF__PARQUET_DECIMAL:
        c->precision++;
        return c->precision <= 38;
    default:
        return 0;
    }
}

/* The narrowest type that keeps the value; a value that none keeps changes nothing. */
static int widen_for(evolve *e, size_t column, const df_value *value)
{
    df__parquet_column c = e->columns[column];
    const char *why;
    int rc;
    do {
        df_value v = *value;
        rc = df__ice_fit(&c, &v, &e->s->row, &why);
    } while (rc == DF_EDATA && widen_once(&c));
    if (rc == DF_OK)
        e->columns[column] = c;
    return rc == DF_EDATA ? DF_OK : rc;
}

/* What names a row is never null. */
static int is_key(const df__ice_sink *s, size_t column)
{
    yyjson_val *v, *ids = yyjson_obj_get(s->meta.schema, "identifier-field-ids");
    size_t i, most;
    int found = 0;
    yyjson_arr_foreach (ids, i, most, v)
        found |= yyjson_get_sint(v) == s->columns[column].id;
    for (size_t k = 0; k < s->key_count; k++)
        found |= s->keys[k] == column;
    return found;
}

/* Nothing follows a record that is no row. */
static int need_columns(evolve *e)
{
    df__ice_sink *s = e->s;
    size_t found = 0;
    int rc = DF_OK;
    for (size_t i = 0; i < s->column_count; i++)
        found += s->values[i].type > DF_V_NULL;
    for (size_t i = 0; found && i < s->column_count && rc == DF_OK; i++) {
        int type = s->values[i].type, kind = s->columns[i].kind;
        if (type == DF_V_UNCHANGED)
            continue;
        if (type <= DF_V_NULL && e->columns[i].required && !is_key(s, i))
            e->columns[i].required = 0;
        else if (type > DF_V_NULL && (kind == DF__PARQUET_INT || kind == DF__PARQUET_FLOAT ||
                                      kind == DF__PARQUET_DECIMAL))
            rc = widen_for(e, i, &s->values[i]);
    }
    return rc;
}

static int need_record(evolve *e, size_t index)
{
    df__ice_sink *s = e->s;
    size_t unknown = 0;
    unsigned op = df__change_op(df_parcel_at(e->parcel, index));
    if (df_parcel_rejected(e->parcel, index) || op == DF_OP_DELETE || op == DF_OP_TRUNCATE)
        return DF_OK;
    df__arena_reset(&s->row);
    int rc = df_parcel_row(e->parcel, index, s->names, s->values, &unknown);
    if (rc != DF_OK)
        return rc == DF_EDATA ? DF_OK : rc;
    e->sees_new |= unknown > 0 && s->opt.add_columns;
    return s->opt.widen_columns ? need_columns(e) : rc;
}

/* Fills e->columns, and e->guesses when there are fields without a column. DF_ENOMEM. */
static int find_needs(evolve *e)
{
    df__ice_sink *s = e->s;
    size_t bytes = s->column_count * sizeof *e->columns;
    e->sees_new = 0;
    df__free(&s->session.heap, e->columns);
    e->columns = df__alloc(&s->session.heap, bytes + 1);
    if (!e->columns)
        return DF_ENOMEM;
    if (bytes)
        memcpy(e->columns, s->columns, bytes);
    int rc = DF_OK;
    for (size_t i = 0; i < df_parcel_count(e->parcel) && rc == DF_OK; i++)
        rc = need_record(e, i);
    if (rc == DF_OK && e->sees_new && !e->guesses.rows)
        rc = df__guess_columns(&e->guesses, e->parcel);
    return rc;
}

/* ---- the schema ------------------------------------------------------------------------------ */

static void put_json(df__buf *b, yyjson_val *v)
{
    size_t len = 0;
    char *text = yyjson_val_write(v, 0, &len);
    b->failed |= !text;
    df__buf_add(b, text ? text : "", len);
    free(text);
}

/* Says what becomes of a column: "n long", "a optional". */
static void tell(evolve *e, const df__parquet_column *to, int is_optional)
{
    df__buf_printf(&e->told, "%s%s ", e->told.len ? ", " : "", to->name);
    if (is_optional)
        df__buf_str(&e->told, "optional");
    else
        df__ice_type_name(&e->told, to);
}

/* A field of the schema as it is, but for its type and whether it is required. */
static void put_field(evolve *e, yyjson_val *field, size_t column)
{
    const df__parquet_column *to = &e->columns[column], *from = &e->s->columns[column];
    int wider = to->kind != from->kind || to->precision != from->precision;
    df__buf *b = &e->body;
    yyjson_val *key, *value;
    size_t i, most;
    yyjson_obj_foreach (field, i, most, key, value) {
        const char *name = yyjson_get_str(key);
        df__buf_str(b, i ? "," : "{");
        df__buf_json(b, name, yyjson_get_len(key));
        df__buf_char(b, ':');
        if (wider && strcmp(name, "type") == 0) {
            df__buf_char(b, '"');
            df__ice_type_name(b, to);
            df__buf_char(b, '"');
        } else if (strcmp(name, "required") == 0) {
            df__buf_str(b, to->required ? "true" : "false");
        } else {
            put_json(b, value);
        }
    }
    df__buf_char(b, '}');
    if (wider)
        tell(e, to, 0);
    if (to->required != from->required)
        tell(e, to, 1);
}

/* Engines that fold case do not open a table with two such columns. */
static int has_column(const df__ice_sink *s, df_bytes name)
{
    for (size_t i = 0; i < s->column_count; i++)
        if (strlen(s->columns[i].name) == name.len &&
            strncasecmp(s->columns[i].name, name.data, name.len) == 0)
            return 1;
    return 0;
}

static int64_t last_id(const df__ice_sink *s)
{
    return yyjson_get_sint(yyjson_obj_get(s->meta.table, "last-column-id"));
}

static void put_new(evolve *e, int64_t *id)
{
    df__ice_sink *s = e->s;
    size_t count = s->column_count;
    for (size_t i = 0; e->sees_new && i < e->guesses.count && count < COLUMNS_MAX; i++) {
        const df__guessed *row = &e->guesses.rows[i];
        if (has_column(s, row->name) || (row->guess == DF__GUESS_NOTHING && !row->field))
            continue;
        df__buf_printf(&e->body, "%s{\"id\":%lld,\"required\":false,\"name\":", count ? "," : "",
                       (long long)++*id);
        df__buf_json(&e->body, row->name.data, row->name.len);
        df__buf_str(&e->body, ",\"type\":\"");
        size_t at = e->body.len;
        df__ice_guessed_type(row, &e->body);
        df__buf_printf(&e->told, "%s%.*s ", e->told.len ? ", " : "",
                       (int)(row->name.len < 80 ? row->name.len : 80),
                       (const char *)row->name.data);
        if (!e->body.failed)
            df__buf_add(&e->told, e->body.data + at, e->body.len - at);
        df__buf_str(&e->body, "\"}");
        count++;
    }
}

/* The change, and in e->told what it does: nothing when no record needs one. DF_ENOMEM. */
static int make_body(evolve *e)
{
    df__ice_sink *s = e->s;
    df__buf *b = &e->body;
    yyjson_val *v, *ids = yyjson_obj_get(s->meta.schema, "identifier-field-ids");
    size_t i, most;
    int64_t id = last_id(s);
    df__buf_clear(b);
    df__buf_clear(&e->told);
    df__buf_printf(b,
                   "{\"requirements\":[{\"type\":\"assert-table-uuid\",\"uuid\":\"%s\"},"
                   "{\"type\":\"assert-current-schema-id\",\"current-schema-id\":%lld},"
                   "{\"type\":\"assert-last-assigned-field-id\",\"last-assigned-field-id\":%lld}],"
                   "\"updates\":[{\"action\":\"add-schema\",\"schema\":{\"type\":\"struct\","
                   "\"schema-id\":%lld,",
                   s->meta.uuid, (long long)s->meta.schema_id, (long long)id,
                   (long long)s->meta.schema_id + 1);
    if (ids) {
        df__buf_str(b, "\"identifier-field-ids\":");
        put_json(b, ids);
        df__buf_char(b, ',');
    }
    df__buf_str(b, "\"fields\":[");
    yyjson_arr_foreach (yyjson_obj_get(s->meta.schema, "fields"), i, most, v) {
        df__buf_str(b, i ? "," : "");
        put_field(e, v, i);
    }
    put_new(e, &id);
    df__buf_printf(b,
                   "]},\"last-column-id\":%lld},"
                   "{\"action\":\"set-current-schema\",\"schema-id\":-1}]}",
                   (long long)id);
    return df__buf_cstr(b) && df__buf_cstr(&e->told) ? DF_OK : DF_ENOMEM;
}

/* ---- the commit ------------------------------------------------------------------------------ */

/* The table as it is now, and what the records need of it. DF_DONE: nothing. */
static int look(evolve *e)
{
    df__ice_sink *s = e->s;
    int rc = df__ice_table_load(s);
    if (rc == DF_ENOTFOUND)
        return df__ice_missing(s);
    rc = rc == DF_OK ? find_needs(e) : rc;
    rc = rc == DF_OK ? make_body(e) : rc;
    if (rc == DF_ENOMEM)
        return df_stage_fail(s->st, rc, NULL, "no memory for columns");
    return rc == DF_OK && e->told.len == 0 ? DF_DONE : rc;
}

/* DF_AGAIN: the table has to tell what came of it. */
static int send(evolve *e)
{
    df__ice_sink *s = e->s;
    enum df__ice_outcome outcome;
    DF_CRASHPOINT("iceberg.evolve");
    int rc = df__ice_commit(&s->catalog, (df_bytes){e->body.data, e->body.len},
                            df__ice_meta_property(&s->meta, "nessie.commit.id"), &outcome);
    DF_CRASHPOINT("iceberg.evolved");
    e->taken += rc == DF_OK && outcome == ICE_COMMITTED;
    if (rc == DF_OK && outcome == ICE_COMMITTED)
        df_stage_logf(s->st, DF_LOG_INFO, "table %s: its columns follow the records: %s",
                      s->catalog.shown.data, e->told.data);
    return rc == DF_OK ? DF_AGAIN : rc;
}

/* A 500 does not say whose fault it is. Where a commit without a change is taken, or refused by
 * name, the catalog is well, and what it fails at is this change. */
static int takes_others(evolve *e)
{
    df__ice_sink *s = e->s;
    enum df__ice_outcome outcome = ICE_UNKNOWN;
    df__buf_clear(&e->body);
    df__buf_printf(&e->body,
                   "{\"requirements\":[{\"type\":\"assert-table-uuid\",\"uuid\":\"%s\"}],"
                   "\"updates\":[]}",
                   s->meta.uuid);
    int rc = df__ice_commit(&s->catalog, (df_bytes){e->body.data, e->body.len},
                            df__ice_meta_property(&s->meta, "nessie.commit.id"), &outcome);
    return rc == DF_EINVAL || (rc == DF_OK && outcome != ICE_UNKNOWN);
}

/* What does not fit is refused for some time, as without the options: a name that the catalog does
 * not take must not keep out the columns of other records for good. */
static int give_up(evolve *e, const char *why)
{
    df__ice_sink *s = e->s;
    s->evolves_us = df_stage_clock_us(s->st) + REFUSED_US;
    df_stage_logf(s->st, DF_LOG_WARN,
                  "table %s stays as it is for ten minutes, and what does not fit is refused: %s "
                  "(%s)",
                  s->catalog.shown.data, why, e->told.data ? e->told.data : "");
    return DF_OK;
}

/* A change whose answer was lost is known by what the table has. A catalog that fails at all, or
 * other writers that are faster, are no reason to refuse a record: the sink tries again. */
static int run(evolve *e)
{
    for (int tries = 1;; tries++) {
        int rc = look(e);
        if (rc != DF_OK)
            return rc == DF_DONE ? DF_OK : rc;
        if (tries > TRIES && !e->taken && !takes_others(e))
            return df_stage_fail(e->s->st, DF_EIO, "transient",
                                 "the columns could not be changed: the catalog failed, or other "
                                 "writers were faster, again and again");
        if (tries > TRIES)
            return give_up(e, "the catalog took the change, or failed at it alone, again and "
                              "again, and the table does not have it");
        rc = send(e);
        if (rc == DF_EINVAL && ++e->refused >= REFUSED_TRIES)
            return give_up(e, e->s->catalog.said);
        if (rc != DF_AGAIN && rc != DF_EINVAL)
            return rc;
        if (tries > 1)
            rc = df__ice_pause(&e->s->session, (int64_t)PAUSE_US * tries);
        if (rc == DF_ECANCELED)
            return rc;
    }
}

static void begin(evolve *e)
{
    df__guess_init(&e->guesses, &e->s->session.heap);
    e->guesses.any_case = 1;
    df__buf_init(&e->body, &e->s->session.heap);
    df__buf_init(&e->told, &e->s->session.heap);
}

static void end(evolve *e)
{
    df__buf_free(&e->body);
    df__buf_free(&e->told);
    df__guess_free(&e->guesses);
    df__free(&e->s->session.heap, e->columns);
}

int df__ice_evolve_look(df__ice_sink *s, df_parcel *parcel)
{
    evolve e = {.s = s, .parcel = parcel};
    if (df_stage_clock_us(s->st) < s->evolves_us || (!s->opt.add_columns && !s->opt.widen_columns))
        return DF_OK;
    begin(&e);
    int rc = find_needs(&e);
    rc = rc == DF_OK ? make_body(&e) : rc;
    int wants = e.told.len > 0;
    end(&e);
    if (rc == DF_ENOMEM)
        return df_stage_fail(s->st, rc, NULL, "no memory for columns");
    return rc == DF_OK && wants ? DF_MORE : rc;
}

int df__ice_evolve(df__ice_sink *s, df_parcel *parcel)
{
    evolve e = {.s = s, .parcel = parcel};
    begin(&e);
    int rc = run(&e);
    end(&e);
    return rc;
}
