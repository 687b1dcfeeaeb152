/* SPDX-License-Identifier: Apache-2.0
 * read.c: what the client hands over: messages become records and marks, errors
 * have their consequences, group work and timers are served.
 */
#include <string.h>
#include <unistd.h>

#include "anew.h"
#include "assign.h"
#include "client/position.h"
#include "commit.h"
#include "errors.h"
#include "headers.h"
#include "mark.h"
#include "parts.h"
#include "read.h"
#include "types/decode.h"
#include "util/crashpoint.h"

enum { BAD_TRIES = 3, SILENCE_MS = 50, LEARN_MS = 60000, TURN_MS = 1000 };

/* ---- messages that are errors ---------------------------------------------------------------- */

void df__kafka_restart_at(df__kafka_source *s, df__kafka_part *p, int64_t offset)
{
    p->next = offset;
    p->state = DF__KAFKA_PART_RESTART;
    s->group.restart = 1;
}

/* The client skips a message set whose checksum is wrong and goes on: fetch it again. The offset
 * that librdkafka 2.0.2 asks for next is garbage then. When the broker refuses it the fetching
 * ends, and no seek reaches it: so the partition is assigned anew. */
static void broken_set(df__kafka_source *s, df__kafka_part *p, const rd_kafka_message_t *m)
{
    int64_t offset = p->next >= 0 ? p->next : m->offset;
    p->tries = p->bad == offset ? p->tries + 1 : 1;
    p->bad = offset;
    if (p->tries > BAD_TRIES) {
        df__kafka_fail(&s->failure, DF_ESTATE, "corrupt_message",
                       "topic %s partition %d offset %lld cannot be read, %d times: %s",
                       df__kafka_part_topic(p), (int)p->id, (long long)offset, p->tries,
                       rd_kafka_message_errstr(m));
        return;
    }
    df_stage_metric(s->st, DF__KAFKA_METRIC_REFETCHED, 1);
    df_stage_logf(s->st, DF_LOG_WARN, "topic %s partition %d offset %lld: %s; fetched again",
                  df__kafka_part_topic(p), (int)p->id, (long long)offset,
                  rd_kafka_message_errstr(m));
    df__kafka_restart_at(s, p, offset);
    s->group.reassign = 1;
}

static void out_of_range(df__kafka_source *s, df__kafka_part *p, const rd_kafka_message_t *m)
{
    if (p->bad >= 0 && p->bad == p->next && m->offset != p->next) { /* after a broken set */
        df__kafka_restart_at(s, p, p->next);
        s->group.reassign = 1;
        return;
    }
    df__kafka_out_of_range(s, p, rd_kafka_message_errstr(m));
}

static void touch(df__kafka_source *s, df__kafka_part *p)
{
    if (p->touched)
        return;
    p->touched = 1;
    p->touched_next = s->fetched.touched;
    s->fetched.touched = p;
}

/* The last offsets may be marks of transactions, or records of aborted ones: no consumer gets them,
 * and they are no lag. The position goes past them, so that the group's offset does too. */
static void reached_end(df__kafka_source *s, df__kafka_part *p, int64_t offset)
{
    int64_t to = s->bounded && offset > p->end ? p->end : offset; /* the rest was not read */
    p->all = offset;
    if (to > p->next && p->next >= 0 && !p->gap_tries) {
        p->next = to;
        touch(s, p);
    }
    if (s->bounded && offset >= p->end)
        p->reached = 1;
}

static void take_error(df__kafka_source *s, df__kafka_part *p, const rd_kafka_message_t *m)
{
    int ours = p != NULL && p->state == DF__KAFKA_PART_ON;
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (ours)
            reached_end(s, p, m->offset);
        break;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
        if (ours)
            broken_set(s, p, m);
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        if (ours)
            out_of_range(s, p, m);
        break;
    default:
        df__kafka_client_error(s, m->err, rd_kafka_message_errstr(m));
    }
}

/* ---- messages that are records --------------------------------------------------------------- */

static int take_headers(df__kafka_source *s, const rd_kafka_message_t *m, df_input *in)
{
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return DF_OK;
    return df__kafka_headers_take(s, headers, in);
}

