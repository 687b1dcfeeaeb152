/* SPDX-License-Identifier: Apache-2.0
 * store.c: see store.h. What is known here is the truth of this pod; the ConfigMap follows it. */
#include "kube/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/apply.h"
#include "kube/checkpoint.h"

#define RESET_KEY "reset"
enum { REQUEST_US = 3000000, ROUNDS = 4, MAX_TEXT = 1000000 /* etcd takes 1.5 MiB, a map 1 MiB */ };

typedef struct map {
    char *space, *name;
    kube_client *client;
    char version[64];  /* "": it is not there */
    char owner[64];    /* uid of the flow; "": nobody's */
    json_object *kept; /* metadata that a new one gets */
    char *text;        /* checkpoint.json */
    char reset[24];    /* number of the last reset of positions; "": there was none */
    kube_reply reply;
} map;

typedef struct kube_store {
    map map;
    kube_store_config config;
    char *type, *stage, *writer;
    kube_checkpoint known;
    char *last, *tried; /* texts of ours that may be in the map */
    int failing;
    int lost; /* somebody else's positions are there: nothing is written any more */
} kube_store;

/* ---- the ConfigMap ------------------------------------------------------------------------- */

static kube_target target(const map *m)
{
    return (kube_target){"/api/v1", "configmaps", m->space, m->name, NULL};
}

/* What is said when a reply is no ConfigMap, or there is no memory for it. */
static int odd(map *m, int rc)
{
    df__text_printf(m->reply.text, sizeof m->reply.text, "ConfigMap %s/%s: %s", m->space, m->name,
                    rc == DF_ENOMEM ? "no memory" : "the server's reply is no ConfigMap");
    return m->reply.rc = rc;
}

