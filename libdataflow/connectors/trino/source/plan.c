/* SPDX-License-Identifier: Apache-2.0
 * plan.c: what is read: the columns, and those that order the rows. */
#include <string.h>

#include "source/source.h"
#include "util/list.h"

void df__trino_plan_free(df__trino_source *s)
{
    df_schema_free(s->plan.schema);
    if (s->plan.memory.heap)
        df__arena_free(&s->plan.memory);
    memset(&s->plan, 0, sizeof s->plan);
}

/* ---- which columns order the rows ------------------------------------------------------------ */

static int fail(df__trino_source *s, const char *option, df_bytes name, const char *why)
{
    return df_stage_failf(s->st, DF_EINVAL, "configuration", "%s: %s %.*s", option, why,
                          (int)name.len, (const char *)name.data);
}

static size_t field_at(const df__trino_plan *p, df_bytes name)
{
    size_t i = 0;
    while (i < p->field_count && (p->fields[i].name.len != name.len ||
                                  strncasecmp(p->fields[i].name.data, name.data, name.len) != 0))
        i++;
    return i;
}

static int has_order(const df__trino_type *t)
{
    return t->kind != TRINO_KIND_OTHER && t->kind != TRINO_KIND_JSON &&
           t->kind != TRINO_KIND_VARBINARY && t->kind < TRINO_KIND_ARRAY;
}

static int add_key(df__trino_source *s, const char *option, df_bytes name)
{
    df__trino_plan *p = &s->plan;
    size_t i = field_at(p, name);
    if (i == p->field_count)
        return fail(s, option, name, "there is no column");
    for (size_t k = 0; k < p->key_count; k++)
        if (p->keys[k] == i)
            return DF_OK;
    if (!has_order(&p->fields[i].type))
        return fail(s, option, name, "rows cannot be ordered by column");
    if (p->key_count == TRINO_ORDER)
        return fail(s, option, name, "too many columns, with");
    p->keys[p->key_count++] = i;
    return DF_OK;
}

static int add_usual(df__trino_source *s, const char *option, const char *name, int *found)
{
    df_bytes text = {name, strlen(name)};
    *found = field_at(&s->plan, text) < s->plan.field_count;
    return *found ? add_key(s, option, text) : DF_OK;
}

/* The change time: named, or by custom. What was chosen once stays, since positions are of it: a
 * table may get or lose such a column. */
static int add_change(df__trino_source *s)
{
    static const char *const usual[] = {
        [TRINO_CUSTOM_UPDATED] = "updated_at", [TRINO_CUSTOM_CREATED] = "created_at"};
    int found = 0, rc = DF_OK;
    if (s->opt.change.len)
        return add_key(s, "changeTrackingColumn", s->opt.change);
    for (int i = TRINO_CUSTOM_UPDATED; i <= TRINO_CUSTOM_CREATED && rc == DF_OK && !found; i++) {
        if (s->custom != TRINO_CUSTOM_OPEN && (int)s->custom != i)
            continue;
        rc = add_usual(s, "changeTrackingColumn", usual[i], &found);
        if (!found && s->custom != TRINO_CUSTOM_OPEN)
            return fail(s, "changeTrackingColumn", (df_bytes){usual[i], strlen(usual[i])},
                        "it was by custom, and there is no column any more that is named");
        s->custom = found ? (enum df__trino_custom)i : s->custom;
    }
    if (s->custom == TRINO_CUSTOM_OPEN)
        s->custom = TRINO_CUSTOM_NONE;
    return rc;
}

static int add_order(df__trino_source *s)
{
    df_bytes rest = s->opt.order;
    int found, rc = DF_OK;
    if (rest.len == 0)
        return add_usual(s, "orderByColumn", "id", &found);
    while (rest.len > 0 && rc == DF_OK)
        rc = add_key(s, "orderByColumn", df__list_item(&rest));
    return rc;
}

