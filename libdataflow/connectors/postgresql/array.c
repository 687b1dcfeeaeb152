/* SPDX-License-Identifier: Apache-2.0
 * array.c: a JSON array as the literal of a PostgreSQL array: {1,NULL,"a b",{...}}. The server
 * takes at most six dimensions, and every element of one dimension must have the same length. */
#include <string.h>

#include "copytext.h"
#include "plain.h"

enum { DEPTH = 6 };

typedef struct shape {
    size_t length[DEPTH];
    int depth;  /* dimensions seen; 0 until the first scalar */
    int leaves; /* the depth at which elements stand; 0: none seen */
} shape;

static int refuse(df__pg_convert *c, const char *why)
{
    c->why = why;
    return DF_EDATA;
}

static int put_scalar(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b)
{
    df__pg_plain plain;
    if (v->type == DF_V_NULL || v->type == DF_V_UNCHANGED) {
        df__buf_str(b, "NULL");
        return DF_OK;
    }
    int rc = df__pg_plain_value(c, type, v, &plain);
    if (rc != DF_OK) {
        return rc;
    }
    rc = df__pg_escape_element(b, plain.text, plain.len);
    return rc == DF_EDATA ? refuse(c, "an element holds a NUL byte") : rc;
}

/* JSON elements may be arrays themselves: there only the outermost array is a dimension. */
static int is_dimension(const df__pg_type *type, const df_value *v)
{
    return v->type == DF_V_ARRAY && type->kind != PG_JSON && type->kind != PG_JSONB;
}

static int put_array(df__pg_convert *c, const df__pg_type *type, const df_value *v, int depth,
                     shape *sh, df__buf *b);

static int put_element(df__pg_convert *c, const df__pg_type *type, const df_value *v, int depth,
                       shape *sh, df__buf *b)
{
    if (is_dimension(type, v)) {
        if (depth + 1 >= DEPTH) {
            return refuse(c, "more than six dimensions");
        }
        return put_array(c, type, v, depth + 1, sh, b);
    }
    if (sh->leaves != 0 && sh->leaves != depth + 1) {
        return refuse(c, "values and arrays are mixed");
    }
    sh->leaves = depth + 1;
    return put_scalar(c, type, v, b);
}

static int put_array(df__pg_convert *c, const df__pg_type *type, const df_value *v, int depth,
                     shape *sh, df__buf *b)
{
    df_walk walk;
    int rc = DF_OK;
    size_t count = 0;
    if (depth > 0 && v->len == 0) {
        return refuse(c, "an empty array inside an array");
    }
    if (sh->depth <= depth) {
        sh->depth = depth + 1;
        sh->length[depth] = v->len;
    }
    if (sh->length[depth] != v->len || (sh->leaves != 0 && sh->leaves <= depth)) {
        return refuse(c, "inner arrays differ in length");
    }
    memset(&walk, 0, sizeof walk);
    df__buf_char(b, '{');
    while (rc == DF_OK && (rc = df_value_walk(v, &walk)) == DF_OK) {
        if (count++ > 0) {
            df__buf_char(b, type->delim);
        }
        rc = put_element(c, type, &walk.value, depth, sh, b);
    }
    df__buf_char(b, '}');
    rc = rc == DF_DONE ? DF_OK : rc;
    return rc == DF_OK && b->failed ? DF_ENOMEM : rc;
}

int df__pg_plain_array(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b)
{
    shape sh;
    memset(&sh, 0, sizeof sh);
    if (v->type == DF_V_STRING && v->len > 0 && (v->text[0] == '{' || v->text[0] == '[')) {
        int rc = df__pg_escape(b, v->text, v->len);
        return rc == DF_EDATA ? refuse(c, "holds a NUL byte") : rc;
    }
    if (v->type != DF_V_ARRAY) {
        return refuse(c, "not an array");
    }
    return put_array(c, type, v, 0, &sh, b);
}
