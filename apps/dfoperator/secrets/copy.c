/* SPDX-License-Identifier: Apache-2.0
 * copy.c: see copy.h. */
#include "dfoperator/secrets/copy.h"

#include <string.h>

#include "dfoperator/object/keys.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"

#define COPY_OF OP_GROUP "/copy-of"
enum { OP_COPY_PATIENCE = 4 }; /* looks */

/* A list of namespaces with commas or blanks between them, or * for all. */
static int is_granted(json_object *source, const char *space)
{
    static const char between[] = ", \t\n";
    const char *at = op_annotation(source, OP_ALLOW);
    size_t len, wanted = strlen(space);
    for (at += strspn(at, between); *at; at += len, at += strspn(at, between)) {
        len = strcspn(at, between);
        if ((len == wanted && !memcmp(at, space, len)) || (len == 1 && *at == '*'))
            return 1;
    }
    return 0;
}

/* The members of `data` that are named by `keys`. */
static json_object *members(json_object *data, json_object *keys)
{
    json_object *ret = json_object_new_object(), *value;
    if (!ret || !json_object_is_type(keys, json_type_object))
        return ret;
    json_object_object_foreach(keys, key, unused)
    {
        (void)unused;
        if (json_object_object_get_ex(data, key, &value))
            json_object_object_add(ret, key, json_object_get(value));
    }
    return ret;
}

void op_copy_read(op_copy_seen *seen, int rc, json_object *source)
{
    op_copy_row *row = seen->row;
    const char *space = op_text(seen->flow, "metadata.namespace");
    json_object *keys = row->keys ? row->keys : op_get(seen->live, "data");
    row->denied = rc == DF_EAUTH ? row->denied + 1 : 0;
    if (rc == DF_OK && is_granted(source, space))
        seen->data = members(op_get(source, "data"), keys);
    else if (rc == DF_EAUTH)
        df__text_printf(seen->problem, sizeof seen->problem,
                        "which the operator has no right to get: set secrets.otherNamespaces in "
                        "its chart");
    else /* the same words for both: who may not read it is not told whether it is there */
        df__text_printf(seen->problem, sizeof seen->problem,
                        "which is not there or does not allow it: kubectl -n %s annotate secret "
                        "%s " OP_ALLOW "=%s",
                        row->space, row->name, space);
}

static void name_source(const op_copy_row *row, char ret[600])
{
    df__text_printf(ret, 600, "%s/%s", row->space, row->name);
}

/* Labels can be anybody's: without an owner only a note of the same Secret makes it a copy. */
static op_belongs belongs_to(const op_copy_seen *seen)
{
    char of[600];
    op_belongs whose =
        seen->live ? op_belongs_to(seen->live, op_flow_kind(seen->flow), seen->flow) : OP_FOREIGN;
    name_source(seen->row, of);
    return whose == OP_ORPHAN && strcmp(op_annotation(seen->live, COPY_OF), of) != 0 ? OP_FOREIGN
                                                                                     : whose;
}

/* API servers leave out what is empty. */
static int has_data(json_object *live, json_object *data)
{
    json_object *there = op_get(live, "data");
    return there ? json_object_equal(there, data) : !json_object_object_length(data);
}

/* What no update can set right. */
static int is_fixed(json_object *live)
{
    return op_is(live, "immutable") || strcmp(op_text(live, "type"), "Opaque") != 0;
}

static op_copy_step set_right(const op_copy_seen *seen, op_belongs whose, op_copy_state *then)
{
    int same = has_data(seen->live, seen->data);
    if (whose == OP_OURS && same)
        return OP_COPY_IS_DONE;
    if (!is_fixed(seen->live))
        return OP_COPY_UPDATE;
    *then = OP_COPY_NEW;
    return OP_COPY_REMOVE;
}

/* An API server that has just begun refuses what it will allow a moment later: running pods do not
 * lose their Secret for that. */
static int is_patient(const op_copy_seen *seen)
{
    return seen->row->wanted && seen->row->denied && seen->row->denied < OP_COPY_PATIENCE;
}

op_copy_step op_copy_decide(op_copy_seen *seen, op_copy_state *then)
{
    op_copy_row *row = seen->row;
    op_belongs whose = belongs_to(seen);
    int is_ours = whose != OP_FOREIGN;
    *then = !row->wanted ? OP_COPY_GONE : seen->data ? OP_COPY_MADE : OP_COPY_REFUSED;
    if (!seen->data && is_ours && is_patient(seen)) {
        *then = OP_COPY_MADE;
        return OP_COPY_IS_DONE;
    }
    if (!seen->data)
        return is_ours ? OP_COPY_REMOVE : OP_COPY_IS_DONE;
    if (seen->live && !is_ours) {
        df__text_printf(seen->problem, sizeof seen->problem,
                        "whose copy %s cannot be made: that name is taken by a Secret of somebody "
                        "else; rename or remove it",
                        row->copy);
        *then = OP_COPY_REFUSED;
        return OP_COPY_IS_DONE;
    }
    if (!row->recorded) {
        *then = OP_COPY_GRANTED;
        return OP_COPY_IS_DONE;
    }
    return seen->live ? set_right(seen, whose, then) : OP_COPY_CREATE;
}

json_object *op_copy_object(const op_copy_seen *seen)
{
    const op_copy_row *row = seen->row;
    const char *version = op_text(seen->live, "metadata.resourceVersion");
    json_object *metadata = op_metadata(op_flow_kind(seen->flow), seen->flow, row->copy);
    json_object *ret = NULL;
    char of[600];
    name_source(row, of);
    if (metadata && !op_put(metadata, "annotations", op_json("{'" COPY_OF "': %s}", of)) &&
        (!*version || !op_put(metadata, "resourceVersion", json_object_new_string(version))))
        ret = op_json("{'apiVersion': 'v1', 'kind': 'Secret', 'type': 'Opaque', 'metadata': %o}",
                      metadata);
    if (ret && op_put(ret, "data", json_object_get(seen->data))) {
        json_object_put(ret);
        ret = NULL;
    }
    json_object_put(metadata);
    return ret;
}
