/* SPDX-License-Identifier: Apache-2.0
 * source.c: the operations of the source: opening, reading, committing, going
 * back. The prefetch of all partitions comes through one data queue; group work
 * and errors through the control queue.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "anew.h"
#include "assign.h"
#include "client/config.h"
#include "client/expiry.h"
#include "client/lacks.h"
#include "client/letgo.h"
#include "client/look.h"
#include "client/position.h"
#include "client/reach.h"
#include "client/security.h"
#include "client/token.h"
#include "commit.h"
#include "config.h"
#include "errors.h"
#include "lag.h"
#include "mark.h"
#include "offsets.h"
#include "owner.h"
#include "parts.h"
#include "read.h"
#include "source.h"
#include "start.h"
#include "topics.h"
#include "types/decode.h"
#include "util/crashpoint.h"

enum { CLOSE_MS = 5000, JOIN_MS = 1000, TELL_MS = 5000 };

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
    df__kafka_topics_check(st, o);
    df__kafka_start_check(st, o);
    df__kafka_format_check(st, &o->format);
    if (o->max_wait != DF_UNSET && o->read_timeout != DF_UNSET && o->read_timeout <= o->max_wait)
        (void)df_stage_problem(st, DF_ERROR, "netReadTimeout", "must be more than consumerMaxWait");
    if (df__kafka_setup_source(&setup, o) == DF_ENOMEM)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for the Kafka client");
    if (setup.conf) {
        check_isolation(st, setup.conf);
        rd_kafka_conf_destroy(setup.conf);
    }
    return DF_OK;
}

/* Any thread of the client. */
static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    df__kafka_source *s = rd_kafka_opaque(rk);
    df__kafka_line line = {level, facility, text};
    if (!df__kafka_tell_begin(rk))
        return;
    df__kafka_log(s->st, &s->o.common, &s->gates, &line);
    df__kafka_tell_end();
}

static void error_cb(rd_kafka_t *rk, int err, const char *text, void *opaque)
{
    (void)rk;
    df__kafka_client_error(opaque, (rd_kafka_resp_err_t)err, text);
}

static int make_client(df__kafka_source *s, df_stage *st, uint64_t share)
{
    char text[256];
    df__kafka_setup setup = {.st = st, .share = share};
    if (df__kafka_setup_source(&setup, &s->o) != DF_OK)
        return setup.status == DF_ENOMEM ? df_stage_fail(st, DF_ENOMEM, NULL, "no memory")
                                         : setup.status;
    s->lag.prefetch_bytes = df__kafka_setup_number(&setup, "queued.max.messages.kbytes") * 1024;
    s->lag.prefetch_count = df__kafka_setup_number(&setup, "queued.min.messages");
    s->group.session_ms = df__kafka_setup_number(&setup, "session.timeout.ms");
    size_t len = sizeof text;
    s->group.sticky = rd_kafka_conf_get(setup.conf, "partition.assignment.strategy", text, &len) ==
                          RD_KAFKA_CONF_OK &&
                      strstr(text, "cooperative") != NULL;
    df__kafka_expiry_begin(&s->o.common, &setup.dates);
    rd_kafka_conf_set_opaque(setup.conf, s);
    rd_kafka_conf_set_log_cb(setup.conf, log_line);
    rd_kafka_conf_set_error_cb(setup.conf, error_cb);
    rd_kafka_conf_set_rebalance_cb(setup.conf, df__kafka_rebalance);
    rd_kafka_conf_set_offset_commit_cb(setup.conf, df__kafka_committed);
    s->rk = rd_kafka_new(RD_KAFKA_CONSUMER, setup.conf, text, sizeof text);
    setup.conf = s->rk != NULL ? NULL : setup.conf; /* the client has it now */
    df__kafka_setup_end(&setup);
    if (!s->rk)
        return df__kafka_no_client(st, &s->o.common, text);
    (void)rd_kafka_poll_set_consumer(s->rk);
    return df__kafka_token_start(st, s->rk, &s->o.common);
}

/* One descriptor tells of both queues. */
static int make_queues(df__kafka_source *s, df_stage *st)
{
    static const uint64_t one = 1;
    s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->fd < 0) /* others may give theirs back */
        return df_stage_failf(st, DF_EIO, "transient", "no descriptor for the Kafka client: %s",
                              strerror(errno));
    s->data = rd_kafka_queue_new(s->rk);
    s->control = rd_kafka_queue_get_consumer(s->rk);
    if (!s->data || !s->control)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for the Kafka client");
    rd_kafka_queue_io_event_enable(s->data, s->fd, &one, sizeof one);
    rd_kafka_queue_io_event_enable(s->control, s->fd, &one, sizeof one);
    return DF_OK;
}

