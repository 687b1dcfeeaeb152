/* SPDX-License-Identifier: Apache-2.0
 * module.c: the addon, its arguments and results. One instance for each thread that loads it. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

void dfn_args(napi_env napi, napi_callback_info info, napi_value argv[DFN_ARGS])
{
    size_t count = DFN_ARGS;
    napi_get_cb_info(napi, info, &count, argv, NULL, NULL);
}

void *dfn_external(napi_env napi, napi_value v)
{
    void *data = NULL;
    napi_get_value_external(napi, v, &data);
    return data;
}

int64_t dfn_int(napi_env napi, napi_value v)
{
    int64_t n = 0;
    bool b;
    if (napi_get_value_bool(napi, v, &b) == napi_ok)
        return b;
    return napi_get_value_int64(napi, v, &n) == napi_ok ? n : 0;
}

char *dfn_text(napi_env napi, napi_value v, size_t *ret_len)
{
    size_t len;
    char *text;
    if (napi_get_value_string_utf8(napi, v, NULL, 0, &len) != napi_ok || !(text = malloc(len + 1)))
        return NULL;
    napi_get_value_string_utf8(napi, v, text, len + 1, &len);
    if (ret_len)
        *ret_len = len;
    return text;
}

napi_value dfn_member(napi_env napi, napi_value object, const char *name)
{
    napi_value v;
    if (napi_get_named_property(napi, object, name, &v) != napi_ok)
        napi_get_undefined(napi, &v);
    return v;
}

void dfn_put(napi_env napi, napi_value object, const char *name, napi_value value)
{
    napi_set_named_property(napi, object, name, value);
}

napi_value dfn_number(napi_env napi, double n)
{
    napi_value v;
    napi_create_double(napi, n, &v);
    return v;
}

napi_value dfn_string(napi_env napi, const char *text)
{
    napi_value v;
    if (!text)
        napi_get_undefined(napi, &v);
    else
        napi_create_string_utf8(napi, text, NAPI_AUTO_LENGTH, &v);
    return v;
}

napi_value dfn_buffer(napi_env napi, df_bytes b)
{
    napi_value v;
    if (!b.data || napi_create_buffer_copy(napi, b.len, b.data, NULL, &v) != napi_ok)
        napi_get_null(napi, &v);
    return v;
}

df_bytes dfn_bytes(napi_env napi, napi_value v, char **ret_owned)
{
    df_bytes b = {NULL, 0};
    void *data;
    bool is_buffer = false;
    *ret_owned = NULL;
    napi_is_buffer(napi, v, &is_buffer); /* any view of bytes */
    if (is_buffer) {
        napi_get_buffer_info(napi, v, &data, &b.len);
        b.data = data ? data : ""; /* an empty one is not null */
    } else if ((*ret_owned = dfn_text(napi, v, &b.len))) {
        b.data = *ret_owned;
    }
    return b;
}

/* ---- errors ---- */

static void forget(napi_env napi, void *data, void *hint)
{
    (void)hint;
    if (data)
        napi_delete_reference(napi, data);
}

/* The class is kept for the whole life of the napi_env. */
static napi_value set_error(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    napi_ref class;
    dfn_args(napi, info, argv);
    if (napi_create_reference(napi, argv[0], 1, &class) == napi_ok)
        napi_set_instance_data(napi, class, forget, NULL);
    return NULL;
}

napi_value dfn_throw(napi_env napi, int status, const char *text)
{
    void *data = NULL;
    napi_value class, error, argv[2];
    argv[0] = dfn_string(napi, df_status_name(status));
    argv[1] = dfn_string(napi, text && *text ? text : df_status_text(status));
    napi_get_instance_data(napi, &data);
    if (data && napi_get_reference_value(napi, data, &class) == napi_ok &&
        napi_new_instance(napi, class, 2, argv, &error) == napi_ok)
        napi_throw(napi, error);
    else
        napi_throw_error(napi, df_status_name(status), text);
    return NULL;
}

static napi_value version(napi_env napi, napi_callback_info info)
{
    (void)info;
    return dfn_string(napi, df_version_string());
}

void dfn_define(napi_env napi, napi_value exports, const napi_property_descriptor *rows,
                size_t count)
{
    napi_define_properties(napi, exports, count, rows);
}

NAPI_MODULE_INIT()
{
    static const napi_property_descriptor rows[] = {
        DFN_FUNCTION("setError", set_error),
        DFN_FUNCTION("version", version),
    };
    dfn_define(env, exports, rows, sizeof rows / sizeof *rows);
    dfn_begin_env(env, exports);
    dfn_begin_transform(env, exports);
    dfn_begin_stage(env, exports);
    dfn_begin_pipeline(env, exports);
    dfn_begin_port(env, exports);
    dfn_begin_record(env, exports);
    dfn_begin_watch(env, exports);
    return exports;
}
