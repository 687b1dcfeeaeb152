/* SPDX-License-Identifier: Apache-2.0
 * vector.c: runs one vector of a transformation, as tests/vectors has them: one record in, what
 * comes out judged exactly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfproc/cases.h"

/* 2026-01-02T03:04:05Z, the time of vectors that say nothing else. */
#define VECTOR_NOW INT64_C(1767323045000000)

/* ---- what goes in -------------------------------------------------------------------------- */

static void add_stage(df__buf *out, const char *type, yyjson_val *stage)
{
    static const char *const members[] = {"config", "when"};
    df__buf_str(out, "{\"type\":");
    df__buf_json(out, type, strlen(type));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        yyjson_val *v = yyjson_obj_get(stage, members[i]);
        if (!v)
            continue;
        df__buf_printf(out, ",\"%s\":", members[i]);
        app_json_write(out, v);
    }
    df__buf_char(out, '}');
}

static void write_manifest(dfproc_suite *s, yyjson_val *one)
{
    const char *own = app_json_text(one, "transform");
    const char *transform = *own ? own : app_json_text(yyjson_doc_get_root(s->doc), "transform");
    df__buf *out = &s->flow.manifest;
    yyjson_val *stage;
    size_t at, count;
    df__buf_clear(out);
    df__buf_str(out, "{\"source\":{\"type\":\"" DFPROC_CASE_SOURCE "\"},"
                     "\"sink\":{\"type\":\"host\"},\"errors\":{\"type\":\"host\"},"
                     "\"transformations\":[");
    add_stage(out, transform, one);
    yyjson_arr_foreach (yyjson_obj_get(one, "chain"), at, count, stage) {
        df__buf_char(out, ',');
        add_stage(out, app_json_text(stage, "type"), stage);
    }
    df__buf_str(out, "]}");
}

/* Payloads of vectors are JSON; only the forms with a dollar are bytes. */
static void add_payload(df__buf *out, yyjson_val *value)
{
    df__buf json;
    if (value && dfproc_cases_exact(value) && !yyjson_is_str(value)) {
        app_json_write(out, value);
        return;
    }
    df__buf_init(&json, &df__heap_libc);
    if (value)
        app_json_write(&json, value);
    df__buf_str(out, "{\"$text\":");
    df__buf_json(out, json.data ? json.data : "", json.len);
    df__buf_char(out, '}');
    df__buf_free(&json);
}

/* The one input, as the source of cases wants it. */
static yyjson_doc *make_inputs(yyjson_val *one)
{
    static const char *const members[] = {"key", "headers", "metadata", "offset", "time_us"};
    char err[200];
    yyjson_doc *doc = NULL;
    df__buf text;
    df__buf_init(&text, &df__heap_libc);
    df__buf_str(&text, "[{\"payload\":");
    add_payload(&text, yyjson_obj_get(one, "input"));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        yyjson_val *v = yyjson_obj_get(one, members[i]);
        if (!v)
            continue;
        df__buf_printf(&text, ",\"%s\":", members[i]);
        app_json_write(&text, v);
    }
    df__buf_str(&text, "}]");
    if (df__buf_cstr(&text))
        doc = app_json_read(text.data, text.len, err, sizeof err);
    df__buf_free(&text);
    return doc;
}

/* ---- what came out ------------------------------------------------------------------------- */

static const dfproc_watch *by_stage(const dfproc_capture *c, const char *stage)
{
    for (size_t i = 0; i < c->count; i++)
        if (!strcmp(c->watches[i].stage, stage))
            return &c->watches[i];
    return NULL;
}

static const dfproc_watch *by_route(const dfproc_capture *c, const char *route)
{
    for (size_t i = 0; i < c->count; i++)
        if (!strcmp(c->watches[i].route, route))
            return &c->watches[i];
    return NULL;
}

