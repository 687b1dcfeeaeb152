/* SPDX-License-Identifier: Apache-2.0
 * follow.c: what becomes of a schema, see follow.h. */
#include "transforms/follow.h"

#include <string.h>

int df__place_of(df_stage *st, const df_path *path, df__place *ret)
{
    const df_path **parents = NULL;
    size_t count = 0;
    int rc = df_stage_parents(st, path, &parents, &count);
    df_bytes below;
    if (rc != DF_OK)
        return rc;
    ret->inside = count > 0;
    ret->column = df_path_leaf(count ? parents[0] : path);
    below = df_path_leaf(count > 1 ? parents[1] : path);
    ret->named = count > 0 && below.len && !strchr("-0123456789", *(const char *)below.data);
    return rc;
}

int df__places_of(df_stage *st, const df_list *paths, df__place **ret)
{
    df__place *places = df_stage_alloc(st, (paths->count + 1) * sizeof *places);
    int rc = places ? DF_OK : DF_ENOMEM;
    for (size_t i = 0; i < paths->count && rc == DF_OK; i++)
        rc = df__place_of(st, df__path_at(paths, i), &places[i]);
    *ret = places;
    return rc;
}

/* ---- columns --------------------------------------------------------------------------------- */

static int is_named(const df__column *c, df_bytes name)
{
    return strlen(c->field.name) == name.len && memcmp(c->field.name, name.data, name.len) == 0;
}

df__column *df__shape_find(const df__shape *s, df_bytes name)
{
    for (size_t i = 0; i < s->count; i++)
        if (is_named(&s->rows[i], name))
            return &s->rows[i];
    return NULL;
}

static int add(df__shape *s, const char *name, df__column **ret)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        df__column *rows = df_stage_realloc(s->st, s->rows, cap * sizeof *rows);
        if (!rows)
            return DF_ENOMEM;
        s->rows = rows;
        s->cap = cap;
    }
    *ret = &s->rows[s->count++];
    **ret = (df__column){.field = {.size = sizeof(df_field), .name = name}, .from = DF__NEW};
    return DF_OK;
}

char *df__shape_text(df__shape *s, size_t len)
{
    void **block = df_stage_realloc(s->st, NULL, sizeof *block + len + 1);
    if (!block)
        return NULL;
    *block = s->texts;
    s->texts = block;
    return memset(block + 1, 0, len + 1);
}

static const char *copy_name(df__shape *s, df_bytes name)
{
    char *text = df__shape_text(s, name.len);
    return text ? memcpy(text, name.data, name.len) : NULL;
}

static void end_shape(df__shape *s)
{
    while (s->texts) {
        void *next = *(void **)s->texts;
        df_stage_realloc(s->st, s->texts, 0);
        s->texts = next;
    }
    df_stage_realloc(s->st, s->rows, 0);
}

int df__shape_add_named(df__shape *s, df_bytes name, df__column **ret)
{
    const char *text = copy_name(s, name);
    return text ? add(s, text, ret) : DF_ENOMEM;
}

static void change(df__shape *s, df__column *c, int type)
{
    s->no_key |= (c->field.flags & DF_FIELD_KEY) != 0;
    c->field = (df_field){.size = sizeof c->field, .name = c->field.name, .type = type};
    c->changed = 1;
}

/* Something below the column is other than it was. */
static void change_inside(df__shape *s, df__column *c)
{
    int type =
        c->field.type == DF_V_OBJECT || c->field.type == DF_V_ARRAY ? c->field.type : DF_V_ABSENT;
    change(s, c, type);
}

int df__shape_change(df__shape *s, const df__place *at, int type)
{
    df__column *c;
    if (!at->column.data)
        return DF_DROP;
    c = df__shape_find(s, at->column);
    if (c && at->inside)
        change_inside(s, c);
    else if (c)
        change(s, c, type);
    return DF_OK;
}

