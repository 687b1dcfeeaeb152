/* SPDX-License-Identifier: Apache-2.0
 * pods.c: see pods.h. */
#include "dfoperator/metrics/pods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/child/jobs.h"
#include "dfoperator/object/keys.h"
#include "dfoperator/object/tree.h"

enum { PORT = 9090 };

/* An address of the cluster and nothing that would make the URL another one. */
static int is_address(const char *ip)
{
    return *ip && strlen(ip) < 46 && !ip[strspn(ip, "0123456789abcdefABCDEF.:")];
}

static int port_of(json_object *pod)
{
    long port = strtol(op_annotation(pod, OP_METRICS_PORT), NULL, 10);
    return port > 0 && port < 65536 ? (int)port : PORT;
}

int op_pod_target(const kube_object *pod, op_target *ret)
{
    char *text = kube_object_text(pod);
    json_object *tree = text ? json_tokener_parse(text) : NULL;
    const char *ip = op_text(tree, "status.podIP");
    op_key key;
    int rc = -1;
    int is_trigger = *op_label(tree, OP_RUN_ID); /* it has no metrics */
    if (!strcmp(op_text(tree, "status.phase"), "Running") && is_address(ip) && !is_trigger &&
        op_key_of(OP_POD, tree, &key) == 0) {
        op_key_write(&key, ret->flow);
        snprintf(ret->space, sizeof ret->space, "%s", key.space);
        snprintf(ret->name, sizeof ret->name, "%s", key.name);
        snprintf(ret->pod, sizeof ret->pod, "%s", op_text(tree, "metadata.name"));
        snprintf(ret->url, sizeof ret->url,
                 strchr(ip, ':') ? "http://[%s]:%d/metrics" : "http://%s:%d/metrics", ip,
                 port_of(tree));
        rc = 0;
    }
    free(text);
    json_object_put(tree);
    return rc;
}
