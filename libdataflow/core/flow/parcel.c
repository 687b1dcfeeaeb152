/* SPDX-License-Identifier: Apache-2.0
 * parcel.c: parcels, and what a sink may ask of one; see parcel.h. */
#include "core/flow/flow.h"

#include <string.h>

df_parcel *df__parcel_new(const df__heap *heap, struct df__sink *sink)
{
    df_parcel *p = df__zalloc(heap, sizeof *p);
    if (!p)
        return NULL;
    p->heap = heap;
    p->sink = sink;
    p->serial = sink ? ++sink->flow->parcel_serial : 0;
    p->command.about = p;
    p->settle.about = p;
    df__arena_init(&p->arena, heap, 4096);
    df__arena_init(&p->look.scratch, heap, 4096);
    return p;
}

void df__parcel_free(df_parcel *p)
{
    if (!p)
        return;
    df__arena_free(&p->arena);
    df__arena_free(&p->look.scratch);
    df__free(p->heap, p->records);
    df__free(p->heap, p->tickets);
    df__free(p->heap, p->batches);
    df__parcel_free_owners(p);
    df__free(p->heap, p->range.positions);
    df__free(p->heap, p);
}

size_t df__parcel_size(const df_parcel *p)
{
    return sizeof *p + p->arena.total + p->look.scratch.total + p->cap * sizeof *p->records +
           p->ticket_cap * sizeof *p->tickets + p->batch_cap * sizeof *p->batches;
}

/* With one sink the span itself tells, however many partitions take turns. With several, records
 * come in runs of a partition, so looking at the newest few tickets finds the span; an older one
 * merely gets a second ticket, which is right as well. */
static int has_ticket(const df_parcel *p, const df__span *span)
{
    if (p->serial && span->ticket_in == p->serial)
        return 1;
    for (size_t i = p->ticket_count; i > 0 && p->ticket_count - i < 8; i--)
        if (p->tickets[i - 1] == span)
            return 1;
    return 0;
}

/* Children point into the payload of their parent: what they add is their share of the arena. */
static size_t weight(const df_record *r, const df_batch *b)
{
    if (b && b->parent && r->changed)
        return b->arena.total / b->count;
    return df__record_bytes(r);
}

int df__parcel_add(df_parcel *p, df_record *r, df_batch *b)
{
    int new_batch = b && (!p->batch_count || p->batches[p->batch_count - 1] != b);
    int new_span = r->span && !has_ticket(p, r->span);
    size_t bytes = weight(r, b);
    if (df__grow(p->heap, &p->records, &p->cap, p->count, sizeof *p->records) != DF_OK)
        return DF_ENOMEM;
    if (new_span && df__grow(p->heap, &p->tickets, &p->ticket_cap, p->ticket_count,
                             sizeof *p->tickets) != DF_OK)
        return DF_ENOMEM;
    if (new_batch &&
        df__grow(p->heap, &p->batches, &p->batch_cap, p->batch_count, sizeof *p->batches) != DF_OK)
        return DF_ENOMEM;
    if (new_span) {
        p->tickets[p->ticket_count++] = r->span;
        df__span_open(r->span);
        r->span->ticket_in = p->serial;
        r->span->main += p->is_main ? 1 : 0;
    }
    if (new_batch) {
        p->batches[p->batch_count++] = b;
        b->refs++;
    }
    p->records[p->count++] = r;
    if (r->time_us > p->times.newest_us)
        p->times.newest_us = r->time_us;
    p->bytes += bytes;
    p->changed_bytes += r->changed ? bytes : 0;
    return DF_OK;
}

int df__parcel_hold(df_parcel *p, df__span *span)
{
    if (df__grow(p->heap, &p->tickets, &p->ticket_cap, p->ticket_count, sizeof *p->tickets) !=
        DF_OK)
        return DF_ENOMEM;
    p->tickets[p->ticket_count++] = span;
    df__span_open(span);
    span->main += p->is_main ? 1 : 0;
    return DF_OK;
}

void df__parcel_reset(df_parcel *p)
{
    p->look.written = NULL;
    p->refused.first = p->refused.near = NULL;
    p->refused.is = NULL;
    p->refused.count = 0;
    p->refused.left_out = 0;
    p->range.rows = NULL;
    p->range.count = 0;
    p->absorbed.first = NULL;
    p->absorbed.returned = 0;
    p->look.error = NULL;
    p->look.slot = NULL;
    p->end.early = 0;
    df__arena_reset(&p->arena);
    df__arena_reset(&p->look.scratch);
    p->look.tree = NULL;
}

void df__parcel_again(df_parcel *p)
{
    df__parcel_reset(p);
    p->state = DF__PARCEL_QUEUED;
    p->attempt++;
}

size_t df_parcel_count(const df_parcel *parcel)
{
    return parcel->count;
}

const df_record *df_parcel_at(const df_parcel *parcel, size_t index)
{
    return parcel->records[index];
}

int df_parcel_payload(df_parcel *p, size_t index, df_bytes *ret)
{
    const df_record *r = p->records[index];
    int rc;
    if (!r->changed) {
        *ret = r->payload;
        return DF_OK;
    }
    if (!p->look.written) {
        p->look.written = df__arena_zalloc(&p->arena, p->count * sizeof *p->look.written);
        if (!p->look.written)
            return DF_ENOMEM;
    }
    if (!p->look.written[index].data) {
        rc = df__record_write(r, &p->arena, &p->look.written[index]);
        if (rc != DF_OK)
            return rc;
    }
    *ret = p->look.written[index];
    return DF_OK;
}

