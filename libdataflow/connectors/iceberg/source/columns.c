/* SPDX-License-Identifier: Apache-2.0
 * columns.c: what is read of a data file. Columns are found by their ids; in a file that has none
 * (one that was brought into the table) by the names of the table's name mapping. What a file has
 * not is the value of its partition, where that is the column's very value, else its
 * initial-default, else null.
 * Source: the Iceberg table specification, "Column Projection" and "Name Mapping Serialization". */
#include <string.h>

#include "source/source.h"
#include "types/scope.h"

/* ---- columns of the plan --------------------------------------------------------------------- */

static const df__parquet_column *find(const df__parquet_column *columns, size_t count, int32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (columns[i].id == id)
            return &columns[i];
    return NULL;
}

/* DF_OK; DF_ENOTFOUND: that schema has no such column. */
static int find_in(df__ice_source *s, yyjson_val *schema, int32_t id, df__parquet_column *ret)
{
    df__ice_pick pick = {.schema = schema, .id = id};
    df__parquet_column *columns;
    size_t count;
    char why[ICE_SHOWN];
    int rc = df__ice_columns_pick(&s->plan_memory, &pick, &columns, &count, why);
    if (rc == DF_OK && count)
        *ret = columns[0];
    return rc == DF_ENOMEM || (rc == DF_OK && count) ? rc : DF_ENOTFOUND;
}

/* A column that deletes ask for and that is not read: the table's, or one that it has no more, as
 * the newest schema that had it. DF_ENOTFOUND. */
static int find_other(df__ice_source *s, int32_t id, df__parquet_column *ret)
{
    yyjson_val *schemas = yyjson_obj_get(s->meta.table, "schemas");
    int rc = find_in(s, s->meta.schema, id, ret);
    for (size_t i = yyjson_arr_size(schemas); rc == DF_ENOTFOUND && i-- > 0;)
        rc = find_in(s, yyjson_arr_get(schemas, i), id, ret);
    return rc;
}

static int add_wanted(df__ice_source *s, const df__ice_delete_file *d, int32_t id)
{
    df__parquet_column column;
    const df__parquet_column *known = find(s->wanted, s->wanted_count, id);
    int rc = known ? DF_OK : find_other(s, id, &column);
    if (rc == DF_OK && (known ? known : &column)->kind >= DF__PARQUET_STRUCT)
        rc = DF_ENOTFOUND;
    if (rc == DF_ENOTFOUND)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "table %s: %.200s deletes by the column of id %d; only columns of "
                              "the table itself that are no struct, list or map are supported",
                              s->catalog.shown.data, (const char *)d->path.data, id);
    if (rc == DF_OK && !known) {
        df__parquet_column *more =
            df__arena_alloc(&s->plan_memory, (s->wanted_count + 1) * sizeof *more);
        if (!more)
            return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the columns");
        memcpy(more, s->wanted, s->wanted_count * sizeof *more);
        more[s->wanted_count++] = column;
        s->wanted = more;
    }
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for the columns") : rc;
}

int df__ice_columns_want(df__ice_source *s)
{
    int rc = DF_OK;
    const df__ice_delete_file *before = NULL;
    s->wanted = s->columns;
    s->wanted_count = s->column_count;
    for (size_t i = 0; i < s->delete_count && rc == DF_OK; i++) {
        const df__ice_delete_file *d = &s->deletes[i];
        int is_same = before && before->id_count == d->id_count &&
                      memcmp(before->ids, d->ids, d->id_count * sizeof *d->ids) == 0;
        for (size_t n = 0; n < d->id_count && !is_same && rc == DF_OK; n++)
            rc = add_wanted(s, d, d->ids[n]);
        before = d->ids ? d : before;
    }
    s->values = df__arena_zalloc(&s->plan_memory, (s->wanted_count + 1) * sizeof *s->values);
    if (rc == DF_OK && !s->values)
        rc = df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the columns");
    return rc;
}

/* ---- files without ids ----------------------------------------------------------------------- */

/* Columns side by side: what is wanted, and what a file has there. */
typedef struct level {
    const df__parquet_column *wanted, *has;
    size_t wanted_count, has_count;
    yyjson_val *mapping;
    int kind; /* of what they are in; ANY: the table */
} level;

/* The mapping's entry of a column. */
static yyjson_val *entry_of(yyjson_val *mapping, int32_t id)
{
    yyjson_val *v;
    size_t i, most;
    yyjson_arr_foreach (mapping, i, most, v)
        if (yyjson_get_sint(yyjson_obj_get(v, "field-id")) == id)
            return v;
    return NULL;
}

/* Elements, keys and values are found by their place. */
static const df__parquet_column *column_of(const level *l, size_t place, yyjson_val *entry)
{
    yyjson_val *name;
    size_t i, most;
    if (l->kind == DF__PARQUET_LIST || l->kind == DF__PARQUET_MAP)
        return place < l->has_count ? &l->has[place] : NULL;
    yyjson_arr_foreach (yyjson_obj_get(entry, "names"), i, most, name)
        for (size_t n = 0; n < l->has_count; n++)
            if (yyjson_equals_str(name, l->has[n].name))
                return &l->has[n];
    return NULL;
}

