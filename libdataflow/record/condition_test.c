/* SPDX-License-Identifier: Apache-2.0
 * condition_test.c: runs a compiled condition over a record. Nothing is allocated but the tree of
 * the record, once. */
#include "record/condition.h"

#include <math.h>
#include <string.h>

#include "record/timetext.h"

static int is_number(const df_value *v)
{
    return v->type == DF_V_INT || v->type == DF_V_NUMBER || v->type == DF_V_DOUBLE;
}

/* The text of a scalar; buf has room for what is not text yet. 0: a tree. */
static int scalar_text(const df_value *v, char *buf, df_bytes *ret)
{
    if (v->type == DF_V_ARRAY || v->type == DF_V_OBJECT)
        return 0;
    if (v->text)
        *ret = (df_bytes){v->text, v->len};
    else if (v->type == DF_V_BOOL)
        *ret = v->u.i ? (df_bytes){"true", 4} : (df_bytes){"false", 5};
    else
        *ret = (df_bytes){buf, v->type == DF_V_NULL ? 0 : df_value_text(v, buf, DF__TIMETEXT_MAX)};
    return 1;
}

static int decimal_of(const df_value *v, char *buf, df__decimal *ret)
{
    df_bytes text;
    return is_number(v) && scalar_text(v, buf, &text) &&
           df__decimal_parse(text.data, text.len, ret);
}

static int truth(const df_value *v)
{
    char buf[DF__TIMETEXT_MAX];
    df__decimal d;
    switch (v->type) {
    case DF_V_ABSENT:
    case DF_V_UNCHANGED:
    case DF_V_NULL:
        return 0;
    case DF_V_BOOL:
        return v->u.i != 0;
    case DF_V_INT:
        return v->u.i != 0;
    case DF_V_NUMBER:
        return decimal_of(v, buf, &d) && !d.zero;
    case DF_V_DOUBLE:
        return v->u.d < 0 || v->u.d > 0;
    case DF_V_STRING:
        return v->len != 0 && !(v->len == 5 && memcmp(v->text, "false", 5) == 0);
    case DF_V_BYTES:
        return v->len != 0;
    default:
        return 1;
    }
}

static int ordered(int diff, enum df__compare order)
{
    switch (order) {
    case DF__CMP_EQ:
        return diff == 0;
    case DF__CMP_NE:
        return diff != 0;
    case DF__CMP_LT:
        return diff < 0;
    case DF__CMP_LE:
        return diff <= 0;
    case DF__CMP_GT:
        return diff > 0;
    default:
        return diff >= 0;
    }
}

static int text_compare(df_bytes a, df_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int diff = len ? memcmp(a.data, b.data, len) : 0;
    return diff ? diff : (a.len > b.len) - (a.len < b.len);
}

static int compare(const df_value *v, const df__literal *lit, enum df__compare order)
{
    char buf[DF__TIMETEXT_MAX];
    df__decimal number;
    df_bytes text;
    if (v->type <= DF_V_UNCHANGED)
        return 0;
    if (order > DF__CMP_NE && (v->type == DF_V_NULL || lit->kind == DF__LIT_NULL))
        return 0;
    if (lit->kind == DF__LIT_NULL)
        return (v->type == DF_V_NULL) == (order == DF__CMP_EQ);
    if (lit->kind == DF__LIT_NUMBER && decimal_of(v, buf, &number))
        return ordered(df__decimal_compare(&number, &lit->number), order);
    if (lit->kind == DF__LIT_NUMBER && v->type == DF_V_DOUBLE) /* NaN, an infinity */
        return isnan(v->u.d) ? order == DF__CMP_NE : ordered(v->u.d > 0 ? 1 : -1, order);
    if (scalar_text(v, buf, &text))
        return ordered(text_compare(text, lit->text), order);
    return order <= DF__CMP_NE &&
           df__text_equals(v, lit->text.data, lit->text.len) == (order == DF__CMP_EQ);
}

static int match(const df_value *v, const df__pattern *pattern)
{
    char buf[DF__TIMETEXT_MAX];
    df_bytes text;
    return v->type > DF_V_UNCHANGED && scalar_text(v, buf, &text) &&
           df__pattern_matches(pattern, text.len ? text.data : "", text.len);
}

static int test(const df_condition *c, const df__op *op, const df_value *v)
{
    switch (op->code) {
    case DF__OP_COMPARE:
        return compare(v, &c->literals[op->literal], op->order);
    case DF__OP_IN:
        for (size_t i = 0; i < op->count; i++)
            if (compare(v, &c->literals[op->literal + i], DF__CMP_EQ))
                return 1;
        return 0;
    case DF__OP_MATCH:
        return match(v, c->patterns[op->literal]);
    default:
        return truth(v);
    }
}

/* DF_EDATA: the payload is not JSON, which makes the whole condition false. */
static int fetch(df_record *r, const df__operand *op, df_value *ret)
{
    int rc;
    if (!op->path)
        return df__meta_get(r, op->name, ret);
    rc = df_record_get(r, op->path, ret);
    if (rc == DF_ENOMEM) /* a record is never dropped for lack of memory */
        df_record_reject(r, rc, "out_of_memory", "no memory to read a field of a condition");
    return rc;
}

int df_condition_test(const df_condition *c, df_record *r)
{
    size_t at = 0;
    int truth_value = 0;
    while (at < c->op_count) {
        const df__op *op = &c->ops[at++];
        df_value v;
        if (op->code == DF__OP_NOT) {
            truth_value = !truth_value;
        } else if (op->code == DF__OP_JUMP_FALSE || op->code == DF__OP_JUMP_TRUE) {
            if (truth_value == (op->code == DF__OP_JUMP_TRUE))
                at = op->operand;
        } else {
            if (fetch(r, &c->operands[op->operand], &v) != DF_OK)
                return 0;
            truth_value = test(c, op, &v);
        }
    }
    return truth_value;
}
