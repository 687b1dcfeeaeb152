/* SPDX-License-Identifier: Apache-2.0
 * Quantities: what is read is the same when it is written in units of 10^-9 and read again, has the
 * opposite with another sign, and lies within its bounds. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dfoperator/object/compare.h"
#include "util/quantity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[256], again[64];
    __int128 v, back;
    const __int128 most = (__int128)INT64_MAX * 1000000000;
    size_t len = size < sizeof text - 2 ? size : sizeof text - 2;
    memcpy(text + 1, data, len);
    text[len + 1] = 0;
    if (df__quantity_read(text + 1, &v))
        return 0;
    must(v <= most && -v <= most && op_quantity_same(text + 1, text + 1));
    if (text[1] != '-' && text[1] != '+') {
        text[0] = '-';
        must(!df__quantity_read(text, &back) && back == -v);
    }
    snprintf(again, sizeof again, "%s%lld.%09lld", v < 0 ? "-" : "",
             (long long)((v < 0 ? -v : v) / 1000000000),
             (long long)((v < 0 ? -v : v) % 1000000000));
    must(!df__quantity_read(again, &back) && back == v);
    return 0;
}
