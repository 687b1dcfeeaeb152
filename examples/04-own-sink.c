/* SPDX-License-Identifier: Apache-2.0
 * 04-own-sink.c: a sink that adds up the prices in JSON lines and refuses records without one. */
#include <dataflow_ext.h>

#include <stdio.h>

struct sum {
    double total;
    long rows;
};

/* DF_OK: all are durable but for those named with df_parcel_reject. */
static int sum_write(void *self, df_stage *st, df_parcel *parcel)
{
    struct sum *s = self;
    (void)st;
    for (size_t i = 0; i < df_parcel_count(parcel); i++) {
        df_value root, price;
        double amount;
        int rc = df_parcel_root(parcel, i, &root);
        if (rc == DF_OK && (rc = df_value_member(&root, (df_bytes){"price", 5}, &price)) == DF_OK)
            rc = df_value_double(&price, &amount);
        if (rc == DF_EDATA)
            rc = df_parcel_reject(parcel, i, "invalid_data", "no price");
        else if (rc == DF_OK)
            s->total += amount, s->rows++;
        if (rc < 0)
            return rc;
    }
    return DF_OK;
}

static void sum_close(void *self, df_stage *st)
{
    const struct sum *s = self;
    (void)st;
    printf("%ld rows, %.2f in all\n", s->rows, s->total);
}

static const df_sink_ops ops = {sizeof ops, .write = sum_write, .close = sum_close};
static const df_connector sum = {sizeof sum, .name = "sum", .doc = "Adds up prices.",
                                 .sink_size = sizeof(struct sum), .sink = &ops};

int main(void)
{
    static const char yaml[] = "source: {type: stdio}\n"
                               "sink: {type: sum}\n"
                               "errors: {type: stdio, config: {path: /dev/stderr}}\n";
    df_text spec = {sizeof spec, NULL, yaml, sizeof yaml - 1};
    df_env *env = df_env_new(NULL);
    df_pipeline *p = df_pipeline_new(env, NULL);
    int rc = df_connector_register(env, &sum);
    if (rc == DF_OK && (rc = df_pipeline_load(p, &spec)) == DF_OK)
        rc = df_pipeline_run(p, NULL);
    if (rc < 0)
        fprintf(stderr, "%s\n", df_pipeline_errmsg(p));
    df_pipeline_free(p), df_env_free(env);
    return rc < 0;
}
