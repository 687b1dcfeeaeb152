/* SPDX-License-Identifier: Apache-2.0
 * defaults.c: the JSON of a field's default to the bytes that a writer would write. So an encoder
 * copies it, and a decoder reads it like any other value. */
#include "formats/avro/type.h"

#include <math.h>

#include "record/number.h"

typedef struct filler {
    df__buf *out;
    const char **why;
    size_t depth, steps;
} filler;

enum { FILL_DEPTH = 100, FILL_STEPS = 1000000 };

static int fill(filler *f, const df__avro_type *n, const df_value *v);

static int refuse(filler *f, const char *why)
{
    *f->why = why;
    return DF_EDATA;
}

static int fill_int(filler *f, const df__avro_type *n, const df_value *v)
{
    int64_t i;
    if (df_value_int(v, &i) != DF_OK ||
        (n->kind == DF__AVRO_INT && (i < INT32_MIN || i > INT32_MAX)))
        return refuse(f, n->kind == DF__AVRO_INT ? "is no int" : "is no long");
    df__avro_put_long(f->out, i);
    return DF_OK;
}

static int special(const df_value *v, double *ret)
{
    df_bytes text = {v->text, v->len};
    if (v->type != DF_V_STRING)
        return 0;
    *ret = df__bytes_are(text, "NaN")         ? NAN
           : df__bytes_are(text, "-Infinity") ? -INFINITY
                                              : INFINITY;
    return *ret != INFINITY || df__bytes_are(text, "Infinity");
}

static int fill_double(filler *f, const df__avro_type *n, const df_value *v)
{
    uint64_t bits = 0;
    uint32_t half = 0;
    double d;
    float s;
    if (!special(v, &d) && df_value_double(v, &d) != DF_OK)
        return refuse(f, "is no number");
    s = (float)d;
    memcpy(&bits, &d, sizeof d);
    memcpy(&half, &s, sizeof s);
    df__avro_put_le(f->out, n->kind == DF__AVRO_FLOAT ? half : bits,
                    n->kind == DF__AVRO_FLOAT ? 4 : 8);
    return DF_OK;
}

/* Each character is a byte. 0: one is larger. */
static int add_latin1(df__buf *b, const df_value *v)
{
    const unsigned char *p = (const unsigned char *)v->text, *end = p + v->len;
    while (p < end) {
        unsigned c = *p++;
        if (c >= 0xc4)
            return 0;
        if (c >= 0xc2)
            c = (c & 3) << 6 | (*p++ & 0x3f);
        df__buf_char(b, (char)c);
    }
    return 1;
}

static int fill_bytes(filler *f, const df__avro_type *n, const df_value *v)
{
    df__buf b;
    int ok;
    if (v->type != DF_V_STRING)
        return refuse(f, "is no string");
    df__buf_init(&b, f->out->heap);
    ok = add_latin1(&b, v);
    if (ok && n->kind == DF__AVRO_BYTES)
        df__avro_put_bytes(f->out, b.data, b.len);
    else if (ok && b.len == n->size && b.len)
        df__buf_add(f->out, b.data, b.len);
    ok = ok && (n->kind == DF__AVRO_BYTES || b.len == n->size);
    f->out->failed |= b.failed;
    df__buf_free(&b);
    return ok ? DF_OK : refuse(f, "is no string of that many characters up to U+00FF");
}

static int fill_string(filler *f, const df__avro_type *n, const df_value *v)
{
    (void)n;
    if (v->type != DF_V_STRING)
        return refuse(f, "is no string");
    df__avro_put_bytes(f->out, v->text, v->len);
    return DF_OK;
}

static int fill_enum(filler *f, const df__avro_type *n, const df_value *v)
{
    for (size_t i = 0; v->type == DF_V_STRING && i < n->count; i++)
        if (df__bytes_same(n->symbols[i], (df_bytes){v->text, v->len})) {
            df__avro_put_long(f->out, (int64_t)i);
            return DF_OK;
        }
    return refuse(f, "is none of the symbols");
}

