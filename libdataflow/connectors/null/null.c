/* SPDX-License-Identifier: Apache-2.0
 * null.c: a sink that counts and forgets. For measuring what comes before it. */
#include "dataflow_ext.h"

struct null_sink {
    int unused;
};

static int null_write(void *self, df_stage *st, df_parcel *parcel)
{
    (void)self;
    (void)st;
    (void)parcel;
    return DF_OK;
}

static const df_sink_ops null_ops = {.size = sizeof(df_sink_ops), .write = null_write};

extern const df_connector df_connector_null;
const df_connector df_connector_null = {
    .size = sizeof(df_connector),
    .name = "null",
    .doc = "Accepts every record and forgets it.",
    .sink_size = sizeof(struct null_sink),
    .sink_flags = DF_IS_IDEMPOTENT,
    .sink = &null_ops,
};
