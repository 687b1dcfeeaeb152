/* SPDX-License-Identifier: Apache-2.0
 * transact.c: exactly-once into Kafka. One parcel is one transaction: its records and the offsets
 * of the source's group, which are committed together or not at all.
 *
 * A transaction is ours alone because of two things: the group refuses offsets of a member that is
 * no longer in it (the metadata in the token of a partition), and the coordinator shuts out a
 * former producer of the same transactional.id. Protocol: KIP-98, KIP-447.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kafka.h"
#include "util/crashpoint.h"

enum {
    CALL_MS = 500,      /* one call of the client; then it is called again */
    BEGIN_MS = 30000,   /* for the coordinator to let us in: it may be loading, or moving */
    COMMIT_MS = 15000,  /* then the outcome is unknown, and the group's offsets tell it */
    ABORT_MS = 10000,   /* then the client is given up: a new one aborts */
    OFFSETS_MS = 10000, /* for the group to take the offsets */
    ASK_MS = 10000,     /* for the group to tell them */
    QUIET_MS = 1000,    /* without a report; then the commit is tried, which tells what is wrong */
    REST_MS = 20,       /* between calls that fail at once */
    GOOD_BYTES = 4 << 20,
    MOST_BYTES = 16 << 20, /* of a parcel, so that it ends in time */
    CHUNK = 64             /* records of a refused request sent at once to find the one to blame */
};

/* ---- calls of the client --------------------------------------------------------------------- */

/* What a failed call says, taken from the client's error, which is freed. */
typedef struct fault {
    rd_kafka_resp_err_t err;
    int again, abort;
    char text[200];
} fault;

