/* SPDX-License-Identifier: Apache-2.0
 * admission.h: the answer to an AdmissionReview (admission.k8s.io/v1) about a DataFlow or a
 * DataFlowCron: bytes in, bytes out.
 *
 * What is wrong with a spec is said by the library, as `dfproc validate` says it: all problems at
 * once, each with its field. Nothing else is looked at: no other object, no secret, no server. So
 * what was accepted once is not refused later because of others, and an object can always be
 * deleted: objects that are being deleted, and updates that leave the spec as it was, pass.
 *
 * Any thread; several at once. */
#ifndef DFOPERATOR_ADMISSION_H
#define DFOPERATOR_ADMISSION_H

#include "util/buf.h"

enum { OP_REVIEW_MAX = 3 << 20, OP_REVIEW_VALUES = 200000 };

/* DF_OK: `reply` has an AdmissionReview, which allows it or not. DF_EINVAL: that was no review;
 * `reply` has a line of text that says why. DF_ENOMEM. */
int op_admit(df_bytes text, df__buf *reply, int *ret_allowed);

#endif
