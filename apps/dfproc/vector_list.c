/* SPDX-License-Identifier: Apache-2.0
 * vector_list.c: vectors of conditions and paths, which are lists, as vectors of the
 * transformations that use them. */
#include <string.h>

#include "dfproc/cases.h"

typedef struct draft {
    yyjson_mut_doc *doc;
    yyjson_mut_val *to; /* the vector that is made */
    yyjson_val *one;    /* from this */
} draft;

static void add_copy(draft *d, const char *name, yyjson_val *value)
{
    if (value)
        yyjson_mut_obj_add_val(d->doc, d->to, name, yyjson_val_mut_copy(d->doc, value));
}

static void add_true(draft *d, const char *name)
{
    yyjson_mut_obj_add_bool(d->doc, d->to, name, 1);
}

/* {"text": T} in these lists is {"$text": T} in vectors. */
static void add_payload(draft *d, const char *name, yyjson_val *value)
{
    yyjson_val *text = yyjson_obj_size(value) == 1 ? yyjson_obj_get(value, "text") : NULL;
    yyjson_mut_val *bytes = yyjson_mut_obj(d->doc);
    if (!text) {
        add_copy(d, name, value);
        return;
    }
    yyjson_mut_obj_add_val(d->doc, bytes, "$text", yyjson_val_mut_copy(d->doc, text));
    yyjson_mut_obj_add_val(d->doc, d->to, name, bytes);
}

static yyjson_mut_val *use(draft *d, const char *transform)
{
    yyjson_mut_val *config = yyjson_mut_obj(d->doc);
    yyjson_mut_obj_add_str(d->doc, d->to, "transform", transform);
    yyjson_mut_obj_add_val(d->doc, d->to, "config", config);
    return config;
}

/* `name`: [the text, or list, of member `from`] */
static void add_listed(draft *d, yyjson_mut_val *config, const char *name, const char *from)
{
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    yyjson_mut_arr_append(list, yyjson_val_mut_copy(d->doc, yyjson_obj_get(d->one, from)));
    yyjson_mut_obj_add_val(d->doc, config, name, list);
}

static void refused(draft *d, yyjson_val *error)
{
    add_copy(d, "refused", yyjson_obj_get(error, "contains"));
}

static void make_condition(draft *d)
{
    static const char *const members[] = {"metadata", "headers", "key", "offset", "time_us"};
    yyjson_val *expect = yyjson_obj_get(d->one, "expect");
    yyjson_val *condition = yyjson_obj_get(d->one, "condition");
    yyjson_val *warning = yyjson_obj_get(expect, "warning");
    yyjson_mut_val *config = use(d, warning ? "mask" : "filter");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        add_copy(d, members[i], yyjson_obj_get(d->one, members[i]));
    if (warning) { /* as a `when`, so that the record passes in any case */
        yyjson_mut_obj_add_val(d->doc, config, "fields", yyjson_mut_arr(d->doc));
        yyjson_mut_arr_add_str(d->doc, yyjson_mut_obj_get(config, "fields"), "no.such.field");
        add_copy(d, "when", condition);
        add_copy(d, "warned", warning);
        add_true(d, "unchanged");
        return;
    }
    yyjson_mut_obj_add_val(d->doc, config, "condition", yyjson_val_mut_copy(d->doc, condition));
    if (yyjson_is_bool(expect))
        add_true(d, yyjson_get_bool(expect) ? "unchanged" : "dropped");
    else
        refused(d, yyjson_obj_get(expect, "error"));
}

/* What extractField makes of it. */
static void make_lookup(draft *d, yyjson_val *expect)
{
    yyjson_mut_val *config = use(d, "extractField");
    yyjson_mut_obj_add_val(d->doc, config, "field",
                           yyjson_val_mut_copy(d->doc, yyjson_obj_get(d->one, "path")));
    if (yyjson_obj_get(expect, "value"))
        add_payload(d, "output", yyjson_obj_get(expect, "value"));
    else
        add_true(d, "unchanged");
}

static void make_insert(draft *d)
{
    yyjson_mut_val *config = use(d, "insertField"), *fields = yyjson_mut_obj(d->doc);
    df__buf json;
    df__buf_init(&json, &df__heap_libc);
    df__buf_str(&json, "json:");
    app_json_write(&json, yyjson_obj_get(d->one, "set"));
    yyjson_mut_obj_put(fields, yyjson_val_mut_copy(d->doc, yyjson_obj_get(d->one, "path")),
                       yyjson_mut_strncpy(d->doc, json.data ? json.data : "", json.len));
    yyjson_mut_obj_add_val(d->doc, config, "fields", fields);
    df__buf_free(&json);
}

static void make_path(draft *d)
{
    yyjson_val *expect = yyjson_obj_get(d->one, "expect"), *error = yyjson_obj_get(expect, "error");
    yyjson_mut_val *config;
    if (!error && !yyjson_obj_get(d->one, "set") && !yyjson_obj_get(d->one, "remove")) {
        make_lookup(d, expect);
        return;
    }
    if (yyjson_obj_get(d->one, "set")) {
        make_insert(d);
    } else {
        config = use(d, "remove");
        add_listed(d, config, "fields", "path");
    }
    if (error)
        refused(d, error);
    else if (yyjson_obj_get(expect, "output"))
        add_payload(d, "output", yyjson_obj_get(expect, "output"));
    else if (yyjson_obj_get(expect, "refused"))
        yyjson_mut_obj_add_val(d->doc, d->to, "error", yyjson_mut_obj(d->doc));
    else
        add_true(d, "unchanged");
}

/* No transformation takes the whole payload, or all hits of a wildcard, as a value: these are for
 * the C tests. */
static int only_in_c(yyjson_val *one)
{
    const char *path = app_json_text(one, "path");
    yyjson_val *expect = yyjson_obj_get(one, "expect");
    return (strchr(path, '*') || !strcmp(path, "$")) && !yyjson_obj_get(expect, "error") &&
           !yyjson_obj_get(one, "remove");
}

yyjson_doc *dfproc_vectors_of_list(yyjson_doc *list)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *cases = yyjson_mut_arr(doc);
    yyjson_val *one, *first = yyjson_arr_get_first(yyjson_doc_get_root(list));
    yyjson_doc *made;
    size_t at, count;
    int conditions = yyjson_obj_get(first, "condition") != NULL;
    if (!conditions && !yyjson_obj_get(first, "path")) {
        yyjson_mut_doc_free(doc);
        return NULL;
    }
    yyjson_arr_foreach (yyjson_doc_get_root(list), at, count, one) {
        draft d = {doc, yyjson_mut_obj(doc), one};
        if (only_in_c(one))
            continue;
        add_copy(&d, "name", yyjson_obj_get(one, "name"));
        (conditions ? make_condition : make_path)(&d);
        if (yyjson_obj_get(one, "input"))
            add_payload(&d, "input", yyjson_obj_get(one, "input"));
        else
            yyjson_mut_obj_add_val(doc, d.to, "input", yyjson_mut_obj(doc));
        yyjson_mut_arr_append(cases, d.to);
    }
    yyjson_mut_obj_add_str(doc, root, "transform", conditions ? "filter" : "extractField");
    yyjson_mut_obj_add_val(doc, root, "cases", cases);
    yyjson_mut_doc_set_root(doc, root);
    made = yyjson_mut_doc_imut_copy(doc, NULL);
    yyjson_mut_doc_free(doc);
    return made;
}
