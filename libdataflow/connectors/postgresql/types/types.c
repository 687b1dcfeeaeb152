/* SPDX-License-Identifier: Apache-2.0
 * types.c: the types that the server brings along: their names and OIDs, and how values of each
 * kind are written. */
#include "types.h"

#include <string.h>

#include "binary.h"
#include "client/ident.h"
#include "plain.h"

/* Without an OID a type is written as text: the input function of "char" reads one byte as itself,
 * its receive function as a number; a timetz is the server's affair. PG_KIND_OTHER has an
 * OID when the catalog says that its receive function is that of text. */
static const struct {
    const char *name;
    enum df__pg_kind kind;
    uint32_t oid;
} named[] = {
    {"bool", PG_KIND_BOOL, 16},
    {"bytea", PG_KIND_BYTEA, 17},
    {"int8", PG_KIND_INT8, 20},
    {"int2", PG_KIND_INT2, 21},
    {"int4", PG_KIND_INT4, 23},
    {"text", PG_KIND_TEXT, 25},
    {"json", PG_KIND_JSON, 114},
    {"float4", PG_KIND_FLOAT4, 700},
    {"float8", PG_KIND_FLOAT8, 701},
    {"bpchar", PG_KIND_TEXT, 1042},
    {"varchar", PG_KIND_TEXT, 1043},
    {"date", PG_KIND_DATE, 1082},
    {"time", PG_KIND_TIME, 1083},
    {"timestamp", PG_KIND_TIMESTAMP, 1114},
    {"timestamptz", PG_KIND_TIMESTAMPTZ, 1184},
    {"numeric", PG_KIND_NUMERIC, 1700},
    {"uuid", PG_KIND_UUID, 2950},
    {"jsonb", PG_KIND_JSONB, 3802},
    {"name", PG_KIND_SHORT, 0},
    {"timetz", PG_KIND_TIMETZ, 0},
    {"char", PG_KIND_SHORT, 0},
};

const df__pg_codec df__pg_codecs[PG_KINDS] = {
    [PG_KIND_OTHER] = {df__pg_plain_text, df__pg_binary_text},
    [PG_KIND_TEXT] = {df__pg_plain_text, df__pg_binary_text},
    [PG_KIND_BOOL] = {df__pg_plain_bool, df__pg_binary_bool},
    [PG_KIND_INT2] = {df__pg_plain_int, df__pg_binary_int},
    [PG_KIND_INT4] = {df__pg_plain_int, df__pg_binary_int},
    [PG_KIND_INT8] = {df__pg_plain_int, df__pg_binary_int},
    [PG_KIND_FLOAT4] = {df__pg_plain_float, df__pg_binary_float},
    [PG_KIND_FLOAT8] = {df__pg_plain_float, df__pg_binary_float},
    [PG_KIND_NUMERIC] = {df__pg_plain_numeric, df__pg_binary_numeric},
    [PG_KIND_UUID] = {df__pg_plain_uuid, df__pg_binary_uuid},
    [PG_KIND_DATE] = {df__pg_plain_date, df__pg_binary_date},
    [PG_KIND_TIME] = {df__pg_plain_time, df__pg_binary_time},
    [PG_KIND_TIMETZ] = {df__pg_plain_time, NULL},
    [PG_KIND_TIMESTAMP] = {df__pg_plain_stamp, df__pg_binary_stamp},
    [PG_KIND_TIMESTAMPTZ] = {df__pg_plain_stamp, df__pg_binary_stamp},
    [PG_KIND_JSON] = {df__pg_plain_json, df__pg_binary_json},
    [PG_KIND_JSONB] = {df__pg_plain_json, df__pg_binary_json},
    [PG_KIND_BYTEA] = {df__pg_plain_bytea, df__pg_binary_bytea},
    [PG_KIND_ENUM] = {df__pg_plain_enum, df__pg_binary_text},
    [PG_KIND_SHORT] = {df__pg_plain_short, NULL},
};

void df__pg_type_named(df__pg_type *type, const char *name)
{
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (strcmp(named[i].name, name) == 0) {
            type->kind = (uint8_t)named[i].kind;
            type->oid = named[i].oid;
            if (type->kind == PG_KIND_SHORT)
                type->limit = strcmp(name, "char") == 0 ? 1 : PG_NAME_MAX;
        }
    }
}

int df__pg_plain_value(df__pg_convert *c, const df__pg_type *type, const df_value *v,
                       df__pg_plain *ret)
{
    return df__pg_codecs[type->kind].plain(c, type, v, ret);
}