/* Exactly `count` records came, all of them at `where`. */
static int came(const dfproc_capture *c, const dfproc_watch *where, size_t count, df__buf *why)
{
    int good = 1;
    for (size_t i = 0; i < c->count; i++) {
        const dfproc_watch *w = &c->watches[i];
        size_t expected = w == where ? count : 0;
        if (w->count == expected)
            continue;
        df__buf_printf(why, "  %s: %zu record%s expected, %zu came\n", w->stage, expected,
                       DF__PLURAL(expected), w->count);
        if (w->count && w->rows[0].payload)
            df__buf_printf(why, "    %.600s\n", w->rows[0].payload);
        good = 0;
    }
    return good;
}

/* Compact JSON, so that blanks and escapes do not count; order and numbers do. */
static void compact(df__buf *out, const dfproc_seen *seen)
{
    char err[200];
    yyjson_doc *doc = app_json_read(seen->payload, seen->payload_len, err, sizeof err);
    if (doc)
        app_json_write(out, yyjson_doc_get_root(doc));
    else
        df__buf_add(out, seen->payload, seen->payload_len);
    yyjson_doc_free(doc);
}

static void judge_payload(yyjson_val *expected, const dfproc_seen *seen, int as_json, df__buf *why)
{
    df__buf want_text, got;
    df_bytes want = {NULL, 0};
    df__buf_init(&want_text, &df__heap_libc);
    df__buf_init(&got, &df__heap_libc);
    if (dfproc_cases_exact(expected) && !yyjson_is_str(expected)) {
        want = dfproc_cases_payload(expected, &want_text);
        as_json = 0;
    } else {
        app_json_write(&want_text, expected);
        want.data = df__buf_cstr(&want_text);
        want.len = want_text.len;
    }
    if (seen->payload && as_json)
        compact(&got, seen);
    else if (seen->payload)
        df__buf_add(&got, seen->payload, seen->payload_len);
    if (!want.data != !seen->payload || want.len != got.len ||
        (want.len && memcmp(want.data, got.data, want.len)))
        df__buf_printf(why, "  want %.600s\n  got  %.600s\n",
                       want.data ? (const char *)want.data : "-",
                       seen->payload && df__buf_cstr(&got) ? got.data : "-");
    df__buf_free(&want_text);
    df__buf_free(&got);
}

static void judge_error(const dfproc_capture *c, yyjson_val *want, df__buf *why)
{
    const dfproc_watch *errors = by_stage(c, "errors");
    const char *reason = app_json_text(want, "reason"), *part = app_json_text(want, "contains");
    const char *secret = app_json_text(want, "excludes"), *message;
    yyjson_val *error;
    yyjson_doc *doc;
    char err[200];
    if (!errors || !came(c, errors, 1, why))
        return;
    doc = app_json_read(errors->rows[0].payload ? errors->rows[0].payload : "",
                        errors->rows[0].payload_len, err, sizeof err);
    error = yyjson_obj_get(yyjson_doc_get_root(doc), "error");
    message = app_json_text(error, "message");
    if (*reason && strcmp(reason, app_json_text(error, "reason")))
        df__buf_printf(why, "  reason %s expected, %s came\n", reason,
                       app_json_text(error, "reason"));
    if (!strstr(message, part))
        df__buf_printf(why, "  the message has no \"%s\": %s\n", part, message);
    if (*secret && strstr(message, secret))
        df__buf_printf(why, "  the message tells too much: %s\n", message);
    yyjson_doc_free(doc);
}

static void judge_metadata(yyjson_val *want, const dfproc_seen *seen, df__buf *why)
{
    char err[200];
    yyjson_doc *doc =
        seen->meta ? app_json_read(seen->meta, strlen(seen->meta), err, sizeof err) : NULL;
    yyjson_val *name, *value, *got;
    size_t at, count;
    yyjson_obj_foreach (want, at, count, name, value) {
        got = yyjson_obj_get(yyjson_doc_get_root(doc), yyjson_get_str(name));
        if (yyjson_obj_get(value, "$absent") ? got != NULL
                                             : !got || !app_json_matches(value, got, 0))
            df__buf_printf(why, "  metadata %s is different: %s\n", yyjson_get_str(name),
                           seen->meta ? seen->meta : "-");
    }
    yyjson_doc_free(doc);
}

