/* SPDX-License-Identifier: Apache-2.0
 * wire.c: how Avro writes numbers and bytes, and decimals as bytes and as text. */
#include "formats/avro/type.h"

#include "record/tree.h"
#include "util/rfc3339.h"

void df__avro_put_bytes(df__buf *out, const void *data, size_t len)
{
    char *p = df__buf_reserve(out, len + 10);
    if (!p)
        return;
    df__avro_put_long(out, (int64_t)len);
    df__copy(out->data + out->len, data, len);
    out->len += len;
}

void df__avro_put_le(df__buf *out, uint64_t v, int bytes)
{
    unsigned char p[8];
    for (int i = 0; i < bytes; i++, v >>= 8)
        p[i] = (unsigned char)v;
    df__buf_add(out, p, (size_t)bytes);
}

/* ---- decimals -------------------------------------------------------------------------------- */

enum { LIMBS = DF__AVRO_DECIMAL_BYTES * 241 / 900 + 4, BILLION = 1000000000 };

/* The magnitude in digits, without leading zeros; answers how many. */
static size_t digits_of(const unsigned char *data, size_t len, int negative, char *digits)
{
    uint32_t limbs[LIMBS] = {0};
    size_t used = 1, n = 0;
    unsigned borrow = (unsigned)negative;
    unsigned char bytes[DF__AVRO_DECIMAL_BYTES];
    for (size_t i = len; i; i--) { /* -x is ~x + 1 */
        unsigned b = negative ? (unsigned char)~data[i - 1] : data[i - 1];
        b += borrow;
        borrow = b >> 8;
        bytes[i - 1] = (unsigned char)b;
    }
    for (size_t i = 0; i <= len; i++) { /* negative powers of 256: the carry is a byte more */
        uint64_t carry = i ? bytes[i - 1] : borrow;
        for (size_t k = 0; k < used; k++) {
            carry += (uint64_t)limbs[k] << 8;
            limbs[k] = (uint32_t)(carry % BILLION);
            carry /= BILLION;
        }
        if (carry)
            limbs[used++] = (uint32_t)carry;
    }
    for (size_t k = 0; k < used; k++)
        for (int i = 0; i < 9; i++, limbs[k] /= 10)
            digits[n++] = (char)('0' + limbs[k] % 10);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    for (size_t i = 0; i < n / 2; i++) {
        char c = digits[i];
        digits[i] = digits[n - 1 - i];
        digits[n - 1 - i] = c;
    }
    return n;
}

size_t df__avro_decimal_text(const unsigned char *data, size_t len, int scale, char *text)
{
    char digits[9 * LIMBS];
    int negative = len && data[0] & 0x80;
    size_t n = digits_of(data, len, negative, digits), at = 0, s = (size_t)scale;
    if (negative)
        text[at++] = '-';
    if (n > s) {
        memcpy(text + at, digits, n - s);
        at += n - s;
    } else {
        text[at++] = '0';
    }
    if (s) {
        size_t zeros = n < s ? s - n : 0;
        text[at++] = '.';
        memset(text + at, '0', zeros);
        at += zeros;
        memcpy(text + at, digits + (n > s ? n - s : 0), s - zeros);
        at += s - zeros;
    }
    return at;
}

/* The digits of number * 10^scale. NULL: fine. */
static const char *unscaled(const df__avro_type *n, const df__exact *d, char *digits, size_t *ret)
{
    int64_t shift = d->exponent + n->scale; /* places that the point moves to the right */
    int64_t whole = (int64_t)d->digit_count + shift, at;
    size_t total = d->digit_count + d->fraction_count, len = 0;
    for (size_t i = 0; i < total; i++) {
        char c = i < d->digit_count ? d->digits[i] : d->fraction[i - d->digit_count];
        if ((int64_t)i >= whole && c != '0')
            return "has more places after the point than the scale";
        if ((int64_t)i >= whole || (len == 0 && c == '0'))
            continue;
        if (len == (size_t)n->precision)
            return "has more digits than the precision";
        digits[len++] = c;
    }
    for (at = (int64_t)total; len && at < whole; at++) {
        if (len == (size_t)n->precision)
            return "has more digits than the precision";
        digits[len++] = '0';
    }
    *ret = len;
    return NULL;
}

static void negate(unsigned char *p, size_t len)
{
    unsigned carry = 1;
    for (size_t k = len; k; k--) {
        carry += (unsigned char)~p[k - 1];
        p[k - 1] = (unsigned char)carry;
        carry >>= 8;
    }
}

/* Without bytes that only repeat the sign. */
static const unsigned char *shortest(const unsigned char *p, unsigned sign)
{
    size_t left = DF__AVRO_DECIMAL_BYTES + 8;
    while (left > 1 && p[0] == sign && ((p[0] ^ p[1]) & 0x80) == 0) {
        p++;
        left--;
    }
    return p;
}

const unsigned char *df__avro_decimal_bytes(const df__avro_type *n, df_bytes number,
                                            unsigned char ret[DF__AVRO_DECIMAL_BYTES + 8],
                                            const char **why)
{
    enum { SIZE = DF__AVRO_DECIMAL_BYTES + 8 };
    char digits[DF__AVRO_DIGITS];
    df__exact d;
    size_t len = 0, used = 1;
    *why = "is no number";
    if (df__exact_parse(number, &d) != DF_OK)
        return NULL;
    *why = unscaled(n, &d, digits, &len);
    if (*why)
        return NULL;
    memset(ret, 0, SIZE);
    for (size_t i = 0; i < len; i++) {
        unsigned carry = (unsigned)(digits[i] - '0');
        for (size_t k = 0; k < used; k++) {
            carry += ret[SIZE - 1 - k] * 10u;
            ret[SIZE - 1 - k] = (unsigned char)carry;
            carry >>= 8;
        }
        if (carry)
            ret[SIZE - 1 - used++] = (unsigned char)carry;
    }
    if (d.negative && len)
        negate(ret, SIZE);
    return shortest(ret, d.negative && len ? 0xff : 0);
}
