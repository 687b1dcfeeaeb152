/* SPDX-License-Identifier: Apache-2.0
 * refs.c: see refs.h. */
#include "dfoperator/plan/refs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/names.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"

enum { PATH = 256, KEY = 253 };

typedef struct walk {
    const char *space;
    op_mirrors mirrors;
    op_refs *ret;
    json_object *files; /* {"NAME/KEY": {name, key}} */
    char path[PATH];
    int failed;
} walk;

static void visit(walk *w, json_object *value);

/* What a projected volume accepts as a path, so that one bad key does not refuse the whole pod. */
static int is_file_name(const char *text)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t len = strlen(text);
    return len && len <= KEY && strspn(text, good) == len && strcmp(text, ".") != 0 &&
           strncmp(text, "..", 2) != 0;
}

static void add_foreign(walk *w, json_object *ref, const char *copy)
{
    json_object *row =
        op_json("{'namespace': %s, 'name': %s, 'key': %s, 'copy': %s}", op_text(ref, "namespace"),
                op_text(ref, "name"), op_text(ref, "key"), copy);
    if (!row || json_object_array_add(w->ret->foreign, row)) {
        json_object_put(row);
        w->failed = 1;
    }
}

static const op_mirror *mirror_of(const walk *w, const char *space, const char *name)
{
    for (size_t i = 0; i < w->mirrors.count; i++) {
        const op_mirror *m = &w->mirrors.rows[i];
        if (!strcmp(m->space, space) && !strcmp(m->name, name))
            return m;
    }
    return NULL;
}

/* The reference becomes one of the flow's own namespace. -1: it cannot. */
static int bring_home(walk *w, json_object *ref)
{
    const char *space = op_text(ref, "namespace"), *name = op_text(ref, "name");
    const op_mirror *m = mirror_of(w, space, name);
    json_object *copied;
    if (!*space || !strcmp(space, w->space)) {
        op_put(ref, "namespace", NULL);
        return 0;
    }
    add_foreign(w, ref, m ? m->copy : "");
    if (!m || m->problem) {
        if (!w->ret->problem[0])
            snprintf(w->ret->problem, OP_REFS_TEXT,
                     "%s names the Secret %s/%s of another namespace, %s", w->path, space, name,
                     m                    ? m->problem
                     : w->mirrors.allowed ? "which is not read yet"
                                          : "which the operator does not use: set "
                                            "secrets.otherNamespaces in its chart");
        return -1;
    }
    copied = json_object_new_string(m->copy);
    if (!copied || op_put(ref, "name", copied))
        w->failed = 1;
    op_put(ref, "namespace", NULL);
    return 0;
}

/* 1: no Secret and no key can be called so. */
static int is_impossible(walk *w, json_object *ref)
{
    const char *space = op_text(ref, "namespace"), *name = op_text(ref, "name"),
               *key = op_text(ref, "key");
    if ((!*space || op_is_label(space)) && op_is_name(name) && is_file_name(key))
        return 0;
    if (!w->ret->problem[0])
        df__text_printf(w->ret->problem, OP_REFS_TEXT,
                        "%s: \"%.100s\", key \"%.100s\"%s%.63s%s, can be no Secret and its key",
                        w->path, name, key, *space ? ", namespace \"" : "", space,
                        *space ? "\"" : "");
    return 1;
}

static void take(walk *w, json_object *ref)
{
    const char *name, *key = op_text(ref, "key");
    char file[2 * KEY + 2];
    json_object *row;
    if (is_impossible(w, ref) || bring_home(w, ref))
        return;
    name = op_text(ref, "name");
    snprintf(file, sizeof file, "%s/%s", name, key);
    row = op_json("{'name': %s, 'key': %s}", name, key);
    if (!row || json_object_object_add(w->files, file, row)) {
        json_object_put(row);
        w->failed = 1;
    }
}

static int is_ref(const char *name, json_object *value)
{
    static const char end[] = "SecretRef";
    size_t len = strlen(name), n = sizeof end - 1;
    return len > n && !strcmp(name + len - n, end) && json_object_is_type(value, json_type_object);
}

static void visit_member(walk *w, const char *format, const char *name, json_object *value)
{
    size_t len = strlen(w->path);
    snprintf(w->path + len, PATH - len, format, name); /* NOLINT */
    if (is_ref(name, value))
        take(w, value);
    else
        visit(w, value);
    w->path[len] = 0;
}

static void visit(walk *w, json_object *value)
{
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, name, member) visit_member(w, ".%s", name, member);
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            char number[24];
            snprintf(number, sizeof number, "%zu", i);
            visit_member(w, "[%s]", number, json_object_array_get_idx(value, i));
        }
    }
}

/* ---- the volume ---------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_object *new_source(const char *name)
{
    /* A missing Secret must not hold the pod in ContainerCreating: dfproc says which one it is. */
    return op_json("{'secret': {'name': %s, 'items': [], 'optional': true}}", name);
}

static void add_file(walk *w, const char *file)
{
    json_object *sources = w->ret->sources, *last, *item;
    const char *name = op_text(json_object_object_get(w->files, file), "name");
    size_t count = json_object_array_length(sources);
    last = count ? json_object_array_get_idx(sources, count - 1) : NULL;
    if (strcmp(op_text(last, "secret.name"), name) != 0) {
        last = new_source(name);
        if (!last || json_object_array_add(sources, last)) {
            json_object_put(last);
            w->failed = 1;
            return;
        }
    }
    item = op_json("{'key': %s, 'path': %s}",
                   op_text(json_object_object_get(w->files, file), "key"), file);
    if (!item || json_object_array_add(op_get(last, "secret.items"), item)) {
        json_object_put(item);
        w->failed = 1;
    }
}

/* In the order of names: the same spec gives the same pod, in whatever order it is written. */
static void make_sources(walk *w)
{
    size_t count = (size_t)json_object_object_length(w->files), i = 0;
    const char **files = malloc((count + 1) * sizeof *files);
    if (!files) {
        w->failed = 1;
        return;
    }
    json_object_object_foreach(w->files, file, row)
    {
        (void)row;
        files[i++] = file;
    }
    qsort(files, count, sizeof *files, by_name);
    for (i = 0; i < count; i++)
        add_file(w, files[i]);
    free(files);
}

int op_refs_read(json_object *spec, const char *space, op_mirrors mirrors, op_refs *ret)
{
    static const char *const parts[] = {"source", "transformations", "sink", "errors"};
    walk w = {.space = space, .mirrors = mirrors, .ret = ret};
    memset(ret, 0, sizeof *ret);
    ret->spec = op_copy(spec);
    ret->sources = json_object_new_array();
    ret->foreign = json_object_new_array();
    w.files = json_object_new_object();
    w.failed = !ret->spec || !ret->sources || !ret->foreign || !w.files;
    for (size_t i = 0; !w.failed && i < sizeof parts / sizeof parts[0]; i++) {
        snprintf(w.path, PATH, "spec.%s", parts[i]);
        visit(&w, op_get(ret->spec, parts[i]));
    }
    if (!w.failed)
        make_sources(&w);
    json_object_put(w.files);
    return w.failed ? -1 : 0;
}

void op_refs_free(op_refs *refs)
{
    json_object_put(refs->spec);
    json_object_put(refs->sources);
    json_object_put(refs->foreign);
    memset(refs, 0, sizeof *refs);
}
