/* SPDX-License-Identifier: Apache-2.0
 * rows.c: the records of a parcel as literals. Each value is written once; the statement is put
 * together from the literals. */
#include <string.h>

#include "sink/sink.h"

enum { SHOWN = 300 };

void df__trino_work_free(df__trino_work *w)
{
    const df__heap *heap = w->text.heap;
    df__buf_free(&w->text);
    df__free(heap, w->items);
    df__free(heap, w->cells);
    df__free(heap, w->refusals);
    df__buf_free(&w->why);
    memset(w, 0, sizeof *w);
}

/* ---- one record ------------------------------------------------------------------------------ */

/* DF_DROP: noted. */
static int refuse(df__trino_sink *s, size_t index, const char *reason, const char *text)
{
    df__trino_work *w = &s->work;
    size_t at = w->why.len;
    df__buf_add(&w->why, text, strlen(text) + 1);
    if (w->why.failed || df__grow(w->text.heap, &w->refusals, &w->refusal_cap, w->refused,
                                  sizeof *w->refusals) != DF_OK)
        return DF_ENOMEM;
    w->refusals[w->refused++] = (df__trino_refusal){index, at, strlen(text), reason};
    return DF_DROP;
}

int df__trino_work_tell(df__trino_work *w)
{
    int rc = DF_OK;
    for (size_t i = 0; i < w->refused && rc == DF_OK; i++)
        rc = df_parcel_reject(w->parcel, w->refusals[i].record, w->refusals[i].reason,
                              w->why.data + w->refusals[i].at);
    return rc;
}

static int refuse_value(df__trino_sink *s, size_t index, size_t column, const char *why)
{
    char text[SHOWN];
    const df__trino_column *c = &s->table.columns[column];
    df__text_printf(text, sizeof text, "column %s (%s): %s", (const char *)c->name.data,
                    (const char *)c->type.name.data, why);
    return refuse(s, index, "invalid_data", text);
}

/* A key that is a column but for its case, which Trino does not know. */
static int take_other_case(df__trino_sink *s, size_t index, size_t *unknown)
{
    df_value root;
    df_walk walk;
    int rc = df_parcel_root(s->work.parcel, index, &root);
    memset(&walk, 0, sizeof walk);
    while (rc == DF_OK && df_value_walk(&root, &walk) == DF_OK) {
        size_t i = df__trino_column_at(&s->table, walk.name);
        if (i == s->table.count || s->values[i].type != DF_V_ABSENT)
            continue;
        s->values[i] = walk.value;
        *unknown -= *unknown > 0;
    }
    return rc;
}

static int before_of(df__trino_sink *s, size_t index, df_value *ret)
{
    *ret = (df_value){.type = DF_V_ABSENT};
    return df_record_before(df_parcel_at(s->work.parcel, index), ret);
}

/* s->values of the record; a delete without a body has the key in its row before. */
static int read_values(df__trino_sink *s, size_t index, int is_delete, size_t *ret_unknown)
{
    df_value before = {.type = DF_V_ABSENT};
    *ret_unknown = 0;
    if (s->opt.raw)
        return df__trino_raw_row(s, s->work.parcel, index);
    if (is_delete)
        (void)before_of(s, index, &before);
    if (before.type != DF_V_OBJECT) {
        int rc = df_parcel_row(s->work.parcel, index, s->names, s->values, ret_unknown);
        return rc == DF_OK && *ret_unknown > 0 ? take_other_case(s, index, ret_unknown) : rc;
    }
    for (size_t i = 0; i < s->table.count; i++) {
        s->values[i] = (df_value){.type = DF_V_ABSENT};
        (void)df_value_member(&before, s->table.columns[i].name, &s->values[i]);
    }
    return DF_OK;
}

/* What the source did not send, since it did not change, is in the row before, if that is whole.
 * DF_DROP: it is not, and a row that is written whole cannot be without it. */
