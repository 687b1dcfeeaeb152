/* SPDX-License-Identifier: Apache-2.0
 * replay_reader.c: the error sink of a flow, read as a source: a pipeline of its own, from the
 * connector of that kind to a port. It ends where the error sink ended when it began. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/signals.h"
#include "dfproc/replay.h"

enum { WAIT_S = 60 }; /* a session is shorter */

/* Which options of a sink its source takes as they are, and what it is told besides. */
typedef struct kind {
    const char *name;
    const char *copied[12];
    void (*add)(df__buf *out, yyjson_val *config, const char *group);
} kind;

static void add_kafka(df__buf *out, yyjson_val *config, const char *group)
{
    (void)config;
    df__buf_str(out, ",\"startFrom\":\"earliest\",\"consumerGroup\":");
    df__buf_json(out, group, strlen(group));
}

static void add_stdio(df__buf *out, yyjson_val *config, const char *group)
{
    (void)config;
    (void)group;
    df__buf_str(out, ",\"invalid\":\"pass\"");
}

/* The table as it was written, in quotes or not: SQL reads it as the sink does. */
static void add_postgresql(df__buf *out, yyjson_val *config, const char *group)
{
    df__buf query;
    (void)group;
    df__buf_init(&query, &df__heap_libc);
    df__buf_printf(&query,
                   "select errors.*, pg_typeof(errors.original_message)::text as "
                   "original_message_type from %s as errors",
                   app_json_text(config, "table"));
    out->failed |= !df__buf_cstr(&query);
    df__buf_str(out, ",\"query\":");
    if (query.data)
        df__buf_json(out, query.data, query.len);
    df__buf_free(&query);
}

static const kind kinds[] = {{"kafka",
                              {"brokers", "brokersSecretRef", "topic", "topicSecretRef",
                               "securityProtocol", "tls", "sasl", "properties"},
                              add_kafka},
                             {"stdio", {"path"}, add_stdio},
                             {"postgresql",
                              {"connectionString", "connectionStringSecretRef", "connectTimeout"},
                              add_postgresql}};

static const kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

/* ---- the error sink as the manifest has it -------------------------------------------------- */

/* The manifest in the newer layout, as a tree. */
static yyjson_doc *tree_of(dfproc_flow *flow)
{
    df_text in = {sizeof in, flow->file, flow->manifest.data, flow->manifest.len};
    yyjson_doc *doc = NULL;
    char err[300];
    df__buf text;
    df__buf_init(&text, &df__heap_libc);
    if (df_env_format(flow->env, &in, dfproc_write, &text) < 0) {
        dfproc_fail("%s: %s", flow->file, df_env_errmsg(flow->env));
    } else if (!df__buf_cstr(&text)) {
        dfproc_fail("out of memory");
    } else {
        doc = app_json_read(text.data, text.len, err, sizeof err);
        doc = doc ? doc : app_yaml_read(text.data, text.len, err, sizeof err);
        if (!doc)
            dfproc_fail("%s: %s", flow->file, err);
    }
    df__buf_free(&text);
    return doc;
}

static int is_of_errors(const char *set)
{
    set += strncmp(set, "spec.", 5) ? 0 : 5;
    return !strncmp(set, "errors", 6) && strchr(".=[", set[6]);
}

/* What of the error sink cannot be read; NULL: nothing. */
static const char *fault_of(const kind *k, yyjson_val *config, const char *const *set)
{
    const char *format = app_json_text(config, "format");
    for (; *set; set++)
        if (is_of_errors(*set))
            return "its options have to be in the manifest, not in --set";
    if (!k)
        return "replay reads error sinks of the kinds kafka, postgresql and stdio";
    if (yyjson_obj_get(config, "topicFrom"))
        return "topicFrom spreads it over several topics";
    if (*format && strcmp(format, "json") != 0 && strcmp(k->name, "stdio") != 0)
        return "its records are not JSON (format)";
    if (!strcmp(k->name, "stdio") && !strcmp(app_json_text(config, "path"), "-"))
        return "standard output cannot be read";
    if (!strcmp(k->name, "stdio") && !yyjson_obj_get(config, "path"))
        return "standard output cannot be read";
    if (!strcmp(k->name, "postgresql") && !*app_json_text(config, "table"))
        return "its table has to be in the manifest";
    if (yyjson_is_true(yyjson_obj_get(config, "rawMode")))
        return "rawMode is not read";
    return NULL;
}