static void tell_waiting(df__kafka_source *s)
{
    char until[16] = "";
    time_t end = time(NULL) + (s->group.session_ms + 999) / 1000;
    struct tm parts;
    if (gmtime_r(&end, &parts))
        (void)strftime(until, sizeof until, "%H:%M:%SZ", &parts);
    df_stage_logf(s->st, DF_LOG_WARN,
                  "topic %s: waiting for the group %s: a member that died holds "
                  "its partitions "
                  "until %s, or another one has not given back its own yet%s",
                  s->label, (const char *)s->o.group.data, until,
                  s->o.instance.len > 0 ? "" : "; with instanceId a restart has its own at once");
}

/* Not open, and so not ready, before the group has let this member in. A topic that does not exist
 * is waited for by reading. */
static int wait_for_group(df__kafka_source *s, df_stage *st)
{
    int64_t begin = df__kafka_clock_ms();
    int told = 0;
    for (;;) {
        df__kafka_serve_control(s);
        if (s->failure.status != DF_OK)
            return df__kafka_raise(&s->failure, st);
        if (s->group.joined || s->trust.doubt)
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
            df__kafka_client_error(s, m->err, rd_kafka_message_errstr(m));
        rd_kafka_message_destroy(m);
    }
}

static int reach_broker(df__kafka_source *s, df_stage *st)
{
    const char *name = s->o.common.topic.data;
    rd_kafka_topic_t *topic = !name ? NULL : rd_kafka_topic_new(s->rk, name, NULL);
    df__kafka_reach reach = {st, s->rk, topic, &s->o.common, &s->failure, serve_open, s};
    if (name && !topic)
        return df_stage_failf(st, DF_EINVAL, "invalid_config", "%s: not a name of a topic", name);
    int rc = df__kafka_reach_broker(&reach);
    if (topic)
        rd_kafka_topic_destroy(topic);
    return rc;
}

/* What an earlier open has left. */
static int begin_anew(df__kafka_source *s, df_stage *st, df_stage_info *info)
{
    int rc = df_stage_describe(st, info);
    s->st = st;
    s->fd = -1;
    s->failure.status = DF_OK;
    s->group.joined = s->group.closing = s->group.revoking = s->group.restart = s->committing = 0;
    s->group.reassign = s->trust.doubt = s->group.subscribed = 0;
    s->group.forward_until = 0;
    s->last = NULL;
    s->bounded = info->bounded;
    s->exactly_once = info->exactly_once;
    s->dry = info->dry;
    if (rc == DF_OK && !s->label)
        s->label = df__kafka_topics_label(s);
    if (rc == DF_OK && !s->label)
        rc = df_stage_fail(st, DF_ENOMEM, NULL, "no memory");
    return rc == DF_OK ? df__kafka_mark_open(s) : rc;
}

/* Another member may have read and committed meanwhile, so what was read before the connection was
 * lost must not reach the sink: a partition begins again where the group is. */
static void let_go_of_parts(df__kafka_source *s)
{
    for (size_t i = 0; s->exactly_once && i < s->part_count; i++) {
        df__kafka_part *p = s->parts[i];
        if (p->begun)
            (void)df_partition_close(s->st, p->part, DF_PARTITION_LOST);
        p->begun = p->renew = 0;
        p->acked = p->sent = -1;
    }
}

static int source_open(void *self, df_stage *st)
{
    df__kafka_source *s = self;
    df_stage_info info = {.size = sizeof info};
    int rc = begin_anew(s, st, &info);
    let_go_of_parts(s);
    if (!s->told)
        df__kafka_tell_lacks(st, &(df__kafka_use){&s->o.common, 1, s->o.cooperative});
    s->told = 1;
    if (rc == DF_OK)
        rc = df__kafka_coder_open(st, &s->o.format, &s->coder);
    if (rc == DF_OK)
        rc = make_client(s, st, info.memory_share);
    if (rc == DF_OK)
        rc = make_queues(s, st);
    if (rc == DF_OK)
        rc = reach_broker(s, st);
    if (rc == DF_OK && s->bounded && !s->ends_known)
        rc = df__kafka_take_ends(s);
    if (rc == DF_OK)
        rc = df__kafka_first_start(s);
    s->lag.falls_asleep = rd_kafka_version() < 0x020200ff;
    if (rc == DF_OK)
        s->lag.wake = df__kafka_wake_start(st, s->rk); /* only slower without */
    if (rc == DF_OK)
        rc = s->exactly_once ? df__kafka_owner_open(s) : DF_OK;
    if (rc == DF_OK)
        rc = df__kafka_topics_subscribe(s);
    s->group.subscribed = rc == DF_OK;
    if (rc == DF_OK)
        rc = join(s, st);
    return rc;
}

