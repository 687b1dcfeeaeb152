/* SPDX-License-Identifier: Apache-2.0
 *
 * dataflow_manage.h: what a program asks of the systems around a flow, instead of running it: is
 * everything there, where does it stand, set that, give something back. dfproc's commands validate
 * --connect, offsets, slot, snapshot and iceberg are these calls. Read dataflow.h first.
 *
 * Each call takes a pipeline that was never started, runs on the caller's thread, connects what it
 * needs, and closes it again. What a connector implements for them is in dataflow_ext.h, which
 * includes this header for its rows.
 */
#ifndef DATAFLOW_MANAGE_H
#define DATAFLOW_MANAGE_H

#include "dataflow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a look at one stage found. */
typedef struct df_probe {
    size_t size;
    const char *stage, *kind;
    int role;           /* DF_SOURCE, DF_SINK, DF_ERROR_SINK */
    int status;         /* DF_OK; DF_ENOTSUP: its kind offers no look, which is no failure */
    const char *reason; /* of a failure: the word that metrics have (docs/errors.md); else "" */
    const char *text;   /* what is there, or why it failed */
} df_probe;
typedef void (*df_probe_fn)(void *user, const df_probe *row);

/* Connects each source and sink as a run would, one after the other, looks whether what it shall
 * read or write is there and may be used, and closes it again. Changes nothing: no group is joined,
 * no table or file made, no position stored. Instead of a start, on the caller's thread. `each` (or
 * NULL) gets each stage, borrowed. timeout_ms: 0: 10 s. DF_OK, or the status of the first failure,
 * with its text in df_pipeline_errmsg. */
DF_API int df_pipeline_probe(df_pipeline *p, int timeout_ms, df_probe_fn each, void *user);

/* Offsets of one partition of a source whose own system stores them (a consumer group of Kafka). */
typedef struct df_offset {
    size_t size;
    const char *partition; /* "orders/3" */
    int64_t stored;        /* of the record to read next; -1: none is stored */
    int64_t first, end;    /* of what exists now: from `first`, before `end` */
    int64_t at_time;       /* first record of the time asked for or later, `end` when there is none;
                              -1: no time was asked for */
} df_offset;
typedef void (*df_offset_fn)(void *user, const df_offset *row);

/* Shows what is stored for the flow, a row for each partition, borrowed. time_us: since 1970; -1:
 * none. As df_pipeline_probe, instead of a start. DF_ENOTSUP: the source's system stores none. */
DF_API int df_pipeline_offsets(df_pipeline *p, int64_t time_us, df_offset_fn each, void *user);
/* Stores `stored` of each row, never below 0; others keep theirs. DF_ESTATE: another process reads
 * with them, and nothing was stored; DF_EINVAL: outside of `first` and `end` as they are now. */
DF_API int df_pipeline_set_offsets(df_pipeline *p, const df_offset *rows, size_t count);

/* Removes what the source holds in its own system (a replication slot), instead of a start. Gone is
 * DF_OK too; DF_ENOTSUP: it never holds any; DF_EIO: not now, another process uses it. */
DF_API int df_pipeline_release(df_pipeline *p);

/* Asks the flow, running or not, to read a table again. As df_pipeline_probe. DF_OK: durably. */
DF_API int df_pipeline_reread(df_pipeline *p, const char *table);

/* What a write that failed left behind: a file that nothing names. */
typedef struct df_leftover {
    size_t size;
    const char *name;
    int64_t bytes, time_us; /* time_us: when it was changed last, since 1970 */
} df_leftover;
typedef void (*df_leftover_fn)(void *user, const df_leftover *row);

/* Shows what the sinks left behind and nothing names any more, older than age_us, a row for each,
 * borrowed. Instead of a start; removes nothing. DF_ENOTSUP: none of them leaves anything. */
DF_API int df_pipeline_leftovers(df_pipeline *p, int64_t age_us, df_leftover_fn each, void *user);

/* Which former states of its tables a sink lets go of. */
typedef struct df_expiry {
    size_t size;
    int64_t age_us; /* only those that are older */
    int64_t keep;   /* so many of each branch stay in any case, the newest; at least 1 */
    int apply;      /* 0: nothing is changed, and what would go is told */
} df_expiry;
#define DF_EXPIRY_INIT                                                                             \
    {                                                                                              \
        sizeof(df_expiry), 432000000000LL, 1, 0                                                    \
    }
/* A state that goes, or a file that only such states name. */
typedef struct df_expired {
    size_t size;
    const char *name;
    int is_file;
    int64_t bytes;   /* of a file; 0: not known */
    int64_t time_us; /* when a state was made, since 1970 */
} df_expired;
typedef void (*df_expired_fn)(void *user, const df_expired *row);

/* Has the sinks forget former states, and removes the files that nothing names any more: a row for
 * each, borrowed, when it is gone. Branches, tags and the current state stay. Instead of a start,
 * also while the flow runs. DF_ENOTSUP: no sink has any. */
DF_API int df_pipeline_expire(df_pipeline *p, const df_expiry *how, df_expired_fn each, void *user);

#ifdef __cplusplus
}
#endif

#endif
