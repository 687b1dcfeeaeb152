/* SPDX-License-Identifier: Apache-2.0
 * sink.c: the operations of the sink. Payloads stay in the parcel until deliver.c settles it.
 * Transient faults never surface: the client keeps trying.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kafka.h"

enum { WAIT_MS = 200, LET_GO_MS = 3000 };

/* ---- check, open, close ---------------------------------------------------------------------- */

static int sink_check(void *self, df_stage *st)
{
    df__kafka_sink *s = self;
    df__kafka_setup setup = {.st = st, .checking = 1};
    df__kafka_check_common(st, &s->o.common);
    if (s->o.acks > 0)
        (void)df_stage_problem(st, DF_ERROR, "requiredAcks",
                               "must be all: with less a broker may lose records that count as "
                               "written");
    if (!s->o.idempotent)
        (void)df_stage_problem(st, DF_WARNING, "idempotent",
                               "is always true here; false has no effect");
    if (df__kafka_setup_sink(&setup, &s->o) == DF_ENOMEM)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for the Kafka client");
    if (setup.conf != NULL)
        rd_kafka_conf_destroy(setup.conf);
    df__kafka_goals_check(&s->o, st);
    df__kafka_create_check(st, s->o.create);
    return df__kafka_address(s, st);
}

/* Any thread of the client. */
static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    df__kafka_sink *s = rd_kafka_opaque(rk);
    df__kafka_line line = {facility, text};
    if (!df__kafka_tell_begin(rk))
        return;
    df__kafka_log(s->st, &s->gates, level, &line);
    df__kafka_tell_end();
}

static int make_client(df__kafka_sink *s, df_stage *st)
{
    char text[256];
    df__kafka_setup setup = {.st = st, .share = s->share, .txn = &s->txn};
    if (df__kafka_setup_sink(&setup, &s->o) != DF_OK)
        return setup.status == DF_ENOMEM ? df_stage_fail(st, DF_ENOMEM, NULL, "no memory")
                                         : setup.status;
    rd_kafka_conf_set_opaque(setup.conf, s);
    rd_kafka_conf_set_log_cb(setup.conf, log_line);
    rd_kafka_conf_set_events(setup.conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, setup.conf, text, sizeof text);
    setup.conf = s->rk != NULL ? NULL : setup.conf; /* the client has it now */
    df__kafka_setup_end(&setup);
    if (s->rk == NULL)
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
    df__kafka_goal *goal;
    df__kafka_reach reach = {st, s->rk, NULL, &s->o.common, &s->failure, serve_open, s};
    int rc = s->o.create != NULL ? df__kafka_reach_broker(&reach) : DF_OK;
    if (rc == DF_OK)
        rc = df__kafka_goal_of(s, (df_bytes){NULL, 0}, &goal, &why);
    if (rc != DF_OK || s->o.create != NULL)
        return rc;
    reach.topic = df__kafka_goal_topic(goal);
    return df__kafka_reach_broker(&reach);
}

int df__kafka_open_client(df__kafka_sink *s)
{
    static const uint64_t one = 1;
    int rc = df__kafka_goals_open(s);
    if (rc == DF_OK)
        rc = make_client(s, s->st);
    if (rc != DF_OK)
        return rc;
    s->queue = rd_kafka_queue_get_main(s->rk);
    if (s->queue == NULL)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the Kafka client");
    rd_kafka_queue_io_event_enable(s->queue, s->fd, &one, sizeof one);
    rc = reach(s, s->st);
    return rc == DF_OK && s->txn.id != NULL ? df__kafka_transact_open(s) : rc;
}

static int sink_open(void *self, df_stage *st)
{
    df__kafka_sink *s = self;
    df_stage_info info = {.size = sizeof info};
    int rc = df_stage_describe(st, &info);
    s->st = st;
    s->fd = -1;
    s->failure.status = DF_OK;
    s->loads = NULL;
    s->loads_end = &s->loads;
    s->under_way = 0;
    s->dry = info.dry;
    s->share = info.memory_share;
    if (rc != DF_OK)
        return rc;
    if (s->o.acks > 0)
        return df_stage_fail(st, DF_ENOTSUP, "invalid_config", "requiredAcks must be all");
    s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->fd < 0)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no descriptor for the Kafka client");
    rc = df__kafka_transact_begin(s, &info);
    if (rc == DF_OK)
        rc = df__kafka_address(s, st);
    return rc == DF_OK ? df__kafka_open_client(s) : rc;
}

void df__kafka_destroy_client(df__kafka_sink *s)
{
    if (s->queue != NULL) {
        rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(s->queue);
    }
    df__kafka_goals_close(s);
    df__kafka_token_stop(&s->o.common);
    if (s->rk != NULL)
        df__kafka_let_go(s->st, s->rk, LET_GO_MS, 0);
    s->queue = NULL;
    s->rk = NULL;
    s->under_way = 0; /* no report comes any more */
}

static void sink_close(void *self, df_stage *st)
{
    df__kafka_sink *s = self;
    (void)st;
    if (s->rk != NULL && s->queue != NULL && (s->under_way > 0 || rd_kafka_outq_len(s->rk) > 0))
        df__kafka_purge(s); /* the client may be destroyed only when every report was taken */
    df__kafka_destroy_client(s);
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
    s->loads = NULL; /* what was not settled is sent again by the core */
    s->loads_end = &s->loads;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    df__kafka_sink *s = self;
    if (s->txn.id != NULL)
        return df__kafka_transact_write(s, parcel);
    return s->rk == NULL ? df__kafka_raise(&s->failure, st) : df__kafka_deliver(s, parcel);
}

static int sink_poll(void *self, df_stage *st, int timeout_ms)
{
    df__kafka_sink *s = self;
    if (s->rk == NULL)
        return df__kafka_raise(&s->failure, st);
    df__kafka_serve(s, 0);
    if (timeout_ms > 0 && s->under_way > 0 && s->failure.status == DF_OK &&
        df_stage_wait(st, s->fd, POLLIN, timeout_ms) == DF_OK)
        df__kafka_serve(s, 0);
    return df__kafka_advance(s);
}

static int sink_flush(void *self, df_stage *st, int timeout_ms)
{
    df__kafka_sink *s = self;
    int64_t limit = df__kafka_clock_ms() + timeout_ms;
    int rc = DF_OK;
    while (rc == DF_OK && s->loads != NULL) {
        rc = sink_poll(self, st, timeout_ms < WAIT_MS ? timeout_ms : WAIT_MS);
        if (rc == DF_OK && s->loads != NULL && df__kafka_clock_ms() >= limit)
            return DF_AGAIN;
    }
    return rc;
}

static int sink_probe(void *self, df_stage *st)
{
    const df__kafka_sink *s = self;
    df__kafka_look look = {.o = s->o.common, .st = st, .may_miss = s->o.create != NULL};
    return df__kafka_probe(&look);
}

const df_sink_ops df__kafka_sink_ops = {
    .size = sizeof(df_sink_ops),
    .check = sink_check,
    .open = sink_open,
    .write = sink_write,
    .poll = sink_poll,
    .flush = sink_flush,
    .claim = df__kafka_claim,
    .resolve = df__kafka_resolve,
    .close = sink_close,
    .probe = sink_probe,
};
