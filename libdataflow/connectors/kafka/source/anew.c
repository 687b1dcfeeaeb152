/* SPDX-License-Identifier: Apache-2.0
 * anew.c: a topic that was deleted and made anew, and offsets that the broker no longer has. The
 * offsets of the new topic begin at 0; the client knows no ids of topics and would go on in its
 * middle. But with a topic the broker deletes what groups committed in it, and nothing else does
 * while a group has members: an offset of ours that is not there any more is proof. It is asked for
 * before offsets are committed, since a commit would destroy the proof.
 */
#include <stdio.h>

#include "anew.h"
#include "mark.h"
#include "parts.h"

enum { ASK_MS = 500, SURE_MS = 1000, DOUBT_MS = 30000, LOW_MS = 1000, LEARN_MS = 500 };

static const char *const policy_words[] = {
    [DF__KAFKA_RANGE_EARLIEST] = "going on at the earliest",
    [DF__KAFKA_RANGE_LATEST] = "going on at the latest",
};

static void renew_at(df__kafka_source *s, df__kafka_part *p, int64_t offset)
{
    p->next = offset;
    p->epoch = -1;
    p->state = DF__KAFKA_PART_RESTART;
    p->renew = 1;
    s->group.restart = s->group.reassign = 1; /* its fetching may have ended */
}

/* Where to go on by the option, as a number: a logical offset would mean a later one when it is
 * come back to. */
static int64_t elsewhere(df__kafka_source *s, const df__kafka_part *p)
{
    int earliest = s->o.out_of_range == DF__KAFKA_RANGE_EARLIEST;
    int64_t low, high;
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(s->rk, df__kafka_part_topic(p),
                                                               p->id, &low, &high, LOW_MS);
    if (err)
        return earliest ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    return earliest ? low : high;
}

/* The start of a partition moved on before its first record was fetched. A position that was stored
 * with records is no such start, whatever the group has. */
static int is_passing_start(const df__kafka_source *s, const df__kafka_part *p)
{
    return s->o.start_from == DF__KAFKA_START_EARLIEST && !p->held && !p->stored && p->acked < 0 &&
           p->next == p->begin;
}

void df__kafka_out_of_range(df__kafka_source *s, df__kafka_part *p, const char *why)
{
    int stops = s->o.out_of_range == DF__KAFKA_RANGE_STOP;
    if (stops && is_passing_start(s, p)) {
        renew_at(s, p, RD_KAFKA_OFFSET_BEGINNING);
        return;
    }
    df_stage_logf(s->st, DF_LOG_ERROR,
                  "topic %s partition %d: the broker does not have offset %lld; %s (%s)",
                  df__kafka_part_topic(p), (int)p->id, (long long)p->next,
                  stops ? "this partition stops; set onOffsetOutOfRange or the group's offset"
                        : policy_words[s->o.out_of_range],
                  why);
    if (stops) {
        p->state = DF__KAFKA_PART_PARKED;
        return;
    }
    int64_t at = p->next, start = elsewhere(s, p);
    if (start > at && at >= 0)
        df_stage_metric(s->st, DF__KAFKA_METRIC_LOST, (double)(start - at));
    renew_at(s, p, start);
}

void df__kafka_gone(df__kafka_source *s, df__kafka_part *p)
{
    int stops = s->o.out_of_range == DF__KAFKA_RANGE_STOP;
    long long at = p->sent >= 0 ? p->sent : p->next;
    p->gone = 1;
    p->held = 0;
    df__kafka_mark(s, p, 0); /* it is told now; the next start may read the new topic */
    if (!stops) {
        df_stage_logf(s->st, DF_LOG_ERROR,
                      "topic %s was deleted, and offset %lld of partition %d with "
                      "it; %s of the "
                      "new topic",
                      df__kafka_part_topic(p), at, (int)p->id, policy_words[s->o.out_of_range]);
        renew_at(s, p,
                 s->o.out_of_range == DF__KAFKA_RANGE_EARLIEST ? RD_KAFKA_OFFSET_BEGINNING
                                                               : RD_KAFKA_OFFSET_END);
        return;
    }
    df__kafka_fail(&s->failure, DF_ESTATE, "offset_out_of_range",
                   "topic %s partition %d: the broker does not have offset %lld "
                   "any more: the "
                   "topic was deleted, and the group's offsets with it; start "
                   "again to read a new "
                   "topic of that name, or set onOffsetOutOfRange",
                   df__kafka_part_topic(p), (int)p->id, at);
}

