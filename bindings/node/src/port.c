/* SPDX-License-Identifier: Apache-2.0
 * port.c: records of the program into a pipeline and out of it. Nothing here waits: lib/ polls the
 * descriptor of a port. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = DFN_ROWS, HEADERS = DFN_HEADERS };

typedef struct port {
    df_port *port; /* NULL: closed */
    dfn_env *env;
    int holds; /* the object of JavaScript, parcels */
} port;

typedef struct parcel {
    df_parcel *parcel; /* NULL: settled */
    port *from;
} parcel;

static void port_release(port *o)
{
    if (--o->holds)
        return;
    dfn_env_release(o->env);
    free(o);
}

static void port_close(port *o)
{
    if (o->port)
        df_port_close(o->port);
    o->port = NULL;
}

static void port_gone(napi_env napi, void *data, void *hint)
{
    (void)napi;
    (void)hint;
    port_close(data);
    port_release(data);
}

static void parcel_gone(napi_env napi, void *data, void *hint)
{
    parcel *p = data;
    (void)napi;
    (void)hint;
    if (p->parcel && p->from->port) /* nobody will settle it any more */
        df_port_settle(p->from->port, p->parcel, DF_EIO);
    port_release(p->from);
    free(p);
}

/* (pipeline, stage, mode) */
static napi_value port_open(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], made = NULL;
    df_port_options options = {.size = sizeof options};
    port *o = calloc(1, sizeof *o);
    dfn_pipeline *p;
    char *stage;
    int rc;
    dfn_args(napi, info, argv);
    p = dfn_external(napi, argv[0]);
    stage = dfn_text(napi, argv[1], NULL);
    if (!o || !stage) {
        free(o);
        free(stage);
        return dfn_throw(napi, DF_ENOMEM, NULL);
    }
    options.stage = stage;
    options.mode = (int)dfn_int(napi, argv[2]);
    rc = df_port_open(p->pipeline, &options, &o->port);
    free(stage);
    if (rc < 0) {
        free(o);
        return dfn_throw(napi, rc, df_pipeline_errmsg(p->pipeline));
    }
    o->env = dfn_env_hold(p->env);
    o->holds = 1;
    napi_create_external(napi, o, port_gone, NULL, &made);
    return made;
}

static napi_value failed(napi_env napi, port *o, int rc)
{
    df_port_info info = {.size = sizeof info};
    df_port_stats(o->port, &info);
    return dfn_throw(napi, rc, info.error);
}

static napi_value close_port(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    dfn_args(napi, info, argv);
    port_close(dfn_external(napi, argv[0]));
    return NULL;
}

static napi_value port_fd(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    dfn_args(napi, info, argv);
    return dfn_number(napi, df_port_fd(((port *)dfn_external(napi, argv[0]))->port));
}

static napi_value port_acked(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    uint64_t count = 0;
    port *o;
    int rc;
    dfn_args(napi, info, argv);
    o = dfn_external(napi, argv[0]);
    rc = df_port_acked(o->port, &count);
    return rc < 0 ? failed(napi, o, rc) : dfn_number(napi, (double)count);
}

/* ---- in ---- */

void dfn_lent_back(dfn_lent *l)
{
    for (size_t i = 0; i < l->texts_count; i++)
        free(l->texts[i]);
    l->texts_count = l->headers_count = 0;
}

static df_bytes lend(napi_env napi, dfn_lent *l, napi_value v)
{
    char *owned;
    df_bytes b = dfn_bytes(napi, v, &owned);
    if (owned)
        l->texts[l->texts_count++] = owned;
    return b;
}

/* Headers are [[name, value], ...]; 0: there is no more room for them in this call. */
static int lend_headers(napi_env napi, dfn_lent *l, napi_value list, df_input *row)
{
    uint32_t count = 0;
    bool is_array = false;
    napi_value pair, item;
    napi_is_array(napi, list, &is_array);
    if (!is_array || napi_get_array_length(napi, list, &count) != napi_ok)
        return 1;
    if (l->headers_count + count > HEADERS)
        return 0;
    row->headers = l->headers + l->headers_count;
    row->header_count = count;
    for (uint32_t i = 0; i < count; i++) {
        df_header *h = &l->headers[l->headers_count++];
        napi_get_element(napi, list, i, &pair);
        napi_get_element(napi, pair, 0, &item);
        h->name = lend(napi, l, item).data;
        if (!h->name)
            h->name = "";
        napi_get_element(napi, pair, 1, &item);
        h->value = lend(napi, l, item);
    }
    return 1;
}

int dfn_lend_row(napi_env napi, dfn_lent *l, napi_value v, df_input *row)
{
    napi_valuetype type;
    bool is_buffer = false;
    memset(row, 0, sizeof *row);
    row->size = sizeof *row;
    row->offset = -1;
    napi_typeof(napi, v, &type);
    napi_is_buffer(napi, v, &is_buffer);
    if (type != napi_object || is_buffer) {
        row->payload = lend(napi, l, v);
        return 1;
    }
    if (!lend_headers(napi, l, dfn_member(napi, v, "headers"), row))
        return 0;
    row->payload = lend(napi, l, dfn_member(napi, v, "payload"));
    row->key = lend(napi, l, dfn_member(napi, v, "key"));
    row->time_us = dfn_int(napi, dfn_member(napi, v, "timeUs"));
    napi_get_value_int64(napi, dfn_member(napi, v, "offset"), &row->offset);
    return 1;
}

