/* SPDX-License-Identifier: Apache-2.0
 * program.h: what a pair of schemas is compiled to: a flat list of operations, each of which reads
 * a piece of the body and puts values, in the form of a parsed tree, after those before. Only for
 * formats/avro. */
#ifndef DF_AVRO_PROGRAM_H
#define DF_AVRO_PROGRAM_H

#include "formats/avro/type.h"
#include "record/tree.h"

typedef struct df__machine df__machine;
typedef struct df__aop df__aop;
/* Does its part; answers the next operation, or NULL: done, or failed. */
typedef const df__aop *df__aop_fn(df__machine *m, const df__aop *o);

/* Operations that mostly read a value of fixed form: see decode_plain.c. */
enum df__aop_plain {
    DF__AOP_OTHER,
    DF__AOP_INT,
    DF__AOP_LONG,
    DF__AOP_SCALED,
    DF__AOP_DOUBLE,
    DF__AOP_BOOLEAN,
    DF__AOP_STRING,
    DF__AOP_OPTIONAL
};

struct df__aop {
    df__aop_fn *run;
    uint32_t plain; /* enum df__aop_plain */
    uint32_t keyed; /* 1: it has a key */
    yyjson_val key; /* of a member, to put before the value; tag 0: none */
    uint64_t tag;   /* of the value, where it is always the same */
    uint32_t to;    /* another operation */
    uint32_t count; /* members, branches, symbols, bytes of a fixed; what a unit is multiplied by */
    const void *table; /* operations of branches, names of symbols, bytes of a default, a text */
};

typedef struct df__aframe { /* something that is open */
    const df__aop *back;
    size_t open; /* the container's place among the values; of a part that is thrown away: where it
                    begins */
    int container;
    uint64_t left; /* items of the block */
    size_t count;
    const unsigned char *block_end; /* NULL: the block does not say */
    const unsigned char *at, *end;  /* of a default: the body to go back to */
} df__aframe;

struct df__machine {
    yyjson_val *at, *limit;       /* the next value; there is room for some before the limit */
    const unsigned char *p, *end; /* the body */
    const df_avro_program *program;
    df__aframe *frames, *top; /* top: the innermost; frames[0] is none */
    size_t depth;             /* that there is room for */
    yyjson_val *vals;
    df__arena *arena;
    size_t budget, spent; /* values that the body may have; those thrown away so far */
    df__avro_error *error;
    int rc;
};

struct df_avro_program {
    const df__heap *heap;
    df_avro_schema *writer, *reader;
    df__aop *ops;
    size_t count, cap, holds;
    unsigned flags;
    df_schema *columns; /* of what it reads; NULL: no record */
    size_t usual;       /* values that the largest record so far had: what to begin with */
    df__arena arena;    /* tables */
};

/* The columns of records that are read as `root`, with flags DF_AVRO_...; *ret NULL: their value is
 * no object, or not always one. DF_ENOMEM. */
int df__avro_columns(const df__heap *heap, const df__avro_type *root, unsigned flags,
                     df_schema **ret);

enum { DF__AVRO_ROOM = 10 }; /* values that one operation puts at most */

/* The place of the value of o; its key, if any, is before it. */
static inline yyjson_val *df__aop_place(df__machine *m, const df__aop *o)
{
    yyjson_val *v = m->at;
    if (o->key.tag)
        *v++ = o->key;
    m->at = v + 1;
    return v;
}

/* NULL, with the text and the path. `o` has a key that was not put yet; or it is NULL. */
const df__aop *df__aop_fail(df__machine *m, const df__aop *o, const char *format, ...)
    DF_PRINTF(3, 4);
/* The same, of a body that ends within a value. */
const df__aop *df__aop_short(df__machine *m, const df__aop *o);

/* The rest of df__aop_long: numbers of three bytes and more. 1; 0: failed. */
int df__aop_long_slow(df__machine *m, const df__aop *o, uint64_t *ret);
/* 1: no byte has its top bit; eight bytes at a time, the last eight overlapping. */
static inline int df__is_ascii(const char *p, size_t len)
{
    uint64_t all = 0;
    size_t at;
    if (len < 8) {
        for (at = 0; at < len; at++)
            all |= (unsigned char)p[at];
        return (all & 0x80) == 0;
    }
    for (at = 0; at + 8 <= len; at += 8)
        all |= df__load8(p + at);
    return ((all | df__load8(p + len - 8)) & UINT64_C(0x8080808080808080)) == 0;
}

/* Reads an int or long. 1; 0: the body ends, or it is no number: failed. */
static inline int df__aop_long(df__machine *m, const df__aop *o, int64_t *ret)
{
    uint64_t u;
    if (m->p < m->end && *m->p < 0x80) {
        u = *m->p++;
    } else if (m->end - m->p >= 2 && m->p[1] < 0x80) {
        u = (uint64_t)(m->p[0] & 0x7f) | (uint64_t)m->p[1] << 7;
        m->p += 2;
    } else if (!df__aop_long_slow(m, o, &u)) {
        return 0;
    }
    *ret = df__unzigzag(u);
    return 1;
}

/* Does operations from `o` on as long as each is plain, and its value is there and as it mostly is;
 * answers the first that is not. */
const df__aop *df__aop_plainly(df__machine *m, const df__aop *o);

/* What reads a value of type w as one of type r; NULL: it cannot be. Fills tag, count, plain. */
df__aop_fn *df__aop_scalar(const df__avro_type *w, const df__avro_type *r, df__aop *o);

df__aop_fn df__aop_enum, df__aop_never, df__aop_map_key;
df__aop_fn df__aop_call, df__aop_return, df__aop_list, df__aop_next, df__aop_union, df__aop_jump;
df__aop_fn df__aop_optional;
df__aop_fn df__aop_wrap, df__aop_unwrap, df__aop_drop, df__aop_dropped;
df__aop_fn df__aop_fill, df__aop_filled, df__aop_end;

#endif
