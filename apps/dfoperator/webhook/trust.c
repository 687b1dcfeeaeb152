/* SPDX-License-Identifier: Apache-2.0
 * trust.c: see trust.h. One request at a time: the Secret is read; when a new pair is due, the
 * configuration is changed first and the Secret after it. */
#include "dfoperator/webhook/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/webhook/issue.h"
#include "dfoperator/object/tree.h"
#include "kube/apply.h"
#include "util/codec.h"

enum { RETRY_US = 10000000 };

struct op_trust {
    op_trust_config config;
    kube_request *request;
    kube_timer timer;
    op_issued kept, next; /* of the Secret; not stored yet (ca empty: there is none) */
    df__buf bundle;       /* authorities that API servers are to trust, base64 */
    char version[64];     /* of the Secret; "": there is none */
};

static void look(kube_timer *timer);

static void again(op_trust *t, int64_t in_us)
{
    kube_timer_set(kube_client_loop(t->config.client), &t->timer, in_us);
}

/* The next attempt begins with the Secret again. A conflict is another copy's work. */
static void failed(op_trust *t, const kube_reply *reply)
{
    if (reply->rc != DF_EFENCED)
        t->config.told(t->config.user, DF_LOG_WARN, reply->text);
    again(t, RETRY_US);
}

static void tell(op_trust *t, int level, const char *text)
{
    t->config.told(t->config.user, level, text);
}

static df_bytes bytes(const df__buf *b)
{
    return (df_bytes){b->data ? b->data : "", b->len};
}

static kube_target secret_of(const op_trust *t, int named)
{
    return (kube_target){.api = "/api/v1",
                         .plural = "secrets",
                         .space = t->config.space,
                         .name = named ? t->config.secret : NULL};
}

static kube_target configuration_of(const op_trust *t)
{
    return (kube_target){.api = "/apis/admissionregistration.k8s.io/v1",
                         .plural = "validatingwebhookconfigurations",
                         .name = t->config.configuration};
}

/* A new start: nothing is left of the last attempt. */
static void reset(op_issued *i)
{
    op_issued_free(i);
    df__buf_init(&i->ca, &df__heap_libc);
    df__buf_init(&i->cert, &df__heap_libc);
    df__buf_init(&i->key, &df__heap_libc);
}

/* ---- the Secret ------------------------------------------------------------------------------ */

static void read_member(json_object *secret, const char *name, df__buf *to)
{
    json_object *data = op_get(secret, "data");
    json_object *value =
        json_object_is_type(data, json_type_object) ? json_object_object_get(data, name) : NULL;
    if (json_object_is_type(value, json_type_string) &&
        df__base64_read(to, json_object_get_string(value),
                        (size_t)json_object_get_string_len(value)) < 0)
        df__buf_clear(to);
}

static json_object *encoded(const df__buf *text)
{
    df__buf out;
    json_object *value;
    df__buf_init(&out, &df__heap_libc);
    df__base64_add(&out, text->data, text->len);
    value = out.failed ? NULL : json_object_new_string_len(out.data, (int)out.len);
    df__buf_wipe(&out);
    return value;
}

static json_object *secret_object(const op_trust *t)
{
    json_object *cert = encoded(&t->next.cert), *key = encoded(&t->next.key);
    json_object *ca = encoded(&t->next.ca);
    json_object *data = json_object_new_object(), *secret = NULL;
    if (cert && key && ca && data) {
        json_object_object_add(data, "tls.crt", json_object_get(cert));
        json_object_object_add(data, "tls.key", json_object_get(key));
        json_object_object_add(data, "ca.crt", json_object_get(ca));
        secret = op_json("{'apiVersion': 'v1', 'kind': 'Secret', 'type': 'kubernetes.io/tls', "
                         "'metadata': {'name': %s, 'namespace': %s}}",
                         t->config.secret, t->config.space);
        if (secret)
            op_put(secret, "data", json_object_get(data));
        if (secret && *t->version)
            op_put(secret, "metadata.resourceVersion", json_object_new_string(t->version));
    }
    json_object_put(cert);
    json_object_put(key);
    json_object_put(ca);
    json_object_put(data);
    return secret;
}

static void use(op_trust *t, const op_issued *pair)
{
    char err[300], text[400];
    if (op_tls_replace(t->config.tls, bytes(&pair->cert), bytes(&pair->key), err, sizeof err) == 0)
        return;
    snprintf(text, sizeof text, "Secret %s: %s", t->config.secret, err);
    tell(t, DF_LOG_ERROR, text);
}

static void on_stored(void *user, const kube_reply *reply)
{
    op_trust *t = user;
    t->request = NULL;
    if (reply->rc != DF_OK) {
        failed(t, reply->rc == DF_EEXISTS ? &(kube_reply){.rc = DF_EFENCED} : reply);
        return;
    }
    use(t, &t->next);
    tell(t, DF_LOG_INFO, "a new certificate of the webhook is in its Secret");
    again(t, t->config.every_us);
}

static void store(op_trust *t)
{
    json_object *secret = secret_object(t);
    kube_target target = secret_of(t, *t->version != 0);
    kube_then then = {.done = on_stored, .user = t};
    if (secret)
        t->request = *t->version ? kube_update(t->config.client, &target, secret, then)
                                 : kube_create(t->config.client, &target, secret, then);
    json_object_put(secret);
    if (!t->request)
        again(t, RETRY_US);
}

