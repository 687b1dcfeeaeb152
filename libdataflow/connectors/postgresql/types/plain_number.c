/* SPDX-License-Identifier: Apache-2.0
 * plain_number.c: whole numbers, floats and decimals: read, checked against the column, as text. */
#include <string.h>

#include "plain.h"

static size_t print_i64(char *out, int64_t value)
{
    char text[24];
    size_t n = sizeof text;
    uint64_t u = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        text[--n] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (value < 0)
        text[--n] = '-';
    memcpy(out, text + n, sizeof text - n);
    return sizeof text - n;
}

static int give(df__pg_plain *r, const char *text, size_t len)
{
    *r = (df__pg_plain){text, len, 1};
    return DF_OK;
}

static int give_int(df__pg_convert *c, int64_t value, df__pg_plain *r)
{
    return give(r, c->small, print_i64(c->small, value));
}

int df__pg_read_int(df__pg_convert *c, const df__pg_type *t, const df_value *v, int64_t *ret)
{
    static const int64_t highest[] = {
        [PG_KIND_INT2] = INT16_MAX, [PG_KIND_INT4] = INT32_MAX, [PG_KIND_INT8] = INT64_MAX};
    int64_t value = 0;
    switch (v->type) {
    case DF_V_INT:
        value = v->u.i;
        break;
    case DF_V_STRING:
        if (!df__pg_scan_int(v->text, v->len, &value))
            return df__pg_refuse_value(c, "not a whole number of 64 bits");
        break;
    case DF_V_NUMBER:
    case DF_V_DOUBLE:
        if (df_value_int(v, &value) != DF_OK)
            return df__pg_refuse_value(c, "not a whole number of 64 bits");
        break;
    default:
        return df__pg_refuse_value(c, "not a number");
    }
    int64_t high = highest[t->kind];
    if (value > high || value < -high - 1)
        return df__pg_refuse_value(c, "out of range");
    *ret = value;
    return DF_OK;
}

int df__pg_plain_int(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    int64_t value = 0;
    int rc = df__pg_read_int(c, t, v, &value);
    if (rc != DF_OK)
        return rc;
    return v->type == DF_V_INT && v->text ? give(r, v->text, v->len) : give_int(c, value, r);
}

static int read_number(df__pg_convert *c, const df_value *v, df__pg_number *n)
{
    int rc = DF_OK;
    n->special = 0;
    if (v->type == DF_V_INT && !v->text)
        rc = give_int(c, v->u.i, &n->plain);
    else if (v->type == DF_V_DOUBLE)
        rc = df__pg_plain_print(c, v, df_value_text, &n->plain);
    else if (v->type == DF_V_INT || v->type == DF_V_NUMBER || v->type == DF_V_STRING)
        rc = give(&n->plain, v->text, v->len);
    else
        return df__pg_refuse_value(c, "not a number");
    n->plain.safe = 1;
    if (rc != DF_OK || df__pg_scan_decimal(n->plain.text, n->plain.len, &n->decimal))
        return rc;
    n->special = v->type != DF_V_INT && df__pg_scan_special(n->plain.text, n->plain.len);
    return n->special ? DF_OK : df__pg_refuse_value(c, "not a number");
}

int df__pg_read_float(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                      df__pg_number *ret)
{
    int rc = read_number(c, v, ret);
    if (rc != DF_OK || ret->special || ret->decimal.zero)
        return rc;
    int64_t high = t->kind == PG_KIND_FLOAT4 ? 38 : 308;
    int64_t low = t->kind == PG_KIND_FLOAT4 ? -46 : -324;
    if (ret->decimal.high > high || ret->decimal.high < low)
        return df__pg_refuse_value(c, "out of range");
    return DF_OK;
}

int df__pg_plain_float(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    df__pg_number number = {0};
    int rc = df__pg_read_float(c, t, v, &number);
    *r = number.plain;
    return rc;
}

int df__pg_read_numeric(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                        df__pg_number *ret)
{
    const df__pg_decimal *d = &ret->decimal;
    int rc = read_number(c, v, ret);
    if (rc != DF_OK || ret->special || d->zero)
        return rc;
    if (t->limit == 0)
        return d->high > 131071 || d->low < -16383 ? df__pg_refuse_value(c, "out of range") : DF_OK;
    if (d->high + 1 > t->limit - t->scale)
        return df__pg_refuse_value(c, "more digits before the point than the column keeps");
    if (-d->low > t->scale && !c->round) {
        return df__pg_refuse_value(
            c, "more decimals than the column keeps (roundNumbers: true rounds them)");
    }
    return DF_OK;
}

int df__pg_plain_numeric(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                         df__pg_plain *r)
{
    df__pg_number number = {0};
    int rc = df__pg_read_numeric(c, t, v, &number);
    *r = number.plain;
    return rc;
}
