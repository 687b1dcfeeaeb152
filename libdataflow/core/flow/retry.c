/* SPDX-License-Identifier: Apache-2.0
 * retry.c: back-off with full jitter; see retry.h. */
#include "core/flow/retry.h"

#include <string.h>

int64_t df__retry_cap(const char *reason)
{
    return strcmp(reason, "connection_error") == 0 ? DF__RETRY_REACH_US : DF__RETRY_CAP_US;
}

void df__retry_failed(df__retry *r, int64_t now_us, uint64_t random, int wish_ms, int64_t cap_us)
{
    int64_t ceiling = DF__RETRY_BASE_US;
    for (uint32_t i = 0; i < r->attempts && ceiling < cap_us; i++)
        ceiling *= 2;
    if (ceiling > cap_us)
        ceiling = cap_us;
    if (!r->since_us)
        r->since_us = now_us;
    r->attempts++;
    r->next_us = now_us + (int64_t)(random % (uint64_t)ceiling);
    if (r->next_us < now_us + (int64_t)wish_ms * 1000)
        r->next_us = now_us + (int64_t)wish_ms * 1000;
}

void df__retry_reset(df__retry *r)
{
    r->since_us = 0;
    r->next_us = 0;
    r->attempts = 0;
}

void df__retry_now(df__retry *r, int64_t now_us)
{
    r->next_us = now_us;
}

int df__retry_spent(const df__retry *r, int64_t now_us, int64_t cap_us)
{
    return r->since_us && now_us - r->since_us >= cap_us;
}

uint64_t df__random(uint64_t *state)
{
    uint64_t x = *state ? *state : 0x9e3779b97f4a7c15u;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}
