/* SPDX-License-Identifier: Apache-2.0
 * number.h: whole numbers of up to 256 bits, as four words, the lowest first. */
#ifndef DF_CH_NUMBER_H
#define DF_CH_NUMBER_H

#include <stdint.h>

#include "dataflow.h"
#include "type.h"
#include "util/rfc3339.h"

/* 10^exponent; exponent at most 76. */
void df__ch_power(int exponent, uint64_t ret[CH_WORDS]);
/* words = words * by + add. 1: it does not fit any more. */
int df__ch_multiply(uint64_t words[CH_WORDS], uint64_t by, uint64_t add);
/* Below 0, 0, above 0, of two numbers without a sign. */
int df__ch_compare(const uint64_t a[CH_WORDS], const uint64_t b[CH_WORDS]);
/* Makes a number its negative, in two's complement. */
void df__ch_negate(uint64_t words[CH_WORDS]);
/* The size of number * 10^scale, without its sign. DF_EDATA: it has decimals left; DF_ETOOBIG. */
int df__ch_exact(const df__exact *number, int scale, uint64_t ret[CH_WORDS]);
/* True when a number of this size and sign fits into an integer of so many bytes. */
int df__ch_fits(const uint64_t words[CH_WORDS], int negative, int width, int is_signed);
enum { CH_DIGITS = 82 };
/* The digits of a number of `width` bytes in two's complement, the lowest byte first, with `scale`
 * of them after a point: at most CH_DIGITS. Returns the length. */
size_t df__ch_print(const unsigned char *bytes, int width, int is_signed, int scale, char *out);

#endif
