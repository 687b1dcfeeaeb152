/* SPDX-License-Identifier: Apache-2.0
 * container.c: object container files, read from memory: header, blocks, codecs, sync markers. */
#include "formats/avro/container.h"

#include <zlib.h>

enum { FREE_VALUES = 100000 }; /* of a block, for which no byte need be there */

/* ---- codecs ---------------------------------------------------------------------------------- */

static void *zlib_alloc(void *heap, unsigned count, unsigned size)
{
    return df__alloc(heap, (size_t)count * size);
}

static void zlib_free(void *heap, void *p)
{
    df__free(heap, p);
}

void df__avro_zlib(z_stream *z, const df__heap *heap)
{
    memset(z, 0, sizeof *z);
    z->zalloc = zlib_alloc;
    z->zfree = zlib_free;
    z->opaque = (void *)(uintptr_t)heap;
}

/* Inflates all of `in`. NULL: fine. A block that unfolds to more than the limit is refused. */
static const char *inflate_block(df_bytes in, df__buf *out)
{
    z_stream z;
    int rc = Z_OK;
    if (in.len > UINT32_MAX)
        return "a block is too large";
    df__avro_zlib(&z, out->heap);
    if (inflateInit2(&z, -15) != Z_OK)
        return "no memory";
    z.next_in = (unsigned char *)(uintptr_t)in.data;
    z.avail_in = (unsigned)in.len;
    while (rc == Z_OK && out->len < DF__AVRO_BLOCK_MAX) {
        size_t room = 65536;
        char *p = df__buf_reserve(out, room);
        if (!p)
            break;
        z.next_out = (unsigned char *)p;
        z.avail_out = (unsigned)room;
        rc = inflate(&z, Z_NO_FLUSH);
        out->len += room - z.avail_out;
        if (rc == Z_BUF_ERROR || (rc == Z_OK && !z.avail_in && z.avail_out))
            break;
    }
    inflateEnd(&z);
    if (out->failed || rc == Z_MEM_ERROR)
        return "no memory";
    if (rc == Z_STREAM_END && !z.avail_in)
        return NULL;
    return out->len >= DF__AVRO_BLOCK_MAX ? "a block is too large when it is unpacked"
                                          : "a block is no deflated data";
}

int df__avro_codec(df_bytes name)
{
    if (!name.data || df__bytes_are(name, "null"))
        return DF__AVRO_STORED;
    return df__bytes_are(name, "deflate") ? DF__AVRO_DEFLATE : -1;
}

/* ---- the header ------------------------------------------------------------------------------ */

static const char header_schema[] =
    "{\"type\":\"record\",\"name\":\"Header\",\"fields\":[{\"name\":\"meta\",\"type\":{\"type\":"
    "\"map\",\"values\":\"bytes\"}}]}";

struct df__avro_file {
    const df__heap *heap;
    df__arena arena; /* the header's values */
    df_value meta;
    df_avro_schema *schema;
    int codec;
    df_bytes data;
    size_t at; /* of the next block */
    const unsigned char *sync;
    df_bytes block; /* what is left of it */
    int64_t left;   /* values of it */
    df__buf unpacked;
};

static int refuse(df__avro_error *error, const char *format, const char *what)
{
    char text[200];
    df__text_printf(text, sizeof text, "%s", what);
    df__text_printf(error->text, sizeof error->text, "Avro file: %s%s", format, text);
    return DF_EDATA;
}

/* Metadata up to the sync marker. */
static int read_header(df__avro_file *f, df__avro_error *error)
{
    df__avro_source from = {{header_schema, sizeof header_schema - 1}, NULL, 0};
    df_avro_schema *s = NULL;
    df_avro_program *p = NULL;
    df__avro_input in;
    df_value root;
    int rc;
    if (f->data.len < 4 || memcmp(f->data.data, "Obj\1", 4) != 0)
        return refuse(error, "it does not begin with \"Obj\" and 1", "");
    rc = df__avro_parse(f->heap, &from, &s, error);
    if (rc == DF_OK)
        rc = df__avro_compile(f->heap, &(df__avro_plan){s, NULL, 0}, &p, error);
    in = (df__avro_input){{(const char *)f->data.data + 4, f->data.len - 4}, 0};
    if (rc == DF_OK)
        rc = df__avro_decode_value(p, &f->arena, &in, &root, error);
    df_avro_program_free(p);
    df_avro_schema_free(s);
    if (rc != DF_OK)
        return rc;
    df_value_member(&root, (df_bytes){"meta", 4}, &f->meta);
    f->at = 4 + in.used + DF__AVRO_SYNC;
    if (f->at > f->data.len)
        return refuse(error, "it ends inside of the header", "");
    f->sync = (const unsigned char *)f->data.data + f->at - DF__AVRO_SYNC;
    return DF_OK;
}

