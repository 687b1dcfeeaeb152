/* SPDX-License-Identifier: Apache-2.0
 * decode_plain.c: rows of plain values in one loop: most fields of most records. Each operation
 * here has a function of its own as well (scalar.c), which has all the checks and the texts;
 * what is not as it mostly is, the last bytes of a body too, is left to that. */
#include "formats/avro/program.h"

/* So many bytes are there for any number, and are loaded at once. */
enum { AHEAD = 10 };

/* 1; 0: it has more than eight bytes. */
static inline int read_long(const unsigned char **p, int64_t *ret)
{
    uint64_t x = df__avro_load(*p), stop;
    if (!(x & 0x80)) {
        *ret = df__unzigzag(x & 0x7f);
        *p += 1;
        return 1;
    }
    stop = ~x & UINT64_C(0x8080808080808080);
    if (!stop)
        return 0;
    *p += __builtin_ctzll(stop) / 8 + 1;
    x &= stop ^ (stop - 1); /* the bytes up to the one without the top bit; seven bits of each: */
    x &= UINT64_C(0x7f7f7f7f7f7f7f7f);
    x = (x & UINT64_C(0x007f007f007f007f)) | (x & UINT64_C(0x7f007f007f007f00)) >> 1;
    x = (x & UINT64_C(0x00003fff00003fff)) | (x & UINT64_C(0x3fff00003fff0000)) >> 2;
    x = (x & UINT64_C(0x000000000fffffff)) | (x & UINT64_C(0x0fffffff00000000)) >> 4;
    *ret = df__unzigzag(x);
    return 1;
}

static inline int read_string(const unsigned char **p, const unsigned char *end, yyjson_val *v)
{
    int64_t len;
    if (!read_long(p, &len) || len < 0 || len > end - *p ||
        !df__is_ascii((const char *)*p, (size_t)len))
        return 0;
    v->tag = (uint64_t)len << YYJSON_TAG_BIT | YYJSON_TYPE_STR;
    v->uni.str = (const char *)*p;
    *p += len;
    return 1;
}

/* 1: *v is the value; 0: nothing is read. */
static inline int read_plain(const df__aop *o, const unsigned char **p, const unsigned char *end,
                             yyjson_val *v)
{
    v->tag = o->tag;
    switch (o->plain) {
    case DF__AOP_INT:
        return read_long(p, &v->uni.i64) && v->uni.i64 == (int32_t)v->uni.i64;
    case DF__AOP_LONG:
        return read_long(p, &v->uni.i64);
    case DF__AOP_SCALED:
        return read_long(p, &v->uni.i64) &&
               !__builtin_mul_overflow(v->uni.i64, (int64_t)o->count, &v->uni.i64);
    case DF__AOP_DOUBLE:
        v->tag = DF__NODE_DOUBLE;
        v->uni.u64 = df__avro_load(*p);
        *p += 8;
        return 1;
    case DF__AOP_BOOLEAN:
        v->tag = YYJSON_TYPE_BOOL | (**p ? YYJSON_SUBTYPE_TRUE : YYJSON_SUBTYPE_FALSE);
        return *(*p)++ <= 1;
    case DF__AOP_STRING:
        return read_string(p, end, v);
    default:
        return 0;
    }
}

/* A null is read, or the other branch, whose value is that of the next operation. */
static inline const df__aop *read_optional(df__machine *m, const df__aop *o,
                                           const unsigned char **p, yyjson_val **at)
{
    unsigned null = 2 * o->count;
    if (**p == 2 - null) {
        ++*p;
        return o + 1;
    }
    if (**p != null)
        return NULL;
    ++*p;
    **at = o->key;
    *at += o->keyed;
    (*at)++->tag = YYJSON_TYPE_NULL;
    return &m->program->ops[o->to];
}

const df__aop *df__aop_plainly(df__machine *m, const df__aop *o)
{
    const unsigned char *p = m->p, *end = m->end, *next;
    yyjson_val *at = m->at, *limit = m->limit, *v;
    while (o->plain != DF__AOP_OTHER && end - p >= AHEAD && at <= limit) {
        if (o->plain == DF__AOP_OPTIONAL) {
            const df__aop *follows = read_optional(m, o, &p, &at);
            if (!follows)
                break;
            o = follows;
            continue;
        }
        next = p;
        *at = o->key;
        v = at + o->keyed;
        if (!read_plain(o, &next, end, v))
            break;
        p = next;
        at = v + 1;
        o++;
    }
    m->p = p;
    m->at = at;
    return o;
}
