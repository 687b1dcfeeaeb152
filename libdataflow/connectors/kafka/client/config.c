/* SPDX-License-Identifier: Apache-2.0
 * config.c: what the configuration of every client has: brokers, sockets, security, `properties`.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "config.h"
#include "properties.h"
#include "security.h"
#include "topic.h"

enum {
    /* Balancers of clouds forget an idle connection after 4 minutes, some without a word: then a
     * request has no answer. One that we close first is made anew when it is needed. */
    MAX_IDLE_MS = 180000,
    CONNECT_MS = 8000 /* to an address that swallows everything; then it is told */
};

/* ---- brokers --------------------------------------------------------------------------------- */

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
    if (memmem(at, broker.len, "://", 3))
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
    if (!colon)
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
        df__kafka_setup_problem(s, "brokers", "the list is longer than 4095 bytes");
        return;
    }
    while ((broker = next_broker(&brokers)).len > 0) {
        const char *fault = broker_fault(broker);
        if (fault) {
            (void)snprintf(text, sizeof text, "\"%.*s\" %s",
                           (int)(broker.len > 255 ? 255 : broker.len), (const char *)broker.data,
                           fault);
            df__kafka_setup_problem(s, "brokers", text);
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
        df__kafka_setup_problem(s, "brokers", "names no broker; write host:port, comma between");
}

/* ---- building -------------------------------------------------------------------------------- */

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

int df__kafka_setup_begin(df__kafka_setup *s, const df__kafka_common *o)
{
    s->status = DF_OK;
    s->conf = rd_kafka_conf_new();
    if (!s->conf)
        return s->status = DF_ENOMEM;
    set_brokers(s, o->brokers);
    if (!s->checking && o->topic.data && df__kafka_topic_fault(o->topic))
        df__kafka_setup_problem(s, "topic", df__kafka_topic_fault(o->topic));
    df__kafka_set_text(s, "client.id", "dataflow-operator");
    df__kafka_set_text(s, "socket.keepalive.enable", "true");
    df__kafka_set_number(s, "connections.max.idle.ms", MAX_IDLE_MS);
    df__kafka_set_number(s, "socket.connection.setup.timeout.ms", CONNECT_MS);
    rd_kafka_conf_set_socket_cb(s->conf, open_socket);
    df__kafka_set_text(s, "log.thread.name", "false");
    df__kafka_set_text(s, "reconnect.backoff.max.ms",
                       "1000"); /* a broker that is back is found at once */
    df__kafka_security_set(s, o);
    return DF_OK;
}

int df__kafka_setup_finish(df__kafka_setup *s)
{
    if (s->status != DF_OK)
        df__kafka_setup_end(s);
    return s->status;
}

void df__kafka_set_properties(df__kafka_setup *s, const df_list *list, int role)
{
    const df_pair *pairs = list->items;
    for (size_t i = 0; i < list->count; i++) {
        char option[96], text[256];
        (void)snprintf(option, sizeof option, "properties.%.*s", (int)pairs[i].name.len,
                       (const char *)pairs[i].name.data);
        if (df__kafka_property_refused(pairs[i].name, role, text, sizeof text))
            df__kafka_setup_problem(s, option, text);
        else
            df__kafka_set(s, option, pairs[i].name.data, pairs[i].value.data);
    }
}

int df__kafka_setup_probe(df__kafka_setup *s, const df__kafka_common *o, const char *group)
{
    if (df__kafka_setup_begin(s, o) != DF_OK)
        return s->status;
    if (group)
        df__kafka_set(s, "consumerGroup", "group.id", group);
    df__kafka_set_text(s, "enable.auto.commit", "false");
    df__kafka_set_text(s, "enable.partition.eof", "true");
    df__kafka_set_text(s, "allow.auto.create.topics", "false");
    df__kafka_set_text(s, "fetch.wait.max.ms", "100");
    df__kafka_set_text(s, "queued.max.messages.kbytes", "1024");
    df__kafka_set_properties(s, &o->properties, DF__KAFKA_FOR_SOURCE | DF__KAFKA_FOR_SINK);
    return df__kafka_setup_finish(s);
}

/* ---- rules over several options -------------------------------------------------------------- */

void df__kafka_check_common(df_stage *st, const df__kafka_common *o)
{
    const char *text = df__kafka_topic_fault(o->topic);
    if (text && o->topic.len > 0)
        (void)df_stage_problem(st, DF_ERROR, "topic", text);
    df__kafka_security_check(st, o);
}