/* After a cooperative rebalance messages may be missing before this one. Compaction and the marks
 * of transactions leave gaps as well: what is missing the last time too is not there. */
static int is_gap(df__kafka_source *s, df__kafka_part *p, int64_t offset)
{
    if (!p->gap_tries || p->next < 0 || offset == p->next || --p->gap_tries == 0) {
        p->gap_tries = 0;
        return 0;
    }
    df_stage_metric(s->st, DF__KAFKA_METRIC_REFETCHED, 1);
    df__kafka_restart_at(s, p, p->next);
    return 1;
}

static int is_wanted(df__kafka_source *s, df__kafka_part *p, const rd_kafka_message_t *m)
{
    if (!p || p->state != DF__KAFKA_PART_ON || m->offset < p->next) {
        df_stage_metric(s->st, DF__KAFKA_METRIC_REPEATED, 1);
        return 0;
    }
    if (is_gap(s, p, m->offset))
        return 0;
    p->reached |= s->bounded && m->offset >= p->end;
    return !s->bounded || m->offset < p->end;
}

/* DF_OK: added; DF_AGAIN: not wanted; DF_MORE: its schema is not known yet. */
static int add_record(df__kafka_source *s, df__kafka_part *p, const rd_kafka_message_t *m,
                      df_batch *into)
{
    rd_kafka_timestamp_type_t kind;
    df_record *record = NULL;
    df__kafka_reading how = {.program = NULL};
    if (!is_wanted(s, p, m))
        return DF_AGAIN;
    int reading = DF_OK;
    if (s->coder) {
        df__kafka_raw raw = df__kafka_raw_of(m);
        reading = df__kafka_reading_of(s->coder, &raw, &how);
    }
    s->fetched.held = reading == DF_AGAIN;
    if (reading != DF_OK && reading != DF_EDATA)
        return s->fetched.held ? DF_MORE : reading;
    int64_t time_ms = rd_kafka_message_timestamp(m, &kind);
    df_input in = {.size = sizeof in,
                   .payload = {m->payload, m->len},
                   .key = {m->key, m->key_len},
                   .time_us = time_ms > 0 ? time_ms * 1000 : 0,
                   .offset = m->offset,
                   .partition = df_partition_number(p->part)};
    int rc = take_headers(s, m, &in);
    if (rc == DF_OK)
        rc = df_batch_add(into, &in, &record);
    if (rc < 0)
        return rc;
    if (s->coder)
        df__kafka_read_value(s->coder, record, &how, reading);
    if (p->begin < 0) /* "the end" would be a later one when a rewind comes back to it */
        p->begin = m->offset;
    p->next = m->offset + 1;
    p->reached = s->bounded && p->next >= p->end;
#if RD_KAFKA_VERSION >= 0x020100ff
    p->epoch = rd_kafka_message_leader_epoch(m);
#endif
    touch(s, p);
    s->lag.mean += ((double)(m->len + m->key_len) - s->lag.mean) / 1024;
    return DF_OK;
}

/* One mark for each partition of the batch, after its last record. */
static int mark_touched(df__kafka_source *s, df_batch *into)
{
    DF_CRASHPOINT("kafka.read");
    int rc = DF_OK;
    for (df__kafka_part *p = s->fetched.touched; p != NULL; p = p->touched_next) {
        char text[64];
        df_bytes position = {text, df__kafka_position_write(text, sizeof text, p->next, p->epoch)};
        int one = df_batch_mark(into, p->part, position);
        p->touched = 0;
        if (one < 0)
            rc = one;
    }
    s->fetched.touched = NULL;
    return rc;
}

/* A topic is not deleted and made anew between two messages of it that come one at once after the
 * other: fetching would have been interrupted. Others may have had theirs meanwhile. */
static void note_silence(df__kafka_source *s, const df__kafka_part *p)
{
    int64_t *came = df__kafka_part_came(p->of);
    if (s->trust.came - *came > SILENCE_MS) {
        s->trust.sure_until = 0;
        s->trust.silent = s->exactly_once;
    }
    *came = s->trust.came;
}

