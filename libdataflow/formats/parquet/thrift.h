/* SPDX-License-Identifier: Apache-2.0
 * thrift.h: what Parquet uses of Thrift's compact protocol. A writer appends to a buffer; a reader
 * checks every length against the bytes that are there and answers no more after the first fault.
 */
#ifndef DF_PARQUET_THRIFT_H
#define DF_PARQUET_THRIFT_H

#include "dataflow.h"
#include "util/buf.h"

enum {
    DF__THRIFT_STOP,
    DF__THRIFT_TRUE,
    DF__THRIFT_FALSE,
    DF__THRIFT_BYTE,
    DF__THRIFT_I16,
    DF__THRIFT_I32,
    DF__THRIFT_I64,
    DF__THRIFT_DOUBLE,
    DF__THRIFT_BINARY,
    DF__THRIFT_LIST,
    DF__THRIFT_SET,
    DF__THRIFT_MAP,
    DF__THRIFT_STRUCT,
    DF__THRIFT_DEPTH = 24 /* structs in structs */
};

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct df__thrift_out {
    df__buf *b;
    int16_t last[DF__THRIFT_DEPTH]; /* field ids are written as steps from the one before */
    int depth;
} df__thrift_out;

/* The fields that follow are of a new struct: the outermost, or an element of a list. */
void df__thrift_begin(df__thrift_out *t);
/* The struct is complete. */
void df__thrift_end(df__thrift_out *t);
/* A field that is a struct: its fields follow, then df__thrift_end. */
void df__thrift_struct(df__thrift_out *t, int id);
/* A field that is a list: `count` elements of that type follow. */
void df__thrift_list(df__thrift_out *t, int id, int type, size_t count);
/* Fields of plain types. */
void df__thrift_i16(df__thrift_out *t, int id, int v);
void df__thrift_i32(df__thrift_out *t, int id, int32_t v);
void df__thrift_i64(df__thrift_out *t, int id, int64_t v);
void df__thrift_bool(df__thrift_out *t, int id, int v);
void df__thrift_bytes(df__thrift_out *t, int id, df_bytes v);
void df__thrift_text(df__thrift_out *t, int id, const char *v);
/* Elements of lists. */
void df__thrift_one_int(df__thrift_out *t, int64_t v);
void df__thrift_one_bool(df__thrift_out *t, int v);
void df__thrift_one_bytes(df__thrift_out *t, df_bytes v);

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct df__thrift_in {
    const unsigned char *p, *end;
    int16_t last[DF__THRIFT_DEPTH];
    int depth;
    int type; /* of the field that was found */
    int bad;  /* damaged: nothing more is read */
} df__thrift_in;

/* Begins at the bytes; a struct follows. */
void df__thrift_open(df__thrift_in *t, df_bytes bytes);
/* Enters the struct that is a field or an element. */
void df__thrift_enter(df__thrift_in *t);
/* The id of the next field, whose type is in t->type; -1: the struct ends, or is damaged. */
int df__thrift_next(df__thrift_in *t);
/* Reads over the field that was found. */
void df__thrift_skip(df__thrift_in *t);
/* An integer of the field or element, of any width; anything else makes it bad. */
int64_t df__thrift_read_int(df__thrift_in *t);
/* The same, bad when it is not of 32 bits. */
int32_t df__thrift_read_i32(df__thrift_in *t);
/* A bool that is a field. */
int df__thrift_read_bool(df__thrift_in *t);
/* Bytes of the field or element, borrowed. */
df_bytes df__thrift_read_bytes(df__thrift_in *t);
/* The number of elements of a list, each of which takes a byte at least; their type is in t->type.
 */
size_t df__thrift_read_list(df__thrift_in *t);

#endif