df_bytes df__avro_file_meta(const df__avro_file *f, const char *name)
{
    df_value v;
    df_value_member(&f->meta, (df_bytes){name, strlen(name)}, &v);
    return v.type == DF_V_BYTES ? (df_bytes){v.text, v.len} : (df_bytes){NULL, 0};
}

static int read_codec(df__avro_file *f, df__avro_error *error)
{
    df_bytes codec = df__avro_file_meta(f, "avro.codec");
    char name[40];
    f->codec = df__avro_codec(codec);
    if (f->codec >= 0)
        return DF_OK;
    df__text_set(name, sizeof name, codec.data, codec.len);
    return refuse(error, "null and deflate are read, and it is packed with ", name);
}

int df__avro_file_open(const df__heap *heap, df_bytes data, df__avro_file **ret,
                       df__avro_error *error)
{
    df__avro_file *f = df__zalloc(heap, sizeof *f);
    df__avro_source from = {{NULL, 0}, NULL, 0};
    int rc;
    *ret = NULL;
    if (!f)
        return DF_ENOMEM;
    f->heap = heap;
    f->data = data;
    df__arena_init(&f->arena, heap, 1024);
    df__buf_init(&f->unpacked, heap);
    rc = read_header(f, error);
    if (rc == DF_OK)
        rc = read_codec(f, error);
    if (rc == DF_OK) {
        from.text = df__avro_file_meta(f, "avro.schema");
        rc = from.text.data ? df__avro_parse(heap, &from, &f->schema, error)
                            : refuse(error, "its header has no schema", "");
    }
    if (rc == DF_OK)
        *ret = f;
    else
        df__avro_file_free(f);
    return rc;
}

const df_avro_schema *df__avro_file_schema(const df__avro_file *f)
{
    return f->schema;
}

void df__avro_file_free(df__avro_file *f)
{
    if (!f)
        return;
    df_avro_schema_free(f->schema);
    df__buf_free(&f->unpacked);
    df__arena_free(&f->arena);
    df__free(f->heap, f);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* 0: the data ends, or it is no number. */
static int get_long(df__avro_file *f, int64_t *ret)
{
    const unsigned char *p = f->data.data;
    uint64_t u = 0;
    for (unsigned shift = 0; f->at < f->data.len && shift < 64; shift += 7) {
        unsigned c = p[f->at++];
        u |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *ret = df__unzigzag(u);
            return 1;
        }
    }
    return 0;
}

static int unpack(df__avro_file *f, df__avro_error *error)
{
    const char *why;
    if (f->codec == DF__AVRO_STORED)
        return DF_OK;
    df__buf_clear(&f->unpacked);
    why = inflate_block(f->block, &f->unpacked);
    if (why)
        return f->unpacked.failed ? DF_ENOMEM : refuse(error, why, "");
    f->block = (df_bytes){f->unpacked.len ? f->unpacked.data : "", f->unpacked.len};
    return DF_OK;
}

static int next_block(df__avro_file *f, df__avro_error *error)
{
    int64_t size;
    int rc;
    if (f->block.len)
        return refuse(error, "a block has more bytes than values", "");
    if (f->at == f->data.len)
        return DF_DONE;
    if (!get_long(f, &f->left) || !get_long(f, &size))
        return refuse(error, "it ends inside of a block's head", "");
    if (f->left < 0 || size < 0 || f->data.len - f->at < DF__AVRO_SYNC ||
        (uint64_t)size > f->data.len - f->at - DF__AVRO_SYNC)
        return refuse(error, "a block says a size that the file does not have", "");
    f->block = (df_bytes){(const char *)f->data.data + f->at, (size_t)size};
    f->at += (size_t)size;
    if (memcmp((const char *)f->data.data + f->at, f->sync, DF__AVRO_SYNC) != 0)
        return refuse(error, "a block does not end with the file's sync marker", "");
    f->at += DF__AVRO_SYNC;
    rc = unpack(f, error);
    if (rc == DF_OK && (uint64_t)f->left > f->block.len + FREE_VALUES)
        return refuse(error, "a block says more values than it has bytes for", "");
    return rc;
}

int df__avro_file_next(df__avro_file *f, const df_avro_program *program, df__arena *arena,
                       df_value *ret, df__avro_error *error)
{
    df__avro_input in;
    int rc;
    while (!f->left) {
        rc = next_block(f, error);
        if (rc != DF_OK)
            return rc;
    }
    in = (df__avro_input){f->block, 0};
    rc = df__avro_decode_value(program, arena, &in, ret, error);
    if (rc != DF_OK)
        return rc;
    f->block = (df_bytes){(const char *)f->block.data + in.used, f->block.len - in.used};
    f->left--;
    return DF_OK;
}
