/* SPDX-License-Identifier: Apache-2.0
 * cases.h: `dfproc test`: a manifest without servers, fed from the cases of a file. */
#ifndef DFPROC_CASES_H
#define DFPROC_CASES_H

#include "dfproc/capture.h"

#define DFPROC_CASE_SOURCE "dfproc-cases"

/* The records that the source of a case delivers. */
typedef struct dfproc_inputs {
    yyjson_val *rows; /* array of {payload, key, headers, metadata} */
    int typed;        /* payloads have values that JSON does not have */
} dfproc_inputs;

/* Registers the source; `inputs` is read when a run starts and must outlive the env. */
int dfproc_cases_register(df_env *env, dfproc_inputs *inputs);
/* Rewrites a manifest (YAML or JSON text): the source becomes DFPROC_CASE_SOURCE, every sink a
 * host port of the same name. 0, or -1 with one line in `err`. */
int dfproc_cases_detach(const df__buf *manifest, df__buf *out, char *err, size_t err_len);
/* Reads a payload as a case file writes it: text as it is, null as a tombstone, all else as JSON.
 * {$text: T}, {$hex: H}, {$repeat: [HEAD, UNIT, COUNT, TAIL]} and {$tombstone: true} are bytes too.
 * `text` holds the bytes. */
df_bytes dfproc_cases_payload(yyjson_val *value, df__buf *text);
/* The payload is meant byte for byte. */
int dfproc_cases_exact(yyjson_val *value);

/* One case file. */
typedef struct dfproc_suite {
    const char *file;
    yyjson_doc *doc;
    dfproc_flow flow; /* its manifest touches no server */
    dfproc_inputs inputs;
    yyjson_val *one; /* the running case */
    int colour;
} dfproc_suite;

/* Says what is wrong with the file itself. 0 or an exit code. */
int dfproc_cases_check(const dfproc_suite *s, int vectors);

/* How a case ended. */
typedef struct dfproc_result {
    const char *name; /* borrowed */
    df__buf why;      /* empty: passed */
    double seconds;
} dfproc_result;

/* Freezes the clock at the case's `now`; without one at `other` unless that is 0. -1: no time. */
int dfproc_cases_clock(dfproc_suite *s, yyjson_val *one, int64_t other_us);
/* Builds the manifest of the suite, feeds its inputs, and fills `c`, which the caller frees. The
 * status with which it ended; DF_ESPEC: refused, see dfproc_cases_problems. What prevents a verdict
 * is added to `why`. */
int dfproc_cases_run(dfproc_suite *s, dfproc_capture *c, df__buf *why);
/* Texts of all problems of the manifest, one a line. */
void dfproc_cases_problems(const dfproc_suite *s, df__buf *out);
/* Runs one vector: {name, config, when, chain, input, output | outputs | unchanged | dropped |
 * routed | error | refused | warned}, see docs/vectors.md. */
void dfproc_vector_run(dfproc_suite *s, yyjson_val *one, df__buf *why);
/* A file of vectors from a list of vectors of conditions or paths; NULL: it is none. */
yyjson_doc *dfproc_vectors_of_list(yyjson_doc *list);
/* Compares what arrived with what was expected and adds differences to `why`. */
void dfproc_cases_compare(df__buf *why, const dfproc_capture *c, yyjson_val *one, int colour);
/* Writes results as JUnit XML. 0 or an exit code. */
int dfproc_junit_write(const char *path, const dfproc_result *rows, size_t count);

#endif
