/* SPDX-License-Identifier: Apache-2.0
 * look.c: a client that only looks: it joins no group, and no topic is made because it asks for it.
 */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "expiry.h"
#include "letgo.h"
#include "look.h"
#include "reach.h"
#include "security.h"
#include "token.h"
#include "topic.h"

enum { SLICE_MS = 50, ASK_MS = 1000, LET_GO_MS = 1000 };

/* ---- which topics ---------------------------------------------------------------------------- */

/* Name number i; NULL past the last, and where a pattern says which. */
static const char *name_at(const df__kafka_look *p, size_t i)
{
    const df_bytes *names = p->topics.items;
    if (p->topics.count > 0)
        return i < p->topics.count ? names[i].data : NULL;
    return i == 0 ? p->o.topic.data : NULL;
}

/* "topic a", "topics a, b", "topics PATTERN". */
static int make_label(df__kafka_look *p)
{
    const char *pattern = p->pattern.len > 0 ? p->pattern.data : "";
    size_t len = sizeof "topics " + strlen(pattern), at;
    for (size_t i = 0; name_at(p, i); i++)
        len += strlen(name_at(p, i)) + 2;
    char *text = df_stage_alloc(p->st, len);
    if (!text)
        return df_stage_fail(p->st, DF_ENOMEM, NULL, "no memory");
    at = (size_t)snprintf(text, len, "%s%s", p->o.topic.data ? "topic " : "topics ", pattern);
    for (size_t i = 0; name_at(p, i); i++)
        at += (size_t)snprintf(text + at, len - at, "%s%s", i > 0 ? ", " : "", name_at(p, i));
    p->label = text;
    return DF_OK;
}

/* ---- what the client tells ------------------------------------------------------------------- */

static void fail(df__kafka_look *p, const df__kafka_rule *rule, const char *words)
{
    df__kafka_fail(&p->failure, rule->status, rule->reason, "%s%s%s: %s", p->label,
                   p->group != NULL ? ", group " : "", p->group != NULL ? p->group : "", words);
}

static void note_cause(df__kafka_look *p, const char *text)
{
    for (int i = 0; i < p->broker_count; i++) {
        const char *at = strstr(text, p->brokers[i].address);
        size_t len = strlen(p->brokers[i].address);
        if (at && (at[len] == '/' || at[len] == ':'))
            p->brokers[i].cause = df__kafka_cause(text);
    }
}

static void error_cb(rd_kafka_t *rk, int err, const char *text, void *opaque)
{
    df__kafka_look *p = opaque;
    df__kafka_error_text error = {.o = &p->o, .text = text};
    df__kafka_rule rule = df__kafka_rule_of_text(rk, (rd_kafka_resp_err_t)err, &error);
    if (rule.status != DF_OK)
        fail(p, &rule, error.words);
    else if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        df__kafka_words(p->trouble, sizeof p->trouble, &p->o, (rd_kafka_resp_err_t)err, text);
    note_cause(p, text);
}

/* The answer of a request: DF_OK also when asking again may help. */
int df__kafka_look_error(df__kafka_look *p, rd_kafka_resp_err_t err)
{
    df__kafka_rule rule = df__kafka_rule_of(p->rk, err);
    char words[300];
    (void)snprintf(words, sizeof words, "%s; %s", rd_kafka_err2str(err),
                   rule.remedy != NULL ? rule.remedy : "");
    if (rule.status != DF_OK)
        fail(p, &rule, words);
    else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
             err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        df__kafka_fail(&p->failure, DF_ENOTFOUND, "unknown_topic",
                       "%s%s does not exist on %s; create it, or correct the name",
                       p->asked ? "topic " : "", p->asked ? p->asked : p->label,
                       (const char *)p->o.brokers.data);
    return p->failure.status;
}

static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text; /* what matters comes as an error too */
}

static void take_message(df__kafka_look *p, rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF || !m->err)
        p->read_count++;
    else
        (void)df__kafka_look_error(p, m->err);
    rd_kafka_message_destroy(m);
}

static void serve(void *self)
{
    df__kafka_look *p = self;
    rd_kafka_message_t *m;
    (void)rd_kafka_poll(p->rk, 0);
    while (p->group && (m = rd_kafka_consumer_poll(p->rk, 0)))
        take_message(p, m);
}

/* DF_OK: go on asking; DF_ECANCELED: the time is over. */
int df__kafka_look_pause(df__kafka_look *p)
{
    serve(p);
    if (p->failure.status != DF_OK)
        return p->failure.status;
    return df_stage_wait(p->st, -1, 0, SLICE_MS) == DF_ECANCELED ? DF_ECANCELED : DF_OK;
}

