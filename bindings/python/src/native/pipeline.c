/* SPDX-License-Identifier: Apache-2.0
 * pipeline.c: one pipeline: built, run, watched. Waiting looks for signals a few times a second,
 * and nothing that can wait holds the GIL. */
#include "native.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_SETTINGS = 256, GRACE_MS = 250 };

static PyTypeObject *pipeline_type;

#define PIPELINE_CALL(self, rc, call)                                                              \
    DFPY_CALL(&(self)->handle, rc, (self)->pipeline ? (call) : DF_ESTATE,                          \
              (self)->pipeline ? df_pipeline_errmsg((self)->pipeline) : "this pipeline is closed")

/* What any thread may call while another one waits. */
#define ANY_THREAD_CALL(self, rc, call)                                                            \
    do {                                                                                           \
        PyThreadState *any_saved = PyEval_SaveThread();                                            \
        pthread_rwlock_rdlock(&(self)->life);                                                      \
        (rc) = (self)->pipeline ? (call) : DF_ESTATE;                                              \
        pthread_rwlock_unlock(&(self)->life);                                                      \
        PyEval_RestoreThread(any_saved);                                                           \
    } while (0)

static dfpy_pipeline *usable(PyObject *o, int blocking)
{
    dfpy_pipeline *self = (dfpy_pipeline *)o;
    if (dfpy_usable(&self->handle, blocking) < 0)
        return NULL;
    if (self->closed)
        dfpy_raise(DF_ESTATE, "this pipeline is closed");
    return self->closed ? NULL : self;
}

static PyObject *answer(dfpy_pipeline *self, int rc)
{
    return rc < 0 ? dfpy_raise(rc, self->handle.error) : Py_NewRef(Py_None);
}

/* ---- making one ---- */

/* Pointers that the library keeps until the pipeline is freed, and for ever when a thread of it was
 * left behind. */
struct dfpy_borrowed {
    PyObject *resolve;       /* called with (kind, name, key), or NULL */
    PyObject *set, *secrets; /* hold the texts below */
    PyObject *failure;       /* the first exception of a function that it called, or NULL */
    const char *rows[MOST_SETTINGS];
};

static void forget(struct dfpy_borrowed *kept)
{
    if (!kept)
        return;
    Py_XDECREF(kept->resolve);
    Py_XDECREF(kept->set);
    Py_XDECREF(kept->secrets);
    Py_XDECREF(kept->failure);
    free(kept);
}

void dfpy_keep_failure(df_stage *st, PyObject *error)
{
    df_stage_info info = {.size = sizeof info};
    struct dfpy_borrowed *kept;
    df_stage_describe(st, &info);
    kept = info.user; /* NULL while a manifest is checked: a problem says it */
    if (kept && !kept->failure)
        kept->failure = Py_NewRef(error);
}

/* A resolver of the program: (kind, name, key) -> bytes, str, or None: there is no such value. */
static int on_resolve(void *user, const df_ref *ref, df_answer *to)
{
    static const char *const kinds[] = {
        [DF_REF_ENV] = "env", [DF_REF_FILE] = "file", [DF_REF_SECRET] = "secret"};
    struct dfpy_borrowed *kept = user;
    const char *kind = ref->kind > 0 && ref->kind <= DF_REF_SECRET ? kinds[ref->kind] : "";
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *value;
    df_bytes bytes;
    int rc = DF_ENOTFOUND;
    dfpy_callback_depth++;
    value = PyObject_CallFunction(kept->resolve, "szz", kind, ref->name, ref->key);
    if (value && dfpy_to_bytes(value, &bytes) == 0)
        rc = bytes.data ? df_answer_set(to, bytes.data, bytes.len) : DF_ENOTFOUND;
    if (PyErr_Occurred()) { /* its words may hold the secret, so they are not told */
        rc = dfpy_status_of_raised();
        PyErr_Clear();
    }
    Py_XDECREF(value);
    dfpy_callback_depth--;
    PyGILState_Release(gil);
    return rc;
}