int df__shape_set(df__shape *s, const df__place *at, int type)
{
    df__column *c = at->column.data ? df__shape_find(s, at->column) : NULL;
    int made = at->named ? DF_V_OBJECT : DF_V_ABSENT; /* where a record does not have it */
    int rc;
    if (!at->column.data)
        return DF_DROP;
    if (c) {
        int was = c->field.type;
        rc = df__shape_change(s, at, type);
        c->field.type = !at->inside ? type : was == made ? was : DF_V_ABSENT;
        return rc;
    }
    if (df__shape_add_named(s, at->column, &c) != DF_OK)
        return DF_ENOMEM;
    c->field.type = at->inside ? made : type;
    return DF_OK;
}

int df__shape_remove(df__shape *s, const df__place *at)
{
    df__column *c;
    if (!at->column.data || at->inside)
        return df__shape_change(s, at, DF_V_ABSENT);
    c = df__shape_find(s, at->column);
    if (!c)
        return DF_OK;
    s->no_key |= (c->field.flags & DF_FIELD_KEY) != 0;
    memmove(c, c + 1, (size_t)(s->rows + s->count - c - 1) * sizeof *c);
    s->count--;
    return DF_OK;
}

int df__shape_move(df__shape *s, const df__place *from, const df__place *to)
{
    df__column *c = from->column.data ? df__shape_find(s, from->column) : NULL, moved;
    int rc;
    if (!from->column.data || !to->column.data)
        return DF_DROP;
    if (!c)
        return DF_OK;
    if (from->inside || to->inside) {
        rc = from->inside ? df__shape_change(s, from, DF_V_ABSENT) : df__shape_remove(s, from);
        return rc == DF_OK ? df__shape_set(s, to, DF_V_ABSENT) : rc;
    }
    moved = *c;
    c = df__shape_find(s, to->column);
    if (c) { /* where the moved one is missing, the other stays */
        change(s, c, c->field.type == moved.field.type ? moved.field.type : DF_V_ABSENT);
        return df__shape_remove(s, from);
    }
    moved.field.name = copy_name(s, to->column);
    if (!moved.field.name)
        return DF_ENOMEM;
    *df__shape_find(s, from->column) = moved;
    return DF_OK;
}

/* ---- deriving -------------------------------------------------------------------------------- */

static int begin(df__shape *s, const df_schema *from)
{
    size_t count;
    const df_field *fields = df_schema_fields(from, &count);
    for (size_t i = 0; i < count; i++) {
        const df_field *f = DF_ROW(df_field, fields, i);
        df__column *c;
        if (add(s, f->name, &c) != DF_OK)
            return DF_ENOMEM;
        memcpy(&c->field, f, f->size < sizeof *f ? f->size : sizeof *f);
        c->field.size = sizeof c->field;
        c->from = i;
    }
    return DF_OK;
}

static int is_same(const df__shape *s, const df_schema *from)
{
    size_t count;
    const df_field *fields = df_schema_fields(from, &count);
    for (size_t i = 0; i < s->count; i++) {
        const df__column *c = &s->rows[i];
        if (c->from == DF__NEW)
            continue;
        if (c->changed || strcmp(c->field.name, DF_ROW(df_field, fields, c->from)->name) != 0)
            return 0;
        count--;
    }
    return count == 0;
}

static int finish(df__shape *s, df__followed *row)
{
    df_field *fields = df_stage_realloc(s->st, NULL, (s->count + 1) * sizeof *fields);
    int rc = DF_ENOMEM;
    row->origin = df_stage_realloc(s->st, NULL, (s->count + 1) * sizeof *row->origin);
    if (fields && row->origin) {
        for (size_t i = 0; i < s->count; i++) {
            fields[i] = s->rows[i].field;
            fields[i].flags &= s->no_key ? ~(unsigned)DF_FIELD_KEY : ~0U;
            row->origin[i] = s->rows[i].changed ? DF__NEW : s->rows[i].from;
        }
        row->same = is_same(s, row->from);
        rc = df_schema_new(s->st, fields, s->count, &row->to);
    }
    df_stage_realloc(s->st, fields, 0);
    return rc == DF_EINVAL ? DF_DROP : rc; /* two columns of one name */
}

