/* SPDX-License-Identifier: Apache-2.0
 * informer.c: see informer.h. */
#include "kube/informer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/codec.h"

enum {
    BACKOFF_FIRST_US = 800000,
    BACKOFF_LAST_US = 30000000,
    HEALTHY_US = 60000000, /* a watch that lived so long forgets earlier failures */
    WATCH_S = 100,         /* and up to as much again */
    PAGE = 500,
    MAX_EVENT = 32 << 20 /* etcd's own limit is 1.5 MiB by default */
};

/* What runs now. */
enum step { STREAM, LIST, WATCH };

struct kube_informer {
    kube_client *client;
    kube_watched what;
    char *path, *selector;
    kube_objects objects;
    enum step step;
    kube_request *request;
    kube_timer timer;
    df__buf line;     /* of a stream: the begin of an event */
    char version[64]; /* to watch from; "" : any */
    char *more;       /* the continue token of the next page */
    unsigned generation;
    int no_stream; /* the server does not offer streamed lists */
    int synced, events_here;
    int expired; /* this stream said that its version is forgotten */
    int forgets; /* versions forgotten in a row, without an event of a watch */
    int64_t begun_us, backoff_us;
    kube_informer_stats stats;
    unsigned short seed[3];
};

static void next(kube_informer *i, int64_t in_us)
{
    kube_timer_set(kube_client_loop(i->client), &i->timer, in_us);
}

/* ---- objects --------------------------------------------------------------------------------- */

static int set(char **to, const char *text)
{
    char *copy;
    if (*to && !strcmp(*to, text))
        return DF_OK;
    copy = strdup(text);
    if (!copy)
        return DF_ENOMEM;
    free(*to);
    *to = copy;
    return DF_OK;
}

static int key_of(json_object *meta, char *key, size_t len)
{
    const char *space = kube_text(meta, "namespace"), *name = kube_text(meta, "name");
    int n = *space ? snprintf(key, len, "%s/%s", space, name) : snprintf(key, len, "%s", name);
    return *name && n > 0 && (size_t)n < len ? DF_OK : DF_EDATA;
}

static void tell(kube_informer *i, const char *key, const kube_object *object)
{
    if (i->what.changed)
        i->what.changed(i->what.user, key, object);
}

static int gone(kube_informer *i, const char *key)
{
    const kube_object *last = kube_objects_get(&i->objects, key);
    if (!last)
        return DF_OK;
    if (i->what.leaving)
        i->what.leaving(i->what.user, last);
    kube_objects_remove(&i->objects, key);
    tell(i, key, NULL);
    return DF_OK;
}