/* The list of "path=value" as an array that ends with NULL; 0, or -1 with an exception. */
static int settings(PyObject *list, struct dfpy_borrowed *kept)
{
    Py_ssize_t count = list == Py_None ? 0 : PyList_Check(list) ? PyList_Size(list) : -1;
    if (count < 0 || count >= MOST_SETTINGS) {
        PyErr_SetString(PyExc_TypeError, "set is a list of at most 255 str");
        return -1;
    }
    if (!count)
        return 0;
    if (!(kept->set = PyList_GetSlice(list, 0, count)))
        return -1;
    for (Py_ssize_t i = 0; i < count; i++)
        if (!(kept->rows[i] = dfpy_text(PyList_GetItem(kept->set, i), "set")))
            return -1;
    return 0;
}

static int open_store(dfpy_pipeline *self, const char *dir, df_pipeline_options *options,
                      df_store *store)
{
    int rc;
    if (!dir)
        return 0;
    if (!options->name) {
        PyErr_SetString(PyExc_ValueError, "a pipeline with a store needs a name");
        return -1;
    }
    DFPY_CALL(&self->env->handle, rc, df_store_file(self->env->env, dir, options->name, store),
              df_env_errmsg(self->env->env));
    if (rc < 0) {
        dfpy_raise(rc, self->env->handle.error);
        return -1;
    }
    options->store = store;
    return 0;
}

static int set_resolver(struct dfpy_borrowed *kept, PyObject *resolve, PyObject *secrets,
                        df_pipeline_options *options)
{
    const char *folder = secrets == Py_None ? NULL : dfpy_text(secrets, "secrets");
    if (resolve == Py_None)
        return 0;
    if (resolve == Py_True) {
        if (secrets != Py_None && !folder)
            return -1;
        kept->secrets = Py_NewRef(secrets);
        options->resolve = df_resolve_process;
        options->resolve_user = (void *)(uintptr_t)folder;
        return 0;
    }
    kept->resolve = Py_NewRef(resolve);
    options->resolve = on_resolve;
    options->resolve_user = kept;
    return 0;
}

static PyObject *pipeline_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"env",      "name",       "space", "memory_limit", "store",
                            "resolve",  "secrets",    "set",   "show_values",  "files",
                            "work_dir", "env_prefix", NULL};
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    df_store store = {.size = sizeof store};
    const char *dir = NULL;
    PyObject *env, *resolve = Py_None, *set = Py_None, *secrets = Py_None;
    unsigned long long limit = 0;
    dfpy_pipeline *self;
    PyThreadState *saved;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!|zzKzOOOpzzz", names, dfpy_env_type, &env,
                                     &options.name, &options.space, &limit, &dir, &resolve,
                                     &secrets, &set, &options.show_values, &options.files,
                                     &options.work_dir, &options.env_prefix) ||
        dfpy_usable(&((dfpy_env *)env)->handle, 1) < 0 || !(self = dfpy_new(type)))
        return NULL;
    dfpy_handle_init(&self->handle);
    pthread_rwlock_init(&self->life, NULL);
    self->env = (dfpy_env *)Py_NewRef(env);
    options.memory_limit = limit;
    options.user = self->kept = calloc(1, sizeof *self->kept);
    if (self->kept && settings(set, self->kept) == 0 &&
        set_resolver(self->kept, resolve, secrets, &options) == 0 &&
        open_store(self, dir, &options, &store) == 0) {
        options.set = self->kept->set ? self->kept->rows : NULL;
        saved = PyEval_SaveThread();
        self->pipeline = df_pipeline_new(self->env->env, &options);
        PyEval_RestoreThread(saved);
        if (!self->pipeline)
            PyErr_NoMemory();
    }
    if (self->pipeline)
        return (PyObject *)self;
    if (!PyErr_Occurred())
        PyErr_NoMemory();
    self->closed = 1;
    Py_DECREF((PyObject *)self);
    return NULL;
}

/* ---- its end ---- */

/* The end of a pipeline, on any thread, without the GIL. 1: a thread of it was left behind, which
 * may still use all that the library keeps pointers to. */
static int end_pipeline(df_pipeline *p, int drains)
{
    df_stats s = {.size = sizeof s};
    if (!drains)
        df_pipeline_stop(p, DF_STOP_NOW);
    df_pipeline_wait(p, -1); /* ends: the library bounds it */
    df_pipeline_stats(p, NULL, &s);
    df_pipeline_free(p);
    return s.left > 0;
}

