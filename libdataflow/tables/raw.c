/* SPDX-License-Identifier: Apache-2.0
 * raw.c: see raw.h. */
#include "tables/raw.h"

#include <string.h>

int df__raw_read(df_parcel *parcel, size_t index, df__raw *ret)
{
    df_value value, meta;
    memset(ret, 0, sizeof *ret);
    ret->record = df_parcel_at(parcel, index);
    int rc = df_parcel_root(parcel, index, &ret->data);
    if (rc != DF_OK || ret->data.type != DF_V_OBJECT || ret->data.len != 2)
        return rc;
    if (df_value_member(&ret->data, (df_bytes){"value", 5}, &value) == DF_OK &&
        df_value_member(&ret->data, (df_bytes){"_metadata", 9}, &meta) == DF_OK &&
        value.type != DF_V_ABSENT && meta.type == DF_V_OBJECT) {
        ret->data = value;
        ret->given = meta;
    }
    return DF_OK;
}

int df__raw_each(const df__raw *raw, df__raw_fn act, void *user)
{
    df_walk walk;
    int rc = DF_OK;
    memset(&walk, 0, sizeof walk);
    while (rc == DF_OK &&
           (raw->given.type == DF_V_OBJECT ? df_value_walk(&raw->given, &walk)
                                           : df_meta_walk(raw->record, &walk)) == DF_OK)
        rc = act(user, walk.name, &walk.value);
    return rc;
}

int df__raw_value(df__buf *b, const df_value *value)
{
    size_t len = df_value_json(value, NULL, 0);
    char *at = df__buf_reserve(b, len);
    if (!at)
        return DF_ENOMEM;
    b->len += df_value_json(value, at, len);
    return DF_OK;
}

static int add_member(void *user, df_bytes name, const df_value *value)
{
    df__buf *b = user;
    if (!b->failed && b->data[b->len - 1] != '{')
        df__buf_char(b, ',');
    df__buf_json(b, name.data, name.len);
    df__buf_char(b, ':');
    return df__raw_value(b, value);
}

int df__raw_meta(const df__raw *raw, df__buf *b)
{
    df__buf_char(b, '{');
    int rc = df__raw_each(raw, add_member, b);
    df__buf_char(b, '}');
    return rc == DF_OK && b->failed ? DF_ENOMEM : rc;
}

int df__raw_check(df_stage *st, const df__raw_options *o)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *prefix = o->prefix.data;
    int rc = DF_OK;
    if (o->raw && o->upsert)
        rc = df_stage_problem(st, DF_ERROR, "rawMode",
                              "adds a row for each record; upsertMode needs columns of its own");
    if (o->flatten && !o->raw)
        rc = df_stage_problem(st, DF_ERROR, "flattenMetadataColumns", "needs rawMode: true");
    for (size_t i = 0; i < o->prefix.len; i++)
        if (!prefix[i] || !strchr(letters, prefix[i]) || (i == 0 && prefix[i] <= '9'))
            return df_stage_problem(st, DF_ERROR, "flattenMetadataColumnsPrefix",
                                    "letters, digits and _, no digit first");
    return rc;
}
