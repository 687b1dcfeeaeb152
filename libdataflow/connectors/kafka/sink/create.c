/* SPDX-License-Identifier: Apache-2.0
 * create.c: the option topicCreate. The topic is asked for by an admin call before any request for
 * metadata names it, since a broker that makes topics by itself would make it then, its own way.
 * What is there already stays as it is; what is different is told.
 */
#include <stdio.h>
#include <string.h>

#include "create.h"
#include "reports.h"

enum { ANSWER_MS = 10000, SLICE_MS = 100, VISIBLE_MS = 20000, LOOK_MS = 1000 };

typedef struct job {
    df__kafka_sink *s;
    const char *name;
    int tell; /* of differences */
} job;

/* ---- options --------------------------------------------------------------------------------- */

#define CREATE(member) offsetof(df__kafka_create, member)
static const df_option create_rows[] = {
    {.name = "partitions",
     .type = DF_OPT_INT,
     .min = 1,
     .max = 100000,
     .offset = CREATE(partitions),
     .doc = "Number of partitions (the broker's num.partitions)."},
    {.name = "replicationFactor",
     .type = DF_OPT_INT,
     .def = "-1",
     .min = -1,
     .max = 32767,
     .offset = CREATE(replication),
     .doc = "Copies of each partition; -1: the broker's default.replication.factor."},
    {.name = "config",
     .type = DF_OPT_MAP,
     .offset = CREATE(config),
     .doc = "Settings of the topic by Kafka's names: cleanup.policy, retention.ms."},
};
const df_options df__kafka_create_table = DF_OPTIONS(create_rows, df__kafka_create);

void df__kafka_create_check(df_stage *st, const df__kafka_create *o)
{
    if (o && o->replication == 0)
        (void)df_stage_problem(st, DF_ERROR, "topicCreate.replicationFactor",
                               "must be 1 or more, or -1 for the broker's default");
}

/* ---- one admin call -------------------------------------------------------------------------- */

/* The answer, or NULL with *ret_rc: the client reports failures of its own meanwhile. */
static rd_kafka_event_t *wait_for(const job *j, rd_kafka_queue_t *queue, int *ret_rc)
{
    int64_t limit = df__kafka_clock_ms() + ANSWER_MS + LOOK_MS;
    rd_kafka_event_t *event = NULL;
    *ret_rc = DF_OK;
    while (!event && *ret_rc == DF_OK && df__kafka_clock_ms() < limit) {
        event = rd_kafka_queue_poll(queue, SLICE_MS);
        df__kafka_serve(j->s, 0);
        if (j->s->failure.status != DF_OK)
            *ret_rc = df__kafka_raise(&j->s->failure, j->s->st);
        else if (df_stage_stopping(j->s->st))
            *ret_rc = DF_ECANCELED;
    }
    if (event && *ret_rc != DF_OK) {
        rd_kafka_event_destroy(event);
        event = NULL;
    } else if (!event && *ret_rc == DF_OK) {
        *ret_rc =
            df_stage_failf(j->s->st, DF_EIO, "timeout",
                           "topic %s: no broker has answered whether it was created", j->name);
    }
    return event;
}

static rd_kafka_AdminOptions_t *new_options(const job *j, rd_kafka_admin_op_t op)
{
    char text[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(j->s->rk, op);
    if (!options)
        return NULL;
    (void)rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, text, sizeof text);
    if (op == RD_KAFKA_ADMIN_OP_CREATETOPICS)
        (void)rd_kafka_AdminOptions_set_operation_timeout(options, ANSWER_MS, text, sizeof text);
    return options;
}

static rd_kafka_NewTopic_t *new_topic(const job *j)
{
    char text[256];
    const df__kafka_create *o = j->s->o.create;
    const df_pair *pairs = o->config.items;
    int partitions = o->partitions == DF_UNSET ? -1 : (int)o->partitions;
    rd_kafka_NewTopic_t *fresh =
        rd_kafka_NewTopic_new(j->name, partitions, (int)o->replication, text, sizeof text);
    for (size_t i = 0; fresh != NULL && i < o->config.count; i++)
        (void)rd_kafka_NewTopic_set_config(fresh, pairs[i].name.data, pairs[i].value.data);
    return fresh;
}

