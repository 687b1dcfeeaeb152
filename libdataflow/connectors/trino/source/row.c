/* SPDX-License-Identifier: Apache-2.0
 * row.c: a row of a page as a record, and its keys as the position. */
#include <string.h>

#include "source/source.h"
#include "util/rfc3339.h"

enum { SHOWN = 300, DAY_S = 86400 };

/* ---- keys ------------------------------------------------------------------------------------ */

static int set_mark(df__trino_mark *m, const df_value *v)
{
    m->is_set = v->type != DF_V_NULL;
    m->is_number = v->type == DF_V_INT || v->type == DF_V_NUMBER;
    df__buf_clear(&m->text);
    if (!m->is_set)
        return DF_OK;
    size_t len = df_value_text(v, NULL, 0);
    char *at = df__buf_reserve(&m->text, len + 1);
    if (!at)
        return DF_ENOMEM;
    m->text.len = df_value_text(v, at, len);
    return DF_OK;
}

/* A time of day with a zone is ordered by what it is in UTC: so it is compared and stored. */
static int set_clock(df__trino_mark *m, const df_value *v)
{
    char text[64] = "1970-01-02T";
    df__stamp stamp;
    df_value utc = *v;
    if (v->type != DF_V_STRING || v->len > sizeof text - 12)
        return set_mark(m, v);
    memcpy(text + 11, v->text, v->len);
    const char *zone = strpbrk(text + 11, "+-");
    if (!zone || df__stamp_parse((df_bytes){text, 11 + v->len}, &stamp) != DF_OK)
        return set_mark(m, v);
    const char *dot = memchr(v->text, '.', v->len);
    int64_t sec = (stamp.local - stamp.offset) % DAY_S;
    df_bytes rest =
        dot ? (df_bytes){dot, (size_t)(v->text + (zone - text - 11) - dot)} : (df_bytes){"", 0};
    char shown[64];
    utc.text = shown;
    utc.len = df__text_printf(shown, sizeof shown, "%02d:%02d:%02d%.*s+00:00", (int)(sec / 3600),
                              (int)(sec / 60 % 60), (int)(sec % 60), (int)rest.len,
                              (const char *)rest.data);
    return set_mark(m, &utc);
}

/* Keys are scalars, so that no record is needed. A time is stored in UTC with its Z, also one of a
 * column without a zone. What is no value of its type is stored as its text. */
static int set_key(df__trino_source *s, yyjson_val *row, size_t key, df__trino_mark *m)
{
    const df__trino_field_of *f = &s->plan.fields[s->plan.keys[key]];
    yyjson_val *cell = yyjson_arr_get(row, s->plan.keys[key]);
    df_value v;
    int rc = df__trino_decode(&s->decoder, &f->type, cell, &v);
    if (rc == DF_EDATA && yyjson_is_str(cell)) {
        v = (df_value){
            .type = DF_V_STRING, .text = yyjson_get_str(cell), .len = yyjson_get_len(cell)};
        rc = DF_OK;
    }
    if (rc != DF_OK)
        return rc == DF_EDATA ? df_stage_failf(s->st, DF_EINVAL, "configuration",
                                               "rows cannot be ordered by column %s: %s",
                                               (const char *)f->name.data, s->decoder.why)
                              : rc;
    if (v.type == DF_V_TIMESTAMP)
        v.zone = 0;
    if (v.type == DF_V_DOUBLE && v.u.d <= 0 && v.u.d >= 0)
        v.u.d = 0; /* -0, which is equal to it */
    return f->type.kind == TRINO_KIND_TIME_ZONE ? set_clock(m, &v) : set_mark(m, &v);
}

static int is_same(const df__trino_mark *a, const df__trino_mark *b)
{
    return a->is_set == b->is_set &&
           (!a->is_set ||
            (a->text.len == b->text.len && memcmp(a->text.data, b->text.data, a->text.len) == 0));
}

static int copy_mark(df__trino_mark *to, const df__trino_mark *from)
{
    df__buf_clear(&to->text);
    df__buf_add(&to->text, from->text.data, from->text.len);
    to->is_set = from->is_set;
    to->is_number = from->is_number;
    return to->text.failed ? DF_ENOMEM : DF_OK;
}

