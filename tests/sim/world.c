/* SPDX-License-Identifier: Apache-2.0
 * world.c: what is durable, what must become of each record, and the invariants over both. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

uint64_t rnd(world *w, uint64_t n)
{
    return df__random(&w->rng) % n;
}

int chance(world *w, int percent)
{
    return (int)rnd(w, 100) < percent;
}

void fail(world *w, const char *format, ...)
{
    va_list args;
    if (w->broken[0])
        return;
    va_start(args, format);
    vsnprintf(w->broken, sizeof w->broken, format, args);
    va_end(args);
}

static unsigned hash(int part, int64_t offset)
{
    uint64_t x = (uint64_t)offset * 0x9e3779b97f4a7c15u + (uint64_t)(part + 1) * 0xbf58476d1ce4e5b9u;
    x ^= x >> 31;
    x *= 0x94d049bb133111ebu;
    return (unsigned)(x >> 33);
}

int is_filtered(int part, int64_t offset)
{
    return hash(part, offset) % 7 == 0;
}

int is_rejected(int part, int64_t offset)
{
    return !is_filtered(part, offset) && hash(part, offset) % 11 == 0;
}

int is_refused(int part, int64_t offset)
{
    return hash(part, offset) % 13 == 0;
}

int is_routed(int part, int64_t offset)
{
    return hash(part, offset) % 3 == 0;
}

int children_of(const plan *p, int part, int64_t offset)
{
    return p->expand && hash(part, offset) % 5 == 0 ? 1 + (int)(hash(part, offset) % MAX_CHILDREN)
                                                     : 0;
}

static int sink_of(const plan *p, int part, int64_t offset)
{
    return !p->eos && is_routed(part, offset) ? ROUTED_SINK : MAIN_SINK;
}

/* Children are 1, 2, ...; a record that is not expanded is child 0. */
static int is_there(const world *w, int part, int64_t offset, int child)
{
    int sink = is_refused(part, offset) ? ERROR_SINK : sink_of(&w->plan, part, offset);
    return w->seen[sink][part][offset][child] > 0;
}

int is_terminal(const world *w, int part, int64_t offset)
{
    int n = children_of(&w->plan, part, offset), i;
    int bad = is_rejected(part, offset) || is_refused(part, offset);
    if (is_filtered(part, offset) || (bad && w->plan.error_policy == DF__POLICY_SKIP))
        return 1;
    if (is_rejected(part, offset))
        return w->seen[ERROR_SINK][part][offset][0] > 0;
    for (i = n ? 1 : 0; i <= n; i++)
        if (!is_there(w, part, offset, i))
            return 0;
    return 1;
}

void deliver(world *w, int sink, int part, int64_t offset, int child)
{
    uint8_t *seen = &w->seen[sink][part][offset][child];
    w->delivered++;
    if (*seen && sink != ERROR_SINK) {
        w->duplicates++;
        if (w->plan.eos)
            fail(w, "exactly-once: %d/%lld.%d is twice in the sink", part, (long long)offset, child);
    }
    if (*seen < 250)
        ++*seen;
}

void check_commit(world *w, int part, int64_t next, const char *who)
{
    int64_t i;
    for (i = 0; i < next; i++) {
        if (!is_terminal(w, part, i)) {
            fail(w, "%s committed %d/%lld, but %lld is not terminal", who, part, (long long)next,
                 (long long)i);
            return;
        }
    }
}
