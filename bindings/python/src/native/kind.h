/* SPDX-License-Identifier: Apache-2.0
 * kind.h: what the files of stages written in Python share: a registered kind, an instance of it,
 * and the border between the library's threads and Python. */
#ifndef DFPY_KIND_H
#define DFPY_KIND_H

#include "native.h"

enum { MOST_OPTIONS = 32, SLOT = 16 };

/* A registered kind. */
typedef struct kind {
    dfpy_env *env; /* borrowed: it frees the kinds */
    PyObject *factory;
    PyObject *names; /* of its options, a tuple of str */
    df_option rows[MOST_OPTIONS];
    df_options options;
    unsigned flags; /* traits of the class */
    int expands;
} kind;

typedef union slot {
    df_bytes text;
    int64_t number;
    double real;
    int flag;
    char size[SLOT];
} slot;

/* What the core allocates for one instance: zeroed, then the options are filled in. */
typedef struct instance {
    PyObject *self;
    dfpy_stage *stage;
    PyObject *children;  /* expansion: an iterator that has more to give */
    dfpy_record *parent; /* of those, alive until they are through */
    slot options[MOST_OPTIONS];
} instance;

/* Every callback: the GIL is taken, and what Python raises becomes a status with its words. */
typedef struct border {
    PyGILState_STATE gil;
    df_stage *st;
    kind *kind;
} border;

/* Takes the GIL, at the begin of a callback of the stage. */
border enter(df_stage *st);
/* Gives it back; returns rc. */
int leave(border *b, int rc);
/* A call that came back with NULL: tells the core why, returns the status to answer. */
int failed(border *b);
/* self.name(args...) when it has such a method; DF_OK without one. Takes `args`, which may be NULL
 * with an exception. */
int call(border *b, instance *i, const char *name, PyObject *args);

/* What all kinds of stages have; the signatures are those of the library's operations. */
int on_check(void *self, df_stage *st);
int on_open(void *self, df_stage *st);
void on_close(void *self, df_stage *st);

/* transform.c */
int on_apply(void *self, df_stage *st, df_batch *batch);
int on_expand(void *self, df_stage *st, df_batch *in, df_batch *out);
/* Ends an expansion that was interrupted: its iterator and its record. */
void end_children(instance *i);

/* connector.c */
extern const df_source_ops dfpy_source_ops, dfpy_seeking_ops;
extern const df_sink_ops dfpy_sink_ops;

/* objects.c: what a stage's own code gets in its hands */
/* A Stage; its `stage` is set to NULL when the instance is closed. NULL with an exception. */
dfpy_stage *dfpy_stage_new(dfpy_env *env, df_stage *st);
/* A batch or a partition: dead when the operation has returned. */
typedef struct borrowed {
    PyObject_HEAD void *it; /* NULL: it is gone */
    dfpy_stage *stage;      /* of a partition, which is gone when this was closed; else NULL */
    dfpy_env *env;
} borrowed;
/* A Batch for one read. NULL with an exception. */
borrowed *dfpy_batch_new(dfpy_env *env, df_batch *batch);

#endif
