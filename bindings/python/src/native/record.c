/* SPDX-License-Identifier: Apache-2.0
 * record.c: one record inside of a transform. It is the library's own, so the object is dead when
 * the function that got it has returned. */
#include "native.h"

static PyTypeObject *record_type;

dfpy_record *dfpy_record_new(dfpy_env *env, df_record *r)
{
    dfpy_record *self = dfpy_new(record_type);
    if (self) {
        self->record = r;
        self->env = (dfpy_env *)Py_NewRef((PyObject *)env);
    }
    return self;
}

void dfpy_record_end(dfpy_record *self)
{
    self->record = NULL;
}

static void record_dealloc(PyObject *o)
{
    Py_XDECREF((PyObject *)((dfpy_record *)o)->env);
    dfpy_delete(o);
}

static df_record *alive(PyObject *o)
{
    df_record *r = ((dfpy_record *)o)->record;
    if (!r)
        dfpy_raise(DF_ESTATE,
                   "this record is gone: it lives until the function that got it returns");
    return r;
}

static PyObject *done(int rc)
{
    if (rc < 0)
        return dfpy_raise(rc, NULL);
    return Py_NewRef(Py_None);
}

/* ---- values by path ---- */

/* 1: found; 0: absent; -1 with an exception. */
static int look(PyObject *o, PyObject *path, df_value *ret)
{
    df_record *r = alive(o);
    const df_path *at = r ? dfpy_path(((dfpy_record *)o)->env, path) : NULL;
    int rc = at ? df_record_get(r, at, ret) : 0;
    if (!at)
        return -1;
    if (rc < 0) {
        dfpy_raise(rc, rc == DF_EDATA ? "the payload is not JSON" : NULL);
        return -1;
    }
    return ret->type != DF_V_ABSENT;
}

static PyObject *record_get_item(PyObject *o, PyObject *path)
{
    df_value v;
    int found = look(o, path, &v);
    if (!found)
        PyErr_SetObject(PyExc_KeyError, path);
    return found > 0 ? dfpy_from_value(&v) : NULL;
}

static PyObject *record_get(PyObject *o, PyObject *args)
{
    PyObject *path, *otherwise = Py_None;
    df_value v;
    int found;
    if (!PyArg_ParseTuple(args, "O|O", &path, &otherwise) || (found = look(o, path, &v)) < 0)
        return NULL;
    return found ? dfpy_from_value(&v) : Py_NewRef(otherwise);
}

static int record_contains(PyObject *o, PyObject *path)
{
    df_value v;
    return look(o, path, &v);
}

/* `value` NULL removes. The path is looked up last: a conversion runs Python, which may look up
 * others. */
static int record_set_item(PyObject *o, PyObject *path, PyObject *value)
{
    df_record *r = alive(o);
    PyObject *keep = r ? PyList_New(0) : NULL;
    df_value v = {.type = DF_V_ABSENT};
    int rc = keep && value ? dfpy_to_value(r, value, &v, keep) : 0;
    const df_path *at = keep && rc == 0 ? dfpy_path(((dfpy_record *)o)->env, path) : NULL;
    rc = at ? df_record_set(r, at, &v) : DF_OK;
    Py_XDECREF(keep);
    if (rc < 0)
        dfpy_raise(rc,
                   rc == DF_EDATA ? "the payload is not JSON, or a parent is no container" : NULL);
    return at && rc >= 0 ? 0 : -1;
}

static PyObject *get_value(PyObject *o, void *unused)
{
    df_record *r = alive(o);
    df_value v;
    int rc = r ? df_record_root(r, &v) : DF_OK;
    (void)unused;
    if (!r)
        return NULL;
    return rc < 0 ? dfpy_raise(rc, "the payload is not JSON") : dfpy_from_value(&v);
}

