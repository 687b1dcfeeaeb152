/* SPDX-License-Identifier: Apache-2.0
 * The ten-line program: runs a pipeline that it was given nothing for but the installed library.
 */
#include <stdio.h>
#include <string.h>
#include <dataflow.h>

int main(void)
{
    const char *yaml = "source: {type: generate, config: {count: 5}}\n"
                       "sink: {type: stdio, config: {path: embed.out}}\n";
    df_env *env = df_env_new(NULL);
    df_pipeline *p = df_pipeline_new(env, NULL);
    df_text spec = {sizeof spec, "embed.yaml", yaml, strlen(yaml)};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    int rc = df_pipeline_load(p, &spec);
    if (rc == DF_OK)
        rc = df_pipeline_run(p, &run);
    printf("%s %s\n", df_status_name(rc), df_pipeline_errmsg(p));
    df_pipeline_free(p);
    df_env_free(env);
    return rc != DF_OK;
}
