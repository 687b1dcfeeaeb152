/* SPDX-License-Identifier: Apache-2.0
 * option_text.c: texts and secrets: ${env:} and ${file:} references, SecretRef twins, maps. */
#include <string.h>

#include "core/graph/option_types.h"

static int takes_references(const df__option_slot *s)
{
    return !s->fill->literal && !(s->row->flags & DF_OPT_LITERAL);
}

static int resolver_failed(const df__option_slot *s, int rc, const char *err)
{
    if (rc != DF_ENOMEM)
        df__problem_add(s->fill->graph->problems, DF_ERROR, s->node, s->field, err);
    return rc;
}

/* The value of a secret as a text of the fill's arena, or "" during a check. */
static int take_value(const df__option_slot *s, df_secret *secret, df_bytes *ret)
{
    char err[256] = "";
    df_bytes value = {"", 0};
    int rc;
    if (!secret)
        return DF_ENOMEM;
    if (s->fill->mode == DF__FILL_RUN) {
        rc = df__secret_value(secret, &value, err, sizeof err);
        if (rc != DF_OK)
            return resolver_failed(s, rc, err);
    }
    return df__arena_copy(s->fill->arena, value, ret);
}

static enum df__hide hidden_of(const df__option_slot *s)
{
    return s->row->type != DF_OPT_SECRET  ? DF__HIDE_FILES
           : s->row->flags & DF_OPT_PARTS ? DF__HIDE_PARTS
                                          : DF__HIDE_ALL;
}

/* Malformed references are told in every mode. */
static int check_references(const df__option_slot *s, df_bytes text)
{
    df__reference r;
    char err[128];
    size_t at = 0;
    int rc;
    while ((rc = df__reference_next(text, at, &r, err, sizeof err)) == DF_OK)
        at = r.end;
    return rc == DF_DONE ? DF_OK : df__slot_fail(s, err);
}

/* True when every "${" in the text is an escaped one. */
static int only_escapes(df_bytes text)
{
    df__reference r;
    char err[8];
    size_t at = 0;
    while (df__reference_next(text, at, &r, err, sizeof err) == DF_OK) {
        if (r.kind)
            return 0;
        at = r.end;
    }
    return 1;
}

/* "$${" becomes "${", in place. */
static void unescape(df_bytes *text)
{
    char *s = (char *)(uintptr_t)text->data;
    size_t to = 0;
    for (size_t from = 0; from < text->len; from++) {
        if (from + 2 < text->len && memcmp(s + from, "$${", 3) == 0)
            from++;
        s[to++] = s[from];
    }
    s[to] = '\0';
    text->len = to;
}

static int with_references(const df__option_slot *s, df_bytes text, df_bytes *ret)
{
    df__secrets *set = s->fill->secrets;
    int rc = check_references(s, text);
    if (rc != DF_OK)
        return rc;
    if (only_escapes(text)) {
        rc = df__arena_copy(s->fill->arena, text, ret);
        if (rc == DF_OK)
            unescape(ret);
        return rc;
    }
    if (!set)
        return take_value(s, df__secret_none(), ret);
    return take_value(s, df__secret_template(set, text, s->field, hidden_of(s)), ret);
}

int df__slot_text(const df__option_slot *s, const df__doc *node, df_bytes *ret)
{
    char shown[DF__SHOWN];
    if (node->kind != DF__DOC_SCALAR)
        return df__slot_failf(s, "expects text, got %s", df__doc_shown(node, shown));
    if (node->text.len && memchr(node->text.data, '\0', node->text.len))
        return df__slot_fail(s, "a NUL character is not allowed");
    if (takes_references(s) && df__reference_any(node->text))
        return with_references(s, node->text, ret);
    return df__arena_copy(s->fill->arena, node->text, ret);
}

/* A list where a comma list fits too (`of` TEXT): the items with commas between. */
static int join_list(const df__option_slot *s, df_bytes *ret)
{
    df__option_slot item = *s;
    df__buf b;
    char field[DF__FIELD];
    size_t index = 0;
    int rc = DF_OK;
    df__buf_init(&b, s->fill->arena->heap);
    item.field = field;
    for (item.node = s->node->first; item.node && rc == DF_OK; item.node = item.node->next) {
        df_bytes one = {"", 0};
        df__field_item(field, s->field, index++);
        rc = df__slot_text(&item, item.node, &one);
        if (b.len)
            df__buf_char(&b, ',');
        df__buf_add(&b, one.data, one.len);
    }
    if (rc == DF_OK) {
        df_bytes all = {b.data ? b.data : "", b.len};
        rc = b.failed ? DF_ENOMEM : df__arena_copy(s->fill->arena, all, ret);
    }
    df__buf_free(&b);
    return rc;
}

static int is_hidden(const df__option_slot *s, const df__doc *node)
{
    return takes_references(s) && node->kind == DF__DOC_SCALAR && df__reference_any(node->text) &&
           !only_escapes(node->text);
}

static int check_length(const df__option_slot *s, df_bytes text)
{
    const df_option *row = s->row;
    if (row->min > 0 && text.len == 0)
        return df__slot_fail(s, "must not be empty");
    if (row->min > 0 && (int64_t)text.len < row->min)
        return df__slot_failf(s, "at least %lld characters", (long long)row->min);
    if (row->max > 0 && row->max >= row->min && (int64_t)text.len > row->max)
        return df__slot_failf(s, "at most %lld characters", (long long)row->max);
    return DF_OK;
}

