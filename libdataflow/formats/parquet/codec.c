/* SPDX-License-Identifier: Apache-2.0
 * codec.c: one row for each codec; what was not built in has no functions. */
#include "formats/parquet/codec.h"

#include <string.h>
#include <zlib.h>

#ifdef DF_PARQUET_SNAPPY
#include <snappy-c.h>
#endif
#ifdef DF_PARQUET_ZSTD
#include <zstd.h>
#endif
#ifdef DF_PARQUET_LZ4
#include <lz4.h>
#endif
#ifdef DF_PARQUET_BROTLI
#include <brotli/decode.h>
#endif

/* ---- gzip ------------------------------------------------------------------------------------ */

enum { GZIP_WRITTEN = 15 + 16, GZIP_OR_ZLIB = 15 + 32, GZIP_LEVEL = 6 };

static void *zlib_alloc(void *heap, unsigned count, unsigned size)
{
    return df__alloc(heap, (size_t)count * size);
}

static void zlib_free(void *heap, void *p)
{
    df__free(heap, p);
}

static z_stream *zlib_state(df__pq_packer *p)
{
    z_stream *z = p->state;
    if (z)
        return deflateReset(z) == Z_OK ? z : NULL;
    z = df__zalloc(p->heap, sizeof *z);
    if (!z)
        return NULL;
    z->zalloc = zlib_alloc;
    z->zfree = zlib_free;
    z->opaque = (void *)(uintptr_t)p->heap;
    if (deflateInit2(z, p->level ? p->level : GZIP_LEVEL, Z_DEFLATED, GZIP_WRITTEN, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        df__free(p->heap, z);
        return NULL;
    }
    return p->state = z;
}

static int gzip_pack(df__pq_packer *p, df_bytes in, df__buf *out)
{
    z_stream *z = zlib_state(p);
    size_t room;
    if (!z)
        return DF_ENOMEM;
    room = deflateBound(z, (uLong)in.len);
    z->next_in = (unsigned char *)(uintptr_t)in.data;
    z->avail_in = (unsigned)in.len;
    z->next_out = (unsigned char *)df__buf_reserve(out, room);
    z->avail_out = (unsigned)room;
    if (!z->next_out)
        return DF_ENOMEM;
    if (deflate(z, Z_FINISH) != Z_STREAM_END)
        return DF_EINTERNAL;
    out->len += room - z->avail_out;
    return DF_OK;
}

/* Members may follow each other. */
static int gzip_unpack(const df__heap *heap, df_bytes in, df_bytes out)
{
    z_stream z;
    int rc = Z_OK;
    memset(&z, 0, sizeof z);
    z.zalloc = zlib_alloc;
    z.zfree = zlib_free;
    z.opaque = (void *)(uintptr_t)heap;
    if (inflateInit2(&z, GZIP_OR_ZLIB) != Z_OK)
        return DF_ENOMEM;
    z.next_in = (unsigned char *)(uintptr_t)in.data;
    z.avail_in = (unsigned)in.len;
    z.next_out = (unsigned char *)(uintptr_t)out.data;
    z.avail_out = (unsigned)out.len;
    for (;;) {
        rc = inflate(&z, Z_FINISH);
        if (rc != Z_STREAM_END || !z.avail_in || inflateReset(&z) != Z_OK)
            break;
    }
    inflateEnd(&z);
    if (rc == Z_MEM_ERROR)
        return DF_ENOMEM;
    return rc == Z_STREAM_END && !z.avail_out ? DF_OK : DF_EDATA;
}

static void gzip_end(df__pq_packer *p)
{
    deflateEnd(p->state);
    df__free(p->heap, p->state);
}

/* ---- none ------------------------------------------------------------------------------------ */

static int none_pack(df__pq_packer *p, df_bytes in, df__buf *out)
{
    (void)p;
    df__buf_add(out, in.data, in.len);
    return DF_OK;
}

static int none_unpack(const df__heap *heap, df_bytes in, df_bytes out)
{
    (void)heap;
    if (in.len != out.len)
        return DF_EDATA;
    if (in.len)
        memcpy((void *)(uintptr_t)out.data, in.data, in.len);
    return DF_OK;
}

/* ---- snappy ---------------------------------------------------------------------------------- */

#ifdef DF_PARQUET_SNAPPY
static int snappy_pack(df__pq_packer *p, df_bytes in, df__buf *out)
{
    size_t room = snappy_max_compressed_length(in.len);
    char *to = df__buf_reserve(out, room);
    (void)p;
    if (!to)
        return DF_ENOMEM;
    if (snappy_compress(in.data, in.len, to, &room) != SNAPPY_OK)
        return DF_EINTERNAL;
    out->len += room;
    return DF_OK;
}

static int snappy_unpack(const df__heap *heap, df_bytes in, df_bytes out)
{
    size_t len;
    (void)heap;
    if (snappy_uncompressed_length(in.data, in.len, &len) != SNAPPY_OK || len != out.len)
        return DF_EDATA;
    if (snappy_uncompress(in.data, in.len, (char *)(uintptr_t)out.data, &len) != SNAPPY_OK)
        return DF_EDATA;
    return len == out.len ? DF_OK : DF_EDATA;
}
#endif

/* ---- zstd ------------------------------------------------------------------------------------ */

#ifdef DF_PARQUET_ZSTD
enum { ZSTD_LEVEL = 3 };

static int zstd_pack(df__pq_packer *p, df_bytes in, df__buf *out)
{
    size_t room = ZSTD_compressBound(in.len), n;
    char *to = df__buf_reserve(out, room);
    if (!p->state)
        p->state = ZSTD_createCCtx();
    if (!to || !p->state)
        return DF_ENOMEM;
    n = ZSTD_compressCCtx(p->state, to, room, in.data, in.len, p->level ? p->level : ZSTD_LEVEL);
    if (ZSTD_isError(n))
        return DF_EINTERNAL;
    out->len += n;
    return DF_OK;
}

static int zstd_unpack(const df__heap *heap, df_bytes in, df_bytes out)
{
    size_t n = ZSTD_decompress((void *)(uintptr_t)out.data, out.len, in.data, in.len);
    (void)heap;
    return !ZSTD_isError(n) && n == out.len ? DF_OK : DF_EDATA;
}

static void zstd_end(df__pq_packer *p)
{
    ZSTD_freeCCtx(p->state);
}
#endif

/* ---- lz4 ------------------------------------------------------------------------------------- */

#ifdef DF_PARQUET_LZ4
static int lz4_pack(df__pq_packer *p, df_bytes in, df__buf *out)
{
    int room = LZ4_compressBound((int)in.len), n;
    char *to = df__buf_reserve(out, (size_t)room);
    (void)p;
    if (!to)
        return DF_ENOMEM;
    n = LZ4_compress_default(in.data, to, (int)in.len, room);
    if (n <= 0)
        return DF_EINTERNAL;
    out->len += (size_t)n;
    return DF_OK;
}

static int lz4_unpack(const df__heap *heap, df_bytes in, df_bytes out)
{
    (void)heap;
    if (in.len > INT32_MAX || out.len > INT32_MAX)
        return DF_EDATA;
    return LZ4_decompress_safe(in.data, (char *)(uintptr_t)out.data, (int)in.len, (int)out.len) ==
                   (int)out.len
               ? DF_OK
               : DF_EDATA;
}

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Frames of Hadoop: both lengths, big-endian, before each block; or one bare block. */
static int hadoop_unpack(const df__heap *heap, df_bytes in, df_bytes out)
{
    const unsigned char *p = in.data, *end = p + in.len;
    char *to = (char *)(uintptr_t)out.data;
    size_t left = out.len;
    while (end - p >= 8) {
        uint32_t raw = big_endian(p), packed = big_endian(p + 4);
        if (raw > left || packed > (size_t)(end - p - 8) ||
            lz4_unpack(heap, (df_bytes){p + 8, packed}, (df_bytes){to, raw}) != DF_OK)
            break;
        p += 8 + packed;
        to += raw;
        left -= raw;
    }
    return p == end && !left ? DF_OK : lz4_unpack(heap, in, out);
}
#endif

/* ---- brotli ---------------------------------------------------------------------------------- */

#ifdef DF_PARQUET_BROTLI
static int brotli_unpack(const df__heap *heap, df_bytes in, df_bytes out)
{
    size_t len = out.len;
    (void)heap;
    return BrotliDecoderDecompress(in.len, in.data, &len, (uint8_t *)(uintptr_t)out.data) ==
                       BROTLI_DECODER_RESULT_SUCCESS &&
                   len == out.len
               ? DF_OK
               : DF_EDATA;
}
#endif

/* ---- the table ------------------------------------------------------------------------------- */

typedef struct codec {
    const char *name;
    int (*pack)(df__pq_packer *p, df_bytes in, df__buf *out);
    int (*unpack)(const df__heap *heap, df_bytes in, df_bytes out);
    void (*end)(df__pq_packer *p);
} codec;

static const codec codecs[DF__PQ_CODECS] = {
    [DF__PQ_UNCOMPRESSED] = {"none", none_pack, none_unpack, NULL},
    [DF__PQ_GZIP] = {"gzip", gzip_pack, gzip_unpack, gzip_end},
    [DF__PQ_LZO] = {"lzo", NULL, NULL, NULL},
#ifdef DF_PARQUET_SNAPPY
    [DF__PQ_SNAPPY] = {"snappy", snappy_pack, snappy_unpack, NULL},
#else
    [DF__PQ_SNAPPY] = {"snappy", NULL, NULL, NULL},
#endif
#ifdef DF_PARQUET_BROTLI
    [DF__PQ_BROTLI] = {"brotli", NULL, brotli_unpack, NULL},
#else
    [DF__PQ_BROTLI] = {"brotli", NULL, NULL, NULL},
#endif
#ifdef DF_PARQUET_ZSTD
    [DF__PQ_ZSTD] = {"zstd", zstd_pack, zstd_unpack, zstd_end},
#else
    [DF__PQ_ZSTD] = {"zstd", NULL, NULL, NULL},
#endif
#ifdef DF_PARQUET_LZ4
    [DF__PQ_LZ4_HADOOP] = {"lz4", NULL, hadoop_unpack, NULL},
    [DF__PQ_LZ4_RAW] = {"lz4_raw", lz4_pack, lz4_unpack, NULL},
#else
    [DF__PQ_LZ4_HADOOP] = {"lz4", NULL, NULL, NULL},
    [DF__PQ_LZ4_RAW] = {"lz4_raw", NULL, NULL, NULL},
#endif
};

static const codec *row(int number)
{
    return number >= 0 && number < DF__PQ_CODECS ? &codecs[number] : NULL;
}

int df__pq_can_pack(int number)
{
    return row(number) && row(number)->pack;
}

int df__pq_can_unpack(int number)
{
    return row(number) && row(number)->unpack;
}

const char *df__pq_codec_name(int number)
{
    return row(number) ? row(number)->name : "unknown";
}

int df__pq_pack(df__pq_packer *p, df_bytes in, df__buf *out)
{
    return codecs[p->codec].pack(p, in, out);
}

void df__pq_packer_end(df__pq_packer *p)
{
    if (p->state && codecs[p->codec].end)
        codecs[p->codec].end(p);
    p->state = NULL;
}

int df__pq_unpack(const df__heap *heap, int number, df_bytes in, df_bytes out)
{
    if (!out.len && !in.len)
        return DF_OK;
    return codecs[number].unpack(heap, in, out);
}
