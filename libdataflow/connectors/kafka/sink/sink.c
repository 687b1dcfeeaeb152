/* SPDX-License-Identifier: Apache-2.0
 * sink.c: the operations of the sink. Payloads stay in the parcel until deliver.c settles it.
 * Transient faults never surface: the client keeps trying.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client.h"
#include "client/config.h"
#include "client/expiry.h"
#include "client/lacks.h"
#include "client/look.h"
#include "create.h"
#include "deliver.h"
#include "encode.h"
#include "reports.h"
#include "resolve.h"
#include "sink.h"
#include "topics.h"
#include "transact.h"
#include "txn.h"

enum { WAIT_MS = 200 };

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
    if (df__kafka_setup_sink(&setup, &s->o, NULL) == DF_ENOMEM)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for the Kafka client");
    if (setup.conf)
        rd_kafka_conf_destroy(setup.conf);
    df__kafka_encoder_check(st, &s->o);
    df__kafka_sink_topics_check(&s->o, st);
    df__kafka_create_check(st, s->o.create);
    int rc = df__kafka_address(s, st);
    if (rc == DF_OK)
        df__kafka_txn_explain(s, st);
    return rc;
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
    s->stops = info.stops_at_refused;
    s->halting = s->after_halt = 0;
    s->share = info.memory_share;
    if (rc != DF_OK)
        return rc;
    if (!s->told)
        df__kafka_tell_lacks(st, &(df__kafka_use){.o = &s->o.common});
    s->told = 1;
    if (s->o.acks > 0)
        return df_stage_fail(st, DF_ENOTSUP, "invalid_config", "requiredAcks must be all");
    s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->fd < 0)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no descriptor for the Kafka client");
    rc = df__kafka_txn_prepare(s, &info);
    if (rc == DF_OK)
        rc = df__kafka_address(s, st);
    if (rc == DF_OK)
        rc = df__kafka_encoder_open(s);
    return rc == DF_OK ? df__kafka_open_client(s) : rc;
}

static void sink_close(void *self, df_stage *st)
{
    df__kafka_sink *s = self;
    (void)st;
    if (s->rk && s->queue && (s->under_way > 0 || rd_kafka_outq_len(s->rk) > 0))
        df__kafka_purge(s); /* the client may be destroyed only when every report was taken */
    df__kafka_destroy_client(s);
    df__kafka_encoder_close(s);
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
    s->loads = NULL; /* what was not settled is sent again by the core */
    s->loads_end = &s->loads;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    df__kafka_sink *s = self;
    df__kafka_expiry_tell(st, &s->o.common);
    if (s->txn.id)
        return df__kafka_transact_write(s, parcel);
    return !s->rk ? df__kafka_raise(&s->failure, st) : df__kafka_deliver(s, parcel);
}

static int sink_poll(void *self, df_stage *st, int timeout_ms)
{
    df__kafka_sink *s = self;
    if (!s->rk)
        return df__kafka_raise(&s->failure, st);
    df__kafka_expiry_tell(st, &s->o.common);
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
    while (rc == DF_OK && s->loads) {
        rc = sink_poll(self, st, timeout_ms < WAIT_MS ? timeout_ms : WAIT_MS);
        if (rc == DF_OK && s->loads && df__kafka_clock_ms() >= limit)
            return DF_AGAIN;
    }
    return rc;
}

static int sink_probe(void *self, df_stage *st)
{
    df__kafka_sink *s = self;
    df__kafka_look look = {.o = s->o.common, .st = st, .may_miss = s->o.create != NULL};
    s->st = st;
    int rc = df__kafka_encoder_probe(s);
    look.registry = s->o.format.registry != NULL;
    return rc == DF_OK ? df__kafka_probe(&look) : rc;
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
