/* SPDX-License-Identifier: Apache-2.0
 *
 * dataflow_avro.h: the library's Avro codec, for connectors whose system speaks Avro. Read
 * dataflow_ext.h first. What the codec makes of each type, and what it refuses, is in docs/avro.md.
 *
 * THE STORY. Nothing here does I/O. A connector gets the text of a schema from wherever it is kept,
 * parses it once, and keeps it. To read, it compiles the schema that the bytes were written with to
 * a program, once, and runs that over the payload of each record: the record has a value and a
 * schema of its columns then. To write, it has the value of each record written by a schema.
 *
 *     df_bytes payload, body;                          in read, for each record
 *     uint32_t id;
 *     df_record_payload(r, &payload);
 *     rc = df_avro_frame_read(a, payload, &id, &body);
 *     if (rc == DF_OK)
 *         rc = df_avro_decode(a, program_of(id), r, body);
 *     if (rc == DF_EDATA)
 *         df_record_reject(r, rc, "invalid_data", df_avro_error(a));
 *
 *     df_value value;                                  in write, for each record
 *     rc = df_parcel_root(parcel, i, &value);
 *     if (rc == DF_OK)
 *         rc = df_avro_encode(a, schema, &value, frame, &bytes);
 *     if (rc == DF_EDATA)
 *         df_parcel_reject(parcel, i, "invalid_data", df_avro_error(a));
 *
 * WORDS.
 *   codec      df_avro: what one thread of a stage encodes and decodes with; it has the text of the
 *              last failure, and the bytes that were written last
 *   schema     a parsed schema text: never changes, is counted, serves any thread
 *   reference  a schema whose names another one uses
 *   writer     the schema that bytes were written with
 *   reader     the schema that they are wanted in; without one, as they were written
 *   program    what writer and reader are compiled to; serves any thread
 *   body       the bytes of one value
 *   frame      what the clients of a schema registry put before a body
 *   wrapper    {"long": 1} for the value of a union
 *
 * ANSWERS. DF_OK, or with a text in df_avro_error: DF_ESPEC, a schema is wrong, or reader and
 * writer can never fit; DF_EDATA, these bytes or this value do not fit, and the text names the
 * field and shows no value. DF_ENOMEM. After a failure nothing is as if half of it had been done.
 *
 * THREADS. A codec is used by one thread at a time. Schemas and programs are held, used and freed
 * on any.
 */
#ifndef DATAFLOW_AVRO_H
#define DATAFLOW_AVRO_H

#include "dataflow_ext.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct df_avro df_avro;
typedef struct df_avro_schema df_avro_schema;
typedef struct df_avro_program df_avro_program;

/* ---- codec ---------------------------------------------------------------------------------- */

/* One for each instance, freed before the instance is: in its close. NULL: no memory. */
DF_API df_avro *df_avro_new(df_stage *st);
/* Ends the codec, with the text of its last failure and the bytes it wrote last. Schemas and
 * programs that it made live on. NULL is nothing. */
DF_API void df_avro_free(df_avro *a);
/* One line about the last call that failed: where and what. Lives until the next one fails. */
DF_API const char *df_avro_error(const df_avro *a);

/* ---- schemas -------------------------------------------------------------------------------- */

/* Parses the JSON text of a schema; it may use the names of `refs`, and holds them. DF_ESPEC: the
 * text names the place ("$.fields[2].type"). */
DF_API int df_avro_parse(df_avro *a, df_bytes text, const df_avro_schema *const *refs,
                         size_t ref_count, df_avro_schema **ret);
/* Another hold on it, to be given back with df_avro_schema_free; returns schema. NULL is nothing.
 * Any thread. */
DF_API df_avro_schema *df_avro_schema_hold(const df_avro_schema *schema);
/* Gives one hold back; the last one frees it, and gives those on its references back. NULL is
 * nothing. Any thread. */
DF_API void df_avro_schema_free(df_avro_schema *schema);
/* The full name of a record, an enum or a fixed ("shop.Order"); data NULL: a type without a name.
 * Lives as long as the schema. */
DF_API df_bytes df_avro_schema_name(const df_avro_schema *schema);

/* ---- reading -------------------------------------------------------------------------------- */

enum {
    DF_AVRO_WRAP = 1,    /* a union's value in its wrapper; null has none */
    DF_AVRO_COLLAPSE = 2 /* an object that has a list under "array" and nothing else is the list */
};
/* What reads bodies of `writer` as `reader` has them (NULL: as they were written); flags
 * DF_AVRO_... DF_ESPEC: no body could be read so. */
DF_API int df_avro_compile(df_avro *a, const df_avro_schema *writer, const df_avro_schema *reader,
                           unsigned flags, df_avro_program **ret);
/* Records that were read with it keep what they need of it. NULL is nothing. */
DF_API void df_avro_program_free(df_avro_program *program);
/* The columns of the objects that it reads; lives as long as the program. NULL: its values are no
 * objects, or not always. */
DF_API const df_schema *df_avro_columns(const df_avro_program *program);
/* The value of `body` becomes the record's, in place of its payload. `body` is a part of that
 * payload, or of the key, or lives as long as the batch: texts are not copied. All of it has to be
 * used. The record's schema is df_avro_columns then. DF_EDATA: the record is as it was. */
DF_API int df_avro_decode(df_avro *a, const df_avro_program *program, df_record *r, df_bytes body);
/* The same, but the value is no part of the record: for its key. It lives as long as the batch. */
DF_API int df_avro_value(df_avro *a, const df_avro_program *program, df_record *r, df_bytes body,
                         df_value *ret);

/* ---- writing -------------------------------------------------------------------------------- */

/* The value as the schema says, exactly, after the bytes of `before` (a frame; len 0: none). ret
 * lives until the next df_avro_encode or df_avro_schema_of with this codec. DF_EDATA: the value
 * does not fit the schema; DF_ENOMEM. */
DF_API int df_avro_encode(df_avro *a, const df_avro_schema *schema, const df_value *value,
                          df_bytes before, df_bytes *ret);

/* The text of a schema for records with these columns, to be registered: a record named `name` that
 * takes every value they may have (docs/avro.md). ret lives as that of df_avro_encode. DF_ESPEC:
 * the name, or that of a column, is none of Avro. */
DF_API int df_avro_schema_of(df_avro *a, const df_schema *columns, df_bytes name, df_bytes *ret);

/* ---- frames --------------------------------------------------------------------------------- */

enum { DF_AVRO_FRAME = 5 }; /* bytes: 0, then the schema's number, big-endian */
/* Parts a payload into the number of its schema and the body, which is a part of the payload.
 * DF_EDATA: it has no such frame, and the text says what it looks like. */
DF_API int df_avro_frame_read(df_avro *a, df_bytes payload, uint32_t *ret_id, df_bytes *ret_body);
/* Writes the frame of schema number `id`, for `before` of df_avro_encode. */
DF_API void df_avro_frame_write(uint32_t id, unsigned char ret[DF_AVRO_FRAME]);
/* Headers under which newer clients keep the GUID of the schema; the payload is the body then. */
#define DF_AVRO_VALUE_HEADER "__value_schema_id"
#define DF_AVRO_KEY_HEADER "__key_schema_id"
/* The GUID of such a header as text, 36 characters and a NUL. DF_EDATA: it is none; no text
 * is set. */
DF_API int df_avro_guid(df_bytes header, char ret[37]);

#ifdef __cplusplus
}
#endif
#endif