static int choose_keys(df__trino_source *s)
{
    df__trino_plan *p = &s->plan;
    if (s->opt.query.len && !s->opt.change.len) { /* the order of each poll, and no position */
        int rc = s->opt.order.len ? add_order(s) : DF_OK;
        p->order_count = p->key_count;
        p->key_count = 0;
        return rc;
    }
    int rc = add_change(s);
    p->has_time = p->key_count > 0;
    rc = rc == DF_OK ? add_order(s) : rc;
    if (rc == DF_OK && p->key_count == 0)
        return df_stage_fail(s->st, DF_EINVAL, "configuration",
                             "orderByColumn: the table has neither id, updated_at nor created_at; "
                             "name the column that orders its rows");
    /* The same column twice is the key alone. */
    if (p->key_count == 1 && s->opt.order.len && s->opt.order.len == s->opt.change.len &&
        memcmp(s->opt.order.data, s->opt.change.data, s->opt.order.len) == 0)
        p->has_time = 0;
    return rc;
}

/* ---- the columns ----------------------------------------------------------------------------- */

static int take_columns(df__trino_source *s, const df__trino_page *page)
{
    df__trino_plan *p = &s->plan;
    size_t count = yyjson_arr_size(page->columns);
    int rc = DF_OK;
    p->fields = df__arena_zalloc(&p->memory, (count + 1) * sizeof *p->fields);
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const char *name = df__trino_column_name(page, i), *type = df__trino_column_type(page, i);
        df_bytes text = {name, strlen(name)};
        if (!p->fields)
            return DF_ENOMEM;
        if (!*name || field_at(p, text) < p->field_count)
            return fail(s, "query", text, *name ? "two columns are named" : "a column has no name");
        rc = df__arena_copy(&p->memory, text, &p->fields[i].name);
        if (rc == DF_OK)
            rc = df__trino_type_parse(&p->memory, (df_bytes){type, strlen(type)},
                                      &p->fields[i].type);
        p->field_count++;
    }
    return rc == DF_EDATA ? df_stage_fail(s->st, DF_EINVAL, "configuration",
                                          "a column has a type that cannot be read")
                          : rc;
}

static int describe(df__trino_source *s)
{
    const char *sql = df__trino_describe_sql(s);
    df__trino_statement *t = &s->statement;
    int rc =
        sql ? df__trino_post(t, (df_bytes){sql, s->sql.len}, TRINO_EFFECT_READS, s->opt.timeout_us)
            : DF_ENOMEM;
    while (rc == DF_OK && (rc = df__trino_next(t)) == DF_OK)
        if (t->page.columns && s->plan.field_count == 0)
            rc = take_columns(s, &t->page);
    if (rc == DF_DONE && s->plan.field_count == 0)
        return df_stage_fail(s->st, DF_EINVAL, "configuration", "query: it gives no columns");
    return rc == DF_DONE ? DF_OK : rc;
}

static int make_schema(df__trino_source *s)
{
    df__trino_plan *p = &s->plan;
    df_field *fields = df__arena_zalloc(&p->memory, (p->field_count + 1) * sizeof *fields);
    df_value *values =
        df__realloc(&s->session.heap, s->values, (p->field_count + 1) * sizeof *values);
    s->values = values ? values : s->values;
    if (!fields || !values)
        return DF_ENOMEM;
    for (size_t i = 0; i < p->field_count; i++) {
        fields[i] = (df_field){.size = sizeof fields[i], .name = p->fields[i].name.data};
        df__trino_field(&p->fields[i].type, &fields[i]);
    }
    return df_schema_new(s->st, fields, p->field_count, &p->schema);
}

int df__trino_plan_make(df__trino_source *s)
{
    df__trino_plan_free(s);
    df__arena_init(&s->plan.memory, &s->session.heap, 4096);
    int rc = describe(s);
    rc = rc == DF_OK ? choose_keys(s) : rc;
    rc = rc == DF_OK ? make_schema(s) : rc;
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for the table's columns")
                           : rc;
}

int df__trino_plan_holds(const df__trino_plan *p, const df__trino_page *page)
{
    if (yyjson_arr_size(page->columns) != p->field_count)
        return 0;
    for (size_t i = 0; i < p->field_count; i++)
        if (strcmp(df__trino_column_name(page, i), p->fields[i].name.data) != 0 ||
            strcmp(df__trino_column_type(page, i), p->fields[i].type.name.data) != 0)
            return 0;
    return 1;
}
