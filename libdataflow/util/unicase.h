/* SPDX-License-Identifier: Apache-2.0
 * unicase.h: letter case of Unicode characters, one to one, without any locale. */
#ifndef DF_UTIL_UNICASE_H
#define DF_UTIL_UNICASE_H

#include <stddef.h>
#include <stdint.h>

enum df__case { DF__CASE_OTHER, DF__CASE_UPPER, DF__CASE_LOWER, DF__CASE_DIGIT };

/* What a character is. */
enum df__case df__case_of(uint32_t c);
/* Its lower case; one without is its own. */
uint32_t df__case_lower(uint32_t c);
/* Its upper case; one without is its own. */
uint32_t df__case_upper(uint32_t c);

/* Reads one character of UTF-8 at *at < len and moves on; a broken byte is U+FFFD. */
uint32_t df__utf8_next(const char *text, size_t len, size_t *at);
/* Writes one character, 1 to 4 bytes, and answers how many. */
size_t df__utf8_put(char *out, uint32_t c);

#endif
