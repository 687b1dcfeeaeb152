/* SPDX-License-Identifier: Apache-2.0
 * pgoutput.h: the messages of the pgoutput plug-in, protocol versions 1 to 4. Pure: bytes in, a
 * struct out that borrows from them. A message that is decoded is whole: walking its tuples and
 * columns cannot fail. */
#ifndef DF_PG_PGOUTPUT_H
#define DF_PG_PGOUTPUT_H

#include "dataflow.h"

/* A row on the wire. */
typedef struct df__pgo_tuple {
    uint16_t count;          /* of values */
    const unsigned char *at; /* NULL: there is none */
} df__pgo_tuple;

/* How a value comes: the letter on the wire. */
enum df__pgo_kind {
    PGO_KIND_NULL = 'n',
    PGO_KIND_UNCHANGED = 'u',
    PGO_KIND_TEXT = 't',
    PGO_KIND_BINARY = 'b'
};
typedef struct df__pgo_value {
    enum df__pgo_kind kind;
    df_bytes data; /* of PGO_KIND_TEXT and PGO_KIND_BINARY */
} df__pgo_value;

typedef struct df__pgo_column {
    int in_identity; /* part of what identifies a row: the key, an index, or every column */
    df_bytes name;   /* a zero follows it */
    uint32_t type;   /* OID */
    int32_t modifier;
} df__pgo_column;

typedef struct df__pgo_message {
    char kind;         /* the letter on the wire */
    uint32_t xid;      /* B S c A and two-phase: the transaction; in a streamed block: that of the
                          change, which may be a sub-transaction; else 0 */
    uint32_t subxid;   /* A: what is rolled back */
    uint64_t lsn;      /* B: where its commit stands; C c M O: as the message says */
    uint64_t end_lsn;  /* C c: after the commit */
    int64_t time_us;   /* B C c: of the commit, since 1970 */
    uint32_t relation; /* R I U D: the table; Y: the type */
    char identity;     /* R: d, n, f, i; U D: kind of `old`: K (key), O (row), 0: none */
    uint8_t flags;     /* S: first block; M: 1 in a transaction; T: 1 cascade, 2 identity */
    df_bytes schema, name;     /* R Y; M: name is the prefix; O: name; two-phase: the gid. A zero
                                  follows them */
    df_bytes data;             /* M */
    df__pgo_tuple old, row;    /* I U D */
    uint16_t count;            /* R: columns; T: tables */
    const unsigned char *list; /* R, T: for the walks below */
} df__pgo_message;

/* in_block: between Stream Start and Stream Stop, where changes carry a transaction. DF_EDATA: no
 * such message, or it is cut off or longer than it says. */
int df__pgo_decode(df_bytes wire, int in_block, df__pgo_message *ret);
/* The next value of a tuple; *at begins as the tuple's. `count` calls. */
const unsigned char *df__pgo_value_at(const unsigned char *at, df__pgo_value *ret);
/* The next column of R. */
const unsigned char *df__pgo_column_at(const unsigned char *at, df__pgo_column *ret);
/* Table `index` of T. */
uint32_t df__pgo_truncated(const df__pgo_message *m, uint16_t index);

/* What stands around a message in the stream of replication. */
typedef struct df__pgo_frame {
    char kind;           /* w: data; k: keepalive */
    uint64_t start, end; /* w: of the data; k: end is how far the server has read its log */
    int64_t time_us;     /* of the server, since 1970 */
    int wants_reply;     /* k */
    df_bytes data;       /* w */
} df__pgo_frame;
/* Reads what stands around a message. DF_EDATA: neither w nor k, or it is cut off. */
int df__pgo_frame_read(df_bytes wire, df__pgo_frame *ret);
enum { PGO_STATUS = 34 };
/* Writes the status of PGO_STATUS bytes: both places, the time in µs since 1970, whether the server
 * is to answer. */
void df__pgo_status(unsigned char *out, uint64_t received, uint64_t flushed, int64_t now_us,
                    int wants_reply);

#endif
