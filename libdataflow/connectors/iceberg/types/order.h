/* SPDX-License-Identifier: Apache-2.0
 * order.h: the sort order of a table: rows as bytes that memcmp puts in that order. Pure.
 * Source: the Iceberg table specification, "Sorting". */
#ifndef DF_ICEBERG_ORDER_H
#define DF_ICEBERG_ORDER_H

#include "types/partition.h"

typedef struct df__ice_order {
    int64_t id;        /* 0: rows are in no order */
    df__ice_spec spec; /* what they are sorted by */
    char *falls;       /* of each field: 1: descending */
    char *nulls_last;
} df__ice_order;

/* The table's default order, in `arena`. DF_EDATA: it has one that cannot be kept, `why` has the
 * text; DF_ENOMEM. */
int df__ice_order_read(df__arena *arena, const df__ice_meta *m, const df__ice_layout *layout,
                       df__ice_order *ret, char why[ICE_SHOWN]);
/* Appends the key of a row, whose values fit their columns. `room` is cleared. DF_EDATA: one does
 * not fit; DF_ENOMEM. */
int df__ice_order_key(const df__ice_order *o, const df_value *values, df__buf *room, df__buf *out);

#endif
