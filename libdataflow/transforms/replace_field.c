/* SPDX-License-Identifier: Apache-2.0
 * replace_field.c: keeps, leaves out, and renames fields, in this order. */
#include <string.h>

#include "transforms/follow.h"

typedef struct spot {
    const df_path *path;
    df__place place;
    df__parents parents; /* for taking away what became empty */
} spot;

typedef struct renaming {
    spot from;
    spot to;
    int same;
} renaming;

typedef struct replacer {
    df__follow follow;
    df_list renames;          /* of df_bytes, "old:new" */
    df_list include, exclude; /* of df_path * */
    renaming *moves;
    spot *gone;
    spot *kept; /* of include */
} replacer;

/* The colon between the two paths: not in brackets, not after a backslash. */
static const char *find_colon(df_bytes text)
{
    const char *p = text.data, *end = p + text.len;
    char quote = 0;
    int bracket = 0;
    for (; p < end; p++)
        if (*p == '\\')
            p++;
        else if (quote)
            quote = *p == quote ? 0 : quote;
        else if (bracket && (*p == '"' || *p == '\''))
            quote = *p;
        else if (*p == '[' || *p == ']')
            bracket = *p == '[';
        else if (*p == ':' && !bracket)
            return p;
    return NULL;
}

static df_bytes without_root(df_bytes text)
{
    const char *p = text.data;
    size_t skip = text.len > 1 && p[0] == '$' ? (p[1] == '.' ? 2 : 1) : 0;
    text.data = p + skip;
    text.len -= skip;
    return text;
}

static int compile_spot(df_stage *st, const df_path *path, spot *ret)
{
    int rc = df__place_of(st, path, &ret->place);
    ret->path = path;
    return rc == DF_OK ? df_stage_parents(st, path, &ret->parents.paths, &ret->parents.count) : rc;
}

static int compile_rename(df_stage *st, df_bytes text, size_t index, renaming *ret)
{
    const char *colon = text.len ? find_colon(text) : NULL;
    df_bytes from = text, to = text, a, b;
    if (colon) {
        from.len = (size_t)(colon - (const char *)text.data);
        to.data = colon + 1;
        to.len = text.len - from.len - 1;
    }
    from = df__blanks_trim(from);
    to = df__blanks_trim(to);
    if (!colon || !from.len || !to.len) {
        df_stage_problemf(st, DF_ERROR, "renames", "rename %zu is not \"old:new\"", index + 1);
        return DF_ESPEC;
    }
    ret->from.path = df_stage_path(st, "renames", from);
    ret->to.path = df_stage_path(st, "renames", to);
    if (!ret->from.path || !ret->to.path || df__check_path(st, "renames", ret->from.path, 0) ||
        df__check_path(st, "renames", ret->to.path, 0))
        return DF_ESPEC;
    a = without_root(from);
    b = without_root(to);
    ret->same = a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
    if (compile_spot(st, ret->to.path, &ret->to) != DF_OK)
        return DF_ENOMEM;
    return compile_spot(st, ret->from.path, &ret->from);
}

static int compile(replacer *me, df_stage *st)
{
    const df_bytes *texts = me->renames.items;
    int problem = DF_OK;
    me->moves = df_stage_alloc(st, (me->renames.count + 1) * sizeof *me->moves);
    me->gone = df_stage_alloc(st, (me->exclude.count + 1) * sizeof *me->gone);
    me->kept = df_stage_alloc(st, (me->include.count + 1) * sizeof *me->kept);
    if (!me->moves || !me->gone || !me->kept)
        return DF_ENOMEM;
    for (size_t i = 0; i < me->renames.count; i++) {
        int rc = compile_rename(st, texts[i], i, &me->moves[i]);
        if (rc == DF_ENOMEM)
            return rc;
        problem = rc != DF_OK ? rc : problem;
    }
    for (size_t i = 0; i < me->exclude.count; i++)
        if (compile_spot(st, df__path_at(&me->exclude, i), &me->gone[i]) != DF_OK)
            return DF_ENOMEM;
    for (size_t i = 0; i < me->include.count; i++)
        if (compile_spot(st, df__path_at(&me->include, i), &me->kept[i]) != DF_OK)
            return DF_ENOMEM;
    return problem;
}

/* Include rebuilds objects by name, so an index has no place in it. */
static int check_include(df_stage *st, const df_path *path)
{
    df_bytes text = df_path_text(path);
    const char *p = text.data;
    if (df__check_path(st, "include", path, 0))
        return 1;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (p[i] != '[' || (p[i + 1] != '-' && (p[i + 1] < '0' || p[i + 1] > '9')))
            continue;
        df_stage_problemf(st, DF_ERROR, "include",
                          "\"%.*s\" goes through an array element; include keeps "
                          "named fields only (select can take elements)",
                          (int)(text.len > 200 ? 200 : text.len), p);
        return 1;
    }
    return 0;
}

