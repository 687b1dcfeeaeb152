/* SPDX-License-Identifier: Apache-2.0
 * assign.c: which partitions are ours, where each begins, what is committed. All offsets that the
 * client fetches from or commits come from here.
 */
#include <stdio.h>
#include <string.h>

#include "kafka.h"
#include "util/crashpoint.h"

enum {
    ASK_MS = 1000,           /* one question to the brokers */
    ASK_TRIES = 15,          /* then the stage is opened again */
    COMMIT_WAIT_MS = 5000,   /* a commit before a partition is given back */
    REVOKE_LIMIT_MS = 60000, /* after that the rest is given back without waiting */
    FORWARD_MS = 10000       /* by then the client has ended the old fetching */
};

static void *grow(df_stage *st, void *old, size_t *cap, size_t need, size_t size)
{
    size_t len = *cap == 0 ? 16 : *cap;
    while (len < need)
        len *= 2;
    void *fresh = df_stage_alloc(st, len * size);
    if (fresh == NULL)
        return NULL;
    if (old != NULL)
        memcpy(fresh, old, *cap * size);
    *cap = len;
    return fresh;
}

/* The partition of that id, made when missing. NULL: no memory. */
static df__kafka_part *df__kafka_part_at(df__kafka_source *s, int32_t id)
{
    size_t index = (size_t)id;
    if (id < 0)
        return NULL;
    if (index >= s->part_cap) {
        df__kafka_part **parts =
            grow(s->st, s->parts, &s->part_cap, index + 1, sizeof(df__kafka_part *));
        if (parts == NULL)
            return NULL;
        s->parts = parts;
    }
    if (s->parts[index] == NULL) {
        df__kafka_part *p = df_stage_alloc(s->st, sizeof *p);
        if (p == NULL)
            return NULL;
        p->id = id;
        p->epoch = p->acked_epoch = -1;
        p->acked = p->sent = p->bad = p->lost = p->all = -1;
        s->parts[index] = p;
    }
    return s->parts[index];
}

void df__kafka_discard(df__kafka_source *s, int32_t id)
{
    for (size_t i = s->at; i < s->have; i++)
        if (s->messages[i] != NULL && s->messages[i]->partition == id) {
            rd_kafka_message_destroy(s->messages[i]);
            s->messages[i] = NULL;
        }
}

static const char *topic_of(const df__kafka_source *s)
{
    return s->o.common.topic.data;
}

static const char *words_of(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__TIMED_OUT
               ? "no answer"
               : rd_kafka_err2str(err);
}

/* ---- bounded runs: the ends ------------------------------------------------------------------ */

static int ask_ends(df__kafka_source *s, const rd_kafka_metadata_topic_t *topic)
{
    for (int i = 0; i < topic->partition_cnt; i++) {
        int64_t low, high;
        df__kafka_part *p = df__kafka_part_at(s, topic->partitions[i].id);
        if (p == NULL)
            return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the partitions");
        rd_kafka_resp_err_t err =
            rd_kafka_query_watermark_offsets(s->rk, topic_of(s), p->id, &low, &high, 5 * ASK_MS);
        if (err)
            return df_stage_failf(s->st, DF_EIO, "connection_error",
                                  "cannot read the end of %s partition %d: %s", topic_of(s),
                                  (int)p->id, words_of(err));
        p->end = high;
    }
    return DF_OK;
}

static int no_topic(df__kafka_source *s, const rd_kafka_metadata_t *meta)
{
    rd_kafka_resp_err_t err =
        meta->topic_cnt == 1 ? meta->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    df__kafka_rule rule = df__kafka_rule_of(s->rk, err);
    const char *brokers = s->o.common.brokers.data;
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return df_stage_failf(s->st, DF_ENOTFOUND, "unknown_topic",
                              "topic %s does not exist on %s; create it, or correct the name",
                              topic_of(s), brokers);
    if (rule.status != DF_OK)
        return df_stage_failf(s->st, rule.status, rule.reason, "topic %s on %s: %s; %s",
                              topic_of(s), brokers, rd_kafka_err2str(err), rule.remedy);
    return df_stage_failf(s->st, DF_EIO, "connection_error", "topic %s on %s: %s", topic_of(s),
                          brokers, rd_kafka_err2str(err));
}

