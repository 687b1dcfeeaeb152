/* SPDX-License-Identifier: Apache-2.0
 * option_types.c: the table of option types, and the parsers that are not text. */
#include "core/graph/option_types.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "record/record.h"

static int unexpected(const df__option_slot *s)
{
    char shown[DF__SHOWN];
    return df__slot_failf(s, "expects %s, got %s", df__option_type_of(s->row->type)->expected,
                          df__doc_shown(s->node, shown));
}

/* ---- scalars ------------------------------------------------------------------------------ */

static int parse_bool(const df__option_slot *s)
{
    int value;
    if (!df__doc_is_bool(s->node, &value)) {
        char shown[DF__SHOWN];
        return df__slot_failf(s, "expects true or false%s, got %s",
                              s->node->quoted ? " without quotes" : "",
                              df__doc_shown(s->node, shown));
    }
    memcpy(s->member, &value, sizeof value);
    return DF_OK;
}

/* A bound as the user would write it. */
static void bound_text(int type, int64_t v, char *buf, size_t len)
{
    static const struct {
        int type;
        int64_t scale;
        const char *unit;
    } units[] = {
        {DF_OPT_DURATION, 3600000000, "h"}, {DF_OPT_DURATION, 1000000, "s"},
        {DF_OPT_DURATION, 1000, "ms"},      {DF_OPT_DURATION, 1, "us"},
        {DF_OPT_SIZE, 1 << 30, "GiB"},      {DF_OPT_SIZE, 1 << 20, "MiB"},
        {DF_OPT_SIZE, 1 << 10, "KiB"},
    };
    for (size_t i = 0; v != 0 && i < sizeof units / sizeof units[0]; i++) {
        if (units[i].type == type && v % units[i].scale == 0) {
            df__text_printf(buf, len, "%lld%s", (long long)(v / units[i].scale), units[i].unit);
            return;
        }
    }
    df__text_printf(buf, len, "%lld", (long long)v);
}

/* Bounds below which max lies are lower bounds only. */
static int in_range(const df__option_slot *s, int64_t v)
{
    const df_option *row = s->row;
    char low[32], high[32], shown[DF__SHOWN];
    if ((row->min == 0 && row->max == 0) ||
        (v >= row->min && (v <= row->max || row->max < row->min)))
        return DF_OK;
    bound_text(row->type, row->min, low, sizeof low);
    bound_text(row->type, row->max, high, sizeof high);
    df__doc_shown(s->node, shown);
    if (row->max < row->min || row->max == INT64_MAX)
        return df__slot_failf(s, "must be at least %s, got %s", low, shown);
    return df__slot_failf(s, "must be between %s and %s, got %s", low, high, shown);
}

static int store_int(const df__option_slot *s, int known, int64_t v)
{
    int rc = known ? in_range(s, v) : unexpected(s);
    if (rc == DF_OK)
        memcpy(s->member, &v, sizeof v);
    return rc;
}

static int parse_int(const df__option_slot *s)
{
    int64_t v = 0;
    int known = s->node->kind == DF__DOC_SCALAR && df__parse_int(s->node->text, &v);
    return store_int(s, known, v);
}

static int parse_size(const df__option_slot *s)
{
    int64_t v = 0;
    int known = s->node->kind == DF__DOC_SCALAR && df__parse_size(s->node->text, &v);
    return store_int(s, known, v);
}

static int parse_duration(const df__option_slot *s)
{
    int64_t v = 0;
    if (s->node->kind != DF__DOC_SCALAR || !df__parse_duration(s->node->text, &v))
        return unexpected(s);
    if (v < 0 && s->row->min >= 0)
        return df__slot_fail(s, "must not be negative");
    return store_int(s, 1, v);
}

static int parse_double(const df__option_slot *s)
{
    double v = 0;
    if (s->node->kind != DF__DOC_SCALAR || !df__parse_double(s->node->text, &v))
        return unexpected(s);
    if ((s->row->min || s->row->max) &&
        (v < (double)s->row->min || (s->row->max >= s->row->min && v > (double)s->row->max)))
        return in_range(s, v < (double)s->row->min ? INT64_MIN : INT64_MAX);
    memcpy(s->member, &v, sizeof v);
    return DF_OK;
}

