/* SPDX-License-Identifier: Apache-2.0
 * retry.h: when to try again. Full jitter between 0 and min(cap, base × 2^n). Pure: the clock and
 * the randomness come from outside. */
#ifndef DF_CORE_FLOW_RETRY_H
#define DF_CORE_FLOW_RETRY_H

#include <stdint.h>

typedef struct df__retry {
    int64_t since_us; /* first failure of this row; 0: none */
    int64_t next_us;  /* not before */
    uint32_t attempts;
} df__retry;

enum { DF__RETRY_BASE_US = 500000, DF__RETRY_REACH_US = 10000000, DF__RETRY_CAP_US = 30000000 };

/* The longest wait after a failure for this reason, a word of df_stage_fail. A peer that cannot be
 * reached is tried more often than one that answered with an error: that costs it nothing. */
int64_t df__retry_cap(const char *reason);
/* A failure at now; `random` is uniform over 64 bits. The server's own wish (ms, 0: none) is a
 * lower bound. Sets next_us. */
void df__retry_failed(df__retry *r, int64_t now_us, uint64_t random, int wish_ms, int64_t cap_us);
/* Something succeeded, or a stop, revoke or new credential breaks the wait. */
void df__retry_reset(df__retry *r);
/* The next try may be made at once; the attempts stay counted. */
void df__retry_now(df__retry *r, int64_t now_us);
/* True when failures have lasted longer than cap_us. */
int df__retry_spent(const df__retry *r, int64_t now_us, int64_t cap_us);

/* xorshift64*: small, seedable, good enough for jitter. */
uint64_t df__random(uint64_t *state);

#endif