/* (port, messages, from): how many from there on found room; null: the pipeline has ended. */
static napi_value port_push(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], item, made = NULL;
    df_input rows[ROWS];
    dfn_lent *l = calloc(1, sizeof *l);
    uint32_t count = 0, from, filled = 0;
    size_t taken = 0;
    port *o;
    int rc = DF_OK;
    if (!l)
        return dfn_throw(napi, DF_ENOMEM, NULL);
    dfn_args(napi, info, argv);
    o = dfn_external(napi, argv[0]);
    from = (uint32_t)dfn_int(napi, argv[2]);
    napi_get_array_length(napi, argv[1], &count);
    for (; filled < ROWS && from + filled < count; filled++) {
        napi_get_element(napi, argv[1], from + filled, &item);
        if (!dfn_lend_row(napi, l, item, &rows[filled]))
            break;
    }
    if (!filled && from < count)
        rc = (dfn_throw(napi, DF_EINVAL, "a record has too many headers"), DF_EINVAL);
    else if (filled && (rc = df_port_push(o->port, rows, filled, &taken)) < 0)
        failed(napi, o, rc);
    if (rc == DF_DONE)
        napi_get_null(napi, &made);
    else if (rc >= 0)
        made = dfn_number(napi, (double)taken);
    dfn_lent_back(l);
    free(l);
    return made;
}

/* ---- out ---- */

static napi_value row_of(napi_env napi, const df_output *row)
{
    static const char *const ops[] = {NULL, "insert", "update", "delete", "truncate"};
    napi_value made, headers, pair;
    napi_create_object(napi, &made);
    dfn_put(napi, made, "payload", dfn_buffer(napi, row->payload));
    dfn_put(napi, made, "key", dfn_buffer(napi, row->key));
    napi_create_array_with_length(napi, row->header_count, &headers);
    for (uint32_t i = 0; i < row->header_count; i++) {
        napi_create_array_with_length(napi, 2, &pair);
        napi_set_element(napi, pair, 0, dfn_string(napi, row->headers[i].name));
        napi_set_element(napi, pair, 1, dfn_buffer(napi, row->headers[i].value));
        napi_set_element(napi, headers, i, pair);
    }
    dfn_put(napi, made, "headers", headers);
    dfn_put(napi, made, "timeUs", dfn_number(napi, (double)row->time_us));
    dfn_put(napi, made, "offset", dfn_number(napi, (double)row->offset));
    dfn_put(napi, made, "partition", dfn_string(napi, row->partition));
    dfn_put(napi, made, "op", dfn_string(napi, row->op < 5 ? ops[row->op] : NULL));
    return made;
}

napi_value dfn_rows(napi_env napi, df_parcel *p)
{
    napi_value list;
    df_output rows[ROWS];
    size_t filled, done = 0;
    napi_handle_scope scope;
    int rc;
    napi_create_array_with_length(napi, df_parcel_count(p), &list);
    do {
        memset(rows, 0, sizeof rows[0]);
        rows[0].size = sizeof rows[0];
        rc = df_parcel_rows(p, done, rows, ROWS, &filled);
        if (rc < 0 || !filled)
            break;
        napi_open_handle_scope(napi, &scope);
        for (size_t i = 0; i < filled; i++)
            napi_set_element(napi, list, (uint32_t)(done + i), row_of(napi, &rows[i]));
        napi_close_handle_scope(napi, scope);
        done += filled;
    } while (filled);
    return rc < 0 ? NULL : list;
}

/* [parcel, records]; undefined: none now; null: the pipeline has ended and none is left. */
static napi_value port_take(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], made = NULL, it, list;
    df_parcel *taken;
    parcel *p;
    port *o;
    int rc;
    dfn_args(napi, info, argv);
    o = dfn_external(napi, argv[0]);
    rc = df_port_take(o->port, 0, &taken);
    if (rc == DF_DONE)
        napi_get_null(napi, &made);
    if (rc < 0)
        failed(napi, o, rc);
    if (rc != DF_OK)
        return made;
    list = dfn_rows(napi, taken);
    p = calloc(1, sizeof *p);
    if (!p || !list) {
        df_port_settle(o->port, taken, DF_EIO);
        free(p);
        return dfn_throw(napi, DF_ENOMEM, NULL);
    }
    p->parcel = taken;
    p->from = o;
    o->holds++;
    napi_create_external(napi, p, parcel_gone, NULL, &it);
    napi_create_array_with_length(napi, 2, &made);
    napi_set_element(napi, made, 0, it);
    napi_set_element(napi, made, 1, list);
    return made;
}

/* (parcel, how): 0 durable, 1 once more, 2 to the error sink. */
static napi_value parcel_settle(napi_env napi, napi_callback_info info)
{
    static const int answers[] = {DF_OK, DF_EIO, DF_EDATA};
    napi_value argv[DFN_ARGS];
    parcel *p;
    int rc;
    dfn_args(napi, info, argv);
    p = dfn_external(napi, argv[0]);
    if (!p->parcel || !p->from->port)
        return dfn_throw(napi, DF_ESTATE, "this parcel was given back");
    rc = df_port_settle(p->from->port, p->parcel, answers[dfn_int(napi, argv[1])]);
    p->parcel = NULL;
    return rc < 0 ? failed(napi, p->from, rc) : NULL;
}

void dfn_begin_port(napi_env napi, napi_value exports)
{
    static const napi_property_descriptor rows[] = {
        DFN_FUNCTION("portOpen", port_open),
        DFN_FUNCTION("portClose", close_port),
        DFN_FUNCTION("portFd", port_fd),
        DFN_FUNCTION("portAcked", port_acked),
        DFN_FUNCTION("portPush", port_push),
        DFN_FUNCTION("portTake", port_take),
        DFN_FUNCTION("parcelSettle", parcel_settle),
    };
    dfn_define(napi, exports, rows, sizeof rows / sizeof *rows);
}
