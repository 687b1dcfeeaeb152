/* SPDX-License-Identifier: Apache-2.0
 * kind.c: kinds of stages written in Python: registered, their options, made and dropped. Which
 * class an instance is of stands in the user pointer of its table. An instance is made from its
 * class in open and dropped in close, so one that has to connect anew is a new object. */
#include "kind.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- the border ---- */

border enter(df_stage *st)
{
    border b = {PyGILState_Ensure(), st, df_stage_user(st)};
    dfpy_callback_depth++;
    return b;
}

int leave(border *b, int rc)
{
    dfpy_callback_depth--;
    PyGILState_Release(b->gil);
    return rc;
}

/* A call that came back with NULL. */
int failed(border *b)
{
    char text[DFPY_TEXT], reason[64];
    int status = dfpy_caught(b->st, 1, text, reason);
    return df_stage_fail(b->st, status, *reason ? reason : NULL, text);
}

/* self.name(args...) when it has such a method; DF_OK without one. Takes `args`, which may be NULL
 * with an exception. */
int call(border *b, instance *i, const char *name, PyObject *args)
{
    PyObject *method = args && i->self ? dfpy_method(i->self, name) : NULL, *result = NULL;
    if (args && !method) {
        Py_DECREF(args);
        return DF_OK;
    }
    if (method)
        result = PyObject_Call(method, args, NULL);
    Py_XDECREF(args);
    Py_XDECREF(method);
    if (!result)
        return failed(b);
    Py_DECREF(result);
    return DF_OK;
}

/* ---- options ---- */

static PyObject *option(const kind *k, const instance *i, size_t n)
{
    const slot *s = &i->options[n];
    switch (k->rows[n].type) {
    case DF_OPT_TEXT:
        if (!s->text.data)
            return Py_NewRef(Py_None);
        return PyUnicode_DecodeUTF8(s->text.data, (Py_ssize_t)s->text.len, "surrogateescape");
    case DF_OPT_BOOL:
        return PyBool_FromLong(s->flag);
    case DF_OPT_DOUBLE:
        return isnan(s->real) ? Py_NewRef(Py_None) : PyFloat_FromDouble(s->real);
    case DF_OPT_DURATION:
        return s->number == DF_UNSET ? Py_NewRef(Py_None)
                                     : PyFloat_FromDouble((double)s->number / 1e6);
    case DF_OPT_ANY: {
        PyObject *json = PyImport_ImportModule("json"), *o = NULL;
        if (json && !s->text.data)
            o = Py_NewRef(Py_None);
        else if (json)
            o = PyObject_CallMethod(json, "loads", "s#", s->text.data, (Py_ssize_t)s->text.len);
        Py_XDECREF(json);
        return o;
    }
    default:
        if (s->number == DF_UNSET)
            return Py_NewRef(Py_None);
        return PyLong_FromLongLong(s->number);
    }
}

/* The instance's object: the class called with its options by name. */
static PyObject *make(const kind *k, const instance *i)
{
    PyObject *named = PyDict_New(), *none = PyTuple_New(0), *o = NULL;
    int ok = named && none;
    for (size_t n = 0; ok && n < k->options.count; n++) {
        PyObject *value = option(k, i, n);
        ok = value && PyDict_SetItemString(named, k->rows[n].name, value) == 0;
        Py_XDECREF(value);
    }
    if (ok)
        o = PyObject_Call(k->factory, none, named);
    Py_XDECREF(none);
    Py_XDECREF(named);
    return o;
}

/* ---- what all stages have ---- */

/* Before the start the value of a reference is not known, and the option is "": named, the problem
 * is asked about again then. */
static const char *unknown_text(const kind *k, const instance *i)
{
    for (size_t n = 0; n < k->options.count; n++)
        if (k->rows[n].type == DF_OPT_TEXT && i->options[n].text.data && !i->options[n].text.len)
            return k->rows[n].name;
    return NULL;
}

/* A class that refuses its options does so in its constructor, which does no I/O. */
int on_check(void *self, df_stage *st)
{
    border b = enter(st);
    PyObject *o = make(b.kind, self);
    char text[DFPY_TEXT];
    if (o) {
        Py_DECREF(o);
        return leave(&b, DF_OK);
    }
    dfpy_caught(st, 1, text, NULL);
    return leave(&b, df_stage_problem(st, DF_ERROR, unknown_text(b.kind, self), text));
}

int on_open(void *self, df_stage *st)
{
    border b = enter(st);
    instance *i = self;
    i->stage = dfpy_stage_new(b.kind->env, st);
    i->self = i->stage ? make(b.kind, i) : NULL;
    return leave(&b, i->self ? call(&b, i, "open", Py_BuildValue("(O)", i->stage)) : failed(&b));
}

