/* SPDX-License-Identifier: Apache-2.0
 * avro_write.c: values and files of Avro, written. */
#include <string.h>
#include <zlib.h>

#include "types/avro.h"

void df__ice_put_long(df__buf *b, int64_t v)
{
    uint64_t u = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
    for (; u >= 0x80; u >>= 7)
        df__buf_char(b, (char)(u | 0x80));
    df__buf_char(b, (char)u);
}

void df__ice_put_bytes(df__buf *b, const void *data, size_t len)
{
    df__ice_put_long(b, (int64_t)len);
    if (len)
        df__buf_add(b, data, len);
}

void df__ice_put_text(df__buf *b, const char *text)
{
    df__ice_put_bytes(b, text, strlen(text));
}

static int deflate_to(df__buf *out, df_bytes raw)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)raw.data, .avail_in = (uInt)raw.len};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return DF_ENOMEM;
    size_t most = deflateBound(&z, (uLong)raw.len);
    char *at = df__buf_reserve(out, most);
    int rc = Z_MEM_ERROR;
    if (at) {
        z.next_out = (Bytef *)at;
        z.avail_out = (uInt)most;
        rc = deflate(&z, Z_FINISH);
        out->len += most - z.avail_out;
    }
    (void)deflateEnd(&z);
    return rc == Z_STREAM_END ? DF_OK : DF_ENOMEM;
}

int df__ice_avro_write(df__buf *out, const df__ice_avro_parts *parts)
{
    df__buf packed;
    df__buf_init(&packed, out->heap);
    int rc = deflate_to(&packed, parts->values);
    df__buf_add(out, "Obj\1", 4);
    df__ice_put_long(out, (int64_t)parts->meta_count + 2);
    df__ice_put_text(out, "avro.schema");
    df__ice_put_text(out, parts->schema);
    df__ice_put_text(out, "avro.codec");
    df__ice_put_text(out, "deflate");
    for (size_t i = 0; i < parts->meta_count; i++) {
        df__ice_put_bytes(out, parts->meta[i].name.data, parts->meta[i].name.len);
        df__ice_put_bytes(out, parts->meta[i].value.data, parts->meta[i].value.len);
    }
    df__ice_put_long(out, 0);
    df__buf_add(out, parts->sync, sizeof parts->sync);
    if (parts->count > 0) {
        df__ice_put_long(out, parts->count);
        df__ice_put_bytes(out, packed.data, packed.len);
        df__buf_add(out, parts->sync, sizeof parts->sync);
    }
    df__buf_free(&packed);
    return rc == DF_OK && out->failed ? DF_ENOMEM : rc;
}