/* Case does not matter, and "-" is "_". */
static int alike(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        char x = *a == '_' ? '-' : *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
        char y = *b == '_' ? '-' : *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
        if (x != y)
            return 0;
    }
    return *a == *b;
}

/* Words that go on to Kubernetes are what it takes: exact. */
static int same_choice(const df_option *row, const char *choice, const char *text)
{
    return row->flags & DF_OPT_HOST ? strcmp(choice, text) == 0 : alike(choice, text);
}

static int parse_enum(const df__option_slot *s)
{
    char list[256] = "", shown[DF__SHOWN];
    const char *near = NULL;
    size_t len = 0;
    int i = 0;
    for (; s->node->kind == DF__DOC_SCALAR && s->row->choices[i]; i++) {
        if (same_choice(s->row, s->row->choices[i], s->node->text.data)) {
            memcpy(s->member, &i, sizeof i);
            return DF_OK;
        }
        if (alike(s->row->choices[i], s->node->text.data))
            near = s->row->choices[i];
    }
    for (i = 0; s->row->choices[i]; i++)
        len += df__text_printf(list + len, sizeof list - len, "%s%s", i ? ", " : "",
                               s->row->choices[i]);
    df__slot_failf(s, "expects one of %s; got %s", list, df__doc_shown(s->node, shown));
    if (s->node->kind == DF__DOC_SCALAR && !near)
        near = df__nearest(s->node->text.data, s->row->choices, (size_t)i);
    if (near) {
        char hint[128];
        df__text_printf(hint, sizeof hint, "did you mean \"%s\"?", near);
        df__problem_hint(s->fill->graph->problems, hint);
    }
    return DF_ESPEC;
}

/* ---- compiled texts ----------------------------------------------------------------------- */

/* Points at the character inside the text where a compiler gave up. */
static int compile_failed(const df__option_slot *s, const df__error *err)
{
    df__option_slot at = *s;
    df__doc inside;
    if (err->text[0] == '\0' || strcmp(err->text, "out of memory") == 0)
        return DF_ENOMEM;
    if (err->column > 0 && df__doc_inside(s->node, err->column - 1, &inside)) {
        at.node = &inside;
        return df__slot_fail(&at, err->text);
    }
    if (err->column > 0)
        return df__slot_failf(s, "%s (at character %zu)", err->text, err->column);
    return df__slot_fail(s, err->text);
}

static int parse_path(const df__option_slot *s)
{
    df__error err;
    df_path *path;
    if (s->node->kind != DF__DOC_SCALAR)
        return unexpected(s);
    memset(&err, 0, sizeof err);
    path = df__path_compile(s->fill->arena->heap, s->node->text, &err);
    if (!path)
        return compile_failed(s, &err);
    memcpy(s->member, &path, sizeof path);
    return DF_OK;
}

/* YAML ends a text without quotes at " #", and inside { } and [ ] at a comma. */
static void hint_cut(const df__option_slot *s)
{
    char text[96];
    if (s->node->kind != DF__DOC_SCALAR || !s->node->cut)
        return;
    df__text_printf(text, sizeof text,
                    s->node->cut == '#'
                        ? "to YAML a comment begins at \" #\": put the whole text "
                          "in quotes"
                        : "YAML ends the text at the comma: put all of it in quotes");
    df__problem_hint(s->fill->graph->problems, text);
}

static int parse_condition(const df__option_slot *s)
{
    df__error err;
    df_condition *c;
    const char *lint;
    if (s->node->kind != DF__DOC_SCALAR)
        return unexpected(s);
    memset(&err, 0, sizeof err);
    c = df__condition_compile(s->fill->arena->heap, s->node->text, &err);
    if (!c) {
        int rc = compile_failed(s, &err);
        hint_cut(s);
        return rc;
    }
    memcpy(s->member, &c, sizeof c);
    lint = df__condition_lint(c);
    if (lint)
        df__problem_add(s->fill->graph->problems, DF_WARNING, s->node, s->field, lint);
    return DF_OK;
}

