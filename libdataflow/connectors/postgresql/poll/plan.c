/* SPDX-License-Identifier: Apache-2.0
 * plan.c: what is read: the columns, those that order the rows, and how each comes over the wire.
 * Types whose binary form is not read come as the text that their output function writes. */
#include <string.h>

#include "poll.h"
#include "select.h"
#include "util/list.h"

void df__pg_plan_init(df__pg_plan *p, const df__heap *heap)
{
    memset(p, 0, sizeof *p);
    df__pg_fields_init(&p->fields, heap);
    df__buf_init(&p->from, heap);
    df__buf_init(&p->list, heap);
}

void df__pg_plan_free(df__pg_plan *p)
{
    df__pg_fields_free(&p->fields);
    df_schema_free(p->schema);
    p->schema = NULL;
    df__buf_free(&p->from);
    df__buf_free(&p->list);
}

/* ---- which columns order the rows ------------------------------------------------------------ */

static int bad_option(df__pg_source *s, const char *option, df_bytes name, const char *why)
{
    return df_stage_failf(s->conn.stage, DF_EINVAL, "configuration", "%s: %s %.*s", option, why,
                          (int)name.len, (const char *)name.data);
}

static df_bytes text_of(const char *s)
{
    return (df_bytes){s, strlen(s)};
}

static int has_key(const df__pg_plan *p, size_t index)
{
    for (size_t i = 0; i < p->key_count; i++)
        if (p->keys[i] == index)
            return 1;
    return 0;
}

static void add_key(df__pg_plan *p, const df__pg_field *f)
{
    size_t index = (size_t)(f - p->fields.at);
    if (!has_key(p, index) && p->key_count < PG_POLL_KEYS)
        p->keys[p->key_count++] = index;
}

static int add_change(df__pg_source *s)
{
    static const char *const usual[] = {"updated_at", "created_at"};
    df__pg_plan *p = &s->plan;
    const df__pg_field *f = NULL;
    if (s->opt.change.data) {
        f = df__pg_field_named(&p->fields, s->opt.change);
        if (!f)
            return bad_option(s, "changeTrackingColumn", s->opt.change, "there is no column");
    }
    for (size_t i = 0; !s->opt.change.data && !f && i < 2; i++)
        f = df__pg_field_named(&p->fields, text_of(usual[i]));
    if (f)
        add_key(p, f);
    return DF_OK;
}

static int add_order(df__pg_source *s)
{
    df__pg_plan *p = &s->plan;
    df_bytes rest = s->opt.order;
    while (rest.data) {
        df_bytes name = df__list_item(&rest);
        const df__pg_field *f = df__pg_field_named(&p->fields, name);
        if (!f)
            return bad_option(s, "orderByColumn", name, "there is no column");
        add_key(p, f);
    }
    if (s->opt.order.data)
        return DF_OK;
    const df__pg_field *id = df__pg_field_named(&p->fields, text_of("id"));
    if (id) {
        add_key(p, id);
        return DF_OK;
    }
    for (size_t i = 0; i < p->fields.count; i++)
        if (p->fields.at[i].in_key)
            add_key(p, &p->fields.at[i]);
    return DF_OK;
}

/* Values that are trees in a record are no position. */
static int check_keys(df__pg_source *s)
{
    const df__pg_plan *p = &s->plan;
    for (size_t i = 0; i < p->key_count; i++) {
        const df__pg_field *f = &p->fields.at[p->keys[i]];
        if (f->type.array || f->type.kind == PG_KIND_JSON || f->type.kind == PG_KIND_JSONB) {
            return df_stage_failf(s->conn.stage, DF_EINVAL, "configuration",
                                  "rows cannot be ordered by column %s (%s)",
                                  (const char *)f->name.data, f->type.name);
        }
    }
    return DF_OK;
}

static void note_unique(df__pg_plan *p)
{
    size_t own = 0;
    p->is_unique = 1;
    for (size_t i = 0; i < p->fields.count; i++) {
        own += p->fields.at[i].in_key;
        p->is_unique &= !p->fields.at[i].in_key || has_key(p, i);
    }
    p->is_unique &= own > 0;
}

