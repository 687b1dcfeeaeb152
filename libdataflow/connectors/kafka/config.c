/* SPDX-License-Identifier: Apache-2.0
 * config.c: the client's configuration from options and memory share.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kafka.h"
#include "util/clock.h"

/* ---- time ------------------------------------------------------------------------------------ */

int64_t df__kafka_clock_ms(void)
{
    return df__monotonic_us() / 1000;
}

int df__kafka_gate_open(df__kafka_gate *gate, int64_t interval_ms)
{
    int64_t now = df__kafka_clock_ms();
    int64_t next = __atomic_load_n(&gate->next, __ATOMIC_RELAXED);
    return now >= next && __atomic_compare_exchange_n(&gate->next, &next, now + interval_ms, 0,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* ---- building -------------------------------------------------------------------------------- */

static void problem(df__kafka_setup *s, const char *option, const char *text)
{
    if (s->checking)
        (void)df_stage_problem(s->st, DF_ERROR, option, text);
    else if (s->status == DF_OK)
        (void)df_stage_failf(s->st, DF_EINVAL, "invalid_config", "%s: %s", option, text);
    s->status = DF_EINVAL;
}

void df__kafka_set(df__kafka_setup *s, const char *option, const char *name, const char *value)
{
    char text[256];
    rd_kafka_conf_res_t res = rd_kafka_conf_set(s->conf, name, value, text, sizeof text);
    if (res != RD_KAFKA_CONF_OK)
        problem(s, option != NULL ? option : name, text);
}

static void set(df__kafka_setup *s, const char *name, const char *value)
{
    df__kafka_set(s, NULL, name, value);
}

static void set_number(df__kafka_setup *s, const char *name, int64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    set(s, name, text);
}

/* An option of ours, when it was given. */
static void set_option(df__kafka_setup *s, const char *option, const char *name, int64_t value)
{
    char text[32];
    if (value == DF_UNSET)
        return;
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    df__kafka_set(s, option, name, text);
}

static int64_t to_ms(int64_t us)
{
    return us == DF_UNSET ? DF_UNSET : (us + 999) / 1000;
}

static void set_properties(df__kafka_setup *s, const df_list *list, int role)
{
    const df_pair *pairs = list->items;
    for (size_t i = 0; i < list->count; i++) {
        char option[96], text[256];
        (void)snprintf(option, sizeof option, "properties.%.*s", (int)pairs[i].name.len,
                       (const char *)pairs[i].name.data);
        if (df__kafka_property_refused(pairs[i].name, role, text, sizeof text))
            problem(s, option, text);
        else
            df__kafka_set(s, option, pairs[i].name.data, pairs[i].value.data);
    }
}

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next broker of a list, blanks around it left out; len 0: the list is at its end. */
static df_bytes next_broker(df_bytes *list)
{
    const char *at = list->data, *end = at + list->len, *from;
    while (at < end && (is_space(*at) || *at == ','))
        at++;
    from = at;
    while (at < end && *at != ',')
        at++;
    *list = (df_bytes){at, (size_t)(end - at)};
    while (at > from && is_space(at[-1]))
        at--;
    return (df_bytes){from, (size_t)(at - from)};
}

/* 1 to 65535; 0: not a port. */
static int port_of(const char *at, const char *end)
{
    int port = 0;
    for (const char *c = at; c < end; c++) {
        if (*c < '0' || *c > '9' || c - at > 4)
            return 0;
        port = port * 10 + (*c - '0');
    }
    return port <= 65535 ? port : 0;
}

/* The colon before the port; NULL: none. *ret_count: how many there are outside of brackets. */
static const char *port_colon(const char *at, const char *end, int *ret_count)
{
    const char *colon = NULL;
    *ret_count = 0;
    for (const char *c = at; c < end; c++) {
        if (*c == ':') {
            colon = c;
            ++*ret_count;
        } else if (*c == ']') {
            colon = NULL;
            *ret_count = 0;
        }
    }
    return colon;
}

/* What is wrong with one broker; NULL: nothing. */
static const char *broker_fault(df_bytes broker)
{
    const char *at = broker.data, *end = at + broker.len;
    int colons;
    if (memmem(at, broker.len, "://", 3) != NULL)
        return "is written as a URL; write host:port";
    for (const char *c = at; c < end; c++) {
        if (is_space(*c))
            return "has a blank in it; write host:port, comma between";
        if (strchr(";|/\\\"'?#@<>(){}&=+*!$^`~", *c) != NULL)
            return "has a character in it that no address has; write host:port, "
                   "comma between";
    }
    const char *colon = port_colon(at, end, &colons);
    if (colons > 1)
        return "has more than one colon; write host:port, an IPv6 address in "
               "brackets";
    if (colon == NULL)
        return "has no port; write host:port, such as host:9092";
    if (colon == at)
        return "has no host; write host:port";
    if (port_of(colon + 1, end) == 0)
        return "has no port from 1 to 65535 after the colon";
    return NULL;
}

static void set_brokers(df__kafka_setup *s, df_bytes brokers)
{
    char list[4096] = "", text[400];
    size_t len = 0, given = brokers.len; /* 0 while a reference is not resolved */
    df_bytes broker;
    if (brokers.len >= sizeof list) {
        problem(s, "brokers", "the list is longer than 4095 bytes");
        return;
    }
    while ((broker = next_broker(&brokers)).len > 0) {
        const char *fault = broker_fault(broker);
        if (fault != NULL) {
            (void)snprintf(text, sizeof text, "\"%.*s\" %s",
                           (int)(broker.len > 255 ? 255 : broker.len), (const char *)broker.data,
                           fault);
            problem(s, "brokers", text);
            return;
        }
        if (len > 0)
            list[len++] = ',';
        memcpy(list + len, broker.data, broker.len);
        len += broker.len;
        list[len] = '\0';
    }
    if (len > 0)
        df__kafka_set(s, "brokers", "bootstrap.servers", list);
    else if (!s->checking || given > 0)
        problem(s, "brokers", "names no broker; write host:port, comma between");
}

/* A connection that died without a word is noticed within 15 s, with bytes on the way or idle;
 * the client by itself waits for an answer for a minute. */
static int open_socket(int domain, int type, int protocol, void *opaque)
{
    static const struct {
        int name, value;
    } options[] = {
        {TCP_USER_TIMEOUT, 15000}, {TCP_KEEPIDLE, 5}, {TCP_KEEPINTVL, 5}, {TCP_KEEPCNT, 2}};
    int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    (void)opaque;
    for (size_t i = 0; fd >= 0 && i < sizeof options / sizeof options[0]; i++)
        (void)setsockopt(fd, IPPROTO_TCP, options[i].name, &options[i].value, sizeof(int));
    return fd;
}

const char *df__kafka_topic_fault(df_bytes topic)
{
    const char *at = topic.data;
    if (topic.len == 0)
        return "is empty";
    if (topic.len > 249)
        return "is longer than 249 bytes";
    for (size_t i = 0; i < topic.len; i++)
        if (!((at[i] >= 'a' && at[i] <= 'z') || (at[i] >= 'A' && at[i] <= 'Z') ||
              (at[i] >= '0' && at[i] <= '9') || at[i] == '.' || at[i] == '_' || at[i] == '-'))
            return "is not the name of a topic: letters, digits, dot, _ and - only";
    return NULL;
}

static int begin(df__kafka_setup *s, const df__kafka_common *o)
{
    s->status = DF_OK;
    s->conf = rd_kafka_conf_new();
    if (s->conf == NULL)
        return s->status = DF_ENOMEM;
    set_brokers(s, o->brokers);
    if (!s->checking && o->topic.data != NULL && df__kafka_topic_fault(o->topic) != NULL)
        problem(s, "topic", df__kafka_topic_fault(o->topic));
    set(s, "client.id", "dataflow-operator");
    set(s, "socket.keepalive.enable", "true");
    rd_kafka_conf_set_socket_cb(s->conf, open_socket);
    set(s, "log.thread.name", "false");
    set(s, "reconnect.backoff.max.ms", "1000"); /* a broker that is back is found at once */
    df__kafka_security_set(s, o);
    return DF_OK;
}

static int finish(df__kafka_setup *s)
{
    if (s->status != DF_OK)
        df__kafka_setup_end(s);
    return s->status;
}

/* A quarter of the share is queued at most, beside it one answer of the broker and what the client
 * needs for each message: about 400 bytes, so their number is bounded as well. An answer is
 * compressed and unpacked whole, on top of a queue almost full: text that repeats itself is a
 * hundred times as long then. So an answer is a thirty-second of the share, of one partition half
 * of that; a broker that has a larger batch sends it all the same. */
static void set_prefetch(df__kafka_setup *s, const df__kafka_source_options *o)
{
    int64_t share = s->share > 0 ? (int64_t)s->share : (int64_t)16 << 20;
    int64_t queue = share / 4 / 1024, answer = share / 32, part, count = share / 1024;
    if (answer < 1 << 16)
        answer = 1 << 16;
    if (answer > 52428800)
        answer = 52428800;
    if (o->max_bytes != DF_UNSET)
        answer = o->max_bytes;
    part = answer / 2 < 1 << 20 ? answer / 2 : 1 << 20;
    set_number(s, "queued.max.messages.kbytes", queue < 256 ? 256 : queue);
    set_number(s, "queued.min.messages", count < 1000 ? 1000 : count > 100000 ? 100000 : count);
    /* The client demands that an answer holds at least message.max.bytes, which a consumer uses
     * for nothing else. */
    set_number(s, "message.max.bytes", answer < 1000000 ? answer < 1000 ? 1000 : answer : 1000000);
    set_number(s, "fetch.max.bytes", answer < 1000 ? 1000 : answer);
    set_number(s, "max.partition.fetch.bytes", part);
    set_option(s, "maxPartitionFetchBytes", "max.partition.fetch.bytes", o->partition_max_bytes);
}

static void set_timing(df__kafka_setup *s, const df__kafka_source_options *o)
{
    int64_t wait = to_ms(o->max_wait), timeout = to_ms(o->read_timeout);
    if (o->write_timeout != DF_UNSET && (timeout == DF_UNSET || to_ms(o->write_timeout) > timeout))
        timeout = to_ms(o->write_timeout);
    set_option(s, "consumerMaxWait", "fetch.wait.max.ms", wait);
    set_option(s, "netReadTimeout", "socket.timeout.ms", timeout);
    if (o->min_bytes != DF_UNSET)
        set_option(s, "fetchMinBytes", "fetch.min.bytes", o->min_bytes < 1 ? 1 : o->min_bytes);
}

static int is_dry(const df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    return df_stage_describe(st, &info) == DF_OK && info.dry;
}

/* A dry run changes nothing outside: joining the real group would take partitions from the flow
 * that runs. It reads from where `startFrom` says. */
static void set_group(df__kafka_setup *s, const df__kafka_source_options *o)
{
    char dry[256];
    if (o->group.len == 0) {
        if (!s->checking)
            problem(s, "consumerGroup", "is empty");
        return;
    }
    snprintf(dry, sizeof dry, "%.200s-dry-%ld", (const char *)o->group.data, (long)getpid());
    df__kafka_set(s, "consumerGroup", "group.id", is_dry(s->st) ? dry : o->group.data);
}

int df__kafka_setup_source(df__kafka_setup *s, const df__kafka_source_options *o)
{
    if (begin(s, &o->common) != DF_OK)
        return s->status;
    set_group(s, o);
    if (o->instance.len > 0 && !is_dry(s->st))
        df__kafka_set(s, "instanceId", "group.instance.id", o->instance.data);
    set(s, "enable.auto.commit", "false");
    set(s, "enable.auto.offset.store", "false");
    set(s, "enable.partition.eof", "true");
    set(s, "auto.offset.reset", "error");
    set(s, "check.crcs", "true");
    set(s, "isolation.level", "read_committed");
    if (o->pattern.len > 0) /* the brokers' own are for nobody else */
        set(s, "topic.blacklist", "^__(consumer_offsets|transaction_state|share_group_state)$");
    set(s, "allow.auto.create.topics", "false");
    set(s, "topic.metadata.refresh.interval.ms", "30000"); /* new topics and partitions */
    set(s, "partition.assignment.strategy",
        o->cooperative ? "cooperative-sticky" : "range,roundrobin");
    if (rd_kafka_version() >= 0x020200ff) /* before, wake.c does it */
        set(s, "fetch.queue.backoff.ms", "20");
    set_prefetch(s, o);
    set_timing(s, o);
    set_properties(s, &o->common.properties, DF__KAFKA_FOR_SOURCE);
    return finish(s);
}

/* The bytes of a message stay with the core until it is delivered; the client adds about 256. */
static void set_queue(df__kafka_setup *s)
{
    int64_t share = s->share > 0 ? (int64_t)s->share : (int64_t)8 << 20;
    int64_t count = share / 256, kbytes = share / 1024;
    set_number(s, "queue.buffering.max.messages", count < 1000 ? 1000 : count);
    set_number(s, "queue.buffering.max.kbytes", kbytes < 4096 ? 4096 : kbytes);
}

/* A record that does not get away in time fails with its transaction; without one it waits. */
static void set_transactions(df__kafka_setup *s)
{
    const df__kafka_txn *txn = s->txn;
    set_number(s, "message.timeout.ms", txn != NULL && txn->id != NULL ? txn->timeout_ms : 0);
    if (txn == NULL || txn->id == NULL)
        return;
    df__kafka_set(s, "transactionalId", "transactional.id", txn->id);
    set_number(s, "transaction.timeout.ms", txn->timeout_ms);
}

int df__kafka_setup_sink(df__kafka_setup *s, const df__kafka_sink_options *o)
{
    static const char *const compressions[] = {"snappy", "none", "gzip", "lz4", "zstd"};
    if (begin(s, &o->common) != DF_OK)
        return s->status;
    set(s, "enable.idempotence", "true");
    set_transactions(s);
    set(s, "topic.metadata.propagation.max.ms", "5000"); /* then it is said that it is missing */
    set(s, "partitioner", "murmur2_random");             /* as the Java client */
    if (o->compression >= 0 && o->compression < 5)
        df__kafka_set(s, "compression", "compression.type", compressions[o->compression]);
    set_queue(s);
    set_option(s, "maxOpenRequests", "max.in.flight.requests.per.connection", o->open_requests);
    set_option(s, "flushMessages", "batch.num.messages", o->flush_messages);
    set_option(s, "flushBytes", "batch.size", o->flush_bytes);
    set_option(s, "flushFrequency", "linger.ms", to_ms(o->flush_frequency));
    set_properties(s, &o->common.properties, DF__KAFKA_FOR_SINK);
    if (s->txn != NULL && s->txn->batch_most > 0)
        set_number(s, "batch.size", s->txn->batch_most);
    return finish(s);
}

int df__kafka_setup_probe(df__kafka_setup *s, const df__kafka_common *o, const char *group)
{
    if (begin(s, o) != DF_OK)
        return s->status;
    if (group != NULL)
        df__kafka_set(s, "consumerGroup", "group.id", group);
    set(s, "enable.auto.commit", "false");
    set(s, "enable.partition.eof", "true");
    set(s, "allow.auto.create.topics", "false");
    set(s, "fetch.wait.max.ms", "100");
    set(s, "queued.max.messages.kbytes", "1024");
    set_properties(s, &o->properties, DF__KAFKA_FOR_SOURCE | DF__KAFKA_FOR_SINK);
    return finish(s);
}

int64_t df__kafka_setup_number(const df__kafka_setup *s, const char *name)
{
    char text[32];
    size_t len = sizeof text;
    int64_t value = 0;
    if (rd_kafka_conf_get(s->conf, name, text, &len) != RD_KAFKA_CONF_OK)
        return 0;
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    return value;
}

/* ---- rules over several options -------------------------------------------------------------- */

void df__kafka_check_common(df_stage *st, const df__kafka_common *o)
{
    const char *text = df__kafka_topic_fault(o->topic);
    if (text != NULL && o->topic.len > 0)
        (void)df_stage_problem(st, DF_ERROR, "topic", text);
    df__kafka_security_check(st, o);
}
