/* SPDX-License-Identifier: Apache-2.0
 * partition.c: a source's handle of its partitions: opening, where to resume, metadata, lag. On the
 * source's thread but for the lag. */
#include "core/flow/ledger.h"

#include <string.h>

#include "core/stage/stage.h"

static df_partition *find_partition(df_stage *st, const char *name)
{
    size_t i;
    for (i = 0; i < st->partition_count; i++)
        if (strcmp(st->partitions[i]->name, name) == 0)
            return st->partitions[i];
    return NULL;
}

int df_partition_open(df_stage *st, const char *name, df_partition **ret)
{
    df_partition *p = find_partition(st, name);
    int rc;
    if (!p) {
        if (df__grow(st->heap, &st->partitions, &st->partition_cap, st->partition_count,
                     sizeof *st->partitions) != DF_OK)
            return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a partition");
        p = df__partition_new(st->heap, st, name);
        if (!p)
            return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a partition");
        p->number = (uint32_t)st->partition_count;
        st->partitions[st->partition_count++] = p;
    }
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
    if (!part->has_resume)
        return DF_ENOTFOUND;
    at.partition = part->number;
    at.name = part->name;
    at.data.data = part->resume_mark.text;
    at.data.len = part->resume_mark.len;
    at.seq = part->resume_mark.seq;
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
    const df__meta *m = part->meta;
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
    m = df__arena_zalloc(&part->meta_arena, sizeof *m);
    if (!m)
        return DF_ENOMEM;
    m->name.data = df__arena_bytes(&part->meta_arena, name, strlen(name));
    m->name.len = strlen(name);
    m->value = *value;
    if (!m->name.data || df__arena_copy(&part->meta_arena, text, &text) != DF_OK)
        return DF_ENOMEM;
    m->value.text = text.data;
    m->value.type = type;
    m->next = part->meta;
    part->meta = m;
    return DF_OK;
}

void df_partition_schema(df_partition *part, const df_schema *schema)
{
    df_schema *held = df_schema_hold(schema);
    df_schema_free(part->schema);
    part->schema = held;
}

/* The pipeline thread sleeps while nothing moves; a lag that changes must be shown even then. */
void df_partition_lag(df_partition *part, const df_lag *lag)
{
    atomic_store(&part->lag_newest_us, lag->newest_us);
    if (atomic_exchange(&part->lag_records, lag->records) != lag->records && part->stage->publish)
        part->stage->publish(part->stage);
}
