/* SPDX-License-Identifier: Apache-2.0
 * fuzz_golayout.c: any text is a layout; what it writes has the length it says, and the same
 * beginning in a buffer that is too short. */
#include <stdlib.h>
#include <string.h>

#include "util/golayout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const df__zone_span zones[] = {{INT64_MIN, INT64_MAX, 0, 0, "UTC"},
                                          {INT64_MIN, INT64_MAX, -12345, 0, ""},
                                          {INT64_MIN, INT64_MAX, 50400, 1, "ABCDEFGHIJKLMNO"}};
    static char full[65536], part[64];
    df__instant t = {0, 0};
    df_bytes text;
    df__layout *l;
    size_t len;
    if (size < 9)
        return 0;
    memcpy(&t.sec, data, 8);
    t.sec %= DF__SEC_MAX;
    t.nsec = (int32_t)data[8] * 3906250;
    text.data = data + 9;
    text.len = size - 9;
    if (df__layout_new(&df__heap_libc, text, &l) != DF_OK)
        return 0;
    len = df__layout_write(l, t, &zones[data[8] % 3], full, sizeof full);
    if (len > sizeof full ||
        df__layout_write(l, t, &zones[data[8] % 3], part, sizeof part) != len ||
        memcmp(full, part, len < sizeof part ? len : sizeof part) != 0)
        abort();
    df__layout_free(l);
    return 0;
}