static int set_value(PyObject *o, PyObject *value, void *unused)
{
    df_record *r = alive(o);
    PyObject *keep = r ? PyList_New(0) : NULL;
    df_value v;
    int rc = -1;
    (void)unused;
    if (keep && value && dfpy_to_value(r, value, &v, keep) == 0) {
        rc = df_record_set_root(r, &v);
        if (rc < 0)
            dfpy_raise(rc, NULL);
    } else if (keep && !value) {
        PyErr_SetString(PyExc_TypeError, "value cannot be deleted; drop() drops the record");
    }
    Py_XDECREF(keep);
    return rc < 0 ? -1 : 0;
}

/* ---- payload, key, headers ---- */

static PyObject *get_payload(PyObject *o, void *unused)
{
    df_record *r = alive(o);
    df_bytes b = {NULL, 0};
    int rc = r ? df_record_payload(r, &b) : DF_OK;
    (void)unused;
    if (!r)
        return NULL;
    return rc < 0 ? dfpy_raise(rc, NULL) : dfpy_from_bytes(b);
}

static PyObject *get_key(PyObject *o, void *unused)
{
    df_record *r = alive(o);
    df_bytes b = {NULL, 0};
    int rc = r ? df_record_key(r, &b) : DF_OK;
    (void)unused;
    if (!r)
        return NULL;
    return rc < 0 ? dfpy_raise(rc, NULL) : dfpy_from_bytes(b);
}

/* `set` is df_record_set_payload or df_record_set_key; both copy. */
static int set_bytes(PyObject *o, PyObject *value, void *set)
{
    df_record *r = alive(o);
    df_bytes b;
    int rc;
    if (!r || dfpy_to_bytes(value, &b) < 0)
        return -1;
    rc = set ? df_record_set_key(r, b) : df_record_set_payload(r, b);
    return rc < 0 ? (dfpy_raise(rc, NULL), -1) : 0;
}

