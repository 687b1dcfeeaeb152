/* SPDX-License-Identifier: Apache-2.0
 * option.c: fills a struct from a map as a table says; all problems in one pass. */
#include "core/graph/option.h"

#include <string.h>

#include "core/graph/option_types.h"

enum { NAMES = 160, NAME_LEN = 96 };

static void twin_name(const df_option *row, char *buf, size_t len)
{
    df__text_printf(buf, len, "%sSecretRef", row->name);
}

static int fill_default(const df__option_slot *s)
{
    const df__option_type *type = df__option_type_of(s->row->type);
    df__doc n;
    df__option_slot slot = *s;
    df_option row = *s->row;
    if (!row.def) {
        if (type->absent)
            type->absent(s->member);
        return DF_OK;
    }
    memset(&n, 0, sizeof n);
    n.kind = DF__DOC_SCALAR;
    n.text.data = row.def;
    n.text.len = strlen(row.def);
    row.flags = (row.flags | DF_OPT_LITERAL) & ~(unsigned)DF_OPT_REQUIRED;
    slot.row = &row;
    slot.node = &n;
    slot.map = NULL;
    return type->parse(&slot);
}

/* `written`: a member that is there, and null. */
static int report_missing(const df__option_slot *s, const df__doc *written)
{
    const char *name = s->row->name;
    int rc = df__option_has_twin(s->row)
                 ? df__slot_failf(s, "\"%s\" or \"%sSecretRef\" is required", name, name)
                 : df__slot_failf(s, "\"%s\" is required", name);
    if (written && written->cut == '#')
        df__problem_hint(s->fill->graph->problems,
                         "to YAML a comment begins at \" #\": put the whole text in quotes");
    return rc;
}

static int report_later(const df__option_slot *s)
{
    df__option_slot at = *s;
    df__doc name = df__doc_name_place(s->node);
    at.node = &name;
    return df__slot_failf(&at, "\"%s\" is not supported yet", s->row->name);
}

static void warn_deprecated(const df__option_slot *s)
{
    df__doc name = df__doc_name_place(s->node);
    df__problem_addf(s->fill->graph->problems, DF_WARNING, &name, s->field,
                     "\"%s\" is accepted for old manifests: %s", s->row->name, s->row->doc);
}

typedef struct key_ref { /* what a SecretRef names */
    df_bytes name, key, namespace;
} key_ref;

static const df_option key_rows[] = {
    {"name", DF_OPT_TEXT, 0, DF_OPT_REQUIRED | DF_OPT_LITERAL, offsetof(key_ref, name), NULL,
     "Name of the Secret.", NULL, 0, 253, NULL},
    {"key", DF_OPT_TEXT, 0, DF_OPT_REQUIRED | DF_OPT_LITERAL, offsetof(key_ref, key), NULL,
     "Key in the Secret.", NULL, 0, 253, NULL},
    {"namespace", DF_OPT_TEXT, 0, DF_OPT_LITERAL, offsetof(key_ref, namespace), NULL,
     "Namespace of the Secret; default: that of the flow.", NULL, 0, 63, NULL},
};
static const df_options key_options = DF_OPTIONS(key_rows, key_ref);

/* The twin names a key of a Secret; a parser of text takes its value. */
static int fill_twin(const df__option_slot *s)
{
    key_ref t;
    df_ref ref = {sizeof ref, DF_REF_SECRET, NULL, NULL, NULL, s->field};
    int rc;
    memset(&t, 0, sizeof t);
    rc = df__fill_block(s, &key_options, &t);
    if (rc != DF_OK)
        return rc;
    ref.space = t.namespace.data;
    ref.name = t.name.data;
    ref.key = t.key.data;
    return df__take_twin(s, &ref);
}

/* A value that is written. The twin wins, the plain field is still checked. */
static int fill_given(const df__option_slot *s, const df__doc *plain, const df__doc *twin)
{
    const df__option_type *type = df__option_type_of(s->row->type);
    df__option_slot slot = *s;
    char field[DF__FIELD];
    int rc = DF_OK;
    slot.node = plain ? plain : twin;
    if (s->row->flags & DF_OPT_LATER)
        return report_later(&slot);
    if ((s->row->flags & DF_OPT_DEPRECATED))
        warn_deprecated(&slot);
    if (plain && !(twin && s->fill->mode == DF__FILL_RUN))
        rc = type->parse(&slot);
    if (twin && rc != DF_ENOMEM) {
        df__text_printf(field, sizeof field, "%sSecretRef", s->field);
        slot.node = twin;
        slot.field = field;
        rc = df__worse(rc, fill_twin(&slot));
    }
    return rc;
}

static int fill_row(df__option_slot *s, const df__doc *map)
{
    char name[NAME_LEN];
    const df__doc *plain = df__option_given(s->row, map), *twin = NULL;
    if (df__option_has_twin(s->row)) {
        twin_name(s->row, name, sizeof name);
        twin = df__doc_given(map, name);
    }
    if (plain || twin)
        return fill_given(s, plain, twin);
    if (s->row->flags & DF_OPT_REQUIRED) {
        s->node = map && map->line ? map : s->fill->place;
        return df__worse(report_missing(s, df__doc_member(map, s->row->name)), fill_default(s));
    }
    return fill_default(s);
}

