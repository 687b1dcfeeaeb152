/* SPDX-License-Identifier: Apache-2.0
 * refusals.c: see refusals.h. */
#include "dfoperator/work/refusals.h"

#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/keys.h"
#include "dfoperator/object/tree.h"
#include "util/codec.h"

enum { EVERY_US = 30000000, WORDS = 400 };

typedef struct asked asked;
struct asked {
    asked *next;
    op_refusals *of;
    kube_request *request;
    int64_t at_us;                            /* when it was asked last */
    char key[OP_KEY], job[254], words[WORDS]; /* words: "": not known */
};

struct op_refusals {
    kube_client *client;
    void (*changed)(void *user, const char *key);
    void *user;
    asked *first;
};

static asked **place_of(op_refusals *r, const char *key)
{
    asked **at = &r->first;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static void forget(asked **at)
{
    asked *a = *at;
    *at = a->next;
    kube_client_cancel(a->request);
    free(a);
}

/* The newest event; "Error creating: " before the server's words says nothing more. */
static const char *newest(json_object *list)
{
    static const char prefix[] = "Error creating: ";
    json_object *items = op_get(list, "items");
    size_t count = op_count(items);
    const char *words = "", *when = "";
    for (size_t i = 0; i < count; i++) {
        json_object *event = json_object_array_get_idx(items, i);
        if (strcmp(op_text(event, "lastTimestamp"), when) >= 0) {
            when = op_text(event, "lastTimestamp");
            words = op_text(event, "message");
        }
    }
    return strncmp(words, prefix, sizeof prefix - 1) ? words : words + sizeof prefix - 1;
}

static void on_events(void *user, const kube_reply *reply)
{
    asked *a = user;
    op_refusals *r = a->of;
    json_object *list = reply->rc == DF_OK ? json_tokener_parse(reply->body.data) : NULL;
    char words[WORDS], key[OP_KEY];
    a->request = NULL;
    df__text_printf(words, sizeof words, "%s", newest(list));
    json_object_put(list);
    if (!words[0] || !strcmp(words, a->words))
        return;
    memcpy(a->words, words, sizeof words);
    memcpy(key, a->key, sizeof key);
    r->changed(r->user, key);
}

static void ask(asked *a, const char *space)
{
    kube_call call = {.done = on_events, .user = a};
    df__buf path;
    df__buf_init(&path, &df__heap_libc);
    df__buf_str(&path, "/api/v1/namespaces/");
    df__percent_add(&path, space);
    df__buf_str(&path, "/events?limit=100&fieldSelector=involvedObject.kind%3DJob%2Creason%3D"
                       "FailedCreate%2CinvolvedObject.name%3D");
    df__percent_add(&path, a->job);
    call.path = df__buf_cstr(&path);
    a->request = call.path ? kube_client_start(a->of->client, &call) : NULL;
    df__buf_free(&path);
}

void op_refusals_want(op_refusals *r, const char *key, const char *space, const op_plan *plan)
{
    asked **at = r ? place_of(r, key) : NULL, *a = at ? *at : NULL;
    const char *job = plan ? plan->silent_job : NULL;
    int64_t now;
    if (a && (!job || strcmp(a->job, job) != 0)) {
        forget(at);
        a = NULL;
    }
    if (!r || !job)
        return;
    now = kube_client_loop(r->client)->now();
    if (!a && (a = calloc(1, sizeof *a))) {
        *a = (asked){.next = r->first, .of = r, .at_us = now - EVERY_US};
        df__text_set(a->key, sizeof a->key, key, strlen(key));
        df__text_set(a->job, sizeof a->job, job, strlen(job));
        r->first = a;
    }
    if (!a || a->request || now - a->at_us < EVERY_US)
        return;
    a->at_us = now;
    ask(a, space);
}

void op_refusals_show(const op_refusals *r, const char *key, op_view *view)
{
    for (const asked *a = r ? r->first : NULL; a; a = a->next) {
        if (strcmp(a->key, key) != 0 || !a->words[0])
            continue;
        view->silent_job = a->job;
        view->refusal = a->words;
    }
}

op_refusals *op_refusals_new(kube_client *client, void (*changed)(void *user, const char *key),
                             void *user)
{
    op_refusals *r = calloc(1, sizeof *r);
    if (r)
        *r = (op_refusals){.client = client, .changed = changed, .user = user};
    return r;
}

void op_refusals_free(op_refusals *r)
{
    while (r && r->first)
        forget(&r->first);
    free(r);
}