static int fill_unchanged(df__trino_sink *s, size_t index)
{
    df_value before;
    int rc = before_of(s, index, &before);
    for (size_t i = 0; i < s->table.count && rc == DF_OK; i++) {
        df_value *v = &s->values[i];
        if (v->type != DF_V_UNCHANGED)
            continue;
        if (before.type == DF_V_OBJECT)
            (void)df_value_member(&before, s->table.columns[i].name, v);
        if (v->type == DF_V_UNCHANGED || v->type == DF_V_ABSENT)
            return refuse_value(s, index, i,
                                "the source did not send it, since it did not change, and a row is "
                                "written whole (PostgreSQL: REPLICA IDENTITY FULL)");
    }
    return rc;
}

static int add_item(df__trino_work *w, size_t index, enum df__trino_op op, size_t columns)
{
    size_t want = w->cell_count + columns;
    if (df__grow(w->text.heap, &w->items, &w->cap, w->count, sizeof *w->items) != DF_OK)
        return DF_ENOMEM;
    if (want > w->cell_cap) {
        size_t cap = want * 2;
        df__trino_cell *cells = df__realloc(w->text.heap, w->cells, cap * sizeof *cells);
        if (!cells)
            return DF_ENOMEM;
        w->cells = cells;
        w->cell_cap = cap;
    }
    memset(w->cells + w->cell_count, 0, columns * sizeof *w->cells);
    w->items[w->count++] = (df__trino_item){.record = index, .op = op, .cells = w->cell_count};
    w->cell_count = want;
    return DF_OK;
}

static void drop_item(df__trino_work *w, size_t text_len, size_t columns)
{
    w->text.len = text_len;
    w->cell_count -= columns;
    w->count--;
}

static int is_given(const df_value *v)
{
    return v->type != DF_V_ABSENT && v->type != DF_V_UNCHANGED;
}

/* Whether the record may be without the column: a row that is there keeps what it has. */
static const char *why_not_absent(const df__trino_sink *s, const df__trino_column *c, int op,
                                  const df_value *v)
{
    if (c->is_key)
        return "is part of conflictKey, and the record has no value for it";
    if (op == TRINO_OP_DELETE || !c->not_null || (s->opt.upsert && !is_given(v)))
        return NULL;
    return "is NOT NULL, and the record has no value for it";
}

static int put_cell(df__trino_sink *s, size_t index, size_t column, enum df__trino_op op)
{
    df__trino_work *w = &s->work;
    const df__trino_column *c = &s->table.columns[column];
    const df_value *v = &s->values[column];
    if (!is_given(v) || v->type == DF_V_NULL) {
        const char *why = why_not_absent(s, c, (int)op, v);
        if (why)
            return refuse_value(s, index, column, why);
    }
    if (!is_given(v) || (op == TRINO_OP_DELETE && !c->is_key))
        return DF_OK;
    size_t at = w->text.len;
    s->writer.one_form = c->is_key;
    int rc = df__trino_literal(&s->writer, &c->type, v);
    if (rc == DF_EDATA)
        return refuse_value(s, index, column, s->writer.why);
    w->cells[w->items[w->count - 1].cells + column] = (df__trino_cell){at, w->text.len - at};
    return rc;
}

/* A record none of whose keys is a column would be a row of NULLs. */
static int check_known(df__trino_sink *s, size_t index, size_t unknown)
{
    size_t given = 0;
    for (size_t i = 0; i < s->table.count; i++)
        given += s->values[i].type != DF_V_ABSENT;
    if (unknown > 0 && s->opt.unknown)
        return refuse(
            s, index, "invalid_data",
            "has a key that is no column of the table (unknownFields: ignore leaves it out)");
    if (given == 0)
        return refuse(s, index, "invalid_data", "none of its keys is a column of the table");
    return DF_OK;
}

static int add_row(df__trino_sink *s, size_t index, enum df__trino_op op)
{
    df__trino_work *w = &s->work;
    size_t text_len = w->text.len, unknown;
    int rc = read_values(s, index, op == TRINO_OP_DELETE, &unknown);
    if (rc == DF_EDATA)
        return refuse(s, index, "invalid_data", df_parcel_error(w->parcel));
    rc = rc == DF_OK ? check_known(s, index, unknown) : rc;
    if (rc == DF_OK && !s->opt.upsert)
        rc = fill_unchanged(s, index);
    if (rc != DF_OK)
        return rc;
    rc = add_item(w, index, op, s->table.count);
    for (size_t i = 0; i < s->table.count && rc == DF_OK; i++)
        rc = put_cell(s, index, i, op);
    if (rc == DF_DROP)
        drop_item(w, text_len, s->table.count);
    return rc;
}

