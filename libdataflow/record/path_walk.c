/* SPDX-License-Identifier: Apache-2.0
 * path_walk.c: finds and changes what a path leads to. */
#include "record/path.h"

#include <string.h>

/* ---- finding --------------------------------------------------------------------------------- */

static const void *df__step_child(const df__step *s, const void *container)
{
    unsigned type = df__type(df__val(container));
    if (type == DF__NODE_OBJ && (s->kind == DF__STEP_NAME || s->kind == DF__STEP_EITHER))
        return df__member(container, &s->name, NULL);
    if (type == DF__NODE_ARR && (s->kind == DF__STEP_INDEX || s->kind == DF__STEP_EITHER))
        return df__element(container, s->index);
    return NULL;
}

static int names_member(const df__step *s, const void *container)
{
    return df__type(df__val(container)) == DF__NODE_OBJ &&
           (s->kind == DF__STEP_NAME || s->kind == DF__STEP_EITHER);
}

static const void *child_of(df__hits *h, const df__step *s, const void *container)
{
    const void *child;
    size_t count;
    if (!names_member(s, container))
        return df__step_child(s, container);
    if (h->join)
        return df__handle(df__node_single(df__node_of(container), &s->name));
    child = df__member(container, &s->name, &count);
    h->many |= count > 1;
    return child;
}

/* The first `i` steps lead to another value now. */
static void arrive(df__hits *h, size_t i, const void *value)
{
    h->level[i] = (df__level){.at = value};
    if (h->single >= i)
        h->single = i - 1;
}

/* Of "every": the next child; NULL: none left. */
static const void *every_next(df__level *l)
{
    const void *child = l->next;
    if (l->single.at)
        l->next = ++l->index < l->single.count ? l->single.at[l->index] : NULL;
    else
        l->next = child ? df__child_next(l->at, child) : NULL;
    return child;
}

/* Of "every": the first child. Of members of one name only the last is one. */
static const void *every_first(df__hits *h, df__level *l)
{
    if (df__type(df__val(l->at)) == DF__NODE_OBJ)
        h->failed |= df__single_members(h->arena, l->at, &l->single) != DF_OK;
    if (l->single.at) {
        h->many = 1;
        if (h->join)
            df__node_keep(df__node_of(l->at), &l->single);
    }
    l->next = l->single.at ? l->single.at[0] : df__child_first(l->at);
    return every_next(l);
}

/* Goes down from level `i`, back up where a branch ends. */
static const void *descend(df__hits *h, size_t i)
{
    while (i < h->count) {
        const df__step *s = &h->path->steps[i];
        df__level *l = &h->level[i];
        const void *child;
        child = s->kind == DF__STEP_ALL ? every_first(h, l) : child_of(h, s, l->at);
        if (h->failed)
            return NULL;
        for (; !child; i--) {
            if (i == 0)
                return NULL;
            child = every_next(&h->level[i - 1]);
        }
        arrive(h, ++i, child);
    }
    return h->level[i].at;
}

/* The first hit, or the one after; NULL: none. */
static const void *df__hits_first(df__hits *h, const void *root)
{
    h->level[0] = (df__level){.at = root};
    h->single = 0;
    h->many = h->failed = 0;
    return descend(h, 0);
}

static const void *df__hits_next(df__hits *h)
{
    for (size_t i = h->count; i--;) {
        const void *child = every_next(&h->level[i]);
        if (child) {
            arrive(h, i + 1, child);
            return descend(h, i + 1);
        }
    }
    return NULL;
}

/* As df__path_find. The tree keeps the answer for a change of the same place. */
static const void *find_single(df__tree *t, const df_path *path)
{
    const void *at = df__tree_handle(t);
    size_t count = 1;
    int single = 1, many = 0;
    for (size_t i = 0; i < path->count && at; i++) {
        const df__step *s = &path->steps[i];
        if (df__type(df__val(at)) == DF__NODE_OBJ && s->kind != DF__STEP_INDEX)
            at = df__member(at, &s->name, &count);
        else
            at = df__step_child(s, at);
        single &= count == 1;
        many |= count > 1;
    }
    t->seen_path = path->number;
    t->seen = single ? at : NULL;
    t->seen_many = (uint8_t)many;
    return at;
}

