/* SPDX-License-Identifier: Apache-2.0
 * copies.c: see copies.h. One request at a time: the copy is read, then the Secret, then the copy
 * is written or removed. The flow's ConfigMap names each copy before it is made and until it is
 * removed, so none is left behind, whenever the operator ends. */
#include "dfoperator/secrets/copies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/child/children.h"
#include "dfoperator/secrets/copy.h"
#include "dfoperator/object/keys.h"
#include "dfoperator/object/tree.h"
#include "kube/apply.h"
#include "util/buf.h"

#define NEVER INT64_MAX /* of a moment: nobody waits for one */
enum { RETRY_US = 5000000 };

typedef struct flow flow;
struct flow {
    flow *next;
    char key[OP_KEY];
    json_object *object;
    op_copy_row **rows;
    op_mirror *shown;
    size_t count;
};

struct op_copies {
    op_copies_config config;
    flow *flows;
    kube_timer timer;
    kube_request *request;
    flow *at; /* whose row is in work; NULL: none is */
    op_copy_seen seen;
    op_copy_step step;  /* what is done about it, */
    op_copy_state then; /* and the state when it is done */
};

/* ---- rows ---------------------------------------------------------------------------------- */

static void free_row(op_copy_row *row)
{
    free(row->space);
    free(row->name);
    json_object_put(row->keys);
    free(row);
}