int df__kafka_take_ends(df__kafka_source *s)
{
    const rd_kafka_metadata_t *meta = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(s->rk, topic_of(s), NULL);
    if (topic == NULL)
        return df_stage_failf(s->st, DF_EINVAL, "invalid_config", "%s: not a name of a topic",
                              topic_of(s));
    rd_kafka_resp_err_t err = rd_kafka_metadata(s->rk, 0, topic, &meta, 5 * ASK_MS);
    rd_kafka_topic_destroy(topic);
    if (err)
        return df_stage_failf(s->st, DF_EIO, "connection_error",
                              "cannot read the partitions of %s from %s: %s", topic_of(s),
                              (const char *)s->o.common.brokers.data, words_of(err));
    int rc = meta->topic_cnt == 1 && !meta->topics[0].err ? ask_ends(s, &meta->topics[0])
                                                          : no_topic(s, meta);
    rd_kafka_metadata_destroy(meta);
    s->ends_known = rc == DF_OK;
    return rc;
}

/* ---- commits --------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *uncommitted(df__kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; list != NULL && i < s->part_cap; i++) {
        df__kafka_part *p = s->parts[i];
        if (p == NULL || p->state == DF__KAFKA_OFF || p->gone || p->acked < 0 ||
            p->acked == p->sent)
            continue;
        rd_kafka_topic_partition_t *row =
            rd_kafka_topic_partition_list_add(list, topic_of(s), p->id);
        row->offset = p->acked;
        df__kafka_set_epoch(row, p->acked_epoch);
    }
    return list;
}

static void note_sent(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        s->parts[list->elems[i].partition]->sent = list->elems[i].offset;
}

/* The group has these offsets. */
static void note_held(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        df__kafka_part *p = df__kafka_part_at(s, list->elems[i].partition);
        if (p != NULL && !list->elems[i].err && !p->gone)
            p->held = 1;
    }
}

static void commit_failed(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list,
                          rd_kafka_resp_err_t err)
{
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        df__kafka_part *p = df__kafka_part_at(s, list->elems[i].partition);
        if (p != NULL && (err || list->elems[i].err))
            p->sent = -1;
    }
    if (df__kafka_gate_open(&s->commit_gate, 60000))
        df_stage_logf(s->st, DF_LOG_WARN, "offsets of %s not committed, tried again: %s",
                      topic_of(s), rd_kafka_err2str(err));
}

void df__kafka_committed(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    df__kafka_source *s = opaque;
    (void)rk;
    DF_CRASHPOINT("kafka.committed");
    s->committing = 0;
    for (int i = 0; !err && list != NULL && i < list->cnt; i++)
        err = list->elems[i].err;
    if (err && err != RD_KAFKA_RESP_ERR__NO_OFFSET)
        commit_failed(s, list, err);
    else if (list != NULL)
        note_held(s, list);
}

/* With a queue of its own, so that the wait has a limit and no other callback runs meanwhile. */
static int commit_and_wait(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list,
                           int wait_ms)
{
    rd_kafka_queue_t *reply = rd_kafka_queue_new(s->rk);
    if (reply == NULL)
        return DF_ENOMEM;
    rd_kafka_resp_err_t err = rd_kafka_commit_queue(s->rk, list, reply, NULL, NULL);
    rd_kafka_event_t *event = err ? NULL : rd_kafka_queue_poll(reply, wait_ms);
    if (event != NULL)
        err = rd_kafka_event_error(event);
    else if (!err)
        err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (err)
        commit_failed(s, list, err);
    else
        note_held(s, list);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(reply);
    return err ? DF_EIO : DF_OK;
}

