/* SPDX-License-Identifier: Apache-2.0
 * init.c: writes a commented manifest from the option tables. */
#include <stdio.h>
#include <string.h>

#include "dfproc/dfproc.h"

/* Values that make sense for well-known options; a sink's are others, so that no flow feeds
 * itself. All other required options get a placeholder. chosen: of several options of which one is
 * required, the one to begin with. */
typedef struct sample {
    const char *name, *source, *sink;
    int chosen;
} sample;
static const sample samples[] = {
    {"brokers", "localhost:9092", "localhost:9092", 0},
    {"topic", "my-topic", "my-results", 1},
    {"consumerGroup", "my-group", "my-group", 0},
    {"connectionString", "postgresql://user:${env:PGPASSWORD}@localhost:5432/mydb?sslmode=disable",
     "postgresql://user:${env:PGPASSWORD}@localhost:5432/mydb?sslmode=disable", 0},
    {"table", "my_source", "my_table", 1},
    {"tables", "[public.my_source]", "[public.my_table]", 0},
    {"slotName", "my_slot", "my_slot", 0},
    {"publicationName", "my_publication", "my_publication", 0},
    {"path", "events.jsonl", "results.jsonl", 0},
    {"serverURL", "http://localhost:8080", "http://localhost:8080", 0},
    {"baseURL", "http://localhost:19120", "http://localhost:19120", 0},
    {"catalogURI", "http://localhost:8181", "http://localhost:8181", 0},
};

static int is_plain(const char *text)
{
    return *text && !strpbrk(text, ":#{}[]&*!|>'\"%@`,\n") && *text != ' ' && *text != '-' &&
           *text != '?';
}

/* What stands for a required value that nobody can guess. */
static const app_pair by_type[] = {{"list", "[]"},  {"map", "{}"},     {"block", "{}"},
                                   {"any", "{}"},   {"int", "1"},      {"size", "1"},
                                   {"double", "1"}, {"bool", "false"}, {NULL, NULL}};

static const char *placeholder(yyjson_val *option)
{
    yyjson_val *choice = yyjson_arr_get_first(yyjson_obj_get(option, "choices"));
    const char *type = app_json_text(option, "type");
    if (choice)
        return yyjson_get_str(choice);
    for (const app_pair *p = by_type; p->name; p++)
        if (!strcmp(p->name, type))
            return p->text;
    return "CHANGE-ME";
}

static const sample *sample_of(yyjson_val *option)
{
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        if (!strcmp(samples[i].name, app_json_text(option, "name")))
            return &samples[i];
    return NULL;
}

/* Written as it is, not as a comment. */
static int is_written(yyjson_val *option)
{
    const sample *s = sample_of(option);
    return app_json_true(option, "required") || (s && s->chosen);
}

/* The default, else a sample; an option that needs neither has no value, as when it is absent. */
static void add_value(df__buf *out, yyjson_val *option, const char *role)
{
    char number[64];
    yyjson_val *def = yyjson_obj_get(option, "default");
    const char *text = yyjson_is_null(def) ? NULL : app_json_scalar(def, number, sizeof number);
    const sample *s = text ? NULL : sample_of(option);
    if (s)
        text = !strcmp(role, "sink") ? s->sink : s->source;
    if (!text && app_json_true(option, "required"))
        df__buf_printf(out, " %s", placeholder(option));
    if (!text)
        return;
    df__buf_char(out, ' ');
    if (is_plain(text) || !strcmp(app_json_text(option, "type"), "list"))
        df__buf_str(out, text);
    else
        df__buf_json(out, text, strlen(text));
}

static void add_option(df__buf *out, yyjson_val *o, const char *role, int written,
                       const char *margin)
{
    if (is_written(o) != written || app_json_true(o, "later") || app_json_true(o, "deprecated"))
        return;
    df__buf_printf(out, "%s# %s%s\n", margin, app_json_text(o, "doc"),
                   app_json_true(o, "required") ? " Required." : "");
    df__buf_printf(out, "%s%s%s:", margin, written || margin[4] == '#' ? "" : "# ",
                   app_json_text(o, "name"));
    add_value(out, o, role);
    df__buf_char(out, '\n');
}

/* A stage without required options has all of its config as a comment. */
static void add_end(df__buf *out, const char *role, yyjson_val *connector)
{
    yyjson_val *options = yyjson_obj_get(yyjson_obj_get(connector, role), "options"), *o;
    const char *name = app_json_text(connector, "name");
    size_t at, count;
    int any = 0;
    df__buf_printf(out,
                   strcmp(name, "null") ? "  %s:\n    type: %s\n" : "  %s:\n    type: \"%s\"\n",
                   role, name);
    yyjson_arr_foreach (options, at, count, o)
        any |= is_written(o);
    if (yyjson_arr_size(options))
        df__buf_str(out, any ? "    config:\n" : "    # config:\n");
    for (int written = 1; written >= 0; written--)
        yyjson_arr_foreach (options, at, count, o)
            add_option(out, o, role, written, any ? "      " : "    #   ");
}

static yyjson_val *find(yyjson_val *all, const char *name, const char *role)
{
    yyjson_val *c;
    size_t at, count;
    yyjson_arr_foreach (yyjson_obj_get(all, "connectors"), at, count, c)
        if (!strcmp(app_json_text(c, "name"), name))
            return yyjson_is_obj(yyjson_obj_get(c, role)) ? c : NULL;
    return NULL;
}

static void add_manifest(df__buf *out, yyjson_val *source, yyjson_val *sink)
{
    df__buf_printf(out,
                   "# From %s to %s. Check it with: dfproc validate FILE\n"
                   "apiVersion: dataflow.dataflow.io/v1\nkind: DataFlow\nmetadata:\n"
                   "  name: %s-to-%s\nspec:\n",
                   app_json_text(source, "name"), app_json_text(sink, "name"),
                   app_json_text(source, "name"), app_json_text(sink, "name"));
    add_end(out, "source", source);
    df__buf_str(out, "  # What happens to records on the way; `dfproc transforms` lists all.\n"
                     "  # transformations:\n"
                     "  #   - type: filter\n"
                     "  #     config: {condition: \"$.level == 'error'\"}\n");
    add_end(out, "sink", sink);
    df__buf_str(out,
                "  # Where records go that cannot pass. Without it such a record stops the flow.\n"
                "  # errors:\n  #   type: stdio\n  #   config: {path: errors.jsonl}\n");
}

int dfproc_init(const app_args *args)
{
    static const char *const roles[] = {"source", "sink"};
    yyjson_doc *all = dfproc_describe();
    yyjson_val *ends[2];
    df__buf out;
    int rc = EXIT_DONE;
    if (!all)
        return EXIT_FAILED;
    df__buf_init(&out, &df__heap_libc);
    for (int i = 0; i < 2 && rc == EXIT_DONE; i++) {
        const char *name = args->operand_count > i ? args->operands[i] : "stdio";
        ends[i] = find(yyjson_doc_get_root(all), name, roles[i]);
        if (!ends[i])
            rc = dfproc_not_found(args, yyjson_obj_get(yyjson_doc_get_root(all), "connectors"),
                                  roles[i], name);
    }
    if (rc == EXIT_DONE) {
        add_manifest(&out, ends[0], ends[1]);
        rc = dfproc_print(&out);
    }
    yyjson_doc_free(all);
    return rc;
}
