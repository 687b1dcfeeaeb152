/* SPDX-License-Identifier: Apache-2.0
 * 06-shortest-transform.c: a whole program with a transform of its own: lets paid orders pass. */
#include <dataflow.h>
#include <stdio.h>

static int paid_only(df_record *r, void *path)
{
    df_value v;
    return df_record_get(r, path, &v) == DF_OK && v.type == DF_V_BOOL && v.u.i ? DF_OK : DF_DROP;
}

int main(void)
{
    static const char yaml[] =
        "{source: {type: stdio}, transformations: [{type: paidOnly}], sink: {type: stdio}}";
    df_text spec = {sizeof spec, "orders", yaml, sizeof yaml - 1};
    df_env *env = df_env_new(NULL);
    df_path *path = df_path_new(env, "$.paid");
    df_function f = {.size = sizeof f, .name = "paidOnly", .apply = paid_only, .user = path};
    df_pipeline *p = df_pipeline_new(env, NULL);
    if (df_transform_register_fn(env, &f) < 0 || df_pipeline_load(p, &spec) < 0 ||
        df_pipeline_run(p, NULL) < 0)
        fprintf(stderr, "%s\n", df_pipeline_errmsg(p));
    df_pipeline_free(p);
    df_path_free(path);
    df_env_free(env);
    return 0;
}