/* ---- what is there --------------------------------------------------------------------------- */

static int has_leaders(const rd_kafka_metadata_topic_t *t)
{
    for (int i = 0; i < t->partition_cnt; i++)
        if (t->partitions[i].leader < 0)
            return 0;
    return t->partition_cnt > 0;
}

static void compare_shape(const job *j, const rd_kafka_metadata_topic_t *t)
{
    const df__kafka_create *o = j->s->o.create;
    if (o->partitions != DF_UNSET && t->partition_cnt != (int)o->partitions)
        df_stage_logf(j->s->st, DF_LOG_WARN,
                      "topic %s has %d partitions and topicCreate says %d: it is left as it is",
                      j->name, t->partition_cnt, (int)o->partitions);
    if (o->replication > 0 && t->partitions[0].replica_cnt != (int)o->replication)
        df_stage_logf(j->s->st, DF_LOG_WARN,
                      "topic %s has %d replicas of each partition and topicCreate says %d: it is "
                      "left as it is",
                      j->name, t->partitions[0].replica_cnt, (int)o->replication);
}

/* DF_OK: brokers know it and every partition has a leader; DF_AGAIN: not yet; DF_ENOTFOUND;
 * DF_EAUTH: not for us. */
static int look(const job *j)
{
    const rd_kafka_metadata_t *meta = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(j->s->rk, j->name, NULL);
    if (!topic)
        return DF_ENOMEM;
    rd_kafka_resp_err_t err = rd_kafka_metadata(j->s->rk, 0, topic, &meta, LOOK_MS);
    int rc = DF_AGAIN;
    if (!err && meta->topic_cnt == 1) {
        const rd_kafka_metadata_topic_t *t = &meta->topics[0];
        if (t->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
            rc = DF_EAUTH;
        else if (t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            rc = DF_ENOTFOUND;
        else if (!t->err && has_leaders(t))
            rc = DF_OK;
        if (rc == DF_OK && j->tell)
            compare_shape(j, t);
    }
    if (meta)
        rd_kafka_metadata_destroy(meta);
    rd_kafka_topic_destroy(topic);
    return rc;
}

static int wait_visible(const job *j)
{
    int64_t limit = df__kafka_clock_ms() + VISIBLE_MS;
    for (;;) {
        int rc = look(j);
        if (rc == DF_OK || rc == DF_ENOMEM)
            return rc;
        if (rc == DF_EAUTH)
            return df_stage_failf(j->s->st, DF_EAUTH, "auth_error",
                                  "topic %s: this client may not see it; give it the right to "
                                  "DESCRIBE and WRITE the topic",
                                  j->name);
        if (df__kafka_clock_ms() >= limit)
            return df_stage_failf(j->s->st, DF_EIO, "unknown_topic",
                                  "topic %s was created, but no broker shows it with a leader for "
                                  "each partition yet",
                                  j->name);
        if (df_stage_wait(j->s->st, -1, 0, SLICE_MS) == DF_ECANCELED || df_stage_stopping(j->s->st))
            return DF_ECANCELED;
    }
}

/* ---- settings -------------------------------------------------------------------------------- */

static void compare_entry(const job *j, const df_pair *want, const rd_kafka_ConfigEntry_t *entry)
{
    const char *value = rd_kafka_ConfigEntry_value(entry);
    if (strcmp(rd_kafka_ConfigEntry_name(entry), want->name.data) != 0 || !value ||
        strcmp(value, want->value.data) == 0)
        return;
    df_stage_logf(j->s->st, DF_LOG_WARN,
                  "topic %s has %s %s and topicCreate says %s: it is left as it is", j->name,
                  (const char *)want->name.data, value, (const char *)want->value.data);
}

static void compare_resource(const job *j, const rd_kafka_ConfigResource_t *resource)
{
    const df_pair *pairs = j->s->o.create->config.items;
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    if (rd_kafka_ConfigResource_error(resource)) {
        df_stage_logf(j->s->st, DF_LOG_WARN,
                      "topic %s: whether its settings are those of topicCreate is not known (%s); "
                      "give this client the right DESCRIBE_CONFIGS on the topic",
                      j->name, rd_kafka_err2str(rd_kafka_ConfigResource_error(resource)));
        return;
    }
    for (size_t i = 0; i < j->s->o.create->config.count; i++)
        for (size_t k = 0; k < count; k++)
            compare_entry(j, &pairs[i], entries[k]);
}

static int compare_config(const job *j)
{
    int rc = DF_OK;
    size_t count = 0;
    if (!j->tell || j->s->o.create->config.count == 0)
        return DF_OK;
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, j->name);
    rd_kafka_AdminOptions_t *options = new_options(j, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(j->s->rk);
    if (!resource || !options || !queue)
        rc = DF_ENOMEM;
    else
        rd_kafka_DescribeConfigs(j->s->rk, &resource, 1, options, queue);
    rd_kafka_event_t *event = rc == DF_OK ? wait_for(j, queue, &rc) : NULL;
    if (event && !rd_kafka_event_error(event)) {
        const rd_kafka_ConfigResource_t **all = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &count);
        if (count == 1)
            compare_resource(j, all[0]);
    }
    if (event)
        rd_kafka_event_destroy(event);
    if (queue)
        rd_kafka_queue_destroy(queue);
    if (options)
        rd_kafka_AdminOptions_destroy(options);
    if (resource)
        rd_kafka_ConfigResource_destroy(resource);
    return rc;
}

/* ---- creation -------------------------------------------------------------------------------- */

/* A client without the right to create is told so whether the topic is there or not. Asking for
 * metadata makes none then either. */
static int not_allowed(const job *j)
{
    int rc = look(j);
    if (rc == DF_OK || rc == DF_AGAIN)
        return DF_OK;
    if (rc == DF_ENOMEM)
        return rc;
    return df_stage_failf(j->s->st, DF_EAUTH, "auth_error",
                          "topic %s is not there for this client, and it may not create it: give "
                          "it the right CREATE on the topic or on the cluster, or create the topic",
                          j->name);
}

static int is_wrong(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_INVALID_PARTITIONS || err == RD_KAFKA_RESP_ERR_INVALID_CONFIG ||
           err == RD_KAFKA_RESP_ERR_POLICY_VIOLATION || err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
           err == RD_KAFKA_RESP_ERR_INVALID_REQUEST || err == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION;
}

static int judge(const job *j, rd_kafka_resp_err_t err, const char *text)
{
    if (!err) {
        df_stage_logf(j->s->st, DF_LOG_INFO, "topic %s created", j->name);
        return DF_OK;
    }
    if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return DF_OK;
    if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
        return not_allowed(j);
    return df_stage_failf(j->s->st, is_wrong(err) ? DF_EINVAL : DF_EIO,
                          is_wrong(err) ? "invalid_config" : "connection_error",
                          "topic %s cannot be created as topicCreate says: %s", j->name,
                          text != NULL ? text : rd_kafka_err2str(err));
}

static int ask(const job *j)
{
    int rc = DF_OK;
    size_t count = 0;
    rd_kafka_NewTopic_t *fresh = new_topic(j);
    rd_kafka_AdminOptions_t *options = new_options(j, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(j->s->rk);
    if (!fresh || !options || !queue)
        rc = df_stage_fail(j->s->st, DF_ENOMEM, NULL, "no memory to create a topic");
    else
        rd_kafka_CreateTopics(j->s->rk, &fresh, 1, options, queue);
    rd_kafka_event_t *event = rc == DF_OK ? wait_for(j, queue, &rc) : NULL;
    if (event && rd_kafka_event_error(event)) {
        rc = judge(j, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
    } else if (event) {
        const rd_kafka_topic_result_t **all =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        if (count == 1)
            rc = judge(j, rd_kafka_topic_result_error(all[0]),
                       rd_kafka_topic_result_error_string(all[0]));
    }
    if (event)
        rd_kafka_event_destroy(event);
    if (queue)
        rd_kafka_queue_destroy(queue);
    if (options)
        rd_kafka_AdminOptions_destroy(options);
    if (fresh)
        rd_kafka_NewTopic_destroy(fresh);
    return rc;
}

int df__kafka_create_topic(df__kafka_sink *s, const char *name, int tell)
{
    const job j = {s, name, tell};
    int rc = ask(&j);
    if (rc == DF_OK)
        rc = wait_visible(&j);
    if (rc == DF_OK)
        rc = compare_config(&j);
    return rc;
}