static fault take(rd_kafka_error_t *error)
{
    fault f = {.err = RD_KAFKA_RESP_ERR_NO_ERROR};
    if (error == NULL)
        return f;
    f.err = rd_kafka_error_code(error);
    f.again = rd_kafka_error_is_retriable(error);
    f.abort = rd_kafka_error_txn_requires_abort(error);
    (void)snprintf(f.text, sizeof f.text, "%s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return f;
}

/* Another producer of the same transactional.id has begun. The coordinator says the same of one
 * whose transaction took too long, so the time decides. */
static int is_fenced(const df__kafka_sink *s, rd_kafka_resp_err_t err)
{
    int shut_out = err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                   err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
    return shut_out && df__kafka_clock_ms() - s->txn.begun_ms < s->txn.timeout_ms;
}

/* From now on for good: a new client would shut out the one that has taken over. */
static int fenced(df__kafka_sink *s)
{
    s->txn.fenced = 1;
    return df_stage_failf(s->st, DF_EFENCED, "fenced",
                          "another instance of this flow writes with the transactional.id %s; "
                          "stop one of them, or give one another transactionalId",
                          s->txn.id);
}

static int failed(df__kafka_sink *s, const fault *f, int status, const char *what)
{
    df__kafka_rule rule = df__kafka_rule_of(s->rk, f->err);
    if (is_fenced(s, f->err))
        return fenced(s);
    if (rule.status != DF_OK)
        return df_stage_failf(s->st, rule.status, rule.reason, "cannot %s: %s; %s", what, f->text,
                              rule.remedy);
    return df_stage_failf(s->st, status, status == DF_EIO ? "transaction_error" : NULL,
                          "cannot %s: %s", what, f->text);
}

/* A call that failed at once would be made again and again without a pause. */
static void rest(df__kafka_sink *s, const fault *f, int64_t from)
{
    if (f->again && df__kafka_clock_ms() - from < REST_MS)
        (void)df_stage_wait(s->st, -1, 0, REST_MS);
}

int df__kafka_transact_begin(df__kafka_sink *s, const df_stage_info *info)
{
    char host[256] = "", id[1024];
    const df_bytes *given = &s->o.transactional_id;
    if (!info->exactly_once || info->dry || info->is_error_sink || s->txn.id != NULL)
        return DF_OK;
    (void)gethostname(host, sizeof host - 1);
    int len = given->len > 0 ? snprintf(id, sizeof id, "%s", (const char *)given->data)
                             : snprintf(id, sizeof id, "dataflow.%s.%s.%s.%s", info->space,
                                        info->pipeline, info->stage, host);
    s->txn.timeout_ms = s->o.transaction_timeout / 1000;
    s->txn.id = len < (int)sizeof id ? df_stage_alloc(s->st, (size_t)len + 1) : NULL;
    if (s->txn.id == NULL)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a transactional.id");
    memcpy(s->txn.id, id, (size_t)len + 1);
    df_limits limits = {.size = sizeof limits, .good_bytes = GOOD_BYTES, .max_bytes = MOST_BYTES};
    return df_stage_limits(s->st, &limits);
}

int df__kafka_transact_open(df__kafka_sink *s)
{
    int64_t limit = df__kafka_clock_ms() + BEGIN_MS;
    s->txn.open = 0;
    s->txn.begun_ms = df__kafka_clock_ms();
    while (!s->txn.fenced) {
        int64_t from = df__kafka_clock_ms();
        fault f = take(rd_kafka_init_transactions(s->rk, CALL_MS));
        if (!f.err)
            return DF_OK;
        df__kafka_serve(s, 0);
        rest(s, &f, from);
        if (s->failure.status != DF_OK)
            return df__kafka_raise(&s->failure, s->st);
        if (!f.again || df_stage_stopping(s->st) || df__kafka_clock_ms() > limit)
            return failed(s, &f, DF_EIO, "begin to write transactions");
    }
    return fenced(s);
}

static int begin(df__kafka_sink *s)
{
    if (s->rk == NULL)
        s->failure.status = DF_OK;
    int rc = s->rk == NULL && !s->txn.fenced ? df__kafka_open_client(s) : DF_OK;
    if (rc != DF_OK)
        return rc;
    if (s->txn.fenced)
        return fenced(s);
    fault f = take(rd_kafka_begin_transaction(s->rk));
    if (f.err)
        return failed(s, &f, DF_EIO, "begin a transaction");
    s->txn.open = 1;
    s->txn.begun_ms = df__kafka_clock_ms();
    return DF_OK;
}

/* Nothing of the transaction stays, and nothing of ours in the client. The client goes too: after
 * a refusal that of 2.0.2 begins the next transaction with a wrong sequence number, and can only
 * abort it. What cannot be aborted is left to the next one, whose first step aborts it. */
static void abort_all(df__kafka_sink *s)
{
    int64_t limit = df__kafka_clock_ms() + ABORT_MS;
    rd_kafka_resp_err_t last = RD_KAFKA_RESP_ERR_NO_ERROR;
    DF_CRASHPOINT("kafka.txn.abort");
    while (s->txn.open) {
        int64_t from = df__kafka_clock_ms();
        fault f = take(rd_kafka_abort_transaction(s->rk, s->under_way > 0 ? 20 : CALL_MS));
        last = f.err;
        df__kafka_serve(s, 0); /* the client waits until the reports are taken */
        rest(s, &f, from);
        s->txn.open = f.err != RD_KAFKA_RESP_ERR_NO_ERROR;
        if (f.err && (!f.again || df__kafka_clock_ms() > limit))
            break;
    }
    char text[200];
    if (is_fenced(s, last) || is_fenced(s, rd_kafka_fatal_error(s->rk, text, sizeof text)))
        s->txn.fenced = 1; /* a report may have said it, or the client to itself */
    s->txn.open = 0;
    if (s->under_way > 0)
        df__kafka_purge(s);
    df__kafka_destroy_client(s);
}

/* ---- records --------------------------------------------------------------------------------- */

/* Waits for the reports of what was sent. DF_DONE: the broker refused some, or nothing came for a
 * while: then the client may know that the transaction is lost, and says so at the commit. */
static int wait_for(df__kafka_sink *s, const df__kafka_load *load, int64_t quiet_ms)
{
    int64_t limit = df__kafka_clock_ms() + quiet_ms;
    size_t waiting = load->waiting;
    while (load->waiting > 0) {
        int rc = df__kafka_reports(s);
        if (rc != DF_OK)
            return rc;
        if (load->waiting < waiting)
            limit = df__kafka_clock_ms() + quiet_ms;
        waiting = load->waiting;
        if (load->refused > 0 || df__kafka_clock_ms() > limit)
            return DF_DONE;
    }
    return DF_OK;
}

/* Sends at most `most` of the wanted records from *at on, and waits until each is written. DF_DONE:
 * one is not. */
static int send_chunk(df__kafka_sink *s, df__kafka_load *load, size_t *at, size_t end, size_t most)
{
    int rc = DF_OK;
    for (size_t n = 0; *at < end && n < most && rc == DF_OK; (*at)++) {
        if (!load->wanted[*at])
            continue;
        rc = df__kafka_place_record(s, load, *at);
        n++;
    }
    return rc == DF_OK ? wait_for(s, load, s->txn.timeout_ms) : rc;
}

static int lost(df__kafka_sink *s)
{
    return df_stage_fail(s->st, DF_EIO, "transaction_error",
                         "a transaction failed and was aborted");
}

/* Where in [*from, *end) the first chunk of that size is that the broker refuses, found in a
 * transaction that is aborted. DF_AGAIN: none is refused on its own. */
static int narrow(df__kafka_sink *s, df__kafka_load *load, size_t *from, size_t *end, size_t most)
{
    size_t at = *from;
    int rc = begin(s);
    if (rc != DF_OK) /* there may be no client: nothing to abort */
        return rc;
    load->refused = 0;
    while (rc == DF_OK && at < *end) {
        *from = at;
        rc = send_chunk(s, load, &at, *end, most);
    }
    abort_all(s);
    if (s->txn.fenced)
        return fenced(s);
    if (rc != DF_DONE)
        return rc == DF_OK ? DF_AGAIN : rc;
    *end = at;
    if (s->failure.status != DF_OK)
        return df__kafka_raise(&s->failure, s->st);
    return load->refused > 0 ? DF_OK : lost(s);
}

/* The broker refuses requests and does not say which record is to blame. The transaction is lost
 * with the first refusal, so each look costs one: a chunk, then a record of it. Requests that are
 * refused together only were too large together. */
static int blame(df__kafka_sink *s, df__kafka_load *load)
{
    size_t from = 0, end = load->count;
    rd_kafka_resp_err_t reason = load->reason;
    for (size_t i = 0; i < load->count; i++)
        load->wanted[i] = load->states[i] == DF__KAFKA_REFUSED;
    int rc = narrow(s, load, &from, &end, CHUNK);
    if (rc == DF_OK)
        rc = narrow(s, load, &from, &end, 1);
    if (rc == DF_OK) {
        while (!load->wanted[from])
            from++;
        df__kafka_refuse(load, from, reason);
        return DF_EDATA;
    }
    if (rc != DF_AGAIN)
        return rc;
    int64_t most = s->txn.batch_most > 0  ? s->txn.batch_most
                   : s->o.flush_bytes > 0 ? s->o.flush_bytes
                                          : DF__KAFKA_BATCH;
    s->txn.batch_most = most > 8 ? (int)(most / 8) : 1;
    return df_stage_failf(s->st, DF_EIO, "too_large",
                          "the broker refuses records together that it takes one by one (%s); "
                          "requests of %d bytes at most from now on",
                          rd_kafka_err2str(reason), s->txn.batch_most);
}

static int send_all(df__kafka_sink *s, df__kafka_load *load)
{
    int rc = DF_OK;
    for (size_t i = 0; i < load->count && rc == DF_OK; i++)
        rc = df__kafka_place_record(s, load, i);
    if (rc == DF_OK && load->named > 0) /* these were not sent */
        return DF_EDATA;
    if (rc == DF_OK)
        rc = wait_for(s, load, QUIET_MS);
    return rc == DF_DONE && load->refused == 0 ? DF_OK : rc;
}

/* ---- offsets --------------------------------------------------------------------------------- */

/* What the token of a partition holds: see owner.c. Borrowed. */
typedef struct token {
    const char *cluster, *group;
    const void *metadata;
    size_t len;
} token;

static int read_token(df_bytes text, token *ret)
{
    const char *begin = text.data, *end = text.len > 0 ? begin + text.len : NULL;
    const char *cut = end != NULL ? memchr(begin, '\0', text.len) : NULL;
    const char *second = cut != NULL ? memchr(cut + 1, '\0', (size_t)(end - cut - 1)) : NULL;
    if (second == NULL)
        return DF_ENOTFOUND;
    *ret = (token){begin, cut + 1, second + 1, (size_t)(end - second - 1)};
    return DF_OK;
}

/* The offsets of the positions; *ret_token is that of the first partition that has one. */
static rd_kafka_topic_partition_list_t *offsets_of(const df_position *rows, size_t count,
                                                   token *ret_token)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    *ret_token = (token){NULL, NULL, NULL, 0};
    for (size_t i = 0; list != NULL && i < count; i++) {
        char topic[256];
        int32_t id, epoch;
        int64_t offset;
        const df_position *row = DF_ROW(df_position, rows, i);
        if (df__kafka_partition_read(row->name, topic, sizeof topic, &id) != DF_OK ||
            df__kafka_position_read(row->data, &offset, &epoch) != DF_OK) {
            rd_kafka_topic_partition_list_destroy(list);
            return NULL;
        }
        rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(list, topic, id);
        to->offset = offset;
        df__kafka_set_epoch(to, epoch);
        if (ret_token->group == NULL)
            (void)read_token(row->owner, ret_token);
    }
    return list;
}