static int store(kube_informer *i, kube_object *at, json_object *object)
{
    size_t len = 0;
    const char *text;
    if (i->what.trim)
        i->what.trim(object);
    text = json_object_to_json_string_length(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    return text ? kube_objects_pack(&i->objects, at, text, len) : DF_ENOMEM;
}

/* Both are decimal numbers, and a < b. */
static int is_older(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    if (strspn(a, "0123456789") != a_len || strspn(b, "0123456789") != b_len)
        return 0;
    return a_len < b_len || (a_len == b_len && strcmp(a, b) < 0);
}

/* The same version again is no change, nor is an older one: it is only noted who shows it. */
static int is_known(const kube_informer *i, kube_object *at, const char *version, int learned)
{
    int same = at && !strcmp(at->version, version);
    if (!at || (!same && !is_older(version, at->version)))
        return 0;
    if (!learned)
        at->generation = i->generation;
    if (!learned && same)
        at->learned = 0;
    return 1;
}

/* An object as it is now. */
static int seen(kube_informer *i, json_object *object, int learned)
{
    json_object *meta = NULL;
    char key[600];
    kube_object *at;
    int rc;
    if (!json_object_object_get_ex(object, "metadata", &meta) ||
        key_of(meta, key, sizeof key) != DF_OK)
        return DF_EDATA;
    at = kube_objects_get(&i->objects, key);
    if (is_known(i, at, kube_text(meta, "resourceVersion"), learned))
        return DF_OK;
    if (at && strcmp(at->uid, kube_text(meta, "uid")) != 0)
        gone(i, key);
    at = kube_objects_add(&i->objects, key);
    if (!at)
        return DF_ENOMEM;
    at->learned = learned != 0;
    if (!learned)
        at->generation = i->generation;
    rc = set(&at->uid, kube_text(meta, "uid"));
    rc = rc ? rc : set(&at->version, kube_text(meta, "resourceVersion"));
    json_object_object_del(meta, "managedFields");
    rc = rc ? rc : store(i, at, object);
    if (rc == DF_OK)
        tell(i, at->key, at);
    else
        kube_objects_remove(&i->objects, key); /* comes again with the next list */
    return rc;
}

/* The watch is past the version of something that is not there: it was deleted meanwhile, and the
 * answer to our write comes late. */
static int is_past(const kube_informer *i, json_object *object)
{
    json_object *meta = NULL;
    char key[600];
    return i->step == WATCH && json_object_object_get_ex(object, "metadata", &meta) &&
           key_of(meta, key, sizeof key) == DF_OK && !kube_objects_get(&i->objects, key) &&
           *kube_text(meta, "resourceVersion") && i->version[0] &&
           !is_older(i->version, kube_text(meta, "resourceVersion"));
}

int kube_informer_learn(kube_informer *i, json_object *object)
{
    return is_past(i, object) ? DF_OK : seen(i, object, 1);
}

/* What we made ourselves after the moment that the list shows. */
static int is_newer_than_list(const kube_informer *i, const kube_object *o)
{
    return o->learned && is_older(i->version, o->version);
}

/* A list is whole: what it did not have is gone. */
static void sweep(kube_informer *i)
{
    kube_object *o;
    size_t at = 0;
    while ((o = kube_objects_next(&i->objects, &at))) {
        char *key;
        if (o->generation == i->generation || is_newer_than_list(i, o) || !(key = strdup(o->key)))
            continue;
        gone(i, key);
        free(key);
        at = 0; /* a removal moves others up */
    }
    if (i->synced)
        return;
    i->synced = 1;
    if (i->what.synced)
        i->what.synced(i->what.user);
}

static void set_version(kube_informer *i, json_object *meta)
{
    const char *version = kube_text(meta, "resourceVersion");
    if (*version && strlen(version) < sizeof i->version)
        snprintf(i->version, sizeof i->version, "%s", version);
}

/* ---- events of a stream ---------------------------------------------------------------------- */

static int is_end_of_list(json_object *meta)
{
    json_object *notes = NULL;
    return json_object_object_get_ex(meta, "annotations", &notes) &&
           !strcmp(kube_text(notes, "k8s.io/initial-events-end"), "true");
}

/* {"type": "ERROR", "object": {Status}} ends a stream. */
static int on_error(kube_informer *i, json_object *status)
{
    json_object *code = NULL;
    int number = json_object_object_get_ex(status, "code", &code) ? json_object_get_int(code) : 0;
    const char *reason = kube_text(status, "reason");
    i->expired |= number == 410 || !strcmp(reason, "Expired") || !strcmp(reason, "Gone");
    return i->expired ? DF_EREWIND : DF_EIO;
}

/* The object of that name may be a newer one, which we made ourselves: that one stays. */
static void deleted(kube_informer *i, json_object *meta)
{
    char key[600];
    const kube_object *at;
    if (key_of(meta, key, sizeof key) != DF_OK)
        return;
    at = kube_objects_get(&i->objects, key);
    if (at && !strcmp(at->uid, kube_text(meta, "uid")))
        gone(i, key);
}

static int on_event(kube_informer *i, json_object *event)
{
    const char *type = kube_text(event, "type");
    json_object *object = NULL, *meta = NULL;
    if (!json_object_object_get_ex(event, "object", &object))
        return DF_EDATA;
    if (!strcmp(type, "ERROR"))
        return on_error(i, object);
    if (!json_object_object_get_ex(object, "metadata", &meta))
        return DF_EDATA;
    i->events_here++;
    i->stats.events++;
    i->stats.heard_us = kube_client_loop(i->client)->now();
    if (i->step == WATCH)
        i->forgets = 0;
    if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED")) {
        int rc = seen(i, object, 0);
        if (rc != DF_OK)
            return rc;
    } else if (!strcmp(type, "DELETED")) {
        deleted(i, meta);
    } else if (strcmp(type, "BOOKMARK") != 0) {
        return DF_OK; /* a kind of event of a later version */
    }
    /* In a streamed list versions come in no order; its end has the one to go on from. */
    if (i->step == WATCH || is_end_of_list(meta))
        set_version(i, meta);
    if (i->step == STREAM && is_end_of_list(meta)) {
        i->step = WATCH;
        sweep(i);
    }
    return DF_OK;
}

