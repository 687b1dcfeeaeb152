/* SPDX-License-Identifier: Apache-2.0
 * object.c: a row as one object, for tools. */
#include "formats/parquet/read.h"
#include "record/tree.h"

static size_t values_of(const df_value *v)
{
    const yyjson_val *at = v->u.node;
    return v->type == DF_V_OBJECT || v->type == DF_V_ARRAY ? (size_t)(df__after(at) - at) : 1;
}

int df__parquet_next_object(df__parquet_file *f, df__arena *arena, df_value *ret,
                            df__parquet_error *error)
{
    df_value *values = f->row_values;
    size_t total = 1, n = f->wanted_count;
    yyjson_val *v, *at;
    int rc = df__parquet_next(f, arena, values, error);
    if (rc != DF_OK)
        return rc;
    for (size_t i = 0; i < n; i++)
        total += 1 + values_of(&values[i]);
    v = df__arena_alloc(arena, total * sizeof *v);
    if (!v)
        return DF_ENOMEM;
    v->tag = (uint64_t)n << YYJSON_TAG_BIT | DF__NODE_OBJ;
    v->uni.ofs = total * sizeof *v;
    at = v + 1;
    for (size_t i = 0; i < n; i++) {
        size_t count = values_of(&values[i]);
        *at++ = f->plan.children[i].key;
        if (count > 1 || values[i].type >= DF_V_ARRAY)
            memcpy(at, values[i].u.node, count * sizeof *at);
        else
            df__pq_place(at, &values[i]);
        at += count;
    }
    memset(ret, 0, sizeof *ret);
    ret->type = DF_V_OBJECT;
    ret->u.node = v;
    ret->len = n;
    return DF_OK;
}