static void free_pipeline(dfpy_pipeline *self)
{
    df_pipeline *p;
    PyThreadState *saved;
    int left;
    if (self->closed || self->handle.pid != getpid())
        return;
    self->closed = 1;
    saved = PyEval_SaveThread();
    pthread_mutex_lock(&self->handle.lock);
    pthread_rwlock_wrlock(&self->life);
    p = self->pipeline;
    self->pipeline = NULL;
    pthread_rwlock_unlock(&self->life);
    pthread_mutex_unlock(&self->handle.lock);
    left = end_pipeline(p, self->draining);
    PyEval_RestoreThread(saved);
    Py_CLEAR(self->kept->failure); /* its frames may hold this pipeline */
    if (left) {
        self->kept = NULL;
        Py_INCREF((PyObject *)self->env);
    }
}

/* A pipeline whose last reference goes inside of a function that it calls ends on a thread of its
 * own: it would wait for itself. */
typedef struct orphan {
    df_pipeline *pipeline;
    struct dfpy_borrowed *kept;
    dfpy_env *env;
} orphan;

static void *end_orphan(void *user)
{
    orphan *o = user;
    int left = end_pipeline(o->pipeline, 0);
    if (!left && Py_IsInitialized()) {
        PyGILState_STATE gil = PyGILState_Ensure();
        forget(o->kept);
        Py_DECREF((PyObject *)o->env);
        PyGILState_Release(gil);
    }
    free(o);
    return NULL;
}

static void leave_orphan(dfpy_pipeline *self)
{
    orphan *o = calloc(1, sizeof *o);
    pthread_t thread;
    self->closed = 1;
    if (!o)
        return;
    *o = (orphan){self->pipeline, self->kept, (dfpy_env *)Py_NewRef((PyObject *)self->env)};
    self->kept = NULL;
    if (pthread_create(&thread, NULL, end_orphan, o) == 0)
        pthread_detach(thread);
}

static void pipeline_dealloc(PyObject *o)
{
    dfpy_pipeline *self = (dfpy_pipeline *)o;
    if (dfpy_callback_depth && !self->closed && self->handle.pid == getpid())
        leave_orphan(self);
    free_pipeline(self);
    if (self->handle.pid == getpid())
        forget(self->kept);
    Py_CLEAR(self->env);
    dfpy_delete(o);
}

/* DF_AGAIN after at most DFPY_SLICE_MS, or how the run ended. */
static int wait_slice(dfpy_pipeline *self, int ms)
{
    int rc;
    ms = ms < DFPY_SLICE_MS ? ms : DFPY_SLICE_MS;
    for (int turn = 0; self->handle.waiters && turn < 50; turn++) {
        PyThreadState *saved = PyEval_SaveThread();
        usleep(200);
        PyEval_RestoreThread(saved);
    }
    PIPELINE_CALL(self, rc, df_pipeline_wait(self->pipeline, ms));
    return rc;
}

static int stop_call(df_pipeline *p, int how)
{
    df_pipeline_stop(p, how);
    return DF_OK;
}

static void stop(dfpy_pipeline *self, int how)
{
    int rc;
    ANY_THREAD_CALL(self, rc, stop_call(self->pipeline, how));
    if (rc == DF_OK && how == DF_STOP_DRAIN && self->started)
        self->draining = 1;
}

/* A signal's exception waits: the pipeline drains for a moment, then the exception goes on; close
 * waits for the rest. */
static void interrupted(dfpy_pipeline *self)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    stop(self, DF_STOP_DRAIN);
    for (int ms = 0; ms < GRACE_MS && wait_slice(self, DFPY_SLICE_MS) == DF_AGAIN;
         ms += DFPY_SLICE_MS)
        continue;
    PyErr_Restore(type, error, trace);
}

/* True: the run ended well; False: not within timeout_ms (-1: for ever). */
static PyObject *pipeline_wait(PyObject *o, PyObject *args)
{
    dfpy_pipeline *self = usable(o, 1);
    int timeout_ms = -1, rc;
    if (!self || !PyArg_ParseTuple(args, "|i", &timeout_ms))
        return NULL;
    while ((rc = wait_slice(self, timeout_ms < 0 ? DFPY_SLICE_MS : timeout_ms)) == DF_AGAIN) {
        if (PyErr_CheckSignals() < 0) {
            interrupted(self);
            return NULL;
        }
        if (timeout_ms >= 0 && (timeout_ms -= DFPY_SLICE_MS) <= 0)
            return Py_NewRef(Py_False);
    }
    return rc < 0 ? dfpy_raise(rc, self->handle.error) : Py_NewRef(Py_True);
}

