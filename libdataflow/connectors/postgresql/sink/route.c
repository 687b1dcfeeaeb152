/* SPDX-License-Identifier: Apache-2.0
 * route.c: with tableFrom, which record of a parcel goes to which table, and in what order they are
 * written: table after table, or, where a table does more with rows than keep them, in the order of
 * the records. */
#include "route.h"

#include <string.h>

#include "sink.h"

enum { TARGETS_MAX = 1000 };

/* ---- which table ----------------------------------------------------------------------------- */

/* schema.table or table, as they are; one in quotes as the option `table`. */
static int read_name(df_bytes text, df__pg_name *ret)
{
    const char *why, *s = text.data;
    memset(ret, 0, sizeof *ret);
    if (text.len > 0 && memchr(s, '"', text.len))
        return df__pg_name_parse(text, ret, &why);
    const char *dot = text.len > 0 ? memchr(s, '.', text.len) : NULL;
    size_t head = dot ? (size_t)(dot - s) : 0, rest = dot ? text.len - head - 1 : text.len;
    if (rest == 0 || rest > PG_NAME_MAX || head > PG_NAME_MAX || (dot && head == 0) ||
        memchr(s, '\0', text.len) || !df__pg_utf8_valid(s, text.len))
        return DF_EINVAL;
    df__text_set(ret->schema, sizeof ret->schema, s, head);
    df__text_set(ret->table, sizeof ret->table, s + text.len - rest, rest);
    return DF_OK;
}

static int is_allowed(const df__pg_sink *s, df_bytes name)
{
    char text[2 * PG_NAME_MAX + 8];
    if (name.len >= sizeof text || (name.len > 0 && memchr(name.data, '\0', name.len)))
        return 0;
    df__text_set(text, sizeof text, name.data, name.len);
    return regexec(&s->targets.allow, text, 0, NULL, 0) == 0;
}

/* data NULL: the record names none. DF_EDATA: what it has there is no text. */
static int name_of(const df__pg_sink *s, const df__pg_work *w, size_t index, df_bytes *ret)
{
    df_value v = {.type = DF_V_ABSENT};
    *ret = (df_bytes){NULL, 0};
    int rc = s->targets.path ? df_parcel_get(w->parcel, index, s->targets.path, &v)
                             : df_record_meta(df_parcel_at(w->parcel, index), s->targets.meta, &v);
    if (rc == DF_ENOMEM)
        return rc;
    if (rc != DF_OK || v.type == DF_V_NULL || v.type == DF_V_ABSENT || v.type == DF_V_UNCHANGED)
        return DF_OK;
    if (v.type != DF_V_STRING)
        return DF_EDATA;
    *ret = (df_bytes){v.len > 0 ? v.text : "", v.len};
    return DF_OK;
}

/* A place that a name has in vain: its table is not there and never was, and no record of the
 * parcel at hand waits for one to be made. 0: there is none. */
static size_t find_idle(const df__pg_sink *s)
{
    const df__pg_targets *t = &s->targets;
    for (size_t i = 1; i < t->count; i++) {
        const df__pg_target *target = t->rows[i];
        if (i != t->current && !target->catalog.table.exists && !target->table_seen &&
            (!s->opt.auto_create || target->looked != t->parcels))
            return i;
    }
    return 0;
}

/* DF_EDATA: all places are taken. */
static int take_place(df__pg_sink *s, df_bytes name, size_t *ret)
{
    df__pg_targets *t = &s->targets;
    *ret = t->count;
    if (t->count < TARGETS_MAX)
        return df__pg_target_make(s, name) ? DF_OK : DF_ENOMEM;
    *ret = find_idle(s);
    if (*ret == 0)
        return DF_EDATA;
    df__pg_target_rename(s, *ret, name);
    return DF_OK;
}

/* The table of that name. DF_EDATA: *ret_why says why not. */
static int find(df__pg_sink *s, df_bytes name, size_t *ret, const char **ret_why)
{
    df__pg_targets *t = &s->targets;
    df__pg_name parts;
    for (*ret = 1; *ret < t->count; ++*ret)
        if (strlen(t->rows[*ret]->name) == name.len &&
            memcmp(t->rows[*ret]->name, name.data, name.len) == 0)
            return DF_OK;
    *ret_why = "tableFrom names a table that tableAllow does not allow";
    if (!is_allowed(s, name))
        return DF_EDATA;
    *ret_why = "tableFrom names no table: it must be table or schema.table";
    if (read_name(name, &parts) != DF_OK)
        return DF_EDATA;
    *ret_why = "tableFrom names more than 1000 tables";
    int rc = take_place(s, name, ret);
    if (rc == DF_OK)
        t->rows[*ret]->catalog.name = parts;
    return rc;
}

/* Looks at a table that was not there, once for each parcel. */
static int look(df__pg_sink *s, df__pg_work *w, size_t index)
{
    df__pg_target *target = s->targets.rows[index];
    df__pg_target_turn(s, w, index);
    if (s->catalog.table.exists || target->looked == s->targets.parcels)
        return DF_OK;
    target->looked = s->targets.parcels;
    int rc = df__pg_catalog_load(s);
    return rc == DF_OK && s->catalog.table.exists ? df__pg_may_alter(s) : rc;
}

