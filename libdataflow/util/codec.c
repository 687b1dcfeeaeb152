/* SPDX-License-Identifier: Apache-2.0
 * codec.c: see codec.h. */
#include "util/codec.h"

void df__base64_add(df__buf *out, const void *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = data;
    size_t i;
    for (i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        char four[4];
        v |= i + 1 < len ? (uint32_t)p[i + 1] << 8 : 0;
        v |= i + 2 < len ? p[i + 2] : 0;
        four[0] = digits[v >> 18];
        four[1] = digits[v >> 12 & 63];
        four[2] = i + 1 < len ? digits[v >> 6 & 63] : '=';
        four[3] = i + 2 < len ? digits[v & 63] : '=';
        df__buf_add(out, four, 4);
    }
}

uint32_t df__crc32c(uint32_t crc, const void *data, size_t len)
{
    const unsigned char *p = data;
    size_t i;
    int k;
    crc = ~crc;
    for (i = 0; i < len; i++) {
        crc ^= p[i];
        for (k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}
