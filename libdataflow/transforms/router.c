/* SPDX-License-Identifier: Apache-2.0
 * router.c: sends records to other sinks. It only tags: the rest of the chain still applies, and
 * the record leaves through its route after the last transform. */
#include <string.h>

#include "transforms/common.h"

typedef struct route {
    df_condition *condition;
    int sink; /* number of the exit to the nested sink */
} route;

typedef struct router {
    df_list routes;   /* of route */
    df_value *labels; /* condition of each, for metadata */
} router;

static int router_open(void *self, df_stage *st)
{
    router *me = self;
    const route *routes = me->routes.items;
    me->labels = df_stage_alloc(st, (me->routes.count + 1) * sizeof *me->labels);
    if (!me->labels)
        return DF_ENOMEM;
    for (size_t i = 0; i < me->routes.count; i++) {
        const char *label = df_stage_route(st, routes[i].sink);
        me->labels[i] = df__text_value(label, strlen(label));
    }
    return DF_OK;
}

static int router_one(const df__job *job, df_record *r)
{
    const router *self = job->self;
    const route *routes = self->routes.items;
    for (size_t i = 0; i < self->routes.count; i++) {
        int rc;
        if (!df_condition_test(routes[i].condition, r))
            continue;
        rc = df_record_route(r, routes[i].sink, self->labels[i].text);
        return rc == DF_OK ? df_record_set_meta(r, "routed_condition", &self->labels[i]) : rc;
    }
    return DF_OK;
}

static int router_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_each(self, st, batch, router_one);
}

static const df_option route_rows[] = {
    {.name = "condition",
     .type = DF_OPT_CONDITION,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(route, condition),
     .doc = "Records for which this holds take the route; the first route that matches wins."},
    {.name = "sink",
     .type = DF_OPT_STAGE,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(route, sink),
     .doc = "The sink they go to, written as the main sink is."},
};
static const df_options route_options = DF_OPTIONS(route_rows, route);

static const df_option router_rows[] = {
    {.name = "routes",
     .type = DF_OPT_LIST,
     .of = DF_OPT_BLOCK,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(router, routes),
     .doc = "Routes in order; a record that none matches goes to the main sink.",
     .block = &route_options},
};
static const df_options router_options = DF_OPTIONS(router_rows, router);

const df_transform df_transform_router = {
    .size = sizeof(df_transform),
    .name = "router",
    .doc = "Sends records to other sinks by condition. Later transformations still apply.",
    .self_size = sizeof(router),
    .options = &router_options,
    .open = router_open,
    .apply = router_apply,
    .example =
        "{\"config\":{\"routes\":[{\"condition\":\"$.level == 'error'\","
        "\"sink\":{\"type\":\"stdio\",\"config\":{\"path\":\"errors.jsonl\"}}}]},"
        "\"input\":{\"level\":\"error\",\"id\":1},\"output\":{\"level\":\"error\",\"id\":1}}",
};
