/* SPDX-License-Identifier: Apache-2.0
 * transform.c: transforms written in Python: in place, or one record becomes many. */
#include "kind.h"

/* A record that its function raised for is refused: a Reject with its words, anything else with the
 * type and the place, since its message may hold values. */
static int refused(border *b, df_record *r)
{
    df_stage_info info = {.size = sizeof info};
    char text[DFPY_TEXT], reason[64];
    int status;
    df_stage_describe(b->st, &info);
    status = dfpy_caught(b->st, info.show_values, text, reason);
    if (status == DF_ENOMEM)
        return status;
    df_record_reject(r, DF_EDATA, *reason ? reason : NULL, text);
    return DF_OK;
}

/* None and True keep the record, False drops it. */
static int apply_one(border *b, instance *i, df_record *r)
{
    dfpy_record *record = dfpy_record_new(b->kind->env, r);
    PyObject *kept = record ? PyObject_CallFunction(i->self, "O", record) : NULL;
    int rc = DF_OK;
    if (record)
        dfpy_record_end(record);
    if (!kept)
        rc = refused(b, r);
    else if (kept == Py_False)
        df_record_drop(r);
    Py_XDECREF(kept);
    Py_XDECREF((PyObject *)record);
    return rc;
}

int on_apply(void *self, df_stage *st, df_batch *batch)
{
    border b = enter(st);
    int rc = DF_OK;
    for (size_t n = 0; rc == DF_OK && n < df_batch_count(batch); n++) {
        df_record *r = df_batch_at(batch, n);
        if (df_record_live(r))
            rc = apply_one(&b, self, r);
    }
    return leave(&b, rc);
}

/* One child: bytes or a str are its payload, anything else its value. */
static int give_child(df_batch *out, df_record *parent, PyObject *child)
{
    df_record *r = NULL;
    PyObject *keep = PyList_New(0);
    df_value v;
    df_bytes payload;
    int rc = keep ? df_batch_emit(out, parent, &r) : DF_ENOMEM;
    if (rc == DF_OK && (PyBytes_Check(child) || PyUnicode_Check(child)))
        rc = dfpy_to_bytes(child, &payload) < 0 ? DF_MORE : df_record_set_payload(r, payload);
    else if (rc == DF_OK)
        rc = dfpy_to_value(r, child, &v, keep) < 0 ? DF_MORE : df_record_set_root(r, &v);
    Py_XDECREF(keep);
    if (rc < 0)
        dfpy_raise(rc, NULL);
    if (rc != DF_OK && r) /* it has its parent's payload, which nobody asked for */
        df_record_drop(r);
    return rc == DF_OK ? 0 : -1;
}

void end_children(instance *i)
{
    if (i->parent)
        dfpy_record_end(i->parent);
    Py_CLEAR(i->parent);
    Py_CLEAR(i->children);
}

/* A generator reads its record while it gives children, so the record lives as long. */
static int begin_children(border *b, instance *i, df_record *r)
{
    PyObject *all;
    i->parent = dfpy_record_new(b->kind->env, r);
    all = i->parent ? PyObject_CallFunction(i->self, "O", i->parent) : NULL;
    i->children = all ? PyObject_GetIter(all) : NULL;
    Py_XDECREF(all);
    return i->children ? 0 : -1;
}

/* The children of one record, as long as there is room. 1: it has more; 0: through; below: a
 * failure of the whole batch. */
static int expand_one(border *b, instance *i, df_batch *out, df_record *r)
{
    int rc = i->children ? 0 : begin_children(b, i, r);
    while (rc == 0 && df_batch_room(out)) {
        PyObject *child = PyIter_Next(i->children);
        if (!child) {
            rc = PyErr_Occurred() ? -1 : DF_OK;
            end_children(i);
            return rc < 0 ? refused(b, r) : DF_OK;
        }
        rc = give_child(out, r, child);
        Py_DECREF(child);
    }
    if (rc == 0)
        return 1;
    end_children(i);
    return refused(b, r);
}

int on_expand(void *self, df_stage *st, df_batch *in, df_batch *out)
{
    border b = enter(st);
    instance *i = self;
    uint64_t *cursor = df_batch_cursor(in);
    int rc = DF_OK;
    while (rc == DF_OK && *cursor < df_batch_count(in)) {
        df_record *r = df_batch_at(in, *cursor);
        if (!df_batch_room(out)) {
            rc = DF_MORE;
        } else if (!df_record_live(r)) {
            rc = df_batch_pass(out, r);
            ++*cursor;
        } else {
            rc = expand_one(&b, i, out, r);
            if (rc == DF_OK)
                ++*cursor;
            else if (rc > 0)
                rc = DF_MORE;
        }
    }
    return leave(&b, rc);
}
