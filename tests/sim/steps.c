/* SPDX-License-Identifier: Apache-2.0
 * steps.c: the two transforms: one drops, rejects and routes, one expands. And the workers. */
#include "sim.h"

static int part_of(const df_record *r)
{
    return r->partition[0] - '0';
}

/* How many of `n` records a call sees to before it fails with *ret_status; n: all, it works. */
static size_t breaks_at(process *p, size_t n, int *ret_status)
{
    static const int statuses[] = {
        DF_EIO,    DF_ETIMEOUT, DF_EUNKNOWN,  DF_ETOOBIG,   DF_EREWIND,   DF_EFENCED, DF_EAUTH,
        DF_ENOMEM, DF_EINVAL,   DF_ECANCELED, DF_EREJECTED, DF_EINTERNAL, -99};
    *ret_status = DF_OK;
    if (!faulty(p->w, p->w->plan.breaks))
        return n;
    p->broke = *ret_status = statuses[rnd(p->w, sizeof statuses / sizeof *statuses)];
    return rnd(p->w, n + 1);
}

static int filter_apply(void *self, df_stage *st, df_batch *b)
{
    process *p = self;
    int rc;
    size_t i, end = breaks_at(p, df_batch_count(b), &rc);
    (void)st;
    for (i = 0; i < end; i++) {
        df_record *r = df_batch_at(b, i);
        int part, route;
        if (!df_record_live(r))
            continue;
        part = part_of(r);
        route = route_of(&p->w->plan, part, r->offset);
        if (is_filtered(part, r->offset))
            df_record_drop(r), p->dropped++;
        else if (is_rejected(part, r->offset))
            df_record_reject(r, DF_EDATA, "invalid_data", "c0");
        else if (route)
            df_record_route(r, route, "route");
    }
    return rc;
}

/* A few children in each call, so that it is left and taken up again within a record. */
static int expand_into(void *self, df_stage *st, df_batch *in, df_batch *out)
{
    process *p = self;
    uint64_t *cursor = df_batch_cursor(in);
    size_t room = 4;
    int rc;
    size_t end = breaks_at(p, df_batch_count(in), &rc);
    for (; cursor[0] < end; cursor[0]++, cursor[1] = 0) {
        df_record *r = df_batch_at(in, cursor[0]), *child;
        int n = df_record_live(r) ? children_of(&p->w->plan, part_of(r), r->offset) : 0;
        if (!n && df_batch_pass(out, r) != DF_OK)
            return DF_ENOMEM;
        for (; cursor[1] < (uint64_t)n; cursor[1]++) {
            if (!room--)
                return rc ? rc : DF_MORE;
            if (df_batch_emit(out, r, &child) != DF_OK)
                return DF_ENOMEM;
            child->op = (uint32_t)cursor[1] + 1;
        }
        if (n && is_halved(&p->w->plan, part_of(r), r->offset)) {
            if (cursor[0] + 1 == df_batch_count(in)) /* nothing after it is rejected with it */
                return rc ? rc : df_stage_fail(st, DF_EDATA, "invalid_data", "c0");
            df_record_reject(r, DF_EDATA, "invalid_data", "c0");
        }
    }
    return rc;
}

const df_transform sim_filter = {
    .size = sizeof sim_filter, .name = "filter", .apply = filter_apply};
const df_transform sim_expand = {
    .size = sizeof sim_expand, .name = "expand", .expand = expand_into};

int work_act(process *p)
{
    command c;
    df_batch *b;
    df__step_result *got;
    if (p->stuck == STUCK_WORKER || !pop(&p->work[rnd(p->w, 2)], &c))
        return 0;
    b = c.batch;
    b->results = df__arena_zalloc(&b->arena, sizeof *b->results);
    got = b->results;
    df__step_apply(&p->worker_stages[0], 0, b, got);
    got->stage = &p->worker_stages[0];
    post(p, (message){.type = W_WORKED, .about = b, .msg = &b->msg});
    return 1;
}