static int replace_check(void *self, df_stage *st)
{
    replacer *me = self;
    int problems = 0, rc;
    if (me->include.count && me->exclude.count) {
        df_stage_problemf(st, DF_ERROR, "exclude",
                          "include and exclude cannot be used together; what "
                          "include does not name is left out anyway");
        problems++;
    }
    if (!me->include.count && !me->exclude.count && !me->renames.count) {
        df_stage_problemf(st, DF_ERROR, NULL, "needs renames, include or exclude");
        problems++;
    }
    for (size_t i = 0; i < me->include.count; i++)
        problems += check_include(st, df__path_at(&me->include, i));
    for (size_t i = 0; i < me->exclude.count; i++)
        problems += df__check_path(st, "exclude", df__path_at(&me->exclude, i), DF__PLACE_MANY);
    rc = compile(me, st);
    return rc == DF_OK && problems ? DF_ESPEC : rc;
}

static int replace_open(void *self, df_stage *st)
{
    return compile(self, st);
}

/* ---- one record ------------------------------------------------------------------------------ */

static int is_container(const df_value *v)
{
    return v->type == DF_V_OBJECT || v->type == DF_V_ARRAY;
}

/* A value that outlives the change of the tree around it. */
static int keep(df_record *r, df_value *v)
{
    df_value copy;
    int rc = DF_OK;
    if (is_container(v))
        rc = df_value_new(r, v, &copy);
    if (rc == DF_OK && is_container(v))
        *v = copy;
    return rc;
}

/* The parent of level `level`: a path, or the root. */
static int parent_at(df_record *r, const df__parents *parents, size_t level, df_value *ret)
{
    return level ? df_record_get(r, parents->paths[level - 1], ret) : df_record_root(r, ret);
}

/* Setting "unchanged" by path leaves what is there, so a null holds its place until it is put. */
static int put(df_record *r, const spot *at, const df_value *value)
{
    df_value null = df__empty_value(DF_V_NULL), parent;
    df_bytes name = df_path_leaf(at->path);
    int unchanged = value->type == DF_V_UNCHANGED;
    int rc = df_record_set(r, at->path, unchanged ? &null : value);
    if (rc != DF_OK || !unchanged)
        return rc < 0 ? df__edit_failed(r, rc, at->path) : rc;
    rc = parent_at(r, &at->parents, at->parents.count, &parent);
    if (rc == DF_OK && parent.type != DF_V_OBJECT)
        return df__reject_at(r, NULL, at->path, "an unchanged value cannot go into an array");
    return rc == DF_OK ? df_value_put(r, &parent, name, value) : rc;
}

static int include(const df__job *job, df_record *r)
{
    const replacer *self = job->self;
    size_t count = self->include.count;
    df_value *kept = df_batch_alloc(job->batch, count * sizeof *kept);
    df_value fresh = df__empty_value(DF_V_OBJECT);
    int rc = kept ? DF_OK : DF_ENOMEM;
    for (size_t i = 0; rc == DF_OK && i < count; i++) {
        rc = df_record_get(r, df__path_at(&self->include, i), &kept[i]);
        if (rc == DF_OK)
            rc = keep(r, &kept[i]);
    }
    if (rc == DF_OK)
        rc = df_record_set_root(r, &fresh);
    for (size_t i = 0; rc == DF_OK && i < count; i++) {
        if (kept[i].type == DF_V_ABSENT)
            continue;
        rc = put(r, &self->kept[i], &kept[i]);
    }
    return rc;
}

/* Takes out what is at the spot, then the objects around it that it leaves empty. Elements of
 * arrays stay, since taking one out would move the others. */
static int take_out(df_record *r, const spot *s)
{
    const df_value absent = {0};
    int rc = df_record_set(r, s->path, &absent);
    for (size_t level = s->parents.count; rc == DF_OK && level; level--) {
        df_value object, around;
        rc = parent_at(r, &s->parents, level, &object);
        if (rc != DF_OK || object.type != DF_V_OBJECT || object.len)
            return rc;
        rc = parent_at(r, &s->parents, level - 1, &around);
        if (rc != DF_OK || around.type != DF_V_OBJECT)
            return rc;
        rc = df_record_set(r, s->parents.paths[level - 1], &absent);
    }
    return rc;
}