/* ---- names that no row knows -------------------------------------------------------------- */

static int is_twin_of(const df_option *row, const char *name)
{
    size_t len = strlen(row->name);
    return df__option_has_twin(row) && strncmp(name, row->name, len) == 0 &&
           strcmp(name + len, "SecretRef") == 0;
}

static int is_apart(const df__fill *f, const char *name)
{
    for (size_t i = 0; f->apart && f->apart[i]; i++)
        if (strcmp(f->apart[i], name) == 0)
            return 1;
    return 0;
}

static int is_known(const df_options *options, const char *name)
{
    for (size_t i = 0; i < options->count; i++) {
        const df_option *row = df__option_at(options, i);
        if (strcmp(row->name, name) == 0 || is_twin_of(row, name))
            return 1;
    }
    return 0;
}

static void report_unknown(const df__option_slot *s, const df_options *options,
                           const df__doc *member)
{
    df__problems *problems = s->fill->graph->problems;
    char field[DF__FIELD], hint[NAME_LEN + 24], twins[16][NAME_LEN];
    const char *names[NAMES], *near;
    size_t n = 0, t = 0;
    df__doc at = df__doc_name_place(member);
    for (size_t i = 0; i < options->count && n + 2 < NAMES; i++) {
        const df_option *row = df__option_at(options, i);
        names[n++] = row->name;
        if (df__option_has_twin(row) && t < 16) {
            twin_name(row, twins[t], sizeof twins[t]);
            names[n++] = twins[t++];
        }
    }
    df__field_child(field, s->field, member->name.data);
    df__problem_addf(problems, DF_ERROR, &at, field, "unknown field \"%.60s\"",
                     (const char *)member->name.data);
    if (df__problem_no_space(problems, member->name.data, names, n))
        return;
    near = df__nearest(member->name.data, names, n);
    if (!near && options->count == 1) {
        df__text_printf(hint, sizeof hint, "the only option is \"%s\"", names[0]);
        df__problem_hint(problems, hint);
    }
    if (near) {
        df__text_printf(hint, sizeof hint, "did you mean \"%s\"?", near);
        df__problem_hint(problems, hint);
    }
}

static int find_unknown(const df__option_slot *s, const df_options *options, int top)
{
    const df__doc *n;
    int rc = DF_OK;
    for (n = s->node->first; n; n = n->next) {
        const char *name = n->name.data;
        if (is_known(options, name) || (top && is_apart(s->fill, name)))
            continue;
        report_unknown(s, options, n);
        rc = DF_ESPEC;
    }
    return rc;
}

/* ---- maps --------------------------------------------------------------------------------- */

static int fill_rows(const df__option_slot *s, const df_options *options, void *into, int top)
{
    char field[DF__FIELD];
    df__option_slot slot = *s;
    int rc = DF_OK;
    for (size_t i = 0; i < options->count && rc != DF_ENOMEM; i++) {
        slot.row = df__option_at(options, i);
        if (top && is_apart(s->fill, slot.row->name))
            continue;
        df__field_child(field, s->field, slot.row->name);
        slot.field = field;
        slot.node = s->node;
        slot.map = s->node;
        slot.member = (char *)into + slot.row->offset;
        rc = df__worse(rc, fill_row(&slot, s->node));
    }
    return rc;
}

/* A value that is no map: told once, and the defaults stand. */
static int fill_wrong(const df__option_slot *s, const df_options *options, void *into)
{
    char shown[DF__SHOWN];
    df__option_slot slot = *s;
    int rc = DF_ESPEC;
    df__slot_failf(s, "expects a map of options, got %s", df__doc_shown(s->node, shown));
    for (size_t i = 0; i < options->count; i++) {
        slot.row = df__option_at(options, i);
        slot.member = (char *)into + slot.row->offset;
        rc = df__worse(rc, fill_default(&slot));
    }
    return rc;
}

static int fill_map(const df__option_slot *s, const df_options *options, void *into, int top)
{
    int rc;
    if (s->node && s->node->kind != DF__DOC_MAP)
        return fill_wrong(s, options, into);
    rc = fill_rows(s, options, into, top);
    if (s->node && rc != DF_ENOMEM)
        rc = df__worse(rc, find_unknown(s, options, top));
    return rc;
}

int df__fill_block(const df__option_slot *s, const df_options *options, void *into)
{
    return fill_map(s, options, into, 0);
}

int df__options_fill(df__fill *f, const df_options *options, const df__doc *node, void *into)
{
    df__option_slot s = {f, NULL, node, node, f->field ? f->field : "", into};
    if (node && df__doc_is_null(node))
        s.node = s.map = NULL;
    if (!f->place)
        f->place = node;
    return fill_map(&s, options, into, 1);
}

void df__options_release(const df__heap *heap, const df_options *options, void *from)
{
    for (size_t i = 0; i < options->count; i++) {
        const df_option *row = df__option_at(options, i);
        const df__option_type *type = df__option_type_of(row->type);
        if (type->release)
            type->release(heap, row, (char *)from + row->offset);
    }
}
