/* SPDX-License-Identifier: Apache-2.0
 * raw.c: rawMode: the whole record in the column data, its metadata in _metadata or, flattened, in
 * a column for each key. A body of exactly {"value": ..., "_metadata": ...} is taken apart. */
#include <string.h>

#include "guess.h"
#include "sink.h"
#include "tables/raw.h"

static const df_bytes data_name = {"data", 4};
static const df_bytes meta_name = {"_metadata", 9};

/* `data` is ABSENT when it is the payload as it is: that takes any text. */
static int read_record(df_parcel *parcel, size_t index, df__raw *ret)
{
    int rc = df__raw_read(parcel, index, ret);
    if (ret->given.type != DF_V_OBJECT)
        ret->data = (df_value){.type = DF_V_ABSENT};
    return rc == DF_EDATA ? DF_OK : rc;
}

/* prefix + name, in a buffer of CH_NAME_MAX + 1; len 0: too long, or a column of the table's own.
 */
static df_bytes column_name(const df__ch_sink *s, df_bytes name, char *buf)
{
    static const char *const own[] = {"data", "_metadata", "created_at"};
    df_bytes prefix = s->opt.flatten_prefix;
    size_t len = prefix.len + name.len;
    if (len > CH_NAME_MAX)
        return (df_bytes){buf, 0};
    df__text_printf(buf, CH_NAME_MAX + 1, "%.*s%.*s", (int)prefix.len,
                    prefix.len ? (const char *)prefix.data : "", (int)name.len,
                    (const char *)name.data);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        len = strcmp(buf, own[i]) == 0 ? 0 : len;
    return (df_bytes){buf, len};
}

static int set_column(void *user, df_bytes name, const df_value *value)
{
    df__ch_sink *s = user;
    char buf[CH_NAME_MAX + 1];
    df_bytes full = column_name(s, name, buf);
    size_t i = full.len ? df__ch_table_find(&s->table, full) : CH_NO_COLUMN;
    if (i != CH_NO_COLUMN) {
        s->values[i] = *value;
    } else if (!s->warned) {
        s->warned = 1;
        df_stage_log(s->client.stage, DF_LOG_WARN,
                     "flattenMetadataColumns: the table has no column for some metadata keys, or "
                     "one of its own (data, created_at); they are left out (add columns, or set "
                     "flattenMetadataColumnsPrefix)");
    }
    return DF_OK;
}

int df__ch_raw_row(df__ch_sink *s, df_parcel *parcel, size_t index)
{
    df__raw raw;
    df_bytes payload = {NULL, 0};
    int rc = df__ch_raw_fits(s); /* the table may have changed since open */
    if (rc != DF_OK)
        return rc;
    rc = read_record(parcel, index, &raw);
    if (rc != DF_OK)
        return rc;
    memset(s->values, 0, s->table.count * sizeof *s->values);
    df_value *data = &s->values[df__ch_table_find(&s->table, data_name)];
    size_t meta = df__ch_table_find(&s->table, meta_name);
    if (raw.data.type == DF_V_ABSENT) {
        rc = df_parcel_payload(parcel, index, &payload);
        data->type = payload.data ? DF_V_BYTES : DF_V_NULL;
        data->text = payload.data;
        data->len = payload.len;
    } else {
        *data = raw.data;
    }
    if (rc != DF_OK)
        return rc;
    if (s->opt.flatten)
        return df__raw_each(&raw, set_column, s);
    if (meta == CH_NO_COLUMN) /* a table that keeps none */
        return DF_OK;
    df__buf_clear(&s->text);
    rc = df__raw_meta(&raw, &s->text);
    if (rc != DF_OK)
        return rc;
    s->values[meta] = (df_value){.type = DF_V_STRING, .text = s->text.data, .len = s->text.len};
    return DF_OK;
}

int df__ch_raw_fits(const df__ch_sink *s)
{
    size_t data = df__ch_table_find(&s->table, data_name);
    size_t meta = df__ch_table_find(&s->table, meta_name);
    if (data == CH_NO_COLUMN) {
        return df_stage_fail(s->client.stage, DF_EINVAL, "invalid_config",
                             "rawMode: the table has no column data of type String");
    }
    if (s->opt.flatten && meta != CH_NO_COLUMN) {
        return df_stage_fail(s->client.stage, DF_EINVAL, "invalid_config",
                             "flattenMetadataColumns: the table has a column _metadata, so its "
                             "metadata is not flattened; name another table, or drop the column");
    }
    for (int i = 0; i < 2; i++) {
        size_t column = i == 0 ? data : meta;
        enum df__ch_kind kind =
            column == CH_NO_COLUMN ? CH_KIND_STRING : s->table.columns[column].type.kind;
        if (kind != CH_KIND_STRING && kind != CH_KIND_JSON) {
            const df_bytes *name = &s->table.columns[column].name;
            return df_stage_failf(s->client.stage, DF_EINVAL, "invalid_config",
                                  "rawMode: column %.*s must be String or JSON", (int)name->len,
                                  (const char *)name->data);
        }
    }
    return DF_OK;
}

typedef struct gathering {
    const df__ch_sink *s;
    df__ch_guesses *guesses;
} gathering;

static int gather_one(void *user, df_bytes name, const df_value *value)
{
    gathering *g = user;
    char buf[CH_NAME_MAX + 1];
    df_bytes full = column_name(g->s, name, buf);
    return full.len ? df__ch_guesses_value(g->guesses, full, value) : DF_OK;
}

int df__ch_raw_gather(const df__ch_sink *s, const df__ch_work *w, df__ch_guesses *g)
{
    gathering user = {s, g};
    int rc = DF_OK;
    for (size_t i = 0; i < df_parcel_count(w->parcel) && rc == DF_OK; i++) {
        df__raw raw;
        rc = read_record(w->parcel, i, &raw);
        g->records++;
        g->next = 0;
        rc = rc == DF_OK ? df__raw_each(&raw, gather_one, &user) : rc;
    }
    return rc;
}
