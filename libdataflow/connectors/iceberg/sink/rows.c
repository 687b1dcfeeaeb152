/* SPDX-License-Identifier: Apache-2.0
 * rows.c: records of a parcel as rows. Where a refused record ends the run, or holds up a commit
 * with positions, all of a parcel is looked at before a row of it is written. */
#include <string.h>

#include "sink/sink.h"

enum { NAMES_SHOWN = 3 };

typedef struct rows {
    df__ice_sink *s;
    df_parcel *parcel;
    size_t refused;
    df__parquet_writer *nested; /* of a look: tries columns with columns in them */
    df_value *nested_values;
} rows;

/* DF_DROP. */
static int refuse(rows *r, size_t index, const char *reason, const char *text)
{
    int rc = df_parcel_reject(r->parcel, index, reason, text);
    r->refused++;
    return rc == DF_OK ? DF_DROP : rc;
}

static int refuse_column(rows *r, size_t index, const df__parquet_column *c, const char *why)
{
    char text[ICE_SHOWN];
    df__buf name;
    df__buf_init(&name, &r->s->session.heap);
    df__ice_type_name(&name, c);
    df__text_printf(text, sizeof text, "column %s (%s): %s", c->name,
                    name.len ? df__buf_cstr(&name) : "nested", why);
    df__buf_free(&name);
    return refuse(r, index, "invalid_data", text);
}

/* Names the first fields that have no column. */
static int refuse_unknown(rows *r, size_t index)
{
    char text[ICE_SHOWN];
    df_value root;
    df_walk walk;
    size_t len, shown = 0;
    memset(&walk, 0, sizeof walk);
    len = df__text_printf(text, sizeof text, "the table has no column for");
    int rc = df_parcel_root(r->parcel, index, &root);
    while (rc == DF_OK && shown < NAMES_SHOWN && df_value_walk(&root, &walk) == DF_OK) {
        size_t i = 0;
        while (i < r->s->column_count &&
               (strlen(r->s->columns[i].name) != walk.name.len ||
                memcmp(r->s->columns[i].name, walk.name.data, walk.name.len) != 0))
            i++;
        if (i == r->s->column_count)
            len += df__text_printf(text + len, sizeof text - len, "%s \"%.*s\"", shown++ ? "," : "",
                                   (int)(walk.name.len < 40 ? walk.name.len : 40),
                                   (const char *)walk.name.data);
    }
    df__text_printf(text + len, sizeof text - len, " (add it, or set unknownFields: ignore)");
    return rc == DF_OK ? refuse(r, index, "unknown_field", text) : rc;
}

static int read_values(rows *r, size_t index)
{
    df__ice_sink *s = r->s;
    size_t unknown = 0, found = 0;
    if (s->opt.raw) {
        int rc = df__ice_raw_row(s, r->parcel, index);
        return rc == DF_EDATA ? refuse(r, index, "invalid_data", df_parcel_error(r->parcel)) : rc;
    }
    int rc = df_parcel_row(r->parcel, index, s->names, s->values, &unknown);
    if (rc == DF_EDATA)
        return refuse(r, index, "not_an_object", df_parcel_error(r->parcel));
    if (rc != DF_OK)
        return rc;
    if (unknown > 0 && s->opt.unknown == 1)
        return refuse_unknown(r, index);
    for (size_t i = 0; i < s->column_count; i++)
        found += s->values[i].type != DF_V_ABSENT;
    return found ? DF_OK
                 : refuse(r, index, "no_field",
                          "the record has no column of the table, so it is no row");
}

/* An append-only table has no place for what was there before. */
static int check_op(rows *r, size_t index)
{
    df_info info = {.size = sizeof info};
    df_record_info(df_parcel_at(r->parcel, index), &info);
    return info.op == DF_OP_DELETE && !r->s->opt.raw
               ? refuse(r, index, "not_supported",
                        "a delete: the sink only appends (upserts and deletes are not supported "
                        "yet)")
               : DF_OK;
}

