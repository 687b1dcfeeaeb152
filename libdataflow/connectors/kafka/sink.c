/* SPDX-License-Identifier: Apache-2.0
 * sink.c: the operations of the sink. Payloads stay in the parcel; a parcel settles when the
 * last of its delivery reports is in. Transient faults never surface: the client keeps trying.
 */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kafka.h"
#include "util/crashpoint.h"

enum { WAIT_MS = 200, PURGE_MS = 5000, LET_GO_MS = 3000 };
enum { AGAIN_START = 64, AGAIN_MOST = 512 };   /* records of a refused request sent at once */
enum { WAITING, DELIVERED, REFUSED, UNKNOWN }; /* what the report of a record said */

/* What the sink keeps of a parcel. The opaque of a message is the address of its item. */
typedef struct item {
    df__kafka_load *load;
} item;
struct df__kafka_load {
    df__kafka_load *next;
    df_parcel *parcel;
    item *items;
    unsigned char *states;
    size_t count, waiting, refused;
    rd_kafka_resp_err_t reason; /* of the last refusal */
    int writing;                /* still inside write */
};

static const char *topic_of(const df__kafka_sink *s)
{
    return s->o.common.topic.data;
}

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

static int make_client(df__kafka_sink *s, df_stage *st, uint64_t share)
{
    char text[256];
    df__kafka_setup setup = {.st = st, .share = share};
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
    return DF_OK;
}

static void serve(df__kafka_sink *s, int timeout_ms);

static void serve_open(void *self)
{
    serve(self, 0);
}

static int sink_open(void *self, df_stage *st)
{
    static const uint64_t one = 1;
    df__kafka_sink *s = self;
    df_stage_info info = {.size = sizeof info};
    int rc = df_stage_describe(st, &info);
    s->st = st;
    s->fd = -1;
    s->failure.status = DF_OK;
    s->loads = NULL;
    s->loads_end = &s->loads;
    s->under_way = 0;
    if (rc != DF_OK)
        return rc;
    if (s->o.acks > 0)
        return df_stage_fail(st, DF_ENOTSUP, "invalid_config", "requiredAcks must be all");
    rc = df__kafka_address(s, st);
    if (rc == DF_OK)
        rc = make_client(s, st, info.memory_share);
    if (rc != DF_OK)
        return rc;
    s->topic = rd_kafka_topic_new(s->rk, topic_of(s), NULL);
    if (s->topic == NULL)
        return df_stage_failf(st, DF_EINVAL, "invalid_config", "%s: %s", topic_of(s),
                              rd_kafka_err2str(rd_kafka_last_error()));
    s->queue = rd_kafka_queue_get_main(s->rk);
    s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->queue == NULL || s->fd < 0)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no descriptor or memory for the Kafka client");
    rd_kafka_queue_io_event_enable(s->queue, s->fd, &one, sizeof one);
    df__kafka_reach reach = {st, s->rk, s->topic, &s->o.common, &s->failure, serve_open, s};
    return df__kafka_reach_broker(&reach);
}

/* ---- delivery reports ------------------------------------------------------------------------ */

/* Refusals that concern records, not the connection. The broker refuses the whole request, so
 * its neighbours are named as well: see write_again. */
static int is_refusal(rd_kafka_resp_err_t err)
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

