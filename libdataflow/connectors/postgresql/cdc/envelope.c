/* SPDX-License-Identifier: Apache-2.0
 * envelope.c: the event that Debezium makes of a change: payload.before, after, source, op. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rows.h"

static const df_value null_value = {.type = DF_V_NULL};

static df_bytes bytes(const char *text)
{
    return (df_bytes){text, strlen(text)};
}

static int put_text(df_record *r, df_value *object, const char *name, df_bytes text)
{
    df_value v = df__pg_text_value(text);
    return df__pg_put(r, object, name, &v);
}

static int put_int(df_record *r, df_value *object, const char *name, int64_t n)
{
    df_value v = df__pg_int_value(n);
    return df__pg_put(r, object, name, &v);
}

static const char *const read_words[] = {"false", "true", "incremental"}; /* of df__pg_read */

/* Orders events of transactions that ran side by side, whose LSNs alone do not: the end of the
 * commit before, and the LSN. */
static df_bytes sequence(const df__pg_change *change, char *text, size_t size)
{
    size_t n = change->committed
                   ? df__text_printf(text, size, "[\"%" PRIu64 "\",", change->committed)
                   : df__text_printf(text, size, "[null,");
    n += df__text_printf(text + n, size - n, "\"%" PRIu64 "\"]", change->lsn);
    return (df_bytes){text, n};
}

/* The members in Debezium's order; names that a message does not have are empty, as there. */
static int put_source(df__pg_rows *rows, df_record *r, const df__pg_relation *rel,
                      const df__pg_change *change, df_value *ret)
{
    char order[64];
    const struct {
        const char *name;
        df_value value;
    } members[] = {
        {"version", df__pg_text_value(bytes("dataflow"))},
        {"connector", df__pg_text_value(bytes("postgresql"))},
        {"name", df__pg_text_value(rows->pipeline)},
        {"ts_ms", df__pg_int_value(change->time_us / 1000)},
        {"snapshot", df__pg_text_value(bytes(read_words[change->read]))},
        {"db", df__pg_text_value(bytes(rows->database))},
        {"sequence", df__pg_text_value(sequence(change, order, sizeof order))},
        {"schema", df__pg_text_value(bytes(rel ? rel->name.schema : ""))},
        {"table", df__pg_text_value(bytes(rel ? rel->name.table : ""))},
        {"txId", change->xid ? df__pg_int_value(change->xid) : null_value},
        {"lsn", df__pg_int_value((int64_t)change->lsn)},
        {"xmin", null_value},
    };
    int rc = df_value_new(r, &(df_value){.type = DF_V_OBJECT}, ret);
    for (size_t i = 0; i < sizeof members / sizeof members[0] && rc == DF_OK; i++)
        rc = df__pg_put(r, ret, members[i].name, &members[i].value);
    return rc;
}

static const char *letter(const df__pg_relation *rel, const df__pg_change *change)
{
    static const char *const letters[] = {"m", "c", "u", "d", "t"};
    return change->read ? "r" : letters[rel ? change->op : 0];
}

int df__pg_envelope_put(df__pg_rows *rows, df_record *r, const df__pg_relation *rel,
                        const df__pg_change *change, const df_value images[2])
{
    df_value root = {.type = DF_V_OBJECT}, payload = {.type = DF_V_OBJECT}, source;
    int rc = df_value_new(r, &root, &root);
    rc = rc == DF_OK ? df_value_new(r, &payload, &payload) : rc;
    rc = rc == DF_OK ? put_source(rows, r, rel, change, &source) : rc;
    if (rc == DF_OK && rel) {
        rc = df__pg_put(r, &payload, "before", images[0].type ? &images[0] : &null_value);
        rc = rc == DF_OK
                 ? df__pg_put(r, &payload, "after", images[1].type ? &images[1] : &null_value)
                 : rc;
    }
    rc = rc == DF_OK ? df__pg_put(r, &payload, "source", &source) : rc;
    rc = rc == DF_OK ? put_text(r, &payload, "op", bytes(letter(rel, change))) : rc;
    rc = rc == DF_OK ? put_int(r, &payload, "ts_ms", change->time_us / 1000) : rc;
    if (rc == DF_OK && !rel)
        rc = df__pg_put(r, &payload, "message", &images[1]);
    rc = rc == DF_OK ? df__pg_put(r, &root, "payload", &payload) : rc;
    return rc == DF_OK ? df_record_set_root(r, &root) : rc;
}