static void judge_outputs(const dfproc_suite *s, const dfproc_capture *c, df__buf *why)
{
    yyjson_val *one = s->one;
    const char *routed = app_json_text(one, "routed");
    const dfproc_watch *sink = *routed ? by_route(c, routed) : by_stage(c, "sink");
    yyjson_val *many = yyjson_obj_get(one, "outputs"), *want;
    size_t at, count;
    if (!sink) {
        df__buf_printf(why, "  no route has the condition %s\n", routed);
        return;
    }
    if (!came(c, sink, many ? yyjson_arr_size(many) : yyjson_obj_get(one, "dropped") ? 0 : 1, why))
        return;
    yyjson_arr_foreach (many, at, count, want)
        judge_payload(want, &sink->rows[at], 1, why);
    if (yyjson_obj_get(one, "unchanged"))
        judge_payload(yyjson_obj_get(one, "input"), &sink->rows[0], s->inputs.typed, why);
    else if (yyjson_obj_get(one, "output"))
        judge_payload(yyjson_obj_get(one, "output"), &sink->rows[0], 1, why);
    if (sink->count)
        judge_metadata(yyjson_obj_get(one, "expect_metadata"), &sink->rows[0], why);
}

static void judge(dfproc_suite *s, int rc, const dfproc_capture *c, df__buf *why)
{
    yyjson_val *one = s->one;
    const char *refused = app_json_text(one, "refused"), *warned = app_json_text(one, "warned");
    df__buf problems;
    const char *said;
    df__buf_init(&problems, &df__heap_libc);
    dfproc_cases_problems(s, &problems);
    said = df__buf_cstr(&problems) ? problems.data : "";
    if ((*refused || rc == DF_ESPEC) && (rc != DF_ESPEC || !*refused || !strstr(said, refused)))
        df__buf_printf(why, "  refused expected: \"%s\"; problems: %s\n", refused, said);
    else if (rc < 0 && rc != DF_ESPEC)
        df__buf_printf(why, "  failed: %s\n", df_pipeline_errmsg(s->flow.pipeline));
    else if ((*warned && !strstr(said, warned)) ||
             (*said && yyjson_is_null(yyjson_obj_get(one, "warned"))))
        df__buf_printf(why, "  warning expected: %s; problems: %s\n", warned, said);
    else if (yyjson_obj_get(one, "error"))
        judge_error(c, yyjson_obj_get(one, "error"), why);
    else if (rc >= 0)
        judge_outputs(s, c, why);
    df__buf_free(&problems);
}

void dfproc_vector_run(dfproc_suite *s, yyjson_val *one, df__buf *why)
{
    dfproc_capture c = {.meta_names = yyjson_obj_get(one, "expect_metadata")};
    int typed = yyjson_is_true(yyjson_obj_get(one, "typed"));
    df_path *root = typed ? df_path_new(s->flow.env, "$") : NULL;
    yyjson_doc *inputs = make_inputs(one);
    c.typed = root;
    s->inputs.typed = typed;
    s->inputs.rows = yyjson_doc_get_root(inputs);
    s->one = one;
    write_manifest(s, one);
    if (!inputs || s->flow.manifest.failed || (typed && !root))
        df__buf_str(why, "  out of memory\n");
    else if (dfproc_cases_clock(s, one, VECTOR_NOW) < 0)
        df__buf_str(why, "  `now` is not a time like 2026-01-31T12:00:00Z\n");
    else
        judge(s, dfproc_cases_run(s, &c, why), &c, why);
    dfproc_capture_free(&c);
    df_path_free(root);
    yyjson_doc_free(inputs);
}
