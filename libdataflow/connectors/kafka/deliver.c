/* SPDX-License-Identifier: Apache-2.0
 * deliver.c: parcels on their way to the brokers: each record is handed to the client, its delivery
 * report taken, what a broker refuses sent again without the culprit. A parcel settles when the
 * last of its reports is in.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "kafka.h"
#include "util/crashpoint.h"

enum { WAIT_MS = 200, PURGE_MS = 5000 };
enum { AGAIN_START = 64, AGAIN_MOST = 512 }; /* records of a refused request sent at once */
enum {
    WAITING = DF__KAFKA_WAITING,
    DELIVERED = DF__KAFKA_DELIVERED,
    REFUSED = DF__KAFKA_REFUSED,
    UNKNOWN = DF__KAFKA_UNKNOWN
};

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

static void report_error(df__kafka_sink *s, const char *topic, rd_kafka_resp_err_t err)
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
        load->states[index] = DELIVERED;
    } else if (is_refusal(m->err)) {
        load->states[index] = REFUSED;
        load->refused++;
        load->reason = m->err;
    } else {
        load->states[index] = UNKNOWN;
        report_error(s, rd_kafka_topic_name(m->rkt), m->err);
    }
}

static void client_error(df__kafka_sink *s, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    df__kafka_said said = {.o = &s->o.common, .text = rd_kafka_event_error_string(event)};
    df__kafka_rule rule = df__kafka_rule_said(s->rk, err, &said);
    if (rule.status != DF_OK)
        df__kafka_fail(&s->failure, rule.status, rule.reason, "topic %s: %s",
                       (const char *)s->o.common.topic.data, said.words);
    else
        df__kafka_warn(s->st, &s->o.common, &s->gates, err, rd_kafka_event_error_string(event));
}

void df__kafka_serve(df__kafka_sink *s, int timeout_ms)
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

void df__kafka_purge(df__kafka_sink *s)
{
    int64_t limit = df__kafka_clock_ms() + PURGE_MS;
    (void)rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    do
        df__kafka_serve(s, s->under_way > 0 ? 20 : 0);
    while ((s->under_way > 0 || rd_kafka_outq_len(s->rk) > 0) && df__kafka_clock_ms() < limit);
}

/* ---- one record ------------------------------------------------------------------------------ */

/* What a record is sent with; key and payload are borrowed. */
typedef struct letter {
    df__kafka_goal *goal;
    df_bytes key, payload;
    rd_kafka_headers_t *headers; /* NULL: none */
    const char *why;             /* it cannot be sent */
} letter;

/* DF_EDATA: the record is at fault, `why` tells; DF_ETOOBIG: it is too large to look into. */
static int look(df__kafka_sink *s, const df__kafka_place *at, letter *ret)
{
    df_bytes name = {NULL, 0};
    int rc = df_parcel_payload(at->parcel, at->index, &ret->payload);
    if (rc == DF_OK && s->o.topic_from.len > 0)
        rc = df__kafka_topic_name(s, at, &name);
    if (rc == DF_OK)
        rc = df__kafka_goal_of(s, name, &ret->goal, &ret->why);
    if (rc == DF_OK)
        rc = df__kafka_headers(s, at, &ret->headers);
    if (rc == DF_OK)
        rc = df__kafka_key(s, at, &ret->key);
    if (rc != DF_OK && ret->headers != NULL)
        rd_kafka_headers_destroy(ret->headers);
    if (rc == DF_OK && s->o.tombstones && df__kafka_is_delete(at))
        ret->payload = (df_bytes){NULL, 0};
    return rc;
}

static void note_waiting(df__kafka_sink *s, df__kafka_load *load, size_t index)
{
    load->items[index].load = load;
    load->states[index] = WAITING;
    load->waiting++;
    s->under_way++;
}

/* Hands a record to the client, which has the headers then; the answer is the client's. */
static rd_kafka_resp_err_t produce(df__kafka_sink *s, df__kafka_load *load, size_t index,
                                   const letter *l)
{
    DF_CRASHPOINT("kafka.produce");
    df_info info = {.size = sizeof info};
    rd_kafka_vu_t v[8];
    size_t n = 0;
    if (df_record_info(df_parcel_at(load->parcel, index), &info) != DF_OK)
        return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = df__kafka_goal_topic(l->goal)};
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE,
                             .u.mem = {(void *)(uintptr_t)l->payload.data, l->payload.len}};
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY,
                             .u.mem = {(void *)(uintptr_t)l->key.data, l->key.len}};
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = &load->items[index]};
    if (info.time_us > 0)
        v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = info.time_us / 1000};
    if (l->headers != NULL)
        v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = l->headers};
    rd_kafka_error_t *error = rd_kafka_produceva(s->rk, v, n);
    if (error == NULL) {
        note_waiting(s, load, index);
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return err;
}

int df__kafka_reports(df__kafka_sink *s)
{
    int rc = df_stage_wait(s->st, s->fd, POLLIN, WAIT_MS);
    df__kafka_serve(s, 0);
    if (s->failure.status != DF_OK)
        return df__kafka_raise(&s->failure, s->st);
    return rc == DF_ECANCELED ? DF_ECANCELED : DF_OK;
}

