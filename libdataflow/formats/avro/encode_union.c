/* SPDX-License-Identifier: Apache-2.0
 * encode_union.c: which branch of a union a value is written as: the one that it names in a
 * wrapper, else the one that keeps all of it and changes least, and of several such the first. */
#include "formats/avro/encoder.h"

/* Bits of DF_V_... that a type may be written from, so that most branches need no try. */
#define BIT(t) (1u << (t))
#define NUMBERS (BIT(DF_V_INT) | BIT(DF_V_NUMBER) | BIT(DF_V_DOUBLE))
#define TIMES (BIT(DF_V_TIMESTAMP) | BIT(DF_V_DATE) | BIT(DF_V_TIME))
static const unsigned takes[DF__AVRO_KINDS] = {
    [DF__AVRO_NULL] = BIT(DF_V_NULL),
    [DF__AVRO_BOOLEAN] = BIT(DF_V_BOOL),
    [DF__AVRO_INT] = NUMBERS | TIMES | BIT(DF_V_STRING),
    [DF__AVRO_LONG] = NUMBERS | TIMES | BIT(DF_V_STRING),
    [DF__AVRO_FLOAT] = NUMBERS | BIT(DF_V_STRING),
    [DF__AVRO_DOUBLE] = NUMBERS | BIT(DF_V_STRING),
    [DF__AVRO_BYTES] = NUMBERS | BIT(DF_V_BYTES) | BIT(DF_V_STRING),
    [DF__AVRO_STRING] = TIMES | BIT(DF_V_STRING),
    [DF__AVRO_FIXED] = NUMBERS | BIT(DF_V_BYTES) | BIT(DF_V_STRING) | BIT(DF_V_OBJECT),
    [DF__AVRO_ENUM] = BIT(DF_V_STRING),
    [DF__AVRO_RECORD] = BIT(DF_V_OBJECT),
    [DF__AVRO_ARRAY] = BIT(DF_V_ARRAY),
    [DF__AVRO_MAP] = BIT(DF_V_OBJECT)};

/* The type may be written from such a value. */
static int may_take(const df__avro_type *n, int kind)
{
    return n->logical == DF__AVRO_AS_TEXT ? kind > DF_V_NULL : (int)(takes[n->kind] >> kind & 1);
}

static int put_branch(df__encoder *e, const df__avro_type *u, size_t i, const void *v)
{
    df__avro_add_long(e, (int64_t)i);
    return df__avro_put(e, u->branches[i], v);
}

/* What it costs to write v as that branch; UINT64_MAX: it cannot be, or no memory. */
static uint64_t try_branch(df__encoder *e, const df__avro_type *u, size_t i, const void *v)
{
    size_t before = df__avro_length(e);
    uint64_t cost = e->cost, spent = UINT64_MAX;
    e->cost = 0;
    e->trial++;
    if (put_branch(e, u, i, v) == DF_OK)
        spent = e->cost;
    e->trial--;
    e->cost = cost;
    df__avro_back(e, before);
    return spent;
}

static int is_named(const df__avro_type *n, df_bytes name)
{
    char buf[64];
    const char *own;
    size_t len = df__avro_branch_name(n, buf, &own);
    return df__bytes_same(name, (df_bytes){own, len}) || df__bytes_same(name, n->name);
}

/* {"long": 1}: the branch that is named, when its value fits it; u->count: it is no wrapper. */
static size_t wrapped(df__encoder *e, const df__avro_type *u, const void *v, const void **ret)
{
    const yyjson_val *key;
    df_bytes name;
    if (df__type(df__val(v)) != DF__NODE_OBJ || df__len(df__val(v)) != 1)
        return u->count;
    *ret = df__child_first(v);
    key = df__child_key(v, *ret);
    name = (df_bytes){key->uni.str, df__len(key)};
    for (size_t i = 0; i < u->count; i++)
        if (is_named(u->branches[i], name) && try_branch(e, u, i, *ret) != UINT64_MAX)
            return i;
    return u->count;
}

/* The branches that may take the value; *ret_last is one. */
static size_t candidates(const df__avro_type *u, int kind, size_t *ret_last)
{
    size_t count = 0;
    for (size_t i = 0; i < u->count; i++)
        if (may_take(u->branches[i], kind)) {
            *ret_last = i;
            count++;
        }
    return count;
}

static int none(df__encoder *e, const df__avro_type *u)
{
    if (e->steps >= DF__AVRO_STEPS)
        return df__avro_refuse(e, "too many ways to write it, with unions inside of unions: name "
                                  "the branches, {\"type.name\": value}");
    return df__avro_refuse(e, "none of the %zu types of the union can be written without a loss",
                           u->count);
}

int df__avro_put_union(df__encoder *e, const df__avro_type *u, const void *v)
{
    size_t best = u->count, count;
    uint64_t least = UINT64_MAX;
    const void *inner = NULL;
    size_t i = wrapped(e, u, v, &inner);
    int kind = df__avro_kind(v);
    if (i < u->count)
        return put_branch(e, u, i, inner);
    count = candidates(u, kind, &best);
    if (count == 0)
        return none(e, u);
    if (count == 1)
        return put_branch(e, u, best, v);
    for (i = 0; i < u->count && least; i++) {
        uint64_t cost;
        if (!may_take(u->branches[i], kind))
            continue;
        cost = try_branch(e, u, i, v);
        if (cost < least) {
            least = cost;
            best = i;
        }
    }
    if (e->no_memory)
        return DF_ENOMEM;
    return least == UINT64_MAX ? none(e, u) : put_branch(e, u, best, v);
}

/* Null and one other type, and no wrapper: nothing to choose. */
int df__avro_put_optional(df__encoder *e, const df__avro_type *u, const void *v)
{
    const yyjson_val *x = df__val(v);
    int second = u->branches[0]->kind == DF__AVRO_NULL;
    const df__avro_type *of = u->branches[second];
    if (df__type(x) == YYJSON_TYPE_NULL) {
        *e->p++ = second ? 0 : 2;
        return DF_OK;
    }
    *e->p++ = second ? 2 : 0;
    if (df__avro_put_plain(e, of->plain, x))
        return DF_OK;
    e->p--;
    if (df__is_container(x) && df__len(x) == 1 && of->logical != DF__AVRO_AS_TEXT)
        return df__avro_put_union(e, u, v);
    if (!may_take(of, df__avro_kind(v)))
        return none(e, u);
    e->p++;
    return of->put(e, of, v);
}
