/* SPDX-License-Identifier: Apache-2.0
 * outage.c: one sink is away for ten minutes of virtual time. It is tried again and again, not more
 * seldom than every ten seconds when it cannot be reached and every thirty when it answers with an
 * error, and is in use again that soon after it is back. All else is as the scheduler has it. */
#include "sim.h"

enum { TEN_MINUTES = 600000000, SECOND = 1000000, FEWEST = 20, MOST = 400 };

void outage_plan(plan *p)
{
    int sinks = p->eos ? 1 : 2;
    p->faults = p->crashes = p->revokes = p->stops = p->limits = p->fatal = 0;
    p->no_memory = p->breaks = p->stuck = p->down = 0;
    p->error_policy =
        DF__POLICY_SKIP; /* a refused record would end the run, and with it the outage */
    p->outage = p->seed % 2 ? OUTAGE_REACH : OUTAGE_ERROR;
    p->outage_sink = (int)(p->seed / 2 % (uint64_t)(sinks + p->error_sink));
    if (p->eos && p->outage_sink == ROUTED_SINK)
        p->outage_sink = p->takes_errors ? MAIN_SINK : ERROR_SINK;
    p->outage_at = p->seed / 6 % 20;
}

int outage_now(world *w, int role)
{
    if (!w->plan.outage || role != w->plan.outage_sink || w->delivered < w->plan.outage_at)
        return 0;
    if (!w->outage_until)
        w->outage_until = w->now + TEN_MINUTES;
    return w->now < w->outage_until;
}

const char *outage_reason(const world *w)
{
    return w->plan.outage == OUTAGE_REACH ? "connection_error" : "server_error";
}

void outage_tried(world *w, int role, int status)
{
    if (role != w->plan.outage_sink || !w->outage_until || w->back)
        return;
    if (w->tried && w->now - w->tried > w->gap)
        w->gap = w->now - w->tried;
    w->tried = w->now;
    w->tries++;
    if (status == DF_OK)
        w->back = w->now - w->outage_until;
}

void outage_check(world *w)
{
    int64_t cap = w->plan.outage == OUTAGE_REACH ? DF__RETRY_REACH_US : DF__RETRY_CAP_US;
    if (!w->outage_until || !w->tries)
        return; /* nothing was left for that sink */
    if (!w->back)
        fail(w, "the sink is not in use again after its outage");
    if (w->gap > cap + SECOND)
        fail(w, "%lld us between two tries", (long long)w->gap);
    if (w->back > cap + SECOND)
        fail(w, "%lld us from the end of the outage to the next try", (long long)w->back);
    if (w->tries < FEWEST || w->tries > MOST)
        fail(w, "%llu tries in ten minutes", (unsigned long long)w->tries);
}