static void owner_of(json_object *meta, char *ret, size_t len)
{
    json_object *owners = NULL, *is = NULL;
    *ret = '\0';
    if (!json_object_object_get_ex(meta, "ownerReferences", &owners) ||
        !json_object_is_type(owners, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(owners); i++) {
        json_object *one = json_object_array_get_idx(owners, i);
        if (json_object_object_get_ex(one, "controller", &is) && json_object_get_boolean(is))
            snprintf(ret, len, "%s", kube_text(one, "uid"));
    }
}

static void keep(json_object *to, json_object *meta, const char *name)
{
    json_object *value = NULL;
    if (json_object_object_get_ex(meta, name, &value) && value)
        json_object_object_add(to, name, json_object_get(value));
}

static int take(map *m, json_object *object)
{
    json_object *meta = NULL, *data = NULL;
    if (!json_object_object_get_ex(object, "metadata", &meta) ||
        !*kube_text(meta, "resourceVersion"))
        return DF_EDATA;
    snprintf(m->version, sizeof m->version, "%s", kube_text(meta, "resourceVersion"));
    owner_of(meta, m->owner, sizeof m->owner);
    json_object_put(m->kept);
    m->kept = json_object_new_object();
    keep(m->kept, meta, "name");
    keep(m->kept, meta, "namespace");
    keep(m->kept, meta, "labels");
    keep(m->kept, meta, "ownerReferences");
    json_object_object_get_ex(object, "data", &data);
    free(m->text);
    m->text = strdup(kube_text(data, KUBE_CHECKPOINT_KEY));
    snprintf(m->reset, sizeof m->reset, "%s", kube_text(data, RESET_KEY));
    return m->kept && m->text ? DF_OK : DF_ENOMEM;
}

typedef struct waiter {
    map *map;
    int done;
} waiter;

static void on_done(void *user, const kube_reply *reply)
{
    waiter *w = user;
    json_object *object = NULL;
    w->done = 1;
    w->map->reply = *reply;
    w->map->reply.body = (df_bytes){NULL, 0};
    if (reply->rc != DF_OK)
        return;
    object = json_tokener_parse(reply->body.data);
    if (take(w->map, object) != DF_OK)
        odd(w->map, object ? DF_EDATA : DF_ENOMEM);
    json_object_put(object);
}

static int finish(map *m, kube_request *r, waiter *w)
{
    if (!r)
        return odd(m, DF_ENOMEM);
    while (!w->done)
        kube_loop_step(kube_client_loop(m->client), -1);
    return m->reply.rc;
}

static int get(map *m)
{
    waiter w = {m, 0};
    kube_target t = target(m);
    int rc = finish(m, kube_get(m->client, &t, (kube_then){on_done, &w, REQUEST_US, 0}), &w);
    if (rc == DF_ENOTFOUND)
        m->version[0] = '\0';
    return rc;
}

static int add(json_object *to, const char *name, json_object *value)
{
    return value && json_object_object_add(to, name, value) == 0 ? DF_OK : DF_ENOMEM;
}

/* The map with this text: a patch of the version that was read, or a new one. */
static json_object *wanted(const map *m, const char *text)
{
    json_object *object = json_object_new_object(), *data = json_object_new_object(), *meta = NULL;
    int rc = object && data ? DF_OK : DF_ENOMEM;
    if (rc == DF_OK && *m->version) {
        meta = json_object_new_object();
        rc = meta ? add(meta, "resourceVersion", json_object_new_string(m->version)) : DF_ENOMEM;
    } else if (rc == DF_OK) {
        meta = json_object_get(m->kept);
        rc = add(object, "apiVersion", json_object_new_string("v1"));
        rc = rc ? rc : add(object, "kind", json_object_new_string("ConfigMap"));
    }
    rc = rc ? rc : add(object, "metadata", meta);
    rc = rc ? rc : add(data, KUBE_CHECKPOINT_KEY, json_object_new_string(text));
    if (*m->reset) /* also of a map that is made again */
        rc = rc ? rc : add(data, RESET_KEY, json_object_new_string(m->reset));
    rc = rc ? rc : add(object, "data", json_object_get(data));
    json_object_put(data);
    if (rc == DF_OK)
        return object;
    json_object_put(object);
    return NULL;
}

static int put(map *m, const char *text)
{
    waiter w = {m, 0};
    kube_target t = target(m);
    kube_then then = {on_done, &w, REQUEST_US, 0};
    json_object *object = wanted(m, text);
    kube_request *r = NULL;
    int rc;
    if (object)
        r = *m->version ? kube_merge(m->client, &t, object, then)
                        : kube_create(m->client, &t, object, then);
    rc = finish(m, r, &w);
    json_object_put(object);
    return rc;
}

static int begin_map(map *m, kube_client *c, const char *space, const char *name)
{
    memset(m, 0, sizeof *m);
    m->client = c;
    m->space = strdup(space);
    m->name = strdup(name);
    m->kept = json_object_new_object();
    if (m->space && m->name && m->kept && add(m->kept, "name", json_object_new_string(name)) == 0)
        return add(m->kept, "namespace", json_object_new_string(space));
    return DF_ENOMEM;
}

static void end_map(map *m)
{
    free(m->space);
    free(m->name);
    free(m->text);
    json_object_put(m->kept);
}

/* ---- conflicts ----------------------------------------------------------------------------- */

static int refuse(kube_store *s, int rc, const char *why)
{
    df__text_printf(s->map.reply.text, sizeof s->map.reply.text, "ConfigMap %s/%s: %s",
                    s->map.space, s->map.name, why);
    return rc;
}

static int check_owner(kube_store *s)
{
    char why[300];
    if (!*s->map.owner)
        return DF_OK;
    if (!s->config.owner_uid)
        s->config.owner_uid = strdup(s->map.owner);
    if (s->config.owner_uid && !strcmp(s->config.owner_uid, s->map.owner))
        return DF_OK;
    snprintf(why, sizeof why,
             "it belongs to the flow with uid %s, this is %s: an older flow of the same name is "
             "still being deleted; start again when it is gone",
             s->map.owner, s->config.owner_uid ? s->config.owner_uid : "another");
    return refuse(s, DF_EFENCED, why);
}

static int read_text(kube_store *s, kube_checkpoint *ret)
{
    char why[200] = "", text[400];
    int rc =
        kube_checkpoint_read(ret, (df_bytes){s->map.text, strlen(s->map.text)}, why, sizeof why);
    if (rc == DF_OK)
        return DF_OK;
    snprintf(text, sizeof text,
             "the positions in it cannot be used: %s; mend it, or forget them with \"dfproc "
             "checkpoint reset\"",
             why);
    return refuse(s, rc, text);
}

/* Of each position the farther one stays. */
static int merge(kube_store *s, const kube_checkpoint *theirs)
{
    int rc = DF_OK, farther;
    for (const kube_position *p = theirs->positions; p && rc == DF_OK; p = p->next) {
        df_bytes data = {p->data, p->len};
        const kube_position *mine = kube_checkpoint_get(&s->known, p->partition);
        farther = 1;
        if (mine && kube_position_order(data, (df_bytes){mine->data, mine->len}, &farther))
            return DF_EFENCED;
        if (farther > 0)
            rc = kube_checkpoint_put(&s->known, p->partition, data);
    }
    return rc;
}

static int is_our_text(const kube_store *s)
{
    return (s->last && !strcmp(s->map.text, s->last)) ||
           (s->tried && !strcmp(s->map.text, s->tried));
}

static void say(kube_store *s, int level, const char *text)
{
    char line[KUBE_TEXT + 300];
    if (!s->config.log)
        return;
    df__text_printf(line, sizeof line, "%s", text);
    s->config.log(s->config.user, level, line);
}

static void say_shared(kube_store *s, const char *writer)
{
    char line[400];
    snprintf(line, sizeof line,
             "positions of this flow were also written by %.100s: two pods read one source; the "
             "farther positions are kept",
             writer ? writer : "somebody");
    say(s, DF_LOG_WARN, line);
}

/* The map is not at the version that was read, or nobody knows whether a write was applied. */
static int read_again(kube_store *s)
{
    kube_checkpoint theirs;
    char why[200];
    int rc = get(&s->map);
    if (rc == DF_ENOTFOUND) {
        say(s, DF_LOG_WARN, "the ConfigMap of the positions is gone; it is made again");
        return DF_OK;
    }
    if (rc == DF_OK)
        rc = check_owner(s);
    if (rc != DF_OK || is_our_text(s))
        return rc;
    kube_checkpoint_init(&theirs, s->type);
    rc = read_text(s, &theirs);
    if (rc == DF_OK && theirs.writer && strcmp(theirs.writer, s->writer) != 0) {
        rc = merge(s, &theirs);
        if (rc == DF_OK)
            say_shared(s, theirs.writer);
        snprintf(why, sizeof why,
                 "%.100s has written positions meanwhile: two pods read one source", theirs.writer);
        if (rc == DF_EFENCED)
            refuse(s, rc, why);
    }
    if (rc == DF_OK) { /* members of other types may be new */
        df__buf others = s->known.others;
        s->known.others = theirs.others;
        theirs.others = others;
    }
    kube_checkpoint_free(&theirs);
    return rc;
}

/* ---- the interface ------------------------------------------------------------------------- */

/* Of a reply: what the client itself refused, since this pod does not lead, has none. */
static int is_conflict(const map *m, int rc)
{
    return (rc == DF_EFENCED && m->reply.status) || rc == DF_EEXISTS || rc == DF_ENOTFOUND ||
           rc == DF_EUNKNOWN;
}

static void remember(char **to, const char *text)
{
    free(*to);
    *to = strdup(text); /* without memory a text of ours is read as one of this writer */
}

static int write_once(kube_store *s)
{
    df__buf text;
    int rc;
    df__buf_init(&text, &df__heap_libc);
    rc = kube_checkpoint_write(&s->known, s->writer, &text);
    if (rc == DF_OK && text.len > MAX_TEXT)
        rc = refuse(s, DF_ETOOBIG, "the positions are larger than a ConfigMap may be");
    if (rc == DF_OK) {
        remember(&s->tried, text.data);
        rc = put(&s->map, text.data);
    }
    if (rc == DF_OK)
        remember(&s->last, text.data);
    df__buf_free(&text);
    return rc;
}

static int write_all(kube_store *s)
{
    /* Without it at the last look: the operator may have made it anew. */
    int rc = *s->map.version ? write_once(s) : DF_ENOTFOUND;
    s->map.reply.status = *s->map.version ? s->map.reply.status : 404;
    for (int i = 1; i < ROUNDS && is_conflict(&s->map, rc); i++) {
        rc = read_again(s);
        s->lost = rc == DF_EFENCED || rc == DF_ESTATE;
        if (s->lost)
            return DF_EFENCED;
        if (rc == DF_OK)
            rc = write_once(s);
    }
    return is_conflict(&s->map, rc) ? DF_EIO : rc; /* the pipeline tries again */
}

static int store_save(void *user, const df_state *rows, size_t count)
{
    kube_store *s = user;
    char text[KUBE_TEXT + 200];
    int rc = DF_OK;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_state *row = (const void *)((const char *)rows + i * rows[0].size);
        rc = kube_checkpoint_put(&s->known, row->partition, row->data);
    }
    if (rc == DF_OK)
        rc = s->lost ? DF_EFENCED : write_all(s);
    if (rc != DF_OK && !s->failing) {
        df__text_printf(text, sizeof text,
                        "positions cannot be written: %s; until they can, no progress is "
                        "acknowledged and records may come twice after a restart",
                        s->map.reply.text);
        say(s, rc == DF_EFENCED ? DF_LOG_ERROR : DF_LOG_WARN, text);
    }
    s->failing = rc != DF_OK;
    return rc;
}

