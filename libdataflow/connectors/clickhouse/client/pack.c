/* SPDX-License-Identifier: Apache-2.0
 * pack.c: one frame of LZ4, Zstandard or gzip, at the level that costs least. */
#include "pack.h"

#include <lz4frame.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8, FASTEST = 1, SLICE = 1 << 30 };

const char *const df__ch_packings[] = {"none", "lz4", "zstd", "gzip", NULL};

static size_t pack_lz4(df_bytes body, char *out, size_t room)
{
    size_t len = LZ4F_compressFrame(out, room, body.data, body.len, NULL);
    return LZ4F_isError(len) ? 0 : len;
}

static size_t pack_zstd(df_bytes body, char *out, size_t room)
{
    size_t len = ZSTD_compress(out, room, body.data, body.len, FASTEST);
    return ZSTD_isError(len) ? 0 : len;
}

/* zlib counts in 32 bits. */
static size_t pack_gzip(df_bytes body, char *out, size_t room)
{
    z_stream z;
    size_t done = 0, made = 0;
    int rc = Z_OK;
    memset(&z, 0, sizeof z);
    if (deflateInit2(&z, FASTEST, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return 0;
    while (rc == Z_OK) {
        size_t in = body.len - done < SLICE ? body.len - done : SLICE;
        size_t space = room - made < SLICE ? room - made : SLICE;
        z.next_in = (Bytef *)(uintptr_t)((const char *)body.data + done);
        z.avail_in = (uInt)in;
        z.next_out = (Bytef *)out + made;
        z.avail_out = (uInt)space;
        rc = deflate(&z, done + in == body.len ? Z_FINISH : Z_NO_FLUSH);
        done += in - z.avail_in;
        made += space - z.avail_out;
    }
    deflateEnd(&z);
    return rc == Z_STREAM_END ? made : 0;
}

/* The fastest level of zlib-ng makes nine bits of eight when nothing repeats. */
static size_t bound_of(enum df__ch_packing how, size_t len)
{
    if (how == CH_PACK_LZ4)
        return LZ4F_compressFrameBound(len, NULL);
    return how == CH_PACK_ZSTD ? ZSTD_compressBound(len) : len + len / 8 + 4096;
}

int df__ch_pack(enum df__ch_packing how, df_bytes body, df__buf *ret)
{
    static size_t (*const packers[])(df_bytes, char *, size_t) = {
        [CH_PACK_LZ4] = pack_lz4, [CH_PACK_ZSTD] = pack_zstd, [CH_PACK_GZIP] = pack_gzip};
    size_t room = bound_of(how, body.len);
    df__buf_clear(ret);
    char *out = df__buf_reserve(ret, room);
    if (!out)
        return DF_ENOMEM;
    ret->len = packers[how](body, out, room);
    return ret->len > 0 ? DF_OK : DF_ENOMEM;
}