static int same_cluster(df__kafka_sink *s, const token *t)
{
    int rc = DF_OK;
    if (s->txn.same_cluster)
        return DF_OK;
    char *cluster = rd_kafka_clusterid(s->rk, ASK_MS);
    if (cluster == NULL)
        return df_stage_fail(s->st, DF_EIO, "connection_error", "cannot read the cluster's id");
    s->txn.same_cluster = strcmp(cluster, t->cluster) == 0;
    if (!s->txn.same_cluster)
        rc = df_stage_failf(s->st, DF_ENOTSUP, "invalid_config",
                            "exactlyOnce commits the source's offsets with the records, so both "
                            "topics have to be in one cluster: the source reads cluster %s, the "
                            "sink writes to %s",
                            t->cluster, cluster);
    rd_kafka_mem_free(s->rk, cluster);
    return rc;
}

/* Puts the offsets into the transaction. */
static int add_offsets(df__kafka_sink *s, df_parcel *parcel)
{
    size_t count;
    token t;
    const df_position *rows = df_parcel_positions(parcel, &count);
    rd_kafka_topic_partition_list_t *list = count > 0 ? offsets_of(rows, count, &t) : NULL;
    rd_kafka_consumer_group_metadata_t *group = NULL;
    int rc = DF_OK;
    if (count == 0)
        return DF_OK;
    if (list == NULL)
        return df_stage_fail(s->st, DF_EINTERNAL, NULL, "not positions of a Kafka topic");
    if (t.group == NULL)
        rc = df_stage_fail(s->st, DF_EIO, "rebalance_error", "the source is not in its group yet");
    if (rc == DF_OK)
        rc = same_cluster(s, &t);
    fault f = {.err = RD_KAFKA_RESP_ERR_NO_ERROR};
    if (rc == DF_OK)
        f = take(rd_kafka_consumer_group_metadata_read(&group, t.metadata, t.len));
    if (rc == DF_OK && !f.err && !df_stage_current(s->st, parcel))
        rc = df_stage_fail(s->st, DF_ECANCELED, NULL, "a partition was given away meanwhile");
    DF_CRASHPOINT("kafka.txn.offsets");
    if (rc == DF_OK && !f.err)
        f = take(rd_kafka_send_offsets_to_transaction(s->rk, list, group, OFFSETS_MS));
    if (rc == DF_OK && f.err)
        rc = failed(s, &f, DF_EIO, "put the offsets into the transaction");
    if (group != NULL)
        rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/* ---- the end --------------------------------------------------------------------------------- */

static int commit(df__kafka_sink *s, const df__kafka_load *load)
{
    int64_t limit = df__kafka_clock_ms() + COMMIT_MS;
    DF_CRASHPOINT("kafka.txn.commit");
    for (;;) {
        int64_t from = df__kafka_clock_ms();
        fault f = take(rd_kafka_commit_transaction(s->rk, load->waiting > 0 ? 20 : CALL_MS));
        df__kafka_serve(s, 0);
        rest(s, &f, from);
        if (!f.err) {
            s->txn.open = 0;
            DF_CRASHPOINT("kafka.txn.committed");
            return DF_OK;
        }
        if (f.abort) /* with all records written it may be the commit itself that failed */
            return failed(s, &f, load->waiting + load->refused == 0 ? DF_EUNKNOWN : DF_EIO,
                          "commit a transaction");
        if (is_fenced(s, f.err))
            return failed(s, &f, DF_EFENCED, "commit a transaction");
        if (!f.again || df__kafka_clock_ms() > limit) {
            s->txn.open = 0; /* nobody knows */
            return failed(s, &f, DF_EUNKNOWN, "learn whether a transaction was committed");
        }
    }
}

/* The transaction did not come to its end with `rc`: what follows from that. */
static int give_back(df__kafka_sink *s, df__kafka_load *load, int rc)
{
    abort_all(s); /* takes the reports that are not in, too */
    if (s->txn.fenced)
        return fenced(s);
    if (rc == DF_EUNKNOWN || rc == DF_EDATA || rc == DF_ENOMEM || rc == DF_ECANCELED ||
        rc == DF_EFENCED)
        return rc;
    if (load->refused > 0)
        return blame(s, load);
    if (s->failure.status != DF_OK)
        return df__kafka_raise(&s->failure, s->st);
    return rc == DF_DONE ? lost(s) : rc;
}

int df__kafka_transact_write(df__kafka_sink *s, df_parcel *parcel)
{
    df__kafka_load *load = df__kafka_add_load(s, parcel);
    if (load == NULL)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a parcel");
    DF_CRASHPOINT("kafka.txn.begin");
    int rc = begin(s);
    if (rc == DF_OK)
        rc = send_all(s, load);
    if (rc == DF_OK)
        rc = add_offsets(s, parcel);
    if (rc == DF_OK)
        rc = commit(s, load);
    if (s->txn.open)
        rc = give_back(s, load, rc);
    s->loads = NULL; /* it ends here, whatever came of it */
    s->loads_end = &s->loads;
    return rc;
}

/* ---- claim and resolve ----------------------------------------------------------------------- */

/* The positions are where the source looks for them, and the group tells them to its member. */
int df__kafka_claim(void *self, df_stage *st, df_position *partition)
{
    (void)self;
    (void)st;
    partition->epoch = 1;
    return DF_ENOTFOUND;
}

/* DF_OK: the group is at or behind each of the offsets asked for; DF_AGAIN: it is not; DF_EIO: it
 * does not say, for example while it still learns how a transaction ended. */
static int is_there(const rd_kafka_topic_partition_list_t *asked,
                    const rd_kafka_topic_partition_list_t *told)
{
    int rc = DF_OK;
    for (int i = 0; i < asked->cnt; i++) {
        const rd_kafka_topic_partition_t *row = &asked->elems[i];
        const rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_find(
            (rd_kafka_topic_partition_list_t *)(uintptr_t)told, row->topic, row->partition);
        if (at == NULL || at->err)
            return DF_EIO;
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
    if (count != 1 || (error = rd_kafka_group_result_error(groups[0])) != NULL)
        return df_stage_failf(s->st, DF_EIO, "timeout", "cannot ask for the group's offsets: %s",
                              count == 1      ? rd_kafka_error_string(error)
                              : event != NULL ? rd_kafka_event_error_string(event)
                                              : "no answer");
    int rc = is_there(asked, rd_kafka_group_result_partitions(groups[0]));
    return rc != DF_EIO
               ? rc
               : df_stage_fail(s->st, DF_EIO, "timeout", "the group does not tell its offsets yet");
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
    if (reply != NULL && how != NULL && what != NULL) {
        rd_kafka_error_t *error = rd_kafka_AdminOptions_set_require_stable_offsets(how, 1);
        if (error != NULL)
            rd_kafka_error_destroy(error);
        (void)rd_kafka_AdminOptions_set_request_timeout(how, ASK_MS, text, sizeof text);
        rd_kafka_ListConsumerGroupOffsets(s->rk, &what, 1, how, reply);
        event = rd_kafka_queue_poll(reply, ASK_MS + CALL_MS);
    }
    int rc = judge(s, list, event);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    if (what != NULL)
        rd_kafka_ListConsumerGroupOffsets_destroy(what);
    if (how != NULL)
        rd_kafka_AdminOptions_destroy(how);
    if (reply != NULL)
        rd_kafka_queue_destroy(reply);
    return rc;
}

/* Opening has ended the transaction: a new producer waits for one that is being committed and
 * aborts any other. */
int df__kafka_resolve(void *self, df_stage *st, df_parcel *parcel)
{
    df__kafka_sink *s = self;
    size_t count;
    token t;
    const df_position *rows = df_parcel_positions(parcel, &count);
    if (count == 0)
        return DF_AGAIN;
    rd_kafka_topic_partition_list_t *list = offsets_of(rows, count, &t);
    int rc = DF_OK;
    if (list == NULL)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for the offsets");
    if (t.group == NULL)
        rc = df_stage_fail(st, DF_EIO, "rebalance_error", "the source is not in its group yet");
    if (rc == DF_OK)
        rc = ask(s, t.group, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}
