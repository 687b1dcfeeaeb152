/* SPDX-License-Identifier: Apache-2.0
 * manifest.c: the public calls that take the text of a manifest: where spec/ and core/ meet. */
#include "core/pipeline/pipeline.h"
#include "spec/spec.h"

int df_pipeline_load(df_pipeline *p, const df_text *spec)
{
    if (!p)
        return DF_EINVAL;
    if (!spec || (!spec->text && spec->len))
        return df__pipeline_fail(p, DF_EINVAL, "no text to load");
    if (p->started || p->graph.stages)
        return df__pipeline_fail(p, DF_ESTATE, "load comes first, and once");
    p->checked = 0;
    return df__pipeline_result(p, df__spec_load(&p->graph, spec));
}

static void fail_at(df_env *env, int status, const df_problem *p)
{
    const char *file = p->file ? p->file : "<text>";
    if (p->line)
        df__env_fail(env, status, "%s:%d:%d: %s", file, p->line, p->column, p->text);
    else
        df__env_fail(env, status, "%s: %s", file, p->text);
}

int df_env_format(df_env *env, const df_text *in, df_write_fn write, void *user)
{
    df__problems *problems;
    df_problem first = {.size = sizeof first};
    int rc;
    if (!env)
        return DF_EINVAL;
    if (!in || (!in->text && in->len) || !write)
        return df__env_fail(env, DF_EINVAL, "no text to format, or nowhere to write it");
    problems = df__problems_new(&env->heap);
    if (!problems)
        return df__env_fail(env, DF_ENOMEM, "no memory");
    rc = df__spec_format(&env->heap, in, problems, write, user);
    if (rc < 0 && df__problem_at(problems, 0, &first) == DF_OK)
        fail_at(env, rc, &first);
    df__problems_free(problems);
    return rc;
}
