/* SPDX-License-Identifier: Apache-2.0
 * row.c: a message of COPY in binary as a record, and its keys as the position. */
#include <stdlib.h>
#include <string.h>

#include "poll.h"
#include "types/scan.h"

enum { COPY_HEAD = 19, SHOWN = 200 };

void df__pg_tuple_drop(df__pg_tuple *t)
{
    if (t->data)
        PQfreemem(t->data);
    memset(t, 0, sizeof *t);
}

static int broken(df__pg_source *s)
{
    return df__pg_strange(&s->conn, "rows that are none");
}

/* Where the fields of the message are: a signature stands before the first row. */
static int find_row(df__pg_source *s, const char *data, size_t len, const char **ret)
{
    const char *at = data;
    if (s->is_first) {
        s->is_first = 0;
        if (len < COPY_HEAD || memcmp(data, "PGCOPY\n\377\r\n\0", 11) != 0)
            return broken(s);
        size_t more = df__pg_u32(data + COPY_HEAD - 4);
        if (len - COPY_HEAD < more)
            return broken(s);
        at += COPY_HEAD + more;
    }
    if ((size_t)(data + len - at) < 2)
        return at == data + len ? DF_AGAIN : broken(s);
    *ret = at;
    return DF_OK;
}

/* The next field; data NULL: NULL. */
static int next_field(const char **at, const char *end, df_bytes *ret)
{
    if (end - *at < 4)
        return 0;
    uint32_t len = df__pg_u32(*at);
    *at += 4;
    if (len == UINT32_MAX) {
        *ret = (df_bytes){NULL, 0};
        return 1;
    }
    if (len > (size_t)(end - *at))
        return 0;
    *ret = (df_bytes){*at, len};
    *at += len;
    return 1;
}

