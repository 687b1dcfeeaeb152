/* SPDX-License-Identifier: Apache-2.0
 * What a server sends as a stream of changes: frames, messages of pgoutput, positions. What is
 * decoded is walked to its end; what is read of a position is printed and read again. */
#include <stdlib.h>
#include <string.h>

#include "connectors/postgresql/cdc/pgoutput.h"
#include "connectors/postgresql/cdc/position.h"

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

static void positions(df_bytes text)
{
    df__pg_place p, q;
    df__pg_progress progress;
    df__buf b;
    size_t at = 0;
    df__buf_init(&b, &df__heap_libc);
    if (df__pg_place_read(text, &p) == DF_OK) {
        df__pg_place_print(&p, &b);
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
    char *copy = malloc(size ? size : 1); /* of its size, so that a read past it is seen */
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
    free(copy);
    return 0;
}
