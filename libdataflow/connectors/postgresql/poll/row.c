/* SPDX-License-Identifier: Apache-2.0
 * row.c: a message of COPY in binary as a record, and its keys as the position. */
#include <stdlib.h>
#include <string.h>

#include "poll.h"
#include "types/bytes.h"
#include "types/scan.h"

enum { COPY_HEAD = 19, SHOWN = 200 };

static void drop(df__pg_tuple *t)
{
    if (t->data)
        PQfreemem(t->data);
    memset(t, 0, sizeof *t);
}

void df__pg_lane_clear(df__pg_lane *lane)
{
    drop(&lane->whole);
    drop(&lane->row);
    for (size_t i = 0; i < lane->held_count; i++)
        drop(&lane->held[i]);
    lane->held_count = lane->held_bytes = 0;
    lane->has_whole = lane->is_open = 0;
}

static int broken(df__pg_source *s)
{
    return df__pg_strange(s->lane->conn, "rows that are none");
}

/* Where the fields of the message are: a signature stands before the first row. */
static int find_row(df__pg_source *s, df__pg_tuple *t)
{
    const char *at = t->data;
    const size_t len = t->len;
    if (s->lane->is_first) {
        s->lane->is_first = 0;
        if (len < COPY_HEAD || memcmp(t->data, "PGCOPY\n\377\r\n\0", 11) != 0)
            return broken(s);
        size_t more = df__pg_u32(t->data + COPY_HEAD - 4);
        if (len - COPY_HEAD < more)
            return broken(s);
        at += COPY_HEAD + more;
    }
    if ((size_t)(t->data + len - at) < 2)
        return at == t->data + len ? DF_AGAIN : broken(s);
    t->at = at;
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
    if (s->plan.is_vague)
        return same_bytes(a->rank, b->rank);
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

/* The value as decode_field gave it with `rc`. */
static int set_value(df__pg_source *s, const df__pg_field *f, int rc, const df_value *v,
                     df__pg_mark *m)
{
    df__pg_plain plain;
    if (rc != DF_OK || v->type == DF_V_ARRAY || v->type == DF_V_OBJECT) {
        return df_stage_failf(s->conn.stage, DF_EINVAL, "configuration",
                              "a row cannot be ordered by column %s (%s)",
                              (const char *)f->name.data, f->type.name);
    }
    if (v->type == DF_V_TIMESTAMP || v->type == DF_V_DATE)
        return set_time(m, v);
    df__pg_type loose = f->type;
    loose.limit = 0;
    if (loose.kind == PG_KIND_ENUM) /* the server's own value; its labels are not asked for */
        loose.kind = PG_KIND_TEXT;
    rc = df__pg_plain_value(&s->convert, &loose, v, &plain);
    int is_number = v->type == DF_V_INT || v->type == DF_V_NUMBER;
    return rc == DF_OK ? df__pg_mark_set(m, plain.text, plain.len, is_number) : rc;
}

static int set_mark(df__pg_source *s, const df__pg_field *f, df_bytes in, df__pg_mark *m)
{
    df_value v;
    m->is_set = 0;
    if (!in.data)
        return DF_OK;
    int rc = decode_field(s, f, in, &v);
    return set_value(s, f, rc, &v, m);
}

int df__pg_poll_mark(df__pg_source *s, const df__pg_field *f, df_bytes text, df__pg_mark *m)
{
    df_value v;
    int rc = df__pg_decode_text(&s->decode, &f->type, text, &v);
    rc = set_value(s, f, rc, &v, m);
    df__arena_reset(&s->decode.memory);
    return rc;
}

static df__pg_marks *marks_of(df__pg_source *s)
{
    if (s->phase == PG_PART_FIRST)
        return &s->lane->piece->after;
    return s->phase == PG_PART_NULLS ? &s->spot.nulls : &s->spot.last;
}

/* A record for arrays and JSON is not needed: keys are scalars. The position stays where it is when
 * one of them is none that a position can have: a time without the key would pass over rows. */
static int move_to(df__pg_source *s, const df__pg_tuple *t)
{
    const df__pg_plan *p = &s->plan;
    df__pg_marks *m = marks_of(s), *next = &s->spot.next;
    next->at[0].is_set = 0;
    for (size_t i = s->phase == PG_PART_NULLS; i < p->key_count; i++) {
        int rc = set_mark(s, &p->fields.at[p->keys[i]], t->keys[i], &next->at[i]);
        if (rc != DF_OK)
            return rc;
    }
    df__pg_marks before = *m;
    *m = *next;
    *next = before;
    s->changed = 1;
    return DF_OK;
}

int df__pg_poll_settle(df__pg_source *s)
{
    int rc = s->lane->has_whole ? move_to(s, &s->lane->whole) : DF_OK;
    s->lane->has_whole = 0;
    drop(&s->lane->whole);
    return rc;
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
static int decode_row(df__pg_source *s, df__pg_tuple *t, size_t *ret_bad)
{
    const df__pg_plan *p = &s->plan;
    const char *at = t->at, *end = t->data + t->len;
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

static int find_keys(const df__pg_source *s, df__pg_tuple *t)
{
    const df__pg_plan *p = &s->plan;
    const char *at = t->at, *end = t->data + t->len;
    df_bytes in;
    for (size_t i = 0; i < p->fields.count; i++) {
        if (!next_field(&at, end, &in))
            return 0;
        for (size_t k = 0; k < p->key_count; k++)
            t->keys[k] = p->keys[k] == i ? in : t->keys[k];
    }
    if (p->is_vague && p->has_xmin && !next_field(&at, end, &in))
        return 0;
    return !p->is_vague || next_field(&at, end, &t->rank);
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
static int was_read(df__pg_source *s, df__pg_tuple *t)
{
    uint64_t hash = 0;
    if (s->plan.has_xmin || !s->next.is_set || !find_keys(s, t))
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

static int add_record(df__pg_source *s, df_batch *into, df__pg_tuple *t)
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
    rc = decode_row(s, t, &bad);
    rc = rc == DF_OK ? place(s, r, &bad) : rc;
    rc = rc == DF_OK ? describe(s, r) : rc;
    if (rc == DF_OK && bad != SIZE_MAX)
        rc = refuse(s, r, bad);
    df__arena_reset(&s->decode.memory);
    s->lane->rows++;
    s->added++;
    return rc;
}

/* ---- which rows come together ----------------------------------------------------------------
 * A position stands between rows whose keys differ, and a mark says that what was added does not
 * come again. So rows of equal keys are held until others follow, and late ones, which no position
 * tells apart, until all are there; so long as they are not too many. */

enum { HELD_BYTES = 1 << 20, HELD_ROWS = 8192 };

static void keep_whole(df__pg_lane *lane, df__pg_tuple *t)
{
    drop(&lane->whole);
    lane->whole = *t;
    lane->has_whole = 1;
    memset(t, 0, sizeof *t);
}

/* Adds them; the last of rows with equal keys is then in lane->row. */
static int add_held(df__pg_source *s, df_batch *into)
{
    df__pg_lane *lane = s->lane;
    int rc = DF_OK;
    for (size_t i = 0; i < lane->held_count; i++) {
        rc = rc == DF_OK ? add_record(s, into, &lane->held[i]) : rc;
        drop(&lane->row);
        lane->row = lane->held[i];
    }
    if (s->phase == PG_PART_LATE)
        drop(&lane->row);
    lane->held_count = lane->held_bytes = 0;
    return rc;
}

/* What is held is all there is of it. */
static int end_held(df__pg_source *s, df_batch *into)
{
    int rc = add_held(s, into);
    if (s->lane->row.data)
        keep_whole(s->lane, &s->lane->row);
    s->lane->is_open = 0;
    return rc;
}

static int hold(df__pg_source *s, df_batch *into, df__pg_tuple *t)
{
    df__pg_lane *lane = s->lane;
    int rc = df__grow(&s->heap, &lane->held, &lane->held_cap, lane->held_count, sizeof *lane->held);
    if (rc != DF_OK)
        return rc;
    lane->held[lane->held_count++] = *t;
    lane->held_bytes += t->len;
    memset(t, 0, sizeof *t);
    if (lane->held_bytes <= HELD_BYTES && lane->held_count < HELD_ROWS)
        return DF_OK;
    lane->is_open = 1;
    return add_held(s, into);
}

static int take_late(df__pg_source *s, df_batch *into, df__pg_tuple *t)
{
    return s->lane->is_open ? add_record(s, into, t) : hold(s, into, t);
}

/* Keys that no other row has. */
static int take_unique(df__pg_source *s, df_batch *into, df__pg_tuple *t)
{
    int rc = add_record(s, into, t);
    if (rc == DF_OK && s->plan.key_count > 0)
        keep_whole(s->lane, t);
    return rc;
}

static int take_equal(df__pg_source *s, df_batch *into, df__pg_tuple *t)
{
    df__pg_lane *lane = s->lane;
    const df__pg_tuple *last = lane->row.data ? &lane->row : lane->held;
    int rc = find_keys(s, t) ? DF_OK : broken(s);
    if (rc == DF_OK && (lane->row.data || lane->held_count > 0) && !same_keys(s, last, t))
        rc = end_held(s, into);
    if (rc != DF_OK || !lane->is_open)
        return rc == DF_OK ? hold(s, into, t) : rc;
    rc = add_record(s, into, t);
    drop(&lane->row);
    lane->row = *t;
    memset(t, 0, sizeof *t);
    return rc;
}

/* Takes t, or leaves it to the caller. */
static int take(df__pg_source *s, df_batch *into, df__pg_tuple *t)
{
    if (s->phase == PG_PART_LATE)
        return take_late(s, into, t);
    if (s->plan.key_count == 0 || s->plan.is_unique)
        return take_unique(s, into, t);
    return take_equal(s, into, t);
}

int df__pg_poll_complete(df__pg_source *s, df_batch *into)
{
    int rc = end_held(s, into);
    return rc == DF_OK ? df__pg_poll_settle(s) : rc;
}

/* DF_AGAIN: it was read before. */
static int add_row(df__pg_source *s, df_batch *into, df__pg_tuple *t)
{
    int rc = find_row(s, t);
    if (rc != DF_OK)
        return rc;
    uint16_t fields = df__pg_u16(t->at);
    t->at += 2;
    if (fields == UINT16_MAX)
        return DF_DONE;
    if (fields !=
        s->plan.fields.count + (s->plan.has_xmin ? 1U : 0U) + (s->plan.is_vague ? 1U : 0U))
        return broken(s);
    return was_read(s, t) ? DF_AGAIN : take(s, into, t);
}

int df__pg_poll_add(df__pg_source *s, df_batch *into, char *data, size_t len)
{
    df__pg_tuple t = {.data = data, .len = len};
    int rc = add_row(s, into, &t);
    drop(&t);
    return rc;
}
