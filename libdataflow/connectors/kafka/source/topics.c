/* SPDX-License-Identifier: Apache-2.0
 * topics.c: which topics the source reads: one (`topic`), several (`topics`),
 * or those whose names match (`topicPattern`), which the client looks for again
 * at each refresh of its metadata.
 */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "client/topic.h"
#include "topics.h"

enum { ASK_MS = 5000, WHOLE = 1024 };

static int is_pattern(const df__kafka_source *s)
{
    return s->o.pattern.len > 0;
}

/* Name number i of `topic` or `topics`; NULL past the last. */
static const char *name_at(const df__kafka_source *s, size_t i)
{
    const df_bytes *names = s->o.topics.items;
    if (s->o.topics.count > 0)
        return i < s->o.topics.count ? names[i].data : NULL;
    return i == 0 && !is_pattern(s) ? s->o.common.topic.data : NULL;
}

/* ---- options --------------------------------------------------------------------------------- */

/* An option given by reference (topicSecretRef) has an empty text until the core resolves it. */
static int is_given(df_bytes text)
{
    return text.data != NULL;
}

void df__kafka_topics_check(df_stage *st, const df__kafka_source_options *o)
{
    const df_bytes *names = o->topics.items;
    int given = is_given(o->common.topic) + (o->topics.count > 0) + (o->pattern.len > 0);
    if (given == 0)
        (void)df_stage_problem(st, DF_ERROR, "topic",
                               "\"topic\", \"topicSecretRef\", \"topics\" or \"topicPattern\" is "
                               "required");
    if (given > 1)
        (void)df_stage_problem(st, DF_ERROR, o->pattern.len > 0 ? "topicPattern" : "topics",
                               "only one of topic, topics and topicPattern can say what is read");
    for (size_t i = 0; i < o->topics.count; i++) {
        const char *why = df__kafka_topic_fault(names[i]);
        if (why)
            (void)df_stage_problemf(st, DF_ERROR, "topics", "\"%.*s\" %s",
                                    (int)(names[i].len > 249 ? 249 : names[i].len),
                                    (const char *)names[i].data, why);
        for (size_t k = 0; k < i; k++)
            if (names[i].len == names[k].len &&
                memcmp(names[i].data, names[k].data, names[i].len) == 0)
                (void)df_stage_problemf(st, DF_ERROR, "topics", "\"%.*s\" is there twice",
                                        (int)(names[i].len > 249 ? 249 : names[i].len),
                                        (const char *)names[i].data);
    }
    if (o->pattern.len > 0)
        (void)df__kafka_pattern_check(st, "topicPattern", o->pattern);
}

const char *df__kafka_topics_label(df__kafka_source *s)
{
    size_t len = 0, at = 0;
    if (is_pattern(s))
        return s->o.pattern.data;
    for (size_t i = 0; name_at(s, i) != NULL; i++)
        len += strlen(name_at(s, i)) + 2;
    char *text = df_stage_alloc(s->st, len + 1);
    for (size_t i = 0; text != NULL && name_at(s, i) != NULL; i++)
        at += (size_t)snprintf(text + at, len + 1 - at, "%s%s", i > 0 ? ", " : "", name_at(s, i));
    return text;
}

/* ---- subscription ---------------------------------------------------------------------------- */

