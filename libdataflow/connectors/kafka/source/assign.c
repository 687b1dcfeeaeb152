/* SPDX-License-Identifier: Apache-2.0
 * assign.c: which partitions are ours and where each begins. All offsets that
 * the client fetches from come from here.
 */
#include <stdio.h>
#include <string.h>

#include "anew.h"
#include "assign.h"
#include "client/position.h"
#include "commit.h"
#include "mark.h"
#include "owner.h"
#include "parts.h"
#include "start.h"
#include "util/crashpoint.h"

enum {
    COMMIT_WAIT_MS = 5000,   /* a commit before a partition is given back */
    REVOKE_LIMIT_MS = 60000, /* after that the rest is given back without waiting */
    FORWARD_MS = 10000       /* by then the client has ended the old fetching */
};

/* ---- assignment ------------------------------------------------------------------------------ */

/* Where the core wants to resume; -1: it has nothing stored. */
static int stored_offset(df__kafka_source *s, df__kafka_part *p, int64_t *ret)
{
    df_position position = {.size = sizeof position};
    int rc = df_partition_position(p->part, &position);
    *ret = -1;
    p->epoch = -1;
    if (rc == DF_ENOTFOUND || (rc == DF_OK && position.data.len == 0))
        return DF_OK;
    if (rc == DF_OK)
        rc = df__kafka_position_read(position.data, ret, &p->epoch);
    if (rc != DF_OK)
        df__kafka_fail(&s->failure, rc == DF_EDATA ? DF_ESTATE : rc, "bad_position",
                       "the stored position of %s/%d cannot be used: %.*s", df__kafka_part_topic(p),
                       (int)p->id, (int)(position.data.len > 80 ? 80 : position.data.len),
                       !position.data.data ? "" : (const char *)position.data.data);
    return rc;
}

/* The partition had to go on elsewhere, and nothing has settled since. */
static int begins_anew(const df__kafka_part *p, int64_t *stored, int64_t committed)
{
    if (p->lost < 0)
        return 0;
    if (*stored == p->lost)
        *stored = -1;
    return *stored < 0 && (committed < 0 || committed == p->lost);
}

/* What the core began at, for a rewind while nothing is settled. */
static void note_begin(df__kafka_part *p, int64_t committed)
{
    if (!p->begun)
        p->begin = p->next;
    else if (committed > p->begin) /* the connection was lost; the core still has it open */
        p->begin = committed;
    p->begun = 1;
}

/* The core's stored position and the group's offset may both be known. With exactly-once the sink
 * stored the position with the records, so it is always right; else the larger one counts, since
 * another member may have read and committed meanwhile. */
static int choose_offset(df__kafka_source *s, df__kafka_part *p, int64_t committed)
{
    int64_t stored;
    int rc = stored_offset(s, p, &stored);
    if (rc != DF_OK)
        return rc;
    if (p->held && committed < 0) {
        df__kafka_gone(s, p);
        return s->failure.status;
    }
    p->acked = p->sent = committed >= 0 ? committed : -1;
    p->held = committed >= 0;
    p->stored = 0;
    if (begins_anew(p, &stored, committed))
        p->next = p->begin;
    else if (stored >= 0 && (s->exactly_once || stored > committed)) {
        p->next = stored;
        p->stored = 1;
    } else if (committed >= 0)
        p->next = committed;
    else if (df__kafka_is_marked(s, p))
        return df__kafka_vanished(s, p);
    else
        p->fresh = 1;
    if (p->held)
        df__kafka_mark(s, p, 1);
    return rc;
}

static int open_part(df__kafka_source *s, df__kafka_part *p)
{
    char name[272];
    const char *of = df__kafka_part_topic(p);
    (void)snprintf(name, sizeof name, "%s/%d", of, (int)p->id);
    int rc = df_partition_open(s->st, name, &p->part);
    if (rc == DF_OK)
        rc = df__kafka_part_number(s, p);
    if (rc == DF_OK) {
        df_value topic = {.type = DF_V_STRING, .text = of, .len = strlen(of)};
        df_value number = {.type = DF_V_INT, .u.i = p->id};
        rc = df_partition_meta(p->part, "topic", &topic);
        if (rc == DF_OK)
            rc = df_partition_meta(p->part, "partition", &number);
    }
    if (rc != DF_OK)
        df__kafka_fail(&s->failure, rc, NULL, "cannot open partition %s", name);
    p->reached = p->tries = p->gone = p->fresh = 0;
    p->bad = p->all = -1;
    return rc;
}

