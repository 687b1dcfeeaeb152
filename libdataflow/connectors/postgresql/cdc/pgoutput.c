/* SPDX-License-Identifier: Apache-2.0
 * pgoutput.c: the decoder. One reader over the bytes that remembers that it ran out, so that a
 * message is judged once, at its end. */
#include "pgoutput.h"

#include <string.h>

#define EPOCH_US INT64_C(946684800000000) /* 2000-01-01 */

typedef struct reader {
    const unsigned char *at, *end;
    int failed;
} reader;

static const unsigned char *take(reader *r, size_t len)
{
    const unsigned char *at = r->at;
    if (r->failed || (size_t)(r->end - r->at) < len) {
        r->failed = 1;
        return NULL;
    }
    r->at += len;
    return at;
}

static uint64_t number(const unsigned char *at, size_t len)
{
    uint64_t n = 0;
    for (size_t i = 0; at && i < len; i++)
        n = n << 8 | at[i];
    return n;
}

static uint64_t u64(reader *r)
{
    return number(take(r, 8), 8);
}

static uint32_t u32(reader *r)
{
    return (uint32_t)number(take(r, 4), 4);
}

static uint16_t u16(reader *r)
{
    return (uint16_t)number(take(r, 2), 2);
}

static uint8_t u8(reader *r)
{
    return (uint8_t)number(take(r, 1), 1);
}

/* Microseconds since 2000; a server with a broken clock overflows nothing here. */
static int64_t moment(reader *r)
{
    return (int64_t)(u64(r) + (uint64_t)EPOCH_US);
}

static df_bytes text(reader *r)
{
    const unsigned char *at = r->at;
    const unsigned char *zero =
        r->failed || at == r->end ? NULL : memchr(at, 0, (size_t)(r->end - at));
    if (!zero) {
        r->failed = 1;
        return (df_bytes){"", 0};
    }
    r->at = zero + 1;
    return (df_bytes){at, (size_t)(zero - at)};
}

static df__pgo_tuple tuple(reader *r)
{
    df__pgo_tuple t;
    t.count = u16(r);
    t.at = r->at;
    for (uint16_t i = 0; i < t.count && !r->failed; i++) {
        uint8_t kind = u8(r);
        if (kind == PGO_KIND_TEXT || kind == PGO_KIND_BINARY)
            take(r, u32(r));
        else if (kind != PGO_KIND_NULL && kind != PGO_KIND_UNCHANGED)
            r->failed = 1;
    }
    return t;
}

const unsigned char *df__pgo_value_at(const unsigned char *at, df__pgo_value *ret)
{
    ret->kind = (enum df__pgo_kind)at[0];
    at++;
    ret->data = (df_bytes){NULL, 0};
    if (ret->kind == PGO_KIND_TEXT || ret->kind == PGO_KIND_BINARY) {
        ret->data = (df_bytes){at + 4, number(at, 4)};
        at += 4 + ret->data.len;
    }
    return at;
}

const unsigned char *df__pgo_column_at(const unsigned char *at, df__pgo_column *ret)
{
    ret->in_identity = *at & 1;
    ret->name = (df_bytes){at + 1, strlen((const char *)at + 1)};
    at += 2 + ret->name.len;
    ret->type = (uint32_t)number(at, 4);
    ret->modifier = (int32_t)(uint32_t)number(at + 4, 4);
    return at + 8;
}

uint32_t df__pgo_truncated(const df__pgo_message *m, uint16_t index)
{
    return (uint32_t)number(m->list + (size_t)index * 4, 4);
}

/* ---- the messages ---------------------------------------------------------------------------- */

static void begin(reader *r, df__pgo_message *m)
{
    m->lsn = u64(r);
    m->time_us = moment(r);
    m->xid = u32(r);
}

static void commit(reader *r, df__pgo_message *m)
{
    m->flags = u8(r);
    m->lsn = u64(r);
    m->end_lsn = u64(r);
    m->time_us = moment(r);
}

static void origin(reader *r, df__pgo_message *m)
{
    m->lsn = u64(r);
    m->name = text(r);
}

static void relation(reader *r, df__pgo_message *m)
{
    m->relation = u32(r);
    m->schema = text(r);
    m->name = text(r);
    m->identity = (char)u8(r);
    m->count = u16(r);
    m->list = r->at;
    for (uint16_t i = 0; i < m->count && !r->failed; i++) {
        u8(r);
        text(r);
        take(r, 8);
    }
}

static void type(reader *r, df__pgo_message *m)
{
    m->relation = u32(r);
    m->schema = text(r);
    m->name = text(r);
}

static void expect(reader *r, char letter)
{
    if (u8(r) != (uint8_t)letter)
        r->failed = 1;
}

static void insert(reader *r, df__pgo_message *m)
{
    m->relation = u32(r);
    expect(r, 'N');
    m->row = tuple(r);
}

static void old_row(reader *r, df__pgo_message *m)
{
    if (r->at < r->end && (*r->at == 'K' || *r->at == 'O')) {
        m->identity = (char)u8(r);
        m->old = tuple(r);
    }
}

