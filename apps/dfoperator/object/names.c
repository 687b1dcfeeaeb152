/* SPDX-License-Identifier: Apache-2.0
 * names.c: see names.h. */
#include "dfoperator/object/names.h"

#include <stdio.h>
#include <string.h>

#include "dfoperator/object/tree.h"

enum { HASH = 8 };

/* A text of at most `limit` characters: a longer one is cut and ends with a hash of all of it. */
static void cut(const char *text, size_t limit, char ret[OP_NAME_MAX + 1])
{
    size_t len = strlen(text);
    char hash[DF__SHA256_HEX];
    if (len <= limit) {
        memcpy(ret, text, len + 1);
        return;
    }
    df__sha256_hex(text, len, hash);
    len = limit - HASH - 1;
    while (len && (text[len - 1] == '-' || text[len - 1] == '.'))
        len--; /* "a.-1234" would be no name */
    snprintf(ret, OP_NAME_MAX + 1, "%.*s-%.*s", (int)len, text, HASH, hash);
}

static void child(op_kind kind, const char *flow, const char *rest, size_t limit, char *ret)
{
    char whole[512]; /* the API server limits names to 253 characters */
    snprintf(whole, sizeof whole, "%s-%s%s", kind == OP_CRON ? "dfc" : "df", flow, rest);
    cut(whole, limit, ret);
}

void op_name_child(op_kind kind, const char *flow, const char *rest, char ret[OP_NAME_MAX + 1])
{
    child(kind, flow, rest, OP_NAME_MAX, ret);
}

void op_names_of(op_kind kind, const char *flow, op_names *ret)
{
    child(kind, flow, "", kind == OP_CRON ? OP_CRON_JOB_MAX : OP_NAME_MAX, ret->base);
    child(kind, flow, "-spec", OP_NAME_MAX, ret->spec);
    child(kind, flow, "-checkpoint", OP_NAME_MAX, ret->checkpoint);
    child(kind, flow, "-processor", OP_NAME_MAX, ret->processor);
    cut(flow, OP_NAME_MAX, ret->label);
}

int op_is_former(json_object *child)
{
    return !*op_label(child, OP_LABEL_KIND);
}

/* Parts of a-z, 0-9 and -, with neither end a -; `dots`: between parts. */
static int is_dns(const char *text, size_t most, int dots)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = strlen(text), part;
    if (!len || len > most)
        return 0;
    for (;; text += part + 1) {
        part = strspn(text, good);
        if (!part || *text == '-' || text[part - 1] == '-')
            return 0;
        if (!text[part])
            return 1;
        if (!dots || text[part] != '.')
            return 0;
    }
}

int op_is_name(const char *text)
{
    return is_dns(text, 253, 1);
}

int op_is_label(const char *text)
{
    return is_dns(text, 63, 0);
}

json_object *op_selector(op_kind kind, const char *flow)
{
    op_names names;
    op_names_of(kind, flow, &names);
    return op_json("{'app': 'dataflow-processor', '" OP_LABEL_NAME "': %s, '" OP_LABEL_KIND
                   "': %s}",
                   names.label, op_kinds[kind].kind);
}

json_object *op_labels(op_kind kind, const char *flow)
{
    json_object *labels = op_selector(kind, flow), *yes = json_object_new_string("true");
    if (labels && yes && !json_object_object_add(labels, OP_LABEL_OWNED, yes))
        return labels;
    json_object_put(labels);
    json_object_put(yes);
    return NULL;
}

json_object *op_metadata(op_kind kind, json_object *flow, const char *name)
{
    json_object *labels = op_labels(kind, op_text(flow, "metadata.name"));
    json_object *metadata = op_json(
        "{'name': %s, 'namespace': %s, 'labels': %o, 'ownerReferences': [{'apiVersion': %s, "
        "'kind': %s, 'name': %s, 'uid': %s, 'controller': true, 'blockOwnerDeletion': true}]}",
        name, op_text(flow, "metadata.namespace"), labels, op_kinds[kind].api_version,
        op_kinds[kind].kind, op_text(flow, "metadata.name"), op_text(flow, "metadata.uid"));
    json_object_put(labels);
    return metadata;
}

static json_object *controller_of(json_object *object)
{
    json_object *owners = op_get(object, "metadata.ownerReferences");
    size_t count = op_count(owners);
    for (size_t i = 0; i < count; i++) {
        json_object *owner = json_object_array_get_idx(owners, i);
        if (op_is(owner, "controller"))
            return owner;
    }
    return NULL;
}

static int has_our_labels(json_object *object, op_kind kind, json_object *flow)
{
    op_names names;
    op_names_of(kind, op_text(flow, "metadata.name"), &names);
    return !strcmp(op_label(object, OP_LABEL_OWNED), "true") &&
           !strcmp(op_label(object, OP_LABEL_NAME), names.label) &&
           !strcmp(op_label(object, OP_LABEL_KIND), op_kinds[kind].kind);
}

static int is_our_group(const char *api_version)
{
    return !strncmp(api_version, OP_GROUP "/", sizeof OP_GROUP);
}

op_belongs op_belongs_to(json_object *object, op_kind kind, json_object *flow)
{
    json_object *owner = controller_of(object);
    if (!owner)
        return has_our_labels(object, kind, flow) ? OP_ORPHAN : OP_FOREIGN;
    if (!strcmp(op_text(owner, "uid"), op_text(flow, "metadata.uid")))
        return OP_OURS;
    return is_our_group(op_text(owner, "apiVersion")) &&
                   !strcmp(op_text(owner, "kind"), op_kinds[kind].kind) &&
                   !strcmp(op_text(owner, "name"), op_text(flow, "metadata.name"))
               ? OP_EARLIER
               : OP_FOREIGN;
}
