/* SPDX-License-Identifier: Apache-2.0
 * capture.c: copies records from ports, see capture.h. */
#include "dfproc/capture.h"

#include "common/typed.h"
#include "common/visible.h"
#include "dataflow_ext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAP_BYTES = 32 << 20 };

int dfproc_capture_open(dfproc_capture *c, yyjson_doc *plan, int which)
{
    yyjson_val *stages = yyjson_obj_get(yyjson_doc_get_root(plan), "stages"), *stage;
    size_t at, count;
    c->watches = calloc(yyjson_arr_size(stages) + 1, sizeof *c->watches);
    if (!c->watches)
        return dfproc_fail("out of memory");
    yyjson_arr_foreach (stages, at, count, stage) {
        dfproc_watch *w = &c->watches[c->count];
        const char *role = app_json_text(stage, "role");
        int kind = strstr(role, "sink") ? DFPROC_SINKS : DFPROC_OTHERS;
        if (!(kind & which))
            continue;
        snprintf(w->stage, sizeof w->stage, "%s", app_json_text(stage, "name"));
        snprintf(w->kind, sizeof w->kind, "%s", app_json_text(stage, "kind"));
        snprintf(w->role, sizeof w->role, "%s", role);
        snprintf(w->route, sizeof w->route, "%s", app_json_text(stage, "route"));
        c->count++;
    }
    return EXIT_DONE;
}

int dfproc_capture_ports(dfproc_capture *c, df_pipeline *p, int mode)
{
    for (size_t i = 0; i < c->count; i++) {
        df_port_options o = {.size = sizeof o, .stage = c->watches[i].stage, .mode = mode};
        int rc;
        if (mode == DF_TAP)
            o.queue_bytes = TAP_BYTES;
        rc = df_port_open(p, &o, &c->watches[i].port);
        if (rc != DF_OK)
            c->watches[i].port = NULL;
        if (rc != DF_OK && mode == DF_TAKE)
            return dfproc_fail("cannot watch stage %s: %s", c->watches[i].stage,
                               df_pipeline_errmsg(p));
    }
    return EXIT_DONE;
}

static char *copy_bytes(df_bytes b, dfproc_capture *c)
{
    char *copy;
    if (!b.data)
        return NULL;
    copy = malloc(b.len + 1);
    if (!copy) {
        c->failed = 1;
        return NULL;
    }
    memcpy(copy, b.data, b.len);
    copy[b.len] = 0;
    return copy;
}

static void copy_headers(const df_record *r, dfproc_seen *seen, dfproc_capture *c)
{
    df_header h;
    for (size_t i = 0; df_record_header(r, i, &h) == DF_OK; i++) {
        df_bytes name = {h.name, strlen(h.name)};
        dfproc_seen_header *copy;
        if (df__grow(&df__heap_libc, &seen->headers, &seen->header_cap, i, sizeof *copy) != DF_OK) {
            c->failed = 1;
            return;
        }
        copy = &seen->headers[seen->header_count++];
        copy->name = copy_bytes(name, c);
        copy->name_len = copy->name ? name.len : 0;
        copy->value = copy_bytes(h.value, c);
        copy->value_len = copy->value ? h.value.len : 0;
    }
}

static char *copy_meta(const df_record *r, dfproc_capture *c)
{
    size_t at, count, len;
    yyjson_val *name, *unused;
    df__buf text;
    if (!c->meta_names)
        return NULL;
    df__buf_init(&text, &df__heap_libc);
    yyjson_obj_foreach (c->meta_names, at, count, name, unused) {
        df_value v = {.type = DF_V_ABSENT};
        char *room;
        if (df_record_meta(r, yyjson_get_str(name), &v) != DF_OK || v.type == DF_V_ABSENT)
            continue;
        df__buf_char(&text, text.len ? ',' : '{');
        df__buf_json(&text, yyjson_get_str(name), yyjson_get_len(name));
        df__buf_char(&text, ':');
        len = df_value_json(&v, NULL, 0);
        room = df__buf_reserve(&text, len);
        if (room)
            text.len += df_value_json(&v, room, len);
    }
    df__buf_str(&text, text.len ? "}" : "{}");
    if (!df__buf_cstr(&text))
        c->failed = 1;
    return text.data;
}

static void copy_route(const df_record *r, char *route, size_t len)
{
    df_value v = {.type = DF_V_ABSENT};
    if (df_record_meta(r, "routed_condition", &v) == DF_OK && v.type == DF_V_STRING)
        snprintf(route, len, "%.*s", (int)v.len, v.text);
}

