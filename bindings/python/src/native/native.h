/* SPDX-License-Identifier: Apache-2.0
 * native.h: what the files of the extension module share. The stable ABI of Python 3.11 and the
 * public headers of the library, nothing else. Everything here is called with the GIL held unless
 * it says otherwise. */
#ifndef DFPY_NATIVE_H
#define DFPY_NATIVE_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#include <Python.h>
#include <dataflow_ext.h>
#include <pthread.h>
#include <sys/types.h>

enum { DFPY_TEXT = 1024, DFPY_SLICE_MS = 50 }; /* a wait looks for signals so often */

/* What every handle begins with: handles of a parent process are dead in its children, and one
 * thread at a time uses a handle of the library. */
typedef struct dfpy_handle {
    pid_t pid; /* that made it */
    pthread_mutex_t lock;
    _Atomic int waiters;   /* threads that want the lock: a loop that retakes it lets them */
    char error[DFPY_TEXT]; /* of the last failed call; written under the lock */
} dfpy_handle;

typedef struct dfpy_env {
    PyObject_HEAD df_env *env;
    dfpy_handle handle;
    PyObject *log;   /* called with (level, line), or NULL */
    PyObject *paths; /* text -> capsule of a df_path */
} dfpy_env;

typedef struct dfpy_pipeline {
    PyObject_HEAD df_pipeline *pipeline; /* read under the lock; NULL: closed */
    int closed;                          /* read with the GIL */
    dfpy_handle handle;
    pthread_rwlock_t life; /* written by the end of the pipeline */
    dfpy_env *env;
    struct dfpy_borrowed *kept; /* what the library keeps pointers to until it is freed */
    int started, draining;
} dfpy_pipeline;

typedef struct dfpy_port {
    PyObject_HEAD df_port *port; /* read under the lock; NULL: closed */
    int closed;                  /* read with the GIL */
    int readers;                 /* parcels of it that are being read; with the GIL */
    dfpy_handle handle;
    dfpy_pipeline *pipeline; /* that it keeps alive */
    int mode;
} dfpy_port;

/* A parcel of a port, or of a sink while its write runs. */
typedef struct dfpy_parcel {
    PyObject_HEAD df_parcel *parcel; /* NULL: given back */
    dfpy_port *port;                 /* NULL: of a sink */
    dfpy_env *env;
    unsigned long reader; /* thread that makes Python values of a record's tree; 0: none */
} dfpy_parcel;

typedef struct dfpy_record {
    PyObject_HEAD df_record *record; /* NULL: the call that it was given to has returned */
    dfpy_env *env;
} dfpy_record;

typedef struct dfpy_stage {
    PyObject_HEAD df_stage *stage; /* NULL: the instance was closed */
    dfpy_env *env;
} dfpy_stage;

/* ---- module.c: exceptions ---- */

/* Raises the class of a status with its text ("" or NULL: the status's own); NULL always. */
PyObject *dfpy_raise(int status, const char *text);
/* The status of the exception that is raised now: the one of a dataflow.Error, DF_EDATA of a
 * Reject, DF_EIO of an OSError, else DF_EINTERNAL. */
int dfpy_status_of_raised(void);
/* Ends the raised exception of a callback: its words go to `text` (with `values` its message, else
 * type and place only), and the exception itself is kept for the caller of run or wait, the first
 * of a pipeline. Answers the status; *ret_reason (may be NULL) is the reason word of a Reject, or
 * "". */
int dfpy_caught(df_stage *st, int values, char text[DFPY_TEXT], char ret_reason[64]);
/* pipeline.c: keeps it for Pipeline.take_failure, unless there is an earlier one. */
void dfpy_keep_failure(df_stage *st, PyObject *error);
/* 0, or -1 with StateError raised: a handle of another process, or inside of a callback when
 * `blocking`. */
int dfpy_usable(const dfpy_handle *h, int blocking);
void dfpy_handle_init(dfpy_handle *h);
/* A type of the module; its instances come from dfpy_new only when the spec has no Py_tp_new. */
PyTypeObject *dfpy_type(PyObject *module, PyType_Spec *spec, const char *name);
/* A zeroed instance. */
void *dfpy_new(PyTypeObject *type);
/* Frees an instance and its hold on its type. */
void dfpy_delete(void *self);
/* The text of an object, borrowed as long as the object lives; "" of None. NULL with a TypeError
 * that names `what`. */