/* Every way was gone to its end. */
static void remember_ways(df__tree *t, const df__hits *h)
{
    t->seen_path = h->path->number;
    t->seen = NULL;
    t->seen_many = (uint8_t)h->many;
}

static int find_first(df_record *r, const df_path *path, const void **ret)
{
    df__level level[DF__PATH_STEPS + 1];
    df__hits h = {.path = path, .arena = r->arena, .count = path->count, .level = level};
    *ret = df__hits_first(&h, df__tree_handle(r->tree));
    if (!*ret && !h.failed)
        remember_ways(r->tree, &h);
    return h.failed ? DF_ENOMEM : DF_OK;
}

int df__tree_get(const df__tree *t, df__arena *a, const df_path *path, df_value *ret)
{
    df__level level[DF__PATH_STEPS + 1];
    df__hits h = {.path = path, .arena = a, .count = path->count, .level = level};
    df__value_fill(df__hits_first(&h, df__tree_handle(t)), ret);
    return h.failed ? DF_ENOMEM : DF_OK;
}

int df_record_get(df_record *r, const df_path *path, df_value *ret)
{
    const void *found = NULL;
    int rc = df__record_parse(r);
    if (rc != DF_OK)
        return rc;
    if (path->wild)
        rc = find_first(r, path, &found);
    else
        found = find_single(r->tree, path);
    df__value_fill(found, ret);
    return rc;
}

/* walk: at[3] the hits, at[2] set once started, at[1] this hit. */
int df_path_each(const df_path *path, df_record *r, df_walk *walk)
{
    df__hits *h = (df__hits *)(uintptr_t)walk->at[3];
    const yyjson_val *key;
    const void *hit;
    int rc;
    if (!h) {
        rc = df__record_parse(r);
        if (rc != DF_OK)
            return rc;
        h = df__arena_alloc(r->arena, sizeof *h + (path->count + 1) * sizeof *h->level);
        if (!h)
            return DF_ENOMEM;
        *h = (df__hits){.path = path, .arena = r->arena, .count = path->count};
        h->level = (df__level *)(h + 1);
        walk->at[3] = h;
        walk->index = 0;
        hit = df__hits_first(h, df__tree_handle(r->tree));
    } else {
        hit = walk->at[1] ? df__hits_next(h) : NULL;
        walk->index++;
    }
    walk->at[1] = hit;
    if (h->failed)
        return DF_ENOMEM;
    if (!hit) {
        if (r->tree)
            remember_ways(r->tree, h);
        return DF_DONE;
    }
    walk->at[2] = path->count ? h->level[path->count - 1].at : NULL;
    key = path->count ? df__child_key(walk->at[2], hit) : NULL;
    walk->name.data = key ? key->uni.str : NULL;
    walk->name.len = key ? df__len(key) : 0;
    df__value_fill(hit, &walk->value);
    return DF_OK;
}

/* ---- changing -------------------------------------------------------------------------------- */

static int is_scalar(const df_value *v)
{
    return v->type != DF_V_ABSENT && v->type != DF_V_OBJECT && v->type != DF_V_ARRAY;
}

/* A member that is changed, or whose inside is, is the only one of its name afterwards: an older
 * duplicate must not show what was masked or removed. */
static void make_single(df__node *child)
{
    if (child && df__in_object(child)) {
        df__node *key = child->up;
        df_bytes name = {key->v.uni.str, df__len(&key->v)};
        df__node_single(key->up, &name);
    }
}

/* The same for every name of the object that "every" goes through. 0: its members are others now.
 */
static int keep_single(df_record *r, df__level *l)
{
    if (!l->single.at || l->kept)
        return 1;
    for (size_t i = 0; i < l->single.count; i++) {
        df__node *n = df__tree_node(r, l->single.at[i]);
        if (!n || !n->next)
            return 0;
        l->single.at[i] = df__handle(n);
    }
    df__node_keep(df__tree_node(r, l->at), &l->single);
    l->kept = 1;
    return 1;
}

