/* SPDX-License-Identifier: Apache-2.0
 * kube_try: the Kubernetes client against a real API server: each write and what the server makes
 * of it, a second author, a version that is past, leases and events. Prints "ok" or "FAILED" lines.
 *     kube_try KUBECONFIG NAMESPACE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/apply.h"
#include "kube/events.h"
#include "kube/lease.h"

static kube_client *client;
static kube_reply reply;
static json_object *object;
static int done, failed;

static void check(const char *name, int good)
{
    printf("%-7s %s%s%s\n", good ? "ok" : "FAILED", name, good ? "" : ": ", good ? "" : reply.text);
    failed |= !good;
}

static void on_done(void *user, const kube_reply *r)
{
    (void)user;
    reply = *r;
    json_object_put(object);
    object = r->rc == DF_OK && r->body.len ? json_tokener_parse(r->body.data) : NULL;
    reply.body = (df_bytes){NULL, 0};
    done = 1;
}

static kube_then then(void)
{
    return (kube_then){.done = on_done};
}

/* What became of it. */
static int became(kube_request *r)
{
    done = 0;
    while (r && !done)
        kube_loop_step(kube_client_loop(client), -1);
    return r ? reply.rc : DF_ENOMEM;
}

static const char *at(const char *path)
{
    static char text[2000];
    json_object *value = NULL;
    text[0] = '\0';
    if (object && !json_pointer_get(object, path, &value) && value)
        snprintf(text, sizeof text, "%s", json_object_get_string(value));
    return text;
}

static int apply(const kube_target *t, const char *text, int force)
{
    json_object *wanted = json_tokener_parse(text);
    int rc = became(kube_apply(client, t, wanted, force, then()));
    json_object_put(wanted);
    return rc;
}

#define MAP "\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"try\"}"

static void try_apply(const kube_target *t)
{
    char version[64];
    json_object *other;
    check("apply makes an object",
          apply(t, "{" MAP ",\"data\":{\"a\":\"1\",\"b\":\"2\"}}", 0) == 0);
    snprintf(version, sizeof version, "%s", at("/metadata/resourceVersion"));
    check("  the same again changes nothing",
          !apply(t, "{" MAP ",\"data\":{\"a\":\"1\",\"b\":\"2\"}}", 0) &&
              !strcmp(at("/metadata/resourceVersion"), version));
    check("  a field that is not named any more goes",
          !apply(t, "{" MAP ",\"data\":{\"a\":\"1\"}}", 0) && !*at("/data/b"));
    check("  characters that YAML does not take as they are",
          !apply(t, "{" MAP ",\"data\":{\"a\":\"/\x7f\xc2\x80\xef\xbb\xbf\xf0\x9f\x98\x80\\n\"}}",
                 0) &&
              !strcmp(at("/data/a"), "/\x7f\xc2\x80\xef\xbb\xbf\xf0\x9f\x98\x80\n"));
    other = json_tokener_parse("{\"data\":{\"c\":\"theirs\"}}");
    check("merge patch", became(kube_merge(client, t, other, then())) == DF_OK);
    json_object_put(other);
}

/* Another field manager has written data.a before (the script did). */
static void try_authors(const kube_target *t)
{
    check("a field of another author is a conflict",
          apply(t, "{" MAP ",\"data\":{\"x\":\"mine\"}}", 0) == DF_EFENCED);
    check("  and ours by force", apply(t, "{" MAP ",\"data\":{\"x\":\"mine\"}}", 1) == DF_OK &&
                                     !strcmp(at("/data/x"), "mine"));
}

static void try_create(const kube_target *t)
{
    json_object *wanted = json_tokener_parse("{\"metadata\":{\"name\":\"try\"}}");
    check("create of what is there", became(kube_create(client, t, wanted, then())) == DF_EEXISTS);
    json_object_put(wanted);
    wanted = json_tokener_parse("{\"metadata\":{\"name\":\"Not A Name\"}}");
    check("  of a name that is refused",
          became(kube_create(client, t, wanted, then())) == DF_EINVAL);
    json_object_put(wanted);
}

static void try_update(const kube_target *t)
{
    json_object *old, *data = NULL;
    became(kube_get(client, t, then()));
    old = json_object_get(object);
    json_object_object_get_ex(old, "data", &data);
    json_object_object_add(data, "u", json_object_new_string("1"));
    check("update", became(kube_update(client, t, old, then())) == DF_OK);
    json_object_object_add(data, "u", json_object_new_string("2"));
    check("  at a version that is past",
          became(kube_update(client, t, old, then())) == DF_EFENCED && reply.status == 409);
    json_object_put(old);
}