static void forget(df_stage *st, df__followed *row)
{
    df_schema_free(row->from);
    df_schema_free(row->to);
    df_stage_realloc(st, row->origin, 0);
    *row = (df__followed){0};
}

static int derive_row(const df__job *job, df__derive_fn derive, const df_schema *from,
                      df__followed *row)
{
    df__shape s = {.st = job->st};
    int rc;
    forget(job->st, row);
    row->from = df_schema_hold(from);
    rc = begin(&s, from);
    rc = rc == DF_OK ? derive(job->self, &s) : rc;
    rc = rc == DF_OK ? finish(&s, row) : rc;
    end_shape(&s);
    if (rc < 0)
        forget(job->st, row);
    return rc < 0 ? rc : DF_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

static int find_row(const df__job *job, df__derive_fn derive, const df_schema *from,
                    df__followed **ret)
{
    df__follow *f = job->self;
    uint64_t hash = (uint64_t)(uintptr_t)from * UINT64_C(0x9E3779B97F4A7C15);
    *ret = &f->rows[hash >> 32 & (DF__FOLLOWED - 1)];
    return (*ret)->from == from ? DF_OK : derive_row(job, derive, from, *ret);
}

/* Of the row before, what still is what it was. */
static int set_before(df_record *r, const df__followed *row, const df_value *before)
{
    size_t count;
    const df_field *olds = df_schema_fields(row->from, &count);
    const df_field *fields = df_schema_fields(row->to, &count);
    df_value kept, empty = df__empty_value(DF_V_OBJECT);
    int rc = DF_OK;
    if (row->same)
        return df_record_set_before(r, before);
    rc = df_value_new(r, &empty, &kept);
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const char *name = DF_ROW(df_field, fields, i)->name, *old;
        df_value v = {0};
        if (row->origin[i] == DF__NEW)
            continue;
        old = DF_ROW(df_field, olds, row->origin[i])->name;
        df_value_member(before, (df_bytes){old, strlen(old)}, &v);
        if (v.type != DF_V_ABSENT)
            rc = df_value_put(r, &kept, (df_bytes){name, strlen(name)}, &v);
    }
    return rc == DF_OK ? df_record_set_before(r, &kept) : rc;
}

static int follow(const df__job *job, df_record *r, df__derive_fn derive, const df_schema *from,
                  const df_value *before)
{
    df__followed *row;
    int rc = find_row(job, derive, from, &row);
    if (rc == DF_OK && row->to && before->type == DF_V_OBJECT)
        rc = set_before(r, row, before);
    return rc == DF_OK ? df_record_set_schema(r, row->to) : rc;
}

static int one(const df__job *job, df_record *r, df__job_fn fn, df__derive_fn derive)
{
    const df_schema *from = df_record_schema(r);
    df_value before;
    int rc;
    df_record_before(r, &before);
    rc = fn(job, r);
    return rc == DF_OK && df_record_live(r) ? follow(job, r, derive, from, &before) : rc;
}

int df__job_follow(void *self, df_stage *st, df_batch *batch, df__job_fn fn, df__derive_fn derive)
{
    const df__job job = {self, st, batch};
    size_t count = df_batch_count(batch);
    for (size_t i = 0; i < count; i++) {
        df_record *r = df_batch_at(batch, i);
        int rc;
        if (!df_record_live(r))
            continue;
        rc = df_record_schema(r) ? one(&job, r, fn, derive) : fn(&job, r);
        if (rc < 0 && df__job_failed(r, rc) < 0)
            return rc;
    }
    return DF_OK;
}

void df__follow_close(void *self, df_stage *st)
{
    df__follow *f = self;
    for (size_t i = 0; i < DF__FOLLOWED; i++)
        forget(st, &f->rows[i]);
}
