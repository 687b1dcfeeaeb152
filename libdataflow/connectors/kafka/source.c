/* SPDX-License-Identifier: Apache-2.0
 * source.c: the operations of the source: reading, committing, going back. The prefetch of all
 * partitions comes through one data queue; group work and errors through the control queue.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "kafka.h"
#include "util/crashpoint.h"

enum { LAG_MS = 1000, LOOK_MS = 2000, WAKE_MS = 5, CLOSE_MS = 5000, JOIN_MS = 1000 };
enum { BAD_TRIES = 3, TROUBLE_MS = 120000, SILENCE_MS = 50, TELL_MS = 5000 };

static const char *topic_of(const df__kafka_source *s)
{
    return s->o.common.topic.data;
}

/* ---- check, open, close --------------------------------------------------------------------- */

/* What an aborted transaction wrote may be written again by another one. */
static void check_isolation(df_stage *st, const rd_kafka_conf_t *conf)
{
    char text[32] = "";
    size_t len = sizeof text;
    df_stage_info info = {.size = sizeof info};
    if (df_stage_describe(st, &info) == DF_OK && info.exactly_once &&
        rd_kafka_conf_get(conf, "isolation.level", text, &len) == RD_KAFKA_CONF_OK &&
        strcmp(text, "read_committed") != 0)
        (void)df_stage_problem(st, DF_ERROR, "properties.isolation.level",
                               "must be read_committed with exactlyOnce");
}

static int source_check(void *self, df_stage *st)
{
    const df__kafka_source *s = self;
    const df__kafka_source_options *o = &s->o;
    df__kafka_setup setup = {.st = st, .checking = 1};
    df__kafka_check_common(st, &o->common);
    if (o->format == 1)
        (void)df_stage_problem(st, DF_ERROR, "format", "avro is not supported yet");
    if (o->max_wait != DF_UNSET && o->read_timeout != DF_UNSET && o->read_timeout <= o->max_wait)
        (void)df_stage_problem(st, DF_ERROR, "netReadTimeout", "must be more than consumerMaxWait");
    if (df__kafka_setup_source(&setup, o) == DF_ENOMEM)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for the Kafka client");
    if (setup.conf != NULL) {
        check_isolation(st, setup.conf);
        rd_kafka_conf_destroy(setup.conf);
    }
    return DF_OK;
}

/* Any thread of the client. */
static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    df__kafka_source *s = rd_kafka_opaque(rk);
    df__kafka_line line = {facility, text};
    if (!df__kafka_tell_begin(rk))
        return;
    df__kafka_log(s->st, &s->gates, level, &line);
    df__kafka_tell_end();
}

