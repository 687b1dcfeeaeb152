/* SPDX-License-Identifier: Apache-2.0
 * spec_bench.h: a graph without a pipeline, and kinds with every option type, for the tests of
 * documents and options. */
#ifndef SPEC_BENCH_H
#define SPEC_BENCH_H

#include "core/graph/option.h"
#include "spec/spec.h"

typedef struct bench_tls {
    df_bytes ca;
    int verify;
} bench_tls;

typedef struct bench_auth {
    df_bytes user;
    df_secret *password;
    bench_tls *tls;
} bench_auth;

typedef struct bench_registry {
    df_bytes url;
    bench_auth *auth;
} bench_registry;

typedef struct bench_column {
    df_bytes name, type;
    df_path *path;
} bench_column;

/* Options of the sink "tank": one of each type. */
typedef struct bench_tank {
    df_bytes table, label, brokers, note, any;
    df_secret *password;
    int create, mode, level;
    int64_t batch, size, wait;
    double ratio;
    df_path *key;
    df_condition *only;
    df_list hosts, numbers, paths, secrets, columns, properties, anys;
    bench_registry *registry;
} bench_tank;

typedef struct bench_well {
    df_bytes topic;
    int64_t rate;
} bench_well;

typedef struct bench {
    df__heap heap;
    df_env *env;
    df__graph g;
} bench;

extern const df_options bench_tank_options;

/* fail_at: the allocation that fails, from 1; 0: none. Those of the graph and its secrets. */
void bench_open(bench *b, long fail_at);
void bench_close(bench *b);
long bench_allocations(void);
int bench_load(bench *b, const char *text, size_t len, const char *file);
const df__stage_spec *bench_stage(const bench *b, const char *name);
/* "3:5 spec.sink.config.tabel: unknown field ... | did you mean ...": one line for each problem,
 * warnings begin with "warning ". */
void bench_problems(const bench *b, char *buf, size_t len);

#endif
