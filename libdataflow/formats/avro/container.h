/* SPDX-License-Identifier: Apache-2.0
 * container.h: what reader and writer of container files share. Only for formats/avro. */
#ifndef DF_AVRO_CONTAINER_H
#define DF_AVRO_CONTAINER_H

#include <zlib.h>

#include "formats/avro/node.h"

enum { DF__AVRO_SYNC = 16, DF__AVRO_BLOCK = 64 << 10, DF__AVRO_BLOCK_MAX = 256 << 20 };
enum { DF__AVRO_STORED, DF__AVRO_DEFLATE };

int df__avro_codec(df_bytes name); /* data NULL: stored; -1: another one */
void df__avro_zlib(z_stream *z, const df__heap *heap);

#endif
