/* SPDX-License-Identifier: Apache-2.0
 * from_columns.c: the text of a schema for the columns of records, which takes every value that
 * they may have. A column that may be null has a union with null, and null as its default, so that
 * a column can be added later. */
#include "formats/avro/names.h"

#include "record/tree.h"

/* What has no type of its own in Avro (numbers of any size, objects, what is not known) is written
 * as its text. */
#define TEXT "{\"type\":\"string\",\"logicalType\":\"text\"}"

static const char *const types[] = {
    [DF_V_BOOL] = "\"boolean\"",
    [DF_V_INT] = "\"long\"",
    [DF_V_DOUBLE] = "\"double\"",
    [DF_V_STRING] = "\"string\"",
    [DF_V_BYTES] = "\"bytes\"",
    [DF_V_DATE] = "{\"type\":\"int\",\"logicalType\":\"date\"}",
    [DF_V_TIME] = "{\"type\":\"long\",\"logicalType\":\"time-micros\"}",
    [DF_V_TIMESTAMP] = "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
    [DF_V_OBJECT] = NULL,
};

static const char *type_of(int type)
{
    return types[type] ? types[type] : TEXT;
}

static void put_type(df__buf *b, const df_field *f)
{
    if (f->type == DF_V_NUMBER && f->precision > 0 && f->precision <= DF__AVRO_DIGITS &&
        f->scale >= 0 && f->scale <= f->precision)
        df__buf_printf(b,
                       "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":%d,"
                       "\"scale\":%d}",
                       f->precision, f->scale);
    else if (f->type == DF_V_TIMESTAMP && f->zone == DF_ZONE_NONE)
        df__buf_str(b, "{\"type\":\"long\",\"logicalType\":\"local-timestamp-micros\"}");
    else if (f->type == DF_V_ARRAY)
        df__buf_printf(b, "{\"type\":\"array\",\"items\":[\"null\",%s]}", type_of(f->item));
    else
        df__buf_str(b, type_of(f->type));
}

static void put_field(df__buf *b, const df_field *f)
{
    int solid = (f->flags & DF_FIELD_NOT_NULL) != 0;
    df__buf_printf(b, "{\"name\":\"%s\",\"type\":%s", f->name, solid ? "" : "[\"null\",");
    put_type(b, f);
    df__buf_str(b, solid ? "}" : "],\"default\":null}");
}

static int refuse(df__avro_error *error, const char *what, df_bytes name)
{
    df__text_printf(error->text, sizeof error->text,
                    "Avro: the %s \"%.*s\" %s; rename it, or write a schema", what,
                    (int)df__avro_shown(name), (const char *)name.data, df__avro_no_name);
    return DF_ESPEC;
}

int df__avro_from_columns(const df_schema *columns, df_bytes name, df__buf *out,
                          df__avro_error *error)
{
    size_t count;
    const df_field *f = df_schema_fields(columns, &count);
    if (!df__avro_is_full_name(name))
        return refuse(error, "name of the record", name);
    df__buf_printf(out, "{\"type\":\"record\",\"name\":\"%.*s\",\"fields\":[", (int)name.len,
                   (const char *)name.data);
    for (size_t i = 0; i < count; i++) {
        df_bytes column = {f[i].name, strlen(f[i].name)};
        if (!df__avro_is_name(column))
            return refuse(error, "column", column);
        if (i)
            df__buf_char(out, ',');
        put_field(out, &f[i]);
    }
    df__buf_str(out, "]}");
    return out->failed ? DF_ENOMEM : DF_OK;
}
