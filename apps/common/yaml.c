/* SPDX-License-Identifier: Apache-2.0
 * yaml.c: one YAML document as an exact JSON tree, see json.h. Plain scalars that JSON could
 * write are numbers, true, false or null; all others are text. */
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "json.h"

enum { DEPTH_MAX = 64 };

typedef struct reader {
    yaml_parser_t parser;
    yyjson_mut_doc *doc;
    char *err;
    size_t err_len;
} reader;

static yyjson_mut_val *refuse(reader *r, yaml_mark_t at, const char *why)
{
    if (!r->err[0])
        snprintf(r->err, r->err_len, "line %zu, column %zu: %s", at.line + 1, at.column + 1, why);
    return NULL;
}

/* The JSON grammar for numbers. */
static int is_number(const char *p)
{
    p += *p == '-';
    if (*p == '0' && p[1] >= '0' && p[1] <= '9')
        return 0;
    size_t n = strspn(p, "0123456789");
    if (!n)
        return 0;
    p += n;
    if (*p == '.') {
        n = strspn(p + 1, "0123456789");
        if (!n)
            return 0;
        p += n + 1;
    }
    if (*p == 'e' || *p == 'E') {
        p += p[1] == '+' || p[1] == '-' ? 2 : 1;
        n = strspn(p, "0123456789");
        if (!n)
            return 0;
        p += n;
    }
    return !*p;
}

static yyjson_mut_val *make_scalar(reader *r, const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        if (!*text || !strcmp(text, "~") || !strcmp(text, "null"))
            return yyjson_mut_null(r->doc);
        if (!strcmp(text, "true") || !strcmp(text, "false"))
            return yyjson_mut_bool(r->doc, *text == 't');
        if (is_number(text))
            return yyjson_mut_rawncpy(r->doc, text, len);
    }
    return yyjson_mut_strncpy(r->doc, text, len);
}

static yyjson_mut_val *read_value(reader *r, yaml_event_t *e, int depth);

static int next_event(reader *r, yaml_event_t *e)
{
    if (yaml_parser_parse(&r->parser, e))
        return 0;
    refuse(r, r->parser.problem_mark, r->parser.problem ? r->parser.problem : "out of memory");
    return -1;
}

static int add_member(reader *r, yyjson_mut_val *object, yaml_event_t *key, int depth)
{
    yaml_event_t e;
    yyjson_mut_val *name, *value;
    if (key->type != YAML_SCALAR_EVENT) {
        refuse(r, key->start_mark, "a key must be a plain word");
        return -1;
    }
    name =
        yyjson_mut_strncpy(r->doc, (const char *)key->data.scalar.value, key->data.scalar.length);
    if (!name || yyjson_mut_obj_getn(object, yyjson_mut_get_str(name), yyjson_mut_get_len(name))) {
        refuse(r, key->start_mark, "this key is there twice");
        return -1;
    }
    if (next_event(r, &e) < 0)
        return -1;
    value = read_value(r, &e, depth + 1);
    yaml_event_delete(&e);
    return value && yyjson_mut_obj_add(object, name, value) ? 0 : -1;
}

static yyjson_mut_val *read_container(reader *r, int is_object, int depth)
{
    yyjson_mut_val *c = is_object ? yyjson_mut_obj(r->doc) : yyjson_mut_arr(r->doc);
    yaml_event_type_t end = is_object ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    for (;;) {
        yaml_event_t e;
        int ok, at_end;
        if (next_event(r, &e) < 0)
            return NULL;
        at_end = e.type == end;
        if (at_end)
            ok = 1;
        else if (is_object)
            ok = add_member(r, c, &e, depth) == 0;
        else
            ok = yyjson_mut_arr_append(c, read_value(r, &e, depth + 1));
        yaml_event_delete(&e);
        if (!ok)
            return NULL;
        if (at_end)
            return c;
    }
}

static yyjson_mut_val *read_value(reader *r, yaml_event_t *e, int depth)
{
    if (depth > DEPTH_MAX)
        return refuse(r, e->start_mark, "nested too deep");
    if ((e->type == YAML_SCALAR_EVENT && (e->data.scalar.anchor || e->data.scalar.tag)) ||
        (e->type == YAML_MAPPING_START_EVENT && e->data.mapping_start.tag) ||
        (e->type == YAML_SEQUENCE_START_EVENT && e->data.sequence_start.tag) ||
        e->type == YAML_ALIAS_EVENT)
        return refuse(r, e->start_mark, "tags and aliases are not supported");
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return make_scalar(r, e);
    case YAML_MAPPING_START_EVENT:
        return read_container(r, 1, depth);
    case YAML_SEQUENCE_START_EVENT:
        return read_container(r, 0, depth);
    default:
        return refuse(r, e->start_mark, "a value is missing");
    }
}

/* Stream start, document start, the value, document end, stream end. */
static yyjson_mut_val *read_stream(reader *r)
{
    static const yaml_event_type_t before[] = {YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT};
    static const yaml_event_type_t after[] = {YAML_DOCUMENT_END_EVENT, YAML_STREAM_END_EVENT};
    yyjson_mut_val *value;
    yaml_event_t e;
    for (int i = 0; i < 2; i++) {
        if (next_event(r, &e) < 0)
            return NULL;
        int ok = e.type == before[i];
        if (!ok)
            refuse(r, e.start_mark, "the file is empty");
        yaml_event_delete(&e);
        if (!ok)
            return NULL;
    }
    if (next_event(r, &e) < 0)
        return NULL;
    value = read_value(r, &e, 0);
    yaml_event_delete(&e);
    for (int i = 0; value && i < 2; i++) {
        if (next_event(r, &e) < 0)
            return NULL;
        if (e.type != after[i])
            value = refuse(r, e.start_mark, "only one document is allowed");
        yaml_event_delete(&e);
    }
    return value;
}

yyjson_doc *app_yaml_read(const char *text, size_t len, char *err, size_t err_len)
{
    reader r = {.doc = yyjson_mut_doc_new(NULL), .err = err, .err_len = err_len};
    yyjson_doc *doc = NULL;
    yyjson_mut_val *root;
    err[0] = 0;
    if (!r.doc || !yaml_parser_initialize(&r.parser)) {
        yyjson_mut_doc_free(r.doc);
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    root = read_stream(&r);
    yaml_parser_delete(&r.parser);
    if (root)
        doc = yyjson_mut_val_imut_copy(root, NULL);
    if (!doc && !err[0])
        snprintf(err, err_len, "out of memory");
    yyjson_mut_doc_free(r.doc);
    return doc;
}
