/* SPDX-License-Identifier: Apache-2.0
 * array.c: a JSON array as the literal of a PostgreSQL array: {1,NULL,"a b",{...}}, or, with one
 * dimension, in binary. The server takes at most six dimensions, and every element of one
 * dimension must have the same length. */
#include <string.h>

#include "binary.h"
#include "copytext.h"

enum { DEPTH = 6 };

/* One array on its way: where to, and the form that its first elements had. */
typedef struct writer {
    df__pg_convert *c;
    const df__pg_type *type;
    df__buf *b;
    size_t length[DEPTH];
    int depth;  /* dimensions seen; 0 until the first scalar */
    int leaves; /* the depth at which elements stand; 0: none seen */
} writer;

static int put_scalar(writer *w, const df_value *v)
{
    df__pg_plain plain;
    if (v->type == DF_V_NULL || v->type == DF_V_UNCHANGED) {
        df__buf_str(w->b, "NULL");
        return DF_OK;
    }
    int rc = df__pg_plain_value(w->c, w->type, v, &plain);
    if (rc != DF_OK)
        return rc;
    rc = df__pg_escape_element(w->b, plain.text, plain.len);
    return rc == DF_EDATA ? df__pg_refuse_value(w->c, PG_WHY_NUL) : rc;
}

/* JSON elements may be arrays themselves: there only the outermost array is a dimension. */
static int is_dimension(const df__pg_type *type, const df_value *v)
{
    return v->type == DF_V_ARRAY && type->kind != PG_KIND_JSON && type->kind != PG_KIND_JSONB;
}

static int put_array(writer *w, const df_value *v, int depth);

static int put_element(writer *w, const df_value *v, int depth)
{
    if (is_dimension(w->type, v)) {
        if (depth + 1 >= DEPTH)
            return df__pg_refuse_value(w->c, "more than six dimensions");
        return put_array(w, v, depth + 1);
    }
    if (w->leaves != 0 && w->leaves != depth + 1)
        return df__pg_refuse_value(w->c, "values and arrays are mixed");
    w->leaves = depth + 1;
    return put_scalar(w, v);
}

static int put_array(writer *w, const df_value *v, int depth)
{
    df_walk walk;
    int rc = DF_OK;
    size_t count = 0;
    if (depth > 0 && v->len == 0)
        return df__pg_refuse_value(w->c, "an empty array inside an array");
    if (w->depth <= depth) {
        w->depth = depth + 1;
        w->length[depth] = v->len;
    }
    if (w->length[depth] != v->len || (w->leaves != 0 && w->leaves <= depth))
        return df__pg_refuse_value(w->c, "inner arrays differ in length");
    memset(&walk, 0, sizeof walk);
    df__buf_char(w->b, '{');
    while (rc == DF_OK && (rc = df_value_walk(v, &walk)) == DF_OK) {
        if (count++ > 0)
            df__buf_char(w->b, w->type->delim);
        rc = put_element(w, &walk.value, depth);
    }
    df__buf_char(w->b, '}');
    rc = rc == DF_DONE ? DF_OK : rc;
    return rc == DF_OK && w->b->failed ? DF_ENOMEM : rc;
}

static int is_literal(const df_value *v)
{
    return v->type == DF_V_STRING && v->len > 0 && (v->text[0] == '{' || v->text[0] == '[');
}

int df__pg_plain_array(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b)
{
    writer w = {.c = c, .type = type, .b = b};
    if (is_literal(v)) {
        int rc = df__pg_escape(b, v->text, v->len);
        return rc == DF_EDATA ? df__pg_refuse_value(c, PG_WHY_NUL) : rc;
    }
    if (v->type != DF_V_ARRAY)
        return df__pg_refuse_value(c, "not an array");
    return put_array(&w, v, 0);
}

/* ---- binary --------------------------------------------------------------------------------- */

/* DF_MORE: an array in it. *ret_nulls is 1 when there are nulls. */
static int put_elements(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b,
                        uint32_t *ret_nulls)
{
    df_walk walk;
    int rc;
    memset(&walk, 0, sizeof walk);
    while ((rc = df_value_walk(v, &walk)) == DF_OK) {
        if (walk.value.type == DF_V_NULL || walk.value.type == DF_V_UNCHANGED) {
            df__pg_binary_u32(b, UINT32_MAX);
            *ret_nulls = 1;
            continue;
        }
        rc = is_dimension(type, &walk.value) ? DF_MORE
                                             : df__pg_binary_value(c, type, &walk.value, b);
        if (rc != DF_OK)
            return rc;
    }
    return rc == DF_DONE ? DF_OK : rc;
}

/* Number of dimensions, whether there are nulls, type of the elements; length of the dimension,
 * index of its first element; the elements. */
int df__pg_binary_array(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b)
{
    uint32_t nulls = 0;
    if (v->type != DF_V_ARRAY)
        return is_literal(v) ? DF_MORE : df__pg_refuse_value(c, "not an array");
    size_t at = df__pg_binary_open(b);
    df__pg_binary_u32(b, v->len > 0);
    df__pg_binary_u32(b, 0);
    df__pg_binary_u32(b, type->oid);
    if (v->len > 0) {
        df__pg_binary_u32(b, (uint32_t)v->len);
        df__pg_binary_u32(b, 1);
    }
    int rc = put_elements(c, type, v, b, &nulls);
    rc = rc == DF_OK ? df__pg_binary_close(b, at) : rc;
    if (rc == DF_OK) {
        nulls = __builtin_bswap32(nulls);
        memcpy(b->data + at + 4, &nulls, sizeof nulls);
    }
    return rc;
}
