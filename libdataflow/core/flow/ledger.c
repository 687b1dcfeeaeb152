/* SPDX-License-Identifier: Apache-2.0
 * ledger.c: spans, tickets, watermarks; see ledger.h. */
#include "core/flow/ledger.h"

#include <string.h>

#ifdef __SANITIZE_ADDRESS__ /* it shall see who uses a span that ended, though it is kept */
#include <sanitizer/asan_interface.h>
#define HIDE(s) ASAN_POISON_MEMORY_REGION(s, sizeof *(s))
#define SHOW(s) ASAN_UNPOISON_MEMORY_REGION(s, sizeof *(s))
#else
#define HIDE(s) ((void)(s))
#define SHOW(s) ((void)(s))
#endif

enum { SPARE_MARK = 64 }; /* bytes: what a span that is kept may keep */

int df__mark_set(const df__heap *heap, df__mark *m, df_bytes text, uint64_t seq)
{
    if (text.len + 1 > m->cap) {
        size_t cap = text.len < 48 ? 48 : text.len + 1;
        char *grown = df__realloc(heap, m->text, cap);
        if (!grown)
            return DF_ENOMEM;
        m->text = grown;
        m->cap = cap;
    }
    if (text.len)
        memcpy(m->text, text.data, text.len);
    m->text[text.len] = '\0';
    m->len = text.len;
    m->seq = seq;
    m->set = 1;
    m->none = !text.data;
    return DF_OK;
}

int df__mark_copy(const df__heap *heap, df__mark *to, const df__mark *from)
{
    df_bytes text = {from->none ? NULL : from->text, from->len};
    if (!from->set) {
        to->set = 0;
        return DF_OK;
    }
    return df__mark_set(heap, to, text, from->seq);
}

int df__mark_same(const df__mark *a, const df__mark *b)
{
    return a->set && b->set && a->seq == b->seq && a->len == b->len &&
           memcmp(a->text, b->text, a->len) == 0;
}

void df__mark_free(const df__heap *heap, df__mark *m)
{
    df__free(heap, m->text);
    memset(m, 0, sizeof *m);
}

df_partition *df__partition_new(const df__heap *heap, df_stage *stage, const char *name)
{
    df_partition *p = df__zalloc(heap, sizeof *p);
    if (!p)
        return NULL;
    p->heap = heap;
    p->stage = stage;
    p->name = df__strdup(heap, name);
    df__arena_init(&p->in.arena, heap, 256);
    atomic_store(&p->lag.records, -1);
    atomic_store(&p->lag.newest_us, -1);
    p->lag.counted = -1;
    if (!p->name) {
        df__free(heap, p);
        return NULL;
    }
    return p;
}

static void span_drop(const df__heap *heap, df__span *s)
{
    df__mark_free(heap, &s->mark);
    df__mark_free(heap, &s->before_refused);
    df__free(heap, s);
}

/* One that ended, blank but for the memory of its mark; NULL: there is none. */
static df__span *spare_take(df_partition *p)
{
    for (size_t i = 0; i < DF__SPARE_SPANS; i++) {
        df__span *s = NULL;
        if (atomic_load_explicit(&p->spare.spans[i], memory_order_relaxed))
            s = atomic_exchange_explicit(&p->spare.spans[i], NULL, memory_order_acquire);
        if (s) {
            SHOW(s);
            return s;
        }
    }
    return NULL;
}

/* 1: it is kept; 0: the caller frees it. */
static int spare_give(df_partition *p, df__span *s)
{
    HIDE(s);
    for (size_t i = 0; i < DF__SPARE_SPANS; i++) {
        df__span *none = NULL;
        if (!atomic_load_explicit(&p->spare.spans[i], memory_order_relaxed) &&
            atomic_compare_exchange_strong_explicit(&p->spare.spans[i], &none, s,
                                                    memory_order_release, memory_order_relaxed))
            return 1;
    }
    SHOW(s);
    return 0;
}

void df__partition_free(df_partition *p)
{
    df__span *s;
    if (!p)
        return;
    df__partition_bump(p);
    while ((s = spare_take(p)))
        span_drop(p->heap, s);
    df__mark_free(p->heap, &p->watermark);
    df__mark_free(p->heap, &p->acked);
    df__mark_free(p->heap, &p->in_sink);
    df__mark_free(p->heap, &p->read);
    df__mark_free(p->heap, &p->save.mark);
    df__mark_free(p->heap, &p->in.resume);
    df__arena_free(&p->in.arena);
    df_schema_free(p->in.schema);
    df__free(p->heap, p->token.text);
    df__mark_free(p->heap, &p->begun.mark);
    df__free(p->heap, p->name);
    df__free(p->heap, p);
}

df__span *df__span_new(df_partition *part)
{
    df__span *s = spare_take(part);
    if (!s)
        s = df__zalloc(part->heap, sizeof *s);
    if (s)
        s->part = part;
    return s;
}

/* Blank but for the text of its mark, unless that is a long one. */
static void span_blank(df__span *s)
{
    const df__heap *heap = s->part->heap;
    char *text = s->mark.text;
    size_t cap = s->mark.cap;
    if (s->before_refused.text)
        df__mark_free(heap, &s->before_refused);
    if (cap > SPARE_MARK) {
        df__free(heap, text);
        text = NULL;
        cap = 0;
    }
    memset(s, 0, sizeof *s);
    s->mark.text = text;
    s->mark.cap = cap;
}

void df__span_free(df__span *s)
{
    df_partition *p;
    if (!s)
        return;
    p = s->part;
    span_blank(s);
    if (!spare_give(p, s))
        span_drop(p->heap, s);
}

