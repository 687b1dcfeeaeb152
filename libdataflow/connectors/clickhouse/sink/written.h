/* SPDX-License-Identifier: Apache-2.0
 * written.h: what a failed try left behind, so that the next one neither writes a record twice nor
 * gives what it sends another name than before. Both are empty while nothing fails. */
#ifndef DF_CH_WRITTEN_H
#define DF_CH_WRITTEN_H

#include "dataflow_ext.h"
#include "util/sha256.h"

/* Records of parcels that failed half way and that are written. Records are known by where they
 * are: they stay there until their parcel settles. */
typedef struct df__ch_written {
    const df_record **slots; /* open addressing; NULL: free */
    size_t cap, count;
} df__ch_written;

/* Adds one; its memory is the stage's, since what is noted outlives a close. DF_ENOMEM. */
int df__ch_written_add(df__ch_written *w, df_stage *st, const df_record *record);
/* 1: it is one of them. */
int df__ch_written_has(const df__ch_written *w, const df_record *record);
/* Takes out a record when it is one of them: another one that came to lie at the same place. */
void df__ch_written_remove(df__ch_written *w, const df_record *record);
/* None any more. */
void df__ch_written_clear(df__ch_written *w);

enum { CH_TOKENS = 16 };

/* Inserts that failed and may be written all the same: the name that each had. */
typedef struct df__ch_tokens {
    struct {
        char hash[DF__SHA256_HEX]; /* of the body */
        uint64_t number;           /* 0: free */
    } rows[CH_TOKENS];
    size_t next; /* the one that is forgotten next */
    uint64_t last;
} df__ch_tokens;

/* The number that names an insert: that of the same body which failed, when `again`; else a new
 * one. */
uint64_t df__ch_token_of(df__ch_tokens *t, df_bytes body, int again);
/* Notes that the insert of that name has failed. */
void df__ch_token_keep(df__ch_tokens *t, df_bytes body, uint64_t number);

#endif
