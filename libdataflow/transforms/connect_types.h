/* SPDX-License-Identifier: Apache-2.0
 * connect_types.h: the types that a schema block of Kafka Connect's JSON converter names, and the
 * values that stand for them in the JSON beside it. */
#ifndef DF_TRANSFORMS_CONNECT_TYPES_H
#define DF_TRANSFORMS_CONNECT_TYPES_H

#include "dataflow_ext.h"

typedef struct df__connect_kind df__connect_kind;
typedef struct df__connect_type {
    const df__connect_kind *kind;
    int scale;                    /* of a Decimal */
    const df__connect_kind *item; /* of an array whose elements are of one kind; else NULL */
    int item_scale;
} df__connect_type;

/* Reads one field of a block: type, optional, name, parameters. Sets what it says of a column but
 * its name. DF_EDATA: it is no such thing. */
int df__connect_type_read(const df_value *block, df__connect_type *ret, df_field *field);
/* DF_OK: the value is of the type as it is; DF_MORE: *put is it, a container in r's tree; DF_EDATA:
 * it is none; DF_ENOMEM. */
int df__connect_value(const df__connect_type *t, df_batch *batch, df_record *r, const df_value *v,
                      df_value *put);
/* The word for people: "org.apache.kafka.connect.data.Decimal". */
const char *df__connect_word(const df__connect_type *t);

#endif
