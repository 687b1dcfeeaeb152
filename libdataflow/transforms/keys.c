/* SPDX-License-Identifier: Apache-2.0
 * keys.c: renames keys in place while that is simple, and writes the record anew when keys
 * collide or an object has very many of them. The walk keeps its own stack. */
#include "transforms/keys.h"

#include <string.h>

#include "transforms/members.h"

enum { SMALL_OBJECT = 64, DEPTH_MAX = 1024, NAME_SMALL = 512, SMALL_DEPTH = 8 };

typedef struct frame {
    df_value container;
    df_walk walk;
    df__members members; /* writing: of an object */
    size_t at;           /* children that were given */
    df_bytes name;       /* building: in the container around it */
    df_value made;
} frame;

typedef struct work {
    const df__job *job;
    df_record *r;
    df__rename_fn rename;
    int deep, rewrite;
    df__heap heap;
    frame *stack;
    size_t depth, cap;
    frame first[SMALL_DEPTH]; /* the stack of ordinary records */
    char small[NAME_SMALL * 2 + 4];
} work;

static int is_container(const df_value *v)
{
    return v->type == DF_V_OBJECT || v->type == DF_V_ARRAY;
}

static int grow_stack(work *w)
{
    frame *stack = df_batch_alloc(w->job->batch, w->cap * 2 * sizeof *stack);
    if (!stack)
        return DF_ENOMEM;
    memcpy(stack, w->stack, w->depth * sizeof *stack);
    w->stack = stack;
    w->cap *= 2;
    return DF_OK;
}

static int push(work *w, const df_value *container)
{
    if (w->depth >= DEPTH_MAX) {
        df_record_reject(w->r, DF_EDATA, "too_deep", "keys are nested deeper than 1024 levels");
        return DF_EDATA;
    }
    if (w->depth == w->cap && grow_stack(w) != DF_OK)
        return DF_ENOMEM;
    memset(&w->stack[w->depth], 0, sizeof *w->stack);
    w->stack[w->depth++].container = *container;
    return DF_OK;
}

/* The new name in w->small, or in the batch when it is long. */
static int new_name(work *w, df_bytes name, df_bytes *ret)
{
    char *out = w->small;
    if (name.len > NAME_SMALL) {
        out = df_batch_alloc(w->job->batch, name.len * 2 + 4);
        if (!out)
            return DF_ENOMEM;
    }
    ret->data = out;
    ret->len = w->rename(name.data, name.len, out);
    return DF_OK;
}

