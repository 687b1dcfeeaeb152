/* SPDX-License-Identifier: Apache-2.0
 * saving.h: watermarks on their way to whoever keeps positions: into the store, then acked by the
 * source; or, exactly-once, into the sink with its own commits. One save is under way at a time. */
#ifndef DF_CORE_FLOW_SAVING_H
#define DF_CORE_FLOW_SAVING_H

#include "core/flow/ledger.h"
#include "core/flow/retry.h"

typedef struct df__flow df__flow;

enum df__saving_step { DF__SAVING_NONE, DF__SAVING_STORE, DF__SAVING_SOURCE };

typedef struct df__saving {
    enum df__saving_step step;
    int has_store;       /* positions go to a df_store */
    int source_holds;    /* the source's own system keeps them */
    int sink_commits;    /* the sink commits in the source's system, so the source must not */
    int64_t interval_us; /* at least so long between two; 0: at every move */
    int64_t last_us;
    size_t rows;     /* of the last one */
    df__retry retry; /* of store_save and source_ack */
} df__saving;

/* Begins a save when one is due. */
void df__flow_save_advance(df__flow *f);
int64_t df__flow_save_due(const df__flow *f); /* positions are not saved before */

/* saved.c */
/* Only the store says where a run went on: no system of the source's or the sink's. */
int df__flow_is_stored(const df__flow *f);
/* Every open partition is saved, and no save is under way. */
int df__flow_saved_all(const df__flow *f);
int df__flow_is_saved(const df__flow *f, const df_partition *p); /* its watermark */
/* Exactly-once: the sink holds an older position than the watermark. */
int df__flow_sink_lags(const df__flow *f, const df_partition *p);

#endif