/* The tree of one record stays until another one's is asked for. */
static int tree_of(df_parcel *p, size_t index)
{
    char why[DF__WHY];
    int rc;
    if (p->look.tree && p->look.tree_of == index)
        return DF_OK;
    p->look.tree = NULL;
    df__arena_reset(&p->look.scratch);
    rc = df__record_tree(p->records[index], &p->look.scratch, &p->look.tree, why, sizeof why);
    if (rc == DF_OK) {
        p->look.tree_of = index;
        return DF_OK;
    }
    p->look.tree = NULL;
    p->look.error = df__arena_bytes(&p->arena, why, strlen(why));
    return rc;
}

/* A taken parcel holds copies, which are the host's alone: they may be parsed in place. */
int df_parcel_get(df_parcel *p, size_t index, const df_path *path, df_value *ret)
{
    int rc;
    if (!p || !path || !ret || index >= p->count)
        return DF_EINVAL;
    if (!p->sink)
        return df_record_get(p->records[index], path, ret);
    rc = tree_of(p, index);
    if (rc == DF_OK)
        rc = df__tree_get(p->look.tree, &p->look.scratch, path, ret);
    return rc;
}

static int output(df_parcel *p, size_t index, df_output *ret)
{
    const df_record *r = p->records[index];
    df_output o = {.size = ret->size,
                   .key = r->key,
                   .headers = r->headers,
                   .header_count = r->header_count,
                   .time_us = r->time_us,
                   .offset = r->offset,
                   .partition = r->partition,
                   .op = r->op};
    int rc = df_parcel_payload(p, index, &o.payload);
    if (rc == DF_OK)
        memcpy(ret, &o, o.size < sizeof o ? o.size : sizeof o);
    return rc;
}

int df_parcel_rows(df_parcel *parcel, size_t from, df_output *rows, size_t count,
                   size_t *ret_filled)
{
    size_t stride = count ? rows->size : sizeof *rows, n = 0;
    int rc = DF_OK;
    if (stride < sizeof rows->size)
        return DF_EINVAL;
    for (; n < count && from < parcel->count && rc == DF_OK; n++, from++) {
        df_output *row = (df_output *)(void *)((char *)rows + n * stride);
        row->size = stride;
        rc = output(parcel, from, row);
    }
    if (rc == DF_OK)
        *ret_filled = n;
    return rc;
}

int df_parcel_root(df_parcel *p, size_t index, df_value *ret)
{
    int rc = tree_of(p, index);
    if (rc == DF_OK)
        df__tree_root(p->look.tree, ret);
    return rc;
}

int df_parcel_row(df_parcel *p, size_t index, df_columns *columns, df_value *ret_values,
                  size_t *ret_unknown)
{
    df_value root;
    int rc = df_parcel_root(p, index, &root);
    if (rc != DF_OK)
        return rc;
    rc = df__columns_fill(columns, &root, ret_values, ret_unknown);
    if (rc != DF_OK)
        p->look.error = "not a JSON object";
    return rc;
}

const char *df_parcel_error(const df_parcel *parcel)
{
    return parcel->look.error ? parcel->look.error : "";
}

/* Named in any order, kept in that of the records. Most sinks name them forwards, some in several
 * passes: looking begins at the one before. */
static void put_refusal(df_parcel *p, df__refusal *f)
{
    df__refusal *near = p->refused.near;
    df__refusal **at = near && near->index < f->index ? &near->next : &p->refused.first;
    while (*at && (*at)->index < f->index)
        at = &(*at)->next;
    f->next = *at;
    *at = f;
    p->refused.near = f;
}

int df_parcel_reject(df_parcel *p, size_t index, const char *reason, const char *text)
{
    df__refusal *f;
    char *shown;
    if (index >= p->count)
        return DF_EINVAL;
    if (!p->refused.is) {
        p->refused.is = df__arena_zalloc(&p->arena, p->count);
        if (!p->refused.is)
            return DF_ENOMEM;
    }
    if (p->refused.is[index])
        return DF_OK;
    f = df__arena_alloc(&p->arena, sizeof *f);
    if (!f)
        return DF_ENOMEM;
    f->index = index;
    f->reason = df__arena_bytes(&p->arena, reason ? reason : "invalid_data",
                                strlen(reason ? reason : "invalid_data"));
    f->text = shown = df__arena_bytes(&p->arena, text, strlen(text));
    if (!f->reason || !shown)
        return DF_ENOMEM;
    if (p->sink && p->sink->stage)
        df__secrets_scrub(p->sink->stage->secrets, shown);
    put_refusal(p, f);
    p->refused.is[index] = 1;
    p->refused.count++;
    return DF_OK;
}

int df_parcel_is_error(const df_parcel *p, size_t index)
{
    int state = p->records[index]->state;
    return state == DF__RECORD_ERROR || state == DF__RECORD_MINIMAL;
}

int df_parcel_rejected(const df_parcel *p, size_t index)
{
    return p->refused.is && p->refused.is[index];
}

void df_parcel_left_out(df_parcel *p, size_t count)
{
    p->refused.left_out += count;
}

int df_parcel_attempt(const df_parcel *parcel)
{
    return parcel->attempt;
}

const df_position *df_parcel_positions(const df_parcel *parcel, size_t *ret_count)
{
    *ret_count = parcel->range.position_count;
    return parcel->range.positions;
}

void *df_parcel_alloc(df_parcel *parcel, size_t size)
{
    return df__arena_alloc(&parcel->arena, size);
}

void **df_parcel_slot(df_parcel *parcel)
{
    return &parcel->look.slot;
}

int df__parcel_current(const df_parcel *p)
{
    for (size_t i = 0; i < p->ticket_count; i++)
        if (!df__span_current(p->tickets[i]))
            return 0;
    return !p->range.only || p->range.only_generation == atomic_load(&p->range.only->generation);
}

int df_stage_current(df_stage *st, const df_parcel *parcel)
{
    (void)st;
    return df__parcel_current(parcel);
}
