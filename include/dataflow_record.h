/* SPDX-License-Identifier: Apache-2.0
 *
 * dataflow_record.h: one record, as the code of a source, a transform or a sink sees it: its value,
 * its schema, how it is changed and where it goes. dataflow_ext.h includes it and says when that
 * code is called. Read the parts "plain data" and "records" of dataflow.h first: df_value is there,
 * and so is what a host may do with a record as well (df_record_get, df_record_set, ...).
 *
 * THE STORY. A record is bytes until something asks for its value; then its payload is parsed,
 * once, and stays a tree. A source that knows types builds the tree itself. Transforms read and
 * edit the tree in place; a payload that was not edited leaves as the bytes that came. A sink looks
 * at the tree, or takes the payload, which is written from an edited tree once.
 *
 * WORDS.
 *   payload      the bytes of the value; null in a tombstone
 *   value        what the payload says when it is JSON, or what a source built; of all types of
 *                df_value, not only those of JSON
 *   root         the whole value: object, array or scalar
 *   container    an OBJECT or an ARRAY; a name may occur twice in an object, the last one counts
 *   path         where a value lies in the root; with wildcards it leads to many hits
 *   walk         a loop over members or hits that can be interrupted
 *   metadata     scalars that travel beside the value: of the partition, of the record, and those
 *                that the core derives (offset, time, ...)
 *   schema       what is known of the members of the root, when that is an object
 *   before image the row as it was before an update or a delete, or its key alone
 *   live         not dropped and not rejected
 *   child        a record that an expansion made of another one, its parent
 *   parcel       records given to one sink together; there a record is read-only
 *
 * BORROWED. What is read from a record lives until the record changes or the operation returns. In
 * a parcel a value lives until another record of it is looked into, a payload until the parcel
 * settles. Texts are not NUL-terminated. What is given to a record is copied, but a container that
 * was made with df_value_new is moved to where it is put.
 *
 * ORDER OF EDITS. Each edit of the value drops the schema and the before image, which described the
 * value before it. So: read all that has to fit together, edit, and set schema and before image
 * last. Key, headers, operation, time and metadata are apart from the value, in any order.
 *
 * ANSWERS. DF_EDATA: the payload is not JSON, or a value is not what was asked for. Nothing is
 * rejected by that: the code that gets it decides, with df_record_reject. DF_ENOMEM: the value is
 * as it was, or partly edited; return it from the operation. A value that is missing is no failure:
 * DF_OK and ABSENT.
 *
 * THREADS. On the thread that runs the operation; schemas may be held and freed on any.
 */
#ifndef DATAFLOW_RECORD_H
#define DATAFLOW_RECORD_H

#include "dataflow.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct df_stage df_stage;         /* one running instance, as its own code sees it */
typedef struct df_condition df_condition; /* compiled; immutable */
typedef struct df_columns df_columns;     /* an ordered set of column names, compiled once */
typedef struct df_schema df_schema;       /* the columns of records: immutable, counted, shared */

/* ---- values --------------------------------------------------------------------------------- */

typedef struct df_walk {
    const void *at[4];
    size_t index;
    df_bytes name; /* of a member; data NULL in arrays */
    df_value value;
} df_walk;
/* Walks the members of an OBJECT or ARRAY in their order, all of one name too: start with a zeroed
 * walk; DF_DONE past the last, and at once for what is no container. */
DF_API int df_value_walk(const df_value *container, df_walk *walk);
/* Member of an object by name (the last one of that name); ABSENT: none, or no object. DF_OK. */
DF_API int df_value_member(const df_value *object, df_bytes name, df_value *ret);
/* A number as an integer, exactly ("10.0" too). DF_EDATA: no number, a fraction, or over 64 bits;
 * a STRING is no number. */
DF_API int df_value_int(const df_value *v, int64_t *ret);
/* The nearest double. DF_EDATA: no number. */
DF_API int df_value_double(const df_value *v, double *ret);
/* The value as text for people and comparison: strings without quotes, numbers as written, trees
 * as JSON. Like snprintf: returns the length, writes at most len bytes, no NUL. */
DF_API size_t df_value_text(const df_value *v, char *buf, size_t len);
/* The value as JSON; what JSON does not have as df_value says. Like snprintf: returns the length,
 * writes at most len bytes, no NUL. Call it twice rather than guess the length. */
DF_API size_t df_value_json(const df_value *v, char *buf, size_t len);
/* 1: the value and all in it are of types that JSON has, so its JSON is the same value. */
DF_API int df_value_is_json(const df_value *v);

/* ---- reading a record ----------------------------------------------------------------------- */

/* The whole value: object, array or scalar. DF_EDATA: not JSON (the record is not rejected). */
DF_API int df_record_root(df_record *r, df_value *ret);
/* Every hit of a path with wildcards, in the order of the document: start with a zeroed walk, one
 * hit a call, then DF_DONE. DF_EDATA: not JSON; DF_ENOMEM. Between two calls the hit may be
 * replaced (df_walk_set); after any other edit of the record begin anew. */
