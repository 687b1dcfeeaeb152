/* SPDX-License-Identifier: Apache-2.0
 * 03-own-source.c: a source with a position: it counts five steps. Its position is kept in the
 * folder given as argument, so that a later run goes on where this one ended. */
#include <dataflow_ext.h>

#include <stdio.h>
#include <stdlib.h>

struct counter {
    df_partition *part;
    long long next, end;
};

static int counter_open(void *self, df_stage *st)
{
    struct counter *c = self;
    df_position at = {.size = sizeof at};
    int rc = df_partition_open(st, "counter", &c->part);
    if (rc == DF_OK && df_partition_position(c->part, &at) == DF_OK)
        c->next = strtoll(at.data.data, NULL, 10);
    c->end = c->next + 5;
    return rc;
}

static int counter_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    struct counter *c = self;
    df_input in = {.size = sizeof in, .partition = df_partition_number(c->part)};
    char text[32];
    int rc;
    (void)st, (void)timeout_ms; /* it never waits */
    if (c->next == c->end || df_batch_room(into) == 0)
        return c->next == c->end ? DF_DONE : DF_AGAIN;
    in.payload = (df_bytes){text, (size_t)snprintf(text, sizeof text, "%lld", ++c->next)};
    rc = df_batch_add(into, &in, NULL);
    return rc < 0 ? rc : df_batch_mark(into, c->part, in.payload); /* go on behind this one */
}

static const df_source_ops ops = {sizeof ops, .open = counter_open, .read = counter_read};
static const df_connector counter = {sizeof counter, .name = "counter", .doc = "Counts.",
                                     .source_size = sizeof(struct counter), .source = &ops};

int main(int argc, char **argv)
{
    static const char yaml[] = "{source: {type: counter}, sink: {type: stdio}}";
    df_text spec = {sizeof spec, NULL, yaml, sizeof yaml - 1};
    df_env *env = df_env_new(NULL);
    df_store store = {.size = sizeof store};
    df_pipeline_options o = {.size = sizeof o, .name = "count", .store = &store};
    int rc = df_store_file(env, argc > 1 ? argv[1] : ".", "count", &store);
    df_pipeline *p = rc == DF_OK ? df_pipeline_new(env, &o) : NULL;
    if (p && (rc = df_connector_register(env, &counter)) == DF_OK &&
        (rc = df_pipeline_load(p, &spec)) == DF_OK)
        rc = df_pipeline_run(p, NULL);
    if (rc < 0)
        fprintf(stderr, "%s\n", p ? df_pipeline_errmsg(p) : df_env_errmsg(env));
    df_pipeline_free(p), df_env_free(env);
    return rc < 0;
}
