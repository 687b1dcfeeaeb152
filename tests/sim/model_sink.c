/* SPDX-License-Identifier: Apache-2.0
 * model_sink.c: the thread of one sink, by the rules of core/run/sink.c, and its server, which
 * refuses, fails before and after it applied, answers late and in any order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static df__sink *sink_of(process *p, const model_sink *m)
{
    return &p->flow.sinks[m - p->sinks];
}

/* ---- records as the sink knows them ---------------------------------------------------------- */

static int is_error(const df_record *r)
{
    return r->state == DF__RECORD_ERROR || r->state == DF__RECORD_MINIMAL;
}

/* Error records carry which child they are in the text of the refusal. */
static int child_of(const df_record *r)
{
    const char *at;
    if (!is_error(r))
        return (int)r->op;
    at = memmem(r->payload.data, r->payload.len, "\"message\":\"c", 12);
    return at ? at[12] - '0' : 0;
}

static item item_of(const df_record *r)
{
    return (item){.part = r->partition[0] - '0',
                  .child = child_of(r),
                  .error = is_error(r),
                  .offset = r->offset};
}

static item *items_of(const df_parcel *parcel, size_t *ret)
{
    item *items = malloc(parcel->count * sizeof *items + 1);
    size_t i;
    *ret = 0;
    for (i = 0; i < parcel->count; i++)
        if (!df_parcel_rejected(parcel, i))
            items[(*ret)++] = item_of(parcel->records[i]);
    return items;
}

/* Without an error sink nothing is written after the record at which the run ends: the next start
 * would write it again. What the other sink refuses is not known in time. */
static void check_end_of_part(world *w, const model_sink *m, const item *i)
{
    int route, at = first_bad(w, i->part);
    if (w->plan.error_sink || w->plan.error_policy != DF__POLICY_STOP || i->offset <= at)
        return;
    route = route_of(&w->plan, i->part, at);
    if (is_rejected(i->part, at) || route == 2 || route == m->role)
        fail(w, "sink %d wrote %d/%lld after %d, which ends the run", m->role, i->part,
             (long long)i->offset, at);
}

/* What is durable may not be sent again; what was given away may still arrive late. */
static void land(process *p, const model_sink *m, const item *i, int current)
{
    world *w = p->w;
    if (current && m->role != ERROR_SINK && !w->plan.eos && i->offset < w->committed[i->part])
        fail(w, "%d/%lld is sent again though %lld is committed", i->part, (long long)i->offset,
             (long long)w->committed[i->part]);
    check_end_of_part(w, m, i);
    deliver(w, m->role, i);
    w->fresh[i->part][i->offset] |= (uint8_t)current;
}

static void land_all(process *p, const model_sink *m, const df_parcel *parcel, size_t count)
{
    size_t n, i;
    item *items = items_of(parcel, &n);
    for (i = 0; i < n && i < count; i++)
        land(p, m, &items[i], df_stage_current(NULL, parcel));
    free(items);
}

/* Within a session and a generation records come in the order read. */
static void check_order(process *p, model_sink *m, const df_parcel *parcel)
{
    size_t i;
    for (i = 0; i < parcel->count && m->role != ERROR_SINK; i++) {
        const df_record *r = parcel->records[i];
        item it = item_of(r);
        order now = {r->span->generation, r->span->first, it.offset * 8 + it.child + 1};
        order *last = &m->last[it.part];
        if (df_parcel_rejected(parcel, i) || it.error) /* they go to a table of their own */
            continue;
        if (now.generation < last->generation)
            fail(p->w, "sink %d took %d/%lld of a generation given away", m->role, it.part,
                 (long long)it.offset);
        if (now.generation == last->generation &&
            (now.first < last->first || (now.first == last->first && now.key <= last->key)))
            fail(p->w, "sink %d took %d/%lld.%d after a later one", m->role, it.part,
                 (long long)it.offset, it.child);
        *last = now;
    }
}

static void new_session(model_sink *m)
{
    memset(m->last, 0, sizeof m->last);
}

static int child_told(const df_parcel *parcel)
{
    return parcel->count ? child_of(parcel->records[0]) : 0;
}

