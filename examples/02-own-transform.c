/* SPDX-License-Identifier: Apache-2.0
 * 02-own-transform.c: one function as a transform: it computes a field, drops what is free and
 * refuses what has no price. Reads and writes JSON lines.
 */
#include <dataflow.h>
#include <dataflow_ext.h>

#include <stdio.h>
#include <string.h>

struct paths {
    df_path *price, *quantity, *total;
};

static int compute_total(df_record *r, void *user)
{
    const struct paths *at = user;
    df_value price, quantity, total = {.type = DF_V_DOUBLE};
    double p, q;
    if (df_record_get(r, at->price, &price) < 0 || df_value_double(&price, &p) < 0)
        return df_record_fail(r, DF_EDATA, "price is missing or no number");
    if (df_record_get(r, at->quantity, &quantity) < 0 || df_value_double(&quantity, &q) < 0)
        q = 1;
    if (p * q == 0)
        return DF_DROP; /* counted as filtered */
    total.u.d = p * q;
    return df_record_set(r, at->total, &total);
}

int main(void)
{
    static const char yaml[] = "source: {type: stdio}\n"
                               "transformations: [{type: total}]\n"
                               "sink: {type: stdio}\n"
                               "errors: {type: stdio, config: {path: /dev/stderr}}\n";
    df_text spec = {.size = sizeof spec, .text = yaml, .len = sizeof yaml - 1};
    df_env *env = df_env_new(NULL);
    struct paths at = {df_path_new(env, "$.price"), df_path_new(env, "$.quantity"),
                       df_path_new(env, "$.total")};
    df_function total = {.size = sizeof total,
                         .name = "total",
                         .doc = "price times quantity",
                         .apply = compute_total,
                         .user = &at};
    df_pipeline *p = df_pipeline_new(env, NULL);
    int rc = df_transform_register_fn(env, &total);

    if (rc == DF_OK)
        rc = df_pipeline_load(p, &spec);
    if (rc == DF_OK)
        rc = df_pipeline_run(p, NULL);
    if (rc < 0)
        fprintf(stderr, "%s\n", df_pipeline_errmsg(p));
    df_pipeline_free(p);
    df_path_free(at.price);
    df_path_free(at.quantity);
    df_path_free(at.total);
    df_env_free(env);
    return rc < 0;
}
