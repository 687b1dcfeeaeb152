/* SPDX-License-Identifier: Apache-2.0
 * target.c: the topics that the sink writes: the option `topic`, or for each record what
 * `topicFrom` names, of those that `topicAllow` lets through. A handle of the client for each, made
 * when it is first needed and let go with the client.
 */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "kafka.h"

/* A handle costs some kilobytes here and metadata at every refresh. */
enum { BUCKETS = 256, MOST = 4096 };

struct df__kafka_goal {
    df__kafka_goal *next;
    rd_kafka_topic_t *topic; /* NULL: not of this client yet */
    int checked;             /* what topicCreate finds different was told */
    char name[];
};
struct df__kafka_goals {
    regex_t allow;
    int allows; /* the pattern is compiled: from open to close */
    size_t count;
    df__kafka_goal *buckets[BUCKETS];
};

const char *df__kafka_goal_name(const df__kafka_goal *goal)
{
    return goal->name;
}

rd_kafka_topic_t *df__kafka_goal_topic(const df__kafka_goal *goal)
{
    return goal->topic;
}

/* ---- options --------------------------------------------------------------------------------- */

/* The whole name has to match. */
static int compile(regex_t *re, df_bytes text, char *why, size_t cap)
{
    char whole[1024];
    if ((size_t)snprintf(whole, sizeof whole, "^(%s)$", (const char *)text.data) >= sizeof whole) {
        (void)snprintf(why, cap, "is longer than 1000 bytes");
        return DF_ESPEC;
    }
    int err = regcomp(re, whole, REG_EXTENDED | REG_NOSUB);
    if (err == 0)
        return DF_OK;
    (void)regerror(err, re, why, cap);
    return DF_ESPEC;
}

int df__kafka_pattern_check(df_stage *st, const char *option, df_bytes text)
{
    char why[200] = "is not a regular expression: ";
    size_t len = strlen(why);
    regex_t re;
    if (compile(&re, text, why + len, sizeof why - len) != DF_OK)
        return df_stage_problem(st, DF_ERROR, option, why);
    regfree(&re);
    return DF_OK;
}

void df__kafka_goals_check(const df__kafka_sink_options *o, df_stage *st)
{
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

int df__kafka_goals_open(df__kafka_sink *s)
{
    char why[160];
    if (s->goals == NULL) /* else opened again */
        s->goals = df_stage_alloc(s->st, sizeof *s->goals);
    if (s->goals == NULL)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
    if (s->o.topic_allow.len == 0)
        return DF_OK;
    if (compile(&s->goals->allow, s->o.topic_allow, why, sizeof why) != DF_OK)
        return df_stage_failf(s->st, DF_EINVAL, "invalid_config", "topicAllow: %s", why);
    s->goals->allows = 1;
    return DF_OK;
}

void df__kafka_goals_close(df__kafka_sink *s)
{
    if (s->goals != NULL && s->goals->allows)
        regfree(&s->goals->allow);
    if (s->goals != NULL)
        s->goals->allows = 0;
    for (size_t i = 0; s->goals != NULL && i < BUCKETS; i++)
        for (df__kafka_goal *goal = s->goals->buckets[i]; goal != NULL; goal = goal->next) {
            if (goal->topic != NULL)
                rd_kafka_topic_destroy(goal->topic);
            goal->topic = NULL;
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
static df__kafka_goal *known(df__kafka_sink *s, df_bytes name, const char **ret_why)
{
    df__kafka_goal **at = &s->goals->buckets[bucket_of(name)];
    for (df__kafka_goal *goal = *at; goal != NULL; goal = goal->next)
        if (strlen(goal->name) == name.len && memcmp(goal->name, name.data, name.len) == 0)
            return goal;
    *ret_why = "topicFrom names more than 4096 topics";
    if (s->goals->count >= MOST)
        return NULL;
    df__kafka_goal *goal = df_stage_alloc(s->st, sizeof *goal + name.len + 1);
    *ret_why = NULL;
    if (goal == NULL)
        return NULL;
    memcpy(goal->name, name.data, name.len);
    goal->next = *at;
    *at = goal;
    s->goals->count++;
    return goal;
}

/* 1: a record may choose this topic. */
static int is_allowed(df__kafka_sink *s, df_bytes name)
{
    char text[250];
    if (df__kafka_topic_fault(name) != NULL || !s->goals->allows)
        return 0;
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    return regexec(&s->goals->allow, text, 0, NULL, 0) == 0;
}

/* The topic exists, as far as topicCreate can see to that, before anything else names it. */
static int make_handle(df__kafka_sink *s, df__kafka_goal *goal)
{
    int rc = DF_OK;
    if (s->o.create != NULL && !s->dry)
        rc = df__kafka_create_topic(s, goal->name, !goal->checked);
    if (rc != DF_OK)
        return rc;
    goal->checked = 1;
    goal->topic = rd_kafka_topic_new(s->rk, goal->name, NULL);
    if (goal->topic == NULL)
        return df_stage_failf(s->st, DF_EINVAL, "invalid_config", "%s: %s", goal->name,
                              rd_kafka_err2str(rd_kafka_last_error()));
    return DF_OK;
}

int df__kafka_goal_of(df__kafka_sink *s, df_bytes name, df__kafka_goal **ret, const char **ret_why)
{
    *ret_why = NULL;
    if (name.data == NULL) {
        name = s->o.common.topic;
    } else if (!is_allowed(s, name)) { /* a name in there would be a value of the record */
        *ret_why = "topicFrom names a topic that topicAllow does not allow";
        return DF_EDATA;
    }
    df__kafka_goal *goal = known(s, name, ret_why);
    if (goal == NULL)
        return *ret_why != NULL ? DF_EDATA : DF_ENOMEM;
    *ret = goal;
    return goal->topic != NULL ? DF_OK : make_handle(s, goal);
}