static int same(df_bytes a, df_bytes b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* What one look at an object found. */
typedef struct findings {
    uint64_t changes; /* by index; of a larger object only whether there are any */
    int simple;       /* they may be changed one by one */
} findings;

/* Whether a hash is among the first `count`; `few` tells mostly that it is not. */
static int was_seen(const uint32_t *seen, size_t count, uint64_t few[4], uint32_t hash)
{
    uint64_t bit = (uint64_t)1 << (hash & 63);
    uint64_t *word = &few[hash >> 6 & 3];
    int maybe = (*word & bit) != 0;
    *word |= bit;
    while (maybe && count)
        if (seen[--count] == hash)
            return 1;
    return 0;
}

/* Are there keys to change, and may they be changed one by one? */
static int survey(work *w, const df_value *object, findings *ret)
{
    uint32_t seen[SMALL_OBJECT];
    uint64_t few[4] = {0};
    df_walk walk = {0};
    ret->changes = 0;
    ret->simple = object->len <= SMALL_OBJECT;
    while (df_value_walk(object, &walk) == DF_OK) {
        df_bytes name;
        int rc = new_name(w, walk.name, &name);
        if (rc != DF_OK)
            return rc;
        if (!same(name, walk.name))
            ret->changes |= (uint64_t)1 << (walk.index % SMALL_OBJECT);
        if (ret->simple) {
            uint32_t hash = df__name_hash(name.data, name.len);
            ret->simple = !was_seen(seen, walk.index, few, hash); /* else twice, most likely */
            seen[walk.index] = hash;
        } else if (ret->changes) {
            break;
        }
    }
    return DF_OK;
}

static int rename_object(work *w, df_value *object)
{
    df_walk walk = {0};
    findings found;
    int rc = survey(w, object, &found);
    if (rc != DF_OK || !found.changes)
        return rc;
    if (!found.simple) {
        w->rewrite = 1;
        return DF_OK;
    }
    while (rc == DF_OK && found.changes && df_value_walk(object, &walk) == DF_OK) {
        uint64_t bit = (uint64_t)1 << walk.index;
        df_bytes name;
        if (!(found.changes & bit))
            continue;
        found.changes &= ~bit;
        rc = new_name(w, walk.name, &name);
        if (rc == DF_OK)
            rc = df_value_rename(w->r, object, walk.name, name);
    }
    return rc;
}

static int enter(work *w, const df_value *container)
{
    int rc = push(w, container);
    if (rc == DF_OK && container->type == DF_V_OBJECT)
        rc = rename_object(w, &w->stack[w->depth - 1].container);
    return rc;
}

static int rename_all(work *w, const df_value *root)
{
    int rc = enter(w, root);
    while (rc == DF_OK && w->depth) {
        frame *top = &w->stack[w->depth - 1];
        if (!w->deep || df_value_walk(&top->container, &top->walk) != DF_OK)
            w->depth--;
        else if (is_container(&top->walk.value))
            rc = enter(w, &top->walk.value);
    }
    return rc;
}

/* ---- writing anew ---------------------------------------------------------------------------- */

static int collect(work *w, frame *f)
{
    df__members_init(&f->members, w->job->batch, NULL);
    while (df_value_walk(&f->container, &f->walk) == DF_OK) {
        df_bytes name;
        char *kept;
        int rc = new_name(w, f->walk.name, &name);
        if (rc != DF_OK)
            return rc;
        kept = df_batch_alloc(w->job->batch, name.len + 1);
        if (!kept)
            return DF_ENOMEM;
        memcpy(kept, name.data, name.len);
        name.data = kept;
        if (df__members_add(&f->members, name, &f->walk.value, 0) != DF_OK)
            return DF_ENOMEM;
    }
    return DF_OK;
}

static int push_collected(work *w, const df_value *v)
{
    int rc = push(w, v);
    if (rc == DF_OK && v->type == DF_V_OBJECT)
        rc = collect(w, &w->stack[w->depth - 1]);
    return rc;
}

static int open_container(work *w, const df_value *v, df__buf *out)
{
    df__buf_char(out, v->type == DF_V_OBJECT ? '{' : '[');
    return push_collected(w, v);
}

/* The next member or element. 0: none is left. */
static int next_child(frame *f, df_bytes *name, df_value *ret)
{
    *name = (df_bytes){NULL, 0};
    if (f->container.type == DF_V_ARRAY) {
        if (df_value_walk(&f->container, &f->walk) != DF_OK)
            return 0;
        *ret = f->walk.value;
    } else {
        if (f->at == f->members.count)
            return 0;
        *name = f->members.rows[f->at].name;
        *ret = f->members.rows[f->at].value;
    }
    f->at++;
    return 1;
}

/* What stands before a member or element. */
static void write_name(const frame *f, df_bytes name, df__buf *out)
{
    if (f->at > 1)
        df__buf_char(out, ',');
    if (!name.data)
        return;
    df__buf_json(out, name.data, name.len);
    df__buf_char(out, ':');
}

static int rewrite(work *w, const df_value *root)
{
    df__buf out;
    df_bytes text;
    int rc;
    df__buf_init(&out, &w->heap);
    w->depth = 0;
    rc = open_container(w, root, &out);
    while (rc == DF_OK && w->depth) {
        frame *top = &w->stack[w->depth - 1];
        df_bytes name;
        df_value child;
        if (!next_child(top, &name, &child)) {
            df__buf_char(&out, top->container.type == DF_V_OBJECT ? '}' : ']');
            w->depth--;
            continue;
        }
        write_name(top, name, &out);
        if (w->deep && is_container(&child))
            rc = open_container(w, &child, &out);
        else
            df__buf_value(&out, &child);
    }
    if (rc != DF_OK || out.failed)
        return rc != DF_OK ? rc : DF_ENOMEM;
    text.data = out.data;
    text.len = out.len;
    return df_record_set_payload(w->r, text);
}

/* ---- building anew, for types that a text does not have -------------------------------------- */

static int begin_container(work *w, const df_value *v, df_bytes name)
{
    df_value empty = df__empty_value(v->type);
    int rc = push_collected(w, v);
    frame *f = &w->stack[w->depth - 1];
    if (rc != DF_OK)
        return rc;
    f->name = name;
    return df_value_new(w->r, &empty, &f->made);
}

/* Into the container around it, or as the record's root. */
static int end_container(work *w)
{
    frame *f = &w->stack[--w->depth];
    if (!w->depth)
        return df_record_set_root(w->r, &f->made);
    return df_value_put(w->r, &f[-1].made, f->name, &f->made);
}

static int rebuild(work *w, const df_value *root)
{
    int rc;
    w->depth = 0;
    rc = begin_container(w, root, (df_bytes){NULL, 0});
    while (rc == DF_OK && w->depth) {
        frame *top = &w->stack[w->depth - 1];
        df_bytes name;
        df_value child;
        if (!next_child(top, &name, &child))
            rc = end_container(w);
        else if (w->deep && is_container(&child))
            rc = begin_container(w, &child, name);
        else
            rc = df_value_put(w->r, &top->made, name, &child);
    }
    return rc;
}

int df__keys_rename(const df__job *job, df_record *r, df__rename_fn rename, int deep)
{
    work w;
    df_value root;
    int rc = df_record_root(r, &root);
    if (rc == DF_EDATA || (rc == DF_OK && !is_container(&root)))
        return DF_OK; /* no keys */
    if (rc != DF_OK || (root.type == DF_V_ARRAY && !deep))
        return rc;
    w.job = job;
    w.r = r;
    w.rename = rename;
    w.deep = deep;
    w.rewrite = 0;
    w.heap = df__batch_heap(job->batch);
    w.stack = w.first;
    w.depth = 0;
    w.cap = SMALL_DEPTH;
    rc = rename_all(&w, &root);
    if (rc == DF_OK && w.rewrite) {
        rc = df_record_root(r, &root);
        if (rc == DF_OK)
            rc = df_value_is_json(&root) ? rewrite(&w, &root) : rebuild(&w, &root);
    }
    return rc;
}

/* Two that become one: which of their values a record then has depends on the record. */
int df__keys_derive(df__shape *shape, df__rename_fn rename, int deep)
{
    for (size_t i = 0; i < shape->count; i++) {
        df__column *c = &shape->rows[i];
        size_t len = strlen(c->field.name);
        char *text = df__shape_text(shape, len * 2 + 4);
        if (!text)
            return DF_ENOMEM;
        text[rename(c->field.name, len, text)] = 0;
        c->field.name = text;
        c->changed |= deep && (c->field.type == DF_V_OBJECT || c->field.type == DF_V_ARRAY ||
                               c->field.type == DF_V_ABSENT);
    }
    return DF_OK;
}