void df__kafka_refuse(df__kafka_load *load, size_t index, rd_kafka_resp_err_t err)
{
    load->named++;
    (void)df_parcel_reject(load->parcel, index,
                           err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? "too_large"
                                                                       : "invalid_data",
                           rd_kafka_err2str(err));
    load->states[index] = DELIVERED; /* ended here */
}

/* It could not be made ready. */
static int put_aside(df__kafka_load *load, size_t index, const char *why)
{
    if (why == NULL) {
        df__kafka_refuse(load, index, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
        return DF_OK;
    }
    load->named++;
    load->states[index] = DELIVERED; /* ended here */
    return df_parcel_reject(load->parcel, index, "invalid_data", why);
}

/* What the client did not take. */
static int not_taken(df__kafka_sink *s, df__kafka_load *load, size_t index, const letter *l,
                     rd_kafka_resp_err_t err)
{
    if (err == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a message");
    if (is_refusal(err)) {
        df__kafka_refuse(load, index, err);
        return DF_OK;
    }
    if (err == RD_KAFKA_RESP_ERR__STATE && s->txn.id != NULL)
        return DF_DONE;
    report_error(s, df__kafka_goal_name(l->goal), err);
    return df__kafka_raise(&s->failure, s->st);
}

/* A full queue is back-pressure: reports make room. */
int df__kafka_place_record(df__kafka_sink *s, df__kafka_load *load, size_t index)
{
    const df__kafka_place at = {load->parcel, index};
    letter l = {.headers = NULL};
    rd_kafka_resp_err_t err;
    int rc = look(s, &at, &l);
    if (rc == DF_EDATA || rc == DF_ETOOBIG)
        return put_aside(load, index, rc == DF_EDATA ? l.why : NULL);
    if (rc == DF_ENOMEM)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a message");
    if (rc != DF_OK)
        return rc;
    while ((err = produce(s, load, index, &l)) == RD_KAFKA_RESP_ERR__QUEUE_FULL && rc == DF_OK)
        rc = df__kafka_reports(s);
    if (err && l.headers != NULL) /* taken over only on success */
        rd_kafka_headers_destroy(l.headers);
    return err && rc == DF_OK ? not_taken(s, load, index, &l, err) : rc;
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
        rc = df__kafka_place_record(s, load, i);
        sent++;
    }
    while (rc == DF_OK && load->waiting > 0)
        rc = df__kafka_reports(s);
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
            df__kafka_refuse(load, i, load->reason);
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
        rc = df__kafka_reports(s);
    for (df__kafka_load *load = s->loads; load != NULL && rc == DF_OK; load = load->next)
        if (load->refused > 0 && !load->writing)
            rc = write_again(s, load);
    return rc;
}

/* After a failure nothing may point into parcels; what is known to be delivered is settled. */
static int give_up(df__kafka_sink *s, int status)
{
    df__kafka_purge(s);
    for (df__kafka_load *load = s->loads; load != NULL; load = load->next) {
        size_t i = 0;
        while (i < load->count && load->states[i] == DELIVERED)
            i++;
        load->refused = i < load->count; /* not settled: the core sends it again */
    }
    settle_done(s);
    if (s->under_way > 0) { /* a request is half sent */
        df__kafka_fail(&s->failure, DF_EIO, "send_error", "topic %s: a request was given up",
                       (const char *)s->o.common.topic.data);
        df__kafka_destroy_client(s);
    }
    s->loads = NULL;
    s->loads_end = &s->loads;
    return status;
}

df__kafka_load *df__kafka_add_load(df__kafka_sink *s, df_parcel *parcel)
{
    size_t count = df_parcel_count(parcel);
    df__kafka_load *load = df_parcel_alloc(parcel, sizeof *load);
    if (load == NULL)
        return NULL;
    memset(load, 0, sizeof *load);
    load->parcel = parcel;
    load->count = count;
    load->items = df_parcel_alloc(parcel, count * (sizeof *load->items + 2));
    if (load->items == NULL)
        return NULL;
    load->states = (unsigned char *)(load->items + count);
    load->wanted = load->states + count;
    memset(load->states, UNKNOWN, count);
    load->writing = 1;
    *s->loads_end = load;
    s->loads_end = &load->next;
    return load;
}

int df__kafka_advance(df__kafka_sink *s)
{
    int rc = work(s);
    if (rc != DF_OK)
        return give_up(s, rc);
    settle_done(s);
    return DF_OK;
}

int df__kafka_deliver(df__kafka_sink *s, df_parcel *parcel)
{
    df__kafka_serve(s, 0);
    int rc = df__kafka_advance(s); /* refused records of earlier parcels come first */
    if (rc != DF_OK)
        return rc;
    df__kafka_load *load = df__kafka_add_load(s, parcel);
    if (load == NULL)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a parcel");
    for (size_t i = 0; i < load->count && rc == DF_OK; i++)
        rc = df__kafka_place_record(s, load, i);
    if (rc != DF_OK)
        return give_up(s, rc);
    load->writing = 0;
    return DF_PENDING;
}
