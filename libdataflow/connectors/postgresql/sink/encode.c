/* SPDX-License-Identifier: Apache-2.0
 * encode.c: writes rows as COPY text or in binary and says, in words a person can act on, why one
 * cannot be written. */
#include "encode.h"

#include <string.h>

#include "types/binary.h"
#include "types/copytext.h"

enum { SHOWN = 60 };

void df__pg_encoder_init(df__pg_encoder *e, const df__heap *heap)
{
    memset(e, 0, sizeof *e);
    df__buf_init(&e->convert.scratch, heap);
    df__buf_init(&e->convert.element, heap);
}

void df__pg_encoder_free(df__pg_encoder *e)
{
    df__free(e->convert.scratch.heap, e->values);
    df__buf_free(&e->convert.scratch);
    df__buf_free(&e->convert.element);
    e->values = NULL;
    e->values_cap = 0;
}

int df__pg_encoder_room(df__pg_encoder *e, size_t count)
{
    if (count <= e->values_cap)
        return DF_OK;
    df_value *grown = df__realloc(e->convert.scratch.heap, e->values, count * sizeof *grown);
    if (!grown)
        return DF_ENOMEM;
    e->values = grown;
    e->values_cap = count;
    return DF_OK;
}

static int is_missing(const df_value *v)
{
    return v->type == DF_V_ABSENT || v->type == DF_V_UNCHANGED;
}

void df__pg_mask_of(const df__pg_table *t, const df_value *values, df__pg_mask *ret)
{
    memset(ret, 0, sizeof *ret);
    if (t->default_count == 0)
        return;
    for (size_t i = 0; i < t->count; i++) {
        const df__pg_column *column = &t->columns[i];
        int bit = column->bit;
        if (bit >= 0 && !is_missing(&values[i]))
            ret->word[bit / 64] |= UINT64_C(1) << (bit % 64);
        ret->stays |= values[i].type == DF_V_UNCHANGED && column->not_null && !column->has_default;
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
        [DF_V_BOOL] = "boolean",  [DF_V_INT] = "number",          [DF_V_NUMBER] = "number",
        [DF_V_DOUBLE] = "number", [DF_V_STRING] = "text",         [DF_V_BYTES] = "bytes",
        [DF_V_ARRAY] = "array",   [DF_V_OBJECT] = "object",       [DF_V_DATE] = "date",
        [DF_V_TIME] = "time",     [DF_V_TIMESTAMP] = "timestamp",
    };
    size_t count = sizeof words / sizeof words[0];
    return type >= 0 && (size_t)type < count && words[type] ? words[type] : "value";
}

/* column "age" (integer): not a whole number; came text, and with show_values ": abc" */
static int explain(df__pg_encoder *e, const df__pg_column *column, const df_value *v,
                   const char *why)
{
    char shown[SHOWN + 8];
    char value[SHOWN + 8];
    size_t full = df_value_text(v, value, sizeof value);
    size_t len = df__text_set(shown, SHOWN + 1, value, full < sizeof value ? full : sizeof value);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)shown[i] < ' ')
            shown[i] = ' ';
    df__text_printf(e->why, sizeof e->why, "column %s (%s): %s; came %s%s%s%s", column->quoted,
                    column->type.name, why, type_word(v->type), e->show_values ? ": " : "",
                    e->show_values ? shown : "", e->show_values && full > SHOWN ? "..." : "");
    return DF_EDATA;
}

static int check_null(df__pg_encoder *e, const df__pg_column *column, const df_value *v)
{
    int missing = is_missing(v);
    if (v->type == DF_V_ABSENT && e->refuse_missing) {
        df__text_printf(e->why, sizeof e->why,
                        "column %s (%s): the record does not have it (missingColumns: error)",
                        column->quoted, column->type.name);
        return DF_EDATA;
    }
    if (column->not_null) {
        df__text_printf(e->why, sizeof e->why, "column %s (%s): %s, and the column is NOT NULL",
                        column->quoted, column->type.name,
                        missing ? "the record does not have it" : "null");
        return DF_EDATA;
    }
    return DF_OK;
}

/* ---- the two formats ------------------------------------------------------------------------ */

