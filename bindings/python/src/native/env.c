/* SPDX-License-Identifier: Apache-2.0
 * env.c: the library in this process: log, paths, registered kinds, metrics. */
#include "native.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PATHS = 1000 };

PyTypeObject *dfpy_env_type;

/* ---- what the library calls ---- */

static void on_log(void *user, int level, const char *line)
{
    dfpy_env *self = user;
    PyGILState_STATE gil;
    PyObject *answer, *text;
    if (!Py_IsInitialized())
        return;
    gil = PyGILState_Ensure();
    dfpy_callback_depth++;
    text = PyUnicode_DecodeUTF8(line, (Py_ssize_t)strlen(line), "replace");
    answer = text ? PyObject_CallFunction(self->log, "iO", level, text) : NULL;
    Py_XDECREF(text);
    if (!answer)
        PyErr_WriteUnraisable(self->log); /* a log that fails stops no flow */
    Py_XDECREF(answer);
    dfpy_callback_depth--;
    PyGILState_Release(gil);
}

/* Threads of the library keep their Python state as long as they live: made once, not per call. */
static __thread PyThreadState *kept;
static __thread PyGILState_STATE kept_gil;

static int on_thread(void *user, int started, const char *name)
{
    (void)user, (void)name;
    if (!Py_IsInitialized())
        return 0;
    if (started) {
        kept_gil = PyGILState_Ensure();
        kept = PyEval_SaveThread();
    } else if (kept) {
        PyEval_RestoreThread(kept);
        kept = NULL;
        PyGILState_Release(kept_gil);
    }
    return 0;
}

/* ---- the object ---- */

static PyObject *env_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"log", "log_level", "module_path", NULL};
    PyObject *log = Py_None;
    df_env_options options = DF_ENV_OPTIONS_INIT;
    dfpy_env *self;
    if (!PyArg_ParseTupleAndKeywords(args, named, "|Oiz", names, &log, &options.log_level,
                                     &options.module_path) ||
        !(self = dfpy_new(type)))
        return NULL;
    dfpy_handle_init(&self->handle);
    self->log = log == Py_None ? NULL : Py_NewRef(log);
    self->paths = PyDict_New();
    options.user = self;
    options.log = self->log ? on_log : NULL;
    options.thread = on_thread;
    if (self->paths && (self->env = df_env_new(&options)))
        return (PyObject *)self;
    Py_DECREF((PyObject *)self);
    return PyErr_NoMemory();
}

static void env_dealloc(PyObject *o)
{
    dfpy_env *self = (dfpy_env *)o;
    PyThreadState *saved;
    Py_CLEAR(self->paths); /* before the env that they were made with */
    if (self->env && self->handle.pid == getpid()) {
        saved = PyEval_SaveThread();
        df_env_free(self->env);
        PyEval_RestoreThread(saved);
    }
    Py_CLEAR(self->log);
    dfpy_delete(o);
}

/* ---- paths ---- */

static void free_path(PyObject *capsule)
{
    df_path_free(PyCapsule_GetPointer(capsule, NULL));
}

/* A path is used at once, so the others may go when a program makes ever new ones. */
const df_path *dfpy_path(dfpy_env *env, PyObject *text)
{
    PyObject *capsule;
    const char *utf8;
    Py_ssize_t len;
    df_path *path;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "a path is a str");
        return NULL;
    }
    capsule = PyDict_GetItemWithError(env->paths, text);
    if (capsule || PyErr_Occurred())
        return capsule ? PyCapsule_GetPointer(capsule, NULL) : NULL;
    if (PyDict_Size(env->paths) >= MOST_PATHS)
        PyDict_Clear(env->paths);
    utf8 = PyUnicode_AsUTF8AndSize(text, &len);
    if (utf8 && strlen(utf8) != (size_t)len) {
        PyErr_SetString(PyExc_ValueError, "a path with a NUL");
        return NULL;
    }
    path = utf8 ? df_path_new(env->env, utf8) : NULL;
    if (!path) {
        if (utf8)
            dfpy_raise(DF_EINVAL, df_env_errmsg(env->env));
        return NULL;
    }
    capsule = PyCapsule_New(path, NULL, free_path);
    if (!capsule) {
        df_path_free(path);
        return NULL;
    }
    if (PyDict_SetItem(env->paths, text, capsule) < 0)
        path = NULL;
    Py_DECREF(capsule);
    return path;
}

