/* SPDX-License-Identifier: Apache-2.0
 * names.h: what the children of a flow are called, how they are marked, and whose an object is. A
 * DataFlow and a DataFlowCron of one name share neither names nor labels. */
#ifndef DFOPERATOR_NAMES_H
#define DFOPERATOR_NAMES_H

#include <json-c/json.h>

#include "dfoperator/object/kinds.h"

#define OP_GROUP "dataflow.dataflow.io"
#define OP_LABEL_NAME OP_GROUP "/name"
#define OP_LABEL_KIND OP_GROUP "/kind"
#define OP_LABEL_OWNED OP_GROUP "/owned"
#define OP_APPLIED OP_GROUP "/applied" /* on a child: see child/children.h */

enum { OP_NAME_MAX = 63, OP_CRON_JOB_MAX = 52, OP_FORMER_MAX = 280 };

typedef struct op_names {
    char base[OP_NAME_MAX + 1]; /* of the Deployment and the Lease, or the CronJob */
    char spec[OP_NAME_MAX + 1], checkpoint[OP_NAME_MAX + 1], processor[OP_NAME_MAX + 1];
    char label[OP_NAME_MAX + 1]; /* value of OP_LABEL_NAME */
} op_names;

/* `kind`: OP_FLOW or OP_CRON. */
void op_names_of(op_kind kind, const char *flow, op_names *ret);
/* The name of another child: "df-" or "dfc-" before the flow's name, `rest` behind it. */
void op_name_child(op_kind kind, const char *flow, const char *rest, char ret[OP_NAME_MAX + 1]);

/* Whether a child that the flow owns was made by the original operator and never by this one. */
int op_is_former(json_object *child);

/* Whether an object can have this name, and a namespace that one. Others never reach a request, a
 * message or a volume. */
int op_is_name(const char *text);
int op_is_label(const char *text);

json_object *op_labels(op_kind kind, const char *flow);
/* What finds the pods of the flow: part of the labels, since a selector can never change. */
json_object *op_selector(op_kind kind, const char *flow);
/* metadata of a child: name, namespace, labels, and the flow as controller. */
json_object *op_metadata(op_kind kind, json_object *flow, const char *name);

typedef enum op_belongs {
    OP_OURS,    /* the flow is its controller */
    OP_ORPHAN,  /* our labels, no controller: left by a deletion that kept its children */
    OP_EARLIER, /* of a deleted flow of the same name: it goes, and must not be used */
    OP_FOREIGN
} op_belongs;

op_belongs op_belongs_to(json_object *object, op_kind kind, json_object *flow);

#endif