void df__ledger_admit(df__span *s)
{
    df_partition *p = s->part;
    s->generation = atomic_load_explicit(&p->generation, memory_order_relaxed);
    s->first = p->next_seq;
    p->next_seq += s->count;
    s->mark.seq = p->next_seq;
    df__partition_recount(p);
    s->open = 1;
    s->linked = 1;
    s->next = NULL;
    if (p->tail)
        p->tail->next = s;
    else
        p->head = s;
    p->tail = s;
}

void df__ledger_refuse(df__span *s)
{
    s->generation = atomic_load_explicit(&s->part->generation, memory_order_relaxed) - 1;
    s->open = 1;
}

void df__span_open(df__span *s)
{
    s->open++;
}

/* The watermark takes the mark's text over: no allocation, so it cannot fail. */
static int pop_closed(df_partition *p)
{
    int moved = 0;
    while (p->head && p->head->open == p->head->deferred) {
        df__span *s = p->head;
        p->head = s->next;
        if (!p->head)
            p->tail = NULL;
        if (s->mark.set) {
            df__mark old = p->watermark;
            p->watermark = s->mark;
            s->mark = old;
            moved = 1;
        }
        df__span_free(s);
    }
    if (moved)
        df__partition_recount(p);
    return moved;
}

int df__span_close(df__span *s)
{
    s->open--;
    if (s->linked)
        return s->open == s->deferred ? pop_closed(s->part) : 0;
    if (s->open == s->deferred)
        df__span_free(s);
    return 0;
}

int df__span_defer(df__span *s)
{
    s->deferred++;
    if (s->linked)
        return s->open == s->deferred ? pop_closed(s->part) : 0;
    if (s->open == s->deferred)
        df__span_free(s);
    return 0;
}

void df__partition_bump(df_partition *p)
{
    df__span *s = p->head;
    atomic_fetch_add(&p->generation, 1);
    p->head = p->tail = NULL;
    p->next_seq = p->watermark.set ? p->watermark.seq : 0;
    p->refused = 0; /* what comes from here on is read again, that record too */
    df__partition_recount(p);
    while (s) {
        df__span *next = s->next;
        s->linked = 0;
        s->next = NULL;
        s->open -= s->refused;
        s->refused = 0;
        if (s->open == s->deferred)
            df__span_free(s);
        s = next;
    }
}

int df__span_current(const df__span *s)
{
    return s->generation == atomic_load_explicit(&s->part->generation, memory_order_acquire);
}

int df__span_after_refused(const df__span *s, int64_t offset)
{
    if (!s->part->refused || s->first < s->part->refused_first)
        return 0;
    return s->first > s->part->refused_first ||
           (s->refused && offset >= 0 && offset >= s->refused_offset);
}

void df__span_ends_here(df__span *s)
{
    df_partition *p = s->part;
    if (!p->refused || s->first < p->refused_first)
        p->refused_first = s->first;
    p->refused = 1;
}

uint64_t df__partition_uncommitted(const df_partition *p)
{
    uint64_t saved = p->watermark.seq;
    if (p->open && p->sums && p->sums->saved_by == DF__BY_ACK)
        saved = p->acked.seq;
    else if (p->open && p->sums && p->sums->saved_by == DF__BY_SINK)
        saved = p->in_sink.seq;
    return p->next_seq > saved ? p->next_seq - saved : 0;
}

const df__mark *df__partition_safe(const df_partition *p)
{
    int in_sink = p->sums && p->sums->saved_by == DF__BY_SINK;
    return in_sink && p->in_sink.seq <= p->watermark.seq ? &p->in_sink : &p->watermark;
}

int df__partition_moved(const df_partition *p)
{
    const df__mark *safe = df__partition_safe(p);
    return safe->set && !df__mark_same(safe, &p->acked);
}

static void recount_lag(df_partition *p)
{
    int64_t now = p->open ? atomic_load_explicit(&p->lag.records, memory_order_relaxed) : -1;
    int64_t was = p->lag.counted;
    if (now == was)
        return;
    p->sums->lag += (now < 0 ? 0 : now) - (was < 0 ? 0 : was);
    p->sums->lag_known += (size_t)(now >= 0) - (size_t)(was >= 0);
    p->lag.counted = now;
}

void df__partition_recount(df_partition *p)
{
    uint64_t uncommitted = df__partition_uncommitted(p);
    int unsaved = p->open && df__partition_moved(p);
    if (!p->sums)
        return;
    p->sums->uncommitted += uncommitted - p->uncommitted;
    p->sums->unsaved += (size_t)unsaved - (size_t)p->unsaved;
    p->uncommitted = uncommitted;
    p->unsaved = unsaved;
    recount_lag(p);
}

int df__span_errors_first(const df__span *s)
{
    const df__span *at = s->part->head;
    for (; at; at = at->next) {
        if (at->open != at->main + at->deferred)
            return 0;
        if (at == s)
            return 1;
    }
    return 1;
}

int df__partition_stop_mark(df_partition *p)
{
    df__span *s = p->head;
    df__mark old;
    if (!s || !s->refused || s->open != s->refused + s->deferred || !s->before_refused.set)
        return 0;
    old = p->watermark;
    p->watermark = s->before_refused;
    s->before_refused = old;
    s->before_refused.set = 0;
    df__partition_recount(p);
    return 1;
}

void df__partition_forget(df_partition *p)
{
    p->watermark.set = p->acked.set = p->read.set = p->in_sink.set = 0;
    p->watermark.seq = p->acked.seq = p->in_sink.seq = p->next_seq = 0;
    p->in.has_resume = 0;
    df__partition_recount(p);
}
