/* SPDX-License-Identifier: Apache-2.0
 * rows.c: values of a change, its key and its metadata. */
#include "rows.h"

#include <string.h>

#include "wal.h"

static const char *const operations[] = {"", "insert", "update", "delete", "truncate"};

void df__pg_rows_init(df__pg_rows *rows, const df__heap *heap)
{
    df__pg_decode_init(&rows->decode, heap);
    df__buf_init(&rows->text, heap);
    rows->values = NULL;
    rows->cap = 0;
}

void df__pg_rows_free(df__pg_rows *rows)
{
    df__pg_decode_free(&rows->decode);
    df__free(rows->text.heap, rows->values);
    df__buf_free(&rows->text);
    rows->values = NULL;
    rows->cap = 0;
}

static int make_room(df__pg_rows *rows, size_t count)
{
    if (rows->cap >= count && rows->values)
        return DF_OK;
    df_value *more = df__realloc(rows->text.heap, rows->values, (count + 1) * sizeof *more);
    if (!more)
        return DF_ENOMEM;
    rows->values = more;
    rows->cap = count;
    return DF_OK;
}

static int decode(df__pg_rows *rows, const df__pg_cell *cell, const df__pgo_value *in,
                  df_value *ret)
{
    memset(ret, 0, sizeof *ret);
    switch (in->kind) {
    case PGO_KIND_NULL:
        ret->type = DF_V_NULL;
        return DF_OK;
    case PGO_KIND_UNCHANGED:
        ret->type = DF_V_UNCHANGED;
        return DF_OK;
    case PGO_KIND_TEXT:
        return df__pg_decode_text(&rows->decode, &cell->type, in->data, ret);
    default:
        return df__pg_decode_binary(&rows->decode, &cell->type, in->data, ret);
    }
}

/* The value of a column in the new row. What is stored out of line and was not changed is not sent;
 * an old row that is whole has it. */
static const df__pgo_value *value_of(const df__pg_change *change, size_t i)
{
    const df__pgo_value *now = &change->row[i];
    int is_known = now->kind == PGO_KIND_UNCHANGED && change->old_kind == 'O' &&
                   change->old[i].kind != PGO_KIND_UNCHANGED;
    return is_known ? &change->old[i] : now;
}

static int has_old(const df__pg_change *change, const df__pg_cell *cell)
{
    return change->old_kind == 'O' || (change->old_kind == 'K' && cell->in_identity);
}

/* Fills rows->values with the new row, or with the old one where there is no new one. *ret_bad: the
 * column that could not be read. */
static int read_row(df__pg_rows *rows, const df__pg_relation *rel, const df__pg_change *change,
                    int old, const df__pg_cell **ret_bad)
{
    size_t n = 0;
    int rc = make_room(rows, rel->kept);
    for (size_t i = 0; i < rel->count && rc == DF_OK; i++) {
        const df__pg_cell *cell = &rel->cells[i];
        if (!cell->is_kept)
            continue;
        df_value *to = &rows->values[n++];
        if (old && !has_old(change, cell)) {
            memset(to, 0, sizeof *to);
            continue;
        }
        rc = decode(rows, cell, old ? &change->old[i] : value_of(change, i), to);
        *ret_bad = cell;
    }
    return rc;
}

int df__pg_put(df_record *r, df_value *object, const char *name, const df_value *value)
{
    return df_value_put(r, object, (df_bytes){name, strlen(name)}, value);
}

df_value df__pg_text_value(df_bytes text)
{
    df_value v;
    memset(&v, 0, sizeof v);
    v.type = DF_V_STRING;
    v.text = text.data;
    v.len = text.len;
    return v;
}

df_value df__pg_int_value(int64_t n)
{
    df_value v;
    memset(&v, 0, sizeof v);
    v.type = DF_V_INT;
    v.u.i = n;
    return v;
}

/* rows->values as an object. */
static int as_object(df__pg_rows *rows, df_record *r, const df__pg_relation *rel, df_value *ret)
{
    static const df_value empty = {.type = DF_V_OBJECT};
    int rc = df_value_new(r, &empty, ret);
    size_t n = 0;
    for (size_t i = 0; i < rel->count && rc == DF_OK; i++) {
        if (!rel->cells[i].is_kept)
            continue;
        if (rows->values[n].type != DF_V_ABSENT)
            rc = df_value_put(r, ret, rel->cells[i].name, &rows->values[n]);
        n++;
    }
    return rc;
}

