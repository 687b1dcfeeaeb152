/* SPDX-License-Identifier: Apache-2.0
 * pipeline.c: a flow. Nothing here waits but the end of one, for threads of the library that have
 * been told to stop. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

/* Stops it now, unless it has ended, and frees it. */
static void end(dfn_pipeline *p)
{
    df_stats s = {.size = sizeof s};
    if (!p->pipeline)
        return;
    dfn_pipeline_cancel(p);
    df_pipeline_stop(p->pipeline, DF_STOP_NOW);
    df_pipeline_wait(p->pipeline, -1); /* ends: the library bounds it */
    df_pipeline_stats(p->pipeline, NULL, &s);
    df_pipeline_free(p->pipeline);
    p->pipeline = NULL;
    p->leftover = s.left > 0; /* a thread that was left behind may still use `p` and the env */
}

/* The thread of JavaScript ends. Hooks run newest first, so functions of the program are still
 * there. */
static void thread_ends(void *data)
{
    end(data);
}

static void pipeline_gone(napi_env napi, void *data, void *hint)
{
    dfn_pipeline *p = data;
    (void)hint;
    end(p);
    napi_remove_env_cleanup_hook(napi, thread_ends, p);
    if (p->leftover)
        return;
    pthread_mutex_destroy(&p->lock);
    dfn_env_release(p->env);
    free(p);
}

/* (env, {id, name, stateDir, resolve, memoryLimit, showValues}) */
static napi_value pipeline_new(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], made = NULL, o;
    dfn_pipeline *p = calloc(1, sizeof *p);
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    df_store store = {.size = sizeof store};
    char *name, *dir;
    int rc = DF_OK;
    dfn_args(napi, info, argv);
    if (!p)
        return dfn_throw(napi, DF_ENOMEM, NULL);
    o = argv[1];
    p->env = dfn_external(napi, argv[0]);
    p->id = (uint32_t)dfn_int(napi, dfn_member(napi, o, "id"));
    name = dfn_text(napi, dfn_member(napi, o, "name"), NULL);
    dir = dfn_text(napi, dfn_member(napi, o, "stateDir"), NULL);
    options.name = name;
    options.memory_limit = (uint64_t)dfn_int(napi, dfn_member(napi, o, "memoryLimit"));
    options.show_values = (int)dfn_int(napi, dfn_member(napi, o, "showValues"));
    options.resolve = dfn_int(napi, dfn_member(napi, o, "resolve")) ? df_resolve_process : NULL;
    options.user = p;
    if (dir && (rc = df_store_file(p->env->env, dir, name, &store)) == DF_OK)
        options.store = &store;
    if (rc < 0)
        dfn_throw(napi, rc, df_env_errmsg(p->env->env));
    else if (!(p->pipeline = df_pipeline_new(p->env->env, &options)))
        dfn_throw(napi, DF_ENOMEM, NULL);
    free(name);
    free(dir);
    if (!p->pipeline) {
        free(p);
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    dfn_env_hold(p->env);
    napi_add_env_cleanup_hook(napi, thread_ends, p);
    napi_create_external(napi, p, pipeline_gone, NULL, &made);
    return made;
}

static napi_value answer(napi_env napi, dfn_pipeline *p, int rc)
{
    return rc < 0 ? dfn_throw(napi, rc, df_pipeline_errmsg(p->pipeline)) : dfn_number(napi, rc);
}

/* (pipeline, text, file) */
static napi_value pipeline_load(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], ret;
    df_text spec = {.size = sizeof spec};
    dfn_pipeline *p;
    char *text, *file;
    dfn_args(napi, info, argv);
    p = dfn_external(napi, argv[0]);
    text = dfn_text(napi, argv[1], &spec.len);
    file = dfn_text(napi, argv[2], NULL);
    spec.text = text;
    spec.file = file;
    ret = text ? answer(napi, p, df_pipeline_load(p->pipeline, &spec))
               : dfn_throw(napi, DF_ENOMEM, NULL);
    free(text);
    free(file);
    return ret;
}

static napi_value pipeline_check(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    dfn_pipeline *p;
    dfn_args(napi, info, argv);
    p = dfn_external(napi, argv[0]);
    return answer(napi, p, df_pipeline_check(p->pipeline));
}

/* (pipeline, {limit, untilExhausted, fromStart, dry}) */
static napi_value pipeline_start(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    df_run_options run = {.size = sizeof run};
    dfn_pipeline *p;
    dfn_args(napi, info, argv);
    p = dfn_external(napi, argv[0]);
    run.limit = (uint64_t)dfn_int(napi, dfn_member(napi, argv[1], "limit"));
    run.until_exhausted = (int)dfn_int(napi, dfn_member(napi, argv[1], "untilExhausted"));
    run.from_start = (int)dfn_int(napi, dfn_member(napi, argv[1], "fromStart"));
    run.dry = (int)dfn_int(napi, dfn_member(napi, argv[1], "dry"));
    return answer(napi, p, df_pipeline_start(p->pipeline, &run));
}

/* After the last event: the run has ended. */
static napi_value pipeline_result(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    dfn_pipeline *p;
    dfn_args(napi, info, argv);
    p = dfn_external(napi, argv[0]);
    return answer(napi, p, df_pipeline_wait(p->pipeline, -1));
}