/* ---- what is pending ------------------------------------------------------------------------- */

static void drop_held(model_sink *m, size_t at)
{
    free(m->held[at].items);
    m->held[at] = m->held[--m->held_count];
}

/* It absorbed the record and will not be able to write it. */
static int gives_back(const model_sink *m, const held *h, size_t at)
{
    return h->absorbed && m->role != ERROR_SINK &&
           is_refused(h->items[at].part, h->items[at].offset);
}

/* Nobody waits for an answer any more; what was accepted may have arrived all the same. */
static void close_sink(process *p, model_sink *m)
{
    while (m->held_count) {
        const held *h = &m->held[m->held_count - 1];
        size_t i, n = chance(p->w, 50) ? rnd(p->w, h->count + 1) : 0;
        for (i = 0; i < n; i++)
            if (!gives_back(m, h, i))
                deliver(p->w, m->role, &h->items[i]);
        drop_held(m, m->held_count - 1);
    }
    m->open = 0;
    new_session(m);
}

/* Some of what it took was there already. */
static void leave_out(process *p, df_parcel *parcel, size_t of)
{
    size_t n = chance(p->w, 20) ? rnd(p->w, of + 1) : 0;
    df_parcel_left_out(parcel, n);
    p->left_out += n;
}

/* It absorbed the record and cannot write it: the bytes are its own. */
static void give_back(process *p, const model_sink *m, df_parcel *parcel, const item *i)
{
    char text[3] = "c0", payload[64];
    df_input in = {.size = sizeof in, .offset = i->offset, .partition = (uint32_t)i->part};
    in.payload.data = payload;
    in.payload.len =
        (size_t)snprintf(payload, sizeof payload, "%d:%lld:0", i->part, (long long)i->offset);
    in.time_us = 1;
    text[1] = (char)('0' + i->child);
    if (df_parcel_return(parcel, &in, "invalid_data", text) != DF_OK)
        fail(p->w, "sink %d cannot give %d/%lld back", m->role, i->part, (long long)i->offset);
}

static void settle_one(process *p, model_sink *m, size_t at, int status)
{
    held *h = &m->held[at];
    df_parcel *parcel = h->parcel;
    size_t i;
    int child = h->absorbed ? 0 : child_told(parcel);
    for (i = 0; status == DF_OK && i < h->count; i++)
        if (gives_back(m, h, i))
            give_back(p, m, parcel, &h->items[i]);
        else
            land(p, m, &h->items[i], df_stage_current(NULL, parcel));
    if (status != DF_OK)
        new_session(m);
    else
        leave_out(p, parcel, h->count - parcel->absorbed.returned);
    drop_held(m, at);
    post(p, (message){.type = S_SETTLE,
                      .about = parcel,
                      .status = status,
                      .child = child,
                      .msg = &parcel->settle});
}

