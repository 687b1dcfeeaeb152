/* SPDX-License-Identifier: Apache-2.0
 * vector.c: see vector.h. The blob: length, magic, bitmap, checksum. The bitmap: for each upper
 * half of 32 bits one of 32 bits. That: for each upper half of 16 bits a container, which is a
 * list, a bitmap or a list of runs. Whatever is not in order, too short or too long is damage. */
#include "types/vector.h"

#include <zlib.h>

enum {
    MAGIC_LEN = 4,
    FRAME = 4 + MAGIC_LEN + 4, /* beside the bitmap */
    PLAIN_COOKIE = 12346,      /* no container of runs */
    RUN_COOKIE = 12347,        /* in the lower 16 bits; above them the number of containers - 1 */
    OFFSETS_FROM = 4,          /* containers, when there are runs */
    LIST_MOST = 4096,          /* numbers of a list */
    BITMAP_BYTES = 8192,
    CONTAINERS_MOST = 65536
};

typedef struct input {
    const unsigned char *p, *end;
    df__ice_vector *v;
    int64_t base, next; /* of the container; rows are in order: the next one is at least this */
} input;

static int bad(input *in, const char *why)
{
    in->v->why = why;
    return DF_EDATA;
}

static int is_short(const input *in, uint64_t len)
{
    return (uint64_t)(in->end - in->p) < len;
}

/* Callers have looked that the bytes are there. */
static uint64_t take(input *in, int len)
{
    uint64_t n = 0;
    for (int i = 0; i < len; i++)
        n |= (uint64_t)in->p[i] << (8 * i);
    in->p += len;
    return n;
}

static int tell(input *in, int64_t first, int64_t count)
{
    if (first < in->next)
        return bad(in, "its rows are in no order");
    in->next = first + count;
    in->v->count += count;
    return in->v->each(in->v->user, first, count);
}

/* ---- containers ------------------------------------------------------------------------------ */

static int read_runs(input *in, int64_t want)
{
    int64_t seen = 0;
    int rc = DF_OK;
    if (is_short(in, 2))
        return bad(in, "it ends too early");
    uint64_t runs = take(in, 2);
    if (is_short(in, 4 * runs))
        return bad(in, "it ends too early");
    while (rc == DF_OK && runs--) {
        int64_t first = (int64_t)take(in, 2), count = (int64_t)take(in, 2) + 1;
        if (first + count > CONTAINERS_MOST)
            return bad(in, "a run of it is too long");
        seen += count;
        rc = tell(in, in->base + first, count);
    }
    return rc == DF_OK && seen != want ? bad(in, "its counts do not agree") : rc;
}

static int read_list(input *in, int64_t want)
{
    int rc = DF_OK;
    if (is_short(in, 2 * (uint64_t)want))
        return bad(in, "it ends too early");
    while (rc == DF_OK && want--)
        rc = tell(in, in->base + (int64_t)take(in, 2), 1);
    return rc;
}

static int read_bitmap(input *in, int64_t want)
{
    int64_t seen = 0;
    int rc = DF_OK;
    if (is_short(in, BITMAP_BYTES))
        return bad(in, "it ends too early");
    for (int i = 0; i < BITMAP_BYTES && rc == DF_OK; i += 8) {
        uint64_t word = take(in, 8);
        for (; word && rc == DF_OK; word &= word - 1, seen++)
            rc = tell(in, in->base + 8 * i + __builtin_ctzll(word), 1);
    }
    return rc == DF_OK && seen != want ? bad(in, "its counts do not agree") : rc;
}

/* ---- bitmaps of 32 bits ---------------------------------------------------------------------- */

/* How many containers, and which of them are runs: a bit for each, NULL: none. */
static int read_head(input *in, uint64_t *ret_count, const unsigned char **ret_runs)
{
    *ret_runs = NULL;
    if (is_short(in, 4))
        return bad(in, "it ends too early");
    uint64_t cookie = take(in, 4);
    if (cookie == PLAIN_COOKIE) {
        if (is_short(in, 4))
            return bad(in, "it ends too early");
        *ret_count = take(in, 4);
    } else if ((cookie & 0xffff) == RUN_COOKIE) {
        *ret_count = (cookie >> 16) + 1;
        *ret_runs = in->p;
        if (is_short(in, (*ret_count + 7) / 8))
            return bad(in, "it ends too early");
        in->p += (*ret_count + 7) / 8;
    } else {
        return bad(in, "it is no bitmap");
    }
    return *ret_count > CONTAINERS_MOST ? bad(in, "it has too many containers") : DF_OK;
}

static int read_half(input *in, int64_t upper)
{
    const unsigned char *runs;
    uint64_t count;
    int rc = read_head(in, &count, &runs);
    if (rc != DF_OK)
        return rc;
    uint64_t offsets = !runs || count >= OFFSETS_FROM ? 4 * count : 0;
    if (is_short(in, 4 * count + offsets))
        return bad(in, "it ends too early");
    input heads = *in;
    in->p += 4 * count + offsets; /* containers stand one after the other in any case */
    for (uint64_t i = 0; i < count && rc == DF_OK; i++) {
        in->base = upper + ((int64_t)take(&heads, 2) << 16);
        int64_t want = (int64_t)take(&heads, 2) + 1;
        if (runs && runs[i / 8] >> (i % 8) & 1)
            rc = read_runs(in, want);
        else
            rc = want <= LIST_MOST ? read_list(in, want) : read_bitmap(in, want);
    }
    return rc;
}

/* ---- the blob -------------------------------------------------------------------------------- */

static int read_halves(input *in)
{
    int rc = DF_OK;
    if (is_short(in, 8))
        return bad(in, "it ends too early");
    for (uint64_t count = take(in, 8); count && rc == DF_OK; count--) {
        if (is_short(in, 4))
            return bad(in, "it ends too early");
        uint64_t upper = take(in, 4);
        rc = upper > INT32_MAX ? bad(in, "it has rows that no file has")
                               : read_half(in, (int64_t)(upper << 32));
    }
    return rc == DF_OK && in->p != in->end ? bad(in, "it has bytes after its end") : rc;
}

static uint64_t big_endian(const unsigned char *p)
{
    return (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3];
}

int df__ice_vector_read(df_bytes blob, df__ice_vector *v)
{
    static const unsigned char magic[MAGIC_LEN] = {0xd1, 0xd3, 0x39, 0x64};
    const unsigned char *p = blob.data;
    input in = {.v = v};
    v->count = 0;
    v->why = NULL;
    if (blob.len < FRAME || big_endian(p) != blob.len - 8)
        return bad(&in, "its length is another one than it says");
    for (int i = 0; i < MAGIC_LEN; i++)
        if (p[4 + i] != magic[i])
            return bad(&in, "it is no deletion vector");
    if (crc32_z(0, p + 4, blob.len - 8) != big_endian(p + blob.len - 4))
        return bad(&in, "its checksum is wrong");
    in.p = p + 4 + MAGIC_LEN;
    in.end = p + blob.len - 4;
    return read_halves(&in);
}