int df__parse_text(const df__option_slot *s)
{
    df_bytes text = {NULL, 0};
    int joins = s->row->of == DF_OPT_TEXT && s->node->kind == DF__DOC_SEQ;
    const df__doc *n = s->node->first;
    int rc = joins ? join_list(s, &text) : df__slot_text(s, s->node, &text);
    int hidden = is_hidden(s, s->node);
    for (; joins && n; n = n->next)
        hidden |= is_hidden(s, n);
    if (rc == DF_OK && (s->fill->mode == DF__FILL_RUN || !hidden)) {
        if ((s->row->flags & DF_OPT_REQUIRED) && text.len == 0)
            return df__slot_fail(s, "must not be empty");
        rc = check_length(s, text);
    }
    if (rc == DF_OK)
        memcpy(s->member, &text, sizeof text);
    return rc;
}

static int keep_secret(const df__option_slot *s, df_secret *secret)
{
    if (!secret)
        return DF_ENOMEM;
    memcpy(s->member, &secret, sizeof secret);
    return DF_OK;
}

int df__parse_secret(const df__option_slot *s)
{
    df__secrets *set = s->fill->secrets;
    df_bytes text = s->node->text, plain;
    int rc;
    if (s->node->kind != DF__DOC_SCALAR || (text.len && memchr(text.data, '\0', text.len)))
        return df__slot_fail(s, "expects text"); /* a secret is never shown */
    if ((s->row->flags & DF_OPT_REQUIRED) && text.len == 0)
        return df__slot_fail(s, "must not be empty");
    if (takes_references(s) && df__reference_any(text)) {
        rc = check_references(s, text);
        if (rc != DF_OK)
            return rc;
        if (!only_escapes(text))
            return keep_secret(s, set ? df__secret_template(set, text, s->field, hidden_of(s))
                                      : df__secret_none());
        rc = df__arena_copy(s->fill->arena, text, &plain);
        if (rc != DF_OK)
            return rc;
        unescape(&plain);
        text = plain;
    }
    return keep_secret(s, set ? df__secret_new(set, NULL, text, hidden_of(s))
                              : df__secret_shown(s->fill->arena, text));
}

/* ---- <name>SecretRef ---------------------------------------------------------------------- */

int df__take_twin(const df__option_slot *s, const df_ref *ref)
{
    df_bytes none = {NULL, 0}, value;
    df_secret *secret = s->fill->secrets ? df__secret_new(s->fill->secrets, ref, none, hidden_of(s))
                                         : df__secret_none();
    int rc;
    if (s->row->type == DF_OPT_SECRET)
        return keep_secret(s, secret);
    rc = take_value(s, secret, &value);
    if (rc != DF_OK)
        return rc;
    if (s->row->type == DF_OPT_LIST)
        return df__split_list(s, value);
    memcpy(s->member, &value, sizeof value);
    return DF_OK;
}

/* ---- maps and comma lists ----------------------------------------------------------------- */

int df__parse_map(const df__option_slot *s)
{
    df_list list = {NULL, 0, sizeof(df_pair)};
    df__option_slot item = *s;
    char field[DF__FIELD], shown[DF__SHOWN];
    const df__doc *n;
    df_pair *pairs;
    int rc = DF_OK;
    if (s->node->kind != DF__DOC_MAP)
        return df__slot_failf(s, "expects a map of names to values, got %s",
                              df__doc_shown(s->node, shown));
    if ((s->row->flags & DF_OPT_REQUIRED) && s->node->count == 0)
        return df__slot_fail(s, "at least one entry is required");
    pairs = df__arena_zalloc(s->fill->arena, (s->node->count + 1) * sizeof *pairs);
    if (!pairs)
        return DF_ENOMEM;
    for (n = s->node->first; n && rc != DF_ENOMEM; n = n->next) {
        df__field_child(field, s->field, n->name.data);
        item.node = n;
        item.field = field;
        pairs[list.count].name = n->name;
        rc = df__worse(rc, df__slot_text(&item, n, &pairs[list.count].value));
        list.count++;
    }
    list.items = pairs;
    memcpy(s->member, &list, sizeof list);
    return rc;
}

static df_bytes trimmed(const char *p, const char *end)
{
    df_bytes out;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n'))
        p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n'))
        end--;
    out.data = p;
    out.len = (size_t)(end - p);
    return out;
}

/* A comma list, blanks trimmed, empty items dropped. */
int df__split_list(const df__option_slot *s, df_bytes text)
{
    df_list list = {NULL, 0, sizeof(df_bytes)};
    const char *p = text.data ? text.data : "", *end = p + text.len, *at;
    size_t most = 1;
    df_bytes *items;
    for (at = p; at < end; at++)
        most += *at == ',';
    items = df__arena_zalloc(s->fill->arena, most * sizeof *items);
    if (!items)
        return DF_ENOMEM;
    while (p < end) {
        const char *stop = memchr(p, ',', (size_t)(end - p)), *next = stop ? stop + 1 : end;
        df_bytes one = trimmed(p, stop ? stop : end);
        if (one.len && df__arena_copy(s->fill->arena, one, &items[list.count++]) != DF_OK)
            return DF_ENOMEM;
        p = next;
    }
    list.items = items;
    memcpy(s->member, &list, sizeof list);
    return DF_OK;
}
