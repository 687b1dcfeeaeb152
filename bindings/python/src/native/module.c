/* SPDX-License-Identifier: Apache-2.0
 * module.c: the extension module, its exceptions, and what becomes of an exception in a callback.
 */
#include "native.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

PyObject *dfpy_error, *dfpy_reject_error;
__thread int dfpy_callback_depth;

/* ---- classes of statuses ---- */

static const struct {
    int status;
    const char *name; /* of the class, a subclass of dataflow.Error */
} classes[] = {
    {DF_EIO, "ConnectionFailed"},      {DF_EAUTH, "AuthenticationError"},
    {DF_EINVAL, "ArgumentError"},      {DF_ESTATE, "StateError"},
    {DF_ENOTFOUND, "NotFoundError"},   {DF_EEXISTS, "ExistsError"},
    {DF_ESPEC, "SpecError"},           {DF_ECANCELED, "CanceledError"},
    {DF_EREJECTED, "RejectedError"},   {DF_EDATA, "DataError"},
    {DF_ETEMPORARY, "TemporaryError"}, {DF_EFENCED, "FencedError"},
    {DF_ENOTSUP, "NotSupportedError"},
};
enum { CLASSES = sizeof classes / sizeof *classes };
static PyObject *class_objects[CLASSES];

static PyObject *class_of(int status)
{
    for (int i = 0; i < CLASSES; i++)
        if (classes[i].status == status)
            return class_objects[i];
    return dfpy_error;
}

PyObject *dfpy_raise(int status, const char *text)
{
    PyObject *class = class_of(status), *error, *number, *words;
    if (!text || !*text)
        text = df_status_text(status);
    if (status == DF_ENOMEM)
        return PyErr_NoMemory();
    words = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    error = words ? PyObject_CallFunction(class, "O", words) : NULL;
    Py_XDECREF(words);
    number = PyLong_FromLong(status);
    if (error && number && PyObject_SetAttrString(error, "status", number) == 0)
        PyErr_SetObject(class, error);
    Py_XDECREF(error);
    Py_XDECREF(number);
    return NULL;
}

/* ---- exceptions of callbacks ---- */

static int status_of(PyObject *error)
{
    PyObject *status;
    long number = DF_EINTERNAL;
    if (PyErr_GivenExceptionMatches(error, dfpy_reject_error))
        return DF_EDATA;
    if (PyErr_GivenExceptionMatches(error, PyExc_MemoryError))
        return DF_ENOMEM;
    if (PyErr_GivenExceptionMatches(error, PyExc_OSError))
        return DF_EIO;
    if (!PyErr_GivenExceptionMatches(error, dfpy_error))
        return DF_EINTERNAL;
    status = PyObject_GetAttrString(error, "status");
    if (status)
        number = PyLong_AsLong(status);
    Py_XDECREF(status);
    PyErr_Clear();
    return number < 0 && df_status_fate((int)number) != DF_FATE_NONE ? (int)number : DF_EINTERNAL;
}

int dfpy_status_of_raised(void)
{
    PyObject *type, *error, *trace;
    int status;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    status = error ? status_of(error) : DF_EINTERNAL;
    PyErr_Restore(type, error, trace);
    return status;
}

/* The words of an exception, by a function of the Python side. */
static void describe(PyObject *error, int values, char text[DFPY_TEXT])
{
    PyObject *module = PyImport_ImportModule("dataflow._convert");
    PyObject *words = module ? PyObject_CallMethod(module, "words_of", "Oi", error, values) : NULL;
    const char *utf8 = words ? PyUnicode_AsUTF8AndSize(words, NULL) : NULL;
    dfpy_keep_text(text, utf8 ? utf8 : "an exception that cannot be told");
    Py_XDECREF(words);
    Py_XDECREF(module);
    PyErr_Clear();
}

int dfpy_caught(df_stage *st, int values, char text[DFPY_TEXT], char ret_reason[64])
{
    PyObject *type, *error, *trace;
    int status;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace)
        PyException_SetTraceback(error, trace);
    status = status_of(error);
    if (ret_reason)
        *ret_reason = '\0';
    if (PyErr_GivenExceptionMatches(error, dfpy_reject_error)) {
        PyObject *reason = PyObject_GetAttrString(error, "reason");
        const char *utf8 =
            reason && reason != Py_None ? PyUnicode_AsUTF8AndSize(reason, NULL) : NULL;
        if (ret_reason && utf8)
            snprintf(ret_reason, 64, "%s", utf8);
        Py_XDECREF(reason);
        PyErr_Clear();
        values = 1;                                         /* its text is for people */
    } else if (status != DF_EIO && status != DF_ETIMEOUT) { /* those are tried again */
        dfpy_keep_failure(st, error);
    }
    describe(error, values, text);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    return status;
}

