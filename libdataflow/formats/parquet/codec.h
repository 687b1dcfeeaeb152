/* SPDX-License-Identifier: Apache-2.0
 * codec.h: compression of pages. Each codec is there when its library was there at the build. */
#ifndef DF_PARQUET_CODEC_H
#define DF_PARQUET_CODEC_H

#include "dataflow.h"
#include "util/buf.h"

enum { /* as files number them */
       DF__PQ_UNCOMPRESSED,
       DF__PQ_SNAPPY,
       DF__PQ_GZIP,
       DF__PQ_LZO,
       DF__PQ_BROTLI,
       DF__PQ_LZ4_HADOOP,
       DF__PQ_ZSTD,
       DF__PQ_LZ4_RAW,
       DF__PQ_CODECS
};

typedef struct df__pq_packer {
    const df__heap *heap;
    int codec, level;
    void *state; /* kept between pages */
} df__pq_packer;

/* 1: it can write; 0: not built in, or never written. */
int df__pq_can_pack(int codec);
/* 1: it can read. */
int df__pq_can_unpack(int codec);
/* "snappy", for texts. */
const char *df__pq_codec_name(int codec);
/* Appends `in`, packed. DF_ENOMEM; DF_EINTERNAL: the library refused. */
int df__pq_pack(df__pq_packer *p, df_bytes in, df__buf *out);
/* Frees what is kept between pages, not p itself. */
void df__pq_packer_end(df__pq_packer *p);
/* Unpacks to exactly len bytes. DF_EDATA: it does not; DF_ENOMEM. */
int df__pq_unpack(const df__heap *heap, int codec, df_bytes in, df_bytes out);

#endif