/* ---- upserts --------------------------------------------------------------------------------- */

/* The row before says a key, and it is another one than that of the newest item. */
static int key_moved(df__trino_sink *s, const df_value *before, int *ret)
{
    df__trino_work *w = &s->work;
    const df__trino_item *item = &w->items[w->count - 1];
    *ret = 0;
    for (size_t k = 0; k < s->table.key_count; k++) {
        const df__trino_column *c = &s->table.columns[s->table.keys[k]];
        const df__trino_cell *cell = &w->cells[item->cells + s->table.keys[k]];
        size_t at = w->text.len;
        df_value v = {.type = DF_V_ABSENT};
        (void)df_value_member(before, c->name, &v);
        if (!is_given(&v) || v.type == DF_V_NULL) { /* an image without the key: it is the same */
            *ret = 0;
            return DF_OK;
        }
        s->writer.one_form = 1;
        int rc = df__trino_literal(&s->writer, &c->type, &v);
        *ret |= w->text.len - at != cell->len ||
                memcmp(w->text.data + at, w->text.data + cell->at, cell->len) != 0;
        w->text.len = at;
        if (rc != DF_OK)
            return rc == DF_EDATA ? DF_OK : rc;
    }
    return DF_OK;
}

/* The row of the new key is written whole: what the record does not have is in the row before. */
static int complete(df__trino_sink *s, size_t index)
{
    df__trino_work *w = &s->work;
    int rc = fill_unchanged(s, index);
    for (size_t i = 0; i < s->table.count && rc == DF_OK; i++)
        if (w->cells[w->items[w->count - 1].cells + i].len == 0 && is_given(&s->values[i]))
            rc = put_cell(s, index, i, TRINO_OP_SET);
    return rc;
}

/* An update that moves the row to another key: the row of the old key goes. */
static int add_old_key(df__trino_sink *s, size_t index)
{
    df_value before;
    int moved = 0, rc = before_of(s, index, &before);
    if (rc != DF_OK || before.type != DF_V_OBJECT)
        return rc;
    rc = key_moved(s, &before, &moved);
    if (rc != DF_OK || !moved)
        return rc;
    rc = complete(s, index);
    return rc == DF_OK ? add_row(s, index, TRINO_OP_DELETE) : rc;
}

static int add_upsert(df__trino_sink *s, size_t index)
{
    df__trino_work *w = &s->work;
    size_t count = w->count, cells = w->cell_count, text = w->text.len;
    df_info info = {.size = sizeof info};
    int rc = df_record_info(df_parcel_at(w->parcel, index), &info);
    if (rc != DF_OK)
        return rc;
    if (info.op == DF_OP_TRUNCATE)
        return refuse(s, index, "not_supported",
                      "a truncation: TRUNCATE the table by hand, Trino cannot do it in order");
    rc = add_row(s, index, info.op == DF_OP_DELETE ? TRINO_OP_DELETE : TRINO_OP_SET);
    if (rc == DF_OK && info.op == DF_OP_UPDATE)
        rc = add_old_key(s, index);
    if (rc == DF_DROP) { /* nothing of it stays */
        w->count = count;
        w->cell_count = cells;
        w->text.len = text;
    }
    return rc;
}

/* ---- the parcel ------------------------------------------------------------------------------ */

int df__trino_work_fill(df__trino_sink *s, df_parcel *parcel)
{
    df__trino_work *w = &s->work;
    size_t count = df_parcel_count(parcel);
    int rc = DF_OK;
    w->parcel = parcel;
    w->count = w->cell_count = w->refused = 0;
    df__buf_clear(&w->text);
    df__buf_clear(&w->why);
    s->writer.out = &w->text;
    for (size_t i = 0; i < count && (rc == DF_OK || rc == DF_DROP); i++) {
        if (df_parcel_rejected(parcel, i))
            continue;
        rc = s->opt.upsert ? add_upsert(s, i) : add_row(s, i, TRINO_OP_SET);
    }
    if (rc != DF_OK && rc != DF_DROP)
        return df_stage_fail(s->st, rc, NULL, "no memory for a statement");
    return DF_OK;
}