static int fill_items(filler *f, const df__avro_type *n, const df_value *v)
{
    df_walk w = {0};
    int rc = DF_OK;
    if (v->type != (n->kind == DF__AVRO_MAP ? DF_V_OBJECT : DF_V_ARRAY))
        return refuse(f, n->kind == DF__AVRO_MAP ? "is no object" : "is no list");
    if (v->len)
        df__avro_put_long(f->out, (int64_t)v->len);
    while (rc == DF_OK && df_value_walk(v, &w) == DF_OK) {
        if (n->kind == DF__AVRO_MAP)
            df__avro_put_bytes(f->out, w.name.data, w.name.len);
        rc = fill(f, n->item, &w.value);
    }
    df__avro_put_long(f->out, 0);
    return rc;
}

static int fill_record(filler *f, const df__avro_type *n, const df_value *v)
{
    int rc = DF_OK;
    if (v->type != DF_V_OBJECT)
        return refuse(f, "is no object");
    for (size_t i = 0; rc == DF_OK && i < n->count; i++) {
        df_value one;
        df_value_member(v, n->fields[i].name, &one);
        if (one.type != DF_V_ABSENT)
            rc = fill(f, n->fields[i].type, &one);
        else if (n->fields[i].fill.data)
            df__buf_add(f->out, n->fields[i].fill.data, n->fields[i].fill.len);
        else
            rc = refuse(f, "lacks a field of the record");
    }
    return rc;
}

/* The first branch that takes it. */
static int fill_union(filler *f, const df__avro_type *n, const df_value *v)
{
    size_t before = f->out->len;
    for (size_t i = 0; i < n->count; i++) {
        df__avro_put_long(f->out, (int64_t)i);
        if (fill(f, n->branches[i], v) == DF_OK)
            return DF_OK;
        f->out->len = before;
    }
    return refuse(f, "is of none of the union's types");
}

static int fill_null(filler *f, const df__avro_type *n, const df_value *v)
{
    (void)n;
    return v->type == DF_V_NULL ? DF_OK : refuse(f, "is not null");
}

static int fill_boolean(filler *f, const df__avro_type *n, const df_value *v)
{
    (void)n;
    if (v->type != DF_V_BOOL)
        return refuse(f, "is no boolean");
    df__buf_char(f->out, (char)(v->u.i != 0));
    return DF_OK;
}

static int fill(filler *f, const df__avro_type *n, const df_value *v)
{
    static int (*const by_type[DF__AVRO_KINDS])(filler *, const df__avro_type *,
                                                const df_value *) = {
        [DF__AVRO_NULL] = fill_null,     [DF__AVRO_BOOLEAN] = fill_boolean,
        [DF__AVRO_INT] = fill_int,       [DF__AVRO_LONG] = fill_int,
        [DF__AVRO_FLOAT] = fill_double,  [DF__AVRO_DOUBLE] = fill_double,
        [DF__AVRO_BYTES] = fill_bytes,   [DF__AVRO_STRING] = fill_string,
        [DF__AVRO_FIXED] = fill_bytes,   [DF__AVRO_ENUM] = fill_enum,
        [DF__AVRO_RECORD] = fill_record, [DF__AVRO_ARRAY] = fill_items,
        [DF__AVRO_MAP] = fill_items,     [DF__AVRO_UNION] = fill_union};
    int rc;
    if (f->depth >= FILL_DEPTH || f->steps++ >= FILL_STEPS || f->out->len > DF__AVRO_BYTES_MAX)
        return refuse(f, "is nested too deep, or too large");
    f->depth++;
    rc = by_type[n->kind](f, n, v);
    f->depth--;
    return rc;
}

int df__avro_fill(const df__avro_type *n, const df_value *json, df__buf *out, const char **why)
{
    filler f = {out, why, 0, 0};
    return fill(&f, n, json);
}
