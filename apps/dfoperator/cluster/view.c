/* SPDX-License-Identifier: Apache-2.0
 * view.c: see view.h. */
#include "dfoperator/cluster/view.h"

#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/names.h"

/* Kinds of which a flow has one child, and its name. */
static void read_children(const op_cluster *c, op_view *v, const op_names *names)
{
    const struct {
        op_kind kind;
        const char *name;
    } rows[] = {
        {OP_SERVICE_ACCOUNT, names->processor}, {OP_ROLE, names->processor},
        {OP_ROLE_BINDING, names->processor},    {OP_DEPLOYMENT, names->base},
        {OP_DISRUPTION_BUDGET, names->base},    {OP_CRON_JOB, names->base},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        v->child[rows[i].kind] = op_cluster_get(c, rows[i].kind, v->space, rows[i].name);
    v->spec_map = op_cluster_get(c, OP_CONFIG_MAP, v->space, names->spec);
    v->checkpoint_map = op_cluster_get(c, OP_CONFIG_MAP, v->space, names->checkpoint);
}

static int read_list(const op_cluster *c, op_kind kind, const char *key, json_object ***ret,
                     size_t *count)
{
    int n = op_cluster_of(c, kind, key, ret);
    *count = n > 0 ? (size_t)n : 0;
    return n < 0 ? -1 : 0;
}

int op_view_read(const op_cluster *c, const op_key *key, op_view_box *ret)
{
    op_view *v = &ret->view;
    op_names names;
    char text[OP_KEY];
    *ret = (op_view_box){.key = *key};
    v->space = ret->key.space;
    v->name = ret->key.name;
    v->now_us = op_cluster_wall_us(c);
    v->figures = (op_figures){-1, -1, -1, -1, 0, 0};
    v->flow = op_cluster_get(c, key->kind, v->space, v->name);
    if (!v->flow)
        return 0;
    op_key_write(key, text);
    op_names_of(key->kind, v->name, &names);
    read_children(c, v, &names);
    if (read_list(c, OP_POD, text, &v->pods, &v->pod_count) < 0)
        return -1;
    return read_list(c, OP_JOB, text, &v->jobs, &v->job_count);
}

static void free_list(json_object **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_object_put(list[i]);
    free(list);
}

void op_view_free(op_view_box *box)
{
    op_view *v = &box->view;
    json_object_put(v->flow);
    json_object_put(v->spec_map);
    json_object_put(v->checkpoint_map);
    for (op_kind k = 0; k < OP_KINDS; k++)
        json_object_put(v->child[k]);
    free_list(v->pods, v->pod_count);
    free_list(v->jobs, v->job_count);
}