/* ---- key and metadata ------------------------------------------------------------------------ */

enum { KEY_ROOM = 64 }; /* most keys are a number */

static int put_json(df__buf *b, const df_value *v)
{
    size_t room = KEY_ROOM, len = 0;
    for (int i = 0; i < 2; i++, room = len + 1) {
        char *to = df__buf_reserve(b, room);
        if (!to)
            return DF_ENOMEM;
        len = df_value_json(v, to, room);
        if (len < room)
            break;
    }
    b->len += len;
    return DF_OK;
}

/* {"id":17}: what orders the changes of a row in a topic. */
static int set_key(df__pg_rows *rows, df_record *r, const df__pg_relation *rel)
{
    size_t n = 0;
    if (rel->keys == 0)
        return DF_OK;
    df__buf_clear(&rows->text);
    for (size_t i = 0; i < rel->count; i++) {
        if (rel->cells[i].in_key) {
            df__buf_add(&rows->text, rel->cells[i].label.data, rel->cells[i].label.len);
            if (put_json(&rows->text, &rows->values[n]) != DF_OK)
                return DF_ENOMEM;
        }
        n += (size_t)rel->cells[i].is_kept;
    }
    df__buf_char(&rows->text, '}');
    return rows->text.failed ? DF_ENOMEM
                             : df_record_set_key(r, (df_bytes){rows->text.data, rows->text.len});
}

static int set_text(df_record *r, const char *name, df_bytes text)
{
    df_value v = df__pg_text_value(text);
    return df_record_set_meta(r, name, &v);
}

static int set_id(df__pg_rows *rows, df_record *r, const df__pg_relation *rel)
{
    size_t n = 0;
    for (const df__pg_cell *cell = rel->cells; cell < rel->id_cell; cell++)
        n += (size_t)cell->is_kept;
    const df_value *v = rel->id_cell ? &rows->values[n] : NULL;
    if (!v || v->type == DF_V_ABSENT || v->type == DF_V_UNCHANGED || v->type == DF_V_ARRAY ||
        v->type == DF_V_OBJECT)
        return DF_OK;
    return df_record_set_meta(r, "id", v);
}

static int set_meta(df_record *r, const df__pg_relation *rel, const df__pg_change *change)
{
    char lsn[PG_LSN_TEXT];
    const char *operation = operations[change->op];
    df__pg_lsn_print(change->lsn, lsn);
    int rc = set_text(r, "operation", (df_bytes){operation, strlen(operation)});
    if (rc == DF_OK && rel)
        rc = set_text(r, "table", rel->full);
    return rc == DF_OK ? set_text(r, "lsn", (df_bytes){lsn, strlen(lsn)}) : rc;
}

/* ---- records --------------------------------------------------------------------------------- */

static int add(df_batch *into, const df__pg_change *change, df_record **ret)
{
    df_input in;
    memset(&in, 0, sizeof in);
    in.size = sizeof in;
    in.partition = change->partition;
    in.offset = -1;
    in.op = change->op;
    in.time_us = change->time_us;
    return df_batch_add(into, &in, ret);
}

/* The row as the server wrote it, for the error record. */
static int refuse(df__pg_rows *rows, const df__pg_relation *rel, const df__pg_change *change,
                  const df__pg_cell *bad, df_record *r)
{
    const df__pgo_value *row = change->row ? change->row : change->old;
    char why[200];
    df__buf_clear(&rows->text);
    for (size_t i = 0; i < rel->count; i++) {
        if (!rel->cells[i].is_kept || !row[i].data.data)
            continue;
        df__buf_char(&rows->text, rows->text.len ? ',' : '{');
        df__buf_json(&rows->text, rel->cells[i].name.data, rel->cells[i].name.len);
        df__buf_char(&rows->text, ':');
        df__buf_json(&rows->text, row[i].data.data, row[i].data.len);
    }
    df__buf_str(&rows->text, "}");
    int rc = rows->text.failed
                 ? DF_ENOMEM
                 : df_record_set_payload(r, (df_bytes){rows->text.data, rows->text.len});
    if (rc == DF_OK) {
        df__text_printf(why, sizeof why, "column %.*s of %.*s: %s", (int)bad->name.len,
                        (const char *)bad->name.data, (int)rel->full.len,
                        (const char *)rel->full.data, rows->decode.why);
        df_record_reject(r, DF_EDATA, "invalid_data", why);
    }
    return rc;
}

