/* SPDX-License-Identifier: Apache-2.0
 * reread.c: which tables are read again beside the stream: they are asked for by a message in the
 * log, so that each is read once for it, whatever dies; how far that is stands in the position of
 * the stream. */
#include "reread.h"

#include <string.h>

#include "cdc.h"
#include "util/crashpoint.h"

#define PREFIX "dataflow.snapshot"

enum { SHARE = 16, LEAST = 256 << 10, ROWS_FIRST = 256 };

/* ---- what is asked for ----------------------------------------------------------------------- */

void df__pg_reread_rest(df__pg_reread *r)
{
    r->state = r->count ? PG_REREAD_BEGINS : PG_REREAD_NONE;
    r->next_ms = r->waits_ms = 0;
    r->mark[0] = '\0';
}

void df__pg_reread_stop(df__pg_cdc *x)
{
    df__pg_reread *r = &x->reread;
    df__pg_relation_free(r->relation);
    r->relation = NULL;
    if (x->is_prepared) {
        df__pg_view_free(&r->view, &x->heap);
        df__pg_changed_free(&r->changed);
        df__buf_free(&r->lines);
        df__buf_free(&r->writers);
        df__buf_free(&r->key);
        df__buf_free(&r->old_key);
    }
    df__pg_reread_rest(r);
}

void df__pg_reread_init(df__pg_cdc *x, size_t memory)
{
    df__pg_reread *r = &x->reread;
    size_t share = memory / SHARE > LEAST ? memory / SHARE : LEAST;
    df__buf_init(&r->after, &x->heap);
    df__buf_init(&r->writers, &x->heap);
    df__buf_init(&r->lines, &x->heap);
    df__buf_init(&r->key, &x->heap);
    df__buf_init(&r->old_key, &x->heap);
    df__pg_changed_init(&r->changed, &x->heap, share);
    r->bytes = share;
    r->limit = ROWS_FIRST;
    r->count = 0;
}

static df__pg_watched *table_of(df__pg_cdc *x, df_bytes text)
{
    df__pg_name name;
    const char *why;
    return df__pg_name_parse(text, &name, &why) == DF_OK ? df__pg_watched_find(x, &name) : NULL;
}

/* A table that waits for its turn is not asked for twice; one that is under way is read again. */
static void ask(df__pg_cdc *x, df_stage *st, df_bytes text)
{
    df__pg_reread *r = &x->reread;
    df__pg_watched *t = table_of(x, text);
    if (!t) {
        df_stage_logf(st, DF_LOG_WARN,
                      "a table is to be read again that `tables` does not name: left out");
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        if (r->queue[i] != t)
            continue;
        if (i == 0) {
            df__buf_clear(&r->after);
            r->rows = 0;
            df__pg_reread_rest(r);
        }
        return;
    }
    r->queue[r->count++] = t;
    if (r->count == 1)
        df__pg_reread_rest(r);
}

int df__pg_reread_take(df__pg_cdc *x, df_stage *st, df_bytes position)
{
    df__pg_reread *r = &x->reread;
    df__pg_again again;
    df__buf item;
    size_t at = 0;
    int rc;
    df__pg_again_read(position, &again);
    r->count = 0;
    df__buf_clear(&r->after);
    df__buf_add(&r->after, again.after.data ? again.after.data : "", again.after.len);
    r->rows = again.rows;
    r->key_oid = again.key_oid;
    df__buf_init(&item, &x->heap);
    while ((rc = df__pg_array_next(again.tables, &at, &item)) == DF_OK) {
        size_t before = r->count;
        ask(x, st, (df_bytes){item.data, item.len});
        if (before == 0 && r->count == 0) { /* the one under way is no table of ours any more */
            df__buf_clear(&r->after);
            r->rows = 0;
        }
    }
    df__buf_free(&item);
    df__pg_reread_rest(r);
    return rc == DF_DONE && !r->after.failed ? DF_OK : rc == DF_EDATA ? DF_OK : DF_ENOMEM;
}

/* For positions: the names as a JSON array. */
int df__pg_reread_print(df__pg_cdc *x, df__buf *names, df__pg_again *ret)
{
    df__pg_reread *r = &x->reread;
    df__buf name;
    memset(ret, 0, sizeof *ret);
    if (!r->count)
        return DF_OK;
    df__buf_init(&name, &x->heap);
    for (size_t i = 0; i < r->count; i++) {
        df__buf_clear(&name);
        df__pg_quote_table(&name, &r->queue[i]->name);
        df__buf_char(names, i ? ',' : '[');
        df__buf_json(names, name.data, name.len);
        names->failed |= name.failed;
    }
    df__buf_char(names, ']');
    df__buf_free(&name);
    *ret = (df__pg_again){
        {names->data, names->len}, {r->after.data, r->after.len}, r->rows, r->key_oid};
    return names->failed ? DF_ENOMEM : DF_OK;
}

/* ---- messages -------------------------------------------------------------------------------- */

