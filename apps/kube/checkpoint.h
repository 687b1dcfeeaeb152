/* SPDX-License-Identifier: Apache-2.0
 * checkpoint.h: the text of a checkpoint ConfigMap, data key `checkpoint.json`: a JSON object with
 * a member for each type of source. No I/O.
 *
 * The member of a source:
 *   {"lastReadChangeTime": …, "lastReadOrderByValue": …, "dataflow": {"source": HASH,
 *    "writer": POD, "partition": NAME}}
 * when it has one partition and its position is a JSON object, whose members stand beside
 * "dataflow". Else "dataflow" has "partitions": {NAME: POSITION}, a position being a JSON object,
 * a string, or {"base64": …}. Members of other sources, and what older versions wrote without
 * "dataflow", are understood; numbers keep their text.
 *
 * Older forms are brought to the present one when they are read: {"lastReadID": n} has the order
 * value only, {"lastReadID": n, "lastReadTime": t} both. */
#ifndef APP_KUBE_CHECKPOINT_H
#define APP_KUBE_CHECKPOINT_H

#include "util/buf.h"

#define KUBE_CHECKPOINT_KEY "checkpoint.json"
/* A position under this name is the hash of the source that the others are of. */
#define KUBE_SOURCE_ROW "#source"

typedef struct kube_position {
    struct kube_position *next;
    char *partition; /* "": of an older form, it is whichever partition asks */
    char *data;
    size_t len;
} kube_position;

typedef struct kube_checkpoint {
    const char *type; /* borrowed: "postgresql" */
    kube_position *positions;
    char *writer;   /* who wrote it; NULL: an older form */
    df__buf others; /* members of other types, with a comma after each */
} kube_checkpoint;

void kube_checkpoint_init(kube_checkpoint *c, const char *type);
void kube_checkpoint_free(kube_checkpoint *c);
/* Fills an empty one; "" is an empty object. DF_OK; DF_ESTATE: damaged, or of a form that is not
 * known, with what is wrong in `err`; DF_ENOMEM. */
int kube_checkpoint_read(kube_checkpoint *c, df_bytes text, char *err, size_t err_len);
/* DF_OK; DF_EINVAL: a partition's name is no UTF-8; DF_ENOMEM. */
int kube_checkpoint_write(const kube_checkpoint *c, const char *writer, df__buf *out);
/* NULL: none. */
const kube_position *kube_checkpoint_get(const kube_checkpoint *c, const char *partition);
/* data NULL: removes it. DF_ENOMEM. */
int kube_checkpoint_put(kube_checkpoint *c, const char *partition, df_bytes data);

/* Which of two positions of one partition is the farther one: *ret < 0, 0, > 0 as for a - b.
 * DF_ENOTSUP: they have no order that is known here. */
int kube_position_order(df_bytes a, df_bytes b, int *ret);

#endif