static int is_trouble(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           err == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static int is_missing(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

/* A static member can fence itself: its old commit, held up by a lost connection, arrives after it
 * joined anew. Then it joins once more; a real double fences it again and stops it. */
static int fenced_itself(df__kafka_source *s)
{
    int64_t now = df__kafka_clock_ms();
    int once = now < s->trouble_until && now > s->fenced_until;
    s->fenced_until = now + TROUBLE_MS;
    return once;
}

/* Errors of the client as a whole. */
static void client_error(df__kafka_source *s, rd_kafka_resp_err_t err, const char *text)
{
    char fatal[256];
    df__kafka_said said = {.o = &s->o.common, .text = text};
    df__kafka_rule rule;
    if (s->failure.status != DF_OK)
        return;
    if (is_missing(err))
        df__kafka_doubt(s);
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        rule = df__kafka_rule_of(s->rk, err);
        err = rd_kafka_fatal_error(s->rk, fatal, sizeof fatal);
        said.text = fatal;
    }
    rule = df__kafka_rule_said(s->rk, err, &said);
    if (rule.status == DF_EFENCED && fenced_itself(s))
        rule.status = DF_EIO;
    if (is_trouble(err))
        s->trouble_until = df__kafka_clock_ms() + TROUBLE_MS;
    if (rule.status != DF_OK)
        df__kafka_fail(&s->failure, rule.status, rule.reason, "topic %s, group %s: %s", topic_of(s),
                       (const char *)s->o.group.data, said.words);
    else
        df__kafka_warn(s->st, &s->o.common, &s->gates, err, said.text);
}

static void error_cb(rd_kafka_t *rk, int err, const char *text, void *opaque)
{
    (void)rk;
    client_error(opaque, (rd_kafka_resp_err_t)err, text);
}

static int make_client(df__kafka_source *s, df_stage *st, uint64_t share)
{
    char text[256];
    df__kafka_setup setup = {.st = st, .share = share};
    if (df__kafka_setup_source(&setup, &s->o) != DF_OK)
        return setup.status == DF_ENOMEM ? df_stage_fail(st, DF_ENOMEM, NULL, "no memory")
                                         : setup.status;
    s->prefetch_bytes = df__kafka_setup_number(&setup, "queued.max.messages.kbytes") * 1024;
    s->prefetch_count = df__kafka_setup_number(&setup, "queued.min.messages");
    s->session_ms = df__kafka_setup_number(&setup, "session.timeout.ms");
    size_t len = sizeof text;
    s->sticky = rd_kafka_conf_get(setup.conf, "partition.assignment.strategy", text, &len) ==
                    RD_KAFKA_CONF_OK &&
                strstr(text, "cooperative") != NULL;
    rd_kafka_conf_set_opaque(setup.conf, s);
    rd_kafka_conf_set_log_cb(setup.conf, log_line);
    rd_kafka_conf_set_error_cb(setup.conf, error_cb);
    rd_kafka_conf_set_rebalance_cb(setup.conf, df__kafka_rebalance);
    rd_kafka_conf_set_offset_commit_cb(setup.conf, df__kafka_committed);
    s->rk = rd_kafka_new(RD_KAFKA_CONSUMER, setup.conf, text, sizeof text);
    setup.conf = s->rk != NULL ? NULL : setup.conf; /* the client has it now */
    df__kafka_setup_end(&setup);
    if (s->rk == NULL)
        return df__kafka_no_client(st, &s->o.common, text);
    (void)rd_kafka_poll_set_consumer(s->rk);
    return df__kafka_token_start(st, s->rk, &s->o.common);
}

/* One descriptor tells of both queues. */
static int make_queues(df__kafka_source *s, df_stage *st)
{
    static const uint64_t one = 1;
    s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    s->data = rd_kafka_queue_new(s->rk);
    s->control = rd_kafka_queue_get_consumer(s->rk);
    if (s->fd < 0 || s->data == NULL || s->control == NULL)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no descriptor or memory for the Kafka client");
    rd_kafka_queue_io_event_enable(s->data, s->fd, &one, sizeof one);
    rd_kafka_queue_io_event_enable(s->control, s->fd, &one, sizeof one);
    return DF_OK;
}

static int subscribe(df__kafka_source *s, df_stage *st)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    if (list == NULL)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory");
    rd_kafka_topic_partition_list_add(list, topic_of(s), RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(s->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err)
        return df_stage_failf(st, DF_EINVAL, "invalid_config", "cannot subscribe to %s: %s",
                              topic_of(s), rd_kafka_err2str(err));
    s->subscribed = 1;
    return DF_OK;
}

static void tell_waiting(df__kafka_source *s)
{
    char until[16] = "";
    time_t end = time(NULL) + (s->session_ms + 999) / 1000;
    struct tm parts;
    if (gmtime_r(&end, &parts) != NULL)
        (void)strftime(until, sizeof until, "%H:%M:%SZ", &parts);
    df_stage_logf(s->st, DF_LOG_WARN,
                  "topic %s: waiting for the group %s: a member that died holds its partitions "
                  "until %s, or another one has not given back its own yet%s",
                  topic_of(s), (const char *)s->o.group.data, until,
                  s->o.instance.len > 0 ? "" : "; with instanceId a restart has its own at once");
}

static void serve_control(df__kafka_source *s);

/* Not open, and so not ready, before the group has let this member in. A topic that does not exist
 * is waited for by reading. */
static int wait_for_group(df__kafka_source *s, df_stage *st)
{
    int64_t begin = df__kafka_clock_ms();
    int told = 0;
    for (;;) {
        serve_control(s);
        if (s->failure.status != DF_OK)
            return df__kafka_raise(&s->failure, st);
        if (s->joined || s->doubt)
            return DF_OK;
        if (!told && df__kafka_clock_ms() - begin >= TELL_MS) {
            tell_waiting(s);
            told = 1;
        }
        if (df_stage_wait(st, s->fd, POLLIN, 500) == DF_ECANCELED || df_stage_stopping(st))
            return DF_ECANCELED;
    }
}

static int join(df__kafka_source *s, df_stage *st)
{
    int rc;
    df_stage_waits(st, "the group");
    rc = wait_for_group(s, st);
    df_stage_waits(st, NULL);
    return rc;
}

/* Before the group is joined: only errors can be told. */
static void serve_open(void *self)
{
    df__kafka_source *s = self;
    rd_kafka_message_t *m;
    for (int i = 0; i < 1000 && (m = rd_kafka_consumer_poll(s->rk, 0)) != NULL; i++) {
        if (m->err)
            client_error(s, m->err, rd_kafka_message_errstr(m));
        rd_kafka_message_destroy(m);
    }
}

static int reach_broker(df__kafka_source *s, df_stage *st)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(s->rk, topic_of(s), NULL);
    df__kafka_reach reach = {st, s->rk, topic, &s->o.common, &s->failure, serve_open, s};
    if (topic == NULL)
        return df_stage_failf(st, DF_EINVAL, "invalid_config", "%s: not a name of a topic",
                              topic_of(s));
    int rc = df__kafka_reach_broker(&reach);
    rd_kafka_topic_destroy(topic);
    return rc;
}

