/* SPDX-License-Identifier: Apache-2.0
 * container.h: what reader and writer of container files share. Only for formats/avro. */
#ifndef DF_AVRO_CONTAINER_H
#define DF_AVRO_CONTAINER_H

#include <zlib.h>

#include "formats/avro/type.h"

enum { DF__AVRO_SYNC = 16, DF__AVRO_BLOCK = 64 << 10, DF__AVRO_BLOCK_MAX = 256 << 20 };
enum df__avro_codec_kind { DF__AVRO_STORED, DF__AVRO_DEFLATE };

/* DF__AVRO_STORED or DF__AVRO_DEFLATE by the codec's name; data NULL: stored; -1: another one. */
int df__avro_codec(df_bytes name);
/* Sets the allocator of a zlib stream, before its init; heap outlives it. */
void df__avro_zlib(z_stream *z, const df__heap *heap);

#endif