/* ---- methods ---- */

/* Texts of the library come in pieces, without the GIL. */
typedef struct pieces {
    char *text;
    size_t len, size;
} pieces;

static int collect(void *user, const char *text, size_t len)
{
    pieces *p = user;
    if (p->len + len > p->size) {
        size_t size = (p->len + len) * 2;
        char *grown = realloc(p->text, size);
        if (!grown)
            return DF_ENOMEM;
        p->text = grown;
        p->size = size;
    }
    for (size_t i = 0; i < len; i++)
        p->text[p->len++] = text[i];
    return DF_OK;
}

static PyObject *collected(pieces *p, int rc, const char *error)
{
    PyObject *text = NULL;
    if (rc < 0)
        dfpy_raise(rc, error);
    else
        text = PyUnicode_DecodeUTF8(p->text ? p->text : "", (Py_ssize_t)p->len, "replace");
    free(p->text);
    return text;
}

/* Any thread may ask, so it waits for none. */
static PyObject *env_metrics(PyObject *o, PyObject *unused)
{
    dfpy_env *self = (dfpy_env *)o;
    PyThreadState *saved;
    pieces p = {0};
    int rc;
    (void)unused;
    if (dfpy_usable(&self->handle, 0) < 0)
        return NULL;
    saved = PyEval_SaveThread();
    rc = df_env_metrics(self->env, collect, &p);
    PyEval_RestoreThread(saved);
    return collected(&p, rc, NULL);
}

static PyObject *env_describe(PyObject *o, PyObject *unused)
{
    dfpy_env *self = (dfpy_env *)o;
    pieces p = {0};
    int rc;
    (void)unused;
    if (dfpy_usable(&self->handle, 1) < 0)
        return NULL;
    DFPY_CALL(&self->handle, rc, df_env_describe(self->env, collect, &p), df_env_errmsg(self->env));
    return collected(&p, rc, self->handle.error);
}

static PyObject *env_format(PyObject *o, PyObject *args)
{
    dfpy_env *self = (dfpy_env *)o;
    df_text in = {.size = sizeof in};
    pieces p = {0};
    Py_ssize_t len;
    int rc;
    if (!PyArg_ParseTuple(args, "s#|z", &in.text, &len, &in.file) ||
        dfpy_usable(&self->handle, 1) < 0)
        return NULL;
    in.len = (size_t)len;
    DFPY_CALL(&self->handle, rc, df_env_format(self->env, &in, collect, &p),
              df_env_errmsg(self->env));
    return collected(&p, rc, self->handle.error);
}

static PyObject *env_load_plugin(PyObject *o, PyObject *args)
{
    dfpy_env *self = (dfpy_env *)o;
    const char *path;
    int rc;
    if (!PyArg_ParseTuple(args, "s", &path) || dfpy_usable(&self->handle, 1) < 0)
        return NULL;
    DFPY_CALL(&self->handle, rc, df_env_load_plugin(self->env, path), df_env_errmsg(self->env));
    return rc < 0 ? dfpy_raise(rc, self->handle.error) : Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"metrics", env_metrics, METH_NOARGS,
     "Metrics of all pipelines in the Prometheus text format."},
    {"describe", env_describe, METH_NOARGS,
     "All kinds of stages with their options, as JSON text."},
    {"format", env_format, METH_VARARGS, "format(text, file=None): a manifest in the new layout."},
    {"load_plugin", env_load_plugin, METH_VARARGS, "load_plugin(path): registers what it offers."},
    {"register", dfpy_register, METH_VARARGS,
     "register(what, name, doc, factory, options, flags): see dataflow.transform and kin."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_new, env_new},
    {Py_tp_dealloc, env_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_doc, "The library in this process: registry of kinds, log, metrics."},
    {0, NULL},
};
static PyType_Spec spec = {"dataflow._native.Env", sizeof(dfpy_env), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

int dfpy_env_begin(PyObject *module)
{
    dfpy_env_type = dfpy_type(module, &spec, "Env");
    return dfpy_env_type ? 0 : -1;
}
