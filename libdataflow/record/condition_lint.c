/* SPDX-License-Identifier: Apache-2.0
 * condition_lint.c: finds comparisons that cannot hold together, or that compare something else
 * than they seem to. It only speaks when it is sure. */
#include "record/condition.h"

#include <stdarg.h>
#include <string.h>

static void warn(df_condition *c, const char *format, ...) DF_PRINTF(2, 3);

/* The first warning stays. */
static void warn(df_condition *c, const char *format, ...)
{
    va_list args;
    if (c->warning[0])
        return;
    va_start(args, format);
    df__text_vprintf(c->warning, sizeof c->warning, format, args);
    va_end(args);
}

const char *df__condition_lint(const df_condition *c)
{
    return c->warning[0] ? c->warning : NULL;
}

static int short_len(df_bytes b)
{
    return (int)(b.len > 60 ? 60 : b.len);
}

/* ---- one comparison -------------------------------------------------------------------------- */

static int is_word(df_bytes text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

void df__condition_check_one(df_condition *c, const df__op *op)
{
    const df__operand *operand = &c->operands[op->operand];
    const df__literal *lit = op->code == DF__OP_COMPARE ? &c->literals[op->literal] : NULL;
    df__decimal number;
    df_bytes text = operand->text;
    if (is_word(text, "true") || is_word(text, "false") || is_word(text, "null") ||
        df__decimal_parse(text.data, text.len, &number))
        warn(c, "column %zu: '%.*s' is read as the field of that name, not as a value", op->column,
             short_len(text), (const char *)text.data);
    if (!lit || op->order <= DF__CMP_NE)
        return;
    if (lit->kind == DF__LIT_NULL)
        warn(c, "column %zu: nothing is less or greater than null; this is never true", op->column);
    else if (lit->kind == DF__LIT_TEXT && df__decimal_parse(lit->text.data, lit->text.len, &number))
        warn(c,
             "column %zu: '%.*s' in quotes is compared as text, where '10' is less than '9'; "
             "write the number without quotes",
             op->column, short_len(lit->text), (const char *)lit->text.data);
}

/* ---- two comparisons of one operand ---------------------------------------------------------- */

/* Could one value equal both? */
static int may_equal(const df__literal *a, const df__literal *b)
{
    df__decimal x, y;
    if (a->kind == DF__LIT_NULL || b->kind == DF__LIT_NULL) {
        const df__literal *other = a->kind == DF__LIT_NULL ? b : a;
        return other->kind == DF__LIT_NULL || other->text.len == 0;
    }
    if (a->text.len == b->text.len && memcmp(a->text.data, b->text.data, a->text.len) == 0)
        return 1;
    if (a->kind != DF__LIT_NUMBER && b->kind != DF__LIT_NUMBER)
        return 0;
    return df__decimal_parse(a->text.data, a->text.len, &x) &&
           df__decimal_parse(b->text.data, b->text.len, &y) && df__decimal_compare(&x, &y) == 0;
}

static size_t list_of(const df_condition *c, const df__op *op, const df__literal **ret)
{
    *ret = &c->literals[op->literal];
    if (op->code == DF__OP_IN)
        return op->count;
    return op->code == DF__OP_COMPARE && op->order == DF__CMP_EQ ? 1 : 0;
}

static int lists_exclude(const df_condition *c, const df__op *a, const df__op *b)
{
    const df__literal *x, *y;
    size_t m = list_of(c, a, &x), n = list_of(c, b, &y), i, j;
    for (i = 0; i < m; i++)
        for (j = 0; j < n; j++)
            if (may_equal(&x[i], &y[j]))
                return 0;
    return m && n;
}

/* == x && != x */
static int negation_excludes(const df_condition *c, const df__op *a, const df__op *b)
{
    const df__literal *x = &c->literals[a->literal], *y = &c->literals[b->literal];
    return a->code == DF__OP_COMPARE && b->code == DF__OP_COMPARE && a->order == DF__CMP_EQ &&
           b->order == DF__CMP_NE && x->kind == y->kind && x->text.len == y->text.len &&
           memcmp(x->text.data, y->text.data, x->text.len) == 0;
}

static int empty_range(int diff, enum df__compare low, enum df__compare high)
{
    return diff > 0 || (diff == 0 && (low != DF__CMP_GE || high != DF__CMP_LE));
}

/* > a && < b with nothing between, read as numbers and read as text. */
static int range_excludes(const df_condition *c, const df__op *low, const df__op *high)
{
    const df__literal *a = &c->literals[low->literal], *b = &c->literals[high->literal];
    size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
    int diff;
    if (low->code != DF__OP_COMPARE || high->code != DF__OP_COMPARE || low->order < DF__CMP_GT ||
        (high->order != DF__CMP_LT && high->order != DF__CMP_LE))
        return 0;
    if (a->kind == DF__LIT_NUMBER && b->kind == DF__LIT_NUMBER &&
        !empty_range(df__decimal_compare(&a->number, &b->number), low->order, high->order))
        return 0;
    diff = memcmp(a->text.data, b->text.data, len);
    if (diff == 0)
        diff = (a->text.len > b->text.len) - (a->text.len < b->text.len);
    return empty_range(diff, low->order, high->order);
}

static int has_literals(const df__op *op)
{
    return op->code == DF__OP_COMPARE || op->code == DF__OP_IN;
}

static int exclude(const df_condition *c, const df__op *a, const df__op *b)
{
    if (a->operand != b->operand || !has_literals(a) || !has_literals(b))
        return 0;
    return lists_exclude(c, a, b) || negation_excludes(c, a, b) || negation_excludes(c, b, a) ||
           range_excludes(c, a, b) || range_excludes(c, b, a);
}

/* Terms of the chain that are one comparison: not negated, not in a group with other terms. */
static size_t plain_terms(const df_condition *c, size_t from, size_t *ret, size_t max)
{
    size_t n = 0, end = c->op_count;
    for (size_t i = from; i < end && n < max; i++) {
        enum df__op_code code = c->ops[i].code;
        if (code == DF__OP_JUMP_FALSE || code == DF__OP_NOT)
            continue;
        if (code == DF__OP_JUMP_TRUE)
            return 0;
        if (i + 1 == end ||
            (c->ops[i + 1].code == DF__OP_JUMP_FALSE && c->ops[i + 1].operand == end))
            ret[n++] = i;
    }
    return n;
}

void df__condition_check_chain(df_condition *c, size_t from)
{
    enum { TERMS = 64 };
    size_t terms[TERMS], n = plain_terms(c, from, terms, TERMS), i, j;
    for (i = 0; i < n; i++)
        for (j = i + 1; j < n; j++) {
            const df__op *a = &c->ops[terms[i]], *b = &c->ops[terms[j]];
            if (exclude(c, a, b))
                warn(c, "columns %zu and %zu: both comparisons of %.*s can never be true together",
                     a->column, b->column, short_len(c->operands[a->operand].text),
                     (const char *)c->operands[a->operand].text.data);
        }
}
