/* SPDX-License-Identifier: Apache-2.0
 * served.c: see served.h. The OpenAPI document of the group is open to every account. */
#include "dfoperator/cluster/served.h"

#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/kinds.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"

static const char *const flow_status[] = {"phase",      "message",           "observedGeneration",
                                          "conditions", "processedCount",    "errorCount",
                                          "lag",        "lastProcessedTime", "maintenanceStatus",
                                          "replicas",   "selector",          "secretsTime",
                                          NULL};
static const char *const cron_status[] = {"phase",
                                          "message",
                                          "observedGeneration",
                                          "conditions",
                                          "runs",
                                          "skips",
                                          "lastScheduleTime",
                                          "lastSuccessfulTime",
                                          "lastFailedTime",
                                          "currentRunID",
                                          "activeJobName",
                                          "currentTriggerIndex",
                                          "processedCount",
                                          "errorCount",
                                          "lag",
                                          "lastProcessedTime",
                                          "secretsTime",
                                          NULL};

/* A new definition comes into the document after a moment, one kind after the other, and a changed
 * one is there as it was before for as long: what is missing is told when it stays missing. */
enum { SOON_US = 2000000, EVERY_US = 60000000, NO_SCHEMA_US = 120000000, OLD_SCHEMA_US = 20000000 };

struct op_served {
    op_served_config config;
    kube_request *request;
    kube_timer timer;
    int64_t since_us; /* something is missing, by the loop's clock; -1: nothing */
    char said[OP_SERVED_TEXT];
};

/* ---- comparison ---------------------------------------------------------------------------- */

/* The schema of a kind; NULL: the server does not have it. */
static json_object *schema_of(json_object *openapi, const char *kind)
{
    json_object *all = op_get(openapi, "components.schemas"), *of;
    if (!json_object_is_type(all, json_type_object))
        return NULL;
    json_object_object_foreach(all, name, schema)
    {
        (void)name;
        if (json_object_object_get_ex(schema, "x-kubernetes-group-version-kind", &of) &&
            json_object_is_type(of, json_type_array) &&
            !strcmp(op_text(json_object_array_get_idx(of, 0), "kind"), kind))
            return schema;
    }
    return NULL;
}

typedef struct list {
    char *text;
    size_t len;
    const char *kind;
    int begun; /* the kind is named */
} list;

static void add(list *l, const char *part, const char *name)
{
    if (!l->begun)
        l->len += df__text_printf(l->text + l->len, OP_SERVED_TEXT - l->len,
                                  "%s%s:", l->len ? "; " : "", l->kind);
    l->len += df__text_printf(l->text + l->len, OP_SERVED_TEXT - l->len, "%s %s%s%s",
                              l->begun ? "," : "", part, *name ? "." : "", name);
    l->begun = 1;
}

static void look_for(list *l, json_object *schema, const char *part, const char *name)
{
    json_object *members = op_get(op_get(schema, "properties"), part);
    members = op_get(members, "properties");
    if (!json_object_is_type(members, json_type_object) ||
        !json_object_object_get_ex(members, name, NULL))
        add(l, part, name);
}

static void look_for_rows(list *l, json_object *schema, json_object *rows)
{
    size_t count = op_count(rows);
    for (size_t i = 0; i < count; i++)
        look_for(l, schema, "spec", op_text(json_object_array_get_idx(rows, i), "name"));
}

static void look_for_kind(list *l, json_object *schema, json_object *described)
{
    int is_cron = !strcmp(l->kind, op_kinds[OP_CRON].kind);
    look_for_rows(l, schema, op_get(described, "spec"));
    if (is_cron)
        look_for_rows(l, schema, op_get(described, "cron"));
    for (const char *const *name = is_cron ? cron_status : flow_status; *name; name++)
        look_for(l, schema, "status", *name);
}

