/* SPDX-License-Identifier: Apache-2.0
 * events.c: see events.h. All remembered events are in one list, the one told last at its end; a
 * timer takes the first that waits and may be written. */
#include "kube/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/moment.h"
#include "kube/objects.h"

enum {
    PACE_US = 200000,
    BURST = 10,
    REFILL_US = 10000000,
    REMEMBERED = 1024,
    BUCKETS = 512,
    TRIES = 3,
    /* limits of the server */
    NOTE = 1024,
    WORD = 128,
    NAME = 253
};

typedef struct told {
    struct told *next, **back;
    char *key;     /* all that makes it the same event */
    char *space;   /* where it lives */
    char *name;    /* of the event; "": not written yet */
    char *object;  /* JSON of the event without its name and series */
    size_t bucket; /* of its object */
    int64_t count, written;
    int64_t last_us; /* wall clock */
    int64_t not_before_us;
    int failures;
} told;

typedef struct bucket {
    int64_t full_us; /* when it has all tokens again */
} bucket;

struct kube_events {
    kube_client *client;
    char *controller, *instance;
    told *first, **end;
    told *writing;
    kube_request *request;
    int64_t count_sent;
    int64_t last_write_us;
    kube_timer timer;
    bucket buckets[BUCKETS]; /* by hash of the object; two that share one share its tokens */
    kube_events_stats stats;
    unsigned short seed[3];
};

/* ---- tokens -------------------------------------------------------------------------------- */

/* When the bucket has a token; a token is back REFILL_US after it was taken. */
static int64_t token_at(const bucket *b)
{
    return b->full_us - (int64_t)(BURST - 1) * REFILL_US;
}

static void take_token(bucket *b, int64_t now)
{
    b->full_us = (b->full_us > now ? b->full_us : now) + REFILL_US;
}

/* ---- the list ------------------------------------------------------------------------------ */

static void append(kube_events *e, told *t)
{
    t->next = NULL;
    t->back = e->end;
    *e->end = t;
    e->end = &t->next;
}

static void take_out(kube_events *e, told *t)
{
    *t->back = t->next;
    if (t->next)
        t->next->back = t->back;
    else
        e->end = t->back;
}

static void forget(kube_events *e, told *t)
{
    take_out(e, t);
    e->stats.remembered--;
    free(t->key);
    free(t->space);
    free(t->name);
    free(t->object);
    free(t);
}

static told *find(const kube_events *e, const char *key)
{
    told *t = e->first;
    while (t && strcmp(t->key, key) != 0)
        t = t->next;
    return t;
}

/* The oldest that need not be written; if all wait, the oldest of them is lost. */
static void make_room(kube_events *e)
{
    told *t = e->first;
    if (e->stats.remembered < REMEMBERED)
        return;
    while (t && (t->count > t->written || t == e->writing))
        t = t->next;
    if (!t) {
        t = e->first == e->writing ? e->first->next : e->first;
        e->stats.dropped++;
    }
    forget(e, t);
}

/* ---- what is sent -------------------------------------------------------------------------- */

static void member(df__buf *out, const char *name, const char *text, size_t limit)
{
    char cut[NOTE + 1];
    size_t len = df__text_set(cut, limit + 1, text ? text : "", text ? strlen(text) : 0);
    df__buf_printf(out, "%s\"%s\":", out->len && out->data[out->len - 1] == '{' ? "" : ",", name);
    df__buf_json(out, cut, len);
}

/* The members that stay the same; without braces. */
static char *describe(const kube_events *e, const kube_event *event, int64_t wall_us)
{
    char moment[KUBE_MOMENT];
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    kube_moment_write(wall_us, moment);
    df__buf_printf(&out, "\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\"");
    member(&out, "eventTime", moment, sizeof moment);
    member(&out, "type", event->warning ? "Warning" : "Normal", WORD);
    member(&out, "reason", event->reason, WORD);
    member(&out, "action", event->action, WORD);
    member(&out, "note", event->note, NOTE);
    member(&out, "reportingController", e->controller, WORD);
    member(&out, "reportingInstance", e->instance, WORD);
    df__buf_str(&out, ",\"regarding\":{");
    member(&out, "apiVersion", event->api_version, NAME);
    member(&out, "kind", event->kind, NAME);
    if (event->space)
        member(&out, "namespace", event->space, NAME);
    member(&out, "name", event->name, NAME);
    member(&out, "uid", event->uid, NAME);
    df__buf_char(&out, '}');
    return (char *)(uintptr_t)df__buf_cstr(&out); /* libc's heap: freed by free */
}

