/* SPDX-License-Identifier: Apache-2.0
 * Any text as the position of a polled table of Trino: refused, or read, and then written as one
 * that reads as the same. */
#include <string.h>

#include "connectors/trino/source/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__trino_spot p;
    df__buf first, second;
    if (size < 1)
        return 0;
    size_t count = 1 + data[0] % 4;
    int has_time = data[0] >> 2 & 1;
    df__trino_spot_init(&p, &df__heap_libc);
    df__buf_init(&first, &df__heap_libc);
    df__buf_init(&second, &df__heap_libc);
    if (df__trino_spot_read((df_bytes){data + 1, size - 1}, count, has_time, &p) == DF_OK) {
        df__trino_spot_print(&p, count, has_time, &first);
        must(df__trino_spot_read((df_bytes){first.data, first.len}, count, has_time, &p) == DF_OK);
        df__trino_spot_print(&p, count, has_time, &second);
        must(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    }
    df__buf_free(&first);
    df__buf_free(&second);
    df__trino_spot_free(&p);
    return 0;
}