static void add_config(df__buf *out, const kind *k, yyjson_val *config, const char *group)
{
    const char *before = "{";
    for (size_t i = 0; k->copied[i]; i++) {
        yyjson_val *v = yyjson_obj_get(config, k->copied[i]);
        if (!v)
            continue;
        df__buf_str(out, before);
        df__buf_json(out, k->copied[i], strlen(k->copied[i]));
        df__buf_char(out, ':');
        app_json_write(out, v);
        before = ",";
    }
    df__buf_str(out, *before == '{' ? "{" : "");
    k->add(out, config, group);
    df__buf_char(out, '}');
}

/* Bytes of a record that this source refused mean nothing to the stages behind it. */
static int decodes(yyjson_val *source)
{
    const char *format = app_json_text(yyjson_obj_get(source, "config"), "format");
    return !strcmp(app_json_text(source, "type"), "kafka") && *format &&
           strcasecmp(format, "json") != 0;
}

/* Why there is nothing to read. */
static const char *no_errors(yyjson_val *sink)
{
    return yyjson_obj_get(yyjson_obj_get(sink, "config"), "errorTopic")
               ? "the flow has them in the errorTopic of its sink: name that topic with errors, in "
                 "a copy of this file without exactlyOnce"
               : "the flow has none";
}

/* {"source": the error sink, "sink": a port} */
static int write_manifest(df__buf *out, dfproc_flow *flow, const char *group, int *ret_decodes)
{
    yyjson_doc *doc = tree_of(flow);
    yyjson_val *root = yyjson_doc_get_root(doc), *spec = yyjson_obj_get(root, "spec");
    yyjson_val *errors = yyjson_obj_get(spec ? spec : root, "errors");
    yyjson_val *config = yyjson_obj_get(errors, "config");
    const char *type = app_json_text(errors, "type"), *fault;
    const kind *k = kind_of(type);
    if (!doc)
        return EXIT_USAGE;
    *ret_decodes = decodes(yyjson_obj_get(spec ? spec : root, "source"));
    fault = *type ? fault_of(k, config, flow->set)
                  : no_errors(yyjson_obj_get(spec ? spec : root, "sink"));
    if (fault) {
        dfproc_fail("%s: the error sink%s%s cannot be replayed: %s", flow->file, *type ? " " : "",
                    type, fault);
    } else {
        df__buf_printf(out, "{\"source\":{\"type\":\"%s\",\"config\":", type);
        add_config(out, k, config, group);
        df__buf_str(out, "},\"sink\":{\"type\":\"host\"}}");
    }
    yyjson_doc_free(doc);
    return fault ? EXIT_USAGE : EXIT_DONE;
}

/* ---- the pipeline --------------------------------------------------------------------------- */

static df_pipeline *make(dfproc_flow *flow, const app_args *args, const df__buf *manifest,
                         const char *name)
{
    df_text text = {sizeof text, flow->file, manifest->data, manifest->len};
    df_pipeline_options o = DF_PIPELINE_OPTIONS_INIT;
    df_pipeline *p;
    o.space = flow->space;
    o.name = name;
    o.resolve = dfproc_resolve;
    o.resolve_user = flow;
    o.files = app_args_value(args, "files");
    o.env_prefix = app_args_value(args, "env-prefix");
    p = df_pipeline_new(flow->env, &o);
    if (p && df_pipeline_load(p, &text) == DF_OK && df_pipeline_check(p) == DF_OK)
        return p;
    dfproc_fail("the error sink cannot be read: %s", p ? df_pipeline_errmsg(p) : "out of memory");
    df_pipeline_free(p);
    return NULL;
}

typedef struct begins {
    df_offset *rows;
    size_t count, cap;
    int failed;
} begins;

static void add_begin(void *user, const df_offset *at)
{
    begins *b = user;
    df_offset *row;
    if (df__grow(&df__heap_libc, &b->rows, &b->cap, b->count, sizeof *b->rows) != DF_OK) {
        b->failed = 1;
        return;
    }
    row = &b->rows[b->count++];
    *row = (df_offset){.size = sizeof *row, .partition = strdup(at->partition)};
    row->stored = at->first;
    b->failed |= !row->partition;
}