static int source_open(void *self, df_stage *st)
{
    df__kafka_source *s = self;
    df_stage_info info = {.size = sizeof info};
    int rc = df_stage_describe(st, &info);
    s->st = st;
    s->fd = -1;
    s->failure.status = DF_OK;
    s->joined = s->closing = s->revoking = s->restart = s->committing = 0;
    s->reassign = s->doubt = s->subscribed = 0;
    s->forward_until = 0;
    if (rc != DF_OK)
        return rc;
    s->bounded = info.bounded;
    s->exactly_once = info.exactly_once;
    s->dry = info.dry;
    rc = make_client(s, st, info.memory_share);
    if (rc == DF_OK)
        rc = make_queues(s, st);
    if (rc == DF_OK)
        rc = reach_broker(s, st);
    if (rc == DF_OK && s->bounded && !s->ends_known)
        rc = df__kafka_take_ends(s);
    s->falls_asleep = rd_kafka_version() < 0x020200ff;
    if (rc == DF_OK)
        s->wake = df__kafka_wake_start(st, s->rk, topic_of(s)); /* only slower without */
    if (rc == DF_OK && s->exactly_once)
        rc = df__kafka_owner_open(s);
    if (rc == DF_OK)
        rc = subscribe(s, st);
    if (rc == DF_OK)
        rc = join(s, st);
    return rc;
}

static void drop_queues(df__kafka_source *s)
{
    rd_kafka_queue_t *queues[2] = {s->control, s->data};
    for (; s->at < s->have; s->at++)
        if (s->messages[s->at] != NULL)
            rd_kafka_message_destroy(s->messages[s->at]);
    s->at = s->have = 0;
    for (int i = 0; i < 2; i++) {
        if (queues[i] == NULL)
            continue;
        rd_kafka_queue_io_event_enable(queues[i], -1, NULL, 0);
        rd_kafka_queue_destroy(queues[i]);
    }
    s->control = s->data = NULL;
}

static void last_commit(df__kafka_source *s)
{
    for (size_t i = 0; s->committing && i < s->part_cap; i++) /* the answer is not in */
        if (s->parts[i] != NULL)
            s->parts[i]->sent = -1;
    if (s->failure.status == DF_EFENCED)
        return;
    int before = s->failure.status;
    (void)df__kafka_commit(s, CLOSE_MS);
    if (before == DF_OK && s->failure.status != DF_OK) /* nobody reads any more */
        df_stage_logf(s->st, DF_LOG_ERROR, "%s", s->failure.text);
}