int df__kafka_commit(df__kafka_source *s, int wait_ms)
{
    rd_kafka_resp_err_t err;
    int rc = DF_OK;
    if (s->dry || (s->committing && wait_ms == 0))
        return DF_OK;
    rd_kafka_topic_partition_list_t *list = uncommitted(s);
    if (list == NULL)
        return DF_ENOMEM;
    if (list->cnt > 0 && !df__kafka_same_topic(s)) {
        rc = wait_ms > 0 ? DF_EIO : DF_OK; /* tried again, or told by the next read */
    } else if (list->cnt > 0) {
        note_sent(s, list);
        df_stage_metric(s->st, DF__KAFKA_COMMITS, 1);
        if (wait_ms > 0) {
            rc = commit_and_wait(s, list, wait_ms);
        } else if ((err = rd_kafka_commit(s->rk, list, 1)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            commit_failed(s, list, err);
            rc = DF_EIO;
        } else {
            s->committing = 1;
            DF_CRASHPOINT("kafka.commit");
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/* ---- assignment ------------------------------------------------------------------------------ */

/* Asks again and again for a while: a coordinator that moves is normal. */
static int ask_committed(df__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; i < ASK_TRIES && !df_stage_stopping(s->st); i++) {
        err = rd_kafka_committed(s->rk, list, ASK_MS);
        for (int k = 0; !err && k < list->cnt; k++)
            err = list->elems[k].err;
        if (!err)
            return DF_OK;
        df__kafka_rule rule = df__kafka_rule_of(s->rk, err);
        if (rule.status != DF_OK) {
            df__kafka_fail(&s->failure, rule.status, rule.reason, "group %s: %s; %s",
                           (const char *)s->o.group.data, rd_kafka_err2str(err), rule.remedy);
            return rule.status;
        }
    }
    df__kafka_fail(&s->failure, DF_EIO, "timeout", "cannot read the offsets of group %s: %s",
                   (const char *)s->o.group.data, words_of(err));
    return DF_EIO;
}

/* "latest" becomes a number that is committed at once: otherwise what arrives between now and the
 * first commit would be skipped by a restart. */
static int resolve_latest(df__kafka_source *s, df__kafka_part *p)
{
    int64_t low, high;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    for (int i = 0; i < ASK_TRIES && err && !df_stage_stopping(s->st); i++)
        err = rd_kafka_query_watermark_offsets(s->rk, topic_of(s), p->id, &low, &high, ASK_MS);
    if (err) {
        df__kafka_fail(&s->failure, DF_EIO, "timeout", "cannot read the end of %s partition %d: %s",
                       topic_of(s), (int)p->id, words_of(err));
        return DF_EIO;
    }
    p->next = p->acked = high;
    return DF_OK;
}

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
                       "the stored position of %s/%d cannot be used: %.*s", topic_of(s), (int)p->id,
                       (int)(position.data.len > 80 ? 80 : position.data.len),
                       position.data.data == NULL ? "" : (const char *)position.data.data);
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

/* A stored position and the group's offset may both be known. The group may have been ahead
 * while another member had the partition; a position in the sink is always right. */
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
    if (begins_anew(p, &stored, committed))
        p->next = p->begin;
    else if (stored >= 0 && (s->exactly_once || stored > committed))
        p->next = stored;
    else if (committed >= 0)
        p->next = committed;
    else if (s->o.start_from == DF__KAFKA_LATEST)
        rc = resolve_latest(s, p);
    else
        p->next = RD_KAFKA_OFFSET_BEGINNING;
    note_begin(p, committed);
    return rc;
}

static int open_part(df__kafka_source *s, int32_t id)
{
    char name[272];
    df__kafka_part *p = df__kafka_part_at(s, id);
    if (p == NULL) {
        df__kafka_fail(&s->failure, DF_ENOMEM, NULL, "no memory for partition %d", (int)id);
        return DF_ENOMEM;
    }
    (void)snprintf(name, sizeof name, "%s/%d", topic_of(s), (int)id);
    int rc = df_partition_open(s->st, name, &p->part);
    if (rc == DF_OK) {
        df_value topic = {.type = DF_V_STRING, .text = topic_of(s), .len = s->o.common.topic.len};
        df_value number = {.type = DF_V_INT, .u.i = id};
        rc = df_partition_meta(p->part, "topic", &topic);
        if (rc == DF_OK)
            rc = df_partition_meta(p->part, "partition", &number);
    }
    if (rc != DF_OK)
        df__kafka_fail(&s->failure, rc, NULL, "cannot open partition %s", name);
    p->reached = p->tries = p->gone = 0;
    p->bad = p->all = -1;
    return rc;
}

static void forward(df__kafka_source *s, int32_t id)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(s->rk, topic_of(s), id);
    if (queue == NULL)
        return;
    rd_kafka_queue_forward(queue, s->data);
    rd_kafka_queue_destroy(queue);
}

static int open_parts(df__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    int rc = DF_OK;
    for (int i = 0; i < list->cnt && rc == DF_OK; i++)
        rc = open_part(s, list->elems[i].partition);
    if (rc == DF_OK && list->cnt > 0)
        rc = ask_committed(s, list);
    for (int i = 0; i < list->cnt && rc == DF_OK; i++) {
        rd_kafka_topic_partition_t *row = &list->elems[i];
        df__kafka_part *p = s->parts[row->partition];
        int64_t committed = row->offset;
        rc = choose_offset(s, p, committed);
        row->offset = p->next;
        if (p->next != committed) /* else the epoch came with the offset */
            df__kafka_set_epoch(row, p->epoch);
        if (!p->renew)
            p->state = DF__KAFKA_ON;
        forward(s, p->id);
    }
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
    if (error == NULL && !err)
        return;
    df__kafka_fail(&s->failure, DF_EIO, "rebalance_error", "cannot %s partitions of %s: %s", what,
                   topic_of(s),
                   error != NULL ? rd_kafka_error_string(error) : rd_kafka_err2str(err));
    if (error != NULL)
        rd_kafka_error_destroy(error);
}

/* The client pauses what we keep while a cooperative rebalance goes on, and drops messages then
 * that it has taken out of its queue, but counts them as handed over: it would go on behind them.
 * So what we keep is fetched again from the offset that we expect, and a gap there is looked at
 * twice. */
