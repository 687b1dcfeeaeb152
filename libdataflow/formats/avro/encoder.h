/* SPDX-License-Identifier: Apache-2.0
 * encoder.h: a value on its way to bytes. What a value costs says how much of it is another than
 * the schema has: 0 is the very type; a union takes the branch that costs least. Only for
 * formats/avro. */
#ifndef DF_AVRO_ENCODER_H
#define DF_AVRO_ENCODER_H

#include "formats/avro/type.h"
#include "record/tree.h"

enum { /* what it costs */
       DF__AVRO_SAME = 0,
       DF__AVRO_NEAR = 1,    /* another type, and no digit lost */
       DF__AVRO_AS_MAP = 2,  /* an object as a map: a record says more */
       DF__AVRO_TEXTUAL = 4, /* by way of a text */
       DF__AVRO_FILLED = 8   /* a field was missing and has a default */
};

enum {
    DF__AVRO_STEPS =
        4000000,         /* containers and members of one value, with all tries of its unions */
    DF__AVRO_SLACK = 32, /* what may be written without asking for room */
    DF__AVRO_PATH = 240
};

/* Bytes are written at `p`, where DF__AVRO_SLACK of them are free after `end`: code that writes a
 * value of fixed size asks for no room, and code that goes from value to value sees that p is not
 * past `end`. */
struct df__encoder {
    unsigned char *p, *end;
    df__buf *out;
    const void **slots; /* of the records whose members came in another order */
    size_t slot_used, slot_cap;
    size_t depth, steps;
    uint64_t cost;
    int trial; /* a failure is no text yet: another branch may do */
    int no_memory;
    char path[DF__AVRO_PATH]; /* of a failure: steps are put in front on the way back */
    char why[256];
};

/* What n->put may be: a scalar, any union, a union of null and one other type. All answer DF_OK,
 * DF_EDATA or DF_ENOMEM; the caller takes bytes back. `v` is a handle, as df_value.u.node is. */
df__aput_fn df__avro_put_scalar, df__avro_put_union, df__avro_put_optional;

/* From here on bytes go behind those of `out`. 0: no memory. */
int df__avro_begin(df__encoder *e, df__buf *out);
/* Makes room for `len` bytes and the slack. 0: no memory. */
int df__avro_more(df__encoder *e, size_t len);
/* 1: there is room for `len` bytes and the slack, or there is now; 0: no memory. */
static inline int df__avro_room(df__encoder *e, size_t len)
{
    return (e->p <= e->end && len <= (size_t)(e->end - e->p)) || df__avro_more(e, len);
}

/* Bytes so far. */
static inline size_t df__avro_length(const df__encoder *e)
{
    return (size_t)(e->p - (unsigned char *)e->out->data);
}

/* Back to so many bytes: a branch of a union was tried. */
static inline void df__avro_back(df__encoder *e, size_t length)
{
    e->p = (unsigned char *)e->out->data + length;
}

/* Seven bits in each byte, the lowest first; all but the last have the top bit. Eight bytes are
 * written at once, so that their number costs no branch. Answers the place after them. */
static inline unsigned char *df__avro_write_long(unsigned char *p, int64_t v)
{
    uint64_t u = df__zigzag(v), x;
    size_t bytes;
    if (u < 0x80) {
        *p = (unsigned char)u;
        return p + 1;
    }
    if (u >> 56) {
        for (; u >= 0x80; u >>= 7)
            *p++ = (unsigned char)(u | 0x80);
        *p = (unsigned char)u;
        return p + 1;
    }
    bytes = (70 - (size_t)__builtin_clzll(u)) / 7;
    x = (u & 0x000000000fffffff) | (u & 0x00fffffff0000000) << 4;
    x = (x & 0x00003fff00003fff) | (x & 0x0fffc0000fffc000) << 2;
    x = (x & 0x007f007f007f007f) | (x & 0x3f803f803f803f80) << 1;
    x |= UINT64_C(0x8080808080808080) & (((uint64_t)1 << (8 * (bytes - 1))) - 1);
    df__avro_store(p, x);
    return p + bytes;
}

/* An int or long; without asking for room: the slack has it. */
static inline void df__avro_add_long(df__encoder *e, int64_t v)
{
    e->p = df__avro_write_long(e->p, v);
}

/* memcpy of what is mostly short, without the call. */
static inline void df__avro_copy(unsigned char *to, const void *from, size_t len)
{
    const unsigned char *f = from;
    if (len <= 16) {
        df__copy((char *)to, from, len);
    } else if (len <= 32) {
        memcpy(to, f, 16);
        memcpy(to + len - 16, f + len - 16, 16);
    } else {
        memcpy(to, f, len);
    }
}

/* The length, then the bytes. DF_ENOMEM. */
static inline int df__avro_add_bytes(df__encoder *e, const void *data, size_t len)
{
    if (!df__avro_room(e, len))
        return DF_ENOMEM;
    df__avro_add_long(e, (int64_t)len);
    df__avro_copy(e->p, data, len);
    e->p += len;
    return DF_OK;
}
/* The bytes alone. DF_ENOMEM. */
int df__avro_add_raw(df__encoder *e, const void *data, size_t len);

/* ---- values that are of the very type: encode_plain.c ---------------------------------------- */

enum df__avro_plain {
    DF__AVRO_OTHER,
    DF__AVRO_PLAIN_INT,
    DF__AVRO_PLAIN_LONG,
    DF__AVRO_PLAIN_DOUBLE,
    DF__AVRO_PLAIN_STRING,
    DF__AVRO_PLAIN_BOOLEAN,
    DF__AVRO_PLAIN_MILLIS,
    DF__AVRO_PLAIN_MICROS
};

struct df__avro_row { /* a field */
    df_bytes name;
    uint8_t plain;       /* of its type, or of the other type of an optional one */
    uint8_t optional;    /* a union of null and another type */
    uint8_t null, other; /* how their branches are written */
};

/* How most values of a type are written: kept in n->plain. */
enum df__avro_plain df__avro_plain_of(const df__avro_type *n);
/* Fills the rows of a record's fields, in the arena of its schema. DF_ENOMEM. */
int df__avro_rows(df__arena *a, df__avro_type *n);
/* Writes one value. 0: it is for type->put. */
int df__avro_put_plain(df__encoder *e, unsigned plain, const yyjson_val *v);
/* Writes members from `key` on as long as they are plain, and in the order of the fields; answers
 * how many. The other `count` - that begin at *key. */
size_t df__avro_put_row(df__encoder *e, const df__avro_row *rows, size_t count,
                        const yyjson_val **key);

/* Writes a value of the type: plainly where it can, else by its own function. As df__aput_fn. */
static inline int df__avro_put(df__encoder *e, const df__avro_type *n, const void *v)
{
    if (n->plain != DF__AVRO_OTHER && df__avro_put_plain(e, n->plain, df__val(v)))
        return DF_OK;
    return n->put(e, n, v);
}

/* ---- refusing -------------------------------------------------------------------------------- */

/* What a value is, by its handle: DF_V_... */
static inline int df__avro_kind(const void *v)
{
    df_value x;
    df__value_fill(v, &x);
    return x.type;
}

/* DF_EDATA, with the text as by printf in e->why, cut; no text while a branch is tried.
 * Types and names only: a value of a record is not shown. */
int df__avro_refuse(df__encoder *e, const char *format, ...) DF_PRINTF(2, 3);
/* The same for a value of DF_V_... `type` where n was wanted. */
int df__avro_mismatch(df__encoder *e, const df__avro_type *n, int type);

#endif