static int on_line(kube_informer *i, const char *text, size_t len)
{
    json_tokener *tokener;
    json_object *event;
    int rc;
    if (!len)
        return DF_OK;
    tokener = json_tokener_new_ex(64);
    event = tokener ? json_tokener_parse_ex(tokener, text, (int)len) : NULL;
    rc = json_object_is_type(event, json_type_object) ? on_event(i, event) : DF_EDATA;
    json_object_put(event);
    if (tokener)
        json_tokener_free(tokener);
    return rc;
}

/* An event is a line; a part of the stream may end inside one. */
static int on_stream(void *user, int status, df_bytes part)
{
    kube_informer *i = user;
    const char *at = part.data, *end = at + part.len;
    int rc = DF_OK;
    (void)status;
    while (at < end && rc == DF_OK) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop || i->line.len)
            df__buf_add(&i->line, at, (size_t)((stop ? stop : end) - at));
        if (i->line.failed)
            return DF_ENOMEM;
        if (!stop)
            break;
        if (i->line.len)
            rc = on_line(i, i->line.data, i->line.len);
        else
            rc = on_line(i, at, (size_t)(stop - at));
        df__buf_clear(&i->line);
        at = stop + 1;
    }
    return rc;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static int on_page(kube_informer *i, df_bytes body)
{
    json_tokener *tokener = json_tokener_new_ex(64);
    json_object *page = tokener ? json_tokener_parse_ex(tokener, body.data, (int)body.len) : NULL;
    json_object *items = NULL, *meta = NULL;
    int rc = DF_EDATA;
    if (json_object_object_get_ex(page, "metadata", &meta)) {
        rc = DF_OK;
        json_object_object_get_ex(page, "items", &items); /* null: none */
        for (size_t n = 0; rc == DF_OK && items && n < json_object_array_length(items); n++)
            rc = seen(i, json_object_array_get_idx(items, n), 0);
        free(i->more);
        i->more = *kube_text(meta, "continue") ? strdup(kube_text(meta, "continue")) : NULL;
    }
    if (rc == DF_OK && !i->more) {
        set_version(i, meta);
        i->step = WATCH;
        sweep(i);
    }
    json_object_put(page);
    if (tokener)
        json_tokener_free(tokener);
    return rc;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void relist(kube_informer *i)
{
    i->step = i->no_stream ? LIST : STREAM;
    i->generation++;
    i->version[0] = '\0';
    free(i->more);
    i->more = NULL;
}

static void back_off(kube_informer *i, int64_t wish_us, const char *text)
{
    i->stats.failures++;
    if (i->what.trouble && text)
        i->what.trouble(i->what.user, text);
    if (kube_client_loop(i->client)->now() - i->begun_us > HEALTHY_US)
        i->backoff_us = 0;
    i->backoff_us = i->backoff_us ? i->backoff_us * 2 : BACKOFF_FIRST_US;
    if (i->backoff_us > BACKOFF_LAST_US)
        i->backoff_us = BACKOFF_LAST_US;
    next(i, wish_us > 0 ? wish_us : (int64_t)(erand48(i->seed) * (double)i->backoff_us));
}

/* A stream that cannot be offered is refused as invalid: the feature is off, or older. */
static int is_no_stream(const kube_informer *i, const kube_reply *reply)
{
    return i->step == STREAM &&
           (reply->status == 400 || reply->status == 422 || reply->status == 405);
}

/* A list or a stream that could not be read to its end. */
static void failed(kube_informer *i, int rc, const kube_reply *reply)
{
    if (i->step != WATCH)
        relist(i);
    back_off(i, reply->retry_after_us,
             rc == reply->rc ? reply->text : "the server sent what is no list of objects");
}

static void forgotten(kube_informer *i)
{
    relist(i);
    /* A server that has just said it and says it again is no reason to hurry. */
    if (i->forgets++ > 1)
        back_off(i, 0, "the server forgets versions faster than they are read");
    else
        next(i, 0);
}

/* A stream that ended as streams end. */
static void ended(kube_informer *i, int64_t lived_us)
{
    if (i->step == STREAM) {
        relist(i);
        back_off(i, 0, "the streamed list ended before it was whole");
    } else if (!i->events_here && lived_us < 1000000) {
        back_off(i, 0, "a watch ended at once");
    } else {
        i->backoff_us = lived_us > HEALTHY_US ? 0 : i->backoff_us;
        i->stats.heard_us = kube_client_loop(i->client)->now();
        next(i, 0);
    }
}

static void on_done(void *user, const kube_reply *reply)
{
    kube_informer *i = user;
    int rc = reply->rc, was_list = i->step == LIST;
    i->request = NULL;
    df__buf_clear(&i->line);
    if (rc == DF_OK && was_list)
        rc = on_page(i, reply->body);
    if (is_no_stream(i, reply)) {
        i->no_stream = 1;
        relist(i);
        next(i, 0);
    } else if (rc == DF_EREWIND || i->expired) {
        forgotten(i);
    } else if (rc != DF_OK) {
        failed(i, rc, reply);
    } else if (was_list) {
        next(i, 0);
    } else {
        ended(i, kube_client_loop(i->client)->now() - i->begun_us);
    }
}

static int add_query(const kube_informer *i, df__buf *url, int seconds)
{
    df__buf_str(url, i->path);
    df__buf_char(url, '?');
    if (i->selector)
        df__buf_printf(url, "%s&", i->selector);
    if (i->step == LIST) {
        df__buf_printf(url, "limit=%d", PAGE);
        if (i->more) {
            df__buf_str(url, "&continue=");
            df__percent_add(url, i->more);
        }
    } else {
        df__buf_printf(url, "watch=1&allowWatchBookmarks=true&timeoutSeconds=%d", seconds);
        if (i->step == STREAM)
            df__buf_str(url, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
        if (i->version[0]) {
            df__buf_str(url, "&resourceVersion=");
            df__percent_add(url, i->version);
        }
    }
    return df__buf_cstr(url) ? DF_OK : DF_ENOMEM;
}

static void run(kube_timer *t)
{
    kube_informer *i = t->user;
    int seconds = WATCH_S + (int)(erand48(i->seed) * WATCH_S);
    kube_call call = {.done = on_done, .user = i, .idle_us = -1};
    df__buf url;
    df__buf_init(&url, &df__heap_libc);
    i->events_here = i->expired = 0;
    i->begun_us = kube_client_loop(i->client)->now();
    if (i->step != LIST) {
        call.receive = on_stream;
        call.total_us = (int64_t)(seconds + 10) * 1000000;
    }
    if (i->step == WATCH)
        i->stats.watches++;
    else if (!i->more)
        i->stats.lists++;
    if (add_query(i, &url, seconds) == DF_OK) {
        call.path = url.data;
        i->request = kube_client_start(i->client, &call);
    }
    if (!i->request)
        back_off(i, 0, "no memory");
    df__buf_free(&url);
}

/* ---- life ------------------------------------------------------------------------------------ */

kube_informer *kube_informer_new(kube_client *c, const kube_watched *what)
{
    kube_informer *i = calloc(1, sizeof *i);
    int64_t now = kube_client_loop(c)->now();
    if (!i)
        return NULL;
    i->client = c;
    i->what = *what;
    i->path = strdup(what->path);
    i->selector = what->selector ? strdup(what->selector) : NULL;
    i->timer = (kube_timer){.fire = run, .user = i};
    df__buf_init(&i->line, &df__heap_libc);
    i->line.limit = MAX_EVENT;
    memcpy(i->seed, &now, sizeof i->seed);
    if (!i->path || (what->selector && !i->selector)) {
        kube_informer_free(i);
        return NULL;
    }
    relist(i);
    next(i, 0);
    return i;
}

void kube_informer_free(kube_informer *i)
{
    if (!i)
        return;
    kube_client_cancel(i->request);
    kube_timer_clear(&i->timer);
    kube_objects_free(&i->objects);
    df__buf_free(&i->line);
    free(i->more);
    free(i->path);
    free(i->selector);
    free(i);
}

const kube_objects *kube_informer_objects(const kube_informer *i)
{
    return &i->objects;
}

kube_informer_stats kube_informer_stats_of(const kube_informer *i)
{
    return i->stats;
}
