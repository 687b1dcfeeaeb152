/* SPDX-License-Identifier: Apache-2.0
 * deliver.c: parcels on their way to the brokers: each record is handed to the client, what a
 * broker refuses sent again without the record that is to blame. A parcel settles when the last of
 * its delivery reports is in.
 */
#include <string.h>

#include "client.h"
#include "deliver.h"
#include "encode.h"
#include "reports.h"
#include "topics.h"
#include "util/crashpoint.h"

enum { AGAIN_START = 64, AGAIN_MOST = 512 }; /* records of a refused request sent at once */

/* ---- one record ------------------------------------------------------------------------------ */

/* What a record is sent with; key and payload are borrowed. */
typedef struct letter {
    df__kafka_sink_topic *topic;
    df_bytes key, payload;
    rd_kafka_headers_t *headers; /* NULL: none */
    const char *why;             /* it cannot be sent */
} letter;

/* What the option `format` makes of it. */
static int write_value(df__kafka_sink *s, const df__kafka_place *at, letter *l)
{
    df__kafka_letter_value value = {{NULL, 0}, NULL};
    int rc = df__kafka_encode(s, at, df__kafka_sink_topic_name(l->topic), &value);
    l->payload = value.bytes;
    l->why = value.why;
    return rc;
}

/* An error record goes to its topic with what the refused one had. */
static int look_at_error(df__kafka_sink *s, const df__kafka_place *at, letter *ret)
{
    int rc = df_parcel_payload(at->parcel, at->index, &ret->payload);
    if (rc == DF_OK)
        rc = df__kafka_sink_topic_of(s, s->o.error_topic, &ret->topic, &ret->why);
    if (rc == DF_OK)
        rc = df_record_key(df_parcel_at(at->parcel, at->index), &ret->key);
    return rc == DF_OK ? df__kafka_own_headers(at, &ret->headers) : rc;
}

static int look_at_record(df__kafka_sink *s, const df__kafka_place *at, letter *ret)
{
    df_bytes name = {NULL, 0};
    int rc = !s->coder ? df_parcel_payload(at->parcel, at->index, &ret->payload) : DF_OK;
    if (rc == DF_OK && s->o.topic_from.len > 0)
        rc = df__kafka_topic_from(s, at, &name);
    if (rc == DF_OK)
        rc = df__kafka_sink_topic_of(s, name, &ret->topic, &ret->why);
    int is_delete = s->o.tombstones && df__kafka_is_delete(at);
    if (rc == DF_OK && s->coder && !is_delete)
        rc = write_value(s, at, ret);
    if (rc == DF_OK)
        rc = df__kafka_headers(s, at, &ret->headers);
    if (rc == DF_OK)
        rc = df__kafka_key(s, at, &ret->key);
    if (rc != DF_OK && ret->headers)
        rd_kafka_headers_destroy(ret->headers);
    if (rc == DF_OK && is_delete)
        ret->payload = (df_bytes){NULL, 0};
    return rc;
}

/* DF_EDATA: the record is at fault, `why` tells; DF_ETOOBIG: it is too large to look into. */
static int look(df__kafka_sink *s, const df__kafka_place *at, letter *ret)
{
    return s->o.error_topic.len > 0 && df_parcel_is_error(at->parcel, at->index)
               ? look_at_error(s, at, ret)
               : look_at_record(s, at, ret);
}

static void note_waiting(df__kafka_sink *s, df__kafka_load *load, size_t index)
{
    load->items[index].load = load;
    load->states[index] = DF__KAFKA_REPORT_WAITING;
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
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT,
                             .u.rkt = df__kafka_sink_topic_handle(l->topic)};
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE,
                             .u.mem = {(void *)(uintptr_t)l->payload.data, l->payload.len}};
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY,
                             .u.mem = {(void *)(uintptr_t)l->key.data, l->key.len}};
    v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = &load->items[index]};
    if (info.time_us > 0)
        v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = info.time_us / 1000};
    if (l->headers)
        v[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = l->headers};
    rd_kafka_error_t *error = rd_kafka_produceva(s->rk, v, n);
    if (!error) {
        note_waiting(s, load, index);
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return err;
}

void df__kafka_refuse(df__kafka_load *load, size_t index, rd_kafka_resp_err_t err)
{
    load->named++;
    (void)df_parcel_reject(load->parcel, index,
                           err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? "too_large"
                                                                       : "invalid_data",
                           rd_kafka_err2str(err));
    load->states[index] = DF__KAFKA_REPORT_DELIVERED; /* ended here */
}

