/* SPDX-License-Identifier: Apache-2.0
 * resolve.c: whether a parcel whose commit had no answer was written: the offsets of the source's
 * group tell it, since they were in the same transaction.
 */
#include "offsets.h"
#include "resolve.h"

enum {
    CALL_MS = 500, /* for the client to give up by itself */
    ASK_MS = 10000 /* for the group to tell its offsets */
};

/* The positions are where the source looks for them, and the group tells them to its member. */
int df__kafka_claim(void *self, df_stage *st, df_position *partition)
{
    (void)self;
    (void)st;
    partition->epoch = 1;
    return DF_ENOTFOUND;
}

/* The group did not tell its offsets. A right that was taken away is told as that: the core does
 * not ask for ever then. */
static int cannot_ask(df__kafka_sink *s, rd_kafka_resp_err_t err, const char *text)
{
    df__kafka_rule rule = df__kafka_rule_of(s->rk, err);
    if (rule.status == DF_OK)
        return df_stage_failf(s->st, DF_EIO, "timeout", "cannot ask for the group's offsets: %s",
                              text);
    return df_stage_failf(s->st, rule.status, rule.reason,
                          "cannot ask for the group's offsets: %s; %s", text, rule.remedy);
}

/* DF_OK: the group has each of the offsets asked for, or a later one; DF_AGAIN: it has not. Other
 * failures: the coordinator gives no offset, for example while a transaction is being committed. */
static int is_there(df__kafka_sink *s, const rd_kafka_topic_partition_list_t *asked,
                    const rd_kafka_topic_partition_list_t *told)
{
    int rc = DF_OK;
    for (int i = 0; i < asked->cnt; i++) {
        const rd_kafka_topic_partition_t *row = &asked->elems[i];
        const rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_find(
            (rd_kafka_topic_partition_list_t *)(uintptr_t)told, row->topic, row->partition);
        if (!at || at->err)
            return cannot_ask(s, at != NULL ? at->err : RD_KAFKA_RESP_ERR_NO_ERROR,
                              at != NULL ? rd_kafka_err2str(at->err) : "a partition is missing");
        if (at->offset < row->offset)
            rc = DF_AGAIN;
    }
    return rc;
}

/* DF_OK, DF_AGAIN or a failure to ask. */
static int judge(df__kafka_sink *s, const rd_kafka_topic_partition_list_t *asked,
                 rd_kafka_event_t *event)
{
    const rd_kafka_error_t *error;
    size_t count = 0;
    const rd_kafka_ListConsumerGroupOffsets_result_t *result =
        event != NULL ? rd_kafka_event_ListConsumerGroupOffsets_result(event) : NULL;
    const rd_kafka_group_result_t **groups =
        result != NULL ? rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count) : NULL;
    if (!event)
        return cannot_ask(s, RD_KAFKA_RESP_ERR_NO_ERROR, "no answer");
    if (count != 1)
        return cannot_ask(s, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
    if ((error = rd_kafka_group_result_error(groups[0])))
        return cannot_ask(s, rd_kafka_error_code(error), rd_kafka_error_string(error));
    return is_there(s, asked, rd_kafka_group_result_partitions(groups[0]));
}

/* The offsets that the group has, transactions that are being committed waited for. */
static int ask(df__kafka_sink *s, const char *group, const rd_kafka_topic_partition_list_t *list)
{
    char text[200];
    rd_kafka_queue_t *reply = rd_kafka_queue_new(s->rk);
    rd_kafka_AdminOptions_t *how =
        rd_kafka_AdminOptions_new(s->rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_ListConsumerGroupOffsets_t *what = rd_kafka_ListConsumerGroupOffsets_new(group, list);
    rd_kafka_event_t *event = NULL;
    if (reply && how && what) {
        rd_kafka_error_t *error = rd_kafka_AdminOptions_set_require_stable_offsets(how, 1);
        if (error)
            rd_kafka_error_destroy(error);
        (void)rd_kafka_AdminOptions_set_request_timeout(how, ASK_MS, text, sizeof text);
        rd_kafka_ListConsumerGroupOffsets(s->rk, &what, 1, how, reply);
        event = rd_kafka_queue_poll(reply, ASK_MS + CALL_MS);
    }
    int rc = judge(s, list, event);
    if (event)
        rd_kafka_event_destroy(event);
    if (what)
        rd_kafka_ListConsumerGroupOffsets_destroy(what);
    if (how)
        rd_kafka_AdminOptions_destroy(how);
    if (reply)
        rd_kafka_queue_destroy(reply);
    return rc;
}

/* Opening has ended the transaction: a new producer waits for one that is being committed and
 * aborts any other. */
int df__kafka_resolve(void *self, df_stage *st, df_parcel *parcel)
{
    df__kafka_sink *s = self;
    size_t count;
    df__kafka_owner t;
    const df_position *rows = df_parcel_positions(parcel, &count);
    if (count == 0)
        return DF_AGAIN;
    rd_kafka_topic_partition_list_t *list = df__kafka_offsets_of(rows, count, &t);
    int rc = DF_OK;
    if (!list)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for the offsets");
    if (!t.group)
        rc = df_stage_fail(st, DF_EIO, "rebalance_error", "the source is not in its group yet");
    if (rc == DF_OK)
        rc = ask(s, t.group, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}
