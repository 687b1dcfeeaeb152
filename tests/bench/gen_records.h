/* SPDX-License-Identifier: Apache-2.0
 * gen_records.h: what the files of the generator share.
 */
#ifndef TESTS_BENCH_GEN_RECORDS_H
#define TESTS_BENCH_GEN_RECORDS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct gen {
    uint64_t state; /* of the random numbers */
    uint64_t n;     /* number of the record, from 0 */
    FILE *out;
} gen;

uint64_t gen_next(gen *g);
uint64_t gen_below(gen *g, uint64_t limit);
/* One of `count` words. */
const char *gen_pick(gen *g, const char *const *words, size_t count);
/* `len` letters of English-looking text. */
void gen_words(gen *g, size_t len);
/* "2026-03-04T05:06:07Z", later for each record. */
void gen_time(gen *g);

/* Each writes one record, without the line's end. */
void gen_event(gen *g);         /* D1: nested event, 60 to 120 keys, 1 to 6 KB */
void gen_trip(gen *g);          /* D2: 19 flat fields, 350 B */
void gen_auction(gen *g);       /* D3: person, auction, bid as 2 to 6 to 92 of 100; 100 to 250 B */
void gen_change(gen *g);        /* D4: change envelope without schema, 0.6 KB */
void gen_change_schema(gen *g); /* D4: with schema, 4 KB */
void gen_lineitem(gen *g);      /* D5: 16 columns, tab between */
void gen_log(gen *g);           /* D6: log line with escapes, emoji, long text; 0.2 to 20 KB */
void gen_hostile(gen *g);       /* D7: of 100 records one is malformed, huge, deep, ... */

#endif
