/* SPDX-License-Identifier: Apache-2.0
 * pack.c: see pack.h. The state of a compressor is a hundred times what it saves on one object, so
 * that all kinds share one, and it is made when the first object comes. */
#define ZLIB_CONST
#include "kube/pack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* A window of 16 KiB: a sample and an object like it. No header, no checksum: it is our memory. */
enum { WINDOW_BITS = -14, MEMORY_LEVEL = 7, SAMPLE_MAX = 8192 };

static struct {
    z_stream in, out;
    int ready;
} shared;

static int prepare(void)
{
    if (shared.ready)
        return 0;
    if (deflateInit2(&shared.out, 3, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return -1;
    if (inflateInit2(&shared.in, WINDOW_BITS) != Z_OK) {
        deflateEnd(&shared.out);
        return -1;
    }
    shared.ready = 1;
    return 0;
}

static int take_sample(kube_pack *p, const char *text, size_t len)
{
    size_t kept = len < SAMPLE_MAX ? len : SAMPLE_MAX;
    if (p->sample)
        return 0;
    p->sample = malloc(kept + 1);
    if (!p->sample)
        return -1;
    memcpy(p->sample, text, kept);
    p->sample_len = kept;
    return 0;
}

char *kube_pack_make(kube_pack *p, const char *text, size_t text_len, size_t *len)
{
    z_stream *z = &shared.out;
    char *room, *packed;
    size_t bound;
    if (prepare() || take_sample(p, text, text_len) || deflateReset(z) != Z_OK ||
        deflateSetDictionary(z, (const Bytef *)p->sample, (uInt)p->sample_len) != Z_OK)
        return NULL;
    bound = deflateBound(z, text_len);
    room = malloc(bound);
    if (!room)
        return NULL;
    z->next_in = (const Bytef *)text;
    z->avail_in = (uInt)text_len;
    z->next_out = (Bytef *)room;
    z->avail_out = (uInt)bound;
    if (deflate(z, Z_FINISH) != Z_STREAM_END) {
        free(room);
        return NULL;
    }
    *len = bound - z->avail_out;
    packed = realloc(room, *len);
    return packed ? packed : room;
}

char *kube_pack_open(const kube_pack *p, const char *packed, size_t len, size_t text_len)
{
    z_stream *z = &shared.in;
    char *text = malloc(text_len + 1);
    if (!text || prepare() || inflateReset(z) != Z_OK ||
        inflateSetDictionary(z, (const Bytef *)p->sample, (uInt)p->sample_len) != Z_OK) {
        free(text);
        return NULL;
    }
    z->next_in = (const Bytef *)packed;
    z->avail_in = (uInt)len;
    z->next_out = (Bytef *)text;
    z->avail_out = (uInt)text_len + 1;
    if (inflate(z, Z_FINISH) != Z_STREAM_END || z->avail_out != 1) {
        free(text);
        return NULL;
    }
    text[text_len] = '\0';
    return text;
}

void kube_pack_free(kube_pack *p)
{
    free(p->sample);
    *p = (kube_pack){0};
}