DF_API int df_path_each(const df_path *path, df_record *r, df_walk *walk);
/* 1: the path has no wildcard, so it has one hit at most and df_record_get finds all. */
DF_API int df_path_is_single(const df_path *path);
/* The last name of a path ("id" of $.u.id); data NULL when it ends in an index or wildcard. */
DF_API df_bytes df_path_leaf(const df_path *path);
/* The path as it was written, for texts. Lives as long as the path, as what df_path_leaf gives. */
DF_API df_bytes df_path_text(const df_path *path);
/* 1: it holds; 0: it does not, or the payload is not JSON or has no memory to be parsed. */
DF_API int df_condition_test(const df_condition *c, df_record *r);
/* Walks metadata that the record has, headers left out: partition metadata, then its own, then what
 * the core derives (offset, time, ...). Start with a zeroed walk; name and value are borrowed from
 * the record. DF_DONE. */
DF_API int df_meta_walk(const df_record *r, df_walk *walk);

/* ---- changing a record ---------------------------------------------------------------------- */

/* Another whole value; a part of the record's own value needs no copy. UNCHANGED leaves it as it
 * is. DF_EINVAL: ABSENT; DF_EDATA: it had to be JSON (df_record_json_only) and was not; DF_ENOMEM.
 */
DF_API int df_record_set_root(df_record *r, const df_value *value);
/* Another payload, JSON or not, in place of the value and all edits of it; schema and before image
 * go. Copied. data NULL: tombstone. DF_ENOMEM. */
DF_API int df_record_set_payload(df_record *r, df_bytes payload);
/* Another key; copied, data NULL: no key. The bytes of the old one stay in the batch's memory, so
 * set it once. DF_ENOMEM: the key is as it was. */
DF_API int df_record_set_key(df_record *r, df_bytes key);
/* All headers anew, copied, in this order; a name may occur twice. To add one, give the old ones
 * too (df_record_header): they may be borrowed from this record. count 0: none. DF_ENOMEM,
 * DF_EINVAL (too many): the headers are as they were. */
DF_API int df_record_set_headers(df_record *r, const df_header *headers, size_t count);
/* DF_OP_...; DF_EINVAL: none of these. */
DF_API int df_record_set_op(df_record *r, uint32_t op);
/* Time of the event, µs since 1970; what lag and end-to-end times are measured by. DF_OK. */
DF_API int df_record_set_time(df_record *r, int64_t time_us);
/* An empty OBJECT or ARRAY (from->u.node NULL), or a copy of a scalar or tree, in the record's
 * memory. It is no part of the value until df_value_put or df_record_set_root places it. DF_ENOMEM.
 */
DF_API int df_value_new(df_record *r, const df_value *from, df_value *ret);
/* JSON text as a value in the record's memory, to be placed like any other. DF_EDATA: not JSON;
 * DF_ENOMEM. */
DF_API int df_value_parse(df_record *r, df_bytes json, df_value *ret);
/* Puts a member of any type, UNCHANGED too, at the end, or over the one of that name (the first;
 * others of that name are removed). `value` is moved when it is a container made with df_value_new
 * and not yet placed, else copied. ABSENT removes. Arrays: name is ignored, appends. DF_EINVAL: no
 * container, or it would hold itself; DF_ENOMEM. */
DF_API int df_value_put(df_record *r, df_value *container, df_bytes name, const df_value *value);
/* Renames a member in place, keeping its position; another member that has the new name goes. Names
 * are copied. DF_ENOTFOUND; DF_EINVAL: no object; DF_ENOMEM. */
DF_API int df_value_rename(df_record *r, df_value *object, df_bytes from, df_bytes to);
/* Replaces the value at the walk's place (as df_path_each or df_value_walk found it); ABSENT
 * removes it, UNCHANGED leaves it. The walk goes on after it. DF_ESTATE: the walk is at no place;
 * DF_ENOTFOUND: it was removed meanwhile; DF_ENOMEM. */
DF_API int df_walk_set(df_record *r, df_walk *walk, const df_value *value);

/* ---- where a record goes -------------------------------------------------------------------- */

/* The record ends here, on purpose: counted as filtered, and its position may be passed. One that
 * has to be JSON (df_record_json_only) and is not is refused instead. */
DF_API void df_record_drop(df_record *r);
/* Leaves the transform through `exit` (the number in an option of type DF_OPT_STAGE) instead of the
 * exit "out"; dispatch is after the last transform, a later route wins. `label` (copied) names the
 * route in metadata. DF_EINVAL: no such number; DF_ENOMEM. */
