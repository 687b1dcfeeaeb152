/* SPDX-License-Identifier: Apache-2.0
 * start.c: where a flow begins to read, and where a bounded run ends.
 * `startFrom` is about what was there when the flow began; partitions and
 * topics that come later begin at their start, since all of their records came
 * after. Every start is a number before the first record is read: a logical one
 * would mean something else when it is come back to.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commit.h"
#include "parts.h"
#include "start.h"
#include "topics.h"
#include "util/rfc3339.h"

enum { ASK_MS = 5000, TRIES = 5 };

/* ---- options --------------------------------------------------------------------------------- */

/* Offset of a text; -1: it is none. */
static int64_t offset_of(df_bytes text)
{
    const char *at = text.data;
    int64_t value = 0;
    if (text.len == 0 || text.len > 18)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

/* "3", or "orders/3" where several topics are read: the number; -1: it is none.
 */
static int32_t number_of(df_bytes name)
{
    const char *at = name.data;
    for (size_t i = name.len; i > 0; i--)
        if (at[i - 1] == '/')
            return (int32_t)offset_of((df_bytes){at + i, name.len - i});
    return (int32_t)offset_of(name);
}

/* µs since 1970. 0: it is no time, or one without a zone. */
static int time_of(df_bytes text, int64_t *ret_us)
{
    df__stamp stamp;
    if (df__stamp_parse(text, &stamp) != DF_OK || !stamp.has_zone)
        return 0;
    *ret_us = (stamp.local - stamp.offset) * 1000000 + stamp.nsec / 1000;
    return 1;
}

static int takes(const df__kafka_source_options *o, int from)
{
    return o->start_from == from;
}

void df__kafka_start_check(df_stage *st, const df__kafka_source_options *o)
{
    const df_pair *pairs = o->start_offsets.items;
    int64_t us;
    if (takes(o, DF__KAFKA_START_TIMESTAMP) != (o->start_time.len > 0))
        (void)df_stage_problem(st, DF_ERROR, "startTime",
                               "goes with startFrom: timestamp, and is required there");
    if (takes(o, DF__KAFKA_START_OFFSETS) != (o->start_offsets.count > 0))
        (void)df_stage_problem(st, DF_ERROR, "startOffsets",
                               "goes with startFrom: offsets, and is required there");
    if (o->start_time.len > 0 && !time_of(o->start_time, &us))
        (void)df_stage_problem(st, DF_ERROR, "startTime",
                               "is not a time; write 2026-01-31T12:00:00Z");
    for (size_t i = 0; i < o->start_offsets.count; i++)
        if (number_of(pairs[i].name) < 0 || offset_of(pairs[i].value) < 0)
            (void)df_stage_problemf(st, DF_ERROR, "startOffsets",
                                    "\"%.*s\": write partition: offset, or topic/partition: offset",
                                    (int)(pairs[i].name.len > 200 ? 200 : pairs[i].name.len),
                                    (const char *)pairs[i].name.data);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Asks for the offsets of the times that the rows have; "the start" and "the
 * end" are times too. */
static int ask_times(df__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_topic_partition_list_t *asked = NULL;
    for (int i = 0; i < TRIES && err && !df_stage_stopping(s->st); i++) {
        asked = rd_kafka_topic_partition_list_copy(list);
        err = rd_kafka_offsets_for_times(s->rk, asked, ASK_MS);
        for (int k = 0; !err && k < asked->cnt; k++)
            err = asked->elems[k].err;
        for (int k = 0; !err && k < asked->cnt; k++)
            list->elems[k].offset = asked->elems[k].offset;
        rd_kafka_topic_partition_list_destroy(asked);
    }
    if (!err)
        return DF_OK;
    df__kafka_fail(&s->failure, DF_EIO, "timeout", "cannot read the offsets of %s: %s", s->label,
                   df__kafka_words_of(err));
    return DF_EIO;
}

/* 1: the name says "orders/3" of this topic; 0: it says "3"; -1: it says another topic. */
static int names_topic(df_bytes name, const char *topic)
{
    const char *slash = memchr(name.data, '/', name.len);
    if (!slash)
        return 0;
    size_t len = (size_t)(slash - (const char *)name.data);
    return len == strlen(topic) && memcmp(name.data, topic, len) == 0 ? 1 : -1;
}

/* A name with the topic counts more than one without. */
static int64_t first_offset(const df__kafka_source *s, const df__kafka_part *p)
{
    const df_pair *pairs = s->o.start_offsets.items;
    int64_t offset = RD_KAFKA_OFFSET_BEGINNING;
    for (size_t i = 0; i < s->o.start_offsets.count; i++) {
        int named = names_topic(pairs[i].name, df__kafka_part_topic(p));
        if (named < 0 || number_of(pairs[i].name) != p->id)
            continue;
        offset = offset_of(pairs[i].value);
        if (named)
            return offset;
    }
    return offset;
}

/* A time to ask for, or the number itself. */
static int64_t wanted(const df__kafka_source *s, const df__kafka_part *p)
{
    int64_t us = 0;
    if (s->o.start_from == DF__KAFKA_START_EARLIEST || p->id >= *df__kafka_part_first(p->of))
        return RD_KAFKA_OFFSET_BEGINNING;
    if (s->o.start_from == DF__KAFKA_START_LATEST)
        return RD_KAFKA_OFFSET_END;
    if (s->o.start_from == DF__KAFKA_START_TIMESTAMP)
        return time_of(s->o.start_time, &us) ? us / 1000 : RD_KAFKA_OFFSET_BEGINNING;
    return first_offset(s, p);
}

/* Committed at once: otherwise what arrives between now and the first commit
 * would be skipped by a restart. The start of a partition needs no such care.
 */
static void begin(df__kafka_source *s, df__kafka_part *p, int64_t offset)
{
    p->next = offset;
    if (s->o.start_from != DF__KAFKA_START_EARLIEST)
        p->acked = offset;
    p->fresh = 0;
}

static int is_number(const df__kafka_source *s, int64_t offset)
{
    return s->o.start_from == DF__KAFKA_START_OFFSETS && offset >= 0;
}

static rd_kafka_topic_partition_list_t *questions(df__kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; list != NULL && i < s->part_count; i++) {
        df__kafka_part *p = s->parts[i];
        int64_t at = p->fresh ? wanted(s, p) : 0;
        if (p->fresh && is_number(s, at))
            begin(s, p, at);
        else if (p->fresh)
            df__kafka_part_row(list, p)->offset = at;
    }
    return list;
}

/* A time after the last record has no offset: the answer is "the end", which is
 * asked for then. */
static int ask_ends_of(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    int rc = DF_OK;
    rd_kafka_topic_partition_list_t *open = rd_kafka_topic_partition_list_new(8);
    for (int i = 0; open != NULL && i < list->cnt; i++)
        if (list->elems[i].offset < 0)
            rd_kafka_topic_partition_list_add(open, list->elems[i].topic, list->elems[i].partition)
                ->offset = RD_KAFKA_OFFSET_END;
    if (!open)
        return DF_ENOMEM;
    if (open->cnt > 0)
        rc = ask_times(s, open);
    for (int i = 0; rc == DF_OK && i < open->cnt; i++)
        begin(s, df__kafka_part_known(s, open->elems[i].topic, open->elems[i].partition),
              open->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(open);
    return rc;
}

int df__kafka_start_fresh(df__kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list = questions(s);
    int rc = !list ? DF_ENOMEM : list->cnt > 0 ? ask_times(s, list) : DF_OK;
    for (int i = 0; rc == DF_OK && i < list->cnt; i++)
        if (list->elems[i].offset >= 0)
            begin(s, df__kafka_part_known(s, list->elems[i].topic, list->elems[i].partition),
                  list->elems[i].offset);
    if (rc == DF_OK)
        rc = ask_ends_of(s, list);
    if (rc == DF_ENOMEM)
        df__kafka_fail(&s->failure, rc, NULL, "no memory for the partitions");
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/* ---- the first start ------------------------------------------------------------------------- */

static int none_committed(const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].offset >= 0)
            return 0;
    return 1;
}

/* A group with an offset in any of the topics has begun before: what has none
 * came later. Members that begin together all see a group without one. */
int df__kafka_first_start(df__kafka_source *s)
{
    if (s->first_known || s->o.start_from == DF__KAFKA_START_EARLIEST)
        return DF_OK;
    rd_kafka_topic_partition_list_t *list;
    int rc = df__kafka_topics_list(s, 0, &list);
    if (rc != DF_OK)
        return rc;
    rc = list->cnt > 0 ? df__kafka_ask_committed(s, list) : DF_OK;
    for (int i = 0; rc == DF_OK && none_committed(list) && i < list->cnt; i++) {
        df__kafka_part *p = df__kafka_part_at(s, list->elems[i].topic, list->elems[i].partition);
        if (!p)
            rc = DF_ENOMEM;
        else if (p->id >= *df__kafka_part_first(p->of))
            *df__kafka_part_first(p->of) = p->id + 1;
    }
    rd_kafka_topic_partition_list_destroy(list);
    s->first_known = rc == DF_OK;
    if (s->failure.status != DF_OK)
        return df__kafka_raise(&s->failure, s->st);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for the partitions") : rc;
}

/* ---- the ends of a bounded run --------------------------------------------------------------- */

int df__kafka_take_ends(df__kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list;
    int rc = df__kafka_topics_list(s, 1, &list);
    if (rc != DF_OK)
        return rc;
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_END;
    rc = list->cnt > 0 ? ask_times(s, list) : DF_OK;
    for (int i = 0; rc == DF_OK && i < list->cnt; i++) {
        df__kafka_part *p = df__kafka_part_at(s, list->elems[i].topic, list->elems[i].partition);
        if (!p)
            rc = df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the partitions");
        else
            p->end = list->elems[i].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (s->failure.status != DF_OK)
        return df__kafka_raise(&s->failure, s->st);
    s->ends_known = rc == DF_OK;
    return rc;
}
