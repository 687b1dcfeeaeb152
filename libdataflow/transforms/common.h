/* SPDX-License-Identifier: Apache-2.0
 * common.h: what several transforms share: the walk over a batch, checks of paths, and one way to
 * word a rejection. A transform of your own can do without it. */
#ifndef DF_TRANSFORMS_COMMON_H
#define DF_TRANSFORMS_COMMON_H

#include "dataflow_ext.h"
#include "transforms/memory.h"

typedef struct df__parents { /* as df_stage_parents gives them */
    const df_path **paths;
    size_t count;
} df__parents;
#include "util/heap.h"

/* One call of `apply`: what a function for one record may need. */
typedef struct df__job {
    void *self;
    df_stage *st;
    df_batch *batch;
} df__job;
typedef int (*df__job_fn)(const df__job *job, df_record *r);

/* Calls fn for every live record. DF_EDATA of fn means that it rejected the record, and the walk
 * goes on; any other failure ends it and is returned. */
int df__job_each(void *self, df_stage *st, df_batch *batch, df__job_fn fn);
/* What a failure of fn means: DF_OK: for the record alone, which is rejected. */
int df__job_failed(df_record *r, int status);
/* Calls fn(job, r, walk) for each hit of path: one look-up for a single path, all hits of a
 * wildcard. Missing: no call. A payload that is no JSON: no call, DF_OK. */
typedef int (*df__hit_fn)(const df__job *job, df_record *r, const df_value *hit, df_value *put);
/* What fn answers: DF_OK leaves the value alone, DF_MORE replaces it by *put, < 0 ends. */
int df__job_hits(const df__job *job, df_record *r, const df_path *path, df__hit_fn fn);

/* "object", "number", ... for messages. */
const char *df__value_word(const df_value *v);
/* Rejects r for the value at path: "$.a.b: an object cannot be cast to int64". `problem` never
 * holds the value. Returns DF_EDATA. */
int df__reject_at(df_record *r, const char *reason, const df_path *path, const char *problem);
/* Answers the status of a failed edit: DF_EDATA becomes a rejection that names the path. */
int df__edit_failed(df_record *r, int status, const df_path *path);

enum { DF__PLACE_MANY = 1, DF__PLACE_ROOT = 2 }; /* wildcards, the root: allowed */
/* In check: refuses a path that cannot work at this place. Returns the number of problems. */
int df__check_path(df_stage *st, const char *option, const df_path *path, unsigned allowed);
/* The same for a list of paths, which must not be empty. */
int df__check_paths(df_stage *st, const char *option, const df_list *paths, unsigned allowed);
/* "fields.NAME": a member of an option that is a map, for problems with it. */
enum { DF__MEMBER = 256 };
const char *df__member_of(char buf[DF__MEMBER], const char *option, df_bytes name);
const df_path *df__path_at(const df_list *paths, size_t index);

/* Plain values. */
df_value df__text_value(const char *text, size_t len);
df_value df__int_value(int64_t i);
df_value df__empty_value(int type); /* DF_V_OBJECT or DF_V_ARRAY, for df_value_new */
df_bytes df__blanks_trim(df_bytes in);
int df__bytes_equal(df_bytes a, const char *b);
int df__is_utf8(const char *text, size_t len);
/* Text with every byte that is not UTF-8 replaced by U+FFFD; the input itself when it is clean. */
int df__clean_text(df_batch *batch, df_bytes in, df_bytes *ret);

#endif
