/* SPDX-License-Identifier: Apache-2.0
 * avro.h: what the library itself calls of the Avro codec, beside what dataflow_avro.h has: the
 * same without a stage, and object container files. docs/avro.md says what it means. Nothing here
 * does I/O. A schema and a program may be used by several threads; each call has its own decoder or
 * buffer. */
#ifndef DF_AVRO_AVRO_H
#define DF_AVRO_AVRO_H

#include "dataflow_avro.h"
#include "record/record.h"

enum { DF__AVRO_TEXT = 512 };
typedef struct df__avro_error {
    char text[DF__AVRO_TEXT]; /* one line: where and what; no value of a record */
} df__avro_error;

/* ---- schema ---------------------------------------------------------------------------------- */

typedef struct df__avro_source {
    df_bytes text;
    const df_avro_schema *const *refs;
    size_t ref_count;
} df__avro_source;
/* Parses the JSON text of a schema. `refs` are schemas whose names it may use; it holds them.
 * DF_ESPEC: error->text names the place ("$.fields[2].type") and what is wrong. DF_ENOMEM. */
int df__avro_parse(const df__heap *heap, const df__avro_source *from, df_avro_schema **ret,
                   df__avro_error *error);

/* ---- decoding -------------------------------------------------------------------------------- */

typedef struct df__avro_plan {
    const df_avro_schema *writer, *reader;
    unsigned flags;
} df__avro_plan;
/* A program that reads what `writer` wrote; `reader` NULL: as it was written, else resolved to it.
 * DF_ESPEC: no data could be resolved. Freed by df_avro_program_free; arenas hold it too. */
int df__avro_compile(const df__heap *heap, const df__avro_plan *plan, df_avro_program **ret,
                     df__avro_error *error);

/* The value of `body` becomes the record's. Texts are not copied: `body` lives as long as the
 * record's arena (its payload does). All of `body` has to be consumed. An object has a schema then.
 * DF_EDATA: the record is as it was, and error->text names the field; DF_ENOMEM. */
int df__avro_decode(const df_avro_program *program, df_record *r, df_bytes body,
                    df__avro_error *error);
/* The same, but the value is not the record's; it lives as long as the record's arena. */
int df__avro_decode_apart(const df_avro_program *program, df_record *r, df_bytes body,
                          df_value *ret, df__avro_error *error);
typedef struct df__avro_input {
    df_bytes body;
    size_t used;
} df__avro_input;
/* The same of one value at the start of `body`, of which in->used bytes are used; not the record's
 * but free-standing. */
int df__avro_decode_value(const df_avro_program *program, df__arena *arena, df__avro_input *in,
                          df_value *ret, df__avro_error *error);

/* ---- encoding -------------------------------------------------------------------------------- */

/* Appends the value as the schema says, exactly. DF_EDATA: it does not fit, error->text names the
 * field; DF_ENOMEM. In both cases `out` has its former length. */
int df__avro_encode(const df_avro_schema *schema, const df_value *value, df__buf *out,
                    df__avro_error *error);

/* ---- from columns ---------------------------------------------------------------------------- */

/* Appends the text of a schema whose record takes every value that the columns may have. DF_ESPEC:
 * a name is none of Avro; DF_ENOMEM. */
int df__avro_from_columns(const df_schema *columns, df_bytes name, df__buf *out,
                          df__avro_error *error);

/* ---- object container files ------------------------------------------------------------------ */

typedef struct df__avro_file df__avro_file;
/* Reads the header of a file that is in memory; `data` lives as long as the file. DF_EDATA,
 * DF_ESPEC (its schema), DF_ENOMEM. */
int df__avro_file_open(const df__heap *heap, df_bytes data, df__avro_file **ret,
                       df__avro_error *error);
/* What the header says its values are; lives as long as the file. */
const df_avro_schema *df__avro_file_schema(const df__avro_file *file);
/* Metadata of the header by name; data NULL: none. */
df_bytes df__avro_file_meta(const df__avro_file *file, const char *name);
/* The next value, in `arena`; its texts live until a value of another block is read, and as long as
 * the arena. DF_DONE at the end; DF_EDATA. `program` reads the file's schema. */
int df__avro_file_next(df__avro_file *file, const df_avro_program *program, df__arena *arena,
                       df_value *ret, df__avro_error *error);
/* Frees the reader, not the bytes it read. NULL is nothing. */
void df__avro_file_free(df__avro_file *file);

typedef struct df__avro_writer df__avro_writer;
typedef struct df__avro_file_options {
    df_bytes schema_text;           /* written as it is */
    const df_avro_schema *schema;   /* what it says */
    const char *codec;              /* "null" (NULL too) or "deflate" */
    const df_pair *meta;            /* further metadata */
    size_t meta_count, block_bytes; /* 0: 64 KiB */
    unsigned char sync[16];         /* random bytes of the caller */
} df__avro_file_options;
/* Writes the header to `out`, to which everything else goes as well. DF_EINVAL: the codec. */
int df__avro_writer_new(const df__heap *heap, const df__avro_file_options *options, df__buf *out,
                        df__avro_writer **ret, df__avro_error *error);
/* Adds a value to the block that is begun, and writes the block when it is full. DF_EDATA: it does
 * not fit the schema, and nothing is added; DF_ENOMEM. */
int df__avro_writer_add(df__avro_writer *w, const df_value *value, df__avro_error *error);
/* Writes the block that is begun, if it has values; the file is whole after it. DF_ENOMEM. */
int df__avro_writer_flush(df__avro_writer *w);
/* Frees the writer, not `out`; a block that was not flushed is lost. NULL is nothing. */
void df__avro_writer_free(df__avro_writer *w);

/* ---- framing --------------------------------------------------------------------------------- */

typedef struct df__avro_frame {
    uint32_t id; /* of the schema */
    df_bytes body;
} df__avro_frame;
/* DF_EDATA: it is no such message; error->text says what it looks like. */
int df__avro_frame_read(df_bytes payload, df__avro_frame *ret, df__avro_error *error);

#endif
