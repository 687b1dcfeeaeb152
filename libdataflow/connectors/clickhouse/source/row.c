/* SPDX-License-Identifier: Apache-2.0
 * row.c: rows of RowBinary as records. A row that is not all there stays in the input. */
#include <string.h>

#include "source.h"

static df__ch_reader input_of(const df__ch_source *s)
{
    static const unsigned char none[1];
    const unsigned char *data = (const unsigned char *)s->input.data;
    return data ? (df__ch_reader){data + s->at, data + s->input.len} : (df__ch_reader){none, none};
}

static int read_text(df__ch_reader *r, df_bytes *ret)
{
    uint64_t len;
    int rc = df__ch_decode_length(r, &len);
    if (rc == DF_OK && len > (uint64_t)(r->end - r->at))
        return DF_MORE;
    if (rc == DF_OK) {
        *ret = (df_bytes){r->at, (size_t)len};
        r->at += len;
    }
    return rc;
}

static int is_same(df_bytes a, df_bytes b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

int df__ch_read_header(df__ch_source *s)
{
    df__ch_reader r = input_of(s);
    uint64_t count;
    int good = 1;
    int rc = df__ch_decode_length(&r, &count);
    for (uint64_t n = 0; rc == DF_OK && n < 2 * count; n++) {
        size_t i = (size_t)(n % count);
        df_bytes text = {NULL, 0};
        rc = read_text(&r, &text);
        if (rc == DF_OK && n >= count && i < s->plan.count)
            good &= is_same(text, s->plan.types[i].text);
    }
    if (rc != DF_OK)
        return rc == DF_MORE ? DF_AGAIN : rc;
    s->at = s->input.len - (size_t)(r.end - r.at);
    s->header_read = 1;
    return good && count == s->plan.count ? DF_OK : DF_MORE;
}

static int keep_keys(df__ch_source *s, const df__ch_row *row)
{
    int failed = 0;
    for (size_t k = 0; row->is_other && k < s->plan.key_count; k++) {
        df__buf_clear(&s->row[k]);
        df__buf_add(&s->row[k], row->keys[k].data, row->keys[k].len);
        failed |= s->row[k].failed;
    }
    s->has_row = !failed && s->plan.key_count > 0;
    s->is_whole = s->is_marked = 0;
    return failed ? DF_ENOMEM : DF_OK;
}

int df__ch_settle_row(df__ch_source *s)
{
    int rc = DF_OK;
    for (size_t k = 0; s->has_row && k < s->plan.key_count && rc == DF_OK; k++) {
        const unsigned char *at = (const unsigned char *)s->row[k].data;
        df__ch_reader r = {at, at + s->row[k].len};
        df__buf_clear(&s->last[k]);
        rc = df__ch_key_text(&r, &s->plan.types[s->plan.keys[k]], &s->last[k]);
        rc = rc == DF_OK && s->last[k].failed ? DF_ENOMEM : rc;
    }
    s->has_last |= rc == DF_OK && s->has_row;
    s->has_row &= rc != DF_OK;
    return rc;
}

static int describe(df__ch_source *s, df_record *r)
{
    const df__ch_plan *p = &s->plan;
    if (p->key_count == 0)
        return DF_OK;
    const df_value *first = &s->values[p->keys[0]];
    const df_value *id = &s->values[p->keys[p->key_count > 1 && p->has_time ? 1 : 0]];
    int rc = first->type == DF_V_TIMESTAMP ? df_record_set_time(r, first->u.i) : DF_OK;
    return rc == DF_OK ? df_record_set_meta(r, "id", id) : rc;
}

int df__ch_look_row(const df__ch_source *s, df__ch_row *ret)
{
    df__ch_reader r = input_of(s);
    int rc = r.at == r.end ? DF_MORE : DF_OK;
    ret->from = r;
    ret->is_other = !s->has_row;
    for (size_t i = 0; i < s->plan.count && rc == DF_OK; i++) {
        const unsigned char *at = r.at;
        rc = df__ch_skip(&r, &s->plan.types[i]);
        if (rc == DF_OK && s->plan.key_of[i] > 0) {
            size_t k = s->plan.key_of[i] - 1;
            ret->keys[k] = (df_bytes){at, (size_t)(r.at - at)};
            ret->is_other |= !is_same(ret->keys[k], (df_bytes){s->row[k].data, s->row[k].len});
        }
    }
    ret->past = r;
    return rc == DF_MORE ? DF_AGAIN : rc;
}

int df__ch_add_row(df__ch_source *s, df_batch *into, const df__ch_row *row)
{
    df__ch_reader at = row->from;
    df_input in = {.size = sizeof in, .partition = s->number, .offset = -1, .op = DF_OP_INSERT};
    df_record *r;
    int bytes = 0;
    int rc = df_batch_add(into, &in, &r);
    for (size_t i = 0; i < s->plan.count && rc == DF_OK; i++) {
        df__ch_decoder d = {.record = r, .arena = &s->scratch};
        rc = df__ch_decode(&d, &at, &s->plan.types[i], &s->values[i]);
        bytes |= d.has_bytes;
    }
    rc = rc == DF_OK ? df_record_set_row(r, bytes ? s->plan.loose : s->plan.schema, s->values) : rc;
    rc = rc == DF_OK ? describe(s, r) : rc;
    rc = rc == DF_OK ? keep_keys(s, row) : rc;
    df__arena_reset(&s->scratch);
    if (rc == DF_OK) {
        s->at = s->input.len - (size_t)(row->past.end - row->past.at);
        s->page++;
    }
    return rc;
}
