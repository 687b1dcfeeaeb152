/* SPDX-License-Identifier: Apache-2.0
 * typed.h: values that JSON does not have, in the JSON of case files: an object with one key that
 * begins with a dollar. docs/vectors.md lists the keys. */
#ifndef APP_TYPED_H
#define APP_TYPED_H

#include "dataflow_ext.h"
#include "util/buf.h"

/* Makes the values of what stands in the record's payload. DF_EDATA: no JSON, or a key with a text
 * that is no such value; DF_ENOMEM. */
int app_typed_make(df_record *r);
/* The other way round, compact. A value that another text could stand for is written in one form
 * only, so that equal texts are equal values. */
void app_typed_write(df__buf *out, const df_value *v);

#endif