static void update(reader *r, df__pgo_message *m)
{
    m->relation = u32(r);
    old_row(r, m);
    expect(r, 'N');
    m->row = tuple(r);
}

static void delete (reader *r, df__pgo_message *m)
{
    m->relation = u32(r);
    old_row(r, m);
    if (!m->old.at)
        r->failed = 1;
}

static void truncate(reader *r, df__pgo_message *m)
{
    uint32_t count = u32(r);
    m->flags = u8(r);
    m->list = r->at;
    if (count > UINT16_MAX)
        r->failed = 1;
    take(r, (size_t)count * 4);
    m->count = (uint16_t)count;
}

static void message(reader *r, df__pgo_message *m)
{
    m->flags = u8(r);
    m->lsn = u64(r);
    m->name = text(r);
    m->data.len = u32(r);
    m->data.data = take(r, m->data.len);
}

static void stream_start(reader *r, df__pgo_message *m)
{
    m->xid = u32(r);
    m->flags = u8(r);
}

static void stream_stop(reader *r, df__pgo_message *m)
{
    (void)r;
    (void)m;
}

static void stream_commit(reader *r, df__pgo_message *m)
{
    m->xid = u32(r);
    commit(r, m);
}

/* Version 4 with parallel streaming says when it was rolled back. */
static void stream_abort(reader *r, df__pgo_message *m)
{
    m->xid = u32(r);
    m->subxid = u32(r);
    if (r->at < r->end) {
        m->lsn = u64(r);
        m->time_us = moment(r);
    }
}

static void two_phase_begin(reader *r, df__pgo_message *m)
{
    m->lsn = u64(r);
    m->end_lsn = u64(r);
    m->time_us = moment(r);
    m->xid = u32(r);
    m->name = text(r);
}

static void two_phase(reader *r, df__pgo_message *m)
{
    m->flags = u8(r);
    two_phase_begin(r, m);
}

static void two_phase_rollback(reader *r, df__pgo_message *m)
{
    m->flags = u8(r);
    m->lsn = u64(r);
    m->end_lsn = u64(r);
    take(r, 8); /* when it was prepared */
    m->time_us = moment(r);
    m->xid = u32(r);
    m->name = text(r);
}

static const struct {
    char kind;
    int has_xid; /* in a streamed block */
    void (*read)(reader *r, df__pgo_message *m);
} kinds[] = {
    {'I', 1, insert},
    {'U', 1, update},
    {'D', 1, delete},
    {'B', 0, begin},
    {'C', 0, commit},
    {'R', 1, relation},
    {'Y', 1, type},
    {'T', 1, truncate},
    {'M', 1, message},
    {'O', 0, origin},
    {'S', 0, stream_start},
    {'E', 0, stream_stop},
    {'c', 0, stream_commit},
    {'A', 0, stream_abort},
    {'b', 0, two_phase_begin},
    {'P', 0, two_phase},
    {'K', 0, two_phase},
    {'p', 0, two_phase},
    {'r', 0, two_phase_rollback},
};

int df__pgo_decode(df_bytes wire, int in_block, df__pgo_message *ret)
{
    reader r = {wire.data, wire.data, 0};
    memset(ret, 0, sizeof *ret);
    if (wire.len == 0)
        return DF_EDATA;
    r.end += wire.len;
    ret->kind = (char)*r.at++;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].kind == ret->kind) {
            if (in_block && kinds[i].has_xid)
                ret->xid = u32(&r);
            kinds[i].read(&r, ret);
            return r.failed || r.at != r.end ? DF_EDATA : DF_OK;
        }
    }
    return DF_EDATA;
}

/* ---- around the messages --------------------------------------------------------------------- */

int df__pgo_frame_read(df_bytes wire, df__pgo_frame *ret)
{
    reader r = {wire.data, wire.data, 0};
    memset(ret, 0, sizeof *ret);
    if (wire.len == 0)
        return DF_EDATA;
    r.end += wire.len;
    ret->kind = (char)u8(&r);
    if (ret->kind == 'w') {
        ret->start = u64(&r);
        ret->end = u64(&r);
        ret->time_us = moment(&r);
        ret->data = (df_bytes){r.at, (size_t)(r.end - r.at)};
        return r.failed ? DF_EDATA : DF_OK;
    }
    if (ret->kind == 'k') {
        ret->end = u64(&r);
        ret->time_us = moment(&r);
        ret->wants_reply = u8(&r);
        return r.failed || r.at != r.end ? DF_EDATA : DF_OK;
    }
    return DF_EDATA;
}

static void put64(unsigned char *out, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(n >> (56 - 8 * i));
}

void df__pgo_status(unsigned char *out, uint64_t received, uint64_t flushed, int64_t now_us,
                    int wants_reply)
{
    out[0] = 'r';
    put64(out + 1, received);
    put64(out + 9, flushed);
    put64(out + 17, flushed); /* applied */
    put64(out + 25, (uint64_t)now_us - (uint64_t)EPOCH_US);
    out[33] = (unsigned char)(wants_reply != 0);
}
