/* SPDX-License-Identifier: Apache-2.0
 * refuse.c: a record of the parcel at hand that is refused. */
#include "sink.h"

int df__pg_refuse(df__pg_work *w, size_t index, const char *reason, const char *text)
{
    w->skip[index] = 1;
    return df__pg_rejects_add(&w->rejects, index, reason, text);
}