/* What a row is made of. `end` gets where the row began and how many fields it has. */
typedef struct format {
    void (*begin)(df__buf *b);
    void (*flag)(df__buf *b, int value);
    void (*number)(df__buf *b, int value);
    void (*null)(df__buf *b);
    int (*value)(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
    void (*end)(df__buf *b, size_t before, size_t fields);
} format;

static void text_begin(df__buf *b)
{
    (void)b;
}

static void text_flag(df__buf *b, int value)
{
    df__buf_add(b, value ? "t\t" : "f\t", 2);
}

static void text_number(df__buf *b, int value)
{
    char digits[2] = {(char)('0' + value / 10), (char)('0' + value % 10)};
    df__buf_add(b, digits + (value < 10), value < 10 ? 1 : 2);
    df__buf_char(b, '\t');
}

static void text_null(df__buf *b)
{
    df__buf_add(b, "\\N\t", 3);
}

static int text_value(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    df__pg_plain plain;
    int rc = t->array ? df__pg_plain_array(c, t, v, b) : df__pg_plain_value(c, t, v, &plain);
    if (rc != DF_OK)
        return rc;
    if (!t->array && plain.safe)
        df__buf_add(b, plain.text, plain.len);
    else if (!t->array)
        rc = df__pg_escape(b, plain.text, plain.len);
    df__buf_char(b, '\t');
    return rc == DF_EDATA ? df__pg_refuse_value(c, PG_WHY_NUL) : rc;
}

static void text_end(df__buf *b, size_t before, size_t fields)
{
    (void)before;
    (void)fields;
    b->data[b->len - 1] = '\n';
}

static void binary_begin(df__buf *b)
{
    df__pg_binary_u16(b, 0);
}

static void binary_flag(df__buf *b, int value)
{
    df__pg_binary_u32(b, 1);
    df__buf_char(b, value != 0);
}

static void binary_number(df__buf *b, int value)
{
    df__pg_binary_u32(b, 2);
    df__pg_binary_u16(b, (uint16_t)value);
}

static void binary_null(df__buf *b)
{
    df__pg_binary_u32(b, UINT32_MAX);
}

static int binary_value(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    return t->array ? df__pg_binary_array(c, t, v, b) : df__pg_binary_value(c, t, v, b);
}

static void binary_end(df__buf *b, size_t before, size_t fields)
{
    b->data[before] = (char)(fields >> 8);
    b->data[before + 1] = (char)fields;
}

static const format formats[] = {
    {text_begin, text_flag, text_number, text_null, text_value, text_end},
    {binary_begin, binary_flag, binary_number, binary_null, binary_value, binary_end},
};

/* ---- rows ----------------------------------------------------------------------------------- */

static int put_column(df__pg_encoder *e, const df__pg_column *column, const df_value *v, df__buf *b)
{
    const format *f = &formats[e->binary];
    int rc = DF_OK;
    if (e->key_only && (!(column->in_key || column->is_version) || v->type <= DF_V_NULL)) {
        f->null(b);
    } else if (v->type <= DF_V_NULL) {
        rc = check_null(e, column, v);
        f->null(b);
    } else {
        rc = f->value(&e->convert, &column->type, v, b);
        rc = rc == DF_EDATA ? explain(e, column, v, e->convert.why) : rc;
    }
    return rc;
}

/* What stands in the row for a column. */
enum put { PUT_NOTHING, PUT_NULL, PUT_VALUE };

static enum put part_of(const df__pg_encoder *e, const df__pg_column *column, const df_value *v,
                        const df__pg_mask *mask)
{
    int refused = e->refuse_missing && !e->key_only && v->type == DF_V_ABSENT;
    int alone = e->key_only && e->wide; /* the mask is that of other rows */
    if (refused || alone || df__pg_mask_writes(mask, column))
        return PUT_VALUE;
    return e->wide ? PUT_NULL : PUT_NOTHING;
}

int df__pg_encode_row(df__pg_encoder *e, const df__pg_table *t, const df_value *values,
                      const df__pg_mask *mask, df__buf *b)
{
    const format *f = &formats[e->binary];
    size_t before = b->len, fields = 0;
    int rc = DF_OK;
    f->begin(b);
    if (e->staged) {
        f->flag(b, e->key_only);
        f->number(b, e->number);
    }
    for (size_t i = 0; i < t->count && rc == DF_OK; i++) {
        enum put part = part_of(e, &t->columns[i], &values[i], mask);
        if (part == PUT_VALUE)
            rc = put_column(e, &t->columns[i], &values[i], b);
        else if (part == PUT_NULL)
            f->null(b);
        fields += part != PUT_NOTHING;
    }
    if (rc == DF_OK && fields > 0 && !b->failed) {
        f->end(b, before, fields + (e->staged ? 2 : 0));
        return DF_OK;
    }
    b->len = before;
    if (rc == DF_OK && !b->failed) {
        df__text_printf(e->why, sizeof e->why, "the record has no column of the table");
        return DF_EDATA;
    }
    return rc == DF_OK ? DF_ENOMEM : rc;
}
