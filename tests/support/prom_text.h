/* SPDX-License-Identifier: Apache-2.0
 * prom_text.h: a strict reader of the Prometheus text format 0.0.4. */
#ifndef TEST_SUPPORT_PROM_TEXT_H
#define TEST_SUPPORT_PROM_TEXT_H

#include <stddef.h>

/* 1: the text follows the format: each family has HELP and TYPE once and before its samples, which
 * stand together; no series occurs twice; labels are UTF-8 and escaped; histograms add up. 0: why
 * in err. */
int prom_check(const char *text, size_t len, char *err, size_t errlen);
/* The value of a series as written ("name{a=\"b\"}"); -1 when there is none. */
double prom_value(const char *text, const char *series);

#endif
