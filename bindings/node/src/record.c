/* SPDX-License-Identifier: Apache-2.0
 * record.c: the record of a transform and its values, as long as the function of the program runs.
 */
#include "node.h"

#include <stdlib.h>
#include <string.h>

static const double safe = DFN_SAFE;

/* The record that a call is about; NULL with an error: its function has returned. */
static df_record *record_of(napi_env napi, napi_value cursor)
{
    dfn_cursor *c = dfn_external(napi, cursor);
    if (!c->record)
        dfn_throw(napi, DF_ESTATE, "the record is used after its transform returned");
    return c->record;
}

/* Moves to the next record that is to be worked on; false: there is none. */
static napi_value record_next(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], found;
    dfn_cursor *c;
    dfn_args(napi, info, argv);
    c = dfn_external(napi, argv[0]);
    c->record = NULL;
    while (c->batch && c->next < df_batch_count(c->batch) && !c->record) {
        df_record *r = df_batch_at(c->batch, c->next++);
        if (df_record_live(r))
            c->record = r;
    }
    napi_get_boolean(napi, c->record != NULL, &found);
    return found;
}

/* ---- values ---- */

/* `as` writes it as snprintf does. */
static napi_value written(napi_env napi, const df_value *v,
                          size_t (*as)(const df_value *v, char *buf, size_t len))
{
    size_t len = as(v, NULL, 0);
    char *text = malloc(len + 1);
    napi_value made = NULL;
    if (!text)
        return dfn_throw(napi, DF_ENOMEM, NULL);
    as(v, text, len);
    napi_create_string_utf8(napi, text, len, &made);
    free(text);
    return made;
}

static napi_value apply(napi_env napi, napi_value call, napi_value arg)
{
    napi_value this, made = NULL;
    napi_get_undefined(napi, &this);
    if (arg) /* else an exception is on its way */
        napi_call_function(napi, this, call, 1, &arg, &made);
    return made;
}

/* `parse` is lib/'s, which reads JSON; undefined where no tree can be. */
static napi_value from_value(napi_env napi, const df_value *v, napi_value parse)
{
    napi_value global, made = NULL;
    switch (v->type) {
    case DF_V_ABSENT:
        return NULL;
    case DF_V_NULL:
        napi_get_null(napi, &made);
        return made;
    case DF_V_BOOL:
        napi_get_boolean(napi, v->u.i != 0, &made);
        return made;
    case DF_V_INT:
        if ((double)v->u.i >= -safe && (double)v->u.i <= safe)
            return dfn_number(napi, (double)v->u.i);
        napi_create_bigint_int64(napi, v->u.i, &made);
        return made;
    case DF_V_DOUBLE:
        return dfn_number(napi, v->u.d);
    case DF_V_NUMBER: {
        double n = 0;
        if (strspn(v->text, "-0123456789") >= v->len) { /* more digits than an int has */
            napi_get_global(napi, &global);
            return apply(napi, dfn_member(napi, global, "BigInt"), written(napi, v, df_value_text));
        }
        df_value_double(v, &n);
        return dfn_number(napi, n);
    }
    case DF_V_STRING:
        napi_create_string_utf8(napi, v->text, v->len, &made);
        return made;
    case DF_V_BYTES:
        return dfn_buffer(napi, (df_bytes){v->text, v->len});
    case DF_V_ARRAY:
    case DF_V_OBJECT:
        return apply(napi, parse, written(napi, v, df_value_json));
    default: /* timestamps, dates, times as text; UNCHANGED is nothing that can be read */
        return v->type == DF_V_UNCHANGED ? NULL : written(napi, v, df_value_text);
    }
}

/* What JSON does not have; anything else comes as JSON. *ret_owned is yours. */
static int to_value(napi_env napi, napi_value from, df_value *ret, char **ret_owned)
{
    napi_valuetype type;
    bool is = false;
    double n;
    df_bytes b;
    *ret_owned = NULL;
    memset(ret, 0, sizeof *ret);
    napi_typeof(napi, from, &type);
    if (type == napi_undefined)
        return 1;
    if (type == napi_string) {
        ret->type = DF_V_STRING;
        ret->text = *ret_owned = dfn_text(napi, from, &ret->len);
        return ret->text != NULL;
    }
    if (type == napi_number) {
        napi_get_value_double(napi, from, &n);
        ret->type = DF_V_DOUBLE;
        ret->u.d = n;
        if (n >= -safe && n <= safe && n == (double)(int64_t)n) {
            ret->type = DF_V_INT;
            ret->u.i = (int64_t)n;
        }
        return 1;
    }
    if (napi_is_date(napi, from, &is) == napi_ok && is) {
        napi_get_date_value(napi, from, &n);
        ret->type = DF_V_TIMESTAMP;
        ret->u.i = (int64_t)(n * 1000);
        return n == n; /* not an invalid one */
    }
    b = dfn_bytes(napi, from, ret_owned);
    ret->type = DF_V_BYTES;
    ret->text = b.data;
    ret->len = b.len;
    return b.data != NULL;
}

