/* SPDX-License-Identifier: Apache-2.0
 * codec.h: base64 (RFC 4648, with padding), percent-encoding (RFC 3986), and CRC32C (RFC 3720,
 * B.4). */
#ifndef DF_UTIL_CODEC_H
#define DF_UTIL_CODEC_H

#include <stdint.h>

#include "util/buf.h"

/* Writes (len + 2) / 3 * 4 characters, without a NUL. */
void df__base64_write(char *out, const void *data, size_t len);
/* Appends the same to a buffer. */
void df__base64_add(df__buf *out, const void *data, size_t len);
/* Adds what the text stands for; white space in it is left out. 0, or -1: it is no base64. */
int df__base64_read(df__buf *out, const char *text, size_t len);
/* "user:password" in base64, as the scheme Basic has it (RFC 7617); no other copy of it stays. */
void df__basic_add(df__buf *out, df_bytes user, df_bytes password);
/* All but letters, digits and -._~ as %XX: good for a part of a path and for a form. */
void df__percent_add(df__buf *out, const char *text);
/* Continues a checksum: start with 0. */
uint32_t df__crc32c(uint32_t crc, const void *data, size_t len);
/* The same on a processor that has no instruction for it. */
uint32_t df__crc32c_table(uint32_t crc, const void *data, size_t len);

#endif