static void try_delete(const kube_target *t)
{
    kube_deletion how = {.uid = "00000000-0000-0000-0000-000000000001"};
    char uid[64];
    check("delete of another uid", became(kube_delete(client, t, &how, then())) == DF_EFENCED);
    became(kube_get(client, t, then()));
    snprintf(uid, sizeof uid, "%s", at("/metadata/uid"));
    how.uid = uid;
    check("delete", became(kube_delete(client, t, &how, then())) == DF_OK);
    check("  it is gone", became(kube_get(client, t, then())) == DF_ENOTFOUND);
    check("  again", became(kube_delete(client, t, &how, then())) == DF_ENOTFOUND);
}

static void try_status(const char *space)
{
    const kube_target t = {"/apis/apps/v1", "deployments", space, "try", "status"};
    json_object *patch = json_tokener_parse("{\"status\":{\"observedGeneration\":7}}");
    int rc = became(kube_merge(client, &t, patch, then()));
    check("status", rc == DF_OK && !strcmp(at("/status/observedGeneration"), "7"));
    json_object_put(patch);
}

/* ---- events and leases ----------------------------------------------------------------------- */

static void try_events(const char *space)
{
    const kube_target all = {"/apis/events.k8s.io/v1", "events", space, NULL, NULL};
    kube_event event = {"v1", "ConfigMap", space, "try", "some-uid", 0, "Tried", "Try", NULL};
    kube_events *events = kube_events_new(client, "dataflow.io/try", "here");
    char note[3000];
    memset(note, 'x', sizeof note - 1);
    note[sizeof note - 1] = '\0';
    event.note = note;
    for (int i = 0; i < 3; i++) {
        kube_events_tell(events, &event);
        while (kube_events_stats_of(events).waiting)
            kube_loop_step(kube_client_loop(client), 100);
    }
    check("events are taken",
          kube_events_stats_of(events).written == 3 && !kube_events_stats_of(events).dropped);
    became(kube_get(client, &all, then()));
    check("  as one that is counted",
          !strcmp(at("/items/0/series/count"), "3") && !*at("/items/1"));
    kube_events_free(events);
}

static int started, released;

static void on_started(void *user)
{
    (void)user;
    started++;
}

static void on_released(void *user)
{
    (void)user;
    released++;
}

static void until(const int *flag)
{
    while (!*flag)
        kube_loop_step(kube_client_loop(client), -1);
}

static void try_lease(const char *space)
{
    const kube_target t = {"/apis/coordination.k8s.io/v1", "leases", space, "try", NULL};
    kube_lease_config config = {
        .space = space, .name = "try", .identity = "one", .started = on_started};
    kube_lease *one = kube_lease_new(client, &config), *two;
    until(&started);
    check("a lease is taken", kube_lease_held(one));
    config.identity = "two";
    started = 0;
    two = kube_lease_new(client, &config);
    for (int i = 0; i < 30; i++)
        kube_loop_step(kube_client_loop(client), 100);
    check("  by one", kube_lease_held(one) && !kube_lease_held(two));
    kube_lease_release(one, on_released);
    until(&released);
    until(&started);
    became(kube_get(client, &t, then()));
    check("  given back, and taken by the other", kube_lease_held(two) && !kube_lease_held(one) &&
                                                      !strcmp(at("/spec/holderIdentity"), "two"));
    kube_lease_free(one);
    kube_lease_free(two);
}

int main(int argc, char **argv)
{
    kube_target t = {"/api/v1", "configmaps", argc > 2 ? argv[2] : "", "try", NULL};
    kube_access access;
    char err[KUBE_TEXT] = "usage: kube_try KUBECONFIG NAMESPACE";
    if (argc != 3 || kube_access_from_files(argv[1], NULL, &access, err) != DF_OK ||
        kube_client_new(&access, "kube_try", &client, err) != DF_OK) {
        fprintf(stderr, "kube_try: %s\n", err);
        return 2;
    }
    try_authors(&t);
    try_apply(&t);
    try_create(&t);
    try_update(&t);
    try_delete(&t);
    try_status(argv[2]);
    try_events(argv[2]);
    try_lease(argv[2]);
    json_object_put(object);
    kube_client_free(client);
    return failed;
}
