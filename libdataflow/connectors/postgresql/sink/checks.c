/* SPDX-License-Identifier: Apache-2.0
 * checks.c: rows that a CHECK constraint refuses, at full speed. COPY ... WHERE looks at the
 * constraints before the server does: a row that one refuses is named in a message and left out,
 * and the rest of the COPY goes on. Used for a table after its first such refusal. */
#include "checks.h"

#include <stdlib.h>
#include <string.h>

#include "sink.h"

enum { LOAD_AGAIN_MS = 1000 };

/* STABLE: a volatile function would make the server insert row by row, an immutable one would be
 * called once. A constraint that was dropped meanwhile refuses nothing; once looked up it stays for
 * the rest of the transaction, since COPY has locked the table.
 *
 * What was refused is noted as lines of "OID COPY table, line N", the second half being what the
 * server itself says of where it is. A message is a packet of its own, so notes are sent together:
 * when there are many, and by dataflow_noted after each COPY. INFO goes to the client whatever
 * client_min_messages says, and to no log. (PERFORM instead of := would take twice the time.) */
static const char make_functions[] =
    "CREATE OR REPLACE FUNCTION pg_temp.dataflow_noted(notes text) RETURNS text "
    "LANGUAGE plpgsql AS $$BEGIN "
    "IF notes <> '' THEN RAISE INFO USING ERRCODE = 'DF001', MESSAGE = notes; END IF; "
    "RETURN pg_catalog.set_config('dataflow.notes', '', true); END$$; "
    "CREATE OR REPLACE FUNCTION pg_temp.dataflow_refused(c oid, seen text) RETURNS boolean "
    "LANGUAGE plpgsql STABLE AS $$DECLARE notes text; BEGIN "
    "IF pg_catalog.current_setting(seen, true) IS DISTINCT FROM '1' THEN "
    "IF pg_catalog.pg_get_constraintdef(c) IS NULL THEN RETURN true; END IF; "
    "PERFORM pg_catalog.set_config(seen, '1', true); END IF; "
    "GET DIAGNOSTICS notes = PG_CONTEXT; "
    "notes := pg_catalog.concat(pg_catalog.current_setting('dataflow.notes', true), c, ' ', "
    "pg_catalog.substr(notes, pg_catalog.strpos(notes, E'\\n') + 1), E'\\n'); "
    "IF pg_catalog.octet_length(notes) > 2000 THEN notes := pg_temp.dataflow_noted(notes); "
    "ELSE notes := pg_catalog.set_config('dataflow.notes', notes, true); END IF; "
    "RETURN false; END$$";
static const char send_notes[] =
    "; SELECT pg_temp.dataflow_noted(pg_catalog.current_setting('dataflow.notes', true))";

/* Constraints that mean the same before the row is stored: no trigger may change the row first,
 * none of its columns is generated, and it does not ask which partition it is in. The order is the
 * server's. */
static const char query_head[] = "WITH rel AS (SELECT pg_catalog.to_regclass(";
static const char query_tail[] =
    ")::pg_catalog.oid AS oid), part AS (SELECT oid FROM rel UNION "
    "SELECT p.relid::pg_catalog.oid FROM rel, pg_catalog.pg_partition_tree(rel.oid) AS p) "
    "SELECT c.oid, c.conname, pg_catalog.pg_get_expr(c.conbin, c.conrelid) "
    "FROM rel JOIN pg_catalog.pg_constraint c ON c.conrelid = rel.oid AND c.contype = 'c' "
    "WHERE COALESCE((pg_catalog.to_jsonb(c) OPERATOR(pg_catalog.->>) "
    "'conenforced')::boolean, true) "
    "AND NOT EXISTS (SELECT FROM part JOIN pg_catalog.pg_class k USING (oid) "
    "WHERE k.relkind NOT IN ('r', 'p')) "
    "AND NOT EXISTS (SELECT FROM part JOIN pg_catalog.pg_trigger g ON g.tgrelid = part.oid "
    "WHERE g.tgtype OPERATOR(pg_catalog.&) 7::pg_catalog.int2 = 7 AND g.tgenabled <> 'D') "
    "AND NOT EXISTS (SELECT FROM pg_catalog.unnest(c.conkey) AS k(n) "
    "LEFT JOIN pg_catalog.pg_attribute a "
    "ON a.attrelid = rel.oid AND a.attnum = k.n AND a.attgenerated = '' "
    "WHERE k.n <= 0 OR a.attnum IS NULL) "
    "ORDER BY c.conname COLLATE \"C\"";