static PyObject *get_headers(PyObject *o, void *unused)
{
    df_record *r = alive(o);
    PyObject *list = r ? PyList_New(0) : NULL;
    df_header header;
    (void)unused;
    for (size_t i = 0; list && df_record_header(r, i, &header) == DF_OK; i++) {
        PyObject *value = dfpy_from_bytes(header.value);
        PyObject *pair = value ? Py_BuildValue("(NN)", dfpy_from_text(header.name), value) : NULL;
        if (!pair || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

static int set_headers(PyObject *o, PyObject *value, void *unused)
{
    df_record *r = alive(o);
    PyObject *keep = r ? PyList_New(0) : NULL;
    df_header *rows;
    size_t count;
    int rc = -1;
    (void)unused;
    if (keep && dfpy_to_headers(value, &rows, &count, keep) == 0) {
        rc = df_record_set_headers(r, rows, count);
        PyMem_Free(rows);
        if (rc < 0)
            dfpy_raise(rc, NULL);
    }
    Py_XDECREF(keep);
    return rc < 0 ? -1 : 0;
}

/* ---- what else is known of it ---- */

static PyObject *get_info(PyObject *o, void *what)
{
    df_record *r = alive(o);
    df_info info = {.size = sizeof info};
    int rc = r ? df_record_info(r, &info) : DF_OK;
    if (!r)
        return NULL;
    if (rc < 0)
        return dfpy_raise(rc, NULL);
    switch (*(const char *)what) {
    case 't':
        return PyLong_FromLongLong(info.time_us);
    case 'o':
        return PyLong_FromLongLong(info.offset);
    case 'c':
        return PyLong_FromUnsignedLong(info.op);
    default:
        return dfpy_from_text(info.partition);
    }
}

static int set_op(PyObject *o, PyObject *value, void *unused)
{
    df_record *r = alive(o);
    long op = r && value ? PyLong_AsLong(value) : -1;
    int rc;
    (void)unused;
    if (!r || PyErr_Occurred())
        return -1;
    rc = op < 0 ? DF_EINVAL : df_record_set_op(r, (uint32_t)op);
    return rc < 0 ? (dfpy_raise(rc, NULL), -1) : 0;
}

static int set_time(PyObject *o, PyObject *value, void *unused)
{
    df_record *r = alive(o);
    long long us = r && value ? PyLong_AsLongLong(value) : 0;
    int rc;
    (void)unused;
    if (!r || PyErr_Occurred())
        return -1;
    rc = df_record_set_time(r, us);
    return rc < 0 ? (dfpy_raise(rc, NULL), -1) : 0;
}

static PyObject *record_meta(PyObject *o, PyObject *args)
{
    df_record *r = alive(o);
    const char *name;
    df_value v;
    int rc;
    if (!r || !PyArg_ParseTuple(args, "s", &name))
        return NULL;
    rc = df_record_meta(r, name, &v);
    return rc < 0 ? dfpy_raise(rc, NULL) : dfpy_from_value(&v);
}

static PyObject *record_set_meta(PyObject *o, PyObject *args)
{
    df_record *r = alive(o);
    const char *name;
    PyObject *value, *keep;
    df_value v;
    int rc;
    if (!r || !PyArg_ParseTuple(args, "sO", &name, &value) || !(keep = PyList_New(0)))
        return NULL;
    rc = dfpy_to_value(r, value, &v, keep);
    if (rc == 0)
        rc = df_record_set_meta(r, name, &v);
    else
        rc = DF_MORE; /* an exception is raised already */
    Py_DECREF(keep);
    return rc == DF_MORE ? NULL : done(rc);
}

/* ---- where it goes ---- */

static PyObject *record_drop(PyObject *o, PyObject *unused)
{
    df_record *r = alive(o);
    (void)unused;
    if (!r)
        return NULL;
    df_record_drop(r);
    return Py_NewRef(Py_None);
}

static PyObject *record_reject(PyObject *o, PyObject *args)
{
    df_record *r = alive(o);
    const char *text, *reason = NULL;
    if (!r || !PyArg_ParseTuple(args, "s|z", &text, &reason))
        return NULL;
    df_record_reject(r, DF_EDATA, reason, text);
    return Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"get", record_get, METH_VARARGS, "get(path, otherwise=None): the value at a path."},
    {"meta", record_meta, METH_VARARGS, "meta(name): metadata, None when there is none."},
    {"set_meta", record_set_meta, METH_VARARGS, "set_meta(name, scalar)"},
    {"drop", record_drop, METH_NOARGS, "Leaves the record out; it is counted as filtered."},
    {"reject", record_reject, METH_VARARGS,
     "reject(text, reason=None): to the error sink. No value of the record in the text."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef members[] = {
    {"value", get_value, set_value, "The whole value: a dict, a list or a scalar.", NULL},
    {"payload", get_payload, set_bytes, "The bytes; None is a tombstone.", NULL},
    {"key", get_key, set_bytes, "The key; None: it has none.", (void *)"key"},
    {"headers", get_headers, set_headers, "A list of (name, bytes).", NULL},
    {"time_us", get_info, set_time, "µs since 1970.", (void *)"t"},
    {"offset", get_info, NULL, "The source's number of it; -1: none.", (void *)"o"},
    {"op", get_info, set_op, "What happened to the row: an Op.", (void *)"c"},
    {"partition", get_info, NULL, "The partition's name.", (void *)"p"},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, record_dealloc},
    {Py_mp_subscript, record_get_item},
    {Py_mp_ass_subscript, record_set_item},
    {Py_sq_contains, record_contains},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {Py_tp_doc, "A record inside of a transform; record[path] reads, sets and removes."},
    {0, NULL},
};
static PyType_Spec spec = {"dataflow.Record", sizeof(dfpy_record), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

int dfpy_record_begin(PyObject *module)
{
    record_type = dfpy_type(module, &spec, "Record");
    return record_type ? 0 : -1;
}
