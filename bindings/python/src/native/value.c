/* SPDX-License-Identifier: Apache-2.0
 * value.c: values of records as Python objects, and the other way. What the stable ABI does not
 * have (dates, decimals) is made by functions of the Python side (dataflow._convert). */
#include "native.h"

#include <string.h>

static PyObject *convert;   /* the module dataflow._convert */
static PyObject *unchanged; /* the singleton UNCHANGED */

/* Threads of the library have small stacks, and a payload may nest without end. */
enum { MOST_DEEP = 400 };
static __thread int depth;

static int deeper(void)
{
    if (depth >= MOST_DEEP) {
        dfpy_raise(DF_EDATA, "a value that nests deeper than 400");
        return -1;
    }
    depth++;
    return 0;
}

static PyObject *converter(void)
{
    if (!convert)
        convert = PyImport_ImportModule("dataflow._convert");
    return convert;
}

/* ---- from the library ---- */

static PyObject *from_nothing(const df_value *v)
{
    (void)v;
    return Py_NewRef(Py_None);
}

static PyObject *from_unchanged(const df_value *v)
{
    (void)v;
    return Py_NewRef(unchanged);
}

static PyObject *from_bool(const df_value *v)
{
    return PyBool_FromLong((long)v->u.i);
}

static PyObject *from_int(const df_value *v)
{
    return PyLong_FromLongLong(v->u.i);
}

static PyObject *from_double(const df_value *v)
{
    return PyFloat_FromDouble(v->u.d);
}

static PyObject *from_number(const df_value *v)
{
    return converter() ? PyObject_CallMethod(convert, "number", "s#", v->text, (Py_ssize_t)v->len)
                       : NULL;
}

static PyObject *from_string(const df_value *v)
{
    return PyUnicode_DecodeUTF8(v->text, (Py_ssize_t)v->len, "surrogateescape");
}

static PyObject *from_binary(const df_value *v)
{
    return PyBytes_FromStringAndSize(v->text, (Py_ssize_t)v->len);
}

static PyObject *from_timestamp(const df_value *v)
{
    if (!converter())
        return NULL;
    if (v->zone == DF_ZONE_NONE)
        return PyObject_CallMethod(convert, "timestamp", "LO", (long long)v->u.i, Py_None);
    return PyObject_CallMethod(convert, "timestamp", "Li", (long long)v->u.i, (int)v->zone);
}

static PyObject *from_date(const df_value *v)
{
    return converter() ? PyObject_CallMethod(convert, "day", "L", (long long)v->u.i) : NULL;
}

static PyObject *from_time(const df_value *v)
{
    return converter() ? PyObject_CallMethod(convert, "clock", "L", (long long)v->u.i) : NULL;
}

