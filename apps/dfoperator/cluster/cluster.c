/* SPDX-License-Identifier: Apache-2.0
 * cluster.c: see cluster.h. */
#include "dfoperator/cluster/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/codec.h"

/* One kind. */
typedef struct room {
    op_cluster *cluster;
    op_kind kind;
    kube_informer *informer; /* NULL: its objects are kept here */
    kube_objects here;
    kube_objects by_flow; /* of pods and Jobs: by the key of their flow, a list of their own keys */
} room;

struct op_cluster {
    op_cluster_calls calls;
    kube_client *client;
    room rooms[OP_KINDS];
    int synced; /* kinds whose first list is whole */
};

static int has_many(op_kind kind)
{
    return kind == OP_POD || kind == OP_JOB;
}

/* ---- lists of keys: each key with a newline before and behind it ----------------------------- */

/* Where "\nkey\n" is in a list; NULL: it is not. */
static char *in_list(const kube_object *list, const char *key)
{
    size_t len = strlen(key);
    char *at = list ? list->text : NULL;
    while (at && (at = strstr(at, key)) && !(at[-1] == '\n' && at[len] == '\n'))
        at += len;
    return at;
}

static void list_add(kube_objects *lists, const char *name, const char *key)
{
    kube_object *list = kube_objects_add(lists, name);
    char *text = NULL;
    int len;
    if (!list || in_list(list, key))
        return;
    len = asprintf(&text, "%s%s\n", list->text ? list->text : "\n", key);
    if (len >= 0)
        kube_objects_set_text(lists, list, text, (size_t)len);
}

static void list_remove(kube_objects *lists, const char *name, const char *key)
{
    kube_object *list = kube_objects_get(lists, name);
    char *at = in_list(list, key), *behind;
    if (!at)
        return;
    behind = at + strlen(key) + 1;
    memmove(at, behind, strlen(behind) + 1);
    if (!list->text[1])
        kube_objects_remove(lists, name);
}

/* ---- one kind -------------------------------------------------------------------------------- */

static json_object *tree_of(const kube_object *object)
{
    char *text = kube_object_text(object);
    json_object *tree = text ? json_tokener_parse(text) : NULL;
    free(text);
    return tree;
}

/* The flow of an object, as a key; NULL: none. */
static const char *flow_of(const room *r, const kube_object *object, char key[OP_KEY])
{
    json_object *tree = tree_of(object);
    op_key flow;
    int rc = op_key_of(r->kind, tree, &flow);
    json_object_put(tree);
    if (rc < 0)
        return NULL;
    op_key_write(&flow, key);
    return key;
}

static void on_changed(void *user, const char *key, const kube_object *object)
{
    room *r = user;
    char flow[OP_KEY];
    if (!object || !flow_of(r, object, flow))
        return;
    if (has_many(r->kind))
        list_add(&r->by_flow, flow, key);
    r->cluster->calls.changed(r->cluster->calls.user, flow);
}

/* Whoever hears of it looks later, when the object is out of the copy. */
static void on_leaving(void *user, const kube_object *last)
{
    room *r = user;
    char flow[OP_KEY];
    if (!flow_of(r, last, flow))
        return;
    list_remove(&r->by_flow, flow, last->key);
    r->cluster->calls.changed(r->cluster->calls.user, flow);
}

static void on_synced(void *user)
{
    op_cluster *c = ((room *)user)->cluster;
    if (++c->synced == OP_KINDS)
        c->calls.synced(c->calls.user);
}

static void on_trouble(void *user, const char *text)
{
    op_cluster *c = ((room *)user)->cluster;
    c->calls.trouble(c->calls.user, text);
}

/* What nobody here reads, and what makes objects large. */
static void trim(json_object *object)
{
    json_object *meta = NULL, *notes = NULL;
    json_object_object_get_ex(object, "metadata", &meta);
    if (json_object_object_get_ex(meta, "annotations", &notes))
        json_object_object_del(notes, "kubectl.kubernetes.io/last-applied-configuration");
}

static int start(room *r, kube_client *client, const char *space)
{
    const op_kind_row *row = &op_kinds[r->kind];
    kube_watched what = {.selector = row->selector,
                         .trim = trim,
                         .changed = on_changed,
                         .leaving = on_leaving,
                         .synced = on_synced,
                         .trouble = on_trouble,
                         .user = r};
    df__buf path;
    df__buf_init(&path, &df__heap_libc);
    df__buf_str(&path, row->group_path);
    if (space) {
        df__buf_str(&path, "/namespaces/");
        df__percent_add(&path, space);
    }
    df__buf_printf(&path, "/%s", row->plural);
    what.path = df__buf_cstr(&path);
    if (what.path)
        r->informer = kube_informer_new(client, &what);
    df__buf_free(&path);
    return r->informer ? 0 : -1;
}