/* Puts value at the place of a node of the tree; ABSENT removes. */
static int set_node(df_record *r, df__node *n, const df_value *value)
{
    yyjson_val made;
    df__node *fresh;
    int rc;
    if (value->type == DF_V_ABSENT) {
        if (n->up)
            df__node_unlink(n);
        return n == r->tree->edit ? DF_EINVAL : DF_OK;
    }
    if (is_scalar(value)) {
        rc = df__scalar_make(r, value, &made);
        if (rc == DF_OK)
            n->v = made;
        return rc;
    }
    rc = df__node_take(r, value, &fresh);
    if (rc != DF_OK)
        return rc;
    df__node_replace(n, fresh);
    if (r->tree->edit == n)
        r->tree->edit = fresh;
    return DF_OK;
}

/* 1: a hit that nothing else has to move for: a scalar over a scalar, no duplicates on the way. */
static int set_in_place(df_record *r, df__hits *h, const df_value *value, int *ret_rc)
{
    yyjson_val made, *v = (yyjson_val *)(uintptr_t)h->level[h->path->count].at;
    size_t count;
    if (!is_scalar(value) || df__is_node(v) || df__is_container(v) || !df__tree_in_place(r, v))
        return 0;
    for (size_t i = h->single; i < h->path->count; i++) {
        if (h->level[i].single.at)
            return 0;
        if (h->path->steps[i].kind != DF__STEP_ALL &&
            df__type(df__val(h->level[i].at)) == DF__NODE_OBJ) {
            df__member(h->level[i].at, &h->path->steps[i].name, &count);
            if (count != 1)
                return 0;
        }
        h->single = i + 1;
    }
    *ret_rc = df__scalar_make(r, value, &made);
    if (*ret_rc == DF_OK) {
        *v = made;
        df__record_touch(r);
    }
    return 1;
}

/* The editable node that the first `count` steps of a hit lead to. DF_ENOTFOUND: removed meanwhile.
 */
static int edit_way(df_record *r, df__hits *h, size_t count, df__node **ret)
{
    int rc = df__tree_edit(r);
    if (rc != DF_OK)
        return rc;
    *ret = r->tree->edit;
    for (size_t i = 1; i <= count; i++) {
        df__node *n = df__tree_node(r, h->level[i].at);
        if (!n || !n->next)
            return DF_ENOTFOUND;
        if (i > h->single &&
            (h->path->steps[i - 1].kind != DF__STEP_ALL || !keep_single(r, &h->level[i - 1])))
            make_single(n);
        *ret = n;
        if (i > h->single)
            h->single = i;
    }
    df__record_touch(r);
    return DF_OK;
}

static int set_hit(df_record *r, df__hits *h, const df_value *value)
{
    df__node *n;
    int rc;
    if (h->path->count == 0)
        return df_record_set_root(r, value);
    if (set_in_place(r, h, value, &rc))
        return rc;
    rc = edit_way(r, h, h->path->count, &n);
    return rc == DF_OK ? set_node(r, n, value) : rc;
}

/* In a walk of df_value_walk. */
static int set_child(df_record *r, const void *child, const df_value *value)
{
    yyjson_val made, *v = (yyjson_val *)(uintptr_t)child;
    df__node *n;
    int rc;
    if (is_scalar(value) && !df__is_node(v) && !df__is_container(v) && df__tree_in_place(r, v)) {
        rc = df__scalar_make(r, value, &made);
        if (rc == DF_OK) {
            *v = made;
            df__record_touch(r);
        }
        return rc;
    }
    if (df__tree_parsed(r->tree)) {
        rc = df__tree_edit(r);
        if (rc != DF_OK)
            return rc;
    }
    n = df__tree_node(r, child);
    if (!n || !n->next)
        return DF_ENOTFOUND;
    df__record_touch(r);
    return set_node(r, n, value);
}

int df_walk_set(df_record *r, df_walk *walk, const df_value *value)
{
    if (value->type == DF_V_UNCHANGED)
        return DF_OK;
    if (!walk->at[1])
        return DF_ESTATE;
    if (walk->at[3])
        return set_hit(r, (df__hits *)(uintptr_t)walk->at[3], value);
    return set_child(r, walk->at[1], value);
}

/* ---- setting by path ------------------------------------------------------------------------- */

/* An empty container for what the step after it needs. NULL value of *ret: that cannot be made. */
static int make_parent(df_record *r, const df__step *next, df__node **ret)
{
    int array = next->kind == DF__STEP_INDEX || next->kind == DF__STEP_EITHER;
    if (next->kind == DF__STEP_ALL || (array && next->index != 0))
        return DF_EDATA;
    *ret = df__node_new(r->arena, array ? DF__NODE_ARR : DF__NODE_OBJ);
    return *ret ? DF_OK : DF_ENOMEM;
}

