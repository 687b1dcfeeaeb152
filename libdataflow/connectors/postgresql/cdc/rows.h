/* SPDX-License-Identifier: Apache-2.0
 * rows.h: a change of a row as a record, in either envelope. Snapshot and stream both come through
 * here, so that a row has the same values whichever way it came. */
#ifndef DF_PG_ROWS_H
#define DF_PG_ROWS_H

#include "relation.h"
#include "types/decode.h"

enum df__pg_envelope { PG_ENVELOPE_ROW, PG_ENVELOPE_DEBEZIUM };

/* How a row came, when not as a change. */
enum df__pg_read { PG_READ_NOT, PG_READ_FIRST, PG_READ_AGAIN };

typedef struct df__pg_change {
    uint32_t op;   /* DF_OP_... */
    char old_kind; /* of `old`: K, O, 0: there is none */
    enum df__pg_read read;
    const df__pgo_value *row, *old; /* a value for each column of the relation; NULL: none */
    uint64_t lsn;
    uint64_t committed; /* end of the commit that came before; 0: not known */
    uint32_t xid;       /* 0: none */
    int64_t time_us;    /* of the commit; of the snapshot */
    uint32_t partition;
} df__pg_change;

typedef struct df__pg_rows {
    enum df__pg_envelope envelope;
    const char *database; /* for the source block */
    df_bytes pipeline;    /* name of the source there */
    df__pg_decode decode;
    df_value *values; /* of the columns that are kept */
    size_t cap;
    df__buf text; /* of the key, of what cannot be decoded */
} df__pg_rows;

/* Sets what makes records; envelope, database and pipeline are the caller's. `heap` must stay where
 * it is. */
void df__pg_rows_init(df__pg_rows *rows, const df__heap *heap);
/* Frees its buffers. */
void df__pg_rows_free(df__pg_rows *rows);
/* Adds a change of a row as a record. A value that cannot be read makes a refused record with the
 * row as text. DF_ENOMEM, or as df_batch_add. */
int df__pg_rows_add(df__pg_rows *rows, const df__pg_relation *rel, const df__pg_change *change,
                    df_batch *into);
/* The same for a table that was emptied: a record without a row. */
int df__pg_rows_truncate(df__pg_rows *rows, const df__pg_relation *rel, const df__pg_change *change,
                         df_batch *into);
/* The same for a message of pg_logical_emit_message. */
int df__pg_rows_message(df__pg_rows *rows, const df__pgo_message *m, const df__pg_change *change,
                        df_batch *into);

/* ---- envelope.c ------------------------------------------------------------------------------ */

/* Debezium's event around the row before and after, either ABSENT. relation NULL: a message, which
 * is the second one. */
int df__pg_envelope_put(df__pg_rows *rows, df_record *r, const df__pg_relation *rel,
                        const df__pg_change *change, const df_value images[2]);
/* Puts a value under a name into an object of the record. DF_ENOMEM. */
int df__pg_put(df_record *r, df_value *object, const char *name, const df_value *value);
/* A STRING that borrows the text. */
df_value df__pg_text_value(df_bytes text);
/* An INT. */
df_value df__pg_int_value(int64_t n);

#endif