/* From JoinGroup to the first assignment, destroying the client ends the process before librdkafka
 * 2.3.0: an assertion about the state of the sticky assignor. */
static int must_keep(const df__kafka_source *s)
{
    return s->sticky && s->subscribed && !s->joined && rd_kafka_version() < 0x020300ff;
}

static void source_close(void *self, df_stage *st)
{
    df__kafka_source *s = self;
    if (s->wake != NULL)
        df__kafka_wake_stop(s->wake);
    s->wake = NULL;
    if (s->rk != NULL)
        last_commit(s);
    drop_queues(s);
    free(s->owner);
    s->owner = NULL;
    df__kafka_token_stop(&s->o.common);
    s->closing = 1;
    if (s->rk != NULL)
        df__kafka_let_go(st, s->rk, s->joined ? CLOSE_MS : JOIN_MS, must_keep(s));
    s->rk = NULL;
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
    for (size_t i = 0; i < s->part_cap; i++)
        if (s->parts[i] != NULL)
            s->parts[i]->state = DF__KAFKA_OFF;
}

/* ---- messages that are errors ---------------------------------------------------------------- */

static void restart_at(df__kafka_source *s, df__kafka_part *p, int64_t offset)
{
    p->next = offset;
    p->state = DF__KAFKA_RESTART;
    s->restart = 1;
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
                       topic_of(s), (int)p->id, (long long)offset, p->tries,
                       rd_kafka_message_errstr(m));
        return;
    }
    df_stage_metric(s->st, DF__KAFKA_REFETCHED, 1);
    df_stage_logf(s->st, DF_LOG_WARN, "topic %s partition %d offset %lld: %s; fetched again",
                  topic_of(s), (int)p->id, (long long)offset, rd_kafka_message_errstr(m));
    restart_at(s, p, offset);
    s->reassign = 1;
}

static void out_of_range(df__kafka_source *s, df__kafka_part *p, const rd_kafka_message_t *m)
{
    if (p->bad >= 0 && p->bad == p->next && m->offset != p->next) { /* after a broken set */
        restart_at(s, p, p->next);
        s->reassign = 1;
        return;
    }
    df__kafka_out_of_range(s, p, rd_kafka_message_errstr(m));
}

/* The last offsets may be marks of transactions, or records of aborted ones: nobody reads them, and
 * they are no lag. */
static void reached_end(df__kafka_source *s, df__kafka_part *p, int64_t offset)
{
    p->all = offset;
    if (s->bounded && offset >= p->end)
        p->reached = 1;
}

static void take_error(df__kafka_source *s, df__kafka_part *p, const rd_kafka_message_t *m)
{
    int ours = p != NULL && p->state == DF__KAFKA_ON;
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
        client_error(s, m->err, rd_kafka_message_errstr(m));
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
    df_stage_metric(s->st, DF__KAFKA_REFETCHED, 1);
    restart_at(s, p, p->next);
    return 1;
}

/* DF_OK: added; DF_AGAIN: not wanted. */
static int add_record(df__kafka_source *s, df__kafka_part *p, const rd_kafka_message_t *m,
                      df_batch *into)
{
    rd_kafka_timestamp_type_t kind;
    if (p == NULL || p->state != DF__KAFKA_ON || m->offset < p->next) {
        df_stage_metric(s->st, DF__KAFKA_REPEATED, 1);
        return DF_AGAIN;
    }
    if (is_gap(s, p, m->offset))
        return DF_AGAIN;
    if (s->bounded && m->offset >= p->end) {
        p->reached = 1;
        return DF_AGAIN;
    }
    int64_t time_ms = rd_kafka_message_timestamp(m, &kind);
    df_input in = {.size = sizeof in,
                   .payload = {m->payload, m->len},
                   .key = {m->key, m->key_len},
                   .time_us = time_ms > 0 ? time_ms * 1000 : 0,
                   .offset = m->offset,
                   .partition = df_partition_number(p->part)};
    int rc = take_headers(s, m, &in);
    if (rc == DF_OK)
        rc = df_batch_add(into, &in, NULL);
    if (rc < 0)
        return rc;
    if (p->begin < 0) /* "the end" would be a later one when a rewind comes back to it */
        p->begin = m->offset;
    p->next = m->offset + 1;
    p->reached = s->bounded && p->next >= p->end;
#if RD_KAFKA_VERSION >= 0x020100ff
    p->epoch = rd_kafka_message_leader_epoch(m);
#endif
    if (!p->touched) {
        p->touched = 1;
        p->touched_next = s->touched;
        s->touched = p;
    }
    s->mean += ((double)(m->len + m->key_len) - s->mean) / 1024;
    return DF_OK;
}