static int append_child(df_record *r, df__node *container, const df__step *s, df__node *fresh)
{
    df__node *key = NULL;
    int rc = DF_OK;
    if (df__type(&container->v) == DF__NODE_OBJ) {
        key = df__node_new(r->arena, 0);
        rc = key ? df__string_make(r, s->name, &key->v) : DF_ENOMEM;
    }
    if (rc == DF_OK)
        df__node_append(container, key, fresh);
    return rc;
}

/* May the step add a child to a container of that type? */
static int can_append(const df__step *s, const df__node *container)
{
    unsigned type = df__type(&container->v);
    if (type == DF__NODE_OBJ)
        return s->kind == DF__STEP_NAME || s->kind == DF__STEP_EITHER;
    return type == DF__NODE_ARR && s->kind != DF__STEP_NAME &&
           s->index == (int64_t)df__len(&container->v);
}

/* The child that step i leads to, made when it is missing: a container for the step after it. */
static int enter(df_record *r, const df_path *path, size_t i, df__node **at)
{
    df__node *child = df__node_of(df__step_child(&path->steps[i], df__handle(*at))), *fresh;
    int rc;
    if (child) {
        make_single(child);
        if (df__type(&child->v) != YYJSON_TYPE_NULL) {
            *at = child;
            return DF_OK;
        }
    } else if (!can_append(&path->steps[i], *at)) {
        return DF_EDATA;
    }
    rc = make_parent(r, &path->steps[i + 1], &fresh);
    if (rc != DF_OK)
        return rc;
    if (child)
        df__node_replace(child, fresh);
    else
        rc = append_child(r, *at, &path->steps[i], fresh);
    *at = fresh;
    return rc;
}

/* Sets the value that the steps from `from` lead to from a node; parents are made. */
static int set_below(df_record *r, const df_path *path, size_t from, df__node *at,
                     const df_value *value)
{
    const df__step *last = &path->steps[path->count - 1];
    df__node *child, *fresh;
    int rc;
    for (size_t i = from; i + 1 < path->count; i++) {
        rc = enter(r, path, i, &at);
        if (rc != DF_OK)
            return rc;
    }
    child = df__node_of(df__step_child(last, df__handle(at)));
    if (child) {
        make_single(child);
        return set_node(r, child, value);
    }
    if (!can_append(last, at))
        return DF_EDATA;
    rc = df__node_take(r, value, &fresh);
    return rc == DF_OK ? append_child(r, at, last, fresh) : rc;
}

/* Whether set_below could work, so that a failing one changes nothing. */
static int check_below(const df_path *path, size_t from, const void *at)
{
    size_t i;
    for (i = from; i < path->count; i++) {
        const df__step *s = &path->steps[i];
        const yyjson_val *v = df__val(at);
        unsigned type = df__type(v);
        if (i > from && type == YYJSON_TYPE_NULL)
            break;
        if (type == DF__NODE_OBJ ? s->kind == DF__STEP_INDEX
                                 : type != DF__NODE_ARR || s->kind == DF__STEP_NAME)
            return DF_EDATA;
        at = df__step_child(s, at);
        if (!at && type == DF__NODE_ARR && s->index != (int64_t)df__len(v))
            return DF_EDATA;
        if (!at) {
            i++;
            break;
        }
    }
    for (; i < path->count; i++)
        if (path->steps[i].kind != DF__STEP_NAME && path->steps[i].index != 0)
            return DF_EDATA;
    return DF_OK;
}

/* Of members of one name on the ways of a path the last one stays, also where the way then leads
 * nowhere: what the path cannot reach any more must not be left in the record. */
static int join(df_record *r, const df_path *path)
{
    df__level level[DF__PATH_STEPS + 1];
    const void *hit;
    df__hits h = {.path = path, .arena = r->arena, .count = path->count, .join = 1, .level = level};
    int rc = df__tree_edit(r);
    if (rc != DF_OK)
        return rc;
    df__record_touch(r);
    for (hit = df__hits_first(&h, df__tree_handle(r->tree)); hit; hit = df__hits_next(&h))
        ;
    return h.failed ? DF_ENOMEM : DF_OK;
}

