/* SPDX-License-Identifier: Apache-2.0
 * sha256.h: SHA-256 (FIPS 180-4) of bytes that are all there. */
#ifndef DF_UTIL_SHA256_H
#define DF_UTIL_SHA256_H

#include <stddef.h>

enum { DF__SHA256_HEX = 65 };

/* 64 lower case hexadecimal digits and a NUL. */
void df__sha256_hex(const void *data, size_t len, char ret[DF__SHA256_HEX]);

#endif
