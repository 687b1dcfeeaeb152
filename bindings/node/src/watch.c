/* SPDX-License-Identifier: Apache-2.0
 * watch.c: tells JavaScript that a descriptor of the library is readable. It is polled by the event
 * loop itself, beside sockets: no thread waits, and none of libuv's pool. */
#include "node.h"

#include <stdlib.h>

typedef struct watch {
    uv_poll_t poll; /* its data is this */
    napi_env napi;
    napi_ref call; /* held while it polls: what waits for it is not collected */
    napi_async_context context;
    napi_async_cleanup_hook_handle hook;
    int polls, closing, gone, lost; /* told to close; closed; its object is gone */
} watch;

static void drop(watch *w)
{
    if (w->gone && w->lost)
        free(w);
}

static void closed(uv_handle_t *handle)
{
    watch *w = handle->data;
    w->gone = 1;
    if (w->hook)
        napi_remove_async_cleanup_hook(w->hook);
    drop(w);
}

static void stop(watch *w)
{
    uint32_t left;
    if (w->polls)
        napi_reference_unref(w->napi, w->call, &left);
    w->polls = 0;
    uv_poll_stop(&w->poll);
}

static void close_watch(watch *w)
{
    if (w->closing)
        return;
    w->closing = 1;
    stop(w);
    napi_async_destroy(w->napi, w->context);
    napi_delete_reference(w->napi, w->call);
    uv_close((uv_handle_t *)&w->poll, closed);
}

static void thread_ends(napi_async_cleanup_hook_handle hook, void *data)
{
    (void)hook;
    close_watch(data);
}

static void object_gone(napi_env napi, void *data, void *hint)
{
    watch *w = data;
    (void)napi;
    (void)hint;
    close_watch(w);
    w->lost = 1;
    drop(w);
}

static void readable(uv_poll_t *handle, int status, int events)
{
    watch *w = handle->data;
    napi_handle_scope scope;
    napi_value call, this, result;
    (void)status;
    (void)events;
    napi_open_handle_scope(w->napi, &scope);
    napi_get_reference_value(w->napi, w->call, &call);
    stop(w); /* until it is asked for again */
    napi_get_global(w->napi, &this);
    napi_make_callback(w->napi, w->context, this, call, 0, NULL, &result);
    napi_close_handle_scope(w->napi, scope);
}

/* (fd, function), which the caller holds. */
static napi_value watch_new(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], made = NULL;
    watch *w = calloc(1, sizeof *w);
    uv_loop_t *loop;
    dfn_args(napi, info, argv);
    if (!w || napi_get_uv_event_loop(napi, &loop) != napi_ok ||
        uv_poll_init(loop, &w->poll, (int)dfn_int(napi, argv[0])) < 0) {
        free(w);
        return dfn_throw(napi, DF_EINTERNAL, "the event loop takes no descriptor");
    }
    w->poll.data = w;
    w->napi = napi;
    napi_create_reference(napi, argv[1], 0, &w->call);
    napi_async_init(napi, NULL, dfn_string(napi, "dataflow"), &w->context);
    napi_add_async_cleanup_hook(napi, thread_ends, w, &w->hook);
    napi_create_external(napi, w, object_gone, NULL, &made);
    return made;
}

/* (watch): calls the function once, when the descriptor is readable. */
static napi_value watch_start(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    watch *w;
    uint32_t held;
    dfn_args(napi, info, argv);
    w = dfn_external(napi, argv[0]);
    if (w->closing || w->polls)
        return NULL;
    w->polls = 1;
    napi_reference_ref(napi, w->call, &held);
    uv_poll_start(&w->poll, UV_READABLE, readable);
    return NULL;
}

static napi_value watch_close(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    dfn_args(napi, info, argv);
    close_watch(dfn_external(napi, argv[0]));
    return NULL;
}

/* (watch, holds): whether it keeps the process. */
static napi_value watch_ref(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    watch *w;
    dfn_args(napi, info, argv);
    w = dfn_external(napi, argv[0]);
    if (dfn_int(napi, argv[1]))
        uv_ref((uv_handle_t *)&w->poll);
    else
        uv_unref((uv_handle_t *)&w->poll);
    return NULL;
}

void dfn_begin_watch(napi_env napi, napi_value exports)
{
    static const napi_property_descriptor rows[] = {
        DFN_FUNCTION("watchNew", watch_new),
        DFN_FUNCTION("watchStart", watch_start),
        DFN_FUNCTION("watchClose", watch_close),
        DFN_FUNCTION("watchRef", watch_ref),
    };
    dfn_define(napi, exports, rows, sizeof rows / sizeof *rows);
}
