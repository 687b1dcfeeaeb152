/* SPDX-License-Identifier: Apache-2.0
 * commit.c: the group's offsets: what is committed, and what was.
 */
#include "anew.h"
#include "client/position.h"
#include "commit.h"
#include "mark.h"
#include "parts.h"
#include "util/crashpoint.h"

enum {
    ASK_MS = 1000,  /* one question to the brokers */
    ASK_TRIES = 15, /* then the stage is opened again */
    ASK_LONG = 90   /* with exactly-once: an open transaction may have to time out first */
};

/* A coordinator that moves is normal. */
int df__kafka_ask_committed(df__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    int tries = s->exactly_once ? ASK_LONG : ASK_TRIES;
    for (int i = 0; i < tries && !df_stage_stopping(s->st); i++) {
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
                   (const char *)s->o.group.data, df__kafka_words_of(err));
    return DF_EIO;
}

static df__kafka_part *part_of(df__kafka_source *s, const rd_kafka_topic_partition_t *row)
{
    return df__kafka_part_known(s, row->topic, row->partition);
}

/* ---- commits --------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *uncommitted(df__kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; list != NULL && i < s->part_count; i++) {
        df__kafka_part *p = s->parts[i];
        if (p->state == DF__KAFKA_PART_OFF || p->gone || p->acked < 0 || p->acked == p->sent)
            continue;
        rd_kafka_topic_partition_t *row = df__kafka_part_row(list, p);
        row->offset = p->acked;
        df__kafka_set_epoch(row, p->acked_epoch);
    }
    return list;
}

static void note_sent(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        part_of(s, &list->elems[i])->sent = list->elems[i].offset;
}

/* The group has these offsets. */
static void note_held(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        df__kafka_part *p = part_of(s, &list->elems[i]);
        if (!p || list->elems[i].err || p->gone)
            continue;
        p->held = 1;
        df__kafka_mark(s, p, 1);
    }
}

static void commit_failed(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list,
                          rd_kafka_resp_err_t err)
{
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        df__kafka_part *p = part_of(s, &list->elems[i]);
        if (p && (err || list->elems[i].err))
            p->sent = -1;
    }
    if (df__kafka_gate_open(&s->commit_gate, 60000))
        df_stage_logf(s->st, DF_LOG_WARN, "offsets of %s not committed, tried again: %s", s->label,
                      rd_kafka_err2str(err));
}

void df__kafka_committed(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    df__kafka_source *s = opaque;
    (void)rk;
    DF_CRASHPOINT("kafka.committed");
    s->committing = 0;
    for (int i = 0; !err && list && i < list->cnt; i++)
        err = list->elems[i].err;
    if (err && err != RD_KAFKA_RESP_ERR__NO_OFFSET)
        commit_failed(s, list, err);
    else if (list)
        note_held(s, list);
}

/* With a queue of its own, so that the wait has a limit and no other callback runs meanwhile. */
static int commit_and_wait(df__kafka_source *s, const rd_kafka_topic_partition_list_t *list,
                           int wait_ms)
{
    rd_kafka_queue_t *reply = rd_kafka_queue_new(s->rk);
    if (!reply)
        return DF_ENOMEM;
    rd_kafka_resp_err_t err = rd_kafka_commit_queue(s->rk, list, reply, NULL, NULL);
    rd_kafka_event_t *event = err ? NULL : rd_kafka_queue_poll(reply, wait_ms);
    if (event)
        err = rd_kafka_event_error(event);
    else if (!err)
        err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (err)
        commit_failed(s, list, err);
    else
        note_held(s, list);
    if (event)
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
    if (!list)
        return DF_ENOMEM;
    if (list->cnt > 0 && !df__kafka_same_topic(s)) {
        rc = wait_ms > 0 ? DF_EIO : DF_OK; /* tried again, or told by the next read */
    } else if (list->cnt > 0) {
        note_sent(s, list);
        df_stage_metric(s->st, DF__KAFKA_METRIC_COMMITS, 1);
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
