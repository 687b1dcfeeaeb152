/* SPDX-License-Identifier: Apache-2.0
 * port.c: the ends of a pipeline that are in the program: feed, take, tap; and the parcels that
 * come out of them, or that a sink of the program gets. */
#include "native.h"

#include <poll.h>
#include <unistd.h>

enum { ROWS = 256 }; /* of one call into the library */

static PyTypeObject *port_type, *parcel_type;

/* ---- parcels ---- */

static const char *last_error(df_port *port)
{
    static __thread df_port_info info;
    info.size = sizeof info;
    return df_port_stats(port, &info) == DF_OK ? info.error : "";
}

/* The port may be closed by another thread: whoever has its lock looks whether it is there. */
#define PORT_CALL(self, rc, call)                                                                  \
    DFPY_CALL(&(self)->handle, rc, (self)->port ? (call) : DF_ESTATE,                              \
              (self)->port ? last_error((self)->port) : "this port is closed")

static int settle(dfpy_port *port, df_parcel *parcel, int status)
{
    int rc;
    PORT_CALL(port, rc, df_port_settle(port->port, parcel, status));
    return rc;
}

dfpy_parcel *dfpy_parcel_new(dfpy_env *env, dfpy_port *port, df_parcel *parcel)
{
    dfpy_parcel *self = dfpy_new(parcel_type);
    if (self) {
        self->parcel = parcel;
        self->port = port ? (dfpy_port *)Py_NewRef((PyObject *)port) : NULL;
        self->env = (dfpy_env *)Py_NewRef((PyObject *)env);
    }
    return self;
}

/* A parcel that the program let go of without a word comes again. */
static void parcel_dealloc(PyObject *o)
{
    dfpy_parcel *self = (dfpy_parcel *)o;
    if (self->parcel && self->port && !self->port->closed && self->port->handle.pid == getpid())
        settle(self->port, self->parcel, DF_EIO);
    Py_XDECREF((PyObject *)self->port);
    Py_XDECREF((PyObject *)self->env);
    dfpy_delete(o);
}

static df_parcel *alive(PyObject *o)
{
    dfpy_parcel *self = (dfpy_parcel *)o;
    if (self->port && (self->port->closed || dfpy_usable(&self->port->handle, 0) < 0))
        self->parcel = NULL;
    if (!self->parcel && !PyErr_Occurred())
        dfpy_raise(DF_ESTATE, "this parcel was given back");
    return self->parcel;
}

/* Making Python values of a tree runs Python, so another thread may come in between: it waits,
 * since the tree of one record is in the parcel's own memory. */
void dfpy_parcel_unread(dfpy_parcel *p)
{
    while (p->reader && p->reader != PyThread_get_thread_ident()) {
        PyThreadState *saved = PyEval_SaveThread();
        usleep(200);
        PyEval_RestoreThread(saved);
    }
}

static Py_ssize_t parcel_length(PyObject *o)
{
    df_parcel *parcel = alive(o);
    return parcel ? (Py_ssize_t)df_parcel_count(parcel) : -1;
}

typedef PyObject *row_fn(const df_output *row);

static PyObject *payload_of(const df_output *row)
{
    return dfpy_from_bytes(row->payload);
}

static PyObject *whole_row(const df_output *row)
{
    PyObject *headers = dfpy_from_headers(row->headers, row->header_count);
    if (!headers)
        return NULL;
    return Py_BuildValue("(NNNLLNI)", dfpy_from_bytes(row->payload), dfpy_from_bytes(row->key),
                         headers, (long long)row->time_us, (long long)row->offset,
                         dfpy_from_text(row->partition), (unsigned)row->op);
}

/* From begin to end nobody settles the parcel: objects are made, and that may run Python. NULL with
 * an exception. */
static df_parcel *begin_reading(dfpy_parcel *self)
{
    dfpy_parcel_unread(self);
    if (!alive((PyObject *)self))
        return NULL;
    self->reader = PyThread_get_thread_ident();
    if (self->port)
        self->port->readers++;
    return self->parcel;
}

static void end_reading(dfpy_parcel *self)
{
    if (self->port)
        self->port->readers--;
    self->reader = 0;
}