static void report_error(df__kafka_sink *s, rd_kafka_resp_err_t err)
{
    df__kafka_rule rule = df__kafka_rule_of(s->rk, err);
    if (err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    if (rule.status != DF_OK)
        df__kafka_fail(&s->failure, rule.status, rule.reason, "topic %s: %s; %s", topic_of(s),
                       rd_kafka_err2str(err), rule.remedy);
    else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
             err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        df__kafka_fail(&s->failure, DF_EIO, "unknown_topic",
                       "topic %s does not exist on %s; create it, or correct the name", topic_of(s),
                       (const char *)s->o.common.brokers.data);
    else
        df__kafka_fail(&s->failure, DF_EIO, "send_error", "topic %s: %s", topic_of(s),
                       rd_kafka_err2str(err));
}

static void take_report(df__kafka_sink *s, const rd_kafka_message_t *m)
{
    DF_CRASHPOINT("kafka.report");
    item *it = m->_private;
    df__kafka_load *load = it->load;
    size_t index = (size_t)(it - load->items);
    s->under_way--;
    load->waiting--;
    if (!m->err) {
        load->states[index] = DELIVERED;
    } else if (is_refusal(m->err)) {
        load->states[index] = REFUSED;
        load->refused++;
        load->reason = m->err;
    } else {
        load->states[index] = UNKNOWN;
        report_error(s, m->err);
    }
}

static void client_error(df__kafka_sink *s, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    df__kafka_said said = {.o = &s->o.common, .text = rd_kafka_event_error_string(event)};
    df__kafka_rule rule = df__kafka_rule_said(s->rk, err, &said);
    if (rule.status != DF_OK)
        df__kafka_fail(&s->failure, rule.status, rule.reason, "topic %s: %s", topic_of(s),
                       said.words);
    else
        df__kafka_warn(s->st, &s->o.common, &s->gates, err, rd_kafka_event_error_string(event));
}

/* Takes all reports that wait; timeout_ms for the first. */
static void serve(df__kafka_sink *s, int timeout_ms)
{
    uint64_t events;
    rd_kafka_event_t *event;
    ssize_t n = read(s->fd, &events, sizeof events);
    (void)n; /* nothing to read is fine: the queue tells the truth */
    while ((event = rd_kafka_queue_poll(s->queue, timeout_ms)) != NULL) {
        const rd_kafka_message_t *m;
        timeout_ms = 0;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
            while ((m = rd_kafka_event_message_next(event)) != NULL)
                take_report(s, m);
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            client_error(s, event);
        rd_kafka_event_destroy(event);
    }
}

/* The client lets go of every message, and so of every byte of the parcels. */
static void purge(df__kafka_sink *s)
{
    int64_t limit = df__kafka_clock_ms() + PURGE_MS;
    (void)rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    do
        serve(s, s->under_way > 0 ? 20 : 0);
    while ((s->under_way > 0 || rd_kafka_outq_len(s->rk) > 0) && df__kafka_clock_ms() < limit);
}

static void destroy_client(df__kafka_sink *s)
{
    if (s->queue != NULL) {
        rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(s->queue);
    }
    if (s->topic != NULL)
        rd_kafka_topic_destroy(s->topic);
    if (s->rk != NULL)
        df__kafka_let_go(s->st, s->rk, LET_GO_MS, 0);
    s->queue = NULL;
    s->topic = NULL;
    s->rk = NULL;
}

static void sink_close(void *self, df_stage *st)
{
    df__kafka_sink *s = self;
    (void)st;
    if (s->rk != NULL && s->queue != NULL && (s->under_way > 0 || rd_kafka_outq_len(s->rk) > 0))
        purge(s); /* the client may be destroyed only when every report was taken */
    destroy_client(s);
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
    s->loads = NULL; /* what was not settled is sent again by the core */
    s->loads_end = &s->loads;
}

/* ---- one record ------------------------------------------------------------------------------ */

/* What a record is sent with. Headers before the key, which is borrowed. */
static rd_kafka_resp_err_t look(df__kafka_sink *s, const df__kafka_place *at, df_bytes *ret_key,
                                rd_kafka_headers_t **ret_headers)
{
    int rc = df__kafka_headers(s, at, ret_headers);
    if (rc == DF_OK)
        rc = df__kafka_key(s, at, ret_key);
    if (rc == DF_OK)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    if (*ret_headers != NULL)
        rd_kafka_headers_destroy(*ret_headers);
    return rc == DF_ETOOBIG ? RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
                            : RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
}

/* Hands record `index` to the client; the answer is the client's. */
static rd_kafka_resp_err_t produce(df__kafka_sink *s, df__kafka_load *load, size_t index)
{
    DF_CRASHPOINT("kafka.produce");
    const df__kafka_place at = {load->parcel, index};
    rd_kafka_headers_t *headers;
    df_bytes payload, key;
    df_info info = {.size = sizeof info};
    rd_kafka_vu_t v[8];
    size_t n = 0;
    if (df_parcel_payload(load->parcel, index, &payload) != DF_OK ||
        df_record_info(df_parcel_at(load->parcel, index), &info) != DF_OK)
        return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    rd_kafka_resp_err_t err = look(s, &at, &key, &headers);
    if (err)
        return err;
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = s->topic};
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE,
                             .u.mem = {(void *)(uintptr_t)payload.data, payload.len}};
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY,
                             .u.mem = {(void *)(uintptr_t)key.data, key.len}};
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = &load->items[index]};
    if (info.time_us > 0)
        v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = info.time_us / 1000};
    if (headers != NULL)
        v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
    rd_kafka_error_t *error = rd_kafka_produceva(s->rk, v, n);
    if (error != NULL) {
        err = rd_kafka_error_code(error);
        rd_kafka_error_destroy(error);
        if (headers != NULL) /* taken over only on success */
            rd_kafka_headers_destroy(headers);
        return err;
    }
    load->items[index].load = load;
    load->states[index] = WAITING;
    load->waiting++;
    s->under_way++;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Waits for reports. On a failure nothing of ours may stay in the client. */
