/* SPDX-License-Identifier: Apache-2.0
 * raw.c: rawMode: the whole record as JSON in the column data, its metadata in _metadata or,
 * flattened, in a column for each key. A body of exactly {"value": ..., "_metadata": ...} is taken
 * apart. */
#include <string.h>

#include "sink/sink.h"
#include "tables/raw.h"

static const df_bytes data_name = {"data", 4};
static const df_bytes meta_name = {"_metadata", 9};

/* ---- one row --------------------------------------------------------------------------------- */

static int set_column(void *user, df_bytes name, const df_value *value)
{
    df__trino_sink *s = user;
    df__buf_clear(&s->sql);
    df__buf_add(&s->sql, s->opt.flatten_prefix.data, s->opt.flatten_prefix.len);
    df__buf_add(&s->sql, name.data, name.len);
    if (!df__buf_cstr(&s->sql))
        return DF_ENOMEM;
    df_bytes full = {s->sql.data, s->sql.len};
    size_t i = df__trino_column_at(&s->table, full);
    if (i < s->table.count && i != s->table.data) {
        s->values[i] = *value;
    } else if (!s->warned_left_out) {
        s->warned_left_out = 1;
        df_stage_log(s->st, DF_LOG_WARN,
                     "flattenMetadataColumns: the table has no column for some metadata keys; they "
                     "are left out (add columns, or set flattenMetadataColumnsPrefix)");
    }
    return DF_OK;
}

/* Both texts stand in s->meta, one after the other, until the row is written. */
int df__trino_raw_row(df__trino_sink *s, df_parcel *parcel, size_t index)
{
    df__raw raw;
    df__buf *b = &s->meta;
    int rc = df__raw_read(parcel, index, &raw);
    if (rc != DF_OK)
        return rc;
    memset(s->values, 0, s->table.count * sizeof *s->values);
    if (s->opt.flatten && (rc = df__raw_each(&raw, set_column, s)) != DF_OK)
        return rc;
    df__buf_clear(b);
    rc = df__raw_value(b, &raw.data);
    size_t data_len = b->len;
    if (rc == DF_OK && !s->opt.flatten)
        rc = df__raw_meta(&raw, b);
    if (rc != DF_OK || b->failed)
        return DF_ENOMEM;
    s->values[s->table.data] = (df_value){.type = DF_V_STRING, .text = b->data, .len = data_len};
    if (!s->opt.flatten)
        s->values[s->table.meta] =
            (df_value){.type = DF_V_STRING, .text = b->data + data_len, .len = b->len - data_len};
    return DF_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int is_text(const df__trino_table *t, size_t index)
{
    return t->columns[index].type.kind == TRINO_KIND_VARCHAR;
}

int df__trino_raw_fits(df__trino_sink *s)
{
    df__trino_table *t = &s->table;
    size_t data = t->data = df__trino_column_at(t, data_name);
    size_t meta = t->meta = df__trino_column_at(t, meta_name);
    if (data == t->count || !is_text(t, data))
        return df_stage_fail(s->st, DF_EINVAL, "configuration",
                             "rawMode: the table has no column data of type varchar");
    if (!s->opt.flatten && (meta == t->count || !is_text(t, meta)))
        return df_stage_fail(s->st, DF_EINVAL, "configuration",
                             "rawMode: the table has no column _metadata of type varchar");
    if (s->opt.flatten && meta < t->count)
        return df_stage_fail(s->st, DF_EINVAL, "configuration",
                             "flattenMetadataColumns: the table has a column _metadata, so its "
                             "metadata is not flattened; name another table, or drop the column");
    return DF_OK;
}