static napi_value set_answer(napi_env napi, int rc)
{
    return rc < 0 ? dfn_throw(napi, rc,
                              rc == DF_EDATA ? "not JSON, or a parent is no container" : NULL)
                  : NULL;
}

/* (cursor, path, parse) */
static napi_value record_get(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    df_record *r;
    df_value v;
    int rc;
    dfn_args(napi, info, argv);
    r = record_of(napi, argv[0]);
    if (!r)
        return NULL;
    rc = df_record_get(r, dfn_external(napi, argv[1]), &v);
    return rc < 0 ? set_answer(napi, rc) : from_value(napi, &v, argv[2]);
}

/* (cursor, path, value) */
static napi_value record_set(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    df_record *r;
    df_value v;
    char *owned;
    int rc;
    dfn_args(napi, info, argv);
    r = record_of(napi, argv[0]);
    if (!r)
        return NULL;
    rc = to_value(napi, argv[2], &v, &owned) ? df_record_set(r, dfn_external(napi, argv[1]), &v)
                                             : DF_EINVAL;
    free(owned);
    return set_answer(napi, rc);
}

/* (cursor, path, JSON) */
static napi_value record_set_json(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    df_record *r;
    df_value v;
    size_t len = 0;
    char *text;
    int rc;
    dfn_args(napi, info, argv);
    r = record_of(napi, argv[0]);
    if (!r)
        return NULL;
    text = dfn_text(napi, argv[2], &len);
    rc = text ? df_value_parse(r, (df_bytes){text, len}, &v) : DF_EINVAL;
    if (rc >= 0)
        rc = df_record_set(r, dfn_external(napi, argv[1]), &v);
    free(text);
    return set_answer(napi, rc);
}

/* (cursor, what): 0 payload, 1 key */
static napi_value record_bytes(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    df_record *r;
    df_bytes b = {NULL, 0};
    int rc;
    dfn_args(napi, info, argv);
    r = record_of(napi, argv[0]);
    if (!r)
        return NULL;
    rc = dfn_int(napi, argv[1]) ? df_record_key(r, &b) : df_record_payload(r, &b);
    return rc < 0 ? dfn_throw(napi, rc, NULL) : dfn_buffer(napi, b);
}

/* (cursor, what, bytes) */
static napi_value record_set_bytes(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    df_record *r;
    df_bytes b;
    char *owned;
    int rc;
    dfn_args(napi, info, argv);
    r = record_of(napi, argv[0]);
    if (!r)
        return NULL;
    b = dfn_bytes(napi, argv[2], &owned);
    rc = dfn_int(napi, argv[1]) ? df_record_set_key(r, b) : df_record_set_payload(r, b);
    free(owned);
    return set_answer(napi, rc);
}

/* (cursor, name) */
static napi_value record_meta(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], made = NULL;
    df_record *r;
    df_value v;
    char *name;
    dfn_args(napi, info, argv);
    r = record_of(napi, argv[0]);
    name = r ? dfn_text(napi, argv[1], NULL) : NULL;
    if (name && df_record_meta(r, name, &v) == DF_OK)
        made = from_value(napi, &v, argv[2]);
    free(name);
    return made;
}

/* (cursor) */
static napi_value record_drop(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    df_record *r;
    dfn_args(napi, info, argv);
    r = record_of(napi, argv[0]);
    if (r)
        df_record_drop(r);
    return NULL;
}

/* (cursor, text, reason) */
static napi_value record_reject(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    df_record *r;
    char *text, *reason;
    dfn_args(napi, info, argv);
    r = record_of(napi, argv[0]);
    if (!r)
        return NULL;
    text = dfn_text(napi, argv[1], NULL);
    reason = dfn_text(napi, argv[2], NULL);
    df_record_reject(r, DF_EDATA, reason, text ? text : "");
    free(text);
    free(reason);
    return NULL;
}

void dfn_begin_record(napi_env napi, napi_value exports)
{
    static const napi_property_descriptor rows[] = {
        DFN_FUNCTION("recordNext", record_next),
        DFN_FUNCTION("recordGet", record_get),
        DFN_FUNCTION("recordSet", record_set),
        DFN_FUNCTION("recordSetJson", record_set_json),
        DFN_FUNCTION("recordBytes", record_bytes),
        DFN_FUNCTION("recordSetBytes", record_set_bytes),
        DFN_FUNCTION("recordMeta", record_meta),
        DFN_FUNCTION("recordDrop", record_drop),
        DFN_FUNCTION("recordReject", record_reject),
    };
    dfn_define(napi, exports, rows, sizeof rows / sizeof *rows);
}