int op_served_compare(json_object *openapi, json_object *described, char ret[OP_SERVED_TEXT])
{
    list l = {.text = ret};
    int unknown = 0;
    ret[0] = '\0';
    for (op_kind kind = OP_FLOW; kind <= OP_CRON; kind++) {
        json_object *schema = schema_of(openapi, op_kinds[kind].kind);
        l.kind = op_kinds[kind].kind;
        l.begun = 0;
        if (schema) {
            look_for_kind(&l, schema, described);
        } else {
            add(&l, "everything", "");
            unknown++;
        }
    }
    return unknown;
}

/* ---- at work ------------------------------------------------------------------------------- */

static int write_text(void *user, const char *text, size_t len)
{
    df__buf_add(user, text, len);
    return DF_OK;
}

static json_object *describe(df_env *env)
{
    df__buf text;
    json_object *ret = NULL;
    df__buf_init(&text, &df__heap_libc);
    if (df_env_describe(env, write_text, &text) == DF_OK && df__buf_cstr(&text))
        ret = json_tokener_parse(text.data);
    df__buf_free(&text);
    return ret;
}

static void tell(op_served *s, const char *lacks)
{
    char line[OP_SERVED_TEXT + 300];
    if (!strcmp(s->said, lacks))
        return;
    if (*lacks)
        df__text_printf(
            line, sizeof line,
            "the cluster's definitions are older than this operator, and what they lack "
            "is lost: %s. Bring them up to date: helm upgrade with crds.install=true, or "
            "kubectl apply --server-side -f deploy/crds",
            lacks);
    else
        df__text_printf(line, sizeof line, "the cluster's definitions lack nothing any more");
    s->config.told(s->config.user, *lacks ? DF_LOG_WARN : DF_LOG_INFO, line);
    df__text_set(s->said, sizeof s->said, lacks, strlen(lacks));
}

/* 1: what is missing may still come, and is looked for again soon. */
static int look_again(op_served *s, int64_t patience_us)
{
    kube_loop *loop = kube_client_loop(s->config.client);
    int waits;
    if (s->since_us < 0)
        s->since_us = loop->now();
    waits = loop->now() - s->since_us < patience_us;
    kube_timer_set(loop, &s->timer, waits ? SOON_US : EVERY_US);
    return waits;
}

static void judge(op_served *s, json_object *openapi, json_object *described)
{
    char lacks[OP_SERVED_TEXT];
    int unknown = op_served_compare(openapi, described, lacks);
    if (!*lacks)
        s->since_us = -1;
    else if (look_again(s, unknown ? NO_SCHEMA_US : OLD_SCHEMA_US))
        return;
    tell(s, lacks);
    s->config.lacks(s->config.user, *lacks != '\0');
}

static void on_document(void *user, const kube_reply *reply)
{
    op_served *s = user;
    json_object *openapi = reply->rc == DF_OK ? json_tokener_parse(reply->body.data) : NULL;
    json_object *described = openapi ? describe(s->config.env) : NULL;
    s->request = NULL;
    if (described)
        judge(s, openapi, described);
    else
        look_again(s, NO_SCHEMA_US);
    json_object_put(openapi);
    json_object_put(described);
}

static void look(kube_timer *timer)
{
    op_served *s = timer->user;
    kube_call call = {
        .path = "/openapi/v3/apis/dataflow.dataflow.io/v1", .done = on_document, .user = s};
    s->request = kube_client_start(s->config.client, &call);
    if (!s->request)
        kube_timer_set(kube_client_loop(s->config.client), timer, SOON_US);
}

op_served *op_served_new(const op_served_config *config)
{
    op_served *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->config = *config;
    s->since_us = -1;
    s->timer = (kube_timer){.fire = look, .user = s};
    kube_timer_set(kube_client_loop(config->client), &s->timer, 0);
    return s;
}

void op_served_free(op_served *s)
{
    if (!s)
        return;
    kube_client_cancel(s->request);
    kube_timer_clear(&s->timer);
    free(s);
}
