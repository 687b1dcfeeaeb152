/* SPDX-License-Identifier: Apache-2.0
 * absorb.h: what a sink has absorbed and not made durable, and when it is asked to commit it. */
#ifndef DF_CORE_FLOW_ABSORB_H
#define DF_CORE_FLOW_ABSORB_H

#include "core/flow/parcel.h"

typedef struct df__sink df__sink;

typedef struct df__absorbed {
    size_t parcels; /* unsettled ones that were answered ABSORBED */
    uint64_t records, bytes;
    int64_t asked_us; /* when the sink was asked to commit last */
} df__absorbed;

/* Its sink answered ABSORBED: from here on it counts as absorbed. */
void df__sink_absorbed(df_parcel *p);
void df__sink_unabsorbed(df_parcel *p); /* whatever becomes of it */
/* 1: nothing keeps it from the next parcel; for one that commits now and then, what it absorbed. */
int df__sink_has_time(const df__sink *s);
/* When the sink is to be asked to commit. INT64_MAX: it is not. */
int64_t df__sink_commit_due(const df__sink *s);
/* What its sink gave back goes to the error exit. DF_ENOMEM: the rest is still there. */
int df__sink_take_returned(df_parcel *p);

#endif