static PyObject *read_rows(df_parcel *parcel, row_fn *make)
{
    PyObject *list = PyList_New((Py_ssize_t)df_parcel_count(parcel));
    df_output rows[ROWS];
    size_t from = 0, filled = 1;
    rows[0].size = sizeof *rows;
    while (list && filled) {
        int rc = df_parcel_rows(parcel, from, rows, ROWS, &filled);
        if (rc < 0) {
            Py_DECREF(list);
            return dfpy_raise(rc, NULL);
        }
        for (size_t i = 0; list && i < filled; i++) {
            PyObject *row = make(&rows[i]);
            if (!row || PyList_SetItem(list, (Py_ssize_t)(from + i), row) < 0)
                Py_CLEAR(list);
        }
        from += filled;
    }
    return list;
}

static PyObject *all(PyObject *o, row_fn *make)
{
    dfpy_parcel *self = (dfpy_parcel *)o;
    df_parcel *parcel = begin_reading(self);
    PyObject *list = NULL;
    if (parcel) {
        list = read_rows(parcel, make);
        end_reading(self);
    }
    return list;
}

static PyObject *parcel_payloads(PyObject *o, PyObject *unused)
{
    (void)unused;
    return all(o, payload_of);
}

static PyObject *parcel_rows(PyObject *o, PyObject *unused)
{
    (void)unused;
    return all(o, whole_row);
}

static PyObject *read_value(dfpy_parcel *self, Py_ssize_t index, PyObject *path)
{
    const df_path *at = path ? dfpy_path(self->env, path) : NULL;
    df_value v;
    int rc;
    if (path && !at)
        return NULL;
    if (index < 0 || (size_t)index >= df_parcel_count(self->parcel)) {
        PyErr_SetString(PyExc_IndexError, "no such record in the parcel");
        return NULL;
    }
    rc = at ? df_parcel_get(self->parcel, (size_t)index, at, &v)
            : df_parcel_root(self->parcel, (size_t)index, &v);
    return rc < 0 ? dfpy_raise(rc, df_parcel_error(self->parcel)) : dfpy_from_value(&v);
}

static PyObject *parcel_get(PyObject *o, PyObject *args)
{
    dfpy_parcel *self = (dfpy_parcel *)o;
    PyObject *path = NULL, *value;
    Py_ssize_t index;
    if (!PyArg_ParseTuple(args, "n|O", &index, &path))
        return NULL;
    if (!begin_reading(self))
        return NULL;
    value = read_value(self, index, path);
    end_reading(self);
    return value;
}

static PyObject *parcel_reject(PyObject *o, PyObject *args)
{
    df_parcel *parcel = alive(o);
    const char *text, *reason = NULL;
    Py_ssize_t index;
    int rc;
    if (!parcel || !PyArg_ParseTuple(args, "ns|z", &index, &text, &reason))
        return NULL;
    if (((dfpy_parcel *)o)->port)
        return dfpy_raise(DF_ESTATE, "a taken parcel is settled as a whole: reject_all()");
    rc = index < 0 ? DF_EINVAL : df_parcel_reject(parcel, (size_t)index, reason, text);
    return rc < 0 ? dfpy_raise(rc, NULL) : Py_NewRef(Py_None);
}

static PyObject *parcel_settle(PyObject *o, PyObject *args)
{
    dfpy_parcel *self = (dfpy_parcel *)o;
    df_parcel *parcel;
    int status, rc;
    if (!PyArg_ParseTuple(args, "i", &status))
        return NULL;
    dfpy_parcel_unread(self);
    if (!(parcel = alive(o)))
        return NULL;
    if (!self->port)
        return dfpy_raise(DF_ESTATE, "a sink settles its parcel by returning from write");
    self->parcel = NULL;
    rc = settle(self->port, parcel, status);
    return rc < 0 ? dfpy_raise(rc, self->port->handle.error) : Py_NewRef(Py_None);
}