static void release_path(const df__heap *heap, const df_option *row, void *member)
{
    df_path *path;
    (void)heap;
    (void)row;
    memcpy(&path, member, sizeof path);
    df_path_free(path);
}

static void release_condition(const df__heap *heap, const df_option *row, void *member)
{
    df_condition *c;
    (void)heap;
    (void)row;
    memcpy(&c, member, sizeof c);
    df__condition_free(c);
}

/* ---- containers --------------------------------------------------------------------------- */

static int parse_any(const df__option_slot *s)
{
    df__buf b;
    df_bytes text;
    int rc = DF_ENOMEM;
    df__buf_init(&b, s->fill->arena->heap);
    df__doc_json(s->node, &b);
    if (!b.failed) {
        text.data = b.data;
        text.len = b.len;
        rc = df__arena_copy(s->fill->arena, text, s->member);
    }
    df__buf_free(&b);
    return rc;
}

static int parse_block(const df__option_slot *s)
{
    const df_options *options = s->row->block;
    void *into = df__arena_zalloc(s->fill->arena, options->struct_size);
    if (!into)
        return DF_ENOMEM;
    memcpy(s->member, &into, sizeof into);
    return df__fill_block(s, options, into);
}

static void release_block(const df__heap *heap, const df_option *row, void *member)
{
    void *into;
    memcpy(&into, member, sizeof into);
    if (into)
        df__options_release(heap, row->block, into);
}

static int check_count(const df__option_slot *s, size_t count)
{
    const df_option *row = s->row;
    int64_t least = row->min > 0 ? row->min : row->flags & DF_OPT_REQUIRED ? 1 : 0;
    if ((int64_t)count < least)
        return df__slot_failf(s, "at least %lld %s required", (long long)least,
                              least == 1 ? "item is" : "items are");
    if (row->max > 0 && row->max >= row->min && (int64_t)count > row->max)
        return df__slot_failf(s, "at most %lld items", (long long)row->max);
    return DF_OK;
}

/* The row of one item. */
static df_option item_row(const df_option *list)
{
    df_option row = *list;
    row.type = list->of;
    row.of = 0;
    row.min = row.max = 0;
    row.flags |= DF_OPT_REQUIRED;
    return row;
}

static int parse_item(const df__option_slot *item)
{
    if (df__doc_is_null(item->node))
        return df__slot_fail(item, "an empty item");
    if (item->row->type != DF_OPT_BLOCK)
        return df__option_type_of(item->row->type)->parse(item);
    return df__fill_block(item, item->row->block, item->member);
}

static int parse_sequence(const df__option_slot *s)
{
    df_option row = item_row(s->row);
    df_list list = {NULL, 0, df__option_item_size(s->row)};
    df__option_slot item = *s;
    char field[DF__FIELD], *items;
    int rc = check_count(s, s->node->count);
    items = df__arena_zalloc(s->fill->arena, (s->node->count + 1) * list.item_size);
    if (!items)
        return DF_ENOMEM;
    item.row = &row;
    item.field = field;
    item.map = NULL;
    for (item.node = s->node->first; item.node && rc != DF_ENOMEM; item.node = item.node->next) {
        df__field_item(field, s->field, list.count);
        item.member = items + list.count * list.item_size;
        rc = df__worse(rc, parse_item(&item));
        list.count++;
    }
    list.items = items;
    memcpy(s->member, &list, sizeof list);
    return rc;
}

static int parse_list(const df__option_slot *s)
{
    df_bytes text;
    char shown[DF__SHOWN];
    int rc;
    if (s->node->kind == DF__DOC_SEQ)
        return parse_sequence(s);
    if (s->node->kind == DF__DOC_SCALAR && (!s->map || (s->row->flags & DF_OPT_REF)) &&
        s->row->of == DF_OPT_TEXT) { /* a comma list: defaults, and lists that a Secret can hold */
        rc = df__slot_text(s, s->node, &text);
        return rc == DF_OK ? df__split_list(s, text) : rc;
    }
    return df__slot_failf(s, "expects a list, got %s", df__doc_shown(s->node, shown));
}