/* Equal values of these kinds are the same bytes. */
static int is_exact(const df__pg_field *f)
{
    static const uint8_t exact[PG_KINDS] = {
        [PG_KIND_BOOL] = 1,        [PG_KIND_INT2] = 1,      [PG_KIND_INT4] = 1,
        [PG_KIND_INT8] = 1,        [PG_KIND_UUID] = 1,      [PG_KIND_DATE] = 1,
        [PG_KIND_TIME] = 1,        [PG_KIND_TIMETZ] = 1,    [PG_KIND_BYTEA] = 1,
        [PG_KIND_ENUM] = 1,        [PG_KIND_TIMESTAMP] = 1, [PG_KIND_SHORT] = 1,
        [PG_KIND_TIMESTAMPTZ] = 1,
    };
    return f->plain_text || exact[f->type.kind];
}

static void note_order(df__pg_plan *p)
{
    p->is_vague = 0;
    p->is_plain = 1;
    for (size_t i = 0; i < p->key_count; i++) {
        const df__pg_field *f = &p->fields.at[p->keys[i]];
        p->is_vague |= !p->is_unique && !is_exact(f);
        p->is_plain &= (i == 0 || f->not_null) && strcmp(f->operators, "pg_catalog") == 0;
    }
}

static void note_nulls(df__pg_source *s)
{
    df__pg_plan *p = &s->plan;
    const df__pg_field *first = &p->fields.at[p->keys[0]];
    enum df__pg_kind kind = first->type.kind;
    p->has_time = kind == PG_KIND_TIMESTAMP || kind == PG_KIND_TIMESTAMPTZ || kind == PG_KIND_DATE;
    p->goes_back = kind == PG_KIND_TIMESTAMP && p->has_xmin;
    p->nullable = !first->not_null;
    p->reads_nulls = p->nullable && p->has_time && p->key_count > 1;
    if (p->nullable && !p->reads_nulls && !s->opt.query.data && !s->warned_null) {
        s->warned_null = 1;
        df_stage_logf(s->conn.stage, DF_LOG_WARN,
                      "column %s may be NULL: such rows are not read; make it NOT NULL, or name an "
                      "orderByColumn beside it",
                      (const char *)first->name.data);
    }
    const df__pg_field *next = &p->fields.at[p->keys[p->key_count > 1]];
    if (p->reads_nulls && p->has_xmin && !next->not_null && !s->warned_null) {
        s->warned_null = 1;
        df_stage_logf(
            s->conn.stage, DF_LOG_WARN,
            "columns %s and %s may both be NULL: such rows are not read; make one of them "
            "NOT NULL",
            (const char *)first->name.data, (const char *)next->name.data);
    }
}

/* Numbers and times grow, as they are given; other keys are taken to be anywhere. */
static void note_scattered(df__pg_source *s)
{
    static const uint8_t grows[PG_KINDS] = {
        [PG_KIND_INT2] = 1,        [PG_KIND_INT4] = 1,   [PG_KIND_INT8] = 1,
        [PG_KIND_NUMERIC] = 1,     [PG_KIND_FLOAT4] = 1, [PG_KIND_FLOAT8] = 1,
        [PG_KIND_DATE] = 1,        [PG_KIND_TIME] = 1,   [PG_KIND_TIMESTAMP] = 1,
        [PG_KIND_TIMESTAMPTZ] = 1,
    };
    df__pg_plan *p = &s->plan;
    const df__pg_field *first = &p->fields.at[p->keys[0]];
    p->is_scattered = !grows[first->type.kind] && !s->opt.query.data;
    if (!p->is_scattered || s->warned_scattered || s->opt.late_us == 0)
        return;
    s->warned_scattered = 1;
    df_stage_logf(s->conn.stage, DF_LOG_WARN,
                  "a new row's %s (%s) may be anywhere, so %s: name a changeTrackingColumn%s",
                  (const char *)first->name.data, first->type.name,
                  p->has_xmin ? "each poll looks through all rows"
                              : "those below the row that was read last are missed",
                  p->has_xmin ? ", or set lateCommitWindow: 0 where it grows" : "");
}

