/* SPDX-License-Identifier: Apache-2.0
 * binary_number.c: numbers as the receive functions read them. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "binary.h"

int df__pg_binary_int(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    int64_t value = 0;
    int rc = df__pg_read_int(c, t, v, &value);
    if (rc != DF_OK)
        return rc;
    if (t->kind == PG_KIND_INT8)
        df__pg_binary_u64(b, (uint64_t)value);
    else if (t->kind == PG_KIND_INT4)
        df__pg_binary_u32(b, (uint32_t)value);
    else
        df__pg_binary_u16(b, (uint16_t)value);
    return DF_OK;
}

/* ---- floats --------------------------------------------------------------------------------- */

static double special_value(const df__pg_plain *plain)
{
    if (plain->text[0] == '-')
        return -HUGE_VAL;
    return (plain->text[0] | 0x20) == 'n' ? (double)NAN : HUGE_VAL;
}

/* The double nearest to the number. DF_MORE: too large, too small, or written as JSON would not. */
static int nearest(const df__pg_number *n, const df_value *v, double *ret)
{
    df_value number = *v;
    if (n->special) {
        *ret = special_value(&n->plain);
        return DF_OK;
    }
    if (v->type == DF_V_STRING)
        number.type = DF_V_NUMBER;
    if (n->decimal.zero) {
        *ret = n->plain.text[0] == '-' ? -0.0 : 0.0;
        return DF_OK;
    }
    if (df_value_double(&number, ret) != DF_OK || isinf(*ret) || fpclassify(*ret) == FP_ZERO)
        return DF_MORE;
    return DF_OK;
}

/* Zero, infinities, whole numbers of 53 bits. */
static int is_exact(const df__pg_number *n, double d)
{
    return n->special || n->decimal.zero || (n->decimal.low >= 0 && fabs(d) <= 9007199254740992.0);
}

/* The float nearest to the number of which d is the nearest double. That is the one nearest to d,
 * unless d lies in the middle of two, where the number itself may not. */
static int narrow_float(double d, int exact, float *ret)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    if (!exact && (fabs(d) > (double)FLT_MAX || fabs(d) < (double)FLT_MIN ||
                   (bits & 0x1FFFFFFF) == 0x10000000))
        return DF_MORE;
    *ret = (float)d;
    return DF_OK;
}

int df__pg_binary_float(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    df__pg_number number = {0};
    double d;
    int rc = df__pg_read_float(c, t, v, &number);
    rc = rc == DF_OK ? nearest(&number, v, &d) : rc;
    if (rc != DF_OK)
        return rc;
    if (t->kind == PG_KIND_FLOAT8) {
        uint64_t bits;
        memcpy(&bits, &d, sizeof bits);
        df__pg_binary_u64(b, bits);
        return DF_OK;
    }
    float f;
    rc = narrow_float(d, is_exact(&number, d), &f);
    if (rc == DF_OK) {
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        df__pg_binary_u32(b, bits);
    }
    return rc;
}

/* ---- numeric: groups of four decimal digits, by the power of 10,000 of the first ------------- */

enum { NUMERIC_NEGATIVE = 0x4000, NUMERIC_NAN = 0xC000, SCALE_MAX = 0x3FFF };

static int64_t group_of(int64_t power)
{
    return (power < 0 ? power - 3 : power) / 4;
}

static char *put_u16(char *out, unsigned value)
{
    *out++ = (char)(value >> 8);
    *out++ = (char)value;
    return out;
}

/* The digits from the first to the last that is not 0. */
static char *put_groups(char *out, const char *s, const df__pg_decimal *d)
{
    unsigned group = 0;
    int64_t power = d->high;
    while (*s < '1' || *s > '9')
        s++;
    for (; power >= d->low; s++) {
        if (*s == '.')
            continue;
        group = group * 10 + (unsigned)(*s - '0');
        if ((power & 3) == 0) {
            out = put_u16(out, group);
            group = 0;
        }
        power--;
    }
    if ((d->low & 3) != 0) {
        for (; (power & 3) != 3; power--)
            group *= 10;
        out = put_u16(out, group);
    }
    return out;
}

static int put_numeric(const df__pg_number *n, df__buf *b)
{
    const df__pg_decimal *d = &n->decimal;
    int64_t first = d->zero || n->special ? 0 : group_of(d->high);
    int64_t count = d->zero || n->special ? 0 : first - group_of(d->low) + 1;
    unsigned sign = n->plain.text[0] == '-' && !d->zero ? NUMERIC_NEGATIVE : 0;
    char *out = df__buf_reserve(b, (size_t)count * 2 + 8);
    if (!out)
        return DF_ENOMEM;
    out = put_u16(out, (unsigned)count);
    out = put_u16(out, (unsigned)first & 0xFFFF);
    out = put_u16(out, n->special ? NUMERIC_NAN : sign);
    out = put_u16(out, n->special ? 0 : (unsigned)d->scale);
    out = count > 0 ? put_groups(out, n->plain.text, d) : out;
    b->len = (size_t)(out - b->data);
    return DF_OK;
}

int df__pg_binary_numeric(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    df__pg_number number = {0};
    int rc = df__pg_read_numeric(c, t, v, &number);
    if (rc != DF_OK)
        return rc;
    /* Infinities exist since PostgreSQL 14; the server has limits of its own for exponents. */
    if (number.special ? (number.plain.text[0] | 0x20) != 'n'
                       : number.decimal.scale > SCALE_MAX || number.decimal.exponent > SCALE_MAX ||
                             number.decimal.exponent < -SCALE_MAX)
        return DF_MORE;
    return put_numeric(&number, b);
}
