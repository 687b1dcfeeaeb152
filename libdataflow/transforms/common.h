/* SPDX-License-Identifier: Apache-2.0
 * common.h: what several transforms share: the walk over a batch, checks of paths, and one way to
 * word a rejection. A transform of your own can do without it. */
#ifndef DF_TRANSFORMS_COMMON_H
#define DF_TRANSFORMS_COMMON_H

#include "dataflow_ext.h"
#include "transforms/memory.h"
#include "util/heap.h"

typedef struct df__parents { /* as df_stage_parents gives them */
    const df_path **paths;
    size_t count;
} df__parents;

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
/* What a failure of fn means. DF_OK: for the record alone, which is rejected; else the failure. */
int df__job_failed(df_record *r, int status);
/* What to do with a hit: DF_OK leaves the value alone, DF_MORE replaces it by *put, < 0 ends. */
typedef int (*df__hit_fn)(const df__job *job, df_record *r, const df_value *hit, df_value *put);
/* Calls fn for each hit of path: one look-up for a single path, all hits of a wildcard. Missing or
 * UNCHANGED: no call. A payload that is no JSON: no call, DF_OK. */
int df__job_hits(const df__job *job, df_record *r, const df_path *path, df__hit_fn fn);

/* "an object", "a number", ... for messages. Static storage. */
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
enum { DF__MEMBER = 256 };
/* "fields.NAME": a member of an option that is a map, for problems with it. Returns buf. */
const char *df__member_of(char buf[DF__MEMBER], const char *option, df_bytes name);
/* Path number `index` of an option that is a list of paths; the index is not checked. */
const df_path *df__path_at(const df_list *paths, size_t index);

/* A STRING; the text is borrowed. */
df_value df__text_value(const char *text, size_t len);
/* An INT without text. */
df_value df__int_value(int64_t i);
/* An empty value of a type: DF_V_OBJECT or DF_V_ARRAY for df_value_new, DF_V_NULL, DF_V_ABSENT. */
df_value df__empty_value(int type);
/* The bytes without blanks, tabs and line ends around them. */
df_bytes df__blanks_trim(df_bytes in);
/* 1: the bytes are this text. */
int df__bytes_equal(df_bytes a, const char *b);
/* 1: valid UTF-8; NUL is. */
int df__is_utf8(const char *text, size_t len);
/* Text with every byte that is not UTF-8 replaced by U+FFFD, in memory of the batch; the input
 * itself when it is clean. DF_ENOMEM. */
int df__clean_text(df_batch *batch, df_bytes in, df_bytes *ret);

#endif
