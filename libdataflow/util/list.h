/* SPDX-License-Identifier: Apache-2.0
 * list.h: items of a text with commas between, without the blanks around each. */
#ifndef DF_UTIL_LIST_H
#define DF_UTIL_LIST_H

#include "dataflow.h"

/* Takes the next item off `rest`, whose data is NULL after the last one. An item may be empty. */
df_bytes df__list_item(df_bytes *rest);
/* The same, with empty ones passed over; len 0: there are no more. */
df_bytes df__list_name(df_bytes *rest);

#endif