static PyMethodDef parcel_methods[] = {
    {"payloads", parcel_payloads, METH_NOARGS, "The payloads as a list of bytes (or None)."},
    {"rows", parcel_rows, METH_NOARGS,
     "Tuples (payload, key, headers, time_us, offset, partition, op)."},
    {"get", parcel_get, METH_VARARGS, "get(index, path=None): a value of a record."},
    {"reject", parcel_reject, METH_VARARGS,
     "reject(index, text, reason=None), in a sink: the record goes to the error sink."},
    {"settle", parcel_settle, METH_VARARGS, "settle(status): gives a taken parcel back."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot parcel_slots[] = {
    {Py_tp_dealloc, parcel_dealloc},
    {Py_sq_length, parcel_length},
    {Py_tp_methods, parcel_methods},
    {Py_tp_doc, "Records that go to one sink together."},
    {0, NULL},
};
static PyType_Spec parcel_spec = {"dataflow._native.Parcel", sizeof(dfpy_parcel), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  parcel_slots};

/* ---- ports ---- */

PyObject *dfpy_port_open(dfpy_pipeline *p, const df_port_options *options)
{
    dfpy_port *self = dfpy_new(port_type);
    int rc;
    if (!self)
        return NULL;
    dfpy_handle_init(&self->handle);
    self->mode = options->mode;
    self->pipeline = (dfpy_pipeline *)Py_NewRef((PyObject *)p);
    DFPY_CALL(&p->handle, rc,
              p->pipeline ? df_port_open(p->pipeline, options, &self->port) : DF_ESTATE,
              p->pipeline ? df_pipeline_errmsg(p->pipeline) : "this pipeline is closed");
    if (rc >= 0)
        return (PyObject *)self;
    Py_DECREF((PyObject *)self);
    return dfpy_raise(rc, p->handle.error);
}

static void close_port(dfpy_port *self)
{
    PyThreadState *saved;
    if (self->closed || self->handle.pid != getpid())
        return;
    self->closed = 1; /* from now on nobody begins to look into a parcel of it */
    while (self->readers) {
        saved = PyEval_SaveThread();
        usleep(200);
        PyEval_RestoreThread(saved);
    }
    saved = PyEval_SaveThread();
    pthread_mutex_lock(&self->handle.lock);
    df_port_close(self->port);
    self->port = NULL;
    pthread_mutex_unlock(&self->handle.lock);
    PyEval_RestoreThread(saved);
}

static void port_dealloc(PyObject *o)
{
    dfpy_port *self = (dfpy_port *)o;
    close_port(self);
    Py_CLEAR(self->pipeline);
    dfpy_delete(o);
}

static dfpy_port *open_port(PyObject *o)
{
    dfpy_port *self = (dfpy_port *)o;
    if (dfpy_usable(&self->handle, 0) < 0)
        return NULL;
    if (self->closed)
        dfpy_raise(DF_ESTATE, "this port is closed");
    return self->closed ? NULL : self;
}

static PyObject *port_close(PyObject *o, PyObject *unused)
{
    (void)unused;
    close_port((dfpy_port *)o);
    return Py_NewRef(Py_None);
}

/* The next parcel; None: none in time; False: nothing comes any more. */
static PyObject *port_take(PyObject *o, PyObject *args)
{
    dfpy_port *self = open_port(o);
    df_parcel *parcel = NULL;
    PyObject *taken;
    int timeout_ms = 0, rc;
    if (!self || !PyArg_ParseTuple(args, "|i", &timeout_ms))
        return NULL;
    PORT_CALL(self, rc, df_port_take(self->port, timeout_ms, &parcel));
    if (rc < 0)
        return dfpy_raise(rc, self->handle.error);
    if (rc != DF_OK)
        return rc == DF_DONE ? Py_NewRef(Py_False) : Py_NewRef(Py_None);
    taken = (PyObject *)dfpy_parcel_new(self->pipeline->env, self, parcel);
    if (!taken)
        settle(self, parcel, DF_EIO);
    return taken;
}

/* Fills rows from list[from...]; -1 with an exception. `keep` holds what the rows borrow. */
static Py_ssize_t fill(PyObject *list, Py_ssize_t from, df_input rows[ROWS],
                       df_header *headers[ROWS], PyObject *keep)
{
    Py_ssize_t count = PyList_Size(list) - from, i;
    count = count < ROWS ? count : ROWS;
    for (i = 0; i < count; i++)
        if (dfpy_to_input(PyList_GetItem(list, from + i), &rows[i], &headers[i], keep) < 0) {
            while (i--)
                PyMem_Free(headers[i]);
            return -1;
        }
    return count;
}

/* One call into the library. DF_AGAIN: not all were taken; DF_MORE: an exception was raised. */
static int push_rows(dfpy_port *self, PyObject *list, Py_ssize_t *from)
{
    df_input rows[ROWS];
    df_header *headers[ROWS];
    PyObject *keep = PyList_New(0);
    Py_ssize_t count = keep ? fill(list, *from, rows, headers, keep) : -1;
    size_t taken = 0;
    int rc = DF_MORE;
    if (count >= 0) {
        PORT_CALL(self, rc, df_port_push(self->port, rows, (size_t)count, &taken));
        for (Py_ssize_t i = 0; i < count; i++)
            PyMem_Free(headers[i]);
        *from += (Py_ssize_t)taken;
        if (rc == DF_OK && (Py_ssize_t)taken < count)
            rc = DF_AGAIN;
    }
    Py_XDECREF(keep);
    return rc;
}

/* How many rows of the list were copied, from `from` on; False: the pipeline ended. A row that
 * cannot be one raises when it is the first that is left, so that no count is lost. */
static PyObject *port_push(PyObject *o, PyObject *args)
{
    dfpy_port *self = open_port(o);
    PyObject *list;
    Py_ssize_t from = 0, begin;
    int rc = DF_OK;
    if (!self || !PyArg_ParseTuple(args, "O|n", &list, &from))
        return NULL;
    if (!PyList_Check(list) || from < 0) {
        PyErr_SetString(PyExc_TypeError, "a list is expected, and a place in it");
        return NULL;
    }
    begin = from;
    list = PyList_GetSlice(list, 0, PyList_Size(list)); /* nobody changes this one */
    while (list && rc == DF_OK && from < PyList_Size(list))
        rc = push_rows(self, list, &from);
    Py_XDECREF(list);
    if (rc == DF_MORE && from > begin)
        PyErr_Clear();
    else if (!list || rc == DF_MORE)
        return NULL;
    if (rc < 0)
        return dfpy_raise(rc, self->handle.error);
    return rc == DF_DONE ? Py_NewRef(Py_False) : PyLong_FromSsize_t(from - begin);
}

static PyObject *port_acked(PyObject *o, PyObject *unused)
{
    dfpy_port *self = open_port(o);
    uint64_t count = 0;
    int rc;
    (void)unused;
    if (!self)
        return NULL;
    PORT_CALL(self, rc, df_port_acked(self->port, &count));
    return rc < 0 ? dfpy_raise(rc, self->handle.error) : PyLong_FromUnsignedLongLong(count);
}

static PyObject *port_stats(PyObject *o, PyObject *unused)
{
    dfpy_port *self = open_port(o);
    df_port_info info = {.size = sizeof info};
    int rc;
    (void)unused;
    if (!self)
        return NULL;
    PORT_CALL(self, rc, df_port_stats(self->port, &info));
    return rc < 0 ? dfpy_raise(rc, self->handle.error)
                  : Py_BuildValue("(KKK)", (unsigned long long)info.records,
                                  (unsigned long long)info.dropped,
                                  (unsigned long long)info.queued_bytes);
}

static PyObject *port_fileno(PyObject *o, PyObject *unused)
{
    dfpy_port *self = open_port(o);
    (void)unused;
    return self ? PyLong_FromLong(df_port_fd(self->port)) : NULL;
}

/* Waits until the port's descriptor is readable, or timeout_ms; signals are looked at by whoever
 * calls. True: it is. */
static PyObject *port_ready(PyObject *o, PyObject *args)
{
    dfpy_port *self = open_port(o);
    struct pollfd fd = {-1, POLLIN, 0};
    PyThreadState *saved;
    int timeout_ms, n;
    if (!self || !PyArg_ParseTuple(args, "i", &timeout_ms))
        return NULL;
    fd.fd = df_port_fd(self->port);
    saved = PyEval_SaveThread();
    n = poll(&fd, 1, timeout_ms);
    PyEval_RestoreThread(saved);
    return PyErr_CheckSignals() < 0 ? NULL : PyBool_FromLong(n > 0);
}

static PyMethodDef port_methods[] = {
    {"take", port_take, METH_VARARGS, "take(timeout_ms): a parcel, None (not yet) or False (end)."},
    {"push", port_push, METH_VARARGS, "push(list, from): rows taken, or False (the flow ended)."},
    {"acked", port_acked, METH_NOARGS, "Pushed records that are settled without a gap."},
    {"stats", port_stats, METH_NOARGS, "(records, dropped, queued bytes)"},
    {"fileno", port_fileno, METH_NOARGS, "Readable when there is room or a parcel."},
    {"ready", port_ready, METH_VARARGS, "ready(timeout_ms): waits for that."},
    {"close", port_close, METH_NOARGS, "Ends the input, or gives back what was not settled."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot port_slots[] = {
    {Py_tp_dealloc, port_dealloc},
    {Py_tp_methods, port_methods},
    {Py_tp_doc, "The program's end of a pipeline."},
    {0, NULL},
};
static PyType_Spec port_spec = {"dataflow._native.Port", sizeof(dfpy_port), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, port_slots};

int dfpy_port_begin(PyObject *module)
{
    port_type = dfpy_type(module, &port_spec, "Port");
    parcel_type = port_type ? dfpy_type(module, &parcel_spec, "Parcel") : NULL;
    return parcel_type ? 0 : -1;
}
