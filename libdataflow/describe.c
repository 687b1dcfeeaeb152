/* SPDX-License-Identifier: Apache-2.0
 * describe.c: one JSON object about everything a manifest may say: connectors, transformations with
 * their option tables, and the fields of a spec. Documents, completion and forms come from it. */
#include <string.h>

#include "core/registry/env.h"
#include "core/graph/graph.h"
#include "core/graph/option.h"
#include "spec/spec.h"
#include "util/buf.h"

static const struct {
    unsigned flag;
    const char *name;
} abilities[] = {
    {DF_CAN_REPLAY, "replay"},
    {DF_CAN_EXACTLY_ONCE, "exactlyOnce"},
    {DF_IS_IDEMPOTENT, "idempotent"},
    {DF_HOLDS_POSITION, "holdsPosition"},
    {DF_IS_LINE, "line"},
    {DF_VARIES, "varies"},
};

static void text(df__buf *out, const char *name, const char *value)
{
    df__buf_printf(out, "\"%s\":", name);
    df__buf_json(out, value ? value : "", value ? strlen(value) : 0);
}

static void side_json(df__buf *out, const char *role, unsigned flags, const df_options *options)
{
    const char *comma = "";
    df__buf_printf(out, ",\"%s\":{\"flags\":[", role);
    for (size_t i = 0; i < sizeof abilities / sizeof abilities[0]; i++) {
        if (flags & abilities[i].flag) {
            df__buf_printf(out, "%s\"%s\"", comma, abilities[i].name);
            comma = ",";
        }
    }
    df__buf_str(out, "],\"options\":");
    df__options_json(options, out);
    df__buf_char(out, '}');
}

static void metrics_json(df__buf *out, const df_metric *m)
{
    const char *comma = "";
    if (!m || !m->name)
        return;
    df__buf_str(out, ",\"metrics\":[");
    for (; m->name; m++) {
        df__buf_printf(out, "%s{", comma);
        text(out, "name", m->name);
        df__buf_char(out, ',');
        text(out, "doc", m->help);
        df__buf_printf(out, ",\"type\":\"%s\"}", df__metric_type(m->type));
        comma = ",";
    }
    df__buf_char(out, ']');
}

static void connector_json(df__buf *out, const df_connector *c)
{
    df__buf_char(out, '{');
    text(out, "name", c->name);
    df__buf_char(out, ',');
    text(out, "doc", c->doc);
    if (c->version && *c->version) {
        df__buf_char(out, ',');
        text(out, "version", c->version);
    }
    if (c->source)
        side_json(out, "source", c->source_flags, c->source_options);
    if (c->sink)
        side_json(out, "sink", c->sink_flags, c->sink_options);
    metrics_json(out, c->metrics);
    df__buf_char(out, '}');
}

static void transform_json(df__buf *out, const df_transform *t)
{
    df__buf_char(out, '{');
    text(out, "name", t->name);
    df__buf_char(out, ',');
    text(out, "doc", t->doc);
    df__buf_printf(out, ",\"expands\":%s,\"options\":", t->expand ? "true" : "false");
    df__options_json(t->options, out);
    if (t->example && *t->example)
        df__buf_printf(out, ",\"example\":%s", t->example);
    df__buf_char(out, '}');
}

static void write_all(df_env *env, df__buf *out)
{
    const df_connector *c;
    const df_transform *t;
    df__buf_char(out, '{');
    text(out, "version", df_version_string());
    df__buf_str(out, ",\"connectors\":[");
    for (size_t i = 0; (c = df__env_connector_at(env, i)) != NULL; i++) {
        if (i)
            df__buf_char(out, ',');
        connector_json(out, c);
    }
    df__buf_str(out, "],\"transforms\":[");
    for (size_t i = 0; (t = df__env_transform_at(env, i)) != NULL; i++) {
        if (i)
            df__buf_char(out, ',');
        transform_json(out, t);
    }
    df__buf_str(out, "],\"stage\":");
    df__options_json(df__spec_stage_rows(), out);
    df__buf_str(out, ",\"spec\":");
    df__options_json(df__spec_rows(0), out);
    df__buf_str(out, ",\"errors\":");
    df__options_json(df__spec_error_rows(), out);
    df__buf_str(out, ",\"cron\":");
    df__options_json(df__spec_rows(1), out);
    df__buf_char(out, '}');
}

int df_env_describe(df_env *env, df_write_fn write, void *user)
{
    df__buf out;
    int rc = DF_ENOMEM;
    if (!env || !write)
        return env ? df__env_fail(env, DF_EINVAL, "nowhere to write the description") : DF_EINVAL;
    df__buf_init(&out, df__env_heap(env));
    write_all(env, &out);
    if (!out.failed)
        rc = write(user, out.data, out.len);
    df__buf_free(&out);
    return rc;
}