DF_API int df_record_route(df_record *r, int exit, const char *label);
/* Leaves through the error exit, with what was read: reason word for metrics (docs/errors.md; NULL:
 * from the status), text for people, both copied. No value of the record in the text unless
 * show_values says so. The first reason stays. Returns status, so that it can be `return`ed where
 * that fits; to go on with the batch, do not. */
DF_API int df_record_reject(df_record *r, int status, const char *reason, const char *text);
/* In read: the payload has to be JSON. One that is not is refused when it is first looked into,
 * before a sink at the latest; no stage can drop it. `hint` (static) says what to do about it. */
DF_API void df_record_json_only(df_record *r, const char *hint);

/* ---- the records of a batch ----------------------------------------------------------------- */

/* Number of records, dropped and rejected ones too. `apply` may be called for a part of what was
 * read together. */
DF_API size_t df_batch_count(const df_batch *b);
/* A record by index, below df_batch_count, which is not checked. Dropped and rejected ones are not
 * skipped: see df_record_live. Borrowed until the operation returns. */
DF_API df_record *df_batch_at(df_batch *b, size_t index);
/* True until the record was dropped or rejected. For a stage with `when`: true only where the
 * condition holds. */
DF_API int df_record_live(const df_record *r);
/* Emits a child of `parent`, a record of `in`, into `out`: it shares key, headers, time, metadata
 * and the payload until one is set; an edit changes the child alone. The parent ends when the
 * expansion is through, and its position waits for all its children. Values of the parent that were
 * read before stay readable; what is read of it afterwards may be a copy, so take all that has to
 * fit together before the first child. DF_ENOMEM. */
DF_API int df_batch_emit(df_batch *out, df_record *parent, df_record **ret_child);
/* Moves a record of `in` to `out` unchanged; it is not to be touched in `in` any more. One that is
 * not live stays, and ends where it is: DF_OK as well. DF_ENOMEM. */
DF_API int df_batch_pass(df_batch *out, df_record *r);
/* Sixteen words kept with `in` between the calls of one expansion; zeroed at the first. Indexes
 * fit: `in` is the same batch with the same records, dropped and rejected ones included. */
DF_API uint64_t *df_batch_cursor(df_batch *in);

/* ---- schema: what is known of the columns of records --------------------------------------- */

/* A source that knows its columns makes a schema once and lets its records point to it. It says of
 * a record: its root is an object, and has members of these names only; a value is of the type
 * named, or null, UNCHANGED, or missing. Sinks use it (real types of a table they make, its key,
 * which row a delete means) and guess without one. Every edit of a record's value drops its schema
 * and its before image; a transform that knows better puts the schema back as it is then. */
typedef struct df_field {
    size_t size;
    const char *name;
    int type;             /* DF_V_...; DF_V_ABSENT: not known, or several */
    int item;             /* ARRAY: type of the elements; DF_V_ABSENT: not known, or several */
    int32_t zone;         /* of TIMESTAMPs: DF_ZONE_NONE without a zone; else 0 */
    int precision, scale; /* NUMBER: digits, and those after the point; precision 0: any */
    unsigned flags;
} df_field;
enum {
    DF_FIELD_KEY = 1,     /* part of the key: the marked fields together name one row */
    DF_FIELD_NOT_NULL = 2 /* the source has no null there; a delete may still come without it */
};

/* Copies the fields. What `ret` gets is yours; records and partitions that point to it hold it for
 * themselves. DF_EINVAL: a field without a name, a name twice, or a type that is none. */
DF_API int df_schema_new(df_stage *st, const df_field *fields, size_t count, df_schema **ret);
/* Another hold on it, to be given back with df_schema_free; returns schema. NULL is nothing. Any
 * thread. */
DF_API df_schema *df_schema_hold(const df_schema *schema);
/* Gives one hold back; the last one frees it. NULL is nothing. Any thread. */
DF_API void df_schema_free(df_schema *schema);
/* Its fields in their order, to be walked with DF_ROW; live as long as the schema. */
DF_API const df_field *df_schema_fields(const df_schema *schema, size_t *ret_count);
/* A field by its name. NULL: none. */
DF_API const df_field *df_schema_field(const df_schema *schema, df_bytes name);
/* The whole value at once, for a source of rows: an object with the fields of the schema as
 * members, in their order, and this schema. values[i] is of field i; ABSENT leaves it out;
 * containers are those of this record (df_value_new, df_value_parse). Much cheaper than a
 * df_value_put each. DF_EDATA: a string that is not UTF-8, a NUMBER that is none; DF_ENOMEM. */
DF_API int df_record_set_row(df_record *r, const df_schema *schema, const df_value *values);
/* Of one record, after its last edit; NULL: none, and no before image. DF_ENOMEM. */
DF_API int df_record_set_schema(df_record *r, const df_schema *schema);
/* What df_record_set_schema, or the record's partition, gave it and no edit has dropped since.
 * NULL: none. Lives as long as the batch or parcel; df_schema_hold keeps it. */
