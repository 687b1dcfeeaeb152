/* SPDX-License-Identifier: Apache-2.0
 * keys.c: see keys.h. */
#include "dfoperator/object/keys.h"

#include <stdio.h>
#include <string.h>

#include "dfoperator/object/tree.h"

static int kind_of(const char *word, size_t len, op_kind *ret)
{
    for (op_kind k = OP_FLOW; k <= OP_CRON; k++) {
        if (strlen(op_kinds[k].kind) == len && !memcmp(op_kinds[k].kind, word, len)) {
            *ret = k;
            return 0;
        }
    }
    return -1;
}

static int copy(char *to, size_t cap, const char *from, size_t len)
{
    if (!len || len >= cap)
        return -1;
    memcpy(to, from, len);
    to[len] = 0;
    return 0;
}

int op_key_read(const char *text, op_key *ret)
{
    const char *space = strchr(text, '/'), *name = space ? strchr(space + 1, '/') : NULL;
    if (!name || kind_of(text, (size_t)(space - text), &ret->kind) < 0)
        return -1;
    if (copy(ret->space, sizeof ret->space, space + 1, (size_t)(name - space - 1)) < 0)
        return -1;
    return copy(ret->name, sizeof ret->name, name + 1, strlen(name + 1));
}

void op_key_write(const op_key *key, char ret[OP_KEY])
{
    snprintf(ret, OP_KEY, "%s/%s/%s", op_kinds[key->kind].kind, key->space, key->name);
}

op_kind op_flow_kind(json_object *flow)
{
    return !strcmp(op_text(flow, "kind"), op_kinds[OP_CRON].kind) ? OP_CRON : OP_FLOW;
}

static int by_owner(json_object *meta, op_key *ret)
{
    json_object *owners = NULL;
    size_t count;
    json_object_object_get_ex(meta, "ownerReferences", &owners);
    count = op_count(owners);
    for (size_t i = 0; i < count; i++) {
        json_object *o = json_object_array_get_idx(owners, i);
        const char *kind = op_text(o, "kind"), *name = op_text(o, "name");
        if (strncmp(op_text(o, "apiVersion"), "dataflow.dataflow.io/", 21) != 0 ||
            kind_of(kind, strlen(kind), &ret->kind) < 0)
            continue;
        return copy(ret->name, sizeof ret->name, name, strlen(name));
    }
    return -1;
}

static int by_annotation(json_object *object, op_key *ret)
{
    const char *text = op_annotation(object, OP_FLOW_ANNOTATION), *name = strchr(text, '/');
    if (!name || kind_of(text, (size_t)(name - text), &ret->kind) < 0)
        return -1;
    return copy(ret->name, sizeof ret->name, name + 1, strlen(name + 1));
}

int op_key_of(op_kind kind, json_object *object, op_key *ret)
{
    json_object *meta = NULL;
    const char *space, *name;
    if (!json_object_object_get_ex(object, "metadata", &meta))
        return -1;
    space = op_text(meta, "namespace");
    if (copy(ret->space, sizeof ret->space, space, strlen(space)) < 0)
        return -1;
    if (kind == OP_FLOW || kind == OP_CRON) {
        ret->kind = kind;
        name = op_text(meta, "name");
        return copy(ret->name, sizeof ret->name, name, strlen(name));
    }
    return by_owner(meta, ret) < 0 ? by_annotation(object, ret) : 0;
}
