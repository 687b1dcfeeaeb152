/* SPDX-License-Identifier: Apache-2.0
 * charge.h: batches in the memory budget: charged for what they take now, released with their last
 * reference. */
#ifndef DF_CORE_FLOW_CHARGE_H
#define DF_CORE_FLOW_CHARGE_H

#include "core/flow/batch.h"

typedef struct df__flow df__flow;

/* One reference less. The last one frees the batch, and lets go of its parent. */
void df__flow_batch_release(df__flow *f, df_batch *b);
/* The budget learns how large the batch is now. */
void df__flow_recharge(df__flow *f, df_batch *b);

#endif