static void drop_queues(df__kafka_source *s)
{
    rd_kafka_queue_t *queues[2] = {s->control, s->data};
    for (; s->fetched.at < s->fetched.have; s->fetched.at++)
        if (s->fetched.messages[s->fetched.at])
            rd_kafka_message_destroy(s->fetched.messages[s->fetched.at]);
    s->fetched.at = s->fetched.have = 0;
    for (int i = 0; i < 2; i++) {
        if (!queues[i])
            continue;
        rd_kafka_queue_io_event_enable(queues[i], -1, NULL, 0);
        rd_kafka_queue_destroy(queues[i]);
    }
    s->control = s->data = NULL;
}

static void last_commit(df__kafka_source *s)
{
    for (size_t i = 0; s->committing && i < s->part_count; i++) /* the answer is not in */
        s->parts[i]->sent = -1;
    if (s->failure.status == DF_EFENCED || s->exactly_once) /* there the sink commits */
        return;
    int before = s->failure.status;
    (void)df__kafka_commit(s, CLOSE_MS);
    if (before == DF_OK && s->failure.status != DF_OK) /* no read follows that could report it */
        df_stage_logf(s->st, DF_LOG_ERROR, "%s", s->failure.text);
}

/* From JoinGroup to the first assignment, destroying the client ends the process before librdkafka
 * 2.3.0: an assertion about the state of the sticky assignor. */
static int must_keep(const df__kafka_source *s)
{
    return s->group.sticky && s->group.subscribed && !s->group.joined &&
           rd_kafka_version() < 0x020300ff;
}