DF_API const df_schema *df_record_schema(const df_record *r);
/* The row as it was before an update or a delete, or its key alone: an OBJECT, which is copied.
 * After the last edit. DF_EINVAL: no object; DF_ENOMEM. */
DF_API int df_record_set_before(df_record *r, const df_value *object);
/* What df_record_set_before gave it; ABSENT: none. DF_OK. */
DF_API int df_record_before(const df_record *r, df_value *ret);

/* ---- the records of a parcel ---------------------------------------------------------------- */

/* Compiles names of columns for df_parcel_row, in the order in which it fills; copied, alive as
 * long as the stage, so once for each table and not for each open. NULL: no memory. */
DF_API df_columns *df_columns_new(df_stage *st, const char *const *names, size_t count);
/* The root value of record `index`; borrowed until df_parcel_root, df_parcel_row or df_parcel_get
 * look into another record of this parcel. DF_EDATA: not JSON, text says why (df_parcel_error). */
DF_API int df_parcel_root(df_parcel *parcel, size_t index, df_value *ret);
/* Column names to values: fills ret_values[i] for column i (ABSENT when missing) and counts the
 * keys that are no column. Borrowed as df_parcel_root. DF_EDATA: not an object. */
DF_API int df_parcel_row(df_parcel *parcel, size_t index, df_columns *columns, df_value *ret_values,
                         size_t *ret_unknown);
/* Why the last df_parcel_root, df_parcel_row or df_parcel_get failed; "": none did. For
 * df_parcel_reject. Lives until the parcel settles or is given again. */
DF_API const char *df_parcel_error(const df_parcel *parcel);
/* Names record `index` as refused, in any order, before the answer or the settle that says so; see
 * write of df_sink_ops. Reason word as df_stage_fail, text for people; both copied, secrets
 * replaced. Naming one twice keeps the first reason; a new try begins with none named. DF_EINVAL:
 * no such record; DF_ENOMEM. */
DF_API int df_parcel_reject(df_parcel *parcel, size_t index, const char *reason, const char *text);
/* 1: record `index` was named so in this try; 0. */
DF_API int df_parcel_rejected(const df_parcel *parcel, size_t index);
/* 1: record `index` is an error record: its payload is the envelope of a record that was refused
 * (in JSON; docs/errors.md), key and headers are those of that record. Parcels of an error sink
 * have nothing else; those of a sink that has DF_TAKES_ERRORS have them among the others. One that
 * is refused itself comes once more without the bytes of the record, then the run ends. */
DF_API int df_parcel_is_error(const df_parcel *parcel, size_t index);
/* Of the records that are not rejected `count` are in order and nothing was written for them, on
 * purpose: the row was there (onConflict: skip). They settle with the others and are counted as
 * left out, not as sent. Before write answers or df_stage_settle; calls add up; a new try begins at
 * none. */
DF_API void df_parcel_left_out(df_parcel *parcel, size_t count);
/* Gives back a record of a parcel that was answered DF_ABSORBED, before its df_stage_settle: it
 * cannot be written after all (a type that only the end of the file shows). The core has let go of
 * its bytes, so `record` has them: payload, key, headers, time_us, offset and the number of the
 * partition (df_range.partition); all is copied. It leaves through the error exit when the parcel
 * settles with DF_OK, and is not counted as sent. Its error record has no metadata of the
 * partition. On the sink's thread, or on the one that settles the parcel, one call at a time.
 * DF_EINVAL: no such partition in the parcel, or all its records are back; DF_ESTATE: with
 * exactly-once (refuse in write, before absorbing); DF_ENOMEM. */
DF_API int df_parcel_return(df_parcel *parcel, const df_input *record, const char *reason,
                            const char *text);

/* ---- the codec of a source ------------------------------------------------------------------ */

/* The codec of a flow's source, for bytes that come another way: `dfproc replay` gives it what the
 * source could not read once. */
typedef struct df_decoder df_decoder;
/* Instead of a start; the pipeline outlives it. Connects to nothing yet. DF_ENOTSUP: what the
 * source reads is the value as it is. */
DF_API int df_decoder_open(df_pipeline *p, df_decoder **ret);
/* In another source, after df_batch_add: gives the record its value by its payload and headers, or
 * rejects it, as the source would. Waits for what it needs, 30 s at most, and not after
 * df_pipeline_stop(p, DF_STOP_NOW): DF_ECANCELED. DF_OK, also when it was rejected; a failure has
 * its text in df_pipeline_errmsg. */
DF_API int df_decoder_read(df_decoder *d, df_record *r);
/* Frees it; NULL is nothing. */
DF_API void df_decoder_close(df_decoder *d);

#ifdef __cplusplus
}
#endif
#endif
