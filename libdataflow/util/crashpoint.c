/* SPDX-License-Identifier: Apache-2.0
 * crashpoint.c: dies at the place that the environment names. Only in builds with DF_CRASHPOINTS.
 */
#include "util/crashpoint.h"

#ifdef DF_CRASHPOINTS
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char wanted[64];
static atomic_long left; /* passages */

static void read_environment(void)
{
    const char *text = getenv("DF_CRASH_AT"), *colon = text ? strrchr(text, ':') : NULL;
    long count = 0;
    if (!colon || colon == text || (size_t)(colon - text) >= sizeof wanted)
        return;
    memcpy(wanted, text, (size_t)(colon - text));
    for (const char *c = colon + 1; *c >= '0' && *c <= '9' && count < 100000000; c++)
        count = count * 10 + (*c - '0');
    atomic_store(&left, count);
}

void df__crash_here(const char *name)
{
    (void)pthread_once(&once, read_environment);
    if (!wanted[0] || strcmp(name, wanted) != 0)
        return;
    if (atomic_fetch_sub(&left, 1) == 1) {
        (void)kill(getpid(), SIGKILL);
        for (;;)
            (void)pause();
    }
}
#else
typedef int df__no_crash_points;
#endif
