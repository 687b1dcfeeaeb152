/* SPDX-License-Identifier: Apache-2.0
 * members.h: the members of an object to be, in order and each name once; linear in their number
 * however many there are. */
#ifndef DF_TRANSFORMS_MEMBERS_H
#define DF_TRANSFORMS_MEMBERS_H

#include "transforms/common.h"
#include "util/buf.h"

typedef struct df__member_row {
    df_bytes name;
    df_value value;
    uint32_t hash;
    int weight;
} df__member_row;

enum { DF__MEMBERS_FEW = 256 };

/* Room for an ordinary object, kept by the instance, so that a batch of many records does not hold
 * it once for each. */
typedef struct df__members_room {
    df__member_row rows[DF__MEMBERS_FEW];
    uint32_t slots[2 * DF__MEMBERS_FEW];
} df__members_room;

typedef struct df__members {
    df__heap heap; /* of the batch */
    df__member_row *rows;
    size_t count, cap;
    uint32_t *slots; /* row number + 1 */
    size_t slot_count;
} df__members;

/* Empty. room may be NULL: then the batch's memory is used from the start. */
void df__members_init(df__members *m, df_batch *batch, df__members_room *room);
/* Adds a member; name and value are borrowed. One of that name keeps its place and gets the new
 * value unless its weight is greater. DF_ENOMEM. */
int df__members_add(df__members *m, df_bytes name, const df_value *value, int weight);
/* The row of that name, good until one is added; NULL: none. */
df__member_row *df__members_find(const df__members *m, df_bytes name);
/* Makes an object of them, in their order, the root of r. DF_ENOMEM, DF_EDATA. */
int df__members_set_root(df__members *m, df_record *r);
/* A sum of a name, for tables by name. */
uint32_t df__name_hash(const char *name, size_t len);
/* Appends a value as JSON. */
void df__buf_value(df__buf *b, const df_value *v);

#endif