/* One mark for each partition of the batch, after its last record. */
static int mark_touched(df__kafka_source *s, df_batch *into)
{
    DF_CRASHPOINT("kafka.read");
    int rc = DF_OK;
    for (df__kafka_part *p = s->touched; p != NULL; p = p->touched_next) {
        char text[64];
        df_bytes position = {text, df__kafka_position_write(text, sizeof text, p->next, p->epoch)};
        int one = df_batch_mark(into, p->part, position);
        p->touched = 0;
        if (one < 0)
            rc = one;
    }
    s->touched = NULL;
    return rc;
}

/* A topic is not deleted and made anew between two messages that come one at once after the other:
 * fetching would have been interrupted. */
static void note_silence(df__kafka_source *s)
{
    int64_t now = df__kafka_clock_ms();
    if (now - s->now > SILENCE_MS)
        s->sure_until = 0;
    s->now = now;
}

/* Adds what waits while there is room. *ret_added counts; the answer is a failure or DF_OK. */
static int add_waiting(df__kafka_source *s, df_batch *into, size_t *ret_added)
{
    int rc = DF_OK;
    *ret_added = 0;
    while (rc >= 0 && s->failure.status == DF_OK) {
        if (s->at == s->have) {
            ssize_t n = rd_kafka_consume_batch_queue(s->data, 0, s->messages, DF__KAFKA_FETCH);
            s->at = 0;
            s->have = n > 0 ? (size_t)n : 0;
            note_silence(s);
            if (n <= 0)
                break;
        }
        rd_kafka_message_t *m = s->messages[s->at];
        if (m == NULL) {
            s->at++;
            continue;
        }
        if (df_batch_room(into) == 0)
            break;
        size_t id = (size_t)m->partition;
        df__kafka_part *p = m->partition >= 0 && id < s->part_cap ? s->parts[id] : NULL;
        if (m->err)
            take_error(s, p, m);
        else
            rc = add_record(s, p, m, into);
        if (rc >= 0) { /* else it is added by the next read */
            *ret_added += !m->err && rc == DF_OK;
            rd_kafka_message_destroy(m);
            s->at++;
        }
    }
    int marked = mark_touched(s, into);
    return rc < 0 ? rc : marked;
}

/* ---- around reading -------------------------------------------------------------------------- */

static void serve_control(df__kafka_source *s)
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
    if (s->doubt && df__kafka_gate_open(&s->doubt_gate, LAG_MS))
        df__kafka_settle_doubt(s);
    if (s->restart && s->failure.status == DF_OK)
        df__kafka_restart(s);
    if (s->forward_until != 0)
        df__kafka_forward_all(s);
    if (df__kafka_gate_open(&s->retry_gate, LAG_MS) && s->failure.status == DF_OK)
        (void)df__kafka_commit(s, 0); /* what failed or came while one was under way */
}

/* What is known of a partition's first offset and its end; 0: nothing. */
static int bounds_of(df__kafka_source *s, const df__kafka_part *p, int64_t *low, int64_t *high)
{
    int64_t end = s->wake == NULL ? -1 : df__kafka_wake_end(s->wake, p->id);
    if (rd_kafka_get_watermark_offsets(s->rk, topic_of(s), p->id, low, high) || *high < 0)
        return 0;
    if (end > *high)
        *high = end;
    return 1;
}