const char *dfpy_text(PyObject *o, const char *what);
/* Names of a class's members that are not None, for callbacks: a new reference, or NULL without an
 * exception. */
PyObject *dfpy_method(PyObject *self, const char *name);

extern PyObject *dfpy_error, *dfpy_reject_error;
extern __thread int dfpy_callback_depth; /* callbacks that this thread is in */

/* ---- value.c: values of records ---- */

/* None, bool, int, Decimal, float, str, bytes, datetime, date, time, list, dict; UNCHANGED. */
PyObject *dfpy_from_value(const df_value *v);
/* The other way, in the memory of `r`. `keep` (a list) holds texts that the value borrows. 0, or -1
 * with an exception. */
int dfpy_to_value(df_record *r, PyObject *o, df_value *ret, PyObject *keep);
PyObject *dfpy_from_bytes(df_bytes b); /* None for NULL */
/* A text that may not be UTF-8: what is not is kept as surrogates. None for NULL. */
PyObject *dfpy_from_text(const char *text);
/* bytes or a str (as UTF-8), borrowed; None is NULL. 0, or -1 with a TypeError. */
int dfpy_to_bytes(PyObject *o, df_bytes *ret);
/* Headers as a list of (str, bytes). */
PyObject *dfpy_from_headers(const df_header *rows, size_t count);
/* A list of (str, bytes) as headers: the rows are yours (PyMem_Free), the texts borrowed from
 * objects that `keep` (a list) holds. 0, or -1 with an exception. */
int dfpy_to_headers(PyObject *list, df_header **ret, size_t *ret_count, PyObject *keep);
/* Fills a row of a port or a source from a bytes object, or from a tuple (payload, key, headers,
 * time_us, offset, op) of any length from one on. *ret_headers is yours. 0, or -1. */
int dfpy_to_input(PyObject *row, df_input *ret, df_header **ret_headers, PyObject *keep);
int dfpy_value_begin(PyObject *module);

/* ---- record.c, env.c, stage.c, pipeline.c, port.c ---- */

/* A record as Python sees it; dfpy_record_end before the callback returns, since the object may
 * live on. */
dfpy_record *dfpy_record_new(dfpy_env *env, df_record *r);
void dfpy_record_end(dfpy_record *r);
/* A compiled path, kept by the env. NULL with an exception. */
const df_path *dfpy_path(dfpy_env *env, PyObject *text);
dfpy_parcel *dfpy_parcel_new(dfpy_env *env, dfpy_port *port, df_parcel *parcel);
/* Waits, without the GIL, until no thread reads the parcel: before it ends. */
void dfpy_parcel_unread(dfpy_parcel *p);
/* Opens a port; the pipeline's method. */
PyObject *dfpy_port_open(dfpy_pipeline *p, const df_port_options *options);
/* The env's methods that register kinds of stages. */
PyObject *dfpy_register(PyObject *self, PyObject *args);

int dfpy_env_begin(PyObject *module);
int dfpy_record_begin(PyObject *module);
int dfpy_stage_begin(PyObject *module);
int dfpy_pipeline_begin(PyObject *module);
int dfpy_port_begin(PyObject *module);

extern PyTypeObject *dfpy_env_type;
extern PyObject *dfpy_again, *dfpy_done; /* what read and write may answer beside None */

/* A call into the library: without the GIL, one thread at a time on the handle; `text` is read when
 * the call failed. `rc` is a variable of the caller. */
#define DFPY_CALL(h, rc, call, text)                                                               \
    do {                                                                                           \
        PyThreadState *dfpy_saved = PyEval_SaveThread();                                           \
        (h)->waiters++;                                                                            \
        pthread_mutex_lock(&(h)->lock);                                                            \
        (h)->waiters--;                                                                            \
        (rc) = (call);                                                                             \
        if ((rc) < 0)                                                                              \
            dfpy_keep_text((h)->error, (text));                                                    \
        pthread_mutex_unlock(&(h)->lock);                                                          \
        PyEval_RestoreThread(dfpy_saved);                                                          \
    } while (0)
void dfpy_keep_text(char to[DFPY_TEXT], const char *text); /* without the GIL */

#endif