static int decode_field(df__pg_source *s, const df__pg_field *f, df_bytes in, df_value *ret)
{
    if (!in.data) {
        *ret = (df_value){.type = DF_V_NULL};
        return DF_OK;
    }
    return df__pg_reads_binary(&f->type) ? df__pg_decode_binary(&s->decode, &f->type, in, ret)
                                         : df__pg_decode_text(&s->decode, &f->type, in, ret);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int same_bytes(df_bytes a, df_bytes b)
{
    return (!a.data) == (!b.data) && a.len == b.len &&
           (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static int same_keys(const df__pg_source *s, const df__pg_tuple *a, const df__pg_tuple *b)
{
    for (size_t i = 0; i < s->plan.key_count; i++)
        if (!same_bytes(a->keys[i], b->keys[i]))
            return 0;
    return 1;
}

/* RFC 3339 in UTC where the year has four digits, for whoever compares positions; else as the
 * server writes it. */
static int set_time(df__pg_mark *m, const df_value *v)
{
    static const int64_t day = INT64_C(86400000000);
    int64_t us = v->type == DF_V_DATE ? v->u.i * (v->u.i < 100000000 ? day : 0) : v->u.i;
    char text[PG_WHEN_MAX + 4];
    df_value time = {.type = DF_V_TIMESTAMP, .u.i = us};
    int usual = us >= INT64_C(-62135596800000000) && us < INT64_C(253402300800000000);
    if (usual)
        return df__pg_mark_set(m, text, df_value_text(&time, text, sizeof text), 0);
    size_t len =
        v->type == DF_V_DATE ? df__pg_print_date(text, v->u.i) : df__pg_print_timestamp(text, us);
    return df__pg_mark_set(m, text, len, 0);
}

static int set_mark(df__pg_source *s, const df__pg_field *f, df_bytes in, df__pg_mark *m)
{
    df_value v;
    df__pg_plain plain;
    m->is_set = 0;
    if (!in.data)
        return DF_OK;
    int rc = decode_field(s, f, in, &v);
    if (rc == DF_OK && (v.type == DF_V_TIMESTAMP || v.type == DF_V_DATE))
        return set_time(m, &v);
    if (rc != DF_OK || v.type == DF_V_ARRAY || v.type == DF_V_OBJECT) {
        return df_stage_failf(s->conn.stage, DF_EINVAL, "configuration",
                              "a row cannot be ordered by column %s (%s)",
                              (const char *)f->name.data, f->type.name);
    }
    df__pg_type loose = f->type;
    loose.limit = 0;
    rc = df__pg_plain_value(&s->convert, &loose, &v, &plain);
    int is_number = v.type == DF_V_INT || v.type == DF_V_NUMBER;
    return rc == DF_OK ? df__pg_mark_set(m, plain.text, plain.len, is_number) : rc;
}

/* A record for arrays and JSON is not needed: keys are scalars. */
static int move_to(df__pg_source *s, const df__pg_tuple *t)
{
    const df__pg_plan *p = &s->plan;
    df__pg_marks *m = s->phase == PG_PART_NULLS ? &s->spot.nulls : &s->spot.last;
    int rc = DF_OK;
    for (size_t i = 0; i < p->key_count && rc == DF_OK; i++)
        if (i > 0 || s->phase != PG_PART_NULLS)
            rc = set_mark(s, &p->fields.at[p->keys[i]], t->keys[i], &m->at[i]);
    s->changed = 1;
    return rc;
}

int df__pg_poll_settle(df__pg_source *s)
{
    int rc = s->has_whole ? move_to(s, &s->whole) : DF_OK;
    s->has_whole = 0;
    df__pg_tuple_drop(&s->whole);
    return rc;
}

int df__pg_poll_complete(df__pg_source *s)
{
    int late = s->phase == PG_PART_LATE;
    if (s->row.data && !late) {
        df__pg_tuple_drop(&s->whole);
        s->whole = s->row;
        s->has_whole = 1;
        memset(&s->row, 0, sizeof s->row);
    }
    df__pg_tuple_drop(&s->row);
    return df__pg_poll_settle(s);
}

/* The message becomes the newest row; the one before it counts when its keys differ. Where keys are
 * unique it counts itself. */
static void keep(df__pg_source *s, df__pg_tuple *t)
{
    if (s->phase == PG_PART_LATE || s->plan.key_count == 0) {
        PQfreemem(t->data);
        return;
    }
    if (s->plan.is_unique) {
        df__pg_tuple_drop(&s->whole);
        s->whole = *t;
        s->has_whole = 1;
        return;
    }
    if (s->row.data && !same_keys(s, &s->row, t)) {
        df__pg_tuple_drop(&s->whole);
        s->whole = s->row;
        s->has_whole = 1;
        s->row = *t;
        return;
    }
    df__pg_tuple_drop(&s->row);
    s->row = *t;
}

/* ---- records --------------------------------------------------------------------------------- */

static int refuse(df__pg_source *s, df_record *r, size_t column)
{
    char text[SHOWN];
    const df__pg_field *f = &s->plan.fields.at[column];
    df__text_printf(text, sizeof text, "column %s (%s): %s", (const char *)f->name.data,
                    f->type.name, s->decode.why ? s->decode.why : "text that is not UTF-8");
    df_record_fail(r, DF_EDATA, text);
    return DF_OK;
}

/* What is no value stands in the error record as its bytes. *ret_bad: the first such column. */
static int decode_row(df__pg_source *s, const char *at, const char *end, df__pg_tuple *t,
                      size_t *ret_bad)
{
    const df__pg_plan *p = &s->plan;
    df_bytes in;
    for (size_t i = 0; i < p->fields.count; i++) {
        if (!next_field(&at, end, &in))
            return broken(s);
        for (size_t k = 0; k < p->key_count; k++)
            t->keys[k] = p->keys[k] == i ? in : t->keys[k];
        int rc = decode_field(s, &p->fields.at[i], in, &s->values[i]);
        if (rc == DF_EDATA) {
            s->values[i] = (df_value){.type = DF_V_BYTES, .text = in.data, .len = in.len};
            *ret_bad = *ret_bad < i ? *ret_bad : i;
        } else if (rc != DF_OK) {
            return rc;
        }
    }
    if (!p->has_xmin)
        return DF_OK;
    if (!next_field(&at, end, &in) || in.len != 4)
        return broken(s);
    uint32_t xid = df__pg_u32(in.data);
    if (s->next.is_set && df__pg_xid_from(xid, s->next.xmin))
        df__pg_xids_add(&s->spot.late.seen, xid);
    return DF_OK;
}

/* ---- rows without numbers of transactions ---------------------------------------------------- */

static int find_keys(const df__pg_source *s, const char *at, const char *end, df__pg_tuple *t)
{
    const df__pg_plan *p = &s->plan;
    df_bytes in;
    for (size_t i = 0; i < p->fields.count; i++) {
        if (!next_field(&at, end, &in))
            return 0;
        for (size_t k = 0; k < p->key_count; k++)
            t->keys[k] = p->keys[k] == i ? in : t->keys[k];
    }
    return 1;
}

static int64_t change_time(df__pg_source *s, const df__pg_tuple *t)
{
    df_value v;
    if (!t->keys[0].data ||
        decode_field(s, &s->plan.fields.at[s->plan.keys[0]], t->keys[0], &v) != DF_OK)
        return INT64_MAX;
    if (v.type == DF_V_DATE)
        return v.u.i < 100000000 ? v.u.i * INT64_C(86400000000) : INT64_MAX;
    return v.type == DF_V_TIMESTAMP ? v.u.i : INT64_MAX;
}

/* 1: the row was read before. Else it is remembered, if the next poll may look at it again. */
static int was_read(df__pg_source *s, const char *at, const char *end, df__pg_tuple *t)
{
    uint64_t hash = 0;
    if (s->plan.has_xmin || !s->next.is_set || !find_keys(s, at, end, t))
        return 0;
    for (size_t k = 0; k < s->plan.key_count; k++)
        hash = df__pg_hash(hash, t->keys[k]);
    if (s->phase == PG_PART_LATE && df__pg_recent_has(&s->recent, hash))
        return 1;
    df__pg_seen row = {hash, change_time(s, t)};
    if (row.us > s->newest_us && row.us != INT64_MAX)
        s->newest_us = row.us;
    int64_t from = df__pg_late_from(s, &s->next);
    if (row.us >= from)
        df__pg_recent_add(&s->recent, &row, from);
    return 0;
}

static int describe(df__pg_source *s, df_record *r)
{
    const df__pg_plan *p = &s->plan;
    const df_value *first = p->key_count > 0 ? &s->values[p->keys[0]] : NULL;
    size_t id = p->key_count > 1 ? p->keys[1] : p->keys[0];
    int rc = DF_OK;
    if (!first)
        return DF_OK;
    if (first->type == DF_V_TIMESTAMP)
        rc = df_record_set_time(r, first->u.i);
    const df_value *key = &s->values[id];
    if (rc == DF_OK && key->type != DF_V_ARRAY && key->type != DF_V_OBJECT)
        rc = df_record_set_meta(r, "id", key);
    return rc;
}

/* Text that is not UTF-8, from a database of another encoding, is found when it is placed. */
static int place(df__pg_source *s, df_record *r, size_t *bad)
{
    int rc = df_record_set_row(r, s->plan.schema, s->values);
    for (size_t i = 0; rc == DF_EDATA && i < s->plan.fields.count; i++) {
        df_value *v = &s->values[i];
        if (v->type == DF_V_STRING && !df__pg_utf8_valid(v->text, v->len)) {
            v->type = DF_V_BYTES;
            *bad = *bad < i ? *bad : i;
            s->decode.why = NULL;
        }
    }
    return rc == DF_EDATA ? df_record_set_row(r, s->plan.schema, s->values) : rc;
}

static int add_record(df__pg_source *s, df_batch *into, const char *at, const char *end,
                      df__pg_tuple *t)
{
    df_input in = {.size = sizeof in, .partition = s->number, .offset = -1};
    df_record *r;
    size_t bad = SIZE_MAX;
    if (s->plan.key_count == 1 && !s->plan.has_time)
        in.op = DF_OP_INSERT;
    int rc = df_batch_add(into, &in, &r);
    if (rc != DF_OK)
        return rc;
    s->decode.record = r;
    rc = decode_row(s, at, end, t, &bad);
    rc = rc == DF_OK ? place(s, r, &bad) : rc;
    rc = rc == DF_OK ? describe(s, r) : rc;
    if (rc == DF_OK && bad != SIZE_MAX)
        rc = refuse(s, r, bad);
    df__arena_reset(&s->decode.memory);
    s->rows++;
    return rc;
}

int df__pg_poll_add(df__pg_source *s, df_batch *into, char *data, size_t len)
{
    const char *at = data;
    df__pg_tuple t = {.data = data, .len = len};
    int rc = find_row(s, data, len, &at);
    if (rc == DF_OK) {
        uint16_t fields = df__pg_u16(at);
        if (fields == UINT16_MAX) {
            rc = DF_DONE;
        } else if (fields != s->plan.fields.count + (s->plan.has_xmin ? 1U : 0U)) {
            rc = broken(s);
        } else if (was_read(s, at + 2, data + len, &t)) {
            PQfreemem(data);
            return DF_AGAIN;
        } else {
            rc = add_record(s, into, at + 2, data + len, &t);
        }
    }
    if (rc != DF_OK) {
        PQfreemem(data);
        return rc == DF_AGAIN ? DF_OK : rc;
    }
    keep(s, &t);
    return DF_OK;
}