static int take_message(df__kafka_source *s, df__kafka_part *p, const rd_kafka_message_t *m,
                        df_batch *into)
{
    if (!m->err)
        return add_record(s, p, m, into);
    take_error(s, p, m);
    return DF_OK;
}

/* Takes the next messages from the client when all were added. 0: there are none. */
static int refill(df__kafka_source *s)
{
    df__kafka_fetched *f = &s->fetched;
    if (f->at < f->have)
        return 1;
    ssize_t n = rd_kafka_consume_batch_queue(s->data, 0, f->messages, DF__KAFKA_FETCH);
    f->at = 0;
    f->have = n > 0 ? (size_t)n : 0;
    if (n <= 0)
        return 0;
    s->trust.came = df__kafka_clock_ms();
    s->trust.learn_until = s->trust.came + LEARN_MS;
    return 1;
}

/* The place past the marks of transactions is no end of records: it is marked by itself, in the
 * next read. A sink may begin a block that ends at a mark, and has to meet that mark again; behind
 * a record it does, but the end of a topic is another one by then. */
static int ends_behind_records(const df__kafka_source *s, const df__kafka_part *p,
                               const rd_kafka_message_t *m)
{
    return m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && s->exactly_once && p != NULL &&
           p->touched && m->offset > p->next;
}

/* The next message. DF_OK: it is a record of the batch; DF_AGAIN: it is none, and done with;
 * DF_MORE: it comes with the next read; or a failure, likewise. */
static int add_next(df__kafka_source *s, df_batch *into)
{
    rd_kafka_message_t *m = s->fetched.messages[s->fetched.at];
    if (!m) {
        s->fetched.at++;
        return DF_AGAIN;
    }
    df__kafka_part *p =
        !m->rkt ? NULL : df__kafka_part_known(s, rd_kafka_topic_name(m->rkt), m->partition);
    if (p && !m->err)
        note_silence(s, p);
    if (!df__kafka_trusts(s) || df_batch_room(into) == 0 || ends_behind_records(s, p, m))
        return DF_MORE;
    int rc = take_message(s, p, m, into);
    if (rc < 0 || rc == DF_MORE)
        return rc;
    rc = m->err ? DF_AGAIN : rc;
    rd_kafka_message_destroy(m);
    s->fetched.at++;
    return rc;
}

int df__kafka_add_waiting(df__kafka_source *s, df_batch *into, size_t *ret_added)
{
    int rc = DF_OK;
    *ret_added = 0;
    while (rc >= 0 && rc != DF_MORE && s->failure.status == DF_OK && refill(s)) {
        rc = add_next(s, into);
        *ret_added += rc == DF_OK;
    }
    if (*ret_added == 0 && s->fetched.touched)
        *ret_added = 1;
    int marked = mark_touched(s, into);
    return rc < 0 ? rc : marked;
}

/* ---- the control queue ----------------------------------------------------------------------- */

void df__kafka_serve_control(df__kafka_source *s)
{
    uint64_t events;
    rd_kafka_message_t *m;
    ssize_t n = read(s->fd, &events, sizeof events);
    (void)n; /* nothing to read is fine: the queues tell the truth */
    for (int i = 0; i < 1000 && (m = rd_kafka_consumer_poll(s->rk, 0)) != NULL; i++) {
        if (m->err)
            take_error(s, NULL, m);
        rd_kafka_message_destroy(m);
    }
    if (s->trust.doubt && df__kafka_gate_open(&s->trust.doubt_gate, TURN_MS))
        df__kafka_settle_doubt(s);
    df__kafka_learn(s);
    if (s->group.restart && s->failure.status == DF_OK)
        df__kafka_restart(s);
    if (s->group.forward_until != 0)
        df__kafka_forward_all(s);
    if (df__kafka_gate_open(&s->retry_gate, TURN_MS) && s->failure.status == DF_OK)
        (void)df__kafka_commit(s, 0); /* what failed or came while one was under way */
    df__kafka_mark_sync(s);
}