/* The row alone; what it was before goes beside it. */
static int put_row(df__pg_rows *rows, df_record *r, const df__pg_relation *rel,
                   const df_value *before)
{
    int rc = df_record_set_row(r, rel->schema, rows->values);
    return rc == DF_OK && before->type != DF_V_ABSENT ? df_record_set_before(r, before) : rc;
}

static int build(df__pg_rows *rows, const df__pg_relation *rel, const df__pg_change *change,
                 df_record *r, const df__pg_cell **ret_bad)
{
    df_value images[2] = {{.type = DF_V_ABSENT}, {.type = DF_V_ABSENT}};
    int is_debezium = rows->envelope == PG_ENVELOPE_DEBEZIUM;
    int rc = DF_OK;
    if (change->old) {
        rc = read_row(rows, rel, change, 1, ret_bad);
        rc = rc == DF_OK ? as_object(rows, r, rel, &images[0]) : rc;
    }
    if (rc == DF_OK && change->row)
        rc = read_row(rows, rel, change, 0, ret_bad);
    if (rc == DF_OK && change->row && is_debezium)
        rc = as_object(rows, r, rel, &images[1]);
    if (rc == DF_OK)
        rc = set_key(rows, r, rel);
    if (rc == DF_OK)
        rc = set_id(rows, r, rel);
    if (rc != DF_OK)
        return rc;
    return is_debezium ? df__pg_envelope_put(rows, r, rel, change, images)
                       : put_row(rows, r, rel, &images[0]);
}

int df__pg_rows_add(df__pg_rows *rows, const df__pg_relation *rel, const df__pg_change *change,
                    df_batch *into)
{
    const df__pg_cell *bad = NULL;
    df_record *r;
    int rc = add(into, change, &r);
    if (rc != DF_OK)
        return rc;
    rows->decode.record = r;
    rows->decode.why = "";
    rc = build(rows, rel, change, r, &bad);
    if (rc == DF_EDATA && bad)
        rc = refuse(rows, rel, change, bad, r);
    rc = rc == DF_OK ? set_meta(r, rel, change) : rc;
    df__arena_reset(&rows->decode.memory);
    return rc;
}

static int put_root(df__pg_rows *rows, const df__pg_relation *rel, const df__pg_change *change,
                    df_record *r, df_value *object)
{
    const df_value images[2] = {{.type = DF_V_ABSENT}, *object};
    if (rows->envelope == PG_ENVELOPE_DEBEZIUM)
        return df__pg_envelope_put(rows, r, rel, change, images);
    return df_record_set_root(r, object);
}

int df__pg_rows_truncate(df__pg_rows *rows, const df__pg_relation *rel, const df__pg_change *change,
                         df_batch *into)
{
    df_value nothing = {.type = DF_V_OBJECT};
    df_record *r;
    int rc = add(into, change, &r);
    if (rc == DF_OK && rows->envelope == PG_ENVELOPE_ROW)
        rc = df_value_new(r, &nothing, &nothing);
    else
        nothing.type = DF_V_ABSENT;
    rc = rc == DF_OK ? put_root(rows, rel, change, r, &nothing) : rc;
    return rc == DF_OK ? set_meta(r, rel, change) : rc;
}

int df__pg_rows_message(df__pg_rows *rows, const df__pgo_message *m, const df__pg_change *change,
                        df_batch *into)
{
    df_value object = {.type = DF_V_OBJECT};
    df_value prefix = df__pg_text_value(m->name), content = df__pg_text_value(m->data);
    df_record *r;
    content.type = DF_V_BYTES;
    int rc = add(into, change, &r);
    rc = rc == DF_OK ? df_value_new(r, &object, &object) : rc;
    rc = rc == DF_OK ? df__pg_put(r, &object, "prefix", &prefix) : rc;
    rc = rc == DF_OK ? df__pg_put(r, &object, "content", &content) : rc;
    rc = rc == DF_OK ? put_root(rows, NULL, change, r, &object) : rc;
    return rc == DF_OK ? set_meta(r, NULL, change) : rc;
}
