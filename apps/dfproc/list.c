/* SPDX-License-Identifier: Apache-2.0
 * list.c: connectors, transforms, version: prints what the library says about itself. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dfproc/dfproc.h"

static void add_facts(df__buf *out, yyjson_val *option)
{
    static const app_pair flags[] = {{"required", "required"},
                                     {"secretRef", "or <name>SecretRef"},
                                     {"deprecated", "deprecated"},
                                     {"later", "not supported yet"},
                                     {NULL, NULL}};
    char number[64];
    const char *of = app_json_text(option, "of"), *text;
    yyjson_val *choice;
    size_t at, count;
    df__buf_str(out, app_json_text(option, "type"));
    if (*of)
        df__buf_printf(out, " of %s", of);
    yyjson_arr_foreach (yyjson_obj_get(option, "choices"), at, count, choice)
        df__buf_printf(out, "%s%s", at ? " | " : ": ", yyjson_get_str(choice));
    for (const app_pair *f = flags; f->name; f++)
        if (app_json_true(option, f->name))
            df__buf_printf(out, ", %s", f->text);
    text = app_json_scalar(yyjson_obj_get(option, "default"), number, sizeof number);
    if (text && *text && !yyjson_is_null(yyjson_obj_get(option, "default")))
        df__buf_printf(out, ", default %s", text);
}

static void add_options(df__buf *out, yyjson_val *options, int depth)
{
    size_t at, count;
    yyjson_val *o;
    yyjson_arr_foreach (options, at, count, o) {
        int indent = 2 + depth * 2;
        df__buf_printf(out, "%*s%s  (", indent, "", app_json_text(o, "name"));
        add_facts(out, o);
        df__buf_str(out, ")\n");
        if (*app_json_text(o, "doc"))
            df__buf_printf(out, "%*s%s\n", indent + 4, "", app_json_text(o, "doc"));
        if (depth < 8)
            add_options(out, yyjson_obj_get(o, "options"), depth + 1);
    }
}

static void add_side(df__buf *out, yyjson_val *connector, const char *role)
{
    yyjson_val *side = yyjson_obj_get(connector, role);
    if (!yyjson_is_obj(side))
        return;
    df__buf_printf(out, "\n%s: %s", role, app_json_text(connector, "name"));
    if (*app_json_text(side, "doc"))
        df__buf_printf(out, " - %s", app_json_text(side, "doc"));
    df__buf_char(out, '\n');
    if (!yyjson_arr_size(yyjson_obj_get(side, "options")))
        df__buf_str(out, "  no options\n");
    add_options(out, yyjson_obj_get(side, "options"), 0);
}

static void add_connector(df__buf *out, yyjson_val *c)
{
    df__buf_printf(out, "%s - %s\n", app_json_text(c, "name"), app_json_text(c, "doc"));
    if (*app_json_text(c, "version"))
        df__buf_printf(out, "library: %s\n", app_json_text(c, "version"));
    add_side(out, c, "source");
    add_side(out, c, "sink");
}

static void add_part(df__buf *out, const char *name, yyjson_val *value)
{
    if (!value)
        return;
    df__buf_printf(out, "  %-9s", name);
    app_json_write(out, value);
    df__buf_char(out, '\n');
}

static void add_example(df__buf *out, yyjson_val *example)
{
    static const char *const parts[] = {"config",  "when",     "input", "key",
                                        "headers", "metadata", "now",   "output"};
    yyjson_val *one;
    size_t at, count;
    if (!yyjson_is_obj(example))
        return;
    df__buf_str(out, "\nexample:\n");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        add_part(out, parts[i], yyjson_obj_get(example, parts[i]));
    yyjson_arr_foreach (yyjson_obj_get(example, "outputs"), at, count, one)
        add_part(out, "output", one);
}

static void add_transform(df__buf *out, yyjson_val *t)
{
    df__buf_printf(out, "%s - %s\n\n", app_json_text(t, "name"), app_json_text(t, "doc"));
    if (!yyjson_arr_size(yyjson_obj_get(t, "options")))
        df__buf_str(out, "  no options\n");
    add_options(out, yyjson_obj_get(t, "options"), 0);
    add_example(out, yyjson_obj_get(t, "example"));
}

static yyjson_val *find(yyjson_val *list, const char *name)
{
    size_t at, count;
    yyjson_val *v;
    yyjson_arr_foreach (list, at, count, v)
        if (!strcmp(app_json_text(v, "name"), name))
            return v;
    return NULL;
}

int dfproc_not_found(const app_args *args, yyjson_val *rows, const char *what, const char *name)
{
    char buf[128];
    const char *near = what[0] == 't' ? dfproc_synonym(name, buf, sizeof buf) : NULL;
    size_t at, count, best = near ? 0 : 3;
    yyjson_val *v;
    yyjson_arr_foreach (rows, at, count, v) {
        const char *other = app_json_text(v, "name");
        size_t d = strcasecmp(name, other) ? app_word_distance(name, other) : 0;
        if (d >= best || (yyjson_is_obj(yyjson_obj_get(v, what)) + (what[0] != 's') == 0))
            continue;
        best = d;
        near = other;
    }
    return app_misuse(args, "no %s \"%s\"%s%s%s; dfproc %ss lists them", what, name,
                      near ? " (did you mean " : "", near ? near : "", near ? "?)" : "",
                      what[0] == 's' ? "connector" : what);
}

static void add_roles(df__buf *out, yyjson_val *c)
{
    int source = yyjson_is_obj(yyjson_obj_get(c, "source"));
    int sink = yyjson_is_obj(yyjson_obj_get(c, "sink"));
    df__buf_printf(out, "%-14s", source && sink ? "source, sink" : source ? "source" : "sink");
}

static void add_list(df__buf *out, yyjson_val *list, const char *what, const char *word)
{
    size_t at, count;
    yyjson_val *v;
    yyjson_arr_foreach (list, at, count, v) {
        if (word && !dfproc_fits_word(v, word))
            continue;
        df__buf_printf(out, "%-18s", app_json_text(v, "name"));
        if (!strcmp(what, "connectors"))
            add_roles(out, v);
        df__buf_printf(out, "%s\n", app_json_text(v, "doc"));
    }
}

/* One name a line, for completion. */
static void add_words(df__buf *out, yyjson_val *list, const char *role)
{
    size_t at, count;
    yyjson_val *v;
    yyjson_arr_foreach (list, at, count, v)
        if (!*role || !strcmp(role, "any") || yyjson_is_obj(yyjson_obj_get(v, role)))
            df__buf_printf(out, "%s\n", app_json_text(v, "name"));
}