/* ---- topic and brokers ----------------------------------------------------------------------- */

static int keep_brokers(df__kafka_look *p, const rd_kafka_metadata_t *meta)
{
    if (p->brokers)
        return DF_OK;
    p->brokers = df_stage_alloc(p->st, ((size_t)meta->broker_cnt + 1) * sizeof *p->brokers);
    if (!p->brokers)
        return df_stage_fail(p->st, DF_ENOMEM, NULL, "no memory");
    for (int i = 0; i < meta->broker_cnt; i++) {
        p->brokers[i].id = meta->brokers[i].id;
        (void)snprintf(p->brokers[i].address, sizeof p->brokers[i].address, "%s:%d",
                       meta->brokers[i].host, meta->brokers[i].port);
    }
    p->broker_count = meta->broker_cnt;
    return DF_OK;
}

static int is_to_be_made(const df__kafka_look *p, rd_kafka_resp_err_t err)
{
    return p->may_miss && (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                           err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC);
}

static int add_partitions(df__kafka_look *p, const rd_kafka_metadata_topic_t *t)
{
    for (int i = 0; i < t->partition_cnt; i++)
        if (!rd_kafka_topic_partition_list_add(p->partitions, t->topic, t->partitions[i].id))
            return df_stage_fail(p->st, DF_ENOMEM, NULL, "no memory");
    p->topic_count++;
    return DF_OK;
}

/* One question for a topic. DF_OK: it is answered; DF_AGAIN: not yet, and *ret_err says why. */
static int ask_topic(df__kafka_look *p, rd_kafka_topic_t *topic, rd_kafka_resp_err_t *ret_err)
{
    const rd_kafka_metadata_t *meta = NULL;
    int rc = DF_AGAIN;
    *ret_err = rd_kafka_metadata(p->rk, 0, topic, &meta, ASK_MS);
    if (*ret_err)
        return rc;
    *ret_err = meta->topic_cnt > 0 ? meta->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    int kept = keep_brokers(p, meta);
    if (kept != DF_OK || is_to_be_made(p, *ret_err))
        rc = kept;
    else if (!*ret_err && meta->topics[0].partition_cnt > 0)
        rc = add_partitions(p, &meta->topics[0]);
    rd_kafka_metadata_destroy(meta);
    return rc;
}

/* A topic that has just been made has no leaders for a moment. */
static int read_topic(df__kafka_look *p, const char *name)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(p->rk, name, NULL);
    int rc = DF_AGAIN;
    if (!topic)
        return df_stage_fail(p->st, DF_ENOMEM, NULL, "no memory");
    p->asked = name;
    while (rc == DF_AGAIN && (rc = ask_topic(p, topic, &err)) == DF_AGAIN) {
        int failed = err ? df__kafka_look_error(p, err) : DF_OK;
        failed = failed == DF_OK ? df__kafka_look_pause(p) : failed;
        rc = failed == DF_OK ? DF_AGAIN : failed;
    }
    if (rc == DF_ECANCELED)
        df__kafka_fail(&p->failure, DF_ETIMEOUT, "timeout",
                       "topic %s: its partitions have no leader: %s", name, rd_kafka_err2str(err));
    p->asked = NULL;
    rd_kafka_topic_destroy(topic);
    return rc;
}

static int add_matching(df__kafka_look *p, const rd_kafka_metadata_t *meta)
{
    char why[200];
    regex_t re;
    int rc = keep_brokers(p, meta);
    if (df__kafka_pattern_compile(&re, p->pattern, why, sizeof why) != DF_OK)
        return df_stage_failf(p->st, DF_EINVAL, "invalid_config", "topicPattern %s", why);
    for (int i = 0; rc == DF_OK && i < meta->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *t = &meta->topics[i];
        if (!t->err && strncmp(t->topic, "__", 2) != 0 && regexec(&re, t->topic, 0, NULL, 0) == 0)
            rc = add_partitions(p, t);
    }
    regfree(&re);
    if (rc == DF_OK && p->topic_count == 0)
        df__kafka_fail(&p->failure, DF_ENOTFOUND, "unknown_topic",
                       "no topic on %s matches the topicPattern %s",
                       (const char *)p->o.brokers.data, (const char *)p->pattern.data);
    return rc == DF_OK ? p->failure.status : rc;
}

