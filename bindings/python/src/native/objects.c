/* SPDX-License-Identifier: Apache-2.0
 * objects.c: what the code of a stage gets in its hands: the stage, its partitions, a batch. */
#include "kind.h"

static PyTypeObject *stage_type, *partition_type, *batch_type;

static borrowed *lend(PyTypeObject *type, void *it, dfpy_stage *stage, dfpy_env *env)
{
    borrowed *o = dfpy_new(type);
    if (o) {
        o->it = it;
        o->stage = stage ? (dfpy_stage *)Py_NewRef((PyObject *)stage) : NULL;
        o->env = (dfpy_env *)Py_NewRef((PyObject *)env);
    }
    return o;
}

static void borrowed_dealloc(PyObject *o)
{
    Py_XDECREF((PyObject *)((borrowed *)o)->stage);
    Py_XDECREF((PyObject *)((borrowed *)o)->env);
    dfpy_delete(o);
}

static void *lent(PyObject *o)
{
    borrowed *b = (borrowed *)o;
    if (b->stage && !b->stage->stage)
        b->it = NULL;
    if (!b->it)
        dfpy_raise(
            DF_ESTATE,
            "it is gone: a batch when read has returned, a partition when the source is closed");
    return b->it;
}

borrowed *dfpy_batch_new(dfpy_env *env, df_batch *batch)
{
    return lend(batch_type, batch, NULL, env);
}

/* ---- Stage ---- */

dfpy_stage *dfpy_stage_new(dfpy_env *env, df_stage *st)
{
    dfpy_stage *self = dfpy_new(stage_type);
    if (self) {
        self->stage = st;
        self->env = (dfpy_env *)Py_NewRef((PyObject *)env);
    }
    return self;
}

static df_stage *stage_of(PyObject *o)
{
    df_stage *st = ((dfpy_stage *)o)->stage;
    if (!st)
        dfpy_raise(DF_ESTATE, "this stage was closed");
    return st;
}

static void stage_dealloc(PyObject *o)
{
    Py_XDECREF((PyObject *)((dfpy_stage *)o)->env);
    dfpy_delete(o);
}

static PyObject *stage_info(PyObject *o, PyObject *unused)
{
    df_stage *st = stage_of(o);
    df_stage_info i = {.size = sizeof i};
    (void)unused;
    if (!st)
        return NULL;
    df_stage_describe(st, &i);
    return Py_BuildValue("{szszszszsisisisK}", "pipeline", i.pipeline, "stage", i.stage, "kind",
                         i.kind, "work_dir", i.work_dir, "bounded", i.bounded, "dry", i.dry,
                         "show_values", i.show_values, "memory_share",
                         (unsigned long long)i.memory_share);
}

/* True: fd is ready; False: time is over or there is other work. */
static PyObject *stage_wait(PyObject *o, PyObject *args)
{
    df_stage *st = stage_of(o);
    double seconds;
    int fd = -1, events = 1, rc;
    PyThreadState *saved;
    if (!st || !PyArg_ParseTuple(args, "d|ii", &seconds, &fd, &events))
        return NULL;
    saved = PyEval_SaveThread();
    rc = df_stage_wait(st, fd, (short)events, seconds < 0 ? -1 : (int)(seconds * 1e3));
    PyEval_RestoreThread(saved);
    return rc < 0 ? dfpy_raise(rc, NULL) : PyBool_FromLong(rc == DF_OK);
}

static PyObject *stage_log(PyObject *o, PyObject *args)
{
    df_stage *st = stage_of(o);
    const char *text;
    int level;
    if (!st || !PyArg_ParseTuple(args, "is", &level, &text))
        return NULL;
    df_stage_log(st, level, text);
    return Py_NewRef(Py_None);
}

