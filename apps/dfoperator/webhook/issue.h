/* SPDX-License-Identifier: Apache-2.0
 * issue.h: a certificate for the webhook that the operator makes itself, with an authority that
 * signs this one and nothing more: its key is thrown away. */
#ifndef DFOPERATOR_ISSUE_H
#define DFOPERATOR_ISSUE_H

#include "util/buf.h"

enum { OP_ISSUE_DAYS = 365, OP_RENEW_DAYS = 120 };

typedef struct op_issued {
    df__buf ca, cert, key; /* PEM */
} op_issued;

/* Valid from an hour ago on for OP_ISSUE_DAYS. `names`: DNS names, NULL at the end. 0, or -1; what
 * there is, is to be freed. */
int op_issue(int64_t now_s, const char *const *names, op_issued *ret);
void op_issued_free(op_issued *i);
/* Whether a new one is to be made: `cert` is none for all the names, or has OP_RENEW_DAYS left. */
int op_issue_is_due(df_bytes cert, int64_t now_s, const char *const *names);

#endif