static int exclude(df_record *r, const spot *s)
{
    const df_value absent = {0};
    df_value found;
    int rc = df_record_get(r, s->path, &found);
    if (rc != DF_OK)
        return rc;
    if (found.type != DF_V_ABSENT && df_path_is_single(s->path))
        return take_out(r, s);
    return df_record_set(r, s->path, &absent); /* nothing: what names hide goes all the same */
}

static int rename_one(df_record *r, const renaming *move)
{
    df_value value;
    int rc;
    if (move->same)
        return DF_OK;
    rc = df_record_get(r, move->from.path, &value);
    if (rc == DF_OK && value.type == DF_V_ABSENT)
        return df_record_set(r, move->from.path, &value);
    if (rc != DF_OK)
        return rc;
    rc = keep(r, &value);
    if (rc == DF_OK)
        rc = take_out(r, &move->from);
    if (rc != DF_OK)
        return rc;
    return put(r, &move->to, &value);
}

static int replace_one(const df__job *job, df_record *r)
{
    const replacer *self = job->self;
    df_value root;
    int rc = df_record_root(r, &root);
    if (rc == DF_EDATA)
        return DF_OK; /* not JSON: passes as it is */
    if (rc == DF_OK && self->include.count)
        rc = include(job, r);
    for (size_t i = 0; rc == DF_OK && i < self->exclude.count; i++)
        rc = exclude(r, &self->gone[i]);
    for (size_t i = 0; rc == DF_OK && i < self->renames.count; i++)
        rc = rename_one(r, &self->moves[i]);
    return rc;
}

/* Whether `include` names the column, or something in it. */
static const df__place *named(const replacer *me, const df__column *c)
{
    size_t len = strlen(c->field.name);
    const df__place *found = NULL;
    for (size_t i = 0; i < me->include.count; i++) {
        const df__place *at = &me->kept[i].place;
        if (at->column.len == len && memcmp(at->column.data, c->field.name, len) == 0 &&
            (!found || found->inside))
            found = at;
    }
    return found;
}

static int include_derive(const replacer *me, df__shape *shape)
{
    int rc = DF_OK;
    for (size_t i = shape->count; i-- && rc == DF_OK;) {
        df__column *c = &shape->rows[i];
        const df__place *at = named(me, c);
        const df__place whole = {.column = {c->field.name, strlen(c->field.name)}};
        if (!at)
            rc = df__shape_remove(shape, &whole);
        else if (at->inside)
            rc = df__shape_change(shape, at, DF_V_ABSENT);
    }
    return rc;
}

static int replace_derive(void *self, df__shape *shape)
{
    const replacer *me = self;
    int rc = me->include.count ? include_derive(me, shape) : DF_OK;
    for (size_t i = 0; i < me->exclude.count && rc == DF_OK; i++)
        rc = df__shape_remove(shape, &me->gone[i].place);
    for (size_t i = 0; i < me->renames.count && rc == DF_OK; i++)
        if (!me->moves[i].same)
            rc = df__shape_move(shape, &me->moves[i].from.place, &me->moves[i].to.place);
    return rc;
}

static int replace_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_follow(self, st, batch, replace_one, replace_derive);
}

static const df_option replace_rows[] = {
    {.name = "renames",
     .type = DF_OPT_LIST,
     .of = DF_OPT_TEXT,
     .flags = DF_OPT_LITERAL,
     .offset = offsetof(replacer, renames),
     .doc = "\"old:new\" paths, done in order after include and exclude. A missing field is "
            "skipped, an existing target overwritten, an emptied parent taken away."},
    {.name = "include",
     .type = DF_OPT_LIST,
     .of = DF_OPT_PATH,
     .offset = offsetof(replacer, include),
     .doc = "Paths to keep, nesting included; everything else is left out. Not with exclude."},
    {.name = "exclude",
     .type = DF_OPT_LIST,
     .of = DF_OPT_PATH,
     .offset = offsetof(replacer, exclude),
     .doc = "Paths to leave out; emptied parents go too (not with wildcards). Not with include."},
};
static const df_options replace_options = DF_OPTIONS(replace_rows, replacer);

const df_transform df_transform_replace_field = {
    .size = sizeof(df_transform),
    .name = "replaceField",
    .doc = "Keeps, leaves out and renames fields.",
    .self_size = sizeof(replacer),
    .options = &replace_options,
    .check = replace_check,
    .open = replace_open,
    .apply = replace_apply,
    .close = df__follow_close,
    .example = "{\"config\":{\"renames\":[\"k.sku:sku\"]},"
               "\"input\":{\"k\":{\"sku\":1},\"o\":2},\"output\":{\"o\":2,\"sku\":1}}",
};
