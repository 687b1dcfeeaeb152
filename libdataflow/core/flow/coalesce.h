/* SPDX-License-Identifier: Apache-2.0
 * coalesce.h: when a filling parcel goes to its sink. Pure. */
#ifndef DF_CORE_FLOW_COALESCE_H
#define DF_CORE_FLOW_COALESCE_H

#include "dataflow_ext.h"

typedef struct df__filling { /* what the decision looks at */
    uint64_t rows, bytes;
    int64_t since_us;      /* first record in it */
    int64_t last_flush_us; /* of this sink */
    int sink_idle;         /* the sink has nothing to do */
    int forced;            /* budget ≥ 90 %, revoke, stop, end of input */
} df__filling;

/* True: flush now. Otherwise *ret_due_us is when to ask again without new records (INT64_MAX:
 * only when something changes). */
int df__coalesce(const df_limits *limits, const df__filling *f, int64_t now_us,
                 int64_t *ret_due_us);
/* True when a record of `more` bytes after these would break the sink's limits: flush before. */
int df__coalesce_full(const df_limits *limits, uint64_t rows, uint64_t bytes, uint64_t more);

#endif