static flow **place_of(op_copies *c, const char *key)
{
    flow **at = &c->flows;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static flow *add_flow(op_copies *c, const char *key)
{
    flow *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    df__text_set(f->key, sizeof f->key, key, strlen(key));
    f->next = c->flows;
    c->flows = f;
    return f;
}

static void name_copy(const flow *f, op_copy_row *row)
{
    char hash[DF__SHA256_HEX], rest[24], of[600];
    df__text_printf(of, sizeof of, "%s/%s", row->space, row->name);
    df__sha256_hex(of, strlen(of), hash);
    snprintf(rest, sizeof rest, "-secret-%.8s", hash);
    op_name_child(op_flow_kind(f->object), op_text(f->object, "metadata.name"), rest, row->copy);
}

static op_copy_row *find_row(const flow *f, const char *space, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (!strcmp(f->rows[i]->space, space) && !strcmp(f->rows[i]->name, name))
            return f->rows[i];
    return NULL;
}

/* The row of a Secret, made when there is none. NULL: no memory. */
static op_copy_row *row_of(flow *f, const char *space, const char *name)
{
    op_copy_row *row = find_row(f, space, name);
    void *rows, *shown;
    if (row)
        return row;
    rows = realloc(f->rows, (f->count + 1) * sizeof *f->rows);
    f->rows = rows ? rows : f->rows;
    shown = realloc(f->shown, (f->count + 1) * sizeof *f->shown);
    f->shown = shown ? shown : f->shown;
    row = rows && shown ? calloc(1, sizeof *row) : NULL;
    if (!row)
        return NULL;
    row->space = strdup(space);
    row->name = strdup(name);
    if (!row->space || !row->name) {
        free_row(row);
        return NULL;
    }
    name_copy(f, row);
    f->rows[f->count++] = row;
    return row;
}

/* ---- one look ------------------------------------------------------------------------------ */

static int64_t now_of(const op_copies *c)
{
    return kube_client_loop(c->config.client)->now();
}

static void end_look(op_copies *c)
{
    json_object_put(c->seen.flow);
    json_object_put(c->seen.live);
    json_object_put(c->seen.data);
    c->seen = (op_copy_seen){0};
    c->at = NULL;
}

static flow *first_due(const op_copies *c, op_copy_row **ret)
{
    flow *first = NULL;
    *ret = NULL;
    for (flow *f = c->flows; f; f = f->next) {
        for (size_t i = 0; i < f->count; i++) {
            if (f->rows[i]->due_us == NEVER || (*ret && f->rows[i]->due_us >= (*ret)->due_us))
                continue;
            *ret = f->rows[i];
            first = f;
        }
    }
    return first;
}

/* Sets the timer to the row that is due first. */
static void plan_look(op_copies *c)
{
    op_copy_row *row;
    int64_t now = now_of(c);
    if (!c->at && first_due(c, &row))
        kube_timer_set(kube_client_loop(c->config.client), &c->timer,
                       row->due_us > now ? row->due_us - now : 0);
}

/* As it was; looked at again soon. */
static void break_off(op_copies *c)
{
    if (c->seen.row->due_us == NEVER)
        c->seen.row->due_us = now_of(c) + RETRY_US;
    end_look(c);
    plan_look(c);
}

static void tell(op_copies *c, const char *reason, const char *what)
{
    const op_copy_row *row = c->seen.row;
    char note[1000];
    df__text_printf(note, sizeof note, "Secret %s, a copy of %s/%s, is %s", row->copy, row->space,
                    row->name, what);
    if (c->config.tell)
        c->config.tell(c->config.user, c->seen.flow, 0, reason, note);
}

/* What was wanted otherwise meanwhile is looked at anew, and this look counts for nothing. */
static void finish(op_copies *c, op_copy_state state)
{
    op_copy_row *row = c->seen.row;
    int news =
        row->due_us == NEVER && (row->state != state || strcmp(row->problem, c->seen.problem) != 0);
    char key[OP_KEY];
    df__text_set(key, sizeof key, c->at->key, strlen(c->at->key));
    if (row->due_us == NEVER) {
        row->state = state;
        row->due_us = state == OP_COPY_GONE  ? NEVER
                      : state == OP_COPY_NEW ? 0
                                             : now_of(c) + c->config.every_us;
        memcpy(row->problem, c->seen.problem, sizeof row->problem);
    }
    end_look(c);
    plan_look(c);
    if (news)
        c->config.changed(c->config.user, key);
}

static kube_target secret(const char *space, const char *name)
{
    return (kube_target){.api = "/api/v1", .plural = "secrets", .space = space, .name = name};
}

static const char *home_of(const op_copies *c)
{
    return op_text(c->seen.flow, "metadata.namespace");
}

/* A copy that may not be written is said; what can pass by itself is tried again. */
static void not_written(op_copies *c, const kube_reply *reply)
{
    const op_copy_row *row = c->seen.row;
    if (reply->rc != DF_EAUTH && reply->rc != DF_EINVAL) {
        break_off(c);
        return;
    }
    /* The server's own words may repeat what was sent. */
    df__text_printf(c->seen.problem, sizeof c->seen.problem,
                    "whose copy %s cannot be %s: status %d of the API server", row->copy,
                    c->step == OP_COPY_REMOVE ? "removed" : "written", reply->status);
    finish(c, c->then == OP_COPY_GONE ? OP_COPY_GONE : OP_COPY_REFUSED);
}

static void on_written(void *user, const kube_reply *reply)
{
    op_copies *c = user;
    int removed = c->step == OP_COPY_REMOVE;
    c->request = NULL;
    if (reply->rc != DF_OK && !(removed && reply->rc == DF_ENOTFOUND)) {
        not_written(c, reply);
        return;
    }
    if (removed)
        tell(c, "SecretCopyRemoved", "removed");
    else
        tell(c, "SecretCopied", c->seen.live ? "renewed" : "made");
    finish(c, c->then);
}

static void write(op_copies *c)
{
    op_copy_step step = c->step;
    int named = step != OP_COPY_CREATE;
    kube_target target = secret(home_of(c), named ? c->seen.row->copy : NULL);
    kube_then then = {.done = on_written, .user = c};
    kube_deletion how = {.uid = op_text(c->seen.live, "metadata.uid")};
    json_object *object = step == OP_COPY_REMOVE ? NULL : op_copy_object(&c->seen);
    if (step == OP_COPY_REMOVE)
        c->request = kube_delete(c->config.client, &target, &how, then);
    else if (object)
        c->request = named ? kube_update(c->config.client, &target, object, then)
                           : kube_create(c->config.client, &target, object, then);
    json_object_put(object);
    if (!c->request)
        break_off(c);
}

static void decide(op_copies *c)
{
    c->step = op_copy_decide(&c->seen, &c->then);
    if (c->step == OP_COPY_IS_DONE)
        finish(c, c->then);
    else
        write(c);
}

/* What the server says of a Secret: there, not there, or not for us. -1: no answer to go by. */
static int read_secret(const kube_reply *reply, json_object **ret)
{
    *ret = NULL;
    if (reply->rc == DF_ENOTFOUND || (reply->rc == DF_EAUTH && reply->status))
        return 0;
    if (reply->rc == DF_OK)
        *ret = json_tokener_parse(reply->body.data);
    if (!strcmp(op_text(*ret, "kind"), "Secret"))
        return 0;
    json_object_put(*ret);
    *ret = NULL;
    return -1;
}

static void on_source(void *user, const kube_reply *reply)
{
    op_copies *c = user;
    json_object *source;
    c->request = NULL;
    if (read_secret(reply, &source)) {
        break_off(c);
        return;
    }
    op_copy_read(&c->seen, reply->rc, source);
    json_object_put(source);
    decide(c);
}

static void on_copy(void *user, const kube_reply *reply)
{
    op_copies *c = user;
    const op_copy_row *row = c->seen.row;
    kube_target source = secret(row->space, row->name);
    c->request = NULL;
    if (read_secret(reply, &c->seen.live)) {
        break_off(c);
        return;
    }
    if (!row->wanted) {
        decide(c);
        return;
    }
    c->request = kube_get(c->config.client, &source, (kube_then){.done = on_source, .user = c});
    if (!c->request)
        break_off(c);
}

static void look(kube_timer *timer)
{
    op_copies *c = timer->user;
    op_copy_row *row;
    kube_target target;
    flow *f = c->at ? NULL : first_due(c, &row);
    if (!f)
        return;
    row->due_us = NEVER;
    c->at = f;
    c->seen = (op_copy_seen){.row = row, .flow = json_object_get(f->object)};
    target = secret(home_of(c), row->copy);
    c->request = kube_get(c->config.client, &target, (kube_then){.done = on_copy, .user = c});
    if (!c->request)
        break_off(c);
}

/* ---- what plans want ----------------------------------------------------------------------- */

op_mirrors op_copies_of(op_copies *c, const char *key)
{
    flow *f = c ? *place_of(c, key) : NULL;
    op_mirrors ret = {.allowed = c != NULL};
    if (!f)
        return ret;
    for (size_t i = 0; i < f->count; i++) {
        const op_copy_row *row = f->rows[i];
        f->shown[i] = (op_mirror){row->space, row->name, row->copy,
                                  row->state == OP_COPY_REFUSED ? row->problem : NULL};
        ret.waits |= row->wanted && row->state == OP_COPY_GRANTED;
    }
    ret.rows = f->shown;
    ret.count = f->count;
    return ret;
}

static void stop_look(op_copies *c)
{
    kube_client_cancel(c->request);
    c->request = NULL;
    end_look(c);
}

/* What the ConfigMap names, as in op_refs. NULL: nothing. One that a deletion left without an owner
 * is the flow's soon. */
static json_object *recorded_of(const op_view *view)
{
    json_object *map = view->spec_map;
    op_belongs whose = map ? op_belongs_to(map, op_flow_kind(view->flow), view->flow) : OP_FOREIGN;
    if (whose != OP_OURS && whose != OP_ORPHAN)
        return NULL;
    return json_tokener_parse(op_annotation(map, OP_COPIES));
}

/* Marks the rows of a list of references. -1: no memory. Anybody may have written to a ConfigMap:
 * what is no name is passed over. */
static int mark_rows(flow *f, json_object *list, void (*mark)(op_copy_row *row, int keeps),
                     int keeps)
{
    for (size_t i = 0; i < op_count(list); i++) {
        json_object *ref = json_object_array_get_idx(list, i);
        const char *space = op_text(ref, "namespace"), *name = op_text(ref, "name");
        op_copy_row *row;
        if (!op_is_label(space) || !op_is_name(name))
            continue;
        if (!(row = row_of(f, space, name)))
            return -1;
        mark(row, keeps);
    }
    return 0;
}

static void mark_recorded(op_copy_row *row, int keeps)
{
    row->recorded = 1;
    row->found |= keeps;
}

static void mark_wanted(op_copy_row *row, int keeps)
{
    (void)keeps;
    row->found = 1;
}

/* Keys of one Secret can be named in several places. */
static void add_keys(json_object *keys, json_object *list, const op_copy_row *row)
{
    for (size_t i = 0; i < op_count(list); i++) {
        json_object *ref = json_object_array_get_idx(list, i);
        if (!strcmp(op_text(ref, "namespace"), row->space) &&
            !strcmp(op_text(ref, "name"), row->name))
            json_object_object_add(keys, op_text(ref, "key"), NULL);
    }
}

/* Those of the spec, and those that the ConfigMap still names: pods of an earlier spec have them
 * mounted until the new one is applied. */
static void find_keys(op_copy_row *row, const op_plan *plan, json_object *recorded)
{
    json_object *keys = json_object_new_object();
    if (!keys)
        return;
    add_keys(keys, recorded, row);
    add_keys(keys, plan->foreign, row);
    if (!json_object_object_length(keys) || (row->keys && json_object_equal(row->keys, keys))) {
        json_object_put(keys);
        return;
    }
    json_object_put(row->keys);
    row->keys = keys;
    row->due_us = 0;
}

/* Which rows there are, and whether anybody wants them. Copies that no reference names are kept
 * while the pods of an earlier spec go on. */
static int find_rows(flow *f, const op_plan *plan, json_object *recorded)
{
    int keeps = !plan->foreign || plan->keeps_copies;
    for (size_t i = 0; i < f->count; i++) {
        f->rows[i]->recorded = 0;
        f->rows[i]->found = keeps && f->rows[i]->wanted;
    }
    if (mark_rows(f, recorded, mark_recorded, keeps) ||
        mark_rows(f, plan->foreign, mark_wanted, keeps))
        return -1;
    for (size_t i = 0; i < f->count; i++)
        if (f->rows[i]->found)
            find_keys(f->rows[i], plan, recorded);
    return 0;
}

static void settle_row(op_copy_row *row)
{
    if (row->found && (!row->wanted || row->state == OP_COPY_GONE))
        row->state = OP_COPY_NEW;
    if (row->found != row->wanted || (row->recorded && row->state == OP_COPY_GRANTED))
        row->due_us = 0;
    row->wanted = row->found;
}

static void drop_row(op_copies *c, flow *f, size_t i)
{
    if (c->seen.row == f->rows[i])
        stop_look(c);
    free_row(f->rows[i]);
    f->rows[i] = f->rows[--f->count];
}

/* 1: something is to be done before the plan; -1: no memory. */
static int merge(op_copies *c, flow *f, const op_plan *plan, json_object *recorded)
{
    int waits = 0;
    if (find_rows(f, plan, recorded))
        return -1;
    for (size_t i = f->count; i--;) {
        op_copy_row *row = f->rows[i];
        settle_row(row);
        waits |= row->wanted ? row->state == OP_COPY_NEW : row->state != OP_COPY_GONE;
        if (!row->wanted && !row->recorded && row->state == OP_COPY_GONE)
            drop_row(c, f, i);
    }
    return waits;
}

int op_copies_want(op_copies *c, const char *key, const op_view *view, const op_plan *plan)
{
    json_object *recorded = c ? recorded_of(view) : NULL;
    flow *f = c ? *place_of(c, key) : NULL;
    int rc = 0;
    if (c && (f || op_count(recorded) || op_count(plan->foreign))) {
        f = f ? f : add_flow(c, key);
        rc = -1;
        if (f) {
            json_object_put(f->object);
            f->object = json_object_get(view->flow);
            rc = merge(c, f, plan, recorded);
            plan_look(c);
        }
    }
    json_object_put(recorded);
    return rc;
}

/* ---- life ---------------------------------------------------------------------------------- */

void op_copies_forget(op_copies *c, const char *key)
{
    flow **at = c ? place_of(c, key) : NULL, *f = at ? *at : NULL;
    if (!f)
        return;
    if (c->at == f)
        stop_look(c);
    *at = f->next;
    for (size_t i = 0; i < f->count; i++)
        free_row(f->rows[i]);
    free(f->rows);
    free(f->shown);
    json_object_put(f->object);
    free(f);
    plan_look(c);
}

op_copies *op_copies_new(const op_copies_config *config)
{
    op_copies *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->config = *config;
    c->config.every_us = config->every_us ? config->every_us : 30000000;
    c->timer = (kube_timer){.fire = look, .user = c};
    return c;
}

void op_copies_free(op_copies *c)
{
    if (!c)
        return;
    while (c->flows)
        op_copies_forget(c, c->flows->key);
    kube_timer_clear(&c->timer);
    free(c);
}
