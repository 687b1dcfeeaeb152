/* SPDX-License-Identifier: Apache-2.0
 * decode_fail.c: where and why a body cannot be read, and numbers long enough to fail. */
#include "formats/avro/program.h"

#include <stdarg.h>

enum { SHOWN_PATH = 200 };

/* The step from an open container to the value at `to`, which is one of its children or follows
 * all of them. */
static void put_step(df__buf *b, const yyjson_val *container, const yyjson_val *to)
{
    const yyjson_val *v = container + 1;
    int object = df__type(container) == DF__NODE_OBJ;
    size_t index = 0;
    for (; v + object < to; index++)
        v = df__after(v + object);
    if (!object)
        df__buf_printf(b, "[%zu]", index);
    else if (v < to)
        df__buf_printf(b, ".%.*s", (int)(df__len(v) < 80 ? df__len(v) : 80), v->uni.str);
}

static void put_path(const df__machine *m, df__buf *b)
{
    const df__aframe *f = m->frames + 1, *inner;
    df__buf_char(b, '$');
    for (; f <= m->top && b->len < SHOWN_PATH; f++) {
        if (!f->container)
            continue;
        for (inner = f + 1; inner <= m->top && !inner->container; inner++)
            ;
        put_step(b, &m->vals[f->open], inner <= m->top ? &m->vals[inner->open] : m->at);
    }
}

const df__aop *df__aop_fail(df__machine *m, const df__aop *o, const char *format, ...)
{
    char text[200];
    va_list args;
    df__buf b;
    m->rc = DF_EDATA;
    if (o && o->key.tag) /* the path ends at its key */
        *m->at++ = o->key;
    va_start(args, format);
    df__text_vprintf(text, sizeof text, format, args);
    va_end(args);
    df__buf_init(&b, m->program->heap);
    put_path(m, &b);
    df__text_printf(m->error->text, sizeof m->error->text, "Avro: %.250s: %s",
                    df__buf_cstr(&b) ? b.data : "$", text);
    df__buf_free(&b);
    return NULL;
}

const df__aop *df__aop_short(df__machine *m, const df__aop *o)
{
    return df__aop_fail(m, o, "the body ends inside of the value");
}

int df__aop_long_slow(df__machine *m, const df__aop *o, uint64_t *ret)
{
    uint64_t u = 0;
    unsigned shift = 0;
    for (;; shift += 7) {
        unsigned c;
        if (m->p == m->end)
            return df__aop_short(m, o), 0;
        c = *m->p++;
        if (shift == 63 && c > 1)
            return df__aop_fail(m, o, "a number has more than 64 bits"), 0;
        u |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            break;
    }
    *ret = u;
    return 1;
}