static int read_matching(df__kafka_look *p)
{
    const rd_kafka_metadata_t *meta = NULL;
    rd_kafka_resp_err_t err;
    int rc = DF_OK;
    while ((err = rd_kafka_metadata(p->rk, 1, NULL, &meta, ASK_MS)) && rc == DF_OK) {
        rc = df__kafka_look_error(p, err);
        rc = rc == DF_OK ? df__kafka_look_pause(p) : rc;
    }
    if (!err)
        rc = add_matching(p, meta);
    if (meta)
        rd_kafka_metadata_destroy(meta);
    if (rc == DF_ECANCELED)
        df__kafka_fail(&p->failure, DF_ETIMEOUT, "timeout", "%s: no answer: %s", p->label,
                       rd_kafka_err2str(err));
    return rc;
}

static int read_topics(df__kafka_look *p)
{
    int rc = p->pattern.len > 0 ? read_matching(p) : DF_OK;
    for (size_t i = 0; rc == DF_OK && name_at(p, i); i++)
        rc = read_topic(p, name_at(p, i));
    return rc;
}

/* ---- offsets of the group -------------------------------------------------------------------- */

rd_kafka_topic_partition_list_t *df__kafka_look_partitions(df__kafka_look *p, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(p->partitions);
    for (int i = 0; list != NULL && i < list->cnt; i++)
        list->elems[i].offset = offset;
    return list;
}

int df__kafka_look_committed(df__kafka_look *p, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t err;
    int rc = DF_OK;
    while (rc == DF_OK) {
        err = rd_kafka_committed(p->rk, list, ASK_MS);
        for (int i = 0; !err && i < list->cnt; i++)
            err = list->elems[i].err;
        if (!err)
            break;
        rc = df__kafka_look_error(p, err);
        rc = rc == DF_OK ? df__kafka_look_pause(p) : rc;
    }
    if (rc == DF_ECANCELED)
        df__kafka_fail(&p->failure, DF_ETIMEOUT, "timeout",
                       "cannot read the offsets of group %s: %s", p->group, rd_kafka_err2str(err));
    return rc;
}

/* ---- the client ------------------------------------------------------------------------------ */

static int make_client(df__kafka_look *p)
{
    char text[256];
    df__kafka_setup setup = {.st = p->st};
    if (df__kafka_setup_probe(&setup, &p->o, p->group) != DF_OK)
        return setup.status == DF_ENOMEM ? df_stage_fail(p->st, DF_ENOMEM, NULL, "no memory")
                                         : setup.status;
    df__kafka_expiry_begin(&p->o, &setup.dates);
    rd_kafka_conf_set_opaque(setup.conf, p);
    rd_kafka_conf_set_log_cb(setup.conf, log_line);
    rd_kafka_conf_set_error_cb(setup.conf, error_cb);
    p->rk = rd_kafka_new(RD_KAFKA_CONSUMER, setup.conf, text, sizeof text);
    setup.conf = p->rk != NULL ? NULL : setup.conf; /* the client has it now */
    df__kafka_setup_end(&setup);
    if (!p->rk)
        return df__kafka_no_client(p->st, &p->o, text);
    int rc = df__kafka_token_start(p->st, p->rk, &p->o);
    if (rc != DF_OK)
        return rc;
    p->partitions = rd_kafka_topic_partition_list_new(16);
    p->replies = rd_kafka_queue_new(p->rk);
    return p->partitions != NULL && p->replies != NULL
               ? DF_OK
               : df_stage_fail(p->st, DF_ENOMEM, NULL, "no memory");
}

static int reach(df__kafka_look *p)
{
    const char *name = p->o.topic.data;
    rd_kafka_topic_t *topic = name ? rd_kafka_topic_new(p->rk, name, NULL) : NULL;
    df__kafka_reach how = {p->st, p->rk, topic, &p->o, &p->failure, serve, p};
    int rc = df__kafka_reach_broker(&how);
    if (topic)
        rd_kafka_topic_destroy(topic);
    if (rc == DF_EIO && p->trouble[0] != '\0')
        rc = df_stage_failf(p->st, DF_EIO, "connection_error",
                            "%s: no broker of %s can be reached: %s", p->label,
                            (const char *)p->o.brokers.data, p->trouble);
    return rc;
}

int df__kafka_look_begin(df__kafka_look *p)
{
    int rc = make_label(p);
    rc = rc == DF_OK ? make_client(p) : rc;
    rc = rc == DF_OK ? reach(p) : rc;
    return rc == DF_OK ? read_topics(p) : rc;
}

int df__kafka_look_end(df__kafka_look *p, int rc)
{
    if (p->failure.status != DF_OK)
        rc = df__kafka_raise(&p->failure, p->st);
    if (p->replies)
        rd_kafka_queue_destroy(p->replies);
    if (p->partitions)
        rd_kafka_topic_partition_list_destroy(p->partitions);
    df__kafka_token_stop(&p->o);
    if (p->rk)
        df__kafka_let_go(p->st, p->rk, LET_GO_MS, 0);
    return rc;
}
