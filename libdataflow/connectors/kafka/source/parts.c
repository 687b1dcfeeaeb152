/* SPDX-License-Identifier: Apache-2.0
 * parts.c: the partitions that the source has met, by topic and number. They
 * are kept as long as the stage: what is known of one outlives a lost
 * connection.
 */
#include <string.h>

#include "parts.h"

struct df__kafka_topic {
    df__kafka_topic *next;
    df__kafka_part **parts; /* by number */
    size_t cap;
    int first;    /* df__kafka_part_first */
    int64_t came; /* df__kafka_part_came */
    char name[];
};

const char *df__kafka_part_topic(const df__kafka_part *p)
{
    return p->of->name;
}

int *df__kafka_part_first(df__kafka_topic *topic)
{
    return &topic->first;
}

int64_t *df__kafka_part_came(df__kafka_topic *topic)
{
    return &topic->came;
}

rd_kafka_topic_partition_t *df__kafka_part_row(rd_kafka_topic_partition_list_t *list,
                                               const df__kafka_part *p)
{
    return rd_kafka_topic_partition_list_add(list, p->of->name, p->id);
}

static void *grow(df_stage *st, void *old, size_t *cap, size_t need, size_t size)
{
    size_t len = *cap == 0 ? 16 : *cap;
    while (len < need)
        len *= 2;
    void *fresh = df_stage_alloc(st, len * size);
    if (!fresh)
        return NULL;
    if (old)
        memcpy(fresh, old, *cap * size);
    *cap = len;
    return fresh;
}

/* The topic of the last message first: they come in runs. */
static df__kafka_topic *topic_known(df__kafka_source *s, const char *name)
{
    if (s->last && strcmp(s->last->name, name) == 0)
        return s->last;
    for (df__kafka_topic *t = s->topics; t != NULL; t = t->next)
        if (strcmp(t->name, name) == 0)
            return s->last = t;
    return NULL;
}

static df__kafka_topic *topic_at(df__kafka_source *s, const char *name)
{
    df__kafka_topic *t = topic_known(s, name);
    if (t)
        return t;
    t = df_stage_alloc(s->st, sizeof *t + strlen(name) + 1);
    if (!t)
        return NULL;
    memcpy(t->name, name, strlen(name));
    t->next = s->topics;
    return s->topics = t;
}

df__kafka_part *df__kafka_part_known(df__kafka_source *s, const char *topic, int32_t id)
{
    const df__kafka_topic *t = topic_known(s, topic);
    return t != NULL && id >= 0 && (size_t)id < t->cap ? t->parts[id] : NULL;
}

static df__kafka_part *new_part(df__kafka_source *s, df__kafka_topic *of, int32_t id)
{
    if (s->part_count == s->part_cap) {
        df__kafka_part **all =
            grow(s->st, s->parts, &s->part_cap, s->part_count + 1, sizeof(df__kafka_part *));
        if (!all)
            return NULL;
        s->parts = all;
    }
    df__kafka_part *p = df_stage_alloc(s->st, sizeof *p);
    if (!p)
        return NULL;
    p->of = of;
    p->id = id;
    p->epoch = p->acked_epoch = -1;
    p->acked = p->sent = p->bad = p->lost = p->all = -1;
    return s->parts[s->part_count++] = p;
}

df__kafka_part *df__kafka_part_at(df__kafka_source *s, const char *topic, int32_t id)
{
    df__kafka_topic *t = id < 0 ? NULL : topic_at(s, topic);
    if (!t)
        return NULL;
    if ((size_t)id >= t->cap) {
        df__kafka_part **parts =
            grow(s->st, t->parts, &t->cap, (size_t)id + 1, sizeof(df__kafka_part *));
        if (!parts)
            return NULL;
        t->parts = parts;
    }
    if (!t->parts[id])
        t->parts[id] = new_part(s, t, id);
    return t->parts[id];
}

int df__kafka_part_number(df__kafka_source *s, df__kafka_part *p)
{
    size_t number = df_partition_number(p->part);
    if (number >= s->numbered_cap) {
        df__kafka_part **all =
            grow(s->st, s->numbered, &s->numbered_cap, number + 1, sizeof(df__kafka_part *));
        if (!all)
            return DF_ENOMEM;
        s->numbered = all;
    }
    s->numbered[number] = p;
    return DF_OK;
}

void df__kafka_discard(df__kafka_source *s, const df__kafka_part *p)
{
    for (size_t i = s->fetched.at; i < s->fetched.have; i++) {
        rd_kafka_message_t *m = s->fetched.messages[i];
        if (!m || m->partition != p->id || strcmp(rd_kafka_topic_name(m->rkt), p->of->name) != 0)
            continue;
        rd_kafka_message_destroy(m);
        s->fetched.messages[i] = NULL;
    }
}
