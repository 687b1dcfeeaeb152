/* SPDX-License-Identifier: Apache-2.0
 * encode.c: writes rows as COPY text and says, in words a person can act on, why one cannot be
 * written. */
#include "encode.h"

#include <string.h>

#include "copytext.h"

enum { SHOWN = 60 };

void df__pg_encoder_init(df__pg_encoder *e)
{
    memset(e, 0, sizeof *e);
    df__buf_init(&e->convert.scratch, &df__heap_libc);
    df__buf_init(&e->convert.element, &df__heap_libc);
}

void df__pg_encoder_free(df__pg_encoder *e)
{
    df__buf_free(&e->convert.scratch);
    df__buf_free(&e->convert.element);
}

static int is_missing(const df_value *v)
{
    return v->type == DF_V_ABSENT || v->type == DF_V_UNCHANGED;
}

void df__pg_mask_of(const df__pg_table *t, const df_value *values, df__pg_mask *ret)
{
    memset(ret, 0, sizeof *ret);
    if (t->default_count == 0) {
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        int bit = t->columns[i].bit;
        if (bit >= 0 && !is_missing(&values[i])) {
            ret->word[bit / 64] |= UINT64_C(1) << (bit % 64);
        }
    }
}

int df__pg_mask_same(const df__pg_mask *a, const df__pg_mask *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

int df__pg_mask_writes(const df__pg_mask *mask, const df__pg_column *column)
{
    return column->bit < 0 || (mask->word[column->bit / 64] >> (column->bit % 64) & 1) != 0;
}

static const char *type_word(int type)
{
    static const char *const words[] = {
        [DF_V_BOOL] = "boolean",     [DF_V_INT] = "number",           [DF_V_NUMBER] = "number",
        [DF_V_DOUBLE] = "number",    [DF_V_STRING] = "text",          [DF_V_BYTES] = "bytes",
        [DF_V_ARRAY] = "array",      [DF_V_OBJECT] = "object",        [DF_V_DATE] = "date",
        [DF_V_TIME] = "time",        [DF_V_TIMESTAMP] = "timestamp",
    };
    size_t count = sizeof words / sizeof words[0];
    return type >= 0 && (size_t)type < count && words[type] ? words[type] : "value";
}

/* column "age" (integer): not a whole number, came text: abc */
static int explain(df__pg_encoder *e, const df__pg_column *column, const df_value *v,
                   const char *why)
{
    char shown[SHOWN + 8];
    char value[SHOWN + 8];
    size_t full = df_value_text(v, value, sizeof value);
    size_t len = df__text_set(shown, SHOWN + 1, value, full < sizeof value ? full : sizeof value);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)shown[i] < ' ') {
            shown[i] = ' ';
        }
    }
    df__text_printf(e->why, sizeof e->why, "column %s (%s): %s; came %s: %s%s", column->quoted,
                    column->type.name, why, type_word(v->type), shown,
                    full > SHOWN ? "..." : "");
    return DF_EDATA;
}

static int put_null(df__pg_encoder *e, const df__pg_column *column, const df_value *v, df__buf *b)
{
    int missing = is_missing(v);
    if (column->not_null) {
        df__text_printf(e->why, sizeof e->why, "column %s (%s): %s, and the column is NOT NULL",
                        column->quoted, column->type.name,
                        missing ? "the record does not have it" : "null");
        return DF_EDATA;
    }
    df__buf_add(b, "\\N", 2);
    return DF_OK;
}

static int put_value(df__pg_encoder *e, const df__pg_column *column, const df_value *v, df__buf *b)
{
    df__pg_plain plain;
    int rc;
    if (column->type.array) {
        rc = df__pg_plain_array(&e->convert, &column->type, v, b);
        return rc == DF_EDATA ? explain(e, column, v, e->convert.why) : rc;
    }
    rc = df__pg_plain_value(&e->convert, &column->type, v, &plain);
    if (rc != DF_OK) {
        return rc == DF_EDATA ? explain(e, column, v, e->convert.why) : rc;
    }
    if (plain.safe) {
        df__buf_add(b, plain.text, plain.len);
        return DF_OK;
    }
    rc = df__pg_escape(b, plain.text, plain.len);
    return rc == DF_EDATA ? explain(e, column, v, "holds a NUL byte, which text cannot store") : rc;
}

static int put_column(df__pg_encoder *e, const df__pg_column *column, const df_value *v, df__buf *b)
{
    if (v->type > DF_V_NULL) {
        return put_value(e, column, v, b);
    }
    if (v->type == DF_V_ABSENT && e->refuse_missing) {
        df__text_printf(e->why, sizeof e->why,
                        "column %s (%s): the record does not have it (missingColumns: error)",
                        column->quoted, column->type.name);
        return DF_EDATA;
    }
    return put_null(e, column, v, b);
}

int df__pg_encode_row(df__pg_encoder *e, const df__pg_table *t, const df_value *values,
                      const df__pg_mask *mask, df__buf *b)
{
    size_t before = b->len;
    int rc = DF_OK;
    for (size_t i = 0; i < t->count && rc == DF_OK; i++) {
        const df__pg_column *column = &t->columns[i];
        int refused = e->refuse_missing && !e->key_only && values[i].type == DF_V_ABSENT;
        if (!refused && !df__pg_mask_writes(mask, column)) {
            continue;
        }
        if (e->key_only && !column->in_key) {
            df__buf_add(b, "\\N", 2);
        } else {
            rc = put_column(e, column, &values[i], b);
        }
        df__buf_char(b, '\t');
    }
    if (rc == DF_OK && b->len > before && !b->failed) {
        b->data[b->len - 1] = '\n';
        return DF_OK;
    }
    b->len = before;
    if (rc == DF_OK && !b->failed) {
        df__text_printf(e->why, sizeof e->why, "the record has no column of the table");
        return DF_EDATA;
    }
    return rc == DF_OK ? DF_ENOMEM : rc;
}