/* A value that stays as it is. The ways are known when the path was just looked up. */
static int leave(df_record *r, const df_path *path)
{
    df__level level[DF__PATH_STEPS + 1];
    const void *hit;
    df__hits h = {.path = path, .arena = r->arena, .count = path->count, .level = level};
    int rc = df__record_parse(r);
    if (rc != DF_OK)
        return rc == DF_EDATA ? DF_OK : rc;
    if (r->tree->seen_path == path->number)
        return r->tree->seen_many ? join(r, path) : DF_OK;
    for (hit = df__hits_first(&h, df__tree_handle(r->tree)); hit; hit = df__hits_next(&h))
        ;
    if (h.failed)
        return DF_ENOMEM;
    return h.many ? join(r, path) : DF_OK;
}

/* 1: a scalar over the scalar that df_record_get just found. */
static int set_seen(df_record *r, const df_path *path, const df_value *value, int *ret_rc)
{
    const df__tree *t = r->tree;
    yyjson_val made, *v = (yyjson_val *)(uintptr_t)df__val(t->seen);
    if (t->seen_path != path->number || !v || !path->count || !is_scalar(value) ||
        df__is_container(v))
        return 0;
    if (df__is_node(t->seen) ? !t->edit || t->shared : !df__tree_in_place(r, v))
        return 0;
    *ret_rc = df__scalar_make(r, value, &made);
    if (*ret_rc == DF_OK) {
        *v = made;
        df__record_touch(r);
    }
    return 1;
}

static int set_single(df_record *r, const df_path *path, const df_value *value)
{
    df__level level[DF__PATH_STEPS + 1];
    const void *root = df__tree_handle(r->tree);
    df__hits h = {.path = path, .arena = r->arena, .count = path->count, .level = level};
    int rc;
    if (set_seen(r, path, value, &rc))
        return rc;
    if (df__hits_first(&h, root))
        return set_hit(r, &h, value);
    if (value->type == DF_V_ABSENT)
        return h.many ? join(r, path) : DF_OK;
    rc = check_below(path, 0, root);
    if (rc == DF_OK)
        rc = df__tree_edit(r);
    if (rc != DF_OK)
        return rc;
    df__record_touch(r);
    return set_below(r, path, 0, r->tree->edit, value);
}

/* One hit of the steps up to the last wildcard: sets what the others lead to, or makes it where
 * it can be. */
static int set_one(df_record *r, df__hits *h, size_t wild, const df_value *value)
{
    size_t i;
    df__node *n;
    int rc;
    for (i = wild; i < h->path->count; i++) {
        const void *child = child_of(h, &h->path->steps[i], h->level[i].at);
        if (!child)
            break;
        arrive(h, i + 1, child);
    }
    if (i == h->path->count)
        return set_hit(r, h, value);
    if (value->type == DF_V_ABSENT || check_below(h->path, wild, h->level[wild].at) != DF_OK)
        return DF_OK;
    rc = edit_way(r, h, wild, &n);
    return rc == DF_OK ? set_below(r, h->path, wild, n, value) : rc;
}

static int set_every(df_record *r, const df_path *path, const df_value *value)
{
    df__level level[DF__PATH_STEPS + 1];
    const void *hit;
    size_t wild = path->count;
    df__hits h = {.path = path, .arena = r->arena, .level = level};
    int rc = DF_OK;
    while (path->steps[wild - 1].kind != DF__STEP_ALL)
        wild--;
    h.count = wild;
    for (hit = df__hits_first(&h, df__tree_handle(r->tree)); hit && rc == DF_OK;
         hit = df__hits_next(&h)) {
        rc = set_one(r, &h, wild, value);
        if (rc == DF_ENOTFOUND)
            rc = DF_OK;
    }
    if (h.failed)
        return DF_ENOMEM;
    return rc == DF_OK && h.many ? join(r, path) : rc;
}

int df_record_set(df_record *r, const df_path *path, const df_value *value)
{
    int rc;
    if (value->type == DF_V_UNCHANGED)
        return leave(r, path);
    if (path->count == 0)
        return df_record_set_root(r, value);
    rc = df__record_parse(r);
    if (rc != DF_OK)
        return rc;
    return path->wild ? set_every(r, path, value) : set_single(r, path, value);
}