/* It could not be made ready. */
static int put_aside(df__kafka_load *load, size_t index, const char *why)
{
    if (!why) {
        df__kafka_refuse(load, index, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
        return DF_OK;
    }
    load->named++;
    load->states[index] = DF__KAFKA_REPORT_DELIVERED; /* ended here */
    return df_parcel_reject(load->parcel, index, "invalid_data", why);
}

/* What the client did not take. */
static int not_taken(df__kafka_sink *s, df__kafka_load *load, size_t index, const letter *l,
                     rd_kafka_resp_err_t err)
{
    if (err == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a message");
    if (df__kafka_is_refusal(err)) {
        df__kafka_refuse(load, index, err);
        return DF_OK;
    }
    if (err == RD_KAFKA_RESP_ERR__STATE && s->txn.id)
        return DF_DONE;
    df__kafka_report_error(s, df__kafka_sink_topic_name(l->topic), err);
    return df__kafka_raise(&s->failure, s->st);
}

/* A full queue is back-pressure: reports make room. */
int df__kafka_send_record(df__kafka_sink *s, df__kafka_load *load, size_t index)
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
    if (err && l.headers) /* taken over only on success */
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
        if (load->states[i] != DF__KAFKA_REPORT_REFUSED)
            continue;
        rc = df__kafka_send_record(s, load, i);
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
        if (load->states[i] != DF__KAFKA_REPORT_REFUSED) {
            i++;
            continue;
        }
        rc = send_some(s, load, i, n, &sent);
        if (rc != DF_OK)
            break;
        if (load->refused == 0)
            n = n < AGAIN_MOST ? n * 2 : n;
        else if (sent > 1)
            n = sent / 2;
        else
            df__kafka_refuse(load, i, load->reason);
    }
    load->refused = 0;
    return rc;
}

static void settle_done(df__kafka_sink *s)
{
    df__kafka_load **at = &s->loads;
    while (*at) {
        df__kafka_load *load = *at;
        if (load->waiting > 0 || load->refused > 0 || load->writing) {
            at = &load->next;
            continue;
        }
        *at = load->next;
        if (s->loads_end == &load->next)
            s->loads_end = at;
        s->after_halt |= load->halted_count > 0;
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
        while (i < load->count && load->states[i] == DF__KAFKA_REPORT_DELIVERED)
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
    if (!load)
        return NULL;
    memset(load, 0, sizeof *load);
    load->parcel = parcel;
    load->count = count;
    load->items = df_parcel_alloc(parcel, count * (sizeof *load->items + 2));
    if (!load->items)
        return NULL;
    load->states = (unsigned char *)(load->items + count);
    load->wanted = load->states + count;
    memset(load->states, DF__KAFKA_REPORT_UNKNOWN, count);
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

/* ---- without an error sink ------------------------------------------------------------------- */

static const char *partition_of(const df__kafka_load *load, size_t index)
{
    df_info info = {.size = sizeof info};
    int rc = df_record_info(df_parcel_at(load->parcel, index), &info);
    return rc == DF_OK && info.partition != NULL ? info.partition : "";
}

/* Without an error sink a refused record ends the run, and the next run begins with it. So the
 * records after it in its partition are not written: each start would write them again. */
static int halt(df__kafka_sink *s, df__kafka_load *load, size_t index)
{
    if (!load->halted)
        load->halted = df_parcel_alloc(load->parcel, load->count * sizeof *load->halted);
    if (!load->halted)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a parcel");
    load->halted[load->halted_count++] = partition_of(load, index);
    s->halting = 1;
    return DF_OK;
}

static int is_halted(const df__kafka_load *load, size_t index)
{
    const char *name = load->halted_count > 0 ? partition_of(load, index) : NULL;
    for (size_t i = 0; i < load->halted_count; i++)
        if (strcmp(load->halted[i], name) == 0)
            return 1;
    return 0;
}

static int leave(df__kafka_load *load, size_t index)
{
    load->named++;
    load->states[index] = DF__KAFKA_REPORT_DELIVERED; /* ended here */
    return df_parcel_reject(load->parcel, index, "context_canceled",
                            "not written: one before it in its partition was refused");
}

static int send_or_leave(df__kafka_sink *s, df__kafka_load *load, size_t index)
{
    size_t named = load->named;
    if (is_halted(load, index))
        return leave(load, index);
    int rc = df__kafka_send_record(s, load, index);
    return rc == DF_OK && s->stops && load->named > named ? halt(s, load, index) : rc;
}

int df__kafka_deliver(df__kafka_sink *s, df_parcel *parcel)
{
    df__kafka_serve(s, 0);
    int rc = df__kafka_advance(s); /* refused records of earlier parcels come first */
    if (rc != DF_OK)
        return rc;
    if (s->after_halt) { /* the core gave us this one before it knew what was refused */
        s->after_halt = 0;
        return DF_AGAIN;
    }
    if (s->halting && s->loads) { /* once they have settled, the core skips the rest */
        rc = df__kafka_reports(s);
        return rc == DF_OK ? DF_AGAIN : rc;
    }
    df__kafka_load *load = df__kafka_add_load(s, parcel);
    if (!load)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a parcel");
    for (size_t i = 0; i < load->count && rc == DF_OK; i++)
        rc = send_or_leave(s, load, i);
    if (rc != DF_OK)
        return give_up(s, rc);
    load->writing = 0;
    return DF_PENDING;
}
