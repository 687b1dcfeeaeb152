/* SPDX-License-Identifier: Apache-2.0
 * partition.c: a source's handle of its partitions: opening, where to resume, metadata, lag. On the
 * source's thread but for the lag. */
#include "core/flow/ledger.h"

#include <string.h>

#include "core/stage/stage.h"

/* ---- by name --------------------------------------------------------------------------------- */

/* Where a name is, or the empty place where it belongs. Open addressing, at most half full. */
static uint32_t *slot_of(df_stage *st, const char *name)
{
    size_t mask = st->partition_slot_count - 1, at = df__hash(name, strlen(name)) & mask;
    while (st->partition_slots[at] &&
           strcmp(st->partitions[st->partition_slots[at] - 1]->name, name) != 0)
        at = (at + 1) & mask;
    return &st->partition_slots[at];
}

static int grow_slots(df_stage *st)
{
    size_t count = st->partition_slot_count ? st->partition_slot_count * 2 : 8;
    uint32_t *slots;
    if (st->partition_count * 2 < st->partition_slot_count)
        return DF_OK;
    slots = df__zalloc(st->heap, count * sizeof *slots);
    if (!slots)
        return DF_ENOMEM;
    df__free(st->heap, st->partition_slots);
    st->partition_slots = slots;
    st->partition_slot_count = count;
    for (size_t i = 0; i < st->partition_count; i++)
        *slot_of(st, st->partitions[i]->name) = (uint32_t)i + 1;
    return DF_OK;
}

/* NULL: no memory. */
static df_partition *add_partition(df_stage *st, const char *name)
{
    df_partition *p;
    if (grow_slots(st) != DF_OK || df__grow(st->heap, &st->partitions, &st->partition_cap,
                                            st->partition_count, sizeof *st->partitions) != DF_OK)
        return NULL;
    p = df__partition_new(st->heap, st, name);
    if (!p)
        return NULL;
    p->number = (uint32_t)st->partition_count;
    st->partitions[st->partition_count++] = p;
    *slot_of(st, name) = p->number + 1;
    return p;
}

int df_partition_open(df_stage *st, const char *name, df_partition **ret)
{
    const uint32_t *slot = st->partition_slots ? slot_of(st, name) : NULL;
    df_partition *p = slot && *slot ? st->partitions[*slot - 1] : add_partition(st, name);
    int rc;
    if (!p)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a partition");
    rc = st->open_partition(st, p);
    if (rc == DF_OK)
        *ret = p;
    return rc;
}

int df_partition_end(df_stage *st, df_partition *part)
{
    return st->end_partition(st, part);
}

int df_partition_close(df_stage *st, df_partition *part, int how)
{
    return st->close_partition(st, part, how);
}

uint32_t df_partition_number(const df_partition *part)
{
    return part->number;
}

int df_partition_position(const df_partition *part, df_position *ret)
{
    df_position at = {.size = ret->size};
    if (!part->in.has_resume)
        return DF_ENOTFOUND;
    at.partition = part->number;
    at.name = part->name;
    at.data.data = part->in.resume.text;
    at.data.len = part->in.resume.len;
    at.seq = part->in.resume.seq;
    at.epoch = part->epoch;
    memcpy(ret, &at, ret->size < sizeof at ? ret->size : sizeof at);
    return DF_OK;
}

static int is_text(const df_value *v)
{
    return v->text != NULL || v->len;
}

/* The newest entry of that name says this already: a source tells it at each open. */
static int is_known(const df_partition *part, const char *name, const df_value *value, int type)
{
    const df__meta *m = part->in.meta;
    while (m && (m->name.len != strlen(name) || memcmp(m->name.data, name, m->name.len) != 0))
        m = m->next;
    if (!m || m->value.type != type || m->value.zone != value->zone)
        return 0;
    if (is_text(value))
        return m->value.len == value->len && memcmp(m->value.text, value->text, value->len) == 0;
    return memcmp(&m->value.u, &value->u, sizeof value->u) == 0;
}

int df_partition_meta(df_partition *part, const char *name, const df_value *value)
{
    df_bytes text = {value->text, value->len};
    int type = value->type == DF_V_STRING ? df__meta_text_type(text) : value->type;
    df__meta *m;
    if (is_known(part, name, value, type))
        return DF_OK;
    m = df__arena_zalloc(&part->in.arena, sizeof *m);
    if (!m)
        return DF_ENOMEM;
    m->name.data = df__arena_bytes(&part->in.arena, name, strlen(name));
    m->name.len = strlen(name);
    m->value = *value;
    if (!m->name.data || df__arena_copy(&part->in.arena, text, &text) != DF_OK)
        return DF_ENOMEM;
    m->value.text = text.data;
    m->value.type = type;
    m->next = part->in.meta;
    part->in.meta = m;
    return DF_OK;
}

void df_partition_schema(df_partition *part, const df_schema *schema)
{
    df_schema *held = df_schema_hold(schema);
    df_schema_free(part->in.schema);
    part->in.schema = held;
}

/* ---- lag: told on any thread, summed up on the pipeline thread ------------------------------- */

/* 1: nothing else waits on the stage's list. */
static int list_lag(df_stage *st, df_partition *p)
{
    df_partition *first = atomic_load(&st->lags);
    if (atomic_exchange(&p->lag.changed, 1))
        return 0;
    do
        p->lag.next = first;
    while (!atomic_compare_exchange_weak(&st->lags, &first, p));
    return !first;
}

void df__partition_lags(df_stage *source)
{
    df_partition *p = source ? atomic_exchange(&source->lags, NULL) : NULL, *next;
    for (; p; p = next) {
        next = p->lag.next;
        /* Before it is read: what is told from now on counts. */
        (void)atomic_exchange(&p->lag.changed, 0);
        df__partition_recount(p);
    }
}

/* The pipeline thread sleeps while nothing moves; a lag that changes must be shown even then. */
void df_partition_lag(df_partition *part, const df_lag *lag)
{
    df_stage *st = part->stage;
    atomic_store(&part->lag.newest_us, lag->newest_us);
    if (atomic_exchange(&part->lag.records, lag->records) != lag->records && list_lag(st, part) &&
        st->publish)
        st->publish(st);
}
