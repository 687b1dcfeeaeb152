/* SPDX-License-Identifier: Apache-2.0
 * bytes.h: numbers as the server sends them: the high byte first, at any address. */
#ifndef DF_PG_BYTES_H
#define DF_PG_BYTES_H

#include <stdint.h>

/* Two bytes. */
static inline uint16_t df__pg_u16(const void *at)
{
    uint16_t v;
    __builtin_memcpy(&v, at, sizeof v);
    return __builtin_bswap16(v);
}

/* The same for four bytes. */
static inline uint32_t df__pg_u32(const void *at)
{
    uint32_t v;
    __builtin_memcpy(&v, at, sizeof v);
    return __builtin_bswap32(v);
}

/* The same for eight bytes. */
static inline uint64_t df__pg_u64(const void *at)
{
    uint64_t v;
    __builtin_memcpy(&v, at, sizeof v);
    return __builtin_bswap64(v);
}

#endif
