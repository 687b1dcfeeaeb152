/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the bitmap of a deletion vector: it ends, its rows are in order and none is below 0,
 * and as many are told as are counted. The frame around it is put right, so that the checksum does
 * not hide the rest. */
#include <string.h>
#include <zlib.h>

#include "connectors/iceberg/types/vector.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

typedef struct told {
    int64_t next, count;
} told;

static int take(void *user, int64_t first, int64_t count)
{
    told *t = user;
    must(first >= t->next && count > 0);
    t->next = first + count;
    t->count += count;
    return DF_OK;
}

static void put_big(df__buf *b, uint32_t n)
{
    for (int i = 24; i >= 0; i -= 8)
        df__buf_char(b, (char)(n >> i));
}

static void read_one(df_bytes blob)
{
    told t = {0, 0};
    df__ice_vector v = {.each = take, .user = &t};
    int rc = df__ice_vector_read(blob, &v);
    must((rc == DF_OK && v.count == t.count) || (rc == DF_EDATA && v.why));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__buf b;
    read_one((df_bytes){data, size});
    df__buf_init(&b, &df__heap_libc);
    put_big(&b, (uint32_t)size + 4);
    df__buf_add(&b, "\xd1\xd3\x39\x64", 4);
    df__buf_add(&b, data, size);
    put_big(&b, (uint32_t)crc32(0, (const Bytef *)b.data + 4, (uInt)size + 4));
    read_one((df_bytes){b.data, b.len});
    df__buf_free(&b);
    return 0;
}