/* The table of record `index`. DF_DROP: it has none, and is refused. */
static int route(df__pg_sink *s, df__pg_work *w, size_t index, size_t *ret)
{
    df_bytes name;
    const char *why = "what tableFrom leads to is no text", *reason = "no_table";
    char text[200];
    *ret = 0;
    int rc = name_of(s, w, index, &name);
    if (rc == DF_OK && name.data)
        rc = find(s, name, ret, &why);
    rc = rc == DF_OK ? look(s, w, *ret) : rc;
    if (rc == DF_OK && !s->catalog.table.exists && !s->opt.auto_create) {
        if (s->conn.table_seen)
            return df__pg_missing(&s->conn);
        df__text_printf(text, sizeof text,
                        "table %s does not exist (autoCreateTable: true makes it)",
                        s->catalog.name.table);
        why = text;
        rc = DF_EDATA;
    }
    if (rc == DF_EDATA) {
        rc = df__pg_refuse(w, index, reason, why);
        return rc == DF_OK ? DF_DROP : rc;
    }
    return rc;
}

/* ---- in which order -------------------------------------------------------------------------- */

static int add_segment(df__pg_sink *s, df__pg_segment segment)
{
    df__pg_targets *t = &s->targets;
    int rc = df__grow(&s->memory.heap, &t->segments, &t->segment_cap, t->segment_count,
                      sizeof *t->segments);
    if (rc == DF_OK)
        t->segments[t->segment_count++] = segment;
    return rc;
}

static const df__pg_facts *facts_of(const df__pg_sink *s, size_t target)
{
    return target == s->targets.current ? &s->catalog.facts
                                        : &s->targets.rows[target]->catalog.facts;
}

/* One table may come under two names: its option and records', with a schema and without. */
static int may_be_same(const df__pg_name *a, const df__pg_name *b)
{
    return strcmp(a->table, b->table) == 0 &&
           (!a->schema[0] || !b->schema[0] || strcmp(a->schema, b->schema) == 0);
}

static int has_namesakes(const df__pg_sink *s)
{
    const df__pg_targets *t = &s->targets;
    for (size_t i = 0; i < t->segment_count; i++)
        for (size_t k = 0; k < i; k++)
            if (may_be_same(df__pg_target_name(s, t->segments[i].target),
                            df__pg_target_name(s, t->segments[k].target)))
                return 1;
    return 0;
}

/* Foreign keys, triggers and INHERITS lead from table to table; else no table notices the others. A
 * delete or truncation needs no more than that either. */
static int is_free(const df__pg_sink *s, const df__pg_work *w)
{
    for (size_t i = 0; i < w->end; i++) {
        const df__pg_facts *facts = w->skip[i] ? NULL : facts_of(s, w->targets[i]);
        if (facts && (facts->notices_rows || facts->orders_rows || facts->has_kin))
            return 0;
    }
    return 1;
}

static int has_segment(const df__pg_targets *t, uint32_t target)
{
    for (size_t i = 0; i < t->segment_count; i++)
        if (t->segments[i].target == target)
            return 1;
    return 0;
}

static int plan_by_table(df__pg_sink *s, const df__pg_work *w)
{
    int rc = DF_OK;
    s->targets.segment_count = 0;
    for (size_t i = 0; i < w->end && rc == DF_OK; i++)
        if (!w->skip[i] && !has_segment(&s->targets, w->targets[i]))
            rc = add_segment(s, (df__pg_segment){w->targets[i], 0, w->end});
    return rc;
}

static int plan_by_record(df__pg_sink *s, const df__pg_work *w)
{
    df__pg_targets *t = &s->targets;
    int rc = DF_OK;
    t->segment_count = 0;
    for (size_t i = 0; i < w->end && rc == DF_OK; i++) {
        df__pg_segment *last = t->segment_count > 0 ? &t->segments[t->segment_count - 1] : NULL;
        if (w->skip[i])
            continue;
        if (last && last->target == w->targets[i])
            last->end = i + 1;
        else
            rc = add_segment(s, (df__pg_segment){w->targets[i], i, i + 1});
    }
    return rc;
}

static int plan(df__pg_sink *s, const df__pg_work *w)
{
    int rc = is_free(s, w) ? plan_by_table(s, w) : DF_MORE;
    return rc == DF_MORE || (rc == DF_OK && has_namesakes(s)) ? plan_by_record(s, w) : rc;
}

int df__pg_route(df__pg_sink *s, df__pg_work *w)
{
    size_t before = s->targets.current;
    int rc = DF_OK;
    if (w->end > w->targets_cap) {
        uint32_t *grown = df__realloc(w->heap, w->targets_of, w->end * sizeof *grown);
        if (!grown)
            return DF_ENOMEM;
        w->targets_of = grown;
        w->targets_cap = w->end;
    }
    w->targets = w->targets_of;
    for (size_t i = 0; i < w->end && rc == DF_OK; i++) {
        size_t target = 0;
        rc = w->skip[i] ? DF_DROP : route(s, w, i, &target);
        w->targets_of[i] = (uint32_t)target;
        rc = rc == DF_DROP ? DF_OK : rc;
    }
    rc = rc == DF_OK ? plan(s, w) : rc;
    df__pg_target_turn(s, w, before);
    return rc;
}
