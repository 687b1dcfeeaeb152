/* SPDX-License-Identifier: Apache-2.0
 * encode.h: a value on its way to bytes. What a value costs says how much of it is another than
 * the schema has: 0 is the very type; a union takes the branch that costs least. Only for
 * formats/avro. */
#ifndef DF_AVRO_ENCODE_H
#define DF_AVRO_ENCODE_H

#include "formats/avro/node.h"

enum { /* what it costs */
       DF__AVRO_SAME = 0,
       DF__AVRO_NEAR = 1,    /* another type, and no digit lost */
       DF__AVRO_AS_MAP = 2,  /* an object as a map: a record says more */
       DF__AVRO_TEXTUAL = 4, /* by way of a text */
       DF__AVRO_FILLED = 8   /* a field was missing and has a default */
};

enum { DF__AVRO_STEPS = 4000000 }; /* of one value, with all tries of its unions */

typedef struct df__astep { /* where in the value */
    const struct df__astep *up;
    df_bytes name; /* data NULL: index */
    size_t index;
} df__astep;

typedef struct df__encoder {
    df__buf *out;
    df__avro_error *error;
    const df__astep *at;
    size_t depth, steps;
    uint64_t cost;
    int trial; /* a failure is no text yet: another branch may do */
    int rc;
} df__encoder;

/* DF_OK, DF_EDATA (with the text), DF_ENOMEM. */
int df__avro_put(df__encoder *e, const df__avro_node *n, const df_value *v);
int df__avro_put_union(df__encoder *e, const df__avro_node *n, const df_value *v);
int df__avro_put_scalar(df__encoder *e, const df__avro_node *n, const df_value *v);
/* Without the value, which is nobody's business. */
int df__avro_refuse(df__encoder *e, const char *format, ...) DF_PRINTF(2, 3);
int df__avro_mismatch(df__encoder *e, const df__avro_node *n, const df_value *v);

#endif