/* An envelope of the error sink is plain JSON. */
static void take_payload(dfproc_capture *c, const dfproc_watch *w, df_parcel *parcel, size_t index,
                         dfproc_seen *seen)
{
    df_bytes payload = {NULL, 0};
    df__buf text;
    df_value root;
    df__buf_init(&text, &df__heap_libc);
    if (c->typed && strcmp(w->stage, "errors") &&
        df_parcel_get(parcel, index, c->typed, &root) == DF_OK) {
        app_typed_write(&text, &root);
        payload.data = df__buf_cstr(&text);
        payload.len = text.len;
        c->failed |= !payload.data;
    } else if (df_parcel_payload(parcel, index, &payload) != DF_OK) {
        c->failed = 1;
    }
    seen->payload = copy_bytes(payload, c);
    seen->payload_len = payload.data ? payload.len : 0;
    df__buf_free(&text);
}

static void add_row(dfproc_capture *c, dfproc_watch *w, df_parcel *parcel, size_t index)
{
    const df_record *r = df_parcel_at(parcel, index);
    df_bytes key = {NULL, 0};
    df_info info = {.size = sizeof info, .offset = -1};
    dfproc_seen *seen;
    if (df__grow(&df__heap_libc, &w->rows, &w->cap, w->count, sizeof *w->rows) != DF_OK) {
        c->failed = 1;
        return;
    }
    seen = &w->rows[w->count++];
    memset(seen, 0, sizeof *seen);
    take_payload(c, w, parcel, index, seen);
    df_record_key(r, &key);
    df_record_info(r, &info);
    seen->key = copy_bytes(key, c);
    seen->key_len = key.data ? key.len : 0;
    copy_headers(r, seen, c);
    seen->meta = copy_meta(r, c);
    copy_route(r, seen->route, sizeof seen->route);
    seen->offset = info.offset;
    snprintf(seen->partition, sizeof seen->partition, "%s", info.partition ? info.partition : "");
}

static size_t take_all(dfproc_capture *c, dfproc_watch *w)
{
    size_t taken = 0;
    for (;;) {
        df_parcel *parcel = NULL;
        int rc = df_port_take(w->port, 0, &parcel);
        if (rc != DF_OK) {
            w->done = rc != DF_AGAIN;
            return taken;
        }
        for (size_t i = 0; i < df_parcel_count(parcel); i++, taken++)
            add_row(c, w, parcel, i);
        df_port_settle(w->port, parcel, DF_OK);
    }
}

size_t dfproc_capture_take(dfproc_capture *c)
{
    size_t taken = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->watches[i].port && !c->watches[i].done)
            taken += take_all(c, &c->watches[i]);
    return taken;
}

void dfproc_capture_close(dfproc_capture *c)
{
    for (size_t i = 0; i < c->count; i++) {
        df_port_close(c->watches[i].port);
        c->watches[i].port = NULL;
    }
}

static void free_row(dfproc_seen *seen)
{
    for (size_t i = 0; i < seen->header_count; i++) {
        free(seen->headers[i].name);
        free(seen->headers[i].value);
    }
    free(seen->headers);
    free(seen->payload);
    free(seen->key);
    free(seen->meta);
}

void dfproc_capture_free(dfproc_capture *c)
{
    for (size_t i = 0; i < c->count; i++) {
        dfproc_watch *w = &c->watches[i];
        for (size_t k = 0; k < w->count; k++)
            free_row(&w->rows[k]);
        free(w->rows);
    }
    free(c->watches);
    memset(c, 0, sizeof *c);
}

/* Keys and headers keep to one line, or a value could pass for the next header. */
static void add_head(df__buf *out, const dfproc_seen *seen)
{
    if (seen->key) {
        df__buf_str(out, "key: ");
        app_visible(out, seen->key, seen->key_len, 0);
        df__buf_char(out, '\n');
    }
    for (size_t i = 0; i < seen->header_count; i++) {
        const dfproc_seen_header *h = &seen->headers[i];
        app_visible(out, h->name, h->name_len, 0);
        df__buf_str(out, h->value ? ": " : ": null");
        app_visible(out, h->value, h->value_len, 0);
        df__buf_char(out, '\n');
    }
}

void dfproc_seen_text(df__buf *out, const dfproc_seen *seen)
{
    char err[200];
    df__buf pretty;
    yyjson_doc *doc = NULL;
    add_head(out, seen);
    if (!seen->payload) {
        df__buf_str(out, "(no payload)\n");
        return;
    }
    doc = app_json_read(seen->payload, seen->payload_len, err, sizeof err);
    df__buf_init(&pretty, &df__heap_libc);
    if (doc)
        app_json_pretty(&pretty, yyjson_doc_get_root(doc), 0);
    out->failed |= pretty.failed;
    app_visible(out, doc ? pretty.data : seen->payload, doc ? pretty.len : seen->payload_len, 1);
    df__buf_char(out, '\n');
    df__buf_free(&pretty);
    yyjson_doc_free(doc);
}
