/* SPDX-License-Identifier: Apache-2.0
 * columns.c: what a schema says of the columns of the records that are read with it. It says no
 * more than what holds for each of them. */
#include "formats/avro/program.h"

/* A type as a column has it; `type` DF_V_ABSENT: not known, or several. */
typedef struct kind {
    int type, item;
    int32_t zone;
    const df__avro_type *decimal;
    int nullable;
} kind;

static const kind unknown = {.type = DF_V_ABSENT, .nullable = 1};

static const int plain_types[DF__AVRO_KINDS] = {
    [DF__AVRO_BOOLEAN] = DF_V_BOOL,  [DF__AVRO_INT] = DF_V_INT,       [DF__AVRO_LONG] = DF_V_INT,
    [DF__AVRO_FLOAT] = DF_V_DOUBLE,  [DF__AVRO_DOUBLE] = DF_V_DOUBLE, [DF__AVRO_BYTES] = DF_V_BYTES,
    [DF__AVRO_STRING] = DF_V_STRING, [DF__AVRO_FIXED] = DF_V_BYTES,   [DF__AVRO_ENUM] = DF_V_STRING,
    [DF__AVRO_RECORD] = DF_V_OBJECT, [DF__AVRO_ARRAY] = DF_V_ARRAY,   [DF__AVRO_MAP] = DF_V_OBJECT};

/* Nanoseconds are a time or a text, as they come. */
static const struct {
    int type;
    int32_t zone;
} logical_types[] = {
    [DF__AVRO_DECIMAL] = {DF_V_NUMBER, 0},
    [DF__AVRO_DATE] = {DF_V_DATE, 0},
    [DF__AVRO_TIME_MILLIS] = {DF_V_TIME, 0},
    [DF__AVRO_TIME_MICROS] = {DF_V_TIME, 0},
    [DF__AVRO_TS_MILLIS] = {DF_V_TIMESTAMP, 0},
    [DF__AVRO_TS_MICROS] = {DF_V_TIMESTAMP, 0},
    [DF__AVRO_TS_NANOS] = {DF_V_ABSENT, 0},
    [DF__AVRO_LOCAL_MILLIS] = {DF_V_TIMESTAMP, DF_ZONE_NONE},
    [DF__AVRO_LOCAL_MICROS] = {DF_V_TIMESTAMP, DF_ZONE_NONE},
    [DF__AVRO_LOCAL_NANOS] = {DF_V_ABSENT, 0},
    [DF__AVRO_UUID] = {DF_V_STRING, 0},
    [DF__AVRO_DURATION] = {DF_V_OBJECT, 0},
    [DF__AVRO_AS_TEXT] = {DF_V_STRING, 0},
};

static kind kind_of(const df__avro_type *n, unsigned flags);

/* The list that an object under DF_AVRO_COLLAPSE may be; NULL: it is always an object. */
static const df__avro_type *hidden_list(const df__avro_type *n, unsigned flags)
{
    if (!(flags & DF_AVRO_COLLAPSE))
        return NULL;
    if (n->kind == DF__AVRO_MAP)
        return n->item;
    return n->kind == DF__AVRO_RECORD && n->count == 1 && df__bytes_are(n->fields[0].name, "array")
               ? n->fields[0].type
               : NULL;
}

/* Null and one other type; with wrappers, null and objects. */
static kind of_union(const df__avro_type *n, unsigned flags)
{
    const df__avro_type *only = NULL;
    kind k;
    int nullable = 0;
    size_t others = 0;
    for (size_t i = 0; i < n->count; i++) {
        if (n->branches[i]->kind == DF__AVRO_NULL) {
            nullable = 1;
        } else {
            only = n->branches[i];
            others++;
        }
    }
    if (others != 1 || flags & DF_AVRO_WRAP)
        k = others && flags == DF_AVRO_WRAP ? (kind){.type = DF_V_OBJECT} : unknown;
    else
        k = kind_of(only, flags);
    k.nullable |= nullable;
    return k;
}

static kind kind_of(const df__avro_type *n, unsigned flags)
{
    kind k = {.type = plain_types[n->kind]};
    if (n->kind == DF__AVRO_NULL)
        return unknown;
    if (n->kind == DF__AVRO_UNION)
        return of_union(n, flags);
    if (n->logical != DF__AVRO_PLAIN) {
        k.type = logical_types[n->logical].type;
        k.zone = logical_types[n->logical].zone;
        k.decimal = n->logical == DF__AVRO_DECIMAL ? n : NULL;
    } else if (hidden_list(n, flags)) {
        const df__avro_type *list = hidden_list(n, flags);
        if (list->kind == DF__AVRO_ARRAY && n->kind == DF__AVRO_RECORD)
            return kind_of(list, flags);
        k.type =
            list->kind == DF__AVRO_ARRAY || list->kind == DF__AVRO_UNION ? DF_V_ABSENT : k.type;
    } else if (n->kind == DF__AVRO_ARRAY) {
        k.item = n->item->kind == DF__AVRO_ARRAY ? DF_V_ARRAY : kind_of(n->item, flags).type;
    }
    return k;
}

static df_field field_of(const df__avro_field *f, unsigned flags)
{
    kind k = kind_of(f->type, flags);
    df_field c = {.size = sizeof c, .name = f->name.data, .type = k.type, .item = k.item};
    c.zone = k.zone;
    if (k.decimal) {
        c.precision = k.decimal->precision;
        c.scale = k.decimal->scale;
    }
    c.flags = k.nullable ? 0 : DF_FIELD_NOT_NULL;
    return c;
}

int df__avro_columns(const df__heap *heap, const df__avro_type *root, unsigned flags,
                     df_schema **ret)
{
    df_field *fields;
    int rc;
    *ret = NULL;
    if (root->kind != DF__AVRO_RECORD || hidden_list(root, flags))
        return DF_OK;
    fields = df__alloc(heap, (root->count + 1) * sizeof *fields);
    if (!fields)
        return DF_ENOMEM;
    for (size_t i = 0; i < root->count; i++)
        fields[i] = field_of(&root->fields[i], flags);
    rc = df__schema_new(heap, fields, root->count, ret);
    df__free(heap, fields);
    return rc;
}
