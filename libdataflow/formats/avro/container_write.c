/* SPDX-License-Identifier: Apache-2.0
 * container_write.c: writes object container files into a buffer. */
#include "formats/avro/container.h"

struct df__avro_writer {
    const df__heap *heap;
    df_avro_schema *schema;
    df__buf *out, block;
    int64_t count; /* values of the block */
    size_t block_bytes;
    int codec;
    unsigned char sync[DF__AVRO_SYNC];
};

static void put_pair(df__buf *out, const char *name, df_bytes value)
{
    df__avro_put_bytes(out, name, strlen(name));
    df__avro_put_bytes(out, value.data, value.len);
}

static void put_header(const df__avro_file_options *o, df__buf *out)
{
    const char *codec = o->codec ? o->codec : "null";
    df__buf_add(out, "Obj\1", 4);
    df__avro_put_long(out, (int64_t)o->meta_count + 2);
    put_pair(out, "avro.schema", o->schema_text);
    put_pair(out, "avro.codec", (df_bytes){codec, strlen(codec)});
    for (size_t i = 0; i < o->meta_count; i++) {
        df__avro_put_bytes(out, o->meta[i].name.data, o->meta[i].name.len);
        df__avro_put_bytes(out, o->meta[i].value.data, o->meta[i].value.len);
    }
    df__avro_put_long(out, 0);
    df__buf_add(out, o->sync, DF__AVRO_SYNC);
}

int df__avro_writer_new(const df__heap *heap, const df__avro_file_options *o, df__buf *out,
                        df__avro_writer **ret, df__avro_error *error)
{
    int codec = df__avro_codec((df_bytes){o->codec, o->codec ? strlen(o->codec) : 0});
    df__avro_writer *w;
    *ret = NULL;
    if (codec < 0) {
        df__text_printf(error->text, sizeof error->text,
                        "Avro file: null and deflate are written, not %.40s", o->codec);
        return DF_EINVAL;
    }
    put_header(o, out);
    w = out->failed ? NULL : df__zalloc(heap, sizeof *w);
    if (!w)
        return DF_ENOMEM;
    w->heap = heap;
    w->schema = df_avro_schema_hold(o->schema);
    w->out = out;
    w->block_bytes = o->block_bytes ? o->block_bytes : DF__AVRO_BLOCK;
    w->codec = codec;
    memcpy(w->sync, o->sync, sizeof w->sync);
    df__buf_init(&w->block, heap);
    *ret = w;
    return DF_OK;
}

/* The packed form of the block; 0: no memory. */
static int deflate_block(const df__buf *in, df__buf *out)
{
    z_stream z;
    size_t room;
    int rc;
    df__avro_zlib(&z, in->heap);
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    room = deflateBound(&z, (unsigned long)in->len);
    z.next_in = (unsigned char *)in->data;
    z.avail_in = (unsigned)in->len;
    z.next_out = (unsigned char *)df__buf_reserve(out, room);
    z.avail_out = (unsigned)room;
    rc = z.next_out ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
    out->len = room - z.avail_out;
    deflateEnd(&z);
    return rc == Z_STREAM_END;
}

int df__avro_writer_flush(df__avro_writer *w)
{
    df__buf packed, *bytes = w->codec == DF__AVRO_DEFLATE ? &packed : &w->block;
    int rc = DF_OK;
    if (!w->count)
        return DF_OK;
    df__buf_init(&packed, w->heap);
    if (bytes == &packed && !deflate_block(&w->block, &packed))
        rc = DF_ENOMEM;
    if (rc == DF_OK) {
        df__avro_put_long(w->out, w->count);
        df__avro_put_bytes(w->out, bytes->data, bytes->len);
        df__buf_add(w->out, w->sync, sizeof w->sync);
        rc = w->out->failed ? DF_ENOMEM : DF_OK;
    }
    df__buf_clear(&w->block);
    w->count = 0;
    df__buf_free(&packed);
    return rc;
}

int df__avro_writer_add(df__avro_writer *w, const df_value *value, df__avro_error *error)
{
    int rc = df__avro_encode(w->schema, value, &w->block, error);
    if (rc != DF_OK)
        return rc;
    w->count++;
    return w->block.len >= w->block_bytes ? df__avro_writer_flush(w) : DF_OK;
}

void df__avro_writer_free(df__avro_writer *w)
{
    if (!w)
        return;
    df_avro_schema_free(w->schema);
    df__buf_free(&w->block);
    df__free(w->heap, w);
}
