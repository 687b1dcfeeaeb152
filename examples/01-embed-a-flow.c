/* SPDX-License-Identifier: Apache-2.0
 * 01-embed-a-flow.c: a program with a pipeline inside: JSON lines from standard input, those that
 * the condition keeps to standard output.
 *
 *     cc 01-embed-a-flow.c $(pkg-config --cflags --libs libdataflow)
 *     ./a.out '$.amount > 100' < orders.jsonl
 */
#include <dataflow.h>

#include <stdio.h>
#include <string.h>

static void show_problems(const df_pipeline *p)
{
    df_problem at = {.size = sizeof at};
    for (size_t i = 0; df_pipeline_problem_at(p, i, &at) == DF_OK; i++)
        fprintf(stderr, "%s:%d:%d: %s: %s\n", at.file, at.line, at.column, at.field, at.text);
}

int main(int argc, char **argv)
{
    char yaml[1024];
    df_text spec = {.size = sizeof spec, .file = "flow", .text = yaml};
    df_env *env = df_env_new(NULL);
    df_pipeline *p = env ? df_pipeline_new(env, NULL) : NULL;
    int rc = DF_ENOMEM;

    snprintf(yaml, sizeof yaml,
             "source: {type: stdio}\n"
             "transformations:\n"
             "  - {type: filter, config: {condition: '%s'}}\n"
             "sink: {type: stdio}\n",
             argc > 1 ? argv[1] : "$.amount > 100");
    spec.len = strlen(yaml);

    if (p)
        rc = df_pipeline_load(p, &spec);
    if (rc == DF_OK)
        rc = df_pipeline_run(p, NULL);
    if (rc == DF_ESPEC)
        show_problems(p);
    else if (rc < 0)
        fprintf(stderr, "%s\n", p ? df_pipeline_errmsg(p) : df_status_text(rc));

    df_pipeline_free(p);
    df_env_free(env);
    return rc < 0;
}
