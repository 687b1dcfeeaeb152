/* SPDX-License-Identifier: Apache-2.0
 * type.h: the types of Trino, from their names as the server writes them:
 * "decimal(10,2)", "timestamp(6) with time zone", "map(varchar, array(row(a bigint, b real)))".
 * Source: https://trino.io/docs/476/language/types.html. */
#ifndef DF_TRINO_TYPE_H
#define DF_TRINO_TYPE_H

#include "util/arena.h"
#include "util/buf.h"

enum df__trino_kind {
    TRINO_KIND_OTHER = 0, /* comes as text or JSON, cannot be written */
    TRINO_KIND_BOOLEAN,
    TRINO_KIND_TINYINT,
    TRINO_KIND_SMALLINT,
    TRINO_KIND_INTEGER,
    TRINO_KIND_BIGINT,
    TRINO_KIND_REAL,
    TRINO_KIND_DOUBLE,
    TRINO_KIND_DECIMAL,
    TRINO_KIND_VARCHAR,
    TRINO_KIND_CHAR,
    TRINO_KIND_VARBINARY,
    TRINO_KIND_JSON,
    TRINO_KIND_DATE,
    TRINO_KIND_TIME,
    TRINO_KIND_TIME_ZONE,
    TRINO_KIND_TIMESTAMP,
    TRINO_KIND_TIMESTAMP_ZONE,
    TRINO_KIND_UUID,
    TRINO_KIND_IPADDRESS,
    TRINO_KIND_ARRAY,
    TRINO_KIND_MAP,
    TRINO_KIND_ROW
};

typedef struct df__trino_type df__trino_type;
struct df__trino_type {
    enum df__trino_kind kind;
    int precision; /* DECIMAL: digits; times: of the fraction; VARCHAR, CHAR: characters, 0: any */
    int scale;     /* DECIMAL */
    df_bytes name; /* as the server writes it; ended by NUL */
    size_t part_count; /* ARRAY: 1; MAP: key and value; ROW: its fields */
    df__trino_type *parts;
    df_bytes *names; /* of a ROW's fields; data NULL: it has no name */
};

/* DF_EDATA: brackets that do not close, or deeper than any type; DF_ENOMEM. A name that is not
 * known is TRINO_KIND_OTHER. The memory is the arena's. */
int df__trino_type_parse(df__arena *arena, df_bytes text, df__trino_type *ret);

#endif
