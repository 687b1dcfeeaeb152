/* SPDX-License-Identifier: Apache-2.0
 * world.c: what is durable, what must become of each record, and the invariants over both. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

uint64_t rnd(world *w, uint64_t n)
{
    return (df__random(&w->rng) >> 11) % n;
}

int chance(world *w, int percent)
{
    return (int)rnd(w, 100) < percent;
}

int faulty(world *w, int percent)
{
    return w->faults_on && chance(w, percent);
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

/* ---- the oracle ------------------------------------------------------------------------------ */

static uint64_t records_of; /* a seed has records of its own */

void records_make(uint64_t seed)
{
    records_of = seed;
}

static unsigned hash(int part, int64_t offset, unsigned salt)
{
    uint64_t x = (uint64_t)offset * 0x9e3779b97f4a7c15u + records_of * 0xd6e8feb86659fd93u;
    x += (uint64_t)(part + 1) * 0xbf58476d1ce4e5b9u + salt * 0x94d049bb133111ebu;
    x ^= x >> 31;
    x *= 0x94d049bb133111ebu;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return (unsigned)(x >> 33);
}

int is_filtered(int part, int64_t offset)
{
    return hash(part, offset, 1) % 7 == 0;
}

int is_rejected(int part, int64_t offset)
{
    return !is_filtered(part, offset) && hash(part, offset, 2) % 17 == 0;
}

int is_refused(int part, int64_t offset)
{
    return hash(part, offset, 3) % 13 == 0;
}

int is_picky(int part, int64_t offset)
{
    return hash(part, offset, 4) % 5 == 0;
}

int is_bad(int part, int64_t offset)
{
    return !is_filtered(part, offset) && (is_rejected(part, offset) || is_refused(part, offset));
}

int route_of(const plan *p, int part, int64_t offset)
{
    unsigned h = hash(part, offset, 5);
    if (p->eos || h % 3 != 0)
        return 0;
    return p->copies && h % 2 ? 2 : 1;
}

int children_of(const plan *p, int part, int64_t offset)
{
    unsigned h = hash(part, offset, 6);
    return p->expand && h % 5 == 0 ? 1 + (int)(h / 5 % MAX_CHILDREN) : 0;
}

int is_halved(const plan *p, int part, int64_t offset)
{
    return children_of(p, part, offset) && !is_filtered(part, offset) && !is_bad(part, offset) &&
           hash(part, offset, 7) % 5 == 0;
}

/* Something of it is with the error sink. */
static int has_error(const plan *p, int part, int64_t offset)
{
    return is_bad(part, offset) || is_halved(p, part, offset);
}

int first_bad(const world *w, int part)
{
    int i = 0;
    while (i < w->plan.records && !has_error(&w->plan, part, i))
        i++;
    return i;
}

/* Children are 1, 2, ...; a record that is not expanded is child 0. */
static int is_there(const world *w, int part, int64_t offset, int child)
{
    int route = route_of(&w->plan, part, offset);
    if (is_refused(part, offset))
        return w->seen[ERROR_SINK][part][offset][child] > (route == 2);
    if (route != 1 && !w->seen[MAIN_SINK][part][offset][child])
        return 0;
    return !route || w->seen[ROUTED_SINK][part][offset][child];
}

static int all_there(const world *w, int part, int64_t offset)
{
    int n = children_of(&w->plan, part, offset), i;
    if (is_rejected(part, offset))
        return w->seen[ERROR_SINK][part][offset][0] > 0;
    for (i = n ? 1 : 0; i <= n; i++)
        if (!is_there(w, part, offset, i))
            return 0;
    return !is_halved(&w->plan, part, offset) || !w->plan.error_sink ||
           w->seen[ERROR_SINK][part][offset][0];
}

int is_terminal(const world *w, int part, int64_t offset)
{
    if (is_filtered(part, offset) || w->passed[part][offset])
        return 1;
    if (has_error(&w->plan, part, offset) && !w->plan.error_sink &&
        w->plan.error_policy != DF__POLICY_SKIP)
        return 0;
    if (is_bad(part, offset) && !w->plan.error_sink)
        return 1;
    if (has_error(&w->plan, part, offset) && w->plan.error_ack == DF__ACK_NEVER)
        return 0;
    return all_there(w, part, offset);
}

int was_delivered(const world *w, int part, int64_t offset)
{
    if (is_filtered(part, offset) || (is_bad(part, offset) && !w->plan.error_sink) ||
        w->passed[part][offset])
        return 1;
    return all_there(w, part, offset);
}

