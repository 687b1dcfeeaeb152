/* SPDX-License-Identifier: Apache-2.0
 * encode_union.c: which branch of a union a value is written as: the one that it names in a
 * wrapper, else the one that keeps all of it and changes least, and of several such the first. */
#include "formats/avro/encode.h"

/* Bits of DF_V_... that a type may be written from, so that most branches need no try. */
#define BIT(t) (1u << (t))
#define NUMBERS (BIT(DF_V_INT) | BIT(DF_V_NUMBER) | BIT(DF_V_DOUBLE))
#define TIMES (BIT(DF_V_TIMESTAMP) | BIT(DF_V_DATE) | BIT(DF_V_TIME))
static const unsigned takes[DF__AVRO_TYPES] = {
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

static int put_branch(df__encoder *e, const df__avro_node *u, size_t i, const df_value *v)
{
    df__avro_put_long(e->out, (int64_t)i);
    return df__avro_put(e, u->branches[i], v);
}

/* What it costs to write v as that branch; UINT64_MAX: it cannot be, or no memory. */
static uint64_t try_branch(df__encoder *e, const df__avro_node *u, size_t i, const df_value *v)
{
    size_t before = e->out->len;
    uint64_t cost = e->cost, spent = UINT64_MAX;
    e->cost = 0;
    e->trial++;
    if (put_branch(e, u, i, v) == DF_OK)
        spent = e->cost;
    e->trial--;
    e->cost = cost;
    e->out->len = before;
    return spent;
}

static int is_named(const df__avro_node *n, df_bytes name)
{
    char buf[64];
    const char *own;
    size_t len = df__avro_branch_name(n, buf, &own);
    return df__bytes_same(name, (df_bytes){own, len}) || df__bytes_same(name, n->name);
}

/* {"long": 1}: the branch that is named, when its value fits it; u->count: it is no wrapper. */
static size_t wrapped(df__encoder *e, const df__avro_node *u, const df_value *v, df_walk *ret)
{
    if (v->type != DF_V_OBJECT || v->len != 1 || df_value_walk(v, ret) != DF_OK)
        return u->count;
    for (size_t i = 0; i < u->count; i++)
        if (is_named(u->branches[i], ret->name) && try_branch(e, u, i, &ret->value) != UINT64_MAX)
            return i;
    return u->count;
}

/* The branches that may take the value; *ret_last is one. */
static size_t candidates(const df__avro_node *u, const df_value *v, size_t *ret_last)
{
    size_t count = 0;
    for (size_t i = 0; i < u->count; i++)
        if (takes[u->branches[i]->type] & BIT(v->type)) {
            *ret_last = i;
            count++;
        }
    return count;
}

static int none(df__encoder *e, const df__avro_node *u)
{
    if (e->steps >= DF__AVRO_STEPS)
        return df__avro_refuse(e, "too many ways to write it, with unions inside of unions: name "
                                  "the branches, {\"type.name\": value}");
    return df__avro_refuse(e, "none of the %zu types of the union can be written without a loss",
                           u->count);
}

int df__avro_put_union(df__encoder *e, const df__avro_node *u, const df_value *v)
{
    size_t best = u->count, count;
    uint64_t least = UINT64_MAX;
    df_walk w = {0};
    size_t i = wrapped(e, u, v, &w);
    if (i < u->count)
        return put_branch(e, u, i, &w.value);
    count = candidates(u, v, &best);
    if (count == 0)
        return none(e, u);
    if (count == 1)
        return put_branch(e, u, best, v);
    for (i = 0; i < u->count && least; i++) {
        uint64_t cost;
        if (!(takes[u->branches[i]->type] & BIT(v->type)))
            continue;
        cost = try_branch(e, u, i, v);
        if (cost < least) {
            least = cost;
            best = i;
        }
    }
    if (e->rc == DF_ENOMEM)
        return e->rc;
    return least == UINT64_MAX ? none(e, u) : put_branch(e, u, best, v);
}