static void forward(df__kafka_source *s, const df__kafka_part *p)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(s->rk, df__kafka_part_topic(p), p->id);
    if (!queue)
        return;
    rd_kafka_queue_forward(queue, s->data);
    rd_kafka_queue_destroy(queue);
}

/* Each begins at a number, but for the ends of a topic that is another one now.
 */
static void begin_at(df__kafka_source *s, rd_kafka_topic_partition_t *row)
{
    df__kafka_part *p = df__kafka_part_known(s, row->topic, row->partition);
    int64_t committed = row->offset;
    note_begin(p, committed);
    row->offset = p->next;
    if (p->next != committed)
        df__kafka_set_epoch(row, p->epoch);
    else /* it came with the offset */
        p->epoch = df__kafka_epoch_of(row);
    if (!p->renew)
        p->state = DF__KAFKA_PART_ON;
    forward(s, p);
}

static int open_parts(df__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    int rc = DF_OK;
    for (int i = 0; i < list->cnt && rc == DF_OK; i++) {
        df__kafka_part *p = df__kafka_part_at(s, list->elems[i].topic, list->elems[i].partition);
        rc = !p ? DF_ENOMEM : open_part(s, p);
        if (!p)
            df__kafka_fail(&s->failure, rc, NULL, "no memory for a partition");
    }
    if (rc == DF_OK && list->cnt > 0)
        rc = df__kafka_ask_committed(s, list);
    for (int i = 0; i < list->cnt && rc == DF_OK; i++) {
        const rd_kafka_topic_partition_t *row = &list->elems[i];
        rc = choose_offset(s, df__kafka_part_known(s, row->topic, row->partition), row->offset);
    }
    if (rc == DF_OK)
        rc = df__kafka_start_fresh(s);
    for (int i = 0; i < list->cnt && rc == DF_OK; i++)
        begin_at(s, &list->elems[i]);
    return rc;
}

static int is_cooperative(const df__kafka_source *s)
{
    const char *protocol = rd_kafka_rebalance_protocol(s->rk);
    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static void tell(df__kafka_source *s, rd_kafka_error_t *error, rd_kafka_resp_err_t err,
                 const char *what)
{
    if (!error && !err)
        return;
    df__kafka_fail(&s->failure, DF_EIO, "rebalance_error", "cannot %s partitions of %s: %s", what,
                   s->label, error != NULL ? rd_kafka_error_string(error) : rd_kafka_err2str(err));
    if (error)
        rd_kafka_error_destroy(error);
}

/* During a cooperative rebalance the client pauses the partitions that stay ours. It then drops
 * messages that are out of its queue but counts them as handed over, and would go on after them. So
 * those partitions are fetched again from the offset that is expected next, and a gap there
 * counts only when it is there the second time. */
static void fetch_kept_again(df__kafka_source *s)
{
    for (size_t i = 0; is_cooperative(s) && i < s->part_count; i++) {
        df__kafka_part *p = s->parts[i];
        if (p->state != DF__KAFKA_PART_ON || p->next < 0)
            continue;
        p->state = DF__KAFKA_PART_RESTART;
        p->gap_tries = DF__KAFKA_GAP_TRIES;
        s->group.restart = 1;
    }
}

static int commit_starts(df__kafka_source *s)
{
    int rc = df__kafka_commit(s, COMMIT_WAIT_MS);
    if (rc != DF_OK)
        df__kafka_fail(&s->failure, DF_EIO, "timeout", "cannot commit where %s begins", s->label);
    return rc;
}

static void assigned(df__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    DF_CRASHPOINT("kafka.assign");
    fetch_kept_again(s); /* before the new ones are there: they begin where we say anyway */
    int rc = open_parts(s, list);
    s->group.joined = 1;
    df__kafka_owner_tell(s, 1);
    if (rc == DF_OK && s->exactly_once) /* later it would move the group back */
        rc = commit_starts(s);
    if (rc != DF_OK) /* the stage fails and leaves the group */
        (void)rd_kafka_assign(s->rk, NULL);
    else if (is_cooperative(s))
        tell(s, rd_kafka_incremental_assign(s->rk, list), 0, "take");
    else
        tell(s, NULL, rd_kafka_assign(s->rk, list), "take");
    df_stage_logf(s->st, DF_LOG_INFO, "%d partitions of %s assigned", list->cnt, s->label);
    if (rc == DF_OK)
        (void)df__kafka_commit(s, 0); /* the starts of "latest" */
}

static void unassign(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    if (is_cooperative(s))
        tell(s, rd_kafka_incremental_unassign(s->rk, list), 0, "give back");
    else
        tell(s, NULL, rd_kafka_assign(s->rk, NULL), "give back");
}

static void revoked(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    int64_t begin = df__kafka_clock_ms();
    int lost = rd_kafka_assignment_lost(s->rk);
    s->group.revoking = 1;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *row = &list->elems[i];
        df__kafka_part *p = df__kafka_part_known(s, row->topic, row->partition);
        if (!p || p->state == DF__KAFKA_PART_OFF)
            continue;
        df__kafka_discard(s, p);
        if (df__kafka_clock_ms() - begin > REVOKE_LIMIT_MS)
            lost = 1;
        (void)df_partition_close(s->st, p->part, lost ? DF_PARTITION_LOST : DF_PARTITION_FINISH);
        p->begun = p->renew = 0;
    }
    DF_CRASHPOINT("kafka.revoke");
    s->group.revoking = 0;
    if (!lost)
        (void)df__kafka_commit(s, COMMIT_WAIT_MS);
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *row = &list->elems[i];
        df__kafka_part *p = df__kafka_part_known(s, row->topic, row->partition);
        if (p)
            p->state = DF__KAFKA_PART_OFF;
    }
    DF_CRASHPOINT("kafka.revoked");
    fetch_kept_again(s);
    unassign(s, list);
    df_stage_logf(s->st, DF_LOG_INFO, "%d partitions of %s %s", list->cnt, s->label,
                  lost ? "lost" : "given back");
}

