/* SPDX-License-Identifier: Apache-2.0
 * type.h: a parsed schema: a graph of types. Only for formats/avro. */
#ifndef DF_AVRO_TYPE_H
#define DF_AVRO_TYPE_H

#include <string.h>

#include "formats/avro/avro.h"

enum df__avro_kind {
    DF__AVRO_NULL,
    DF__AVRO_BOOLEAN,
    DF__AVRO_INT,
    DF__AVRO_LONG,
    DF__AVRO_FLOAT,
    DF__AVRO_DOUBLE,
    DF__AVRO_BYTES,
    DF__AVRO_STRING,
    DF__AVRO_FIXED,
    DF__AVRO_ENUM,
    DF__AVRO_RECORD,
    DF__AVRO_ARRAY,
    DF__AVRO_MAP,
    DF__AVRO_UNION,
    DF__AVRO_KINDS
};

enum df__avro_logical {
    DF__AVRO_PLAIN,
    DF__AVRO_DECIMAL,
    DF__AVRO_DATE,
    DF__AVRO_TIME_MILLIS,
    DF__AVRO_TIME_MICROS,
    DF__AVRO_TS_MILLIS,
    DF__AVRO_TS_MICROS,
    DF__AVRO_TS_NANOS,
    DF__AVRO_LOCAL_MILLIS,
    DF__AVRO_LOCAL_MICROS,
    DF__AVRO_LOCAL_NANOS,
    DF__AVRO_UUID,
    DF__AVRO_DURATION,
    DF__AVRO_AS_TEXT, /* our own: any value, as its text */
    DF__AVRO_LOGICALS
};

enum {
    DF__AVRO_DEPTH = 1000,        /* of values; of a schema's text a tenth of it */
    DF__AVRO_TYPES_MAX = 100000,  /* of a schema, with those of its references */
    DF__AVRO_BYTES_MAX = 4 << 20, /* of a schema's text */
    DF__AVRO_DIGITS = 2400,       /* of a decimal; they fit into... */
    DF__AVRO_DECIMAL_BYTES = 1000 /* ... so many bytes */
};

typedef struct df__avro_type df__avro_type;
typedef struct df__encoder df__encoder;
/* Writes a value as the type says: see encoder.h. */
typedef int df__aput_fn(df__encoder *e, const df__avro_type *n, const void *v);

typedef struct df__avro_row df__avro_row;
typedef struct df__avro_field {
    df_bytes name;
    const df_bytes *aliases;
    size_t alias_count;
    df__avro_type *type;
    df_bytes fill; /* the default, encoded; data NULL: none */
} df__avro_field;

struct df__avro_type {
    enum df__avro_kind kind;
    enum df__avro_logical logical;
    int precision, scale; /* decimal */
    df_bytes name;        /* full name of a named type; else the type's word */
    const df_bytes *aliases;
    size_t alias_count;
    size_t size;  /* fixed */
    size_t count; /* fields, symbols, branches */
    df__avro_field *fields;
    df_bytes *symbols;
    int fallback;             /* enum: number of the default symbol; -1: none */
    df__avro_type *item;      /* array, map */
    df__avro_type **branches; /* union */
    int defined;              /* record: its fields are known */
    df__aput_fn *put;
    uint8_t plain;      /* enum df__avro_plain: what most values of it are */
    df__avro_row *rows; /* record: its fields, for encode_plain.c */
    uint32_t *slots;    /* record: numbers of fields from 1, by their names */
    size_t slot_mask;
};

struct df_avro_schema {
    df__arena arena;
    const df__heap *heap;
    size_t holds;
    df__avro_type *root;
    const df_avro_schema **refs;
    size_t ref_count;
    df__avro_type **names; /* open addressing by full name */
    size_t name_count, name_cap;
    size_t types; /* so far, with those of its references */
};

extern const char *const df__avro_words[DF__AVRO_KINDS];
/* Record, enum or fixed. */
static inline int df__avro_is_named(const df__avro_type *n)
{
    return n->kind >= DF__AVRO_FIXED && n->kind <= DF__AVRO_RECORD;
}
/* A union of null and one other type. */
static inline int df__avro_is_optional(const df__avro_type *n)
{
    return n->kind == DF__AVRO_UNION && n->count == 2 &&
           (n->branches[0]->kind == DF__AVRO_NULL || n->branches[1]->kind == DF__AVRO_NULL);
}
/* The named type, of a reference too; NULL: none. */
df__avro_type *df__avro_find(const df_avro_schema *s, df_bytes name);
/* The name of a branch in a wrapper: "long", "a.b.Name", "long.timestamp-millis". */
size_t df__avro_branch_name(const df__avro_type *n, char buf[64], const char **ret);
/* The part of a full name after its last dot. */
df_bytes df__avro_short(df_bytes name);

/* 1: the same bytes. */
static inline int df__bytes_same(df_bytes a, df_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* 1: the bytes are this word. */
static inline int df__bytes_are(df_bytes a, const char *word)
{
    return df__bytes_same(a, (df_bytes){word, strlen(word)});
}

/* Once a type is complete: fills what writes it (put, plain, rows, slots). DF_ENOMEM. */
int df__avro_bind(df__arena *a, df__avro_type *n);

/* Encodes the JSON of a default. DF_EDATA: it is none of that type. */
int df__avro_fill(const df__avro_type *n, const df_value *json, df__buf *out, const char **why);

/* ---- on the wire ----------------------------------------------------------------------------- */

/* A signed number as one whose small values are few bytes, both signs. */
static inline uint64_t df__zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

/* The other way. */
static inline int64_t df__unzigzag(uint64_t u)
{
    return (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
}

/* Appends an int or long. Without memory the buffer has failed. */
static inline void df__avro_put_long(df__buf *out, int64_t v)
{
    uint64_t u = df__zigzag(v);
    size_t n = 0;
    char *p =
        out->cap - out->len >= 10 && !out->failed ? out->data + out->len : df__buf_reserve(out, 10);
    if (!p)
        return;
    for (; u >= 0x80; u >>= 7)
        p[n++] = (char)(u | 0x80);
    p[n++] = (char)u;
    out->len += n;
}

/* Stores eight bytes, the lowest first, on any machine. */
static inline void df__avro_store(unsigned char *p, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    memcpy(p, &v, sizeof v);
}

/* Loads what df__avro_store stores. */
static inline uint64_t df__avro_load(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Appends the length, then the bytes. Without memory the buffer has failed. */
void df__avro_put_bytes(df__buf *out, const void *data, size_t len);
/* Appends the lowest `bytes` (at most 8) bytes of v, the least significant first. */
void df__avro_put_le(df__buf *out, uint64_t v, int bytes);

enum { DF__AVRO_DECIMAL_TEXT = 2 * DF__AVRO_DIGITS + 32 };
/* Two's complement, big-endian, with a scale, as decimal text; answers the length. `text` has
 * DF__AVRO_DECIMAL_TEXT bytes, len is at most DF__AVRO_DECIMAL_BYTES, scale at most
 * DF__AVRO_DIGITS. */
size_t df__avro_decimal_text(const unsigned char *data, size_t len, int scale, char *text);
/* The number's two's complement in as few bytes as it takes, at the end of `ret`; answers where it
 * begins. NULL: *why says why it does not fit. */
const unsigned char *df__avro_decimal_bytes(const df__avro_type *n, df_bytes number,
                                            unsigned char ret[DF__AVRO_DECIMAL_BYTES + 8],
                                            const char **why);
#endif