/* A drain that was asked for is waited for; a second Ctrl-C ends it. */
static PyObject *pipeline_close(PyObject *o, PyObject *unused)
{
    dfpy_pipeline *self = (dfpy_pipeline *)o;
    (void)unused;
    if (dfpy_usable(&self->handle, 1) < 0)
        return NULL;
    while (self->draining && !self->closed && wait_slice(self, DFPY_SLICE_MS) == DF_AGAIN)
        if (PyErr_CheckSignals() < 0) {
            self->draining = 0; /* stops now */
            free_pipeline(self);
            return NULL;
        }
    free_pipeline(self);
    return Py_NewRef(Py_None);
}

/* ---- build ---- */

static PyObject *pipeline_load(PyObject *o, PyObject *args)
{
    dfpy_pipeline *self = usable(o, 1);
    df_text spec = {.size = sizeof spec};
    Py_ssize_t len;
    int rc;
    if (!self || !PyArg_ParseTuple(args, "s#|z", &spec.text, &len, &spec.file))
        return NULL;
    spec.len = (size_t)len;
    PIPELINE_CALL(self, rc, df_pipeline_load(self->pipeline, &spec));
    return answer(self, rc);
}

static PyObject *pipeline_add(PyObject *o, PyObject *args)
{
    dfpy_pipeline *self = usable(o, 1);
    df_stage_def def = {.size = sizeof def};
    int rc;
    if (!self || !PyArg_ParseTuple(args, "is|zzp", &def.role, &def.kind, &def.name, &def.config,
                                   &def.replace))
        return NULL;
    PIPELINE_CALL(self, rc, df_pipeline_add(self->pipeline, &def));
    return answer(self, rc);
}

static PyObject *pipeline_link(PyObject *o, PyObject *args)
{
    dfpy_pipeline *self = usable(o, 1);
    const char *from, *exit, *to;
    int rc;
    if (!self || !PyArg_ParseTuple(args, "sss", &from, &exit, &to))
        return NULL;
    PIPELINE_CALL(self, rc, df_pipeline_link(self->pipeline, from, exit, to));
    return answer(self, rc);
}

static PyObject *pipeline_check(PyObject *o, PyObject *unused)
{
    dfpy_pipeline *self = usable(o, 1);
    int rc;
    (void)unused;
    if (!self)
        return NULL;
    PIPELINE_CALL(self, rc, df_pipeline_check(self->pipeline));
    return answer(self, rc);
}

static PyObject *pipeline_problem(PyObject *o, PyObject *args)
{
    dfpy_pipeline *self = usable(o, 1);
    df_problem p = {.size = sizeof p};
    Py_ssize_t index;
    int rc;
    if (!self || !PyArg_ParseTuple(args, "n", &index))
        return NULL;
    PIPELINE_CALL(self, rc, df_pipeline_problem_at(self->pipeline, (size_t)index, &p));
    if (rc < 0)
        return dfpy_raise(rc, self->handle.error);
    if (rc != DF_OK)
        return Py_NewRef(Py_None);
    return Py_BuildValue("(iiizzzz)", p.severity, p.line, p.column, p.file, p.field, p.text,
                         p.hint);
}

/* ---- run ---- */

static PyObject *pipeline_start(PyObject *o, PyObject *args, PyObject *named)
{
    static char *names[] = {"limit", "until_exhausted", "dry", "detached", "from_start", NULL};
    dfpy_pipeline *self = usable(o, 1);
    df_run_options run = {.size = sizeof run};
    unsigned long long limit = 0;
    int rc;
    if (!self ||
        !PyArg_ParseTupleAndKeywords(args, named, "|Kpppi", names, &limit, &run.until_exhausted,
                                     &run.dry, &run.detached, &run.from_start))
        return NULL;
    run.limit = limit;
    PIPELINE_CALL(self, rc, df_pipeline_start(self->pipeline, &run));
    if (rc < 0)
        return dfpy_raise(rc, self->handle.error);
    self->started = 1;
    return Py_NewRef(Py_None);
}