/* Bad ones are in the error sink, good ones in the others. */
static void check_side(world *w, int sink, const item *i)
{
    if (sink != ERROR_SINK && is_bad(i->part, i->offset))
        fail(w, "%d/%lld is bad and is in sink %d", i->part, (long long)i->offset, sink);
    if (sink == ERROR_SINK && !is_bad(i->part, i->offset) &&
        (i->child || !is_halved(&w->plan, i->part, i->offset)))
        fail(w, "%d/%lld is good and is in the error sink", i->part, (long long)i->offset);
}

void deliver(world *w, int sink, const item *i)
{
    uint8_t *seen = &w->seen[sink][i->part][i->offset][i->child];
    w->delivered++;
    if (is_filtered(i->part, i->offset))
        fail(w, "%d/%lld was filtered and is in sink %d", i->part, (long long)i->offset, sink);
    check_side(w, sink, i);
    if (sink != ERROR_SINK && !i->child && children_of(&w->plan, i->part, i->offset))
        fail(w, "%d/%lld was not expanded and is in sink %d", i->part, (long long)i->offset, sink);
    if (*seen && (sink != ERROR_SINK || w->plan.takes_errors)) {
        w->duplicates++;
        if (w->plan.eos)
            fail(w, "exactly-once: %d/%lld.%d is twice in the sink", i->part, (long long)i->offset,
                 i->child);
    }
    if (*seen < 250)
        ++*seen;
}

void check_commit(world *w, int part, int64_t next, const char *who)
{
    int64_t *i = &w->checked[part];
    if (next > w->plan.records)
        fail(w, "%s committed %d/%lld past the end", who, part, (long long)next);
    for (; *i < next && !w->broken[0]; ++*i)
        if (!is_terminal(w, part, *i))
            fail(w, "%s committed %d/%lld, but %lld is not terminal", who, part, (long long)next,
                 (long long)*i);
}

/* ---- exactly-once: a sink with transactions -------------------------------------------------- */

int commit_rows(world *w, const item *items, size_t count, const row *rows, size_t row_count)
{
    size_t i;
    for (i = 0; i < row_count; i++)
        if (rows[i].epoch != w->epoch[rows[i].part] ||
            rows[i].before != w->in_sink_seq[rows[i].part])
            return DF_EFENCED;
    for (i = 0; i < row_count && w->plan.for_source; i++)
        if (rows[i].owner != w->owner[rows[i].part])
            return DF_EIO; /* a token of before: nothing is applied */
    for (i = 0; i < count; i++)
        deliver(w, items[i].error ? ERROR_SINK : MAIN_SINK, &items[i]);
    for (i = 0; i < row_count; i++) {
        uint32_t part = rows[i].part;
        if (w->has_in_sink[part] && rows[i].next < w->in_sink[part])
            fail(w, "the position of %u in the sink went back from %lld to %lld", part,
                 (long long)w->in_sink[part], (long long)rows[i].next);
        check_commit(w, (int)part, rows[i].next, "the sink");
        w->begun[part].set = 0;
        w->in_sink[part] = rows[i].next;
        w->in_sink_seq[part] = rows[i].seq;
        w->has_in_sink[part] = 1;
    }
    for (i = 0; i < count; i++)
        if (items[i].offset >= w->in_sink[items[i].part])
            fail(w, "%d/%lld is in the sink, but its position is %lld", items[i].part,
                 (long long)items[i].offset, (long long)w->in_sink[items[i].part]);
    return DF_OK;
}

void zombie_add(world *w, const item *items, size_t count, const row *rows, size_t row_count)
{
    zombie *z = w->zombies;
    while (z < w->zombies + ZOMBIES && (z->count || z->row_count))
        z++;
    if (z == w->zombies + ZOMBIES || !row_count)
        return;
    z->items = malloc(count * sizeof *items + 1);
    memcpy(z->items, items, count * sizeof *items);
    memcpy(z->rows, rows, row_count * sizeof *rows);
    z->count = count;
    z->row_count = row_count;
}

/* One of the transactions left behind commits, is refused by the fence, or is rolled back. */
void zombie_act(world *w, int must_end)
{
    size_t i;
    for (i = 0; i < ZOMBIES; i++) {
        zombie *z = &w->zombies[i];
        if (!z->row_count || (!must_end && !chance(w, 2)))
            continue;
        if (chance(w, 70) && commit_rows(w, z->items, z->count, z->rows, z->row_count) != DF_OK)
            w->fenced++;
        free(z->items);
        memset(z, 0, sizeof *z);
    }
}