static int list(const app_args *args, const char *what,
                void (*add_one)(df__buf *out, yyjson_val *one))
{
    yyjson_doc *all = dfproc_describe();
    yyjson_val *rows = yyjson_obj_get(yyjson_doc_get_root(all), what), *one = NULL;
    const char *words = app_args_value(args, "words"), *word = app_args_value(args, "keyword");
    df__buf out;
    int rc = EXIT_FAILED;
    if (!all)
        return EXIT_FAILED;
    df__buf_init(&out, &df__heap_libc);
    if (args->operand_count && !(one = find(rows, args->operands[0]))) {
        rc = dfproc_not_found(args, rows, !strcmp(what, "connectors") ? "connector" : "transform",
                              args->operands[0]);
    } else {
        if (words)
            add_words(&out, rows, words);
        else if (app_args_value(args, "json"))
            app_json_pretty(&out, one ? one : rows, 0), df__buf_char(&out, '\n');
        else if (one)
            add_one(&out, one);
        else
            add_list(&out, rows, what, word);
        rc = word && !out.len ? dfproc_fail("no transformation has to do with \"%s\"", word)
                              : dfproc_print(&out);
    }
    yyjson_doc_free(all);
    return rc;
}

int dfproc_connectors(const app_args *args)
{
    return list(args, "connectors", add_connector);
}

int dfproc_transforms(const app_args *args)
{
    return list(args, "transforms", add_transform);
}

int dfproc_version(const app_args *args)
{
    yyjson_doc *all = dfproc_describe();
    yyjson_val *rows = yyjson_obj_get(yyjson_doc_get_root(all), "connectors"), *c;
    size_t at, count;
    df__buf out;
    (void)args;
    df__buf_init(&out, &df__heap_libc);
    df__buf_printf(&out, "dfproc %s\nlibdataflow %s\n", DF_PROGRAM_VERSION, df_version_string());
    yyjson_arr_foreach (rows, at, count, c)
        if (*app_json_text(c, "version"))
            df__buf_printf(&out, "%s: %s\n", app_json_text(c, "name"), app_json_text(c, "version"));
    yyjson_doc_free(all);
    return dfproc_print(&out);
}
