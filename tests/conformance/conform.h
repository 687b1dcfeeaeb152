/* SPDX-License-Identifier: Apache-2.0
 * conform.h: what every source and every sink must do, asked of each kind in a table. A kind tells
 * how to make a place of its own (a file, a topic, a table), how to fill it or read it back. */
#ifndef TEST_CONFORMANCE_CONFORM_H
#define TEST_CONFORMANCE_CONFORM_H

#include "dataflow_manage.h"
#include "support/support.h"

#include <pthread.h>

#include "connectors/memory/memory.h"

enum {
    CONFORM_RESUMES = 1, /* source: a later run goes on where an earlier one ended */
    CONFORM_REPLAYS = 2, /* source: can be sent back */
    CONFORM_WAITS = 4,   /* source: an unbounded run waits for more */
    CONFORM_SLOW = 8     /* a real server: fewer records */
};

typedef struct conform conform;

typedef struct conform_kind {
    const char *name, *type; /* type: of the stage */
    unsigned flags;
    /* Configs that must be refused, as the inside of a map of YAML ("path: [a]", without braces);
     * NULL at the end. */
    const char *const *bad_options;
    /* sink: a payload that it refuses before it writes, or so that it can undo the write. NULL: it
     * takes all, or a server refuses a record when those behind it are written. */
    const char *refused;
    int (*available)(void);    /* NULL: always */
    void (*begin)(conform *c); /* makes the place, fills c->config: the inside of a map too */
    void (*fill)(conform *c, size_t from, size_t to);   /* source: {"n":from} … {"n":to-1} */
    void (*attach)(conform *c, df_pipeline *p);         /* before the start; NULL: nothing to do */
    void (*detach)(conform *c);                         /* after the end */
    char **(*read_back)(conform *c, size_t *ret_count); /* sink: payloads in order */
    void (*end)(conform *c);
} conform_kind;

struct conform {
    const conform_kind *kind;
    support_host host;
    df_env *env;
    char *dir;     /* for files and stored positions */
    char name[64]; /* unique */
    char config[1024];
    df__memory *other;    /* the other side of the flow */
    size_t count;         /* records of a full run */
    int fds, threads;     /* before */
    df_pipeline *running; /* of a test that failed half way: freed by the teardown */
    /* of a kind */
    df_port *port;
    pthread_t thread;
    int has_thread, to_stop;
    size_t from, to;
    char **rows;
    size_t row_count;
    pthread_mutex_t lock;
};

/* Every kind there is, NULL at the end. CMake writes the lists: a kind is found as
 * `const conform_kind conform_source_NAME = {` or conform_sink_NAME in tests/conformance.c of a
 * connector's folder. */
extern const conform_kind *const conform_sources[], *const conform_sinks[];

int conform_setup(void **state);
int conform_teardown(void **state);
/* "{CONFIG}" of a row of bad_options, in a buffer of 256 bytes. */
const char *conform_bad_config(const char *row, char *buf);
/* Runs tests × kinds; the status for main. */
int conform_run(const char *group, const struct CMUnitTest *tests, size_t test_count,
                const conform_kind *const *kinds);

/* A pipeline `source` → `sink` with stored positions in c->dir. */
df_pipeline *conform_load(conform *c, const char *source, const char *sink);
/* Starts it, lets the kind attach, waits for the end; frees it. */
int conform_finish(conform *c, df_pipeline *p, const df_run_options *run);
/* Frees it and lets the kind detach. */
void conform_free(conform *c, df_pipeline *p);
/* "{type: T, config: C}" of the kind, in a buffer of 1200 bytes. */
const char *conform_stage(const conform *c, char *buf);
/* The memory connector on the other side. */
const char *conform_other(const conform *c, char *buf);
/* Asserts that rows are {"n":0} … in order. */
void conform_assert_rows(char *const *rows, size_t got, size_t want);
/* Payloads of what reached the other side. */
char **conform_other_rows(conform *c, size_t *ret_count);
/* Asserts that none of `count` is missing; how many came twice. */
size_t conform_assert_none_missing(char *const *rows, size_t got, size_t count);
void conform_free_rows(char **rows, size_t count);
/* Asserts that the files of the kind in c->dir are on the disk, with all that they hold. */
void conform_assert_on_disk(const conform *c);
/* Names of what is in c->dir beside the stored positions, freed by the caller. */
char *conform_listing(const conform *c);
/* Checks a pipeline and runs it dry; asserts that neither left a file or a folder in c->dir. */
void conform_assert_leaves_nothing(conform *c, const char *source, const char *sink);
/* Looks at both stages before a run; asserts that it works and left no file or folder in c->dir. */
void conform_probe(conform *c, const char *source, const char *sink);
/* Number in {"n":N}; fails the test for other texts. */
size_t conform_number(const char *row);

/* A place in memory, for kinds that are filled or read back through another flow: the server
 * "<name>_place" of the memory connector. Release what was held. */
df__memory *conform_place(conform *c);
void conform_place_fill(conform *c, size_t from, size_t to);
char **conform_place_read(conform *c, size_t *ret_count);

/* A thread on the other side, started by `attach`: its records are those of c->from to c->to
 * (`fill`), or it keeps what arrives for `read_back`. The join waits for it, if there is one
 * (`detach`). */
void conform_span(conform *c, size_t from, size_t to);
void conform_start_thread(conform *c, void *(*run)(void *));
void conform_join_thread(conform *c);
void conform_keep_row(conform *c, df_bytes payload);
char **conform_take_rows(conform *c, size_t *ret_count);

/* Shared by kinds: {"n":N}, its length; lines of a file; the output of a program, line by line. */
size_t conform_payload(char *buf, size_t cap, size_t n);
char **conform_lines(const char *text, size_t *ret_count);
char **conform_output(const char *command, size_t *ret_count);

#endif