int df__pg_reread_put(const df__pg_cdc *x, const char *what, df_bytes which, df__buf *sql)
{
    df__buf text;
    df__buf_init(&text, sql->heap);
    df__buf_char(&text, '[');
    df__buf_json(&text, x->slot, strlen(x->slot));
    df__buf_printf(&text, ",\"%s\",", what);
    df__buf_json(&text, which.data, which.len);
    df__buf_char(&text, ']');
    df__buf_str(sql, "SELECT pg_catalog.pg_logical_emit_message(true, '" PREFIX "', ");
    df__pg_literal(sql, (df_bytes){text.data, text.len});
    df__buf_char(sql, ')');
    int rc = text.failed || sql->failed ? DF_ENOMEM : DF_OK;
    df__buf_free(&text);
    return rc;
}

static void obey(df__pg_cdc *x, df_stage *st, const char *what, df_bytes which)
{
    df__pg_reread *r = &x->reread;
    if (strcmp(what, "table") == 0) {
        DF_CRASHPOINT("cdc.again.asked");
        ask(x, st, which);
    } else if (r->state == PG_REREAD_READ && which.len == strlen(r->mark) &&
               memcmp(which.data, r->mark, which.len) == 0) {
        DF_CRASHPOINT("cdc.again.mark");
        r->state = PG_REREAD_GIVES;
    }
}

/* What is no such array, or is for another slot, is passed over: anybody may write a message. */
int df__pg_reread_hear(df__pg_cdc *x, df_stage *st, const df__pgo_message *m)
{
    enum { SLOT, WHAT, WHICH, TEXTS };
    df__buf texts[TEXTS];
    size_t at = 0;
    int rc = DF_OK;
    if (m->name.len != sizeof PREFIX - 1 || memcmp(m->name.data, PREFIX, m->name.len) != 0)
        return DF_DONE;
    for (int i = 0; i < TEXTS; i++)
        df__buf_init(&texts[i], &x->heap);
    for (int i = 0; i < TEXTS && rc == DF_OK; i++)
        rc = df__pg_array_next(m->data, &at, &texts[i]);
    if (rc == DF_OK && (m->flags & 1)) {
        const char *slot = df__buf_cstr(&texts[SLOT]), *what = df__buf_cstr(&texts[WHAT]);
        if (slot && what && strcmp(slot, x->slot) == 0)
            obey(x, st, what, (df_bytes){texts[WHICH].data, texts[WHICH].len});
        rc = slot && what ? DF_OK : DF_ENOMEM;
    }
    for (int i = 0; i < TEXTS; i++)
        df__buf_free(&texts[i]);
    return rc == DF_ENOMEM ? rc : DF_OK;
}

/* ---- what the command does ------------------------------------------------------------------- */

static int judge(df__pg_cdc *x, df_stage *st, df__pg_watched *t)
{
    df__pg_relation *relation = NULL;
    const char *only = t->columns.len ? df__buf_cstr(&t->columns) : NULL;
    int rc = df__pg_relation_find(&x->sql, &t->name, only, &x->heap, &relation);
    rc = rc == DF_OK ? df__pg_relation_finish(relation, &x->sql, &x->choice) : rc;
    if (rc == DF_OK && !relation->keys) {
        rc = df_stage_failf(st, DF_ENOTSUP, "not_supported",
                            "table %s.%s has no key that its records have: it cannot be read in "
                            "parts",
                            t->name.schema, t->name.table);
    }
    df__pg_relation_free(relation);
    return rc;
}

int df__pg_reread_ask(df__pg_cdc *x, df_stage *st, df_bytes table)
{
    df__buf name, sql;
    df__pg_watched *t = table_of(x, table);
    if (!t)
        return df_stage_failf(st, DF_EINVAL, "configuration",
                              "%.*s is no table of this flow: `tables` names them", (int)table.len,
                              (const char *)table.data);
    if (PQserverVersion(x->sql.pg) < 140000)
        return df_stage_fail(st, DF_ENOTSUP, "not_supported",
                             "reading a table again needs PostgreSQL 14 or newer");
    int rc = judge(x, st, t);
    df__buf_init(&name, &x->heap);
    df__buf_init(&sql, &x->heap);
    df__pg_quote_table(&name, &t->name);
    rc = rc == DF_OK && name.failed ? DF_ENOMEM : rc;
    rc = rc == DF_OK ? df__pg_reread_put(x, "table", (df_bytes){name.data, name.len}, &sql) : rc;
    const char *text = df__buf_cstr(&sql);
    rc = rc == DF_OK && !text ? DF_ENOMEM : rc;
    rc = rc == DF_OK ? df__pg_query(&x->sql, text, NULL) : rc;
    if (rc == DF_OK)
        df_stage_logf(st, DF_LOG_INFO, "asked for table %s.%s", t->name.schema, t->name.table);
    df__buf_free(&name);
    df__buf_free(&sql);
    return rc;
}
