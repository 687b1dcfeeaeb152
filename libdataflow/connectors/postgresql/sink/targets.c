/* SPDX-License-Identifier: Apache-2.0
 * targets.c: several tables: the option `table`, or for each record what tableFrom names, of those
 * that tableAllow lets through. The sink works on one table at a time; what it knows of the others
 * is kept here. A parcel is written in one transaction, table after table, or, where a table does
 * more with rows than keep them, in the order of the records. */
#include "targets.h"

#include <string.h>

#include "sink.h"

/* ---- options --------------------------------------------------------------------------------- */

static int compile(df_bytes text, regex_t *ret, char *why, size_t len)
{
    char whole[1024];
    if (text.len + 5 > sizeof whole || memchr(text.data, '\0', text.len)) {
        df__text_set(why, len, "longer than 1000 bytes", 22);
        return DF_ESPEC;
    }
    df__text_printf(whole, sizeof whole, "^(%.*s)$", (int)text.len, (const char *)text.data);
    int error = regcomp(ret, whole, REG_EXTENDED | REG_NOSUB);
    if (error != 0)
        (void)regerror(error, ret, why, len);
    return error == 0 ? DF_OK : DF_ESPEC;
}

/* A path, or metadata.NAME. */
static int read_from(const df__pg_sink *s, df_stage *st, df__pg_targets *ret)
{
    static const char word[] = "metadata.";
    const df_bytes from = s->opt.table_from;
    if (from.len > sizeof word - 1 && memcmp(from.data, word, sizeof word - 1) == 0) {
        ret->meta = (const char *)from.data + sizeof word - 1;
        return DF_OK;
    }
    ret->path = df_stage_path(st, "tableFrom", from);
    if (!ret->path)
        return DF_ESPEC;
    return df_path_is_single(ret->path)
               ? DF_OK
               : df_stage_problem(st, DF_ERROR, "tableFrom",
                                  "leads to several places; here it must name one");
}

int df__pg_targets_check(const df__pg_sink *s, df_stage *st)
{
    df__pg_targets found = {0};
    char why[200];
    int rc = DF_OK;
    if (s->opt.table_from.len == 0) {
        return s->opt.table_allow.len > 0 ? df_stage_problem(st, DF_ERROR, "tableAllow",
                                                             "has no meaning without tableFrom")
                                          : DF_OK;
    }
    rc = read_from(s, st, &found);
    if (s->opt.table_allow.len == 0) {
        rc = df_stage_problem(st, DF_ERROR, "tableAllow",
                              "is required with tableFrom: which tables records may choose, as a "
                              "regular expression for the whole name");
    } else if (compile(s->opt.table_allow, &found.allow, why, sizeof why) != DF_OK) {
        rc = df_stage_problemf(st, DF_ERROR, "tableAllow", "is not a regular expression: %s", why);
    } else {
        regfree(&found.allow);
    }
    return rc;
}

/* ---- the tables ------------------------------------------------------------------------------ */

df__pg_target *df__pg_target_make(df__pg_sink *s, df_bytes name)
{
    df__pg_targets *t = &s->targets;
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 8;
        df__pg_target **rows = df_stage_realloc(s->conn.stage, t->rows, cap * sizeof(*t->rows));
        if (!rows)
            return NULL;
        t->rows = rows;
        t->cap = cap;
    }
    df__pg_target *target = df_stage_alloc(s->conn.stage, sizeof *target);
    if (!target)
        return NULL;
    df__text_set(target->name, sizeof target->name, name.data, name.len);
    df__arena_init(&target->catalog.table.arena, &s->memory.heap, 4096);
    t->rows[t->count++] = target;
    return target;
}

/* The generation goes on: what was encoded for the name before is not for this one. */
void df__pg_target_rename(df__pg_sink *s, size_t index, df_bytes name)
{
    df__pg_target *target = s->targets.rows[index];
    uint64_t generation = target->catalog.generation + 1;
    df__pg_table_free(&target->catalog.table);
    memset(target, 0, sizeof *target);
    target->catalog.generation = generation;
    df__text_set(target->name, sizeof target->name, name.data, name.len);
    df__arena_init(&target->catalog.table.arena, &s->memory.heap, 4096);
}

int df__pg_targets_open(df__pg_sink *s)
{
    char why[200];
    df__pg_targets *t = &s->targets;
    t->is_used = s->opt.table_from.len > 0;
    if (!t->is_used)
        return DF_OK;
    int rc = t->path || t->meta ? DF_OK : read_from(s, s->conn.stage, t);
    if (rc == DF_OK && compile(s->opt.table_allow, &t->allow, why, sizeof why) != DF_OK)
        rc = df_stage_failf(s->conn.stage, DF_EINVAL, "configuration", "tableAllow: %s", why);
    t->allows = rc == DF_OK;
    t->current = 0;
    s->checks.off = 1; /* a notice of one COPY could be taken for one of another table */
    if (rc == DF_OK && t->count == 0 && !df__pg_target_make(s, (df_bytes){"", 0}))
        rc = DF_ENOMEM;
    for (size_t i = 0; rc == DF_OK && i < t->count; i++)
        t->rows[i]->expect = (df__pg_expect){.alone = t->rows[i]->expect.alone};
    return rc;
}

const df__pg_name *df__pg_target_name(const df__pg_sink *s, size_t index)
{
    return index == s->targets.current ? &s->catalog.name : &s->targets.rows[index]->catalog.name;
}

/* The sink gets what is known of another table. */
void df__pg_target_turn(df__pg_sink *s, df__pg_work *w, size_t index)
{
    df__pg_targets *t = &s->targets;
    df__pg_target *from = t->rows[t->current], *to = t->rows[index];
    if (from == to)
        return;
    from->catalog = s->catalog;
    from->expect = s->expect;
    from->told = s->told;
    from->table_seen = s->conn.table_seen;
    from->tried = w->tried;
    s->catalog = to->catalog;
    s->expect = to->expect;
    s->told = to->told;
    s->conn.table_seen = to->table_seen;
    w->tried = to->tried;
    t->current = index;
}

void df__pg_targets_close(df__pg_sink *s)
{
    df__pg_targets *t = &s->targets;
    if (!t->is_used)
        return;
    if (t->allows)
        regfree(&t->allow);
    t->allows = 0;
    if (t->count > 0)
        df__pg_target_turn(s, &s->works[0], 0);
    for (size_t i = 1; i < t->count; i++) {
        df__pg_table_free(&t->rows[i]->catalog.table);
        df__arena_free(&t->rows[i]->catalog.table.arena);
    }
    df__free(&s->memory.heap, t->segments);
    t->segments = NULL;
    t->segment_cap = t->segment_count = 0;
}

void df__pg_targets_undone(df__pg_sink *s)
{
    for (size_t i = 0; i < s->targets.count; i++) {
        df__pg_catalog *c = &s->targets.rows[i]->catalog;
        if (i != s->targets.current && c->is_new) {
            df__pg_table_free(&c->table);
            c->generation++;
            c->is_new = 0;
        }
    }
}

void df__pg_targets_durable(df__pg_sink *s)
{
    for (size_t i = 0; i < s->targets.count; i++)
        s->targets.rows[i]->catalog.is_new = 0;
}
