/* SPDX-License-Identifier: Apache-2.0
 * txn.c: the transactional producer: its id, its beginning, and what its calls that fail mean.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reports.h"
#include "txn.h"

enum {
    CALL_MS = 500,    /* one call of the client; then it is called again */
    BEGIN_MS = 30000, /* for the coordinator to let us in: it may be loading, or moving */
    REST_MS = 20,     /* between calls that fail at once */
    LATE_MS = 1000,   /* the first InitProducerId is unanswered by then */
    LATE_LIMIT_MS = 120000,
    ID_BYTES = 1024, /* of a transactional.id, with its NUL */
    GOOD_BYTES = 4 << 20,
    MOST_BYTES = 16 << 20 /* of a parcel, so that it ends in time */
};

df__kafka_txn_fault df__kafka_txn_fault_of(rd_kafka_error_t *error)
{
    df__kafka_txn_fault f = {.err = RD_KAFKA_RESP_ERR_NO_ERROR};
    if (!error)
        return f;
    f.err = rd_kafka_error_code(error);
    f.again = rd_kafka_error_is_retriable(error);
    f.abort = rd_kafka_error_txn_requires_abort(error);
    (void)snprintf(f.text, sizeof f.text, "%s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return f;
}

int df__kafka_txn_is_fenced(const df__kafka_sink *s, rd_kafka_resp_err_t err)
{
    int shut_out = err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                   err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
    return shut_out && df__kafka_clock_ms() - s->txn.begun_ms < s->txn.timeout_ms;
}

/* A coordinator that hung may have answered the second InitProducerId before it gets to the first
 * one, which shuts out this very producer: once, that is no other instance. Once in a while,
 * however slow the coordinator is: else two instances would shut each other out for ever. */
static int shut_out_by_itself(df__kafka_sink *s)
{
    int64_t now = df__kafka_clock_ms();
    if (!s->txn.late && now < s->txn.late_until && now >= s->txn.excused_until) {
        s->txn.late = 1;
        s->txn.excused_until = now + LATE_LIMIT_MS;
    }
    return s->txn.late;
}

int df__kafka_txn_fenced(df__kafka_sink *s)
{
    if (shut_out_by_itself(s)) {
        s->txn.fenced = 0;
        return df_stage_fail(s->st, DF_EUNKNOWN, "transaction_error",
                             "shut out, perhaps by a request of our own that the coordinator did "
                             "not answer in time; opened again");
    }
    s->txn.fenced = 1;
    return df_stage_failf(s->st, DF_EFENCED, "fenced",
                          "another instance of this flow writes with the transactional.id %s; "
                          "stop one of them, or give one another transactionalId",
                          s->txn.id);
}

int df__kafka_txn_failed(df__kafka_sink *s, const df__kafka_txn_fault *f, int status,
                         const char *what)
{
    df__kafka_rule rule = df__kafka_rule_of(s->rk, f->err);
    if (s->txn.ready && df__kafka_txn_is_fenced(s, f->err))
        return df__kafka_txn_fenced(s);
    if (rule.status != DF_OK)
        return df_stage_failf(s->st, rule.status, rule.reason, "cannot %s: %s; %s", what, f->text,
                              rule.remedy);
    return df_stage_failf(s->st, status, status == DF_EIO ? "transaction_error" : NULL,
                          "cannot %s: %s", what, f->text);
}

void df__kafka_txn_rest(df__kafka_sink *s, const df__kafka_txn_fault *f, int64_t from)
{
    if (f->again && df__kafka_clock_ms() - from < REST_MS)
        (void)df_stage_wait(s->st, -1, 0, REST_MS);
}

/* The same for each start on this host; -1: too long. */
static int make_id(const df__kafka_sink *s, const df_stage_info *info, char *out, size_t cap)
{
    char host[256] = "";
    const df_bytes *given = &s->o.transactional_id;
    (void)gethostname(host, sizeof host - 1);
    int len = given->len > 0 ? snprintf(out, cap, "%s", (const char *)given->data)
                             : snprintf(out, cap, "dataflow.%s.%s.%s.%s", info->space,
                                        info->pipeline, info->stage, host);
    return len < (int)cap ? len : -1;
}

static int is_transactional(const df_stage_info *info)
{
    return info->exactly_once && !info->dry && !info->is_error_sink;
}

void df__kafka_txn_explain(const df__kafka_sink *s, df_stage *st)
{
    char id[ID_BYTES];
    df_stage_info info = {.size = sizeof info};
    if (df_stage_describe(st, &info) == DF_OK && is_transactional(&info) &&
        make_id(s, &info, id, sizeof id) >= 0)
        df_stage_foundf(st,
                        "transactional.id %s (%san instance that is killed and does not come back "
                        "holds up readers of committed records for %lld s)",
                        id,
                        s->o.transactional_id.len > 0
                            ? ""
                            : "made of the flow, the stage and this host, or the pod; ",
                        (long long)(s->o.transaction_timeout / 1000000));
}

int df__kafka_txn_prepare(df__kafka_sink *s, const df_stage_info *info)
{
    char id[ID_BYTES];
    if (!is_transactional(info) || s->txn.id)
        return DF_OK;
    int len = make_id(s, info, id, sizeof id);
    s->txn.timeout_ms = s->o.transaction_timeout / 1000;
    s->txn.id = len >= 0 ? df_stage_alloc(s->st, (size_t)len + 1) : NULL;
    if (!s->txn.id)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a transactional.id");
    memcpy(s->txn.id, id, (size_t)len + 1);
    df_limits limits = {.size = sizeof limits, .good_bytes = GOOD_BYTES, .max_bytes = MOST_BYTES};
    return df_stage_limits(s->st, &limits);
}

int df__kafka_txn_open(df__kafka_sink *s)
{
    int64_t limit = df__kafka_clock_ms() + BEGIN_MS;
    s->txn.open = 0;
    s->txn.ready = 0;
    s->txn.begun_ms = df__kafka_clock_ms();
    s->txn.late = 0;
    while (!s->txn.fenced) {
        int64_t from = df__kafka_clock_ms();
        df__kafka_txn_fault f = df__kafka_txn_fault_of(rd_kafka_init_transactions(s->rk, CALL_MS));
        s->txn.ready = !f.err;
        if (df__kafka_clock_ms() - s->txn.begun_ms >= LATE_MS) /* one may be under way yet */
            s->txn.late_until = df__kafka_clock_ms() + LATE_LIMIT_MS;
        if (s->txn.ready)
            return DF_OK;
        df__kafka_serve(s, 0);
        df__kafka_txn_rest(s, &f, from);
        if (s->failure.status != DF_OK)
            return df__kafka_raise(&s->failure, s->st);
        if (!f.again || df_stage_stopping(s->st) || df__kafka_clock_ms() > limit)
            return df__kafka_txn_failed(s, &f, DF_EIO, "begin to write transactions");
    }
    return df__kafka_txn_fenced(s);
}
