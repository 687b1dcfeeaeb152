/* SPDX-License-Identifier: Apache-2.0
 * support.h: what the suites share: cmocka with its includes in order, an allocator that counts
 * and fails, a clock that stands still, leak checks, waiting for a condition, running a manifest.
 */
#ifndef TEST_SUPPORT_SUPPORT_H
#define TEST_SUPPORT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataflow.h"

/* Asserts DF_OK and shows the status by name when it is another. */
#define assert_ok(call) support_assert_ok((call), #call, __FILE__, __LINE__)
void support_assert_ok(int status, const char *call, const char *file, int line);
/* Asserts one status by name. */
#define assert_status(call, want) support_assert_status((call), (want), #call, __FILE__, __LINE__)
void support_assert_status(int status, int want, const char *call, const char *file, int line);

/* ---- environment with all seams ------------------------------------------------------------- */

typedef struct support_host { /* user of an env's options; thread safe */
    _Atomic int64_t live;     /* allocations not freed */
    _Atomic int64_t live_bytes, peak_bytes;
    _Atomic int64_t calls;   /* allocations asked for */
    _Atomic int64_t fail_at; /* the call of this number fails, and `fail_count` after it */
    _Atomic int64_t fail_count;
    _Atomic int64_t failed; /* how many did */
    _Atomic int64_t now_us; /* frozen clock; 0: the real one */
    _Atomic int threads;    /* library threads that run now */
    _Atomic int log_lines;
    int log_level;  /* before support_env; 0: warnings */
    char log[8192]; /* the first lines */
} support_host;

void *support_realloc(void *user, void *old, size_t len);
/* An env with the counting allocator, the clock and the log of `host` (zeroed by the caller). */
df_env *support_env(support_host *host);
/* How many times its log has this text; and the log made empty. */
int support_logged(support_host *host, const char *text);
void support_log_clear(support_host *host);
/* Frees it and asserts that nothing is left: no allocation, no library thread. */
void support_env_free(df_env *env, support_host *host);

/* ---- leaks ---------------------------------------------------------------------------------- */

/* Number of open descriptors and of threads of this process. */
int support_fds(void);
int support_threads(void);

/* How much longer the same work may take in this build: sanitizers look at every access. */
#if defined(__SANITIZE_THREAD__)
enum { SUPPORT_SLOWER = 12 };
#elif defined(__SANITIZE_ADDRESS__)
enum { SUPPORT_SLOWER = 4 };
#else
enum { SUPPORT_SLOWER = 1 };
#endif

/* ---- waiting -------------------------------------------------------------------------------- */

/* Polls until check(user) is not 0 or timeout_ms passed; 1: it came true. */
int support_wait(int (*check)(void *user), void *user, int timeout_ms);
void support_sleep_ms(int ms);
int64_t support_now_ms(void);
/* How long the threads of this process waited for a processor so far: what a busy machine took. */
int64_t support_late_ms(void);

/* ---- files ---------------------------------------------------------------------------------- */

/* A new folder below the temporary folder; support_rmdir removes it with its files and frees it. */
char *support_mkdir(void);
void support_rmdir(char *dir);
/* `dir`/`name` in a buffer of the caller (512 bytes). */
const char *support_path(char *buf, const char *dir, const char *name);
/* Writes or reads a whole file; the text read is NUL-terminated and freed by the caller. */
void support_write_file(const char *path, const char *text);
char *support_read_file(const char *path);

/* ---- pipelines ------------------------------------------------------------------------------ */

/* Loads a manifest text into a new pipeline; fails the test with the problems found. */
df_pipeline *support_load(df_env *env, const char *yaml);
/* Loads, runs to the end, frees. The run's status; its message in `message` (512 bytes or NULL). */
int support_run(df_env *env, const char *yaml, char *message);
/* Asserts that the counts of a pipeline add up. */
void support_assert_conserved(const df_pipeline *p);
/* All problems of a pipeline as lines "field: text", freed by the caller. */
char *support_problems(const df_pipeline *p);
/* A df_write_fn: appends to the FILE `user`. */
int support_append(void *user, const char *text, size_t len);
/* The metrics of env, freed by the caller. */
char *support_metrics(df_env *env);

/* ---- fixture -------------------------------------------------------------------------------- */

/* What most tests stand on. The teardown frees all of it and looks for leaks. */
typedef struct support_fixture {
    support_host host;
    df_env *env;
    char *dir;                           /* empty at the start */
    char in[512], out[512], errors[512]; /* paths in it; nothing is there yet */
    char slot[2][512];                   /* of a file store in it, for the pipeline "p" */
    df_pipeline *p;                      /* for the test to make */
} support_fixture;

int support_setup(void **state);
int support_setup_telling(void **state); /* its log has more than warnings */
int support_teardown(void **state);
/* The same for a fixture that is a part of another one; zeroed by the caller. */
void support_open(support_fixture *f);
void support_close(support_fixture *f);

#endif