/* Pieces are cut between keys that name a row each, and that can be compared. */
static int check_pieces(df__pg_source *s)
{
    const df__pg_plan *p = &s->plan;
    int can_be_cut = p->is_unique;
    for (size_t i = 1; i < p->key_count; i++)
        can_be_cut &= p->fields.at[p->keys[i]].not_null;
    if (s->opt.lanes < 2 || can_be_cut)
        return DF_OK;
    return df_stage_fail(
        s->conn.stage, DF_EINVAL, "configuration",
        "snapshotParallelism: the table needs a primary key, and orderByColumn all "
        "of its columns and none that may be NULL");
}

static int choose_keys(df__pg_source *s)
{
    df__pg_plan *p = &s->plan;
    p->key_count = 0;
    p->has_time = p->goes_back = p->nullable = p->reads_nulls = p->is_unique = p->is_vague = 0;
    if (s->opt.query.data && !s->opt.change.data)
        return DF_OK;
    int rc = add_change(s);
    rc = rc == DF_OK ? add_order(s) : rc;
    if (rc != DF_OK)
        return rc;
    if (p->key_count == 0) {
        return df_stage_fail(
            s->conn.stage, DF_EINVAL, "configuration",
            "orderByColumn: the table has neither id, updated_at, created_at nor a "
            "primary key; name the column that orders its rows");
    }
    note_unique(p);
    note_order(p);
    note_nulls(s);
    note_scattered(s);
    int good = check_keys(s);
    return good == DF_OK ? check_pieces(s) : good;
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static void put_field(df__buf *b, const df__pg_field *f)
{
    if (df__pg_reads_binary(&f->type)) {
        df__buf_str(b, "t.");
        df__pg_quote(b, f->name);
        return;
    }
    df__buf_printf(b, "pg_catalog.textin(%s((t.", f->output);
    df__pg_quote(b, f->name);
    df__buf_printf(b, ")::%s))", f->type.cast);
}

static int make_list(df__pg_plan *p)
{
    df__buf_clear(&p->list);
    for (size_t i = 0; i < p->fields.count; i++) {
        df__buf_str(&p->list, i > 0 ? ", " : "");
        put_field(&p->list, &p->fields.at[i]);
    }
    if (p->has_xmin)
        df__buf_str(&p->list, p->fields.count > 0 ? ", t.xmin" : "t.xmin");
    for (size_t i = 0; i < p->key_count && p->is_vague; i++) {
        df__buf_str(&p->list, i > 0 ? ", t." : ", pg_catalog.dense_rank() OVER (ORDER BY t.");
        df__pg_quote(&p->list, p->fields.at[p->keys[i]].name);
    }
    df__buf_str(&p->list, p->is_vague ? ")" : "");
    return p->list.failed ? DF_ENOMEM : DF_OK;
}

static int make_from(df__pg_source *s)
{
    df__buf *b = &s->plan.from;
    df__buf_clear(b);
    if (s->opt.query.data) { /* it may end in a comment */
        size_t len = s->opt.query.len;
        (void)df__pg_select_end(s->opt.query, &len); /* what is wrong with it, check has said */
        df__buf_char(b, '(');
        df__buf_add(b, s->opt.query.data, len);
        df__buf_str(b, "\n) AS t");
    } else {
        df__pg_quote_table(b, &s->name);
        df__buf_str(b, " AS t");
    }
    return b->failed ? DF_ENOMEM : DF_OK;
}

/* Only what a heap stores has the number of its transaction: tables, and those of partitions. */
static int find_xmin(df__pg_source *s, int *ret_there)
{
    PGresult *res = NULL;
    s->plan.has_xmin = 0;
    *ret_there = 1;
    if (s->opt.query.data)
        return DF_OK;
    int rc = df__pg_query_table(
        &s->conn,
        "SELECT c.relkind FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(",
        &s->name, ")::pg_catalog.oid", &res);
    if (rc == DF_OK && res) {
        *ret_there = PQntuples(res) == 1;
        char kind = *ret_there ? PQgetvalue(res, 0, 0)[0] : 0;
        s->plan.has_xmin = kind == 'r' || kind == 'p';
    }
    PQclear(res);
    return rc;
}

/* A join may make NULL of any column. */
static void forget_table(df__pg_fields *f)
{
    for (size_t i = 0; i < f->count; i++)
        f->at[i].not_null = f->at[i].in_key = 0;
}

static int read_fields(df__pg_source *s)
{
    df__pg_fields fresh;
    df__buf select;
    df__pg_fields_init(&fresh, &s->heap);
    df__buf_init(&select, &s->heap);
    df__buf_str(&select, "SELECT * FROM ");
    df__buf_add(&select, s->plan.from.data, s->plan.from.len);
    const char *sql = df__buf_cstr(&select);
    int rc = sql ? df__pg_describe(&s->conn, sql, &fresh) : DF_ENOMEM;
    df__buf_free(&select);
    if (rc == DF_OK && fresh.broken) {
        rc = df_stage_failf(s->conn.stage, DF_EINVAL, "configuration",
                            "query: two columns are named %s", fresh.broken);
    }
    if (rc != DF_OK) {
        df__pg_fields_free(&fresh);
        return rc;
    }
    if (s->opt.query.data)
        forget_table(&fresh);
    df__pg_fields_free(&s->plan.fields);
    s->plan.fields = fresh;
    return DF_OK;
}

static int make_values(df__pg_source *s)
{
    df_value *grown = df__realloc(&s->heap, s->values, (s->plan.fields.count + 1) * sizeof *grown);
    s->values = grown ? grown : s->values;
    return grown ? DF_OK : DF_ENOMEM;
}

int df__pg_plan_make(df__pg_source *s)
{
    int there;
    df_schema *schema = NULL;
    int rc = find_xmin(s, &there);
    if (rc == DF_OK && !there)
        return DF_ENOTFOUND;
    rc = rc == DF_OK ? make_from(s) : rc;
    rc = rc == DF_OK ? read_fields(s) : rc;
    rc = rc == DF_OK ? choose_keys(s) : rc;
    rc = rc == DF_OK ? make_list(&s->plan) : rc;
    rc = rc == DF_OK ? make_values(s) : rc;
    rc = rc == DF_OK ? df__pg_fields_schema(s->conn.stage, &s->plan.fields, &schema) : rc;
    if (rc == DF_OK) {
        df_schema_free(s->plan.schema);
        s->plan.schema = schema;
        s->conn.table_seen = 1;
    }
    return rc;
}

int df__pg_plan_holds(const df__pg_plan *p, const PGresult *res)
{
    if ((size_t)PQnfields(res) != p->fields.count)
        return 0;
    for (size_t i = 0; i < p->fields.count; i++) {
        const df__pg_field *f = &p->fields.at[i];
        int column = (int)i;
        if (PQftype(res, column) != f->type_oid || PQfmod(res, column) != f->mod ||
            PQftable(res, column) != f->relation || strcmp(PQfname(res, column), f->name.data) != 0)
            return 0;
    }
    return 1;
}

/* ---- autoCreateTable ------------------------------------------------------------------------- */

int df__pg_poll_create(df__pg_source *s)
{
    df__buf *b = &s->sql;
    df_bytes rest = s->opt.order;
    df_bytes id = s->opt.order.data ? df__list_item(&rest) : text_of("id");
    df_bytes change = s->opt.change.data ? s->opt.change : text_of("updated_at");
    df_bytes created = text_of("created_at");
    df__buf_clear(b);
    df__buf_str(b, "CREATE TABLE IF NOT EXISTS ");
    df__pg_quote_table(b, &s->name);
    df__buf_str(b, " (");
    df__pg_quote(b, id);
    df__buf_str(b, " bigserial PRIMARY KEY");
    df_bytes times[] = {created, change};
    for (size_t i = 0; i < 2; i++) {
        int same = (times[i].len == id.len && memcmp(times[i].data, id.data, id.len) == 0) ||
                   (i == 1 && change.len == created.len &&
                    memcmp(change.data, created.data, change.len) == 0);
        if (!same) {
            df__buf_str(b, ", ");
            df__pg_quote(b, times[i]);
            df__buf_str(b, " timestamptz NOT NULL DEFAULT now()");
        }
    }
    df__buf_char(b, ')');
    const char *sql = df__buf_cstr(b);
    return sql ? df__pg_query(&s->conn, sql, NULL) : DF_ENOMEM;
}
