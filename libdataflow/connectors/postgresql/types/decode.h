/* SPDX-License-Identifier: Apache-2.0
 * decode.h: a value as the server sends it, in its text form or in the one of its send function, as
 * a value of a record. Both forms give the same value, and one that the sink writes back as the
 * server had it. */
#ifndef DF_PG_DECODE_H
#define DF_PG_DECODE_H

#include "types.h"
#include "util/arena.h"

/*  boolean                 BOOL
 *  smallint .. bigint      INT
 *  real, double precision  DOUBLE; a real is the double that its shortest text reads as
 *  numeric                 NUMBER, with the zeros at its end; NaN and infinities DOUBLE
 *  bytea                   BYTES
 *  date, time, timestamp   DATE, TIME, TIMESTAMP without a zone; infinity and -infinity STRING
 *  timestamptz             TIMESTAMP in UTC; the same
 *  json, jsonb             a tree
 *  an array                ARRAY; STRING, its text, where the first element has not the index 1,
 * and for json[] with several dimensions all others              STRING, their text */
typedef struct df__pg_decode {
    df_record *record; /* set by the caller: arrays and JSON are built in its memory */
    df__arena memory;  /* of texts that are made: reset after each row */
    const char *why;   /* after DF_EDATA: static text */
} df__pg_decode;

/* No record, no memory taken yet. `heap` must stay where it is. */
void df__pg_decode_init(df__pg_decode *d, const df__heap *heap);
/* Frees the texts; values that borrow them are gone. */
void df__pg_decode_free(df__pg_decode *d);
/* NULL is the caller's. The value is borrowed from `in`, d->memory or the record. DF_EDATA with
 * d->why: no such value, or none that a record can hold; DF_ENOMEM. Session settings that the text
 * form relies on: DateStyle ISO, extra_float_digits at least 1. */
int df__pg_decode_text(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* The same for what the send function of the type writes. DF_EDATA also for a type that
 * df__pg_reads_binary denies. */
int df__pg_decode_binary(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* 1: the binary form is read. Arrays are not: those that do not begin at 1 are told as the server
 * writes them. */
int df__pg_reads_binary(const df__pg_type *t);
/* What values of the type are, for the schema of records: fills type, item, zone, precision and
 * scale. */
void df__pg_field_of(const df__pg_type *t, df_field *ret);

#endif