/* The client's own count for each partition; also the targets of the wake-up thread. There is none
 * when all that exists has been fetched: the request would wait until an idle fetch has ended. */
static size_t count_lag(df__kafka_source *s)
{
    size_t lagging = 0, here = rd_kafka_queue_length(s->data) + (s->have - s->at);
    int64_t missing = 0;
    int tell = df__kafka_gate_open(&s->lag_gate, LAG_MS);
    if (s->target_cap < s->part_cap) {
        s->targets = df_stage_alloc(s->st, s->part_cap * sizeof *s->targets);
        s->target_cap = s->targets == NULL ? 0 : s->part_cap;
    }
    for (size_t i = 0; i < s->target_cap; i++) {
        df__kafka_part *p = s->parts[i];
        int64_t low, high;
        if (p == NULL || p->state != DF__KAFKA_ON || !bounds_of(s, p, &low, &high))
            continue;
        int64_t next = p->next >= 0 ? p->next : p->next == RD_KAFKA_OFFSET_END ? high : low;
        if (next < p->all)
            next = p->all;
        df_lag lag = {.size = sizeof lag, .newest_us = -1};
        lag.records = high > next ? high - next : 0;
        if (tell)
            df_partition_lag(p->part, &lag);
        if (lag.records > 0)
            s->targets[lagging++] = (df__kafka_target){p->id, next};
        missing += lag.records;
    }
    return missing > (int64_t)here ? lagging : 0;
}

/* The local queue is under a quarter of what the client may hold. */
static int runs_low(const df__kafka_source *s)
{
    double full = (double)s->prefetch_bytes / (s->mean < 1 ? 1 : s->mean);
    if (full > (double)s->prefetch_count)
        full = (double)s->prefetch_count;
    return (double)rd_kafka_queue_length(s->data) * 4 < full;
}

static void keep_fetching(df__kafka_source *s)
{
    int low = s->wake != NULL && runs_low(s);
    if (s->wake != NULL && !low && df__kafka_gate_open(&s->look_gate, LOOK_MS))
        df__kafka_wake_look(s->wake);
    low &= s->falls_asleep;
    if (low && df__kafka_gate_open(&s->wake_gate, WAKE_MS)) {
        size_t lagging = count_lag(s); /* may move the targets */
        df__kafka_wake_want(s->wake, s->targets, lagging);
    } else if (!low && s->falls_asleep && s->wake != NULL) {
        df__kafka_wake_want(s->wake, NULL, 0);
    }
    if (df__kafka_clock_ms() >= s->lag_gate.next)
        (void)count_lag(s);
}

/* Bounded runs: 1 when every partition of ours reached its end. Stopped partitions end the stage
 * when nothing else is left to do. */
static int all_reached(df__kafka_source *s)
{
    size_t parked = 0, open = 0, on = 0;
    const df__kafka_part *last = NULL;
    for (size_t i = 0; s->joined && i < s->part_cap; i++) {
        const df__kafka_part *p = s->parts[i];
        if (p == NULL || p->state == DF__KAFKA_OFF)
            continue;
        if (p->state == DF__KAFKA_PARKED) {
            parked++;
            last = p;
        } else {
            on++;
            open += !s->bounded || !p->reached;
        }
    }
    if (parked > 0 && open == 0)
        df__kafka_fail(&s->failure, DF_ESTATE, "offset_out_of_range",
                       "topic %s partition %d: offset %lld does not exist any more, and no other "
                       "partition is left; set onOffsetOutOfRange or the group's offset",
                       topic_of(s), (int)last->id, (long long)last->next);
    return s->bounded && s->joined && open == 0 && parked == 0;
}