/* Wanted columns with the names that a file has for them and without ids; what the mapping does not
 * name keeps its id, which no column of the file has. DF_ENOTSUP: a renamed member of a struct. */
static int rename_level(df__arena *arena, const level *l, df__parquet_column **ret)
{
    df__parquet_column *copy = df__arena_alloc(arena, (l->wanted_count + 1) * sizeof *copy);
    int rc = copy ? DF_OK : DF_ENOMEM;
    for (size_t i = 0; i < l->wanted_count && rc == DF_OK; i++) {
        const df__parquet_column *w = &l->wanted[i];
        yyjson_val *entry = entry_of(l->mapping, w->id);
        const df__parquet_column *has = column_of(l, i, entry);
        df__parquet_column *children = NULL;
        copy[i] = *w;
        if (!has)
            continue;
        if (l->kind == DF__PARQUET_STRUCT && strcmp(has->name, w->name) != 0)
            return DF_ENOTSUP;
        copy[i].id = DF__PARQUET_NO_ID;
        copy[i].name = has->name;
        level below = {w->children,
                       has->children,
                       w->child_count,
                       has->child_count,
                       yyjson_obj_get(entry, "fields"),
                       w->kind};
        if (w->child_count)
            rc = rename_level(arena, &below, &children);
        copy[i].children = children;
    }
    *ret = copy;
    return rc;
}

static int by_names(df__ice_source *s, const df__parquet_column *has, size_t has_count,
                    df__parquet_column **ret)
{
    const char *text = df__ice_meta_property(&s->meta, "schema.name-mapping.default");
    yyjson_doc *doc = text ? yyjson_read(text, strlen(text), 0) : NULL;
    level top = {s->wanted, has, s->wanted_count, has_count, yyjson_doc_get_root(doc), 0};
    int rc = doc ? rename_level(&s->file_memory, &top, ret) : DF_ENOTFOUND;
    yyjson_doc_free(doc);
    if (rc == DF_ENOTFOUND)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported",
                              "%.200s: has no field ids, and the table has no name mapping "
                              "(schema.name-mapping.default)",
                              (const char *)s->reading.data);
    if (rc == DF_ENOTSUP)
        return df_stage_failf(s->st, rc, "not_supported",
                              "%.200s: has no field ids, and a member of a struct was renamed "
                              "since; such files are not read",
                              (const char *)s->reading.data);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for the columns") : rc;
}

/* ---- values of the partition ----------------------------------------------------------------- */

static int read_constant(df__ice_source *s, yyjson_val *field)
{
    df_bytes scope = s->files[s->spot.file].scope;
    int64_t source = yyjson_get_sint(yyjson_obj_get(field, "source-id"));
    int id = (int)yyjson_get_sint(yyjson_obj_get(field, "field-id"));
    int rc = 0;
    if (!yyjson_equals_str(yyjson_obj_get(field, "transform"), "identity"))
        return DF_OK;
    for (size_t i = 0; i < s->wanted_count && rc == 0; i++)
        if (s->wanted[i].id == source)
            rc = df__ice_scope_value(scope, id, &s->wanted[i], &s->file_memory, &s->constants[i]);
    if (rc == DF_EDATA)
        return df_stage_failf(s->st, DF_EINVAL, "configuration",
                              "%.200s: its partition has no value of the type of its column",
                              (const char *)s->reading.data);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a partition") : DF_OK;
}

static int read_constants(df__ice_source *s)
{
    yyjson_val *field;
    size_t i, most;
    int rc = DF_OK;
    s->constants = df__arena_zalloc(&s->file_memory, (s->wanted_count + 1) * sizeof *s->constants);
    if (!s->constants)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the columns");
    yyjson_val *fields =
        df__ice_meta_spec(&s->meta, df__ice_scope_spec(s->files[s->spot.file].scope));
    yyjson_arr_foreach (fields, i, most, field)
        rc = rc == DF_OK ? read_constant(s, field) : rc;
    for (size_t n = 0; n < s->wanted_count; n++)
        if (s->constants[n].type == DF_V_ABSENT)
            s->constants[n] =
                s->wanted[n].missing ? *s->wanted[n].missing : (df_value){.type = DF_V_NULL};
    return rc;
}

int df__ice_columns_project(df__ice_source *s, df__parquet_error *error)
{
    size_t count, known = 0;
    const df__parquet_column *has = df__parquet_columns(s->file, &count);
    df__parquet_column *wanted = s->wanted;
    for (size_t i = 0; i < count; i++)
        known += has[i].id != DF__PARQUET_NO_ID;
    int rc = count && !known ? by_names(s, has, count, &wanted) : DF_OK;
    rc = rc == DF_OK ? df__parquet_project(s->file, wanted, s->wanted_count, 0, error) : rc;
    return rc == DF_OK ? read_constants(s) : rc;
}

void df__ice_columns_complete(df__ice_source *s)
{
    for (size_t i = 0; i < s->wanted_count; i++)
        if (s->values[i].type == DF_V_ABSENT)
            s->values[i] = s->constants[i];
}
