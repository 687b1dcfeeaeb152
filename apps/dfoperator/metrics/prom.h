/* SPDX-License-Identifier: Apache-2.0
 * prom.h: texts in the Prometheus format 0.0.4: reading one, and joining those of many pods into
 * one with each family once. Only families named dataflow_* count; lines of others are passed over
 * unread. */
#ifndef DFOPERATOR_PROM_H
#define DFOPERATOR_PROM_H

#include "util/buf.h"

/* All parts point into the text. */
typedef struct op_sample {
    df_bytes name;
    df_bytes labels; /* what is between the braces; checked */
    df_bytes number; /* as written */
    double value;
} op_sample;

/* A callback's answer other than 0 ends the reading. NULL: no interest. */
typedef struct op_prom_reader {
    int (*help)(void *user, df_bytes family, df_bytes text);
    int (*type)(void *user, df_bytes family, df_bytes type);
    int (*sample)(void *user, const op_sample *s);
    void *user;
} op_prom_reader;

enum { OP_PROM_LABELS = 64 }; /* of a sample */

/* 0; -1: a line of ours does not follow the format, or the last one does not end; or what a
 * callback answered. */
int op_prom_read(df_bytes text, const op_prom_reader *reader);
/* Takes the first label off `labels` of a sample; the value is escaped as it stands in the text.
 * 0: there is none. */
int op_prom_label(df_bytes *labels, df_bytes *name, df_bytes *value);
int op_bytes_are(df_bytes bytes, const char *text);

/* ---- many ------------------------------------------------------------------------------------ */

typedef struct op_prom op_prom;

/* Whose text it is. These labels take the place of what the text says of the same names. */
typedef struct op_prom_origin {
    const char *space, *name, *pod;
    size_t rank; /* series of a family are written in this order */
} op_prom_origin;

op_prom *op_prom_new(void); /* NULL: no memory */
void op_prom_free(op_prom *p);
/* Adds a text, or nothing of it: -1, and *ret_why says what is wrong. The operator's own families
 * (dataflow_status, dataflow_controller_*) are not taken from pods. */
int op_prom_add(op_prom *p, df_bytes text, const op_prom_origin *of, const char **ret_why);
/* Families by name. */
void op_prom_write(op_prom *p, df__buf *out);

#endif
