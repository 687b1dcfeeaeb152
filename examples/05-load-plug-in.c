/* SPDX-License-Identifier: Apache-2.0
 * 05-load-plug-in.c: loads the plug-in given as argument and uses its transform on JSON lines.
 */
#include <dataflow.h>

#include <stdio.h>

int main(int argc, char **argv)
{
    static const char yaml[] = "source: {type: stdio}\n"
                               "transformations: [{type: stamp, config: {field: $.at}}]\n"
                               "sink: {type: stdio}\n";
    df_text spec = {sizeof spec, NULL, yaml, sizeof yaml - 1};
    df_env *env = df_env_new(NULL);
    df_pipeline *p;
    int rc = df_env_load_plugin(env, argc > 1 ? argv[1] : "./05-plug-in.so");
    if (rc < 0) {
        fprintf(stderr, "%s\n", df_env_errmsg(env));
        df_env_free(env);
        return 1;
    }
    p = df_pipeline_new(env, NULL);
    rc = df_pipeline_load(p, &spec);
    if (rc == DF_OK)
        rc = df_pipeline_run(p, NULL);
    if (rc < 0)
        fprintf(stderr, "%s\n", df_pipeline_errmsg(p));
    df_pipeline_free(p);
    df_env_free(env);
    return rc < 0;
}