static void source_close(void *self, df_stage *st)
{
    df__kafka_source *s = self;
    if (s->lag.wake)
        df__kafka_wake_stop(s->lag.wake);
    s->lag.wake = NULL;
    if (s->rk)
        last_commit(s);
    drop_queues(s);
    free(s->owner.text);
    s->owner.text = NULL;
    df__kafka_mark_close(s);
    df__kafka_token_stop(&s->o.common);
    s->group.closing = 1;
    if (s->rk)
        df__kafka_let_go(st, s->rk, s->group.joined ? CLOSE_MS : JOIN_MS, must_keep(s));
    s->rk = NULL;
    df__kafka_coder_close(s->coder);
    s->coder = NULL;
    if (s->st != NULL && s->fd >= 0) /* a codec that decoded nothing has no descriptor, not 0 */
        (void)close(s->fd);
    s->fd = -1;
    for (size_t i = 0; i < s->part_count; i++)
        s->parts[i]->state = DF__KAFKA_PART_OFF;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Bounded runs: 1 when every partition of ours reached its end. Stopped partitions end the stage
 * when nothing else is left to do. */
static int all_reached(df__kafka_source *s)
{
    size_t parked = 0, open = 0, on = 0;
    const df__kafka_part *last = NULL;
    for (size_t i = 0; s->group.joined && i < s->part_count; i++) {
        const df__kafka_part *p = s->parts[i];
        if (p->state == DF__KAFKA_PART_OFF)
            continue;
        if (p->state == DF__KAFKA_PART_PARKED) {
            parked++;
            last = p;
        } else {
            on++;
            open += !s->bounded || !p->reached;
        }
    }
    if (parked > 0 && open == 0)
        df__kafka_fail(&s->failure, DF_ESTATE, "offset_out_of_range",
                       "topic %s partition %d: offset %lld does not exist any more, and no "
                       "other "
                       "partition is left; set onOffsetOutOfRange or the group's offset",
                       df__kafka_part_topic(last), (int)last->id, (long long)last->next);
    return s->bounded && s->group.joined && open == 0 && parked == 0;
}

static int read_once(df__kafka_source *s, df_batch *into)
{
    size_t added = 0;
    int rc = DF_AGAIN;
    df__kafka_serve_control(s);
    if (s->failure.status != DF_OK)
        return df__kafka_raise(&s->failure, s->st);
    if (df_batch_room(into) > 0) {
        rc = df__kafka_add_waiting(s, into, &added);
        if (rc < 0 && added == 0)
            return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a record") : rc;
        rc = added > 0 ? DF_OK : DF_AGAIN;
        if (added == 0 && all_reached(s)) {
            (void)df__kafka_same_topic(s); /* its failure is reported now: no read follows */
            rc = DF_DONE;
            df__kafka_tell_lag(s); /* once more */
        }
        if (added == 0 && s->failure.status != DF_OK)
            return df__kafka_raise(&s->failure, s->st);
    }
    df__kafka_keep_fetching(s);
    df__kafka_owner_tell(s, 0);
    df__kafka_expiry_tell(s->st, &s->o.common);
    return rc;
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df__kafka_source *s = self;
    int rc = read_once(s, into);
    if (rc != DF_AGAIN || timeout_ms <= 0)
        return rc;
    if (s->fetched.held ? df__kafka_coder_wait(s->coder, timeout_ms) != DF_OK
                        : df_stage_wait(st, s->fd, POLLIN, timeout_ms) != DF_OK)
        return DF_AGAIN;
    return read_once(s, into);
}

static df__kafka_part *named(const df__kafka_source *s, uint32_t number)
{
    df__kafka_part *p = number < s->numbered_cap ? s->numbered[number] : NULL;
    return p && p->state != DF__KAFKA_PART_OFF ? p : NULL;
}

static int source_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    df__kafka_source *s = self;
    for (size_t i = 0; i < count; i++) {
        const df_position *row = DF_ROW(df_position, rows, i);
        df__kafka_part *p = named(s, row->partition);
        int64_t offset;
        int32_t epoch;
        if (!p)
            continue;
        if (df__kafka_position_read(row->data, &offset, &epoch) != DF_OK)
            return df_stage_failf(st, DF_EINTERNAL, NULL, "not a position of %s: %.*s", s->label,
                                  (int)(row->data.len > 80 ? 80 : row->data.len),
                                  (const char *)row->data.data);
        if (offset > p->acked) {
            p->lost = -1;
            p->acked = offset;
            p->acked_epoch = epoch;
        }
    }
    return s->group.revoking ? DF_OK : df__kafka_commit(s, 0);
}

static int source_seek(void *self, df_stage *st, const df_position *to)
{
    df__kafka_source *s = self;
    df__kafka_part *p = named(s, to->partition);
    int64_t offset;
    int32_t epoch;
    if (!p)
        return DF_OK;  /* given back meanwhile */
    offset = p->begin; /* nothing settled yet */
    epoch = -1;
    if (to->data.len > 0 && df__kafka_position_read(to->data, &offset, &epoch) != DF_OK)
        return df_stage_failf(st, DF_EINTERNAL, NULL, "not a position of %s: %.*s", s->label,
                              (int)(to->data.len > 80 ? 80 : to->data.len),
                              (const char *)to->data.data);
    if (offset == p->lost) { /* nothing settled since */
        offset = p->begin;
        epoch = -1;
    }
    p->epoch = epoch;
    df__kafka_discard(s, p);
    p->reached = 0;
    df__kafka_restart_at(s, p, offset);
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
    df__kafka_look look = {.o = s->o.common,
                           .st = st,
                           .topics = s->o.topics,
                           .pattern = s->o.pattern,
                           .group = s->o.group.data};
    int rc = df__kafka_coder_probe(st, &s->o.format);
    look.registry = s->o.format.registry != NULL;
    return rc == DF_OK ? df__kafka_probe(&look) : rc;
}

/* On an instance that is not open otherwise. */
static int source_decode(void *self, df_stage *st, df_record *r)
{
    df__kafka_source *s = self;
    if (!s->st) {
        int rc = df__kafka_coder_open(st, &s->o.format, &s->coder);
        s->fd = -1;
        if (rc != DF_OK) {
            df__kafka_coder_close(s->coder);
            s->coder = NULL;
            return rc;
        }
        s->st = st;
    }
    return s->coder != NULL ? df__kafka_decode(s->coder, r) : DF_OK;
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
    .decode = source_decode,
};
