/* SPDX-License-Identifier: Apache-2.0
 * What a server sends as a stream of changes: frames, messages of pgoutput, positions; and a row of
 * messages, each after its length, that may be transactions in parts. What is decoded is walked to
 * its end; what is read of a position is printed and read again. */
#include <stdlib.h>
#include <string.h>

#include "connectors/postgresql/cdc/pgoutput.h"
#include "connectors/postgresql/cdc/position.h"
#include "connectors/postgresql/cdc/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t touched;

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void touch(df_bytes text)
{
    const unsigned char *s = text.data;
    for (size_t i = 0; i < text.len; i++)
        touched += s[i];
}

static void walk(const df__pgo_tuple *t)
{
    const unsigned char *at = t->at;
    for (uint16_t i = 0; at && i < t->count; i++) {
        df__pgo_value v;
        at = df__pgo_value_at(at, &v);
        touch(v.data);
    }
}

static void look(const df__pgo_message *m)
{
    const unsigned char *at = m->list;
    walk(&m->old);
    walk(&m->row);
    touch(m->schema);
    touch(m->name);
    touch(m->data);
    for (uint16_t i = 0; m->kind == 'R' && i < m->count; i++) {
        df__pgo_column column;
        at = df__pgo_column_at(at, &column);
        touch(column.name);
    }
    for (uint16_t i = 0; m->kind == 'T' && i < m->count; i++)
        touched += df__pgo_truncated(m, i);
}

/* What was kept of a transaction is what was given, in this order. */
static void read_back(df__pg_spool *s, df__pg_kept *t)
{
    df__pgo_message m;
    df_bytes change;
    uint64_t lsn, last = 0;
    int rc;
    while ((rc = df__pg_spool_next(s, t, &lsn, &change)) == DF_OK) {
        must(lsn > last && df__pgo_decode(change, 1, &m) == DF_OK);
        look(&m);
        last = lsn;
    }
    must(rc == DF_DONE);
    df__pg_spool_drop(s, t);
}

static df__pg_kept *outside(df__pg_spool *s, const df__pgo_message *m)
{
    df__pg_kept *t = df__pg_spool_find(s, m->xid);
    if (m->kind == 'S')
        return t ? t : df__pg_spool_begin(s, m->xid);
    if (t && m->kind == 'A')
        must(df__pg_spool_undo(s, t, m->subxid) == DF_OK);
    if (t && m->kind == 'c')
        read_back(s, t);
    return NULL;
}

static void parts(const unsigned char *at, size_t size)
{
    df__pg_spool s;
    df__pg_kept *t = NULL;
    uint64_t lsn = 0;
    df__pg_spool_init(&s, &df__heap_libc, "/tmp", size > 0 && (at[0] & 1) ? 64 : SIZE_MAX);
    while (size > 1 && size - 1 >= at[0]) {
        df__pgo_message m;
        df_bytes wire = {at + 1, at[0]};
        at += 1 + wire.len;
        size -= 1 + wire.len;
        if (df__pgo_decode(wire, t != NULL, &m) != DF_OK)
            continue;
        if (!t)
            t = outside(&s, &m);
        else if (m.kind == 'E')
            t = NULL;
        else
            must(df__pg_spool_add(&s, t, m.xid, ++lsn, wire) == DF_OK);
    }
    df__pg_spool_clear(&s);
    must(s.held == 0 && s.filed == 0);
}

static void positions(df_bytes text)
{
    df__pg_place p, q;
    df__pg_progress progress;
    df__pg_again again;
    df__buf b;
    size_t at = 0;
    df__buf_init(&b, &df__heap_libc);
    if (df__pg_place_read(text, &p) == DF_OK) {
        df__pg_again_read(text, &again);
        df__pg_place_print(&p, &again, &b);
        must(df__pg_place_read((df_bytes){b.data, b.len}, &q) == DF_OK);
        must(memcmp(&p, &q, sizeof p) == 0);
    }
    if (df__pg_progress_read(text, &p, &progress) == DF_OK)
        while (df__pg_array_next(progress.after, &at, &b) == DF_OK)
            touch((df_bytes){b.data, b.len});
    df__buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__pgo_message m;
    df__pgo_frame frame;
    unsigned char *copy = malloc(size ? size : 1); /* of its size, so that a read past it is seen */
    must(copy != NULL);
    if (size)
        memcpy(copy, data, size);
    df_bytes wire = {copy, size};
    for (int in_block = 0; in_block < 2; in_block++)
        if (df__pgo_decode(wire, in_block, &m) == DF_OK)
            look(&m);
    if (df__pgo_frame_read(wire, &frame) == DF_OK)
        touch(frame.data);
    positions(wire);
    parts(copy, size);
    free(copy);
    return 0;
}