static napi_value pipeline_stop(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    dfn_pipeline *p;
    dfn_args(napi, info, argv);
    p = dfn_external(napi, argv[0]);
    df_pipeline_stop(p->pipeline, dfn_int(napi, argv[1]) ? DF_STOP_NOW : DF_STOP_DRAIN);
    return NULL;
}

static napi_value pipeline_free(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    dfn_args(napi, info, argv);
    end(dfn_external(napi, argv[0]));
    return NULL;
}

static napi_value pipeline_fd(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    dfn_args(napi, info, argv);
    return dfn_number(napi,
                      df_pipeline_fd(((dfn_pipeline *)dfn_external(napi, argv[0]))->pipeline));
}

/* The next event; undefined: none now; null: the run has ended. */
static napi_value pipeline_event(napi_env napi, napi_callback_info info)
{
    static const char *const types[] = {NULL, "state", "retry", "recovered", "reject", "lost"};
    napi_value argv[DFN_ARGS], made = NULL;
    df_event e = {.size = sizeof e};
    int rc;
    dfn_args(napi, info, argv);
    rc = df_pipeline_next_event(((dfn_pipeline *)dfn_external(napi, argv[0]))->pipeline, &e);
    if (rc == DF_AGAIN)
        return NULL;
    if (rc != DF_OK) {
        napi_get_null(napi, &made);
        return made;
    }
    napi_create_object(napi, &made);
    dfn_put(napi, made, "type",
            dfn_string(napi, types[e.type < (int)(sizeof types / sizeof *types) ? e.type : 1]));
    dfn_put(napi, made, "status", dfn_string(napi, e.status < 0 ? df_status_name(e.status) : NULL));
    dfn_put(napi, made, "stage", dfn_string(napi, e.stage));
    dfn_put(napi, made, "text", dfn_string(napi, e.text));
    return made;
}

static napi_value pipeline_stats(napi_env napi, napi_callback_info info)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        {"received", offsetof(df_stats, received)},
        {"expanded", offsetof(df_stats, expanded)},
        {"sent", offsetof(df_stats, sent)},
        {"leftOut", offsetof(df_stats, left_out)},
        {"filtered", offsetof(df_stats, filtered)},
        {"errored", offsetof(df_stats, errored)},
        {"skipped", offsetof(df_stats, skipped)},
        {"abandoned", offsetof(df_stats, abandoned)},
        {"inFlight", offsetof(df_stats, in_flight)},
        {"retries", offsetof(df_stats, retries)},
        {"bytesIn", offsetof(df_stats, bytes_in)},
        {"bytesOut", offsetof(df_stats, bytes_out)},
        {"uncommitted", offsetof(df_stats, uncommitted)},
    };
    napi_value argv[DFN_ARGS], made;
    df_stats s = {.size = sizeof s};
    dfn_pipeline *p;
    uint64_t n;
    dfn_args(napi, info, argv);
    p = dfn_external(napi, argv[0]);
    df_pipeline_stats(p->pipeline, NULL, &s);
    napi_create_object(napi, &made);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memcpy(&n, (const char *)&s + rows[i].offset, sizeof n);
        dfn_put(napi, made, rows[i].name, dfn_number(napi, (double)n));
    }
    return made;
}

static napi_value pipeline_problems(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], all, one;
    df_problem row = {.size = sizeof row};
    dfn_pipeline *p;
    dfn_args(napi, info, argv);
    p = dfn_external(napi, argv[0]);
    napi_create_array(napi, &all);
    for (uint32_t i = 0; df_pipeline_problem_at(p->pipeline, i, &row) == DF_OK; i++) {
        napi_create_object(napi, &one);
        dfn_put(napi, one, "severity",
                dfn_string(napi, row.severity == DF_ERROR ? "error" : "warning"));
        dfn_put(napi, one, "line", dfn_number(napi, row.line));
        dfn_put(napi, one, "column", dfn_number(napi, row.column));
        dfn_put(napi, one, "file", dfn_string(napi, row.file));
        dfn_put(napi, one, "field", dfn_string(napi, row.field));
        dfn_put(napi, one, "text", dfn_string(napi, row.text));
        dfn_put(napi, one, "hint", dfn_string(napi, row.hint));
        napi_set_element(napi, all, i, one);
    }
    return all;
}

void dfn_begin_pipeline(napi_env napi, napi_value exports)
{
    static const napi_property_descriptor rows[] = {
        DFN_FUNCTION("pipelineNew", pipeline_new),
        DFN_FUNCTION("pipelineLoad", pipeline_load),
        DFN_FUNCTION("pipelineCheck", pipeline_check),
        DFN_FUNCTION("pipelineStart", pipeline_start),
        DFN_FUNCTION("pipelineResult", pipeline_result),
        DFN_FUNCTION("pipelineStop", pipeline_stop),
        DFN_FUNCTION("pipelineFree", pipeline_free),
        DFN_FUNCTION("pipelineFd", pipeline_fd),
        DFN_FUNCTION("pipelineEvent", pipeline_event),
        DFN_FUNCTION("pipelineStats", pipeline_stats),
        DFN_FUNCTION("pipelineProblems", pipeline_problems),
    };
    dfn_define(napi, exports, rows, sizeof rows / sizeof *rows);
}
