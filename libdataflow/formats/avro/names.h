/* SPDX-License-Identifier: Apache-2.0
 * names.h: full names, namespaces and the table of named types. Only for formats/avro. */
#ifndef DF_AVRO_NAMES_H
#define DF_AVRO_NAMES_H

#include "formats/avro/type.h"

enum { DF__AVRO_NAME = 1024, DF__AVRO_BRANCHES = 4096 };

/* Two answers of df__avro_full_name; the second is DF_ENOMEM, told by its address. */
extern const char df__avro_no_name[], df__avro_no_memory[];
/* 1: letters, digits and _, no digit first. */
int df__avro_is_name(df_bytes name);
/* 1: such names with dots between. */
int df__avro_is_full_name(df_bytes name);
/* The full name in the arena; an answer that is not NULL says what is wrong. */
const char *df__avro_full_name(df__arena *a, df_bytes name, df_bytes space, df_bytes *ret);
/* The part of a full name before its last dot. */
df_bytes df__avro_space(df_bytes full);
/* How much of a name a message shows. */
static inline size_t df__avro_shown(df_bytes name)
{
    return name.len < 80 ? name.len : 80;
}
/* Puts a named type into the table of names, where its name is not yet. DF_ENOMEM. */
int df__avro_enter(df_avro_schema *s, df__avro_type *n);
/* 1: *ret is the number of a text that an earlier one is the same as. */
int df__avro_twice(df__arena *scratch, const df_bytes *all, size_t count, size_t *ret);

#endif