static int parse_stage(const df__option_slot *s)
{
    int (*nested)(const df__option_slot *s) = s->fill->graph->nested;
    return nested ? nested(s) : df__slot_fail(s, "a stage cannot be nested here");
}

static void release_list(const df__heap *heap, const df_option *row, void *member)
{
    df_list list;
    df_option one = item_row(row);
    const df__option_type *type = df__option_type_of(row->of);
    char *at;
    memcpy(&list, member, sizeof list);
    at = (char *)(uintptr_t)list.items;
    for (size_t i = 0; at && i < list.count; i++, at += list.item_size)
        if (row->of == DF_OPT_BLOCK)
            df__options_release(heap, row->block, at);
        else if (type->release)
            type->release(heap, &one, at);
}

/* ---- absence ------------------------------------------------------------------------------ */

static void absent_int(void *member)
{
    int64_t v = DF_UNSET;
    memcpy(member, &v, sizeof v);
}

static void absent_double(void *member)
{
    double v = NAN;
    memcpy(member, &v, sizeof v);
}

static void absent_enum(void *member)
{
    int v = -1;
    memcpy(member, &v, sizeof v);
}

#define MEMBER(type) sizeof(type), _Alignof(type)

static const df__option_type types[] = {
    [DF_OPT_TEXT] = {"text", "text", MEMBER(df_bytes), df__parse_text, NULL, NULL},
    [DF_OPT_SECRET] = {"secret", "text", MEMBER(df_secret *), df__parse_secret, NULL, NULL},
    [DF_OPT_BOOL] = {"bool", "true or false", MEMBER(int), parse_bool, NULL, NULL},
    [DF_OPT_INT] = {"int", "a whole number", MEMBER(int64_t), parse_int, absent_int, NULL},
    [DF_OPT_DOUBLE] = {"double", "a number", MEMBER(double), parse_double, absent_double, NULL},
    [DF_OPT_SIZE] = {"size", "a size such as 64MiB", MEMBER(int64_t), parse_size, absent_int, NULL},
    [DF_OPT_DURATION] = {"duration", "a duration such as 30s or 1m30s", MEMBER(int64_t),
                         parse_duration, absent_int, NULL},
    [DF_OPT_ENUM] = {"enum", "one word", MEMBER(int), parse_enum, absent_enum, NULL},
    [DF_OPT_PATH] = {"path", "a path such as $.a.b", MEMBER(df_path *), parse_path, NULL,
                     release_path},
    [DF_OPT_CONDITION] = {"condition", "a condition such as $.a == 1", MEMBER(df_condition *),
                          parse_condition, NULL, release_condition},
    [DF_OPT_LIST] = {"list", "a list", MEMBER(df_list), parse_list, NULL, release_list},
    [DF_OPT_MAP] = {"map", "a map", MEMBER(df_list), df__parse_map, NULL, NULL},
    [DF_OPT_BLOCK] = {"block", "a map", MEMBER(void *), parse_block, NULL, release_block},
    [DF_OPT_ANY] = {"any", "a value", MEMBER(df_bytes), parse_any, NULL, NULL},
    [DF_OPT_STAGE] = {"stage", "a map with type and config", MEMBER(int), parse_stage, NULL, NULL},
};

const df__option_type *df__option_type_of(int type)
{
    if (type < DF_OPT_TEXT || type > DF_OPT_STAGE)
        return NULL;
    return &types[type];
}

size_t df__option_item_size(const df_option *row)
{
    switch (row->of) {
    case DF_OPT_TEXT:
    case DF_OPT_SECRET:
    case DF_OPT_INT:
    case DF_OPT_PATH:
    case DF_OPT_CONDITION:
    case DF_OPT_ANY:
    case DF_OPT_STAGE:
        return types[row->of].size;
    case DF_OPT_BLOCK:
        return row->block ? row->block->struct_size : 0;
    default:
        return 0;
    }
}

const char *df__option_type_name(int type)
{
    const df__option_type *t = df__option_type_of(type);
    return t ? t->name : "unknown";
}