void on_close(void *self, df_stage *st)
{
    border b = enter(st);
    instance *i = self;
    if (i->self)
        call(&b, i, "close", PyTuple_New(0));
    if (i->stage)
        i->stage->stage = NULL;
    end_children(i);
    Py_CLEAR(i->self);
    Py_CLEAR(i->stage);
    leave(&b, DF_OK);
}

/* ---- registration ---- */

static void free_kind(void *user)
{
    kind *k = user;
    PyGILState_STATE gil;
    if (!Py_IsInitialized())
        return;
    gil = PyGILState_Ensure();
    Py_XDECREF(k->factory);
    Py_XDECREF(k->names);
    free(k);
    PyGILState_Release(gil);
}

/* Options: a list of (name, type, default or None, doc, required); the texts are kept by `names`.
 */
static int read_options(kind *k, PyObject *list)
{
    Py_ssize_t count = PyList_Check(list) ? PyList_Size(list) : -1;
    if (count < 0 || count > MOST_OPTIONS) {
        PyErr_SetString(PyExc_TypeError, "options: a list of at most 32 rows");
        return -1;
    }
    k->names = Py_NewRef(list);
    for (Py_ssize_t n = 0; n < count; n++) {
        df_option *row = &k->rows[n];
        int required;
        if (!PyArg_ParseTuple(PyList_GetItem(list, n), "sizsp", &row->name, &row->type, &row->def,
                              &row->doc, &required))
            return -1;
        row->flags = required ? DF_OPT_REQUIRED : 0;
        row->offset = offsetof(instance, options) + (size_t)n * sizeof(slot);
    }
    k->options = (df_options){sizeof(df_options), sizeof(df_option), (size_t)count, k->rows,
                              sizeof(instance)};
    return 0;
}

static int register_transform(dfpy_env *env, kind *k, const char *name, const char *doc)
{
    df_transform t = {.size = sizeof t, .name = name, .doc = doc, .self_size = sizeof(instance)};
    int rc;
    t.options = &k->options;
    t.check = on_check;
    t.open = on_open;
    t.close = on_close;
    t.apply = k->expands ? NULL : on_apply;
    t.expand = k->expands ? on_expand : NULL;
    t.user = k;
    t.user_free = free_kind;
    DFPY_CALL(&env->handle, rc, df_transform_register(env->env, &t), df_env_errmsg(env->env));
    return rc;
}

static int register_source(dfpy_env *env, kind *k, const char *name, const char *doc)
{
    df_connector c = {.size = sizeof c, .name = name, .doc = doc, .user = k};
    int rc;
    c.user_free = free_kind;
    c.source_size = sizeof(instance);
    c.source_options = &k->options;
    c.source_flags = k->flags;
    c.source = k->flags & DF_CAN_REPLAY ? &dfpy_seeking_ops : &dfpy_source_ops;
    DFPY_CALL(&env->handle, rc, df_connector_register(env->env, &c), df_env_errmsg(env->env));
    return rc;
}

static int register_sink(dfpy_env *env, kind *k, const char *name, const char *doc)
{
    df_connector c = {.size = sizeof c, .name = name, .doc = doc, .user = k};
    int rc;
    c.user_free = free_kind;
    c.sink_size = sizeof(instance);
    c.sink_options = &k->options;
    c.sink_flags = k->flags;
    c.sink = &dfpy_sink_ops;
    DFPY_CALL(&env->handle, rc, df_connector_register(env->env, &c), df_env_errmsg(env->env));
    return rc;
}

/* What Env.register calls it, and how it is registered. */
static const struct {
    const char *what;
    int (*add)(dfpy_env *env, kind *k, const char *name, const char *doc);
} ways[] = {
    {"transform", register_transform},
    {"expand", register_transform},
    {"source", register_source},
    {"sink", register_sink},
};

PyObject *dfpy_register(PyObject *self, PyObject *args)
{
    dfpy_env *env = (dfpy_env *)self;
    const char *what, *name, *doc;
    PyObject *factory, *options;
    unsigned flags;
    kind *k;
    int rc;
    if (!PyArg_ParseTuple(args, "sssOOI", &what, &name, &doc, &factory, &options, &flags) ||
        dfpy_usable(&env->handle, 1) < 0)
        return NULL;
    k = calloc(1, sizeof *k);
    if (!k)
        return PyErr_NoMemory();
    k->env = env;
    k->factory = Py_NewRef(factory);
    k->flags = flags;
    k->expands = strcmp(what, "expand") == 0;
    if (read_options(k, options) < 0) {
        free_kind(k);
        return NULL;
    }
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].what, what) == 0) {
            rc = ways[i].add(env, k, name, doc); /* takes k, also when it fails */
            return rc < 0 ? dfpy_raise(rc, env->handle.error) : Py_NewRef(Py_None);
        }
    free_kind(k);
    return dfpy_raise(DF_EINVAL, "no such kind of stage");
}
