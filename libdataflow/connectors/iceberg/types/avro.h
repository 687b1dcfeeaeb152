/* SPDX-License-Identifier: Apache-2.0
 * avro.h: Avro container files as Iceberg's metadata has them: fields are known by `field-id`,
 * whatever their names are. formats/avro is for records of flows and has no ids. Pure.
 * Source: Avro specification 1.12, "Object Container Files", and the Iceberg table specification,
 * Appendix A. */
#ifndef DF_ICEBERG_AVRO_H
#define DF_ICEBERG_AVRO_H

#include "dataflow_ext.h"
#include "util/arena.h"
#include "util/buf.h"

enum df__ice_avro_kind {
    ICE_AVRO_NULL,
    ICE_AVRO_LONG, /* boolean, int, long, enum */
    ICE_AVRO_DOUBLE,
    ICE_AVRO_BYTES, /* string, bytes, fixed */
    ICE_AVRO_LIST,  /* array */
    ICE_AVRO_RECORD
};

typedef struct df__ice_avro_node df__ice_avro_node; /* a type of the file's schema */
typedef struct df__ice_avro_value df__ice_avro_value;
struct df__ice_avro_value {
    enum df__ice_avro_kind kind;
    int64_t number;
    double real;
    df_bytes bytes;
    const df__ice_avro_value *items; /* of a list; of a record in the order of its fields */
    size_t count;
    const df__ice_avro_node *type; /* of a record */
};

typedef struct df__ice_avro_file {
    df__arena arena; /* schema and header */
    const df__heap *heap;
    df_bytes rest; /* blocks that are not read yet */
    unsigned char sync[16];
    int deflated;
    const df__ice_avro_node *root;
    df_bytes meta; /* the header's map */
    df__buf block; /* the block at hand, unpacked */
    size_t at;
    int64_t left; /* values of it that are not read yet */
    const char *why;
} df__ice_avro_file;

/* Reads the header of a file that is in memory; `data` lives as long as the file. DF_EDATA: with
 * file->why; DF_ENOMEM. df__ice_avro_close in any case. */
int df__ice_avro_open(const df__heap *heap, df_bytes data, df__ice_avro_file *ret);
/* Frees it. */
void df__ice_avro_close(df__ice_avro_file *f);
/* The next record, in `arena`; its bytes live until the next call. DF_DONE at the end; DF_EDATA. */
int df__ice_avro_next(df__ice_avro_file *f, df__arena *arena, df__ice_avro_value *ret);
/* The field of that id of a record; an ICE_AVRO_NULL one when it has none. */
const df__ice_avro_value *df__ice_avro_field(const df__ice_avro_value *record, int id);
/* The id of its i-th field; -1: it has none. */
int df__ice_avro_id(const df__ice_avro_value *record, size_t i);
/* Its number; `missing` when it is null. */
int64_t df__ice_avro_number(const df__ice_avro_value *record, int id, int64_t missing);

/* ---- writing: values are appended to a buffer, the file is put together of them ---------------
 */

void df__ice_put_long(df__buf *b, int64_t v);
/* Length and bytes. */
void df__ice_put_bytes(df__buf *b, const void *data, size_t len);
void df__ice_put_text(df__buf *b, const char *text);
typedef struct df__ice_avro_parts {
    const char *schema;  /* its text */
    const df_pair *meta; /* further metadata */
    size_t meta_count;
    df_bytes values; /* one after the other */
    int64_t count;
    unsigned char sync[16];
} df__ice_avro_parts;
/* Appends a whole file of one deflated block. DF_ENOMEM. */
int df__ice_avro_write(df__buf *out, const df__ice_avro_parts *parts);

#endif