/* ---- the configuration ----------------------------------------------------------------------- */

static void on_trusted(void *user, const kube_reply *reply)
{
    op_trust *t = user;
    t->request = NULL;
    if (reply->rc != DF_OK)
        failed(t, reply);
    else if (t->next.cert.len)
        store(t);
    else
        again(t, t->config.every_us);
}

/* Puts the bundle into each webhook. 1: something changed. */
static int put_bundle(const op_trust *t, json_object *webhooks)
{
    int changed = 0;
    size_t count = op_count(webhooks);
    for (size_t i = 0; i < count; i++) {
        json_object *one = json_object_array_get_idx(webhooks, i);
        if (!strcmp(op_text(one, "clientConfig.caBundle"), t->bundle.data))
            continue;
        op_put(one, "clientConfig.caBundle", json_object_new_string(t->bundle.data));
        changed = 1;
    }
    return changed;
}

static void on_configuration(void *user, const kube_reply *reply)
{
    op_trust *t = user;
    kube_target target = configuration_of(t);
    json_object *object, *patch;
    t->request = NULL;
    if (reply->rc != DF_OK) {
        failed(t, reply);
        return;
    }
    object = json_tokener_parse(reply->body.data);
    if (!put_bundle(t, op_get(object, "webhooks"))) {
        json_object_put(object);
        on_trusted(t, &(kube_reply){.rc = DF_OK});
        return;
    }
    /* A list is patched as a whole: the version keeps others' changes from being undone. */
    patch = op_json("{'metadata': {'resourceVersion': %s}, 'webhooks': %o}",
                    op_text(object, "metadata.resourceVersion"), op_get(object, "webhooks"));
    if (patch)
        t->request = kube_merge(t->config.client, &target, patch,
                                (kube_then){.done = on_trusted, .user = t});
    json_object_put(patch);
    json_object_put(object);
    if (!t->request)
        again(t, RETRY_US);
}

/* Who leads makes API servers trust the authority of the pair that is shown, and of the next. */
static void trust(op_trust *t)
{
    kube_target target = configuration_of(t);
    df__buf all;
    df__buf_init(&all, &df__heap_libc);
    df__buf_add(&all, t->next.ca.data, t->next.ca.len);
    df__buf_add(&all, t->kept.ca.data, t->kept.ca.len);
    df__buf_clear(&t->bundle);
    df__base64_add(&t->bundle, all.data, all.len);
    if (df__buf_cstr(&t->bundle) && !all.failed)
        t->request =
            kube_get(t->config.client, &target, (kube_then){.done = on_configuration, .user = t});
    df__buf_free(&all);
    if (!t->request)
        again(t, RETRY_US);
}

static void on_secret(void *user, const kube_reply *reply)
{
    op_trust *t = user;
    json_object *secret = reply->rc == DF_OK ? json_tokener_parse(reply->body.data) : NULL;
    int64_t now_s = t->config.now_s(t->config.user);
    int due;
    t->request = NULL;
    reset(&t->kept);
    reset(&t->next);
    if (reply->rc != DF_OK && reply->rc != DF_ENOTFOUND) {
        failed(t, reply);
        return;
    }
    read_member(secret, "tls.crt", &t->kept.cert);
    read_member(secret, "tls.key", &t->kept.key);
    read_member(secret, "ca.crt", &t->kept.ca);
    snprintf(t->version, sizeof t->version, "%s", op_text(secret, "metadata.resourceVersion"));
    json_object_put(secret);
    if (t->kept.cert.len)
        use(t, &t->kept);
    due = op_issue_is_due(bytes(&t->kept.cert), now_s, t->config.names);
    if (!t->config.leads(t->config.user)) {
        again(t, due ? RETRY_US : t->config.every_us);
    } else if (due && op_issue(now_s, t->config.names, &t->next) < 0) {
        tell(t, DF_LOG_ERROR, "no certificate could be made for the webhook");
        again(t, RETRY_US);
    } else {
        trust(t);
    }
}

static void look(kube_timer *timer)
{
    op_trust *t = timer->user;
    kube_target target = secret_of(t, 1);
    t->request = kube_get(t->config.client, &target, (kube_then){.done = on_secret, .user = t});
    if (!t->request)
        again(t, RETRY_US);
}

/* ---- life ------------------------------------------------------------------------------------ */

op_trust *op_trust_new(const op_trust_config *config)
{
    op_trust *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->config = *config;
    t->config.every_us = config->every_us ? config->every_us : 60000000;
    reset(&t->kept);
    reset(&t->next);
    df__buf_init(&t->bundle, &df__heap_libc);
    t->timer = (kube_timer){.fire = look, .user = t};
    again(t, 0);
    return t;
}

void op_trust_free(op_trust *t)
{
    if (!t)
        return;
    kube_client_cancel(t->request);
    kube_timer_clear(&t->timer);
    op_issued_free(&t->kept);
    op_issued_free(&t->next);
    df__buf_free(&t->bundle);
    free(t);
}