static int wait_for_reports(df__kafka_sink *s)
{
    int rc = df_stage_wait(s->st, s->fd, POLLIN, WAIT_MS);
    serve(s, 0);
    if (s->failure.status != DF_OK)
        return df__kafka_raise(&s->failure, s->st);
    return rc == DF_ECANCELED ? DF_ECANCELED : DF_OK;
}

static void refuse(df__kafka_load *load, size_t index, rd_kafka_resp_err_t err)
{
    (void)df_parcel_reject(load->parcel, index,
                           err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? "too_large"
                                                                       : "invalid_data",
                           rd_kafka_err2str(err));
}

/* A full queue is back-pressure: reports make room. */
static int place(df__kafka_sink *s, df__kafka_load *load, size_t index)
{
    for (;;) {
        rd_kafka_resp_err_t err = produce(s, load, index);
        int rc = DF_OK;
        if (!err)
            return DF_OK;
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rc = wait_for_reports(s);
        } else if (is_refusal(err)) {
            load->states[index] = DELIVERED; /* ended here */
            refuse(load, index, err);
            return DF_OK;
        } else if (err == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE) {
            rc = df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a message");
        } else {
            report_error(s, err);
            rc = df__kafka_raise(&s->failure, s->st);
        }
        if (rc != DF_OK)
            return rc;
    }
}

/* ---- parcels --------------------------------------------------------------------------------- */

/* Sends at most n of the refused records from `from` on and waits; *ret_sent: how many. */
static int send_some(df__kafka_sink *s, df__kafka_load *load, size_t from, size_t n,
                     size_t *ret_sent)
{
    int rc = DF_OK;
    size_t sent = 0;
    load->refused = 0;
    for (size_t i = from; i < load->count && sent < n && rc == DF_OK; i++) {
        if (load->states[i] != REFUSED)
            continue;
        rc = place(s, load, i);
        sent++;
    }
    while (rc == DF_OK && load->waiting > 0)
        rc = wait_for_reports(s);
    *ret_sent = sent;
    return rc;
}

/* The broker refuses requests, not records: those of a refused request are sent again in fewer
 * and fewer at once, after everything else was reported. One that is refused alone is to blame. */
static int write_again(df__kafka_sink *s, df__kafka_load *load)
{
    size_t n = AGAIN_START, sent = 0;
    int rc = DF_OK;
    for (size_t i = 0; i < load->count && rc == DF_OK;) {
        if (load->states[i] != REFUSED) {
            i++;
            continue;
        }
        rc = send_some(s, load, i, n, &sent);
        if (rc != DF_OK)
            break;
        if (load->refused == 0) {
            n = n < AGAIN_MOST ? n * 2 : n;
        } else if (sent > 1) {
            n = sent / 2;
        } else {
            refuse(load, i, load->reason);
            load->states[i] = DELIVERED; /* ended here */
        }
    }
    load->refused = 0;
    return rc;
}

