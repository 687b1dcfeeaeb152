/* SPDX-License-Identifier: Apache-2.0
 * message.c: rows of a table that a sink wrote with rawMode, as the messages that they were: the
 * payload is what the column data has; the metadata is what _metadata has or, flattened, what the
 * other columns have, by their names. */
#include <stdlib.h>
#include <string.h>

#include "source/source.h"
#include "tables/raw.h"

enum { INT_DIGITS = 18 };

int df__ice_message_fits(df__ice_source *s)
{
    s->data = s->metadata = s->column_count;
    for (size_t i = 0; i < s->column_count; i++) {
        if (s->columns[i].kind == DF__PARQUET_STRING && strcmp(s->columns[i].name, "data") == 0)
            s->data = i;
        if (s->columns[i].kind == DF__PARQUET_STRING &&
            strcmp(s->columns[i].name, "_metadata") == 0)
            s->metadata = i;
    }
    if (s->opt.rows != ICE_ROWS_COLUMNS && s->data == s->column_count)
        return df_stage_failf(s->st, DF_EINVAL, "configuration",
                              "rawRows: table %s has no column data of type string%s",
                              s->catalog.shown.data,
                              s->opt.columns.count ? " among those of columns" : "");
    return DF_OK;
}

/* A text that is JSON as it is, another one as a string. */
static int add_json(df__buf *b, const df_value *v)
{
    yyjson_doc *doc = v->type == DF_V_STRING ? yyjson_read(v->text, v->len, 0) : NULL;
    yyjson_doc_free(doc);
    if (!doc)
        return df__raw_value(b, v);
    df__buf_add(b, v->text, v->len);
    return b->failed ? DF_ENOMEM : DF_OK;
}

static int is_metadata(const df__ice_source *s, size_t i)
{
    return s->metadata == s->column_count && i != s->data && s->values[i].type != DF_V_NULL;
}

/* {"value": …, "_metadata": {…}}, which sinks with rawMode take apart again. */
static int wrap(df__ice_source *s, df__buf *b)
{
    const char *comma = "";
    df__buf_clear(b);
    df__buf_str(b, "{\"value\":");
    int rc = add_json(b, &s->values[s->data]);
    df__buf_str(b, ",\"_metadata\":");
    if (rc == DF_OK && s->metadata < s->column_count) {
        rc = add_json(b, &s->values[s->metadata]);
        df__buf_char(b, '}');
        return rc;
    }
    df__buf_char(b, '{');
    for (size_t i = 0; i < s->column_count && rc == DF_OK; i++) {
        if (!is_metadata(s, i))
            continue;
        df__buf_str(b, comma);
        df__buf_json(b, s->columns[i].name, strlen(s->columns[i].name));
        df__buf_char(b, ':');
        rc = df__raw_value(b, &s->values[i]);
        comma = ",";
    }
    df__buf_str(b, "}}");
    return rc;
}

int df__ice_message_payload(df__ice_source *s, df_bytes *ret)
{
    const df_value *data = &s->values[s->data];
    if (s->opt.rows == ICE_ROWS_MESSAGES) {
        *ret = (df_bytes){data->type == DF_V_STRING ? data->text : NULL, data->len};
        return DF_OK;
    }
    int rc = wrap(s, &s->key);
    *ret = (df_bytes){s->key.data, s->key.len};
    return rc != DF_OK || s->key.failed ? DF_ENOMEM : DF_OK;
}

/* ---- metadata -------------------------------------------------------------------------------- */

/* Metadata has no containers: they are JSON. */
static int set(df__ice_source *s, df_record *r, const char *name, const df_value *value)
{
    if (value->type != DF_V_OBJECT && value->type != DF_V_ARRAY)
        return df_record_set_meta(r, name, value);
    df__buf_clear(&s->key);
    if (df__raw_value(&s->key, value) != DF_OK)
        return DF_ENOMEM;
    df_value text = {.type = DF_V_STRING, .text = s->key.data, .len = s->key.len};
    return df_record_set_meta(r, name, &text);
}

/* Numbers were read as their texts, so that none is rounded. */
static int value_of(yyjson_val *v, char **written, df_value *ret)
{
    size_t len = yyjson_get_len(v);
    const char *raw = yyjson_get_raw(v);
    *ret = (df_value){.type = DF_V_NULL};
    if (yyjson_is_bool(v)) {
        *ret = (df_value){.type = DF_V_BOOL, .u.i = yyjson_get_bool(v)};
    } else if (yyjson_is_str(v)) {
        *ret = (df_value){.type = DF_V_STRING, .text = yyjson_get_str(v), .len = len};
    } else if (raw && len <= INT_DIGITS && strspn(raw, "-0123456789") >= len) {
        ret->type = DF_V_INT;
        ret->u.i = strtoll(raw, NULL, 10);
    } else if (raw) {
        *ret = (df_value){.type = DF_V_NUMBER, .text = raw, .len = len};
    } else if (yyjson_is_ctn(v)) {
        *written = yyjson_val_write(v, 0, &len);
        *ret = (df_value){.type = DF_V_STRING, .text = *written, .len = len};
        return *written ? DF_OK : DF_ENOMEM;
    }
    return DF_OK;
}

static int from_json(df_record *r, const df_value *metadata)
{
    yyjson_doc *doc = metadata->type == DF_V_STRING
                          ? yyjson_read_opts((char *)(uintptr_t)metadata->text, metadata->len,
                                             YYJSON_READ_NUMBER_AS_RAW, NULL, NULL)
                          : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc), *name, *v;
    size_t i, most;
    int rc = metadata->type == DF_V_NULL || yyjson_is_obj(root) ? DF_OK : DF_EDATA;
    yyjson_obj_foreach (root, i, most, name, v) {
        char *written = NULL;
        df_value value;
        rc = rc == DF_OK ? value_of(v, &written, &value) : rc;
        if (rc == DF_OK)
            rc = df_record_set_meta(r, yyjson_get_str(name), &value);
        free(written);
    }
    yyjson_doc_free(doc);
    if (rc == DF_EDATA)
        return df_record_reject(r, rc, "invalid_data", "_metadata is no JSON object") < 0 ? DF_OK
                                                                                          : rc;
    return rc;
}

int df__ice_message_describe(df__ice_source *s, df_record *r)
{
    int rc = DF_OK;
    if (s->metadata < s->column_count)
        return from_json(r, &s->values[s->metadata]);
    for (size_t i = 0; i < s->column_count && rc == DF_OK; i++)
        if (is_metadata(s, i))
            rc = set(s, r, s->columns[i].name, &s->values[i]);
    return rc;
}