static PyObject *stage_hide(PyObject *o, PyObject *secret)
{
    df_stage *st = stage_of(o);
    df_bytes text;
    int rc;
    if (!st || dfpy_to_bytes(secret, &text) < 0)
        return NULL;
    rc = df_stage_hide(st, text);
    return rc < 0 ? dfpy_raise(rc, NULL) : Py_NewRef(Py_None);
}

static PyObject *stage_partition(PyObject *o, PyObject *args)
{
    df_stage *st = stage_of(o);
    df_partition *part = NULL;
    PyThreadState *saved;
    const char *name;
    int rc;
    if (!st || !PyArg_ParseTuple(args, "s", &name))
        return NULL;
    saved = PyEval_SaveThread(); /* it may wait for the store, whose sink may be in Python */
    rc = df_partition_open(st, name, &part);
    PyEval_RestoreThread(saved);
    if (rc < 0)
        return dfpy_raise(rc, NULL);
    return (PyObject *)lend(partition_type, part, (dfpy_stage *)o, ((dfpy_stage *)o)->env);
}

static PyMethodDef stage_methods[] = {
    {"info", stage_info, METH_NOARGS, "What the stage should know of the pipeline: a dict."},
    {"wait", stage_wait, METH_VARARGS,
     "wait(seconds, fd=-1, events=POLLIN): the only place where a stage may block."},
    {"log", stage_log, METH_VARARGS, "log(level, text)"},
    {"hide", stage_hide, METH_O, "hide(secret): replaced in all that the library tells."},
    {"partition", stage_partition, METH_VARARGS, "partition(name): opens a partition of a source."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot stage_slots[] = {
    {Py_tp_dealloc, stage_dealloc},
    {Py_tp_methods, stage_methods},
    {Py_tp_doc, "A running stage, as its own code sees it."},
    {0, NULL},
};
static PyType_Spec stage_spec = {"dataflow.Stage", sizeof(dfpy_stage), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 stage_slots};

/* ---- Partition and Batch ---- */

static PyObject *partition_position(PyObject *o, void *unused)
{
    df_partition *part = lent(o);
    df_position at = {.size = sizeof at};
    (void)unused;
    if (!part)
        return NULL;
    return df_partition_position(part, &at) == DF_OK ? dfpy_from_bytes(at.data)
                                                     : Py_NewRef(Py_None);
}

static PyObject *partition_meta(PyObject *o, PyObject *args)
{
    df_partition *part = lent(o);
    PyObject *text;
    const char *name, *value;
    Py_ssize_t len;
    df_value v = {.type = DF_V_STRING};
    int rc;
    if (!part || !PyArg_ParseTuple(args, "sO", &name, &text))
        return NULL;
    text = PyObject_Str(text);
    value = text ? PyUnicode_AsUTF8AndSize(text, &len) : NULL;
    if (!value) {
        Py_XDECREF(text);
        return NULL;
    }
    v.text = value;
    v.len = (size_t)len;
    rc = df_partition_meta(part, name, &v);
    Py_DECREF(text);
    return rc < 0 ? dfpy_raise(rc, NULL) : Py_NewRef(Py_None);
}

static PyObject *partition_lag(PyObject *o, PyObject *args)
{
    df_partition *part = lent(o);
    long long records, newest_us = -1;
    df_lag lag = {.size = sizeof lag};
    if (!part || !PyArg_ParseTuple(args, "L|L", &records, &newest_us))
        return NULL;
    lag.records = records;
    lag.newest_us = newest_us;
    df_partition_lag(part, &lag);
    return Py_NewRef(Py_None);
}

static PyMethodDef partition_methods[] = {
    {"meta", partition_meta, METH_VARARGS, "meta(name, value): metadata of all its records."},
    {"lag", partition_lag, METH_VARARGS, "lag(records, newest_us=-1): what is not yet read."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef partition_members[] = {
    {"position", partition_position, NULL, "Where to resume: bytes, or None at the beginning.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot partition_slots[] = {
    {Py_tp_dealloc, borrowed_dealloc},
    {Py_tp_methods, partition_methods},
    {Py_tp_getset, partition_members},
    {Py_tp_doc, "One ordered part of a source; it lives until the source closes."},
    {0, NULL},
};
static PyType_Spec partition_spec = {"dataflow.Partition", sizeof(borrowed), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                     partition_slots};

static PyObject *batch_room(PyObject *o, void *unused)
{
    df_batch *batch = lent(o);
    (void)unused;
    return batch ? PyLong_FromSize_t(df_batch_room(batch)) : NULL;
}

static int set_tree(df_record *r, PyObject *value)
{
    PyObject *keep = PyList_New(0);
    df_value v;
    int rc = keep && dfpy_to_value(r, value, &v, keep) == 0 ? df_record_set_root(r, &v) : DF_MORE;
    Py_XDECREF(keep);
    if (rc < 0)
        dfpy_raise(rc, NULL);
    return rc == DF_OK ? 0 : -1;
}

/* add(partition, row): a row as of a port; a dict or a list is a value without text. */
static PyObject *batch_add(PyObject *o, PyObject *args)
{
    df_batch *batch = lent(o);
    PyObject *part, *row, *value = NULL, *keep = NULL;
    df_header *headers = NULL;
    df_record *r = NULL;
    df_partition *partition;
    df_input in = {.size = sizeof in, .offset = -1};
    int rc;
    if (!batch || !PyArg_ParseTuple(args, "O!O", partition_type, &part, &row) ||
        !(partition = lent(part)))
        return NULL;
    if (PyDict_Check(row) || PyList_Check(row))
        value = row;
    else if (!(keep = PyList_New(0)) || dfpy_to_input(row, &in, &headers, keep) < 0) {
        Py_XDECREF(keep);
        return NULL;
    }
    in.partition = df_partition_number(partition);
    rc = df_batch_add(batch, &in, &r);
    PyMem_Free(headers);
    Py_XDECREF(keep);
    if (rc < 0)
        return dfpy_raise(rc, NULL);
    if (!value || set_tree(r, value) == 0)
        return Py_NewRef(Py_None);
    df_record_reject(r, DF_EDATA, "invalid_data",
                     "the source made a value that no record can have");
    return NULL;
}

static PyObject *batch_mark(PyObject *o, PyObject *args)
{
    df_batch *batch = lent(o);
    PyObject *part, *position;
    df_partition *partition;
    df_bytes at;
    int rc;
    if (!batch || !PyArg_ParseTuple(args, "O!O", partition_type, &part, &position) ||
        !(partition = lent(part)) || dfpy_to_bytes(position, &at) < 0)
        return NULL;
    rc = df_batch_mark(batch, partition, at);
    return rc < 0 ? dfpy_raise(rc, NULL) : Py_NewRef(Py_None);
}

static PyMethodDef batch_methods[] = {
    {"add", batch_add, METH_VARARGS, "add(partition, row): bytes, a tuple as of push, or a value."},
    {"mark", batch_mark, METH_VARARGS,
     "mark(partition, position): resuming there reads nothing again that was added so far."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef batch_members[] = {
    {"room", batch_room, NULL, "Bytes still welcome; 0: add nothing more.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot batch_slots[] = {
    {Py_tp_dealloc, borrowed_dealloc},
    {Py_tp_methods, batch_methods},
    {Py_tp_getset, batch_members},
    {Py_tp_doc, "What a source's read adds to; dead when read has returned."},
    {0, NULL},
};
static PyType_Spec batch_spec = {"dataflow.Batch", sizeof(borrowed), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 batch_slots};

int dfpy_stage_begin(PyObject *module)
{
    stage_type = dfpy_type(module, &stage_spec, "Stage");
    partition_type = stage_type ? dfpy_type(module, &partition_spec, "Partition") : NULL;
    batch_type = partition_type ? dfpy_type(module, &batch_spec, "Batch") : NULL;
    return batch_type ? 0 : -1;
}