void df__kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    df__kafka_source *s = opaque;
    (void)rk;
    if (s->group.closing) {
        unassign(s, list);
        return;
    }
    df_stage_metric(s->st, DF__KAFKA_METRIC_REBALANCES, 1);
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        assigned(s, list);
    else if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
        revoked(s, list);
    else
        (void)rd_kafka_assign(s->rk, NULL);
}

/* ---- fetching again -------------------------------------------------------------------------- */

static void seek_to(df__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    tell(s, rd_kafka_seek_partitions(s->rk, list, 0), 0, "seek in");
}

/* A partition whose fetching has ended cannot seek: it is assigned anew. The client forgets where
 * its queue leads when the old fetching ends, some time later: df__kafka_forward_all. */
static void assign_again(df__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    if (is_cooperative(s)) {
        tell(s, rd_kafka_incremental_unassign(s->rk, list), 0, "seek in");
        if (s->failure.status == DF_OK)
            tell(s, rd_kafka_incremental_assign(s->rk, list), 0, "seek in");
    } else {
        tell(s, NULL, rd_kafka_assign(s->rk, list), "seek in");
    }
    s->group.forward_until = df__kafka_clock_ms() + FORWARD_MS;
}

/* What was read so far ends as when the partition is given back: no offset of it may be committed
 * after the first of what comes now. */
static void renew(df__kafka_source *s, df__kafka_part *p)
{
    int64_t next = p->next;
    p->renew = 0;
    df__kafka_discard(s, p);
    s->group.revoking = 1;
    (void)df_partition_close(s->st, p->part, DF_PARTITION_FINISH);
    s->group.revoking = 0;
    if (open_part(s, p) != DF_OK)
        return;
    p->acked = p->sent = -1;
    if (stored_offset(s, p, &p->lost) == DF_OK)
        p->next = p->begin = next;
    p->begun = 1;
}

void df__kafka_restart(df__kafka_source *s)
{
    int all = s->group.reassign && !is_cooperative(s);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; list != NULL && i < s->part_count; i++) {
        df__kafka_part *p = s->parts[i];
        if (!(p->state == DF__KAFKA_PART_RESTART || (all && p->state == DF__KAFKA_PART_ON)))
            continue;
        if (p->renew)
            renew(s, p);
        df__kafka_discard(s, p);
        p->all = -1;
        rd_kafka_topic_partition_t *row = df__kafka_part_row(list, p);
        row->offset = p->next;
        df__kafka_set_epoch(row, p->epoch);
        p->state = DF__KAFKA_PART_ON;
    }
    if (!list)
        df__kafka_fail(&s->failure, DF_ENOMEM, NULL, "no memory to seek");
    else if (s->group.reassign)
        assign_again(s, list);
    else
        seek_to(s, list);
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    s->group.restart = s->group.reassign = 0;
}

void df__kafka_forward_all(df__kafka_source *s)
{
    for (size_t i = 0; i < s->part_count; i++)
        if (s->parts[i]->state == DF__KAFKA_PART_ON)
            forward(s, s->parts[i]);
    if (df__kafka_clock_ms() > s->group.forward_until)
        s->group.forward_until = 0;
}
