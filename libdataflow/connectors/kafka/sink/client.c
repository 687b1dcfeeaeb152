/* SPDX-License-Identifier: Apache-2.0
 * client.c: the client of a sink: made, led to a broker, destroyed.
 */
#include "client.h"
#include "client/expiry.h"
#include "client/letgo.h"
#include "client/reach.h"
#include "client/security.h"
#include "client/token.h"
#include "reports.h"
#include "topics.h"
#include "txn.h"

enum { LET_GO_MS = 3000 };

/* Any thread of the client. */
static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    df__kafka_sink *s = rd_kafka_opaque(rk);
    df__kafka_line line = {level, facility, text};
    if (!df__kafka_tell_begin(rk))
        return;
    df__kafka_log(s->st, &s->o.common, &s->gates, &line);
    df__kafka_tell_end();
}

static int make_client(df__kafka_sink *s, df_stage *st)
{
    char text[256];
    df__kafka_setup setup = {.st = st, .share = s->share};
    if (df__kafka_setup_sink(&setup, &s->o, &s->txn) != DF_OK)
        return setup.status == DF_ENOMEM ? df_stage_fail(st, DF_ENOMEM, NULL, "no memory")
                                         : setup.status;
    df__kafka_expiry_begin(&s->o.common, &setup.dates);
    rd_kafka_conf_set_opaque(setup.conf, s);
    rd_kafka_conf_set_log_cb(setup.conf, log_line);
    rd_kafka_conf_set_events(setup.conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, setup.conf, text, sizeof text);
    setup.conf = s->rk != NULL ? NULL : setup.conf; /* the client has it now */
    df__kafka_setup_end(&setup);
    if (!s->rk)
        return df__kafka_no_client(st, &s->o.common, text);
    return df__kafka_token_start(st, s->rk, &s->o.common);
}

static void serve_open(void *self)
{
    df__kafka_serve(self, 0);
}

/* A broker is there, and the topic when it has to be made. Asking for the topic could make a broker
 * create it, so what topicCreate says is done between. */
static int reach(df__kafka_sink *s, df_stage *st)
{
    const char *why;
    df__kafka_sink_topic *topic;
    df__kafka_reach reach = {st, s->rk, NULL, &s->o.common, &s->failure, serve_open, s};
    int rc = s->o.create != NULL ? df__kafka_reach_broker(&reach) : DF_OK;
    if (rc == DF_OK)
        rc = df__kafka_sink_topic_of(s, (df_bytes){NULL, 0}, &topic, &why);
    if (rc != DF_OK || s->o.create)
        return rc;
    reach.topic = df__kafka_sink_topic_handle(topic);
    return df__kafka_reach_broker(&reach);
}

int df__kafka_open_client(df__kafka_sink *s)
{
    static const uint64_t one = 1;
    int rc = df__kafka_sink_topics_open(s);
    if (rc == DF_OK)
        rc = make_client(s, s->st);
    if (rc != DF_OK)
        return rc;
    s->queue = rd_kafka_queue_get_main(s->rk);
    if (!s->queue)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the Kafka client");
    rd_kafka_queue_io_event_enable(s->queue, s->fd, &one, sizeof one);
    rc = reach(s, s->st);
    rc = rc == DF_OK && s->txn.id != NULL ? df__kafka_txn_open(s) : rc;
    if (rc == DF_OK)
        df__kafka_expiry_tell(s->st, &s->o.common);
    return rc;
}

void df__kafka_destroy_client(df__kafka_sink *s)
{
    if (s->queue) {
        rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(s->queue);
    }
    df__kafka_sink_topics_close(s);
    df__kafka_token_stop(&s->o.common);
    if (s->rk)
        df__kafka_let_go(s->st, s->rk, LET_GO_MS, 0);
    s->queue = NULL;
    s->rk = NULL;
    s->under_way = 0; /* no report comes any more */
}