void df__pg_checks_init(df__pg_checks *c, const df__heap *heap)
{
    memset(c, 0, sizeof *c);
    df__arena_init(&c->arena, heap, 1024);
    df__buf_init(&c->where, heap);
}

void df__pg_checks_free(df__pg_checks *c)
{
    df__free(c->arena.heap, c->notes);
    df__arena_free(&c->arena);
    df__buf_free(&c->where);
    memset(c, 0, sizeof *c);
}

/* ---- what the table has --------------------------------------------------------------------- */

static void forget(df__pg_checks *c)
{
    c->note_count = 0;
    c->count = 0;
    df__buf_clear(&c->where);
    df__arena_reset(&c->arena);
}

static const char *copy_text(df__pg_checks *c, const PGresult *res, int row, int column)
{
    df_bytes out = {NULL, 0};
    df_bytes in = {PQgetvalue(res, row, column), (size_t)PQgetlength(res, row, column)};
    return df__arena_copy(&c->arena, in, &out) == DF_OK ? out.data : NULL;
}

static int read_checks(df__pg_checks *c, const PGresult *res)
{
    int rows = PQntuples(res);
    c->rows = df__arena_zalloc(&c->arena, ((size_t)rows + 1) * sizeof *c->rows);
    if (!c->rows)
        return DF_ENOMEM;
    for (int i = 0; i < rows; i++) {
        df__pg_check *check = &c->rows[i];
        check->oid = copy_text(c, res, i, 0);
        check->name = copy_text(c, res, i, 1);
        check->expression = copy_text(c, res, i, 2);
        if (!check->oid || !check->name || !check->expression)
            return DF_ENOMEM;
        df__buf_printf(&c->where,
                       "%s((%s) IS NOT FALSE OR "
                       "pg_temp.dataflow_refused(%s, 'dataflow.c%s'))",
                       i == 0 ? " WHERE " : " AND ", check->expression, check->oid, check->oid);
    }
    c->count = c->where.failed ? 0 : (size_t)rows;
    return c->where.failed ? DF_ENOMEM : DF_OK;
}

static int query_checks(df__pg_sink *s)
{
    PGresult *res = NULL;
    int rc = df__pg_query_table(&s->conn, query_head, &s->catalog.name, query_tail, &res);
    rc = rc == DF_OK && res ? df__pg_has_columns(&s->conn, res, 3) : rc;
    rc = rc == DF_OK && res ? read_checks(&s->checks, res) : rc;
    PQclear(res);
    return rc;
}

int df__pg_checks_load(df__pg_sink *s)
{
    df__pg_checks *c = &s->checks;
    forget(c);
    if (c->off || s->conn.is_pooled) /* the function is one of the session */
        return DF_OK;
    c->read_ms = df__pg_clock_ms();
    int rc = query_checks(s);
    if (rc == DF_OK && c->count > 0 && !c->ready) {
        rc = df__pg_query(&s->conn, make_functions, NULL);
        c->ready = rc == DF_OK;
    }
    if (rc != DF_OK)
        forget(c);
    if (rc == DF_EINVAL) { /* no TEMP privilege, no plpgsql: refusals are found as others are */
        c->off = 1;
        return DF_OK;
    }
    return rc;
}

int df__pg_checks_consider(df__pg_sink *s, const char *name)
{
    df__pg_checks *c = &s->checks;
    int is_old = c->read_ms == 0 || df__pg_clock_ms() - c->read_ms >= LOAD_AGAIN_MS;
    if (s->opt.upsert || s->whole || c->off || !is_old || !name[0])
        return DF_DROP;
    int rc = df__pg_checks_load(s);
    for (size_t i = 0; i < c->count && rc == DF_OK; i++)
        if (strcmp(c->rows[i].name, name) == 0)
            return DF_OK;
    return rc == DF_OK ? DF_DROP : rc;
}

