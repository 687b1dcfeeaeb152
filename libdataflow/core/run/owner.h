/* SPDX-License-Identifier: Apache-2.0
 * owner.h: the token of a partition's owner, which its source renews and a sink may carry. */
#ifndef DF_CORE_RUN_OWNER_H
#define DF_CORE_RUN_OWNER_H

#include "core/flow/ledger.h"

/* Copies the newest token, on any thread. *ret_text is the caller's to free; NULL: none. DF_ENOMEM.
 */
int df__partition_owner(df_partition *p, char **ret_text, size_t *ret_len);

#endif
