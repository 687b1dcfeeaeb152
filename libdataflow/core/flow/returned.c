/* SPDX-License-Identifier: Apache-2.0
 * returned.c: records that a sink gives back from a parcel that it absorbed, before it settles. */
#include "core/flow/flow.h"

#include <string.h>

static df__span *span_of(const df_parcel *p, uint32_t partition)
{
    for (size_t i = 0; i < p->ticket_count; i++)
        if (p->tickets[i]->part->number == partition)
            return p->tickets[i];
    return NULL;
}

static int copy_headers(df__arena *a, const df_input *in, df_record *r)
{
    df_header *copy = df__arena_alloc(a, in->header_count * sizeof *copy + 1);
    if (!copy)
        return DF_ENOMEM;
    for (size_t i = 0; i < in->header_count; i++) {
        copy[i].name = df__arena_bytes(a, in->headers[i].name, strlen(in->headers[i].name));
        if (!copy[i].name || df__arena_copy(a, in->headers[i].value, &copy[i].value) != DF_OK)
            return DF_ENOMEM;
    }
    r->headers = copy;
    r->header_count = (uint32_t)in->header_count;
    return DF_OK;
}

static int copy_record(df_parcel *p, const df_input *in, df_record *r)
{
    r->arena = &p->arena;
    r->time_us = in->time_us;
    r->offset = in->offset;
    r->op = in->op;
    r->partition = r->span->part->name;
    r->state = DF__RECORD_REJECTED;
    if (df__arena_copy(&p->arena, in->payload, &r->payload) != DF_OK ||
        df__arena_copy(&p->arena, in->key, &r->key) != DF_OK)
        return DF_ENOMEM;
    return in->header_count ? copy_headers(&p->arena, in, r) : DF_OK;
}

static int copy_why(df_parcel *p, df__reject *why, const char *reason, const char *text)
{
    char *shown = df__arena_bytes(&p->arena, text, strlen(text));
    why->status = DF_EDATA;
    why->stage = "write";
    why->where = p->sink->name;
    why->reason = df__arena_bytes(&p->arena, reason, strlen(reason));
    why->text = shown;
    if (!shown || !why->reason)
        return DF_ENOMEM;
    if (p->sink->stage)
        df__secrets_scrub(p->sink->stage->secrets, shown);
    return DF_OK;
}

int df_parcel_return(df_parcel *p, const df_input *in, const char *reason, const char *text)
{
    df__returned *r;
    df__span *span = span_of(p, in->partition);
    if (!p->sink || p->is_main)
        return DF_ESTATE;
    if (!span || p->absorbed.returned >= p->count)
        return DF_EINVAL;
    r = df__arena_zalloc(&p->arena, sizeof *r);
    if (!r)
        return DF_ENOMEM;
    r->record.span = span;
    r->record.reject = &r->why;
    if (copy_record(p, in, &r->record) != DF_OK ||
        copy_why(p, &r->why, reason ? reason : "invalid_data", text) != DF_OK)
        return DF_ENOMEM;
    if (p->absorbed.first)
        p->absorbed.last->next = r;
    else
        p->absorbed.first = r;
    p->absorbed.last = r;
    p->absorbed.returned++;
    return DF_OK;
}

int df__sink_take_returned(df_parcel *p)
{
    df__sink *s = p->sink;
    for (; p->absorbed.first; p->absorbed.first = p->absorbed.first->next) {
        df__returned *r = p->absorbed.first;
        if (df__flow_reject(s->flow, s->error_sink, &r->record) != DF_OK)
            return DF_ENOMEM;
        p->count--;
        s->queue.records--;
        df__count_error(&s->counts, DF__DURING_WRITE, r->why.reason, r->why.text);
    }
    return DF_OK;
}
