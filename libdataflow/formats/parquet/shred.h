/* SPDX-License-Identifier: Apache-2.0
 * shred.h: rows into the open pages of leaves. */
#ifndef DF_PARQUET_SHRED_H
#define DF_PARQUET_SHRED_H

#include "formats/parquet/write.h"

/* Adds a row to the open pages. DF_EDATA: it does not fit; DF_ENOMEM; nothing of it is added. */
int df__pq_shred(df__parquet_writer *w, const df_value *values, df__parquet_error *error);

#endif