static void settle_done(df__kafka_sink *s)
{
    df__kafka_load **at = &s->loads;
    while (*at != NULL) {
        df__kafka_load *load = *at;
        if (load->waiting > 0 || load->refused > 0 || load->writing) {
            at = &load->next;
            continue;
        }
        *at = load->next;
        if (s->loads_end == &load->next)
            s->loads_end = at;
        df_stage_settle(s->st, load->parcel, DF_OK);
    }
}

static int work(df__kafka_sink *s)
{
    int refused = 0, rc = DF_OK;
    if (s->failure.status != DF_OK)
        return df__kafka_raise(&s->failure, s->st);
    for (df__kafka_load *load = s->loads; load != NULL; load = load->next)
        refused |= load->refused > 0;
    while (refused && rc == DF_OK && s->under_way > 0)
        rc = wait_for_reports(s);
    for (df__kafka_load *load = s->loads; load != NULL && rc == DF_OK; load = load->next)
        if (load->refused > 0 && !load->writing)
            rc = write_again(s, load);
    return rc;
}

/* After a failure nothing may point into parcels; what is known to be delivered is settled. */
static int give_up(df__kafka_sink *s, int status)
{
    purge(s);
    for (df__kafka_load *load = s->loads; load != NULL; load = load->next) {
        size_t i = 0;
        while (i < load->count && load->states[i] == DELIVERED)
            i++;
        load->refused = i < load->count; /* not settled: the core sends it again */
    }
    settle_done(s);
    if (s->under_way > 0) { /* a request is half sent */
        df__kafka_fail(&s->failure, DF_EIO, "send_error", "topic %s: a request was given up",
                       topic_of(s));
        destroy_client(s);
    }
    s->loads = NULL;
    s->loads_end = &s->loads;
    return status;
}

static df__kafka_load *add_load(df__kafka_sink *s, df_parcel *parcel)
{
    size_t count = df_parcel_count(parcel);
    df__kafka_load *load = df_parcel_alloc(parcel, sizeof *load);
    if (load == NULL)
        return NULL;
    memset(load, 0, sizeof *load);
    load->parcel = parcel;
    load->count = count;
    load->items = df_parcel_alloc(parcel, count * sizeof *load->items + count);
    if (load->items == NULL)
        return NULL;
    load->states = (unsigned char *)(load->items + count);
    memset(load->states, UNKNOWN, count);
    load->writing = 1;
    *s->loads_end = load;
    s->loads_end = &load->next;
    return load;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    df__kafka_sink *s = self;
    if (s->rk == NULL)
        return df__kafka_raise(&s->failure, st);
    serve(s, 0);
    int rc = work(s); /* refused records of earlier parcels come first */
    if (rc != DF_OK)
        return give_up(s, rc);
    settle_done(s);
    df__kafka_load *load = add_load(s, parcel);
    if (load == NULL)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a parcel");
    for (size_t i = 0; i < load->count && rc == DF_OK; i++)
        rc = place(s, load, i);
    if (rc != DF_OK)
        return give_up(s, rc);
    load->writing = 0;
    return DF_PENDING;
}

static int sink_poll(void *self, df_stage *st, int timeout_ms)
{
    df__kafka_sink *s = self;
    if (s->rk == NULL)
        return df__kafka_raise(&s->failure, st);
    serve(s, 0);
    if (timeout_ms > 0 && s->under_way > 0 && s->failure.status == DF_OK &&
        df_stage_wait(st, s->fd, POLLIN, timeout_ms) == DF_OK)
        serve(s, 0);
    int rc = work(s);
    if (rc != DF_OK)
        return give_up(s, rc);
    settle_done(s);
    return DF_OK;
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

const df_sink_ops df__kafka_sink_ops = {
    .size = sizeof(df_sink_ops),
    .check = sink_check,
    .open = sink_open,
    .write = sink_write,
    .poll = sink_poll,
    .flush = sink_flush,
    .close = sink_close,
};