/* "<object>.<hex>", so that two processes do not choose the same. */
static char *name_of(kube_events *e, const told *t)
{
    char *name = NULL;
    size_t len = strcspn(t->key, "\1");
    unsigned long long random = (unsigned long long)nrand48(e->seed) << 31;
    random |= (unsigned long long)nrand48(e->seed);
    if (len > NAME - 17)
        len = NAME - 17;
    while (len && strchr(".-", t->key[len - 1])) /* no label ends so */
        len--;
    return asprintf(&name, "%.*s.%016llx", (int)len, t->key, random) < 0 ? NULL : name;
}

static void add_series(df__buf *out, const told *t)
{
    char moment[KUBE_MOMENT];
    kube_moment_write(t->last_us, moment);
    df__buf_printf(out, "\"series\":{\"count\":%lld,\"lastObservedTime\":\"%s\"}",
                   (long long)t->count, moment);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void arm(kube_events *e);

static void give_up(kube_events *e, told *t)
{
    e->stats.dropped += (uint64_t)(t->count - t->written);
    forget(e, t);
}

static void wrote(kube_events *e, told *t)
{
    t->written = e->count_sent;
    t->failures = 0;
    e->stats.written++;
}

/* One that is gone, since the server keeps events for an hour, or that never came to be. */
static void write_anew(told *t)
{
    t->name[0] = '\0';
    t->count -= t->written;
    t->written = 0;
}

static void on_done(void *user, const kube_reply *reply)
{
    kube_events *e = user;
    told *t = e->writing;
    int64_t now = kube_client_loop(e->client)->now();
    e->request = NULL;
    e->writing = NULL;
    if (reply->rc == DF_OK) {
        wrote(e, t);
    } else if (++t->failures >= TRIES || reply->rc == DF_EINVAL || reply->rc == DF_EAUTH ||
               reply->rc == DF_EFENCED) {
        give_up(e, t);
    } else {
        if (reply->rc == DF_ENOTFOUND || (!t->written && reply->rc != DF_EUNKNOWN))
            write_anew(t);
        t->not_before_us = now + (reply->retry_after_us > 0 ? reply->retry_after_us : 1000000);
    }
    arm(e);
}

/* POST of a new one, merge patch of a series. */
static kube_request *send(kube_events *e, told *t)
{
    kube_target at = {"/apis/events.k8s.io/v1", "events", t->space, NULL, NULL};
    kube_then then = {.done = on_done, .user = e, .total_us = 10000000};
    int is_new = !*t->name;
    json_object *object;
    kube_request *r = NULL;
    df__buf text;
    if (is_new) {
        char *name = name_of(e, t);
        if (!name)
            return NULL;
        free(t->name);
        t->name = name;
    }
    df__buf_init(&text, &df__heap_libc);
    df__buf_char(&text, '{');
    if (is_new) {
        df__buf_printf(&text, "%s,\"metadata\":{", t->object);
        member(&text, "namespace", t->space, NAME);
        member(&text, "name", t->name, NAME);
        df__buf_char(&text, '}');
    }
    if (is_new && t->count > 1)
        df__buf_char(&text, ',');
    if (t->count > 1)
        add_series(&text, t);
    df__buf_char(&text, '}');
    object = df__buf_cstr(&text) ? json_tokener_parse(text.data) : NULL;
    at.name = t->name;
    if (object)
        r = is_new ? kube_create(e->client, &at, object, then)
                   : kube_merge(e->client, &at, object, then);
    json_object_put(object);
    df__buf_free(&text);
    return r;
}

/* When a waiting one may be written. */
static int64_t due(const kube_events *e, const told *t)
{
    int64_t at = token_at(&e->buckets[t->bucket]), pace = e->last_write_us + PACE_US;
    if (t->not_before_us > at)
        at = t->not_before_us;
    return at > pace ? at : pace;
}

static told *earliest(const kube_events *e)
{
    told *best = NULL;
    for (told *t = e->first; t; t = t->next)
        if (t->count > t->written && (!best || due(e, t) < due(e, best)))
            best = t;
    return best;
}

static void arm(kube_events *e)
{
    told *t = e->writing ? NULL : earliest(e);
    int64_t now = kube_client_loop(e->client)->now();
    if (!t)
        kube_timer_clear(&e->timer);
    else
        kube_timer_set(kube_client_loop(e->client), &e->timer,
                       due(e, t) > now ? due(e, t) - now : 0);
}

static void on_timer(kube_timer *timer)
{
    kube_events *e = timer->user;
    told *t = earliest(e);
    int64_t now = kube_client_loop(e->client)->now();
    if (t && due(e, t) <= now) {
        take_token(&e->buckets[t->bucket], now);
        e->last_write_us = now;
        e->count_sent = t->count;
        e->request = send(e, t);
        if (e->request)
            e->writing = t;
        else
            give_up(e, t);
    }
    arm(e);
}

/* ---- what users call ----------------------------------------------------------------------- */

/* The object's name is first: the event's own begins with it. */
static char *key_of(const kube_event *v)
{
    char *key = NULL;
    int len = asprintf(&key, "%s%c%s%c%s%c%d%c%s%c%s%c%s", v->name, 1, v->kind, 1,
                       v->uid ? v->uid : "", 1, v->warning, 1, v->reason, 1, v->action, 1, v->note);
    return len < 0 ? NULL : key;
}

static told *remember(kube_events *e, const kube_event *event, char *key)
{
    told *t = calloc(1, sizeof *t);
    if (!t || !key) {
        free(t);
        free(key);
        return NULL;
    }
    make_room(e);
    t->key = key;
    append(e, t);
    e->stats.remembered++;
    t->bucket = kube_key_hash(event->uid ? event->uid : event->name) % BUCKETS;
    t->space = strdup(event->space ? event->space : "default");
    t->name = calloc(1, 1);
    t->object = describe(e, event, kube_wall_us());
    if (t->space && t->name && t->object)
        return t;
    forget(e, t);
    return NULL;
}

int kube_events_tell(kube_events *e, const kube_event *event)
{
    char *key = key_of(event);
    told *t = key ? find(e, key) : NULL;
    if (t)
        free(key);
    else
        t = remember(e, event, key);
    if (!t)
        return DF_ENOMEM;
    t->count++;
    t->last_us = kube_wall_us();
    e->stats.told++;
    take_out(e, t);
    append(e, t);
    arm(e);
    return DF_OK;
}

kube_events_stats kube_events_stats_of(const kube_events *e)
{
    kube_events_stats stats = e->stats;
    for (const told *t = e->first; t; t = t->next)
        stats.waiting += t->count > t->written;
    return stats;
}

kube_events *kube_events_new(kube_client *c, const char *controller, const char *instance)
{
    kube_events *e = calloc(1, sizeof *e);
    int64_t now = kube_wall_us();
    if (!e)
        return NULL;
    e->client = c;
    e->end = &e->first;
    e->last_write_us = INT64_MIN / 2;
    e->timer = (kube_timer){.fire = on_timer, .user = e};
    e->controller = strdup(controller);
    e->instance = strdup(instance);
    memcpy(e->seed, &now, sizeof e->seed);
    e->seed[0] ^= (unsigned short)kube_key_hash(instance);
    if (e->controller && e->instance)
        return e;
    kube_events_free(e);
    return NULL;
}

void kube_events_free(kube_events *e)
{
    if (!e)
        return;
    kube_client_cancel(e->request);
    kube_timer_clear(&e->timer);
    while (e->first)
        forget(e, e->first);
    free(e->controller);
    free(e->instance);
    free(e);
}
