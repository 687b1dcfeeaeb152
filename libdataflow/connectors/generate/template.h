/* SPDX-License-Identifier: Apache-2.0
 * template.h: a text with placeholders, compiled once and written per record. What it writes
 * depends on the seed and the record's number alone (but for ${now}). */
#ifndef DF_CONNECTORS_GENERATE_TEMPLATE_H
#define DF_CONNECTORS_GENERATE_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "dataflow.h"

enum { DF__TEMPLATE_OPS = 256, DF__TEMPLATE_MAX = 1 << 20 };

typedef struct df__template_op {
    int kind;
    int digits;        /* float: decimals */
    int64_t low, high; /* int, float (scaled): bounds; string: length in low */
    const char *text;  /* literal; choice: the alternatives */
    size_t len;
    size_t count; /* choice: how many */
} df__template_op;

typedef struct df__template {
    df__template_op op[DF__TEMPLATE_OPS];
    size_t count;
    size_t max_len; /* no record is longer */
} df__template;

typedef struct df__template_in {
    uint64_t seed, seq;
    const char *now; /* RFC 3339 */
    size_t now_len;
} df__template_in;

/* Compiles; the text must outlive the template. DF_ESPEC with one line in err. */
int df__template_compile(df__template *t, df_bytes text, char *err, size_t errlen);
/* Whether a record depends on the time as well. */
int df__template_has_now(const df__template *t);
/* Writes one record into buf (max_len bytes); its length. */
size_t df__template_write(const df__template *t, const df__template_in *in, char *buf);
/* µs since 1970 as "2026-11-22T08:00:00.123456Z" into buf (28 bytes); its length. */
size_t df__template_now(int64_t us, char *buf);

#endif