static int is_in_cluster(op_kind kind)
{
    return kind == OP_FLOW || kind == OP_CRON || kind == OP_CONFIG_MAP;
}

op_cluster *op_cluster_new(kube_client *client, const char *space, int here,
                           const op_cluster_calls *calls)
{
    op_cluster *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->calls = *calls;
    c->client = client;
    for (op_kind k = 0; k < OP_KINDS; k++) {
        c->rooms[k] = (room){.cluster = c, .kind = k};
        if (here && !is_in_cluster(k))
            c->synced++;
        else if (start(&c->rooms[k], client, space) < 0) {
            op_cluster_free(c);
            return NULL;
        }
    }
    return c;
}

void op_cluster_free(op_cluster *c)
{
    if (!c)
        return;
    for (op_kind k = 0; k < OP_KINDS; k++) {
        kube_informer_free(c->rooms[k].informer);
        kube_objects_free(&c->rooms[k].by_flow);
        kube_objects_free(&c->rooms[k].here);
    }
    free(c);
}

int op_cluster_synced(const op_cluster *c)
{
    return c->synced == OP_KINDS;
}

int64_t op_cluster_wall_us(const op_cluster *c)
{
    return kube_client_wall_us(c->client);
}

const kube_objects *op_cluster_objects(const op_cluster *c, op_kind kind)
{
    const room *r = &c->rooms[kind];
    return r->informer ? kube_informer_objects(r->informer) : &r->here;
}

static json_object *read_object(const op_cluster *c, op_kind kind, const char *key)
{
    const kube_object *o = kube_objects_get(op_cluster_objects(c, kind), key);
    return o ? tree_of(o) : NULL;
}

json_object *op_cluster_get(const op_cluster *c, op_kind kind, const char *space, const char *name)
{
    char key[OP_KEY];
    snprintf(key, sizeof key, "%s/%s", space, name);
    return read_object(c, kind, key);
}

int op_cluster_of(const op_cluster *c, op_kind kind, const char *key, json_object ***ret)
{
    const kube_object *list = kube_objects_get(&c->rooms[kind].by_flow, key);
    const char *at = list && list->text ? list->text + 1 : "";
    char child[OP_KEY];
    int count = 0;
    size_t most = 0;
    for (const char *p = at; *p; p++)
        most += *p == '\n';
    *ret = most ? calloc(most, sizeof **ret) : NULL;
    if (most && !*ret)
        return -1;
    for (; *at; at = strchr(at, '\n') + 1) {
        json_object *o;
        snprintf(child, sizeof child, "%.*s", (int)strcspn(at, "\n"), at);
        o = read_object(c, kind, child);
        if (o)
            (*ret)[count++] = o;
    }
    return count;
}

void op_cluster_learn(op_cluster *c, op_kind kind, json_object *object)
{
    kube_informer_learn(c->rooms[kind].informer, object);
}

kube_informer_stats op_cluster_stats(const op_cluster *c, op_kind kind)
{
    if (op_cluster_is_here(c, kind))
        return (kube_informer_stats){.heard_us = kube_client_loop(c->client)->now()};
    return kube_informer_stats_of(c->rooms[kind].informer);
}

/* ---- what is kept here ----------------------------------------------------------------------- */

int op_cluster_is_here(const op_cluster *c, op_kind kind)
{
    return !c->rooms[kind].informer;
}

int op_cluster_put(op_cluster *c, op_kind kind, json_object *object)
{
    room *r = &c->rooms[kind];
    json_object *meta = NULL;
    const char *now = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
    char key[OP_KEY], *text;
    kube_object *at;
    json_object_object_get_ex(object, "metadata", &meta);
    snprintf(key, sizeof key, "%s/%s", kube_text(meta, "namespace"), kube_text(meta, "name"));
    at = now ? kube_objects_add(&r->here, key) : NULL;
    if (at && at->text && !strcmp(at->text, now))
        return 0;
    text = at ? strdup(now) : NULL;
    if (!text)
        return -1;
    kube_objects_set_text(&r->here, at, text, strlen(text));
    on_changed(r, key, at);
    return 0;
}

void op_cluster_drop(op_cluster *c, op_kind kind, const char *space, const char *name)
{
    room *r = &c->rooms[kind];
    char key[OP_KEY];
    const kube_object *last;
    snprintf(key, sizeof key, "%s/%s", space, name);
    last = kube_objects_get(&r->here, key);
    if (!last)
        return;
    on_leaving(r, last);
    kube_objects_remove(&r->here, key);
}