static int fit(rows *r, size_t index)
{
    df__ice_sink *s = r->s;
    for (size_t i = 0; i < s->column_count; i++) {
        const df__parquet_column *c = &s->columns[i];
        const char *why = NULL;
        if (s->values[i].type == DF_V_UNCHANGED)
            return refuse_column(r, index, c,
                                 "the source did not send it, since it did not change, and a row "
                                 "is written whole (PostgreSQL: REPLICA IDENTITY FULL)");
        if (s->values[i].type <= DF_V_NULL && c->required)
            return refuse_column(r, index, c, "is required, and the record has no value for it");
        int rc = df__ice_fit(c, &s->values[i], &s->row, &why);
        if (rc != DF_OK)
            return rc == DF_EDATA ? refuse_column(r, index, c, why) : rc;
    }
    return DF_OK;
}

/* Reads one record into s->values. DF_DROP: it was refused. */
static int take(rows *r, size_t index)
{
    df__arena_reset(&r->s->row);
    int rc = check_op(r, index);
    rc = rc == DF_OK ? read_values(r, index) : rc;
    return rc == DF_OK ? fit(r, index) : rc;
}

static int for_each(rows *r, int (*act)(rows *r, size_t index))
{
    size_t count = df_parcel_count(r->parcel);
    int rc = DF_OK;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        if (df_parcel_rejected(r->parcel, i))
            continue;
        rc = take(r, i);
        rc = rc == DF_OK ? act(r, i) : rc;
        rc = rc == DF_DROP ? DF_OK : rc;
    }
    return rc == DF_ENOMEM ? df_stage_fail(r->s->st, rc, NULL, "no memory for a row") : rc;
}

/* ---- looking --------------------------------------------------------------------------------- */

static int nowhere(void *user, const void *data, size_t len)
{
    (void)user;
    (void)data;
    (void)len;
    return DF_OK;
}

/* A writer whose bytes go nowhere, of the columns that df__ice_fit does not look into. */
static int begin_look(rows *r)
{
    df__ice_sink *s = r->s;
    df__parquet_error error;
    df__parquet_column *columns;
    size_t n = 0;
    if (!s->nested)
        return DF_OK;
    columns = df__alloc(&s->session.heap, s->nested * sizeof *columns);
    r->nested_values = df__zalloc(&s->session.heap, s->nested * sizeof *r->nested_values);
    for (size_t i = 0; columns && i < s->column_count; i++)
        if (df__ice_is_nested(&s->columns[i]))
            columns[n++] = s->columns[i];
    df__parquet_options o = {.columns = columns,
                             .column_count = n,
                             .codec = DF__PARQUET_NONE,
                             .row_group_bytes = 1 << 20,
                             .no_dictionary = 1,
                             .write = nowhere};
    int rc = columns && r->nested_values
                 ? df__parquet_writer_new(&s->session.heap, &o, &r->nested, &error)
                 : DF_ENOMEM;
    df__free(&s->session.heap, columns);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory")
           : rc == DF_OK   ? rc
                           : df_stage_failf(s->st, rc, "configuration", "%s", error.text);
}

static int look(rows *r, size_t index)
{
    df__ice_sink *s = r->s;
    df__parquet_error error;
    size_t n = 0;
    if (!r->nested)
        return DF_OK;
    for (size_t i = 0; i < s->column_count; i++)
        if (df__ice_is_nested(&s->columns[i]))
            r->nested_values[n++] = s->values[i];
    int rc = df__parquet_append(r->nested, r->nested_values, &error);
    return rc == DF_EDATA ? refuse(r, index, "invalid_data", error.text) : rc;
}

int df__ice_check_rows(df__ice_sink *s, df_parcel *parcel, size_t *ret_refused)
{
    rows r = {.s = s, .parcel = parcel};
    int rc = begin_look(&r);
    rc = rc == DF_OK ? for_each(&r, look) : rc;
    df__parquet_writer_free(r.nested);
    df__free(&s->session.heap, r.nested_values);
    *ret_refused = r.refused;
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int add(rows *r, size_t index)
{
    df__ice_sink *s = r->s;
    df__parquet_error error = {.text = ""};
    int rc = df__parquet_append(s->writer, s->values, &error);
    if (rc == DF_EDATA)
        return refuse(r, index, "invalid_data", error.text);
    if (rc == DF_OK)
        s->records++;
    return rc;
}

int df__ice_add_rows(df__ice_sink *s, df_parcel *parcel, size_t *ret_refused)
{
    rows r = {.s = s, .parcel = parcel};
    int rc = df__ice_file_ensure(s);
    rc = rc == DF_OK ? for_each(&r, add) : rc;
    *ret_refused = r.refused;
    return rc;
}
