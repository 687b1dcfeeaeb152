/* SPDX-License-Identifier: Apache-2.0
 * error.h: refused records: into an error parcel, into the main sink's own (DF_TAKES_ERRORS),
 * skipped, or held for good because the run ends there. */
#ifndef DF_CORE_FLOW_ERROR_H
#define DF_CORE_FLOW_ERROR_H

#include "core/flow/parcel.h"

typedef struct df__flow df__flow;

typedef struct df__errors {
    int sink;          /* default; -1: none */
    uint64_t bytes;    /* of error records, ever */
    uint64_t held;     /* records refused without an error sink */
    uint64_t unlogged; /* skipped since the last line about it */
    int64_t skip_us;   /* when that was */
} df__errors;

/* Sends a refused record to its error sink, or does what the policy says. error_sink: its index;
 * -1: none; -2: an error sink refused the record. DF_ENOMEM: the record stays with the caller. */
int df__flow_reject(df__flow *f, int error_sink, df_record *r);
/* The main sink takes error records, and there is no error sink: before the start. */
void df__flow_take_errors(df__flow *f);
/* Of a refused record of its parcel: its error record takes its place, and it is refused no more.
 * Still refused when this returns DF_OK: it leaves the parcel. DF_ENOMEM. */
int df__flow_reject_in_place(df_parcel *p, size_t index);
size_t df__parcel_errors(const df_parcel *p); /* its error records, when its sink takes them */
void df__flow_errored(df_parcel *p);          /* an error parcel is durable */

#endif
