/* SPDX-License-Identifier: Apache-2.0
 * case_check.c: what a file of cases may say. A member that nobody reads would make a test pass
 * that tests nothing. */
#include <string.h>

#include "dfproc/cases.h"

#define MEMBERS_MAX 24

/* Members of an object; with `one_of`, one of those must be there. */
typedef struct shape {
    const char *members[MEMBERS_MAX], *one_of[8];
} shape;

static const shape flow_file = {{"manifest", "flow", "cases"}, {NULL}};
static const shape flow_case = {{"name", "input", "expect", "partial", "now", "error"},
                                {"expect", "error"}};
static const shape flow_input = {{"payload", "key", "headers", "metadata"}, {NULL}};
static const shape vector_file = {{"transform", "cases"}, {NULL}};
static const shape vector_case = {
    {"name",      "config",   "when",    "chain",  "input",           "key",
     "headers",   "metadata", "now",     "output", "outputs",         "unchanged",
     "dropped",   "error",    "refused", "routed", "expect_metadata", "warned",
     "transform", "offset",   "time_us", "typed"},
    {"output", "outputs", "unchanged", "dropped", "error", "refused"}};

typedef struct place {
    const char *file, *name; /* of the case; "": none */
    size_t number;           /* from 1; 0: the file itself */
} place;

static int fail(const place *at, const char *text)
{
    if (at->number)
        dfproc_fail("%s: case %zu%s%s: %s", at->file, at->number, *at->name ? ", " : "", at->name,
                    text);
    else
        dfproc_fail("%s: %s", at->file, text);
    return EXIT_USAGE;
}

static int unknown(const place *at, const shape *s, const char *name)
{
    const char *near = NULL;
    char text[200];
    size_t best = 3;
    for (size_t i = 0; i < MEMBERS_MAX && s->members[i]; i++) {
        size_t d = app_word_distance(name, s->members[i]);
        if (!d)
            return EXIT_DONE;
        if (d < best) {
            best = d;
            near = s->members[i];
        }
    }
    df__text_printf(text, sizeof text, "unknown member `%.60s`%s%s%s", name,
                    near ? " (did you mean `" : "", near ? near : "", near ? "`?)" : "");
    return fail(at, text);
}

static int check_object(const place *at, const shape *s, yyjson_val *object)
{
    yyjson_val *name, *value;
    size_t i, count, found = 0;
    char text[200] = "one of these is missing:";
    int rc = EXIT_DONE;
    if (!yyjson_is_obj(object))
        return fail(at, "a map is expected here");
    yyjson_obj_foreach (object, i, count, name, value)
        if (unknown(at, s, yyjson_get_str(name)) != EXIT_DONE)
            rc = EXIT_USAGE;
    for (i = 0; s->one_of[i]; i++) {
        size_t len = strlen(text);
        found += yyjson_obj_get(object, s->one_of[i]) != NULL;
        df__text_printf(text + len, sizeof text - len, " %s", s->one_of[i]);
    }
    return s->one_of[0] && !found ? fail(at, text) : rc;
}

static int check_inputs(const place *at, yyjson_val *input)
{
    yyjson_val *row;
    size_t i, count;
    int rc = EXIT_DONE;
    if (input && !yyjson_is_arr(input))
        return fail(at, "`input` is a list of records: [{payload, key, headers, metadata}]");
    yyjson_arr_foreach (input, i, count, row)
        if (check_object(at, &flow_input, row) != EXIT_DONE)
            rc = EXIT_USAGE;
    return rc;
}

int dfproc_cases_check(const dfproc_suite *s, int vectors)
{
    yyjson_val *root = yyjson_doc_get_root(s->doc), *cases = yyjson_obj_get(root, "cases"), *one;
    place at = {s->file, "", 0};
    size_t i, count;
    int rc = check_object(&at, vectors ? &vector_file : &flow_file, root);
    if (!yyjson_is_arr(cases))
        rc = fail(&at, "`cases` is missing; dfproc help test shows a file of cases");
    yyjson_arr_foreach (cases, i, count, one) {
        at.number = i + 1;
        at.name = app_json_text(one, "name");
        if (check_object(&at, vectors ? &vector_case : &flow_case, one) != EXIT_DONE)
            rc = EXIT_USAGE;
        else if (!vectors && check_inputs(&at, yyjson_obj_get(one, "input")) != EXIT_DONE)
            rc = EXIT_USAGE;
    }
    return rc;
}