/* ---- handles and objects ---- */

void dfpy_handle_init(dfpy_handle *h)
{
    h->pid = getpid();
    pthread_mutex_init(&h->lock, NULL);
    h->error[0] = '\0';
}

int dfpy_usable(const dfpy_handle *h, int blocking)
{
    char text[DFPY_TEXT];
    if (h->pid != getpid()) {
        snprintf(text, sizeof text, "made in process %ld: a forked process makes its own",
                 (long)h->pid);
        dfpy_raise(DF_ESTATE, text);
        return -1;
    }
    if (blocking && dfpy_callback_depth) {
        dfpy_raise(DF_ESTATE, "not inside of a function that the pipeline calls");
        return -1;
    }
    return 0;
}

void dfpy_keep_text(char to[DFPY_TEXT], const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len >= DFPY_TEXT) {
        len = DFPY_TEXT - 1;
        while (len && ((unsigned char)text[len] & 0xc0) == 0x80) /* not inside of a character */
            len--;
    }
    if (len)
        memcpy(to, text, len);
    to[len] = '\0';
}

PyTypeObject *dfpy_type(PyObject *module, PyType_Spec *spec, const char *name)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (type && PyModule_AddObjectRef(module, name, type) < 0)
        Py_CLEAR(type);
    return (PyTypeObject *)type;
}

void *dfpy_new(PyTypeObject *type)
{
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return alloc(type, 0);
}

void dfpy_delete(void *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

const char *dfpy_text(PyObject *o, const char *what)
{
    if (!o || o == Py_None)
        return "";
    if (PyUnicode_Check(o))
        return PyUnicode_AsUTF8AndSize(o, NULL);
    PyErr_Format(PyExc_TypeError, "%s: a str is expected", what);
    return NULL;
}

PyObject *dfpy_method(PyObject *self, const char *name)
{
    PyObject *method = PyObject_GetAttrString(self, name);
    if (!method)
        PyErr_Clear();
    if (method == Py_None)
        Py_CLEAR(method);
    return method;
}

/* ---- the module ---- */

static PyObject *statuses(PyObject *module, PyObject *unused)
{
    PyObject *all = PyDict_New();
    int status;
    (void)module, (void)unused;
    for (size_t i = 0; all && df_status_at(i, &status) == DF_OK; i++) {
        PyObject *number = PyLong_FromLong(status);
        if (!number || PyDict_SetItemString(all, df_status_name(status), number) < 0)
            Py_CLEAR(all);
        Py_XDECREF(number);
    }
    return all;
}

static PyObject *version(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyUnicode_FromString(df_version_string());
}

static PyMethodDef methods[] = {
    {"statuses", statuses, METH_NOARGS, "All statuses of the library, by name."},
    {"version", version, METH_NOARGS, "The version of the library in use."},
    {NULL, NULL, 0, NULL},
};

static PyObject *exception(PyObject *module, const char *name, PyObject *base)
{
    char full[80];
    PyObject *class;
    snprintf(full, sizeof full, "dataflow.%s", name);
    class = PyErr_NewException(full, base, NULL);
    if (class && PyModule_AddObjectRef(module, name, class) < 0)
        Py_CLEAR(class);
    return class;
}

/* A program that raises the class itself means its status. */
static int give_status(PyObject *class, int status)
{
    PyObject *number = PyLong_FromLong(status);
    int rc = number ? PyObject_SetAttrString(class, "status", number) : -1;
    Py_XDECREF(number);
    return rc;
}

static int exceptions(PyObject *module)
{
    dfpy_error = exception(module, "Error", NULL);
    dfpy_reject_error = exception(module, "Refusal", NULL); /* of it the package makes Reject */
    if (!dfpy_error || !dfpy_reject_error)
        return -1;
    for (int i = 0; i < CLASSES; i++)
        if (!(class_objects[i] = exception(module, classes[i].name, dfpy_error)) ||
            give_status(class_objects[i], classes[i].status) < 0)
            return -1;
    return give_status(dfpy_error, DF_EINTERNAL);
}

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "_native",
    "libdataflow for Python; use the package dataflow.",
    -1,
    methods,
    NULL,
    NULL,
    NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__native(void);
PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (!module || exceptions(module) < 0 || dfpy_value_begin(module) < 0 ||
        dfpy_env_begin(module) < 0 || dfpy_record_begin(module) < 0 ||
        dfpy_stage_begin(module) < 0 || dfpy_pipeline_begin(module) < 0 ||
        dfpy_port_begin(module) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
