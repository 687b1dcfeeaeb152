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

#include "client.h"
#include "deliver.h"
#include "offsets.h"
#include "reports.h"
#include "transact.h"
#include "txn.h"
#include "util/crashpoint.h"

enum {
    CALL_MS = 500,      /* one call of the client; then it is called again */
    COMMIT_MS = 15000,  /* then the outcome is unknown, and the group's offsets tell it */
    ABORT_MS = 10000,   /* then the client is given up: a new one aborts */
    OFFSETS_MS = 10000, /* for the group to take the offsets */
    ASK_MS = 10000,     /* for the id of the cluster */
    QUIET_MS = 1000,    /* without a report; then the commit is tried, which tells what is wrong */
    CHUNK = 64          /* records of a refused request sent at once to find the one to blame */
};

/* ---- begin and abort ------------------------------------------------------------------------- */

static int begin(df__kafka_sink *s)
{
    if (!s->rk)
        s->failure.status = DF_OK;
    int rc = !s->rk && !s->txn.fenced ? df__kafka_open_client(s) : DF_OK;
    if (rc != DF_OK)
        return rc;
    if (s->txn.fenced)
        return df__kafka_txn_fenced(s);
    df__kafka_txn_fault f = df__kafka_txn_fault_of(rd_kafka_begin_transaction(s->rk));
    if (f.err)
        return df__kafka_txn_failed(s, &f, DF_EIO, "begin a transaction");
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
        df__kafka_txn_fault f = df__kafka_txn_fault_of(
            rd_kafka_abort_transaction(s->rk, s->under_way > 0 ? 20 : CALL_MS));
        last = f.err;
        df__kafka_serve(s, 0); /* the client waits until the reports are taken */
        df__kafka_txn_rest(s, &f, from);
        s->txn.open = f.err != RD_KAFKA_RESP_ERR_NO_ERROR;
        if (f.err && (!f.again || df__kafka_clock_ms() > limit))
            break;
    }
    char text[200];
    if (df__kafka_txn_is_fenced(s, last) ||
        df__kafka_txn_is_fenced(s, rd_kafka_fatal_error(s->rk, text, sizeof text)))
        s->txn.fenced = 1; /* a report told it, or the client learnt it by itself */
    s->txn.open = 0;
    if (s->under_way > 0)
        df__kafka_purge(s);
    df__kafka_destroy_client(s);
}

/* ---- records --------------------------------------------------------------------------------- */

/* Waits for the reports of what was sent. DF_DONE: the broker refused some, or nothing came for a
 * while: then the client may know that the transaction is lost, and the commit fails. */
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
        rc = df__kafka_send_record(s, load, *at);
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
        return df__kafka_txn_fenced(s);
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
        load->wanted[i] = load->states[i] == DF__KAFKA_REPORT_REFUSED;
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
        rc = df__kafka_send_record(s, load, i);
    if (rc == DF_OK && load->named > 0) /* these were not sent */
        return DF_EDATA;
    if (rc == DF_OK)
        rc = wait_for(s, load, QUIET_MS);
    return rc == DF_DONE && load->refused == 0 ? DF_OK : rc;
}

/* ---- offsets --------------------------------------------------------------------------------- */

static int same_cluster(df__kafka_sink *s, const df__kafka_owner *t)
{
    int rc = DF_OK;
    if (s->txn.same_cluster)
        return DF_OK;
    char *cluster = rd_kafka_clusterid(s->rk, ASK_MS);
    if (!cluster)
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
    df__kafka_owner t;
    const df_position *rows = df_parcel_positions(parcel, &count);
    rd_kafka_topic_partition_list_t *list =
        count > 0 ? df__kafka_offsets_of(rows, count, &t) : NULL;
    rd_kafka_consumer_group_metadata_t *group = NULL;
    int rc = DF_OK;
    if (count == 0)
        return DF_OK;
    if (!list)
        return df_stage_fail(s->st, DF_EINTERNAL, NULL, "not positions of a Kafka topic");
    if (!t.group)
        rc = df_stage_fail(s->st, DF_EIO, "rebalance_error", "the source is not in its group yet");
    if (rc == DF_OK)
        rc = same_cluster(s, &t);
    df__kafka_txn_fault f = {.err = RD_KAFKA_RESP_ERR_NO_ERROR};
    if (rc == DF_OK)
        f = df__kafka_txn_fault_of(
            rd_kafka_consumer_group_metadata_read(&group, t.metadata, t.len));
    if (rc == DF_OK && !f.err && !df_stage_current(s->st, parcel))
        rc = df_stage_fail(s->st, DF_ECANCELED, NULL, "a partition was given away meanwhile");
    DF_CRASHPOINT("kafka.txn.offsets");
    if (rc == DF_OK && !f.err)
        f = df__kafka_txn_fault_of(
            rd_kafka_send_offsets_to_transaction(s->rk, list, group, OFFSETS_MS));
    if (rc == DF_OK && f.err)
        rc = df__kafka_txn_failed(s, &f, DF_EIO, "put the offsets into the transaction");
    if (group)
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
        df__kafka_txn_fault f = df__kafka_txn_fault_of(
            rd_kafka_commit_transaction(s->rk, load->waiting > 0 ? 20 : CALL_MS));
        df__kafka_serve(s, 0);
        df__kafka_txn_rest(s, &f, from);
        if (!f.err) {
            s->txn.open = 0;
            DF_CRASHPOINT("kafka.txn.committed");
            return DF_OK;
        }
        if (f.abort) /* with all records written it may be the commit itself that failed */
            return df__kafka_txn_failed(s, &f,
                                        load->waiting + load->refused == 0 ? DF_EUNKNOWN : DF_EIO,
                                        "commit a transaction");
        if (df__kafka_txn_is_fenced(s, f.err))
            return df__kafka_txn_failed(s, &f, DF_EFENCED, "commit a transaction");
        if (!f.again || df__kafka_clock_ms() > limit) {
            s->txn.open = 0; /* committed or not: df__kafka_resolve asks the group */
            return df__kafka_txn_failed(s, &f, DF_EUNKNOWN,
                                        "learn whether a transaction was committed");
        }
    }
}

/* The transaction did not come to its end with `rc`: what follows from that. */
static int give_back(df__kafka_sink *s, df__kafka_load *load, int rc)
{
    abort_all(s); /* takes the reports that are not in, too */
    if (s->txn.fenced)
        return df__kafka_txn_fenced(s);
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
    if (!load)
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
    s->loads = NULL; /* written or not, it ends here */
    s->loads_end = &s->loads;
    return rc;
}