static int store_load(void *user, const char *stage, const char *partition, df_answer *answer)
{
    kube_store *s = user;
    const kube_position *p = kube_checkpoint_get(&s->known, partition);
    (void)stage; /* a pipeline has one source; its stage may have got another name */
    return p ? df_answer_set(answer, p->data, p->len) : DF_ENOTFOUND;
}

static int store_list(void *user, int (*each)(void *ctx, const df_state *row), void *ctx)
{
    kube_store *s = user;
    int rc = DF_OK;
    for (const kube_position *p = s->known.positions; p && rc == DF_OK; p = p->next) {
        df_state row = {sizeof row, s->stage, p->partition, {p->data, p->len}};
        rc = each(ctx, &row);
    }
    return rc;
}

/* All but the client. */
static void drop(kube_store *s)
{
    kube_checkpoint_free(&s->known);
    end_map(&s->map);
    free((char *)(uintptr_t)s->config.owner_uid);
    free(s->type);
    free(s->stage);
    free(s->writer);
    free(s->last);
    free(s->tried);
    free(s);
}

static void store_free(void *user)
{
    kube_store *s = user;
    kube_client *c = s->map.client;
    drop(s);
    kube_client_free(c);
}

static int copy_config(kube_store *s, const kube_store_config *config)
{
    s->config = *config;
    s->config.owner_uid = config->owner_uid ? strdup(config->owner_uid) : NULL;
    s->type = strdup(config->source_type);
    s->stage = strdup(config->stage);
    s->writer = strdup(config->writer);
    kube_checkpoint_init(&s->known, s->type);
    return s->type && s->stage && s->writer && (!config->owner_uid || s->config.owner_uid)
               ? DF_OK
               : DF_ENOMEM;
}

