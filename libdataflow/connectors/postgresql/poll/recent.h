/* SPDX-License-Identifier: Apache-2.0
 * recent.h: rows of the last while that were read, by their keys, for what has no numbers of
 * transactions: views and queries. Two keys with one hash are taken for the same: 64 bits. */
#ifndef DF_PG_RECENT_H
#define DF_PG_RECENT_H

#include <stdint.h>

#include "dataflow.h"

typedef struct df__pg_seen {
    uint64_t hash;
    int64_t us; /* its change time */
} df__pg_seen;

typedef struct df__pg_recent {
    df__pg_seen *at;
    size_t count, cap;
    size_t sorted; /* the first so many can be found */
    int is_lost;   /* there were too many: rows of the window come again */
} df__pg_recent;

/* Takes bytes into a hash, NULL as something of its own; a row's keys one after the other. Begin
 * with any number. */
uint64_t df__pg_hash(uint64_t hash, df_bytes bytes);
/* 1: a row with this hash was there at the last df__pg_recent_settle. */
int df__pg_recent_has(const df__pg_recent *r, uint64_t hash);
/* Notes a row; what is older than from_us (µs since 1970) may be forgotten. Sets is_lost when there
 * is no room. */
void df__pg_recent_add(df__pg_recent *r, const df__pg_seen *row, int64_t from_us);
/* Forgets what is older, and makes the rest known to df__pg_recent_has. */
void df__pg_recent_settle(df__pg_recent *r, int64_t from_us);
/* Forgets all rows, and that any were lost. */
void df__pg_recent_clear(df__pg_recent *r);
/* Frees the memory; it can be used again. */
void df__pg_recent_free(df__pg_recent *r);

#endif
