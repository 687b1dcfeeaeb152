/* SPDX-License-Identifier: Apache-2.0
 * connector.c: sources and sinks written in Python. */
#include "kind.h"

/* ---- sources ---- */

/* What read and write may answer: None, or a word of the package. Anything else is a mistake of the
 * class, such as the count that a file's write answers. */
static int status_of(border *b, PyObject *said, int of_none, int may_be_done)
{
    if (!said)
        return failed(b);
    if (said == Py_None)
        return of_none;
    if (said == dfpy_again)
        return DF_AGAIN;
    if (said == dfpy_done && may_be_done)
        return DF_DONE;
    PyErr_Format(PyExc_TypeError, "it answered %R: None%s or AGAIN is expected", said,
                 may_be_done ? ", DONE" : "");
    return failed(b);
}

/* None: something came if records were added. */
static int on_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    border b = enter(st);
    instance *i = self;
    size_t before = df_batch_count(into);
    borrowed *batch = dfpy_batch_new(b.kind->env, into);
    PyObject *said =
        batch ? PyObject_CallMethod(i->self, "read", "Od", batch, timeout_ms / 1e3) : NULL;
    int rc = status_of(&b, said, df_batch_count(into) > before ? DF_OK : DF_AGAIN, 1);
    if (batch)
        batch->it = NULL;
    Py_XDECREF(said);
    Py_XDECREF((PyObject *)batch);
    return leave(&b, rc);
}

static PyObject *positions(const df_position *rows, size_t count)
{
    PyObject *list = PyList_New(0);
    for (size_t n = 0; list && n < count; n++) {
        const df_position *p = DF_ROW(df_position, rows, n);
        PyObject *data = dfpy_from_bytes(p->data);
        PyObject *pair = data ? Py_BuildValue("(NN)", dfpy_from_text(p->name), data) : NULL;
        if (!pair || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

static int on_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    border b = enter(st);
    PyObject *list = positions(rows, count);
    PyObject *args = list ? Py_BuildValue("(N)", list) : NULL;
    return leave(&b, call(&b, self, "ack", args));
}

static int on_seek(void *self, df_stage *st, const df_position *to)
{
    border b = enter(st);
    PyObject *data = dfpy_from_bytes(to->data);
    PyObject *args = data ? Py_BuildValue("(NN)", dfpy_from_text(to->name), data) : NULL;
    return leave(&b, call(&b, self, "seek", args));
}

/* ---- sinks ---- */

static int on_write(void *self, df_stage *st, df_parcel *parcel)
{
    border b = enter(st);
    instance *i = self;
    dfpy_parcel *given = dfpy_parcel_new(b.kind->env, NULL, parcel);
    PyObject *said = given ? PyObject_CallMethod(i->self, "write", "O", given) : NULL;
    int rc = status_of(&b, said, DF_OK, 0);
    if (given) {
        dfpy_parcel_unread(given);
        given->parcel = NULL;
    }
    Py_XDECREF(said);
    Py_XDECREF((PyObject *)given);
    return leave(&b, rc);
}

static int on_flush(void *self, df_stage *st, int timeout_ms)
{
    border b = enter(st);
    return leave(&b, call(&b, self, "flush", Py_BuildValue("(d)", timeout_ms / 1e3)));
}

const df_source_ops dfpy_source_ops = {
    .size = sizeof dfpy_source_ops,
    .check = on_check,
    .open = on_open,
    .read = on_read,
    .ack = on_ack,
    .close = on_close,
};
const df_source_ops dfpy_seeking_ops = {
    .size = sizeof dfpy_seeking_ops,
    .check = on_check,
    .open = on_open,
    .read = on_read,
    .ack = on_ack,
    .seek = on_seek,
    .close = on_close,
};
const df_sink_ops dfpy_sink_ops = {
    .size = sizeof dfpy_sink_ops,
    .check = on_check,
    .open = on_open,
    .write = on_write,
    .flush = on_flush,
    .close = on_close,
};
