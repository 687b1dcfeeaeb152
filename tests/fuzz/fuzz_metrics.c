/* SPDX-License-Identifier: Apache-2.0
 * Hostile names, namespaces, stages, kinds, route texts and metric rows through the public API: the
 * metrics stay in the format, and no two series are the same. The first byte says how many
 * pipelines; the rest is cut at zero bytes into texts that are used in turn. */
#include <stdlib.h>
#include <string.h>

#include "../support/prom_text.c"

#include "dataflow_ext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const char *at, *end;
    char texts[16][600];
    size_t used;
} input;

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static const char *next(input *in)
{
    char *to = in->texts[in->used++ % 16];
    size_t n = 0;
    while (in->at < in->end && *in->at && n < 599)
        to[n++] = *in->at++;
    if (in->at < in->end && n < 599)
        in->at++;
    to[n] = '\0';
    return to;
}

static int read_one(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    int *n = self;
    df_input in = {.size = sizeof in, .payload = {"{\"a\":1}", 7}};
    df_partition *part;
    (void)timeout_ms;
    df_stage_metric(st, 0, -1.0 / (*n + 1));
    if (!df_batch_room(into))
        return DF_AGAIN;
    if (++*n > 2)
        return DF_DONE;
    must(df_partition_open(st, "p", &part) == DF_OK);
    return df_batch_add(into, &in, NULL);
}

static const df_source_ops ops = {.size = sizeof ops, .read = read_one};

static int collect(void *user, const char *text, size_t len)
{
    char err[256];
    (void)user;
    must(prom_check(text, len, err, sizeof err));
    return DF_OK;
}

static int register_one(df_env *env, input *in, char *kind)
{
    df_metric rows[4] = {DF_METRIC_END, DF_METRIC_END, DF_METRIC_END, DF_METRIC_END};
    df_connector c = {
        .size = sizeof c, .doc = "", .source_size = sizeof(int), .source = &ops, .metrics = rows};
    for (int i = 0; i < 3; i++) {
        rows[i].name = next(in);
        rows[i].help = next(in);
        rows[i].type = i == 2 ? DF_HISTOGRAM : i == 1 ? DF_GAUGE : DF_COUNTER;
        rows[i].label = i ? next(in) : NULL;
        if (!rows[i].name[0]) /* ends the table as a NULL does */
            rows[i].name = NULL;
    }
    c.name = next(in);
    memcpy(kind, c.name, strlen(c.name) + 1);
    return df_connector_register(env, &c);
}

static df_pipeline *one(df_env *env, input *in, const char *kind)
{
    df_pipeline_options o = {.size = sizeof o, .space = next(in), .name = next(in)};
    df_pipeline *p = df_pipeline_new(env, &o);
    df_stage_def defs[] = {
        {sizeof(df_stage_def), DF_SOURCE, next(in), kind, NULL, 0},
        {sizeof(df_stage_def), DF_SINK, next(in), "null", NULL, 0},
        {sizeof(df_stage_def), DF_SINK, next(in), "memory", NULL, 0},
        {sizeof(df_stage_def), DF_ERROR_SINK, next(in), "null", NULL, 0},
    };
    must(p != NULL);
    for (size_t i = 0; i < sizeof defs / sizeof *defs; i++)
        (void)df_pipeline_add(p, &defs[i]);
    (void)df_pipeline_run(p, NULL);
    return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input *in = calloc(1, sizeof *in);
    df_pipeline *p[3] = {NULL, NULL, NULL};
    char kind[600];
    df_env *env;
    if (!in || size < 1) {
        free(in);
        return 0;
    }
    in->at = (const char *)data + 1;
    in->end = (const char *)data + size;
    env = df_env_new(NULL);
    must(env != NULL);
    (void)register_one(env, in, kind);
    for (int i = 0; i < 1 + data[0] % 3; i++) {
        if (data[0] & 4) /* the same texts again: the same names */
            in->at = (const char *)data + 1;
        p[i] = one(env, in, kind);
    }
    must(df_env_metrics(env, collect, NULL) == DF_OK);
    for (int i = 0; i < 3; i++)
        df_pipeline_free(p[i]);
    df_env_free(env);
    free(in);
    return 0;
}