/* ---- the statement and what comes back ----------------------------------------------------- */

void df__pg_checks_begin(df__pg_checks *c)
{
    c->used = 0;
    c->broken = 0;
    c->note_count = 0;
}

void df__pg_checks_where(df__pg_checks *c, df__buf *b)
{
    if (c->count > 0) {
        c->used = 1;
        df__buf_add(b, c->where.data, c->where.len);
        df__buf_str(b, send_notes);
    }
}

static const df__pg_check *find(const df__pg_checks *c, const char *oid, size_t len)
{
    for (size_t i = 0; i < c->count; i++)
        if (strlen(c->rows[i].oid) == len && memcmp(c->rows[i].oid, oid, len) == 0)
            return &c->rows[i];
    return NULL;
}

/* Reads the note at *at, and moves *at past it. DF_EDATA: it is no note of these constraints. */
static int read_note(df__pg_sink *s, const char **at)
{
    df__pg_checks *c = &s->checks;
    size_t digits = strspn(*at, "0123456789");
    const df__pg_check *check = find(c, *at, digits);
    *at += digits + ((*at)[digits] == ' ');
    df__pg_note note = {s->conn.copies, df__pg_line(*at, s->catalog.name.table, at), check};
    *at += strcspn(*at, "\n");
    *at += **at == '\n';
    if (note.copy == 0 || note.line == 0 || !check)
        return DF_EDATA;
    int rc = df__grow(c->arena.heap, &c->notes, &c->note_cap, c->note_count, sizeof *c->notes);
    if (rc == DF_OK)
        c->notes[c->note_count++] = note;
    return rc;
}

void df__pg_checks_notice(void *user, const PGresult *res)
{
    df__pg_sink *s = user;
    df__pg_checks *c = &s->checks;
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (!c->used || !state || strcmp(state, "DF001") != 0)
        return;
    const char *notes = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    c->broken |= !notes;
    while (!c->broken && *notes)
        c->broken = read_note(s, &notes) != DF_OK;
}

/* Every line is either written or named; libpq drops a message when it has no memory for it. */
static int is_complete(const df__pg_sink *s, const df__pg_work *w)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < w->group_count; i++)
        lines += w->groups[i].count;
    return !s->checks.broken && lines == s->conn.copied + s->checks.note_count;
}

static int refuse_noted(const df__pg_sink *s, df__pg_work *w, const df__pg_note *note)
{
    char text[400];
    if (note->copy > w->group_count || note->line > w->groups[note->copy - 1].count)
        return DF_EUNKNOWN;
    df__text_printf(text, sizeof text,
                    "new row for relation \"%s\" violates check constraint \"%s\": %.200s "
                    "(SQLSTATE 23514)",
                    s->catalog.name.table, note->check->name, note->check->expression);
    size_t index = w->groups[note->copy - 1].records[note->line - 1];
    return w->skip[index] ? DF_OK : df__pg_refuse(w, index, "constraint_violation", text);
}

int df__pg_checks_settle(df__pg_sink *s, df__pg_work *w, int rc)
{
    df__pg_checks *c = &s->checks;
    if (!c->used)
        return rc;
    int told = rc == DF_OK && !is_complete(s, w) ? DF_EUNKNOWN : DF_OK;
    size_t count = rc == DF_OK || rc == DF_EDATA ? c->note_count : 0;
    for (size_t i = 0; i < count && told == DF_OK; i++)
        told = refuse_noted(s, w, &c->notes[i]);
    c->used = 0;
    if (told == DF_EUNKNOWN) { /* a trigger that appeared meanwhile; all rows are sent once more */
        return df_stage_fail(s->conn.stage, DF_EUNKNOWN, "unknown_outcome",
                             "the server did not account for every row of a COPY");
    }
    return told == DF_OK ? rc : told;
}
