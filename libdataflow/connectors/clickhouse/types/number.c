/* SPDX-License-Identifier: Apache-2.0
 * number.c: exact arithmetic on four words. */
#include "number.h"

#include <string.h>

int df__ch_multiply(uint64_t words[CH_WORDS], uint64_t by, uint64_t add)
{
    unsigned __int128 carry = add;
    for (size_t i = 0; i < CH_WORDS; i++) {
        carry += (unsigned __int128)words[i] * by;
        words[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return carry != 0;
}

/* Gives what is left. */
static uint32_t divide(uint64_t words[CH_WORDS], uint32_t by)
{
    unsigned __int128 rest = 0;
    for (size_t i = CH_WORDS; i-- > 0;) {
        rest = rest << 64 | words[i];
        words[i] = (uint64_t)(rest / by);
        rest %= by;
    }
    return (uint32_t)rest;
}

void df__ch_power(int exponent, uint64_t ret[CH_WORDS])
{
    memset(ret, 0, CH_WORDS * sizeof *ret);
    ret[0] = 1;
    while (exponent-- > 0)
        df__ch_multiply(ret, 10, 0);
}

int df__ch_compare(const uint64_t a[CH_WORDS], const uint64_t b[CH_WORDS])
{
    for (size_t i = CH_WORDS; i-- > 0;)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

void df__ch_negate(uint64_t words[CH_WORDS])
{
    unsigned __int128 carry = 1;
    for (size_t i = 0; i < CH_WORDS; i++) {
        carry += ~words[i];
        words[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

/* The digits of the number, without the point. */
static char digit_at(const df__exact *n, size_t i)
{
    return i < n->digit_count ? n->digits[i] : n->fraction[i - n->digit_count];
}

int df__ch_exact(const df__exact *number, int scale, uint64_t ret[CH_WORDS])
{
    size_t count = number->digit_count + number->fraction_count;
    int64_t shift = number->exponent + scale - (int64_t)number->fraction_count;
    int is_zero = 1;
    memset(ret, 0, CH_WORDS * sizeof *ret);
    for (size_t i = 0; i < count && is_zero; i++)
        is_zero = digit_at(number, i) == '0';
    if (is_zero)
        return DF_OK;
    for (; shift < 0; shift++) {
        if (count == 0 || digit_at(number, count - 1) != '0')
            return DF_EDATA;
        count--;
    }
    for (size_t i = 0; i < count; i++)
        if (df__ch_multiply(ret, 10, (uint64_t)(digit_at(number, i) - '0')))
            return DF_ETOOBIG;
    for (; shift > 0; shift--)
        if (df__ch_multiply(ret, 10, 0))
            return DF_ETOOBIG;
    return DF_OK;
}

int df__ch_fits(const uint64_t words[CH_WORDS], int negative, int width, int is_signed)
{
    uint64_t limit[CH_WORDS] = {0};
    int is_zero = (words[0] | words[1] | words[2] | words[3]) == 0;
    int bits = width * 8 - (is_signed ? 1 : 0);
    if (negative && !is_signed)
        return is_zero;
    if (bits == CH_WORDS * 64)
        return 1;
    limit[bits / 64] = UINT64_C(1) << bits % 64;
    int order = df__ch_compare(words, limit);
    return order < 0 || (order == 0 && negative);
}

size_t df__ch_print(const unsigned char *bytes, int width, int is_signed, int scale, char *out)
{
    uint64_t words[CH_WORDS];
    char digits[CH_DIGITS];
    size_t count = 0, len = 0;
    int negative = is_signed && bytes[width - 1] >= 0x80;
    memset(words, negative ? 0xff : 0, sizeof words);
    for (int i = 0; i < width; i++) {
        uint64_t mask = UINT64_C(0xff) << i % 8 * 8;
        words[i / 8] = (words[i / 8] & ~mask) | (uint64_t)bytes[i] << i % 8 * 8;
    }
    if (negative) {
        df__ch_negate(words);
        out[len++] = '-';
    }
    while (count <= (size_t)scale || (words[0] | words[1] | words[2] | words[3]) != 0)
        digits[count++] = (char)('0' + divide(words, 10));
    while (count > 0) {
        if (count == (size_t)scale)
            out[len++] = '.';
        out[len++] = digits[--count];
    }
    return len;
}