int df__kafka_vanished(df__kafka_source *s, df__kafka_part *p)
{
    static const char what[] =
        "the group %s had an offset and has none any more: brokers forget those of a group "
        "without members (offsets.retention.minutes), and those of a deleted topic";
    char why[400];
    (void)snprintf(why, sizeof why, what, (const char *)s->o.group.data);
    if (s->o.out_of_range == DF__KAFKA_RANGE_STOP) {
        df__kafka_fail(&s->failure, DF_ESTATE, "offset_out_of_range",
                       "topic %s partition %d: %s; set it with dfproc offsets reset, or set "
                       "onOffsetOutOfRange",
                       df__kafka_part_topic(p), (int)p->id, why);
        return s->failure.status;
    }
    df_stage_logf(s->st, DF_LOG_ERROR, "topic %s partition %d: %s; %s", df__kafka_part_topic(p),
                  (int)p->id, why, policy_words[s->o.out_of_range]);
    p->next = elsewhere(s, p);
    p->acked = p->next >= 0 ? p->next : -1; /* committed at once: nothing after it is passed over */
    return DF_OK;
}

static rd_kafka_topic_partition_list_t *held(df__kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; list != NULL && i < s->part_count; i++) {
        const df__kafka_part *p = s->parts[i];
        if (p->held && p->state != DF__KAFKA_PART_OFF)
            (void)df__kafka_part_row(list, p);
    }
    return list;
}

/* 1: the group still has an offset of each. */
static int still_there(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    int all = 1;
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].err)
            return 0;
    for (int i = 0; i < list->cnt; i++) {
        if (list->elems[i].offset >= 0)
            continue;
        df__kafka_gone(s, df__kafka_part_known(s, list->elems[i].topic, list->elems[i].partition));
        all = 0;
    }
    return all;
}

int df__kafka_same_topic(df__kafka_source *s)
{
    if (df__kafka_clock_ms() < s->trust.sure_until)
        return 1;
    rd_kafka_topic_partition_list_t *list = held(s);
    if (!list)
        return 0;
    int same =
        list->cnt == 0 || (rd_kafka_committed(s->rk, list, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                           still_there(s, list));
    rd_kafka_topic_partition_list_destroy(list);
    if (same)
        s->trust.sure_until = df__kafka_clock_ms() + SURE_MS;
    return same;
}

void df__kafka_doubt(df__kafka_source *s)
{
    s->trust.doubt = 1;
    s->trust.sure_until = 0;
    s->trust.doubt_until = df__kafka_clock_ms() + DOUBT_MS;
}

/* The broker deletes the group's offsets some time after the topic, and answers nothing about them
 * while there is none: so more than one question. */
void df__kafka_settle_doubt(df__kafka_source *s)
{
    s->trust.doubt = !df__kafka_same_topic(s) || df__kafka_clock_ms() < s->trust.doubt_until;
}

int df__kafka_trusts(df__kafka_source *s)
{
    if (!s->exactly_once || (!s->trust.silent && !s->trust.doubt))
        return 1;
    if (s->trust.doubt || !df__kafka_same_topic(s))
        return 0;
    s->trust.silent = 0;
    return 1;
}

static rd_kafka_topic_partition_list_t *not_held(df__kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; list != NULL && i < s->part_count; i++) {
        const df__kafka_part *p = s->parts[i];
        if (!p->held && p->state == DF__KAFKA_PART_ON && p->next > 0)
            (void)df__kafka_part_row(list, p);
    }
    return list;
}

/* The sink's transaction is over soon after the last record; an answer before that is none. */
void df__kafka_learn(df__kafka_source *s)
{
    int64_t now = df__kafka_clock_ms();
    if (!s->exactly_once || now >= s->trust.learn_until || now - s->trust.came < LEARN_MS ||
        !df__kafka_gate_open(&s->trust.learn_gate, SURE_MS))
        return;
    rd_kafka_topic_partition_list_t *list = not_held(s);
    int known = list != NULL && (list->cnt == 0 || !rd_kafka_committed(s->rk, list, ASK_MS));
    int missing = !known;
    for (int i = 0; known && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *row = &list->elems[i];
        df__kafka_part *p = df__kafka_part_known(s, row->topic, row->partition);
        if (p && !row->err && row->offset >= 0) {
            p->held = 1;
            df__kafka_mark(s, p, 1);
        } else {
            missing = 1;
        }
    }
    if (!missing) {
        df_stage_log(s->st, DF_LOG_DEBUG,
                     "the group holds offsets of all partitions that were read");
        s->trust.learn_until = 0;
    }
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
}
