/* SPDX-License-Identifier: Apache-2.0
 * type.h: a column's type, read from the text that the server has for it. */
#ifndef DF_CH_TYPE_H
#define DF_CH_TYPE_H

#include <stdint.h>

#include "dataflow.h"
#include "util/arena.h"
#include "util/zone.h"

enum df__ch_kind {
    CH_KIND_OTHER, /* a type that cannot be written or read: AggregateFunction, Variant, ... */
    CH_KIND_INT,
    CH_KIND_UINT,
    CH_KIND_BOOL,
    CH_KIND_FLOAT32,
    CH_KIND_FLOAT64,
    CH_KIND_DECIMAL,
    CH_KIND_STRING,
    CH_KIND_FIXED,
    CH_KIND_JSON, /* as its text */
    CH_KIND_DATE,
    CH_KIND_DATE32,
    CH_KIND_DATETIME,
    CH_KIND_DATETIME64,
    CH_KIND_TIME,
    CH_KIND_TIME64,
    CH_KIND_UUID,
    CH_KIND_IPV4,
    CH_KIND_IPV6,
    CH_KIND_ENUM,
    CH_KIND_ARRAY,
    CH_KIND_TUPLE,
    CH_KIND_MAP
};
enum { CH_WORDS = 4, CH_DEPTH = 32 };

typedef struct df__ch_name { /* of an Enum */
    df_bytes name;
    int value;
} df__ch_name;

typedef struct df__ch_type df__ch_type;
struct df__ch_type {
    enum df__ch_kind kind;
    int nullable;
    int width;                /* bytes: INT, UINT, DECIMAL, ENUM, FIXED */
    int precision, scale;     /* DECIMAL; scale of DATETIME64 and TIME64 */
    uint64_t limit[CH_WORDS]; /* DECIMAL: 10^precision */
    const char *zone;         /* DATETIME, DATETIME64; NULL: the type names none */
    df__zone *rules;          /* of it, once df__ch_type_zones was called */
    const df__ch_name *names; /* ENUM */
    size_t name_count;
    df__ch_type *items; /* ARRAY: one; MAP: key and value; TUPLE: its elements */
    df_bytes *labels;   /* TUPLE: names of the elements; NULL: it has none */
    size_t item_count;
    df_bytes text;
};

/* Reads a type; all of it lives in the arena. A type that is not known is CH_KIND_OTHER, as is one
 * that holds such a type. DF_EDATA: no type (brackets, quotes); DF_ENOMEM. */
int df__ch_type_read(df__arena *arena, df_bytes text, df__ch_type *ret);
/* Loads the time zones that the type names. DF_EINVAL with the name in *ret_zone: this machine's
 * tzdata does not know it; DF_ENOMEM. */
int df__ch_type_zones(df__arena *arena, df__ch_type *type, const char **ret_zone);

#endif