static PyObject *pipeline_stop(PyObject *o, PyObject *args)
{
    dfpy_pipeline *self = usable(o, 0);
    int how;
    if (!self || !PyArg_ParseTuple(args, "i", &how))
        return NULL;
    stop(self, how);
    return Py_NewRef(Py_None);
}

static int refresh_call(df_pipeline *p)
{
    df_pipeline_refresh(p);
    return DF_OK;
}

static PyObject *pipeline_refresh(PyObject *o, PyObject *unused)
{
    dfpy_pipeline *self = usable(o, 0);
    int rc;
    (void)unused;
    if (!self)
        return NULL;
    ANY_THREAD_CALL(self, rc, refresh_call(self->pipeline));
    return rc < 0 ? dfpy_raise(rc, "this pipeline is closed") : Py_NewRef(Py_None);
}

static PyObject *pipeline_event(PyObject *o, PyObject *unused)
{
    dfpy_pipeline *self = usable(o, 1);
    df_event e = {.size = sizeof e};
    int rc;
    (void)unused;
    if (!self)
        return NULL;
    PIPELINE_CALL(self, rc, df_pipeline_next_event(self->pipeline, &e));
    if (rc < 0)
        return dfpy_raise(rc, self->handle.error);
    if (rc != DF_OK)
        return PyBool_FromLong(rc == DF_AGAIN); /* True: none now; False: the run is over */
    return Py_BuildValue("(iizz)", e.type, e.status, e.stage, e.text);
}

static PyObject *pipeline_fileno(PyObject *o, PyObject *unused)
{
    dfpy_pipeline *self = usable(o, 0);
    (void)unused;
    int fd;
    if (!self)
        return NULL;
    ANY_THREAD_CALL(self, fd, df_pipeline_fd(self->pipeline));
    return fd < 0 ? dfpy_raise(fd, "this pipeline is closed") : PyLong_FromLong(fd);
}

#define COUNT(member)                                                                              \
    {                                                                                              \
#member, offsetof(df_stats, member), 0                                                     \
    }
#define FACT(member)                                                                               \
    {                                                                                              \
#member, offsetof(df_stats, member), sizeof(((df_stats *)0)->member)                       \
    }
static const struct {
    const char *name;
    size_t offset, is_signed; /* 0: uint64_t; else its size */
} stats_rows[] = {
    COUNT(received),
    COUNT(expanded),
    COUNT(sent),
    COUNT(left_out),
    COUNT(filtered),
    COUNT(errored),
    COUNT(skipped),
    COUNT(abandoned),
    COUNT(in_flight),
    COUNT(retries),
    COUNT(bytes_in),
    COUNT(bytes_out),
    COUNT(budget_used),
    COUNT(budget_limit),
    COUNT(uncommitted),
    COUNT(left),
    FACT(lag_records),
    FACT(lag_us),
    FACT(last_progress_us),
    FACT(connected),
    FACT(ready),
};

static PyObject *stats_of(const df_stats *s)
{
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && i < sizeof stats_rows / sizeof *stats_rows; i++) {
        const char *at = (const char *)s + stats_rows[i].offset;
        PyObject *n = stats_rows[i].is_signed == 0
                          ? PyLong_FromUnsignedLongLong(*(const uint64_t *)(const void *)at)
                      : stats_rows[i].is_signed == sizeof(int)
                          ? PyLong_FromLong(*(const int *)(const void *)at)
                          : PyLong_FromLongLong(*(const int64_t *)(const void *)at);
        if (!n || PyDict_SetItemString(dict, stats_rows[i].name, n) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(n);
    }
    return dict;
}

static PyObject *pipeline_stats(PyObject *o, PyObject *args)
{
    dfpy_pipeline *self = usable(o, 0);
    df_stats s = {.size = sizeof s};
    const char *stage = NULL;
    int rc;
    if (!self || !PyArg_ParseTuple(args, "|z", &stage))
        return NULL;
    ANY_THREAD_CALL(self, rc, df_pipeline_stats(self->pipeline, stage, &s));
    return rc < 0 ? dfpy_raise(rc, rc == DF_ENOTFOUND ? "no such stage" : NULL) : stats_of(&s);
}