static int read_once(df__kafka_source *s, df_batch *into)
{
    size_t added = 0;
    int rc = DF_AGAIN;
    serve_control(s);
    if (s->failure.status != DF_OK)
        return df__kafka_raise(&s->failure, s->st);
    if (df_batch_room(into) > 0) {
        rc = add_waiting(s, into, &added);
        if (rc < 0 && added == 0)
            return df_stage_fail(s->st, rc, NULL, "no memory for a record");
        rc = added > 0 ? DF_OK : DF_AGAIN;
        if (added == 0 && all_reached(s)) {
            (void)df__kafka_same_topic(s); /* later there is nobody to tell */
            rc = DF_DONE;
            s->lag_gate.next = 0; /* tell the lag once more */
            (void)count_lag(s);
        }
        if (added == 0 && s->failure.status != DF_OK)
            return df__kafka_raise(&s->failure, s->st);
    }
    keep_fetching(s);
    df__kafka_owner_tell(s, 0);
    return rc;
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df__kafka_source *s = self;
    int rc = read_once(s, into);
    if (rc != DF_AGAIN || timeout_ms <= 0)
        return rc;
    if (df_stage_wait(st, s->fd, POLLIN, timeout_ms) != DF_OK)
        return DF_AGAIN;
    return read_once(s, into);
}

static df__kafka_part *named(df__kafka_source *s, uint32_t number)
{
    for (size_t i = 0; i < s->part_cap; i++) {
        df__kafka_part *p = s->parts[i];
        if (p != NULL && p->part != NULL && p->state != DF__KAFKA_OFF &&
            df_partition_number(p->part) == number)
            return p;
    }
    return NULL;
}

static int source_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    df__kafka_source *s = self;
    for (size_t i = 0; i < count; i++) {
        const df_position *row =
            (const df_position *)(const void *)((const char *)rows + i * rows->size);
        df__kafka_part *p = named(s, row->partition);
        int64_t offset;
        int32_t epoch;
        if (p == NULL)
            continue;
        if (df__kafka_position_read(row->data, &offset, &epoch) != DF_OK)
            return df_stage_failf(st, DF_EINTERNAL, NULL, "not a position of %s: %.*s", topic_of(s),
                                  (int)(row->data.len > 80 ? 80 : row->data.len),
                                  (const char *)row->data.data);
        if (offset > p->acked) {
            p->lost = -1;
            p->acked = offset;
            p->acked_epoch = epoch;
        }
    }
    return s->revoking ? DF_OK : df__kafka_commit(s, 0);
}

static int source_seek(void *self, df_stage *st, const df_position *to)
{
    df__kafka_source *s = self;
    df__kafka_part *p = named(s, to->partition);
    int64_t offset;
    int32_t epoch;
    if (p == NULL)
        return DF_OK;  /* given back meanwhile */
    offset = p->begin; /* nothing settled yet */
    if (to->data.len > 0 && df__kafka_position_read(to->data, &offset, &epoch) != DF_OK)
        return df_stage_failf(st, DF_EINTERNAL, NULL, "not a position of %s: %.*s", topic_of(s),
                              (int)(to->data.len > 80 ? 80 : to->data.len),
                              (const char *)to->data.data);
    if (offset == p->lost) /* nothing settled since */
        offset = p->begin;
    df__kafka_discard(s, p->id);
    p->reached = 0;
    restart_at(s, p, offset);
    return DF_OK;
}

/* The leader epoch is left out: it only helps to notice a truncated log. */
static size_t source_before(void *self, const df_record *r, char *buf, size_t len)
{
    df_info about = {.size = sizeof about};
    (void)self;
    return df_record_info(r, &about) == DF_OK ? df__kafka_position_write(buf, len, about.offset, -1)
                                              : 0;
}

static int source_probe(void *self, df_stage *st)
{
    const df__kafka_source *s = self;
    df__kafka_look look = {.o = s->o.common, .st = st, .group = s->o.group.data};
    return df__kafka_probe(&look);
}

const df_source_ops df__kafka_source_ops = {
    .size = sizeof(df_source_ops),
    .check = source_check,
    .open = source_open,
    .read = source_read,
    .ack = source_ack,
    .seek = source_seek,
    .close = source_close,
    .before = source_before,
    .probe = source_probe,
    .offsets = df__kafka_offsets,
    .set_offsets = df__kafka_set_offsets,
};
