/* SPDX-License-Identifier: Apache-2.0
 * stages.h: the transforms as tests/vectors configure them, for the fuzz targets: one stage for
 * each configuration, and what becomes of a record in it, as text. */
#ifndef FUZZ_STAGES_H
#define FUZZ_STAGES_H

#include "core/flow/flow.h"

enum { FUZZ_WORDS = 32 };

typedef struct fuzz_stage {
    df_stage *stage;
    df_bytes input;             /* of the vector that brought it */
    df_bytes words[FUZZ_WORDS]; /* the configuration's own: names that matter to it */
    size_t word_count;
} fuzz_stage;

/* All stages, once; only: those of one transform. With DF_FUZZ_SEEDS in the environment their
 * inputs are written into that folder, each behind its number and `head`. */
const fuzz_stage *fuzz_stages(const char *only, const char *head, size_t *ret_count);

/* Names, nesting, duplicates and values of the bytes, as JSON text; "~0" to "~8" stand for values
 * that JSON does not have. */
typedef struct fuzz_maker {
    const uint8_t *at, *end;
    const fuzz_stage *of;
    df__buf text;
} fuzz_maker;
unsigned fuzz_next(fuzz_maker *m);
void fuzz_value(fuzz_maker *m, int depth);

/* How the record reaches the transform. */
enum { FUZZ_RAW, FUZZ_PARSED, FUZZ_EDITED, FUZZ_TYPED, FUZZ_BUILT, FUZZ_WAYS };
typedef struct fuzz_record {
    df__arena arena;
    df_record r;
    int is_json;
} fuzz_record;
void fuzz_record_init(fuzz_record *f, df_bytes payload, int way);

/* Runs the stage over the records as one batch and appends what came out to `ret`. What is live
 * afterwards is JSON when what went in was. */
void fuzz_run(const fuzz_stage *s, const fuzz_record *const *records, size_t count, df__buf *ret);

void fuzz_must(int held);

#endif
