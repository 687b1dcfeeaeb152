/* SPDX-License-Identifier: Apache-2.0
 * lease.c: see lease.h. One request at a time: read, make, or write. What is read is written back
 * with four members changed, so that nothing of other authors is lost. */
#include "kube/lease.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/moment.h"
#include "util/clock.h"

enum {
    DURATION_US = 15000000,
    DEADLINE_US = 10000000,
    RETRY_US = 2000000,
    RELEASE_US = 3000000, /* for each of the two requests */
    MAX_DURATION_S = 86400
};

struct kube_lease {
    kube_client *client;
    kube_lease_config config;
    char *space, *name, *identity;
    kube_request *request;
    kube_timer next;     /* the next attempt */
    kube_timer deadline; /* when it is lost unless it was renewed */
    json_object *object; /* as it was read or written last; NULL: read it first */
    kube_lease_record seen;
    int64_t seen_us;          /* when that was first seen */
    int64_t begun_us;         /* when the write that runs was begun */
    _Atomic int64_t until_us; /* it is held so long; 0: it is not */
    int64_t wall_us;          /* that was written last */
    int holds, releasing, taking;
    void (*released)(void *user);
    char said[KUBE_TEXT];
    unsigned short seed[3];
};

static void set_next(kube_lease *l, int64_t in_us)
{
    kube_timer_set(kube_client_loop(l->client), &l->next, in_us);
}

static int64_t now_us(const kube_lease *l)
{
    return kube_client_loop(l->client)->now();
}

int kube_lease_held(const kube_lease *l)
{
    return now_us(l) < atomic_load(&l->until_us);
}

static void say(kube_lease *l, const char *text)
{
    if (!strcmp(l->said, text))
        return;
    df__text_set(l->said, sizeof l->said, text, strlen(text));
    if (l->config.waiting && !l->holds && !l->releasing)
        l->config.waiting(l->config.user, l->said);
}

/* ---- the record ---------------------------------------------------------------------------- */