int kube_store_reload(void *user, char *err)
{
    kube_store *s = user;
    int rc = get(&s->map);
    kube_checkpoint_free(&s->known);
    if (rc == DF_OK)
        rc = check_owner(s);
    if (rc == DF_OK)
        rc = read_text(s, &s->known);
    if (rc == DF_OK)
        remember(&s->last, s->map.text);
    else
        df__text_set(err, KUBE_TEXT, s->map.reply.text, strlen(s->map.reply.text));
    return rc;
}

/* One write does both: whoever comes after it finds the positions gone and the number there. */
static int reset_once(kube_store *s, const char *number)
{
    int rc;
    snprintf(s->map.reset, sizeof s->map.reset, "%s", number);
    rc = put(&s->map, "{}");
    if (rc != DF_OK)
        return rc;
    kube_checkpoint_free(&s->known);
    remember(&s->last, "{}");
    say(s, DF_LOG_INFO, "the read positions are forgotten, as checkpointReset asks for");
    return DF_OK;
}

int kube_store_reset(void *user, const char *number, char *err)
{
    kube_store *s = user;
    int rc = DF_OK;
    for (int i = 0; i < ROUNDS && strcmp(s->map.reset, number) != 0; i++) {
        rc = reset_once(s, number);
        if (rc == DF_OK || !is_conflict(&s->map, rc))
            break;
        rc = kube_store_reload(s, err);
        if (rc != DF_OK)
            return rc;
        rc = DF_EIO;
    }
    if (rc != DF_OK)
        df__text_set(err, KUBE_TEXT, s->map.reply.text, strlen(s->map.reply.text));
    return rc;
}

int kube_store_open(kube_client *c, const kube_store_config *config, df_store *ret, char *err)
{
    df_store store = {.size = ret->size,
                      .load = store_load,
                      .save = store_save,
                      .user_free = store_free,
                      .min_interval_ms = config->min_interval_ms,
                      .list = store_list};
    kube_store *s = calloc(1, sizeof *s);
    int rc = s ? begin_map(&s->map, c, config->space, config->name) : DF_ENOMEM;
    snprintf(err, KUBE_TEXT, "no memory");
    if (rc == DF_OK)
        rc = copy_config(s, config);
    if (rc == DF_OK)
        rc = kube_store_reload(s, err);
    if (rc == DF_OK) {
        store.user = s;
        memcpy(ret, &store, ret->size < sizeof store ? ret->size : sizeof store);
    } else if (s) {
        drop(s);
    }
    return rc;
}

/* ---- for people ---------------------------------------------------------------------------- */

int kube_store_read(kube_client *c, const char *space, const char *name, df__buf *text, char *err)
{
    map m;
    int rc = begin_map(&m, c, space, name);
    if (rc == DF_OK)
        rc = get(&m);
    if (rc == DF_OK) {
        df__buf_str(text, m.text);
        rc = df__buf_cstr(text) ? DF_OK : DF_ENOMEM;
    }
    snprintf(err, KUBE_TEXT, "%s", *m.reply.text ? m.reply.text : "no memory");
    end_map(&m);
    return rc;
}

int kube_store_clear(kube_client *c, const char *space, const char *name, char *err)
{
    map m;
    int rc = begin_map(&m, c, space, name);
    for (int i = 0; i < ROUNDS && (rc == DF_OK || is_conflict(&m, rc)); i++) {
        rc = get(&m);
        if (rc == DF_OK || rc == DF_ENOTFOUND)
            rc = put(&m, "{}");
        if (rc == DF_OK)
            break;
    }
    snprintf(err, KUBE_TEXT, "%s", *m.reply.text ? m.reply.text : "no memory");
    end_map(&m);
    return rc;
}
