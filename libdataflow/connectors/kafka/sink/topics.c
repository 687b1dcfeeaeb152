/* SPDX-License-Identifier: Apache-2.0
 * topics.c: the topics that the sink writes: the option `topic`, or for each record what
 * `topicFrom` names, of those that `topicAllow` lets through. A handle of the client for each, made
 * when it is first needed and let go with the client.
 */
#include <regex.h>
#include <string.h>

#include "client/topic.h"
#include "create.h"
#include "topics.h"

/* A handle costs some kilobytes here and metadata at every refresh. */
enum { BUCKETS = 256, MOST = 4096 };

struct df__kafka_sink_topic {
    df__kafka_sink_topic *next;
    rd_kafka_topic_t *handle; /* NULL: not of this client yet */
    int checked;              /* what topicCreate finds different was told */
    char name[];
};
struct df__kafka_sink_topics {
    regex_t allow;
    int allows; /* the pattern is compiled: from open to close */
    size_t count;
    df__kafka_sink_topic *buckets[BUCKETS];
};

const char *df__kafka_sink_topic_name(const df__kafka_sink_topic *topic)
{
    return topic->name;
}

rd_kafka_topic_t *df__kafka_sink_topic_handle(const df__kafka_sink_topic *topic)
{
    return topic->handle;
}

/* ---- options --------------------------------------------------------------------------------- */

static int is_error_topic(const df__kafka_sink_options *o, df_bytes name)
{
    return name.len > 0 && o->error_topic.len == name.len &&
           memcmp(o->error_topic.data, name.data, name.len) == 0;
}

static void check_error_topic(const df__kafka_sink_options *o, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    const char *why = df__kafka_topic_fault(o->error_topic);
    if (df_stage_describe(st, &info) != DF_OK)
        return;
    if (why)
        (void)df_stage_problem(st, DF_ERROR, "errorTopic", why);
    if (is_error_topic(o, o->common.topic))
        (void)df_stage_problem(st, DF_ERROR, "errorTopic", "must be another one than topic");
    if (info.exactly_once && !info.is_error_sink)
        (void)df_stage_traits(st, DF_TAKES_ERRORS, 0);
    else
        (void)df_stage_problem(st, DF_ERROR, "errorTopic",
                               "needs deliveryGuarantee: exactlyOnce, of which it is a part; else "
                               "use an error sink (errors)");
}

void df__kafka_sink_topics_check(const df__kafka_sink_options *o, df_stage *st)
{
    if (o->error_topic.len > 0)
        check_error_topic(o, st);
    if (o->topic_from.len > 0 && o->topic_allow.len == 0)
        (void)df_stage_problem(st, DF_ERROR, "topicAllow",
                               "is required with topicFrom: which topics records may choose, as a "
                               "regular expression for the whole name");
    if (o->topic_allow.len > 0 && o->topic_from.len == 0)
        (void)df_stage_problem(st, DF_ERROR, "topicAllow", "has no meaning without topicFrom");
    if (o->topic_allow.len > 0)
        (void)df__kafka_pattern_check(st, "topicAllow", o->topic_allow);
}

/* ---- the topics ------------------------------------------------------------------------------ */

int df__kafka_sink_topics_open(df__kafka_sink *s)
{
    char why[160];
    if (!s->topics) /* else opened again */
        s->topics = df_stage_alloc(s->st, sizeof *s->topics);
    if (!s->topics)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
    if (s->o.topic_allow.len == 0)
        return DF_OK;
    if (df__kafka_pattern_compile(&s->topics->allow, s->o.topic_allow, why, sizeof why) != DF_OK)
        return df_stage_failf(s->st, DF_EINVAL, "invalid_config", "topicAllow: %s", why);
    s->topics->allows = 1;
    return DF_OK;
}

void df__kafka_sink_topics_close(df__kafka_sink *s)
{
    if (s->topics && s->topics->allows)
        regfree(&s->topics->allow);
    if (s->topics)
        s->topics->allows = 0;
    for (size_t i = 0; s->topics != NULL && i < BUCKETS; i++)
        for (df__kafka_sink_topic *topic = s->topics->buckets[i]; topic != NULL;
             topic = topic->next) {
            if (topic->handle)
                rd_kafka_topic_destroy(topic->handle);
            topic->handle = NULL;
        }
}

/* FNV-1a. */
static size_t bucket_of(df_bytes name)
{
    const unsigned char *at = name.data;
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ at[i]) * 16777619U;
    return hash % BUCKETS;
}

/* The topic of that name, made when missing. NULL: *ret_why says why not, or NULL for no memory. */
static df__kafka_sink_topic *known(df__kafka_sink *s, df_bytes name, const char **ret_why)
{
    df__kafka_sink_topic **at = &s->topics->buckets[bucket_of(name)];
    for (df__kafka_sink_topic *topic = *at; topic != NULL; topic = topic->next)
        if (strlen(topic->name) == name.len && memcmp(topic->name, name.data, name.len) == 0)
            return topic;
    *ret_why = "topicFrom names more than 4096 topics";
    if (s->topics->count >= MOST)
        return NULL;
    df__kafka_sink_topic *topic = df_stage_alloc(s->st, sizeof *topic + name.len + 1);
    *ret_why = NULL;
    if (!topic)
        return NULL;
    memcpy(topic->name, name.data, name.len);
    topic->next = *at;
    *at = topic;
    s->topics->count++;
    return topic;
}

/* 1: a record may choose this topic. */
static int is_allowed(df__kafka_sink *s, df_bytes name)
{
    char text[250];
    if (df__kafka_topic_fault(name) || !s->topics->allows)
        return 0;
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    return regexec(&s->topics->allow, text, 0, NULL, 0) == 0;
}

/* The topic exists, as far as topicCreate can see to that, before anything else names it. */
static int make_handle(df__kafka_sink *s, df__kafka_sink_topic *topic)
{
    df_bytes name = {topic->name, strlen(topic->name)};
    int rc = DF_OK;
    /* A topic for error records is not to be like the one for the others (compacted, say). */
    if (s->o.create && !s->dry && !is_error_topic(&s->o, name))
        rc = df__kafka_create_topic(s, topic->name, !topic->checked);
    if (rc != DF_OK)
        return rc;
    topic->checked = 1;
    topic->handle = rd_kafka_topic_new(s->rk, topic->name, NULL);
    if (!topic->handle)
        return df_stage_failf(s->st, DF_EINVAL, "invalid_config", "%s: %s", topic->name,
                              rd_kafka_err2str(rd_kafka_last_error()));
    return DF_OK;
}

int df__kafka_sink_topic_of(df__kafka_sink *s, df_bytes name, df__kafka_sink_topic **ret,
                            const char **ret_why)
{
    *ret_why = NULL;
    if (!name.data) {
        name = s->o.common.topic;
    } else if (name.data == s->o.error_topic.data) {
        ;                              /* no record has chosen it */
    } else if (!is_allowed(s, name)) { /* a name in there would be a value of the record */
        *ret_why = "topicFrom names a topic that topicAllow does not allow";
        return DF_EDATA;
    }
    df__kafka_sink_topic *topic = known(s, name, ret_why);
    if (!topic)
        return *ret_why != NULL ? DF_EDATA : DF_ENOMEM;
    *ret = topic;
    return topic->handle != NULL ? DF_OK : make_handle(s, topic);
}
