/* SPDX-License-Identifier: Apache-2.0
 * raw.c: rawMode: the whole record as JSON in the column data, its metadata in _metadata or,
 * flattened, in a column for each key. */
#include <string.h>

#include "sink/sink.h"
#include "tables/raw.h"

static size_t column_at(const df__ice_sink *s, df_bytes name)
{
    size_t i = 0;
    while (i < s->column_count && (strlen(s->columns[i].name) != name.len ||
                                   memcmp(s->columns[i].name, name.data, name.len) != 0))
        i++;
    return i;
}

static int set_column(void *user, df_bytes name, const df_value *value)
{
    df__ice_sink *s = user;
    char full[512];
    size_t len =
        df__text_printf(full, sizeof full, "%.*s%.*s", (int)s->opt.flatten_prefix.len,
                        s->opt.flatten_prefix.len ? (const char *)s->opt.flatten_prefix.data : "",
                        (int)name.len, (const char *)name.data);
    size_t i = column_at(s, (df_bytes){full, len});
    if (i < s->column_count && i != s->data) {
        s->values[i] = *value;
    } else if (!s->warned_left_out) {
        s->warned_left_out = 1;
        df_stage_log(s->st, DF_LOG_WARN,
                     "flattenMetadataColumns: the table has no column for some metadata keys; they "
                     "are left out (add columns, or set flattenMetadataColumnsPrefix)");
    }
    return DF_OK;
}

/* Both texts stand in s->scratch, one after the other, until the row is added. */
int df__ice_raw_row(df__ice_sink *s, df_parcel *parcel, size_t index)
{
    df__raw raw;
    df__buf *b = &s->scratch;
    int rc = df__raw_read(parcel, index, &raw);
    if (rc != DF_OK)
        return rc;
    memset(s->values, 0, s->column_count * sizeof *s->values);
    if (s->opt.flatten && (rc = df__raw_each(&raw, set_column, s)) != DF_OK)
        return rc;
    df__buf_clear(b);
    rc = df__raw_value(b, &raw.data);
    size_t len = b->len;
    if (rc == DF_OK && !s->opt.flatten)
        rc = df__raw_meta(&raw, b);
    if (rc != DF_OK || b->failed)
        return DF_ENOMEM;
    s->values[s->data] = (df_value){.type = DF_V_STRING, .text = b->data, .len = len};
    if (!s->opt.flatten)
        s->values[s->metadata] =
            (df_value){.type = DF_V_STRING, .text = b->data + len, .len = b->len - len};
    return DF_OK;
}

int df__ice_raw_fits(df__ice_sink *s)
{
    size_t data = s->data = column_at(s, (df_bytes){"data", 4});
    size_t meta = s->metadata = column_at(s, (df_bytes){"_metadata", 9});
    size_t none = s->column_count;
    if (data == none || s->columns[data].kind != DF__PARQUET_STRING)
        return df_stage_fail(s->st, DF_EINVAL, "configuration",
                             "rawMode: the table has no column data of type string");
    if (!s->opt.flatten && (meta == none || s->columns[meta].kind != DF__PARQUET_STRING))
        return df_stage_fail(s->st, DF_EINVAL, "configuration",
                             "rawMode: the table has no column _metadata of type string");
    if (s->opt.flatten && meta < none)
        return df_stage_fail(s->st, DF_EINVAL, "configuration",
                             "flattenMetadataColumns: the table has a column _metadata, so its "
                             "metadata is not flattened; name another table, or drop the column");
    return DF_OK;
}