static int text_into(json_object *from, const char *name, char *to, size_t cap)
{
    json_object *value = NULL;
    *to = '\0';
    if (!json_object_object_get_ex(from, name, &value) || !value)
        return DF_OK;
    if (!json_object_is_type(value, json_type_string) ||
        (size_t)json_object_get_string_len(value) >= cap ||
        strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
        return DF_EDATA;
    snprintf(to, cap, "%s", json_object_get_string(value));
    return DF_OK;
}

static int number_into(json_object *from, const char *name, int64_t max, int64_t *to)
{
    json_object *value = NULL;
    *to = 0;
    if (!json_object_object_get_ex(from, name, &value) || !value)
        return DF_OK;
    *to = json_object_get_int64(value);
    return json_object_is_type(value, json_type_int) && *to >= 0 && *to <= max ? DF_OK : DF_EDATA;
}

int kube_lease_read(json_object *object, kube_lease_record *ret)
{
    json_object *meta = NULL, *spec = NULL;
    int rc = DF_EDATA;
    memset(ret, 0, sizeof *ret);
    if (json_object_object_get_ex(object, "metadata", &meta) &&
        json_object_is_type(meta, json_type_object))
        rc = text_into(meta, "resourceVersion", ret->version, sizeof ret->version);
    json_object_object_get_ex(object, "spec", &spec);
    if (rc != DF_OK || (spec && !json_object_is_type(spec, json_type_object)))
        return DF_EDATA;
    if (text_into(spec, "holderIdentity", ret->holder, sizeof ret->holder) ||
        text_into(spec, "renewTime", ret->renewed, sizeof ret->renewed) ||
        number_into(spec, "leaseDurationSeconds", MAX_DURATION_S, &ret->duration_s) ||
        number_into(spec, "leaseTransitions", INT32_MAX, &ret->transitions))
        return DF_EDATA;
    return DF_OK;
}

/* Takes a Lease over, and notes when it looks other than before. */
static int see(kube_lease *l, df_bytes body)
{
    json_object *object = body.len ? json_tokener_parse(body.data) : NULL;
    kube_lease_record now;
    if (!object || kube_lease_read(object, &now) != DF_OK) {
        json_object_put(object);
        return DF_EDATA;
    }
    if (!l->seen_us || strcmp(now.version, l->seen.version) != 0)
        l->seen_us = now_us(l);
    l->seen = now;
    json_object_put(l->object);
    l->object = object;
    return DF_OK;
}

static void forget(kube_lease *l)
{
    json_object_put(l->object);
    l->object = NULL;
}

static int is_ours(const kube_lease *l)
{
    return !strcmp(l->seen.holder, l->identity);
}

/* How long until its holder has been silent for as long as it promised; ≤ 0: it may be taken. */
static int64_t left_us(const kube_lease *l)
{
    int64_t promised = l->seen.duration_s * 1000000;
    if (!*l->seen.holder || is_ours(l))
        return 0;
    return l->seen_us + (promised ? promised : l->config.duration_us) - now_us(l);
}

/* Another moment than was written last, or the write would change nothing and others not see it. */
static void stamp(kube_lease *l, char buf[KUBE_MOMENT])
{
    int64_t now = kube_wall_us();
    l->wall_us = now == l->wall_us ? now + 1 : now;
    kube_moment_write(l->wall_us, buf);
}

/* The members of a Lease that is ours, or nobody's when it is given back. */
static int fill(kube_lease *l, json_object *spec)
{
    char moment[KUBE_MOMENT];
    int64_t seconds = l->releasing ? 1 : (l->config.duration_us + 999999) / 1000000;
    int rc = 0;
    stamp(l, moment);
    l->taking = !is_ours(l);
    rc |= json_object_object_add(spec, "holderIdentity",
                                 json_object_new_string(l->releasing ? "" : l->identity));
    rc |= json_object_object_add(spec, "leaseDurationSeconds", json_object_new_int64(seconds));
    rc |= json_object_object_add(spec, "renewTime", json_object_new_string(moment));
    if (l->taking) {
        rc |= json_object_object_add(spec, "acquireTime", json_object_new_string(moment));
        rc |= json_object_object_add(spec, "leaseTransitions",
                                     json_object_new_int64(l->seen.transitions % INT32_MAX + 1));
    }
    return rc ? DF_ENOMEM : DF_OK;
}

/* ---- what becomes of it -------------------------------------------------------------------- */

static void cancel(kube_lease *l)
{
    kube_client_cancel(l->request);
    l->request = NULL;
    kube_timer_clear(&l->next);
}

static void lose(kube_lease *l, const char *why)
{
    char text[KUBE_TEXT];
    df__text_set(text, sizeof text, why, strlen(why)); /* may be l->said */
    l->holds = 0;
    atomic_store(&l->until_us, 0);
    kube_timer_clear(&l->deadline);
    if (l->config.stopped)
        l->config.stopped(l->config.user, text);
}

static void on_deadline(kube_timer *t)
{
    kube_lease *l = t->user;
    char why[KUBE_TEXT + 100];
    cancel(l);
    forget(l);
    df__text_printf(why, sizeof why, "lease %s/%s could not be renewed for %d s%s%s", l->space,
                    l->name, (int)(l->config.deadline_us / 1000000), *l->said ? ": " : "", l->said);
    set_next(l, 0);
    lose(l, why);
}

static void won(kube_lease *l)
{
    int64_t left = l->begun_us + l->config.deadline_us - now_us(l);
    if (left <= 0) { /* the reply took too long to be worth anything */
        forget(l);
        set_next(l, 0);
        return;
    }
    atomic_store(&l->until_us, l->begun_us + l->config.deadline_us);
    kube_timer_set(kube_client_loop(l->client), &l->deadline, left);
    set_next(l, df__earlier(l->begun_us + l->config.retry_us - now_us(l), l->config.retry_us));
    l->said[0] = '\0';
    if (l->holds)
        return;
    l->holds = 1;
    if (l->config.started)
        l->config.started(l->config.user);
}

static void finish_release(kube_lease *l)
{
    void (*released)(void *) = l->released;
    l->released = NULL;
    if (released)
        released(l->config.user);
}

static void failed(kube_lease *l, const char *text)
{
    forget(l);
    if (l->releasing) {
        finish_release(l);
        return;
    }
    say(l, text);
    set_next(l, l->config.retry_us);
}

/* ---- requests ------------------------------------------------------------------------------ */

static void attempt(kube_lease *l);

static kube_target target(const kube_lease *l)
{
    return (kube_target){"/apis/coordination.k8s.io/v1", "leases", l->space, l->name, NULL};
}

static kube_then then(kube_lease *l, void (*done)(void *, const kube_reply *))
{
    return (kube_then){.done = done,
                       .user = l,
                       .total_us = l->releasing ? RELEASE_US : l->config.deadline_us / 2,
                       .unguarded = 1};
}

static void sent(kube_lease *l, kube_request *r)
{
    l->request = r;
    if (!r)
        failed(l, "no memory");
}

/* After a write: taken, or somebody was faster, or nobody knows. */
static void on_written(void *user, const kube_reply *reply)
{
    kube_lease *l = user;
    l->request = NULL;
    if (l->releasing) {
        finish_release(l);
    } else if (reply->rc == DF_OK && see(l, reply->body) == DF_OK) {
        won(l);
    } else if (reply->rc == DF_EFENCED || reply->rc == DF_EEXISTS || reply->rc == DF_ENOTFOUND) {
        forget(l);
        set_next(l, l->holds ? 0 : l->config.retry_us / 4);
    } else {
        failed(l, reply->rc == DF_OK ? "the server's reply is no Lease" : reply->text);
    }
}

static void write_back(kube_lease *l)
{
    kube_target t = target(l);
    json_object *spec = NULL;
    int rc = DF_OK;
    json_object_object_get_ex(l->object, "spec", &spec);
    if (!spec) {
        spec = json_object_new_object();
        rc = json_object_object_add(l->object, "spec", spec) ? DF_ENOMEM : DF_OK;
    }
    if (rc == DF_OK)
        rc = fill(l, spec);
    l->begun_us = now_us(l);
    sent(l, rc == DF_OK ? kube_update(l->client, &t, l->object, then(l, on_written)) : NULL);
}

static int describe(kube_lease *l, json_object *object)
{
    json_object *meta = json_object_new_object(), *spec = json_object_new_object();
    json_object *owners;
    int rc = 0;
    rc |= json_object_object_add(object, "apiVersion",
                                 json_object_new_string("coordination.k8s.io/v1"));
    rc |= json_object_object_add(object, "kind", json_object_new_string("Lease"));
    rc |= json_object_object_add(object, "metadata", meta);
    rc |= json_object_object_add(object, "spec", spec);
    rc |= json_object_object_add(meta, "name", json_object_new_string(l->name));
    rc |= json_object_object_add(meta, "namespace", json_object_new_string(l->space));
    if (l->config.owner) {
        owners = json_object_new_array();
        rc |= json_object_array_add(owners, json_object_get(l->config.owner));
        rc |= json_object_object_add(meta, "ownerReferences", owners);
    }
    return rc || !meta || !spec ? DF_ENOMEM : fill(l, spec);
}

static void make(kube_lease *l)
{
    kube_target t = target(l);
    json_object *object = json_object_new_object();
    memset(&l->seen, 0, sizeof l->seen);
    l->begun_us = now_us(l);
    sent(l, object && describe(l, object) == DF_OK
                ? kube_create(l->client, &t, object, then(l, on_written))
                : NULL);
    json_object_put(object);
}

static void wait_for_holder(kube_lease *l)
{
    char text[KUBE_TEXT];
    int64_t soon = l->config.retry_us;
    df__text_printf(text, sizeof text, "lease %s/%s is held by %s", l->space, l->name,
                    l->seen.holder);
    soon -= (int64_t)(erand48(l->seed) * (double)soon / 5); /* candidates drift apart */
    set_next(l, df__earlier(soon, left_us(l)));
    if (l->holds)
        lose(l, text);
    say(l, text);
}

static void on_read(void *user, const kube_reply *reply)
{
    kube_lease *l = user;
    l->request = NULL;
    if (reply->rc == DF_ENOTFOUND && !l->releasing)
        make(l);
    else if (reply->rc != DF_OK)
        failed(l, reply->text);
    else if (see(l, reply->body) != DF_OK)
        failed(l, "the server's reply is no Lease that can be understood");
    else
        attempt(l);
}

static void attempt(kube_lease *l)
{
    kube_target t = target(l);
    if (!l->object)
        sent(l, kube_get(l->client, &t, then(l, on_read)));
    else if (l->releasing && !is_ours(l))
        finish_release(l);
    else if (left_us(l) <= 0)
        write_back(l);
    else
        wait_for_holder(l);
}

/* A candidate looks anew; the holder knows what it wrote. */
static void on_next(kube_timer *t)
{
    kube_lease *l = t->user;
    if (!l->holds && !l->releasing)
        forget(l);
    attempt(l);
}

void kube_lease_release(kube_lease *l, void (*done)(void *user))
{
    int begun = l->holds || l->request;
    l->holds = 0;
    atomic_store(&l->until_us, 0);
    l->releasing = 1;
    l->released = done;
    cancel(l);
    kube_timer_clear(&l->deadline);
    forget(l); /* what ran may have been applied */
    if (begun)
        set_next(l, 0);
    else
        finish_release(l);
}

/* ---- life ---------------------------------------------------------------------------------- */

kube_lease *kube_lease_new(kube_client *c, const kube_lease_config *config)
{
    kube_lease *l = calloc(1, sizeof *l);
    int64_t now = kube_wall_us();
    if (!l)
        return NULL;
    l->client = c;
    l->config = *config;
    l->config.owner = json_object_get(config->owner);
    l->config.duration_us = config->duration_us > 0 ? config->duration_us : DURATION_US;
    l->config.deadline_us = config->deadline_us > 0 ? config->deadline_us : DEADLINE_US;
    l->config.retry_us = config->retry_us > 0 ? config->retry_us : RETRY_US;
    l->space = strdup(config->space);
    l->name = strdup(config->name);
    l->identity = strdup(config->identity);
    l->next = (kube_timer){.fire = on_next, .user = l};
    l->deadline = (kube_timer){.fire = on_deadline, .user = l};
    memcpy(l->seed, &now, sizeof l->seed);
    if (!l->space || !l->name || !l->identity) {
        kube_lease_free(l);
        return NULL;
    }
    set_next(l, 0);
    return l;
}

void kube_lease_free(kube_lease *l)
{
    if (!l)
        return;
    cancel(l);
    kube_timer_clear(&l->deadline);
    forget(l);
    json_object_put(l->config.owner);
    free(l->space);
    free(l->name);
    free(l->identity);
    free(l);
}