static PyObject *from_array(const df_value *v)
{
    PyObject *list = PyList_New(0);
    df_walk walk = {0};
    while (list && df_value_walk(v, &walk) == DF_OK) {
        PyObject *item = dfpy_from_value(&walk.value);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *from_object(const df_value *v)
{
    PyObject *dict = PyDict_New();
    df_walk walk = {0};
    while (dict && df_value_walk(v, &walk) == DF_OK) {
        PyObject *name =
            PyUnicode_DecodeUTF8(walk.name.data, (Py_ssize_t)walk.name.len, "surrogateescape");
        PyObject *item = name ? dfpy_from_value(&walk.value) : NULL;
        if (!item || PyDict_SetItem(dict, name, item) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(name);
        Py_XDECREF(item);
    }
    return dict;
}

static PyObject *(*const readers[])(const df_value *) = {
    [DF_V_ABSENT] = from_nothing, [DF_V_UNCHANGED] = from_unchanged,
    [DF_V_NULL] = from_nothing,   [DF_V_BOOL] = from_bool,
    [DF_V_INT] = from_int,        [DF_V_NUMBER] = from_number,
    [DF_V_DOUBLE] = from_double,  [DF_V_STRING] = from_string,
    [DF_V_BYTES] = from_binary,   [DF_V_TIMESTAMP] = from_timestamp,
    [DF_V_DATE] = from_date,      [DF_V_TIME] = from_time,
    [DF_V_ARRAY] = from_array,    [DF_V_OBJECT] = from_object,
};

PyObject *dfpy_from_value(const df_value *v)
{
    PyObject *o = NULL;
    if (v->type < 0 || (size_t)v->type >= sizeof readers / sizeof *readers)
        return dfpy_raise(DF_ENOTSUP, "a value of a type that this version does not know");
    if (deeper() < 0)
        return NULL;
    o = readers[v->type](v);
    depth--;
    return o;
}

PyObject *dfpy_from_bytes(df_bytes b)
{
    return b.data ? PyBytes_FromStringAndSize(b.data, (Py_ssize_t)b.len) : Py_NewRef(Py_None);
}

PyObject *dfpy_from_text(const char *text)
{
    return text ? PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape")
                : Py_NewRef(Py_None);
}

PyObject *dfpy_from_headers(const df_header *rows, size_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *value = dfpy_from_bytes(rows[i].value);
        PyObject *pair = value ? Py_BuildValue("(NN)", dfpy_from_text(rows[i].name), value) : NULL;
        if (!pair || PyList_SetItem(list, (Py_ssize_t)i, pair) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* ---- to the library ---- */

static int text_value(PyObject *o, int type, df_value *ret)
{
    Py_ssize_t len;
    ret->type = type;
    ret->text = PyUnicode_AsUTF8AndSize(o, &len);
    ret->len = (size_t)len;
    return ret->text ? 0 : -1;
}

static int to_int(PyObject *o, df_value *ret, PyObject *keep)
{
    int overflow;
    PyObject *digits;
    int rc;
    ret->type = DF_V_INT;
    ret->u.i = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (!overflow)
        return ret->u.i == -1 && PyErr_Occurred() ? -1 : 0;
    digits = PyObject_Str(o);
    rc = digits && PyList_Append(keep, digits) == 0 ? text_value(digits, DF_V_NUMBER, ret) : -1;
    Py_XDECREF(digits);
    return rc;
}

static int to_array(df_record *r, PyObject *o, df_value *ret, PyObject *keep)
{
    df_value empty = {.type = DF_V_ARRAY};
    Py_ssize_t count = PySequence_Size(o);
    int rc = df_value_new(r, &empty, ret);
    for (Py_ssize_t i = 0; rc == DF_OK && i < count; i++) {
        PyObject *item = PySequence_GetItem(o, i);
        df_value v;
        int bad = !item || PyList_Append(keep, item) < 0 || dfpy_to_value(r, item, &v, keep) < 0;
        Py_XDECREF(item);
        if (bad)
            return -1;
        rc = df_value_put(r, ret, (df_bytes){NULL, 0}, &v);
    }
    return rc == DF_OK ? 0 : (dfpy_raise(rc, NULL), -1);
}

static int to_member(df_record *r, PyObject *name, PyObject *item, df_value *ret, PyObject *keep)
{
    df_value v;
    Py_ssize_t len;
    const char *text;
    int rc;
    if (!PyUnicode_Check(name)) {
        PyErr_SetString(PyExc_TypeError, "the names of a record's members are str");
        return -1;
    }
    if (!(text = PyUnicode_AsUTF8AndSize(name, &len)) || dfpy_to_value(r, item, &v, keep) < 0)
        return -1;
    rc = df_value_put(r, ret, (df_bytes){text, (size_t)len}, &v);
    return rc == DF_OK ? 0 : (dfpy_raise(rc, NULL), -1);
}

/* Conversions run Python, which may change the dict: what is looked at is held. */
static int to_object(df_record *r, PyObject *o, df_value *ret, PyObject *keep)
{
    df_value empty = {.type = DF_V_OBJECT};
    PyObject *name, *item;
    Py_ssize_t at = 0;
    int rc = df_value_new(r, &empty, ret);
    if (rc != DF_OK)
        return dfpy_raise(rc, NULL), -1;
    while (rc == DF_OK && PyDict_Next(o, &at, &name, &item)) {
        Py_INCREF(name);
        Py_INCREF(item);
        rc = to_member(r, name, item, ret, keep);
        Py_DECREF(name);
        Py_DECREF(item);
    }
    return rc;
}

/* Dates, times and decimals: the Python side answers (type, number, zone, text). */
static int to_other(PyObject *o, df_value *ret, PyObject *keep)
{
    PyObject *parts = converter() ? PyObject_CallMethod(convert, "parts_of", "O", o) : NULL;
    PyObject *text = NULL;
    long long number;
    int type, zone, rc = -1;
    if (parts && PyArg_ParseTuple(parts, "iLiO", &type, &number, &zone, &text)) {
        rc = 0;
        if (text != Py_None)
            rc = PyList_Append(keep, text) < 0 ? -1 : text_value(text, type, ret);
        ret->type = type;
        if (type == DF_V_DOUBLE)
            rc = -1, PyErr_SetString(PyExc_TypeError, "no number");
        else if (text == Py_None)
            ret->u.i = number;
        ret->zone = zone;
    }
    Py_XDECREF(parts);
    return rc;
}

/* In the order of how often they come. A bool is an int in Python, so it is asked first. */
int dfpy_to_value(df_record *r, PyObject *o, df_value *ret, PyObject *keep)
{
    int rc;
    *ret = (df_value){.type = DF_V_NULL};
    if (o == Py_None)
        return 0;
    if (PyUnicode_Check(o))
        return text_value(o, DF_V_STRING, ret);
    if (PyBool_Check(o)) {
        ret->type = DF_V_BOOL;
        ret->u.i = o == Py_True;
        return 0;
    }
    if (PyLong_Check(o))
        return to_int(o, ret, keep);
    if (PyFloat_Check(o)) {
        ret->type = DF_V_DOUBLE;
        ret->u.d = PyFloat_AsDouble(o);
        return 0;
    }
    if (PyBytes_Check(o)) {
        ret->type = DF_V_BYTES;
        ret->text = PyBytes_AsString(o);
        ret->len = (size_t)PyBytes_Size(o);
        return 0;
    }
    if (o == unchanged) {
        ret->type = DF_V_UNCHANGED;
        return 0;
    }
    if (!PyDict_Check(o) && !PyList_Check(o) && !PyTuple_Check(o))
        return to_other(o, ret, keep);
    if (deeper() < 0)
        return -1;
    rc = PyDict_Check(o) ? to_object(r, o, ret, keep) : to_array(r, o, ret, keep);
    depth--;
    return rc;
}

int dfpy_to_bytes(PyObject *o, df_bytes *ret)
{
    Py_ssize_t len = 0;
    *ret = (df_bytes){NULL, 0};
    if (!o || o == Py_None)
        return 0;
    if (PyUnicode_Check(o)) {
        ret->data = PyUnicode_AsUTF8AndSize(o, &len);
    } else if (PyBytes_Check(o)) {
        ret->data = PyBytes_AsString(o);
        len = PyBytes_Size(o);
    } else {
        PyErr_SetString(PyExc_TypeError, "bytes, a str or None is expected");
    }
    ret->len = (size_t)len;
    return ret->data ? 0 : -1;
}

static int to_header(PyObject *pair, df_header *ret)
{
    PyObject *value = NULL;
    if (PyTuple_Check(pair) && PyArg_ParseTuple(pair, "sO", &ret->name, &value))
        return dfpy_to_bytes(value, &ret->value);
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "a header is a tuple (name, value)");
    return -1;
}

int dfpy_to_headers(PyObject *list, df_header **ret, size_t *ret_count, PyObject *keep)
{
    PyObject *all;
    Py_ssize_t count;
    int rc;
    *ret = NULL;
    *ret_count = 0;
    if (!list || list == Py_None)
        return 0;
    all = PySequence_Tuple(list); /* of tuples: nobody changes it */
    rc = all ? PyList_Append(keep, all) : -1;
    Py_XDECREF(all);
    if (rc < 0)
        return -1;
    count = PyTuple_Size(all);
    *ret = PyMem_Calloc((size_t)count + 1, sizeof **ret);
    if (!*ret)
        return PyErr_NoMemory(), -1;
    for (Py_ssize_t i = 0; i < count; i++)
        if (to_header(PyTuple_GetItem(all, i), &(*ret)[i]) < 0) {
            PyMem_Free(*ret);
            *ret = NULL;
            return -1;
        }
    *ret_count = (size_t)count;
    return 0;
}

int dfpy_to_input(PyObject *row, df_input *ret, df_header **ret_headers, PyObject *keep)
{
    PyObject *payload = NULL, *key = NULL, *headers = NULL;
    long long time_us = 0, offset = -1;
    unsigned op = DF_OP_NONE;
    *ret_headers = NULL;
    *ret = (df_input){.size = sizeof *ret, .offset = -1};
    if (!PyTuple_Check(row))
        return dfpy_to_bytes(row, &ret->payload);
    if (!PyArg_ParseTuple(row, "O|OOLLI", &payload, &key, &headers, &time_us, &offset, &op) ||
        dfpy_to_bytes(payload, &ret->payload) < 0 || dfpy_to_bytes(key, &ret->key) < 0 ||
        dfpy_to_headers(headers, ret_headers, &ret->header_count, keep) < 0)
        return -1;
    ret->headers = *ret_headers;
    ret->time_us = time_us;
    ret->offset = offset;
    ret->op = op;
    return 0;
}

/* ---- words ---- */

PyObject *dfpy_again, *dfpy_done;

static PyObject *word_repr(PyObject *self)
{
    return PyUnicode_FromString(self == dfpy_again  ? "dataflow.AGAIN"
                                : self == dfpy_done ? "dataflow.DONE"
                                                    : "dataflow.UNCHANGED");
}

static PyType_Slot word_slots[] = {
    {Py_tp_repr, word_repr},
    {Py_tp_doc, "A word of the package: UNCHANGED, AGAIN or DONE."},
    {0, NULL},
};
static PyType_Spec word_spec = {"dataflow._native.Word", sizeof(PyObject), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, word_slots};

static int add_word(PyObject *module, PyTypeObject *type, const char *name, PyObject **ret)
{
    *ret = dfpy_new(type);
    return *ret ? PyModule_AddObjectRef(module, name, *ret) : -1;
}

int dfpy_value_begin(PyObject *module)
{
    PyTypeObject *type = dfpy_type(module, &word_spec, "Word");
    if (!type || add_word(module, type, "UNCHANGED", &unchanged) < 0 ||
        add_word(module, type, "AGAIN", &dfpy_again) < 0)
        return -1;
    return add_word(module, type, "DONE", &dfpy_done);
}