/* A replay that was killed is a member of its group until its session ends. */
static int store(df_pipeline *p, const begins *b)
{
    int rc = df_pipeline_set_offsets(p, b->rows, b->count);
    app_signals_default(1);
    for (int s = 0; rc == DF_ESTATE && s < WAIT_S; s++) {
        if (s == 0)
            dfproc_note("another replay reads there, or one that was killed did: waiting until its "
                        "session ends");
        sleep(1);
        rc = df_pipeline_set_offsets(p, b->rows, b->count);
    }
    app_signals_default(0);
    return rc;
}

/* A system that keeps the reader's offsets would go on at them: they go back to the first record.
 * That is refused while another replay reads there. */
static int go_back(df_pipeline *p)
{
    begins b = {.rows = NULL};
    int rc = df_pipeline_offsets(p, -1, add_begin, &b);
    if (rc == DF_OK && b.failed)
        rc = DF_ENOMEM;
    if (rc == DF_OK && b.count)
        rc = store(p, &b);
    for (size_t i = 0; i < b.count; i++)
        free((void *)(uintptr_t)b.rows[i].partition);
    free(b.rows);
    return rc == DF_ENOTSUP ? DF_OK : rc;
}

static int start(dfproc_reader *r)
{
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_port_options o = {.size = sizeof o, .stage = "sink", .mode = DF_TAKE};
    int rc = df_port_open(r->pipeline, &o, &r->port);
    if (rc == DF_OK)
        rc = df_pipeline_start(r->pipeline, &run);
    return rc;
}

int dfproc_reader_check(dfproc_reader *r, dfproc_flow *flow)
{
    df__buf manifest;
    df__buf_init(&manifest, &df__heap_libc);
    int rc = write_manifest(&manifest, flow, "", &r->decodes);
    df__buf_free(&manifest);
    return rc;
}

int dfproc_reader_open(dfproc_reader *r, dfproc_flow *flow, const app_args *args, const char *name)
{
    const char *group = app_args_value(args, "group");
    char own[300];
    df__buf manifest;
    int rc, failed = DF_OK;
    df__text_printf(own, sizeof own, "%s-replay", name);
    df__buf_init(&manifest, &df__heap_libc);
    rc = write_manifest(&manifest, flow, group ? group : own, &r->decodes);
    if (rc == EXIT_DONE && manifest.failed)
        rc = dfproc_fail("out of memory");
    if (rc == EXIT_DONE && !(r->pipeline = make(flow, args, &manifest, own)))
        rc = EXIT_USAGE;
    if (rc == EXIT_DONE)
        failed = go_back(r->pipeline);
    if (rc == EXIT_DONE && failed == DF_OK) { /* what was asked for offsets does not run */
        df_pipeline_free(r->pipeline);
        r->pipeline = make(flow, args, &manifest, own);
        failed = r->pipeline ? start(r) : DF_ENOMEM;
    }
    df__buf_free(&manifest);
    if (failed == DF_OK)
        return rc;
    dfproc_fail("the error sink cannot be read: %s",
                r->pipeline ? df_pipeline_errmsg(r->pipeline) : "");
    return dfproc_exit_code(failed);
}

int dfproc_reader_next(dfproc_reader *r)
{
    int rc;
    if (r->parcel && ++r->index < df_parcel_count(r->parcel))
        return DF_OK;
    if (r->parcel)
        df_port_settle(r->port, r->parcel, DF_OK);
    do {
        r->parcel = NULL;
        rc = df_port_take(r->port, 0, &r->parcel);
    } while (rc == DF_OK && !df_parcel_count(r->parcel) &&
             df_port_settle(r->port, r->parcel, DF_OK) == DF_OK);
    r->index = 0;
    if (rc != DF_DONE)
        return rc;
    rc = df_pipeline_wait(r->pipeline, -1);
    return rc < 0 ? rc : DF_DONE;
}

void dfproc_reader_close(dfproc_reader *r)
{
    if (r->parcel)
        df_port_settle(r->port, r->parcel, DF_OK);
    df_port_close(r->port);
    df_pipeline_free(r->pipeline);
}