static int hold(process *p, model_sink *m, df_parcel *parcel, int absorbed)
{
    held *h = &m->held[m->held_count++];
    h->parcel = parcel;
    h->absorbed = absorbed;
    h->items = items_of(parcel, &h->count);
    if (chance(p->w, 15)) /* settled before its own answer is on the way */
        settle_one(p, m, m->held_count - 1, DF_OK);
    return absorbed ? DF_ABSORBED : DF_PENDING;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int refuses(const df_record *r)
{
    item i = item_of(r);
    if (is_error(r))
        return r->state == DF__RECORD_ERROR && is_picky(i.part, i.offset);
    return is_refused(i.part, i.offset);
}

/* In any order: from somewhere on, then from the begin. */
static void reject_all(process *p, df_parcel *parcel)
{
    char text[3] = "c0";
    size_t i, from = rnd(p->w, parcel->count);
    for (i = 0; i < parcel->count; i++) {
        size_t at = (i + from) % parcel->count;
        if (!refuses(parcel->records[at]))
            continue;
        text[1] = (char)('0' + child_of(parcel->records[at]));
        df_parcel_reject(parcel, at, "invalid_data", text);
    }
}

/* What one answer refuses goes to the error sink in the order of the parcel. What is given back has
 * the first span of its partition in the parcel, so a record that was read twice is there twice. */
static void io_tap_record(void *ctx, const char *stage, df_record *r)
{
    process *p = ctx;
    item it = item_of(r);
    order now = {r->span->generation, r->span->first, it.offset * 8 + it.child + 1};
    order *last = &p->refused[it.part];
    (void)stage;
    if (!p->answering || r->state != DF__RECORD_ERROR)
        return;
    if (now.generation == last->generation &&
        (now.first < last->first ||
         (now.first == last->first && now.key + (p->answering == GIVEN_BACK) <= last->key)))
        fail(p->w, "%d/%lld.%d is refused after a later one", it.part, (long long)it.offset,
             it.child);
    *last = now;
}

static int64_t number_of(df_bytes text)
{
    char copy[24] = "";
    memcpy(copy, text.data, text.len < sizeof copy ? text.len : sizeof copy - 1);
    return strtoll(copy, NULL, 10);
}

static uint64_t number_of_token(df_bytes text)
{
    return text.len > 6 ? (uint64_t)number_of((df_bytes){(const char *)text.data + 6, text.len - 6})
                        : 0;
}

static size_t rows_of(const model_sink *m, df_parcel *parcel, row *rows)
{
    size_t n, i;
    const df_position *at = df_parcel_positions(parcel, &n);
    for (i = 0; i < n; i++)
        rows[i] = (row){.part = at[i].partition,
                        .seq = at[i].seq,
                        .epoch = at[i].epoch,
                        .before = m->seq[at[i].partition],
                        .owner = number_of_token(at[i].owner),
                        .next = number_of(at[i].data)};
    return n;
}

static int transact(process *p, model_sink *m, df_parcel *parcel, int late)
{
    row rows[PARTS];
    size_t count, i, n = rows_of(m, parcel, rows);
    item *items = items_of(parcel, &count);
    int rc = DF_OK;
    if (!n && count)
        fail(p->w, "exactly-once: a parcel of records without a position");
    if (late)
        zombie_add(p->w, items, count, rows, n);
    else
        rc = commit_rows(p->w, items, count, rows, n);
    for (i = 0; i < n && rc == DF_OK && !late; i++)
        m->seq[rows[i].part] = rows[i].seq;
    free(items);
    return rc;
}

static int apply(process *p, model_sink *m, df_parcel *parcel)
{
    if (p->w->plan.eos && m->role == MAIN_SINK)
        return transact(p, m, parcel, 0);
    land_all(p, m, parcel, parcel->count);
    leave_out(p, parcel, parcel->count - parcel->refused.count);
    return DF_OK;
}

static int unknown_outcome(process *p, model_sink *m, df_parcel *parcel)
{
    int how = (int)rnd(p->w, 3);
    if (how == 0)
        return DF_EUNKNOWN;
    if (p->w->plan.eos && m->role == MAIN_SINK) {
        row rows[PARTS];
        uint64_t seq[PARTS];
        memcpy(seq, m->seq, sizeof seq);
        rows_of(m, parcel, rows);
        (void)transact(p, m, parcel, how == 1);
        memcpy(m->seq, seq, sizeof seq); /* it does not know */
    } else {
        land_all(p, m, parcel, parcel->count);
    }
    return DF_EUNKNOWN;
}

static int has_refused(const df_parcel *parcel)
{
    size_t i;
    for (i = 0; i < parcel->count; i++)
        if (refuses(parcel->records[i]))
            return 1;
    return 0;
}

static int fatal(process *p, int status)
{
    return p->w->plan.fatal && chance(p->w, 30) ? status : DF_EIO;
}

/* A block that it has begun is not halved any more. */
static int splits(const process *p, const model_sink *m, const df_parcel *parcel)
{
    return parcel->count > 1 && !(p->w->plan.begins && m->role == MAIN_SINK);
}

/* A failure without a refusal. */
static int trouble(process *p, model_sink *m, df_parcel *parcel)
{
    static const int statuses[] = {DF_ETIMEOUT, DF_EAUTH,   DF_ENOMEM,  DF_EUNKNOWN,
                                   DF_EUNKNOWN, DF_ETOOBIG, DF_EREWIND, DF_EINTERNAL,
                                   DF_EFENCED,  DF_EIO,     DF_EIO,     DF_EIO};
    world *w = p->w;
    int status = statuses[rnd(w, sizeof statuses / sizeof *statuses)];
    int transacts = w->plan.eos && m->role == MAIN_SINK, refused = has_refused(parcel);
    df_parcel_left_out(parcel, rnd(w, 3)); /* what it says of a try that fails is forgotten */
    if (status == DF_EUNKNOWN)
        return refused ? status : unknown_outcome(p, m, parcel);
    if (status == DF_EINTERNAL || status == DF_EFENCED)
        return fatal(p, status);
    if ((status == DF_ETOOBIG && !splits(p, m, parcel)) || (status == DF_EREWIND && transacts))
        return DF_EIO;
    if (status == DF_EIO && !transacts && !refused && chance(w, 33)) /* after some of it */
        land_all(p, m, parcel, rnd(w, parcel->count + 1));
    return status;
}

static int refusal(process *p, model_sink *m, df_parcel *parcel)
{
    const plan *want = &p->w->plan;
    int named = want->eos && m->role == MAIN_SINK; /* one transaction: named, not applied */
    int ends = !want->error_sink && want->error_policy == DF__POLICY_STOP; /* not applied */
    switch (named ? 2 : rnd(p->w, ends ? 3 : 4)) {
    case 0:
        return DF_EDATA; /* somebody in here */
    case 1:
        return parcel->count > 1 ? DF_ETOOBIG : DF_EDATA;
    case 2:
        reject_all(p, parcel);
        return DF_EDATA;
    default:
        reject_all(p, parcel);
        return DF_OK;
    }
}

static int is_same(const begun *b, const item *items, size_t count, int64_t next)
{
    return b->next == next && b->count == count &&
           memcmp(b->items, items, count * sizeof *items) == 0;
}

/* Before a block is written a note of it is durable; one that is there must be met again whole, or
 * the server would write it twice, or take another for it. */
static void begin_block(process *p, const row *at, const item *items, size_t count)
{
    begun *b = &p->w->begun[at->part];
    size_t i, n = 0;
    static item mine[MAX_RECORDS * (MAX_CHILDREN + 1)];
    memset(mine, 0, sizeof mine);
    for (i = 0; i < count; i++) {
        if (items[i].part != (int)at->part || items[i].error)
            continue;
        mine[n].part = items[i].part;
        mine[n].child = items[i].child;
        mine[n++].offset = items[i].offset;
    }
    if (b->set && !is_same(b, mine, n, at->next))
        fail(p->w, "a block of %u to %lld was begun, and one of %zu records to %lld is written",
             at->part, (long long)b->next, n, (long long)at->next);
    if (b->set || !n)
        return;
    memcpy(b->items, mine, sizeof mine);
    b->set = 1;
    b->count = n;
    b->next = at->next;
}

static void begin_all(process *p, model_sink *m, df_parcel *parcel)
{
    row rows[PARTS];
    size_t count, i, n = rows_of(m, parcel, rows);
    item *items;
    if (!p->w->plan.begins || m->role != MAIN_SINK || has_refused(parcel))
        return;
    items = items_of(parcel, &count);
    for (i = 0; i < n; i++)
        if (rows[i].epoch == p->w->epoch[rows[i].part]) /* else another owner is there */
            begin_block(p, &rows[i], items, count);
    free(items);
}

static int may_cheat(const process *p, const model_sink *m)
{
    return p->w->plan.cheats && m->role == MAIN_SINK && !p->cheated && chance(p->w, 20);
}

/* It breaks its word: its commit passes what it refuses, and it says so afterwards. */
static int cheat(process *p, model_sink *m, df_parcel *parcel)
{
    size_t i;
    int rc;
    reject_all(p, parcel);
    for (i = 0; i < parcel->count; i++) {
        item it = item_of(parcel->records[i]);
        if (df_parcel_rejected(parcel, i))
            p->w->passed[it.part][it.offset] = (uint8_t)(p->w->lives + 1);
    }
    rc = transact(p, m, parcel, 0);
    p->cheated = rc == DF_OK;
    p->rewinds_before = p->w->rewinds;
    return rc;
}

/* It absorbs what it will have to give back. */
static int finds_out_late(world *w, const model_sink *m)
{
    return w->plan.commits && m->role != ERROR_SINK && m->held_count < HELD &&
           (w->plan.error_sink || w->plan.error_policy == DF__POLICY_SKIP) && chance(w, 60);
}

static int may_answer_later(const world *w, const model_sink *m)
{
    return (!w->plan.eos || m->role != MAIN_SINK) && m->held_count < HELD;
}

static int write_parcel(process *p, model_sink *m, df_parcel *parcel)
{
    world *w = p->w;
    int rc, late;
    if (p->canceled && chance(w, 70))
        return DF_ECANCELED;
    if (faulty(w, w->plan.faults / 3))
        m->slow_until = w->now + (int64_t)rnd(w, 20000000);
    begin_all(p, m, parcel);
    check_ranges(p, parcel);
    if (faulty(w, w->plan.faults))
        return trouble(p, m, parcel);
    if (!df_stage_current(NULL, parcel) && chance(w, 70))
        return chance(w, 50) ? DF_EIO : DF_ECANCELED;
    late = finds_out_late(w, m);
    if (late) { /* it finds out when it commits */
        check_order(p, m, parcel);
        return hold(p, m, parcel, 1);
    }
    if (has_refused(parcel)) {
        if (may_cheat(p, m))
            return cheat(p, m, parcel);
        rc = refusal(p, m, parcel);
        check_ranges(p, parcel);
        if (rc != DF_OK)
            return rc;
    }
    check_order(p, m, parcel);
    if (may_answer_later(w, m)) {
        if (chance(w, w->plan.pending))
            return hold(p, m, parcel, 0);
        if (chance(w, w->plan.absorb))
            return hold(p, m, parcel, 1);
    }
    return apply(p, m, parcel);
}

/* ---- commands -------------------------------------------------------------------------------- */

static int needs_reopen(int status)
{
    int fate = df_status_fate(status);
    return fate == DF_FATE_RETRY || fate == DF_FATE_RESOLVE || fate == DF_FATE_REWIND;
}

static void on_open(process *p, model_sink *m, const command *c)
{
    int rc = faulty(p->w, p->w->plan.faults) ? (chance(p->w, 20) ? DF_EAUTH : DF_EIO) : DF_OK;
    const char *reason = NULL;
    if (outage_now(p->w, m->role)) {
        rc = DF_EIO;
        reason = outage_reason(p->w);
    }
    outage_tried(p->w, m->role, rc);
    close_sink(p, m);
    m->stalled = 0;
    m->open = rc == DF_OK;
    post(p, (message){.type = S_OPENED,
                      .about = sink_of(p, m),
                      .status = rc,
                      .reason = reason,
                      .msg = c->msg});
}

static void say_write(const model_sink *m, const df_parcel *parcel, int rc)
{
    size_t i;
    printf("  sink %d writes %p:", m->role, (const void *)parcel);
    for (i = 0; i < parcel->count; i++) {
        item it = item_of(parcel->records[i]);
        printf(" %s%d/%lld.%d", df_parcel_rejected(parcel, i) ? "!" : "", it.part,
               (long long)it.offset, it.child);
    }
    for (i = 0; i < parcel->range.position_count; i++)
        printf(" [%u: %lld, seq %llu]", parcel->range.positions[i].partition,
               (long long)number_of(parcel->range.positions[i].data),
               (unsigned long long)parcel->range.positions[i].seq);
    printf(" -> %s\n", df_status_name(rc));
}

static void on_write(process *p, model_sink *m, const command *c)
{
    int rc = DF_AGAIN, away = outage_now(p->w, m->role);
    if (m->open && !m->stalled)
        rc = away ? DF_EIO : write_parcel(p, m, c->parcel);
    if (p->w->plan.verbose)
        say_write(m, c->parcel, rc);
    if (rc != DF_OK && rc != DF_PENDING && rc != DF_ABSORBED)
        m->stalled = 1;
    if (needs_reopen(rc))
        close_sink(p, m);
    post(p, (message){.type = S_ANSWER,
                      .about = c->parcel,
                      .status = rc,
                      .reason = away ? outage_reason(p->w) : NULL,
                      .msg = c->msg,
                      .child = rc == DF_EDATA ? child_told(c->parcel) : 0});
}

static void on_flush(process *p, model_sink *m, const command *c)
{
    int rc = m->open && outage_now(p->w, m->role) ? DF_EIO : DF_OK;
    if (m->open && faulty(p->w, p->w->plan.faults))
        rc = chance(p->w, 50) ? DF_EIO : DF_ETIMEOUT;
    while (rc == DF_OK && m->held_count)
        settle_one(p, m, rnd(p->w, m->held_count), DF_OK);
    if (rc == DF_EIO)
        close_sink(p, m);
    post(p, (message){.type = S_FLUSHED, .about = sink_of(p, m), .status = rc, .msg = c->msg});
}

/* The stored position tells; a transaction still open is ended by the question. */
static int resolve(process *p, model_sink *m, df_parcel *parcel)
{
    row rows[PARTS];
    size_t i, n;
    if (faulty(p->w, p->w->plan.faults) || outage_now(p->w, m->role))
        return DF_EIO;
    zombie_act(p->w, 1);
    n = rows_of(m, parcel, rows);
    for (i = 0; i < n; i++)
        if (p->w->epoch[rows[i].part] != rows[i].epoch)
            return DF_EFENCED;
    for (i = 0; i < n; i++)
        if (p->w->in_sink_seq[rows[i].part] != rows[i].seq)
            return DF_AGAIN;
    for (i = 0; i < n; i++)
        m->seq[rows[i].part] = rows[i].seq;
    return DF_OK;
}

static void on_resolve(process *p, model_sink *m, const command *c)
{
    int rc = m->open ? resolve(p, m, m->resolving) : DF_EIO;
    if (needs_reopen(rc))
        close_sink(p, m);
    post(p, (message){.type = S_RESOLVED, .about = m->resolving, .status = rc, .msg = c->msg});
}

static void on_claim(process *p, model_sink *m, const command *c)
{
    world *w = p->w;
    df_partition *part = m->claiming;
    uint32_t n = part->number;
    message a = {.type = S_CLAIMED, .about = sink_of(p, m), .status = DF_EIO, .msg = c->msg};
    if (m->open && !faulty(w, w->plan.faults) && !outage_now(w, m->role)) {
        a.epoch = ++w->epoch[n];
        if (w->plan.for_source) /* the source asks its own system where it is */
            w->in_sink_seq[n] = 0;
        a.seq = m->seq[n] = w->in_sink_seq[n];
        a.position = w->in_sink[n];
        a.begun = w->begun[n].set ? w->begun[n].next : 0;
        a.status = w->has_in_sink[n] && !w->plan.for_source ? DF_OK : DF_ENOTFOUND;
    }
    post(p, a);
}

static int obey(process *p, model_sink *m, const command *c)
{
    switch (c->type) {
    case C_OPEN:
        on_open(p, m, c);
        break;
    case C_WRITE:
        on_write(p, m, c);
        break;
    case C_GO:
        m->stalled = 0;
        break;
    case C_FLUSH:
        on_flush(p, m, c);
        break;
    case C_RESOLVE:
        on_resolve(p, m, c);
        break;
    case C_CLAIM:
        on_claim(p, m, c);
        break;
    case C_CLOSE:
        close_sink(p, m);
        post(p, (message){.type = S_CLOSED, .about = sink_of(p, m), .msg = c->msg});
        break;
    default:
        break;
    }
    return 1;
}

/* Nothing to do: what is pending may be settled now, well or badly. */
static int poll_sink(process *p, model_sink *m)
{
    world *w = p->w;
    size_t at;
    if (!m->open || !m->held_count)
        return 0;
    if (faulty(w, w->plan.faults / 4) || outage_now(w, m->role)) {
        m->stalled = 1;
        close_sink(p, m);
        post(p, (message){
                    .type = S_FLUSHED, .about = sink_of(p, m), .status = DF_EIO, .msg = &m->poll});
        return 1;
    }
    if (!chance(w, 30))
        return 0;
    at = rnd(w, m->held_count);
    if (!faulty(w, w->plan.faults))
        settle_one(p, m, at, DF_OK);
    else if (m->held[at].absorbed)
        settle_one(p, m, at, DF_EREWIND);
    else
        settle_one(p, m, at, chance(w, 50) ? DF_EIO : DF_ETIMEOUT);
    return 1;
}

int sink_act(process *p, int index)
{
    model_sink *m = &p->sinks[index];
    command c;
    if (p->canceled || !p->w->faults_on)
        m->slow_until = 0;
    if (p->w->now < m->slow_until || p->stuck == STUCK_SINK + index)
        return 0;
    return pop(&m->q, &c) ? obey(p, m, &c) : poll_sink(p, m);
}

/* The process is killed: what it had handed over may have arrived, or may arrive later. */
void sinks_crash(process *p)
{
    size_t i, n;
    for (i = 0; i < p->flow.sink_count; i++) {
        model_sink *m = &p->sinks[i];
        command c;
        int more = chance(p->w, 50);
        while (pop(&m->q, &c)) {
            if (c.type == C_WRITE && has_refused(c.parcel))
                more = 0; /* nor is anything after it */
            if (c.type != C_WRITE || !m->open || m->stalled || !more)
                continue;
            more = 0;
            n = rnd(p->w, c.parcel->count + 1);
            if (p->w->plan.eos && m->role == MAIN_SINK)
                (void)transact(p, m, c.parcel, 1);
            else
                land_all(p, m, c.parcel, n);
        }
        close_sink(p, m);
    }
}

/* ---- what the flow calls --------------------------------------------------------------------- */

static model_sink *model_of(process *p, const df__sink *s)
{
    return &p->sinks[s->index];
}

static void command_to(process *p, df__sink *s, command c)
{
    push(p, &model_of(p, s)->q, c);
}

static void io_open(void *ctx, df__sink *s)
{
    command_to(ctx, s, (command){.type = C_OPEN, .msg = &model_of(ctx, s)->open_msg});
}

/* Nothing that was given away may be handed over; exactly-once: errors first. */
static void io_write(void *ctx, df__sink *s, df_parcel *parcel)
{
    process *p = ctx;
    if (!df_stage_current(NULL, parcel))
        fail(p->w, "a parcel with records given away is handed to sink %d",
             p->sinks[s->index].role);
    command_to(p, s, (command){.type = C_WRITE, .parcel = parcel, .msg = &parcel->command});
}

static void io_go(void *ctx, df__sink *s)
{
    if (!model_of(ctx, s)->go_msg.busy)
        command_to(ctx, s, (command){.type = C_GO, .msg = &model_of(ctx, s)->go_msg});
}

static void io_flush(void *ctx, df__sink *s)
{
    command_to(ctx, s, (command){.type = C_FLUSH, .msg = &model_of(ctx, s)->flush_msg});
}

static void io_resolve(void *ctx, df__sink *s, df_parcel *parcel)
{
    process *p = ctx;
    model_of(p, s)->resolving = parcel;
    command_to(p, s, (command){.type = C_RESOLVE, .msg = &model_of(ctx, s)->resolve_msg});
}

static void io_claim(void *ctx, df__sink *s, df_partition *part)
{
    process *p = ctx;
    model_of(p, s)->claiming = part;
    command_to(p, s, (command){.type = C_CLAIM, .msg = &model_of(ctx, s)->claim_msg});
}

static void io_close(void *ctx, df__sink *s)
{
    command_to(ctx, s, (command){.type = C_CLOSE, .msg = &model_of(ctx, s)->close_msg});
}

void sink_io(df__flow_io *io)
{
    io->tap_record = io_tap_record;
    io->sink_open = io_open;
    io->sink_write = io_write;
    io->sink_go = io_go;
    io->sink_flush = io_flush;
    io->sink_resolve = io_resolve;
    io->sink_claim = io_claim;
    io->sink_close = io_close;
}
