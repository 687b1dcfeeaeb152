/* SPDX-License-Identifier: Apache-2.0
 * pipelines.c: runs manifests for tests, see support.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

char *support_problems(const df_pipeline *p)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    df_problem problem = {.size = sizeof problem};
    for (size_t i = 0; df_pipeline_problem_at(p, i, &problem) == DF_OK; i++)
        fprintf(f, "%s: %s\n", problem.field ? problem.field : "", problem.text);
    fclose(f);
    return text;
}

df_pipeline *support_load(df_env *env, const char *yaml)
{
    df_pipeline *p = df_pipeline_new(env, NULL);
    df_text text = {sizeof text, "test.yaml", yaml, strlen(yaml)};
    int rc;
    assert_non_null(p);
    rc = df_pipeline_load(p, &text);
    if (rc != DF_OK) {
        char *problems = support_problems(p);
        print_error("%s: %s\n%s", df_status_name(rc), df_pipeline_errmsg(p), problems);
        free(problems);
        df_pipeline_free(p);
    }
    assert_int_equal(rc, DF_OK);
    return p;
}

void support_assert_conserved(const df_pipeline *p)
{
    df_stats s = {.size = sizeof s};
    assert_ok(df_pipeline_stats(p, NULL, &s));
    assert_int_equal(s.received + s.expanded, s.sent + s.left_out + s.filtered + s.errored +
                                                  s.skipped + s.abandoned + s.in_flight);
}

int support_run(df_env *env, const char *yaml, char *message)
{
    df_pipeline *p = support_load(env, yaml);
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    int rc = df_pipeline_run(p, &run);
    if (message)
        snprintf(message, 512, "%s", df_pipeline_errmsg(p));
    if (rc != DF_ESPEC)
        support_assert_conserved(p);
    df_pipeline_free(p);
    return rc;
}

int support_append(void *user, const char *text, size_t len)
{
    return fwrite(text, 1, len, user) == len ? DF_OK : DF_EIO;
}

char *support_metrics(df_env *env)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_ok(df_env_metrics(env, support_append, out));
    fclose(out);
    return text;
}

/* ---- fixture -------------------------------------------------------------------------------- */

void support_open(support_fixture *f)
{
    f->env = support_env(&f->host);
    f->dir = support_mkdir();
    support_path(f->in, f->dir, "in");
    support_path(f->out, f->dir, "out");
    support_path(f->errors, f->dir, "errors");
    support_path(f->slot[0], f->dir, "p.0");
    support_path(f->slot[1], f->dir, "p.1");
}

void support_close(support_fixture *f)
{
    df_pipeline_free(f->p);
    support_rmdir(f->dir);
    support_env_free(f->env, &f->host);
}

static int setup(void **state, int log_level)
{
    support_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->host.log_level = log_level;
    support_open(f);
    *state = f;
    return 0;
}

int support_setup(void **state)
{
    return setup(state, 0);
}

int support_setup_telling(void **state)
{
    return setup(state, DF_LOG_INFO);
}

int support_teardown(void **state)
{
    support_close(*state);
    free(*state);
    return 0;
}