int df__kafka_topics_subscribe(df__kafka_source *s)
{
    char whole[WHOLE];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    if (!list)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
    (void)snprintf(whole, sizeof whole, "^(%s)$",
                   is_pattern(s) ? (const char *)s->o.pattern.data : "");
    if (is_pattern(s))
        rd_kafka_topic_partition_list_add(list, whole, RD_KAFKA_PARTITION_UA);
    for (size_t i = 0; name_at(s, i) != NULL; i++)
        rd_kafka_topic_partition_list_add(list, name_at(s, i), RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(s->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err)
        return df_stage_failf(s->st, DF_EINVAL, "invalid_config", "cannot subscribe to %s: %s",
                              s->label, rd_kafka_err2str(err));
    return DF_OK;
}

/* ---- what is there --------------------------------------------------------------------------- */

static int no_answer(df__kafka_source *s, rd_kafka_resp_err_t err)
{
    return df_stage_failf(s->st, DF_EIO, "connection_error",
                          "cannot read the partitions of %s from %s: %s", s->label,
                          (const char *)s->o.common.brokers.data, df__kafka_words_of(err));
}

static int no_topic(df__kafka_source *s, const char *name, rd_kafka_resp_err_t err)
{
    df__kafka_rule rule = df__kafka_rule_of(s->rk, err);
    const char *brokers = s->o.common.brokers.data;
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return df_stage_failf(s->st, DF_ENOTFOUND, "unknown_topic",
                              "topic %s does not exist on %s; create it, or correct the name", name,
                              brokers);
    if (rule.status != DF_OK)
        return df_stage_failf(s->st, rule.status, rule.reason, "topic %s on %s: %s; %s", name,
                              brokers, rd_kafka_err2str(err), rule.remedy);
    return df_stage_failf(s->st, DF_EIO, "connection_error", "topic %s on %s: %s", name, brokers,
                          rd_kafka_err2str(err));
}

static void add_topic(rd_kafka_topic_partition_list_t *list, const rd_kafka_metadata_topic_t *t)
{
    for (int i = 0; i < t->partition_cnt; i++)
        rd_kafka_topic_partition_list_add(list, t->topic, t->partitions[i].id);
}

static int add_named(df__kafka_source *s, const char *name, int must,
                     rd_kafka_topic_partition_list_t *list)
{
    const rd_kafka_metadata_t *meta = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(s->rk, name, NULL);
    if (!topic)
        return df_stage_failf(s->st, DF_EINVAL, "invalid_config", "%s: not a name of a topic",
                              name);
    rd_kafka_resp_err_t err = rd_kafka_metadata(s->rk, 0, topic, &meta, ASK_MS);
    rd_kafka_topic_destroy(topic);
    if (err)
        return no_answer(s, err);
    err = meta->topic_cnt == 1 ? meta->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    int rc = err && must ? no_topic(s, name, err) : DF_OK;
    if (!err)
        add_topic(list, &meta->topics[0]);
    rd_kafka_metadata_destroy(meta);
    return rc;
}

static int add_matching(df__kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    char whole[WHOLE];
    const rd_kafka_metadata_t *meta = NULL;
    regex_t re;
    (void)snprintf(whole, sizeof whole, "^(%s)$", (const char *)s->o.pattern.data);
    if (regcomp(&re, whole, REG_EXTENDED | REG_NOSUB) != 0)
        return df_stage_fail(s->st, DF_EINVAL, "invalid_config",
                             "topicPattern is not a regular expression");
    rd_kafka_resp_err_t err = rd_kafka_metadata(s->rk, 1, NULL, &meta, ASK_MS);
    for (int i = 0; !err && i < meta->topic_cnt; i++)
        if (!meta->topics[i].err && regexec(&re, meta->topics[i].topic, 0, NULL, 0) == 0)
            add_topic(list, &meta->topics[i]);
    regfree(&re);
    if (meta)
        rd_kafka_metadata_destroy(meta);
    return err ? no_answer(s, err) : DF_OK;
}

int df__kafka_topics_list(df__kafka_source *s, int must, rd_kafka_topic_partition_list_t **ret)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    if (!list)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the partitions");
    int rc = is_pattern(s) ? add_matching(s, list) : DF_OK;
    for (size_t i = 0; rc == DF_OK && name_at(s, i) != NULL; i++)
        rc = add_named(s, name_at(s, i), must, list);
    if (rc == DF_OK)
        *ret = list;
    else
        rd_kafka_topic_partition_list_destroy(list);
    return rc;
}