static void fetch_kept_again(df__kafka_source *s)
{
    for (size_t i = 0; is_cooperative(s) && i < s->part_cap; i++) {
        df__kafka_part *p = s->parts[i];
        if (p == NULL || p->state != DF__KAFKA_ON || p->next < 0)
            continue;
        p->state = DF__KAFKA_RESTART;
        p->gap_tries = DF__KAFKA_GAP_TRIES;
        s->restart = 1;
    }
}

static void assigned(df__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    DF_CRASHPOINT("kafka.assign");
    fetch_kept_again(s); /* before the new ones are there: they begin where we say anyway */
    int rc = open_parts(s, list);
    s->joined = 1;
    df__kafka_owner_tell(s, 1);
    if (rc != DF_OK) /* the stage fails and leaves the group */
        (void)rd_kafka_assign(s->rk, NULL);
    else if (is_cooperative(s))
        tell(s, rd_kafka_incremental_assign(s->rk, list), 0, "take");
    else
        tell(s, NULL, rd_kafka_assign(s->rk, list), "take");
    df_stage_logf(s->st, DF_LOG_INFO, "%d partitions of %s assigned", list->cnt, topic_of(s));
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
    s->revoking = 1;
    for (int i = 0; i < list->cnt; i++) {
        df__kafka_part *p = df__kafka_part_at(s, list->elems[i].partition);
        if (p == NULL || p->state == DF__KAFKA_OFF)
            continue;
        df__kafka_discard(s, p->id);
        if (df__kafka_clock_ms() - begin > REVOKE_LIMIT_MS)
            lost = 1;
        (void)df_partition_close(s->st, p->part, lost ? DF_PARTITION_LOST : DF_PARTITION_FINISH);
        p->begun = p->renew = 0;
    }
    DF_CRASHPOINT("kafka.revoke");
    s->revoking = 0;
    if (!lost)
        (void)df__kafka_commit(s, COMMIT_WAIT_MS);
    for (int i = 0; i < list->cnt; i++) {
        df__kafka_part *p = df__kafka_part_at(s, list->elems[i].partition);
        if (p != NULL)
            p->state = DF__KAFKA_OFF;
    }
    DF_CRASHPOINT("kafka.revoked");
    fetch_kept_again(s);
    unassign(s, list);
    df_stage_logf(s->st, DF_LOG_INFO, "%d partitions of %s %s", list->cnt, topic_of(s),
                  lost ? "lost" : "given back");
}

void df__kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    df__kafka_source *s = opaque;
    (void)rk;
    if (s->closing) {
        unassign(s, list);
        return;
    }
    df_stage_metric(s->st, DF__KAFKA_REBALANCES, 1);
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
    s->forward_until = df__kafka_clock_ms() + FORWARD_MS;
}

/* What was read so far ends as when the partition is given back: no offset of it may be committed
 * after the first of what comes now. */
static void renew(df__kafka_source *s, df__kafka_part *p)
{
    int64_t next = p->next;
    p->renew = 0;
    df__kafka_discard(s, p->id);
    s->revoking = 1;
    (void)df_partition_close(s->st, p->part, DF_PARTITION_FINISH);
    s->revoking = 0;
    if (open_part(s, p->id) != DF_OK)
        return;
    p->acked = p->sent = -1;
    if (stored_offset(s, p, &p->lost) == DF_OK)
        p->next = p->begin = next;
    p->begun = 1;
}

void df__kafka_restart(df__kafka_source *s)
{
    int all = s->reassign && !is_cooperative(s);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; list != NULL && i < s->part_cap; i++) {
        df__kafka_part *p = s->parts[i];
        if (p == NULL || !(p->state == DF__KAFKA_RESTART || (all && p->state == DF__KAFKA_ON)))
            continue;
        if (p->renew)
            renew(s, p);
        df__kafka_discard(s, p->id);
        p->all = -1;
        rd_kafka_topic_partition_list_add(list, topic_of(s), p->id)->offset = p->next;
        p->state = DF__KAFKA_ON;
    }
    if (list == NULL)
        df__kafka_fail(&s->failure, DF_ENOMEM, NULL, "no memory to seek");
    else if (s->reassign)
        assign_again(s, list);
    else
        seek_to(s, list);
    if (list != NULL)
        rd_kafka_topic_partition_list_destroy(list);
    s->restart = s->reassign = 0;
}

void df__kafka_forward_all(df__kafka_source *s)
{
    for (size_t i = 0; i < s->part_cap; i++)
        if (s->parts[i] != NULL && s->parts[i]->state == DF__KAFKA_ON)
            forward(s, s->parts[i]->id);
    if (df__kafka_clock_ms() > s->forward_until)
        s->forward_until = 0;
}