int df__trino_settle_row(df__trino_source *s)
{
    df__trino_marks *to = s->row_is_null ? &s->spot.nulls : &s->spot.last;
    int rc = DF_OK;
    if (!s->has_row)
        return DF_OK;
    for (size_t k = 0; k < s->plan.key_count && rc == DF_OK; k++)
        if (k > 0 || !s->row_is_null)
            rc = copy_mark(&to->at[k], &s->row.at[k]);
    s->has_row = 0;
    s->changed = 1;
    return rc;
}

int df__trino_look(df__trino_source *s, yyjson_val *row)
{
    int same = s->has_row, rc = DF_OK;
    for (size_t k = 0; k < s->plan.key_count && rc == DF_OK; k++) {
        rc = set_key(s, row, k, &s->next.at[k]);
        same &= is_same(&s->next.at[k], &s->row.at[k]);
    }
    df__arena_reset(&s->decoder.memory);
    return rc == DF_OK && !same ? df__trino_settle_row(s) : rc;
}

/* The row that was looked at is the newest now. */
static void keep_keys(df__trino_source *s)
{
    df__trino_marks old = s->row;
    s->row = s->next;
    s->next = old;
    s->has_row = s->plan.key_count > 0;
    s->row_is_null = s->plan.has_time && s->plan.key_count > 1 && !s->row.at[0].is_set;
}

/* ---- records --------------------------------------------------------------------------------- */

/* What is no value stands in the error record as its text. */
static int decode(df__trino_source *s, yyjson_val *row, size_t *ret_bad)
{
    size_t index, count;
    yyjson_val *v;
    yyjson_arr_foreach (row, index, count, v) {
        int rc = df__trino_decode(&s->decoder, &s->plan.fields[index].type, v, &s->values[index]);
        if (rc == DF_EDATA) {
            const char *text = yyjson_get_str(v);
            *ret_bad = *ret_bad < index ? *ret_bad : index;
            s->values[index] = (df_value){
                .type = text ? DF_V_STRING : DF_V_NULL, .text = text, .len = yyjson_get_len(v)};
        } else if (rc != DF_OK) {
            return rc;
        }
    }
    return DF_OK;
}

static int describe(df__trino_source *s, df_record *r)
{
    const df__trino_plan *p = &s->plan;
    int rc = DF_OK;
    if (p->key_count == 0)
        return rc;
    const df_value *first = &s->values[p->keys[0]];
    const df_value *id = &s->values[p->keys[p->key_count > 1 && p->has_time ? 1 : 0]];
    if (first->type == DF_V_TIMESTAMP)
        rc = df_record_set_time(r, first->u.i);
    return rc == DF_OK ? df_record_set_meta(r, "id", id) : rc;
}

static int refuse(df__trino_source *s, df_record *r, size_t column)
{
    char text[SHOWN];
    const df__trino_field_of *f = &s->plan.fields[column];
    df__text_printf(text, sizeof text, "column %s (%s): %s", (const char *)f->name.data,
                    (const char *)f->type.name.data,
                    s->decoder.why ? s->decoder.why : "a value that is none of its type");
    df_record_fail(r, DF_EDATA, text);
    return DF_OK;
}

int df__trino_add_row(df__trino_source *s, df_batch *into, yyjson_val *row)
{
    df_input in = {.size = sizeof in, .partition = df_partition_number(s->part), .offset = -1};
    df_record *r;
    size_t bad = SIZE_MAX;
    int rc = df_batch_add(into, &in, &r);
    if (rc != DF_OK)
        return rc;
    s->decoder.record = r;
    rc = decode(s, row, &bad);
    rc = rc == DF_OK ? df_record_set_row(r, s->plan.schema, s->values) : rc;
    rc = rc == DF_OK ? describe(s, r) : rc;
    if (rc == DF_OK && bad != SIZE_MAX)
        rc = refuse(s, r, bad);
    df__arena_reset(&s->decoder.memory);
    if (rc == DF_OK)
        keep_keys(s);
    s->changed |= s->plan.key_count == 0; /* no position: what was read settles all the same */
    s->rows++;
    return rc;
}