static PyObject *pipeline_open_port(PyObject *o, PyObject *args)
{
    dfpy_pipeline *self = usable(o, 1);
    df_port_options options = {.size = sizeof options};
    unsigned queue = 0;
    if (!self || !PyArg_ParseTuple(args, "si|I", &options.stage, &options.mode, &queue))
        return NULL;
    options.queue_bytes = queue;
    return dfpy_port_open(self, &options);
}

/* A report is a text of the library's thread-safe kind: pieces are appended to a list. */
static int collect(void *user, const char *text, size_t len)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *piece = PyBytes_FromStringAndSize(text, (Py_ssize_t)len);
    int rc = piece && PyList_Append(user, piece) == 0 ? DF_OK : DF_ENOMEM;
    Py_XDECREF(piece);
    PyErr_Clear();
    PyGILState_Release(gil);
    return rc;
}

static PyObject *pipeline_report(PyObject *o, PyObject *args)
{
    dfpy_pipeline *self = usable(o, 0);
    PyObject *pieces, *empty, *text;
    int what, rc;
    if (!self || !PyArg_ParseTuple(args, "i", &what) || !(pieces = PyList_New(0)))
        return NULL;
    ANY_THREAD_CALL(self, rc, df_pipeline_report(self->pipeline, what, collect, pieces));
    empty = PyBytes_FromStringAndSize("", 0);
    text = rc < 0  ? dfpy_raise(rc, NULL)
           : empty ? PyObject_CallMethod(empty, "join", "O", pieces)
                   : NULL;
    Py_XDECREF(empty);
    Py_DECREF(pieces);
    return text;
}

/* The first exception that a function of the program raised in it; there is none any more then. */
static PyObject *pipeline_take_failure(PyObject *o, PyObject *none)
{
    dfpy_pipeline *self = (dfpy_pipeline *)o;
    PyObject *failure = self->kept ? self->kept->failure : NULL;
    (void)none;
    if (!failure)
        return Py_NewRef(Py_None);
    self->kept->failure = NULL;
    return failure;
}

static PyMethodDef methods[] = {
    {"load", pipeline_load, METH_VARARGS, "load(text, file=None)"},
    {"add", pipeline_add, METH_VARARGS, "add(role, kind, name, config, replace)"},
    {"link", pipeline_link, METH_VARARGS, "link(from, exit, to)"},
    {"take_failure", pipeline_take_failure, METH_NOARGS, "The first exception, once, or None."},
    {"check", pipeline_check, METH_NOARGS, "Checks the whole graph without I/O."},
    {"problem_at", pipeline_problem, METH_VARARGS, "A problem as a tuple; None past the last."},
    {"start", (PyCFunction)(void (*)(void))pipeline_start, METH_VARARGS | METH_KEYWORDS,
     "start(limit=0, until_exhausted=False, dry=False, detached=False, from_start=0)"},
    {"wait", pipeline_wait, METH_VARARGS, "wait(timeout_ms=-1)"},
    {"stop_how", pipeline_stop, METH_VARARGS, "stop_how(how)"},
    {"refresh", pipeline_refresh, METH_NOARGS, "Secrets may have changed."},
    {"next_event", pipeline_event, METH_NOARGS, "A tuple, True (none now) or False (over)."},
    {"fileno", pipeline_fileno, METH_NOARGS, "Readable while events wait."},
    {"counts", pipeline_stats, METH_VARARGS, "counts(stage=None): a dict"},
    {"report_text", pipeline_report, METH_VARARGS, "report_text(what): JSON as bytes"},
    {"open_port", pipeline_open_port, METH_VARARGS, "open_port(stage, mode, queue_bytes=0)"},
    {"close", pipeline_close, METH_NOARGS, "Waits for a drain, or stops now, and frees it."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_new, pipeline_new},
    {Py_tp_dealloc, pipeline_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};
static PyType_Spec spec = {"dataflow._native.Pipeline", sizeof(dfpy_pipeline), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

int dfpy_pipeline_begin(PyObject *module)
{
    pipeline_type = dfpy_type(module, &spec, "Pipeline");
    return pipeline_type ? 0 : -1;
}
