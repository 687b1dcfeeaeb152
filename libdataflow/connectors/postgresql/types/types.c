/* SPDX-License-Identifier: Apache-2.0
 * types.c: the types that the server brings along: their names and OIDs, and how values of each
 * kind are written. */
#include "types.h"

#include <string.h>

#include "binary.h"
#include "client/ident.h"
#include "plain.h"

/* Without an OID a type is written as text: the input function of "char" reads one byte as itself,
 * its receive function as a number; a timetz is the server's affair. PG_OTHER has an
 * OID when the catalog says that its receive function is that of text. */
static const struct {
    const char *name;
    int kind;
    uint32_t oid;
} named[] = {
    {"bool", PG_BOOL, 16},
    {"bytea", PG_BYTEA, 17},
    {"int8", PG_INT8, 20},
    {"int2", PG_INT2, 21},
    {"int4", PG_INT4, 23},
    {"text", PG_TEXT, 25},
    {"json", PG_JSON, 114},
    {"float4", PG_FLOAT4, 700},
    {"float8", PG_FLOAT8, 701},
    {"bpchar", PG_TEXT, 1042},
    {"varchar", PG_TEXT, 1043},
    {"date", PG_DATE, 1082},
    {"time", PG_TIME, 1083},
    {"timestamp", PG_TIMESTAMP, 1114},
    {"timestamptz", PG_TIMESTAMPTZ, 1184},
    {"numeric", PG_NUMERIC, 1700},
    {"uuid", PG_UUID, 2950},
    {"jsonb", PG_JSONB, 3802},
    {"name", PG_SHORT, 0},
    {"timetz", PG_TIMETZ, 0},
    {"char", PG_SHORT, 0},
};

const df__pg_codec df__pg_codecs[PG_KINDS] = {
    [PG_OTHER] = {df__pg_plain_text, df__pg_binary_text},
    [PG_TEXT] = {df__pg_plain_text, df__pg_binary_text},
    [PG_BOOL] = {df__pg_plain_bool, df__pg_binary_bool},
    [PG_INT2] = {df__pg_plain_int, df__pg_binary_int},
    [PG_INT4] = {df__pg_plain_int, df__pg_binary_int},
    [PG_INT8] = {df__pg_plain_int, df__pg_binary_int},
    [PG_FLOAT4] = {df__pg_plain_float, df__pg_binary_float},
    [PG_FLOAT8] = {df__pg_plain_float, df__pg_binary_float},
    [PG_NUMERIC] = {df__pg_plain_numeric, df__pg_binary_numeric},
    [PG_UUID] = {df__pg_plain_uuid, df__pg_binary_uuid},
    [PG_DATE] = {df__pg_plain_date, df__pg_binary_date},
    [PG_TIME] = {df__pg_plain_time, df__pg_binary_time},
    [PG_TIMETZ] = {df__pg_plain_time, NULL},
    [PG_TIMESTAMP] = {df__pg_plain_stamp, df__pg_binary_stamp},
    [PG_TIMESTAMPTZ] = {df__pg_plain_stamp, df__pg_binary_stamp},
    [PG_JSON] = {df__pg_plain_json, df__pg_binary_json},
    [PG_JSONB] = {df__pg_plain_json, df__pg_binary_json},
    [PG_BYTEA] = {df__pg_plain_bytea, df__pg_binary_bytea},
    [PG_ENUM] = {df__pg_plain_enum, df__pg_binary_text},
    [PG_SHORT] = {df__pg_plain_short, NULL},
};

void df__pg_type_named(df__pg_type *type, const char *name)
{
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (strcmp(named[i].name, name) == 0) {
            type->kind = (uint8_t)named[i].kind;
            type->oid = named[i].oid;
            if (type->kind == PG_SHORT) {
                type->limit = strcmp(name, "char") == 0 ? 1 : PG_NAME_MAX;
            }
        }
    }
}

int df__pg_plain_value(df__pg_convert *c, const df__pg_type *type, const df_value *v,
                       df__pg_plain *ret)
{
    return df__pg_codecs[type->kind].plain(c, type, v, ret);
}
