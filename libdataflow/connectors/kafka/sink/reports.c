/* SPDX-License-Identifier: Apache-2.0
 * reports.c: what the client tells the sink: delivery reports, errors, and the end of waiting for
 * them.
 */
#include <poll.h>
#include <unistd.h>

#include "reports.h"
#include "util/crashpoint.h"

enum { WAIT_MS = 200, PURGE_MS = 5000 };

int df__kafka_is_refusal(rd_kafka_resp_err_t err)
{
    static const rd_kafka_resp_err_t refusals[] = {
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG,
        RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,   RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
        RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,  RD_KAFKA_RESP_ERR_INVALID_RECORD,
        RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (refusals[i] == err)
            return 1;
    return 0;
}

void df__kafka_report_error(df__kafka_sink *s, const char *topic, rd_kafka_resp_err_t err)
{
    df__kafka_rule rule = df__kafka_rule_of(s->rk, err);
    if (err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    if (rule.status != DF_OK)
        df__kafka_fail(&s->failure, rule.status, rule.reason, "topic %s: %s; %s", topic,
                       rd_kafka_err2str(err), rule.remedy);
    else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
             err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        df__kafka_fail(&s->failure, DF_EIO, "unknown_topic",
                       "topic %s does not exist on %s; create it, or correct the name", topic,
                       (const char *)s->o.common.brokers.data);
    else
        df__kafka_fail(&s->failure, DF_EIO, "send_error", "topic %s: %s", topic,
                       rd_kafka_err2str(err));
}

static void take_report(df__kafka_sink *s, const rd_kafka_message_t *m)
{
    DF_CRASHPOINT("kafka.report");
    df__kafka_item *it = m->_private;
    df__kafka_load *load = it->load;
    size_t index = (size_t)(it - load->items);
    s->under_way--;
    load->waiting--;
    if (!m->err) {
        load->states[index] = DF__KAFKA_REPORT_DELIVERED;
    } else if (df__kafka_is_refusal(m->err)) {
        load->states[index] = DF__KAFKA_REPORT_REFUSED;
        load->refused++;
        load->reason = m->err;
    } else {
        load->states[index] = DF__KAFKA_REPORT_UNKNOWN;
        df__kafka_report_error(s, rd_kafka_topic_name(m->rkt), m->err);
    }
}

static void client_error(df__kafka_sink *s, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    df__kafka_error_text error = {.o = &s->o.common, .text = rd_kafka_event_error_string(event)};
    df__kafka_rule rule = df__kafka_rule_of_text(s->rk, err, &error);
    if (rule.status != DF_OK)
        df__kafka_fail(&s->failure, rule.status, rule.reason, "topic %s: %s",
                       (const char *)s->o.common.topic.data, error.words);
    else
        df__kafka_warn(s->st, &s->o.common, &s->gates, err, rd_kafka_event_error_string(event));
}

void df__kafka_serve(df__kafka_sink *s, int timeout_ms)
{
    uint64_t events;
    rd_kafka_event_t *event;
    ssize_t n = read(s->fd, &events, sizeof events);
    (void)n; /* nothing to read is fine: the queue tells the truth */
    while ((event = rd_kafka_queue_poll(s->queue, timeout_ms))) {
        const rd_kafka_message_t *m;
        timeout_ms = 0;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
            while ((m = rd_kafka_event_message_next(event)))
                take_report(s, m);
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            client_error(s, event);
        rd_kafka_event_destroy(event);
    }
}

void df__kafka_purge(df__kafka_sink *s)
{
    int64_t limit = df__kafka_clock_ms() + PURGE_MS;
    (void)rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    do
        df__kafka_serve(s, s->under_way > 0 ? 20 : 0);
    while ((s->under_way > 0 || rd_kafka_outq_len(s->rk) > 0) && df__kafka_clock_ms() < limit);
}

int df__kafka_reports(df__kafka_sink *s)
{
    int rc = df_stage_wait(s->st, s->fd, POLLIN, WAIT_MS);
    df__kafka_serve(s, 0);
    if (s->failure.status != DF_OK)
        return df__kafka_raise(&s->failure, s->st);
    return rc == DF_ECANCELED ? DF_ECANCELED : DF_OK;
}
